package agreement

import (
	"fmt"
	"math"
	"slices"
)

// maxMask bounds the pixels of a mask, and with them memory: 8 bytes a pixel
// for distances.
const maxMask = 1 << 26

// Mask is which pixels of a raster a reader marked.
type Mask struct {
	W, H int    // pixels
	On   []bool // rows from the top, W*H of them
}

// NewMask makes an empty mask; ErrTooMany above 67 million pixels.
func NewMask(w, h int) (Mask, error) {
	if w < 0 || h < 0 || w > 0 && h > maxMask/w {
		return Mask{}, fmt.Errorf("agreement: a mask of %d × %d: %w", w, h, ErrTooMany)
	}
	return Mask{w, h, make([]bool, w*h)}, nil
}

func (m Mask) fits(o Mask) error {
	if m.W != o.W || m.H != o.H || len(m.On) != m.W*m.H || len(o.On) != o.W*o.H {
		return fmt.Errorf("agreement: masks of %d × %d and %d × %d: %w", m.W, m.H, o.W, o.H, ErrShape)
	}
	return nil
}

// Overlap is how two areas cover each other, in square units of the input.
type Overlap struct{ First, Second, Both float64 }

// Dice is 2|A∩B| / (|A|+|B|), 0..1: Dice, Ecology 26 (1945) 297. Two empty areas
// agree, by convention, with 1.
func (o Overlap) Dice() float64 {
	if o.First+o.Second == 0 {
		return 1
	}
	return 2 * o.Both / (o.First + o.Second)
}

// IoU is |A∩B| / |A∪B|, 0..1: Jaccard, New Phytol 11 (1912) 37. Two empty areas
// agree, by convention, with 1.
func (o Overlap) IoU() float64 {
	all := o.First + o.Second - o.Both
	if all == 0 {
		return 1
	}
	return o.Both / all
}

// Overlapping counts the pixels of two masks of one size.
func Overlapping(a, b Mask) (Overlap, error) {
	if err := a.fits(b); err != nil {
		return Overlap{}, err
	}
	var o Overlap
	for i, on := range a.On {
		if on {
			o.First++
			if b.On[i] {
				o.Both++
			}
		}
		if b.On[i] {
			o.Second++
		}
	}
	return o, nil
}

// Apart is how far two outlines are from each other, in the unit of the input.
// All are NaN when one of the two is empty: nothing is at no distance.
type Apart struct {
	Hausdorff float64 // the farthest that a point of one is from the other
	HD95      float64 // the larger of the two directed 95th percentiles
	Pooled95  float64 // the 95th percentile of both directions together, as some programs report it
	Mean      float64 // mean of both directions together (ASSD)
}

// Outlines is how far the border pixels of two masks are apart, between pixel
// centres, times step (µm per pixel). A border pixel is marked and has one of
// its four neighbours, or the mask's edge, unmarked. Huttenlocher, Klanderman &
// Rucklidge, IEEE PAMI 15 (1993) 850; percentiles by Quantile.
func Outlines(a, b Mask, step float64) (Apart, error) {
	if err := a.fits(b); err != nil {
		return Apart{}, err
	}
	edgeA, edgeB := a.border(), b.border()
	there, back := distances(edgeA, edgeB, a.W, step), distances(edgeB, edgeA, a.W, step)
	return apart(there, back), nil
}

func apart(there, back []float64) Apart {
	if len(there) == 0 || len(back) == 0 {
		nan := math.NaN()
		return Apart{nan, nan, nan, nan}
	}
	slices.Sort(there)
	slices.Sort(back)
	all := slices.Concat(there, back)
	slices.Sort(all)
	var mean sum
	for _, d := range all {
		mean.add(d)
	}
	return Apart{
		Hausdorff: all[len(all)-1],
		HD95:      max(Quantile(there, 0.95), Quantile(back, 0.95)),
		Pooled95:  Quantile(all, 0.95),
		Mean:      mean.value() / float64(len(all)),
	}
}

// border is the mask's border pixels.
func (m Mask) border() Mask {
	out := Mask{m.W, m.H, make([]bool, len(m.On))}
	on := func(x, y int) bool { return x >= 0 && y >= 0 && x < m.W && y < m.H && m.On[y*m.W+x] }
	for y := range m.H {
		for x := range m.W {
			out.On[y*m.W+x] = on(x, y) && !(on(x-1, y) && on(x+1, y) && on(x, y-1) && on(x, y+1))
		}
	}
	return out
}

// distances is how far each marked pixel of from is from the nearest of to;
// empty when either has none.
func distances(from, to Mask, w int, step float64) []float64 {
	if !slices.Contains(to.On, true) {
		return nil
	}
	field := squaredDistances(to)
	var out []float64
	for i, on := range from.On {
		if on {
			out = append(out, step*math.Sqrt(field[i]))
		}
	}
	return out
}

// squaredDistances is the exact squared Euclidean distance of every pixel to
// the nearest marked one: Felzenszwalb & Huttenlocher, Theory of Computing 8
// (2012) 415, lower envelopes of parabolas, columns first and then rows.
func squaredDistances(m Mask) []float64 {
	field := make([]float64, len(m.On))
	for i, on := range m.On {
		if !on {
			field[i] = math.Inf(1)
		}
	}
	n := max(m.W, m.H)
	line, out := make([]float64, n), make([]float64, n)
	e := envelope{make([]int, n), make([]float64, n+1)}
	for x := range m.W {
		for y := range m.H {
			line[y] = field[y*m.W+x]
		}
		e.lower(line[:m.H], out)
		for y := range m.H {
			field[y*m.W+x] = out[y]
		}
	}
	for y := range m.H {
		row := field[y*m.W : (y+1)*m.W]
		copy(line, row)
		e.lower(line[:m.W], out)
		copy(row, out[:m.W])
	}
	return field
}

// envelope is the parabolas that are lowest somewhere: where they stand, and
// from where on each is the lowest.
type envelope struct {
	foot []int
	from []float64
}

// lower puts min over q of (p-q)² + f[q] into out.
func (e envelope) lower(f, out []float64) {
	k := -1
	for q, h := range f {
		if math.IsInf(h, 1) {
			continue
		}
		start := math.Inf(-1)
		for k >= 0 {
			p := e.foot[k]
			start = (h + float64(q*q) - f[p] - float64(p*p)) / float64(2*(q-p))
			if start > e.from[k] {
				break
			}
			k--
		}
		if k < 0 {
			start = math.Inf(-1)
		}
		k++
		e.foot[k], e.from[k] = q, start
	}
	if k < 0 {
		copy(out, f)
		return
	}
	last := k
	k = 0
	for p := range f {
		for k < last && e.from[k+1] < float64(p) {
			k++
		}
		d := float64(p - e.foot[k])
		out[p] = d*d + f[e.foot[k]]
	}
}
