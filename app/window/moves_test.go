package window

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

func TestMoves_magnificationKeys(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	for key, want := range map[fyne.KeyName]float64{"3": 5, "4": 10, "5": 20, "7": 80} {
		s.shortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault})
		if m := s.viewer.Magnification(); math.Abs(m-want) > 1e-9 {
			t.Errorf("Ctrl+%s magnifies to %g, want %g", key, m, want)
		}
	}
	s.run("view.pixels4")
	s.settle()
	if v := s.viewer.Viewport(); v.Scale != 4 {
		t.Errorf("4:1 is scale %g", v.Scale)
	}
}
