package mosaic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles"
	"coverslip/tiles/kept"
)

// SampleKey names a stored tile of samples.
type SampleKey struct {
	layer    *Layer
	col, row int
}

// NewSampleCache keeps up to limit bytes of stored tiles of samples, for all the
// levels and channels of a slide.
func NewSampleCache(limit int) *kept.Kept[SampleKey] { return kept.New[SampleKey](limit) }

// ReadSamples decodes the first sample of the pixels of a virtual tile into dst,
// which must have its size and Uint16: unsigned numbers of up to 16 bits. Where
// nothing is stored they are 0; tiles.ErrMissing where nothing at all is.
func (g *Grid) ReadSamples(ctx context.Context, col, row int, dst *tiles.Raster, cache *kept.Kept[SampleKey]) error {
	want := g.level.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || want.Size() != image.Pt(dst.Width, dst.Height) || len(dst.Uint16) != dst.Width*dst.Height {
		return fmt.Errorf("raster of %d×%d samples for a tile of %v pixels", dst.Width, dst.Height, want.Size())
	}
	clear(dst.Uint16)
	drawn := false
	for i := len(g.layers) - 1; i >= 0; i-- { // the first is on top
		l := &g.layers[i]
		cols := span(want.Min.X-l.X, want.Max.X-l.X, l.AdvanceX, l.Image.TileWidth, l.Image.Cols())
		rows := span(want.Min.Y-l.Y, want.Max.Y-l.Y, l.AdvanceY, l.Image.TileHeight, l.Image.Rows())
		for r := rows[0]; r < rows[1]; r++ {
			for c := cols[0]; c < cols[1]; c++ {
				at := image.Rectangle{Max: l.Image.Rect(c, r).Size()}.Add(image.Pt(l.X+c*l.AdvanceX, l.Y+r*l.AdvanceY))
				part := at.Intersect(want)
				if part.Empty() {
					continue
				}
				data, err := cache.Get(ctx, SampleKey{l, c, r}, func() ([]byte, error) { return samples(ctx, l, c, r) })
				if err != nil {
					return fmt.Errorf("stored tile (%d,%d): %w", c, r, err)
				}
				if data == nil {
					continue
				}
				drawn = true
				copySamples(dst.Uint16[(part.Min.Y-want.Min.Y)*dst.Width+part.Min.X-want.Min.X:], dst.Width, data, at, part)
			}
		}
	}
	if !drawn {
		return tiles.ErrMissing
	}
	return nil
}

// samples decodes a stored tile: little-endian numbers of two bytes, nil where
// it was never stored.
func samples(ctx context.Context, l *Layer, col, row int) ([]byte, error) {
	size := l.Image.Rect(col, row).Size()
	r := &tiles.Raster{Width: size.X, Height: size.Y, Uint16: make([]uint16, size.X*size.Y)}
	err := l.Image.ReadSamples(ctx, col, row, 0, r)
	if errors.Is(err, tiles.ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 2*len(r.Uint16))
	for _, v := range r.Uint16 {
		out = binary.LittleEndian.AppendUint16(out, v)
	}
	return out, nil
}

// copySamples copies the part of a stored tile that lies at a place of the level
// to dst, whose rows are stride samples apart.
func copySamples(dst []uint16, stride int, data []byte, at, part image.Rectangle) {
	for y := range part.Dy() {
		from := data[2*((part.Min.Y-at.Min.Y+y)*at.Dx()+part.Min.X-at.Min.X):]
		to := dst[y*stride:][:part.Dx()]
		for x := range to {
			to[x] = binary.LittleEndian.Uint16(from[2*x:])
		}
	}
}
