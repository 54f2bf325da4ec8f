package mirax

import (
	"context"
	"errors"
	"fmt"
	"image"

	"coverslip/tiles"
	"coverslip/tiles/mosaic"
	"coverslip/tiles/planar"
	"coverslip/tiles/tiff"
)

// newSlide makes the slide of its parts.
func (s *store) newSlide(p tiff.Parts) (tiles.Slide, error) {
	made, err := planar.New(p, s.stack)
	if err != nil {
		return nil, err
	}
	switch m := made.(type) {
	case *tiff.Slide:
		return &slide{m, parts{m, s}}, nil
	case *planar.Slide:
		if s.stack.InColor {
			return &stack{m, parts{m.Slide, s}}, nil
		}
	}
	return made, nil
}

// slide is a slide in colour.
type slide struct {
	*tiff.Slide
	parts
}

// stack is a slide in colour of several focal planes.
type stack struct {
	*planar.Slide
	parts
}

// parts reads parts of the tiles of a slide in colour.
type parts struct {
	slide *tiff.Slide
	store *store
}

// ReadPart implements tiles.PartReader.
func (p parts) ReadPart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	return p.checked(ctx, k, r, dst, (*mosaic.Placed).ReadPart)
}

// ReadScanned implements tiles.ScannedReader.
func (p parts) ReadScanned(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	return p.checked(ctx, k, r, dst, (*mosaic.Placed).ReadScanned)
}

// ReadLevelRegion implements tiles.RegionReader.
func (p parts) ReadLevelRegion(ctx context.Context, level int, r image.Rectangle, dst *image.RGBA) error {
	if err := p.slide.Err(); err != nil {
		return err
	}
	g, err := p.grid(level)
	if err != nil {
		return &tiles.TileError{Key: tiles.Key{Level: level}, Err: err}
	}
	err = g.ReadRegion(ctx, level, r, dst)
	if broken := p.slide.Err(); err != nil && broken != nil { // the slide is at fault, not a tile
		return broken
	}
	return err
}

// reader is a way to read a part of a tile.
type reader func(g *mosaic.Placed, ctx context.Context, col, row int, r image.Rectangle, dst *image.RGBA) error

// checked tells what is wrong with a tile from what is wrong with the slide.
func (p parts) checked(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA, with reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.slide.Err(); err != nil {
		return err
	}
	if n := len(p.slide.Levels()); k.Level < 0 || k.Level >= n {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", n)}
	}
	err := p.read(ctx, k, r, dst, with)
	switch {
	case err == nil, errors.Is(err, tiles.ErrMissing), ctx.Err() != nil:
		return err
	}
	if broken := p.slide.Err(); broken != nil { // the slide is at fault, not the tile
		return broken
	}
	return &tiles.TileError{Key: k, Err: err}
}

func (p parts) read(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA, with reader) error {
	g, err := p.grid(k.Level)
	if err != nil {
		return err
	}
	return with(g, ctx, k.Col, k.Row, r, dst)
}

// grid is the images of a level that are shown when nothing is asked.
func (p parts) grid(n int) (*mosaic.Placed, error) {
	l, ok := p.slide.Grid(n).(*level)
	if !ok {
		return nil, errors.New("the level is another's")
	}
	return l.grid(p.store.first)
}
