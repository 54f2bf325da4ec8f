package window

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
)

// What takes long to open says how far it is, and can be given up.
func TestWindow_Opening_ProgressAndCancel(t *testing.T) {
	s := newStage(t, Options{})
	ctx := s.beginOpening("large.png")
	tiles.Progress(ctx)(1, 4)
	s.settle()
	for name, words := range map[string]string{"status": s.status.words.value, "start page": s.start.busy.value, "centre": s.centre.title.value} {
		if !strings.Contains(words, "large.png") || !strings.Contains(words, "25 %") {
			t.Errorf("the %s says %q", name, words)
		}
	}
	if !s.start.stop.Visible() {
		t.Error("no button gives up")
	}
	s.start.stop.Tapped(nil)
	if ctx.Err() == nil {
		t.Error("Cancel does not end the opening")
	}
	tiles.Progress(ctx)(2, 4) // comes too late
	s.setOpening("")
	s.settle()
	if s.start.stop.Visible() || s.openShare != 0 {
		t.Error("progress is shown of what was given up")
	}
}

// A picture that is given up while it is opened is no error to show, and the next
// one opens.
func TestWindow_Open_GivenUp(t *testing.T) {
	s := newStage(t, Options{})
	path := filepath.Join(s.dir, "plain.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 900, 700))); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s.Window.Open(path)
	s.stopOpening()
	s.settle()
	if s.Window.open != nil || s.problem.object.Visible() {
		t.Errorf("open %v, told %q", s.Window.open, s.problem.cause)
	}
	s.Window.Open(path)
	s.settle()
	if s.Window.open == nil {
		t.Fatalf("it does not open: %q", s.problem.cause)
	}
}
