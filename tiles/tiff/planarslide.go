package tiff

import (
	"context"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles"
)

// PlanarSlide is a Slide whose tiles are samples of channels (tiles.Planar): one
// focal plane, one time point. Its levels are SampleGrids.
type PlanarSlide struct {
	*Slide
	stack tiles.Stack
	view  *tiles.View
}

// NewPlanarSlide makes a slide of its parts, whose levels must be SampleGrids of
// the given channels, and takes over the source; see NewSlide.
func NewPlanarSlide(p Parts, channels []tiles.Channel) (*PlanarSlide, error) {
	p.Info.Channels = tiles.ChannelNames(channels)
	kept := newRecent[recentTile, rawTile](recentBytes)
	for i, g := range p.Levels {
		if _, ok := g.(SampleGrid); !ok {
			return nil, fmt.Errorf("tiles/tiff: level %d has no samples", i)
		}
		if u, ok := g.(*turned); ok {
			g = u.SampleGrid
		}
		if m, ok := g.(*Image); ok {
			m.recent = kept
		}
	}
	inner, err := NewSlide(p)
	if err != nil {
		return nil, err
	}
	s := &PlanarSlide{Slide: inner, stack: tiles.Stack{Channels: channels, Z: 1, T: 1}}
	s.view, err = tiles.NewView(s, tiles.DefaultDisplay(&s.stack))
	return s, err
}

// Stack implements tiles.Planar.
func (s *PlanarSlide) Stack() *tiles.Stack { return &s.stack }

// ReadTile draws the channels by their default windows.
func (s *PlanarSlide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if err := s.src.Err(); err != nil {
		return err
	}
	return s.view.ReadTile(ctx, k, dst)
}

// ReadPlane implements tiles.Planar.
func (s *PlanarSlide) ReadPlane(ctx context.Context, k tiles.Key, p tiles.Plane, dst *tiles.Raster) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.src.Err(); err != nil {
		return err
	}
	if k.Level < 0 || k.Level >= len(s.images) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(s.images))}
	}
	if err := s.stack.Check(p); err != nil {
		return &tiles.TileError{Key: k, Err: err}
	}
	err := s.images[k.Level].(SampleGrid).ReadSamples(ctx, k.Col, k.Row, p.Channel, dst)
	if err == nil || errors.Is(err, tiles.ErrMissing) {
		return err
	}
	if broken := s.src.Err(); broken != nil { // the slide is at fault, not the tile
		return broken
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &tiles.TileError{Key: k, Err: err}
}
