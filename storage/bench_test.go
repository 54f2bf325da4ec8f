package storage

import (
	"math"
	"testing"

	"coverslip/annotate"
)

// cells is n detections of about 41 whole-pixel vertices each.
func cells(n int) []*annotate.Object {
	out := make([]*annotate.Object, n)
	for i := range out {
		x, y := float64(i%1000)*60, float64(i/1000)*60
		ring := make(annotate.Ring, 41)
		for k := range ring {
			s, c := math.Sincos(2 * math.Pi * float64(k) / 41)
			ring[k] = annotate.Point{X: x + math.Round(25*c*256)/256, Y: y + math.Round(20*s*256)/256}
		}
		out[i] = &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection, ROI: annotate.Area(ring),
			By: annotate.Provenance{Author: "A", Model: "m", Method: "logistic", Score: 0.5}}
	}
	return out
}

func BenchmarkProject_Commit(b *testing.B) {
	p, slide := newProject(b)
	b.ReportAllocs()
	for b.Loop() {
		commit(b, p, annotate.Add(slide, "Draw", square(1, 1)))
	}
}

func BenchmarkProject_UndoRedo(b *testing.B) {
	p, slide := newProject(b)
	commit(b, p, annotate.Add(slide, "Draw", square(1, 1)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Undo(slide, testStamp); err != nil {
			b.Fatal(err)
		}
		if _, err := p.Redo(slide, testStamp); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProject_100k(b *testing.B) {
	p, slide := newProject(b)
	list := cells(100_000)
	b.Run("commit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			commit(b, p, annotate.Add(slide, "Cells", list...))
			b.StopTimer()
			if _, err := p.Undo(slide, testStamp); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	if _, err := p.Redo(slide, testStamp); err != nil {
		b.Fatal(err)
	}
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := objects(b, p, slide); len(got) != len(list) {
				b.Fatal(len(got))
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
