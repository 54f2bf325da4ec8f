// Package leica reads the slides of Leica's SCN400 scanners: .scn.
//
// An SCN is a BigTIFF whose first description is XML: a collection, which is the
// whole glass, holds images, each with its place on the glass in nm and one
// directory a resolution. The image that covers the whole glass is the macro
// image; the others are scanned regions, of which there may be several. As in
// OpenSlide, level 0 is the glass at the resolution of the regions; the
// properties openslide.bounds-* and openslide.region[i].* say where they lie.
// Each region begins at a whole pixel of each level, what is less is cut off, so
// that nothing is interpolated.
//
// Images of fluorescence have a directory a channel, focal planes one a plane.
//
// Source: OpenSlide's description of the format, checked against files.
package leica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/kept"
	"coverslip/tiles/mosaic"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "leica"

// namespaces of the XML, without "http://www.".
var namespaces = [...]string{"leica-microsystems.com/scn/2010/10/01", "leica-microsystems.com/scn/2010/03/10"}

// keptBytes bounds the decoded tiles that neighbours share.
const keptBytes = 32 << 20

// Kinds of light. Brightfield is shown where a glass has both.
const (
	brightfield  = "brightfield"
	fluorescence = "fluorescence"
)

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Leica SCN400 (.scn)",
		Detect: func(src *tiles.Source) error {
			_, err := detect(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect parses the directories and looks at the beginning of the description.
func detect(src *tiles.Source) (*tiff.File, error) {
	f, err := tiff.ParseSource(src)
	if err != nil {
		return nil, err
	}
	text, err := f.Directories()[0].Head(tiff.TagImageDescription)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(namespaces[:], func(ns string) bool { return strings.Contains(text, ns) }) {
		return nil, errors.New("the description is no XML of Leica's")
	}
	return f, nil
}

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

// opening is what is known while a slide is opened.
type opening struct {
	file   *tiff.File
	codecs *codec.Set
	glass  *collection
	parts  tiff.Parts

	images  map[int]*tiff.Image // by their directory: a file may name one often
	stack   tiles.Stack
	bits    int                          // of a sample, where channels are grey
	samples *kept.Kept[mosaic.SampleKey] // nil in colour
}

func (o *opening) warn(format string, args ...any) {
	o.parts.Info.Warnings = append(o.parts.Info.Warnings, fmt.Sprintf(format, args...))
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, err := detect(src)
	if err != nil {
		return nil, err
	}
	text, err := f.Directories()[0].Text(tiff.TagImageDescription)
	if err != nil {
		return nil, err
	}
	glass, err := parseXML(text)
	if err != nil {
		return nil, &tiles.FormatError{Format: name, What: "description", Err: err}
	}
	o := &opening{file: f, codecs: codecs, glass: glass, images: map[int]*tiff.Image{}}
	o.parts = tiff.Parts{Source: src, Associated: map[string]tiff.Picture{}}
	o.parts.Info = tiles.Info{Format: name, Vendor: "Leica", Channels: []string{"R", "G", "B"}, Background: color.NRGBA{R: 255, G: 255, B: 255, A: 255}}
	regions, err := o.regions()
	if err != nil {
		return nil, err
	}
	if err := o.planes(regions); err != nil {
		return nil, err
	}
	if err := o.levels(ctx, regions); err != nil {
		return nil, err
	}
	o.macro()
	first := f.Directories()[regions[0].dimensions[0].ifd]
	o.describe(first, regions)
	if o.parts.ICC, err = first.Bytes(tiff.TagICCProfile); err != nil {
		o.parts.ICC = nil
		o.warn("colour profile left out: %v", err)
	}
	return o.slide()
}

// isMacro says whether an image covers the whole glass.
func (o *opening) isMacro(m *scan) bool {
	return m.x == 0 && m.y == 0 && m.width == o.glass.width && m.height == o.glass.height
}

// light is the kind of light whose regions are shown: brightfield where there
// is any, else fluorescence.
func (o *opening) light() string {
	light := brightfield
	for i := range o.glass.scans {
		m := &o.glass.scans[i]
		if o.isMacro(m) {
			continue
		}
		switch m.illumination {
		case brightfield:
			return brightfield
		case fluorescence:
			light = fluorescence
		}
	}
	return light
}

// regions are the scanned regions that can be shown together: of one kind of
// light, with the first one's objective and resolutions.
func (o *opening) regions() ([]*scan, error) {
	light := o.light()
	var out []*scan
	other := ""
	for i := range o.glass.scans {
		m := &o.glass.scans[i]
		if o.isMacro(m) {
			continue
		}
		if m.illumination != light {
			other = m.illumination
			o.warn("image %q left out: its light is %q", m.name, m.illumination)
			continue
		}
		if err := o.check(m); err != nil {
			return nil, err
		}
		if len(out) > 0 && !m.like(out[0]) {
			o.warn("image %q left out: its resolutions are not those of %q", m.name, out[0].name)
			continue
		}
		out = append(out, m)
	}
	if len(out) == 0 && other != "" {
		return nil, &tiles.UnsupportedError{Format: name, What: fmt.Sprintf("light %q (brightfield and fluorescence are read)", other)}
	}
	if len(out) == 0 {
		return nil, bad("the XML names no scanned region")
	}
	return out, nil
}

// check refuses numbers that cannot be, and sorts the resolutions.
func (o *opening) check(m *scan) error {
	if m.width < 1 || m.height < 1 || len(m.dimensions) == 0 {
		return bad("image %q of %d×%d nm and %d resolutions", m.name, m.width, m.height, len(m.dimensions))
	}
	for _, d := range m.dimensions {
		if d.width < 1 || d.height < 1 || d.ifd < 0 || d.ifd >= len(o.file.Directories()) {
			return bad("image %q: %d×%d pixels in directory %d of %d", m.name, d.width, d.height, d.ifd, len(o.file.Directories()))
		}
	}
	slices.SortStableFunc(m.dimensions, func(a, b dimension) int { return cmp.Compare(b.width, a.width) })
	return nil
}

// image is the image of a dimension, of the size that the XML says.
func (o *opening) image(d dimension) (*tiff.Image, error) {
	if d.ifd < 0 || d.ifd >= len(o.file.Directories()) {
		return nil, bad("directory %d of %d", d.ifd, len(o.file.Directories()))
	}
	m := o.images[d.ifd]
	if m == nil {
		var err error
		if m, err = o.file.Directories()[d.ifd].Image(o.codecs); err != nil {
			return nil, err
		}
		o.images[d.ifd] = m
	}
	if m.Strips || m.Width != d.width || m.Height != d.height {
		return nil, bad("directory %d: %d×%d pixels in tiles are due, it has %d×%d", d.ifd, d.width, d.height, m.Width, m.Height)
	}
	return m, nil
}

// levels makes each resolution of the regions a level of the glass.
func (o *opening) levels(ctx context.Context, regions []*scan) error {
	pictures := mosaic.NewKept(keptBytes)
	for i := range regions[0].dimensions {
		if err := ctx.Err(); err != nil {
			return err
		}
		g, err := o.level(i, regions, pictures)
		if err != nil && i == 0 {
			return fmt.Errorf("tiles/leica: level 0: %w", err)
		}
		if err != nil {
			o.warn("level %d left out: %v", i, err)
			continue
		}
		o.parts.Levels = append(o.parts.Levels, g)
	}
	return nil
}

func (o *opening) level(i int, regions []*scan, pictures *mosaic.Kept) (tiff.Grid, error) {
	step := math.Inf(1) // nm per pixel; the finest where regions differ by rounding
	for _, r := range regions {
		step = min(step, r.step(i))
	}
	w, h := math.Ceil(float64(o.glass.width)/step), math.Ceil(float64(o.glass.height)/step)
	if w > tiff.MaxSide || h > tiff.MaxSide {
		return nil, bad("glass of %g×%g pixels", w, h)
	}
	l := tiles.Level{Width: int(w), Height: int(h)}
	g := &grid{focal: o.stack.Z, samples: o.samples}
	for channel := range max(1, len(o.stack.Channels)) {
		for focal := range o.stack.Z {
			var layers []mosaic.Layer
			for _, r := range regions {
				m, ok, err := o.layer(r, i, channel, focal)
				if err != nil {
					return nil, err
				}
				if ok {
					at := r.place(step)
					layers = append(layers, mosaic.Layer{Image: m, X: at.Min.X, Y: at.Min.Y, AdvanceX: m.TileWidth, AdvanceY: m.TileHeight})
				}
			}
			if len(layers) == 0 { // not of the first plane
				g.planes = append(g.planes, nil)
				continue
			}
			if len(g.planes) == 0 {
				l.TileWidth, l.TileHeight = layers[0].Image.TileWidth, layers[0].Image.TileHeight
			}
			m, err := mosaic.New(name, l, layers, o.parts.Info.Background, pictures)
			if err != nil {
				return nil, err
			}
			g.planes = append(g.planes, m)
		}
	}
	return g, nil
}

// place is where a region lies on level 0 of the given nm per pixel. OpenSlide
// cuts off what is less than a pixel.
func (m *scan) place(step float64) image.Rectangle {
	at := func(nm int64) int { return int(max(-tiff.MaxSide, min(tiff.MaxSide, math.Trunc(float64(nm)/step)))) }
	p := image.Pt(at(m.x), at(m.y))
	return image.Rectangle{Min: p, Max: p.Add(image.Pt(m.dimensions[0].width, m.dimensions[0].height))}
}

// macro takes the largest resolution of the image of the whole glass.
func (o *opening) macro() {
	for i := range o.glass.scans {
		m := &o.glass.scans[i]
		if !o.isMacro(m) {
			continue
		}
		err := o.check(m)
		if err == nil {
			var im *tiff.Image
			if im, err = o.image(m.dimensions[0]); err == nil {
				o.parts.Associated["macro"] = im
				return
			}
		}
		o.warn("macro left out: %v", err)
	}
}

// describe fills properties, MPP, objective and where the regions lie.
func (o *opening) describe(d *tiff.Directory, regions []*scan) {
	props, warnings := d.Properties()
	info, first := &o.parts.Info, regions[0]
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	delete(props, "tiff.ImageDescription") // of the whole file, and long
	props["openslide.vendor"] = "leica"
	for k, v := range map[string]string{
		"barcode": o.glass.barcode, "aperture": first.aperture, "creation-date": first.created, "device-model": first.model,
		"device-version": first.version, "illumination-source": first.illumination, "objective": first.objective,
	} {
		if v != "" {
			props["leica."+k] = v
		}
	}
	if v, ok := tiles.ParseNumber(first.objective); ok && v > 0 && v <= 200 {
		info.Objective = v
	} else {
		o.warn("objective %q is ignored", first.objective)
	}
	x, y := first.step(0)/1000, float64(first.height)/float64(first.dimensions[0].height)/1000
	if tx, ty := d.ResolutionMPP(); tx > 0 { // what OpenSlide reports
		info.MPPX, info.MPPY, info.MPPFrom = tx, ty, "tiff.XResolution"
	} else if tiles.SaneMPP(x) && tiles.SaneMPP(y) {
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "leica.view"
	} else {
		o.warn("the size of %g×%g µm per pixel cannot be a slide's and is ignored", x, y)
	}
	step := math.Inf(1)
	for _, r := range regions {
		step = min(step, r.step(0))
	}
	var bounds image.Rectangle
	for i, r := range regions {
		at := r.place(step)
		bounds = bounds.Union(at)
		rectangle(props, fmt.Sprintf("openslide.region[%d].", i), at)
	}
	info.Bounds = bounds
	rectangle(props, "openslide.bounds-", bounds)
}

// rectangle writes a rectangle in level-0 pixels under OpenSlide's names.
func rectangle(props map[string]string, prefix string, r image.Rectangle) {
	for k, v := range map[string]int{"x": r.Min.X, "y": r.Min.Y, "width": r.Dx(), "height": r.Dy()} {
		props[prefix+k] = strconv.Itoa(v)
	}
}
