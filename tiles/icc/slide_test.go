package icc

import (
	"context"
	"image"
	"image/color"
	"strings"
	"testing"

	"coverslip/tiles"
)

// patch is a slide of one tile of one colour.
type patch struct {
	tiles.Slide
	profile []byte
	missing bool
}

func (p *patch) ICC() []byte       { return p.profile }
func (p *patch) Info() *tiles.Info { return &tiles.Info{Format: "patch"} }
func (p *patch) ReadTile(_ context.Context, _ tiles.Key, dst *image.RGBA) error {
	tiles.Fill(dst, color.NRGBA{R: 200, G: 100, B: 50, A: 255})
	if p.missing {
		return tiles.ErrMissing
	}
	return nil
}
func (p *patch) AssociatedImage(context.Context, string) (*image.RGBA, error) {
	m := image.NewRGBA(image.Rect(0, 0, 3, 3))
	return m, p.ReadTile(context.Background(), tiles.Key{}, m)
}

func TestCorrected(t *testing.T) {
	want := known["gamma 1.8"][3] // of (200, 100, 50)
	s, c := Corrected(&patch{profile: shaper(2, curv(461))})
	if !c.Applied || c.Profile != "Scanner of a test" || c.String() != "Scanner of a test, shown as sRGB" {
		t.Errorf("colour %+v: %s", c, c)
	}
	if s.Info().Properties[Property] != c.String() || s.ICC() != nil {
		t.Errorf("properties %v, profile of %d bytes", s.Info().Properties, len(s.ICC()))
	}
	tile := image.NewRGBA(image.Rect(0, 0, 4, 4))
	if err := s.ReadTile(context.Background(), tiles.Key{}, tile); err != nil {
		t.Fatal(err)
	}
	label, err := s.AssociatedImage(context.Background(), "label")
	if err != nil {
		t.Fatal(err)
	}
	for k, w := range want {
		if got := float64(tile.Pix[k]); got < w-1.6 || got > w+1.6 || label.Pix[k] != tile.Pix[k] {
			t.Errorf("component %d: tile %v, associated image %v, want %v", k, got, label.Pix[k], w)
		}
	}
	s, _ = Corrected(&patch{profile: shaper(2, curv(461)), missing: true})
	if err := s.ReadTile(context.Background(), tiles.Key{}, tile); err != tiles.ErrMissing || tile.Pix[0] != 200 {
		t.Errorf("a missing tile: %v, %v", err, tile.Pix[:4])
	}
}

// island is a slide that was scanned left of x = 2 only.
type island struct{ *patch }

func (p island) ReadScanned(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	for y := range r.Dy() {
		for x := range r.Dx() {
			if c := (color.RGBA{R: 200, G: 100, B: 50, A: 255}); r.Min.X+x < 2 {
				dst.SetRGBA(x, y, c)
			}
		}
	}
	return nil
}

// What was not scanned stays transparent in other colours.
func TestCorrected_Scanned(t *testing.T) {
	s, _ := Corrected(island{&patch{profile: shaper(2, curv(461))}})
	got, whole := image.NewRGBA(image.Rect(0, 0, 4, 1)), image.NewRGBA(image.Rect(0, 0, 4, 1))
	if err := s.(tiles.ScannedReader).ReadScanned(t.Context(), tiles.Key{}, got.Rect, got); err != nil {
		t.Fatal(err)
	}
	if err := s.ReadTile(t.Context(), tiles.Key{}, whole); err != nil {
		t.Fatal(err)
	}
	if got.RGBAAt(1, 0) != whole.RGBAAt(1, 0) || got.RGBAAt(2, 0) != (color.RGBA{}) {
		t.Errorf("got %v, a tile has %v", got.Pix, whole.Pix)
	}
	if s, _ := Corrected(&patch{profile: shaper(2, curv(461))}); s != nil {
		if _, ok := s.(tiles.ScannedReader); ok {
			t.Error("a slide of whole tiles claims to know what was scanned")
		}
	}
}

func TestCorrected_LeavesAlone(t *testing.T) {
	for name, c := range map[string]struct {
		profile []byte
		want    string
	}{
		"none":    {nil, "no colour profile"},
		"sRGB":    {sRGB(4), "sRGB IEC61966-2.1 (is sRGB)"},
		"damaged": {sRGB(4)[:60], "colour profile left out: a profile of 60 bytes"},
	} {
		in := &patch{profile: c.profile}
		s, colour := Corrected(in)
		if s != tiles.Slide(in) || colour.Applied || !strings.HasPrefix(colour.String(), c.want) {
			t.Errorf("%s: %v, applied %v", name, colour, colour.Applied)
		}
	}
}
