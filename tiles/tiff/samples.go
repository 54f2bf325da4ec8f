package tiff

import (
	"fmt"

	"coverslip/tiles/jpegstream"
)

// Values of TagPhotometric that are read.
const (
	photoWhiteIsZero = 0
	photoBlackIsZero = 1
	photoRGB         = 2
	photoPalette     = 3
	photoSeparated   = 5 // CMYK
	photoYCbCr       = 6
)

// alphaChannel: the sample after the colours is declared, and not as an alpha.
const alphaChannel alpha = 3

// readSamples reads what a pixel is made of.
func (m *Image) readSamples(d *Directory) error {
	spp, err := d.Uint(TagSamplesPerPixel, 1)
	if err != nil {
		return err
	}
	if spp == 0 {
		return bad("directory %d: 0 samples per pixel", d.index)
	}
	if spp > MaxSamples {
		return unsupported("", "%d samples per pixel (1 to %d are read)", spp, MaxSamples)
	}
	m.Samples = int(spp)
	p, err := d.Uint(TagPhotometric, photoBlackIsZero)
	if err != nil {
		return err
	}
	m.Photometric = int(min(p, 1<<16))
	if err := m.readNumbers(d); err != nil {
		return err
	}
	order, err := d.Uint(TagFillOrder, 1)
	if err != nil {
		return err
	}
	if order != 1 && order != 2 {
		return unsupported("", "fill order %d", order)
	}
	m.reversed = order == 2
	planar, err := d.Uint(TagPlanarConfig, 1)
	if err != nil {
		return err
	}
	if planar != 1 && planar != 2 {
		return bad("directory %d: planar configuration %d", d.index, planar)
	}
	m.planar = planar == 2 && m.Samples > 1
	return m.readAlpha(d)
}

// readNumbers reads the kind of number that all samples are.
func (m *Image) readNumbers(d *Directory) error {
	one := func(tag uint16, def uint64) (uint64, error) {
		if !d.Has(tag) {
			return def, nil
		}
		all, err := d.Uints(tag, 1<<16)
		if err != nil {
			return 0, err
		}
		for _, v := range all[:min(len(all), m.Samples)] {
			if v != all[0] {
				return 0, unsupported("", "samples of different kinds (tag %d is %v)", tag, all[:min(len(all), m.Samples, 8)])
			}
		}
		return all[0], nil
	}
	bits, err := one(TagBitsPerSample, 1)
	if err != nil {
		return err
	}
	format, err := one(TagSampleFormat, 1)
	if err != nil {
		return err
	}
	if format == 4 { // undefined: numbers as far as anybody knows
		format = 1
	}
	ok := false
	switch SampleFormat(format) {
	case FormatUint:
		ok = bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 10 || bits == 12 || bits == 14 || bits == 16 || bits == 32 || bits == 64
	case FormatInt:
		ok = bits == 8 || bits == 16 || bits == 32 || bits == 64
	case FormatFloat:
		ok = bits == 16 || bits == 24 || bits == 32 || bits == 64
	default:
		return unsupported("", "sample format %d (complex numbers?)", format)
	}
	if !ok {
		return unsupported("", "%d bits per sample of format %d", bits, format)
	}
	m.Bits, m.Format = int(bits), SampleFormat(format)
	return nil
}

// colours is how many samples of a pixel the photometric interpretation is of.
func (m *Image) colours() int {
	switch m.Photometric {
	case photoRGB, photoYCbCr:
		return 3
	case photoSeparated:
		return 4
	}
	return 1
}

// readAlpha finds the meaning of the first sample after the colours.
func (m *Image) readAlpha(d *Directory) error {
	if m.Samples <= m.colours() {
		return nil
	}
	if !d.Has(TagExtraSamples) {
		if m.planar || m.Bits > 8 { // written as channels; grey with alpha is together
			m.alpha = alphaChannel
		}
		return nil
	}
	v, err := d.Uints(TagExtraSamples, 1<<16)
	if err != nil {
		return err
	}
	switch v[0] { // TIFF 6.0 section 18
	case 1:
		m.alpha = alphaAssociated
	case 2:
		m.alpha = alphaSeparate
	default:
		m.alpha = alphaChannel
	}
	return nil
}

// HasAlpha says whether the sample after the colours is their alpha.
func (m *Image) HasAlpha() bool { return m.alpha == alphaAssociated || m.alpha == alphaSeparate }

// readCompression reads how tiles are packed, and checks that what is in them is
// read.
func (m *Image) readCompression(d *Directory) error {
	c, err := d.Uint(TagCompression, CompressionNone)
	if err != nil {
		return err
	}
	m.Compression, m.predictor = int(min(c, 1<<16)), 1
	switch m.Compression {
	case CompressionNone, CompressionPackBits:
	case CompressionLZW, CompressionDeflate, CompressionDeflateOld, CompressionZstd:
		if err := m.readPredictor(d); err != nil {
			return err
		}
	case CompressionJPEG:
		if err := m.readJPEG(d); err != nil {
			return err
		}
	case CompressionOldJPEG:
		if err := m.readOldJPEG(d); err != nil {
			return err
		}
	case CompressionWebP:
		if m.Bits != 8 || m.Format != FormatUint || m.planar || m.Samples != 3 && m.Samples != 4 {
			return unsupported("", "WebP of %d samples of %d bits", m.Samples, m.Bits)
		}
	case CompressionAperioYCC, CompressionAperioRGB, CompressionJ2K:
		if m.Format == FormatFloat || m.Bits > 16 {
			return unsupported("", "JPEG 2000 of %d bits", m.Bits)
		}
	default:
		what := fmt.Sprintf("compression %d", c)
		if n := CompressionName(m.Compression); n != "" {
			what += " (" + n + ")"
		}
		return unsupported("convert the slide: vips tiffsave IN OUT.tif --tile --pyramid --compression jpeg", "%s", what)
	}
	return m.checkColour(d)
}

// plainBytes says whether tiles are rows of samples once they are unpacked.
func (m *Image) plainBytes() bool {
	switch m.Compression {
	case CompressionNone, CompressionPackBits, CompressionLZW, CompressionDeflate, CompressionDeflateOld, CompressionZstd:
		return true
	}
	return false
}

// readPredictor reads what was done to the samples before they were packed.
func (m *Image) readPredictor(d *Directory) error {
	p, err := d.Uint(TagPredictor, 1)
	if err != nil {
		return err
	}
	switch {
	case p == 1:
	case p == 2 && (m.Bits == 8 || m.Bits == 16 || m.Bits == 32 || m.Bits == 64):
	case p == 3 && m.Format == FormatFloat:
	case p == 2 || p == 3:
		return unsupported("", "predictor %d of %d bits per sample of format %d", p, m.Bits, m.Format)
	default:
		return unsupported("", "predictor %d", p)
	}
	m.predictor = int(p)
	return nil
}

// checkColour refuses what would be shown in wrong colours.
func (m *Image) checkColour(d *Directory) error {
	few := m.Bits <= 8 && m.Format == FormatUint
	switch m.Photometric {
	case photoWhiteIsZero:
		if m.Format != FormatUint {
			return unsupported("", "white-is-zero image of signed or floating-point numbers")
		}
	case photoBlackIsZero:
	case photoRGB:
		if m.Samples < 3 {
			return bad("RGB image of %d samples per pixel", m.Samples)
		}
	case photoPalette:
		if m.Samples != 1 || !few || !m.plainBytes() {
			return unsupported("", "palette image of %d samples of %d bits", m.Samples, m.Bits)
		}
		return m.readPalette(d)
	case photoSeparated:
		inks, err := d.Uint(TagInkSet, 1)
		if err != nil {
			return err
		}
		if m.Samples != 4 || m.Bits != 8 || !few || inks != 1 || !m.plainBytes() && m.Compression != CompressionJPEG {
			return unsupported("", "image of %d inks of %d bits (CMYK of 8 is read)", m.Samples, m.Bits)
		}
	case photoYCbCr:
		if m.Samples != 3 {
			return bad("YCbCr image of %d samples per pixel", m.Samples)
		}
		return m.readYCbCr(d)
	default:
		return noPhotometric(m.Photometric)
	}
	return nil
}

// readPalette reads the colours of a palette image, TIFF 6.0 section 5: all
// reds, all greens, all blues, of 16 bits; old writers put 8 bits there. Writers
// make 16 bits of 8 by 256 or by 257: the high byte is right for both.
func (m *Image) readPalette(d *Directory) error {
	v, err := d.Uints(TagColorMap, 3<<16)
	if err != nil {
		return err
	}
	n := 1 << m.Bits
	if len(v) < 3*n {
		return bad("directory %d: palette of %d numbers for %d colours", d.index, len(v), n)
	}
	most := uint64(0)
	for _, c := range v[:3*n] {
		most = max(most, c)
	}
	to8 := func(c uint64) byte { return byte(min(c, 0xffff) >> 8) }
	if most < 256 {
		to8 = func(c uint64) byte { return byte(c) }
	}
	m.palette = make([][3]byte, n)
	for i := range m.palette {
		m.palette[i] = [3]byte{to8(v[i]), to8(v[n+i]), to8(v[2*n+i])}
	}
	return nil
}

// readJPEG prepares to decode tiles of compression 7.
func (m *Image) readJPEG(d *Directory) error {
	if m.Bits != 8 || m.Format != FormatUint {
		return unsupported("", "JPEG of %d bits per sample (8 are read)", m.Bits)
	}
	if m.planar && m.Photometric == photoYCbCr {
		return unsupported("", "JPEG of YCbCr in separate planes")
	}
	if !m.planar && m.Samples > 4 {
		return unsupported("", "JPEG of %d samples per pixel", m.Samples)
	}
	colour := jpegstream.ColourGrey
	if m.oneJPEG() {
		switch m.Photometric {
		case photoRGB:
			// Aperio writes RGB JPEG without an Adobe segment; every decoder would
			// take it for YCbCr.
			colour = jpegstream.ColourRGB
		case photoYCbCr:
			colour = jpegstream.ColourYCbCr
		}
	}
	tables, err := d.Bytes(TagJPEGTables)
	if err != nil {
		return err
	}
	if m.prefix, err = jpegstream.Prefix(tables, colour); err != nil {
		return bad("directory %d: %v", d.index, err)
	}
	return nil
}

// oneJPEG says whether a tile is one stream that a decoder turns into a grey
// picture or one in colour.
func (m *Image) oneJPEG() bool {
	return !m.planar && m.InColor() && (m.Samples == 1 || m.Samples == 3)
}
