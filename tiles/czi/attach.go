package czi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// sortedKeys are the keys of a map, ascending.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// attachment is a picture that is attached to the file: a whole CZI file, or a
// JPEG stream.
type attachment struct {
	file *file
	at   int64 // of its segment
	czi  bool
}

// findAssociated lists the attached pictures under the names that others give
// them.
func (o *opening) findAssociated() {
	o.parts.Associated = map[string]tiff.Picture{}
	f := o.file
	if f.attachmentsAt == 0 {
		return
	}
	head, err := f.readSegment(f.attachmentsAt, idAttachments, 4)
	if err != nil {
		o.warn("attachments are left out: %v", err)
		return
	}
	n := int(int32(le.Uint32(head)))
	at := f.attachmentsAt + segmentHeader + attachDirData
	if n < 0 || n > maxAttachments || int64(n)*attachEntry > f.size-at {
		o.warn("attachments are left out: %d of them at %d", n, at)
		return
	}
	buf := make([]byte, n*attachEntry)
	if _, err := f.r.ReadAt(buf, at); err != nil && n > 0 {
		o.warn("attachments are left out: %v", err)
		return
	}
	names := map[string]string{"Label": "label", "SlidePreview": "macro", "Thumbnail": "thumbnail"}
	for e := buf; len(e) >= attachEntry; e = e[attachEntry:] {
		kind := string(bytes.TrimRight(e[40:48], "\x00"))
		as, ok := names[string(bytes.TrimRight(e[48:128], "\x00"))]
		if _, twice := o.parts.Associated[as]; !ok || twice || le.Uint32(e[20:]) != 0 {
			continue
		}
		switch kind {
		case "CZI", "JPG", "JPEG":
			o.parts.Associated[as] = attachment{f, int64(le.Uint64(e[12:])), kind == "CZI"}
		default:
			o.warn("the %s image is left out: it is of the kind %q", as, clip(kind))
		}
	}
}

// ReadAll implements tiff.Picture.
func (a attachment) ReadAll(ctx context.Context) (*image.RGBA, error) {
	head, err := a.file.readSegment(a.at, idAttachment, 8)
	if err != nil {
		return nil, err
	}
	n, at := int64(le.Uint64(head)), a.at+segmentHeader+attachData
	if n < 1 || n > maxAttachment || at > a.file.size || n > a.file.size-at {
		return nil, bad("%d bytes at %d", n, at)
	}
	if a.czi {
		return a.nested(ctx, io.NewSectionReader(a.file.r, at, n), n)
	}
	data := make([]byte, n)
	if _, err := a.file.r.ReadAt(data, at); err != nil {
		return nil, err
	}
	return a.file.codecs.JPEGImage(data, maxPicture)
}

// nested reads the first level of an attached CZI file.
func (a attachment) nested(ctx context.Context, r io.ReaderAt, size int64) (*image.RGBA, error) {
	f, err := parse(r, size, a.file.codecs)
	if err != nil {
		return nil, err
	}
	p, err := f.picture(func(string, ...any) {})
	if err != nil {
		return nil, err
	}
	l := p.levels[0]
	l.background.R, l.background.G, l.background.B, l.background.A = 255, 255, 255, 255
	if int64(l.sizes.Width)*int64(l.sizes.Height) > maxPicture {
		return nil, bad("an attached picture of %d×%d pixels", l.sizes.Width, l.sizes.Height)
	}
	if !p.stack.InColor && (len(p.pixel) != 1 || p.pixel[0] != gray8 && p.pixel[0] != gray16) {
		return nil, unsupported("", "attached picture of %d channels of type %s", len(p.pixel), pixelName(p.pixel[0]))
	}
	dst := image.NewRGBA(image.Rect(0, 0, l.sizes.Width, l.sizes.Height))
	tiles.Fill(dst, l.background)
	for row := range l.sizes.Rows() {
		for col := range l.sizes.Cols() {
			part := dst.SubImage(l.sizes.TileRect(col, row)).(*image.RGBA)
			if err := l.draw(ctx, col, row, part, p); err != nil && !errors.Is(err, tiles.ErrMissing) {
				return nil, fmt.Errorf("attached picture: %w", err)
			}
		}
	}
	return dst, nil
}

// draw draws a tile in colour or, of 16 bits the high byte, in grey.
func (l *level) draw(ctx context.Context, col, row int, dst *image.RGBA, p *picture) error {
	if p.stack.InColor {
		return l.ReadTile(ctx, col, row, dst)
	}
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	grey := &tiles.Raster{Width: w, Height: h, Uint16: make([]uint16, w*h)}
	if err := l.ReadPlane(ctx, col, row, tiles.Plane{}, grey); err != nil {
		return err
	}
	shift := 0
	if p.pixel[0] == gray16 {
		shift = 8
	}
	for i, v := range grey.Uint16 {
		d := dst.Pix[i/w*dst.Stride+4*(i%w):]
		b := byte(v >> shift)
		d[0], d[1], d[2], d[3] = b, b, b, 255
	}
	return nil
}
