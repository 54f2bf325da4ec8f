package leica

import (
	"context"
	"fmt"
	"image"
	"image/color"

	"coverslip/tiles"
	"coverslip/tiles/kept"
	"coverslip/tiles/mosaic"
	"coverslip/tiles/planar"
	"coverslip/tiles/tiff"
)

// Limits of the planes of a slide.
const (
	maxChannels = 64
	maxFocal    = 1024
	maxWarnings = 100
)

// grid is a level of all planes: a mosaic each, nil for one that no region has.
// It implements planar.Grid and tiff.ScannedGrid.
type grid struct {
	planes  []*mosaic.Grid // channel by channel, each from its first focal plane on
	focal   int            // focal planes of a channel
	samples *kept.Kept[mosaic.SampleKey]
}

// Level implements tiff.Grid.
func (g *grid) Level() tiles.Level { return g.planes[0].Level() }

// ReadTile implements tiff.Grid, of the first plane.
func (g *grid) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	return g.planes[0].ReadTile(ctx, col, row, dst)
}

// ReadScanned implements tiff.ScannedGrid, of the first plane.
func (g *grid) ReadScanned(ctx context.Context, col, row int, r image.Rectangle, dst *image.RGBA) error {
	return g.planes[0].ReadScanned(ctx, col, row, r, dst)
}

// ReadPlane implements planar.Grid.
func (g *grid) ReadPlane(ctx context.Context, col, row int, p tiles.Plane, dst *tiles.Raster) error {
	m := g.planes[p.Channel*g.focal+p.Z]
	switch {
	case m == nil:
		return tiles.ErrMissing
	case dst.RGBA != nil:
		return m.ReadTile(ctx, col, row, dst.RGBA)
	}
	return m.ReadSamples(ctx, col, row, dst, g.samples)
}

// colours is a slide in colour of several focal planes. Its ReadTile shows the
// first, and so does ReadScanned.
type colours struct {
	*planar.Slide
	scanned *tiff.ScannedSlide
}

// ReadScanned implements tiles.ScannedReader.
func (c *colours) ReadScanned(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	return c.scanned.ReadScanned(ctx, k, r, dst)
}

// slide makes the slide of what was found.
func (o *opening) slide() (tiles.Slide, error) {
	if !o.stack.InColor {
		o.parts.Info.Background = color.NRGBA{} // black: no light
		return planar.New(o.parts, o.stack)
	}
	if o.stack.Z == 1 {
		return tiff.NewScannedSlide(o.parts)
	}
	s, err := planar.New(o.parts, o.stack)
	if p, ok := s.(*planar.Slide); ok {
		return &colours{p, &tiff.ScannedSlide{Slide: p.Slide}}, nil
	}
	return s, err
}

// planes finds how many channels and focal planes the regions have, and what a
// pixel is. All is as in the first region's largest image.
func (o *opening) planes(regions []*scan) error {
	first := regions[0]
	m, err := o.image(first.dimensions[0])
	if err != nil {
		return fmt.Errorf("tiles/leica: level 0: %w", err)
	}
	o.stack = tiles.Stack{Z: 1, T: 1}
	channels, named := 1, 1
	for _, r := range regions {
		for _, d := range r.others {
			p := plane{d.channel, d.focal}
			channels, o.stack.Z = max(channels, d.channel+1), max(o.stack.Z, d.focal+1)
			if r.planes == nil {
				r.planes = map[plane][]dimension{}
			}
			r.planes[p] = append(r.planes[p], d)
		}
		named = max(named, len(r.planes)+1)
	}
	o.stack.InColor = m.InColor() && (m.Samples >= 3 || first.illumination == brightfield && channels == 1)
	if channels > maxChannels || o.stack.Z > maxFocal || channels*o.stack.Z > named {
		return bad("%d channels and %d focal planes, of which %d are named", channels, o.stack.Z, named)
	}
	for z := range o.stack.Z {
		o.parts.Info.ZPlanes = append(o.parts.Info.ZPlanes, float64(z)*float64(first.focalStep)/1000)
	}
	switch {
	case o.stack.InColor && channels > 1:
		return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf("%d channels of pictures in colour", channels)}
	case o.stack.InColor:
		return nil
	case m.Samples != 1 || m.Format != tiff.FormatUint || m.Bits > 16:
		return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf("channels of %d samples of %d bits", m.Samples, m.Bits)}
	}
	for c := range channels {
		ch := tiles.Channel{Bits: m.Bits}
		if c < len(first.channels) {
			ch.Name, ch.Color = first.channels[c].name, first.channels[c].colour
		}
		o.stack.Channels = append(o.stack.Channels, ch)
	}
	o.samples = mosaic.NewSampleCache(keptBytes)
	o.bits = m.Bits
	return nil
}

// suits says whether an image holds the kind of pixels that the slide has.
func (o *opening) suits(m *tiff.Image) bool {
	if o.stack.InColor {
		return m.InColor()
	}
	return m.Samples == 1 && m.Format == tiff.FormatUint && m.Bits == o.bits
}

// layer is a region's image of a plane of level i. ok is false where the region
// has none that fits the level; a warning says why where that is odd.
func (o *opening) layer(r *scan, i, channel, focal int) (m *tiff.Image, ok bool, err error) {
	if channel == 0 && focal == 0 {
		if m, err = o.image(r.dimensions[i]); err == nil && !o.suits(m) {
			err = bad("directory %d holds another kind of pixels", r.dimensions[i].ifd)
		}
		return m, err == nil, err
	}
	own := r.dimensions[i]
	for _, d := range r.planes[plane{channel, focal}] {
		if d.width != own.width || d.height != own.height {
			continue
		}
		m, err := o.image(d)
		if err == nil && !o.suits(m) {
			err = bad("directory %d holds another kind of pixels", d.ifd)
		}
		if err != nil {
			if len(o.parts.Info.Warnings) < maxWarnings {
				o.warn("channel %d, focal plane %d of image %q left out at level %d: %v", channel, focal, r.name, i, err)
			}
			return nil, false, nil
		}
		return m, true, nil
	}
	return nil, false, nil
}
