package aperio_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

func openBytes(t *testing.T, data []byte) tiles.Slide {
	t.Helper()
	s, err := formats.OpenSource(context.Background(), tiles.NewSource("made.svs", bytes.NewReader(data), int64(len(data))), codec.Default())
	if err != nil {
		t.Fatal(err)
	}
	if s.Info().Format != "aperio" || len(s.Levels()) < 2 {
		t.Fatalf("%s of %d levels", s.Info().Format, len(s.Levels()))
	}
	return s
}

// A tile of zero length in a lower level is made from the finer one.
func TestSlide_RepairsMissingTiles(t *testing.T) {
	good := slidetest.Good(t, tiffwrite.Aperio, false)
	const lower = 2 // directory of level 1: after level 0 and the thumbnail
	holed := openBytes(t, slidetest.Edit(t, good).Directory(lower).Element(325, 0).Data)
	whole := openBytes(t, good)
	k := tiles.Key{Level: 1}
	size := whole.Levels()[1].TileRect(0, 0).Size()
	want, got := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
	if err := whole.ReadTile(context.Background(), k, want); err != nil {
		t.Fatal(err)
	}
	if err := holed.ReadTile(context.Background(), k, got); err != nil {
		t.Fatal(err)
	}
	var sum int
	for i := range got.Pix {
		d := int(got.Pix[i]) - int(want.Pix[i])
		sum += max(d, -d)
	}
	if mean := float64(sum) / float64(len(got.Pix)); mean > 6 { // JPEG twice against once
		t.Errorf("the made tile differs by %.1f on average", mean)
	}
	// Where the finer level has nothing either, the tile is missing.
	gone := slidetest.Edit(t, good)
	at := gone.Where(325)
	for i := range whole.Levels()[0].Cols() * whole.Levels()[0].Rows() {
		gone.Put(at+4*i, 0, 0, 0, 0)
	}
	empty := openBytes(t, gone.Directory(lower).Element(325, 0).Data)
	if err := empty.ReadTile(context.Background(), k, got); !errors.Is(err, tiles.ErrMissing) || got.Pix[0] != 255 {
		t.Errorf("nothing below: %v", err)
	}
}
