package flat

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"io"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
)

// jpegName is the name of the reader of JPEG.
const jpegName = "jpeg"

// FormatJPEG returns the reader of JPEG pictures of 8 bits, grey or in colour,
// which decodes through codecs: baseline ones of any size, progressive ones up to
// 64 Mpx.
func FormatJPEG(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: jpegName, Vendor: "JPEG",
		Detect: func(src *tiles.Source) error { return begins(src, "\xff\xd8\xff", "JPEG") },
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) {
			return openJPEG(ctx, src, codecs, usual())
		},
	}
}

// jpegFile is the markers of a JPEG up to its first scan.
type jpegFile struct {
	head        jpegstream.Header
	orientation int
	icc         [][]byte // pieces, by their numbers from 1 on
	mppX, mppY  float64
	resolution  string
}

func openJPEG(ctx context.Context, src *tiles.Source, codecs *codec.Set, lim limits) (tiles.Slide, error) {
	f, err := readJPEGMarkers(src)
	if err != nil {
		return nil, err
	}
	h := f.head
	if err := supportedJPEG(h, src.Size()); err != nil {
		return nil, err
	}
	p := &picture{format: jpegName, limits: lim, width: h.Width, height: h.Height, cell: cell{h.Components, 1}, orientation: f.orientation, icc: bytes.Join(f.icc, nil)}
	p.info.Vendor = "Generic"
	p.scale(f.mppX, f.mppY, "jpeg.density", f.resolution)
	if len(p.icc) == 0 {
		p.icc = nil
	}
	sequential := h.SOF == 0xc0 || h.SOF == 0xc1
	switch {
	case sequential && int64(h.Width)*int64(h.Height) > lim.band:
		p.rows = func(_ context.Context, row func([]byte) error) error { return jpegBands(src, p.cell, codecs, row) }
	case int64(h.Width)*int64(h.Height) <= wholePixels && src.Size() <= maxFileBytes:
		p.rows = func(_ context.Context, row func([]byte) error) error { return wholeJPEG(src, h, p.cell, codecs, row) }
	default:
		return nil, unsupported(jpegName, hint, "progressive picture of %d×%d pixels (up to 64 Mpx are read)", h.Width, h.Height)
	}
	return p.open(ctx, src)
}

// supportedJPEG refuses what cannot be decoded, or cannot be what it claims.
func supportedJPEG(h jpegstream.Header, fileSize int64) error {
	switch {
	case h.Width < 1 || h.Height < 1:
		return bad(jpegName, "picture of %d×%d pixels", h.Width, h.Height)
	case h.Components == 4:
		return unsupported(jpegName, "convert it to RGB: vips icc_transform IN OUT.jpg srgb", "picture in four inks (CMYK)")
	case h.Components != 1 && h.Components != 3:
		return bad(jpegName, "picture of %d components", h.Components)
	case h.Precision != 8:
		return unsupported(jpegName, "", "picture of %d bits per sample (8 are read)", h.Precision)
	case h.SOF > 0xc2:
		return unsupported(jpegName, "", "JPEG of process %02X (arithmetic coding, lossless or hierarchical)", h.SOF)
	}
	// Of each block of 8×8 samples a sequential stream holds two codes of a bit
	// or more; a progressive one at least the first bits of its mean.
	if blocks := int64(h.Width) * int64(h.Height) / 64; h.SOF < 0xc2 && blocks/4 > fileSize || blocks/8 > fileSize {
		return bad(jpegName, "%d×%d pixels do not fit a file of %d bytes", h.Width, h.Height, fileSize)
	}
	return nil
}

// readJPEGMarkers walks the segments by place: what is not looked at is not
// read.
func readJPEGMarkers(src *tiles.Source) (*jpegFile, error) {
	f := &jpegFile{orientation: 1}
	kept := []byte{0xff, 0xd8} // frame and colour markers, as a stream for the parser
	at := int64(2)
	for segments := 0; ; segments++ {
		var b [4]byte
		if segments > 1<<16 {
			return nil, bad(jpegName, "more than %d segments", 1<<16)
		}
		if _, err := src.ReadAt(b[:], at); err != nil {
			return nil, bad(jpegName, "the file ends before its picture")
		}
		if b[0] != 0xff || b[1] == 0xff { // stray and fill bytes
			at++
			continue
		}
		m, n := b[1], int64(binary.BigEndian.Uint16(b[2:]))
		if m == 0xd9 || m == 0 || m >= 0xd0 && m <= 0xd8 || n < 2 {
			return nil, bad(jpegName, "marker %02X at %d", m, at)
		}
		body := make([]byte, n-2)
		if m == 0xda || m >= 0xc0 && m <= 0xcf && m != 0xc4 || m == 0xe0 || m == 0xe1 || m == 0xe2 || m == 0xee {
			if _, err := src.ReadAt(body, at+4); err != nil && len(body) > 0 {
				return nil, bad(jpegName, "marker %02X is cut off", m)
			}
		}
		at += 2 + n
		switch m {
		case 0xe0:
			f.density(body)
		case 0xe1:
			if len(body) > 14 && string(body[:6]) == "Exif\x00\x00" {
				f.orientation = exifOrientation(body[6:])
			}
		case 0xe2:
			if len(body) > 14 && string(body[:12]) == "ICC_PROFILE\x00" {
				f.icc = append(f.icc, body[14:])
			}
		}
		if m == 0xda || m >= 0xc0 && m <= 0xcf && m != 0xc4 {
			kept = binary.BigEndian.AppendUint16(append(kept, 0xff, m), uint16(n))
			kept = append(kept, body...)
		}
		if m == 0xda {
			var err error
			if f.head, err = jpegstream.ParseHeader(kept); err != nil {
				return nil, bad(jpegName, "%v", err)
			}
			return f, nil
		}
	}
}

// density takes JFIF's resolution.
func (f *jpegFile) density(b []byte) {
	if len(b) < 12 || string(b[:4]) != "JFIF" {
		return
	}
	per := map[byte]float64{1: 25400, 2: 10000}[b[7]] // µm of an inch, a centimetre
	x, y := float64(binary.BigEndian.Uint16(b[8:])), float64(binary.BigEndian.Uint16(b[10:]))
	if per == 0 || x <= 0 || y <= 0 {
		return
	}
	f.resolution = fmt.Sprintf("%g×%g per %s", x, y, map[byte]string{1: "inch", 2: "centimetre"}[b[7]])
	f.mppX, f.mppY = per/x, per/y
}

// bandRows is the MCU rows of a band.
const bandRows = 8

// wholeJPEG decodes a picture at once.
func wholeJPEG(src *tiles.Source, h jpegstream.Header, c cell, codecs *codec.Set, row func([]byte) error) error {
	data := make([]byte, src.Size())
	if _, err := src.ReadAt(data, 0); err != nil {
		return err
	}
	img := image.NewRGBA(image.Rect(0, 0, h.Width, h.Height))
	if err := codecs.JPEG(img, data, h.Components); err != nil {
		return err
	}
	return packRows(img, 0, h.Height, c, row)
}

// packRows gives rows of a decoded picture.
func packRows(img *image.RGBA, from, to int, c cell, row func([]byte) error) error {
	out := make([]byte, img.Rect.Dx()*c.bytes())
	for y := from; y < to; y++ {
		c.pack(out, rowOf(img, y))
		if err := row(out); err != nil {
			return err
		}
	}
	return nil
}

// jpegBands cuts a picture into bands and decodes one after the other. Each band
// brings a row of blocks above and below that are dropped: where chroma is
// enlarged, pixels depend on their neighbours.
func jpegBands(src *tiles.Source, c cell, codecs *codec.Set, row func([]byte) error) error {
	cut, err := jpegstream.NewCutter(io.NewSectionReader(src, 0, src.Size()))
	if err != nil {
		return unsupported(jpegName, hint, "picture of more than %d Mpx: %v", bandPixels>>20, err)
	}
	h, unit := cut.Header(), cut.MCUHeight()
	var buf []byte
	for at := 0; at < cut.MCURows(); at += bandRows {
		first, end := max(0, at-1), min(at+bandRows+1, cut.MCURows())
		band, height, err := cut.Band(first, end)
		if err != nil {
			return err
		}
		if n := 4 * h.Width * height; cap(buf) < n {
			buf = make([]byte, n)
		}
		img := &image.RGBA{Pix: buf[:4*h.Width*height], Stride: 4 * h.Width, Rect: image.Rect(0, 0, h.Width, height)}
		if err := codecs.JPEG(img, band, h.Components); err != nil {
			return err
		}
		top := (at - first) * unit
		rows := min((at+bandRows)*unit, h.Height) - at*unit
		if err := packRows(img, top, top+rows, c, row); err != nil {
			return err
		}
	}
	return nil
}
