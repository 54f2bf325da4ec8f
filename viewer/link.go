package viewer

import (
	"math"

	"coverslip/annotate"
)

// quarterWithin is how near to quarter turns, degrees, a map turns by them: in a
// window of 2000 pixels it is less than half a pixel.
const quarterWithin = 0.02

// Follow is the viewport of a slide that shows the same place, as large and the
// same way up, as a viewport of another slide: m maps the level-0 plane of the
// slide that leads to that of the slide that follows. own gives the size of the
// window. The picture is turned by quarters, to the one nearest to the map's
// turn.
func Follow(lead, own Viewport, m annotate.Affine) Viewport {
	scale := m.Scale()
	if !lead.Valid() || !(scale > 0) || math.IsInf(scale, 0) {
		return own
	}
	c := m.Apply(annotate.Point{X: lead.CX, Y: lead.CY})
	own.CX, own.CY = c.X, c.Y
	own.Scale = lead.Scale / scale
	// With F the mirror of the screen and R a turn, the lead's picture is F^f·R(t)
	// of its plane, and the map's turn is R(a), or R(a)·F when it mirrors. Undone
	// first, F^f·R(t)·R(-a); mirrored, F^f·R(t)·F·R(-a) = F^(f+1)·R(-t-a).
	turn, undone := 90*float64(lead.Turn)+lead.Tilt, -m.Angle()*180/math.Pi
	if m.Det() < 0 {
		turn, own.Flip = -turn, !lead.Flip
	} else {
		own.Flip = lead.Flip
	}
	if quarters := math.Round(undone/90) * 90; math.Abs(undone-quarters) < quarterWithin {
		undone = quarters // exact, and cheap to draw
	}
	own = own.WithAngle(turn + undone)
	return own
}

// SetViewport shows another part of the slide at once. The size of the viewport
// is the window's and stays; the centre stays on the slide.
func (v *Viewer) SetViewport(to Viewport) {
	if v.source == nil || !(to.Scale > 0) {
		return
	}
	v.motion.stop()
	v.fitted, v.showSoon = false, nil
	to.W, to.H = v.view.W, v.view.H
	if to.Turn != v.view.Turn || to.Tilt != v.view.Tilt || to.Flip != v.view.Flip {
		v.overlay.any = false // there is no old step to keep in the new position
	}
	if v.limits.w > 0 {
		to = v.limits.clamp(to)
	}
	if to == v.view {
		return
	}
	v.view = to
	v.touch()
}
