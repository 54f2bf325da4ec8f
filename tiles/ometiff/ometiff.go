// Package ometiff reads OME-TIFF: pyramids in sub-directories, several channels,
// focal planes and time points, in one file or in several, as written by
// Bio-Formats, QuPath, tifffile and by this program.
//
// Each plane of the image is a directory of its own (or one sample of each of
// its pixels); OME-XML in the first directory's description says which. The
// levels below a plane are the sub-directories (tag 330) of its directory.
//
// Source: the OME-TIFF specification and the OME schema 2016-06.
package ometiff

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "ome-tiff"

// Format returns the reader of OME-TIFF, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "OME-TIFF (Bio-Formats, QuPath)",
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
	if !strings.Contains(text, "<OME") && !strings.Contains(text, ":OME ") { // with or without a prefix
		return nil, errors.New("the description holds no OME-XML")
	}
	return f, nil
}

// textOf parses the directories and returns the OME-XML text.
func textOf(src *tiles.Source) (*tiff.File, string, error) {
	f, err := detect(src)
	if err != nil {
		return nil, "", err
	}
	text, err := f.Directories()[0].Text(tiff.TagImageDescription)
	return f, text, err
}

func formatError(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf(format, args...)}
}

// reading is an OME-TIFF file while it is opened.
type reading struct {
	src    *tiles.Source
	codecs *codec.Set
	file   *tiff.File
	doc    *document
	main   *picture
	parts  tiff.Parts
	stack  tiles.Stack
}

func (r *reading) warn(format string, args ...any) {
	r.parts.Info.Warnings = append(r.parts.Info.Warnings, fmt.Sprintf(format, args...))
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, text, err := textOf(src)
	if err != nil {
		return nil, err
	}
	r := &reading{src: src, codecs: codecs, file: f}
	if r.doc, err = parse(text); err != nil {
		return nil, &tiles.FormatError{Format: name, What: "description", Err: err}
	}
	uuid := r.doc.uuid
	if r.doc.binaryOnly != "" {
		if r.doc, err = companion(src, r.doc.binaryOnly); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	best, err := r.choose(uuid)
	if err != nil {
		return nil, err
	}
	r.main = &r.doc.images[best]
	s, err := r.slide(uuid)
	if err != nil {
		return nil, err
	}
	s.associate(best, uuid)
	return s.finish()
}

// companion reads the text that a file of pixels alone names: plain XML, or
// another OME-TIFF.
func companion(src *tiles.Source, file string) (*document, error) {
	other, err := src.OpenSibling(sibling(file))
	if err != nil {
		return nil, &tiles.FormatError{Format: name, What: fmt.Sprintf("this file holds pixels alone; what they are says the companion file %q, which must lie beside it", file), Err: err}
	}
	text, err := companionText(other)
	if cerr := other.Close(); err == nil {
		err = cerr
	}
	var doc *document
	if err == nil {
		doc, err = parse(text)
	}
	if err == nil && doc.binaryOnly != "" {
		err = fmt.Errorf("it names yet another, %q", doc.binaryOnly)
	}
	if err != nil {
		return nil, &tiles.FormatError{Format: name, What: fmt.Sprintf("companion file %q", file), Err: err}
	}
	return doc, nil
}

func companionText(src *tiles.Source) (string, error) {
	if _, text, err := textOf(src); err == nil {
		return text, nil
	}
	if src.Size() > maxXMLBytes {
		return "", fmt.Errorf("%d bytes are more than %d", src.Size(), maxXMLBytes)
	}
	text := make([]byte, src.Size())
	if n, err := src.ReadAt(text, 0); n < len(text) {
		return "", errors.Join(err, io.ErrUnexpectedEOF)
	}
	return string(text), nil
}

// kind is the associated image that an image's name says it is, "" for others.
func (m *picture) kind() string {
	for _, k := range []string{"label", "macro", "thumbnail"} {
		if strings.Contains(strings.ToLower(m.name), k) {
			return k
		}
	}
	if strings.Contains(strings.ToLower(m.name), "overview") {
		return "macro"
	}
	return ""
}

// check refuses sizes that cannot be.
func (m *picture) check() error {
	switch {
	case m.sizeX < 1 || m.sizeY < 1 || m.sizeX > tiff.MaxSide || m.sizeY > tiff.MaxSide:
		return formatError("image of %d×%d pixels", m.sizeX, m.sizeY)
	case m.z < 1 || m.c < 1 || m.t < 1 || m.z > tiff.MaxPlanes || m.c > tiff.MaxPlanes || m.t > tiff.MaxPlanes || int64(m.z)*int64(m.c)*int64(m.t) > tiff.MaxPlanes:
		return formatError("image of %d focal planes, %d channels and %d time points (up to %d planes are read)", m.z, m.c, m.t, tiff.MaxPlanes)
	case m.order != "" && !checkOrder(m.order):
		return formatError("dimension order XY%s", m.order)
	}
	switch m.pixelType {
	case "int8", "int16", "int32", "uint8", "uint16", "uint32", "float", "double", "bit", "":
		return nil
	}
	return unsupported("pixel type %q", m.pixelType)
}

// choose is the number of the image that is the slide: one whose pixels are
// here, one in tiles rather than in strips, one not named label, macro or
// thumbnail, the largest, the first; in this order, because a small slide may
// have a larger macro image.
func (r *reading) choose(uuid string) (int, error) {
	best, most := -1, int64(-1)
	var first error
	for i := range r.doc.images {
		m := &r.doc.images[i]
		if err := m.check(); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		rank := (int64(m.sizeX) * int64(m.sizeY)) >> 3
		if m.kind() == "" {
			rank |= 1 << 60
		}
		if ifd := r.firstIFD(m, uuid); ifd >= 0 {
			rank |= 1 << 62
			if r.file.Directories()[ifd].Tiled() {
				rank |= 1 << 61
			}
		}
		if rank > most {
			best, most = i, rank
		}
	}
	if best < 0 {
		return 0, first
	}
	return best, nil
}

// firstIFD is the directory of this file in which an image begins, -1 when it
// lies elsewhere.
func (r *reading) firstIFD(m *picture, uuid string) int {
	if len(m.data) == 0 {
		return 0
	}
	own := filepath.Base(r.src.Path())
	for _, d := range m.data {
		if d.file == "" || d.file == own || d.uuid != "" && d.uuid == uuid || len(r.doc.images) == 1 {
			if ifd := max(0, d.ifd); ifd < len(r.file.Directories()) {
				return ifd
			}
		}
	}
	return -1
}

// describe fills properties, MPP and objective.
func (r *reading) describe(d *tiff.Directory) {
	info, m := &r.parts.Info, r.main
	props, warnings := d.Properties()
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	props["openslide.vendor"] = name
	props["ome.Image.Name"] = m.name
	props["ome.Pixels.Type"] = m.pixelType
	info.Objective = r.doc.objectives[m.objective]
	switch {
	case tiles.SaneMPP(m.mppX) && tiles.SaneMPP(m.mppY):
		info.MPPX, info.MPPY, info.MPPFrom = m.mppX, m.mppY, "ome.PhysicalSizeX"
		return
	case m.mppX != 0 || m.mppY != 0:
		r.warn("PhysicalSize %g×%g µm cannot be a slide's and is ignored", m.mppX, m.mppY)
	}
	if x, y := d.ResolutionMPP(); x > 0 {
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "tiff.XResolution"
	}
}

// focalPlanes are the heights of the focal planes.
func (r *reading) focalPlanes() []float64 {
	m := r.main
	out := make([]float64, m.z)
	switch {
	case m.z == 1:
	case len(m.positions) >= m.z:
		for z := range out {
			out[z] = m.positions[z]
		}
	case m.stepZ > 0:
		for z := range out {
			out[z] = float64(z) * m.stepZ
		}
	default:
		r.warn("the distance of the %d focal planes is not told", m.z)
	}
	return out
}

// channelsOf are the channels of the image. In a directory of several samples a
// pixel each sample is one; names and colours tell red, green and blue apart.
func (r *reading) channelsOf(base *tiff.Image, groups int) []tiles.Channel {
	out := make([]tiles.Channel, 0, groups*base.Samples)
	given := map[color.RGBA]bool{}
	for g := range groups {
		var c channel
		if g < len(r.main.channels) {
			c = r.main.channels[g]
		}
		given[c.color] = true
		for s := range base.Samples {
			o := tiles.Channel{Name: c.name, Color: c.color, Excitation: c.excitation, Emission: c.emission, Bits: base.Bits, Float: base.Format != tiff.FormatUint}
			if m := r.main.bits; m > 0 && m < o.Bits && !o.Float {
				o.Bits = m
			}
			if base.Samples > 1 {
				o.Name, o.Color = sampleName(c.name, s, base), sampleColor(s, base)
			}
			out = append(out, o)
		}
	}
	// White is what the schema assumes and writers put when they know nothing.
	if groups > 1 && len(given) == 1 && given[color.RGBA{R: 255, G: 255, B: 255, A: 255}] {
		for i := range out {
			out[i].Color = color.RGBA{}
		}
	}
	return out
}

// threeColours says whether a pixel's samples are red, green and blue.
func threeColours(m *tiff.Image) bool {
	const rgb, ycc = 2, 6 // tiff.TagPhotometric
	return (m.Samples == 3 || m.Samples == 4) && (m.Photometric == rgb || m.Photometric == ycc)
}

func sampleName(of string, s int, m *tiff.Image) string {
	part := fmt.Sprint(s + 1)
	if threeColours(m) {
		part = []string{"R", "G", "B", "A"}[s]
	}
	return strings.TrimSpace(of + " " + part)
}

func sampleColor(s int, m *tiff.Image) color.RGBA {
	if !threeColours(m) || s > 2 {
		return color.RGBA{}
	}
	return []color.RGBA{{R: 255, A: 255}, {G: 255, A: 255}, {B: 255, A: 255}}[s]
}
