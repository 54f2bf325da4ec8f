package tiles

import (
	"context"
	"image"
	"image/color"
)

// Channel is one channel of a slide that is not, or not only, shown as it is
// stored: fluorescence, or grey of more than eight bits.
type Channel struct {
	Name       string     // as the file gives it, else "Channel 1", ...
	Color      color.RGBA // the colour it is drawn in: the file's, else one of a fixed series
	Bits       int        // significant bits of a sample, 1 to 32
	Float      bool       // samples are floating-point or signed numbers; read as Float32
	Low, High  float64    // sample values drawn as black and as the full colour when nothing else is asked; equal: found from the pixels
	Gamma      float64    // exponent of the shown value, 1 = linear, > 0
	Hidden     bool       // not drawn when nothing is asked
	Excitation float64    // nm, 0 when unknown
	Emission   float64    // nm, 0 when unknown
}

// Plane names one of the pictures that a slide of several holds of each tile.
// The zero value is the first of each.
type Plane struct {
	Channel int // index in Stack.Channels; 0 for a stack in colour
	Z       int // index in Info.ZPlanes
	T       int // index of the time point
}

// Stack says which planes a slide has.
type Stack struct {
	// InColor: a plane is a picture in colour (brightfield); Channels is then
	// empty and Plane.Channel 0.
	InColor  bool
	Channels []Channel
	Z        int // focal planes, >= 1; Info.ZPlanes has as many entries
	T        int // time points, >= 1
	DefaultZ int // the plane shown when nothing is asked: the one in best focus as far as the file says
}

// Raster is the samples of one tile of one plane, row after row without gaps.
// Exactly one of the three is used: RGBA in a stack in colour, else Uint16 for
// unsigned integers of up to 16 bits and Float32 for all others; see
// Stack.NewRaster.
type Raster struct {
	Width, Height int
	RGBA          *image.RGBA
	Uint16        []uint16
	Float32       []float32
}

// Planar is a Slide that holds more than one picture of each tile, or samples of
// more than eight bits. Its ReadTile draws the planes shown by default, by a View
// of DefaultDisplay; others are drawn by other Views of it. AssociatedImage and
// Levels are the same for all planes.
type Planar interface {
	Slide
	// Stack says which planes there are; the value is shared and must not be
	// changed.
	Stack() *Stack
	// ReadPlane decodes one tile of one plane into dst, whose size must be that
	// of Level.TileRect and whose slice or picture of the right kind must be
	// allocated. Errors as ReadTile; for ErrMissing dst is zero (in colour: the
	// background).
	ReadPlane(ctx context.Context, k Key, p Plane, dst *Raster) error
}

// ChannelView says how one channel is drawn.
type ChannelView struct {
	Hidden    bool
	Color     color.RGBA
	Low, High float64 // sample values drawn as black and as the full colour; High below Low inverts; equal: found from the pixels
	Gamma     float64 // exponent, 1 = linear
}

// Display says what of a Planar slide is drawn, and how.
type Display struct {
	Z, T     int
	Channels []ChannelView // one each of Stack.Channels; nil for a stack in colour
}
