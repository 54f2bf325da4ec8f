package zarr

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"math"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// level is one array of a picture as a planar.Grid.
type level struct {
	array      *array
	axes       axes
	series     *series
	sizes      tiles.Level
	background color.NRGBA
	zs         int // focal planes of this level; pyramids may thin them out
}

// Sides of tiles that chunks are taken for as they are; the others are cut or
// joined to tiles of about preferred pixels.
const (
	leastSide = 128
	mostSide  = 1024
	preferred = 512
)

// side is the side of the tiles that chunks of a side are read as.
func side(chunk int) int {
	switch {
	case chunk > mostSide:
		return preferred
	case chunk >= leastSide:
		return chunk
	}
	return (preferred/2 + chunk - 1) / chunk * chunk
}

// newLevel says how an array is cut into tiles.
func newLevel(a *array, ax axes) (*level, error) {
	l := &level{array: a, axes: ax, zs: a.size(ax.z)}
	l.sizes = tiles.Level{Width: a.size(ax.x), Height: a.size(ax.y), TileWidth: side(a.along(ax.x)), TileHeight: side(a.along(ax.y))}
	if n := int64(l.sizes.Cols()) * int64(l.sizes.Rows()); n > tiff.MaxTiles {
		return nil, bad("array %s: %d×%d pixels make %d tiles, more than %d", a.path, l.sizes.Width, l.sizes.Height, n, tiff.MaxTiles)
	}
	met := func(tile, chunk int) int { return (tile+chunk-2)/chunk + 1 }
	if n := met(l.sizes.TileWidth, a.along(ax.x)) * met(l.sizes.TileHeight, a.along(ax.y)); n > maxTileChunks {
		return nil, unsupported("write the picture in larger chunks", "array %s: chunks of %d×%d pixels", a.path, a.along(ax.x), a.along(ax.y))
	}
	return l, nil
}

// planes says whether chunks serve more than one reading and are worth keeping.
func (l *level) planes() {
	a, ax := l.array, l.axes
	inTile := 1
	if l.series.stack.InColor {
		inTile = 3 // a tile in colour reads three channels at once
	}
	l.array.keep = a.along(ax.x) > l.sizes.TileWidth || a.along(ax.y) > l.sizes.TileHeight || a.along(ax.c) > inTile ||
		a.along(ax.z) > 1 || a.along(ax.t) > 1
}

// Level implements tiff.Grid.
func (l *level) Level() tiles.Level { return l.sizes }

// ReadTile implements tiff.Grid, for a picture in colour.
func (l *level) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return l.ReadPlane(ctx, col, row, tiles.Plane{}, &tiles.Raster{Width: dst.Rect.Dx(), Height: dst.Rect.Dy(), RGBA: dst})
}

// ReadPlane implements planar.Grid.
func (l *level) ReadPlane(ctx context.Context, col, row int, p tiles.Plane, dst *tiles.Raster) error {
	want := l.sizes.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || want.Size() != image.Pt(dst.Width, dst.Height) {
		return fmt.Errorf("destination of %d×%d for a tile of %v pixels", dst.Width, dst.Height, want.Size())
	}
	a, ax := l.array, l.axes
	at := make([]int, len(a.shape)) // of the plane's first element
	set := func(axis, v int) {
		if axis >= 0 {
			at[axis] = v
		}
	}
	set(ax.z, p.Z*l.zs/l.series.stack.Z)
	set(ax.t, p.T)
	channels := [...]int{p.Channel, 0, 0}
	n := 1
	if l.series.stack.InColor {
		channels, n = [...]int{0, 1, 2}, 3
	}
	stored := false
	index := make([]int, len(at))
	for i, v := range at {
		index[i] = v / a.chunk[i]
	}
	cw, ch := a.along(ax.x), a.along(ax.y)
	for cy := want.Min.Y / ch; cy*ch < want.Max.Y; cy++ {
		for cx := want.Min.X / cw; cx*cw < want.Max.X; cx++ {
			index[ax.y], index[ax.x] = cy, cx
			part := image.Rect(cx*cw, cy*ch, (cx+1)*cw, (cy+1)*ch).Intersect(want)
			has, err := l.readPart(ctx, index, at, channels[:n], part, want.Min, dst)
			if err != nil {
				return err
			}
			stored = stored || has
		}
	}
	if !stored && a.fill == 0 {
		return tiles.ErrMissing
	}
	return nil
}

// readPart copies what the chunks at an index hold of some channels; has says
// whether any was stored.
func (l *level) readPart(ctx context.Context, index, at, channels []int, part image.Rectangle, origin image.Point, dst *tiles.Raster) (has bool, err error) {
	a, ax := l.array, l.axes
	var data []byte
	done := func() {}
	defer func() { done() }()
	for i, c := range channels {
		if ax.c >= 0 {
			at[ax.c] = c
		}
		if i == 0 || ax.c >= 0 && c/a.chunk[ax.c] != index[ax.c] {
			if ax.c >= 0 {
				index[ax.c] = c / a.chunk[ax.c]
			}
			done()
			done = func() {}
			if data, done, err = a.fetch(ctx, index); err != nil {
				return has, fmt.Errorf("chunk %v: %w", index, err)
			}
			has = has || data != nil
		}
		first := 0
		for axis, v := range at {
			if axis != ax.x && axis != ax.y {
				first += v % a.chunk[axis] * a.strides[axis]
			}
		}
		first += part.Min.Y%a.chunk[ax.y]*a.strides[ax.y] + part.Min.X%a.chunk[ax.x]*a.strides[ax.x]
		for y := part.Min.Y; y < part.Max.Y; y++ {
			to := (y-origin.Y)*dst.Width + part.Min.X - origin.X
			if data == nil {
				l.blank(dst, to, y-origin.Y, part.Min.X-origin.X, part.Dx(), i)
			} else {
				off := (first + (y-part.Min.Y)*a.strides[ax.y]) * a.kind.size
				a.row(dst, to, y-origin.Y, part.Min.X-origin.X, part.Dx(), i, data[off:], a.strides[ax.x]*a.kind.size)
			}
		}
	}
	if dst.RGBA != nil && !has {
		to := part.Sub(origin).Add(dst.RGBA.Rect.Min)
		tiles.Fill(dst.RGBA.SubImage(to).(*image.RGBA), l.background)
	}
	return has, nil
}

// blank writes the fill value to n samples of a row.
func (l *level) blank(dst *tiles.Raster, at, y, x, n, component int) {
	v := l.array.fill
	switch {
	case dst.RGBA != nil:
		p := dst.RGBA.Pix[y*dst.RGBA.Stride+4*x:]
		for i := range n {
			p[4*i+component], p[4*i+3] = byte(min(max(v, 0), 255)), 255
		}
	case dst.Uint16 != nil:
		row := dst.Uint16[at : at+n]
		for i := range row {
			row[i] = uint16(min(max(v, 0), 65535))
		}
	default:
		row := dst.Float32[at : at+n]
		for i := range row {
			row[i] = float32(v)
		}
	}
}

// row copies n samples that lie step bytes apart; component is the byte of a
// pixel in colour.
func (a *array) row(dst *tiles.Raster, at, y, x, n, component int, src []byte, step int) {
	switch {
	case dst.RGBA != nil:
		p := dst.RGBA.Pix[y*dst.RGBA.Stride+4*x:]
		p = p[:4*n]
		for i, j := 0, 0; i < len(p); i, j = i+4, j+step {
			p[i+component], p[i+3] = src[j], 255
		}
	case dst.Uint16 != nil && a.kind.size == 1:
		row := dst.Uint16[at : at+n]
		for i := range row {
			row[i] = uint16(src[i*step])
		}
	case dst.Uint16 != nil && a.kind.big:
		row := dst.Uint16[at : at+n]
		for i := range row {
			row[i] = binary.BigEndian.Uint16(src[i*step:])
		}
	case dst.Uint16 != nil:
		row := dst.Uint16[at : at+n]
		for i := range row {
			row[i] = le.Uint16(src[i*step:])
		}
	default:
		row := dst.Float32[at : at+n]
		for i := range row {
			row[i] = a.kind.float(src[i*step:])
		}
	}
}

// float reads an element.
func (e element) float(b []byte) float32 {
	order := binary.ByteOrder(le)
	if e.big {
		order = binary.BigEndian
	}
	switch {
	case e.letter == 'f' && e.size == 4:
		return math.Float32frombits(order.Uint32(b))
	case e.letter == 'f':
		return float32(math.Float64frombits(order.Uint64(b)))
	case e.size == 1 && e.letter == 'i':
		return float32(int8(b[0]))
	case e.size == 1:
		return float32(b[0])
	case e.size == 2 && e.letter == 'i':
		return float32(int16(order.Uint16(b)))
	case e.size == 2:
		return float32(order.Uint16(b))
	case e.size == 4 && e.letter == 'i':
		return float32(int32(order.Uint32(b)))
	case e.size == 4:
		return float32(order.Uint32(b))
	case e.letter == 'i':
		return float32(int64(order.Uint64(b)))
	}
	return float32(order.Uint64(b))
}
