// Package aperio reads the slides of Aperio (now Leica) scanners: .svs, a TIFF
// or BigTIFF whose description begins with "Aperio".
//
// Directory 0 is level 0; further tiled directories are levels; the second
// directory, in strips, is a thumbnail; label and macro come last. Tiles are
// JPEG, often RGB without the Adobe segment that would say so, or JPEG 2000
// (33003: YCbCr, 33005: RGB).
//
// Tiles of zero length occur at the edges of lower levels. They are not holes
// in the glass: they are made from the next finer level, as OpenSlide does, and
// count as missing only where that has nothing either. So are the tiles of still
// lower levels that a missing one went into: some of them hold rubbish.
package aperio

import (
	"context"
	"fmt"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "aperio"

// Values of NewSubfileType by which newer scanners mark the images without a
// description.
const (
	subfileLabel = 1
	subfileMacro = 9
)

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Leica Aperio (.svs)",
		Detect: func(src *tiles.Source) error {
			_, err := detect(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect parses the directories and refuses what is not Aperio's.
func detect(src *tiles.Source) (*tiff.File, error) {
	f, err := tiff.ParseCut(src)
	if err != nil {
		return nil, err
	}
	first := f.Directories()[0]
	text, err := first.Head(tiff.TagImageDescription)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(text, "Aperio") {
		return nil, fmt.Errorf("the description does not begin with \"Aperio\"")
	}
	if !first.Tiled() {
		return nil, fmt.Errorf("the first directory is not tiled")
	}
	return f, nil
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, err := detect(src)
	if err != nil {
		return nil, err
	}
	p := tiff.Parts{Source: src, Associated: map[string]tiff.Picture{}}
	p.Info = tiles.Info{Format: name, Vendor: "Aperio", Channels: []string{"R", "G", "B"}}
	p.Info.Cut(f.Cut())
	for i, d := range f.Directories() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := d.Image(codecs)
		switch {
		case err != nil && i == 0:
			return nil, fmt.Errorf("tiles/aperio: level 0: %w", err)
		case err != nil:
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("directory %d left out: %v", i, err))
		case d.Tiled():
			p.Levels = append(p.Levels, m)
		default:
			addAssociated(&p, d, i, m)
		}
	}
	first := f.Directories()[0]
	if err := describe(&p.Info, first); err != nil {
		return nil, err
	}
	if p.ICC, err = first.Bytes(tiff.TagICCProfile); err != nil {
		p.ICC = nil
		p.Info.Warnings = append(p.Info.Warnings, "colour profile left out: "+err.Error())
	}
	s, err := newSlide(p)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// addAssociated names an image in strips.
func addAssociated(p *tiff.Parts, d *tiff.Directory, index int, m *tiff.Image) {
	kind := ""
	if text, err := d.Text(tiff.TagImageDescription); err == nil {
		kind = ParseDescription(text).kind()
	}
	if kind == "" {
		subfile, err := d.Uint(tiff.TagNewSubfileType, 0)
		switch {
		case index == 1:
			kind = "thumbnail"
		case err == nil && subfile == subfileLabel:
			kind = "label"
		case err == nil && subfile == subfileMacro:
			kind = "macro"
		default:
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("directory %d left out: neither level, label, macro nor thumbnail", index))
			return
		}
	}
	if _, twice := p.Associated[kind]; !twice {
		p.Associated[kind] = m
	}
}

// describe fills properties, MPP and objective from the first description.
func describe(info *tiles.Info, d *tiff.Directory) error {
	props, warnings := d.Properties()
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	text, err := d.Text(tiff.TagImageDescription)
	if err != nil {
		return err
	}
	desc := ParseDescription(text)
	for k, v := range desc.Values {
		props["aperio."+k] = v
	}
	props["openslide.vendor"] = "aperio"
	if s, has := desc.Values["MPP"]; has {
		if v, ok := tiles.ParseNumber(s); ok && tiles.SaneMPP(v) {
			info.MPPX, info.MPPY, info.MPPFrom = v, v, "aperio.MPP"
		} else {
			info.Warnings = append(info.Warnings, fmt.Sprintf("MPP %q cannot be a slide's and is ignored", s))
		}
	}
	if s, has := desc.Values["AppMag"]; has {
		if v, ok := tiles.ParseNumber(s); ok && v > 0 && v <= 200 {
			info.Objective = v
		} else {
			info.Warnings = append(info.Warnings, fmt.Sprintf("objective %q is ignored", s))
		}
	}
	return nil
}
