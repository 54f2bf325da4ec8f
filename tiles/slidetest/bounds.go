package slidetest

import (
	"context"
	"errors"
	"image"
	"image/color"
	"strconv"
	"testing"

	"coverslip/tiles"
)

// checkBounds compares Info.Bounds with OpenSlide's properties and with the
// pixels: beyond them nothing was scanned.
func checkBounds(t *testing.T, s tiles.Slide) {
	in, l := s.Info(), s.Levels()[0]
	whole := image.Rect(0, 0, l.Width, l.Height)
	if !in.Bounds.In(whole) || in.Bounds == whole {
		t.Errorf("bounds %v of a slide of %v", in.Bounds, whole)
	}
	told := image.Rectangle{Max: image.Pt(l.Width, l.Height)}
	if in.Properties["openslide.bounds-x"] != "" {
		var v [4]int
		for i, k := range [4]string{"x", "y", "width", "height"} {
			n, err := strconv.Atoi(in.Properties["openslide.bounds-"+k])
			if err != nil {
				t.Fatal(err)
			}
			v[i] = n
		}
		told = image.Rect(v[0], v[1], v[0]+v[2], v[1]+v[3]).Intersect(whole)
	}
	b := tiles.ScannedBounds(s)
	if b != told && !told.Empty() {
		t.Errorf("scanned bounds are %v, the properties say %v", b, told)
	}
	if _, ok := s.(tiles.ScannedReader); !ok {
		return
	}
	const deep = 40
	for _, r := range []image.Rectangle{
		image.Rect(b.Min.X, b.Min.Y-deep, b.Min.X+200, b.Min.Y), image.Rect(b.Min.X, b.Max.Y, b.Min.X+200, b.Max.Y+deep),
		image.Rect(b.Min.X-deep, b.Min.Y, b.Min.X, b.Min.Y+200), image.Rect(b.Max.X, b.Min.Y, b.Max.X+deep, b.Min.Y+200),
	} {
		m := image.NewRGBA(image.Rectangle{Max: r.Size()})
		if err := tiles.ReadRegion(context.Background(), s, 0, r.Min.X, r.Min.Y, m); err != nil {
			t.Fatal(err)
		}
		for i, v := range m.Pix {
			if v != 0 {
				t.Fatalf("beyond the bounds %v, %v holds %d at byte %d", b, r, v, i)
			}
		}
	}
	checkGround(t, s)
}

// checkGround reads tiles of each level of which a part was scanned: the rest is
// background in the tile and transparent in a region.
func checkGround(t *testing.T, s tiles.Slide) {
	bg := color.RGBAModel.Convert(s.Info().Background).(color.RGBA)
	b := tiles.ScannedBounds(s)
	for level, l := range s.Levels() {
		looked := 0
		at := func(v, tile int) int { return int(float64(v)/l.Downsample) / tile }
		for row := at(b.Min.Y, l.TileHeight); row < l.Rows() && looked < 5; row++ {
			for col := at(b.Min.X, l.TileWidth); col <= min(l.Cols()-1, at(b.Max.X, l.TileWidth)) && looked < 5; col++ {
				k := tiles.Key{Level: level, Col: col, Row: row}
				r := l.TileRect(col, row)
				scanned, tile := image.NewRGBA(image.Rectangle{Max: r.Size()}), image.NewRGBA(image.Rectangle{Max: r.Size()})
				err := s.(tiles.ScannedReader).ReadScanned(context.Background(), k, r, scanned)
				if errors.Is(err, tiles.ErrMissing) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := s.ReadTile(context.Background(), k, tile); err != nil {
					t.Fatalf("tile %+v: %v, but a part of it was scanned", k, err)
				}
				looked++
				for i := 0; i < len(tile.Pix); i += 4 {
					want := color.RGBA{scanned.Pix[i], scanned.Pix[i+1], scanned.Pix[i+2], scanned.Pix[i+3]}
					if want.A == 0 {
						want = bg
					}
					if got := (color.RGBA{tile.Pix[i], tile.Pix[i+1], tile.Pix[i+2], tile.Pix[i+3]}); got != want {
						t.Fatalf("tile %+v: %v at byte %d, want %v", k, got, i, want)
					}
				}
			}
		}
	}
}
