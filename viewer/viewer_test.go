package viewer

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/tiles"
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

// TestViewer_pixels compares what is painted with the slide, at one to one.
func TestViewer_pixels(t *testing.T) {
	slide := newFakeSlide(3000, 2000, 256, waves)
	s := newStage(t, slide, 400, 300)
	s.bare()
	s.v.CenterOn(annotate.Point{X: 1500, Y: 1000}, 1)
	im := s.picture()
	for y := range 300 {
		for x := range 400 {
			want := waves(float64(1500-200+x)+0.5, float64(1000-150+y)+0.5)
			if d := off(im.NRGBAAt(x, y), color.NRGBA(want)); d > 0 {
				t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, im.NRGBAAt(x, y), want)
			}
		}
	}
}

// TestViewer_pixels_magnified checks that pixels are squares far above 1:1.
func TestViewer_pixels_magnified(t *testing.T) {
	board := func(x, y float64) color.RGBA {
		if (int(x)+int(y))%2 == 0 {
			return color.RGBA{R: 250, G: 250, B: 250, A: 255}
		}
		return color.RGBA{R: 10, G: 10, B: 10, A: 255}
	}
	s := newStage(t, newFakeSlide(1024, 1024, 256, board), 320, 240)
	s.bare()
	s.v.CenterOn(annotate.Point{X: 512, Y: 512}, 8)
	im := s.picture()
	for y := range 240 {
		for x := range 320 {
			want := board(512+math.Floor(float64(x-160)/8)+0.5, 512+math.Floor(float64(y-120)/8)+0.5)
			if im.NRGBAAt(x, y) != color.NRGBA(want) {
				t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, im.NRGBAAt(x, y), want)
			}
		}
	}
}

// TestViewer_seams looks for gaps between tiles in random views of a slide of
// one colour: any other colour inside is one.
func TestViewer_seams(t *testing.T) {
	slide := newFakeSlide(20000, 16000, 240, pink) // 240: not a divisor of anything
	s := newStage(t, slide, 300, 200)
	s.bare()
	s.v.SetOverlayVisible(false)
	r := rand.New(rand.NewPCG(7, 8))
	want := color.NRGBA(pink(0, 0))
	views := 40
	if testing.Short() {
		views = 8
	}
	look := func() bool {
		im := s.picture()
		for i := 0; i < len(im.Pix); i += 4 {
			if (color.NRGBA{im.Pix[i], im.Pix[i+1], im.Pix[i+2], im.Pix[i+3]}) != want {
				return false
			}
		}
		return true
	}
	for range views {
		s.v.CenterOn(annotate.Point{X: 4000 + 12000*r.Float64(), Y: 4000 + 8000*r.Float64()}, math.Exp2(4.5*r.Float64()-3.5))
		if !look() {
			t.Fatalf("a gap between tiles at %+v", s.v.Viewport())
		}
	}
	// The check itself: a tile that is missing a pixel must be seen.
	s.v.CenterOn(annotate.Point{X: 8000, Y: 8000}, 0.7)
	s.settle()
	it := s.v.tileLayer.pool.items[s.v.tileLayer.fine[0]]
	s.v.tileLayer.pool.sizer.set(it.im, it.im.Size().SubtractWidthHeight(1, 0))
	im := s.w.Canvas().Capture().(*image.NRGBA)
	gap := false
	for i := 0; i < len(im.Pix); i += 4 {
		gap = gap || im.Pix[i] != want.R
	}
	if !gap {
		t.Error("the check does not see a gap of a pixel")
	}
}

func TestViewer_coarseFirst(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, waves), 800, 600)
	s.settle()
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 1)
	s.frame()
	if len(s.v.tileLayer.fine) != 0 || len(s.v.tileLayer.under) == 0 {
		t.Fatalf("%d fine and %d coarse tiles shown before any fine one arrived", len(s.v.tileLayer.fine), len(s.v.tileLayer.under))
	}
	first := s.src.wish[0]
	if first.Level != 0 || first.Col != 78 || first.Row != 58 {
		t.Errorf("the first wish is %+v, want the tile in the middle", first)
	}
	s.settle()
	if len(s.v.tileLayer.under) != 0 || !s.v.tileLayer.covered {
		t.Error("coarse tiles are still drawn under a complete picture")
	}
	ring := 0
	for k := range s.src.tiles {
		if k.Level == 0 {
			ring++
		}
	}
	if ring <= len(s.v.tileLayer.fine) {
		t.Error("nothing was fetched ahead")
	}
}

func TestViewer_uploadsAreBounded(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, waves), 1600, 1000)
	s.settle()
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 1)
	s.frame()
	s.src.deliver(1000)
	frames := 0
	for !s.v.Settled() && frames < 200 {
		s.frame()
		frames++
		if got := s.v.tileLayer.pool.put; got > uploadPerFrame/(256*256*4) {
			t.Fatalf("%d tiles uploaded in one frame", got)
		}
	}
	if frames < 3 {
		t.Fatalf("all was uploaded in %d frames; the test shows nothing", frames)
	}
}

// TestViewer_zoomUploadsNothing is what the engine is for: a zoom within one
// level makes no new textures.
func TestViewer_zoomUploadsNothing(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, waves), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, 0.55)
	s.settle()
	before := s.v.tileLayer.pool.uploads
	s.v.ZoomBy(1.7, s.v.Middle())
	for range 60 {
		s.frame()
	}
	if v := s.v.Viewport(); math.Abs(v.Scale-0.55*1.7) > 1e-9 {
		t.Fatalf("zoomed to %g", v.Scale)
	}
	if n := s.v.tileLayer.pool.uploads - before; n > 0 {
		t.Errorf("%d uploads", n)
	}
}

func TestViewer_poolIsBounded(t *testing.T) {
	s := newStage(t, newFakeSlide(200000, 150000, 256, pink), 800, 600)
	for i := range 120 {
		s.v.CenterOn(annotate.Point{X: 5000 + 1500*float64(i), Y: 60000}, 1)
		for range 4 {
			s.src.deliver(1000)
			s.frame()
		}
		if len(s.src.tiles) > 500 { // as a cache would
			clear(s.src.tiles)
		}
	}
	p := s.v.tileLayer.pool
	if p.bytes > poolBytes+uploadPerFrame {
		t.Errorf("%d MB of textures", p.bytes>>20)
	}
	if p.uploads < 2*len(p.items) {
		t.Fatalf("%d uploads on %d objects: nothing was reused", p.uploads, len(p.items))
	}
}

func TestViewer_poolForgetsWhatIsLongUnseen(t *testing.T) {
	s := newStage(t, newFakeSlide(20000, 20000, 256, waves), 800, 600)
	s.v.CenterOn(annotate.Point{X: 5000, Y: 5000}, 1)
	s.settle()
	s.v.CenterOn(annotate.Point{X: 15000, Y: 15000}, 1)
	s.settle()
	p := s.v.tileLayer.pool
	before := len(p.items)
	s.now = s.now.Add(2 * time.Minute)
	for range 70 {
		s.v.touch()
		s.frame()
	}
	shown, bytes := 0, 0
	for _, it := range p.items {
		shown++
		bytes += len(it.src.Pix)
	}
	if shown >= before || bytes != p.bytes {
		t.Errorf("%d of %d sprites hold %d bytes, the pool counts %d", shown, before, bytes, p.bytes)
	}
	s.bare()
	im := s.picture()
	if want := waves(15000.5, 15000.5); off(im.NRGBAAt(400, 300), color.NRGBA(want)) > 0 {
		t.Errorf("the middle is %v, want %v", im.NRGBAAt(400, 300), want)
	}
}

func TestViewer_failedTile(t *testing.T) {
	s := newStage(t, newFakeSlide(8000, 8000, 256, pink), 512, 512)
	var told []error
	s.v.OnProblem = func(err error) { told = append(told, err) }
	s.bare()
	s.settle()
	bad := tiles.Key{Level: 0, Col: 15, Row: 15}
	s.src.bad[bad] = errTorn
	s.src.bad[tiles.Key{Level: 0, Col: 16, Row: 15}] = errTorn
	s.v.CenterOn(annotate.Point{X: 4096, Y: 4096}, 1)
	im := s.picture()
	if len(told) != 1 || told[0] != errTorn {
		t.Errorf("told %v, want the error once", told)
	}
	marked := func(x0, y0 int) bool {
		for y := y0; y < y0+256; y++ {
			for x := x0; x < x0+256; x++ {
				if c := im.NRGBAAt(x, y); off(c, color.NRGBA(pink(0, 0))) > 60 {
					return true
				}
			}
		}
		return false
	}
	if !marked(0, 0) || !marked(256, 0) {
		t.Error("the tiles that failed are not marked")
	}
	if marked(0, 256) || marked(256, 256) {
		t.Error("good tiles are marked")
	}
}

func TestViewer_idleRests(t *testing.T) {
	s := newStage(t, newFakeSlide(8000, 8000, 256, pink), 512, 512)
	s.settle()
	s.frame()
	wants := s.src.wants
	for range 30 {
		s.frame()
	}
	if s.src.wants != wants || s.v.clock.running {
		t.Error("an idle viewer keeps working")
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
		fyne.KeyPageUp: {20000, 15000, 1}, fyne.KeyPageDown: {20000, 15000, 0.25},
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
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDelete})
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	s.v.TypedRune('3')
	s.v.TypedRune('a')
	if len(keys) != 3 || len(runes) != 2 {
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
