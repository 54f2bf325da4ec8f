package tiff

import (
	"context"
	"fmt"
	"image"
	"sync"

	"coverslip/tiles"
)

// MaxPlanes bounds the planes of a slide: channels times focal planes times time
// points.
const MaxPlanes = 1 << 16

// PlaneLevels are the images of one plane and which of their samples the plane
// is (0 in a stack in colour).
type PlaneLevels struct {
	Levels []SampleGrid
	Sample int
}

// Stack finds the images of a slide of several planes, each of which is stored
// as images of its own. It is safe for concurrent use.
type Stack struct {
	kept *recent[recentTile, rawTile] // tiles whose samples lie together

	mu     sync.Mutex // protects all below; held while a plane is found
	find   func(p tiles.Plane) (PlaneLevels, error)
	known  map[tiles.Plane]planeImages
	closed bool
}

// planeImages is a plane that was asked for before.
type planeImages struct {
	PlaneLevels
	err error // why there are none
}

// NewStack makes a Stack. find gives the images of a plane, or says why they
// cannot be read: tiles.ErrMissing when they were never stored. Its answers are
// remembered; calls do not overlap, and there is none after Close.
func NewStack(find func(p tiles.Plane) (PlaneLevels, error)) *Stack {
	return &Stack{find: find, known: map[tiles.Plane]planeImages{}, kept: newRecent[recentTile, rawTile](recentBytes)}
}

// Levels are the slide's levels, of the sizes that the images of one plane have.
func (s *Stack) Levels(of []SampleGrid) []Grid {
	out := make([]Grid, len(of))
	for i, g := range of {
		out[i] = &stackGrid{s, g.Level()}
	}
	return out
}

// Close ends the use of find.
func (s *Stack) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// plane finds the images of a plane.
func (s *Stack) plane(p tiles.Plane) (planeImages, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, known := s.known[p]
	if known {
		return m, m.err
	}
	if s.closed {
		return m, tiles.ErrClosed
	}
	m.PlaneLevels, m.err = s.find(p)
	for _, g := range m.Levels {
		switch t := g.(type) {
		case *Image:
			t.recent = s.kept
		case *joined:
			t.recent = s.kept
		}
	}
	s.known[p] = m
	return m, m.err
}

// stackGrid is one level of all planes.
type stackGrid struct {
	stack *Stack
	level tiles.Level
}

// Level implements Grid.
func (g *stackGrid) Level() tiles.Level { return g.level }

// ReadTile implements Grid: it reads the first plane.
func (g *stackGrid) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return g.ReadPlane(ctx, col, row, tiles.Plane{}, &tiles.Raster{Width: dst.Rect.Dx(), Height: dst.Rect.Dy(), RGBA: dst})
}

// ReadPlane decodes a tile of a plane into dst, which has the size of the
// level's TileRect: into its RGBA a picture, else the samples of one channel.
// Errors as Grid.ReadTile.
func (g *stackGrid) ReadPlane(ctx context.Context, col, row int, p tiles.Plane, dst *tiles.Raster) error {
	m, err := g.stack.plane(p)
	if err != nil {
		return err
	}
	for _, of := range m.Levels {
		l := of.Level()
		if l.Width != g.level.Width || l.Height != g.level.Height || l.TileWidth != g.level.TileWidth || l.TileHeight != g.level.TileHeight {
			continue
		}
		if dst.RGBA != nil {
			return of.ReadTile(ctx, col, row, dst.RGBA)
		}
		return of.ReadSamples(ctx, col, row, m.Sample, dst)
	}
	return fmt.Errorf("plane (c %d, z %d, t %d) has no image of %d×%d pixels in tiles of %d×%d", p.Channel, p.Z, p.T, g.level.Width, g.level.Height, g.level.TileWidth, g.level.TileHeight)
}
