package tiles

import (
	"context"
	"image"
	"image/color"
	"math"
	"testing"
)

// rampSlide is a slide whose red grows by one each 4 pixels to the right and
// whose green by one each 4 pixels down, on each level.
type rampSlide struct {
	Slide
	levels []Level
}

func newRamp(w, h int) *rampSlide {
	s := &rampSlide{}
	for d := 1; ; d *= 2 {
		s.levels = append(s.levels, Level{Width: w / d, Height: h / d, Downsample: float64(d), TileWidth: 64, TileHeight: 64})
		if w/d <= 64 {
			return s
		}
	}
}

func (s *rampSlide) Info() *Info     { return &Info{Background: color.NRGBA{255, 255, 255, 255}} }
func (s *rampSlide) Levels() []Level { return s.levels }

func (s *rampSlide) read(_ context.Context, k Key) (*image.RGBA, error) {
	l := s.levels[k.Level]
	r := l.TileRect(k.Col, k.Row)
	im := image.NewRGBA(image.Rectangle{Max: r.Size()})
	for y := range r.Dy() {
		for x := range r.Dx() {
			px, py := (float64(r.Min.X+x)+0.5)*l.Downsample, (float64(r.Min.Y+y)+0.5)*l.Downsample
			im.SetRGBA(x, y, color.RGBA{uint8(px / 4), uint8(py / 4), 9, 255})
		}
	}
	return im, nil
}

// TestLaid_Places: a pixel of the lower slide shows what the map puts there, at
// every level, turned, scaled and shifted; beyond the other slide it is clear.
func TestLaid_Places(t *testing.T) {
	base, over := newRamp(1024, 768), newRamp(1000, 800)
	for name, m := range map[string][6]float64{
		"as it is":  {1, 0, 0, 0, 1, 0},
		"shifted":   {1, 0, 120.5, 0, 1, -64.25},
		"turned":    {0, -1, 800, 1, 0, 0},
		"by 30°":    {0.866, -0.5, 300, 0.5, 0.866, -50},
		"mirrored":  {-1, 0, 900, 0, 1, 0},
		"half size": {0.5, 0, 0, 0, 0.5, 0},
		"doubled":   {2, 0, -100, 0, 2, 30},
	} {
		s := Laid(base, over, m, over.read)
		for level, l := range s.Levels() {
			for row := range l.Rows() {
				for col := range l.Cols() {
					r := l.TileRect(col, row)
					dst := image.NewRGBA(image.Rectangle{Max: r.Size()})
					for i := range dst.Pix {
						dst.Pix[i] = 77 // what was there before must not stay
					}
					if err := s.ReadTile(t.Context(), Key{level, col, row}, dst); err != nil {
						t.Fatal(err)
					}
					for y := 1; y < r.Dy(); y += 7 {
						for x := 1; x < r.Dx(); x += 7 {
							bx, by := (float64(r.Min.X+x)+0.5)*l.Downsample, (float64(r.Min.Y+y)+0.5)*l.Downsample
							ox, oy := m[0]*bx+m[1]*by+m[2], m[3]*bx+m[4]*by+m[5]
							got, room := dst.RGBAAt(x, y), 2*l.Downsample*math.Max(1, math.Hypot(m[0], m[3]))
							switch {
							case ox < -room || oy < -room || ox > 1000+room || oy > 800+room:
								if got.A != 0 {
									t.Fatalf("%s, level %d (%d,%d): %v outside the other slide", name, level, x, y, got)
								}
							case ox > room && oy > room && ox < 1000-room && oy < 800-room:
								if got.A != 255 || math.Abs(float64(got.R)-ox/4) > 1.5+room/8 || math.Abs(float64(got.G)-oy/4) > 1.5+room/8 {
									t.Fatalf("%s, level %d (%d,%d): %v, want %.1f %.1f", name, level, x, y, got, ox/4, oy/4)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestLaid_Refuses(t *testing.T) {
	base, over := newRamp(256, 256), newRamp(256, 256)
	s := Laid(base, over, [6]float64{1, 0, 0, 0, 1, 0}, over.read)
	if err := s.ReadTile(t.Context(), Key{Level: 9}, image.NewRGBA(image.Rect(0, 0, 64, 64))); err == nil {
		t.Error("a level that is not there was drawn")
	}
	if err := s.ReadTile(t.Context(), Key{}, image.NewRGBA(image.Rect(0, 0, 3, 3))); err == nil {
		t.Error("a tile was drawn into a picture of another size")
	}
	// A map that is not finite must not be followed.
	for _, m := range [][6]float64{{math.NaN(), 0, 0, 0, 1, 0}, {math.Inf(1), 0, 0, 0, 1, 0}, {1e300, 0, 0, 0, 1e300, 0}} {
		if err := Laid(base, over, m, over.read).ReadTile(t.Context(), Key{}, image.NewRGBA(image.Rect(0, 0, 64, 64))); err == nil && !(m[0] == 1e300) {
			t.Errorf("%v was followed", m)
		}
	}
}

func BenchmarkLaid_Turned(b *testing.B) {
	base, over := newRamp(2048, 2048), newRamp(2048, 2048)
	l := NewLoader(&rampReader{over}, nil, 1, nil)
	defer l.Close()
	s := Laid(base, over, [6]float64{0.866, -0.5, 300, 0.5, 0.866, -50}, l.Read)
	dst := image.NewRGBA(image.Rect(0, 0, 64, 64))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.ReadTile(b.Context(), Key{0, 8, 8}, dst); err != nil {
			b.Fatal(err)
		}
	}
}

// rampReader is rampSlide as a slide that can be read.
type rampReader struct{ *rampSlide }

func (r *rampReader) ReadTile(ctx context.Context, k Key, dst *image.RGBA) error {
	im, err := r.read(ctx, k)
	if err == nil {
		copyPixels(dst, im, image.Point{})
	}
	return err
}
