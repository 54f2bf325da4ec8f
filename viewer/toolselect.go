package viewer

import (
	"fmt"
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

// selectTool chooses objects by click and changes the shapes of the chosen ones
// by dragging them, their vertices, or the frame around them. Dragging anything
// else moves the slide, so nothing is moved that was not chosen first.
type selectTool struct {
	idle
	v      *Viewer
	what   grip
	before []*annotate.Object // the objects in hand
	after  []annotate.ROI     // their shapes so far
	from   annotate.Point     // where they were taken
	frame  frame              // of the objects as they were
	corner int                // of the frame, for gripScale
	vertex int                // index over all rings, for gripVertex
	active int                // the vertex that Delete takes, 1 more than its index; 0: none
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
	gripScale
	gripTurn
)

func (t *selectTool) hint() string {
	if t.of > 1 && len(t.v.selection) == 1 {
		return fmt.Sprintf("Select — %d of %d that lie here · click again: the next · drag a chosen shape or its handles: change it · Esc: none", t.nth, t.of)
	}
	if t.v.onlySelected() != nil {
		return "Select — drag the shape, a vertex, a corner of the frame or its knob · Alt+click: vertex in or out · Shift+click: add · Esc: none · 1–9: class"
	}
	return "Select — click: choose · Shift+click: add · drag a chosen shape or its handles: change it · Esc: none · 1–9: class"
}

// grippable bounds the selection of which the cursor tells what a press would take.
const grippable = 64

// cursor is a cross over what a press would take hold of, and a hand over what it would
// move.
func (t *selectTool) cursor() desktop.Cursor {
	v := t.v
	if t.what == gripBody {
		return desktop.PointerCursor
	}
	if t.what != gripNone {
		return desktop.CrosshairCursor
	}
	if n := len(v.selection); n == 0 || n > grippable || !v.hand.inside || v.objects == nil {
		return desktop.DefaultCursor
	}
	if o := v.onlySelected(); v.editable(o) {
		if _, ok := v.handleAt(&o.ROI, v.hand.at); ok {
			return desktop.CrosshairCursor
		}
	}
	all := v.editables()
	if len(all) == 0 {
		return desktop.DefaultCursor
	}
	if what, _ := v.frameOf(all).at(v, v.hand.at); what != gripNone {
		return desktop.CrosshairCursor
	}
	p := v.pointer(v.hand.at).p
	for _, o := range all {
		if o.ROI.Distance(p) <= v.l0(hitTolerance) {
			return desktop.PointerCursor
		}
	}
	return desktop.DefaultCursor
}

func (t *selectTool) busy() bool { return t.what != gripNone && t.moved }

// editable tells whether the shape may be changed by hand. A suggestion stays
// as the model made it until a person has taken it over.
func (v *Viewer) editable(o *annotate.Object) bool {
	return o != nil && !o.Locked && o.IsLabel() && !v.locked[o.Class]
}

// editables are the chosen objects that may be changed by hand.
func (v *Viewer) editables() []*annotate.Object {
	var out []*annotate.Object
	if v.objects == nil {
		return nil
	}
	for _, id := range v.selection {
		if o := v.objects.Get(id); v.editable(o) {
			out = append(out, o)
		}
	}
	return out
}

func (t *selectTool) press(e pointer) bool {
	t.v.letAllGo() // what is taken next is the object as it is known
	t.what, t.moved = gripNone, false
	only := t.v.onlySelected()
	if t.v.editable(only) && t.pressVertex(e, only) {
		return true
	}
	t.active = 0
	if all := t.v.editables(); len(all) > 0 {
		f := t.v.frameOf(all)
		if what, corner := f.at(t.v, e.s); what != gripNone {
			t.take(what, all, e.p)
			t.frame, t.corner = f, corner
			return true
		}
	}
	hits := t.v.hits(e.p)
	if e.double && len(hits) == 0 {
		t.v.zoomStep(e, 2)
		return true
	}
	if !e.shift && slices.ContainsFunc(hits, func(h *annotate.Object) bool { return slices.Contains(t.v.selection, h.ID) && t.v.editable(h) }) {
		t.take(gripBody, t.v.editables(), e.p)
		return true
	}
	return false // the viewer pans if this becomes a drag, else release chooses
}

// pressVertex takes a vertex of the one chosen object, or with Alt or a double
// click takes one out or puts one in.
func (t *selectTool) pressVertex(e pointer, o *annotate.Object) bool {
	alter := e.alt || e.double
	if i, ok := t.v.handleAt(&o.ROI, e.s); ok {
		if alter {
			t.active = i + 1
			return t.removeVertex()
		}
		t.take(gripVertex, []*annotate.Object{o}, e.p)
		t.vertex, t.active = i, i+1
		t.v.touch()
		return true
	}
	if !alter || o.ROI.BoundaryDistance(e.p) > t.v.l0(hitTolerance) {
		return false
	}
	roi, i, ok := o.ROI.InsertedVertex(t.v.onSlide(e.p))
	if !ok {
		return false
	}
	t.take(gripVertex, []*annotate.Object{o}, e.p)
	t.after[0], t.vertex, t.active = roi, i, i+1
	t.lift()
	return true
}

// removeVertex takes the active vertex out of the one chosen object.
func (t *selectTool) removeVertex() bool {
	o := t.v.onlySelected()
	if t.active == 0 || !t.v.editable(o) {
		return false
	}
	roi, ok := o.ROI.RemovedVertex(t.active - 1)
	t.active = 0
	if ok && t.v.OnEdit != nil {
		t.v.OnEdit(o, roi)
	}
	return ok
}

func (t *selectTool) take(what grip, objects []*annotate.Object, at annotate.Point) {
	t.what, t.before, t.from = what, objects, at
	t.after = make([]annotate.ROI, len(objects))
	for i, o := range objects {
		t.after[i] = o.ROI
	}
}

func (t *selectTool) lift() {
	if !t.moved {
		t.moved = true
		t.v.lift(t.before...)
	}
}

func (t *selectTool) drag(e pointer) {
	if t.what == gripNone || len(t.before) == 0 {
		return
	}
	t.lift()
	switch t.what {
	case gripBody:
		dx, dy := t.v.stay(boundsOf(t.before), e.p.X-t.from.X, e.p.Y-t.from.Y)
		for i, o := range t.before {
			t.after[i] = translated(o.ROI, dx, dy)
		}
	case gripVertex:
		t.after[0] = reshaped(t.after[0], t.vertex, t.v.snappedBut(t.v.onSlide(e.p), t.before[0].ID))
	case gripScale:
		fx, fy := t.frame.factors(t.corner, e.p, e.shift)
		t.transform(func(r annotate.ROI) annotate.ROI { return r.Scaled(t.frame.opposite(t.corner), fx, fy) })
	case gripTurn:
		angle := t.frame.angle(t.from, e.p, e.shift)
		t.transform(func(r annotate.ROI) annotate.ROI { return r.Rotated(t.frame.box.Center(), angle) })
	}
	t.v.touch()
}

// transform changes all in hand, unless that led beyond the slide.
func (t *selectTool) transform(f func(annotate.ROI) annotate.ROI) {
	after := make([]annotate.ROI, len(t.before))
	for i, o := range t.before {
		after[i] = f(o.ROI)
		b := after[i].Bounds()
		if w, h := t.v.limits.w, t.v.limits.h; w > 0 && (b.MinX < 0 || b.MinY < 0 || b.MaxX > w || b.MaxY > h) {
			return
		}
	}
	t.after = after
}

func (t *selectTool) release(e pointer, dragged bool) {
	if t.what != gripNone && t.moved {
		if dragged {
			t.drag(e)
		}
		before, after := t.before, t.after
		t.what = gripNone
		t.moved, t.before, t.after = false, nil, nil
		t.v.reshapedTo(before, after)
		return
	}
	held := t.what
	t.what = gripNone
	if !dragged && !e.double && held != gripVertex {
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
	switch name {
	case fyne.KeyDelete, fyne.KeyBackspace:
		if t.what == gripNone && t.removeVertex() {
			t.v.touch()
			return true
		}
	case fyne.KeyEscape:
		switch {
		case t.what != gripNone:
			t.cancel()
			return true
		case t.active > 0:
			t.active = 0
			t.v.touch()
			return true
		case len(t.v.selection) > 0:
			t.v.chose(nil)
			return true
		}
	}
	return false
}

func (t *selectTool) cancel() {
	t.what = gripNone
	t.drop()
}

// drop puts the objects back among the others.
func (t *selectTool) drop() {
	if t.moved {
		t.v.lift()
	}
	t.moved, t.before, t.after = false, nil, nil
	t.v.touch()
}

func (t *selectTool) draw(l *live) {
	if t.what == gripNone || !t.moved {
		if o := t.v.onlySelected(); t.active > 0 && t.v.editable(o) && t.v.hasHandles(&o.ROI) {
			handlesOf(&o.ROI, func(i int, p annotate.Point) {
				if i == t.active-1 {
					l.square(l.pixelOf(p), handleRim, handleColor)
				}
			})
		}
		return
	}
	for i := range t.after {
		if i >= selectedDrawn {
			break
		}
		l.roi(&t.after[i], t.v.overlayColor(t.before[i].Class), liveLines/min(len(t.after), selectedDrawn))
	}
	if t.what == gripVertex {
		t.v.drawHandles(l, &t.after[0])
	}
}

// holding tells whether the tool itself draws the object just now.
func (t *selectTool) holding(id annotate.ID) bool {
	return t.what != gripNone && t.moved && slices.ContainsFunc(t.before, func(o *annotate.Object) bool { return o.ID == id })
}

// hits lists what is shown under a point of the slide, topmost first; objects of
// locked classes are passed over.
func (v *Viewer) hits(p annotate.Point) []*annotate.Object {
	if v.objects == nil || !v.overlay.on {
		return nil
	}
	all := v.objects.At(p, v.l0(hitTolerance))
	return slices.DeleteFunc(slices.Clone(all), func(o *annotate.Object) bool { return !v.style.showsWhole(o) || v.locked[o.Class] })
}

// chooseInside selects what has its centre inside an outline.
func (v *Viewer) chooseInside(outline []annotate.Point) {
	if v.objects == nil || !v.overlay.on {
		return
	}
	ring := annotate.Ring(outline)
	var ids []annotate.ID
	if v.hand.shift {
		ids = v.Selection()
	}
	v.objects.Search(ring.Bounds(), func(o *annotate.Object) bool {
		if v.style.showsWhole(o) && !v.locked[o.Class] && ring.Contains(o.ROI.Centroid()) && !slices.Contains(ids, o.ID) {
			ids = append(ids, o.ID)
		}
		return true
	})
	v.chose(ids)
}
