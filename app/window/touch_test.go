package window

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// A pinch zooms the slide under the pointer about it, in whatever pane that is.
func TestWindow_Pinch(t *testing.T) {
	s, a, b := twice(t, 1)
	at := fyne.NewPos(50, 60)
	over := &desktop.MouseEvent{}
	over.Position = at
	b.viewer.MouseOut()
	a.viewer.MouseMoved(over)
	before, still := a.viewer.Viewport(), b.viewer.Viewport()
	x, y := before.L0FromS(float64(at.X), float64(at.Y))
	s.Pinch(1.5)
	s.quiet()
	now := a.viewer.Viewport()
	if math.Abs(now.Scale/before.Scale-1.5) > 1e-9 || b.viewer.Viewport() != still {
		t.Errorf("zoomed by %.3f, the other pane by %.3f", now.Scale/before.Scale, b.viewer.Viewport().Scale/still.Scale)
	}
	if sx, sy := now.SFromL0(x, y); math.Abs(sx-50) > 0.01 || math.Abs(sy-60) > 0.01 {
		t.Errorf("what was under the pointer went to %.2f, %.2f", sx, sy)
	}
	a.viewer.MouseOut()
	s.Pinch(0.5) // over neither: the pane with the keyboard
	s.quiet()
	if got := b.viewer.Viewport().Scale / still.Scale; math.Abs(got-0.5) > 1e-9 {
		t.Errorf("the pane with the keyboard zoomed by %.3f", got)
	}
}

func TestWindow_WheelPans_Remembered(t *testing.T) {
	s := newStage(t, Options{})
	s.run("view.wheelPans")
	again, err := newWindow(s.app, Options{}, s.post)
	if err != nil {
		t.Fatal(err)
	}
	if !s.viewer.WheelPans() || !again.viewer.WheelPans() {
		t.Error("the wheel zooms in this window or in the next")
	}
}
