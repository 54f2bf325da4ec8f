package viewer

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/tiles"
)

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
	pictures(t)
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
	pictures(t)
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
	rough := slices.IndexFunc(s.src.wish, func(k tiles.Key) bool { return k.Level == 0 })
	if rough < 1 || rough > 4 {
		t.Errorf("%d wishes come before the first fine tile, want the few of a rough picture", rough)
	}
	first := s.src.wish[max(rough, 0)]
	if first.Level != 0 || first.Col != 78 || first.Row != 58 {
		t.Errorf("the first wish is %+v, want the tile in the middle next", first)
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
	pictures(t)
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
	if want := room(4*800*600, 4*256*256); p.limit != want || p.bytes > want+uploadPerFrame {
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
	s.look()
	wants := s.src.wants
	for range 30 {
		s.frame()
	}
	if s.src.wants != wants || s.v.clock.running {
		t.Error("an idle viewer keeps working")
	}
}

// TestViewer_denseDisplay checks that a display with two device pixels to a
// Fyne unit shows device pixels, and that the mouse is where it is.
func TestViewer_denseDisplay(t *testing.T) {
	s := newStage(t, newFakeSlide(3000, 2000, 256, waves), 300, 200)
	s.bare()
	c, ok := s.w.Canvas().(interface{ SetScale(float32) })
	if !ok {
		t.Fatal("the test canvas cannot be scaled")
	}
	c.SetScale(2)
	s.v.CenterOn(annotate.Point{X: 1500, Y: 1000}, 1)
	s.frame()
	if v := s.v.Viewport(); v.W != 600 || v.H != 400 {
		t.Fatalf("%d×%d device pixels", v.W, v.H)
	}
	im := s.picture()
	for y := 0; y < 400; y += 3 {
		for x := 0; x < 600; x += 3 {
			want := waves(float64(1500-300+x)+0.5, float64(1000-200+y)+0.5)
			if d := off(im.NRGBAAt(x, y), color.NRGBA(want)); d > 0 {
				t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, im.NRGBAAt(x, y), want)
			}
		}
	}
	var at annotate.Point
	s.v.OnHover = func(p annotate.Point, _ bool) { at = p }
	s.v.MouseMoved(mouse(150, 110))
	if at != (annotate.Point{X: 1500, Y: 1020}) {
		t.Errorf("the mouse is at %v", at)
	}
}
