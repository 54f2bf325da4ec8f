package aperio_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
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

// A tile that a missing one went into is made anew, over several levels; tiles
// beside it are read as they are stored.
func TestSlide_MistrustsTilesOfMissingOnes(t *testing.T) {
	const lower = 2 // directory of level 1: after level 0 and the thumbnail
	good := slidetest.Good(t, tiffwrite.Aperio, false)
	e := slidetest.Edit(t, good)
	e.Directory(lower).Element(325, 0)                 // tile (0,0) of level 1 is missing
	e.Put(e.Directory(lower+1).Where(324), 1, 2, 3, 4) // the only tile of level 2, whose offset is inline, is rubbish
	whole, holed := openBytes(t, good), openBytes(t, e.Data)
	if len(holed.Levels()) != 3 {
		t.Fatalf("levels %v", holed.Levels())
	}
	difference := func(k tiles.Key) float64 {
		size := whole.Levels()[k.Level].TileRect(k.Col, k.Row).Size()
		want, got := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
		if err := errors.Join(whole.ReadTile(context.Background(), k, want), holed.ReadTile(context.Background(), k, got)); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for i := range got.Pix {
			d := int(got.Pix[i]) - int(want.Pix[i])
			sum += max(d, -d)
		}
		return float64(sum) / float64(len(got.Pix))
	}
	if d := difference(tiles.Key{Level: 2}); d > 6 {
		t.Errorf("level 2 differs by %.1f on average: its rubbish is shown", d)
	}
	if d := difference(tiles.Key{Level: 1, Col: 1, Row: 1}); d != 0 {
		t.Errorf("a tile that is stored differs by %.1f", d)
	}
}

// The rest of what slides of other years bring.
func TestOpen_Dialects(t *testing.T) {
	good := slidetest.Good(t, tiffwrite.Aperio, false)
	text := "Aperio Leica Biosystems GT450 v1.0.1 \r\n200x150 [0,0,200x150] (64x64) JPEG/YCC Q=91|AppMag = 40|MPP = 0,263592"
	comma := openBytes(t, slidetest.Edit(t, good).Text(270, text).Data).Info()
	if comma.MPPX != 0.263592 || comma.MPPFrom != "aperio.MPP" || comma.Objective != 40 || comma.Properties["aperio.MPP"] != "0,263592" {
		t.Errorf("decimal comma: %+v", comma)
	}
	// A GT450's label and macro have no description: NewSubfileType tells them.
	for kind, subfile := range map[string]uint32{"label": 1, "macro": 9} {
		e := slidetest.Edit(t, good).Directory(1).Value(254, subfile).Tag(270, 65000)
		var next [4]int // the second directory goes to the end
		for i := range next {
			next[i] = e.Directory(i).Next()
		}
		first := bytes.Clone(e.Data[next[0] : next[0]+4])
		copy(e.Data[next[0]:next[0]+4], e.Data[next[1]:next[1]+4])
		copy(e.Data[next[3]:next[3]+4], first)
		copy(e.Data[next[1]:next[1]+4], []byte{0, 0, 0, 0})
		s := openBytes(t, e.Data)
		if got := s.Info().Associated; len(got) != 1 || got[0] != kind {
			t.Errorf("subfile %d: associated %v, warnings %q", subfile, got, s.Info().Warnings)
		}
	}
}

// RGB in JPEGs without an Adobe segment: the photometric interpretation tells.
func TestReadTile_RGBWithoutAdobe(t *testing.T) {
	good := slidetest.Good(t, tiffwrite.Aperio, false)
	ycc, rgb := openBytes(t, good), openBytes(t, slidetest.Edit(t, good).Value(262, 2).Data)
	a, b := image.NewRGBA(image.Rect(0, 0, 64, 64)), image.NewRGBA(image.Rect(0, 0, 64, 64))
	if err := errors.Join(ycc.ReadTile(context.Background(), tiles.Key{}, a), rgb.ReadTile(context.Background(), tiles.Key{}, b)); err != nil {
		t.Fatal(err)
	}
	off := 0
	for i := 0; i < len(a.Pix); i += 4 {
		y, cb, cr := color.RGBToYCbCr(a.Pix[i], a.Pix[i+1], a.Pix[i+2])
		for k, want := range []uint8{y, cb, cr} {
			if d := int(b.Pix[i+k]) - int(want); d > 8 || d < -8 { // clipping, chroma of half the size
				off++
			}
		}
	}
	if off > len(a.Pix)/20 {
		t.Errorf("%d of %d samples are not the JPEG's own", off, len(a.Pix)*3/4)
	}
}
