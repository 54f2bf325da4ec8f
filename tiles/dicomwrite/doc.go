// Package dicomwrite writes DICOM whole slide images (VL Whole Slide Microscopy
// Image Storage, PS3.3 A.32.8): a folder of files, one a level, with tiles in
// order (TILED_FULL), and the label, overview and thumbnail where they are given.
//
// Tiles come ready: JPEG streams as a scanner wrote them need not be decoded.
// The folder appears only when every file in it is whole.
//
// What the standard demands and nobody knows is empty where it may be (type 2)
// and otherwise a plain value that says so. Times and identifiers are the
// caller's: the same seed and time give the same bytes.
package dicomwrite

import (
	"image"
	"time"

	"coverslip/tiles"
)

// Coding is how the frames of the levels are stored.
type Coding int

// The codings that are written.
const (
	JPEG  Coding = iota // baseline, 8 bits, in colour: transfer syntax 1.2.840.10008.1.2.4.50
	Plain               // uncompressed; run-length encoded beyond the 4 GiB that plain pixel data may have
)

// Level is one step of the pyramid.
type Level struct {
	Width, Height         int     // pixels
	TileWidth, TileHeight int     // pixels
	Downsample            float64 // pixels of the first level per pixel
}

// Person names a patient; what is empty is written empty.
type Person struct {
	Name      string // as DICOM writes names: FAMILY^GIVEN
	ID        string
	BirthDate string // YYYYMMDD
	Sex       string // M, F, O
}

// Slide describes what is written.
type Slide struct {
	Levels   []Level
	Coding   Coding
	Channels []tiles.Channel // optical paths of one sample each; nil for colour
	Bits     int             // of a channel's samples as stored: 8 or 16; ignored in colour
	ZPlanes  []float64       // µm, ascending by equal steps; nil for one plane at 0

	MPPX, MPPY float64 // µm per pixel of the first level; needed
	Resampled  bool    // the first level is not the scanner's full resolution
	Objective  float64 // nominal magnification, 0 when unknown
	ICC        []byte  // colour profile; nil = sRGB
	// LossyRatio is how many times smaller than plain the source was compressed
	// with loss; 0 when it was not. Frames of Coding JPEG count besides.
	LossyRatio float64

	Patient         Person
	AccessionNumber string
	Container       string // identifier of the glass slide, "" = "UNKNOWN"
	Specimen        string // identifier of the specimen, "" = the container's
	Manufacturer    string // of the scanner, "" = "Unknown"
	Model           string
	Serial          string
	Software        string    // who writes; "" = "Coverslip"
	Time            time.Time // of acquisition, as far as known; needed
	Seed            string    // of all identifiers; "" = random ones

	Label, Overview, Thumbnail *image.RGBA // nil = none
	// Encode compresses overview and thumbnail as baseline JPEG; needed with them.
	Encode func(*image.RGBA) ([]byte, error)

	limit int64 // of lengths and offsets of 32 bits; 0 = what they can hold. Tests have it smaller.
}

// Put takes one frame: planes count focal planes fastest, then channels; the
// tiles of a plane of a level come row by row, the planes of a level one after
// another. Tile (0,0) of plane 0 begins its level anew.
type Put func(plane, level, col, row int, data []byte) error

// Planes is the number of planes.
func (s *Slide) Planes() int { return s.paths() * s.focal() }

func (s *Slide) paths() int { return max(1, len(s.Channels)) }
func (s *Slide) focal() int { return max(1, len(s.ZPlanes)) }
