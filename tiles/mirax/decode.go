package mirax

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strings"

	"coverslip/tiles/codec"
	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/jpegstream"
)

// pictureFormat is how the images of a level are stored.
type pictureFormat int

const (
	formatJPEG pictureFormat = iota
	formatPNG
	formatBMP
	formatJPEG2000
)

// parseFormat knows the values of IMAGE_FORMAT.
func parseFormat(s string) (pictureFormat, error) {
	switch strings.ToUpper(s) {
	case "JPEG":
		return formatJPEG, nil
	case "PNG":
		return formatPNG, nil
	case "BMP24", "BMP":
		return formatBMP, nil
	case "JPEG2000", "JP2":
		return formatJPEG2000, nil
	}
	what := fmt.Sprintf("images stored as %.40q", s)
	if x := strings.ToUpper(s); strings.HasPrefix(x, "JPEG") && strings.HasSuffix(x, "XR") {
		what = fmt.Sprintf("images compressed by JPEG XR (%.40q)", s)
	}
	return 0, unsupported("%s (JPEG, PNG, BMP and JPEG 2000 are read)", what)
}

// decode fills dst, whose size must be the picture's, with opaque pixels: its
// first n rows at least.
func decode(codecs *codec.Set, f pictureFormat, dst *image.RGBA, data []byte, n int) error {
	switch f {
	case formatJPEG:
		h, err := jpegstream.ParseHeader(data)
		if err != nil {
			return err
		}
		if h.Components != 1 && h.Components != 3 {
			return fmt.Errorf("JPEG of %d components", h.Components)
		}
		return codecs.JPEGTop(dst, data, h.Components, n)
	case formatPNG:
		return decodePNG(dst, data)
	case formatJPEG2000:
		w, h, err := codec.JPEG2000Size(data)
		if err != nil {
			return err
		}
		if err := sized("JPEG 2000 image", w, h, dst); err != nil {
			return err
		}
		return codecs.JPEG2000(dst, data, jpeg2000.ColourRGB)
	}
	return decodeBMP(dst, data)
}

// sizeOf is the size that a picture claims, in pixels.
func sizeOf(f pictureFormat, data []byte) (w, h int, err error) {
	switch f {
	case formatJPEG:
		j, err := jpegstream.ParseHeader(data)
		return j.Width, j.Height, err
	case formatPNG:
		c, err := png.DecodeConfig(bytes.NewReader(data))
		return c.Width, c.Height, err
	case formatJPEG2000:
		return codec.JPEG2000Size(data)
	}
	if len(data) < bmpHead {
		return 0, 0, errors.New("not a BMP file")
	}
	w = int(int32(binary.LittleEndian.Uint32(data[bmpWidth:])))
	h = int(int32(binary.LittleEndian.Uint32(data[bmpHeight:])))
	return w, max(h, -h), nil
}

// sized refuses a picture that has not the size of its destination, before any
// memory is taken for it.
func sized(what string, w, h int, dst *image.RGBA) error {
	if w != dst.Rect.Dx() || h != dst.Rect.Dy() {
		return fmt.Errorf("%s is %d×%d pixels where %d×%d are due", what, w, h, dst.Rect.Dx(), dst.Rect.Dy())
	}
	return nil
}

func decodePNG(dst *image.RGBA, data []byte) error {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if err := sized("PNG", c.Width, c.Height, dst); err != nil {
		return err
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	draw.Draw(dst, dst.Rect, image.Black, image.Point{}, draw.Src)
	draw.Draw(dst, dst.Rect, m, m.Bounds().Min, draw.Over)
	return nil
}

// Offsets in a BMP file: BITMAPFILEHEADER, then BITMAPINFOHEADER.
const (
	bmpPixels      = 10
	bmpInfo        = 14 // size of the second header
	bmpWidth       = 18
	bmpHeight      = 22 // negative where the first row is the uppermost
	bmpDepth       = 28 // bits of a pixel
	bmpCompression = 30
	bmpHead        = 54
)

// decodeBMP reads the BMP files that scanners write: 24 or 32 bits, not
// compressed.
func decodeBMP(dst *image.RGBA, data []byte) error {
	if len(data) < bmpHead || data[0] != 'B' || data[1] != 'M' {
		return errors.New("not a BMP file")
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	depth, compression := int(binary.LittleEndian.Uint16(data[bmpDepth:])), u32(bmpCompression)
	if u32(bmpInfo) < bmpHead-bmpInfo || depth != 24 && depth != 32 || compression != 0 {
		return fmt.Errorf("BMP of %d bits and compression %d", depth, compression)
	}
	height := int(int32(u32(bmpHeight)))
	topDown := height < 0
	if topDown {
		height = -height
	}
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	if err := sized("BMP", int(int32(u32(bmpWidth))), height, dst); err != nil {
		return err
	}
	bytesEach := depth / 8
	row := (w*bytesEach + 3) / 4 * 4
	first := int64(u32(bmpPixels))
	if first < bmpHead || first+int64(row)*int64(h) > int64(len(data)) {
		return fmt.Errorf("BMP of %d bytes is cut off: %d rows of %d bytes begin at %d", len(data), h, row, first)
	}
	for y := range h {
		from := y
		if !topDown {
			from = h - 1 - y
		}
		src := data[int(first)+from*row:][:w*bytesEach]
		to := dst.Pix[y*dst.Stride:][:4*w]
		for x := range w {
			p, q := src[x*bytesEach:x*bytesEach+3:x*bytesEach+3], to[4*x:4*x+4:4*x+4]
			q[0], q[1], q[2], q[3] = p[2], p[1], p[0], 255
		}
	}
	return nil
}
