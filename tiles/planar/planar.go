// Package planar makes slides of levels that hold several planes: channels of
// fluorescence, focal planes, time points.
package planar

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Grid is a level of a slide of several planes. Its ReadTile is asked for by a
// slide in colour of one plane alone.
type Grid interface {
	tiff.Grid
	// ReadPlane decodes a tile of a plane of the slide's stack into dst, which
	// has the size of the level's TileRect and what Stack asks for. It returns
	// tiles.ErrMissing for a tile that was never stored.
	ReadPlane(ctx context.Context, col, row int, p tiles.Plane, dst *tiles.Raster) error
}

// Slide is a tiles.Planar; what is not of planes is the slide's below it.
type Slide struct {
	*tiff.Slide
	stack tiles.Stack
	shown *tiles.View // draws the planes shown by default
}

// New makes a slide of its parts, whose levels must be Grids, and takes over
// their source. Channels are completed (tiles.CompleteChannels), their names
// and the number of focal planes written to Info. A slide in colour of one
// plane is no tiles.Planar: there is nothing to choose.
func New(parts tiff.Parts, stack tiles.Stack) (tiles.Slide, error) {
	stack.Z, stack.T = max(1, stack.Z), max(1, stack.T)
	if stack.InColor {
		stack.Channels, parts.Info.Channels = nil, []string{"R", "G", "B"}
	} else {
		tiles.CompleteChannels(stack.Channels)
		parts.Info.Channels = tiles.ChannelNames(stack.Channels)
		if parts.Info.Background == (color.NRGBA{}) {
			parts.Info.Background = color.NRGBA{A: 255} // no light is black
		}
	}
	if len(parts.Info.ZPlanes) != stack.Z {
		parts.Info.ZPlanes = make([]float64, stack.Z)
	}
	for _, g := range parts.Levels {
		if _, ok := g.(Grid); !ok {
			return nil, fmt.Errorf("planar: a level of %T", g)
		}
	}
	flat, err := tiff.NewSlide(parts)
	if err != nil {
		return nil, err
	}
	if stack.InColor && stack.Z == 1 && stack.T == 1 {
		return flat, nil
	}
	s := &Slide{Slide: flat, stack: stack}
	if s.shown, err = tiles.NewView(s, tiles.DefaultDisplay(&s.stack)); err != nil {
		return nil, &tiles.FormatError{Format: parts.Info.Format, What: "the channels", Err: err}
	}
	return s, nil
}

// Stack implements tiles.Planar.
func (s *Slide) Stack() *tiles.Stack { return &s.stack }

// ReadTile implements tiles.Slide: it draws the planes shown by default.
func (s *Slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return err
	}
	return s.shown.ReadTile(ctx, k, dst)
}

// ReadPlane implements tiles.Planar.
func (s *Slide) ReadPlane(ctx context.Context, k tiles.Key, p tiles.Plane, dst *tiles.Raster) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return err
	}
	levels := s.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(levels))}
	}
	r := levels[k.Level].TileRect(k.Col, k.Row)
	err := s.stack.Check(p)
	switch {
	case k.Col < 0 || k.Row < 0 || r.Empty() || r.Size() != image.Pt(dst.Width, dst.Height):
		err = fmt.Errorf("destination of %d×%d for a tile of %v pixels", dst.Width, dst.Height, r.Size())
	case err == nil:
		err = s.Grid(k.Level).(Grid).ReadPlane(ctx, k.Col, k.Row, p, dst)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tiles.ErrMissing):
		s.erase(dst)
		return tiles.ErrMissing
	}
	if broken := s.Err(); broken != nil { // the slide is at fault, not the tile
		return broken
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &tiles.TileError{Key: k, Err: err}
}

// erase leaves what a tile shows that was never stored.
func (s *Slide) erase(dst *tiles.Raster) {
	clear(dst.Uint16)
	clear(dst.Float32)
	if dst.RGBA != nil {
		tiles.Fill(dst.RGBA, s.Info().Background)
	}
}
