package tiffwrite

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
)

// Layout is the order and the dress of the directories in the file.
type Layout int

const (
	// Generic is a plain pyramid: level 0, then each smaller level as the next
	// directory, marked as reduced-resolution.
	Generic Layout = iota
	// Aperio is the order of Aperio's SVS files: level 0, a thumbnail in
	// strips, the further levels, then label and macro.
	Aperio
	// OME is OME-TIFF 2016-06 with the pyramid in SubIFDs.
	OME
)

// Container is the width of the file's offsets.
type Container int

const (
	// Auto is classic TIFF where the file fits into 4 GiB and BigTIFF where
	// it does not.
	Auto Container = iota
	// Classic is 32-bit TIFF; a file that does not fit is ErrTooLarge.
	Classic
	// Big is BigTIFF.
	Big
)

// ErrTooLarge says that the file does not fit into classic TIFF.
var ErrTooLarge = errors.New("file exceeds 4 GiB, which classic TIFF cannot address; write BigTIFF")

// EncodeJPEG turns pixels into one complete baseline JPEG stream of quality
// 1..100. It is called from several goroutines at once and must not keep img.
type EncodeJPEG func(img *image.RGBA, quality int) ([]byte, error)

// Fill paints level-0 pixels (x0, y0) to (x0+w, y0+h) into dst, whose bounds
// are (0, 0, w, h). It is called from several goroutines at once.
type Fill func(ctx context.Context, x0, y0 int, dst *image.RGBA) error

// Property is one key = value of an Aperio description.
type Property struct{ Key, Value string }

// Options says what to write. Width and Height are required; every other zero
// value has a sensible meaning.
type Options struct {
	Width, Height int // level-0 pixels
	TileSize      int // pixels, a multiple of 16; 0 = 256
	Layout        Layout
	Container     Container
	Step          int // downsample between stored levels: 2 or 4; 0 = 4 for Aperio, 2 otherwise
	Smallest      int // pixels: no level is added below one whose longest side is this or less; 0 = 1024
	MPP           float64
	Objective     float64 // nominal magnification, for people; 0 = not written
	Software      string  // who wrote the file; 0 = "Coverslip"
	Name          string  // name of the slide inside the file
	Properties    []Property
	ICC           []byte // colour profile of level 0; nil = none

	Quality  int        // JPEG quality 1..100; 0 = 80
	Encode   EncodeJPEG // nil = GoJPEG
	Whole    bool       // true: each tile is a complete JPEG; false: tables are shared (abbreviated streams)
	Lossless bool       // true: Deflate instead of JPEG

	// Associated makes label and macro from the finished thumbnail (longest
	// side <= 1024 pixels); either may be nil. nil = no such images.
	Associated func(thumbnail *image.RGBA) (label, macro *image.RGBA)
	// Progress is called on the writing goroutine, after each row of level-0
	// tiles, with the tiles done and in all.
	Progress func(done, total int)
	Workers  int // goroutines; 0 = one per processor
}

// maxSide bounds width and height: beyond 2^27 pixels a row of tiles alone
// would exceed a desktop's memory.
const maxSide = 1 << 27

func (o *Options) complete() error {
	if o.Width <= 0 || o.Height <= 0 || o.Width > maxSide || o.Height > maxSide {
		return fmt.Errorf("size %d x %d px is outside 1..%d", o.Width, o.Height, maxSide)
	}
	if o.TileSize == 0 {
		o.TileSize = 256
	}
	if o.TileSize < 16 || o.TileSize%16 != 0 || o.TileSize > 4096 {
		return fmt.Errorf("tile size %d px is not a multiple of 16 in 16..4096", o.TileSize)
	}
	if o.Step == 0 {
		o.Step = 2
		if o.Layout == Aperio {
			o.Step = 4
		}
	}
	if o.Step != 2 && o.Step != 4 {
		return fmt.Errorf("step %d between levels is neither 2 nor 4", o.Step)
	}
	if o.Smallest == 0 {
		o.Smallest = thumbnailSide
	}
	if o.MPP < 0 || o.MPP != o.MPP || o.MPP > 1e6 {
		return fmt.Errorf("mpp %g is not a pixel size in µm", o.MPP)
	}
	if o.Quality == 0 {
		o.Quality = 80
	}
	if o.Quality < 1 || o.Quality > 100 {
		return fmt.Errorf("JPEG quality %d is outside 1..100", o.Quality)
	}
	if o.Encode == nil {
		o.Encode = GoJPEG
	}
	if o.Software == "" {
		o.Software = "Coverslip"
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return nil
}
