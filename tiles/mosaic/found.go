package mosaic

import (
	"image"
	"image/color"

	"coverslip/tiles"
)

// Finder finds the pieces of a level from a rule: a list of millions would take
// more memory than the rule needs. Implementations are safe for concurrent use.
type Finder interface {
	// Pieces appends to out the pieces that meet want, pixels of the level, and
	// maybe others, in the order in which they are drawn: the last is on top.
	// It names no picture that was never stored.
	Pieces(want image.Rectangle, out []Piece) []Piece
}

// NewFound makes a level of the pieces that finder finds; see NewPlaced. Pieces
// are checked when they are found.
func NewFound(format string, level tiles.Level, pictures Pictures, finder Finder, background color.NRGBA, kept *Kept) (*Placed, error) {
	p := &Placed{format: format, level: level, pictures: pictures, finder: finder, background: background, kept: kept}
	if err := p.checkLevel(); err != nil {
		return nil, err
	}
	return p, nil
}
