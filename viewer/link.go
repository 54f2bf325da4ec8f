package viewer

import (
	"math"

	"coverslip/annotate"
)

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
	quarters := int(math.Round(m.Angle() / (math.Pi / 2)))
	own.Turn, own.Flip = lead.Turn-quarters, lead.Flip
	if m.Det() < 0 {
		own.Turn, own.Flip = -lead.Turn-quarters, !lead.Flip
	}
	own.Turn = ((own.Turn % 4) + 4) % 4
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
	if to.Turn != v.view.Turn || to.Flip != v.view.Flip {
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
