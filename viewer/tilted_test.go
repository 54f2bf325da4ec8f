package viewer

import (
	"fmt"
	"image/color"
	"math"
	"runtime"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/tiles"
)

// In a tilted view what is painted at a place of the screen is the slide at the
// place that the viewport says, tiles and labels alike, at any scale.
func TestViewer_Tilt_pixels(t *testing.T) {
	pictures(t)
	slide := newFakeSlide(3000, 2000, 256, waves)
	s := newStage(t, slide, 300, 200)
	s.bare()
	s.v.SetPalette(palette())
	roi := annotate.Rectangle(1470, 930, 1570, 990)
	s.v.SetObjects(&fakeObjects{list: []*annotate.Object{label(classA, roi)}}, annotate.ID{9})
	s.v.SetFill(1)
	for i, c := range []struct {
		angle, scale float64
		mirrored     bool
	}{{30, 1, false}, {-44, 0.6, false}, {135, 0.31, true}, {89.5, 1.7, false}, {200, 4, true}} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s.v.Orient(c.angle, c.mirrored)
			s.v.CenterOn(annotate.Point{X: 1500.5, Y: 950.5}, c.scale)
			im := s.picture()
			v := s.v.Viewport()
			if v.Tilt == 0 {
				t.Fatal("no tilt")
			}
			shape, ground := 0, 0
			for sy := 5; sy < 200; sy += 13 {
				for sx := 5; sx < 300; sx += 13 {
					x, y := v.L0FromS(float64(sx)+0.5, float64(sy)+0.5)
					rim := 6 / c.scale
					if x > 1470-rim && x < 1570+rim && y > 930-rim && y < 990+rim {
						if x > 1470+rim && x < 1570-rim && y > 930+rim && y < 990-rim {
							shape++
							if off(im.NRGBAAt(sx, sy), colorA) > 3 {
								t.Errorf("(%d,%d) is %v, want the label's %v", sx, sy, im.NRGBAAt(sx, sy), colorA)
							}
						}
						continue
					}
					ground++
					if want := waves(x, y); off(im.NRGBAAt(sx, sy), color.NRGBA(want)) > 3 {
						t.Fatalf("%+v: (%d,%d) is %v, want %v", v, sx, sy, im.NRGBAAt(sx, sy), want)
					}
				}
			}
			if shape+ground < 60 {
				t.Errorf("looked at %d points of the label and %d of the slide", shape, ground)
			}
		})
	}
}

// No line shows where tiles of a tilted slide meet.
func TestViewer_Tilt_noSeams(t *testing.T) {
	pictures(t)
	s := newStage(t, newFakeSlide(4000, 3000, 256, pink), 400, 300)
	s.bare()
	want := pink(0, 0)
	for i, angle := range []float64{0.5, 17, 45, 61.3, 200, 333} {
		for _, scale := range []float64{0.17, 0.5, 0.83, 1.3, 3.7} {
			s.v.Orient(angle, i%2 == 1)
			s.v.CenterOn(annotate.Point{X: 2000.3, Y: 1500.7}, scale)
			im := s.picture()
			view := s.v.Viewport()
			for y := range 300 {
				for x := range 400 {
					l0X, l0Y := view.L0FromS(float64(x)+0.5, float64(y)+0.5)
					rim := 2 / scale
					if l0X < rim || l0Y < rim || l0X > 4000-rim || l0Y > 3000-rim {
						continue
					}
					if off(im.NRGBAAt(x, y), color.NRGBA(want)) > 1 {
						t.Fatalf("%g° at %g: (%d,%d) is %v", angle, scale, x, y, im.NRGBAAt(x, y))
					}
				}
			}
		}
	}
}

// While its tiles are made, a tilted slide is seen roughly, in the same frame in
// which it was turned.
func TestViewer_Tilt_seenAtOnce(t *testing.T) {
	pictures(t)
	s := newStage(t, newFakeSlide(3000, 2000, 256, waves), 300, 200)
	s.bare()
	s.v.CenterOn(annotate.Point{X: 1500, Y: 1000}, 0.5)
	s.settle()
	s.v.TurnTo(25)
	s.v.Tick()
	im := s.w.Canvas().Capture()
	v := s.v.Viewport()
	for sy := 10; sy < 190; sy += 9 {
		for sx := 10; sx < 290; sx += 9 {
			want := waves(v.L0FromS(float64(sx), float64(sy)))
			if got := color.NRGBAModel.Convert(im.At(sx, sy)).(color.NRGBA); off(got, color.NRGBA(want)) > 12 {
				t.Fatalf("(%d,%d) is %v, want about %v", sx, sy, got, want)
			}
		}
	}
}

// A part that cannot be read is marked, told once, and does not stop the rest.
func TestViewer_Tilt_tornTile(t *testing.T) {
	s := newStage(t, newFakeSlide(3000, 2000, 256, pink), 300, 200)
	s.bare()
	var told []error
	s.v.OnProblem = func(err error) { told = append(told, err) }
	for i, l := range s.src.slide.levels {
		side := 256 * l.Downsample
		s.src.bad[tiles.Key{Level: i, Col: int(1500 / side), Row: int(1000 / side)}] = errTorn
	}
	s.v.TurnTo(20)
	s.v.CenterOn(annotate.Point{X: 1500, Y: 1000}, 1)
	s.settle()
	if len(told) != 1 {
		t.Errorf("told %d times: %v", len(told), told)
	}
}

func TestViewer_TurnTo_thereAndBack(t *testing.T) {
	s := newStage(t, newFakeSlide(3000, 2000, 256, pink), 300, 200)
	s.v.CenterOn(annotate.Point{X: 1500, Y: 1000}, 1)
	before := s.v.Viewport()
	for _, mirrored := range []bool{false, true} {
		for range 97 {
			s.v.TurnBy(3.7)
		}
		for range 97 {
			s.v.TurnBy(-3.7)
		}
		if got := s.v.Viewport(); got.Angle() != before.Angle() || got.CX != before.CX || got.CY != before.CY || got.Scale != before.Scale {
			t.Errorf("there and back: %+v, want %+v", got, before)
		}
		s.v.Orient(33, mirrored)
		if a, m := s.v.Orientation(); a != 33 || m != mirrored {
			t.Errorf("oriented to 33° %v: %g° %v", mirrored, a, m)
		}
		x, y := s.v.Viewport().L0FromS(200, 100) // right of the middle
		s.v.TurnBy(30)
		if sx, sy := s.v.Viewport().SFromL0(x, y); math.Hypot(sx-150-50*math.Cos(math.Pi/6), sy-100-25) > 1e-6 {
			t.Errorf("mirrored %v: 30° to the right took it to (%g,%g)", mirrored, sx, sy)
		}
		s.v.Orient(0, true)
		before = s.v.Viewport()
	}
}

// Goroutines end, and the tiles of an angle that is gone are not kept.
func TestTilted_ends(t *testing.T) {
	before := runtime.NumGoroutine()
	s := newStage(t, newFakeSlide(3000, 2000, 256, pink), 300, 200)
	for angle := 1.0; angle < 40; angle++ {
		s.v.TurnTo(angle)
		s.v.Tick()
		s.src.deliver(1000)
		s.v.Tick()
	}
	was := s.v.tileLayer.tilted
	s.v.TurnTo(0)
	s.settle()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+2 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+2 {
		t.Errorf("%d goroutines, %d before", n, before)
	}
	if len(was.made) != 0 || s.v.tileLayer.tilted != nil {
		t.Errorf("%d tiles of an angle that is gone", len(was.made))
	}
}

func BenchmarkTilted_make(b *testing.B) {
	slide := newFakeSlide(4096, 4096, 256, pink)
	src := newFakeSource(slide)
	p := newTilted(src, PlaneOf(30), true)
	x, y := p.at(1500, 1500)
	k := tiles.Key{Level: tiltedDeep, Col: int(x/p.zoom) / tiltedTile, Row: int(y/p.zoom) / tiltedTile}
	p.Want([]tiles.Key{k})
	src.deliver(1000)
	j, ok := p.gather(k)
	if !ok {
		b.Fatal("not all there")
	}
	var painter tiltPainter
	b.ReportAllocs()
	b.SetBytes(4 * tiltedTile * tiltedTile)
	for b.Loop() {
		p.make(&painter, j)
	}
}

func BenchmarkBackdrop(b *testing.B) {
	slide := newFakeSlide(8192, 8192, 256, waves)
	s := newStage(b, slide, 1280, 800)
	s.v.CenterOn(annotate.Point{X: 4000, Y: 4000}, 0.5)
	s.settle()
	v := s.v.Viewport().WithAngle(30)
	d := newBackdrop()
	b.ReportAllocs()
	for b.Loop() {
		if d.update(v, s.src, 1) == nil {
			b.Fatal("nothing")
		}
	}
}

// BenchmarkFrame is what a frame of a pan costs the window's goroutine, all tiles
// being there, upright, turned by a quarter and tilted.
func BenchmarkFrame(b *testing.B) {
	for _, angle := range []float64{0, 90, 30} {
		b.Run(fmt.Sprintf("%g°", angle), func(b *testing.B) {
			s := newStage(b, newFakeSlide(16384, 16384, 256, pink), 1280, 800)
			s.v.TurnTo(angle)
			s.v.CenterOn(annotate.Point{X: 8000, Y: 8000}, 0.7)
			s.settle()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				s.v.view = s.v.view.Panned([]float64{3, -3}[i/40%2], 0)
				s.v.touch()
				s.frame()
			}
		})
	}
}

// BenchmarkTilted_view is all tiles of a window of 1280 × 800 at a new angle, as
// the workers beside the window make them.
func BenchmarkTilted_view(b *testing.B) {
	s := newStage(b, newFakeSlide(16384, 16384, 256, pink), 1280, 800)
	s.v.CenterOn(annotate.Point{X: 8000, Y: 8000}, 0.7)
	s.v.TurnTo(30)
	s.settle()
	t := s.v.tileLayer.tilted
	var jobs []tiltedJob
	for _, k := range s.v.tileLayer.fine {
		if j, ok := t.gather(k); ok {
			jobs = append(jobs, j)
		}
	}
	if len(jobs) < 20 {
		b.Fatalf("%d tiles", len(jobs))
	}
	var p tiltPainter
	b.ReportAllocs()
	b.ReportMetric(float64(len(jobs)), "tiles/op")
	for b.Loop() {
		for _, j := range jobs {
			t.make(&p, j)
		}
	}
}
