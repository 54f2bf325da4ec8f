package flat

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// strips is an image in strips as a grid of tiles (tiff.SampleGrid): a tile
// reads the strips it lies on, which are kept for its neighbours.
type strips struct {
	image *tiff.Image
	level tiles.Level
	kept  *kept
	float bool // samples are Float32
	// background is the colour of strips that were never stored.
	background color.NRGBA
}

// Level implements tiff.Grid.
func (g *strips) Level() tiles.Level { return g.level }

// over calls use for each strip that a tile lies on: the strip, the first of its
// rows in the tile, the row of the tile that this is, and how many there are.
func (g *strips) over(ctx context.Context, col, row, channel int, size image.Point, use func(s *keptStrip, from, to, n int)) (image.Rectangle, error) {
	if col < 0 || row < 0 || col >= g.level.Cols() || row >= g.level.Rows() {
		return image.Rectangle{}, fmt.Errorf("outside the grid of %d×%d tiles", g.level.Cols(), g.level.Rows())
	}
	want := g.level.TileRect(col, row)
	if want.Size() != size {
		return want, fmt.Errorf("destination of %v for a tile of %v pixels", size, want.Size())
	}
	missing := true
	h := g.image.TileHeight
	for r := want.Min.Y / h; r <= (want.Max.Y-1)/h; r++ {
		s, err := g.kept.strip(ctx, g, r, channel)
		if err != nil {
			return want, fmt.Errorf("strip %d: %w", r, err)
		}
		if s.missing {
			continue
		}
		missing = false
		y0, y1 := max(want.Min.Y, r*h), min(want.Max.Y, (r+1)*h)
		use(s, y0-r*h, y0-want.Min.Y, y1-y0)
	}
	if missing {
		return want, tiles.ErrMissing
	}
	return want, nil
}

// ReadTile implements tiff.Grid.
func (g *strips) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	x0 := 4 * col * g.level.TileWidth
	w := 4 * dst.Rect.Dx()
	if g.image.Sparse() {
		tiles.Fill(dst, g.background)
	}
	_, err := g.over(ctx, col, row, -1, dst.Rect.Size(), func(s *keptStrip, from, to, n int) {
		for y := range n {
			copy(dst.Pix[(to+y)*dst.Stride:(to+y)*dst.Stride+w], rowOf(s.img, from+y)[x0:])
		}
	})
	return err
}

// ReadSamples implements tiff.SampleGrid.
func (g *strips) ReadSamples(ctx context.Context, col, row, channel int, dst *tiles.Raster) error {
	if channel < 0 {
		return errSamples
	}
	clear(dst.Uint16)
	clear(dst.Float32)
	x0, w := col*g.level.TileWidth, dst.Width
	_, err := g.over(ctx, col, row, channel, image.Pt(dst.Width, dst.Height), func(s *keptStrip, from, to, n int) {
		for y := range n {
			at := (from+y)*s.raster.Width + x0
			if g.float {
				copy(dst.Float32[(to+y)*w:(to+y+1)*w], s.raster.Float32[at:])
			} else {
				copy(dst.Uint16[(to+y)*w:(to+y+1)*w], s.raster.Uint16[at:])
			}
		}
	})
	return err
}

// kept is the strips decoded last, bounded in bytes. It is safe for concurrent
// use.
type kept struct {
	mu    sync.Mutex // protects all below
	limit int
	bytes int
	order list.List // of *keptStrip, the last used in front
	by    map[stripKey]*list.Element
}

// stripKey names a strip; channel is -1 for its picture.
type stripKey struct {
	grid         *strips
	row, channel int
}

// keptStrip is a decoded strip, which never changes.
type keptStrip struct {
	key     stripKey
	img     *image.RGBA
	raster  *tiles.Raster
	missing bool
	once    sync.Once
	err     error
	cost    int
}

func newKept(limit int) *kept { return &kept{limit: limit, by: map[stripKey]*list.Element{}} }

// strip returns a strip; those who ask for one at the same time wait for one
// decoder. An error is not kept: the next reader may have more luck.
func (k *kept) strip(ctx context.Context, g *strips, row, channel int) (*keptStrip, error) {
	key := stripKey{g, row, channel}
	k.mu.Lock()
	e, ok := k.by[key]
	if !ok {
		size := g.image.Rect(0, row).Size()
		e = k.order.PushFront(&keptStrip{key: key, cost: 4 * size.X * size.Y})
		k.by[key] = e
		k.bytes += 4 * size.X * size.Y
		for k.bytes > k.limit && k.order.Len() > 1 {
			k.remove(k.order.Back())
		}
	} else {
		k.order.MoveToFront(e)
	}
	s := e.Value.(*keptStrip)
	k.mu.Unlock()
	s.once.Do(func() { s.decode(ctx, g) })
	if s.err != nil {
		k.mu.Lock()
		if now, ok := k.by[key]; ok && now == e {
			k.remove(e)
		}
		k.mu.Unlock()
		if ctx.Err() == nil && (errors.Is(s.err, context.Canceled) || errors.Is(s.err, context.DeadlineExceeded)) {
			return k.strip(ctx, g, row, channel) // another's context ended, not this one
		}
		return nil, s.err
	}
	return s, nil
}

// remove is called with the lock held.
func (k *kept) remove(e *list.Element) {
	s := k.order.Remove(e).(*keptStrip)
	delete(k.by, s.key)
	k.bytes -= s.cost
}

// decode reads the strip.
func (s *keptStrip) decode(ctx context.Context, g *strips) {
	size := g.image.Rect(0, s.key.row).Size()
	if s.key.channel < 0 {
		s.img = image.NewRGBA(image.Rectangle{Max: size})
		s.err = g.image.ReadTile(ctx, 0, s.key.row, s.img)
	} else {
		s.raster = &tiles.Raster{Width: size.X, Height: size.Y}
		if g.float {
			s.raster.Float32 = make([]float32, size.X*size.Y)
		} else {
			s.raster.Uint16 = make([]uint16, size.X*size.Y)
		}
		s.err = g.image.ReadSamples(ctx, 0, s.key.row, s.key.channel, s.raster)
	}
	if errors.Is(s.err, tiles.ErrMissing) {
		s.missing, s.err, s.img, s.raster = true, nil, nil, nil
	}
}
