package tiff

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"slices"
	"sync"

	"coverslip/tiles"
)

// MaxPlanes bounds the planes of a slide: channels times focal planes times time
// points.
const MaxPlanes = 1 << 16

// PlaneLevels are the images of one plane, level 0 first, and which of their
// samples the plane is (0 in a stack in colour).
type PlaneLevels struct {
	Levels []SampleGrid
	Sample int
}

// StackParts are what a vendor's reader found in a file of several planes.
type StackParts struct {
	Parts // Levels are those of a plane that is there; the levels of all have the same sizes
	Stack tiles.Stack
	// Plane finds the images of a plane, or says why they cannot be read;
	// tiles.ErrMissing when they were never stored. Its answer is remembered.
	// Calls do not overlap.
	Plane func(p tiles.Plane) (PlaneLevels, error)
	// Close closes what else was opened beside Source; may be nil.
	Close func() error
}

// StackSlide is a tiles.Planar whose tiles are those of TIFF files.
type StackSlide struct {
	*Slide
	stack tiles.Stack
	shown *tiles.View
	close func() error

	mu    sync.Mutex // protects all below; held while a plane is found
	find  func(p tiles.Plane) (PlaneLevels, error)
	known map[tiles.Plane]*planeImages
	kept  *recent[recentTile, rawTile] // tiles whose samples lie together
}

// planeImages is a plane that was asked for before.
type planeImages struct {
	grids  []SampleGrid // one a level of the slide; nil where the plane has none
	sample int
	err    error // why there are none
}

// NewStackSlide makes a slide of its parts and takes over the source, on an
// error not. Info.Channels is filled in from the stack unless it is in colour;
// the background of channels is black.
func NewStackSlide(p StackParts) (*StackSlide, error) {
	st := &p.Stack
	if n := int64(max(1, len(st.Channels))) * int64(st.Z) * int64(st.T); st.Z < 1 || st.T < 1 || st.Z > MaxPlanes || st.T > MaxPlanes || n > MaxPlanes {
		return nil, bad("%d channels, %d focal planes and %d time points are more than %d planes, or none", len(st.Channels), st.Z, st.T, MaxPlanes)
	}
	if !st.InColor {
		tiles.CompleteChannels(st.Channels)
		p.Info.Channels = tiles.ChannelNames(st.Channels)
		if p.Info.Background == (color.NRGBA{}) {
			p.Info.Background = color.NRGBA{A: 255}
		}
	}
	s := &StackSlide{stack: p.Stack, find: p.Plane, close: p.Close, known: map[tiles.Plane]*planeImages{},
		kept: newRecent[recentTile, rawTile](recentBytes)}
	var err error
	if s.Slide, err = NewSlide(p.Parts); err != nil {
		return nil, err
	}
	if n := len(s.info.ZPlanes); n != st.Z {
		s.info.ZPlanes = slices.Clone(append(s.info.ZPlanes, make([]float64, st.Z)...)[:st.Z])
	}
	s.shown, err = tiles.NewView(s, tiles.DefaultDisplay(&s.stack))
	return s, err
}

// Stack implements tiles.Planar.
func (s *StackSlide) Stack() *tiles.Stack { return &s.stack }

// Close closes the files.
func (s *StackSlide) Close() error {
	err := s.Slide.Close()
	if s.close == nil || errors.Is(err, tiles.ErrClosed) {
		return err
	}
	s.mu.Lock() // the finder may be opening a file
	defer s.mu.Unlock()
	return errors.Join(err, s.close())
}

// ReadTile implements tiles.Slide.
func (s *StackSlide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.src.Err(); err != nil {
		return err
	}
	return s.shown.ReadTile(ctx, k, dst)
}

// ReadPlane implements tiles.Planar.
func (s *StackSlide) ReadPlane(ctx context.Context, k tiles.Key, p tiles.Plane, dst *tiles.Raster) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.src.Err(); err != nil {
		return err
	}
	err := s.readPlane(ctx, k, p, dst)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tiles.ErrMissing):
		if dst.RGBA != nil {
			tiles.Fill(dst.RGBA, s.info.Background)
		}
		clear(dst.Uint16)
		clear(dst.Float32)
		return tiles.ErrMissing
	}
	if broken := s.src.Err(); broken != nil { // the slide is at fault, not the tile
		return broken
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &tiles.TileError{Key: k, Err: err}
}

func (s *StackSlide) readPlane(ctx context.Context, k tiles.Key, p tiles.Plane, dst *tiles.Raster) error {
	if err := s.stack.Check(p); err != nil {
		return err
	}
	if k.Level < 0 || k.Level >= len(s.levels) {
		return fmt.Errorf("the slide has %d levels", len(s.levels))
	}
	l := s.levels[k.Level]
	if k.Col < 0 || k.Row < 0 || k.Col >= l.Cols() || k.Row >= l.Rows() {
		return fmt.Errorf("outside the grid of %d×%d tiles", l.Cols(), l.Rows())
	}
	if size := l.TileRect(k.Col, k.Row).Size(); size != image.Pt(dst.Width, dst.Height) {
		return fmt.Errorf("destination of %d×%d for a tile of %v pixels", dst.Width, dst.Height, size)
	}
	g, sample, err := s.grid(k.Level, p)
	if err != nil {
		return err
	}
	if s.stack.InColor {
		return g.ReadTile(ctx, k.Col, k.Row, dst.RGBA)
	}
	return g.ReadSamples(ctx, k.Col, k.Row, sample, dst)
}

// grid finds a level of a plane.
func (s *StackSlide) grid(level int, p tiles.Plane) (SampleGrid, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.src.Err(); err != nil { // closed: no further file is opened
		return nil, 0, err
	}
	m := s.known[p]
	if m == nil {
		m = s.match(p)
		s.known[p] = m
	}
	if m.err != nil {
		return nil, 0, m.err
	}
	if m.grids[level] == nil {
		return nil, 0, fmt.Errorf("plane (c %d, z %d, t %d) has no image of the size of level %d", p.Channel, p.Z, p.T, level)
	}
	return m.grids[level], m.sample, nil
}

// match finds a plane's images and puts each where its size belongs.
func (s *StackSlide) match(p tiles.Plane) *planeImages {
	found, err := s.find(p)
	if err != nil {
		return &planeImages{err: err}
	}
	m := &planeImages{grids: make([]SampleGrid, len(s.levels)), sample: found.Sample}
	for _, g := range found.Levels {
		switch t := g.(type) {
		case *Image:
			t.recent = s.kept
		case *joined:
			t.recent = s.kept
		}
		l := g.Level()
		for i, want := range s.levels {
			if m.grids[i] == nil && l.Width == want.Width && l.Height == want.Height && l.TileWidth == want.TileWidth && l.TileHeight == want.TileHeight {
				m.grids[i] = g
				break
			}
		}
	}
	return m
}
