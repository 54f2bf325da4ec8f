package annotate

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestROI_Measures(t *testing.T) {
	hole := ROI{Kind: KindPolygon, Polygons: []Polygon{{
		Outer: Ring{{0, 0}, {100, 0}, {100, 100}, {0, 100}}, Holes: []Ring{{{0, 0}, {50, 0}, {50, 50}, {0, 50}}}}}}
	far := hole.Translate(9e6, -9e6)
	for name, c := range map[string]struct {
		roi             ROI
		area, perimeter float64
		centroid        Point
		box             Box
	}{
		"rectangle": {Rectangle(30, 40, 10, 20), 400, 80, Point{20, 30}, Box{10, 20, 30, 40}},
		"ellipse":   {Ellipse(0, 0, 100, 100), 7853.981633974483, 314.1592653589793, Point{50, 50}, Box{0, 0, 100, 100}},
		"hole":      {hole, 7500, 600, Point{(100*100*50 - 50*50*25) / 7500., (100*100*50 - 50*50*25) / 7500.}, Box{0, 0, 100, 100}},
		"far":       {far, 7500, 600, Point{9e6 + 437500/7500., -9e6 + 437500/7500.}, Box{9e6, -9e6, 9e6 + 100, -9e6 + 100}},
		"point":     {PointAt(3, 4), 0, 0, Point{3, 4}, Box{3, 4, 3, 4}},
		"points":    {ROI{Kind: KindPoints, Points: []Point{{0, 0}, {3, 0}, {0, 3}}}, 0, 0, Point{1, 1}, Box{0, 0, 3, 3}},
		"line":      {ROI{Kind: KindLine, Points: []Point{{0, 0}, {10, 0}, {10, 10}}}, 0, 20, Point{7.5, 2.5}, Box{0, 0, 10, 10}},
	} {
		c2 := c.roi.Centroid()
		if !near(c.roi.Area(), c.area, 1e-15) || !near(c.roi.Perimeter(), c.perimeter, 1e-15) ||
			!near(c2.X, c.centroid.X, 1e-15) || !near(c2.Y, c.centroid.Y, 1e-15) || c.roi.Bounds() != c.box {
			t.Errorf("%s: area %v, perimeter %v, centroid %v, bounds %v", name, c.roi.Area(), c.roi.Perimeter(), c2, c.roi.Bounds())
		}
	}
	// An ellipse's perimeter against the sum over its outline.
	e := Ellipse(0, 0, 2000, 400)
	ring := EllipseRing(e.Bounds(), 1e-9)
	if got := e.Perimeter(); !near(got, ring.length(), 1e-5) || len(ring) != 1024 {
		t.Errorf("ellipse perimeter %v, outline of %d points %v", got, len(ring), ring.length())
	}
}

// TestROI_Contains_Edges holds the half-open rule: every pixel of a grid
// belongs to exactly one of the polygons that share it.
func TestROI_Contains_Edges(t *testing.T) {
	r := Rectangle(0, 0, 10, 10)
	for p, want := range map[Point]bool{{0, 0}: true, {0, 5}: true, {5, 0}: true, {10, 5}: false, {5, 10}: false, {10, 10}: false, {0, 10}: false, {10, 0}: false, {5, 5}: true, {-1, 5}: false} {
		if r.Contains(p) != want || r.Bounds().Contains(p) != want {
			t.Errorf("%v in the rectangle: %v, in its box: %v; want %v", p, r.Contains(p), r.Bounds().Contains(p), want)
		}
	}
	// A square cut by lines from an inner point; the parts turn both ways.
	rng := rand.New(rand.NewPCG(5, 5))
	corners := Ring{{0, 0}, {100, 0}, {100, 100}, {0, 100}}
	for range 100 {
		c := Point{math.Round(rng.Float64()*80) + 10, math.Round(rng.Float64()*80) + 10}
		var parts []ROI
		for i := range corners {
			ring := Ring{corners[i], corners[(i+1)%4], c}
			if i%2 == 0 {
				ring[0], ring[1] = ring[1], ring[0]
			}
			parts = append(parts, Area(ring))
		}
		check := func(p Point) {
			n := 0
			for _, r := range parts {
				if r.Contains(p) {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("point %v lies in %d parts around %v", p, n, c)
			}
		}
		check(c)
		for range 50 {
			k := rng.Float64()
			a := corners[rng.IntN(4)]
			check(Point{math.Floor(rng.Float64() * 100), math.Floor(rng.Float64() * 100)})
			if p := (Point{c.X + k*(a.X-c.X), c.Y + k*(a.Y-c.Y)}); p.X < 100 && p.Y < 100 {
				check(p)
			}
		}
	}
	if PointAt(1, 1).Contains(Point{1, 1}) {
		t.Error("a point contains something")
	}
}

func TestROI_Distance(t *testing.T) {
	r := Rectangle(0, 0, 10, 10)
	line := ROI{Kind: KindLine, Points: []Point{{0, 0}, {10, 0}}}
	for _, c := range []struct {
		roi        ROI
		p          Point
		dist, edge float64
	}{
		{r, Point{5, 5}, 0, 5}, {r, Point{13, 14}, 5, 5}, {r, Point{5, -2}, 2, 2}, {line, Point{5, 3}, 3, 3}, {line, Point{13, 4}, 5, 5},
		{PointAt(1, 1), Point{4, 5}, 5, 5}, {Ellipse(0, 0, 100, 100), Point{50, 50}, 0, 50},
	} {
		if d, e := c.roi.Distance(c.p), c.roi.BoundaryDistance(c.p); !near(d, c.dist, 0.005) || !near(e, c.edge, 0.005) {
			t.Errorf("%v from %v: %v, %v to the edge", c.p, c.roi, d, e)
		}
	}
}

func TestEllipseRing_StaysNear(t *testing.T) {
	for _, b := range []Box{{0, 0, 10, 10}, {100, 200, 5100, 900}, {-1e6, 0, 1e6, 3}} {
		ring := EllipseRing(b, 0.25)
		c, rx, ry := b.Center(), b.Width()/2, b.Height()/2
		for i, p := range ring {
			q := ring[(i+1)%len(ring)]
			for _, m := range []Point{p, {(p.X + q.X) / 2, (p.Y + q.Y) / 2}} {
				x, y := (m.X-c.X)/rx, (m.Y-c.Y)/ry
				if off := math.Abs(1 - math.Hypot(x, y)); off*max(rx, ry) > 0.25 && len(ring) < 1024 {
					t.Fatalf("%v: %v is %v off", b, m, off*max(rx, ry))
				}
			}
		}
		if ring.Bounds() != b || Area(ring).Validate() != nil {
			t.Errorf("%v: ring of %d points has bounds %v", b, len(ring), ring.Bounds())
		}
	}
}

func TestROI_Validate_Refuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	sq := Ring{{0, 0}, {10, 0}, {10, 10}, {0, 10}}
	poly := func(ps ...Polygon) ROI { return ROI{Kind: KindPolygon, Polygons: ps} }
	for name, r := range map[string]ROI{
		"nothing":           {},
		"unknown kind":      {Kind: 9, Points: []Point{{0, 0}}},
		"two points":        {Kind: KindPoint, Points: []Point{{0, 0}, {1, 1}}},
		"short line":        {Kind: KindLine, Points: []Point{{0, 0}}},
		"line in place":     {Kind: KindLine, Points: []Point{{1, 1}, {1, 1}}},
		"not a number":      Area(Ring{{0, 0}, {nan, 0}, {1, 1}}),
		"infinite":          Area(Ring{{0, 0}, {inf, 0}, {1, 1}}),
		"too far":           Area(Ring{{0, 0}, {1.1e7, 0}, {1, 1}}),
		"two vertices":      Area(Ring{{0, 0}, {1, 1}}),
		"two distinct":      Area(Ring{{0, 0}, {1, 1}, {0, 0}, {1, 1}}),
		"flat":              Area(Ring{{0, 0}, {1, 1}, {2, 2}}),
		"bow-tie":           Area(Ring{{0, 0}, {10, 10}, {10, 0}, {0, 10}}),
		"spike":             Area(Ring{{0, 0}, {10, 0}, {10, 10}, {10, 20}, {10, 10}, {0, 10}}),
		"touches itself":    Area(Ring{{0, 0}, {10, 0}, {5, 5}, {10, 10}, {0, 10}, {5, 5}}),
		"hole outside":      poly(Polygon{Outer: sq, Holes: []Ring{{{20, 20}, {21, 20}, {21, 21}}}}),
		"hole across":       poly(Polygon{Outer: sq, Holes: []Ring{{{5, 5}, {15, 5}, {5, 8}}}}),
		"holes overlap":     poly(Polygon{Outer: sq, Holes: []Ring{{{1, 1}, {5, 1}, {5, 5}}, {{2, 1.5}, {6, 1.5}, {6, 5}}}}),
		"overlap":           poly(Polygon{Outer: sq}, Polygon{Outer: Ring{{5, 5}, {15, 5}, {15, 15}}}),
		"twice":             poly(Polygon{Outer: sq}, Polygon{Outer: sq}),
		"empty rectangle":   Rectangle(1, 1, 1, 5),
		"turned rectangle":  {Kind: KindRectangle, Polygons: []Polygon{{Outer: Ring{{0, 5}, {5, 0}, {10, 5}, {5, 10}}}}},
		"empty ellipse":     Ellipse(1, 1, 1, 5),
		"ellipse backwards": {Kind: KindEllipse, Points: []Point{{5, 5}, {1, 1}}},
		"ellipse corner":    {Kind: KindEllipse, Points: []Point{{5, 5}}},
	} {
		if err := r.Validate(); !errors.Is(err, ErrInvalidROI) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range map[string]ROI{
		"rectangle":          Rectangle(5, 5, 1, 1),
		"touching holes":     poly(Polygon{Outer: sq, Holes: []Ring{{{0, 5}, {5, 4}, {5, 6}}}}),
		"touching polygons":  poly(Polygon{Outer: sq}, Polygon{Outer: Ring{{10, 10}, {20, 10}, {20, 20}}}),
		"island in the hole": poly(Polygon{Outer: sq, Holes: []Ring{{{2, 2}, {8, 2}, {8, 8}, {2, 8}}}}, Polygon{Outer: Ring{{4, 4}, {5, 4}, {5, 5}}}),
		"clockwise":          Area(Ring{{0, 10}, {10, 10}, {10, 0}, {0, 0}}),
		"one point":          PointAt(-1e7, 1e7),
	} {
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRepair_Cases(t *testing.T) {
	loop := Ring{} // a circle drawn twice: even-odd would empty it
	for i := range 80 {
		s, c := math.Sincos(float64(i) * 2 * math.Pi / 40)
		k := 100 + float64(i)/10
		loop = append(loop, Point{k * c, k * s})
	}
	for name, c := range map[string]struct {
		in       ROI
		area     float64
		polygons int
	}{
		"valid stays":   {Area(Ring{{0, 0}, {10, 0}, {10, 10}}), 50, 1},
		"bow-tie":       {Area(Ring{{0, 0}, {10, 10}, {10, 0}, {0, 10}}), 50, 2},
		"spike":         {Area(Ring{{0, 0}, {10, 0}, {10, 10}, {10, 20}, {10, 10}, {0, 10}}), 100, 1},
		"drawn twice":   {Area(loop), 0, 1},
		"hole outside":  {ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Ring{{0, 0}, {10, 0}, {10, 10}, {0, 10}}, Holes: []Ring{{{20, 20}, {30, 20}, {30, 30}}}}}}, 100, 1},
		"hole across":   {ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Ring{{0, 0}, {10, 0}, {10, 10}, {0, 10}}, Holes: []Ring{{{5, 0}, {15, 0}, {15, 10}, {5, 10}}}}}}, 50, 1},
		"overlap":       {ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Ring{{0, 0}, {10, 0}, {10, 10}, {0, 10}}}, {Outer: Ring{{5, 0}, {15, 0}, {15, 10}, {5, 10}}}}}, 150, 1},
		"one is no use": {ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Ring{{0, 0}, {10, 0}, {10, 10}, {0, 10}}}, {Outer: Ring{{5, 5}, {6, 6}, {7, 7}}}}}, 100, 1},
	} {
		got, changed, err := c.in.Repaired()
		if err != nil || got.Validate() != nil || len(got.Polygons) != c.polygons || changed != (c.in.Validate() != nil) {
			t.Errorf("%s: %v %v %+v", name, err, changed, got)
			continue
		}
		if c.area != 0 && !near(got.Area(), c.area, 1e-12) {
			t.Errorf("%s: area %v, want %v", name, got.Area(), c.area)
		}
		if name == "drawn twice" && (len(got.Polygons[0].Holes) != 0 || got.Area() < math.Pi*100*100*0.98) {
			t.Errorf("a loop drawn twice has area %v and %d holes", got.Area(), len(got.Polygons[0].Holes))
		}
	}
	for name, r := range map[string]Ring{"flat": {{0, 0}, {1, 1}, {2, 2}}, "there and back": {{0, 0}, {5, 0}, {9, 3}, {5, 0}}, "one point": {{1, 1}, {1, 1}, {1, 1}},
		"not a number": {{0, 0}, {math.NaN(), 1}, {1, 0}}} {
		if ps, err := Repair(r); !errors.Is(err, ErrInvalidROI) {
			t.Errorf("%s: %v %v", name, ps, err)
		}
	}
}

func FuzzRepair(f *testing.F) {
	f.Add([]byte{0, 0, 9, 9, 9, 0, 0, 9}, 1.0, 0.0)
	f.Add([]byte{0, 0, 5, 0, 5, 5, 5, 0, 1, 7, 200, 3}, 0.01, 12345.678)
	f.Fuzz(func(t *testing.T, b []byte, scale, shift float64) {
		if !(math.Abs(scale) < 1e4) || !(math.Abs(shift) < 1e6) || len(b) > 400 {
			return
		}
		var r Ring
		for i := 0; i+1 < len(b); i += 2 {
			r = append(r, Point{shift + scale*float64(b[i]), shift - scale*float64(b[i+1])})
		}
		ps, err := Repair(r)
		if err != nil {
			if !errors.Is(err, ErrInvalidROI) {
				t.Fatal(err)
			}
			// Giving up is right only where there is hardly any area.
			in, box := 0, r.Bounds()
			for k := range 256 {
				p := Point{box.MinX + box.Width()*(float64(k%16)+0.5)/16, box.MinY + box.Height()*(float64(k/16)+0.5)/16}
				if r.winding(p) != 0 {
					in++
				}
			}
			if in > 32 && len(r) > 2 && box.Width() > 1 && box.Height() > 1 {
				t.Fatalf("%v, though about %d/256 of the box is inside: %v", err, in, r)
			}
			return
		}
		if err := (ROI{Kind: KindPolygon, Polygons: ps}).Validate(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkRepair_Scribble(b *testing.B) {
	r := scribble(rand.New(rand.NewPCG(7, 7)), 200)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Repair(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkROI_Validate_40(b *testing.B) {
	r := Area(star(rand.New(rand.NewPCG(7, 7)), 0, 0, 30, 40))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkROI_Contains_2000(b *testing.B) {
	r := Area(star(rand.New(rand.NewPCG(7, 7)), 0, 0, 3000, 2000))
	b.ReportAllocs()
	for b.Loop() {
		r.Contains(Point{17, 19})
	}
}
