package annotate

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os/exec"
	"testing"
)

// shapely runs a Python script with shapely (GEOS) on JSON; the test is skipped
// where that is not installed. The script finds its input in "data" and puts
// its answer into "out".
func shapely(t *testing.T, script string, in, out any) {
	t.Helper()
	if err := exec.Command("python3", "-c", "import shapely").Run(); err != nil {
		t.Skip("python3 with shapely is not installed")
	}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	const frame = `
import sys, json
from shapely.geometry import Polygon, MultiPolygon, LineString, Point
from shapely.ops import unary_union, polygonize
data = json.load(sys.stdin)
out = []
`
	cmd := exec.Command("python3", "-c", frame+script+"\njson.dump(out, sys.stdout)")
	cmd.Stdin = bytes.NewReader(raw)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%v: %.200s", err, answer)
	}
}

type pairs [][2]float64

func asPairs(r Ring) pairs {
	out := make(pairs, len(r))
	for i, p := range r {
		out[i] = [2]float64{p.X, p.Y}
	}
	return out
}

// star is a simple ring of n vertices around x, y.
func star(rng *rand.Rand, x, y, r float64, n int) Ring {
	out := make(Ring, n)
	for i := range out {
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		k := r * (0.4 + 0.6*rng.Float64())
		out[i] = Point{x + k*c, y + k*s}
	}
	return out
}

// scribble is a free-hand line: a walk that turns and crosses itself.
func scribble(rng *rand.Rand, n int) Ring {
	out := make(Ring, n)
	x, y, a := 50000+rng.Float64()*1000, 30000+rng.Float64()*1000, rng.Float64()*6
	for i := range out {
		out[i] = Point{x, y}
		a += rng.NormFloat64() * 0.6
		s, c := math.Sincos(a)
		x, y = x+10*c, y+10*s
	}
	return out
}

func near(a, b, relative float64) bool {
	return math.Abs(a-b) <= relative*max(1, math.Abs(a), math.Abs(b))
}

func TestROI_Measures_LikeShapely(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	type item struct {
		Outer  pairs
		Holes  []pairs
		Points pairs
	}
	var rois []ROI
	var in []item
	for i := range 150 {
		x, y := rng.Float64()*1e5, rng.Float64()*1e5
		p := Polygon{Outer: star(rng, x, y, 1000, 5+rng.IntN(80))}
		it := item{Outer: asPairs(p.Outer)}
		if i%3 == 0 {
			h := star(rng, x, y, 250, 4+rng.IntN(20))
			p.Holes, it.Holes = []Ring{h}, []pairs{asPairs(h)}
		}
		for range 50 {
			it.Points = append(it.Points, [2]float64{x + rng.NormFloat64()*600, y + rng.NormFloat64()*600})
		}
		rois = append(rois, ROI{Kind: KindPolygon, Polygons: []Polygon{p}})
		in = append(in, it)
	}
	var want []struct {
		Area, Length float64
		Centroid     [2]float64
		Bounds       [4]float64
		Inside       []bool
		Distance     []float64
		Valid        bool
	}
	shapely(t, `
for d in data:
    p = Polygon(d["Outer"], d["Holes"] or [])
    pts = [Point(*q) for q in d["Points"]]
    out.append(dict(Area=p.area, Length=p.length, Centroid=list(p.centroid.coords)[0], Bounds=p.bounds, Valid=p.is_valid,
        Inside=[p.contains(q) for q in pts], Distance=[p.boundary.distance(q) for q in pts]))`, in, &want)
	for i, w := range want {
		r := rois[i]
		if valid := r.Validate() == nil; valid != w.Valid {
			t.Errorf("%d: valid %v, want %v", i, valid, w.Valid)
		}
		c, b := r.Centroid(), r.Bounds()
		if !near(r.Area(), w.Area, 1e-12) || !near(r.Perimeter(), w.Length, 1e-12) ||
			!near(c.X, w.Centroid[0], 1e-11) || !near(c.Y, w.Centroid[1], 1e-11) ||
			b != (Box{w.Bounds[0], w.Bounds[1], w.Bounds[2], w.Bounds[3]}) {
			t.Errorf("%d: area %v perimeter %v centroid %v bounds %v, want %+v", i, r.Area(), r.Perimeter(), c, b, w)
		}
		for k, q := range in[i].Points {
			p := Point{q[0], q[1]}
			if r.Contains(p) != w.Inside[k] || !near(r.BoundaryDistance(p), w.Distance[k], 1e-9) {
				t.Errorf("%d: point %v: inside %v, distance %v; want %v, %v", i, p, r.Contains(p), r.BoundaryDistance(p), w.Inside[k], w.Distance[k])
			}
		}
	}
}

// TestRepair_LikeShapely compares with the same definition in GEOS: the faces
// of the noded line around which the line winds.
func TestRepair_LikeShapely(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	var rings []Ring
	var in []pairs
	for i := range 150 {
		r := scribble(rng, 20+rng.IntN(120))
		if i%10 == 0 { // on whole pixels: touching and doubled edges
			for k := range r {
				r[k] = Point{math.Round(r[k].X / 10), math.Round(r[k].Y / 10)}
			}
		}
		rings = append(rings, r)
		in = append(in, asPairs(r))
	}
	var want []struct {
		Area  float64
		Valid bool
		Outer []pairs
	}
	shapely(t, `
def winding(r, q):
    w = 0
    for (ax, ay), (bx, by) in zip(r, r[1:]):
        s = (bx-ax)*(q.y-ay) - (q.x-ax)*(by-ay)
        if ay <= q.y and by > q.y and s > 0: w += 1
        elif ay > q.y and by <= q.y and s < 0: w -= 1
    return w
for d in data:
    r = d + [d[0]]
    faces = polygonize(unary_union(LineString(r)))
    g = unary_union([f for f in faces if winding(r, f.representative_point()) != 0])
    parts = getattr(g, "geoms", [g])
    out.append(dict(Area=g.area, Valid=Polygon(d).is_valid, Outer=[list(p.exterior.coords) for p in parts if not p.is_empty]))`, in, &want)
	crossing := 0
	for i, w := range want {
		ps, err := Repair(rings[i])
		if w.Area == 0 {
			if err == nil {
				t.Errorf("%d: repaired to %v, want nothing", i, ps)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		if !w.Valid {
			crossing++
		}
		roi := ROI{Kind: KindPolygon, Polygons: ps}
		if err := roi.Validate(); err != nil || !near(roi.Area(), w.Area, 1e-9) || (w.Valid != (Area(rings[i]).Validate() == nil)) {
			t.Errorf("%d: %v, area %v, want %v; valid %v", i, err, roi.Area(), w.Area, w.Valid)
		}
	}
	if crossing < 50 {
		t.Errorf("only %d of the rings crossed themselves", crossing)
	}
}
