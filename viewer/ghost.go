package viewer

import (
	"image/color"

	"coverslip/annotate"
)

// SetGhost shows the outline of a shape that is not on the slide, such as an
// earlier version of an object; a shape without points takes it away. Nothing
// can be done to it.
func (v *Viewer) SetGhost(shape annotate.ROI) {
	v.ghost = shape
	v.touch()
}

// drawGhost draws the outline above the objects, in a colour that no class has
// from the beginning.
func (v *Viewer) drawGhost(l *live) {
	if v.ghost.Vertices() == 0 {
		return
	}
	l.roi(&v.ghost, color.NRGBA{R: 150, G: 70, B: 210, A: 255}, liveLines/3)
}
