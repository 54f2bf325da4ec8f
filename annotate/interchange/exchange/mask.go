package exchange

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"coverslip/annotate"
)

// Mask is a part of a slide as bits: which pixels belong to an object.
type Mask struct {
	X, Y, W, H int // level-0 pixels of the upper left corner; pixels
	Bits       []uint64
}

// MaxMask is the most pixels of one mask: what is larger has no business in a
// file of objects.
const MaxMask = 1 << 29

// ErrMask: a mask is larger than MaxMask.
var ErrMask = errors.New("a mask of more pixels than can be traced")

// NewMask makes an empty mask; ErrMask when it is too large.
func NewMask(x, y, w, h int) (*Mask, error) {
	if w < 0 || h < 0 || w > 0 && h > MaxMask/w {
		return nil, ErrMask
	}
	return &Mask{X: x, Y: y, W: w, H: h, Bits: make([]uint64, (w*h+63)/64)}, nil
}

// At tells whether the pixel of the mask, counted from its corner, is set;
// outside nothing is.
func (m *Mask) At(x, y int) bool {
	if x < 0 || y < 0 || x >= m.W || y >= m.H {
		return false
	}
	i := y*m.W + x
	return m.Bits[i>>6]>>(i&63)&1 != 0
}

// Set sets a pixel, counted from the mask's corner.
func (m *Mask) Set(x, y int) {
	i := y*m.W + x
	m.Bits[i>>6] |= 1 << (i & 63)
}

// corner is a corner of pixels, counted from the mask's corner.
type corner struct{ x, y int32 }

// Trace is the outline of the pixels that are set, along their edges, exact: the
// area of the polygons is the number of pixels. Pixels that touch only by a
// corner are parts of their own.
func (m *Mask) Trace() []annotate.Polygon {
	var outer, holes []annotate.Ring
	for _, loop := range m.loops() {
		ring := make(annotate.Ring, 0, len(loop))
		for i, c := range loop {
			a, b := loop[(i+len(loop)-1)%len(loop)], loop[(i+1)%len(loop)]
			if (a.x == c.x && c.x == b.x) || (a.y == c.y && c.y == b.y) {
				continue
			}
			ring = append(ring, annotate.Point{X: float64(m.X) + float64(c.x), Y: float64(m.Y) + float64(c.y)})
		}
		if signed(ring) > 0 {
			outer = append(outer, ring)
		} else {
			holes = append(holes, ring)
		}
	}
	return nest(outer, holes)
}

// signed is the area of a ring, positive when it goes around with the pixels on
// its right hand side in a plane with y down.
func signed(r annotate.Ring) float64 {
	var sum float64
	for i, p := range r {
		q := r[(i+1)%len(r)]
		sum += (p.X-r[0].X)*(q.Y-r[0].Y) - (q.X-r[0].X)*(p.Y-r[0].Y)
	}
	return sum / 2
}

// loops walks along the edges of pixels, the set ones on the right hand side, and
// cuts walks where they meet themselves.
func (m *Mask) loops() [][]corner {
	// From a corner leave at most two edges; next holds them.
	next := map[corner][2]corner{}
	none := corner{-1, -1}
	add := func(a, b corner) {
		if v, ok := next[a]; ok {
			v[1] = b
			next[a] = v
		} else {
			next[a] = [2]corner{b, none}
		}
	}
	var starts []corner
	for y := range m.H {
		for x := range m.W {
			if !m.At(x, y) {
				continue
			}
			c := corner{int32(x), int32(y)}
			r, d, rd := corner{c.x + 1, c.y}, corner{c.x, c.y + 1}, corner{c.x + 1, c.y + 1}
			if !m.At(x, y-1) {
				add(c, r)
				starts = append(starts, c)
			}
			if !m.At(x+1, y) {
				add(r, rd)
			}
			if !m.At(x, y+1) {
				add(rd, d)
			}
			if !m.At(x-1, y) {
				add(d, c)
			}
		}
	}
	// Where two pixels touch by a corner the walk turns right, around its own one:
	// so no hole touches the ring around it in two places.
	take := func(from, a corner) (corner, bool) {
		v, ok := next[a]
		if !ok {
			return none, false
		}
		if v[1] == none {
			delete(next, a)
			return v[0], true
		}
		k := 0
		if (a.x-from.x)*(v[1].y-a.y)-(a.y-from.y)*(v[1].x-a.x) > 0 {
			k = 1
		}
		next[a] = [2]corner{v[1-k], none}
		return v[k], true
	}
	var out [][]corner
	for _, s := range starts {
		at, ok := take(corner{s.x - 1, s.y}, s)
		if !ok {
			continue
		}
		out = append(out, walk(s, at, take)...)
	}
	return out
}

// walk follows edges from s by at until they come back, and cuts off a loop
// whenever a corner is met again.
func walk(s, at corner, take func(from, a corner) (corner, bool)) (out [][]corner) {
	path, place := []corner{s}, map[corner]int{s: 0}
	from := s
	for {
		if i, met := place[at]; met {
			out = append(out, slices.Clone(path[i:]))
			for _, c := range path[i+1:] {
				delete(place, c)
			}
			path = path[:i+1]
		} else {
			place[at] = len(path)
			path = append(path, at)
		}
		n, ok := take(from, at)
		if !ok {
			return out
		}
		from, at = at, n
	}
}

// nest gives every hole to the smallest ring around it.
func nest(outer, holes []annotate.Ring) []annotate.Polygon {
	slices.SortStableFunc(outer, func(a, b annotate.Ring) int { return cmp.Compare(signed(a), signed(b)) })
	ps := make([]annotate.Polygon, len(outer))
	boxes := make([]annotate.Box, len(outer))
	for i, r := range outer {
		ps[i].Outer, boxes[i] = r, r.Bounds()
	}
	for _, h := range holes {
		b := h.Bounds()
		at := annotate.Point{X: math.Inf(1), Y: b.MinY}
		for _, p := range h {
			if p.Y == b.MinY {
				at.X = min(at.X, p.X)
			}
		}
		// The pixel below and right of the hole's first corner lies in the hole.
		at.X, at.Y = at.X+0.5, at.Y+0.5
		for i := range ps {
			if boxes[i].Contains(at) && ps[i].Outer.Contains(at) {
				ps[i].Holes = append(ps[i].Holes, h)
				break
			}
		}
	}
	return ps
}

// Scan finds the pixels whose middle lies in the polygons, line by line: for each
// y from up to but not including to it calls line with the half-open runs of x,
// ascending. The polygons must not overlap.
func Scan(ps []annotate.Polygon, from, to int, line func(y int, runs [][2]int) error) error {
	type edge struct{ x, y0, y1, slope float64 }
	var edges []edge
	for _, p := range ps {
		for _, r := range append([]annotate.Ring{p.Outer}, p.Holes...) {
			for i, a := range r {
				b := r[(i+1)%len(r)]
				if a.Y > b.Y {
					a, b = b, a
				}
				if a.Y != b.Y {
					edges = append(edges, edge{a.X, a.Y, b.Y, (b.X - a.X) / (b.Y - a.Y)})
				}
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.y0, b.y0) })
	var active []edge
	var xs []float64
	var runs [][2]int
	for y, next := from, 0; y < to; y++ {
		at := float64(y) + 0.5
		for next < len(edges) && edges[next].y0 <= at {
			active = append(active, edges[next])
			next++
		}
		xs, runs = xs[:0], runs[:0]
		active = slices.DeleteFunc(active, func(e edge) bool { return e.y1 <= at })
		for _, e := range active {
			xs = append(xs, e.x+(at-e.y0)*e.slope)
		}
		slices.Sort(xs)
		for i := 0; i+1 < len(xs); i += 2 {
			// A pixel belongs to the run when its middle does, half-open.
			a, b := int(math.Ceil(xs[i]-0.5)), int(math.Ceil(xs[i+1]-0.5))
			switch {
			case a >= b:
			case len(runs) > 0 && runs[len(runs)-1][1] >= a:
				runs[len(runs)-1][1] = max(runs[len(runs)-1][1], b)
			default:
				runs = append(runs, [2]int{a, b})
			}
		}
		if err := line(y, runs); err != nil {
			return err
		}
	}
	return nil
}

// Transposed is polygons with x and y exchanged, for scanning by columns.
func Transposed(ps []annotate.Polygon) []annotate.Polygon {
	return annotate.ROI{Kind: annotate.KindPolygon, Polygons: ps}.Map(func(p annotate.Point) annotate.Point {
		return annotate.Point{X: p.Y, Y: p.X}
	}).Polygons
}
