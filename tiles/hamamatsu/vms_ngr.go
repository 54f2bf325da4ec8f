package hamamatsu

import (
	"context"
	"encoding/binary"
	"image"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Of an NGR file: its header, and the size of its virtual tiles.
const (
	ngrHeader = 28  // bytes
	ngrRows   = 256 // pixels of a tile's height
	ngrPixel  = 6   // bytes: three samples of 16 bits, of which 12 are used
)

// ngr is an image of plain samples, stored in columns of equal width, each from
// top to bottom.
type ngr struct {
	src           *tiles.Source
	width, height int
	column        int   // pixels of a column's width
	across        int   // columns of a virtual tile
	base          int64 // where the first column begins
}

// ngr opens an NGR file.
func (o *indexed) ngr(name string) (grid, error) {
	src, err := o.sibling(name)
	if err != nil {
		return nil, err
	}
	g, err := newNGR(src)
	if err != nil {
		return nil, badIndex(err, "%s", name)
	}
	return g, nil
}

func newNGR(src *tiles.Source) (*ngr, error) {
	var h [ngrHeader]byte
	if src.Size() < ngrHeader {
		return nil, badIndex(nil, "NGR file of %d bytes", src.Size())
	}
	if _, err := src.ReadAt(h[:], 0); err != nil {
		return nil, err
	}
	if string(h[:2]) != "GN" {
		return nil, badIndex(nil, "not an NGR file (begins with % x)", h[:2])
	}
	number := func(at int) int { return int(int32(binary.LittleEndian.Uint32(h[at:]))) }
	g := &ngr{src: src, width: number(4), height: number(8), column: number(12), base: int64(number(24))}
	if g.width < 1 || g.height < 1 || g.column < 1 || g.base < 1 || g.width%g.column != 0 {
		return nil, badIndex(nil, "NGR of %d×%d pixels in columns of %d at %d", g.width, g.height, g.column, g.base)
	}
	// Each factor is below 2^31, and so is the sum of what is added.
	if px := int64(g.width) * int64(g.height); px > src.Size()/ngrPixel || g.base > src.Size()-px*ngrPixel {
		return nil, badIndex(nil, "NGR of %d×%d pixels at %d ends behind the file's end at %d", g.width, g.height, g.base, src.Size())
	}
	g.across = min(max(1, tileWidth/g.column), g.width/g.column)
	if int64(g.column)*int64(g.across)*ngrRows > tiff.MaxTilePixels {
		return nil, badIndex(nil, "NGR in columns of %d pixels", g.column)
	}
	return g, nil
}

// Level implements tiff.Grid.
func (g *ngr) Level() tiles.Level {
	return tiles.Level{Width: g.width, Height: g.height, TileWidth: g.column * g.across, TileHeight: ngrRows}
}

// ReadTile implements tiff.Grid.
func (g *ngr) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return readTile(ctx, g, col, row, dst)
}

// readPart implements grid: the rows of r in each column it meets, which lie one
// behind the other.
func (g *ngr) readPart(ctx context.Context, r image.Rectangle, dst *image.RGBA) error {
	buf := scratch(g.column * r.Dy() * ngrPixel)
	defer buffers.Put(buf)
	for c := r.Min.X / g.column; c*g.column < r.Max.X; c++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := g.base + (int64(c)*int64(g.height)+int64(r.Min.Y))*int64(g.column)*ngrPixel
		if _, err := g.src.ReadAt(*buf, at); err != nil {
			return err
		}
		from, to := max(r.Min.X, c*g.column), min(r.Max.X, (c+1)*g.column)
		for y := range r.Dy() {
			in := (*buf)[(y*g.column+from-c*g.column)*ngrPixel:]
			out := dst.Pix[dst.PixOffset(dst.Rect.Min.X+from-r.Min.X, dst.Rect.Min.Y+y):][:4*(to-from)]
			for i := 0; i < len(out); i += 4 {
				s := in[i/4*ngrPixel : i/4*ngrPixel+ngrPixel]
				for k := range 3 {
					out[i+k] = byte(min(binary.LittleEndian.Uint16(s[2*k:])>>4, 255)) // the upper eight of 12 bits
				}
				out[i+3] = 255
			}
		}
	}
	return nil
}

func (g *ngr) directory() *tiff.Directory { return nil }
