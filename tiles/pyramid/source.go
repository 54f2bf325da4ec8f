package pyramid

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"coverslip/tiles"
)

// Options say which part of a slide is taken.
type Options struct {
	Level    int             // of the slide: what becomes the first level
	Region   image.Rectangle // level-0 pixels, clipped to the slide; empty: all of it
	Multiple int             // the sides of tiles must be a multiple of this many pixels; 0 = 2
	TileSize int             // pixels of a tile where the slide's own cannot be kept; 0 = 512
	Smallest int             // pixels: no level is added below one whose longer side is this or less; 0 = 1024
	// Bad is told of a tile that cannot be read and is painted as background; when
	// it is nil such a tile is an error. It is called from several goroutines.
	Bad func(*tiles.TileError)
}

// maxTile bounds the sides of tiles that are kept, in pixels.
const maxTile = 4096

// Slide is the part of a slide that is taken, a Source for each of its planes.
type Slide struct {
	Levels []Level
	Scale  float64         // level-0 pixels of the slide per pixel of the first level
	Rect   image.Rectangle // the part, in pixels of the first level

	slide   tiles.Slide
	options Options
}

// Of plans the levels: those of the slide from o.Level on, or, for a region, that
// level alone; below the last, levels are halved.
func Of(s tiles.Slide, o Options) (*Slide, error) {
	o.Multiple, o.TileSize, o.Smallest = or(o.Multiple, 2), or(o.TileSize, 512), or(o.Smallest, 1024)
	own := s.Levels()
	if o.Level < 0 || o.Level >= len(own) {
		return nil, fmt.Errorf("pyramid: no level %d: the slide has %d", o.Level, len(own))
	}
	base := own[o.Level]
	p := &Slide{slide: s, options: o, Scale: base.Downsample, Rect: image.Rect(0, 0, base.Width, base.Height)}
	last := len(own)
	if !o.Region.Empty() {
		d := base.Downsample
		at := func(v int) int { return int(math.Round(float64(v) / d)) }
		r := image.Rect(at(o.Region.Min.X), at(o.Region.Min.Y), at(o.Region.Max.X), at(o.Region.Max.Y)).Intersect(p.Rect)
		if r.Empty() {
			return nil, fmt.Errorf("pyramid: the region %v lies outside the slide of %d×%d pixels", o.Region, own[0].Width, own[0].Height)
		}
		if p.Rect = r; r.Size() != image.Pt(base.Width, base.Height) {
			last = o.Level + 1
		}
	}
	for i := o.Level; i < last; i++ {
		l := Level{Width: own[i].Width, Height: own[i].Height, Downsample: own[i].Downsample / base.Downsample, From: i}
		if i == o.Level {
			l.Width, l.Height = p.Rect.Dx(), p.Rect.Dy()
		}
		l.TileWidth, l.TileHeight = p.tile(own[i].TileWidth), p.tile(own[i].TileHeight)
		p.Levels = append(p.Levels, l)
	}
	p.halve()
	return p, nil
}

func or(v, def int) int {
	if v <= 0 {
		return def
	}
	return v
}

// tile is the side of a tile: the slide's own where it can be kept.
func (p *Slide) tile(own int) int {
	if own%p.options.Multiple == 0 && own%2 == 0 && own <= maxTile {
		return own
	}
	return p.options.TileSize
}

// halve adds levels below the last.
func (p *Slide) halve() {
	for {
		l := p.Levels[len(p.Levels)-1]
		if max(l.Width, l.Height) <= p.options.Smallest {
			return
		}
		l.Width, l.Height, l.Downsample, l.From = max(1, l.Width/2), max(1, l.Height/2), 2*l.Downsample, -1
		p.Levels = append(p.Levels, l)
	}
}

// Source gives the pixels that ReadTile gives.
func (p *Slide) Source() Source { return &source{Slide: p} }

// Plane gives the samples of one plane of a tiles.Planar.
func (p *Slide) Plane(plane tiles.Plane) (Source, error) {
	s, ok := p.slide.(tiles.Planar)
	if !ok {
		return nil, errors.New("pyramid: the slide has no planes")
	}
	if err := s.Stack().Check(plane); err != nil {
		return nil, err
	}
	return &source{Slide: p, planar: s, plane: plane}, nil
}

// source is a Source over a slide.
type source struct {
	*Slide
	planar tiles.Planar // nil: what ReadTile gives
	plane  tiles.Plane
}

// New implements Source.
func (s *source) New(w, h int) *tiles.Raster {
	if s.planar != nil && !s.planar.Stack().InColor {
		return s.planar.Stack().Channels[s.plane.Channel].Raster(w, h)
	}
	return &tiles.Raster{Width: w, Height: h, RGBA: image.NewRGBA(image.Rect(0, 0, w, h))}
}

// own is r in the slide's level.
func (s *source) own(level int, r image.Rectangle) image.Rectangle {
	if level == s.options.Level {
		return r.Add(s.Rect.Min)
	}
	return r
}

// Read implements Source.
func (s *source) Read(ctx context.Context, level int, r image.Rectangle, dst *tiles.Raster) (bool, error) {
	r = s.own(level, r)
	l := s.slide.Levels()[level]
	col, row := r.Min.X/l.TileWidth, r.Min.Y/l.TileHeight
	if l.TileRect(col, row) == r {
		return s.tile(ctx, tiles.Key{Level: level, Col: col, Row: row}, dst)
	}
	missing := true
	for row := r.Min.Y / l.TileHeight; row*l.TileHeight < r.Max.Y; row++ {
		for col := r.Min.X / l.TileWidth; col*l.TileWidth < r.Max.X; col++ {
			from := l.TileRect(col, row)
			m := s.New(from.Dx(), from.Dy())
			empty, err := s.tile(ctx, tiles.Key{Level: level, Col: col, Row: row}, m)
			if err != nil {
				return false, err
			}
			missing = missing && empty
			place(dst, r, m, from)
		}
	}
	return missing, nil
}

// tile reads one tile of the slide.
func (s *source) tile(ctx context.Context, k tiles.Key, dst *tiles.Raster) (missing bool, err error) {
	if s.planar != nil {
		err = s.planar.ReadPlane(ctx, k, s.plane, dst)
	} else {
		err = s.slide.ReadTile(ctx, k, dst.RGBA)
	}
	var bad *tiles.TileError
	switch {
	case errors.Is(err, tiles.ErrMissing):
		return true, nil
	case errors.As(err, &bad) && s.options.Bad != nil:
		s.options.Bad(bad)
		s.blank(dst)
		return true, nil
	case err == nil && dst.RGBA != nil:
		flatten(dst.RGBA, s.slide.Info().Background)
	}
	return false, err
}

// flatten lays transparent pixels on the background: what is written has no
// alpha.
func flatten(m *image.RGBA, c color.NRGBA) {
	back := [3]uint32{uint32(c.R), uint32(c.G), uint32(c.B)}
	for i := 3; i < len(m.Pix); i += 4 {
		a := uint32(m.Pix[i])
		if a == 255 {
			continue
		}
		for k := range 3 {
			m.Pix[i-3+k] = byte(min(255, uint32(m.Pix[i-3+k])+(back[k]*(255-a)+127)/255))
		}
		m.Pix[i] = 255
	}
}

// blank makes a raster what a tile is that was never stored.
func (s *source) blank(m *tiles.Raster) {
	if m.RGBA != nil {
		tiles.Fill(m.RGBA, s.slide.Info().Background)
	}
	clear(m.Uint16)
	clear(m.Float32)
}

// place copies what m, which lies at from, has of r into dst, which lies at r.
func place(dst *tiles.Raster, r image.Rectangle, m *tiles.Raster, from image.Rectangle) {
	both := from.Intersect(r)
	to, at := both.Min.Sub(r.Min), both.Min.Sub(from.Min)
	for y := range both.Dy() {
		i, j := (to.Y+y)*dst.Width+to.X, (at.Y+y)*m.Width+at.X
		switch n := both.Dx(); {
		case dst.RGBA != nil:
			copy(dst.RGBA.Pix[4*i:4*(i+n)], m.RGBA.Pix[4*j:])
		case dst.Uint16 != nil:
			copy(dst.Uint16[i:i+n], m.Uint16[j:])
		default:
			copy(dst.Float32[i:i+n], m.Float32[j:])
		}
	}
}

// Coded implements Source.
func (s *source) Coded(ctx context.Context, level int, r image.Rectangle, dst []byte) ([]byte, error) {
	c, ok := s.slide.(tiles.Coded)
	if !ok || s.planar != nil {
		return dst, tiles.ErrNotCoded
	}
	r = s.own(level, r)
	l := s.slide.Levels()[level]
	if r.Min.X%l.TileWidth != 0 || r.Min.Y%l.TileHeight != 0 {
		return dst, tiles.ErrNotCoded
	}
	return c.CodedTile(ctx, tiles.Key{Level: level, Col: r.Min.X / l.TileWidth, Row: r.Min.Y / l.TileHeight}, dst)
}
