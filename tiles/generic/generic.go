// Package generic reads tiled TIFF files that no vendor claims, and OME-TIFF:
// pyramids as written by libvips, GDAL (COG), Bio-Formats, QuPath and by this
// program.
//
// A generic pyramid keeps its levels as further directories marked as reduced
// images; OME-TIFF keeps them in sub-directories of the full image.
package generic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "generic"

// hint for files whose pixels are all right but not laid out for viewing.
const hint = "convert the slide: vips tiffsave IN OUT.tif --tile --pyramid --bigtiff --compression jpeg"

// Format returns the reader of plain tiled TIFF, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "tiled TIFF, BigTIFF, COG",
		Detect: func(src *tiles.Source) error {
			_, err := tiff.Parse(src, src.Size())
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, err := tiff.Parse(src, src.Size())
	if err != nil {
		return nil, err
	}
	first := f.Directories()[0]
	if v := vendorOf(first); v != "" {
		return nil, &tiles.UnsupportedError{Format: name, What: v + " slide: there is no reader for it yet", Hint: "convert it to OME-TIFF, for instance with QuPath or bioformats2raw and raw2ometiff"}
	}
	base, err := first.Image(codecs)
	if err != nil {
		return nil, fmt.Errorf("tiles/generic: level 0: %w", err)
	}
	if base.Strips {
		return nil, &tiles.UnsupportedError{Format: name, What: "TIFF in strips: only tiled files can be viewed", Hint: hint}
	}
	p := tiff.Parts{Source: src, Levels: []*tiff.Image{base}}
	p.Info = tiles.Info{Format: name, Vendor: "Generic", Channels: channels(base)}
	var smaller []*tiff.Image
	for i, d := range f.Directories()[1:] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := level(d, codecs)
		switch {
		case err != nil:
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("directory %d left out: %v", i+1, err))
		default:
			smaller = append(smaller, m)
		}
	}
	// Writers order levels either way.
	slices.SortStableFunc(smaller, func(a, b *tiff.Image) int { return b.Width - a.Width })
	p.Levels = append(p.Levels, smaller...)
	describe(&p.Info, first)
	if p.ICC, err = first.Bytes(tiff.TagICCProfile); err != nil {
		p.ICC = nil
		p.Info.Warnings = append(p.Info.Warnings, "colour profile left out: "+err.Error())
	}
	return tiff.NewSlide(p)
}

// Tags by which vendors' files are known.
const (
	tagXMP             = 700   // Ventana writes its iScan XML there
	tagHamamatsuFormat = 65420 // in every directory of an NDPI
)

// vendorOf names the vendor of a file that looks like a plain TIFF but is laid
// out by rules of its own: read as plain, it would show a macro image, padding
// or half-overlapping tiles as if they were the slide. "" for other files.
func vendorOf(d *tiff.Directory) string {
	if d.Has(tagHamamatsuFormat) {
		return "Hamamatsu NDPI"
	}
	contains := func(tag uint16, words ...string) bool {
		text, err := d.Text(tag) // what cannot be read names no vendor
		return err == nil && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case contains(tiff.TagImageDescription, "leica-microsystems.com/scn"):
		return "Leica SCN"
	case contains(tiff.TagSoftware, "Philips"), contains(tiff.TagImageDescription, "DPUfsImport"):
		return "Philips TIFF"
	case contains(tiff.TagSoftware, "MedScan"):
		return "Trestle"
	case contains(tagXMP, "iScan", "EncodeInfo"), contains(tiff.TagImageDescription, "<iScan"):
		return "Ventana BIF"
	case contains(tiff.TagImageDescription, "PerkinElmer-QPI"):
		return "Akoya QPTIFF"
	}
	return ""
}

// level is the image of a directory that is a reduced level.
func level(d *tiff.Directory, codecs *codec.Set) (*tiff.Image, error) {
	const reduced = 1 // bit 0 of NewSubfileType, TIFF 6.0 section 8
	t, err := d.Uint(tiff.TagNewSubfileType, 0)
	if err != nil {
		return nil, err
	}
	if !d.Tiled() || t&reduced == 0 {
		return nil, errors.New("not a tiled level of reduced size")
	}
	return d.Image(codecs)
}

// channels names what an image's samples are.
func channels(m *tiff.Image) []string {
	if m.Samples < 3 {
		return []string{"grey"}
	}
	return []string{"R", "G", "B"}
}

// describe fills properties and, from the resolution tags, MPP.
func describe(info *tiles.Info, d *tiff.Directory) {
	props, warnings := d.Properties()
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	props["openslide.vendor"] = "generic-tiff"
	if x, y := d.ResolutionMPP(); x > 0 {
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "tiff.XResolution"
	} else if r := props["tiff.XResolution"]; r != "" {
		info.Warnings = append(info.Warnings, fmt.Sprintf("resolution %s per %s cannot be a slide's and is ignored", r, props["tiff.ResolutionUnit"]))
	}
}
