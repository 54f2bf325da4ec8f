package flat

import (
	"context"
	"fmt"
	"image"
	"sync"

	"coverslip/tiles"
)

// pyramid is the levels of a picture, as tiles in a store.
type pyramid struct {
	cell          cell
	levels        []tiles.Level // with their downsamples
	tileW, tileH  int
	first         []int64 // number of the first tile of each level
	skip          int     // levels that are not stored: 1 when level 0 is read from the file itself
	store         store
	total         int64 // tiles
	buffers       sync.Pool
	width, height int
}

const (
	tilePixels = 1 << 16   // of a tile: 256×256, or wider and lower
	bandBytes  = 128 << 20 // of a row of tiles of level 0 while the pyramid is made
)

// plan lays out the levels of a picture; skip are those that are not stored.
func plan(width, height int, c cell, skip int) *pyramid {
	p := &pyramid{cell: c, tileW: 256, tileH: 256, skip: skip, width: width, height: height}
	for p.tileW*p.tileH*c.bytes() > 4<<20 && p.tileW > 64 {
		p.tileW, p.tileH = p.tileW/2, p.tileH/2
	}
	for p.tileH > 16 && width*p.tileH*c.bytes() > bandBytes/4 { // a very wide picture: lower tiles
		p.tileW, p.tileH = p.tileW*2, p.tileH/2
	}
	l := tiles.Level{Width: width, Height: height, Downsample: 1, TileWidth: p.tileW, TileHeight: p.tileH}
	for {
		p.levels = append(p.levels, l)
		p.first = append(p.first, p.total)
		if len(p.levels) > skip {
			p.total += int64(l.Cols()) * int64(l.Rows())
		}
		if max(l.Width, l.Height) <= smallest {
			return p
		}
		l.Width, l.Height, l.Downsample = (l.Width+1)/2, (l.Height+1)/2, 2*l.Downsample
	}
}

// tileBytes is the length of a stored tile.
func (p *pyramid) tileBytes() int { return p.tileW * p.tileH * p.cell.bytes() }

// need is the length of all tiles.
func (p *pyramid) need() int64 { return p.total * int64(p.tileBytes()) }

// rows gives a picture's rows from top to bottom, each as long as the picture is
// wide, to a function that does not keep them.
type rows func(ctx context.Context, row func(pix []byte) error) error

// build makes the tiles of all stored levels from a picture's rows.
func (p *pyramid) build(ctx context.Context, give rows) error {
	b := &builder{p: p, progress: tiles.Progress(ctx), packed: make([]byte, 0, p.levels[0].Cols()*p.tileBytes())}
	for i, l := range p.levels {
		n := l.Width * p.cell.bytes()
		s := &step{level: i, above: make([]byte, n), half: make([]byte, (l.Width+1)/2*p.cell.bytes())}
		if i >= p.skip {
			s.band = make([]byte, n*min(p.tileH, l.Height))
		}
		b.steps = append(b.steps, s)
	}
	done, every := 0, max(1, p.height/256)
	err := give(ctx, func(pix []byte) error {
		if done >= p.height || len(pix) != p.width*p.cell.bytes() {
			return fmt.Errorf("row %d of %d bytes", done, len(pix))
		}
		if done%every == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.progress(int64(done), int64(p.height))
		}
		done++
		return b.add(0, pix)
	})
	if err != nil {
		return err
	}
	if done < p.height {
		return fmt.Errorf("%d rows of %d", done, p.height)
	}
	b.progress(int64(done), int64(p.height))
	return nil
}

// builder is a pyramid being made.
type builder struct {
	p        *pyramid
	steps    []*step
	packed   []byte // a row of tiles
	progress func(done, total int64)
}

// step is what is at hand of a level.
type step struct {
	level int
	band  []byte // rows of the next row of tiles; nil for a level that is not stored
	rows  int    // that came
	above []byte // the last row that waits for its neighbour below
	half  []byte
}

// add takes the next row of a level, and passes the mean of two on.
func (b *builder) add(level int, pix []byte) error {
	s, l := b.steps[level], b.p.levels[level]
	at := s.rows % b.p.tileH
	if s.band != nil {
		copy(s.band[at*len(pix):], pix)
	}
	s.rows++
	last := s.rows == l.Height
	if s.band != nil && (at == b.p.tileH-1 || last) {
		if err := b.flush(s, l, at+1); err != nil {
			return err
		}
	}
	if level+1 == len(b.p.levels) {
		return nil
	}
	switch {
	case s.rows%2 == 0:
		b.p.cell.halve(s.half, s.above, pix, l.Width)
	case last: // an odd last row counts twice
		b.p.cell.halve(s.half, pix, pix, l.Width)
	default:
		copy(s.above, pix)
		return nil
	}
	return b.add(level+1, s.half)
}

// flush stores a row of tiles, of n rows of pixels.
func (b *builder) flush(s *step, l tiles.Level, n int) error {
	c, size := b.p.cell.bytes(), b.p.tileBytes()
	packed := b.packed[:l.Cols()*size]
	stride := l.Width * c
	for col := range l.Cols() {
		x0, tile := col*l.TileWidth*c, packed[col*size:(col+1)*size]
		x1 := min(x0+l.TileWidth*c, stride)
		for y := range n {
			copy(tile[y*l.TileWidth*c:], s.band[y*stride+x0:y*stride+x1])
		}
	}
	row := (s.rows - 1) / l.TileHeight
	return b.p.store.put(b.p.first[s.level]+int64(row)*int64(l.Cols()), packed, size)
}

// level is one level of a pyramid as a grid of tiles (tiff.SampleGrid).
type level struct {
	p     *pyramid
	index int
}

// Level implements tiff.Grid.
func (g *level) Level() tiles.Level { return g.p.levels[g.index] }

// tile gives use the bytes of a tile and its size.
func (g *level) tile(ctx context.Context, col, row int, size image.Point, use func(pix []byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := g.Level()
	if col < 0 || row < 0 || col >= l.Cols() || row >= l.Rows() {
		return fmt.Errorf("outside the grid of %d×%d tiles", l.Cols(), l.Rows())
	}
	if want := l.TileRect(col, row).Size(); want != size {
		return fmt.Errorf("destination of %v for a tile of %v pixels", size, want)
	}
	buf, ok := g.p.buffers.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	defer g.p.buffers.Put(buf)
	pix, err := g.p.store.get(g.p.first[g.index]+int64(row)*int64(l.Cols())+int64(col), buf)
	if err != nil {
		return err
	}
	use(pix)
	return nil
}

// ReadTile implements tiff.Grid, of a picture in colour.
func (g *level) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	if !g.p.cell.colour() {
		return errSamples
	}
	return g.tile(ctx, col, row, dst.Rect.Size(), func(pix []byte) {
		stride := g.p.tileW * g.p.cell.bytes()
		for y := range dst.Rect.Dy() {
			g.p.cell.draw(rowOf(dst, y), pix[y*stride:])
		}
	})
}

// ReadSamples implements tiff.SampleGrid.
func (g *level) ReadSamples(ctx context.Context, col, row, channel int, dst *tiles.Raster) error {
	if g.p.cell.colour() || channel < 0 || channel >= g.p.cell.samples {
		return errSamples
	}
	return g.tile(ctx, col, row, image.Pt(dst.Width, dst.Height), func(pix []byte) {
		stride := g.p.tileW * g.p.cell.bytes()
		for y := range dst.Height {
			g.p.cell.take(dst, y*dst.Width, pix[y*stride:], dst.Width, channel)
		}
	})
}
