package viewer

import (
	"math"

	"coverslip/annotate"
)

// boxLeast is the least side of a zoom's box, Fyne units: a smaller one is a
// click that slipped.
const boxLeast = 8.0

// drawBox draws the box that is pulled up to be zoomed into.
func (v *Viewer) drawBox(l *live) {
	if v.hand.role != roleBox || !v.hand.dragged {
		return
	}
	a, b := v.hand.start, v.hand.at
	corners := [5]pixel{a, {b.x, a.y}, b, {a.x, b.y}, a}
	for i := 1; i < len(corners); i++ {
		l.line(corners[i-1], corners[i], haloWidth, markRim)
	}
	for i := 1; i < len(corners); i++ {
		l.line(corners[i-1], corners[i], liveWidth, markColor)
	}
}

// zoomToBox shows what lies between two corners on the screen, in the middle and
// as large as the window allows.
func (v *Viewer) zoomToBox(a, b pixel) {
	least := boxLeast * float64(v.unit)
	if math.Abs(a.x-b.x) < least || math.Abs(a.y-b.y) < least {
		return
	}
	x0, y0 := v.view.L0FromS(a.x, a.y)
	x1, y1 := v.view.L0FromS(b.x, b.y)
	v.flyTo(v.view.ShowingBox(annotate.Box{
		MinX: min(x0, x1), MinY: min(y0, y1), MaxX: max(x0, x1), MaxY: max(y0, y1)}, 1))
}

// flyFrom is the change of scale (natural logarithm) from which on a flight is a
// zoom about the one point that both pictures have in the same place; with less
// that point lies so far away that a pan is the same.
const flyFrom = 0.05

// flyTo goes smoothly to another place and scale.
func (v *Viewer) flyTo(to Viewport) {
	if v.source == nil || !v.view.Valid() {
		return
	}
	v.fitted, v.showSoon = false, nil
	v.motion.stop()
	to = v.limits.clamp(to)
	from := v.view
	if math.Abs(math.Log(to.Scale/from.Scale)) < flyFrom {
		x, y := from.SFromL0(to.CX, to.CY)
		v.view.Scale = to.Scale
		v.motion.pan((float64(v.view.W)/2-x)*to.Scale/from.Scale, (float64(v.view.H)/2-y)*to.Scale/from.Scale)
		v.touch()
		return
	}
	// The fixed point p of both pictures: (p-from.C)·from.Scale = (p-to.C)·to.Scale.
	k := from.Scale - to.Scale
	px := (from.CX*from.Scale - to.CX*to.Scale) / k
	py := (from.CY*from.Scale - to.CY*to.Scale) / k
	x, y := from.SFromL0(px, py)
	v.motion.zoom(to.Scale, x, y)
	v.touch()
}
