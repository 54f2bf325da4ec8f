package annotate

import (
	"fmt"
	"math"

	"github.com/peterstace/simplefeatures/geom"
)

// MaxCombined bounds the vertices that one operation of geometry takes
// together. Joining a million edges takes minutes and gigabytes, and a person
// who meets the limit is helped by Simplified.
const MaxCombined = 400_000

// Union is the area that any of the areas covers. Points and lines, which cover
// none, are passed over. It answers ErrNoArea when nothing is covered,
// ErrTooLarge beyond MaxCombined, and ErrInvalidROI for what cannot be mended.
func Union(areas ...ROI) (ROI, error) {
	g, err := together(areas)
	if err != nil {
		return ROI{}, err
	}
	return areaFrom(g)
}

// Intersection is the area that all of the areas cover; errors as of Union.
func Intersection(areas ...ROI) (ROI, error) {
	if err := combinable(areas); err != nil {
		return ROI{}, err
	}
	var sum geom.Geometry
	for i, a := range areas {
		g, err := area(a)
		if err != nil {
			return ROI{}, err
		}
		if i == 0 {
			sum = g
			continue
		}
		if sum, err = overlay(geom.Intersection, sum, g); err != nil {
			return ROI{}, err
		}
	}
	return areaFrom(sum)
}

// Subtract is the area of a without that of the others; errors as of Union.
func Subtract(a ROI, others ...ROI) (ROI, error) {
	if err := combinable(append([]ROI{a}, others...)); err != nil {
		return ROI{}, err
	}
	g, err := area(a)
	if err != nil {
		return ROI{}, err
	}
	box := a.Bounds()
	var near []ROI
	for _, o := range others {
		if o.IsArea() && o.Bounds().Meets(box) {
			near = append(near, o)
		}
	}
	if len(near) == 0 {
		return areaFrom(g)
	}
	cut, err := together(near)
	if err != nil {
		return ROI{}, err
	}
	if g, err = overlay(geom.Difference, g, cut); err != nil {
		return ROI{}, err
	}
	return areaFrom(g)
}

// Xor is the area that exactly one of the two covers; errors as of Union.
func Xor(a, b ROI) (ROI, error) {
	if err := combinable([]ROI{a, b}); err != nil {
		return ROI{}, err
	}
	g, err := area(a)
	if err != nil {
		return ROI{}, err
	}
	h, err := area(b)
	if err != nil {
		return ROI{}, err
	}
	if g, err = overlay(geom.SymmetricDifference, g, h); err != nil {
		return ROI{}, err
	}
	return areaFrom(g)
}

// combinable holds the limits of an operation.
func combinable(areas []ROI) error {
	vertices := 0
	for _, a := range areas {
		if err := a.WellFormed(); err != nil {
			return err
		}
		vertices += a.Vertices()
	}
	if vertices > MaxCombined {
		return fmt.Errorf("%d vertices together, at most %d: %w", vertices, MaxCombined, ErrTooLarge)
	}
	return nil
}

// together joins the areas at once, which is right and quick where joining one
// by one is slow.
func together(areas []ROI) (geom.Geometry, error) {
	if err := combinable(areas); err != nil {
		return geom.Geometry{}, err
	}
	var parts []geom.Geometry
	largest := 0.0
	for _, a := range areas {
		if !a.IsArea() {
			continue
		}
		g, err := area(a)
		if err != nil {
			return geom.Geometry{}, err
		}
		largest = max(largest, g.Area())
		parts = append(parts, g)
	}
	if len(parts) == 0 {
		return geom.Geometry{}, ErrNoArea
	}
	g, err := union(parts)
	if err != nil {
		return g, err
	}
	if g.Area() < largest*(1-1e-6) {
		return g, invalid("the union of %d areas lost some of it", len(parts))
	}
	return g, nil
}

// area is a ROI's area in the library's terms, mended where it needs it.
func area(r ROI) (geom.Geometry, error) {
	if !r.IsArea() {
		return geom.Geometry{}, fmt.Errorf("%s covers no area: %w", r.Kind, ErrNoArea)
	}
	if r.Kind == KindPolygon {
		var err error
		if r, _, err = r.Repaired(); err != nil {
			return geom.Geometry{}, err
		}
	}
	return polygonal(r.Outline()), nil
}

// polygonal is valid, disjoint polygons in the library's terms.
func polygonal(ps []Polygon) geom.Geometry {
	if len(ps) == 1 {
		return toGeom(ps[0]).AsGeometry()
	}
	parts := make([]geom.Polygon, len(ps))
	for i, p := range ps {
		parts[i] = toGeom(p)
	}
	return geom.NewMultiPolygon(parts).AsGeometry()
}

// overlay guards an operation of the library on two areas.
func overlay(op func(a, b geom.Geometry) (geom.Geometry, error), a, b geom.Geometry) (geom.Geometry, error) {
	return guard(func() (geom.Geometry, error) { return op(a, b) })
}

// areaFrom is what the library made, as a valid ROI.
func areaFrom(g geom.Geometry) (ROI, error) {
	ps := polygonsOf(g)
	kept := ps[:0]
	for _, p := range ps {
		if p.Area() > 0 { // a sliver between two roundings may have none
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return ROI{}, ErrNoArea
	}
	kept, err := RepairPolygons(kept)
	if err != nil {
		return ROI{}, err
	}
	r := ROI{Kind: KindPolygon, Polygons: kept}
	if had, has := g.Area(), r.Area(); math.Abs(had-has) > 1e-6*max(1, had) {
		return ROI{}, invalid("mending the result would change its area from %g to %g", had, has)
	}
	return r, r.WellFormed()
}
