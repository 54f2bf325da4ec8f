package window

import "testing"

func TestGlassPanel(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	if s.glass.object.Visible() {
		t.Fatal("shown at first")
	}
	s.run("view.glass")
	s.settle()
	want := 0
	for _, name := range s.Window.open.Slide.Info().Associated {
		if name != "thumbnail" {
			want++
		}
	}
	if !s.glass.object.Visible() || len(s.glass.pictures.Objects) != want || s.glass.none.Visible() != (want == 0) {
		t.Errorf("visible %v, %d pictures of %d", s.glass.object.Visible(), len(s.glass.pictures.Objects), want)
	}
	s.nothingCut()
	s.showSlide(nil)
	s.settle()
	if s.glass.object.Visible() {
		t.Error("shown without a slide")
	}
}

func TestWindow_loupe(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.run("view.loupe")
	if !s.viewer.Loupe() {
		t.Error("no lens")
	}
	s.run("view.loupe")
	if s.viewer.Loupe() {
		t.Error("the lens stays")
	}
}
