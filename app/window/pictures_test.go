package window

import (
	"context"
	"path/filepath"
	"testing"

	"coverslip/annotate"
	"coverslip/tiles/formats"
)

// The crop of a square within one band is opaque and averages the band's noise
// away: sampling single pixels would leave ±15 of it, even where it is reduced
// fourfold.
func TestCropOf_AveragesTheSquare(t *testing.T) {
	s, err := formats.Open(context.Background(), writeSlide(t, filepath.Join(t.TempDir(), "slide.svs")))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const side = 300 // reduced from level 0: the pyramid's next step is too coarse
	im := cropOf(s, annotate.Box{MinX: 40, MinY: 200, MaxX: 40 + side, MaxY: 200 + side}, cropSide, 1)
	if im.Rect.Dx() != cropSide || im.Rect.Dy() != cropSide || im.Stride != 4*cropSide {
		t.Fatalf("%v, stride %d", im.Rect, im.Stride)
	}
	far := 0
	for y := range cropSide {
		for x := range cropSide {
			c, want := im.RGBAAt(x, y), bandColors[0]
			if c.A != 255 {
				t.Fatalf("(%d,%d) has alpha %d", x, y, c.A)
			}
			if d := int(c.R) - int(want.R); d > 12 || d < -12 {
				far++
			}
		}
	}
	if far > cropSide*cropSide/10 {
		t.Errorf("%d of %d pixels are more than 12 from the band's colour", far, cropSide*cropSide)
	}
}
