package viewer

import (
	"fyne.io/fyne/v2"

	"fyne.io/fyne/v2/driver/desktop"
)

// Steps of the pointer that is moved by keys, Fyne units.
const (
	keyStep     = 12.0
	keyStepFine = 1.0
)

// keyPointer is a pointer moved by the arrow keys, which does whatever the mouse
// does: so every tool can be used without one. Space is a click, Shift+Space
// holds the button down until the next time, Enter is Enter.
type keyPointer struct {
	on   bool
	held bool
	at   pixel // screen pixels
}

// SetKeyPointer shows or leaves out the pointer moved by keys; it begins in the
// middle.
func (v *Viewer) SetKeyPointer(on bool) {
	if v.pointing.held {
		v.pointing.lift(v)
	}
	v.pointing = keyPointer{on: on, at: v.middle()}
	v.touchHint()
}

// KeyPointer tells whether the pointer is moved by keys.
func (v *Viewer) KeyPointer() bool { return v.pointing.on }

// key takes a key of the pointer.
func (k *keyPointer) key(v *Viewer, name fyne.KeyName) bool {
	if !k.on {
		return false
	}
	m, _ := currentModifiers()
	shift := m&fyne.KeyModifierShift != 0
	step := keyStep * float64(v.unit)
	if shift && name != fyne.KeySpace {
		step = keyStepFine * float64(v.unit)
	}
	switch name {
	case fyne.KeyLeft:
		k.move(v, -step, 0)
	case fyne.KeyRight:
		k.move(v, step, 0)
	case fyne.KeyUp:
		k.move(v, 0, -step)
	case fyne.KeyDown:
		k.move(v, 0, step)
	case fyne.KeySpace:
		v.hand.space = false // a click, not a hand that pans
		if k.held {
			k.lift(v)
			return true
		}
		k.press(v, m)
		if !shift {
			k.lift(v)
		}
	default:
		return false
	}
	return true
}

// move moves the pointer; at the edge the slide moves instead.
func (k *keyPointer) move(v *Viewer, dx, dy float64) {
	x, y := k.at.x+dx, k.at.y+dy
	in := pixel{max(0, min(float64(v.view.W)-1, x)), max(0, min(float64(v.view.H)-1, y))}
	if x != in.x || y != in.y {
		v.panBy(8*(in.x-x), 8*(in.y-y))
	}
	k.at = in
	pos := k.position(v)
	if k.held {
		v.move(pos)
	} else {
		v.hand.at, v.hand.inside = k.at, true
		v.tool.hover(v.pointer(k.at))
		v.hoverAgain()
	}
	v.touch()
}

func (k *keyPointer) position(v *Viewer) fyne.Position {
	return fyne.NewPos(float32(k.at.x)/v.unit, float32(k.at.y)/v.unit)
}

func (k *keyPointer) press(v *Viewer, m fyne.KeyModifier) {
	// Shift says that the button stays down; what it means to a tool, Ctrl says.
	v.hand.shift = m&fyne.KeyModifierControl != 0
	v.hand.ctrl = false
	v.hand.alt = m&fyne.KeyModifierAlt != 0
	k.held = true
	v.press(k.position(v), desktop.MouseButtonPrimary)
}

func (k *keyPointer) lift(v *Viewer) {
	k.held = false
	if v.hand.down {
		v.hand.at = k.at
		v.unpress()
	}
	v.touch()
}

// draw draws the cross of the pointer.
func (k *keyPointer) draw(v *Viewer, l *live) {
	if !k.on {
		return
	}
	if k.at == (pixel{}) {
		k.at = v.middle()
	}
	r := 11 * float64(l.unit)
	c := markColor
	if k.held {
		c = handleRim
	}
	for _, pen := range [2]float32{haloWidth, liveWidth} {
		ink := c
		if pen == haloWidth {
			ink = markRim
		}
		l.line(pixel{k.at.x - r, k.at.y}, pixel{k.at.x + r, k.at.y}, pen, ink)
		l.line(pixel{k.at.x, k.at.y - r}, pixel{k.at.x, k.at.y + r}, pen, ink)
	}
}
