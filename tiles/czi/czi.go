// Package czi reads Zeiss CZI (ZISRAW): sub-blocks, which are pictures of a plane
// at any place of the glass, with a pyramid of further sub-blocks that are
// smaller than what they show.
//
// The canvas is the rectangle of all sub-blocks of all scenes, level 0 their full
// resolution. Sub-blocks overlap: of two, the one of the higher mosaic index is
// on top, as Zeiss draws them. Sub-blocks in colour make a slide in colour, grey
// ones channels, focal planes and time points (tiles.Planar). Colours are shown
// as they are stored: Zeiss's own programs show those of scanners brighter, by a
// gamma of 0.45.
//
// Read are uncompressed pixels, Zstandard with and without its packing of high
// and low bytes, JPEG, and JPEG XR where libjxr is installed.
//
// Source: the description of the format by Zeiss (DS_ZISRAW-FileFormat 1.2.2) as
// far as it is public; what libCZI writes and reads.
package czi

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"io"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/kept"
	"coverslip/tiles/planar"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "czi"

// Bounds of what a file may claim.
const (
	maxDirectory   = 64 << 20  // bytes of the directory of sub-blocks
	maxXML         = 16 << 20  // bytes of the metadata
	maxDimensions  = 32        // of a sub-block
	maxPieceBytes  = 64 << 20  // of a sub-block's pixels, unpacked
	maxAttachments = 1024      // entries of their directory
	maxAttachment  = 256 << 20 // bytes of an attachment that is read
	maxPicture     = 32 << 20  // pixels of an associated image
	maxPlanes      = 1 << 16   // channels, focal planes, time points
	maxFactor      = 1 << 16   // of a level
	keptBytes      = 128 << 20 // of unpacked sub-blocks that tiles share
	tileSide       = 512       // pixels of the virtual tiles
)

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

func unsupported(hint, format string, args ...any) error {
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf(format, args...), Hint: hint}
}

// Format returns the reader, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Zeiss CZI (.czi)",
		Detect: detect,
		Open:   func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

// detect looks at the first bytes.
func detect(src *tiles.Source) error {
	var head [segmentHeader]byte
	if _, err := src.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if segmentID(head[:]) != idFile {
		return errors.New("it does not begin as a CZI file")
	}
	return nil
}

func open(_ context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	o := &opening{parts: tiff.Parts{Source: src, Info: tiles.Info{Format: name, Vendor: "Zeiss", Properties: map[string]string{"openslide.vendor": "zeiss"}}}}
	f, err := parse(src, src.Size(), codecs)
	if err != nil {
		return nil, err
	}
	o.file = f
	if f.updatePending {
		o.warn("the file was not closed by the program that wrote it: parts may be missing")
	}
	p, err := f.picture(o.warn)
	if err != nil {
		return nil, err
	}
	if err := o.checkPacking(p); err != nil {
		return nil, err
	}
	o.readXML(p)
	o.findAssociated()
	o.addScenes(p)
	if p.stack.InColor {
		o.parts.Info.Background = color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	} else {
		o.parts.Info.Background = color.NRGBA{A: 255}
	}
	for _, l := range p.levels {
		l.background = o.parts.Info.Background
		o.parts.Levels = append(o.parts.Levels, l)
	}
	return planar.New(o.parts, p.stack)
}

// checkPacking refuses a slide of which nothing could be decoded, and tells of
// one of which parts cannot.
func (o *opening) checkPacking(p *picture) error {
	var first error
	unread := 0
	pieces := p.levels[0].pieces
	for i := range pieces {
		if err := o.file.canUnpack(pieces[i].compression); err != nil {
			unread++
			if first == nil {
				first = err
			}
		}
	}
	if first != nil && unread == len(pieces) {
		return first
	}
	if first != nil {
		o.warn("%d of %d sub-blocks cannot be decoded: %v", unread, len(pieces), first)
	}
	return nil
}

// opening is what is known while a slide is opened.
type opening struct {
	file  *file
	parts tiff.Parts
}

func (o *opening) warn(format string, args ...any) {
	o.parts.Info.Warnings = append(o.parts.Info.Warnings, fmt.Sprintf(format, args...))
}

// file is a parsed CZI file, or one that is attached to another.
type file struct {
	r             io.ReaderAt
	size          int64
	codecs        *codec.Set
	kept          *kept.Kept[int64]
	updatePending bool
	xmlAt         int64 // of the metadata segment, 0 for none
	attachmentsAt int64 // of the directory of attachments, 0 for none
	pieces        []piece
	others        map[string]bool // dimensions of which only the first place is read
}
