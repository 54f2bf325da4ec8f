package ometiff_test

import (
	"context"
	"image"
	"path/filepath"
	"slices"
	"testing"

	"coverslip/tiles/formats"
	"coverslip/tiles/tiffwrite"
)

// A small slide whose macro image is larger than itself must still open as the
// slide.
func TestOpenOME_MacroLargerThanSlide(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.ome.tif")
	o := tiffwrite.Options{Width: 300, Height: 200, TileSize: 64, Layout: tiffwrite.OME, MPP: 0.5,
		Associated: func(*image.RGBA) (label, macro *image.RGBA) {
			return image.NewRGBA(image.Rect(0, 0, 100, 90)), image.NewRGBA(image.Rect(0, 0, 1280, 431))
		}}
	grey := func(_ context.Context, _, _ int, dst *image.RGBA) error {
		for i := range dst.Pix {
			dst.Pix[i] = 200
		}
		return nil
	}
	if err := tiffwrite.Write(context.Background(), path, o, grey); err != nil {
		t.Fatal(err)
	}
	s, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if l := s.Levels()[0]; l.Width != 300 || l.Height != 200 || s.Info().MPPX != 0.5 {
		t.Errorf("opens as %d×%d, MPP %v", l.Width, l.Height, s.Info().MPPX)
	}
	if got := s.Info().Associated; !slices.Equal(got, []string{"label", "macro"}) {
		t.Errorf("associated images %v", got)
	}
}
