package flat

import (
	"context"
	"errors"
	"fmt"
	"image/color"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// errSamples: a level of samples has no picture of its own, one of colours no
// samples.
var errSamples = errors.New("flat: not what this level is made of")

// picture is what a file says of itself before its pixels are decoded.
type picture struct {
	format        string
	limits        limits
	width, height int
	cell          cell
	channels      []tiles.Channel // nil for a picture in colour
	orientation   int             // as TIFF counts it, 0 or 1 upright
	icc           []byte
	rows          rows
	direct        tiff.SampleGrid // level 0 as the file has it, nil when it cannot be read by place
	smaller       []tiff.Grid     // levels that the file has
	info          tiles.Info      // Properties, MPP, Warnings, Vendor
}

// check holds the limits of a picture.
func (p *picture) check() error {
	if p.width < 1 || p.height < 1 {
		return bad(p.format, "picture of %d×%d pixels", p.width, p.height)
	}
	if p.width > MaxSide || p.height > MaxSide {
		return unsupported(p.format, hint, "picture of %d×%d pixels (sides up to %d are read)", p.width, p.height, MaxSide)
	}
	if p.cell.bytes() > maxCell {
		return unsupported(p.format, hint, "picture of %d samples per pixel that is not in tiles", p.cell.samples)
	}
	return nil
}

// background is the colour of what was never stored: white, or of channels,
// whose light is added, black.
func (p *picture) background() color.NRGBA {
	if p.channels == nil || p.channels[0].Name == "R" {
		return color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	}
	return color.NRGBA{A: 255}
}

// slide is an opened picture in colour.
type slide struct {
	*tiff.Slide
	pyramid *pyramid
}

// Close closes the file and removes the temporary one.
func (s *slide) Close() error { return closeBoth(s.Slide, s.pyramid) }

// planarSlide is an opened picture of samples.
type planarSlide struct {
	*tiff.PlanarSlide
	pyramid *pyramid
}

// Close closes the file and removes the temporary one.
func (s *planarSlide) Close() error { return closeBoth(s.PlanarSlide, s.pyramid) }

func closeBoth(s tiles.Slide, p *pyramid) error {
	err := s.Close()
	if p == nil || errors.Is(err, tiles.ErrClosed) {
		return err
	}
	return errors.Join(err, p.store.close())
}

// open makes a slide of a picture, which takes over the source.
func (p *picture) open(ctx context.Context, src *tiles.Source) (tiles.Slide, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	p.info.Format, p.info.Background = p.format, p.background()
	var made *pyramid
	grids := []tiff.SampleGrid{}
	parts := tiff.Parts{Source: src, ICC: p.icc}
	turner := tiff.NewTurner(p.info.Background)
	if p.smaller == nil {
		var err error
		if made, err = p.pyramid(ctx); err != nil {
			return nil, err
		}
		for i := made.skip; i < len(made.levels); i++ {
			grids = append(grids, &level{made, i})
		}
	}
	if p.direct != nil {
		parts.Levels = append(parts.Levels, turner.Turn(p.direct, p.orientation))
	}
	for _, g := range grids {
		parts.Levels = append(parts.Levels, turner.Turn(g, p.orientation))
	}
	parts.Levels = append(parts.Levels, p.smaller...)
	s, err := p.assemble(parts, made)
	if err != nil && made != nil {
		err = errors.Join(err, made.store.close())
	}
	return s, err
}

// assemble makes the slide of its parts.
func (p *picture) assemble(parts tiff.Parts, made *pyramid) (tiles.Slide, error) {
	if p.info.Properties == nil {
		p.info.Properties = map[string]string{}
	}
	if p.info.Properties["openslide.vendor"] == "" {
		p.info.Properties["openslide.vendor"] = p.format
	}
	parts.Info = p.info
	if p.channels != nil {
		s, err := tiff.NewPlanarSlide(parts, p.channels)
		if err != nil {
			return nil, err
		}
		return &planarSlide{s, made}, nil
	}
	parts.Info.Channels = []string{"R", "G", "B"}
	if p.cell.samples == 1 {
		parts.Info.Channels = []string{"grey"}
	}
	s, err := tiff.NewSlide(parts)
	if err != nil {
		return nil, err
	}
	return &slide{s, made}, nil
}

// pyramid decodes the picture into memory or into a temporary file.
func (p *picture) pyramid(ctx context.Context) (made *pyramid, err error) {
	skip := 0
	if p.direct != nil {
		skip = 1
	}
	made = plan(p.width, p.height, p.cell, skip)
	if made.need() <= p.limits.memory {
		made.store = newMemory()
	} else {
		made.store, err = newDisk(p.limits.dir, made.tileBytes(), made.need())
		var room *roomError
		if errors.As(err, &room) {
			return nil, unsupported(p.format, "free some room, name another folder by "+EnvTemp+", or "+hint,
				"picture of %d×%d pixels: %v", p.width, p.height, room)
		}
		if err != nil {
			return nil, fmt.Errorf("tiles/flat: %w", err)
		}
	}
	if made.total == 0 {
		return made, nil
	}
	if err := made.build(ctx, p.rows); err != nil {
		if cerr := made.store.close(); cerr != nil {
			return nil, errors.Join(err, cerr)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var f *tiles.FormatError
		var u *tiles.UnsupportedError
		if errors.As(err, &f) || errors.As(err, &u) {
			return nil, err
		}
		return nil, &tiles.FormatError{Format: p.format, What: "pixels", Err: err}
	}
	return made, nil
}
