package viewer

import (
	"math"
	"testing"

	"coverslip/annotate"
)

// lightness is L* of CIE 1976 (CIE 15:2004, 8.2.1.1) of an sRGB colour.
func lightness(t float64) float64 {
	c := HeatColor(t)
	lin := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	y := 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
	if y > 216.0/24389 {
		return 116*math.Cbrt(y) - 16
	}
	return y * 24389 / 27
}

func TestHeatColor_LightnessGrowsEvenly(t *testing.T) {
	whole := lightness(1) - lightness(0)
	if whole < 60 {
		t.Fatalf("from L* %.0f to %.0f", lightness(0), lightness(1))
	}
	const steps = 16
	for i := range steps {
		d := lightness(float64(i+1)/steps) - lightness(float64(i)/steps)
		if even := whole / steps; d < 0.6*even || d > 1.4*even {
			t.Errorf("step %d is %.1f of L*, evenly %.1f", i, d, even)
		}
	}
}

func TestOverlay_heatMap(t *testing.T) {
	pictures(t)
	nan := float32(math.NaN())
	h := &HeatMap{Values: []float32{0, 10, nan, 10}, Cols: 2, Rows: 2, X: 3900, Y: 3900, Cell: 100, Low: 0, High: 10, Threshold: 1, Opacity: 1}
	s := overlaid(t, 1)
	s.v.SetHeatMap(h)
	im := s.picture()
	high := HeatColor(1)
	for _, c := range []struct {
		what string
		x, y int
		hot  bool
	}{{"the highest", 275, 75, true}, {"below the threshold", 120, 70, false}, {"where there is no value", 120, 220, false}, {"beyond the grid", 320, 100, false}} {
		if got := off(im.NRGBAAt(c.x, c.y), high) < 30; got != c.hot {
			t.Errorf("%s: %v", c.what, im.NRGBAAt(c.x, c.y))
		}
	}
	// It lies under the objects, and is patched with them.
	o := label(classA, annotate.Rectangle(4050, 3920, 4090, 3960))
	set := annotate.NewSet(nil)
	s.v.SetFill(1)
	s.v.SetObjects(set, annotate.ID{9})
	s.v.SetHeatMap(h)
	s.settle()
	if err := set.Apply(annotate.Add(annotate.ID{9}, "Draw", o)); err != nil {
		t.Fatal(err)
	}
	s.v.ObjectsChanged(o.ROI.Bounds())
	im = s.picture()
	if off(im.NRGBAAt(270, 90), colorA) > 3 || off(im.NRGBAAt(275, 130), high) > 30 {
		t.Errorf("the object is %v, beside it %v", im.NRGBAAt(270, 90), im.NRGBAAt(275, 130))
	}
	s.v.SetHeatMap(nil)
	if got := s.picture().NRGBAAt(275, 130); got != bare {
		t.Errorf("without heat map it is %v", got)
	}
	s.v.SetHeatMap(&HeatMap{Cols: 5, Rows: 5})
	if s.v.HeatMap() != nil {
		t.Error("a grid without values is shown")
	}
}
