package viewer

import (
	"math"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
)

// drawing is a stage at 1:1 around 4000,4000 that notes what is wished; screen
// position x,y is slide position x+3800, y+3850.
type drawing struct {
	*stage
	drawn    []annotate.ROI
	selected [][]annotate.ID
	edits    []annotate.ROI
	before   []*annotate.Object
}

func newDrawing(t *testing.T, tool Tool, objects ...*annotate.Object) *drawing {
	d := &drawing{stage: overlaid(t, 1, objects...)}
	d.v.OnDraw = func(r annotate.ROI) { d.drawn = append(d.drawn, r) }
	d.v.OnSelect = func(ids []annotate.ID) { d.selected = append(d.selected, ids) }
	d.v.OnEdit = func(b *annotate.Object, a annotate.ROI) {
		d.before, d.edits = append(d.before, b), append(d.edits, a)
	}
	d.v.SetTool(tool)
	d.settle()
	return d
}

func (d *drawing) key(names ...fyne.KeyName) {
	for _, n := range names {
		d.v.TypedKey(&fyne.KeyEvent{Name: n})
	}
}

func at(x, y float64) annotate.Point { return annotate.Point{X: x + 3800, Y: y + 3850} }

func TestRectangleTool_draws(t *testing.T) {
	d := newDrawing(t, ToolRectangle)
	d.drag(fyne.NewPos(200, 180), fyne.NewPos(150, 150), fyne.NewPos(100, 120))
	if len(d.drawn) != 1 || d.drawn[0].Kind != annotate.KindRectangle {
		t.Fatalf("drew %v", d.drawn)
	}
	if b := d.drawn[0].Bounds(); b != (annotate.Box{MinX: 3900, MinY: 3970, MaxX: 4000, MaxY: 4030}) {
		t.Errorf("drew %+v", b)
	}
	d.click(100, 100)
	d.drag(fyne.NewPos(100, 100), fyne.NewPos(180, 100))
	if len(d.drawn) != 1 {
		t.Error("a click or a flat drag drew a rectangle")
	}
}

func TestRectangleTool_escape(t *testing.T) {
	d := newDrawing(t, ToolRectangle)
	d.press(100, 100)
	e := &fyne.DragEvent{Dragged: fyne.NewDelta(50, 50)}
	e.Position = fyne.NewPos(150, 150)
	d.v.Dragged(e)
	d.v.Tick()
	if !d.v.Busy() || len(d.v.live.objs) != 8 {
		t.Errorf("busy %v, %d lines of a rectangle and its halo", d.v.Busy(), len(d.v.live.objs))
	}
	d.key(fyne.KeyEscape)
	d.release(150, 150)
	if len(d.drawn) != 0 || d.v.Busy() {
		t.Error("Escape did not cancel")
	}
}

func TestRectangleTool_staysOnTheSlide(t *testing.T) {
	d := newDrawing(t, ToolRectangle)
	d.v.CenterOn(annotate.Point{X: 0, Y: 0}, 1)
	d.drag(fyne.NewPos(300, 250), fyne.NewPos(200, 100), fyne.NewPos(10, 10))
	if b := d.drawn[0].Bounds(); b != (annotate.Box{MinX: 0, MinY: 0, MaxX: 100, MaxY: 100}) {
		t.Errorf("drew %+v", b)
	}
}

func TestSquare(t *testing.T) {
	a := annotate.Point{X: 10, Y: 10}
	for _, c := range [][2]annotate.Point{{{X: 30, Y: 15}, {X: 30, Y: 30}}, {{X: 5, Y: -10}, {X: -10, Y: -10}}} {
		if got := square(a, c[0]); got != c[1] {
			t.Errorf("%v became %v, want %v", c[0], got, c[1])
		}
	}
}

func TestPolygonTool_clicks(t *testing.T) {
	want := []annotate.Point{at(100, 100), at(200, 100), at(200, 200), at(120, 220)}
	closers := map[string]func(*drawing){
		"Enter":        func(d *drawing) { d.key(fyne.KeyReturn) },
		"keypad Enter": func(d *drawing) { d.key(fyne.KeyEnter) },
		"first vertex": func(d *drawing) { d.click(103, 98) },
		"double click": func(d *drawing) {
			d.now = d.now.Add(-time.Second + 100*time.Millisecond)
			d.click(120, 220)
		},
		"taken back": func(d *drawing) {
			d.click(300, 280)
			d.key(fyne.KeyBackspace, fyne.KeyReturn)
		},
	}
	for name, end := range closers {
		d := newDrawing(t, ToolPolygon)
		for _, p := range want {
			d.click(float32(p.X-3800), float32(p.Y-3850))
		}
		end(d)
		if len(d.drawn) != 1 || d.drawn[0].Kind != annotate.KindPolygon {
			t.Errorf("%s: drew %v", name, d.drawn)
			continue
		}
		ring := d.drawn[0].Polygons[0].Outer
		if len(ring) != len(want) {
			t.Errorf("%s: ring %v", name, ring)
			continue
		}
		for i := range ring {
			if ring[i] != want[i] {
				t.Errorf("%s: vertex %d is %v, want %v", name, i, ring[i], want[i])
			}
		}
		if d.v.Busy() {
			t.Errorf("%s: still drawing", name)
		}
	}
}

func TestPolygonTool_keysWithoutPolygonPassOn(t *testing.T) {
	d := newDrawing(t, ToolPolygon)
	var passed []fyne.KeyName
	d.v.OnKey = func(e *fyne.KeyEvent) bool { passed = append(passed, e.Name); return true }
	d.key(fyne.KeyReturn, fyne.KeyEscape, fyne.KeyBackspace)
	if len(passed) != 3 {
		t.Errorf("passed on %v", passed)
	}
	d.click(100, 100)
	d.click(150, 100)
	d.key(fyne.KeyReturn) // two vertices are no polygon yet
	if !d.v.Busy() || len(d.drawn) > 0 {
		t.Error("two vertices were closed")
	}
	d.key(fyne.KeyBackspace, fyne.KeyBackspace)
	if d.v.Busy() {
		t.Error("no vertex left and still busy")
	}
	d.click(100, 100)
	d.key(fyne.KeyEscape)
	if d.v.Busy() || len(passed) != 3 || len(d.drawn) > 0 {
		t.Error("Escape did not cancel, or was passed on")
	}
}

func circlePath(cx, cy, r float64, n int) []fyne.Position {
	var path []fyne.Position
	for i := range n {
		a := 2 * math.Pi * float64(i) / float64(n)
		path = append(path, fyne.NewPos(float32(cx+r*math.Cos(a)), float32(cy+r*math.Sin(a))))
	}
	return path
}

func TestPolygonTool_freehand(t *testing.T) {
	d := newDrawing(t, ToolPolygon)
	d.drag(circlePath(200, 150, 80, 100)...)
	if len(d.drawn) != 1 {
		t.Fatalf("a stroke drew %d shapes", len(d.drawn))
	}
	if a, want := d.drawn[0].Area(), math.Pi*80*80; math.Abs(a-want) > 0.02*want {
		t.Errorf("area %g, want %g", a, want)
	}
	if n := len(d.drawn[0].Polygons[0].Outer); n < 80 || n > 101 {
		t.Errorf("%d vertices", n)
	}
}

func TestPolygonTool_strokeWithinClicks(t *testing.T) {
	d := newDrawing(t, ToolPolygon)
	d.click(50, 50)
	d.drag(fyne.NewPos(300, 60), fyne.NewPos(310, 100), fyne.NewPos(300, 150), fyne.NewPos(310, 200))
	d.click(60, 220)
	if len(d.drawn) != 0 || !d.v.Busy() {
		t.Fatal("a stroke after a click closed the polygon")
	}
	d.key(fyne.KeyReturn)
	if n := len(d.drawn[0].Polygons[0].Outer); n != 6 {
		t.Errorf("%d vertices, want 6", n)
	}
	// Backspace takes back a stroke as a whole.
	d.click(50, 50)
	d.drag(fyne.NewPos(300, 60), fyne.NewPos(310, 100), fyne.NewPos(300, 150))
	d.key(fyne.KeyBackspace)
	if p := d.v.tool.(*polygonTool).pts; len(p) != 1 {
		t.Errorf("%d vertices left", len(p))
	}
}

func TestPolygonTool_hintAndPreview(t *testing.T) {
	d := newDrawing(t, ToolPolygon)
	d.v.SetClass(classB)
	first := d.v.Hint()
	told := ""
	d.v.OnHint = func(h string) { told = h }
	d.click(100, 100)
	if told == "" || told == first || told != d.v.Hint() {
		t.Errorf("hint %q, told %q", d.v.Hint(), told)
	}
	d.click(200, 100)
	d.v.MouseMoved(mouse(200, 200))
	im := d.picture()
	if got := im.NRGBAAt(150, 100); off(got, colorB) > 60 {
		t.Errorf("the line between two vertices is %v, want the class's colour", got)
	}
	if got := im.NRGBAAt(200, 160); off(got, colorB) > 60 {
		t.Errorf("the line to the mouse is %v", got)
	}
}

func TestSelectTool_clicks(t *testing.T) {
	big := label(classA, annotate.Rectangle(3850, 3900, 4150, 4100))
	small := label(classB, annotate.Rectangle(3950, 3950, 4050, 4050))
	rejected := suggestion(classA, annotate.Rectangle(3990, 3990, 4010, 4010))
	rejected.Review.Decision = annotate.Rejected
	d := newDrawing(t, ToolSelect, big, small, rejected)
	last := func() []annotate.ID { return d.selected[len(d.selected)-1] }
	d.click(200, 150)
	if got := last(); len(got) != 1 || got[0] != small.ID {
		t.Fatalf("chose %v, want the smaller one", got)
	}
	d.click(200, 150)
	if got := last(); len(got) != 1 || got[0] != big.ID {
		t.Errorf("the second click chose %v, want the one beneath", got)
	}
	d.click(20, 20)
	if got := last(); len(got) != 0 {
		t.Errorf("a click beside chose %v", got)
	}
	d.click(80, 70)
	d.v.hand.shift = true
	e := mouse(200, 150)
	e.Modifier = fyne.KeyModifierShift
	d.v.MouseDown(e)
	d.v.MouseUp(e)
	if got := last(); len(got) != 2 {
		t.Errorf("Shift+click chose %v", got)
	}
	d.key(fyne.KeyEscape)
	if got := last(); len(got) != 0 || len(d.v.Selection()) != 0 {
		t.Errorf("Escape left %v", got)
	}
	d.v.SetHiddenClasses(map[annotate.ID]bool{classB: true})
	d.now = d.now.Add(time.Second)
	d.click(200, 150)
	if got := last(); len(got) != 1 || got[0] != big.ID {
		t.Errorf("chose %v, the one on top is hidden", got)
	}
}

func TestSelectTool_moves(t *testing.T) {
	o := label(classA, annotate.Area(annotate.Ring{at(150, 100), at(250, 100), at(200, 200)}))
	d := newDrawing(t, ToolSelect, o)
	// Not chosen yet: a drag moves the slide.
	d.drag(fyne.NewPos(200, 130), fyne.NewPos(240, 130))
	d.v.motion.stop()
	if len(d.edits) > 0 || d.v.Viewport().CX != 3960 {
		t.Fatalf("a drag on what was not chosen: %d edits, centre %g", len(d.edits), d.v.Viewport().CX)
	}
	d.v.CenterOn(annotate.Point{X: 4000, Y: 4000}, 1)
	d.click(200, 130)
	d.drag(fyne.NewPos(200, 130), fyne.NewPos(220, 140), fyne.NewPos(230, 125))
	if len(d.edits) != 1 || d.before[0] != o {
		t.Fatalf("%d edits", len(d.edits))
	}
	want := annotate.Ring{at(180, 95), at(280, 95), at(230, 195)}
	for i, p := range d.edits[0].Polygons[0].Outer {
		if p != want[i] {
			t.Errorf("vertex %d is %v, want %v", i, p, want[i])
		}
	}
	if o.ROI.Polygons[0].Outer[0] != at(150, 100) {
		t.Error("the object itself was changed")
	}
	if d.v.ObjectsChanged(o.ROI.Bounds(), d.edits[0].Bounds()); len(d.v.style.lifted) != 0 {
		t.Error("the object is still lifted when its edit was announced")
	}
}

func TestSelectTool_movesNoFurtherThanTheSlide(t *testing.T) {
	o := label(classA, annotate.Rectangle(10, 20, 60, 70))
	d := newDrawing(t, ToolSelect, o)
	d.v.CenterOn(annotate.Point{X: 100, Y: 100}, 1)
	d.v.SetSelection([]annotate.ID{o.ID})
	d.settle()
	d.drag(fyne.NewPos(130, 90), fyne.NewPos(100, 60), fyne.NewPos(20, 5))
	if b := d.edits[0].Bounds(); b != (annotate.Box{MinX: 0, MinY: 0, MaxX: 50, MaxY: 50}) {
		t.Errorf("moved to %+v", b)
	}
}

func TestSelectTool_handles(t *testing.T) {
	o := label(classA, annotate.Area(annotate.Ring{at(150, 100), at(250, 100), at(200, 200)}))
	d := newDrawing(t, ToolSelect, o)
	d.v.SetSelection([]annotate.ID{o.ID})
	d.settle()
	d.drag(fyne.NewPos(248, 102), fyne.NewPos(270, 90), fyne.NewPos(300, 80))
	if len(d.edits) != 1 {
		t.Fatalf("%d edits", len(d.edits))
	}
	ring := d.edits[0].Polygons[0].Outer
	if ring[1] != at(300, 80) || ring[0] != at(150, 100) || ring[2] != at(200, 200) {
		t.Errorf("reshaped to %v", ring)
	}
	r := reshaped(annotate.Rectangle(10, 10, 50, 40), 2, annotate.Point{X: 5, Y: 90})
	if r.Kind != annotate.KindRectangle || r.Bounds() != (annotate.Box{MinX: 5, MinY: 10, MaxX: 10, MaxY: 90}) {
		t.Errorf("a rectangle became %+v", r)
	}
}

func TestSelectTool_leavesAlone(t *testing.T) {
	locked := label(classA, annotate.Rectangle(3950, 3950, 4050, 4050))
	locked.Locked = true
	for what, o := range map[string]*annotate.Object{
		"locked": locked, "a suggestion": suggestion(classA, annotate.Rectangle(3950, 3950, 4050, 4050)),
	} {
		d := newDrawing(t, ToolSelect, o)
		d.v.SetSelection([]annotate.ID{o.ID})
		d.settle()
		d.drag(fyne.NewPos(200, 150), fyne.NewPos(230, 150))
		d.drag(fyne.NewPos(150, 100), fyne.NewPos(130, 90))
		if len(d.edits) > 0 {
			t.Errorf("%s was changed by hand", what)
		}
	}
}

func TestSelectTool_escapePutsBack(t *testing.T) {
	o := label(classA, annotate.Rectangle(3950, 3950, 4050, 4050))
	d := newDrawing(t, ToolSelect, o)
	d.v.SetSelection([]annotate.ID{o.ID})
	before := d.picture()
	d.press(200, 150)
	e := &fyne.DragEvent{Dragged: fyne.NewDelta(40, 20)}
	e.Position = fyne.NewPos(240, 170)
	d.v.Dragged(e)
	if held := d.picture(); off(held.NRGBAAt(160, 110), bare) > 3 {
		t.Error("the object in hand still stands where it was")
	}
	d.key(fyne.KeyEscape)
	d.release(240, 170)
	if len(d.edits) > 0 || !same(before, d.picture()) {
		t.Error("Escape did not put the object back")
	}
}

func TestViewer_selectionIsMarked(t *testing.T) {
	o := label(classA, annotate.Rectangle(3950, 3950, 4050, 4050))
	d := newDrawing(t, ToolSelect, o)
	before := d.picture()
	d.v.SetSelection([]annotate.ID{o.ID})
	im := d.picture()
	// The halo is light outside of the outline, the handles are white.
	if got := im.NRGBAAt(200, 102); off(got, before.NRGBAAt(200, 102)) < 10 {
		t.Errorf("no halo: %v", got)
	}
	if got := im.NRGBAAt(150, 100); off(got, handleColor) > 30 {
		t.Errorf("no handle at the corner: %v", got)
	}
	d.v.SetSelection(nil)
	if !same(before, d.picture()) {
		t.Error("the mark stays")
	}
	d.v.SetSelection([]annotate.ID{{77}}) // not there
	d.picture()
}

func TestViewer_toolsAreNamed(t *testing.T) {
	d := newDrawing(t, ToolPan)
	seen := map[string]bool{}
	for _, k := range []Tool{ToolPan, ToolSelect, ToolRectangle, ToolPolygon} {
		d.v.SetTool(k)
		if d.v.Tool() != k || seen[k.String()] || seen[d.v.Hint()] || d.v.Hint() == "" {
			t.Errorf("tool %v: %q, hint %q", d.v.Tool(), k, d.v.Hint())
		}
		seen[k.String()], seen[d.v.Hint()] = true, true
	}
	d.v.SetTool(99)
	if d.v.Tool() != ToolPan {
		t.Errorf("an unknown tool became %v", d.v.Tool())
	}
}
