package tiff

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"

	"coverslip/tiles"
)

// SampleGrid is a Grid whose tiles can be read as samples.
type SampleGrid interface {
	Grid
	// ReadSamples decodes one channel of a tile into dst; see Image.ReadSamples.
	ReadSamples(ctx context.Context, col, row, channel int, dst *tiles.Raster) error
}

// Orientation reads how the picture lies in the file: 1 (upright, also when the
// tag is absent) to 8. Source: TIFF 6.0, Orientation.
func (d *Directory) Orientation() int {
	v, err := d.Uint(TagOrientation, 1)
	if err != nil || v < 1 || v > 8 {
		return 1
	}
	return int(v)
}

// Turner shows grids upright. It keeps the stored tiles decoded last, for all
// grids of a slide: a tile of a turned grid lies across up to four of them.
type Turner struct {
	kept       *recent[turnedKey, turnedTile]
	background color.NRGBA
}

// NewTurner returns a Turner that paints what was never stored in background.
func NewTurner(background color.NRGBA) *Turner {
	return &Turner{newRecent[turnedKey, turnedTile](recentBytes), background}
}

// Turn is a grid as it is to be seen, by its Orientation; g itself when it lies
// upright.
func (t *Turner) Turn(g SampleGrid, orientation int) SampleGrid {
	if orientation <= 1 || orientation > 8 {
		return g
	}
	l := g.Level()
	u := &turned{SampleGrid: g, turner: t, how: orientation, stored: l, level: l}
	if u.swaps() {
		u.level.Width, u.level.Height = l.Height, l.Width
		u.level.TileWidth, u.level.TileHeight = l.TileHeight, l.TileWidth
	}
	return u
}

// turned is a grid seen upright.
type turned struct {
	SampleGrid
	turner        *Turner
	how           int         // Orientation
	stored, level tiles.Level // as stored, as seen
}

// turnedKey names a stored tile; channel is -1 for its picture.
type turnedKey struct {
	grid              SampleGrid
	col, row, channel int
	wide              bool // samples are Float32
}

// turnedTile is a stored tile.
type turnedTile struct {
	img     *image.RGBA
	raster  *tiles.Raster
	missing bool
}

// swaps says whether rows are seen as columns.
func (u *turned) swaps() bool { return u.how >= 5 }

// Level implements Grid.
func (u *turned) Level() tiles.Level { return u.level }

// from is the stored pixel that is seen at p.
func (u *turned) from(p image.Point) image.Point {
	w, h := u.stored.Width-1, u.stored.Height-1
	switch u.how {
	case 2: // mirrored
		return image.Pt(w-p.X, p.Y)
	case 3: // by half a turn
		return image.Pt(w-p.X, h-p.Y)
	case 4: // upside down
		return image.Pt(p.X, h-p.Y)
	case 5: // row 0 at the left, column 0 at the top
		return image.Pt(p.Y, p.X)
	case 6: // row 0 at the right, column 0 at the top
		return image.Pt(p.Y, h-p.X)
	case 7: // row 0 at the right, column 0 at the bottom
		return image.Pt(w-p.Y, h-p.X)
	case 8: // row 0 at the left, column 0 at the bottom
		return image.Pt(w-p.Y, p.X)
	}
	return p
}

// to is where a stored pixel is seen.
func (u *turned) to(p image.Point) image.Point {
	w, h := u.stored.Width-1, u.stored.Height-1
	switch u.how {
	case 6:
		return image.Pt(h-p.Y, p.X)
	case 7:
		return image.Pt(h-p.Y, w-p.X)
	case 8:
		return image.Pt(p.Y, w-p.X)
	}
	return u.from(p) // the others are their own opposites
}

// span maps a rectangle by its corners.
func span(r image.Rectangle, by func(image.Point) image.Point) image.Rectangle {
	a, b := by(r.Min), by(r.Max.Sub(image.Pt(1, 1)))
	return image.Rect(min(a.X, b.X), min(a.Y, b.Y), max(a.X, b.X)+1, max(a.Y, b.Y)+1)
}

// ReadTile implements Grid.
func (u *turned) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	tiles.Fill(dst, u.turner.background)
	return u.read(ctx, col, row, turnedKey{channel: -1}, dst.Rect.Size(), func(t turnedTile, part image.Rectangle, at, right, down int) {
		for y := range part.Dy() {
			out := dst.Pix[(part.Min.Y+y)*dst.Stride+4*part.Min.X:]
			src := at + y*down
			for x := range part.Dx() {
				binary.NativeEndian.PutUint32(out[4*x:], binary.NativeEndian.Uint32(t.img.Pix[4*src:]))
				src += right
			}
		}
	})
}

// ReadSamples implements SampleGrid.
func (u *turned) ReadSamples(ctx context.Context, col, row, channel int, dst *tiles.Raster) error {
	clear(dst.Uint16)
	clear(dst.Float32)
	return u.read(ctx, col, row, turnedKey{channel: channel, wide: dst.Float32 != nil}, image.Pt(dst.Width, dst.Height), func(t turnedTile, part image.Rectangle, at, right, down int) {
		for y := range part.Dy() {
			out, src := (part.Min.Y+y)*dst.Width+part.Min.X, at+y*down
			for x := range part.Dx() {
				if dst.Uint16 != nil {
					dst.Uint16[out+x] = t.raster.Uint16[src]
				} else {
					dst.Float32[out+x] = t.raster.Float32[src]
				}
				src += right
			}
		}
	})
}

// read gives draw the stored tiles that a tile lies on, one after the other: the
// part of the seen tile, and the place of the stored pixel seen at its upper left
// with the steps to the pixels seen to the right and below.
func (u *turned) read(ctx context.Context, col, row int, key turnedKey, size image.Point, draw func(t turnedTile, part image.Rectangle, at, right, down int)) error {
	if col < 0 || row < 0 || col >= u.level.Cols() || row >= u.level.Rows() {
		return fmt.Errorf("outside the grid of %d×%d tiles", u.level.Cols(), u.level.Rows())
	}
	seen := u.level.TileRect(col, row)
	if seen.Size() != size {
		return fmt.Errorf("destination of %v for a tile of %v pixels", size, seen.Size())
	}
	want, missing := span(seen, u.from), true
	tw, th := u.stored.TileWidth, u.stored.TileHeight
	for r := want.Min.Y / th; r <= (want.Max.Y-1)/th; r++ {
		for c := want.Min.X / tw; c <= (want.Max.X-1)/tw; c++ {
			key.grid, key.col, key.row = u.SampleGrid, c, r
			t, err := u.tile(ctx, key)
			if err != nil {
				return err
			}
			if t.missing {
				continue
			}
			missing = false
			stored := u.stored.TileRect(c, r)
			part := span(stored.Intersect(want), u.to)
			place := func(p image.Point) int {
				s := u.from(p).Sub(stored.Min)
				return s.Y*stored.Dx() + s.X
			}
			at := place(part.Min)
			draw(t, part.Sub(seen.Min), at, place(part.Min.Add(image.Pt(1, 0)))-at, place(part.Min.Add(image.Pt(0, 1)))-at)
		}
	}
	if missing {
		return tiles.ErrMissing
	}
	return nil
}

// tile reads a stored tile, or takes one read before.
func (u *turned) tile(ctx context.Context, key turnedKey) (turnedTile, error) {
	if err := ctx.Err(); err != nil {
		return turnedTile{}, err
	}
	if t, ok := u.turner.kept.get(key); ok {
		return t, nil
	}
	size := u.stored.TileRect(key.col, key.row).Size()
	var t turnedTile
	var err error
	if key.channel < 0 {
		t.img = image.NewRGBA(image.Rectangle{Max: size})
		err = u.SampleGrid.ReadTile(ctx, key.col, key.row, t.img)
	} else {
		t.raster = &tiles.Raster{Width: size.X, Height: size.Y}
		if key.wide {
			t.raster.Float32 = make([]float32, size.X*size.Y)
		} else {
			t.raster.Uint16 = make([]uint16, size.X*size.Y)
		}
		err = u.SampleGrid.ReadSamples(ctx, key.col, key.row, key.channel, t.raster)
	}
	if errors.Is(err, tiles.ErrMissing) {
		t, err = turnedTile{missing: true}, nil
	}
	if err == nil {
		u.turner.kept.put(key, t, 4*size.X*size.Y+64)
	}
	return t, err
}
