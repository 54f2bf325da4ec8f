// Package philips reads the TIFF export of Philips' scanners.
//
// The description of the first directory is an XML document of attributes under
// DICOM's names. Sizes in the TIFF are rounded up to whole tiles on every level,
// so that the sizes of two levels do not tell how they relate: that is told by
// the pixel spacing of each level in the XML, and levels are clipped to what
// level 0 covers. Tiles outside the scanned regions have offset 0. Label and
// macro are JPEGs in base64 in the XML, or directories in strips.
//
// Source: OpenSlide's description of the format, checked against files.
package philips

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"math"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "philips"

// maxProperty is the longest value that becomes a property, in bytes: longer
// ones are pictures.
const maxProperty = 64 << 10

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Philips TIFF (.tiff)",
		Detect: func(src *tiles.Source) error {
			_, err := detect(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect parses the directories and looks at the beginnings of two texts.
func detect(src *tiles.Source) (*tiff.File, error) {
	f, err := tiff.ParseSource(src)
	if err != nil {
		return nil, err
	}
	first := f.Directories()[0]
	software, err := first.Head(tiff.TagSoftware)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(software, "Philips") {
		return nil, errors.New("the software is not Philips'")
	}
	text, err := first.Head(tiff.TagImageDescription)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(text, "DPUfsImport") {
		return nil, errors.New("the description is no XML of type DPUfsImport")
	}
	return f, nil
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
	doc, err := parseXML(text)
	if err != nil {
		return nil, &tiles.FormatError{Format: name, What: "description", Err: err}
	}
	main := doc.image("WSI")
	if main == nil {
		return nil, &tiles.FormatError{Format: name, What: "the XML names no image of type WSI"}
	}
	p := tiff.Parts{Source: src, Associated: map[string]tiff.Picture{}}
	p.Info = tiles.Info{Format: name, Vendor: "Philips", Channels: []string{"R", "G", "B"}}
	first := f.Directories()[0]
	var warnings []string
	p.Info.Properties, warnings = first.Properties()
	p.Info.Warnings = append(p.Info.Warnings, warnings...)
	delete(p.Info.Properties, "tiff.ImageDescription") // the whole document, with its pictures
	p.Info.Properties["openslide.vendor"] = "philips"
	doc.properties(p.Info.Properties)
	levels, err := readDirectories(ctx, f, codecs, &p)
	if err != nil {
		return nil, err
	}
	scale(&p, levels, main.spacings())
	for kind, of := range map[string]string{"label": "LABELIMAGE", "macro": "MACROIMAGE"} {
		if _, has := p.Associated[kind]; !has {
			addPicture(&p, kind, doc.image(of), codecs)
		}
	}
	describe(&p.Info, main)
	if p.ICC, err = first.Bytes(tiff.TagICCProfile); err != nil {
		p.ICC = nil
		p.Info.Warnings = append(p.Info.Warnings, "colour profile left out: "+err.Error())
	}
	return tiff.NewPartSlide(p)
}

// readDirectories returns the levels; associated images in strips go to p.
func readDirectories(ctx context.Context, f *tiff.File, codecs *codec.Set, p *tiff.Parts) ([]*tiff.Image, error) {
	var levels []*tiff.Image
	for i, d := range f.Directories() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := d.Image(codecs)
		if err == nil && i == 0 && m.Strips {
			err = errors.New("it is in strips")
		}
		if err != nil && i == 0 {
			return nil, fmt.Errorf("tiles/philips: level 0: %w", err)
		}
		if err != nil {
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("directory %d left out: %v", i, err))
			continue
		}
		if !m.Strips {
			levels = append(levels, m)
			continue
		}
		text, err := d.Text(tiff.TagImageDescription)
		switch {
		case err == nil && strings.HasPrefix(text, "Label"):
			p.Associated["label"] = m
		case err == nil && strings.HasPrefix(text, "Macro"):
			p.Associated["macro"] = m
		default:
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("directory %d left out: neither level, label nor macro", i))
		}
	}
	return levels, nil
}

// scale gives each level the downsample that its pixel spacing tells and clips
// it to what level 0 covers.
func scale(p *tiff.Parts, levels []*tiff.Image, spacings []spacing) {
	if len(spacings) != len(levels) {
		p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("the XML tells the pixel spacing of %d levels where the file has %d: their sizes tell it less exactly", len(spacings), len(levels)))
		for _, m := range levels {
			p.Levels = append(p.Levels, m)
		}
		return
	}
	w, h := levels[0].Width, levels[0].Height
	for i, m := range levels {
		if i == 0 {
			p.Levels = append(p.Levels, m)
			continue
		}
		// Whole numbers, as OpenSlide takes them: the spacings are rounded.
		d := math.Round((spacings[i].x/spacings[0].x + spacings[i].y/spacings[0].y) / 2)
		if d < 2 || d > 1<<20 {
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("level of %d×%d pixels left out: its pixel spacing is %g times that of level 0", m.Width, m.Height, d))
			continue
		}
		p.Levels = append(p.Levels, tiff.Clip(m, w/int(d), h/int(d), d))
	}
}

// describe fills MPP from the pixel spacing of the slide's image.
func describe(info *tiles.Info, main *object) {
	text := main.text("DICOM_PIXEL_SPACING")
	s, ok := parseSpacing(text)
	if all := main.spacings(); !ok && len(all) > 0 {
		s, ok = all[0], true
	}
	if !ok {
		info.Warnings = append(info.Warnings, fmt.Sprintf("pixel spacing %.40q is not two numbers", text))
		return
	}
	x, y := s.x*1000, s.y*1000 // mm
	if !tiles.SaneMPP(x) || !tiles.SaneMPP(y) {
		info.Warnings = append(info.Warnings, fmt.Sprintf("pixel spacing %g×%g mm cannot be a slide's and is ignored", s.x, s.y))
		return
	}
	info.MPPX, info.MPPY, info.MPPFrom = x, y, "philips.DICOM_PIXEL_SPACING"
}

// jpegText is an associated image decoded from base64.
type jpegText struct {
	codecs *codec.Set
	data   []byte
}

// ReadAll implements tiff.Picture.
func (j jpegText) ReadAll(ctx context.Context) (*image.RGBA, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return j.codecs.JPEGImage(j.data, tiff.MaxTilePixels)
}

// addPicture adds a JPEG of the XML; what cannot be read is told in a warning.
func addPicture(p *tiff.Parts, kind string, o *object, codecs *codec.Set) {
	if o == nil {
		return
	}
	text := strings.Join(strings.Fields(o.text("PIM_DP_IMAGE_DATA")), "")
	data, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(data) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("%s left out: %v", kind, err))
		return
	}
	p.Associated[kind] = jpegText{codecs, data}
}
