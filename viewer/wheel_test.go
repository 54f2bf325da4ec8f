package viewer

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
)

func TestViewer_WheelPans(t *testing.T) {
	s := atRest(t, 0.1)
	at := fyne.NewPos(100, 80)
	s.v.SetWheelPans(true)
	for _, c := range []struct {
		what   string
		x, y   float64
		held   fyne.KeyModifier
		dx, dy float64 // of the picture, screen pixels
		zoom   float64
	}{
		{"up", 0, 1, 0, 0, wheelPan, 1},
		{"a part of a notch down", 0, -0.25, 0, 0, -wheelPan / 4, 1},
		{"sideways", 2, 0, 0, 2 * wheelPan, 0, 1},
		{"up with Shift", 0, 1, fyne.KeyModifierShift, wheelPan, 0, 1},
		{"up with Ctrl", 0, 1, fyne.KeyModifierControl, 0, 0, wheelZoom},
	} {
		was := s.v.Viewport()
		px, py := was.L0FromS(100, 80)
		s.v.wheel(c.x, c.y, c.held, at)
		s.v.Settle()
		now := s.v.Viewport()
		x, y := now.SFromL0(px, py)
		if math.Abs(x-100-c.dx) > 1e-6 || math.Abs(y-80-c.dy) > 1e-6 || math.Abs(now.Scale/was.Scale-c.zoom) > 1e-9 {
			t.Errorf("%s: moved by %.2f, %.2f and zoomed by %.4f, want %.2f, %.2f, %.4f", c.what, x-100, y-80, now.Scale/was.Scale, c.dx, c.dy, c.zoom)
		}
	}
	s.v.SetWheelPans(false)
	was := s.v.Viewport()
	s.v.wheel(1, 0, 0, at)
	s.v.Settle()
	if now := s.v.Viewport(); now != was {
		t.Errorf("sideways, where the wheel zooms, led from %+v to %+v", was, now)
	}
}
