package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
)

// PartReader is a Slide that decodes a part of a tile for less than the whole:
// one whose tiles are put together from smaller pieces of the file. ReadRegion
// asks it for what a region's edge cuts off of a tile.
type PartReader interface {
	Slide
	// ReadPart decodes the pixels of r, a rectangle of the level that lies
	// inside the tile's TileRect, into dst, whose bounds must have its size.
	// They are the pixels that ReadTile gives there. Errors as ReadTile.
	ReadPart(ctx context.Context, k Key, r image.Rectangle, dst *image.RGBA) error
}

// ScannedReader is a Slide that knows, inside of a tile, which pixels were
// scanned: regions may lie anywhere on the glass. ReadRegion asks it, so that
// what was not scanned is transparent and not the background's colour, as in
// OpenSlide.
type ScannedReader interface {
	Slide
	// ReadScanned decodes the pixels of r, a rectangle of the level that lies
	// inside the tile's TileRect, into dst, whose bounds must have its size:
	// those of ReadTile, and transparent ones where nothing was scanned. It
	// returns ErrMissing where there is nothing at all. Errors as ReadTile.
	ReadScanned(ctx context.Context, k Key, r image.Rectangle, dst *image.RGBA) error
}

// RegionReader is a ScannedReader that decodes a region for less than its tiles
// one by one: one whose tiles share what is stored. ReadRegion asks it first.
type RegionReader interface {
	ScannedReader
	// ReadLevelRegion decodes the pixels of r, a rectangle of the level, into
	// dst, whose bounds must have its size, as ReadScanned does for each tile.
	// What cannot be decoded is transparent, and the first such error returned.
	// It returns errors.ErrUnsupported, and has done nothing, for a region that
	// is to be read tile by tile.
	ReadLevelRegion(ctx context.Context, level int, r image.Rectangle, dst *image.RGBA) error
}

// ReadWholeFor reads a whole tile and copies the pixels of r to dst: what a
// PartReader does with tiles that cannot be decoded in part. r is a rectangle of
// the level inside the tile's TileRect, and dst has its size.
func ReadWholeFor(ctx context.Context, s Slide, k Key, r image.Rectangle, dst *image.RGBA) error {
	levels := s.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return &TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(levels))}
	}
	tile := levels[k.Level].TileRect(k.Col, k.Row)
	if r.Empty() || !r.In(tile) || r.Size() != dst.Rect.Size() {
		return &TileError{Key: k, Err: fmt.Errorf("destination of %v for %v of a tile at %v", dst.Rect.Size(), r, tile)}
	}
	m := scratchPicture(tile.Dx(), tile.Dy())
	defer pictures.Put(m)
	err := s.ReadTile(ctx, k, m)
	if err != nil && !errors.Is(err, ErrMissing) {
		return err
	}
	from := part(m, r.Sub(tile.Min))
	for y := range r.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*r.Dx()], from.Pix[y*from.Stride:])
	}
	return err
}
