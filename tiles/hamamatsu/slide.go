package hamamatsu

import (
	"context"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// grid is a level.
type grid interface {
	tiff.Grid
	// readPart decodes the pixels of r, which lies inside the level, into dst,
	// which has its size.
	readPart(ctx context.Context, r image.Rectangle, dst *image.RGBA) error
	directory() *tiff.Directory
}

// slide is a slide of one focal plane. Its levels are cut anywhere
// (tiles.PartReader): a region decodes the restart segments that it meets.
type slide struct {
	*tiff.Slide
	src   *tiles.Source
	grids []grid // one each of Levels
	keep  *keeper
}

// newSlide makes a slide of its parts; p.Levels must be empty.
func newSlide(p tiff.Parts, levels []grid, keep *keeper) (*slide, error) {
	for _, g := range levels {
		p.Levels = append(p.Levels, g)
	}
	s, err := tiff.NewSlide(p)
	if err != nil {
		return nil, err
	}
	out := &slide{Slide: s, src: p.Source, keep: keep}
	out.grids = matching(s.Levels(), levels)
	return out, nil
}

// matching are the grids of the given levels, which were made of them.
func matching(levels []tiles.Level, grids []grid) []grid {
	out := make([]grid, len(levels))
	for i, l := range levels {
		for _, g := range grids {
			if have := g.Level(); out[i] == nil && have.Width == l.Width && have.Height == l.Height {
				out[i] = g
			}
		}
	}
	return out
}

// ReadPart implements tiles.PartReader.
func (s *slide) ReadPart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	return s.readPart(ctx, s.grids, k, r, dst)
}

// readPart is ReadPart on levels that lie as those of the slide do. A level that
// is nil is not stored.
func (s *slide) readPart(ctx context.Context, grids []grid, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.src.Err(); err != nil {
		return err
	}
	levels := s.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(levels))}
	}
	if tile := levels[k.Level].TileRect(k.Col, k.Row); k.Col < 0 || k.Row < 0 || r.Empty() || !r.In(tile) || r.Size() != dst.Rect.Size() {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("destination of %v for %v of a tile at %v", dst.Rect.Size(), r, tile)}
	}
	g := grids[k.Level]
	if g == nil {
		tiles.Fill(dst, s.Info().Background)
		return tiles.ErrMissing
	}
	err := g.readPart(ctx, r, dst)
	switch broken := s.src.Err(); {
	case err == nil:
		return nil
	case broken != nil: // the slide is at fault, not the tile
		return broken
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &tiles.TileError{Key: k, Err: err}
}

// Close closes the file.
func (s *slide) Close() error {
	s.keep.drop()
	return s.Slide.Close()
}

// stack is a slide of several focal planes.
type stack struct {
	*slide
	stack  tiles.Stack
	planes [][]grid // one each of Info.ZPlanes; as slide.grids, nil for what is not stored
}

// Stack implements tiles.Planar.
func (s *stack) Stack() *tiles.Stack { return &s.stack }

// ReadPlane implements tiles.Planar.
func (s *stack) ReadPlane(ctx context.Context, k tiles.Key, p tiles.Plane, dst *tiles.Raster) error {
	if p.Channel != 0 || p.T != 0 || p.Z < 0 || p.Z >= len(s.planes) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("no plane %+v: the slide has %d focal planes", p, len(s.planes))}
	}
	if dst.RGBA == nil {
		return &tiles.TileError{Key: k, Err: errors.New("the planes of the slide are pictures in colour")}
	}
	levels := s.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(levels))}
	}
	r := levels[k.Level].TileRect(k.Col, k.Row)
	if dst.Width != r.Dx() || dst.Height != r.Dy() {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("destination of %d×%d for tile of %v pixels", dst.Width, dst.Height, r.Size())}
	}
	return s.readPart(ctx, s.planes[p.Z], k, r, dst.RGBA)
}
