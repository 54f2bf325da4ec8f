package tiff

import (
	"fmt"

	"coverslip/tiles/codec"
)

// Image is one image of a file as a grid of tiles; an image in strips is a grid
// of one column whose last row may be lower.
type Image struct {
	Width, Height         int          // pixels
	TileWidth, TileHeight int          // pixels of a full tile
	Strips                bool         // stored in strips
	Compression           int          // TagCompression
	Photometric           int          // TagPhotometric
	Samples               int          // samples per pixel
	Bits                  int          // of a sample
	Format                SampleFormat // of a sample

	file      *File
	codecs    *codec.Set
	planar    bool      // each sample in a plane of its own
	predictor int       // 1 none, 2 horizontal differences, 3 those of floating-point numbers
	reversed  bool      // the bits of each byte are in the other order
	alpha     alpha     // meaning of the sample after the colours
	palette   [][3]byte // colours of a palette image
	ycc       *ycc      // of YCbCr that no decoder converts
	old       *oldJPEG  // of CompressionOldJPEG
	prefix    []byte    // begins every JPEG tile, see jpegstream.Prefix
	offsets   []uint64
	counts    []uint64
	sparse    bool                         // some of them are 0
	recent    *recent[recentTile, rawTile] // unpacked tiles, nil where none are kept
}

// SampleFormat is the kind of number a sample is (TIFF 6.0 section 19).
type SampleFormat int

// The kinds of numbers.
const (
	FormatUint  SampleFormat = 1
	FormatInt   SampleFormat = 2
	FormatFloat SampleFormat = 3
)

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
	steps := []func(*Directory) error{m.readSize, m.readSamples, m.readCompression, m.checkTile, m.readTable}
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

// InColor says whether the image is a picture of at most eight bits a colour, all
// of which ReadTile gives. What is in others, ReadSamples gives, and ReadTile a
// mere likeness of it.
func (m *Image) InColor() bool {
	if m.Bits > 8 || m.Format != FormatUint {
		return false
	}
	switch m.Photometric {
	case photoWhiteIsZero, photoBlackIsZero:
		return m.Samples == 1 || m.Samples == 2 && m.alpha != alphaChannel
	case photoRGB:
		return m.Samples <= 4
	}
	return true
}

// Sparse says whether some of its tiles were never stored.
func (m *Image) Sparse() bool { return m.sparse }

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
		m.TileHeight, err = d.side(TagTileLength, "tile height")
		return err
	}
	m.Strips, m.TileWidth = true, m.Width
	rows, err := d.Uint(TagRowsPerStrip, uint64(m.Height))
	if err != nil {
		return err
	}
	if rows == 0 {
		return bad("directory %d: strips of 0 rows", d.index)
	}
	m.TileHeight = int(min(rows, uint64(m.Height)))
	return nil
}

// maxRaw bounds the unpacked bytes of a tile, all its samples together.
const maxRaw = 1 << 28

// checkTile holds the limits of a tile and of their number.
func (m *Image) checkTile(d *Directory) error {
	if m.cuttable() {
		m.TileHeight = m.cutHeight()
	}
	// Both factors are below 2^31, so the products fit.
	px := int64(m.TileWidth) * int64(m.TileHeight)
	if px > MaxTilePixels && m.Strips {
		return unsupported("convert it: vips tiffsave IN OUT.tif --tile --pyramid --bigtiff --compression jpeg",
			"compressed strips of %d×%d pixels (up to 64 Mpx are read) are too large", m.TileWidth, m.TileHeight)
	}
	if px > MaxTilePixels {
		return bad("directory %d: tiles of %d×%d pixels are too large", d.index, m.TileWidth, m.TileHeight)
	}
	if n := int64(m.TileWidth) * int64(m.TileHeight) * int64(m.Samples) * int64((m.Bits+7)/8); n > maxRaw {
		return bad("directory %d: tiles of %d×%d pixels in %d samples of %d bits are too large", d.index, m.TileWidth, m.TileHeight, m.Samples, m.Bits)
	}
	n := int64(m.Cols()) * int64(m.Rows())
	if n > MaxTiles {
		return bad("directory %d: %d×%d pixels make %d tiles, more than %d", d.index, m.Width, m.Height, n, MaxTiles)
	}
	if m.planar && n*int64(m.Samples) > 4*MaxTiles {
		return bad("directory %d: %d tiles of %d planes are more than %d", d.index, n, m.Samples, 4*MaxTiles)
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
	if m.old != nil && m.Cols()*m.Rows() == 1 && m.old.whole(m) { // the stream tells where it lies
		return nil
	}
	height, err := m.storedHeight(d)
	if err != nil {
		return err
	}
	stored := (m.Height + height - 1) / height
	n := m.Cols() * stored
	if m.planar {
		n *= m.Samples
	}
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
	m.cutStrips(stored, height)
	for i := range min(len(m.offsets), len(m.counts)) {
		m.sparse = m.sparse || m.offsets[i] == 0 || m.counts[i] == 0
	}
	return nil
}

// cutBytes is about how much a strip of plain bytes should hold: a strip is
// read as a whole, and writers put whole pictures into one.
const cutBytes = 1 << 19

// rowBytes is the length of a row of plain bytes, of one plane.
func (m *Image) rowBytes() int64 {
	n := int64(m.TileWidth) * int64(m.Bits)
	if !m.planar {
		n *= int64(m.Samples)
	}
	return (n + 7) / 8
}

// cuttable says whether the image is in strips of rows that can be read one by
// one.
func (m *Image) cuttable() bool {
	return m.Strips && m.Compression == CompressionNone && m.ycc == nil && m.rowBytes()*int64(m.TileHeight) > cutBytes
}

// cutHeight is the rows of a piece of a strip: a divisor of the strip's, unless
// there is only one strip.
func (m *Image) cutHeight() int {
	h := int(max(1, cutBytes/m.rowBytes()))
	if m.Rows() > 1 {
		for m.TileHeight%h != 0 {
			h--
		}
	}
	return h
}

// storedHeight is the rows of a tile or strip of the file.
func (m *Image) storedHeight(d *Directory) (int, error) {
	if !m.Strips {
		return m.TileHeight, nil
	}
	rows, err := d.Uint(TagRowsPerStrip, uint64(m.Height))
	return int(min(max(rows, 1), uint64(m.Height))), err
}

// cutStrips makes the table of the pieces of strips that were cut.
func (m *Image) cutStrips(stored, height int) {
	if !m.Strips || m.TileHeight == height {
		return
	}
	planes := 1
	if m.planar {
		planes = m.Samples
	}
	per := (height + m.TileHeight - 1) / m.TileHeight // pieces of a strip
	piece := uint64(m.rowBytes()) * uint64(m.TileHeight)
	n := m.Rows() * planes
	offsets, counts := make([]uint64, n), make([]uint64, n)
	for i := range n {
		s := i/m.Rows()*stored + i%m.Rows()/per
		skip := uint64(i%m.Rows()%per) * piece
		if m.offsets[s] == 0 || m.counts[s] == 0 { // never stored
			continue
		}
		offsets[i], counts[i] = m.offsets[s]+skip, 1 // a strip that is too short is an error, not a hole
		if m.counts[s] > skip {
			counts[i] = min(m.counts[s]-skip, piece)
		}
	}
	m.offsets, m.counts = offsets, counts
}

// noPhotometric names a colour space that is not read.
func noPhotometric(p int) error {
	names := map[int]string{4: "transparency mask", 8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*", 32803: "colour filter array",
		32844: "LogL", 32845: "LogLuv", 34892: "linear raw"}
	what := fmt.Sprintf("photometric interpretation %d", p)
	if n := names[p]; n != "" {
		what += " (" + n + ")"
	}
	return unsupported("convert the picture to RGB, for instance with: vips colourspace IN OUT.tif srgb", "%s", what)
}
