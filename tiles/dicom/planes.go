package dicom

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"

	"coverslip/tiles"
)

// addPlanes says which planes the slide has, by its largest level, and finds
// them in every level.
func (s *slide) addPlanes() {
	base := s.pictures[0]
	in := base.lead
	s.stack = tiles.Stack{InColor: in.samples == 3, Z: len(base.zs), T: 1, DefaultZ: focused(base.zs)}
	for _, z := range base.zs {
		s.info.ZPlanes = append(s.info.ZPlanes, float64(z)/1000)
	}
	if s.stack.InColor {
		s.info.Channels = []string{"R", "G", "B"}
		if len(base.optics) > 1 {
			s.warn("only the first of %d optical paths in colour is shown", len(base.optics))
		}
	} else {
		s.addChannels(base)
	}
	for level, p := range s.pictures {
		s.planes = append(s.planes, s.find(level, p))
	}
}

// focused is the plane nearest to 0 µm, which scanners call the one in focus,
// when 0 lies among them, else the middle one.
func focused(zs []int64) int {
	if zs[0] >= 0 || zs[len(zs)-1] <= 0 {
		return len(zs) / 2
	}
	best := 0
	for i, z := range zs {
		if max(z, -z) < max(zs[best], -zs[best]) {
			best = i
		}
	}
	return best
}

// addChannels describes the optical paths as channels of grey samples.
func (s *slide) addChannels(base *picture) {
	for i, o := range base.optics {
		c := tiles.Channel{Name: o.name, Color: o.colour, Bits: base.lead.stored, Excitation: o.excitation, Emission: o.emission}
		if c.Name == "" && len(base.optics) > 1 && o.id != "" {
			c.Name = "Optical path " + o.id
		}
		for _, l := range base.layers[i*len(base.zs) : (i+1)*len(base.zs)] {
			if l != nil {
				c.Low, c.High = l.parts[0].low, l.parts[0].high
				break
			}
		}
		s.stack.Channels = append(s.stack.Channels, c)
	}
	tiles.CompleteChannels(s.stack.Channels)
	if s.info.Channels = tiles.ChannelNames(s.stack.Channels); len(s.stack.Channels) == 1 && base.optics[0].name == "" {
		s.info.Channels = []string{"grey"}
		s.stack.Channels[0].Name = "grey"
	}
}

// find lists the layers of a level by the slide's planes. A level of fewer focal
// planes than the slide shows the nearest.
func (s *slide) find(level int, p *picture) []*layer {
	base := s.pictures[0]
	out := make([]*layer, len(base.optics)*len(base.zs))
	if len(p.zs) < len(base.zs) {
		s.warn("level %d has %d of %d focal planes: the nearest is shown", level, len(p.zs), len(base.zs))
	}
	for i, o := range base.optics {
		path := p.path(o)
		if path < 0 && len(p.optics) == 1 && len(base.optics) == 1 {
			path = 0 // named differently, but which else
		}
		if path < 0 {
			s.warn("level %d lacks channel %q", level, o.id)
			continue
		}
		for j, z := range base.zs {
			out[i*len(base.zs)+j] = p.layers[path*len(p.zs)+nearest(p.zs, z)]
		}
	}
	return out
}

// nearest is the index of the value nearest to z in an ascending list.
func nearest(zs []int64, z int64) int {
	i, _ := slices.BinarySearch(zs, z)
	if i == len(zs) || i > 0 && z-zs[i-1] <= zs[i]-z {
		return max(0, i-1)
	}
	return i
}

// layer is a plane of a level.
func (s *slide) layer(level int, p tiles.Plane) *layer {
	return s.planes[level][p.Channel*s.stack.Z+p.Z]
}

// withPlanes is s itself when a tile of it is one picture of 8 bits, else s as a
// tiles.Planar.
func (s *slide) withPlanes() (tiles.Slide, error) {
	first := s.pictures[0].lead
	if s.stack.Z == 1 && len(s.stack.Channels) <= 1 && first.bits == 8 {
		return s, nil
	}
	p := &planar{slide: s}
	var err error
	p.view, err = tiles.NewView(p, tiles.DefaultDisplay(&s.stack))
	return p, err
}

// planar is a slide of several planes, or of samples of more than 8 bits.
type planar struct {
	*slide
	view *tiles.View // draws what ReadTile gives
}

// Stack says which planes there are.
func (p *planar) Stack() *tiles.Stack { return &p.stack }

// ReadTile draws the planes that are shown by default.
func (p *planar) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if err := p.ready(ctx, k); err != nil {
		return err
	}
	return p.view.ReadTile(ctx, k, dst)
}

// ReadPlane implements tiles.Planar.
func (p *planar) ReadPlane(ctx context.Context, k tiles.Key, plane tiles.Plane, dst *tiles.Raster) error {
	if err := p.ready(ctx, k); err != nil {
		return err
	}
	if err := p.stack.Check(plane); err != nil {
		return err
	}
	if p.stack.InColor {
		if dst.RGBA == nil || dst.RGBA.Rect.Dx() != dst.Width || dst.RGBA.Rect.Dy() != dst.Height {
			return &tiles.TileError{Key: k, Err: fmt.Errorf("no picture of %d×%d pixels to decode into", dst.Width, dst.Height)}
		}
		return p.readTile(k, plane, dst.RGBA)
	}
	if dst.Width < 1 || dst.Height < 1 || len(dst.Uint16) < dst.Width*dst.Height {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("%d samples for %d×%d pixels", len(dst.Uint16), dst.Width, dst.Height)}
	}
	err := p.pictures[k.Level].readGrey(p.layer(k.Level, plane), k.Col, k.Row, dst)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tiles.ErrMissing):
		clear(dst.Uint16[:dst.Width*dst.Height])
		return err
	}
	return p.tileError(k, err)
}
