package annotate

import (
	"fmt"
	"math"
	"slices"

	"github.com/peterstace/simplefeatures/geom"
)

// Split cuts an area along a line (level-0 pixels). Each piece is a ROI; parts
// of the area that the line does not cut stay with the largest piece. A line
// that cuts nothing off answers the area alone. Errors as of Union.
func (r ROI) Split(line []Point) ([]ROI, error) {
	if !r.IsArea() {
		return nil, fmt.Errorf("%s cannot be cut: %w", r.Kind, ErrNoArea)
	}
	knife := ROI{Kind: KindLine, Points: slices.Compact(slices.Clone(line))}
	if err := combinable([]ROI{r, knife}); err != nil {
		return nil, err
	}
	whole, _, err := r.Repaired()
	if err != nil {
		return nil, err
	}
	var cut, uncut []Polygon
	for _, p := range whole.Outline() {
		pieces, err := splitPolygon(p, knife.Points)
		if err != nil {
			return nil, err
		}
		if len(pieces) > 1 {
			cut = append(cut, pieces...)
		} else {
			uncut = append(uncut, p)
		}
	}
	if len(cut) == 0 {
		return []ROI{r}, nil
	}
	slices.SortStableFunc(cut, func(a, b Polygon) int { return -compare(a.Area(), b.Area()) })
	out := make([]ROI, len(cut))
	for i, p := range cut {
		out[i] = ROI{Kind: KindPolygon, Polygons: []Polygon{p}}
	}
	out[0].Polygons = append(out[0].Polygons, uncut...)
	for i := range out { // cutting rounds, and what lay 1e-12 px apart may touch now
		if out[i], _, err = out[i].Repaired(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func compare(a, b float64) int {
	if a == b {
		return 0
	}
	return sign(a - b)
}

// splitPolygon is the faces of the net that outline and line make, as far as
// they lie in the polygon.
func splitPolygon(p Polygon, line []Point) ([]Polygon, error) {
	lines := []geom.LineString{toOpenLine(line)}
	for _, ring := range append([]Ring{p.Outer}, p.Holes...) {
		lines = append(lines, toLine(ring))
	}
	noded, err := guard(func() (geom.Geometry, error) {
		return geom.UnaryUnion(geom.NewMultiLineString(lines).AsGeometry())
	})
	if err != nil {
		return nil, err
	}
	faces := newNet(noded).faces()
	whole := toGeom(p).AsGeometry()
	var pieces []Polygon
	sum := 0.0
	for i, face := range faces {
		g, err := withoutNested(i, faces)
		if err != nil {
			return nil, err
		}
		size := math.Abs(face.SignedArea())
		if g, err = overlay(geom.Intersection, g, whole); err != nil {
			return nil, err
		}
		for _, q := range polygonsOf(g) {
			if q.Area() <= 1e-9*size {
				continue
			}
			mended, err := RepairPolygons([]Polygon{q})
			if err != nil {
				return nil, err
			}
			pieces = append(pieces, mended...)
			for _, m := range mended {
				sum += m.Area()
			}
		}
	}
	if had := p.Area(); math.Abs(sum-had) > 1e-6*had {
		return nil, invalid("the pieces have an area of %g, the whole %g", sum, had)
	}
	return pieces, nil
}

// withoutNested is a face without those that lie free in it: an outline that
// nothing joins to the face's own is not part of the ring around it.
func withoutNested(i int, faces []Ring) (geom.Geometry, error) {
	g, err := faceArea(faces[i])
	if err != nil {
		return g, err
	}
	box, size := faces[i].Bounds(), faces[i].SignedArea()
	var nested []geom.Geometry
	for k, f := range faces {
		if k == i || f.SignedArea() >= size || !f.Bounds().Meets(box) {
			continue
		}
		if at, ok := f.innerPoint(); ok && faces[i].Contains(at) {
			inner, err := faceArea(f)
			if err != nil {
				return g, err
			}
			nested = append(nested, inner)
		}
	}
	if len(nested) == 0 {
		return g, nil
	}
	h, err := union(nested)
	if err != nil {
		return g, err
	}
	return overlay(geom.Difference, g, h)
}

// faceArea is a face in the library's terms; one that touches itself in a point
// is parted there.
func faceArea(face Ring) (geom.Geometry, error) {
	ps, err := wound(face)
	if err != nil {
		return geom.Geometry{}, err
	}
	return polygonal(ps), nil
}
