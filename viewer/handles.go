package viewer

import (
	"math"

	"coverslip/annotate"
)

// handlesOf calls f with each vertex of a shape that can be dragged, in the
// order of the rings.
func handlesOf(roi *annotate.ROI, f func(i int, p annotate.Point)) {
	i := 0
	each := func(pts []annotate.Point) {
		for _, p := range pts {
			f(i, p)
			i++
		}
	}
	switch roi.Kind {
	case annotate.KindPoint, annotate.KindPoints, annotate.KindLine:
		each(roi.Points)
	case annotate.KindRectangle, annotate.KindPolygon:
		for _, p := range roi.Polygons {
			each(p.Outer)
			for _, h := range p.Holes {
				each(h)
			}
		}
	}
}

// hasHandles tells whether the vertices are far enough apart on screen, and few
// enough, to be taken one by one.
func (v *Viewer) hasHandles(roi *annotate.ROI) bool {
	n, view := 0, v.view.Box()
	handlesOf(roi, func(_ int, p annotate.Point) {
		if p.X >= view.MinX && p.X <= view.MaxX && p.Y >= view.MinY && p.Y <= view.MaxY {
			n++
		}
	})
	if n == 0 || n > liveHandles {
		return false
	}
	total := 0
	handlesOf(roi, func(int, annotate.Point) { total++ })
	return total == 1 || roi.Perimeter()*v.view.Scale/float64(total) >= handlesApart*float64(v.unit)
}

// handleAt finds the handle under a screen point.
func (v *Viewer) handleAt(roi *annotate.ROI, at pixel) (index int, ok bool) {
	if !v.hasHandles(roi) {
		return 0, false
	}
	best := handleGrab * float64(v.unit)
	handlesOf(roi, func(i int, p annotate.Point) {
		s := v.onScreen(p)
		if d := math.Hypot(s.x-at.x, s.y-at.y); d <= best {
			best, index, ok = d, i, true
		}
	})
	return index, ok
}

// drawHandles draws the handles of a shape that can be taken.
func (v *Viewer) drawHandles(l *live, roi *annotate.ROI) {
	if v.hasHandles(roi) {
		handlesOf(roi, func(_ int, p annotate.Point) { l.square(l.pixelOf(p), handleColor, handleRim) })
	}
}

// stay shortens a move of a box so that it does not leave the slide.
func (v *Viewer) stay(b annotate.Box, dx, dy float64) (float64, float64) {
	if v.limits.w == 0 {
		return dx, dy
	}
	dx = max(min(0, -b.MinX), min(max(0, v.limits.w-b.MaxX), dx))
	dy = max(min(0, -b.MinY), min(max(0, v.limits.h-b.MaxY), dy))
	return dx, dy
}

// translated is the shape moved by a distance in level-0 pixels.
func translated(roi annotate.ROI, dx, dy float64) annotate.ROI {
	return mapped(roi, func(_ int, p annotate.Point) annotate.Point { return annotate.Point{X: p.X + dx, Y: p.Y + dy} })
}

// reshaped is the shape with one vertex at another place; a rectangle stays
// one, its opposite corner staying where it is.
func reshaped(roi annotate.ROI, vertex int, to annotate.Point) annotate.ROI {
	if roi.Kind == annotate.KindRectangle && len(roi.Polygons) == 1 && len(roi.Polygons[0].Outer) == 4 {
		o := roi.Polygons[0].Outer[(vertex+2)%4]
		x, y := math.Round(to.X), math.Round(to.Y)
		if x == o.X || y == o.Y {
			return roi
		}
		return annotate.Rectangle(o.X, o.Y, x, y)
	}
	return mapped(roi, func(i int, p annotate.Point) annotate.Point {
		if i == vertex {
			return to
		}
		return p
	})
}

// mapped is a copy of the shape with every point replaced; the index counts
// points over all rings, as handlesOf does.
func mapped(roi annotate.ROI, f func(i int, p annotate.Point) annotate.Point) annotate.ROI {
	i := 0
	line := func(pts []annotate.Point) []annotate.Point {
		if pts == nil {
			return nil
		}
		out := make([]annotate.Point, len(pts))
		for j, p := range pts {
			out[j] = f(i, p)
			i++
		}
		return out
	}
	out := annotate.ROI{Kind: roi.Kind, Points: line(roi.Points)}
	for _, p := range roi.Polygons {
		q := annotate.Polygon{Outer: line(p.Outer)}
		for _, h := range p.Holes {
			q.Holes = append(q.Holes, line(h))
		}
		out.Polygons = append(out.Polygons, q)
	}
	return out
}
