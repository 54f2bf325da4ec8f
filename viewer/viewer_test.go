package viewer

import (
	"image"
	"image/color"
	"math"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
)

func TestViewer_SetSlide_fits(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 20000, 256, waves), 800, 600)
	v := s.v.Viewport()
	if v.W != 800 || v.H != 600 || v.CX != 20000 || v.CY != 10000 || math.Abs(v.Scale-fitMargin*800/40000) > 1e-12 {
		t.Errorf("shows %+v", v)
	}
	if m := s.v.Magnification(); math.Abs(m-40*v.Scale) > 1e-9 {
		t.Errorf("magnification %g", m)
	}
	s.w.Resize(fyne.NewSize(400, 600))
	s.frame()
	if v := s.v.Viewport(); math.Abs(v.Scale-fitMargin*400/40000) > 1e-12 {
		t.Errorf("after a resize the slide is not fitted: %+v", v)
	}
	s.v.ZoomBy(4, s.v.Middle())
	s.v.Settle()
	before := s.v.Viewport().Scale
	s.w.Resize(fyne.NewSize(700, 500))
	s.frame()
	if v := s.v.Viewport(); v.Scale != before || v.CX != 20000 {
		t.Errorf("a resize moved the view: %+v", v)
	}
}

// Of a glass that is mostly empty the scanned part is shown; zooming out still
// shows all of it.
func TestViewer_Fit_Bounds(t *testing.T) {
	slide := newFakeSlide(40000, 120000, 256, waves)
	slide.info.Bounds = image.Rect(10000, 90000, 14000, 92000)
	s := newStage(t, slide, 800, 600)
	fits := func(when string) {
		t.Helper()
		if v := s.v.Viewport(); v.CX != 12000 || v.CY != 91000 || math.Abs(v.Scale-fitMargin*800/4000) > 1e-12 {
			t.Errorf("%s it shows %+v", when, v)
		}
	}
	fits("at first")
	s.v.ZoomBy(1e-6, s.v.Middle())
	s.v.Settle()
	if v := s.v.Viewport(); 600/v.Scale < 120000 {
		t.Errorf("zoomed out it shows %v of 120000 pixels", 600/v.Scale)
	}
	s.v.Fit()
	s.frame()
	fits("fitted")
}

func TestViewer_SetSlide_nilLoader(t *testing.T) {
	s := newStage(t, newFakeSlide(2000, 2000, 256, pink), 400, 300)
	s.v.SetTool(ToolPolygon)
	s.click(100, 100)
	s.v.SetSlide((*fakeSource)(nil), nil)
	s.frame()
	if s.v.Hint() != "" || s.v.Busy() || s.v.Magnification() != 0 {
		t.Error("an empty viewer still has a slide's state")
	}
	// Nothing of what a person may do on it may panic.
	s.click(10, 10)
	s.drag(fyne.NewPos(10, 10), fyne.NewPos(60, 60))
	s.v.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 25)})
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyHome})
	s.v.TypedRune('+')
	s.v.ZoomToMagnification(20)
	s.v.ShowBox(annotate.Box{MaxX: 10, MaxY: 10})
	s.v.Fit()
	s.frame()
	found := false
	for _, o := range s.v.objs {
		found = found || o == fyne.CanvasObject(s.v.empty[0])
	}
	if !found {
		t.Error("nothing says that there is no slide")
	}
}

func TestViewer_wheelZoomsAboutTheMouse(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.1)
	s.frame()
	x, y := s.v.view.L0FromS(100, 80)
	e := &fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 25)}
	e.Position, e.AbsolutePosition = fyne.NewPos(100, 80), fyne.NewPos(100, 80)
	var views []Viewport
	s.v.OnView = func(v Viewport) { views = append(views, v) }
	s.v.Scrolled(e)
	s.v.Scrolled(e)
	for range 90 {
		s.frame()
	}
	v := s.v.Viewport()
	if math.Abs(v.Scale-0.1*wheelZoom*wheelZoom) > 1e-9 {
		t.Errorf("two notches lead to scale %g", v.Scale)
	}
	if sx, sy := v.SFromL0(x, y); math.Abs(sx-100) > 1e-6 || math.Abs(sy-80) > 1e-6 {
		t.Errorf("the point under the mouse went to (%g,%g)", sx, sy)
	}
	if len(views) < 4 || views[len(views)-1] != v {
		t.Errorf("%d views told; the last is not the present one or the zoom was no gradual one", len(views))
	}
	e.Scrolled.DY = -25 * 4000
	for range 40 {
		s.v.Scrolled(e)
	}
	s.v.Settle()
	if got := s.v.Viewport().Scale; got != s.v.limits.minScale {
		t.Errorf("zoomed out to %g, least is %g", got, s.v.limits.minScale)
	}
}

func TestViewer_wheelBeforeTheMouseMoved(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.1)
	s.v.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 25)})
	s.v.Settle()
	if v := s.v.Viewport(); v.CX != 20000 || v.CY != 15000 || !close2(v.Scale, 0.125) {
		t.Errorf("went to %+v", v)
	}
}

func TestViewer_dragPansAndGlides(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.5)
	s.frame()
	var path []fyne.Position
	for i := range 12 {
		path = append(path, fyne.NewPos(400+float32(i)*10, 300))
	}
	s.press(400, 300)
	for i := 1; i < len(path); i++ {
		s.now = s.now.Add(16 * time.Millisecond)
		e := &fyne.DragEvent{Dragged: fyne.NewDelta(10, 0)}
		e.Position = path[i]
		s.v.Dragged(e)
	}
	if v := s.v.Viewport(); math.Abs(v.CX-(20000-220)) > 1e-6 || v.CY != 15000 {
		t.Fatalf("110 px at 0.5 led to (%g,%g)", v.CX, v.CY)
	}
	s.v.MouseUp(mouse(510, 300))
	s.v.DragEnd()
	for range 200 {
		s.frame()
	}
	if v := s.v.Viewport(); v.CX > 20000-220-50 {
		t.Errorf("no glide: %g", v.CX)
	}
	if s.v.motion.moving() {
		t.Error("the glide has no end")
	}
	at := s.v.Viewport()
	s.press(100, 100)
	s.frame()
	if s.v.Viewport() != at {
		t.Error("a press moves the slide")
	}
}

// TestViewer_testDriverDrag is a drag without mouse buttons.
func TestViewer_testDriverDrag(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 1)
	s.frame()
	test.Drag(s.w.Canvas(), fyne.NewPos(300, 300), 50, -20)
	if v := s.v.Viewport(); v.CX != 19950 || v.CY != 15020 {
		t.Errorf("at (%g,%g)", v.CX, v.CY)
	}
}

func TestViewer_keysMove(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	var keys []fyne.KeyName
	var runes []rune
	s.v.OnKey = func(e *fyne.KeyEvent) bool { keys = append(keys, e.Name); return true }
	s.v.OnRune = func(r rune) bool { runes = append(runes, r); return true }
	do := func(name fyne.KeyName) Viewport {
		s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.5)
		s.v.TypedKey(&fyne.KeyEvent{Name: name})
		s.v.Settle()
		return s.v.Viewport()
	}
	for name, want := range map[fyne.KeyName][3]float64{
		fyne.KeyLeft: {19200, 15000, 0.5}, fyne.KeyRight: {20800, 15000, 0.5},
		fyne.KeyUp: {20000, 14400, 0.5}, fyne.KeyDown: {20000, 15600, 0.5},
		fyne.KeyEnd:  {20000, 15000, 1},
		fyne.KeyHome: {20000, 15000, fitMargin * 800 / 40000},
	} {
		if v := do(name); !close2(v.CX, want[0]) || !close2(v.CY, want[1]) || !close2(v.Scale, want[2]) {
			t.Errorf("%s: %+v, want %v", name, v, want)
		}
	}
	for r, want := range map[rune]float64{'+': 0.5 * keyZoom, '-': 0.5 / keyZoom, '0': fitMargin * 800 / 40000} {
		s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.5)
		s.v.TypedRune(r)
		s.v.Settle()
		if got := s.v.Viewport().Scale; !close2(got, want) {
			t.Errorf("%q: scale %g, want %g", r, got, want)
		}
	}
	if len(keys)+len(runes) > 0 {
		t.Errorf("keys it used itself were passed on: %v %q", keys, runes)
	}
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyTab})
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyF5})
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDelete})
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	s.v.TypedRune('3')
	s.v.TypedRune('a')
	if len(keys) != 4 || len(runes) != 2 {
		t.Errorf("passed on %v %q", keys, runes)
	}
	if !s.v.AcceptsTab() {
		t.Error("Tab leaves the viewer")
	}
}

func TestViewer_focusOnClick(t *testing.T) {
	s := newStage(t, newFakeSlide(4000, 3000, 256, pink), 800, 600)
	s.w.Canvas().Unfocus()
	s.click(100, 100)
	if s.w.Canvas().Focused() != fyne.Focusable(s.v) {
		t.Error("a click does not take the focus")
	}
}

func TestViewer_doubleClickZooms(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.25)
	s.frame()
	for range 2 {
		s.press(400, 300)
		s.v.MouseUp(mouse(400, 300))
		s.now = s.now.Add(100 * time.Millisecond)
	}
	s.v.Settle()
	if got := s.v.Viewport().Scale; !close2(got, 0.5) {
		t.Errorf("scale %g, want 0.5", got)
	}
	s.now = s.now.Add(time.Second)
	s.click(200, 200)
	s.click(200, 200) // a second apart
	s.v.Settle()
	if got := s.v.Viewport().Scale; !close2(got, 0.5) {
		t.Errorf("two single clicks zoomed to %g", got)
	}
}

func TestViewer_spaceAndMiddleButtonPanInAnyTool(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	drew := 0
	s.v.OnDraw = func(annotate.ROI) { drew++ }
	s.v.SetTool(ToolRectangle)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 1)
	s.frame()
	s.v.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
	s.drag(fyne.NewPos(300, 300), fyne.NewPos(350, 300))
	s.v.KeyUp(&fyne.KeyEvent{Name: fyne.KeySpace})
	s.v.motion.stop()
	if got := s.v.Viewport().CX; got != 19950 || drew > 0 {
		t.Errorf("Space and drag: centre %g, %d shapes", got, drew)
	}
	e := mouse(300, 300)
	e.Button = desktop.MouseButtonTertiary
	s.v.MouseDown(e)
	d := &fyne.DragEvent{Dragged: fyne.NewDelta(0, 40)}
	d.Position = fyne.NewPos(300, 340)
	s.v.Dragged(d)
	e.Position = d.Position
	s.v.MouseUp(e)
	s.v.DragEnd()
	s.v.motion.stop()
	if got := s.v.Viewport().CY; got != 14960 || drew > 0 {
		t.Errorf("middle button: centre %g, %d shapes", got, drew)
	}
	s.drag(fyne.NewPos(300, 300), fyne.NewPos(350, 340))
	if drew != 1 {
		t.Errorf("afterwards a drag drew %d shapes", drew)
	}
}

func TestViewer_hover(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.5)
	s.frame()
	var at annotate.Point
	inside := false
	s.v.OnHover = func(p annotate.Point, in bool) { at, inside = p, in }
	s.v.MouseMoved(mouse(500, 200))
	if !inside || at != (annotate.Point{X: 20200, Y: 14800}) {
		t.Errorf("over %v inside %v", at, inside)
	}
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	s.v.clock.dirty = true
	for range 90 {
		s.frame()
	}
	if math.Abs(at.X-21000) > 1e-6 {
		t.Errorf("the slide moved under the mouse and it is said to be at %v", at)
	}
	s.v.MouseOut()
	if inside {
		t.Error("still inside")
	}
}

func TestViewer_overviewJumps(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 20000, 256, waves), 1000, 700)
	s.settle()
	if !s.v.overview.have {
		t.Fatal("no thumbnail")
	}
	s.v.ZoomBy(20, s.v.Middle())
	s.v.Settle()
	o := s.v.overview
	s.press(o.pos.X+o.size.Width/4, o.pos.Y+o.size.Height/2)
	if v := s.v.Viewport(); math.Abs(v.CX-10000) > 300 || math.Abs(v.CY-10000) > 300 {
		t.Errorf("a press went to (%g,%g)", v.CX, v.CY)
	}
	e := &fyne.DragEvent{Dragged: fyne.NewDelta(o.size.Width/2, 0)}
	e.Position = fyne.NewPos(o.pos.X+o.size.Width*3/4, o.pos.Y+o.size.Height/2)
	s.v.Dragged(e)
	if v := s.v.Viewport(); math.Abs(v.CX-30000) > 300 {
		t.Errorf("a drag went to (%g,%g)", v.CX, v.CY)
	}
	s.v.MouseUp(mouse(e.Position.X, e.Position.Y))
	thumb := o.image.Image.(*image.RGBA)
	x, y := thumb.Rect.Dx()/2, thumb.Rect.Dy()/3
	want := waves(40000*(float64(x)+0.5)/float64(thumb.Rect.Dx()), 20000*(float64(y)+0.5)/float64(thumb.Rect.Dy()))
	if d := off(color.NRGBA(thumb.RGBAAt(x, y)), color.NRGBA(want)); d > 40 {
		t.Errorf("the thumbnail shows %v for %v", thumb.RGBAAt(x, y), want)
	}
}

func TestViewer_ShowBox(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.ShowBox(annotate.Box{MinX: 10000, MinY: 8000, MaxX: 12000, MaxY: 9000})
	v := s.v.Viewport()
	if v.CX != 11000 || v.CY != 8500 || !close2(v.Scale, 0.6*800/2000) {
		t.Errorf("shows %+v", v)
	}
	s.v.ShowBox(annotate.Box{MinX: 10000, MinY: 8000, MaxX: 10004, MaxY: 8004})
	if v := s.v.Viewport(); v.Scale != 2 {
		t.Errorf("a tiny box is shown at %g", v.Scale)
	}
	s.v.ZoomToMagnification(20)
	s.v.Settle()
	if m := s.v.Magnification(); !close2(m, 20) {
		t.Errorf("20× is %g×", m)
	}
}
