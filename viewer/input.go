package viewer

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// What the viewer is to Fyne. Scrollable also makes Fyne cut what it draws to
// its rectangle. DoubleTappable is not among them: it would delay each click.
var (
	_ fyne.Draggable     = (*Viewer)(nil)
	_ fyne.Scrollable    = (*Viewer)(nil)
	_ fyne.Focusable     = (*Viewer)(nil)
	_ fyne.Tabbable      = (*Viewer)(nil)
	_ desktop.Mouseable  = (*Viewer)(nil)
	_ desktop.Hoverable  = (*Viewer)(nil)
	_ desktop.Keyable    = (*Viewer)(nil)
	_ desktop.Cursorable = (*Viewer)(nil)
)

// The feel of the mouse.
const (
	doubleClick  = 350 * time.Millisecond
	doubleWithin = 5.0 // Fyne units between the presses of a double click
	dragFrom     = 3.0 // Fyne units from which on a press is a drag
)

// hand is what the mouse and the space bar do just now.
type hand struct {
	down    bool
	button  desktop.MouseButton
	role    role
	start   pixel // where the button went down, screen pixels
	at      pixel // where the mouse is
	inside  bool
	dragged bool
	shift   bool
	ctrl    bool
	alt     bool
	space   bool // held: every drag pans
	track   tracker

	turned   float64 // Orientation when a turn by hand began
	turnRest float64 // and the degrees since

	clickAt time.Time // last press, for double clicks
	clickOn pixel
}

// role is who has the drag.
type role int

const (
	roleNone role = iota
	rolePan
	roleTool
	roleClick // the tool did not take the press: a click goes to it, a drag pans
	roleOverview
	roleBox // a box is pulled up to be zoomed into
	roleTurn
)

func (v *Viewer) pixelAt(p fyne.Position) pixel {
	return pixel{float64(p.X * v.unit), float64(p.Y * v.unit)}
}

func (v *Viewer) pointer(at pixel) pointer {
	x, y := v.view.L0FromS(at.x, at.y)
	return pointer{s: at, p: annotate.Point{X: x, Y: y}, shift: v.hand.shift, ctrl: v.hand.ctrl, alt: v.hand.alt}
}

func (v *Viewer) seconds() float64 { return float64(v.clock.now().UnixNano()) / 1e9 }

// MouseDown belongs to Fyne.
func (v *Viewer) MouseDown(e *desktop.MouseEvent) {
	v.focus()
	v.hand.shift = e.Modifier&fyne.KeyModifierShift != 0
	v.hand.ctrl = e.Modifier&fyne.KeyModifierControl != 0
	v.hand.alt = e.Modifier&fyne.KeyModifierAlt != 0
	if v.hand.down || e.Button == desktop.MouseButtonSecondary {
		return
	}
	v.tellAlt(v.hand.alt)
	v.press(e.Position, e.Button)
}

func (v *Viewer) tellAlt(held bool) {
	if held && v.OnAlt != nil {
		v.OnAlt()
	}
}

// press begins whatever a button begins.
func (v *Viewer) press(pos fyne.Position, button desktop.MouseButton) {
	h := &v.hand
	h.down, h.button, h.dragged, h.role = true, button, false, roleNone
	h.start = v.pixelAt(pos)
	h.at = h.start
	v.motion.stop()
	h.track.reset(v.seconds())
	if v.source == nil || !v.view.Valid() {
		return
	}
	if l0X, l0Y, ok := v.overview.at(pos); ok && button == desktop.MouseButtonPrimary {
		h.role = roleOverview
		v.jump(l0X, l0Y)
		return
	}
	if button != desktop.MouseButtonPrimary || h.space {
		h.role = rolePan
		return
	}
	if h.ctrl && !v.Busy() {
		h.role = roleBox
		return
	}
	p := v.pointer(h.start)
	now := v.clock.now()
	p.double = now.Sub(h.clickAt) < doubleClick && v.near(h.clickOn, h.start, doubleWithin)
	h.clickAt, h.clickOn = now, h.start
	if p.double {
		h.clickAt = time.Time{} // a third press begins anew
	}
	if h.shift && (h.alt || v.kind == ToolPan) && !v.Busy() && !p.double {
		h.role = roleTurn
		h.turned, _ = v.Orientation()
		h.turnRest = 0
		return
	}
	h.role = roleClick
	if v.tool.press(p) {
		h.role = roleTool
	}
	v.touch()
}

// MouseUp belongs to Fyne.
func (v *Viewer) MouseUp(e *desktop.MouseEvent) {
	if t, ok := v.tool.(interface{ other(pointer) bool }); ok && e.Button == desktop.MouseButtonSecondary && !v.hand.down && v.source != nil && v.view.Valid() {
		if t.other(v.pointer(v.pixelAt(e.Position))) {
			return
		}
	}
	if e.Button == desktop.MouseButtonSecondary && !v.hand.down && v.OnMenu != nil && v.source != nil && v.view.Valid() {
		v.OnMenu(v.pointer(v.pixelAt(e.Position)).p, e.AbsolutePosition)
		return
	}
	if v.hand.down && e.Button == v.hand.button {
		v.hand.at = v.pixelAt(e.Position)
		v.unpress()
	}
}

// Dragged belongs to Fyne.
func (v *Viewer) Dragged(e *fyne.DragEvent) {
	if !v.hand.down {
		// A driver without mouse buttons (touch, tests) begins here.
		v.press(e.Position.SubtractXY(e.Dragged.DX, e.Dragged.DY), desktop.MouseButtonPrimary)
	}
	v.move(e.Position)
}

// DragEnd belongs to Fyne. Where there are mouse buttons, MouseUp came first.
func (v *Viewer) DragEnd() {
	if v.hand.down {
		v.unpress()
	}
}

// move follows the mouse while a button is down.
func (v *Viewer) move(pos fyne.Position) {
	h := &v.hand
	at := v.pixelAt(pos)
	dx, dy := at.x-h.at.x, at.y-h.at.y
	h.at = at
	snapTurn := false
	if d, ok := currentModifiers(); ok {
		snapTurn = d&fyne.KeyModifierControl != 0
		h.shift, h.alt = d&fyne.KeyModifierShift != 0, d&fyne.KeyModifierAlt != 0
	}
	v.tellAlt(h.alt)
	if !h.dragged && v.near(h.start, at, dragFrom) {
		h.at = h.start // not yet: the way so far must not be lost
		return
	}
	h.dragged = true
	switch h.role {
	case roleOverview:
		l0X, l0Y, _ := v.overview.at(pos)
		v.jump(l0X, l0Y)
	case roleTurn:
		v.turnDrag(pixel{at.x - dx, at.y - dy}, at, snapTurn)
	case rolePan, roleClick:
		if !v.view.Valid() {
			return
		}
		h.track.add(dx, dy, v.seconds())
		v.view = v.limits.clamp(v.view.Panned(dx, dy))
		v.fitted = false
		v.touch()
	case roleBox:
		v.touch()
	case roleTool:
		v.tool.drag(v.pointer(at))
	}
	v.hoverAgain()
}

// unpress ends what press began.
func (v *Viewer) unpress() {
	h := &v.hand
	h.down = false
	role := h.role
	h.role = roleNone
	if !v.view.Valid() || v.source == nil {
		return
	}
	switch role {
	case rolePan:
		v.let()
	case roleBox:
		if h.dragged {
			v.zoomToBox(h.start, h.at)
		}
	case roleClick:
		if h.dragged {
			v.let()
		} else {
			v.tool.release(v.pointer(h.at), false)
		}
	case roleTool:
		v.tool.release(v.pointer(h.at), h.dragged)
	}
	v.touch()
}

// let lets the picture glide on after a pan.
func (v *Viewer) let() {
	v.motion.glide(v.hand.track.speed(v.seconds()))
}

// currentModifiers asks the desktop driver, since drags carry no modifiers.
func currentModifiers() (fyne.KeyModifier, bool) {
	a := fyne.CurrentApp()
	if a == nil {
		return 0, false
	}
	d, ok := a.Driver().(desktop.Driver)
	if !ok {
		return 0, false
	}
	return d.CurrentKeyModifiers(), true
}

// MouseIn belongs to Fyne.
func (v *Viewer) MouseIn(e *desktop.MouseEvent) { v.MouseMoved(e) }

// MouseMoved belongs to Fyne.
func (v *Viewer) MouseMoved(e *desktop.MouseEvent) {
	if v.hand.down {
		return // Dragged follows
	}
	v.hand.at, v.hand.inside = v.pixelAt(e.Position), true
	if v.loupe.on {
		v.touch()
	}
	if v.source != nil && v.view.Valid() {
		v.tool.hover(v.pointer(v.hand.at))
	}
	v.hoverAgain()
}

// MouseOut belongs to Fyne.
func (v *Viewer) MouseOut() {
	v.hand.inside = false
	if v.loupe.on {
		v.touch()
	}
	if v.OnHover != nil {
		v.OnHover(annotate.Point{}, false)
	}
}

// hoverAgain tells where the mouse is; also called when the slide moved under
// it.
func (v *Viewer) hoverAgain() {
	if v.OnHover != nil && v.source != nil && v.view.Valid() && (v.hand.inside || v.hand.down) {
		v.OnHover(v.pointer(v.hand.at).p, true)
	}
}

// Cursor belongs to Fyne.
func (v *Viewer) Cursor() desktop.Cursor {
	switch {
	case v.source == nil:
		return desktop.DefaultCursor
	case v.hand.space || v.hand.down && v.hand.role == rolePan:
		return desktop.PointerCursor
	case v.hand.down && (v.hand.role == roleBox || v.hand.role == roleTurn):
		return desktop.CrosshairCursor
	}
	return v.tool.cursor()
}

// focus gives the viewer the keys.
func (v *Viewer) focus() {
	if a := fyne.CurrentApp(); a != nil {
		if c := a.Driver().CanvasForObject(v); c != nil {
			c.Focus(v)
		}
	}
}
