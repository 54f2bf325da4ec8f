package viewer

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// rectangleTool draws a rectangle from corner to corner.
type rectangleTool struct {
	idle
	v      *Viewer
	active bool
	a, b   annotate.Point // corners, level-0 pixels
}

func (*rectangleTool) hint() string {
	return "Rectangle — drag: draw · Shift: square · Esc: cancel · Space+drag: move the slide · 1–9: class"
}

func (*rectangleTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *rectangleTool) press(e pointer) bool {
	t.active = true
	t.a = t.v.onSlide(e.p)
	t.b = t.a
	return true
}

func (t *rectangleTool) drag(e pointer) {
	if !t.active {
		return
	}
	t.b = t.v.onSlide(e.p)
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
	x0, y0 := math.Round(t.a.X), math.Round(t.a.Y)
	x1, y1 := math.Round(t.b.X), math.Round(t.b.Y)
	if x0 != x1 && y0 != y1 {
		t.v.drew(annotate.Rectangle(x0, y0, x1, y1))
	}
}

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
	roi := annotate.Rectangle(t.a.X, t.a.Y, t.b.X, t.b.Y)
	l.roi(&roi, t.v.drawColor(), liveLines)
}
