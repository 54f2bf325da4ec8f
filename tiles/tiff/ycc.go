package tiff

import (
	"fmt"
	"image"
)

// ycc converts YCbCr samples that no decoder converts, TIFF 6.0 section 21: in
// tables of 16 bits of fraction, with the chroma of the square a pixel lies in,
// both as libtiff does it, so that pixels are equal to its.
type ycc struct {
	h, v int        // pixels of a chroma sample
	luma [256]int32 // Y stretched to 0..255
	rCr  [256]int32
	bCb  [256]int32
	gCr  [256]int32 // with the fraction
	gCb  [256]int32
}

// readYCbCr prepares the conversion of what is not JPEG.
func (m *Image) readYCbCr(d *Directory) error {
	switch m.Compression {
	case CompressionJPEG, CompressionAperioYCC, CompressionAperioRGB, CompressionJ2K:
		return nil
	case CompressionWebP:
		return unsupported("", "WebP of photometric interpretation %d", m.Photometric)
	}
	if m.Bits != 8 || m.Format != FormatUint {
		return unsupported("", "YCbCr of %d bits per sample", m.Bits)
	}
	y := &ycc{h: 2, v: 2}
	if d.Has(TagYCbCrSubsampling) {
		v, err := d.Uints(TagYCbCrSubsampling, 1<<10)
		if err != nil {
			return err
		}
		if len(v) < 2 || (v[0] != 1 && v[0] != 2 && v[0] != 4) || (v[1] != 1 && v[1] != 2 && v[1] != 4) {
			return bad("directory %d: chroma subsampling %v", d.index, v)
		}
		y.h, y.v = int(v[0]), int(v[1])
	}
	if sub := y.h*y.v > 1; sub && m.Compression != CompressionOldJPEG && (m.planar || m.predictor != 1) {
		return unsupported("", "subsampled YCbCr in separate planes or with a predictor")
	}
	coefficients := [3]float32{0.299, 0.587, 0.114}
	if err := d.rationals(TagYCbCrCoefficients, coefficients[:]); err != nil {
		return err
	}
	if coefficients[1] == 0 {
		return bad("directory %d: YCbCr without green", d.index)
	}
	reference := [6]float32{0, 255, 128, 255, 128, 255}
	if err := d.rationals(TagReferenceBlackWhite, reference[:]); err != nil {
		return err
	}
	y.prepare(coefficients, reference)
	m.ycc = y
	return nil
}

// rationals reads as many fractions as v has, v when the tag is absent. Some
// writers store them as whole numbers.
func (d *Directory) rationals(tag uint16, v []float32) error {
	if !d.Has(tag) {
		return nil
	}
	fd, b, err := d.raw(tag, 1<<10)
	if err != nil {
		return err
	}
	if fd.count < uint64(len(v)) {
		return bad("tag %d of directory %d has %d values, %d are due", tag, d.index, fd.count, len(v))
	}
	o := d.file.order
	for i := range v {
		switch fd.typ {
		case typeRational:
			if den := o.Uint32(b[8*i+4:]); den != 0 {
				v[i] = float32(float64(o.Uint32(b[8*i:])) / float64(den))
			} else {
				v[i] = 0
			}
		case typeLong:
			v[i] = float32(o.Uint32(b[4*i:]))
		case typeShort:
			v[i] = float32(o.Uint16(b[2*i:]))
		default:
			return bad("tag %d of directory %d has type %d where fractions are due", tag, d.index, fd.typ)
		}
	}
	return nil
}

// prepare fills the tables: of section 21's equations, and of the reference
// black and white of section 20, which stretch codes to the full range.
func (y *ycc) prepare(luma [3]float32, reference [6]float32) {
	const shift, half = 16, 1 << 15
	fixed := func(f float32) int64 { return int64(float64(min(max(f, 0), 2))*(1<<shift) + 0.5) }
	red, blue := 2-2*luma[0], 2-2*luma[2]
	d1, d2 := fixed(red), -fixed(luma[0]*red/luma[1])
	d3, d4 := fixed(blue), -fixed(luma[2]*blue/luma[1])
	stretch := func(code int, black, white, full float32) int64 {
		span := white - black
		if span == 0 {
			span = 1
		}
		return int64(min(max(float32(code-int(black))*full/span, -128*32), 128*32))
	}
	for i := range 256 {
		x := i - 128
		cr := stretch(x, reference[4]-128, reference[5]-128, 127)
		cb := stretch(x, reference[2]-128, reference[3]-128, 127)
		y.rCr[i] = int32((d1*cr + half) >> shift)
		y.bCb[i] = int32((d3*cb + half) >> shift)
		y.gCr[i] = int32(d2 * cr)
		y.gCb[i] = int32(d4*cb + half)
		y.luma[i] = int32(stretch(i, reference[0], reference[1], 255))
	}
}

// pixel writes one opaque pixel.
func (y *ycc) pixel(p []byte, luma, cb, cr byte) {
	clamp := func(v int32) byte { return byte(min(max(v, 0), 255)) }
	l := y.luma[luma]
	p[0] = clamp(l + y.rCr[cr])
	p[1] = clamp(l + (y.gCb[cb]+y.gCr[cr])>>16)
	p[2] = clamp(l + y.bCb[cb])
	p[3] = 255
}

// unitBytes is the length of a tile of rows of units.
func (y *ycc) unitBytes(width, rows int) int {
	return (width + y.h - 1) / y.h * ((rows + y.v - 1) / y.v) * (y.h*y.v + 2)
}

// units draws a tile of units: the h×v luma samples of a square, its Cb, its Cr.
// width is that of the stored tile.
func (y *ycc) units(dst *image.RGBA, raw []byte, width int) {
	across, n := (width+y.h-1)/y.h, y.h*y.v
	for py := range dst.Rect.Dy() {
		row := dst.Pix[py*dst.Stride : py*dst.Stride+4*dst.Rect.Dx()]
		line := raw[py/y.v*across*(n+2):]
		for px := range len(row) / 4 {
			u := line[px/y.h*(n+2):]
			y.pixel(row[4*px:4*px+4], u[py%y.v*y.h+px%y.h], u[n], u[n+1])
		}
	}
}

// planes draws three planes of samples, the chroma ones smaller.
func (y *ycc) planes(dst *image.RGBA, luma, cb, cr *image.Gray) error {
	h, v := y.h, y.v
	w, ht := dst.Rect.Dx(), dst.Rect.Dy()
	if luma.Rect.Dx() < w || luma.Rect.Dy() < ht || min(cb.Rect.Dx(), cr.Rect.Dx())*h < w || min(cb.Rect.Dy(), cr.Rect.Dy())*v < ht {
		return fmt.Errorf("planes of %v, %v and %v samples where %d×%d pixels are due", luma.Rect.Size(), cb.Rect.Size(), cr.Rect.Size(), w, ht)
	}
	for py := range ht {
		row := dst.Pix[py*dst.Stride : py*dst.Stride+4*w]
		l, b, r := luma.Pix[py*luma.Stride:], cb.Pix[py/v*cb.Stride:], cr.Pix[py/v*cr.Stride:]
		for px := range w {
			y.pixel(row[4*px:4*px+4], l[px], b[px/h], r[px/h])
		}
	}
	return nil
}
