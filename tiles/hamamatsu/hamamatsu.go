// Package hamamatsu reads the slides of Hamamatsu's scanners: .ndpi.
//
// An NDPI is a TIFF file whose offsets were widened to 64 bits
// (tiff.ParseWide). Each directory is one image and each image one JPEG in one
// strip, far too large to decode at once. The scanner writes a restart marker
// after every few MCUs and, in tag 65426, where the data behind each marker
// begins: segments are cut out by it and glued to streams of the size of a
// tile. Tag 65426 is wrong or missing in some files; every cut is checked for
// its marker, and the strip is searched for markers where that fails.
//
// Tag 65421 is the magnification of an image, -1 for the macro image and -2 for
// a map of the tissue; tag 65424 its focal plane. A slide of several planes has
// its pyramid once for each and is a tiles.Planar.
//
// A fluorescence scan is one NDPI file a filter set; a text file, .ndpis, lists
// them. That one is a format of its own (FormatSet).
//
// Older scanners write VMS and VMU: an index and image files beside it
// (FormatVMS).
//
// Source: OpenSlide's description of the NDPI format and Bio-Formats' notes on
// its tags, checked against files.
package hamamatsu

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"slices"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "hamamatsu"

// Hamamatsu's tags.
const (
	tagFormat       = 65420 // in every directory
	tagLens         = 65421 // magnification, or one of the kinds below
	tagOffsetX      = 65422 // nm from the middle of the glass
	tagOffsetY      = 65423
	tagFocalPlane   = 65424 // nm from the best focus
	tagStarts       = 65426 // where the data of each restart segment begin
	tagReference    = 65427 // a text of the operator
	tagStartsHigh   = 65432 // upper 32 bits of each of tagStarts
	tagFluorescence = 65434 // name of the filter set
	tagEmission     = 65451 // nm
	tagProperties   = 65449 // lines of "key=value"
)

// Values of tagLens that mark no magnification.
const (
	lensMacro = -1 // a photo of the whole glass
	lensMap   = -2 // where tissue is, in grey
)

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Hamamatsu NanoZoomer (.ndpi)",
		Detect: func(src *tiles.Source) error {
			_, err := detect(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect parses the directories and refuses what is not Hamamatsu's.
func detect(src *tiles.Source) (*tiff.File, error) {
	f, err := tiff.ParseWide(src, src.Size())
	if err != nil {
		return nil, err
	}
	if !f.Directories()[0].Has(tagFormat) {
		return nil, fmt.Errorf("the first directory has no tag %d of Hamamatsu's", tagFormat)
	}
	return f, nil
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, err := detect(src)
	if err != nil {
		return nil, err
	}
	o := &opener{src: src, codecs: codecs, keep: &keeper{}, associated: map[string]tiff.Picture{}}
	for i, d := range f.Directories() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := o.directory(i, d); err != nil {
			return nil, err
		}
	}
	shown, err := o.choosePlane()
	if err != nil {
		return nil, err
	}
	p := tiff.Parts{Source: src, Associated: o.associated}
	p.Info = tiles.Info{Format: name, Vendor: "Hamamatsu", Channels: []string{"R", "G", "B"}, Warnings: o.warnings}
	for _, z := range o.planes {
		p.Info.ZPlanes = append(p.Info.ZPlanes, float64(z.nm)/1000)
	}
	first := o.planes[shown].levels[0].directory()
	describe(&p.Info, first)
	if p.ICC, err = first.Bytes(tiff.TagICCProfile); err != nil {
		p.ICC = nil
		p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("colour profile left out: %v", err))
	}
	s, err := newSlide(p, o.planes[shown].levels, o.keep)
	if err != nil {
		return nil, err
	}
	if len(o.planes) == 1 {
		return s, nil
	}
	all := &stack{slide: s, stack: tiles.Stack{InColor: true, Z: len(o.planes), T: 1, DefaultZ: shown}}
	for _, z := range o.planes {
		all.planes = append(all.planes, matching(s.Levels(), z.levels))
	}
	return all, nil
}

// describe fills properties, MPP, objective and background.
func describe(info *tiles.Info, d *tiff.Directory) {
	props, warnings := d.Properties()
	info.Properties = props
	warn := func(err error) {
		if err != nil {
			warnings = append(warnings, err.Error())
		}
	}
	props["openslide.vendor"] = "hamamatsu"
	text, err := d.Text(tagProperties)
	warn(err)
	for k, v := range parseProperties(text) {
		props["hamamatsu."+k] = v
	}
	if v, ok, err := d.Float(tagLens); err == nil && ok {
		props["hamamatsu.SourceLens"] = strconv.FormatFloat(v, 'g', -1, 64)
		if v > 0 && v <= 200 {
			info.Objective = v
		} else {
			warn(fmt.Errorf("objective %v is ignored", v))
		}
	}
	for tag, key := range map[uint16]string{tagOffsetX: "XOffsetFromSlideCentre", tagOffsetY: "YOffsetFromSlideCentre"} {
		v, ok, err := d.Int(tag)
		warn(err)
		if ok {
			props["hamamatsu."+key] = strconv.FormatInt(v, 10)
		}
	}
	for tag, key := range map[uint16]string{tagReference: "Reference", tagFluorescence: "Fluorescence"} {
		v, err := d.Text(tag)
		warn(err)
		if v != "" {
			props["hamamatsu."+key] = v
		}
	}
	if v, ok, err := d.Float(tagEmission); err == nil && ok && v > 0 {
		props["hamamatsu.EmissionWavelength"] = strconv.FormatFloat(v, 'g', -1, 64)
	}
	if props["hamamatsu.Fluorescence"] != "" {
		info.Background = color.NRGBA{A: 255} // no light is black
	}
	if x, y := d.ResolutionMPP(); x > 0 {
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "tiff.XResolution"
	} else {
		warn(errors.New("the resolution is missing or cannot be a slide's"))
	}
	slices.Sort(warnings)
	info.Warnings = append(info.Warnings, warnings...)
}

// Limits of the property map; real ones have about 100 lines.
const (
	maxLines = 4096
	maxText  = 1 << 20 // bytes looked at
)

// parseProperties reads lines of "key=value". It never fails: what is no such
// line is left out, the first of equal keys counts. Lines end with \r\n, and one
// value has lines of its own that end with \r; a text without \r\n is one that
// somebody else wrote.
func parseProperties(s string) map[string]string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	end := "\r\n"
	if !strings.Contains(s, end) {
		end = "\n"
	}
	out := map[string]string{}
	for range maxLines {
		line, rest, more := strings.Cut(s, end)
		k, v, ok := strings.Cut(line, "=")
		if _, twice := out[k]; ok && k != "" && !twice {
			out[k] = v
		}
		if !more {
			break
		}
		s = rest
	}
	return out
}
