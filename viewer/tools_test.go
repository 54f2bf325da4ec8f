package viewer

import (
	"image/color"
	"math"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// trial is a drawing that also notes marks, paint, cuts and edits of many.
type trial struct {
	*drawing
	marks  []map[string]string
	paints []Paint
	cuts   [][]annotate.Point
	many   [][]annotate.ROI
}

func newTrial(t *testing.T, tool Tool, objects ...*annotate.Object) *trial {
	d := &trial{drawing: newDrawing(t, tool, objects...)}
	d.v.OnMark = func(r annotate.ROI, m map[string]string) {
		d.drawn, d.marks = append(d.drawn, r), append(d.marks, m)
	}
	d.v.OnPaint = func(p Paint) { d.paints = append(d.paints, p) }
	d.v.OnCut = func(l []annotate.Point) { d.cuts = append(d.cuts, l) }
	d.v.OnEdits = func(_ []*annotate.Object, after []annotate.ROI) { d.many = append(d.many, after) }
	return d
}

// with presses with modifiers and drags through the positions.
func (d *trial) with(m fyne.KeyModifier, at ...fyne.Position) {
	e := mouse(at[0].X, at[0].Y)
	e.Modifier = m
	d.v.MouseDown(e)
	for i := 1; i < len(at); i++ {
		e := &fyne.DragEvent{Dragged: fyne.NewDelta(at[i].X-at[i-1].X, at[i].Y-at[i-1].Y)}
		e.Position = at[i]
		d.v.Dragged(e)
	}
	last := at[len(at)-1]
	d.release(last.X, last.Y)
}

func one(t *testing.T, d *trial, kind annotate.Kind) annotate.ROI {
	t.Helper()
	if len(d.drawn) != 1 || d.drawn[0].Kind != kind {
		t.Fatalf("drew %v, want one %s", d.drawn, kind)
	}
	if err := d.drawn[0].Validate(); err != nil {
		t.Error(err)
	}
	if d.v.Busy() {
		t.Error("still busy")
	}
	return d.drawn[0]
}

func TestTools_DrawTheirShape(t *testing.T) {
	for _, c := range []struct {
		tool Tool
		do   func(d *trial)
		kind annotate.Kind
		want []annotate.Point // of points and lines, of ellipses the box
		meta string
	}{
		{ToolPoint, func(d *trial) { d.click(100, 110) }, annotate.KindPoint, []annotate.Point{at(100, 110)}, ""},
		{ToolPoints, func(d *trial) {
			d.click(100, 110)
			d.click(130, 110)
			d.click(150, 90)
			d.key(fyne.KeyBackspace, fyne.KeyReturn)
		}, annotate.KindPoints, []annotate.Point{at(100, 110), at(130, 110)}, ""},
		{ToolLine, func(d *trial) { d.drag(fyne.NewPos(100, 100), fyne.NewPos(120, 120), fyne.NewPos(200, 150)) }, annotate.KindLine, []annotate.Point{at(100, 100), at(200, 150)}, ""},
		{ToolLine, func(d *trial) { d.click(100, 100); d.click(200, 150) }, annotate.KindLine, []annotate.Point{at(100, 100), at(200, 150)}, ""},
		{ToolArrow, func(d *trial) { d.click(100, 100); d.click(200, 150) }, annotate.KindLine, []annotate.Point{at(100, 100), at(200, 150)}, "arrowhead=>"},
		{ToolRuler, func(d *trial) { d.drag(fyne.NewPos(100, 100), fyne.NewPos(200, 150)) }, annotate.KindLine, []annotate.Point{at(100, 100), at(200, 150)}, "measure=ruler"},
		{ToolAngle, func(d *trial) { d.click(100, 100); d.click(200, 100); d.click(200, 200) }, annotate.KindLine, []annotate.Point{at(100, 100), at(200, 100), at(200, 200)}, "measure=angle"},
		{ToolPolyline, func(d *trial) {
			d.click(100, 100)
			d.click(200, 150)
			d.click(250, 90)
			d.key(fyne.KeyReturn)
		}, annotate.KindLine, []annotate.Point{at(100, 100), at(200, 150), at(250, 90)}, ""},
		{ToolEllipse, func(d *trial) { d.drag(fyne.NewPos(200, 180), fyne.NewPos(150, 150), fyne.NewPos(100, 120)) }, annotate.KindEllipse, []annotate.Point{at(100, 120), at(200, 180)}, ""},
		{ToolEllipse, func(d *trial) {
			d.with(fyne.KeyModifierAlt, fyne.NewPos(150, 150), fyne.NewPos(180, 160), fyne.NewPos(200, 180))
		}, annotate.KindEllipse, nil, ""},
	} {
		d := newTrial(t, c.tool)
		c.do(d)
		r := one(t, d, c.kind)
		if c.want != nil && !r.Equal(annotate.ROI{Kind: c.kind, Points: c.want}) {
			t.Errorf("%s drew %v, want %v", c.tool, r.Points, c.want)
		}
		meta := ""
		for _, m := range d.marks {
			for k, v := range m {
				meta += k + "=" + v
			}
		}
		if meta != c.meta {
			t.Errorf("%s has the mark %q, want %q", c.tool, meta, c.meta)
		}
	}
}

func TestTurnedTool_DrawsAtAnyAngle(t *testing.T) {
	d := newTrial(t, ToolTurnedRectangle)
	d.drag(fyne.NewPos(100, 100), fyne.NewPos(150, 130), fyne.NewPos(180, 160))
	d.click(130, 190)
	r := one(t, d, annotate.KindPolygon).Polygons[0].Outer
	if len(r) != 4 || r[0] != at(100, 100) || r[1] != at(180, 160) {
		t.Fatalf("drew %v", r)
	}
	if a := annotate.Angle(r[0], r[1], r[2], 1, 1); math.Abs(a-90) > 1e-9 {
		t.Errorf("a corner of %v°", a)
	}
}

func TestSplineTool_IsSmooth(t *testing.T) {
	d := newTrial(t, ToolSpline)
	knots := []fyne.Position{{X: 100, Y: 100}, {X: 200, Y: 110}, {X: 210, Y: 200}, {X: 90, Y: 190}}
	for _, k := range knots {
		d.click(k.X, k.Y)
	}
	d.key(fyne.KeyReturn)
	r := one(t, d, annotate.KindPolygon)
	ring := r.Polygons[0].Outer
	if len(ring) < 20 {
		t.Errorf("%d vertices are no curve", len(ring))
	}
	for _, k := range knots {
		if r.BoundaryDistance(at(float64(k.X), float64(k.Y))) > 1e-9 {
			t.Errorf("the curve leaves its knot %v", k)
		}
	}
	for i := range ring { // no corner sharper than 30 degrees
		if a := annotate.Angle(ring[i], ring[(i+1)%len(ring)], ring[(i+2)%len(ring)], 1, 1); a < 150 {
			t.Errorf("a corner of %.0f° at %v", a, ring[(i+1)%len(ring)])
		}
	}
}

func TestBrushTool_PaintsAndTakesAway(t *testing.T) {
	for _, c := range []struct {
		tool Tool
		mod  fyne.KeyModifier
		away bool
	}{{ToolBrush, 0, false}, {ToolBrush, fyne.KeyModifierAlt, true}, {ToolEraser, 0, true}, {ToolEraser, fyne.KeyModifierShift, false}, {ToolBrush, fyne.KeyModifierShift, false}} {
		d := newTrial(t, c.tool)
		d.v.CenterOn(annotate.Point{X: 4000, Y: 4000}, 0.5)
		d.with(c.mod, fyne.NewPos(100, 100), fyne.NewPos(140, 100), fyne.NewPos(200, 120))
		if len(d.paints) != 1 || d.paints[0].Erase != c.away || len(d.paints[0].Path) < 3 {
			t.Fatalf("%s with %v: %+v", c.tool, c.mod, d.paints)
		}
		if r := d.paints[0].Radius; r != 2*brushAtFirst {
			t.Errorf("at half size the brush has radius %v", r)
		}
	}
	d := newTrial(t, ToolBrush)
	d.v.SetFillHoles(true)
	d.v.ScaleBrush(2)
	d.click(100, 100)
	if p := d.paints[0]; len(p.Path) != 1 || p.Radius != 2*brushAtFirst || !p.NoHoles {
		t.Errorf("a dab: %+v", p)
	}
}

func TestBrushTool_ShowsWhatItCovers(t *testing.T) {
	d := newTrial(t, ToolBrush)
	d.press(100, 100)
	e := &fyne.DragEvent{Dragged: fyne.NewDelta(80, 0)}
	e.Position = fyne.NewPos(180, 100)
	d.v.Dragged(e)
	d.settle()
	b, ok := d.v.tool.(*brushTool)
	if !ok || math.Abs(b.shown.Bounds().Width()-(80+2*brushAtFirst)) > 1 {
		t.Errorf("the preview covers %+v", b.shown.Bounds())
	}
	d.key(fyne.KeyEscape)
	d.release(180, 100)
	if len(d.paints) != 0 || d.v.Busy() {
		t.Error("Escape did not drop the stroke")
	}
}

func TestScissors_And_Lasso(t *testing.T) {
	d := newTrial(t, ToolScissors)
	d.click(100, 100)
	d.click(200, 200)
	d.key(fyne.KeyReturn)
	if len(d.cuts) != 1 || len(d.cuts[0]) != 2 {
		t.Errorf("cut %v", d.cuts)
	}
	in, out := label(classA, annotate.Rectangle(3920, 3970, 3940, 3990)), label(classB, annotate.Rectangle(4100, 3970, 4120, 3990))
	d = newTrial(t, ToolLasso, in, out)
	var way []fyne.Position
	for i := range 30 {
		s, c := math.Sincos(float64(i) / 29 * 2 * math.Pi)
		way = append(way, fyne.NewPos(float32(130+60*c), float32(130+60*s)))
	}
	d.drag(way...)
	if len(d.selected) == 0 || len(d.selected[len(d.selected)-1]) != 1 || d.selected[len(d.selected)-1][0] != in.ID {
		t.Errorf("the lasso chose %v", d.selected)
	}
}

func TestSnapping(t *testing.T) {
	o := label(classA, annotate.Rectangle(3900, 3950, 4000, 4050)) // screen 100..200
	d := newTrial(t, ToolLine, o)
	d.v.SetSnapping(true)
	d.click(104, 97) // near the corner 100,100
	d.click(150, 196)
	if len(d.drawn) != 1 || d.drawn[0].Points[0] != at(100, 100) || d.drawn[0].Points[1] != at(150, 200) {
		t.Errorf("drew %v", d.drawn)
	}
	d.v.SetSnapping(false)
	d.click(104, 97)
	d.click(150, 196)
	if d.drawn[1].Points[0] != at(104, 97) {
		t.Errorf("snapped though it is off: %v", d.drawn[1])
	}
}

func TestSelectTool_Vertices(t *testing.T) {
	o := label(classA, annotate.Area(annotate.Ring{at(100, 100), at(200, 100), at(200, 200), at(100, 200)}))
	d := newTrial(t, ToolSelect, o)
	d.v.SetSelection([]annotate.ID{o.ID})
	d.with(fyne.KeyModifierAlt, fyne.NewPos(150, 100), fyne.NewPos(150, 80), fyne.NewPos(150, 60))
	if len(d.edits) != 1 || d.edits[0].Vertices() != 5 || d.edits[0].Polygons[0].Outer[1] != at(150, 60) {
		t.Fatalf("a vertex put in: %v", d.edits)
	}
	d.with(fyne.KeyModifierAlt, fyne.NewPos(200, 100))
	if len(d.edits) != 2 || d.edits[1].Vertices() != 3 {
		t.Fatalf("a vertex taken out: %v", d.edits)
	}
	d.click(200, 200) // makes it the active one
	d.key(fyne.KeyDelete)
	if len(d.edits) != 3 || d.edits[2].Vertices() != 3 || d.edits[2].Contains(at(190, 190)) {
		t.Fatalf("Delete on a vertex: %v", d.edits)
	}
}

func TestSelectTool_FrameScalesAndTurns(t *testing.T) {
	a, b := label(classA, annotate.Rectangle(3900, 3950, 3950, 4000)), label(classB, annotate.Ellipse(3960, 4010, 4000, 4050)) // screen 100..200
	d := newTrial(t, ToolSelect, a, b)
	d.v.SetSelection([]annotate.ID{a.ID, b.ID})
	d.drag(fyne.NewPos(120, 120), fyne.NewPos(130, 125), fyne.NewPos(140, 130))
	if len(d.many) != 1 || d.many[0][0].Bounds().MinX != 3920 || d.many[0][1].Bounds().MinX != 3980 {
		t.Fatalf("moved both: %v", d.many)
	}
	f := float32(frameApart)
	d.drag(fyne.NewPos(200+f, 200+f), fyne.NewPos(230, 230), fyne.NewPos(300, 300))
	if len(d.many) != 2 || d.many[1][0].Kind != annotate.KindRectangle || d.many[1][1].Kind != annotate.KindEllipse {
		t.Fatalf("scaled: %v", d.many)
	}
	if w := d.many[1][0].Bounds(); w.MinX != 3900 || math.Abs(w.Width()-100) > 1 {
		t.Errorf("at twice the size: %+v", w)
	}
	// The knob stands above the middle of the frame; a quarter turn with it.
	d.drag(fyne.NewPos(150, 100-f-frameKnob), fyne.NewPos(200, 100), fyne.NewPos(290, 150))
	if len(d.many) != 3 {
		t.Fatal("the knob turned nothing")
	}
	if c := d.many[2][0].Centroid(); math.Abs(c.X-at(175, 0).X) > 1 || math.Abs(c.Y-at(0, 125).Y) > 1 {
		t.Errorf("after a quarter turn the first lies at %v", c)
	}
	if d.many[2][0].Kind != annotate.KindRectangle && d.many[2][0].Kind != annotate.KindPolygon {
		t.Errorf("turned into %s", d.many[2][0].Kind)
	}
}

func TestLockedClasses_StayAsTheyAre(t *testing.T) {
	o := label(classA, annotate.Rectangle(3900, 3950, 4000, 4050))
	d := newTrial(t, ToolSelect, o)
	d.v.SetLockedClasses(map[annotate.ID]bool{classA: true})
	d.click(150, 150)
	if len(d.v.Selection()) != 0 {
		t.Error("an object of a locked class was chosen by click")
	}
	d.v.SetSelection([]annotate.ID{o.ID})
	d.drag(fyne.NewPos(150, 150), fyne.NewPos(180, 150))
	if len(d.edits) != 0 {
		t.Error("an object of a locked class was moved")
	}
}

// disc is pink with a purple disc of radius 40 in the middle of the stage.
func disc(x, y float64) color.RGBA {
	if math.Hypot(x-4000, y-4000) < 40 {
		return color.RGBA{R: 110, G: 60, B: 150, A: 255}
	}
	return color.RGBA{R: 225, G: 160, B: 200, A: 255}
}

func (d *trial) await(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); d.v.Busy() && time.Now().Before(end); time.Sleep(time.Millisecond) {
		d.frame()
	}
}

func TestWandAndSuperpixel_TakeTheDisc(t *testing.T) {
	for tool, most := range map[Tool]float64{ToolWand: 1.1, ToolSuperpixel: 1.5} {
		d := newTrial(t, tool)
		s := newFakeSlide(8192, 8192, 256, disc)
		d.src = newFakeSource(s)
		d.v.SetSlide(d.src, &s.info)
		d.v.CenterOn(annotate.Point{X: 4000, Y: 4000}, 1)
		d.settle()
		mid := d.v.middle()
		x, y := float32(mid.x), float32(mid.y)
		if tool == ToolWand {
			d.click(x+10, y+5)
		} else {
			var way []fyne.Position
			for i := -36; i <= 36; i += 6 {
				for k := -36; k <= 36; k += 6 {
					if math.Hypot(float64(i), float64(k)) < 36 {
						way = append(way, fyne.NewPos(x+float32(i), y+float32(k)))
					}
				}
			}
			d.drag(way...)
		}
		d.await(t)
		if len(d.paints) != 1 {
			t.Fatalf("%s: %d areas", tool, len(d.paints))
		}
		got := d.paints[0].Area
		want := math.Pi * 40 * 40
		if a := got.Area() / want; a < 0.9 || a > most {
			t.Errorf("%s found %.2f of the disc", tool, a)
		}
		if c := got.Centroid(); math.Hypot(c.X-4000, c.Y-4000) > 6 {
			t.Errorf("%s found something around %v", tool, c)
		}
	}
}

func TestKeyPointer_DrawsWithoutAMouse(t *testing.T) {
	d := newTrial(t, ToolRectangle)
	if d.v.SetKeyPointer(true); !d.v.KeyPointer() {
		t.Fatal("no pointer")
	}
	// Hold the button as Shift+Space does; the test driver has no modifiers.
	d.v.pointing.press(d.v, 0)
	for range 5 {
		d.key(fyne.KeyRight, fyne.KeyDown)
	}
	d.key(fyne.KeySpace)
	r := one(t, d, annotate.KindRectangle)
	if b := r.Bounds(); b.Width() != 5*keyStep || b.Height() != 5*keyStep {
		t.Errorf("drew %+v", b)
	}
	d.v.SetTool(ToolPolygon)
	for _, k := range []fyne.KeyName{fyne.KeyLeft, fyne.KeyUp, fyne.KeyRight} {
		d.key(fyne.KeySpace, k, k, k)
	}
	d.key(fyne.KeyReturn)
	if len(d.drawn) != 2 || d.drawn[1].Vertices() != 3 {
		t.Errorf("drew %v", d.drawn)
	}
}

func TestTools_HaveNamesAndHints(t *testing.T) {
	d := newTrial(t, ToolPan)
	seen := map[string]bool{}
	for k := ToolPan; k <= ToolLasso; k++ {
		d.v.SetTool(k)
		name := k.String()
		if seen[name] || d.v.Tool() != k || !strings.Contains(d.v.Hint(), "—") {
			t.Errorf("tool %d is called %q and says %q", k, name, d.v.Hint())
		}
		seen[name] = true
	}
}

func TestSelectTool_Cursor(t *testing.T) {
	o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: annotate.Rectangle(3900, 3950, 4000, 4050)} // 100,100 to 200,200 on the screen
	d := newTrial(t, ToolSelect, o)
	d.v.SetSelection([]annotate.ID{o.ID})
	d.settle()
	for _, c := range []struct {
		name string
		x, y float32
		want desktop.Cursor
	}{{"a corner", 100, 100, desktop.CrosshairCursor}, {"the inside", 150, 150, desktop.PointerCursor}, {"beside", 320, 250, desktop.DefaultCursor}} {
		d.v.MouseMoved(mouse(c.x, c.y))
		if got := d.v.Cursor(); got != c.want {
			t.Errorf("over %s: cursor %v, want %v", c.name, got, c.want)
		}
	}
}
