package viewer

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// turnedTool draws a rectangle at any angle: one side by a drag or two clicks,
// then the width by a click.
type turnedTool struct {
	v     *Viewer
	pts   []annotate.Point // the ends of the first side so far, level-0 pixels
	mouse annotate.Point
}

func (t *turnedTool) hint() string {
	switch len(t.pts) {
	case 0:
		return "Turned rectangle — drag, or click twice: one side · then click: its width · 1–9: class"
	case 1:
		return "Turned rectangle — click the other end of the side · Esc: cancel"
	}
	return "Turned rectangle — click: its width · Backspace: take back · Esc: cancel"
}

func (*turnedTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *turnedTool) busy() bool { return len(t.pts) > 0 }

func (t *turnedTool) press(e pointer) bool {
	t.mouse = t.v.snapped(t.v.onSlide(e.p))
	if len(t.pts) < 2 {
		if len(t.pts) == 1 && t.v.near(t.v.onScreen(t.pts[0]), e.s, vertexApart) {
			return true
		}
		t.pts = append(t.pts, t.mouse)
		t.v.touchHint()
		return true
	}
	roi := annotate.Area(t.ring())
	if roi.Validate() != nil { // no width yet
		return true
	}
	t.cancel()
	t.v.drew(roi, nil)
	return true
}

func (t *turnedTool) drag(e pointer) { t.hover(e) }

func (t *turnedTool) release(e pointer, dragged bool) {
	if dragged && len(t.pts) == 1 && !t.v.near(t.v.onScreen(t.pts[0]), e.s, vertexApart) {
		t.pts = append(t.pts, t.v.snapped(t.v.onSlide(e.p)))
		t.v.touchHint()
	}
}

func (t *turnedTool) hover(e pointer) {
	t.mouse = t.v.snapped(t.v.onSlide(e.p))
	if len(t.pts) > 0 {
		t.v.touch()
	}
}

func (t *turnedTool) key(name fyne.KeyName) bool {
	switch {
	case len(t.pts) == 0:
		return false
	case name == fyne.KeyEscape:
		t.cancel()
	case name == fyne.KeyBackspace:
		t.pts = t.pts[:len(t.pts)-1]
		t.v.touchHint()
	default:
		return false
	}
	return true
}

func (t *turnedTool) cancel() {
	t.pts = nil
	t.v.touchHint()
}

// ring is the rectangle on the first side as wide as the mouse is far from it,
// kept on the slide.
func (t *turnedTool) ring() annotate.Ring {
	a, b := t.pts[0], t.pts[1]
	dx, dy := b.X-a.X, b.Y-a.Y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return annotate.Ring{a, b}
	}
	far := (dx*(t.mouse.Y-a.Y) - dy*(t.mouse.X-a.X)) / length
	nx, ny := -dy/length*far, dx/length*far
	for _, p := range [2]annotate.Point{a, b} { // shorten until both corners are on the slide
		q := annotate.Point{X: p.X + nx, Y: p.Y + ny}
		on := t.v.onSlide(q)
		k := 1.0
		if nx != 0 {
			k = min(k, (on.X-p.X)/nx)
		}
		if ny != 0 {
			k = min(k, (on.Y-p.Y)/ny)
		}
		nx, ny = nx*k, ny*k
	}
	return annotate.Ring{a, b, {X: b.X + nx, Y: b.Y + ny}, {X: a.X + nx, Y: a.Y + ny}}
}

func (t *turnedTool) draw(l *live) {
	c := t.v.drawColor()
	switch len(t.pts) {
	case 1:
		l.path([]annotate.Point{t.pts[0], t.mouse}, false, c, liveLines)
	case 2:
		l.path(t.ring(), true, c, liveLines)
	}
	for _, p := range t.pts {
		l.square(l.pixelOf(p), handleColor, handleRim)
	}
}
