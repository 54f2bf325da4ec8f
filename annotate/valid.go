package annotate

import (
	"fmt"
	"math"

	"github.com/peterstace/simplefeatures/geom"
)

// Limits of a ROI. They keep the arithmetic exact enough (a double resolves
// 1e-9 px at 1e7 px) and a hostile file small.
const (
	MaxCoordinate = 1e7       // level-0 pixels, absolute
	MaxVertices   = 2_000_000 // points of one ROI
)

// ID is the object that the change is about; zero when the change is empty.
func (c Change) ID() ID {
	switch {
	case c.After != nil:
		return c.After.ID
	case c.Before != nil:
		return c.Before.ID
	}
	return ID{}
}

// ID is the class that the change is about; zero when the change is empty.
func (c ClassChange) ID() ID {
	switch {
	case c.After != nil:
		return c.After.ID
	case c.Before != nil:
		return c.Before.ID
	}
	return ID{}
}

// Validate tells whether the edit makes sense by itself: it changes something,
// Before and After carry the same ID, no object or class occurs twice, objects
// have a slide, a well-formed ROI and scores that are numbers. It answers ErrInvalidEdit or
// ErrInvalidROI.
func (e Edit) Validate() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("annotate: edit %q: %s: %w", e.Label, fmt.Sprintf(format, a...), ErrInvalidEdit)
	}
	if len(e.Changes)+len(e.Classes) == 0 {
		return bad("it changes nothing")
	}
	if len(e.Changes) > 0 && e.Slide.IsZero() {
		return bad("objects without a slide")
	}
	seen := make(map[ID]struct{}, len(e.Changes)+len(e.Classes))
	pair := func(id ID, differ bool) error {
		if id.IsZero() {
			return bad("an empty change or an object without ID")
		}
		if differ {
			return bad("Before and After of %s have different IDs", id)
		}
		if _, ok := seen[id]; ok {
			return bad("%s occurs twice", id)
		}
		seen[id] = struct{}{}
		return nil
	}
	for _, c := range e.Changes {
		if err := pair(c.ID(), c.Before != nil && c.After != nil && c.Before.ID != c.After.ID); err != nil {
			return err
		}
		if c.After == nil {
			continue
		}
		if k := c.After.Kind; k != Annotation && k != Detection {
			return bad("object %s has the unknown kind %d", c.After.ID, k)
		}
		if by := c.After.By; !finite(by.Score) || !finite(by.Margin) {
			return bad("object %s has a score or margin that is not a number", c.After.ID)
		}
		if err := c.After.ROI.WellFormed(); err != nil {
			return fmt.Errorf("annotate: edit %q: object %s: %w", e.Label, c.After.ID, err)
		}
	}
	for _, c := range e.Classes {
		if err := pair(c.ID(), c.Before != nil && c.After != nil && c.Before.ID != c.After.ID); err != nil {
			return err
		}
		if c.After != nil && c.After.Name == "" {
			return bad("class %s has no name", c.After.ID)
		}
	}
	return nil
}

// WellFormed is the quick part of Validate: the points fit the kind, are
// finite, within MaxCoordinate and not more than MaxVertices. What a Set or a
// project holds is at least well formed.
func (r ROI) WellFormed() error {
	n := r.Vertices()
	if n == 0 || n > MaxVertices {
		return invalid("%d points; want 1 to %d", n, MaxVertices)
	}
	if !r.inRange() {
		return invalid("a coordinate is not a number or beyond ±%.0f pixels", float64(MaxCoordinate))
	}
	points, polygons := len(r.Points), len(r.Polygons)
	switch r.Kind {
	case KindPoint:
		if points != 1 || polygons != 0 {
			return invalid("a point with %d points", points)
		}
	case KindPoints:
		if polygons != 0 {
			return invalid("points with polygons")
		}
	case KindLine:
		if points < 2 || polygons != 0 {
			return invalid("a line with %d points", points)
		}
	case KindEllipse:
		if points != 2 || polygons != 0 || r.Points[0].X > r.Points[1].X || r.Points[0].Y > r.Points[1].Y {
			return invalid("an ellipse without its two corners")
		}
	case KindRectangle:
		if points != 0 || polygons != 1 || !isRectangle(r.Polygons[0]) {
			return invalid("a rectangle without four axis-parallel corners")
		}
	case KindPolygon:
		if points != 0 {
			return invalid("a polygon with loose points")
		}
		return r.enoughPoints()
	default:
		return invalid("unknown kind %d", r.Kind)
	}
	return nil
}

// inRange looks at every ring by itself: a box that is not a number is empty to
// Union, and a hole is in nobody's bounds.
func (r ROI) inRange() bool {
	within := func(ps []Point) bool {
		b := pointsBox(ps)
		return len(ps) == 0 || b.MinX >= -MaxCoordinate && b.MinY >= -MaxCoordinate && b.MaxX <= MaxCoordinate && b.MaxY <= MaxCoordinate
	}
	for _, p := range r.Polygons {
		if !within(p.Outer) {
			return false
		}
		for _, h := range p.Holes {
			if !within(h) {
				return false
			}
		}
	}
	return within(r.Points)
}

func (r ROI) enoughPoints() error {
	for _, p := range r.Polygons {
		for _, ring := range append([]Ring{p.Outer}, p.Holes...) {
			if len(ring) < 3 {
				return invalid("a ring of %d points", len(ring))
			}
		}
	}
	return nil
}

// isRectangle accepts the four corners in any order around the rectangle.
func isRectangle(p Polygon) bool {
	if len(p.Outer) != 4 || len(p.Holes) != 0 {
		return false
	}
	b := p.Outer.Bounds()
	for i, q := range p.Outer {
		if (q.X != b.MinX && q.X != b.MaxX) || (q.Y != b.MinY && q.Y != b.MaxY) {
			return false
		}
		n := p.Outer[(i+1)%4]
		if (q.X == n.X) == (q.Y == n.Y) {
			return false
		}
	}
	return true
}

// Validate tells whether the ROI is fit for measuring, exporting and showing:
// well formed, with an area where the kind has one, rings that neither cross
// nor touch themselves, holes inside their outer ring, and polygons that do not
// overlap (OGC 06-103r4 §6.1.11). It answers ErrInvalidROI with the reason;
// Repaired mends most of it.
func (r ROI) Validate() error {
	if err := r.WellFormed(); err != nil {
		return err
	}
	switch r.Kind {
	case KindEllipse, KindRectangle:
		if !(r.Area() > 0) {
			return invalid("no area")
		}
	case KindPolygon:
		return validPolygons(r.Polygons)
	case KindLine:
		if r.Perimeter() == 0 {
			return invalid("a line without length")
		}
	}
	return nil
}

func validPolygons(ps []Polygon) error {
	parts := make([]geom.Polygon, len(ps))
	for i, p := range ps {
		for _, ring := range append([]Ring{p.Outer}, p.Holes...) {
			if distinct(ring) < 3 {
				return invalid("a ring of %d distinct points", distinct(ring))
			}
		}
		parts[i] = toGeom(p)
		if err := judged(parts[i].Validate); err != nil {
			return err
		}
		if !(p.Area() > 0) {
			return invalid("no area")
		}
	}
	if len(parts) > 1 {
		return judged(geom.NewMultiPolygon(parts).Validate)
	}
	return nil
}

// distinct counts different points, and stops at three.
func distinct(r Ring) int {
	if len(r) == 0 {
		return 0
	}
	second := -1
	for i, p := range r {
		if p == r[0] {
			continue
		}
		if second < 0 {
			second = i
		} else if p != r[second] {
			return 3
		}
	}
	if second < 0 {
		return 1
	}
	return 2
}

func toGeom(p Polygon) geom.Polygon {
	rings := make([]geom.LineString, 0, 1+len(p.Holes))
	for _, r := range append([]Ring{p.Outer}, p.Holes...) {
		rings = append(rings, toLine(r))
	}
	return geom.NewPolygon(rings)
}

// toLine closes the ring.
func toLine(r Ring) geom.LineString {
	flat := make([]float64, 0, 2*len(r)+2)
	for _, p := range r {
		flat = append(flat, p.X, p.Y)
	}
	flat = append(flat, r[0].X, r[0].Y)
	return geom.NewLineString(geom.NewSequence(flat, geom.DimXY))
}

func fromGeom(p geom.Polygon) Polygon {
	q := Polygon{Outer: fromLine(p.ExteriorRing())}
	for i := range p.NumInteriorRings() {
		q.Holes = append(q.Holes, fromLine(p.InteriorRingN(i)))
	}
	return q
}

// fromLine opens the closed line.
func fromLine(l geom.LineString) Ring {
	s := l.Coordinates()
	r := make(Ring, max(0, s.Length()-1))
	for i := range r {
		xy := s.GetXY(i)
		r[i] = Point{xy.X, xy.Y}
	}
	return r
}

func invalid(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidROI, fmt.Sprintf(format, a...))
}

// judged calls a Validate of the geometry library, which panics when rounding
// lets two of its own predicates contradict each other. Such a shape is no use.
func judged(validate func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = invalid("edges too close to tell apart")
		}
	}()
	if err := validate(); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// guard turns a panic of the geometry library, and an area that is not a
// number, into an error.
func guard(f func() (geom.Geometry, error)) (g geom.Geometry, err error) {
	defer func() {
		if r := recover(); r != nil {
			g, err = geom.Geometry{}, invalid("geometry library: %v", r)
		}
	}()
	g, err = f()
	if err != nil {
		return geom.Geometry{}, invalid("geometry library: %v", err)
	}
	if math.IsNaN(g.Area()) {
		return geom.Geometry{}, invalid("geometry library: area is not a number")
	}
	return g, nil
}
