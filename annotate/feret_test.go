package annotate

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestMeasured_Known(t *testing.T) {
	ring := ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Rectangle(0, 0, 40, 30).Polygons[0].Outer, Holes: []Ring{Rectangle(10, 10, 20, 20).Polygons[0].Outer}}}}
	for name, c := range map[string]struct {
		roi  ROI
		x, y float64
		want Measures
	}{
		"a ring":          {ring, 1, 1, Measures{Area: 1100, Perimeter: 180, Length: math.NaN(), FeretMax: 50, FeretMin: 30, FeretAngle: math.Atan2(30, 40) * 180 / math.Pi, Circularity: 4 * math.Pi * 1200 / 19600, Solidity: 1, Angle: math.NaN(), Holes: 1, Parts: 1}},
		"at 0.25 × 0.5":   {ring, 0.25, 0.5, Measures{Area: 137.5, Perimeter: 65, Length: math.NaN(), FeretMax: math.Hypot(10, 15), FeretMin: 10, FeretAngle: math.Atan2(15, 10) * 180 / math.Pi, Circularity: 4 * math.Pi * 150 / 2500, Solidity: 1, Angle: math.NaN(), Holes: 1, Parts: 1}},
		"a circle":        {Ellipse(0, 0, 20, 20), 0.5, 0.5, Measures{Area: 25 * math.Pi, Perimeter: 10 * math.Pi, Length: math.NaN(), FeretMax: 10, FeretMin: 10, Circularity: 1, Solidity: 1, Angle: math.NaN(), Parts: 1}},
		"a line":          {ROI{Kind: KindLine, Points: []Point{{0, 0}, {3, 4}, {3, 8}}}, 2, 2, Measures{Area: math.NaN(), Perimeter: math.NaN(), Length: 18, FeretMax: 2 * math.Hypot(3, 8), FeretMin: 24 / math.Hypot(3, 8) * 1, FeretAngle: math.Atan2(8, 3) * 180 / math.Pi, Circularity: math.NaN(), Solidity: math.NaN(), Angle: 180 - math.Atan2(3, 4)*180/math.Pi, Parts: 1}},
		"points":          {ROI{Kind: KindPoints, Points: []Point{{0, 0}, {3, 4}}}, 1, 1, Measures{Area: math.NaN(), Perimeter: math.NaN(), Length: math.NaN(), FeretMax: math.NaN(), FeretMin: math.NaN(), FeretAngle: math.NaN(), Circularity: math.NaN(), Solidity: math.NaN(), Angle: math.NaN(), Parts: 2}},
		"a straight line": {ROI{Kind: KindLine, Points: []Point{{0, 0}, {0, 7}}}, 1, 1, Measures{Area: math.NaN(), Perimeter: math.NaN(), Length: 7, FeretMax: 7, FeretMin: 0, FeretAngle: 90, Circularity: math.NaN(), Solidity: math.NaN(), Angle: math.NaN(), Parts: 1}},
	} {
		got := c.roi.Measured(c.x, c.y)
		for what, v := range map[string][2]float64{"area": {got.Area, c.want.Area}, "perimeter": {got.Perimeter, c.want.Perimeter}, "length": {got.Length, c.want.Length},
			"feret max": {got.FeretMax, c.want.FeretMax}, "feret min": {got.FeretMin, c.want.FeretMin}, "feret angle": {got.FeretAngle, c.want.FeretAngle},
			"circularity": {got.Circularity, c.want.Circularity}, "solidity": {got.Solidity, c.want.Solidity}, "angle": {got.Angle, c.want.Angle},
			"holes": {float64(got.Holes), float64(c.want.Holes)}, "parts": {float64(got.Parts), float64(c.want.Parts)}} {
			if !near(v[0], v[1], 1e-9) && !(math.IsNaN(v[0]) && math.IsNaN(v[1])) {
				t.Errorf("%s: %s %v, want %v", name, what, v[0], v[1])
			}
		}
	}
}

// TestFeret_AgainstAllPairs compares the calipers with every pair of points and
// every edge.
func TestFeret_AgainstAllPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 400 {
		var ps []Point
		for range 3 + rng.IntN(30) {
			ps = append(ps, Point{float64(rng.IntN(40)), float64(rng.IntN(20))})
		}
		hull := hullOf(append([]Point(nil), ps...))
		most, least, _ := feret(hull)
		want, narrow := 0.0, math.Inf(1)
		for _, p := range ps {
			for _, q := range ps {
				want = max(want, dist(p, q))
			}
		}
		for i, a := range hull {
			b := hull[(i+1)%len(hull)]
			wide := 0.0
			for _, p := range ps {
				wide = max(wide, math.Abs((b.X-a.X)*(p.Y-a.Y)-(b.Y-a.Y)*(p.X-a.X))/max(dist(a, b), 1e-300))
			}
			if len(hull) > 2 {
				narrow = min(narrow, wide)
			} else {
				narrow = 0
			}
		}
		if !near(most, want, 1e-12) || !near(least, narrow, 1e-12) {
			t.Fatalf("calipers %v and %v, want %v and %v, of %v", most, least, want, narrow, ps)
		}
	}
}

func TestMeasured_LikeShapely(t *testing.T) {
	var in []polygons
	var got []Measures
	for i := range 60 {
		a, _ := shapePair(i)
		in = append(in, asPolygons(a))
		got = append(got, a.Measured(1, 1))
	}
	var want []struct{ Width, Height, Hull, Full float64 }
	shapely(t, `
import math
for d in data:
    a = MultiPolygon([(p["Outer"], p["Holes"]) for p in d])
    r = a.minimum_rotated_rectangle
    h = list(a.convex_hull.exterior.coords)
    most = max(math.dist(p, q) for p in h for q in h)
    least = 1e300
    for p, q in zip(h, h[1:]):
        l = math.dist(p, q)
        if l > 0: least = min(least, max(abs((q[0]-p[0])*(x[1]-p[1])-(q[1]-p[1])*(x[0]-p[0]))/l for x in h))
    out.append(dict(Width=most, Height=least, Hull=a.convex_hull.area, Full=sum(Polygon(g.exterior).area for g in a.geoms)))`, in, &want)
	for i, w := range want {
		if g := got[i]; !near(g.FeretMax, w.Width, 1e-9) || !near(g.FeretMin, w.Height, 1e-9) || !near(g.Solidity, w.Full/w.Hull, 1e-9) {
			t.Errorf("%d: %+v, want %+v", i, g, w)
		}
	}
}

// bruteHotSpot tries every circle that can be best: through two points, and
// around each.
func bruteHotSpot(ps []Point, r float64) int {
	best := 0
	try := func(c Point) {
		n := 0
		for _, p := range ps {
			if dist(c, p) <= r*(1+1e-9) {
				n++
			}
		}
		best = max(best, n)
	}
	for i, a := range ps {
		try(a)
		for _, b := range ps[i+1:] {
			d := dist(a, b)
			if d == 0 || d > 2*r {
				continue
			}
			h := math.Sqrt(max(0, r*r-d*d/4))
			mx, my := (a.X+b.X)/2, (a.Y+b.Y)/2
			try(Point{mx - h*(b.Y-a.Y)/d, my + h*(b.X-a.X)/d})
			try(Point{mx + h*(b.Y-a.Y)/d, my - h*(b.X-a.X)/d})
		}
	}
	return best
}

func TestHotSpot_AgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range 600 {
		var ps []Point
		for range rng.IntN(60) {
			p := Point{rng.Float64() * 20, rng.Float64() * 20}
			if i%3 == 0 { // a grid: points exactly on edges, and several in one place
				p = Point{float64(rng.IntN(8)), float64(rng.IntN(8))}
			}
			ps = append(ps, p)
		}
		r := 0.3 + rng.Float64()*5
		if i%6 == 0 {
			r = float64(1 + rng.IntN(3))
		}
		at, n, err := HotSpot(context.Background(), ps, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteHotSpot(ps, r); n != want {
			t.Fatalf("%d of %d points in a circle of %v, want %d: %v", n, len(ps), r, want, ps)
		}
		in := 0
		for _, p := range ps {
			if dist(at, p) <= r*(1+1e-6) {
				in++
			}
		}
		if in < n {
			t.Fatalf("the circle at %v holds %d, not %d", at, in, n)
		}
	}
	// Many in the circle: several sizes of blocks, of points that lie thicker in one place.
	for i := range 6 {
		var ps []Point
		for range 100 {
			p := Point{rng.Float64() * 20, rng.Float64() * 20}
			if i%2 == 0 {
				p = Point{5 + rng.NormFloat64()*2, 7 + rng.NormFloat64()*2}
			}
			ps = append(ps, p, p)
		}
		ps = append(ps, Point{math.NaN(), 1}, Point{1e5, -1e5})
		r, told := 1+float64(i), 0
		_, n, err := HotSpot(context.Background(), ps, r, func(done, total int) { told++ })
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteHotSpot(ps, r); n != want || told == 0 {
			t.Fatalf("%d points in a circle of %v, want %d; told %d times", n, r, want, told)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, _, err := HotSpot(ctx, []Point{{1, 1}}, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("not stopped: %v", err)
	}
}

// BenchmarkHotSpot: of random points the number and how many lie in the circle on
// the average, and of a grid, where no place is better than all others.
func BenchmarkHotSpot(b *testing.B) {
	rng := rand.New(rand.NewPCG(10, 10))
	for _, c := range []struct {
		name    string
		n       int
		side, r float64
		grid    bool
	}{{"20000,16 inside", 20000, 20000, 564 / math.Sqrt2, false}, {"20000,800 inside", 20000, 5000, 564, false},
		{"100000,250 inside", 100_000, 20000, 564, false}, {"100000,4000 inside", 100_000, 5000, 564, false}, {"20000 in a grid", 20000, 20000, 564, true}, {"100000 in a grid", 100_000, 45000, 564, true}} {
		b.Run(c.name, func(b *testing.B) {
			ps := make([]Point, c.n)
			for i := range ps {
				ps[i] = Point{rng.Float64() * c.side, rng.Float64() * c.side}
				if c.grid {
					ps[i] = Point{float64(i%141) * 141.4, float64(i/141) * 141.4}
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := HotSpot(context.Background(), ps, c.r, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
