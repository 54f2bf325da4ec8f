package window

import (
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/app"
	"coverslip/tiles/tiffwrite"
)

// withoutScale opens a slide that does not say its µm per pixel.
func (s *stage) withoutScale() *stage {
	s.t.Helper()
	path := filepath.Join(s.dir, "plain.tif")
	if err := tiffwrite.Write(s.t.Context(), path, tiffwrite.Options{Width: 1344, Height: 900, Layout: tiffwrite.Generic, Quality: 90}, paintBands); err != nil {
		s.t.Fatal(err)
	}
	s.create(filepath.Join(s.dir, "trial.coverslip"), "Trial")
	s.settle()
	s.add([]string{path})
	s.settle()
	if s.Window.open == nil {
		s.t.Fatalf("no slide is open; problem: %s: %s", s.problem.title.value, s.problem.cause)
	}
	return s
}

// card is all the text of the slide's card, and its buttons.
func (s *stage) card() (words string, buttons []*button) {
	walk(s.slides.meta, func(o fyne.CanvasObject) {
		switch o := o.(type) {
		case *text:
			words += o.value + "\n"
		case *button:
			buttons = append(buttons, o)
		}
	})
	return words, buttons
}

// A slide of unknown scale says so on its card, measures in pixels, and takes the
// scale from there; what needs it asks.
func TestWindow_Scale_AskedForAndSet(t *testing.T) {
	s := newStage(t, Options{}).withoutScale()
	s.label() // 128 pixels square each
	area := func() string { return s.labels.areaWords(s.survey.labels.Brief(0)) }
	if !strings.HasSuffix(area(), "px²") {
		t.Errorf("an area of %s", area())
	}
	words, buttons := s.card()
	if !strings.Contains(words, "size not known") || len(buttons) != 1 {
		t.Fatalf("the card says %q, with %d buttons", words, len(buttons))
	}
	s.suggest()
	s.settle()
	if !s.problem.object.Visible() || !s.problem.scale.Visible() || !strings.Contains(s.problem.title.value, "how many µm") {
		t.Errorf("suggesting says %q", s.problem.title.value)
	}
	buttons[0].Tapped(nil)
	s.settle()
	entry, ok := s.win.Canvas().Focused().(*formEntry)
	if !ok {
		t.Fatalf("focus on %T", s.win.Canvas().Focused())
	}
	for _, wrong := range []string{"", "x", "0", "250"} {
		entry.SetText(wrong)
		s.key(fyne.KeyReturn)
		if s.win.Canvas().Overlays().Top() == nil {
			t.Fatalf("%q was taken", wrong)
		}
	}
	entry.SetText("0,5") // as half of Europe writes it
	s.key(fyne.KeyReturn)
	s.settle()
	if s.win.Canvas().Overlays().Top() != nil {
		t.Fatal("the dialog stays")
	}
	if in := s.Window.open.Slide.Info(); in.MPPX != 0.5 || in.MPPFrom != app.ScaleByUser {
		t.Errorf("MPP %v from %q", in.MPPX, in.MPPFrom)
	}
	if got := area(); got != "4\u2009096 µm²" {
		t.Errorf("an area of %s", got)
	}
	if words, buttons := s.card(); !strings.Contains(words, "0.5 µm") || len(buttons) != 0 {
		t.Errorf("the card says %q, with %d buttons", words, len(buttons))
	}
	if len(s.objects()) != 3 {
		t.Error("labels are gone")
	}
}
