package window

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/tiles/stain"
	"coverslip/tiles/tiffwrite"
)

// wanderSlides makes a project with n slides, no two alike.
func (s *stage) wanderSlides(n int) {
	s.t.Helper()
	var paths []string
	for i := range n {
		path := filepath.Join(s.dir, fmt.Sprintf("wander-%d.tif", i))
		o := tiffwrite.Options{Width: 3000 + 256*i, Height: 2400, MPP: 0.5, Objective: 20, Quality: 60, Smallest: 256}
		if err := tiffwrite.Write(s.t.Context(), path, o, func(_ context.Context, x0, y0 int, dst *image.RGBA) error {
			for y := range dst.Rect.Dy() {
				for x := range dst.Rect.Dx() {
					dst.SetRGBA(dst.Rect.Min.X+x, dst.Rect.Min.Y+y, color.RGBA{uint8(150 + (x0+x)/16%64), uint8(80 + (y0+y)/16%64), uint8(120 + 13*i), 255})
				}
			}
			return nil
		}); err != nil {
			s.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	s.create(filepath.Join(s.dir, "wander.coverslip"), "Wander")
	s.settle()
	s.add(paths)
	s.settle()
	if len(s.slides.items) != n {
		s.t.Fatalf("%d slides", len(s.slides.items))
	}
}

// wanderStep is one thing a person does.
func (s *stage) wanderStep(r *rand.Rand, items []app.SlideItem) {
	s.t.Helper()
	v := s.viewer
	p := v.Viewport()
	middle := fyne.NewPos(v.Size().Width/2, v.Size().Height/2)
	switch r.IntN(9) {
	case 0:
		s.openSlide(items[r.IntN(len(items))].ID)
	case 1, 2:
		v.ZoomBy(0.3+3*r.Float64(), middle)
	case 3, 4:
		v.CenterOn(annotate.Point{X: r.Float64() * 3000, Y: r.Float64() * 2400}, p.Scale)
	case 5:
		v.TurnTo(float64(r.IntN(24)) * 15)
	case 6:
		v.SetLoupe(!v.Loupe())
		e := &desktop.MouseEvent{}
		e.Position = middle
		v.MouseMoved(e)
	case 7:
		s.adjust.adjust = stain.Adjust{Contrast: 1 + r.Float64(), Show: stain.Show(r.IntN(3)), Vectors: stain.HE()}
		s.adjust.apply()
	default:
		s.adjust.reset()
	}
	s.settle()
}

// Wandering over slides, turning, adjusting and looking closely, the program keeps
// to its memory and to its goroutines. COVERSLIP_WANDER says for how long (1h, over
// ten slides: make wander); without it a few rounds over three slides.
func TestWindow_wander(t *testing.T) {
	slides, rounds, perRound, slack, until := 3, 6, 12, 0.25, time.Time{}
	if d, err := time.ParseDuration(os.Getenv("COVERSLIP_WANDER")); err == nil {
		slides, perRound, slack, until = 10, 60, 0.05, time.Now().Add(d)
	} else if testing.Short() {
		t.Skip("a long way")
	}
	s := newStage(t, Options{})
	s.wanderSlides(slides)
	items := slices.Clone(s.slides.items)
	r := rand.New(rand.NewPCG(1, 2))
	type state struct {
		heap       float64 // MB
		goroutines int
	}
	var seen []state
	for round := 0; round < rounds || time.Now().Before(until); round++ {
		for range perRound {
			s.wanderStep(r, items)
		}
		// What is the same each time: the first slide, whole and upright.
		s.viewer.SetLoupe(false)
		s.adjust.reset()
		s.settle()
		s.openSlide(items[1].ID)
		s.settle()
		s.openSlide(items[0].ID)
		s.settle()
		s.viewer.Orient(0, false)
		s.viewer.Fit()
		s.settle()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		seen = append(seen, state{float64(m.HeapAlloc) / (1 << 20), runtime.NumGoroutine()})
		t.Logf("round %d: %.1f MB, %d goroutines", round, seen[round].heap, seen[round].goroutines)
	}
	// The first third fills the caches and the pools of textures.
	warm := seen[len(seen)/3:]
	first, last := warm[0], warm[len(warm)-1]
	if last.heap > first.heap*(1+slack) {
		t.Errorf("the heap grew from %.1f to %.1f MB", first.heap, last.heap)
	}
	if last.goroutines > first.goroutines+2 {
		t.Errorf("%d goroutines, %d before", last.goroutines, first.goroutines)
	}
}

// BenchmarkWindow_firstPicture is from the click on a slide in the list to the
// first picture of it in the viewer.
func BenchmarkWindow_firstPicture(b *testing.B) {
	s := newStage(b, Options{})
	s.wanderSlides(2)
	items := slices.Clone(s.slides.items)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		id := items[n%2].ID
		s.openSlide(id)
		for end := time.Now().Add(20 * time.Second); ; {
			s.pump()
			s.viewer.Tick()
			if o := s.Window.open; o != nil && o.Item.ID == id {
				if _, _, ok := s.viewer.ColourAt(1500, 1200); ok {
					break
				}
			}
			if time.Now().After(end) {
				b.Fatal("no picture")
			}
			time.Sleep(200 * time.Microsecond)
		}
		b.StopTimer()
		s.settle()
		b.StartTimer()
	}
}
