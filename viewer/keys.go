package viewer

import (
	"fyne.io/fyne/v2"

	"coverslip/annotate"
)

// The feel of the keys.
const (
	keyPan  = 0.5 // share of the window an arrow moves
	keyPage = 0.9 // share of the window a page key moves: a rim of the last page stays to hold on to
	keyZoom = 1.5 // scale by + and −
)

// AcceptsTab belongs to Fyne: Tab is a key like others here.
func (v *Viewer) AcceptsTab() bool { return true }

// FocusGained belongs to Fyne.
func (v *Viewer) FocusGained() {
	if v.OnFocus != nil {
		v.OnFocus()
	}
}

// FocusLost belongs to Fyne.
func (v *Viewer) FocusLost() { v.hand.space = false }

// KeyDown belongs to Fyne.
func (v *Viewer) KeyDown(e *fyne.KeyEvent) {
	if e.Name == fyne.KeySpace {
		v.hand.space = true
	}
}

// KeyUp belongs to Fyne.
func (v *Viewer) KeyUp(e *fyne.KeyEvent) {
	if e.Name == fyne.KeySpace {
		v.hand.space = false
	}
}

// TypedKey takes a key: the tool in hand first, then movement, then OnKey. A
// window whose focus is nowhere passes its keys here too.
func (v *Viewer) TypedKey(e *fyne.KeyEvent) {
	if v.source != nil && v.view.Valid() && (v.pointing.key(v, e.Name) || v.tool.key(e.Name) || v.moveKey(e.Name)) {
		return
	}
	if v.OnKey != nil {
		v.OnKey(e)
	}
}

// moveKey moves the viewport by a key.
func (v *Viewer) moveKey(name fyne.KeyName) bool {
	w, h := keyPan*float64(v.view.W), keyPan*float64(v.view.H)
	switch name {
	case fyne.KeyEscape:
		// A box half pulled up is dropped; any other Escape is not ours.
		if v.hand.role != roleBox {
			return false
		}
		v.hand.role = roleNone
		v.touch()
	case fyne.KeyPageDown:
		v.page(1)
	case fyne.KeyPageUp:
		v.page(-1)
	case fyne.KeyLeft:
		v.panBy(w, 0)
	case fyne.KeyRight:
		v.panBy(-w, 0)
	case fyne.KeyUp:
		v.panBy(0, h)
	case fyne.KeyDown:
		v.panBy(0, -h)
	case fyne.KeyHome:
		v.Fit()
	case fyne.KeyEnd:
		v.zoomTo(1, v.middle())
	case fyne.KeySpace, fyne.KeyPlus, fyne.KeyMinus, fyne.KeyEqual, fyne.Key0:
		// Used as runes or while held.
	default:
		return false
	}
	return true
}

// page moves the viewport on by a page, down, or with Shift to the right.
func (v *Viewer) page(by float64) {
	if m, ok := currentModifiers(); ok && m&fyne.KeyModifierShift != 0 {
		v.panBy(-by*keyPage*float64(v.view.W), 0)
		return
	}
	v.panBy(0, -by*keyPage*float64(v.view.H))
}

// TypedRune takes a character: + − and 0 zoom, the others go to OnRune.
func (v *Viewer) TypedRune(r rune) {
	if v.source != nil && v.view.Valid() {
		switch r {
		case '+', '=':
			v.ZoomBy(keyZoom, v.Middle())
			return
		case '-', '_', '−':
			v.ZoomBy(1/keyZoom, v.Middle())
			return
		case '0':
			v.Fit()
			return
		case ' ':
			return
		}
	}
	if v.OnRune != nil {
		v.OnRune(r)
	}
}

// Viewport is what is seen now.
func (v *Viewer) Viewport() Viewport { return v.view }

// Magnification is the magnification on screen, for people; 0 when the slide
// does not say its pixels' size.
func (v *Viewer) Magnification() float64 { return magnification(v.info, v.view.Scale) }

// Middle is the middle of the viewer in Fyne units.
func (v *Viewer) Middle() fyne.Position {
	s := v.Size()
	return fyne.NewPos(s.Width/2, s.Height/2)
}

func (v *Viewer) middle() pixel { return pixel{float64(v.view.W) / 2, float64(v.view.H) / 2} }

// Fit shows all that was scanned of the slide (tiles.Info.Bounds), and keeps it
// so when the window is resized, until the person moves it. Empty glass around
// it is seen by zooming out.
func (v *Viewer) Fit() {
	v.motion.stop()
	v.fitted = true
	v.setLimits()
	v.touch()
}

// ZoomBy multiplies the scale, smoothly; the point of the slide at a position
// (Fyne units in the viewer) stays there. Calls in a row add up.
func (v *Viewer) ZoomBy(factor float64, at fyne.Position) {
	if !v.view.Valid() || factor <= 0 {
		return
	}
	v.zoomTo(v.motion.scale(v.view)*factor, v.pixelAt(at))
}

// ZoomToMagnification zooms, smoothly, to 20× and the like around the middle.
// On a slide that does not say its pixels' size it does nothing.
func (v *Viewer) ZoomToMagnification(m float64) {
	if s := scaleFor(v.info, m); s > 0 {
		v.zoomTo(s, v.middle())
	}
}

// ZoomToPixels zooms, smoothly, to a scale in device pixels per slide pixel
// around the middle: 1 is one to one; at 2, 3, 4 … every slide pixel is a square.
func (v *Viewer) ZoomToPixels(scale float64) {
	if scale > 0 {
		v.zoomTo(scale, v.middle())
	}
}

func (v *Viewer) zoomTo(scale float64, at pixel) {
	if v.source == nil || !v.view.Valid() {
		return
	}
	v.fitted = false
	v.motion.zoom(v.limits.scale(scale), at.x, at.y)
	v.touch()
}

// zoomStep is a double click: closer, or with Shift away.
func (v *Viewer) zoomStep(e pointer, factor float64) {
	if e.shift {
		factor = 1 / factor
	}
	v.zoomTo(v.motion.scale(v.view)*factor, e.s)
}

func (v *Viewer) panBy(dSX, dSY float64) {
	v.fitted = false
	v.motion.pan(dSX, dSY)
	v.touch()
}

// CenterOn puts a point of the slide (level-0 pixels) in the middle, at a scale
// in device pixels per level-0 pixel; 0 keeps the scale.
func (v *Viewer) CenterOn(p annotate.Point, scale float64) {
	v.motion.stop()
	v.fitted, v.showSoon = false, nil
	v.view.CX, v.view.CY = p.X, p.Y
	if scale > 0 {
		v.view.Scale = scale
	}
	if v.limits.w > 0 && v.view.Scale > 0 {
		v.view = v.limits.clamp(v.view)
	}
	v.touch()
}

// jump is CenterOn at the scale there is.
func (v *Viewer) jump(l0X, l0Y float64) {
	v.CenterOn(annotate.Point{X: l0X, Y: l0Y}, 0)
}

// ShowBox shows the whole of a box (level-0 pixels) with some ground around it,
// magnified to 2:1 at most.
func (v *Viewer) ShowBox(b annotate.Box) {
	v.motion.stop()
	v.fitted = false
	if !(v.limits.w > 0) {
		v.showSoon = &b
		return
	}
	const share, most = 0.6, 2
	to := v.view.ShowingBox(b, share)
	to.Scale = min(to.Scale, most)
	v.view = v.limits.clamp(to)
	v.touch()
}
