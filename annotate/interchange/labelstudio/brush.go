package labelstudio

import (
	"errors"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

var errBrush = errors.New("its brush strokes are damaged")

// bits reads numbers of any width from bytes, the highest bit first.
type bits struct {
	b  []int
	at int
}

func (s *bits) read(n int) (int, error) {
	v := 0
	for range n {
		if s.at>>3 >= len(s.b) {
			return 0, errBrush
		}
		v = v<<1 | s.b[s.at>>3]>>(7-s.at&7)&1
		s.at++
	}
	return v, nil
}

// brush traces the run lengths of Label Studio's brush: RGBA of the labelled
// picture, of which the fourth number counts (label-studio-converter, brush.py).
// sx and sy are level-0 pixels a pixel of that picture.
func brush(rle []int, w, h int, sx, sy float64) (annotate.ROI, error) {
	if w <= 0 || h <= 0 {
		return annotate.ROI{}, errBrush
	}
	m, err := exchange.NewMask(0, 0, w, h)
	if err != nil {
		return annotate.ROI{}, err
	}
	s := &bits{b: rle}
	failed := error(nil)
	read := func(n int) int {
		v, err := s.read(n)
		if err != nil {
			failed = err
		}
		return v
	}
	n, word := read(32), read(5)+1
	var sizes [4]int
	for i := range sizes {
		sizes[i] = read(4) + 1
	}
	if failed != nil || n != 4*w*h {
		return annotate.ROI{}, errBrush
	}
	set := func(i, v int) {
		if i&3 == 3 && v > 0 {
			m.Set(i/4%w, i/4/w)
		}
	}
	for i := 0; i < n; {
		run := read(1)
		end := i + 1 + read(sizes[read(2)])
		if failed != nil || end > n {
			return annotate.ROI{}, errBrush
		}
		v := 0
		if run == 1 {
			v = read(word)
		}
		for ; i < end; i++ {
			if run == 0 {
				v = read(word)
			}
			set(i, v)
		}
	}
	if failed != nil {
		return annotate.ROI{}, failed
	}
	ps := m.Trace()
	if len(ps) == 0 {
		return annotate.ROI{}, errors.New("its brush strokes are empty")
	}
	return exchange.AreaOf(ps).Map(func(p annotate.Point) annotate.Point { return annotate.Point{X: p.X * sx, Y: p.Y * sy} }), nil
}
