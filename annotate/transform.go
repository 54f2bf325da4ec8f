package annotate

import "math"

// Rotated is the ROI turned about a point by an angle in radians, from +x
// towards +y (clockwise on screen). By quarter turns a rectangle stays one and
// an ellipse too; by others they become polygons.
func (r ROI) Rotated(about Point, angle float64) ROI {
	sin, cos := math.Sincos(angle)
	quarters := math.Round(angle / (math.Pi / 2))
	if math.Abs(angle-quarters*math.Pi/2) < 1e-12 { // Sincos leaves 1e-16 there
		sin, cos = math.Round(sin), math.Round(cos)
	}
	turn := func(p Point) Point {
		x, y := p.X-about.X, p.Y-about.Y
		return Point{about.X + cos*x - sin*y, about.Y + sin*x + cos*y}
	}
	return r.affine(turn, sin == 0 || cos == 0)
}

// Scaled is the ROI made larger or smaller about a point by a factor in x and
// one in y, neither of them 0.
func (r ROI) Scaled(about Point, fx, fy float64) ROI {
	return r.affine(func(p Point) Point {
		return Point{about.X + fx*(p.X-about.X), about.Y + fy*(p.Y-about.Y)}
	}, true)
}

// Mirrored is the ROI left for right about the vertical line x, level-0 pixels.
func (r ROI) Mirrored(x float64) ROI { return r.Scaled(Point{X: x}, -1, 1) }

// Flipped is the ROI upside down about the horizontal line y, level-0 pixels.
func (r ROI) Flipped(y float64) ROI { return r.Scaled(Point{Y: y}, 1, -1) }

// affine maps every point. Upright tells whether the map keeps horizontal and
// vertical lines so, one for the other at most.
func (r ROI) affine(f func(Point) Point, upright bool) ROI {
	switch r.Kind {
	case KindRectangle:
		b := r.Map(f)
		if upright {
			box := b.Bounds()
			return Rectangle(box.MinX, box.MinY, box.MaxX, box.MaxY)
		}
		b.Kind = KindPolygon
		return b
	case KindEllipse:
		if upright {
			a, b := f(r.Points[0]), f(r.Points[1])
			return Ellipse(a.X, a.Y, b.X, b.Y)
		}
		return ROI{Kind: KindPolygon, Polygons: r.Outline()}.Map(f)
	}
	return r.Map(f)
}

// Angle is the angle at b between the ways to a and to c, degrees, 0 to 180. The
// factors are µm per level-0 pixel in x and y (both 1 where they are equal or
// unknown): on pixels that are not square an angle is not what it looks.
func Angle(a, b, c Point, mppX, mppY float64) float64 {
	ux, uy := (a.X-b.X)*mppX, (a.Y-b.Y)*mppY
	wx, wy := (c.X-b.X)*mppX, (c.Y-b.Y)*mppY
	// atan2 of cross and dot is exact near 0 and 180, where acos is not.
	return math.Abs(math.Atan2(ux*wy-uy*wx, ux*wx+uy*wy)) * 180 / math.Pi
}

// InsertedVertex is the ROI with a new vertex on the edge nearest to the point,
// and the index of that vertex over all rings, the outer ring of each polygon
// before its holes. Only lines and polygons take one; ok is false for others.
func (r ROI) InsertedVertex(p Point) (out ROI, vertex int, ok bool) {
	out = r.Map(func(q Point) Point { return q })
	best, index := math.Inf(1), 0
	var put func()
	look := func(ps *[]Point, closed bool) {
		n := len(*ps)
		for i := range n {
			if !closed && i == n-1 {
				break
			}
			if d := segmentDist(p, (*ps)[i], (*ps)[(i+1)%n]); d < best {
				best, vertex = d, index+i+1
				put = func() { *ps = append((*ps)[:i+1:i+1], append([]Point{p}, (*ps)[i+1:]...)...) }
			}
		}
		index += n
	}
	switch r.Kind {
	case KindLine:
		look(&out.Points, false)
	case KindPolygon, KindRectangle:
		out.Kind = KindPolygon
		for i := range out.Polygons {
			look((*[]Point)(&out.Polygons[i].Outer), true)
			for k := range out.Polygons[i].Holes {
				look((*[]Point)(&out.Polygons[i].Holes[k]), true)
			}
		}
	}
	if put == nil {
		return r, 0, false
	}
	put()
	return out, vertex, true
}

// RemovedVertex is the ROI without one vertex, counted as by InsertedVertex. A
// hole that would be less than a triangle goes with it; ok is false when nothing
// sensible is left, and for rectangles, ellipses and single points.
func (r ROI) RemovedVertex(vertex int) (out ROI, ok bool) {
	index := 0
	drop := func(ps []Point, least int) ([]Point, bool) {
		at := vertex - index
		index += len(ps)
		if at < 0 || at >= len(ps) {
			return ps, true
		}
		ok = true
		kept := append(append([]Point(nil), ps[:at]...), ps[at+1:]...)
		return kept, len(kept) >= least
	}
	out = ROI{Kind: r.Kind}
	whole := true
	switch r.Kind {
	case KindLine:
		out.Points, whole = drop(r.Points, 2)
	case KindPoints:
		out.Points, whole = drop(r.Points, 1)
	case KindPolygon:
		for _, p := range r.Polygons {
			outer, enough := drop(p.Outer, 3)
			q := Polygon{Outer: outer}
			for _, h := range p.Holes {
				if kept, is := drop(h, 3); is {
					q.Holes = append(q.Holes, kept)
				}
			}
			if enough {
				out.Polygons = append(out.Polygons, q)
			}
		}
		whole = len(out.Polygons) > 0
	default:
		return r, false
	}
	if !ok || !whole {
		return r, false
	}
	return out, true
}
