package coco

import (
	"errors"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// errRLE: run lengths that do not fill their picture, or overflow.
var errRLE = errors.New("the run lengths do not fit their size")

// Unpack reads the compressed text of run lengths: numbers of 5 bits a character
// from '0' on, the sixth bit for more, signed, from the third on as the difference
// to the one before the last (cocoapi maskApi.c, rleFrString).
func Unpack(s string) ([]uint64, error) {
	var out []uint64
	for i := 0; i < len(s); {
		var v int64
		more := true
		for k := 0; more; k++ {
			if i >= len(s) || k > 11 || s[i] < 48 || s[i] > 48+63 {
				return nil, errRLE
			}
			c := int64(s[i]) - 48
			v |= (c & 0x1f) << (5 * k)
			more = c&0x20 != 0
			i++
			if !more && c&0x10 != 0 && 5*(k+1) < 64 {
				v |= -1 << (5 * (k + 1))
			}
		}
		if n := len(out); n > 2 {
			v += int64(out[n-2])
		}
		if v < 0 {
			return nil, errRLE
		}
		out = append(out, uint64(v))
	}
	return out, nil
}

// Pack is the compressed text of run lengths (rleToString).
func Pack(runs []uint64) string {
	var b []byte
	for i, r := range runs {
		v := int64(r)
		if i > 2 {
			v -= int64(runs[i-2])
		}
		for more := true; more; {
			c := v & 0x1f
			v >>= 5
			if more = v != 0; c&0x10 != 0 {
				more = v != -1
			}
			if more {
				c |= 0x20
			}
			b = append(b, byte(c+48))
		}
	}
	return string(b)
}

// Outline is the outline of run lengths over a picture of h rows, column by
// column, the first run of zeros. The picture's left upper corner lies at x, y.
func Outline(runs []uint64, h, w uint64, x, y int) ([]annotate.Polygon, error) {
	if h == 0 || w == 0 || h > 1<<31 || w > 1<<31 {
		return nil, errRLE
	}
	// First the box: the picture is a slide, the object is not.
	at, one := uint64(0), false
	minX, minY, maxX, maxY := w, h, uint64(0), uint64(0)
	each := func(f func(from, to uint64)) error {
		at, one = 0, false
		for _, r := range runs {
			if r > h*w-at {
				return errRLE
			}
			if one && r > 0 {
				f(at, at+r)
			}
			at, one = at+r, !one
		}
		return nil
	}
	if err := each(func(from, to uint64) {
		minX, maxX = min(minX, from/h), max(maxX, (to-1)/h)
		if from/h == (to-1)/h {
			minY, maxY = min(minY, from%h), max(maxY, (to-1)%h)
		} else {
			minY, maxY = 0, h-1
		}
	}); err != nil || minX == w {
		return nil, err
	}
	m, err := exchange.NewMask(x+int(minX), y+int(minY), int(maxX-minX)+1, int(maxY-minY)+1)
	if err != nil {
		return nil, err
	}
	err = each(func(from, to uint64) {
		for i := from; i < to; i++ {
			m.Set(int(i/h-minX), int(i%h-minY))
		}
	})
	return m.Trace(), err
}

// Runs are the run lengths of polygons over a picture of w × h pixels: a pixel
// belongs to them when its middle does.
func Runs(ps []annotate.Polygon, w, h int) []uint64 {
	b := annotate.ROI{Kind: annotate.KindPolygon, Polygons: ps}.Bounds()
	from, to := max(0, int(b.MinX)), min(w, int(b.MaxX)+1)
	var runs []uint64
	last := uint64(0) // where the last run ended
	err := exchange.Scan(exchange.Transposed(ps), from, to, func(x int, col [][2]int) error {
		for _, c := range col {
			a, z := max(0, c[0]), min(h, c[1])
			if a >= z {
				continue
			}
			at := uint64(x)*uint64(h) + uint64(a)
			if n := len(runs); n > 0 && at == last {
				runs[n-1] += uint64(z - a)
			} else {
				runs = append(runs, at-last, uint64(z-a))
			}
			last = uint64(x)*uint64(h) + uint64(z)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return append(runs, uint64(w)*uint64(h)-last)
}
