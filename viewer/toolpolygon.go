package viewer

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// Distances of the polygon tool, Fyne units.
const (
	vertexApart = 3.0 // free-hand vertices
	closeWithin = 9.0 // a click this near the first vertex closes
)

// polygonTool draws a polygon: a click sets a vertex, a drag draws free-hand.
// A polygon that is one single stroke is closed on release.
type polygonTool struct {
	v      *Viewer
	pts    []annotate.Point // level-0 pixels
	marks  []int            // lengths of pts before each click or stroke, for Backspace
	last   pixel            // screen position of the last free-hand vertex
	mouse  annotate.Point   // where the mouse is
	inside bool             // whether it is anywhere
	held   bool             // the button is down in this tool
}

func (t *polygonTool) hint() string {
	if len(t.pts) == 0 {
		return "Polygon — click: vertex · drag: free-hand · Space+drag: move the slide · 1–9: class"
	}
	return "Polygon — click: vertex · double-click or Enter: close · Backspace: take back · Esc: cancel · 1–9: class"
}

func (*polygonTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *polygonTool) press(e pointer) bool {
	t.mouse, t.inside = t.v.onSlide(e.p), true
	if n := len(t.pts); n > 0 {
		first, last := t.v.onScreen(t.pts[0]), t.v.onScreen(t.pts[n-1])
		if e.double || n >= 3 && t.v.near(first, e.s, closeWithin) {
			t.close()
			return true
		}
		if t.v.near(last, e.s, vertexApart) {
			// A second vertex on the last one would only be a nuisance.
			t.held, t.last = true, e.s
			return true
		}
	}
	t.marks = append(t.marks, len(t.pts))
	t.pts = append(t.pts, t.mouse)
	t.held, t.last = true, e.s
	t.v.touchHint()
	return true
}

func (t *polygonTool) drag(e pointer) {
	if !t.held {
		return
	}
	t.mouse = t.v.onSlide(e.p)
	if !t.v.near(t.last, e.s, vertexApart) {
		t.pts = append(t.pts, t.mouse)
		t.last = e.s
	}
	t.v.touch()
}

func (t *polygonTool) release(e pointer, dragged bool) {
	if !t.held {
		return
	}
	t.held = false
	// One stroke alone is a whole outline.
	if dragged && len(t.marks) == 1 && len(t.pts) >= 8 {
		t.close()
	}
	t.v.touch()
}

func (t *polygonTool) hover(e pointer) {
	t.mouse, t.inside = t.v.onSlide(e.p), true
	if len(t.pts) > 0 {
		t.v.touch()
	}
}

func (t *polygonTool) key(name fyne.KeyName) bool {
	if len(t.pts) == 0 {
		return false
	}
	switch name {
	case fyne.KeyReturn, fyne.KeyEnter:
		t.close()
	case fyne.KeyBackspace:
		n := len(t.marks) - 1
		t.pts, t.marks = t.pts[:t.marks[n]], t.marks[:n]
		t.v.touchHint()
	case fyne.KeyEscape:
		t.cancel()
	default:
		return false
	}
	return true
}

// close hands the polygon over; with fewer than three vertices there is none
// yet and drawing goes on.
func (t *polygonTool) close() {
	if len(t.pts) < 3 {
		return
	}
	ring := annotate.Ring(append([]annotate.Point(nil), t.pts...))
	t.cancel()
	t.v.drew(annotate.Area(ring))
}

func (t *polygonTool) cancel() {
	t.pts, t.marks, t.held = nil, nil, false
	t.v.touchHint()
}

func (t *polygonTool) draw(l *live) {
	if len(t.pts) == 0 {
		return
	}
	c := t.v.drawColor()
	pts := t.pts
	if t.inside && !t.held {
		pts = append(pts[:len(pts):len(pts)], t.mouse)
	}
	if n := len(pts); n >= 3 {
		// Where closing would lead.
		faint := c
		faint.A = 110
		l.line(l.pixelOf(pts[n-1]), l.pixelOf(pts[0]), 1, faint)
	}
	l.path(pts, false, c, liveLines)
	// Handles only on vertices that were clicked: a stroke has hundreds.
	for i, m := range t.marks {
		fill := handleColor
		if i == 0 {
			fill = c // the one to click for closing
		}
		l.square(l.pixelOf(t.pts[m]), fill, handleRim)
	}
}
