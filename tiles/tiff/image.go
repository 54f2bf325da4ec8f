package tiff

import (
	"fmt"

	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
)

// Values of TagPhotometric that are read.
const (
	photoWhiteIsZero = 0
	photoBlackIsZero = 1
	photoRGB         = 2
	photoYCbCr       = 6
)

// Image is one image of a file as a grid of tiles; an image in strips is a grid
// of one column whose last row may be lower.
type Image struct {
	Width, Height         int  // pixels
	TileWidth, TileHeight int  // pixels of a full tile
	Strips                bool // stored in strips
	Compression           int  // TagCompression
	Photometric           int  // TagPhotometric
	Samples               int  // samples per pixel

	file      *File
	codecs    *codec.Set
	planar    bool // each sample in a plane of its own
	predictor bool // horizontal differencing
	alpha     alpha
	prefix    []byte // begins every JPEG tile, see jpegstream.Prefix
	offsets   []uint64
	counts    []uint64
}

// alpha is what the sample after the colours means (TagExtraSamples).
type alpha int

const (
	alphaNone       alpha = iota // no such sample, or one to be ignored
	alphaAssociated              // colours are already multiplied by it
	alphaSeparate                // colours must be multiplied
)

// Image checks the tags of an image and prepares to read its tiles.
//
// Errors: *tiles.FormatError when the tags contradict each other or the file's
// size, *tiles.UnsupportedError when they describe what is not read.
func (d *Directory) Image(codecs *codec.Set) (*Image, error) {
	m := &Image{file: d.file, codecs: codecs}
	steps := []func(*Directory) error{m.readSize, m.readSamples, m.readCompression, m.readTable}
	for _, step := range steps {
		if err := step(d); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Cols is the number of tile columns.
func (m *Image) Cols() int { return (m.Width + m.TileWidth - 1) / m.TileWidth }

// Rows is the number of tile rows.
func (m *Image) Rows() int { return (m.Height + m.TileHeight - 1) / m.TileHeight }

// side reads a tag that is a length in pixels.
func (d *Directory) side(tag uint16, what string) (int, error) {
	v, err := d.Uint(tag, 0)
	if err != nil {
		return 0, err
	}
	if v == 0 {
		return 0, bad("directory %d: %s is 0 or missing", d.index, what)
	}
	if v > MaxSide {
		return 0, bad("directory %d: %s of %d pixels is too large", d.index, what, v)
	}
	return int(v), nil
}

func (m *Image) readSize(d *Directory) error {
	var err error
	if m.Width, err = d.side(TagImageWidth, "image width"); err != nil {
		return err
	}
	if m.Height, err = d.side(TagImageLength, "image height"); err != nil {
		return err
	}
	if d.Tiled() {
		if m.TileWidth, err = d.side(TagTileWidth, "tile width"); err != nil {
			return err
		}
		if m.TileHeight, err = d.side(TagTileLength, "tile height"); err != nil {
			return err
		}
	} else {
		m.Strips, m.TileWidth = true, m.Width
		rows, err := d.Uint(TagRowsPerStrip, uint64(m.Height))
		if err != nil {
			return err
		}
		if rows == 0 {
			return bad("directory %d: strips of 0 rows", d.index)
		}
		m.TileHeight = int(min(rows, uint64(m.Height)))
	}
	// Both factors are below 2^31, so the products fit.
	if px := int64(m.TileWidth) * int64(m.TileHeight); px > MaxTilePixels {
		return bad("directory %d: tiles of %d×%d pixels are too large", d.index, m.TileWidth, m.TileHeight)
	}
	if n := int64(m.Cols()) * int64(m.Rows()); n > MaxTiles {
		return bad("directory %d: %d×%d pixels make %d tiles, more than %d", d.index, m.Width, m.Height, n, MaxTiles)
	}
	return nil
}

func (m *Image) readSamples(d *Directory) error {
	spp, err := d.Uint(TagSamplesPerPixel, 1)
	if err != nil {
		return err
	}
	if spp == 0 {
		return bad("directory %d: 0 samples per pixel", d.index)
	}
	if spp > 4 {
		return unsupported("", "%d samples per pixel (1 to 4 are read)", spp)
	}
	m.Samples = int(spp)
	bits := []uint64{1}
	if d.Has(TagBitsPerSample) {
		if bits, err = d.Uints(TagBitsPerSample, 1<<10); err != nil {
			return err
		}
	}
	for _, b := range bits {
		if b != 8 {
			return unsupported("", "%d bits per sample (8 are read)", b)
		}
	}
	for tag, what := range map[uint16]string{TagSampleFormat: "sample format %d (unsigned numbers are read)", TagFillOrder: "fill order %d"} {
		if v, err := d.Uint(tag, 1); err != nil {
			return err
		} else if v != 1 {
			return unsupported("", what, v)
		}
	}
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

// readAlpha finds the meaning of the last of 2 or 4 samples.
func (m *Image) readAlpha(d *Directory) error {
	if m.Samples != 2 && m.Samples != 4 {
		return nil
	}
	v, err := d.Uint(TagExtraSamples, 0)
	if err != nil {
		return err
	}
	switch v { // TIFF 6.0 section 18
	case 1:
		m.alpha = alphaAssociated
	case 2:
		m.alpha = alphaSeparate
	}
	return nil
}

func (m *Image) readCompression(d *Directory) error {
	c, err := d.Uint(TagCompression, CompressionNone)
	if err != nil {
		return err
	}
	p, err := d.Uint(TagPhotometric, photoBlackIsZero)
	if err != nil {
		return err
	}
	pred, err := d.Uint(TagPredictor, 1)
	if err != nil {
		return err
	}
	m.Compression, m.Photometric = int(min(c, 1<<16)), int(min(p, 1<<16))
	switch m.Compression {
	case CompressionNone:
	case CompressionLZW, CompressionDeflate, CompressionDeflateOld, CompressionZstd:
		if pred != 1 && pred != 2 {
			return unsupported("", "predictor %d", pred)
		}
		m.predictor = pred == 2
	case CompressionJPEG:
		if err := m.readJPEG(d); err != nil {
			return err
		}
	case CompressionAperioYCC, CompressionAperioRGB, CompressionJ2K:
		if m.planar {
			return unsupported("", "JPEG 2000 in separate planes")
		}
		if err := m.codecs.HasJPEG2000(); err != nil {
			return err
		}
	default:
		what := fmt.Sprintf("compression %d", c)
		if n := CompressionName(m.Compression); n != "" {
			what += " (" + n + ")"
		}
		return unsupported("convert the slide: vips tiffsave IN OUT.tif --tile --pyramid --compression jpeg", "%s", what)
	}
	return m.checkColour()
}

// checkColour refuses what would be shown in wrong colours.
func (m *Image) checkColour() error {
	switch m.Photometric {
	case photoWhiteIsZero, photoBlackIsZero:
		if m.Samples > 2 {
			return unsupported("", "grey image of %d samples per pixel", m.Samples)
		}
	case photoRGB:
		if m.Samples < 3 {
			return bad("RGB image of %d samples per pixel", m.Samples)
		}
	case photoYCbCr:
		if m.Samples != 3 {
			return bad("YCbCr image of %d samples per pixel", m.Samples)
		}
		switch m.Compression {
		case CompressionJPEG, CompressionAperioYCC, CompressionAperioRGB, CompressionJ2K:
		default:
			return unsupported("", "YCbCr colours without JPEG")
		}
	default:
		return unsupported("", "photometric interpretation %d", m.Photometric)
	}
	return nil
}

func (m *Image) readJPEG(d *Directory) error {
	if m.planar {
		return unsupported("", "JPEG in separate planes")
	}
	if m.Samples != 1 && m.Samples != 3 {
		return unsupported("", "JPEG of %d samples per pixel", m.Samples)
	}
	colour := jpegstream.ColourGrey
	switch m.Photometric {
	case photoRGB:
		// Aperio writes RGB JPEG without an Adobe segment; every decoder would
		// take it for YCbCr.
		colour = jpegstream.ColourRGB
	case photoYCbCr:
		colour = jpegstream.ColourYCbCr
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

// readTable reads where the tiles lie.
func (m *Image) readTable(d *Directory) error {
	offTag, countTag, what := uint16(TagTileOffsets), uint16(TagTileByteCounts), "tile"
	if m.Strips {
		offTag, countTag, what = TagStripOffsets, TagStripByteCounts, "strip"
	} else if !d.Has(offTag) && d.Has(TagStripOffsets) { // old writers used the strips' tags, as libtiff accepts
		offTag, countTag = TagStripOffsets, TagStripByteCounts
	}
	n := m.Cols() * m.Rows()
	if m.planar {
		n *= m.Samples
	}
	var err error
	for _, t := range []struct {
		tag  uint16
		name string
		dst  *[]uint64
	}{{offTag, "offsets", &m.offsets}, {countTag, "byte counts", &m.counts}} {
		if got := d.fields[t.tag].count; got < uint64(n) {
			return bad("directory %d: %d %s %s for %d %ss", d.index, got, what, t.name, n, what)
		}
		if *t.dst, err = d.Uints(t.tag, 4*MaxTiles); err != nil {
			return err
		}
	}
	return nil
}
