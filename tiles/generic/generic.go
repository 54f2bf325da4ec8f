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
	"image/color"
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
			f, err := tiff.ParseCut(src)
			if err != nil {
				return err
			}
			if first := f.Directories()[0]; !first.Tiled() && vendorOf(first) == "" && first.Has(tiff.TagImageWidth) {
				return errors.New("TIFF in strips, not in tiles")
			}
			return nil
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, err := tiff.ParseCut(src)
	if err != nil {
		return nil, err
	}
	first := f.Directories()[0]
	if v := vendorOf(first); v != "" {
		return nil, &tiles.UnsupportedError{Format: name, What: v + " slide: no reader of this program opens it", Hint: "convert it to OME-TIFF, for instance with QuPath or bioformats2raw and raw2ometiff"}
	}
	base, err := first.Image(codecs)
	if err != nil {
		return nil, fmt.Errorf("tiles/generic: level 0: %w", err)
	}
	if base.Strips {
		return nil, &tiles.UnsupportedError{Format: name, What: "TIFF in strips: only tiled files can be viewed", Hint: hint}
	}
	p := tiff.Parts{Source: src, Info: tiles.Info{Format: name, Vendor: "Generic", Channels: channels(base)}}
	p.Info.Cut(f.Cut())
	p.Info.Background = background(base)
	turner := tiff.NewTurner(p.Info.Background)
	p.Levels = []tiff.Grid{turner.Turn(base, first.Orientation())}
	type level struct {
		image *tiff.Image
		how   int // Orientation
	}
	var smaller []level
	others := append(slices.Clone(f.Directories()[1:]), first.Sub()...)
	for i, d := range others {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := reduced(d, i >= len(others)-len(first.Sub()), base, codecs)
		if errors.Is(err, errMask) {
			continue
		}
		if err != nil {
			p.Info.Warnings = append(p.Info.Warnings, fmt.Sprintf("directory %d left out: %v", i+1, err))
			continue
		}
		how := first.Orientation()
		if d.Has(tiff.TagOrientation) {
			how = d.Orientation()
		}
		smaller = append(smaller, level{m, how})
	}
	// Writers order levels either way.
	slices.SortStableFunc(smaller, func(a, b level) int { return b.image.Width - a.image.Width })
	for _, l := range smaller {
		p.Levels = append(p.Levels, turner.Turn(l.image, l.how))
	}
	first.Describe(&p.Info)
	if p.ICC, err = first.Bytes(tiff.TagICCProfile); err != nil {
		p.ICC = nil
		p.Info.Warnings = append(p.Info.Warnings, "colour profile left out: "+err.Error())
	}
	if base.InColor() {
		return tiff.NewPartSlide(p)
	}
	return tiff.NewPlanarSlide(p, base.Channels())
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
		text, err := d.Head(tag) // what cannot be read names no vendor
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

// errMask: a directory that is a mask of another one, as COG keeps it; nothing
// of it is shown.
var errMask = errors.New("a transparency mask")

// reduced is the image of a directory that is a smaller level of base. A
// sub-directory need not be marked as one.
func reduced(d *tiff.Directory, sub bool, base *tiff.Image, codecs *codec.Set) (*tiff.Image, error) {
	const reduced, mask = 1, 4 // bits of NewSubfileType, TIFF 6.0 section 8
	t, err := d.Uint(tiff.TagNewSubfileType, 0)
	if err != nil {
		return nil, err
	}
	old, err := d.Uint(tiff.TagSubfileType, 1) // 2: reduced
	if err != nil {
		return nil, err
	}
	switch {
	case t&mask != 0:
		return nil, errMask
	case !d.Tiled() || t&reduced == 0 && old != 2 && !sub:
		return nil, errors.New("not a tiled level of reduced size")
	}
	m, err := d.Image(codecs)
	if err != nil {
		return nil, err
	}
	if m.InColor() != base.InColor() || !m.InColor() && (m.Samples != base.Samples || m.Bits != base.Bits || m.Format != base.Format || m.Photometric != base.Photometric) {
		return nil, fmt.Errorf("its %d samples of %d bits are not those of the full image", m.Samples, m.Bits)
	}
	return m, nil
}

// channels names what an image's samples are.
func channels(m *tiff.Image) []string {
	if m.Samples < 3 && m.Photometric < 2 {
		return []string{"grey"}
	}
	return []string{"R", "G", "B"}
}

// background is the colour of what was never stored: of samples that are not
// colours, whose light is added, nothing is black; else white.
func background(m *tiff.Image) color.NRGBA {
	if m.InColor() || m.Photometric == 2 {
		return color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	}
	return color.NRGBA{A: 255}
}
