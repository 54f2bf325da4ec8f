package tiff

import (
	"context"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles"
)

// Tiles that joined strips make: about as many rows as a tile has, and not more
// pixels than a screen shows.
const (
	joinRows   = 256
	joinPixels = 1 << 20
)

// joined is an image in low strips as tiles of several strips each: writers cut
// pictures into strips of single rows, and a tile of one row costs more to keep
// than to read.
type joined struct {
	*Image
	per   int // strips of a tile
	level tiles.Level
}

// JoinStrips is m as a grid, with low strips put together.
func JoinStrips(m *Image) SampleGrid {
	per := min(joinRows/m.TileHeight, joinPixels/max(1, m.TileWidth*m.TileHeight))
	if !m.Strips || per < 2 || m.Rows() < 2 {
		return m
	}
	l := m.Level()
	l.TileHeight *= per
	return &joined{m, per, l}
}

// Level implements Grid.
func (j *joined) Level() tiles.Level { return j.level }

// ReadTile implements Grid.
func (j *joined) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return j.strips(col, row, dst.Rect.Size(), func(strip int, r image.Rectangle) error {
		part := dst.SubImage(r.Add(dst.Rect.Min)).(*image.RGBA)
		err := j.Image.ReadTile(ctx, 0, strip, part)
		if errors.Is(err, tiles.ErrMissing) {
			for y := range r.Dy() {
				clear(part.Pix[y*part.Stride : y*part.Stride+4*r.Dx()])
			}
		}
		return err
	})
}

// ReadSamples implements SampleGrid.
func (j *joined) ReadSamples(ctx context.Context, col, row, sample int, dst *tiles.Raster) error {
	return j.strips(col, row, image.Pt(dst.Width, dst.Height), func(strip int, r image.Rectangle) error {
		part := tiles.Raster{Width: r.Dx(), Height: r.Dy()}
		lo, hi := r.Min.Y*dst.Width, r.Max.Y*dst.Width
		if dst.Uint16 != nil {
			part.Uint16 = dst.Uint16[lo:hi]
		} else {
			part.Float32 = dst.Float32[lo:hi]
		}
		err := j.Image.ReadSamples(ctx, 0, strip, sample, &part)
		if errors.Is(err, tiles.ErrMissing) {
			clear(part.Uint16)
			clear(part.Float32)
		}
		return err
	})
}

// strips calls read for each strip of a tile with where it lies in it. The tile
// is missing when all its strips are.
func (j *joined) strips(col, row int, size image.Point, read func(strip int, r image.Rectangle) error) error {
	if col != 0 || row < 0 || row >= j.level.Rows() {
		return fmt.Errorf("outside the grid of 1×%d tiles", j.level.Rows())
	}
	whole := j.level.TileRect(col, row)
	if whole.Size() != size {
		return fmt.Errorf("destination of %v for a tile of %v pixels", size, whole.Size())
	}
	missing := true
	for strip := row * j.per; strip < min((row+1)*j.per, j.Rows()); strip++ {
		err := read(strip, j.Rect(0, strip).Sub(whole.Min))
		switch {
		case err == nil:
			missing = false
		case !errors.Is(err, tiles.ErrMissing):
			return fmt.Errorf("strip %d: %w", strip, err)
		}
	}
	if missing {
		return tiles.ErrMissing
	}
	return nil
}
