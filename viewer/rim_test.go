package viewer

import (
	"image"
	"image/color"
	"testing"

	"fyne.io/fyne/v2/canvas"

	"coverslip/annotate"
	"coverslip/tiles"
)

// digits is a slide on which every pixel has a colour of its own.
func digits(l0X, l0Y float64) color.RGBA {
	x, y := int(l0X), int(l0Y)
	return color.RGBA{R: uint8(x), G: uint8(y), B: uint8(x/256*16 + y/256), A: 255}
}

// A tile that is magnified carries its neighbours' pixels around it; where there is
// no slide the rim is clear, and outermost it always is.
func TestTileLayer_rims(t *testing.T) {
	s := newStage(t, newFakeSlide(1000, 700, 256, digits), 1400, 900)
	s.v.CenterOn(annotate.Point{X: 500, Y: 350}, 1.3)
	s.settle()
	seen := 0
	for k, it := range s.v.tileLayer.pool.items {
		if k.Level != 0 || it.rim == 0 {
			continue
		}
		im, ok := it.im.Image.(*image.RGBA)
		if !ok || it.rim != s.v.tileLayer.rimWhole(k) {
			t.Fatalf("%v: rim %b of %b", k, it.rim, s.v.tileLayer.rimWhole(k))
		}
		seen++
		at := s.src.slide.levels[0].TileRect(k.Col, k.Row)
		for y := range im.Rect.Dy() {
			for x := range im.Rect.Dx() {
				l0X, l0Y := at.Min.X+x-rimWidth, at.Min.Y+y-rimWidth
				want := color.RGBA{}
				outer := x == 0 || y == 0 || x == im.Rect.Dx()-1 || y == im.Rect.Dy()-1
				if !outer && image.Pt(l0X, l0Y).In(image.Rect(0, 0, 1000, 700)) {
					want = digits(float64(l0X)+0.5, float64(l0Y)+0.5)
				}
				if got := im.RGBAAt(x, y); got != want {
					t.Fatalf("%v: (%d,%d) of its picture is %v, want %v", k, x, y, got, want)
				}
			}
		}
	}
	if seen != 12 {
		t.Errorf("%d tiles with a rim, want 12", seen)
	}
}

// A neighbour that comes late is taken into the rim; until then the tile's own edge
// stands in for it.
func TestTileLayer_rimComesLate(t *testing.T) {
	s := newStage(t, newFakeSlide(1000, 700, 256, digits), 300, 200)
	late := tiles.Key{Col: 2, Row: 1}
	s.src.bad[late] = errTorn
	s.v.CenterOn(annotate.Point{X: 500, Y: 380}, 1.5)
	s.settle()
	k := tiles.Key{Col: 1, Row: 1}
	right := func() color.RGBA {
		return s.v.tileLayer.pool.items[k].im.Image.(*image.RGBA).RGBAAt(256+rimWidth, 100)
	}
	if want := digits(511.5, 256+98.5); right() != want {
		t.Errorf("beside a missing tile %v, want the own edge %v", right(), want)
	}
	s.src.mu.Lock()
	delete(s.src.bad, late)
	s.src.mu.Unlock()
	s.v.touch()
	s.settle()
	if want := digits(512.5, 256+98.5); right() != want {
		t.Errorf("when it came %v, want %v", right(), want)
	}
}

func TestViewer_SetCrisp(t *testing.T) {
	s := newStage(t, newFakeSlide(1000, 700, 256, digits), 300, 200)
	s.v.CenterOn(annotate.Point{X: 500, Y: 380}, 3)
	k := tiles.Key{Col: 1, Row: 1}
	for _, crisp := range []bool{true, false, true} {
		s.v.SetCrisp(crisp)
		s.settle()
		it := s.v.tileLayer.pool.items[k]
		if squares := it.im.ScaleMode == canvas.ImageScalePixels; squares != crisp || s.v.Crisp() != crisp {
			t.Errorf("crisp %v: squares %v", crisp, squares)
		}
		if !crisp && it.rim == 0 {
			t.Error("smooth and without a rim")
		}
	}
	s.v.TurnTo(10)
	s.settle()
	if !s.v.tileLayer.tilted.crisp {
		t.Error("tilted pixels are not crisp")
	}
	s.v.SetCrisp(false)
	s.settle()
	if s.v.tileLayer.tilted.crisp {
		t.Error("tilted pixels stay crisp")
	}
}

func BenchmarkRim(b *testing.B) {
	s := newStage(b, newFakeSlide(1000, 700, 256, digits), 300, 200)
	s.v.CenterOn(annotate.Point{X: 400, Y: 380}, 1.5)
	s.settle()
	k := tiles.Key{Col: 1, Row: 1}
	img, ok := s.src.Get(k)
	if !ok {
		b.Fatal("not there")
	}
	whole := s.v.tileLayer.rimWhole(k)
	b.ReportAllocs()
	for b.Loop() {
		s.v.tileLayer.withRim(k, img, whole, s.v.tileLayer.rimThere(k, whole))
	}
}
