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
