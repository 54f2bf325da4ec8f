package viewer

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/vector"
)

// fillOf rasterises a polygon on a tile with ours.
func fillOf(pts []pixel, w, h int) *image.RGBA {
	var r raster
	r.begin(0, 0, w, h)
	for i, a := range pts {
		b := pts[(i+1)%len(pts)]
		r.edge(a.x, a.y, b.x, b.y)
	}
	im := image.NewRGBA(image.Rect(0, 0, w, h))
	r.paint(im, ink{255, 255, 255, 1}, ink{})
	return im
}

// TestRaster_edge_againstVector compares areas with the rasteriser of
// golang.org/x/image, also for shapes that reach far beyond the tile.
func TestRaster_edge_againstVector(t *testing.T) {
	pictures(t)
	r := rand.New(rand.NewPCG(5, 6))
	const w, h = 520, 48 // above 512 the other one counts in floats
	for n := range 400 {
		reach := []float64{1, 3, 20}[n%3]
		pts := make([]pixel, 3+r.IntN(6))
		for i := range pts {
			// A star-shaped outline about the middle does not cross itself, so
			// winding rules agree.
			a := 2 * math.Pi * (float64(i) + 0.8*r.Float64()) / float64(len(pts))
			d := reach * (5 + 30*r.Float64())
			pts[i] = pixel{w/2 + d*math.Cos(a), h/2 + d*math.Sin(a)}
		}
		z := vector.NewRasterizer(w, h)
		z.MoveTo(float32(pts[0].x), float32(pts[0].y))
		for _, p := range pts[1:] {
			z.LineTo(float32(p.x), float32(p.y))
		}
		z.ClosePath()
		want := image.NewRGBA(image.Rect(0, 0, w, h))
		z.Draw(want, want.Rect, image.NewUniform(color.White), image.Point{})
		got := fillOf(pts, w, h)
		for y := range h {
			for x := range w {
				g, v := int(got.RGBAAt(x, y).A), int(want.RGBAAt(x, y).A)
				if d := g - v; d > 3 || d < -3 {
					t.Fatalf("polygon %d %v: pixel (%d,%d) is %d, want %d", n, pts, x, y, g, v)
				}
			}
		}
	}
}

// TestRaster_edge_area checks coverage against the exact area.
func TestRaster_edge_area(t *testing.T) {
	pts := []pixel{{3.25, 2.5}, {20.75, 2.5}, {20.75, 11.125}, {3.25, 11.125}}
	im := fillOf(pts, 32, 16)
	sum := 0.0
	for i := 3; i < len(im.Pix); i += 4 {
		sum += float64(im.Pix[i]) / 255
	}
	if want := 17.5 * 8.625; math.Abs(sum-want) > 0.2 {
		t.Errorf("covers %g pixels, want %g", sum, want)
	}
	if a := im.RGBAAt(10, 5).A; a != 255 {
		t.Errorf("inside is %d", a)
	}
	if a := im.RGBAAt(3, 5).A; a < 189 || a > 193 {
		t.Errorf("the left edge covers three quarters of a pixel: %d", a)
	}
}

func TestRaster_begin_offset(t *testing.T) {
	pts := []pixel{{40, 30}, {60, 30}, {60, 44}, {40, 44}}
	var r raster
	r.begin(38, 28, 62, 46)
	for i, a := range pts {
		b := pts[(i+1)%len(pts)]
		r.edge(a.x, a.y, b.x, b.y)
	}
	part := image.NewRGBA(image.Rect(0, 0, 64, 48))
	r.paint(part, ink{255, 255, 255, 1}, ink{})
	if whole := fillOf(pts, 64, 48); string(whole.Pix) != string(part.Pix) {
		t.Error("a shape painted in its own box differs from one painted in the whole tile")
	}
}

// TestRaster_stroke checks the width of lines in several directions by their
// area.
func TestRaster_stroke(t *testing.T) {
	for _, end := range []pixel{{100, 50}, {50, 100}, {90, 85}, {12, 77}} {
		var r raster
		r.begin(0, 0, 128, 128)
		const half = 1.5
		start := pixel{30, 30}
		r.stroke(start.x, start.y, end.x, end.y, half)
		im := image.NewRGBA(image.Rect(0, 0, 128, 128))
		r.paint(im, ink{}, ink{255, 255, 255, 1})
		sum := 0.0
		for i := 3; i < len(im.Pix); i += 4 {
			sum += float64(im.Pix[i]) / 255
		}
		want := 2*half*math.Hypot(end.x-start.x, end.y-start.y) + math.Pi*half*half
		if math.Abs(sum-want) > 0.02*want {
			t.Errorf("to %v: covers %g, want %g", end, sum, want)
		}
	}
}

func TestRaster_over(t *testing.T) {
	im := image.NewRGBA(image.Rect(0, 0, 1, 1))
	over(im.Pix, ink{200, 100, 0, 1}, 0.5)
	over(im.Pix, ink{0, 100, 250, 1}, 0.25)
	want := image.NewRGBA(im.Rect)
	draw.DrawMask(want, want.Rect, image.NewUniform(color.NRGBA{200, 100, 0, 255}), image.Point{}, image.NewUniform(color.Alpha{128}), image.Point{}, draw.Over)
	draw.DrawMask(want, want.Rect, image.NewUniform(color.NRGBA{0, 100, 250, 255}), image.Point{}, image.NewUniform(color.Alpha{64}), image.Point{}, draw.Over)
	for i := range 4 {
		if d := int(im.Pix[i]) - int(want.Pix[i]); d > 2 || d < -2 {
			t.Fatalf("composed %v, image/draw says %v", im.Pix, want.Pix)
		}
	}
}

func TestClip(t *testing.T) {
	a, b, ok := clip(pixel{-10, 5}, pixel{30, 5}, 0, 0, 20, 10)
	if !ok || a != (pixel{0, 5}) || b != (pixel{20, 5}) {
		t.Errorf("got %v %v %v", a, b, ok)
	}
	for _, l := range [][2]pixel{{{-5, -5}, {-1, 20}}, {{0, 30}, {20, 11}}, {{25, 0}, {21, 10}}} {
		if _, _, ok := clip(l[0], l[1], 0, 0, 20, 10); ok {
			t.Errorf("%v is outside", l)
		}
	}
	if _, _, ok := clip(pixel{math.NaN(), 0}, pixel{1, 1}, 0, 0, 20, 10); ok {
		t.Error("a line from nowhere is inside")
	}
}

func BenchmarkRaster_polygon(b *testing.B) {
	b.ReportAllocs()
	var r raster
	im := image.NewRGBA(image.Rect(0, 0, 256, 256))
	pts := make([]pixel, 110)
	for i := range pts {
		a := 2 * math.Pi * float64(i) / float64(len(pts))
		pts[i] = pixel{100 + 40*math.Cos(a), 100 + 30*math.Sin(a)}
	}
	for b.Loop() {
		r.begin(55, 65, 145, 135)
		for i, p := range pts {
			q := pts[(i+1)%len(pts)]
			r.edge(p.x, p.y, q.x, q.y)
			r.stroke(p.x, p.y, q.x, q.y, 1)
		}
		r.paint(im, ink{200, 30, 30, 0.25}, ink{200, 30, 30, 1})
	}
}
