package viewer

import (
	"image/color"
	"testing"

	"coverslip/annotate"
)

// In the lens what lies under the pointer is seen four times as large, in place,
// upright or tilted; its tiles are read for it.
func TestViewer_Loupe(t *testing.T) {
	pictures(t)
	s := newStage(t, newFakeSlide(8000, 6000, 256, waves), 600, 400)
	s.bare()
	for _, angle := range []float64{0, 37} {
		s.v.SetLoupe(false)
		s.v.TurnTo(angle)
		s.v.CenterOn(annotate.Point{X: 4000, Y: 3000}, 0.25)
		s.settle()
		s.v.SetLoupe(true)
		s.v.MouseMoved(mouse(300, 200))
		im := s.picture()
		for _, at := range [][2]int{{300, 200}, {370, 200}, {300, 130}, {240, 250}} {
			x, y := s.v.Viewport().L0FromS(300+(float64(at[0])+0.5-300)/loupeTimes, 200+(float64(at[1])+0.5-200)/loupeTimes)
			if want := waves(x, y); off(im.NRGBAAt(at[0], at[1]), color.NRGBA(want)) > 4 {
				t.Errorf("%g°: (%d,%d) in the lens is %v, want %v", angle, at[0], at[1], im.NRGBAAt(at[0], at[1]), want)
			}
		}
		x, y := s.v.Viewport().L0FromS(100.5, 100.5)
		if want := waves(x, y); off(im.NRGBAAt(100, 100), color.NRGBA(want)) > 4 {
			t.Errorf("%g°: beside the lens %v, want %v", angle, im.NRGBAAt(100, 100), want)
		}
		k := s.v.loupe.keys[0]
		if k.Level != 0 {
			t.Errorf("the lens shows level %d, want 0", k.Level)
		}
		if _, ok := s.src.Get(k); !ok {
			t.Error("its tiles were not read")
		}
		s.v.MouseOut()
		s.frame()
		if len(s.v.loupe.keys) != 0 {
			t.Error("the pointer left, and the lens still wishes tiles")
		}
	}
}

func BenchmarkLoupe(b *testing.B) {
	s := newStage(b, newFakeSlide(8000, 6000, 256, waves), 600, 400)
	s.v.CenterOn(annotate.Point{X: 4000, Y: 3000}, 0.25)
	s.v.SetLoupe(true)
	s.v.MouseMoved(mouse(300, 200))
	s.settle()
	look, ok := s.v.loupeView()
	if !ok {
		b.Fatal("no lens")
	}
	b.ReportAllocs()
	for b.Loop() {
		s.v.loupe.update(look, s.v.hand.at, s.src, 1, true, "40×")
	}
}
