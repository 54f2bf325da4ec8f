package annotate

import (
	"math"
	"testing"
)

func TestTransform_KeepsKindAndSize(t *testing.T) {
	about := Point{50, 70}
	for _, r := range []ROI{Rectangle(10, 20, 40, 30), Ellipse(10, 20, 40, 30), Area(Ring{{10, 20}, {40, 20}, {30, 50}}), PointAt(3, 4),
		{Kind: KindLine, Points: []Point{{1, 2}, {5, 9}, {7, 7}}}} {
		for _, angle := range []float64{math.Pi / 2, math.Pi, -math.Pi / 2, 0.3} {
			q := r.Rotated(about, angle)
			if err := q.Validate(); err != nil {
				t.Errorf("%s turned by %g: %v", r.Kind, angle, err)
			}
			loose := 1e-9
			if r.Kind == KindEllipse && angle == 0.3 {
				loose = 0.02 // its outline
			}
			if !near(q.Area(), r.Area(), loose) || q.Kind != r.Kind && angle != 0.3 {
				t.Errorf("%s turned by %g is a %s of area %g, was %g", r.Kind, angle, q.Kind, q.Area(), r.Area())
			}
			back := q.Rotated(about, -angle)
			if b, c := back.Bounds(), r.Bounds(); math.Abs(b.MinX-c.MinX) > 0.3 || math.Abs(b.MaxY-c.MaxY) > 0.3 {
				t.Errorf("%s turned by %g and back lies at %+v, was at %+v", r.Kind, angle, b, c)
			}
		}
		if m := r.Mirrored(25).Mirrored(25); m.Bounds() != r.Bounds() || m.Kind != r.Kind {
			t.Errorf("%s mirrored twice: %+v", r.Kind, m)
		}
		if f := r.Flipped(25); f.Validate() != nil || !near(f.Area(), r.Area(), 1e-12) {
			t.Errorf("%s upside down: %+v", r.Kind, f)
		}
		if s := r.Scaled(about, 2, 3); !near(s.Area(), 6*r.Area(), 1e-12) {
			t.Errorf("%s made larger has area %g", r.Kind, s.Area())
		}
	}
}

func TestAngle(t *testing.T) {
	for _, c := range []struct {
		a, b, c Point
		x, y    float64
		want    float64
	}{
		{Point{1, 0}, Point{}, Point{0, 1}, 1, 1, 90}, {Point{1, 0}, Point{}, Point{-1, 0}, 1, 1, 180}, {Point{1, 0}, Point{}, Point{2, 0}, 1, 1, 0},
		{Point{1, 0}, Point{}, Point{1, 1}, 0.25, 0.5, math.Atan(2) * 180 / math.Pi},
	} {
		if got := Angle(c.a, c.b, c.c, c.x, c.y); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v %v %v: %v, want %v", c.a, c.b, c.c, got, c.want)
		}
	}
}

func TestVertices_InAndOut(t *testing.T) {
	r := ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Ring{{0, 0}, {10, 0}, {10, 10}, {0, 10}}, Holes: []Ring{{{4, 4}, {6, 4}, {6, 6}}}}}}
	q, i, ok := r.InsertedVertex(Point{6.2, 5})
	if !ok || i != 6 || len(q.Polygons[0].Holes[0]) != 4 || q.Polygons[0].Holes[0][2] != (Point{6.2, 5}) {
		t.Errorf("%v %d %v", q, i, ok)
	}
	q, i, ok = r.InsertedVertex(Point{-1, 5})
	if !ok || i != 4 || q.Polygons[0].Outer[4] != (Point{-1, 5}) || len(r.Polygons[0].Outer) != 4 {
		t.Errorf("on the closing edge: %v %d %v", q, i, ok)
	}
	q, ok = r.RemovedVertex(5)
	if !ok || len(q.Polygons[0].Holes) != 0 || len(q.Polygons[0].Outer) != 4 {
		t.Errorf("a hole less than a triangle stays: %v %v", q, ok)
	}
	if _, ok = Area(Ring{{0, 0}, {1, 0}, {0, 1}}).RemovedVertex(1); ok {
		t.Error("a triangle lost a vertex")
	}
	if _, ok = PointAt(1, 1).RemovedVertex(0); ok {
		t.Error("a point lost itself")
	}
	if _, _, ok = PointAt(1, 1).InsertedVertex(Point{2, 2}); ok {
		t.Error("a point got a vertex")
	}
	if _, ok = r.RemovedVertex(99); ok {
		t.Error("a vertex that is not there was taken")
	}
	line := ROI{Kind: KindLine, Points: []Point{{0, 0}, {10, 0}}}
	if q, i, ok := line.InsertedVertex(Point{5, 1}); !ok || i != 1 || len(q.Points) != 3 {
		t.Errorf("%v %d %v", q, i, ok)
	}
}

func TestSpline_PassesItsKnots(t *testing.T) {
	knots := []Point{{0, 0}, {100, 0}, {100, 0}, {120, 80}, {10, 90}}
	ring := Spline(knots, 0.25)
	for _, p := range ring {
		if !finite(p.X) || !finite(p.Y) {
			t.Fatalf("%v in a spline with a knot twice", p)
		}
	}
	for _, k := range knots {
		if ring.distance(k) > 1e-9 {
			t.Errorf("the curve passes %v at %g", k, ring.distance(k))
		}
	}
	if len(Spline(knots[:2], 1)) != 2 {
		t.Error("two knots are no curve")
	}
}
