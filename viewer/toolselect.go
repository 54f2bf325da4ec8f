package viewer

import (
	"fmt"
	"math"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// Distances of the select tool, Fyne units.
const (
	hitTolerance  = 4.0  // how far beside a line a click still means it
	handleGrab    = 8.0  // how far from a handle a press still takes it
	handlesApart  = 16.0 // vertices nearer than this have no handles
	selectedDrawn = 24   // outlines drawn of a selection of many
)

// selectTool chooses objects by click and changes the shape of a chosen one by
// dragging it or one of its handles. Dragging anything else moves the slide, so
// nothing is moved that was not chosen first.
type selectTool struct {
	idle
	v      *Viewer
	what   grip
	before *annotate.Object // the object in hand
	after  annotate.ROI     // its shape so far
	from   annotate.Point   // where it was taken
	vertex int              // index over all rings, for gripVertex
	moved  bool
	nth    int // of those under the last click which is selected
	of     int // how many lay under it; 0: nothing was clicked
}

// grip is what the mouse holds.
type grip int

const (
	gripNone grip = iota
	gripBody
	gripVertex
)

func (t *selectTool) hint() string {
	if t.of > 1 && len(t.v.selection) == 1 {
		return fmt.Sprintf("Select — %d of %d that lie here · click again: the next · drag a chosen shape or its handles: change it · Esc: none", t.nth, t.of)
	}
	return "Select — click: choose · Shift+click: add · drag a chosen shape or its handles: change it · Esc: none · 1–9: class"
}

func (t *selectTool) cursor() desktop.Cursor { return desktop.DefaultCursor }

// editable tells whether the shape may be changed by hand. A suggestion stays
// as the model made it until a person has taken it over.
func editable(o *annotate.Object) bool { return o != nil && !o.Locked && o.IsLabel() }

func (t *selectTool) press(e pointer) bool {
	t.what, t.moved = gripNone, false
	o := t.v.onlySelected()
	if editable(o) {
		if i, ok := t.v.handleAt(&o.ROI, e.s); ok {
			t.take(gripVertex, o, e.p)
			t.vertex = i
			return true
		}
	}
	hits := t.v.hits(e.p)
	if e.double && len(hits) == 0 {
		t.v.zoomStep(e, 2)
		return true
	}
	if !e.shift && editable(o) && slices.ContainsFunc(hits, func(h *annotate.Object) bool { return h.ID == o.ID }) {
		t.take(gripBody, o, e.p)
		return true
	}
	return false // the viewer pans if this becomes a drag, else release chooses
}

func (t *selectTool) take(what grip, o *annotate.Object, at annotate.Point) {
	t.what, t.before, t.after, t.from = what, o, o.ROI, at
}

func (t *selectTool) drag(e pointer) {
	if t.what == gripNone {
		return
	}
	if !t.moved {
		t.moved = true
		t.v.lift(t.before)
	}
	if t.what == gripBody {
		dx, dy := t.v.stay(t.before.ROI.Bounds(), e.p.X-t.from.X, e.p.Y-t.from.Y)
		t.after = translated(t.before.ROI, dx, dy)
	} else {
		t.after = reshaped(t.before.ROI, t.vertex, t.v.onSlide(e.p))
	}
	t.v.touch()
}

func (t *selectTool) release(e pointer, dragged bool) {
	if t.what != gripNone && t.moved {
		t.drag(e)
		before, after := t.before, t.after
		t.what = gripNone
		t.moved, t.before = false, nil
		t.v.reshapedTo(before, after)
		return
	}
	t.what = gripNone
	if !dragged && !e.double {
		t.choose(e)
	}
}

// choose selects what lies under a click. Clicking again on the same spot goes
// on to what lies beneath.
func (t *selectTool) choose(e pointer) {
	hits := t.v.hits(e.p)
	t.of = 0
	if len(hits) == 0 {
		if !e.shift {
			t.v.chose(nil)
		}
		return
	}
	if e.shift {
		id := hits[0].ID
		if i := slices.Index(t.v.selection, id); i >= 0 {
			t.v.chose(slices.Delete(slices.Clone(t.v.selection), i, i+1))
		} else {
			t.v.chose(append(slices.Clone(t.v.selection), id))
		}
		return
	}
	next, nth := hits[0], 1
	if o := t.v.onlySelected(); o != nil {
		for i, h := range hits {
			if h.ID == o.ID {
				next, nth = hits[(i+1)%len(hits)], (i+1)%len(hits)+1
			}
		}
	}
	t.nth, t.of = nth, len(hits)
	t.v.chose([]annotate.ID{next.ID})
	t.v.touchHint()
}

func (t *selectTool) key(name fyne.KeyName) bool {
	if name != fyne.KeyEscape {
		return false
	}
	if t.what != gripNone {
		t.cancel()
		return true
	}
	if len(t.v.selection) > 0 {
		t.v.chose(nil)
		return true
	}
	return false
}

func (t *selectTool) cancel() {
	t.what = gripNone
	t.drop()
}

// drop puts the object back among the others.
func (t *selectTool) drop() {
	if t.moved {
		t.v.lift(nil)
	}
	t.moved, t.before = false, nil
	t.v.touch()
}

func (t *selectTool) draw(l *live) {
	if t.what != gripNone && t.moved {
		l.roi(&t.after, t.v.overlayColor(t.before.Class), liveLines)
		t.v.drawHandles(l, &t.after)
	}
}

// holding tells whether the tool itself draws the object just now.
func (t *selectTool) holding(id annotate.ID) bool {
	return t.what != gripNone && t.moved && t.before != nil && t.before.ID == id
}

// hits lists what is shown under a point of the slide, topmost first.
func (v *Viewer) hits(p annotate.Point) []*annotate.Object {
	if v.objects == nil || !v.overlay.on {
		return nil
	}
	all := v.objects.At(p, hitTolerance*float64(v.unit)/v.view.Scale)
	return slices.DeleteFunc(slices.Clone(all), func(o *annotate.Object) bool { return !v.style.showsWhole(o) })
}

// handlesOf calls f with each vertex of a shape that can be dragged, in the
// order of the rings.
func handlesOf(roi *annotate.ROI, f func(i int, p annotate.Point)) {
	i := 0
	each := func(pts []annotate.Point) {
		for _, p := range pts {
			f(i, p)
			i++
		}
	}
	switch roi.Kind {
	case annotate.KindPoint, annotate.KindPoints, annotate.KindLine:
		each(roi.Points)
	case annotate.KindRectangle, annotate.KindPolygon:
		for _, p := range roi.Polygons {
			each(p.Outer)
			for _, h := range p.Holes {
				each(h)
			}
		}
	}
}

// hasHandles tells whether the vertices are far enough apart on screen, and few
// enough, to be taken one by one.
func (v *Viewer) hasHandles(roi *annotate.ROI) bool {
	n, view := 0, v.view.Box()
	handlesOf(roi, func(_ int, p annotate.Point) {
		if p.X >= view.MinX && p.X <= view.MaxX && p.Y >= view.MinY && p.Y <= view.MaxY {
			n++
		}
	})
	if n == 0 || n > liveHandles {
		return false
	}
	total := 0
	handlesOf(roi, func(int, annotate.Point) { total++ })
	return total == 1 || roi.Perimeter()*v.view.Scale/float64(total) >= handlesApart*float64(v.unit)
}

// handleAt finds the handle under a screen point.
func (v *Viewer) handleAt(roi *annotate.ROI, at pixel) (index int, ok bool) {
	if !v.hasHandles(roi) {
		return 0, false
	}
	best := handleGrab * float64(v.unit)
	handlesOf(roi, func(i int, p annotate.Point) {
		s := v.onScreen(p)
		if d := math.Hypot(s.x-at.x, s.y-at.y); d <= best {
			best, index, ok = d, i, true
		}
	})
	return index, ok
}

// drawHandles draws the handles of a shape that can be taken.
func (v *Viewer) drawHandles(l *live, roi *annotate.ROI) {
	if v.hasHandles(roi) {
		handlesOf(roi, func(_ int, p annotate.Point) { l.square(l.pixelOf(p), handleColor, handleRim) })
	}
}

// stay shortens a move of a box so that it does not leave the slide.
func (v *Viewer) stay(b annotate.Box, dx, dy float64) (float64, float64) {
	if v.limits.w == 0 {
		return dx, dy
	}
	dx = max(min(0, -b.MinX), min(max(0, v.limits.w-b.MaxX), dx))
	dy = max(min(0, -b.MinY), min(max(0, v.limits.h-b.MaxY), dy))
	return dx, dy
}

// translated is the shape moved by a distance in level-0 pixels.
func translated(roi annotate.ROI, dx, dy float64) annotate.ROI {
	return mapped(roi, func(_ int, p annotate.Point) annotate.Point { return annotate.Point{X: p.X + dx, Y: p.Y + dy} })
}

// reshaped is the shape with one vertex at another place; a rectangle stays
// one, its opposite corner staying where it is.
func reshaped(roi annotate.ROI, vertex int, to annotate.Point) annotate.ROI {
	if roi.Kind == annotate.KindRectangle && len(roi.Polygons) == 1 && len(roi.Polygons[0].Outer) == 4 {
		o := roi.Polygons[0].Outer[(vertex+2)%4]
		x, y := math.Round(to.X), math.Round(to.Y)
		if x == o.X || y == o.Y {
			return roi
		}
		return annotate.Rectangle(o.X, o.Y, x, y)
	}
	return mapped(roi, func(i int, p annotate.Point) annotate.Point {
		if i == vertex {
			return to
		}
		return p
	})
}

// mapped is a copy of the shape with every point replaced; the index counts
// points over all rings, as handlesOf does.
func mapped(roi annotate.ROI, f func(i int, p annotate.Point) annotate.Point) annotate.ROI {
	i := 0
	line := func(pts []annotate.Point) []annotate.Point {
		if pts == nil {
			return nil
		}
		out := make([]annotate.Point, len(pts))
		for j, p := range pts {
			out[j] = f(i, p)
			i++
		}
		return out
	}
	out := annotate.ROI{Kind: roi.Kind, Points: line(roi.Points)}
	for _, p := range roi.Polygons {
		q := annotate.Polygon{Outer: line(p.Outer)}
		for _, h := range p.Holes {
			q.Holes = append(q.Holes, line(h))
		}
		out.Polygons = append(out.Polygons, q)
	}
	return out
}
