package agreement

import (
	"errors"
	"math"

	"coverslip/annotate"
)

// Areas is the overlap of two shapes, exact on their outlines, in square
// level-0 pixels. Points and lines cover nothing. Errors as of
// annotate.Intersection.
func Areas(a, b annotate.ROI) (Overlap, error) {
	o := Overlap{First: a.Area(), Second: b.Area()}
	if o.First == 0 || o.Second == 0 || !a.Bounds().Meets(b.Bounds()) {
		return o, nil
	}
	both, err := annotate.Intersection(a, b)
	switch {
	case errors.Is(err, annotate.ErrNoArea):
		return o, nil
	case err != nil:
		return o, err
	}
	o.Both = both.Area()
	return o, nil
}

// maxSamples bounds the points on the outlines that Borders takes: each is
// measured against the other outline.
const maxSamples = 200_000

// Borders is how far the outlines of two shapes are apart, in level-0 pixels,
// from points on them no further apart than step to the nearest place of the
// other outline. The vertices are always among the points, so with a large step
// Hausdorff is GEOS's discrete distance; a small step brings it within step/2 of
// the true one. It returns ErrTooMany when that needs too many points.
func Borders(a, b annotate.ROI, step float64) (Apart, error) {
	pa, err := samples(a, step)
	if err != nil {
		return Apart{}, err
	}
	pb, err := samples(b, step)
	if err != nil {
		return Apart{}, err
	}
	return apart(toOutline(pa, b), toOutline(pb, a)), nil
}

func toOutline(points []annotate.Point, r annotate.ROI) []float64 {
	out := make([]float64, 0, len(points))
	for _, p := range points {
		if d := r.BoundaryDistance(p); !math.IsInf(d, 1) {
			out = append(out, d)
		}
	}
	return out
}

// samples are points on all outlines (or the line, or the points) of a shape:
// every vertex, and between two of them as many as step asks for.
func samples(r annotate.ROI, step float64) ([]annotate.Point, error) {
	var out []annotate.Point
	along := func(points []annotate.Point, closed bool) error {
		for i, p := range points {
			out = append(out, p)
			if i == len(points)-1 && !closed {
				break
			}
			q := points[(i+1)%len(points)]
			parts := 1.0
			if step > 0 {
				parts = math.Ceil(math.Hypot(q.X-p.X, q.Y-p.Y) / step)
			}
			if !(float64(len(out))+parts <= maxSamples) {
				return ErrTooMany
			}
			for k := 1.0; k < parts; k++ {
				out = append(out, annotate.Point{X: p.X + (q.X-p.X)*k/parts, Y: p.Y + (q.Y-p.Y)*k/parts})
			}
		}
		return nil
	}
	if !r.IsArea() {
		if r.Kind == annotate.KindLine {
			return out, along(r.Points, false)
		}
		return r.Points, nil
	}
	for _, p := range r.Outline() {
		for _, ring := range append([]annotate.Ring{p.Outer}, p.Holes...) {
			if err := along(ring, true); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
