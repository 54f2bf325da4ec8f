package annotate

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// shapePair is the i-th pair of random shapes: stars, stars with holes, free-hand
// scribbles (mended first), and shapes on whole pixels that share edges.
func shapePair(i int) (a, b ROI) {
	rng := rand.New(rand.NewPCG(59, uint64(i)))
	one := func() ROI {
		x, y := 50000+rng.Float64()*60, 30000+rng.Float64()*60
		switch i % 4 {
		case 0:
			return Area(star(rng, x, y, 100, 5+rng.IntN(40)))
		case 1:
			return ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: star(rng, x, y, 100, 8+rng.IntN(30)),
				Holes: []Ring{star(rng, x, y, 35, 4+rng.IntN(12))}}}}
		case 2:
			r := ROI{Kind: KindPolygon}
			for range 6 { // a scribble need not enclose anything
				if ps, err := Repair(scribble(rng, 20+rng.IntN(40))); err == nil {
					r.Polygons = ps
					break
				}
			}
			return r.Translate(50000-r.Bounds().MinX+rng.Float64()*40, 30000-r.Bounds().MinY+rng.Float64()*40)
		}
		s := star(rng, x/10, y/10, 12, 6+rng.IntN(8))
		for k := range s {
			s[k] = Point{math.Round(s[k].X), math.Round(s[k].Y)}
		}
		r, _, err := Area(s).Repaired()
		if err != nil {
			return Rectangle(math.Round(x/10), math.Round(y/10), math.Round(x/10)+7, math.Round(y/10)+9)
		}
		return r
	}
	return one(), one()
}

type polygons []struct {
	Outer pairs
	Holes []pairs
}

func asPolygons(r ROI) polygons {
	out := polygons{}
	for _, p := range r.Outline() {
		h := []pairs{}
		for _, x := range p.Holes {
			h = append(h, asPairs(x))
		}
		out = append(out, struct {
			Outer pairs
			Holes []pairs
		}{asPairs(p.Outer), h})
	}
	return out
}

// four is the four operations on a pair; an empty result is the zero ROI.
func four(t *testing.T, i int, a, b ROI) (out [4]ROI) {
	t.Helper()
	for k, op := range []func() (ROI, error){
		func() (ROI, error) { return Union(a, b) }, func() (ROI, error) { return Intersection(a, b) },
		func() (ROI, error) { return Subtract(a, b) }, func() (ROI, error) { return Xor(a, b) },
	} {
		r, err := op()
		if err != nil && !errors.Is(err, ErrNoArea) {
			t.Errorf("pair %d, operation %d: %v", i, k, err)
			continue
		}
		if err == nil {
			if bad := r.Validate(); bad != nil {
				t.Errorf("pair %d, operation %d: the result is not valid: %v", i, k, bad)
			}
		}
		out[k] = r
	}
	return out
}

// TestBoolean_LikeShapely compares areas, and the area between the two results,
// with GEOS; COVERSLIP_SHAPES is how many random shapes (400; the figure in
// docs/validation.md is of 10000).
func TestBoolean_LikeShapely(t *testing.T) {
	shapes := 400
	if s := os.Getenv("COVERSLIP_SHAPES"); s != "" {
		var err error
		if shapes, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	type item struct {
		A, B    polygons
		Results [4]polygons
	}
	var in []item
	for i := range shapes / 2 {
		a, b := shapePair(i)
		it := item{A: asPolygons(a), B: asPolygons(b)}
		for k, r := range four(t, i, a, b) {
			it.Results[k] = asPolygons(r)
		}
		in = append(in, it)
	}
	var want []struct {
		Area, Off [4]float64
		Scale     float64
	}
	shapely(t, `
def poly(ps): return MultiPolygon([(p["Outer"], p["Holes"]) for p in ps])
for d in data:
    a, b = poly(d["A"]), poly(d["B"])
    if not (a.is_valid and b.is_valid): raise SystemExit("input is not valid")
    w = [a.union(b), a.intersection(b), a.difference(b), a.symmetric_difference(b)]
    g = [poly(r) for r in d["Results"]]
    out.append(dict(Area=[x.area for x in w], Off=[x.symmetric_difference(y).area for x, y in zip(w, g)], Scale=a.area+b.area))`, in, &want)
	worst := 0.0
	for i, w := range want {
		for k := range 4 {
			got := 0.0
			for _, p := range in[i].Results[k] {
				got += Polygon{Outer: asRing(p.Outer), Holes: asRings(p.Holes)}.Area()
			}
			off := max(math.Abs(got-w.Area[k]), w.Off[k]) / w.Scale
			worst = max(worst, off)
			if off > 1e-9 {
				t.Errorf("pair %d, operation %d: area %v, want %v; %v between them", i, k, got, w.Area[k], w.Off[k])
			}
		}
	}
	t.Logf("%d shapes, %d operations: largest difference from GEOS %.2g of the shapes' area", 2*len(want), 4*len(want), worst)
}

func asRing(p pairs) Ring {
	r := make(Ring, len(p))
	for i, q := range p {
		r[i] = Point{q[0], q[1]}
	}
	return r
}

func asRings(ps []pairs) (out []Ring) {
	for _, p := range ps {
		out = append(out, asRing(p))
	}
	return out
}
