package annotate

import "math"

// Within answers ROI.Contains for one shape many times: the edges of each polygon
// stand in strips of equal height, and a place asks those of its own strip alone. It
// never changes.
type Within struct {
	roi      ROI
	polygons []strips // none: the shape is asked itself
}

// strips is the edges of a polygon, holes included, by height. What lies inside crosses
// an odd number of them towards +x.
type strips struct {
	box   Box
	high  float64 // of a strip
	edges [][][2]Point
}

// stripEdges is how many edges a strip holds on the average of a polygon whose edges
// are short.
const stripEdges = 2

// NewWithin prepares a shape. It is worth while from some dozens of places on.
func NewWithin(roi ROI) *Within {
	w := &Within{roi: roi}
	if roi.Kind != KindRectangle && roi.Kind != KindPolygon {
		return w
	}
	for _, p := range roi.Polygons {
		rings := append([]Ring{p.Outer}, p.Holes...)
		n := 0
		for _, r := range rings {
			n += len(r)
		}
		b := pointsBox(p.Outer)
		count := max(1, n/stripEdges)
		s := strips{box: b, high: b.Height() / float64(count), edges: make([][][2]Point, count)}
		for _, r := range rings {
			for i, a := range r {
				c := r[(i+1)%len(r)]
				if a.Y == c.Y {
					continue // no ray crosses it
				}
				for k := s.strip(min(a.Y, c.Y)); k <= s.strip(max(a.Y, c.Y)); k++ {
					s.edges[k] = append(s.edges[k], [2]Point{a, c})
				}
			}
		}
		w.polygons = append(w.polygons, s)
	}
	return w
}

// strip is the strip of a height; what lies beyond goes to the first or the last.
func (s *strips) strip(y float64) int {
	k := (y - s.box.MinY) / s.high
	if !(k > 0) {
		return 0
	}
	return int(math.Min(k, float64(len(s.edges)-1)))
}

// Contains tells whether the point (level-0 pixels) lies in the covered area, as
// ROI.Contains does for shapes that Validate takes.
func (w *Within) Contains(p Point) bool {
	if w.polygons == nil {
		return w.roi.Contains(p)
	}
	for i := range w.polygons {
		s := &w.polygons[i]
		if p.Y < s.box.MinY || p.Y > s.box.MaxY || p.X < s.box.MinX || p.X > s.box.MaxX {
			continue
		}
		in := false
		for _, e := range s.edges[s.strip(p.Y)] {
			if crosses(p, e[0], e[1]) {
				in = !in
			}
		}
		if in {
			return true
		}
	}
	return false
}
