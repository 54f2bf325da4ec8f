package viewer

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// Distances of the tools that set vertices, Fyne units.
const (
	vertexApart = 3.0 // free-hand vertices
	closeWithin = 9.0 // a click this near the first vertex closes
)

// polygonTool sets vertices one by one: a click sets one, a drag draws
// free-hand. All tools that draw a line or an outline are this one.
type polygonTool struct {
	v      *Viewer
	name   string
	closed bool                                       // the last vertex joins the first
	most   int                                        // vertices after which the shape is done; 0: when the person says so
	least  int                                        // vertices it needs
	stroke bool                                       // a drag draws free-hand, and a single stroke is whole
	curve  func([]annotate.Point) []annotate.Point    // what is drawn instead of the vertices; nil: they themselves
	done   func(pts []annotate.Point)                 // takes the finished shape
	words  func(v *Viewer, p []annotate.Point) string // what stands beside it meanwhile; nil: nothing

	pts    []annotate.Point // level-0 pixels
	marks  []int            // lengths of pts before each click or stroke, for Backspace
	last   pixel            // screen position of the last free-hand vertex
	mouse  annotate.Point   // where the mouse is
	inside bool             // whether it is anywhere
	held   bool             // the button is down in this tool
}

func newPolygonTool(v *Viewer) *polygonTool {
	return &polygonTool{v: v, name: "Polygon", closed: true, least: 3, stroke: true, done: func(pts []annotate.Point) {
		v.drew(annotate.Area(pts), nil)
	}}
}

func newSplineTool(v *Viewer) *polygonTool {
	return &polygonTool{v: v, name: "Spline", closed: true, least: 3, curve: func(pts []annotate.Point) []annotate.Point { return annotate.Spline(pts, 0.5/v.view.Scale) },
		done: func(pts []annotate.Point) { v.drew(annotate.Area(annotate.Spline(pts, 0.25)), nil) }}
}

func newPolylineTool(v *Viewer) *polygonTool {
	return &polygonTool{v: v, name: "Polyline", least: 2, stroke: true, words: (*Viewer).lengthWords, done: func(pts []annotate.Point) {
		v.drew(annotate.ROI{Kind: annotate.KindLine, Points: pts}, nil)
	}}
}

func newLineTool(v *Viewer) *polygonTool { return newMarkTool(v, "Line", 2, nil) }

func newArrowTool(v *Viewer) *polygonTool {
	t := newMarkTool(v, "Arrow", 2, map[string]string{MetaArrow: ">"})
	t.words = nil
	return t
}

func newRulerTool(v *Viewer) *polygonTool {
	return newMarkTool(v, "Ruler", 2, map[string]string{MetaMeasure: "ruler"})
}

func newAngleTool(v *Viewer) *polygonTool {
	t := newMarkTool(v, "Angle", 3, map[string]string{MetaMeasure: "angle"})
	t.words = (*Viewer).angleWords
	return t
}

// newMarkTool makes a tool for a line of a set number of points.
func newMarkTool(v *Viewer, name string, points int, meta map[string]string) *polygonTool {
	return &polygonTool{v: v, name: name, most: points, least: points, words: (*Viewer).lengthWords, done: func(pts []annotate.Point) {
		v.drew(annotate.ROI{Kind: annotate.KindLine, Points: pts}, meta)
	}}
}

func newScissorsTool(v *Viewer) *polygonTool {
	return &polygonTool{v: v, name: "Scissors", least: 2, stroke: true, done: func(pts []annotate.Point) {
		if v.OnCut != nil {
			v.OnCut(pts)
		}
	}}
}

func newLassoTool(v *Viewer) *polygonTool {
	return &polygonTool{v: v, name: "Lasso", closed: true, least: 3, stroke: true, done: func(pts []annotate.Point) { v.chooseInside(pts) }}
}

func (t *polygonTool) hint() string {
	how := " — click: vertex · drag: free-hand"
	if t.most > 0 {
		how = " — drag, or click the points"
	} else if !t.stroke {
		how = " — click: point of the curve"
	}
	if len(t.pts) == 0 {
		if t.name == "Scissors" {
			how += " · cuts the chosen areas, or all it crosses"
		}
		return t.name + how + " · Space+drag: move the slide · 1–9: class"
	}
	end := " · double-click or Enter: done"
	if t.closed {
		end = " · double-click or Enter: close"
	}
	if t.most > 0 {
		end = ""
	}
	return t.name + how + end + " · Backspace: take back · Esc: cancel"
}

func (*polygonTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *polygonTool) busy() bool { return len(t.pts) > 0 }

// take is where the mouse is on the slide; vertices that are clicked snap.
func (t *polygonTool) take(e pointer, snap bool) {
	t.mouse, t.inside = t.v.onSlide(e.p), true
	if snap {
		t.mouse = t.v.snapped(t.mouse)
	}
}

func (t *polygonTool) press(e pointer) bool {
	t.take(e, true)
	if n := len(t.pts); n > 0 {
		first, last := t.v.onScreen(t.pts[0]), t.v.onScreen(t.pts[n-1])
		if e.double || t.closed && n >= 3 && t.v.near(first, e.s, closeWithin) {
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
	if t.most > 0 && len(t.pts) >= t.most {
		t.close()
		return true
	}
	t.v.touchHint()
	return true
}

func (t *polygonTool) drag(e pointer) {
	if !t.held {
		return
	}
	t.take(e, !t.stroke)
	if t.stroke && !t.v.near(t.last, e.s, vertexApart) {
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
	switch {
	case dragged && !t.stroke && len(t.pts) > 0 && !t.v.near(t.v.onScreen(t.pts[len(t.pts)-1]), e.s, vertexApart):
		t.take(e, true)
		t.marks = append(t.marks, len(t.pts))
		t.pts = append(t.pts, t.mouse)
		if t.most > 0 && len(t.pts) >= t.most {
			t.close()
		}
	case dragged && t.stroke && len(t.marks) == 1 && len(t.pts) >= 8:
		t.close() // one stroke alone is whole
	}
	t.v.touch()
}

func (t *polygonTool) hover(e pointer) {
	t.take(e, true)
	if len(t.pts) > 0 || t.v.snapping {
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

// close hands the shape over; with too few vertices there is none yet and
// drawing goes on.
func (t *polygonTool) close() {
	if len(t.pts) < t.least {
		return
	}
	pts := append([]annotate.Point(nil), t.pts...)
	t.cancel()
	t.done(pts)
}

func (t *polygonTool) cancel() {
	t.pts, t.marks, t.held = nil, nil, false
	t.v.touchHint()
}

func (t *polygonTool) draw(l *live) {
	c := t.v.drawColor()
	t.v.drawSnap(l, t.mouse, t.inside)
	if len(t.pts) == 0 {
		return
	}
	pts := t.pts
	if t.inside && (!t.held || !t.stroke) {
		pts = append(pts[:len(pts):len(pts)], t.mouse)
	}
	if n := len(pts); n >= 3 && t.closed && t.curve == nil {
		// Where closing would lead.
		faint := c
		faint.A = 110
		l.line(l.pixelOf(pts[n-1]), l.pixelOf(pts[0]), 1, faint)
	}
	if t.curve != nil && len(pts) >= 3 {
		l.path(t.curve(pts), true, c, liveLines)
	} else {
		l.path(pts, false, c, liveLines)
	}
	if t.name == "Arrow" && len(pts) == 2 {
		a, b := l.pixelOf(pts[0]), l.pixelOf(pts[1])
		for _, w := range arrowWings(a, b, arrowLength*float64(l.unit)) {
			l.line(b, w, liveWidth, c)
		}
	}
	// Handles only on vertices that were clicked: a stroke has hundreds.
	for i, m := range t.marks {
		fill := handleColor
		if i == 0 {
			fill = c // the one to click for closing
		}
		l.square(l.pixelOf(t.pts[m]), fill, handleRim)
	}
	if t.words != nil && len(pts) >= 2 {
		l.text(l.pixelOf(pts[len(pts)-1]), t.words(t.v, pts))
	}
}
