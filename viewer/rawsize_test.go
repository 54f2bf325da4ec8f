package viewer

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
)

// TestSizer_Layout fails when a new Fyne lays canvas.Image out otherwise: the
// program still works, but every zoom frame then uploads every tile. Find the
// field again in sizeOffset.
func TestSizer_Layout(t *testing.T) {
	if _, ok := sizeOffset(); !ok {
		t.Fatal("canvas.Image no longer keeps its size in baseObject.size; zooming falls back to an upload of every tile in each frame")
	}
}

func TestSizer_set(t *testing.T) {
	test.NewTempApp(t)
	for _, s := range []sizer{newSizer(), {}} {
		im := &canvas.Image{}
		s.set(im, fyne.NewSize(12.5, 7))
		if im.Size() != fyne.NewSize(12.5, 7) {
			t.Errorf("direct %v: size is %v", s.ok, im.Size())
		}
	}
}
