package annotate

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestReshape_LikeShapely compares buffers, hulls, cuts, thinning and filling
// with GEOS.
func TestReshape_LikeShapely(t *testing.T) {
	type item struct {
		A                 polygons
		Line              pairs
		Pieces            []polygons
		Hull, Thin, Grown polygons
		Shrunk, Filled    polygons
	}
	var in []item
	for i := range 80 {
		rng := rand.New(rand.NewPCG(60, uint64(i)))
		a, _ := shapePair(i)
		b := a.Bounds()
		it := item{A: asPolygons(a)}
		line := wayAcross(rng, b)
		it.Line = asPairs(line)
		pieces, err := a.Split(line)
		if err != nil {
			t.Errorf("%d: split: %v", i, err)
		}
		for _, p := range pieces {
			if err := p.Validate(); err != nil {
				t.Errorf("%d: a piece is not valid: %v", i, err)
			}
			it.Pieces = append(it.Pieces, asPolygons(p))
		}
		size := math.Sqrt(a.Area())
		for _, op := range []struct {
			name string
			do   func() (ROI, error)
			into *polygons
		}{
			{"hull", a.Hull, &it.Hull},
			{"thin", func() (ROI, error) { return a.Simplified(size / 50) }, &it.Thin},
			{"grow", func() (ROI, error) { return a.Buffered(size / 10) }, &it.Grown},
			{"shrink", func() (ROI, error) { return a.Buffered(-size / 20) }, &it.Shrunk},
			{"fill", func() (ROI, error) { return a.FilledHoles(math.Inf(1)) }, &it.Filled},
		} {
			r, err := op.do()
			if err == nil {
				err = r.Validate()
			}
			if err != nil && !errors.Is(err, ErrNoArea) {
				t.Errorf("%d: %s: %v", i, op.name, err)
			}
			*op.into = asPolygons(r)
		}
		in = append(in, it)
	}
	var off []map[string]float64
	shapely(t, `
import math
def poly(ps): return MultiPolygon([(p["Outer"], p["Holes"]) for p in ps])
for d in data:
    a, line = poly(d["A"]), LineString(d["Line"])
    s = math.sqrt(a.area)
    o = {}
    pieces = [poly(p) for p in d["Pieces"]]
    faces = [f for f in polygonize(unary_union([a.boundary, line])) if a.contains(f.representative_point())]
    o["pieces"] = abs(sum(p.area for p in pieces) - a.area) / a.area
    o["together"] = unary_union(pieces).symmetric_difference(a).area / a.area
    o["number"] = abs(sum(len(p.geoms) for p in pieces) - len(faces))
    o["hull"] = a.convex_hull.symmetric_difference(poly(d["Hull"])).area / a.area
    o["fill"] = unary_union([Polygon(g.exterior) for g in a.geoms]).symmetric_difference(poly(d["Filled"])).area / a.area
    o["thin"] = max(0, poly(d["Thin"]).boundary.hausdorff_distance(a.boundary) / (s/50) - 1) if len(d["Thin"]) == len(d["A"]) else 0
    # An arc is drawn by edges in both: a share of the distance apart.
    o["grow"] = max(0, a.buffer(s/10, quad_segs=16).symmetric_difference(poly(d["Grown"])).area / (a.length * s/10) - 1e-3)
    o["shrink"] = max(0, a.buffer(-s/20, quad_segs=16).symmetric_difference(poly(d["Shrunk"])).area / (a.length * s/20) - 1e-3)
    out.append(o)`, in, &off)
	for i, o := range off {
		for name, d := range o {
			if d > 1e-9 {
				t.Errorf("%d: %s differs by %g", i, name, d)
			}
		}
	}
}

// wayAcross is a line from left to right through a box.
func wayAcross(rng *rand.Rand, b Box) []Point {
	line := []Point{{b.MinX - 5, b.MinY + rng.Float64()*b.Height()}}
	for range rng.IntN(4) {
		line = append(line, Point{b.MinX + rng.Float64()*b.Width(), b.MinY + rng.Float64()*b.Height()})
	}
	return append(line, Point{b.MaxX + 5, b.MinY + rng.Float64()*b.Height()})
}

// TestBoolean_Known holds the operations to results that GEOS gave once; it
// needs no Python. COVERSLIP_ORACLE=write makes the file anew where shapely is.
func TestBoolean_Known(t *testing.T) {
	const pairsHeld = 100
	file := filepath.Join("testdata", "boolean.json")
	if os.Getenv("COVERSLIP_ORACLE") == "write" {
		in := make([][2]polygons, pairsHeld)
		for i := range in {
			a, b := shapePair(i)
			in[i] = [2]polygons{asPolygons(a), asPolygons(b)}
		}
		var out json.RawMessage
		shapely(t, `
def poly(ps): return MultiPolygon([(p["Outer"], p["Holes"]) for p in ps])
for d in data:
    a, b = poly(d[0]), poly(d[1])
    out.append([a.union(b).area, a.intersection(b).area, a.difference(b).area, a.symmetric_difference(b).area])`, in, &out)
		if err := os.WriteFile(file, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want [][4]float64
	if err := json.Unmarshal(raw, &want); err != nil || len(want) != pairsHeld {
		t.Fatalf("%d results: %v", len(want), err)
	}
	for i, w := range want {
		a, b := shapePair(i)
		for k, r := range four(t, i, a, b) {
			if math.Abs(r.Area()-w[k]) > 1e-9*(a.Area()+b.Area()) {
				t.Errorf("pair %d, operation %d: area %v, want %v", i, k, r.Area(), w[k])
			}
		}
	}
}

// TestUnion_ManyAtOnce is what an older release of the geometry library got
// wrong without a word: hundreds of overlapping polygons at once.
func TestUnion_ManyAtOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var all []ROI
	for range 200 {
		all = append(all, Area(star(rng, rng.Float64()*4000, rng.Float64()*4000, 400, 60)))
	}
	at, err := Union(all...)
	if err != nil {
		t.Fatal(err)
	}
	for len(all) > 1 { // two by two, until one is left
		var half []ROI
		for i := 0; i < len(all); i += 2 {
			r, err := Union(all[i:min(i+2, len(all))]...)
			if err != nil {
				t.Fatal(err)
			}
			half = append(half, r)
		}
		all = half
	}
	one := all[0]
	if !near(at.Area(), one.Area(), 1e-9) {
		t.Errorf("at once %v, two by two %v", at.Area(), one.Area())
	}
}

func TestReshape_KeepsWhatItShould(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	circle := Area(EllipseRing(Box{0, 0, 400, 400}, 0.01))
	shaky := circle.Map(func(p Point) Point { return Point{p.X + rng.NormFloat64()*1.5, p.Y + rng.NormFloat64()*1.5} })
	smooth, err := shaky.Smoothed(8)
	if err != nil {
		t.Fatal(err)
	}
	if a := smooth.Area() / circle.Area(); math.Abs(a-1) > 0.01 {
		t.Errorf("smoothing took the area to %.3f of it", a)
	}
	if before, after := shaky.Perimeter()/circle.Perimeter(), smooth.Perimeter()/circle.Perimeter(); after > 1.02 || before < 1.05 {
		t.Errorf("the outline was %.3f of the circle's and is %.3f", before, after)
	}
	line, err := ROI{Kind: KindLine, Points: []Point{{0, 0}, {10, 1}, {20, -1}, {30, 0}}}.Smoothed(2)
	if err != nil || line.Points[0] != (Point{0, 0}) || line.Points[len(line.Points)-1] != (Point{30, 0}) {
		t.Errorf("a smoothed line has other ends: %v %v", line, err)
	}
	if disc, err := Stroke([]Point{{5, 5}, {5, 5}}, 10); err != nil || math.Abs(disc.Area()/(math.Pi*100)-1) > 0.005 {
		t.Errorf("a dab of the brush: %v %v", disc.Area(), err)
	}
	if _, err := Stroke(nil, 10); !errors.Is(err, ErrInvalidROI) {
		t.Errorf("a stroke of nothing: %v", err)
	}
	ring := ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Rectangle(0, 0, 100, 100).Polygons[0].Outer,
		Holes: []Ring{Rectangle(10, 10, 20, 20).Polygons[0].Outer, Rectangle(30, 30, 80, 80).Polygons[0].Outer}}}}
	if r, err := ring.FilledHoles(200); err != nil || r.Area() != 7500 {
		t.Errorf("small holes filled: %v %v", r.Area(), err)
	}
}

// Found among a million hostile rings: places 1e-12 px apart, whose parts touched
// in several points after the cut.
func TestSplit_NearlyTheSamePlaces(t *testing.T) {
	ring := Ring{{3.0000000000005596, 2.9999999999982205}, {6.270465065010955e-13, 0.9999999999991895}, {1.3912212330210847e-12, 1.9999999999995905},
		{2.000000000000456, 2.9999999999989635}, {1.0000000000011566, 1.0000000000014806}, {3.000000000000215, 3.00000000000088},
		{2.0000000000016556, 0.99999999999914}, {1.000000000000813, 2.9999999999996874}, {1.9999999999985543, 1.0000000000005387},
		{1.9999999999985876, 0.9999999999988849}, {3.6699456031252495e-13, 2.999999999997803}, {2.0000000000001177, 2.000000000000738},
		{0.999999999999825, 3.0000000000003575}, {0.9999999999996186, 1.0000000000014468}}
	torture(t, ring, Ring{{9.81133143999067e-13, 3.00000000000028}, {1.0000000000000717, 0.9999999999992885}}, -3.6230728372034937)
}

func TestSplit_Cases(t *testing.T) {
	ring := ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: Rectangle(0, 0, 100, 100).Polygons[0].Outer,
		Holes: []Ring{Rectangle(40, 40, 60, 60).Polygons[0].Outer}}, {Outer: Rectangle(200, 0, 210, 10).Polygons[0].Outer}}}
	for name, c := range map[string]struct {
		line  []Point
		areas []float64
	}{
		"beside the hole":     {[]Point{{-5, 20}, {105, 20}}, []float64{7600 + 100, 2000}},
		"through the hole":    {[]Point{{-5, 50}, {105, 50}}, []float64{4800 + 100, 4800}},
		"only into it":        {[]Point{{-5, 50}, {50, 50}}, []float64{9700}},
		"a loop in the hole":  {[]Point{{45, 45}, {55, 45}, {55, 55}, {45, 45}}, []float64{9700}},
		"a loop in the area":  {[]Point{{5, 5}, {15, 5}, {15, 15}, {5, 15}, {5, 5}}, []float64{9500 + 100, 100}},
		"a loop round a hole": {[]Point{{30, 30}, {70, 30}, {70, 70}, {30, 70}, {30, 30}}, []float64{8400 + 100, 1200}},
		"elsewhere":           {[]Point{{-50, -5}, {-5, -50}}, []float64{9700}},
		"along the edge":      {[]Point{{0, 0}, {100, 0}}, []float64{9700}},
	} {
		pieces, err := ring.Split(c.line)
		if err != nil || len(pieces) != len(c.areas) {
			t.Errorf("%s: %d pieces, %v", name, len(pieces), err)
			continue
		}
		for i, p := range pieces {
			if !near(p.Area(), c.areas[i], 1e-9) {
				t.Errorf("%s: piece %d has area %v, want %v", name, i, p.Area(), c.areas[i])
			}
		}
	}
	if _, err := (ROI{Kind: KindLine, Points: []Point{{0, 0}, {1, 1}}}).Split([]Point{{0, 1}, {1, 0}}); !errors.Is(err, ErrNoArea) {
		t.Errorf("a line was cut: %v", err)
	}
}

func TestUnion_Limits(t *testing.T) {
	big := make(Ring, MaxCombined+1)
	for i := range big {
		big[i] = Point{float64(i % 1000), float64(i / 1000)}
	}
	if _, err := Union(Area(big), Rectangle(0, 0, 1, 1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if _, err := Union(PointAt(1, 1)); !errors.Is(err, ErrNoArea) {
		t.Errorf("%v", err)
	}
	if _, err := Rectangle(0, 0, 1, 1).Buffered(math.NaN()); !errors.Is(err, ErrInvalidROI) {
		t.Errorf("%v", err)
	}
}
