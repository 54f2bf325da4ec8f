package tiff

import (
	"context"
	"fmt"
	"image"

	"coverslip/tiles"
)

// clipped is an image whose right and lower part is padding of the writer's.
type clipped struct {
	*Image
	level tiles.Level
}

// Clip is the left upper part of an image as a level of the given downsample, 0
// for one that is computed from the sizes. A size beyond the image is the
// image's.
func Clip(m *Image, width, height int, downsample float64) Grid {
	l := m.Level()
	l.Width, l.Height, l.Downsample = max(1, min(width, m.Width)), max(1, min(height, m.Height)), downsample
	return &clipped{m, l}
}

// Level implements Grid.
func (c *clipped) Level() tiles.Level { return c.level }

// ReadTile implements Grid.
func (c *clipped) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	if col < 0 || row < 0 || col >= c.level.Cols() || row >= c.level.Rows() {
		return fmt.Errorf("outside the grid of %d×%d tiles", c.level.Cols(), c.level.Rows())
	}
	part, stored := c.level.TileRect(col, row).Size(), c.Rect(col, row).Size()
	if part == stored {
		return c.Image.ReadTile(ctx, col, row, dst)
	}
	if dst.Rect.Size() != part {
		return fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), part)
	}
	b := scratch(4 * stored.X * stored.Y)
	defer buffers.Put(b)
	full := &image.RGBA{Pix: *b, Stride: 4 * stored.X, Rect: image.Rectangle{Max: stored}}
	if err := c.Image.ReadTile(ctx, col, row, full); err != nil {
		return err
	}
	for y := range part.Y {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*part.X], full.Pix[y*full.Stride:])
	}
	return nil
}
