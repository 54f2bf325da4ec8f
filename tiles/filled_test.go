package tiles_test

import (
	"context"
	"errors"
	"image"
	"testing"

	"coverslip/tiles"
)

func readOne(s tiles.Slide, k tiles.Key) (*image.RGBA, error) {
	img := image.NewRGBA(image.Rectangle{Max: s.Levels()[k.Level].TileRect(k.Col, k.Row).Size()})
	return img, s.ReadTile(context.Background(), k, img)
}

func TestFilled_FromTheCoarserLevel(t *testing.T) {
	s := newFake(level(160, 160, 1), level(80, 80, 2), level(20, 20, 8))
	hole := tiles.Key{Col: 3, Row: 2}
	s.bad[hole] = tiles.ErrMissing
	img, err := readOne(tiles.Filled(s), hole)
	if !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("a filled tile says %v", err)
	}
	for _, p := range []image.Point{{0, 0}, {15, 15}, {7, 4}} {
		if got, want := img.RGBAAt(p.X, p.Y), pixel(1, (48+p.X)/2, (32+p.Y)/2); got != want {
			t.Errorf("pixel %v is %v, the coarser level has %v", p, got, want)
		}
	}
	// Missing there too: the next one.
	s.bad[tiles.Key{Level: 1, Col: 1, Row: 1}] = tiles.ErrMissing
	img, _ = readOne(tiles.Filled(s), hole)
	if got, want := img.RGBAAt(5, 6), pixel(2, (48+5)/8, (32+6)/8); got != want {
		t.Errorf("pixel is %v, level 2 has %v", got, want)
	}
	whole := tiles.Key{Col: 1}
	if img, err := readOne(tiles.Filled(s), whole); err != nil || img.RGBAAt(3, 3) != pixel(0, 19, 3) {
		t.Errorf("a stored tile: %v", err)
	}
}

func TestFilled_FromTheFinerLevel(t *testing.T) {
	s := newFake(level(160, 160, 1), level(40, 40, 4))
	hole := tiles.Key{Level: 1, Col: 2, Row: 0} // a tile of 8 by 16 at the edge
	s.bad[hole] = tiles.ErrMissing
	img, err := readOne(tiles.Filled(s), hole)
	if got, want := img.RGBAAt(1, 5), pixel(0, 33*4+2, 5*4+2); !errors.Is(err, tiles.ErrMissing) || got != want {
		t.Errorf("pixel is %v, the finer level has %v; %v", got, want, err)
	}
}

func TestFilled_BackgroundWhereNothingIs(t *testing.T) {
	s := newFake(level(64, 64, 1), level(16, 16, 4))
	s.bad[tiles.Key{Col: 1}], s.bad[tiles.Key{Level: 1}] = tiles.ErrMissing, tileError(tiles.Key{Level: 1})
	img, err := readOne(tiles.Filled(s), tiles.Key{Col: 1})
	if got := img.RGBAAt(4, 4); !errors.Is(err, tiles.ErrMissing) || got.R != 255 || got.B != 255 {
		t.Errorf("pixel is %v; %v", got, err)
	}
	// A hole in one level must not leave one in the levels that are made of it.
	s = newFake(level(1600, 1600, 1), level(100, 100, 16))
	for i := range 4 {
		s.bad[tiles.Key{Col: 10 + i%2, Row: 10 + i/2}] = tiles.ErrMissing
	}
	h := tiles.Halved(tiles.Filled(s))
	img, err = readOne(h, tiles.Key{Level: 1, Col: 5, Row: 5})
	if got := img.RGBAAt(8, 8); !errors.Is(err, tiles.ErrMissing) || got.B != 1 {
		t.Errorf("made of missing tiles: %v, %v", got, err)
	}
}
