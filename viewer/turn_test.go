package viewer

import (
	"fmt"
	"image"
	"image/color"
	"testing"

	"coverslip/annotate"
)

// Each of the eight positions of a picture, told by where its pixels went.
func TestTurned(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 5, 3))
	for i := range src.Pix {
		src.Pix[i] = uint8(i)
	}
	for turn := range 4 {
		for _, flip := range []bool{false, true} {
			got := turned(src, turn, flip)
			v := Viewport{CX: 2.5, CY: 1.5, Scale: 1, W: got.Rect.Dx(), H: got.Rect.Dy(), Turn: turn, Flip: flip}
			for y := range 3 {
				for x := range 5 {
					sx, sy := v.SFromL0(float64(x)+0.5, float64(y)+0.5)
					if got.RGBAAt(floorInt(sx), floorInt(sy)) != src.RGBAAt(x, y) {
						t.Errorf("turn %d, flip %v: pixel (%d,%d) is not at (%g,%g)", turn, flip, x, y, sx, sy)
					}
				}
			}
		}
	}
}

// In every position what is painted at a place of the screen is the slide at the
// place that the viewport says, tiles and labels alike.
func TestViewer_Turn_pixels(t *testing.T) {
	pictures(t)
	slide := newFakeSlide(3000, 2000, 256, waves)
	s := newStage(t, slide, 300, 200)
	s.bare()
	s.v.SetPalette(palette())
	roi := annotate.Rectangle(1480, 940, 1560, 980)
	s.v.SetObjects(&fakeObjects{list: []*annotate.Object{label(classA, roi)}}, annotate.ID{9})
	s.v.SetFill(1)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s.v.CenterOn(annotate.Point{X: 1500.5, Y: 1000.5}, 1)
			im := s.picture()
			v := s.v.Viewport()
			for sy := 5; sy < 200; sy += 19 {
				for sx := 5; sx < 300; sx += 23 {
					x, y := v.L0FromS(float64(sx)+0.5, float64(sy)+0.5)
					if x > 1474 && x < 1566 && y > 934 && y < 986 {
						if x > 1486 && x < 1554 && y > 946 && y < 974 && off(im.NRGBAAt(sx, sy), colorA) > 3 {
							t.Errorf("(%d,%d) is %v, want the label's %v", sx, sy, im.NRGBAAt(sx, sy), colorA)
						}
						continue
					}
					if want := waves(x, y); off(im.NRGBAAt(sx, sy), color.NRGBA(want)) > 3 {
						t.Fatalf("turn %d flip %v: (%d,%d) is %v, want %v", v.Turn, v.Flip, sx, sy, im.NRGBAAt(sx, sy), want)
					}
				}
			}
		})
		if i%2 == 0 {
			s.v.Mirror()
		} else {
			s.v.Turn(1)
		}
	}
}

func TestViewer_Turn_rightIsRight(t *testing.T) {
	for _, flip := range []bool{false, true} {
		s := newStage(t, newFakeSlide(3000, 2000, 256, pink), 300, 200)
		if flip {
			s.v.Mirror()
		}
		s.v.CenterOn(annotate.Point{X: 1500, Y: 1000}, 1)
		before := s.v.Viewport()
		x, y := before.L0FromS(200, 100) // right of the middle
		s.v.Turn(1)
		if sx, sy := s.v.Viewport().SFromL0(x, y); sx != 150 || sy != 150 {
			t.Errorf("mirrored %v: what was at the right is at (%g,%g), not below", flip, sx, sy)
		}
		s.v.Turn(-1)
		if s.v.Viewport() != before {
			t.Errorf("there and back: %+v, want %+v", s.v.Viewport(), before)
		}
		s.v.Turn(4)
		s.v.Turn(-7)
		s.v.Turn(-1)
		if s.v.Viewport() != before {
			t.Errorf("two whole turns: %+v, want %+v", s.v.Viewport(), before)
		}
	}
	s := newStage(t, newFakeSlide(3000, 2000, 256, pink), 300, 200)
	s.v.Turn(1)
	if v := s.v.Viewport(); !close2(v.Scale, fitMargin*200/3000) {
		t.Errorf("a fitted slide of 3000 × 2000 stands at scale %g", v.Scale)
	}
	s.v.SetSlide(s.src, &s.src.slide.info)
	if v := s.v.Viewport(); v.Turn != 0 || v.Flip {
		t.Error("another slide is turned too")
	}
}

func BenchmarkTurned(b *testing.B) {
	src := image.NewRGBA(image.Rect(0, 0, 256, 256))
	b.ReportAllocs()
	b.SetBytes(int64(len(src.Pix)))
	for b.Loop() {
		turned(src, 1, true)
	}
}
