package planar

import (
	"context"
	"errors"
	"image"
	"image/color"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiff"
)

// grid is a level whose samples tell their place; the tile (1,1) was never
// stored.
type grid struct {
	level tiles.Level
	bad   error // what the tile (0,1) answers
}

func (g grid) Level() tiles.Level { return g.level }

func (g grid) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return g.ReadPlane(ctx, col, row, tiles.Plane{}, &tiles.Raster{Width: dst.Rect.Dx(), Height: dst.Rect.Dy(), RGBA: dst})
}

func (g grid) ReadPlane(_ context.Context, col, row int, p tiles.Plane, dst *tiles.Raster) error {
	if col == 1 && row == 1 {
		return tiles.ErrMissing
	}
	if col == 0 && row == 1 && g.bad != nil {
		return g.bad
	}
	r := g.level.TileRect(col, row)
	for i := range dst.Width * dst.Height {
		v := r.Min.X + i%dst.Width + 2*(r.Min.Y+i/dst.Width) + 10*p.Channel + 20*p.Z + 30*p.T
		if dst.RGBA == nil {
			dst.Uint16[i] = uint16(v)
			continue
		}
		dst.RGBA.SetRGBA(dst.RGBA.Rect.Min.X+i%dst.Width, dst.RGBA.Rect.Min.Y+i/dst.Width, color.RGBA{R: byte(v), A: 255})
	}
	return nil
}

// parts are those of a slide of two levels.
func parts(bad error) tiff.Parts {
	p := tiff.Parts{Source: tiles.NewSource("a", strings.NewReader("file"), 4),
		Info: tiles.Info{Format: "test", Vendor: "Test", Properties: map[string]string{"openslide.vendor": "test"}}}
	for i := range 2 {
		p.Levels = append(p.Levels, grid{tiles.Level{Width: 300 >> i, Height: 200 >> i, TileWidth: 128, TileHeight: 64}, bad})
	}
	return p
}

func TestSlide_Conformance(t *testing.T) {
	for name, st := range map[string]tiles.Stack{
		"channels":   {Channels: []tiles.Channel{{Bits: 8}, {Bits: 16, Low: 5, High: 900}}, Z: 3, T: 2, DefaultZ: 1},
		"one grey":   {Channels: []tiles.Channel{{Bits: 16}}},
		"focal only": {InColor: true, Z: 4},
	} {
		t.Run(name, func(t *testing.T) {
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar {
				s, err := New(parts(nil), st)
				if err != nil {
					t.Fatal(err)
				}
				return s.(tiles.Planar)
			})
		})
	}
}

// A slide in colour of one plane offers no choice.
func TestNew_Flat(t *testing.T) {
	s, err := New(parts(nil), tiles.Stack{InColor: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.(tiles.Planar); ok || s.Info().Channels[0] != "R" {
		t.Errorf("%T %v", s, s.Info().Channels)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A bad plane is an error of its tile alone.
func TestSlide_BadTile(t *testing.T) {
	bad := errors.New("bad")
	s, err := New(parts(bad), tiles.Stack{Channels: []tiles.Channel{{Bits: 16}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := s.(tiles.Planar)
	r := p.Stack().Channels[0].Raster(128, 64)
	var te *tiles.TileError
	k := tiles.Key{Row: 1}
	if err := p.ReadPlane(context.Background(), k, tiles.Plane{}, r); !errors.As(err, &te) || te.Key != k || !errors.Is(err, bad) {
		t.Errorf("%v", err)
	}
	if err := p.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{}, r); err != nil || r.Uint16[130] != 4 {
		t.Errorf("%v, %d", err, r.Uint16[130])
	}
}
