package synth

import "sort"

// Point is a position in level-0 pixels.
type Point struct{ X, Y float64 }

// Region is one polygon of the truth. Rings are not closed: the last point
// joins the first.
type Region struct {
	Class string
	Outer []Point
	Holes [][]Point
}

// raster is a scalar field at the nodes of a regular grid.
type raster struct {
	w, h int
	step float64 // level-0 pixels between nodes
	v    []float32
}

// inside lists, for each pattern of the corners a (upper left), b (upper
// right), c (lower right) and d (lower left) above zero, the pieces of contour
// from edge to edge, with the inside on the right hand: marching squares. The
// edges are 0 top, 1 right, 2 bottom, 3 left. Patterns 5 and 10 are decided by
// the middle of the cell.
var inside = [16][][2]int{
	1: {{0, 3}}, 2: {{1, 0}}, 4: {{2, 1}}, 8: {{3, 2}},
	3: {{1, 3}}, 6: {{2, 0}}, 12: {{3, 1}}, 9: {{0, 2}},
	7: {{2, 3}}, 14: {{3, 0}}, 13: {{0, 1}}, 11: {{1, 2}},
}

func pieces(pattern int, middle bool) [][2]int {
	switch {
	case pattern == 5 && middle:
		return [][2]int{{0, 1}, {2, 3}}
	case pattern == 5:
		return [][2]int{{0, 3}, {2, 1}}
	case pattern == 10 && middle:
		return [][2]int{{3, 0}, {1, 2}}
	case pattern == 10:
		return [][2]int{{1, 0}, {3, 2}}
	}
	return inside[pattern]
}

// contours traces where the field crosses zero and returns the polygons of the
// positive side, without those smaller than least square pixels.
func (r *raster) contours(class string, least float64) []Region {
	at := func(x, y int) float32 {
		if x < 0 || y < 0 || x >= r.w || y >= r.h {
			return -1 // the outside closes every ring
		}
		return r.v[y*r.w+x]
	}
	// An edge is named by its upper or left node and its direction.
	type edge struct{ x, y, down int }
	edgeOf := func(x, y, side int) edge {
		switch side {
		case 0:
			return edge{x, y, 0}
		case 1:
			return edge{x + 1, y, 1}
		case 2:
			return edge{x, y + 1, 0}
		}
		return edge{x, y, 1}
	}
	next := map[edge]edge{}
	var starts []edge
	for y := -1; y < r.h; y++ {
		for x := -1; x < r.w; x++ {
			a, b, c, d := at(x, y), at(x+1, y), at(x+1, y+1), at(x, y+1)
			pattern := 0
			for i, v := range [4]float32{a, b, c, d} {
				if v > 0 {
					pattern |= 1 << i
				}
			}
			for _, p := range pieces(pattern, a+b+c+d > 0) {
				from := edgeOf(x, y, p[0])
				next[from] = edgeOf(x, y, p[1])
				starts = append(starts, from)
			}
		}
	}
	crossing := func(e edge) Point {
		x1, y1 := e.x+1-e.down, e.y+e.down
		p, q := at(e.x, e.y), at(x1, y1)
		t := float64(p / (p - q))
		return Point{(float64(e.x) + t*float64(1-e.down)) * r.step, (float64(e.y) + t*float64(e.down)) * r.step}
	}
	var rings [][]Point
	for _, s := range starts {
		var ring []Point
		for e := s; ; {
			to, ok := next[e]
			if !ok {
				break
			}
			delete(next, e)
			ring = append(ring, crossing(e))
			e = to
		}
		if len(ring) >= 3 {
			rings = append(rings, ring)
		}
	}
	return polygons(class, rings, least)
}

// area is twice signed: positive for rings that run clockwise on the screen.
func area(ring []Point) float64 {
	s := 0.0
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		s += p.X*q.Y - q.X*p.Y
	}
	return s / 2
}

// contains says whether p lies in the ring, by crossing number.
func contains(ring []Point, p Point) bool {
	in := false
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < (b.X-a.X)*(p.Y-a.Y)/(b.Y-a.Y)+a.X {
			in = !in
		}
	}
	return in
}

// polygons gives every hole to the smallest outline around it.
func polygons(class string, rings [][]Point, least float64) []Region {
	var out []Region
	var holes [][]Point
	for _, r := range rings {
		switch a := area(r); {
		case a >= least:
			out = append(out, Region{Class: class, Outer: r})
		case -a >= least:
			holes = append(holes, r)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return area(out[i].Outer) < area(out[j].Outer) })
	for _, h := range holes {
		for i := range out {
			if contains(out[i].Outer, h[0]) {
				out[i].Holes = append(out[i].Holes, h)
				break
			}
		}
	}
	return out
}
