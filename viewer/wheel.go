package viewer

import (
	"math"

	"fyne.io/fyne/v2"
)

// The feel of the wheel, and of two fingers on a touchpad, which the drivers
// report as one. Touchpads report parts of a notch where the system has them.
const (
	wheelNotch = 25.0 // what Fyne reports for one notch of the wheel
	wheelZoom  = 1.25 // scale by notch
	wheelMost  = 8.0  // notches taken from one event: some drivers report bursts
	wheelPan   = 60.0 // Fyne units by notch
)

// SetWheelPans has the wheel, or two fingers, move the slide instead of zooming
// it; with Ctrl they zoom then too.
func (v *Viewer) SetWheelPans(on bool) { v.wheelPans = on }

// WheelPans tells whether the wheel moves the slide.
func (v *Viewer) WheelPans() bool { return v.wheelPans }

// Scrolled belongs to Fyne.
func (v *Viewer) Scrolled(e *fyne.ScrollEvent) {
	notches := func(of float32) float64 { return max(-wheelMost, min(wheelMost, float64(of)/wheelNotch)) }
	m, _ := currentModifiers()
	at := e.Position
	if !v.hand.inside && e.AbsolutePosition.IsZero() {
		at = v.Middle() // the window was just entered: Fyne does not know where
	}
	v.wheel(notches(e.Scrolled.DX), notches(e.Scrolled.DY), m, at)
}

// wheel is what turning the wheel does, notches to the left and up, with the keys
// held meanwhile.
func (v *Viewer) wheel(x, y float64, held fyne.KeyModifier, at fyne.Position) {
	if x == 0 && y == 0 || y != 0 && v.wheelTool(y) {
		return
	}
	if v.wheelPans && held&(fyne.KeyModifierControl|fyne.KeyModifierSuper) == 0 {
		if held&fyne.KeyModifierShift != 0 && x == 0 {
			x, y = y, 0
		}
		v.panBy(x*wheelPan*float64(v.unit), y*wheelPan*float64(v.unit))
		return
	}
	if y != 0 {
		v.ZoomBy(math.Pow(wheelZoom, y), at)
	}
}

// MouseAt is where the mouse is, Fyne units; over is false when it is elsewhere.
func (v *Viewer) MouseAt() (at fyne.Position, over bool) {
	return fyne.NewPos(float32(v.hand.at.x)/v.unit, float32(v.hand.at.y)/v.unit), v.hand.inside
}
