package annotate

import (
	"math/rand/v2"
	"testing"
)

func TestWithin_LikeContains(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 14))
	grid := func(p Point) Point { return Point{float64(int(p.X)), float64(int(p.Y))} }
	for i := range 300 {
		outer := star(rng, 0, 0, 50, 3+rng.IntN(60))
		hole := star(rng, 0, 0, 15, 3+rng.IntN(20))
		if i%2 == 0 { // vertices on whole numbers, so that places lie on edges
			for k := range outer {
				outer[k] = grid(outer[k])
			}
		}
		roi := ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: outer, Holes: []Ring{hole}}, {Outer: Ring{{100, 0}, {120, 0}, {120, 20}, {100, 20}}}}}
		if i%5 == 0 {
			roi = Ellipse(-40, -20, 40, 30)
		}
		if i%7 == 0 {
			roi = Area(outer)
		}
		if roi.Validate() != nil {
			continue
		}
		w := NewWithin(roi)
		for range 500 {
			p := Point{rng.Float64()*190 - 60, rng.Float64()*130 - 60}
			if rng.IntN(3) == 0 {
				p = grid(p)
			}
			if got, want := w.Contains(p), roi.Contains(p); got != want {
				t.Fatalf("%v in %v: %v, want %v", p, roi, got, want)
			}
		}
	}
}

func BenchmarkWithin(b *testing.B) {
	roi := Area(star(rand.New(rand.NewPCG(1, 5)), 0, 0, 5000, 10_000))
	w := NewWithin(roi)
	for name, f := range map[string]func(Point) bool{"prepared": w.Contains, "each": roi.Contains} {
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(2, 5))
			b.ReportAllocs()
			for b.Loop() {
				f(Point{rng.Float64()*9000 - 4500, rng.Float64()*9000 - 4500})
			}
		})
	}
}
