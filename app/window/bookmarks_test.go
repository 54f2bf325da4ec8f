package window

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
)

// typed types into whatever has the keyboard, and Enter.
func (s *stage) typed(words string) {
	s.t.Helper()
	f := s.win.Canvas().Focused()
	for _, r := range words {
		f.TypedRune(r)
	}
	f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	s.settle()
}

// tap taps the first visible button of the top overlay for which want holds.
func (s *stage) tap(want func(*button) bool) {
	s.t.Helper()
	var found *button
	walk(s.win.Canvas().Overlays().Top(), func(o fyne.CanvasObject) {
		if b, ok := o.(*button); ok && found == nil && want(b) {
			found = b
		}
	})
	if found == nil {
		s.t.Fatal("there is no such button")
	}
	found.Tapped(nil)
	s.settle()
}

func TestWindow_bookmarks(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	first := s.Window.open.Item.ID
	s.run("view.pixels2")
	s.settle()
	s.run("view.goTo")
	s.typed("500, 400")
	s.run("view.addBookmark")
	s.typed("Edge of the tumour")
	if len(s.places) != 1 || s.dialog != nil {
		t.Fatalf("kept %+v", s.places)
	}
	other := writeSlide(t, filepath.Join(s.dir, "other.svs"))
	if err := appendByte(other); err != nil { // another file, so another slide
		t.Fatal(err)
	}
	s.add([]string{other})
	s.settle()
	if s.Window.open.Item.ID == first {
		t.Fatal("the other slide is not open")
	}
	s.run("view.addBookmark")
	s.typed("All of it")
	s.run("view.bookmarks")
	s.tap(func(b *button) bool { return b.words == "Edge of the tumour" })
	v := s.viewer.Viewport()
	if s.Window.open.Item.ID != first || math.Abs(v.CX-500) > 1e-9 || math.Abs(v.CY-400) > 1e-9 || v.Scale != 2 {
		t.Errorf("went to %+v of %s", v, s.Window.open.Item.Name)
	}
	if found := s.findBookmarks("TUMOUR"); len(found) != 1 || found[0].kind != "Bookmark" {
		t.Errorf("the palette finds %+v", found)
	}
	dir := s.session.Dir()
	s.closeProject()
	s.settle()
	s.Open(dir)
	s.settle()
	if len(s.places) != 2 || s.places[1].Name != "All of it" {
		t.Fatalf("after reopening: %+v", s.places)
	}
	s.run("view.bookmarks")
	s.tap(func(b *button) bool { return b.tip == "Remove the bookmark" })
	if len(s.places) != 1 || s.places[0].Name != "All of it" {
		t.Errorf("after removing the first: %+v", s.places)
	}
	if top := s.win.Canvas().Overlays().Top(); top != nil {
		top.Hide()
	}
}

func TestWindow_gridAndColour(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	s.runes("G") // Shift+G; the lower-case letter suggests
	if !s.viewer.Grid() {
		t.Error("Shift+G shows no grid")
	}
	s.runes("G")
	if s.viewer.Grid() {
		t.Error("a second Shift+G leaves the grid")
	}
	s.status.at.X, s.status.at.Y, s.status.inside = 100, 300, true
	s.status.showPosition()
	if got := s.status.pos.value; !strings.Contains(got, "100,    300 px") || !strings.Contains(got, "µm") || !strings.HasPrefix(got, "RGB 1") {
		t.Errorf("says %q", got)
	}
}

// appendByte makes a file another one; what follows a slide's last directory is
// nothing to its reader.
func appendByte(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte{1}); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
