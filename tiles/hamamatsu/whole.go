package hamamatsu

import (
	"context"
	"fmt"
	"image"
	"sync"

	"coverslip/tiles"
)

// Size of the tiles of an image that is decoded at once: up to wholePixels it is
// one tile, beyond it is cut.
const (
	wholePixels = 1 << 21
	wholeSide   = 1024 // pixels
)

// whole is an image without restart markers, which has to be decoded at once:
// the small levels of a slide.
type whole struct {
	*picture
	keep *keeper
}

// Level implements tiff.Grid.
func (w *whole) Level() tiles.Level {
	l := tiles.Level{Width: w.width, Height: w.height, TileWidth: w.width, TileHeight: w.height}
	if w.width*w.height > wholePixels {
		l.TileWidth, l.TileHeight = wholeSide, wholeSide
	}
	return l
}

// ReadTile implements tiff.Grid.
func (w *whole) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	r := w.Level().TileRect(col, row)
	if col < 0 || row < 0 || r.Empty() || dst.Rect.Size() != r.Size() {
		return fmt.Errorf("destination of %v for tile of %v pixels", dst.Rect.Size(), r.Size())
	}
	return w.readPart(ctx, r, dst)
}

// readPart implements grid.
func (w *whole) readPart(ctx context.Context, r image.Rectangle, dst *image.RGBA) error {
	if r == image.Rect(0, 0, w.width, w.height) {
		return w.decode(ctx, dst)
	}
	m, err := w.keep.get(ctx, w.picture)
	if err != nil {
		return err
	}
	copyPart(dst, m, r)
	return nil
}

// keeper keeps the image decoded last of those that have to be decoded at once,
// at most tiff.MaxTilePixels of them: a slide has one.
type keeper struct {
	mu  sync.Mutex // protects all below; held while an image is decoded
	of  *picture
	img *image.RGBA // never changed
}

// get returns the decoded image of p.
func (k *keeper) get(ctx context.Context, p *picture) (*image.RGBA, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == p {
		return k.img, nil
	}
	k.of, k.img = nil, nil // first, so that there are never two of them
	m := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	if err := p.decode(ctx, m); err != nil {
		return nil, err
	}
	k.of, k.img = p, m
	return m, nil
}

// drop forgets the image.
func (k *keeper) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.of, k.img = nil, nil
}
