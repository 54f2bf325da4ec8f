package viewer

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// pointTool sets points: each one an object, or many that are one.
type pointTool struct {
	idle
	v    *Viewer
	many bool
	pts  []annotate.Point // of the object in hand, level-0 pixels
}

func (t *pointTool) hint() string {
	switch {
	case !t.many:
		return "Point — click: set a point · Space+drag: move the slide · 1–9: class"
	case len(t.pts) == 0:
		return "Points — click: set a point of a group · Space+drag: move the slide · 1–9: class"
	}
	return "Points — click: one more · double-click or Enter: done · Backspace: take back · Esc: cancel"
}

func (*pointTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *pointTool) busy() bool { return len(t.pts) > 0 }

func (t *pointTool) press(e pointer) bool {
	if t.many && e.double {
		t.close()
		return true
	}
	return false // a drag pans, a click sets the point
}

func (t *pointTool) release(e pointer, dragged bool) {
	if dragged || e.double {
		return
	}
	p := t.v.snapped(t.v.onSlide(e.p))
	if !t.many {
		t.v.drew(annotate.PointAt(p.X, p.Y), nil)
		return
	}
	t.pts = append(t.pts, p)
	t.v.touchHint()
}

func (t *pointTool) key(name fyne.KeyName) bool {
	if len(t.pts) == 0 {
		return false
	}
	switch name {
	case fyne.KeyReturn, fyne.KeyEnter:
		t.close()
	case fyne.KeyBackspace:
		t.pts = t.pts[:len(t.pts)-1]
		t.v.touchHint()
	case fyne.KeyEscape:
		t.cancel()
	default:
		return false
	}
	return true
}

func (t *pointTool) close() {
	pts := t.pts
	t.cancel()
	if len(pts) > 0 {
		t.v.drew(annotate.ROI{Kind: annotate.KindPoints, Points: pts}, nil)
	}
}

func (t *pointTool) cancel() {
	t.pts = nil
	t.v.touchHint()
}

func (t *pointTool) draw(l *live) {
	for _, p := range t.pts {
		l.square(l.pixelOf(p), t.v.drawColor(), handleColor)
	}
}
