//go:build e2e

package main

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The words of the window's own palette for the number keys used below.
const (
	key1 = "Tumour"
	key2 = "Stroma"
)

// TestWindow_DrawDecideReopen is the whole main job by hand: draw, class, undo, redo,
// decide on suggestions, close, open again.
func TestWindow_DrawDecideReopen(t *testing.T) {
	w := newWorld(t)
	w.label()
	w.suggest()
	before := w.objects()
	waiting := decided(before)["undecided"]
	if waiting < 3 {
		t.Fatalf("%d suggestions to decide on; at least 3 are needed", waiting)
	}

	s := w.window(newDisplay(t, 1280, 800))
	s.keep("opened-1280x800")
	// A rectangle, drawn as stroma and then made tumour.
	s.press("2", "r")
	s.drag(35, 35, 45, 48)
	s.press("1")
	// A polygon of the class now in hand, closed by Enter; then undone and redone.
	s.press("p")
	for _, p := range [][2]int{{50, 55}, {58, 52}, {62, 62}, {55, 70}, {48, 64}} {
		s.click(p[0], p[1])
	}
	s.press("Return")
	drawn := s.shown
	s.press("ctrl+z")
	if n := differing(drawn, s.shown, s.shown.Bounds()); n < 100 {
		t.Errorf("undo changed %d pixels: the polygon is still to be seen", n)
	}
	s.press("ctrl+y")
	// Two accepted, one rejected, the rejection undone.
	s.press("a", "a", "x", "ctrl+z")
	s.keep("decided-1280x800")
	s.quit()

	after := w.objects()
	w.intact()
	added := since(before, after)
	if len(added) != 2 {
		t.Fatalf("%d new annotations on disk, want the rectangle and the polygon: %+v", len(added), added)
	}
	for i, o := range added {
		if o.Kind != "annotation" || o.Class != key1 {
			t.Errorf("drawn object %d is a %s of class %q, want an annotation of class %q", i, o.Kind, o.Class, key1)
		}
	}
	if got := decided(after); got["accepted"] != 2 || got["rejected"] != 0 || got["undecided"] != waiting-2 {
		t.Errorf("decisions on disk: %v, want 2 accepted and %d undecided", got, waiting-2)
	}

	// Undo reaches back over the restart: the second acceptance, then the first.
	s = w.window(newDisplay(t, 1280, 800))
	s.keep("reopened-1280x800")
	s.press("ctrl+z")
	s.quit()
	if got := decided(w.objects()); got["accepted"] != 1 {
		t.Errorf("after undo in a new run: %v, want 1 accepted", got)
	}
	w.intact()
}

// TestWindow_Killed draws and kills the program with no warning as soon as the last shape
// is on the screen. Everything that was acknowledged must be there.
func TestWindow_Killed(t *testing.T) {
	w := newWorld(t)
	before := w.objects()
	s := w.window(newDisplay(t, 1280, 800))
	s.press("2", "r")
	for i := range 4 {
		s.drag(30+10*i, 40, 36+10*i, 50)
	}
	s.program.kill()

	after := w.objects()
	if added := since(before, after); len(added) != 4 {
		t.Fatalf("%d rectangles on disk after the kill, want 4: %+v", len(added), added)
	}
	w.intact()

	s = w.window(newDisplay(t, 1280, 800))
	s.keep("after-kill-1280x800")
	s.press("ctrl+z")
	s.quit()
	if added := since(before, w.objects()); len(added) != 3 {
		t.Errorf("%d rectangles after undo in the run after the kill, want 3", len(added))
	}
}

// TestWindow_Moves pans and zooms by mouse and keys; the picture has to follow.
func TestWindow_Moves(t *testing.T) {
	w := newWorld(t)
	s := w.window(newDisplay(t, 1280, 800))
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"zoom in by key", func() { s.press("plus") }},
		{"zoom in by wheel", func() {
			x, y := s.at(45, 50)
			s.xdo("mousemove", "--sync", x, y, "click", "4", "click", "4")
		}},
		{"pan by mouse", func() { s.press("h"); s.drag(55, 55, 40, 45) }},
		{"pan by arrow", func() { s.press("Right") }},
		{"fit", func() { s.press("0") }},
	} {
		before := s.shown
		step.do()
		if n := differing(before, s.shown, s.shown.Bounds()); n < 10_000 {
			t.Errorf("%s changed only %d pixels", step.name, n)
		}
	}
	s.quit()
}

// TestWindow_BadInput opens what is no slide and no project: the window stays, says so, and
// the same words with the file's name go to standard error.
func TestWindow_BadInput(t *testing.T) {
	w := newWorld(t)
	slide, err := os.ReadFile(filepath.Join(w.dir, "slide.svs"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(w.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("letter.svs", []byte("Dear colleague, the slide is in the other mail.\n"))
	write("cut.svs", slide[:len(slide)/2])
	write("foreign.coverslip/project.bolt", []byte(strings.Repeat("not a bolt file. ", 1000)))
	d := newDisplay(t, 1280, 800)
	for _, name := range []string{"nowhere.svs", "letter.svs", "cut.svs", "foreign.coverslip"} {
		t.Run(name, func(t *testing.T) {
			w := &world{t: t, bin: w.bin, dir: w.dir, home: w.home, project: filepath.Join(w.dir, name)}
			s := w.window(d)
			s.keep("bad-" + name + "-1280x800")
			if said := s.program.output.String(); !strings.Contains(said, name) {
				t.Errorf("standard error does not name %s: %q", name, said)
			}
			if n := reddish(s.shown); n < 10_000 {
				t.Errorf("only %d pixels of a red bar: the window says nothing", n)
			}
			s.quit()
		})
	}
}

// reddish counts the pixels of the bar that tells of a problem, in the dark theme.
func reddish(img *image.RGBA) int {
	n := 0
	for i := 0; i < len(img.Pix); i += 4 {
		if r, g, b := img.Pix[i], img.Pix[i+1], img.Pix[i+2]; r > 50 && r > 3*g/2 && r > 3*b/2 {
			n++
		}
	}
	return n
}

// theme presses the key that changes the theme and waits for the window to be in it:
// a busy machine may rest before it has drawn again.
func (s *session) theme(key string, light bool) {
	s.t.Helper()
	s.press(key)
	for end := time.Now().Add(30 * time.Second); s.light() != light; s.rest() {
		if time.Now().After(end) {
			s.t.Fatalf("%s: half a minute later the window is not in the other theme", key)
		}
	}
}

// light says whether the window's panels are light: the corner at the lower left
// belongs to no slide.
func (s *session) light() bool {
	b := s.shown.Bounds()
	c := s.shown.RGBAAt(b.Min.X+3, b.Max.Y-3)
	return int(c.R)+int(c.G)+int(c.B) > 3*128
}

// TestWindow_Shots makes the pictures of the papers.
func TestWindow_Shots(t *testing.T) {
	w := newWorld(t)
	w.label()
	w.suggest()
	for _, size := range []string{"1280x800", "1920x1080"} {
		width, height, err := parseSize(size)
		if err != nil {
			t.Fatal(err)
		}
		s := w.window(newDisplay(t, width, height))
		s.keep("dark-" + size)
		s.theme("ctrl+t", true)
		s.keep("light-" + size)
		s.theme("ctrl+t", false)
		if size == "1280x800" {
			s.press("z", "z") // on to a suggestion near others
			s.keep("window")
			if err := saveJPEG(filepath.Join(shots, "window.jpg"), s.shown); err != nil {
				t.Fatal(err)
			}
		}
		s.quit()
	}
}
