package dense

import (
	"math"
	"slices"
	"sort"
)

// Point is a place in pixels of the model.
type Point struct{ X, Y float64 }

// Ring is a closed line, the first point not repeated.
type Ring []Point

// Area is the enclosed area; positive for an outer ring, negative for a hole.
func (r Ring) Area() float64 {
	sum := 0.0
	for i, p := range r {
		q := r[(i+1)%len(r)]
		sum += p.X*q.Y - q.X*p.Y
	}
	return sum / 2
}

// bounds is the smallest box around a ring.
func (r Ring) bounds() (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range r {
		x0, y0, x1, y1 = min(x0, p.X), min(y0, p.Y), max(x1, p.X), max(y1, p.Y)
	}
	return
}

// holds tells whether a point lies inside.
func (r Ring) holds(p Point) bool {
	in := false
	for i, a := range r {
		b := r[(i+1)%len(r)]
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < a.X+(p.Y-a.Y)/(b.Y-a.Y)*(b.X-a.X) {
			in = !in
		}
	}
	return in
}

// Outline is an area and its holes.
type Outline struct {
	Outer Ring
	Holes []Ring
}

// field is a number a pixel: above zero is inside. Width and Height bound it,
// and beyond them is outside.
type field interface {
	size() (width, height int)
	at(x, y int) float64 // within the size
}

// contours outlines where a field is above zero, by marching squares (Lorensen
// and Cline, 1987, in the plane): the line crosses between the centres of two
// pixels where the field, taken as straight between them, is zero. Pixels that
// touch at a corner alone do not belong together. Areas and holes smaller than
// least are left out.
func contours(f field, least float64) []Outline {
	w, h := f.size()
	t := tracer{f: f, w: w, h: h, seen: make([]uint64, (w*(h+1)+63)/64)}
	var outer, holes []Ring
	for y := -1; y < h; y++ {
		for x := range w {
			if t.in(x, y) || !t.in(x, y+1) || t.passed(x, y) {
				continue
			}
			r := t.follow(x, y)
			switch a := r.Area(); {
			case a >= least && a > 0:
				outer = append(outer, r)
			case -a >= least && a < 0:
				holes = append(holes, r)
			}
		}
	}
	return nest(outer, holes)
}

// tracer follows the lines of one field.
type tracer struct {
	f    field
	w, h int
	seen []uint64 // a bit for each pair of pixels, one above the other, that a line to the right has crossed
}

func (t *tracer) in(x, y int) bool {
	return x >= 0 && y >= 0 && x < t.w && y < t.h && t.f.at(x, y) > 0
}

func (t *tracer) passed(x, y int) bool {
	i := (y+1)*t.w + x
	return t.seen[i/64]>>(i%64)&1 != 0
}

// value is the field at a pixel; beyond the border it mirrors the pixel beside
// it, so that a line runs along the border.
func (t *tracer) value(x, y int) float64 {
	if x >= 0 && y >= 0 && x < t.w && y < t.h {
		return t.f.at(x, y)
	}
	return -math.Abs(t.f.at(min(max(x, 0), t.w-1), min(max(y, 0), t.h-1)))
}

// crossing is where the line passes between two neighbours.
func (t *tracer) crossing(ax, ay, bx, by int) Point {
	a, b := t.value(ax, ay), t.value(bx, by)
	s := 0.5
	if a != b {
		s = a / (a - b)
	}
	return Point{float64(ax) + 0.5 + s*float64(bx-ax), float64(ay) + 0.5 + s*float64(by-ay)}
}

// Headings, clockwise; the inside lies to the right.
const (
	right = iota
	down
	left
	up
)

// corners of the cell of four pixels at (0,0): of a line that enters it with a
// heading, the pixel to its left and right there and ahead.
var corners = [4][4][2]int{ // behind left, behind right, ahead left, ahead right
	right: {{0, 0}, {0, 1}, {1, 0}, {1, 1}},
	down:  {{1, 0}, {0, 0}, {1, 1}, {0, 1}},
	left:  {{1, 1}, {1, 0}, {0, 1}, {0, 0}},
	up:    {{0, 1}, {1, 1}, {0, 0}, {1, 0}},
}

// steps to the next cell.
var steps = [4][2]int{right: {1, 0}, down: {0, 1}, left: {-1, 0}, up: {0, -1}}

// follow walks around one line that passes between (x,y), outside, and (x,y+1),
// inside, to the right.
func (t *tracer) follow(x, y int) Ring {
	var r Ring
	cx, cy, heading := x, y, right
	for {
		c := corners[heading]
		ox, oy, ix, iy := cx+c[0][0], cy+c[0][1], cx+c[1][0], cy+c[1][1]
		if heading == right {
			i := (oy+1)*t.w + ox
			t.seen[i/64] |= 1 << (i % 64)
		}
		p := t.crossing(ox, oy, ix, iy)
		for n := len(r); n > 1 && straight(r[n-2], r[n-1], p); n = len(r) {
			r = r[:n-1]
		}
		r = append(r, p)
		switch {
		case !t.in(cx+c[3][0], cy+c[3][1]):
			heading = (heading + 1) % 4
		case t.in(cx+c[2][0], cy+c[2][1]):
			heading = (heading + 3) % 4
		}
		cx, cy = cx+steps[heading][0], cy+steps[heading][1]
		if cx == x && cy == y && heading == right {
			return r
		}
	}
}

// straight tells whether b lies on the way from a to c.
func straight(a, b, c Point) bool {
	return math.Abs((b.X-a.X)*(c.Y-a.Y)-(b.Y-a.Y)*(c.X-a.X)) < 1e-12 && (b.X-a.X)*(c.X-b.X)+(b.Y-a.Y)*(c.Y-b.Y) >= 0
}

// nest gives every hole to the smallest ring around it.
func nest(outer, holes []Ring) []Outline {
	order := make([]int, len(outer))
	area := make([]float64, len(outer))
	box := make([][4]float64, len(outer))
	for i, r := range outer {
		order[i], area[i] = i, r.Area()
		box[i][0], box[i][1], box[i][2], box[i][3] = r.bounds()
	}
	sort.SliceStable(order, func(a, b int) bool { return area[order[a]] < area[order[b]] })
	out := make([]Outline, len(outer))
	for i, r := range outer {
		out[i].Outer = r
	}
	for _, h := range holes {
		x0, y0, x1, y1 := h.bounds()
		for _, i := range order {
			b := box[i]
			if b[0] <= x0 && b[1] <= y0 && b[2] >= x1 && b[3] >= y1 && -h.Area() < area[i] && outer[i].holds(h[0]) {
				out[i].Holes = append(out[i].Holes, h)
				break
			}
		}
	}
	return out
}

// spans calls f with the pixels of each row whose centres lie in an outline.
func (o Outline) spans(f func(y, x0, x1 int)) {
	_, y0, _, y1 := o.Outer.bounds()
	var cut []float64
	rings := append([]Ring{o.Outer}, o.Holes...)
	for y := int(math.Floor(y0)); y < int(math.Ceil(y1)); y++ {
		cut = cut[:0]
		cy := float64(y) + 0.5
		for _, r := range rings {
			for i, a := range r {
				b := r[(i+1)%len(r)]
				if (a.Y > cy) != (b.Y > cy) {
					cut = append(cut, a.X+(cy-a.Y)/(b.Y-a.Y)*(b.X-a.X))
				}
			}
		}
		slices.Sort(cut)
		for i := 0; i+1 < len(cut); i += 2 {
			x0, x1 := int(math.Ceil(cut[i]-0.5)), int(math.Ceil(cut[i+1]-0.5))
			if x1 > x0 {
				f(y, x0, x1)
			}
		}
	}
}
