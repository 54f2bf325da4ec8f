package viewer

import (
	"strings"
	"testing"

	"coverslip/annotate"
)

func TestGridStep(t *testing.T) {
	for _, c := range []struct {
		scale, mpp, least, l0 float64
		text                  string
	}{
		{1, 0.25, 90, 200, "50 µm"},
		{1, 0.25, 80, 80, "20 µm"},
		{0.01, 0.25, 90, 20000, "5 mm"},
		{0.1, 0.5, 90, 1000, "500 µm"},
		{1, 0, 90, 100, "100 px"},
		{320, 0, 90, 1, "1 px"},
		{32, 0.25, 90, 4, "1 µm"},
	} {
		l0, text := gridStep(c.scale, c.mpp, c.least)
		if !close2(l0, c.l0) || text != c.text {
			t.Errorf("%+v: %g px, %q", c, l0, text)
		}
		if l0*c.scale < c.least*(1-1e-9) {
			t.Errorf("%+v: lines %g px apart", c, l0*c.scale)
		}
	}
}

func TestViewer_SetGrid(t *testing.T) {
	s := newStage(t, newFakeSlide(40000, 30000, 256, pink), 800, 600)
	for _, scale := range []float64{0, 0.01, 0.1, 1, 30} { // 0: fitted
		if scale > 0 {
			s.v.CenterOn(annotate.Point{X: 20000, Y: 15000}, scale)
		}
		s.v.SetGrid(true)
		s.frame()
		if n := s.v.live.nLine; n < 4 || n > 16 {
			t.Errorf("%d lines at scale %g", n, s.v.view.Scale)
		}
		if !strings.Contains(s.v.bar.text.Text, " · grid ") {
			t.Errorf("the bar says %q", s.v.bar.text.Text)
		}
		s.v.SetGrid(false)
		s.frame()
		if s.v.live.nLine != 0 || strings.Contains(s.v.bar.text.Text, "grid") {
			t.Error("the grid stays")
		}
	}
}

func TestViewer_ColourAt(t *testing.T) {
	s := newStage(t, newFakeSlide(5000, 3000, 256, waves), 800, 600)
	s.v.CenterOn(annotate.Point{X: 2500, Y: 1500}, 1)
	if _, _, ok := s.v.ColourAt(2500, 1500); ok {
		t.Error("a colour of a tile that is not there")
	}
	s.settle()
	for _, p := range [][2]float64{{2500, 1500}, {2300.7, 1400.2}} {
		want := waves(float64(int(p[0]))+0.5, float64(int(p[1]))+0.5)
		if c, d, ok := s.v.ColourAt(p[0], p[1]); !ok || d != 1 || c.R != want.R || c.G != want.G || c.B != want.B {
			t.Errorf("%v is %v from 1:%g, want %v", p, c, d, want)
		}
	}
	if _, _, ok := s.v.ColourAt(-1, 5); ok {
		t.Error("there is a colour beside the slide")
	}
}
