package annotate

import "math"

// outlineTolerance is how far the outline of an ellipse may lie from the true
// curve, in level-0 pixels: a quarter of a pixel cannot be seen.
const outlineTolerance = 0.25

// Ellipse makes the ROI of an axis-parallel ellipse given by two opposite
// corners of its bounding box in any order, in level-0 pixels.
func Ellipse(x0, y0, x1, y1 float64) ROI {
	return ROI{Kind: KindEllipse, Points: []Point{
		{min(x0, x1), min(y0, y1)}, {max(x0, x1), max(y0, y1)}}}
}

// PointAt makes the ROI of a single point in level-0 pixels.
func PointAt(x, y float64) ROI { return ROI{Kind: KindPoint, Points: []Point{{x, y}}} }

// Outline is the area of the ROI as polygons: the ROI's own for rectangles and
// polygons (shared, not to be changed), a polygon within a quarter of a pixel
// of the curve for an ellipse, nothing for points and lines.
func (r ROI) Outline() []Polygon {
	switch r.Kind {
	case KindRectangle, KindPolygon:
		return r.Polygons
	case KindEllipse:
		return []Polygon{{Outer: EllipseRing(r.Bounds(), outlineTolerance)}}
	}
	return nil
}

// EllipseRing is a ring of the ellipse inscribed in the box whose vertices lie
// on the curve and whose edges leave it by at most tolerance level-0 pixels. It
// has 12 to 1024 vertices, always a multiple of four, so that the ring touches
// the box on all four sides.
func EllipseRing(b Box, tolerance float64) Ring {
	rx, ry := b.Width()/2, b.Height()/2
	n := 12
	if big := max(rx, ry); big > tolerance && tolerance > 0 {
		// The sagitta of an arc of angle 2a is r(1-cos a).
		n = int(math.Ceil(math.Pi / math.Acos(1-tolerance/big)))
	}
	n = min(1024, max(12, (n+3)/4*4))
	c := b.Center()
	ring := make(Ring, 0, n)
	for i := range n {
		s, co := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		// Quarter turns are set by hand: Sincos leaves 1e-16 there.
		if i%(n/4) == 0 {
			s, co = math.Round(s), math.Round(co)
		}
		ring = append(ring, Point{c.X + rx*co, c.Y + ry*s})
	}
	return ring
}

// Translate is the ROI moved by dx, dy level-0 pixels; the receiver is left as
// it is.
func (r ROI) Translate(dx, dy float64) ROI {
	return r.Map(func(p Point) Point { return Point{p.X + dx, p.Y + dy} })
}

// Map is the ROI with every point replaced; the receiver is left as it is.
func (r ROI) Map(f func(Point) Point) ROI {
	each := func(ps []Point) []Point {
		if ps == nil {
			return nil
		}
		out := make([]Point, len(ps))
		for i, p := range ps {
			out[i] = f(p)
		}
		return out
	}
	m := ROI{Kind: r.Kind, Points: each(r.Points)}
	for _, p := range r.Polygons {
		q := Polygon{Outer: each(p.Outer)}
		for _, h := range p.Holes {
			q.Holes = append(q.Holes, each(h))
		}
		m.Polygons = append(m.Polygons, q)
	}
	return m
}

// Vertices is the number of points the ROI is made of.
func (r ROI) Vertices() int {
	n := len(r.Points)
	for _, p := range r.Polygons {
		n += len(p.Outer)
		for _, h := range p.Holes {
			n += len(h)
		}
	}
	return n
}
