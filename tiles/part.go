package tiles

import (
	"context"
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
