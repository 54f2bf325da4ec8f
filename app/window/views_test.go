package window

import (
	"image"
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
	"coverslip/tiles/stain"
)

// twice is a window with two views of one slide, the second active.
func twice(t *testing.T, slides int) (s *stage, a, b *pane) {
	t.Helper()
	s = newStage(t, Options{}).withSlides(slides)
	s.viewer.CenterOn(annotate.Point{X: 300, Y: 400}, 2)
	s.quiet()
	s.run("view.twice")
	s.quiet()
	if len(s.panes) != 2 || s.active != s.panes[1] || !s.panes[0].alike(s.panes[1]) {
		t.Fatalf("%d panes after showing the slide in one more", len(s.panes))
	}
	return s, s.panes[0], s.panes[1]
}

func TestViews_OwnPlaceSameLabels(t *testing.T) {
	s, a, b := twice(t, 1)
	if n := len(s.session.OpenSlides()); n != 1 {
		t.Errorf("the slide is open %d times", n)
	}
	at := func(p *pane) [3]float64 { v := p.viewer.Viewport(); return [3]float64{v.CX, v.CY, v.Scale} }
	if at(a) != at(b) {
		t.Errorf("the second view begins at %v, the first is at %v", at(b), at(a))
	}
	was := at(a)
	b.viewer.CenterOn(annotate.Point{X: 900, Y: 500}, 0.5)
	s.quiet()
	if at(a) != was {
		t.Errorf("the first view went along to %v", at(a))
	}
	if a.viewer.Coverage() != b.viewer.Coverage() {
		t.Error("the views have maps of their own of what was seen")
	}
	s.run("tool.rectangle")
	s.drag(0.2, 0.3, 0.6, 0.6)
	if n := a.open.Set.Len(); n != 1 {
		t.Fatalf("%d labels after drawing in the second view", n)
	}
	// It is seen in the other view as soon as that looks there.
	o := s.objects()[0]
	a.viewer.CenterOn(o.ROI.Bounds().Center(), 1)
	s.quiet()
	s.pressAt(a, annotate.Point{X: 1300, Y: 880})
	with := s.win.Canvas().Capture()
	s.run("edit.undo")
	s.quiet()
	if a.open.Set.Len() != 0 {
		t.Fatal("undo in the first view did not take the label back")
	}
	if n := differ(with, s.win.Canvas().Capture(), a.viewer); n < 500 {
		t.Errorf("undo changed %d pixels of the first view", n)
	}
}

func TestViews_CloseAndOpenOther(t *testing.T) {
	s, a, b := twice(t, 2)
	s.closePane(b)
	s.quiet()
	if s.session.Opened(a.open.Item.ID) == nil {
		t.Fatal("the slide was closed with its second view")
	}
	a.viewer.CenterOn(annotate.Point{X: 800, Y: 300}, 1)
	s.quiet()
	s.run("view.twice")
	s.quiet()
	b = s.panes[1]
	s.openSlide(s.slides.items[1].ID) // in the place of the second view
	s.quiet()
	if b.alike(a) || len(s.session.OpenSlides()) != 2 {
		t.Fatalf("%d slides are open", len(s.session.OpenSlides()))
	}
	s.openSlide(s.slides.items[0].ID) // it is in the first pane: go there
	s.quiet()
	if s.active != a || b.open.Item.ID != s.slides.items[1].ID {
		t.Error("choosing a slide that is shown did not go to its pane")
	}
	s.closePane(b)
	s.quiet()
	if n := len(s.session.OpenSlides()); n != 1 {
		t.Errorf("%d slides are open after all but one pane were closed", n)
	}
}

func TestViews_DrawnOtherwiseInBoth(t *testing.T) {
	s, a, b := twice(t, 1)
	now, err := s.session.SetAdjust(b.open.Item.ID, stain.Adjust{Brightness: -0.5})
	if err != nil {
		t.Fatal(err)
	}
	before := s.win.Canvas().Capture()
	s.reopened(now)
	s.quiet()
	after := s.win.Canvas().Capture()
	for i, p := range []*pane{a, b} {
		if p.open != now {
			t.Errorf("view %d shows the slide as it was", i+1)
		}
		if n := differ(before, after, p.viewer); n < 10_000 {
			t.Errorf("view %d: %d pixels are darker", i+1, n)
		}
	}
}

// differ counts the pixels under an object of the window that are not the same in
// two pictures of it.
func differ(a, b image.Image, under fyne.CanvasObject) (n int) {
	at, size := fyne.CurrentApp().Driver().AbsolutePositionForObject(under), under.Size()
	for y := int(at.Y); y < int(at.Y+size.Height); y++ {
		for x := int(at.X); x < int(at.X+size.Width); x++ {
			if a.At(x, y) != b.At(x, y) {
				n++
			}
		}
	}
	return n
}
