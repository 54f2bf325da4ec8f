// Package flat reads pictures that were not stored for viewing: TIFF in strips,
// PNG, JPEG and BMP. They have one size and no tiles; what a viewer needs is made
// when they are opened.
//
// A small picture is decoded once and kept in memory with its smaller levels. A
// large one is read from top to bottom, a band at a time, into a file of tiles in
// the user's cache folder, which is gone when the slide is closed. The rows of a
// TIFF in strips are found where they lie: its own size is read from the file,
// and a strip that cannot be decoded spoils no more than its tiles.
//
// Nothing is decoded before the sizes that a file claims are compared with its
// length and with the limits; the room a large picture takes is compared with
// the room there is, and named where it is too little.
package flat

import (
	"fmt"

	"coverslip/tiles"
)

// Limits of a picture.
const (
	MaxSide      = 1 << 20   // pixels
	memoryBytes  = 384 << 20 // of tiles kept in memory: 64 Mpx in colour with alpha, and their smaller levels
	bandPixels   = 1 << 24   // of a JPEG above which it is decoded in bands
	wholePixels  = 1 << 26   // of a picture that its decoder cannot read band by band (64 Mpx)
	smallest     = 512       // pixels of the longer side of the last level
	stripBytes   = 64 << 20  // of decoded strips that are kept
	maxCell      = 256       // bytes of a pixel
	spareRoom    = 1 << 30   // bytes that stay free on the disk
	maxFileBytes = 1 << 30   // of a picture that is decoded as a whole
)

// limits are those that tests lower.
type limits struct {
	memory int64  // bytes of tiles in memory
	band   int64  // pixels of a JPEG that is decoded at once
	dir    string // of temporary pyramids
}

func usual() limits { return limits{memoryBytes, bandPixels, tempDir()} }

// hint is what to do with a picture that is too large for this room.
const hint = "convert it: vips tiffsave IN OUT.tif --tile --pyramid --bigtiff --compression jpeg"

func bad(format, what string, args ...any) error {
	return &tiles.FormatError{Format: format, What: fmt.Sprintf(what, args...)}
}

func unsupported(format, hint, what string, args ...any) error {
	return &tiles.UnsupportedError{Format: format, What: fmt.Sprintf(what, args...), Hint: hint}
}
