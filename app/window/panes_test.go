package window

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
	"coverslip/tiles/tiffwrite"
)

// withSlides makes a project of n slides, the first open. They have the same
// picture; the second is scanned twice as coarsely as it says of itself.
func (s *stage) withSlides(n int) *stage {
	s.t.Helper()
	s.create(filepath.Join(s.dir, "trial.coverslip"), "Trial")
	s.settle()
	var paths []string
	for i := range n {
		path := filepath.Join(s.dir, fmt.Sprintf("bands%d.svs", i+1))
		o := tiffwrite.Options{Width: 1344, Height: 900, Layout: tiffwrite.Aperio, MPP: 1, Objective: 10, Quality: 90, Smallest: 256}
		if i%2 == 1 {
			o.MPP = 2
		}
		o.Quality -= i // other bytes, another slide
		if err := tiffwrite.Write(s.t.Context(), path, o, paintBands); err != nil {
			s.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	s.add(paths)
	s.settle()
	s.openSlide(s.slides.items[0].ID)
	s.settle()
	return s
}

// pressAt presses and lets go the mouse at a place of a pane's slide.
func (s *stage) pressAt(p *pane, at annotate.Point) {
	s.t.Helper()
	v := p.viewer
	x, y := v.Viewport().SFromL0(at.X, at.Y)
	e := &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(float32(x), float32(y))}, Button: desktop.MouseButtonPrimary}
	v.MouseDown(e)
	v.MouseUp(e)
	s.settle()
}

// quiet lets every pane come to rest.
func (s *stage) quiet() {
	s.t.Helper()
	for range 3 {
		for _, p := range s.panes {
			p.viewer.Settle()
		}
		s.settle()
	}
}

func TestPanes_LinkedByPosition(t *testing.T) {
	s := newStage(t, Options{}).withSlides(2)
	s.run("view.beside")
	s.quiet()
	if len(s.panes) != 2 || s.panes[1].open == nil || s.active != s.panes[1] {
		t.Fatalf("%d panes after opening a slide beside", len(s.panes))
	}
	if n := len(s.session.OpenSlides()); n != 2 {
		t.Fatalf("the session has %d slides open", n)
	}
	a, b := s.panes[0], s.panes[1]
	b.viewer.CenterOn(annotate.Point{X: 672 + 40, Y: 450 - 30}, 1)
	s.quiet()
	// 40 pixels of 2 µm from the middle are 80 of 1 µm, and look as large.
	if v := a.viewer.Viewport(); math.Abs(v.CX-752) > 1e-6 || math.Abs(v.CY-390) > 1e-6 || math.Abs(v.Scale-0.5) > 1e-9 {
		t.Errorf("the first pane followed to %.2f, %.2f at %.3f", v.CX, v.CY, v.Scale)
	}
	// The one that was led does not lead back, and the hand in either pane leads.
	a.viewer.CenterOn(annotate.Point{X: 600, Y: 500}, 0.5)
	s.quiet()
	if v := b.viewer.Viewport(); math.Abs(v.CX-(672-36)) > 1e-6 || math.Abs(v.CY-(450+25)) > 1e-6 {
		t.Errorf("the second pane followed to %.2f, %.2f", v.CX, v.CY)
	}
	s.run("view.link")
	a.viewer.CenterOn(annotate.Point{X: 300, Y: 300}, 0.5)
	s.quiet()
	if v := b.viewer.Viewport(); math.Abs(v.CX-(672-36)) > 1e-6 {
		t.Errorf("an unlinked pane followed to %.2f", v.CX)
	}
	// Linked anew, they lie on one another as they are seen.
	s.run("view.link")
	a.viewer.CenterOn(annotate.Point{X: 320, Y: 300}, 0.5)
	s.quiet()
	if v := b.viewer.Viewport(); math.Abs(v.CX-(672-36+10)) > 1e-6 {
		t.Errorf("linked anew, the second pane is at %.2f", v.CX)
	}
}

func TestPanes_EditsBelongToTheActiveOne(t *testing.T) {
	s := newStage(t, Options{}).withSlides(2)
	s.run("view.beside")
	s.quiet()
	a, b := s.panes[0], s.panes[1]
	s.run("tool.rectangle")
	s.drag(0.2, 0.3, 0.6, 0.6)
	if a.open.Set.Len() != 0 || b.open.Set.Len() != 1 {
		t.Fatalf("%d and %d labels after drawing in the second pane", a.open.Set.Len(), b.open.Set.Len())
	}
	s.pressAt(a, annotate.Point{X: 100, Y: 100})
	if s.active != a || s.viewer.Tool() != b.viewer.Tool() {
		t.Fatalf("a press did not give the first pane keyboard and tool")
	}
	if got := s.survey.slide; got != a.open.Item.ID {
		t.Errorf("the panels count slide %s", got)
	}
	s.drag(0.2, 0.3, 0.6, 0.6)
	if a.open.Set.Len() != 1 || b.open.Set.Len() != 1 {
		t.Fatalf("%d and %d labels", a.open.Set.Len(), b.open.Set.Len())
	}
	s.key(fyne.KeyF6)
	s.run("edit.undo")
	s.settle()
	if a.open.Set.Len() != 1 || b.open.Set.Len() != 0 {
		t.Errorf("%d and %d labels after undo in the second pane", a.open.Set.Len(), b.open.Set.Len())
	}
	s.run("view.closePane")
	s.quiet()
	if len(s.panes) != 1 || s.Window.open != a.open || len(s.session.OpenSlides()) != 1 {
		t.Fatalf("%d panes, %d slides open after closing", len(s.panes), len(s.session.OpenSlides()))
	}
	s.run("edit.undo")
	s.settle()
	if a.open.Set.Len() != 0 {
		t.Error("undo after closing a pane did not reach the one that stayed")
	}
}

func TestPanes_RegisterByPickedPlaces(t *testing.T) {
	s := newStage(t, Options{}).withSlides(2)
	s.run("view.beside")
	s.quiet()
	a, b := s.panes[0], s.panes[1]
	s.run("view.register")
	if s.compare.pick == nil {
		t.Fatal("nothing is picked")
	}
	from := []annotate.Point{{X: 300, Y: 300}, {X: 900, Y: 300}, {X: 300, Y: 700}}
	to := []annotate.Point{{X: 350, Y: 320}, {X: 950, Y: 320}, {X: 350, Y: 720}}
	for i := range 2 {
		s.pressAt(b, from[i])
		s.pressAt(b, from[i]) // once more: the place is moved, not a second one
		s.pressAt(a, to[i])
	}
	s.pressAt(b, annotate.Point{X: 1, Y: 1})
	s.key(fyne.KeyBackspace) // the half of the third pair is taken back
	if n := s.compare.pick.complete(); n != 2 {
		t.Fatalf("%d pairs", n)
	}
	s.key(fyne.KeyReturn)
	s.quiet()
	if s.compare.pick != nil {
		t.Fatalf("still picking; problem %q", s.problem.title.value)
	}
	r, ok, err := s.session.Registration(b.open.Item.ID, a.open.Item.ID)
	if err != nil || !ok || len(r.Pairs) != 2 {
		t.Fatalf("kept: %+v %v %v", r, ok, err)
	}
	// A press lands within half a pixel of the screen.
	if got := r.Map.Apply(from[1]); math.Hypot(got.X-to[1].X, got.Y-to[1].Y) > 4 {
		t.Errorf("the second place goes to %v, picked %v", got, to[1])
	}
	b.viewer.CenterOn(annotate.Point{X: 600, Y: 500}, 1)
	s.quiet()
	if v, want := a.viewer.Viewport(), r.Map.Apply(annotate.Point{X: 600, Y: 500}); math.Hypot(v.CX-want.X, v.CY-want.Y) > 1e-6 {
		t.Errorf("the first pane is at %.2f, %.2f, want %v", v.CX, v.CY, want)
	}
	// It is there again in another run.
	s.run("view.closePane")
	s.quiet()
	s.compare.forget()
	s.run("view.beside")
	s.quiet()
	if got := s.compare.pairs[pairOf(s.panes[0], s.panes[1])]; got != 2 {
		t.Errorf("opened anew, the slides are registered by %d points", got)
	}
}

// TestPanes_LaidOver: with opacity 1 a pane shows the other slide's pixels where
// the map puts them, and its own again after.
func TestPanes_LaidOver(t *testing.T) {
	s := newStage(t, Options{}).withSlides(2)
	s.run("view.beside")
	s.quiet()
	a, b := s.panes[0], s.panes[1]
	// The second slide shifted by one band to the left: purple lies on pink.
	s.compare.setMap(a.open.Item.ID, b.open.Item.ID, annotate.Affine{XX: 1, YY: 1, X: -bandW}, 1)
	s.activate(a)
	s.run("view.link")
	a.viewer.CenterOn(annotate.Point{X: bandW * 1.5, Y: 450}, 1)
	s.quiet()
	at := func() [3]int {
		d := fyne.CurrentApp().Driver().AbsolutePositionForObject(a.viewer)
		size := a.viewer.Size()
		r, g, b, _ := s.win.Canvas().Capture().At(int(d.X+size.Width/2+9), int(d.Y+size.Height/2+9)).RGBA()
		return [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}
	}
	near := func(got [3]int, want int) bool {
		c := bandColors[want]
		return math.Abs(float64(got[0])-float64(c.R))+math.Abs(float64(got[1])-float64(c.G))+math.Abs(float64(got[2])-float64(c.B)) < 70
	}
	if got := at(); !near(got, 1) {
		t.Fatalf("alone the second band is %v", got)
	}
	s.lay(a, 1)
	s.quiet()
	if got := at(); !near(got, 0) {
		t.Errorf("laid over, %v, want the first band %v", got, bandColors[0])
	}
	s.lay(a, 0.5)
	s.quiet()
	if got := at(); near(got, 0) || near(got, 1) {
		t.Errorf("half over, %v is one of both", got)
	}
	s.lay(a, 0)
	s.quiet()
	if got := at(); !near(got, 1) || a.laid != nil {
		t.Errorf("taken away, %v", got)
	}
}

// TestPanes_Most opens four, closes them in any order, and another project.
func TestPanes_Most(t *testing.T) {
	s := newStage(t, Options{}).withSlides(5)
	for range 5 {
		s.run("view.beside")
		s.quiet()
	}
	if len(s.panes) != panesMost || len(s.session.OpenSlides()) != panesMost {
		t.Fatalf("%d panes and %d open slides", len(s.panes), len(s.session.OpenSlides()))
	}
	s.lay(s.active, 0.4)
	s.closePane(s.panes[1])
	s.quiet()
	s.closePane(s.active)
	s.quiet()
	if len(s.panes) != 2 || len(s.session.OpenSlides()) != 2 {
		t.Fatalf("%d panes and %d open slides", len(s.panes), len(s.session.OpenSlides()))
	}
	// A slide chosen in the list takes the place of the active pane's.
	for _, item := range s.slides.items {
		if s.paneOf(item.ID) == nil {
			s.openSlide(item.ID)
			break
		}
	}
	s.quiet()
	if len(s.panes) != 2 || len(s.session.OpenSlides()) != 2 {
		t.Errorf("%d panes and %d open slides after another slide", len(s.panes), len(s.session.OpenSlides()))
	}
	s.create(filepath.Join(s.dir, "other.coverslip"), "Other")
	s.settle()
	if len(s.panes) != 1 || s.session.Name() != "Other" {
		t.Errorf("%d panes in project %s", len(s.panes), s.session.Name())
	}
}

func TestPanesLayout(t *testing.T) {
	for _, c := range []struct {
		n            int
		w, h         float32
		rowOne, last int // panes in the first row; width of the last in hundredths of the whole
	}{{1, 800, 600, 1, 100}, {2, 800, 600, 2, 50}, {3, 900, 700, 2, 100}, {3, 1500, 700, 3, 33}, {4, 800, 600, 2, 50}} {
		var objects []fyne.CanvasObject
		for range c.n {
			objects = append(objects, newFill(colorPanel, 0))
		}
		(&panesLayout{}).Layout(objects, fyne.NewSize(c.w, c.h))
		row := 0
		for _, o := range objects {
			if o.Position().Y == 0 {
				row++
			}
			if end := o.Position().Add(o.Size()); end.X > c.w || end.Y > c.h {
				t.Errorf("%d in %gx%g: one ends at %v", c.n, c.w, c.h, end)
			}
		}
		if share := objects[c.n-1].Size().Width * 100 / c.w; row != c.rowOne || math.Abs(float64(share)-float64(c.last)) > 1 {
			t.Errorf("%d in %gx%g: %d in the first row, the last %.0f %% wide", c.n, c.w, c.h, row, share)
		}
	}
}
