package viewer

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// rectangleTool draws a rectangle, or an ellipse in one, from corner to corner.
type rectangleTool struct {
	idle
	v      *Viewer
	round  bool // an ellipse
	middle bool // a is the middle
	active bool
	a, b   annotate.Point // corners, level-0 pixels
}

func (t *rectangleTool) hint() string {
	if t.round {
		return "Ellipse — drag: draw · Shift: circle · Alt: from the middle · Esc: cancel · Space+drag: move the slide · 1–9: class"
	}
	return "Rectangle — drag: draw · Shift: square · Alt: from the middle · Esc: cancel · Space+drag: move the slide · 1–9: class"
}

func (*rectangleTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *rectangleTool) press(e pointer) bool {
	t.active = true
	t.a = t.v.snapped(t.v.onSlide(e.p))
	t.b = t.a
	return true
}

func (t *rectangleTool) drag(e pointer) {
	if !t.active {
		return
	}
	t.b = t.v.snapped(t.v.onSlide(e.p))
	t.middle = e.alt
	if e.shift {
		t.b = square(t.a, t.b)
		// A square that the slide's edge cuts is made smaller, not oblong.
		if q := t.v.onSlide(t.b); q != t.b {
			side := min(math.Abs(q.X-t.a.X), math.Abs(q.Y-t.a.Y))
			t.b = annotate.Point{X: t.a.X + math.Copysign(side, t.b.X-t.a.X), Y: t.a.Y + math.Copysign(side, t.b.Y-t.a.Y)}
		}
	}
	t.v.touch()
}

// square moves b so that a and b span a square of the longer side.
func square(a, b annotate.Point) annotate.Point {
	side := max(math.Abs(b.X-a.X), math.Abs(b.Y-a.Y))
	return annotate.Point{X: a.X + math.Copysign(side, b.X-a.X), Y: a.Y + math.Copysign(side, b.Y-a.Y)}
}

func (t *rectangleTool) release(e pointer, dragged bool) {
	if !t.active {
		return
	}
	if dragged {
		t.drag(e)
	}
	t.active = false
	t.v.touch()
	const least = 3 // screen pixels: less is a click that slipped
	s := t.v.view.Scale
	if math.Abs(t.b.X-t.a.X)*s < least || math.Abs(t.b.Y-t.a.Y)*s < least {
		return
	}
	// Whole pixels, so that a patch of it has a size one can write down.
	a, b := t.corners()
	x0, y0, x1, y1 := math.Round(a.X), math.Round(a.Y), math.Round(b.X), math.Round(b.Y)
	if x0 != x1 && y0 != y1 {
		t.v.drew(t.shape(x0, y0, x1, y1), nil)
	}
}

// corners are two opposite corners of the box.
func (t *rectangleTool) corners() (a, b annotate.Point) {
	if !t.middle {
		return t.a, t.b
	}
	// As far on one side as the slide reaches on the other.
	dx, dy := math.Abs(t.b.X-t.a.X), math.Abs(t.b.Y-t.a.Y)
	if t.v.limits.w > 0 {
		dx, dy = min(dx, t.a.X, t.v.limits.w-t.a.X), min(dy, t.a.Y, t.v.limits.h-t.a.Y)
	}
	return annotate.Point{X: t.a.X - dx, Y: t.a.Y - dy}, annotate.Point{X: t.a.X + dx, Y: t.a.Y + dy}
}

func (t *rectangleTool) shape(x0, y0, x1, y1 float64) annotate.ROI {
	if t.round {
		return annotate.Ellipse(x0, y0, x1, y1)
	}
	return annotate.Rectangle(x0, y0, x1, y1)
}

func (t *rectangleTool) busy() bool { return t.active }

func (t *rectangleTool) key(name fyne.KeyName) bool {
	if name == fyne.KeyEscape && t.active {
		t.cancel()
		return true
	}
	return false
}

func (t *rectangleTool) cancel() {
	t.active = false
	t.v.touch()
}

func (t *rectangleTool) draw(l *live) {
	if !t.active || t.a == t.b {
		return
	}
	a, b := t.corners()
	roi := t.shape(a.X, a.Y, b.X, b.Y)
	l.roi(&roi, t.v.drawColor(), liveLines)
}
