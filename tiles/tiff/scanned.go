package tiff

import (
	"context"
	"fmt"
	"image"

	"coverslip/tiles"
)

// ScannedGrid is a Grid that knows which pixels of its tiles were scanned.
type ScannedGrid interface {
	Grid
	// ReadScanned decodes r, pixels of the level inside a tile, into dst, whose
	// bounds must have its size. What was not scanned is transparent; it returns
	// tiles.ErrMissing where nothing was.
	ReadScanned(ctx context.Context, col, row int, r image.Rectangle, dst *image.RGBA) error
}

// ScannedSlide is a Slide that is a tiles.ScannedReader.
type ScannedSlide struct{ *Slide }

// NewScannedSlide makes a slide of its parts as NewSlide does. Levels that are no
// ScannedGrid hold whole tiles: all of one is scanned, or it is missing.
func NewScannedSlide(p Parts) (*ScannedSlide, error) {
	s, err := NewSlide(p)
	if err != nil {
		return nil, err
	}
	return &ScannedSlide{s}, nil
}

// ReadScanned implements tiles.ScannedReader.
func (s *ScannedSlide) ReadScanned(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.src.Err(); err != nil {
		return err
	}
	if k.Level < 0 || k.Level >= len(s.images) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(s.images))}
	}
	tile := s.levels[k.Level].TileRect(k.Col, k.Row)
	if k.Col < 0 || k.Row < 0 || r.Empty() || !r.In(tile) || r.Size() != dst.Rect.Size() {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("destination of %v for %v of a tile at %v", dst.Rect.Size(), r, tile)}
	}
	if g, ok := s.images[k.Level].(ScannedGrid); ok {
		return s.failure(ctx, k, g.ReadScanned(ctx, k.Col, k.Row, r, dst))
	}
	if r == tile {
		return s.failure(ctx, k, s.images[k.Level].ReadTile(ctx, k.Col, k.Row, dst))
	}
	whole := image.NewRGBA(image.Rectangle{Max: tile.Size()})
	err := s.images[k.Level].ReadTile(ctx, k.Col, k.Row, whole)
	from := r.Min.Sub(tile.Min)
	for y := range r.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*r.Dx()], whole.Pix[whole.PixOffset(from.X, from.Y+y):])
	}
	return s.failure(ctx, k, err)
}
