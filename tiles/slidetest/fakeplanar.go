package slidetest

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"sync/atomic"

	"coverslip/tiles"
)

// Planar is a slide of several planes without a file, for tests: two levels of
// tiles of 64 pixels. A sample of plane (c, z, t) at (x, y) of a level is
// x + 2·y + 1000·c + 100·z + 10·t + level, cut off at the channel's greatest
// value.
type Planar struct {
	Reads atomic.Int64                      // planes read
	Bad   map[tiles.Key]error               // what the tiles of some keys answer
	Lost  func(tiles.Key, tiles.Plane) bool // planes that were never stored; may be nil

	info   tiles.Info
	stack  tiles.Stack
	levels []tiles.Level
	shown  *tiles.View
	closed atomic.Bool
}

// NewPlanar makes a slide of 300×200 pixels with the given channels (none: in
// colour), focal planes 0.5 µm apart, and time points.
func NewPlanar(channels []tiles.Channel, z, t int) *Planar {
	p := &Planar{levels: []tiles.Level{
		{Width: 300, Height: 200, Downsample: 1, TileWidth: 64, TileHeight: 64},
		{Width: 150, Height: 100, Downsample: 2, TileWidth: 64, TileHeight: 64},
	}}
	tiles.CompleteChannels(channels)
	p.stack = tiles.Stack{InColor: len(channels) == 0, Channels: channels, Z: z, T: t, DefaultZ: z / 2}
	p.info = tiles.Info{Format: "fake", Vendor: "Fake", Path: "fake", MPPX: 0.5, MPPY: 0.5, MPPFrom: "test",
		Channels: tiles.ChannelNames(channels), Background: color.NRGBA{A: 255}, Fingerprint: "v1-" + fmt.Sprintf("%064d", 1),
		Properties: map[string]string{"openslide.vendor": "fake", "openslide.level-count": "2", "openslide.level[0].width": "300"}}
	if p.stack.InColor {
		p.info.Channels = []string{"R", "G", "B"}
	}
	for i := range z {
		p.info.ZPlanes = append(p.info.ZPlanes, float64(i)/2)
	}
	v, err := tiles.NewView(p, tiles.DefaultDisplay(&p.stack))
	if err != nil {
		panic(err) // the test's channels are wrong
	}
	p.shown = v
	return p
}

// Sample is the sample that plane q has at (x, y) of a level.
func (p *Planar) Sample(level, x, y int, q tiles.Plane) float64 {
	v := float64(x + 2*y + 1000*q.Channel + 100*q.Z + 10*q.T + level)
	if p.stack.InColor || p.stack.Channels[q.Channel].Float {
		return v
	}
	return min(v, float64(uint64(1)<<p.stack.Channels[q.Channel].Bits-1))
}

// Info implements tiles.Slide.
func (p *Planar) Info() *tiles.Info { return &p.info }

// Levels implements tiles.Slide.
func (p *Planar) Levels() []tiles.Level { return p.levels }

// Stack implements tiles.Planar.
func (p *Planar) Stack() *tiles.Stack { return &p.stack }

// ICC implements tiles.Slide.
func (p *Planar) ICC() []byte { return nil }

// AssociatedImage implements tiles.Slide.
func (p *Planar) AssociatedImage(context.Context, string) (*image.RGBA, error) {
	return nil, tiles.ErrNoAssociated
}

// Close implements tiles.Slide.
func (p *Planar) Close() error {
	if p.closed.Swap(true) {
		return tiles.ErrClosed
	}
	return nil
}

// ReadTile implements tiles.Slide.
func (p *Planar) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if p.closed.Load() {
		return tiles.ErrClosed
	}
	return p.shown.ReadTile(ctx, k, dst)
}

// ReadPlane implements tiles.Planar.
func (p *Planar) ReadPlane(ctx context.Context, k tiles.Key, q tiles.Plane, dst *tiles.Raster) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.closed.Load() {
		return tiles.ErrClosed
	}
	p.Reads.Add(1)
	if err := p.stack.Check(q); err != nil {
		return &tiles.TileError{Key: k, Err: err}
	}
	if k.Level < 0 || k.Level >= len(p.levels) {
		return &tiles.TileError{Key: k, Err: errors.New("no such level")}
	}
	r := p.levels[k.Level].TileRect(k.Col, k.Row)
	if r.Empty() || r.Size() != image.Pt(dst.Width, dst.Height) {
		return &tiles.TileError{Key: k, Err: errors.New("outside the grid, or a destination of another size")}
	}
	if err := p.Bad[k]; err != nil {
		return err
	}
	lost := p.Lost != nil && p.Lost(k, q)
	for i := range r.Dx() * r.Dy() {
		x, y := i%r.Dx(), i/r.Dx()
		v := p.Sample(k.Level, r.Min.X+x, r.Min.Y+y, q)
		if lost {
			v = 0
		}
		switch {
		case dst.RGBA != nil:
			dst.RGBA.SetRGBA(dst.RGBA.Rect.Min.X+x, dst.RGBA.Rect.Min.Y+y, color.RGBA{R: byte(v), G: byte(q.Z), B: byte(q.T), A: 255})
		case dst.Uint16 != nil:
			dst.Uint16[i] = uint16(v)
		default:
			dst.Float32[i] = float32(v)
		}
	}
	if lost {
		return tiles.ErrMissing
	}
	return nil
}
