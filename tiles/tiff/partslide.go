package tiff

import (
	"context"
	"image"

	"coverslip/tiles"
)

// PartSlide is a Slide that decodes parts of tiles where that is cheaper; it
// implements tiles.PartReader. Who embeds it must not change what ReadTile gives.
type PartSlide struct{ *Slide }

// NewPartSlide makes a slide of its parts as NewSlide does.
func NewPartSlide(p Parts) (*PartSlide, error) {
	s, err := NewSlide(p)
	if err != nil {
		return nil, err
	}
	return &PartSlide{s}, nil
}

// ReadPart implements tiles.PartReader.
func (s *PartSlide) ReadPart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	if ok, err := s.TilePart(ctx, k, r, dst); ok {
		return err
	}
	return tiles.ReadWholeFor(ctx, s.Slide, k, r, dst)
}
