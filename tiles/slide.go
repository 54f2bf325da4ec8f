package tiles

import (
	"context"
	"image"
	"image/color"
)

// Key names one stored tile of one slide. It is comparable and is the key of
// every map and cache of tiles.
type Key struct {
	Level int // pyramid step, 0 = full resolution
	Col   int // tile column in the level's grid
	Row   int // tile row in the level's grid
}

// Level describes one step of the pyramid.
type Level struct {
	Width, Height         int     // pixels of this level
	Downsample            float64 // level-0 pixels per pixel of this level, >= 1
	TileWidth, TileHeight int     // pixels of a full tile of this level
}

// Cols is the number of tile columns of the level.
func (l Level) Cols() int { return (l.Width + l.TileWidth - 1) / l.TileWidth }

// Rows is the number of tile rows of the level.
func (l Level) Rows() int { return (l.Height + l.TileHeight - 1) / l.TileHeight }

// TileRect is the rectangle of a tile in pixels of the level, clipped at the
// level's right and lower edge; empty when the tile lies outside the grid.
func (l Level) TileRect(col, row int) image.Rectangle {
	r := image.Rect(col*l.TileWidth, row*l.TileHeight, (col+1)*l.TileWidth, (row+1)*l.TileHeight)
	return r.Intersect(image.Rect(0, 0, l.Width, l.Height))
}

// Info is what a slide says of itself.
type Info struct {
	Format      string            // name of the reader: "aperio", "tiff", ...
	Vendor      string            // who made the scanner: "Aperio", "Generic", ...
	Path        string            // where the slide was opened from
	MPPX, MPPY  float64           // µm per level-0 pixel; 0 when the file does not say
	MPPFrom     string            // the property MPP was read from, "" when unknown
	Objective   float64           // nominal magnification of the objective, for people; 0 when unknown
	Channels    []string          // names of the channels in order: "R","G","B" for brightfield
	ZPlanes     []float64         // µm of each focal plane; one entry for a flat slide
	Background  color.NRGBA       // colour where nothing was scanned
	Bounds      image.Rectangle   // where anything was scanned, level-0 pixels; empty: everywhere, or the file does not say
	Properties  map[string]string // the file's own properties, and OpenSlide's names ("openslide.mpp-x", ...)
	Associated  []string          // names of the associated images, sorted: "label", "macro", "thumbnail"
	Fingerprint string            // see FingerprintOf; the identity of the file's bytes
	Warnings    []string          // what is odd about the file, for people
	Incomplete  string            // why parts of the slide are lacking: the file was not copied to its end; "" when none are known to
}

// Slide is one opened slide. Its methods are safe for concurrent use.
//
// A slide whose file broke (vanished, was cut) latches its error: every later
// ReadTile answers with it. A single bad tile does not close the slide.
type Slide interface {
	// Info describes the slide; the value is shared and must not be changed.
	Info() *Info
	// Levels lists the pyramid, level 0 first, strictly smaller each step; the
	// slice is shared and must not be changed.
	Levels() []Level
	// ReadTile decodes one tile into dst, whose bounds must have the size of
	// Level.TileRect. It returns a *TileError for a tile that cannot be decoded
	// and ErrMissing (dst then holds the background) for a tile that was never
	// stored.
	ReadTile(ctx context.Context, k Key, dst *image.RGBA) error
	// AssociatedImage decodes the named associated image; ErrNoAssociated when
	// there is none of that name.
	AssociatedImage(ctx context.Context, name string) (*image.RGBA, error)
	// ICC returns the embedded colour profile of level 0, nil when there is
	// none. Pixels are never changed by it.
	ICC() []byte
	// Close frees the file. Calls after Close return ErrClosed.
	Close() error
}

// Region is a rectangle of the slide at a resolution.
type Region struct {
	X, Y, W, H float64 // level-0 pixels, half-open
	Downsample float64 // level-0 pixels per wanted pixel, >= 1 (less: magnified)
}
