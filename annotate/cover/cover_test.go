package cover

import (
	"math"
	"math/rand/v2"
	"testing"

	"coverslip/annotate"
)

func TestPaint_AgreesWithContains(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var p Painter
	for n := range 300 {
		ring := make(annotate.Ring, 3+r.IntN(20))
		for i := range ring { // a star: simple, whatever its radii
			a := 2 * math.Pi * float64(i) / float64(len(ring))
			d := 5 + 40*r.Float64()
			ring[i] = annotate.Point{X: 30 + d*math.Cos(a), Y: 20 + d*math.Sin(a)}
		}
		roi := annotate.Area(ring)
		if n%3 == 0 {
			roi.Polygons[0].Holes = []annotate.Ring{{{X: 28, Y: 18}, {X: 31, Y: 18}, {X: 31, Y: 22}, {X: 28, Y: 22}}}
		}
		if n%7 == 0 {
			roi = annotate.ROI{Kind: annotate.KindEllipse, Points: []annotate.Point{{X: 3, Y: 4}, {X: 50, Y: 33}}}
		}
		w := Window{X: 10 * r.Float64(), Y: -5 * r.Float64(), Step: 0.5 + 2*r.Float64(), W: 30, H: 25}
		mask := make([]byte, w.W*w.H)
		count := p.Paint(w, roi, mask, 1)
		wrong, on := 0, 0
		for j := range w.H {
			for i := range w.W {
				c := annotate.Point{X: w.X + (float64(i)+0.5)*w.Step, Y: w.Y + (float64(j)+0.5)*w.Step}
				if (mask[j*w.W+i] == 1) != roi.Contains(c) {
					wrong++
				}
				on += int(mask[j*w.W+i])
			}
		}
		if limit := map[bool]int{true: 20, false: 0}[n%7 == 0]; wrong > limit || on != count { // an ellipse is painted as its polygon
			t.Fatalf("shape %d: %d samples differ, %d counted, %d set", n, wrong, count, on)
		}
	}
}

// Two squares that share an edge through sample centres share no sample.
func TestPaint_NeighboursShareNothing(t *testing.T) {
	var p Painter
	w := Window{Step: 1, W: 10, H: 4}
	seen := make([]int, w.W*w.H)
	for _, roi := range []annotate.ROI{annotate.Rectangle(0, 0, 4.5, 4), annotate.Rectangle(4.5, 0, 10, 4)} {
		p.Spans(w, roi, func(row, from, to int) {
			for i := from; i < to; i++ {
				seen[row*w.W+i]++
			}
		})
	}
	for i, n := range seen {
		if n != 1 {
			t.Errorf("sample %d is in %d shapes", i, n)
		}
	}
	if n := p.Paint(w, annotate.ROI{Kind: annotate.KindPoint, Points: []annotate.Point{{X: 1, Y: 1}}}, make([]byte, 40), 1); n != 0 {
		t.Errorf("a point covers %d samples", n)
	}
}

func BenchmarkPaint(b *testing.B) {
	b.ReportAllocs()
	var p Painter
	ring := make(annotate.Ring, 200)
	for i := range ring {
		a := 2 * math.Pi * float64(i) / float64(len(ring))
		ring[i] = annotate.Point{X: 112 + 100*math.Cos(a), Y: 112 + 100*math.Sin(a)}
	}
	roi, w := annotate.Area(ring), Window{Step: 1, W: 224, H: 224}
	mask := make([]byte, w.W*w.H)
	for b.Loop() {
		p.Paint(w, roi, mask, 1)
	}
}
