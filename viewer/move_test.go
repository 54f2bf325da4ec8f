package viewer

import (
	"math"
	"math/rand/v2"
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
)

// atRest shows a place at a scale, with nothing moving.
func atRest(t *testing.T, scale float64) *stage {
	t.Helper()
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, scale)
	s.frame()
	return s
}

func TestViewer_boxZoom(t *testing.T) {
	s := atRest(t, 0.1)
	e := mouse(200, 150)
	e.Modifier = fyne.KeyModifierControl
	x0, y0 := s.v.view.L0FromS(200, 150)
	x1, y1 := s.v.view.L0FromS(400, 250)
	s.v.MouseDown(e)
	d := &fyne.DragEvent{}
	d.Position = fyne.NewPos(400, 250)
	s.v.Dragged(d)
	s.frame()
	if n := s.v.live.nLine; n != 8 {
		t.Errorf("%d lines of the box are drawn, want 8", n)
	}
	if v := s.v.Viewport(); v.Scale != 0.1 || v.CX != 20000 {
		t.Errorf("pulling up the box moved the picture: %+v", v)
	}
	s.v.MouseUp(mouse(400, 250))
	for range 90 {
		s.frame()
	}
	v := s.v.Viewport()
	if !close2(v.Scale, 0.1*800/200) || math.Abs(v.CX-(x0+x1)/2) > 1e-6 || math.Abs(v.CY-(y0+y1)/2) > 1e-6 {
		t.Errorf("the box (%g,%g)-(%g,%g) is shown as %+v", x0, y0, x1, y1, v)
	}
}

func TestViewer_boxZoom_slippedAndDropped(t *testing.T) {
	s := atRest(t, 0.1)
	before := s.v.Viewport()
	pull := func(toX, toY float32, escape bool) {
		e := mouse(200, 150)
		e.Modifier = fyne.KeyModifierControl
		s.v.MouseDown(e)
		d := &fyne.DragEvent{}
		d.Position = fyne.NewPos(toX, toY)
		s.v.Dragged(d)
		if escape {
			s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
		}
		s.v.MouseUp(mouse(toX, toY))
		s.v.Settle()
	}
	pull(205, 153, false)
	if s.v.Viewport() != before {
		t.Errorf("a slipped click zoomed to %+v", s.v.Viewport())
	}
	pull(500, 400, true)
	if s.v.Viewport() != before {
		t.Errorf("a box dropped by Escape zoomed to %+v", s.v.Viewport())
	}
}

func TestViewer_flyTo_arrives(t *testing.T) {
	s := atRest(t, 0.1)
	r := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		from, to := s.v.Viewport(), s.v.Viewport()
		to.CX, to.CY = r.Float64()*40000, r.Float64()*30000
		to.Scale = from.Scale
		if r.IntN(3) > 0 {
			to.Scale = s.v.limits.scale(math.Exp2(r.Float64()*8 - 6))
		}
		s.v.flyTo(to)
		for i := 0; s.v.motion.moving(); i++ {
			if i > 400 {
				t.Fatal("does not arrive")
			}
			s.frame()
		}
		if v := s.v.Viewport(); math.Abs(v.CX-to.CX)*to.Scale > 1e-3 || math.Abs(v.CY-to.CY)*to.Scale > 1e-3 || !close2(v.Scale, to.Scale) {
			t.Fatalf("from %+v to %+v ended at %+v", from, to, v)
		}
	}
}

func TestViewer_pageKeys(t *testing.T) {
	s := atRest(t, 0.5)
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageDown})
	s.v.Settle()
	if v := s.v.Viewport(); !close2(v.CY, 15000+keyPage*600/0.5) || v.CX != 20000 {
		t.Errorf("a page on is at (%g,%g)", v.CX, v.CY)
	}
	s.v.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageUp})
	s.v.Settle()
	if v := s.v.Viewport(); !close2(v.CY, 15000) {
		t.Errorf("a page back is at %g", v.CY)
	}
}

func TestViewer_ZoomToPixels(t *testing.T) {
	s := atRest(t, 0.37)
	for _, n := range []float64{1, 2, 8} {
		s.v.ZoomToPixels(n)
		for range 120 {
			s.frame()
		}
		if v := s.v.Viewport(); v.Scale != n || math.Abs(v.CX-20000) > 1e-6 {
			t.Errorf("%g:1 is %+v", n, v)
		}
	}
}

// A million steps of every kind must not lose the place: whoever goes there and
// back by the same steps is where they began.
func TestViewport_noDrift(t *testing.T) {
	start := Viewport{CX: 51234.5, CY: 41234.25, Scale: 0.25, W: 1281, H: 799, Turn: 1, Flip: true}
	v := start
	r := rand.New(rand.NewPCG(9, 10))
	for range 250_000 {
		dx, dy := r.Float64()*200-100, r.Float64()*200-100
		f, x, y := math.Exp2(r.Float64()*2-1), r.Float64()*1281, r.Float64()*799
		v = v.Panned(dx, dy).ZoomedTo(v.Scale*f, x, y)
		v = v.ZoomedTo(v.Scale/f, x, y).Panned(-dx, -dy)
	}
	if math.Abs(v.CX-start.CX) > 1e-3 || math.Abs(v.CY-start.CY) > 1e-3 || math.Abs(v.Scale/start.Scale-1) > 1e-9 {
		t.Errorf("after 10⁶ steps at %+v, want %+v", v, start)
	}
}

func TestViewer_GoTo_marksForAMoment(t *testing.T) {
	s := atRest(t, 0.5)
	s.v.GoTo(annotate.Point{X: 9000, Y: 4000})
	s.frame()
	if v := s.v.Viewport(); v.CX != 9000 || v.CY != 4000 || v.Scale != 0.5 {
		t.Errorf("went to %+v", v)
	}
	if s.v.live.nLine != 2*markSides {
		t.Errorf("%d lines point at the place", s.v.live.nLine)
	}
	for range 110 {
		s.frame()
	}
	if s.v.live.nLine != 0 {
		t.Error("the mark stays")
	}
}

// What is under the mouse is told again when another slide comes under it.
func TestViewer_Hover_OfTheSlideThatCame(t *testing.T) {
	s := atRest(t, 0.1)
	var at annotate.Point
	inside := false
	s.v.OnHover = func(p annotate.Point, in bool) { at, inside = p, in }
	s.v.MouseMoved(mouse(200, 150))
	other := newFakeSlide(4000, 3000, 256, pink)
	s.v.SetSlide(newFakeSource(other), &other.info)
	s.frame()
	if x, y := s.v.view.L0FromS(200, 150); !inside || math.Abs(at.X-x) > 1e-6 || math.Abs(at.Y-y) > 1e-6 {
		t.Errorf("the mouse is said to be at %v (inside: %v), it is over %.1f, %.1f of the new slide", at, inside, x, y)
	}
}
