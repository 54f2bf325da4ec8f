package tiles

import (
	"context"
	"errors"
)

// ErrNotCoded: the tile is not stored as a JPEG stream of its own.
var ErrNotCoded = errors.New("tile is not stored as a JPEG stream")

// Coded is a Slide that gives tiles as they are stored, for those that copy a
// slide without decoding it. A slide that can do so for some of its levels only
// is a Coded as well.
type Coded interface {
	Slide
	// CodedTile appends a tile to dst as one complete JPEG stream of a full tile,
	// padding included: with its tables, and with an Adobe segment where decoders
	// would otherwise guess its colours wrongly. What it decodes to is what
	// ReadTile gives. It returns ErrNotCoded for a tile that is stored otherwise,
	// ErrMissing for one that was never stored, and else errors as ReadTile.
	CodedTile(ctx context.Context, k Key, dst []byte) ([]byte, error)
}
