package modeltest

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"

	"coverslip/models"
)

var _ models.Encoder = (*Encoder)(nil)

func plain(size int, c color.RGBA) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

func TestEncoder_Encode_TellsColoursApart(t *testing.T) {
	e := New()
	pink, purple := color.RGBA{230, 150, 190, 255}, color.RGBA{110, 70, 150, 255}
	v, err := e.Encode(context.Background(), []*image.RGBA{plain(32, pink), plain(64, pink), plain(32, purple), plain(8, color.RGBA{})})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range v {
		if len(x) != Dim || math.Abs(float64(models.Dot(x, x))-1) > 1e-5 {
			t.Errorf("vector %d has length %d and square %v", i, len(x), models.Dot(x, x))
		}
	}
	if same, other := models.Dot(v[0], v[1]), models.Dot(v[0], v[2]); same < 0.999 || other > 0.8 {
		t.Errorf("cosine to the same colour %v, to another %v", same, other)
	}
	white, err := e.Encode(context.Background(), []*image.RGBA{plain(8, color.RGBA{255, 255, 255, 255})})
	if err != nil || models.Dot(white[0], v[3]) < 0.9999 {
		t.Errorf("outside the slide is not white glass: %v, %v", v[3], err)
	}
}

func TestEncoder_Encode_Refuses(t *testing.T) {
	e := New()
	if _, err := e.Encode(context.Background(), []*image.RGBA{image.NewRGBA(image.Rect(0, 0, 4, 5))}); !errors.Is(err, models.ErrPatch) {
		t.Errorf("oblong patch: %v", err)
	}
	boom := errors.New("boom")
	e.Fail = func(call int) error {
		if call == 2 {
			return boom
		}
		return nil
	}
	if _, err := e.Encode(context.Background(), nil); err != nil {
		t.Error(err)
	}
	if _, err := e.Encode(context.Background(), nil); !errors.Is(err, boom) {
		t.Errorf("Fail: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(context.Background(), nil); !errors.Is(err, models.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if calls, patches := e.Calls(); calls != 4 || patches != 1 {
		t.Errorf("%d calls, %d patches", calls, patches)
	}
}
