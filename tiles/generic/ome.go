package generic

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// omeName is the OME reader's name in errors and Info.
const omeName = "ome-tiff"

// FormatOME returns the reader of OME-TIFF (brightfield: 8-bit RGB or grey, one
// plane), which decodes through codecs.
func FormatOME(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: omeName, Vendor: "OME-TIFF (Bio-Formats, QuPath)",
		Detect: func(src *tiles.Source) error {
			_, _, err := detectOME(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return openOME(ctx, src, codecs) },
	}
}

// detectOME parses the directories and returns the OME-XML text.
func detectOME(src *tiles.Source) (*tiff.File, string, error) {
	f, err := tiff.Parse(src, src.Size())
	if err != nil {
		return nil, "", err
	}
	text, err := f.Directories()[0].Text(tiff.TagImageDescription)
	if err != nil {
		return nil, "", err
	}
	if !strings.Contains(text, "<OME") {
		return nil, "", errors.New("the description holds no OME-XML")
	}
	return f, text, nil
}

func openOME(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, text, err := detectOME(src)
	if err != nil {
		return nil, err
	}
	ome, err := parseOME(text)
	if err != nil {
		return nil, &tiles.FormatError{Format: omeName, What: "description", Err: err}
	}
	main := ome.slide(f)
	img := &ome.images[main]
	if err := img.check(f); err != nil {
		return nil, err
	}
	d := f.Directories()[max(0, img.ifd)]
	base, err := d.Image(codecs)
	if err != nil {
		return nil, fmt.Errorf("tiles/generic: OME image %q: %w", img.name, err)
	}
	if base.Strips {
		return nil, &tiles.UnsupportedError{Format: omeName, What: "OME-TIFF in strips: only tiled files can be viewed", Hint: hint}
	}
	if base.Width != img.sizeX || base.Height != img.sizeY {
		return nil, &tiles.FormatError{Format: omeName, What: fmt.Sprintf("OME-XML promises %d×%d pixels, the file holds %d×%d", img.sizeX, img.sizeY, base.Width, base.Height)}
	}
	p := tiff.Parts{Source: src, Levels: []*tiff.Image{base}, Associated: map[string]*tiff.Image{}}
	p.Info = tiles.Info{Format: omeName, Vendor: "OME", Channels: channels(base)}
	for i, sub := range d.Sub() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := sub.Image(codecs)
		if err == nil && m.Strips {
			err = errors.New("it is in strips")
		}
		if err != nil {
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("level %d left out: %v", i+1, err))
			continue
		}
		p.Levels = append(p.Levels, m)
	}
	if own := filepath.Base(src.Path()); img.file != "" && img.file != own {
		p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("the OME-XML calls this file %q: it was renamed, or its pixels lie in that file", img.file))
	}
	ome.associated(&p, f, main, codecs)
	ome.describe(&p.Info, d, img)
	if p.ICC, err = d.Bytes(tiff.TagICCProfile); err != nil {
		p.ICC = nil
		p.Info.Warnings = append(p.Info.Warnings, "colour profile left out: "+err.Error())
	}
	return tiff.NewSlide(p)
}

// slide is the number of the image that is the slide: one in tiles rather than
// in strips, one not named label, macro or thumbnail, the largest, the first; in
// this order, because a small slide may have a larger macro image.
func (o *omeFile) slide(f *tiff.File) int {
	rank := func(m omeImage) int64 {
		r := int64(min(m.sizeX, tiff.MaxSide)) * int64(min(m.sizeY, tiff.MaxSide)) >> 2
		if m.kind() == "" {
			r |= 1 << 61
		}
		if at := max(0, m.ifd); at < len(f.Directories()) && f.Directories()[at].Tiled() {
			r |= 1 << 62
		}
		return r
	}
	best := 0
	for i, m := range o.images {
		if m.sizeX > 0 && m.sizeY > 0 && rank(m) > rank(o.images[best]) {
			best = i
		}
	}
	return best
}

// kind is the associated image that an image's name says it is, "" for others.
func (m *omeImage) kind() string {
	for _, k := range []string{"label", "macro", "thumbnail"} {
		if strings.Contains(strings.ToLower(m.name), k) {
			return k
		}
	}
	return ""
}

// check refuses images this reader would show wrongly.
func (m *omeImage) check(f *tiff.File) error {
	no := func(format string, args ...any) error {
		return &tiles.UnsupportedError{Format: omeName, What: fmt.Sprintf(format, args...)}
	}
	switch {
	case m.sizeX < 1 || m.sizeY < 1:
		return &tiles.FormatError{Format: omeName, What: fmt.Sprintf("image of %d×%d pixels", m.sizeX, m.sizeY)}
	case m.ifd >= len(f.Directories()):
		return &tiles.FormatError{Format: omeName, What: fmt.Sprintf("image in directory %d of %d", m.ifd, len(f.Directories()))}
	case m.z > 1 || m.t > 1:
		return no("OME-TIFF of %d focal planes and %d time points (single planes are read)", m.z, m.t)
	case m.pixelType != "uint8":
		return no("OME-TIFF of pixel type %q (uint8 is read)", m.pixelType)
	case m.c > 1 && m.samples != m.c:
		return no("OME-TIFF of %d separate channels (RGB is read)", m.c)
	}
	return nil
}

// associated takes the other images whose names say what they are.
func (o *omeFile) associated(p *tiff.Parts, f *tiff.File, main int, codecs *codec.Set) {
	for i, m := range o.images {
		if i == main || m.ifd < 0 || m.ifd >= len(f.Directories()) {
			continue
		}
		kind := m.kind()
		if kind == "" {
			continue
		}
		img, err := f.Directories()[m.ifd].Image(codecs)
		if err != nil {
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("%s left out: %v", kind, err))
		} else if _, twice := p.Associated[kind]; !twice {
			p.Associated[kind] = img
		}
	}
}

// describe fills properties, MPP and objective.
func (o *omeFile) describe(info *tiles.Info, d *tiff.Directory, m *omeImage) {
	props, warnings := d.Properties()
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	props["openslide.vendor"] = "ome-tiff"
	props["ome.Image.Name"] = m.name
	info.Objective = o.objectives[m.objective]
	switch {
	case tiles.SaneMPP(m.mppX) && tiles.SaneMPP(m.mppY):
		info.MPPX, info.MPPY, info.MPPFrom = m.mppX, m.mppY, "ome.PhysicalSizeX"
		return
	case m.mppX != 0 || m.mppY != 0:
		info.Warnings = append(info.Warnings, fmt.Sprintf("PhysicalSize %g×%g µm cannot be a slide's and is ignored", m.mppX, m.mppY))
	}
	if x, y := d.ResolutionMPP(); x > 0 {
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "tiff.XResolution"
	}
}
