package tiff

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
	"coverslip/tiles/native/openjpeg"
)

// buffers are scratch space for compressed tiles and for tiles that overhang
// the image; a tile would cost two garbage allocations otherwise.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// scratch returns a pooled buffer of n bytes of any content.
func scratch(n int) *[]byte {
	b := buffers.Get().(*[]byte)
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	*b = (*b)[:n]
	return b
}

// Level tells the image's sizes as a level's.
func (m *Image) Level() tiles.Level {
	return tiles.Level{Width: m.Width, Height: m.Height, TileWidth: m.TileWidth, TileHeight: m.TileHeight}
}

// Rect is the rectangle of a tile in pixels, clipped to the image.
func (m *Image) Rect(col, row int) image.Rectangle {
	r := image.Rect(col*m.TileWidth, row*m.TileHeight, (col+1)*m.TileWidth, (row+1)*m.TileHeight)
	return r.Intersect(image.Rect(0, 0, m.Width, m.Height))
}

// ReadTile decodes one tile into dst, whose size must be that of Rect.
//
// It returns tiles.ErrMissing, dst untouched, for a tile that was never stored
// (offset or byte count 0), and an error of the tile for everything else; dst
// may then be partly overwritten.
func (m *Image) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if col < 0 || row < 0 || col >= m.Cols() || row >= m.Rows() {
		return fmt.Errorf("outside the grid of %d×%d tiles", m.Cols(), m.Rows())
	}
	want := m.Rect(col, row)
	if dst.Rect.Size() != want.Size() {
		return fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), want.Size())
	}
	i := row*m.Cols() + col
	if m.counts[i] == 0 || m.offsets[i] == 0 {
		return tiles.ErrMissing
	}
	switch m.Compression {
	case CompressionJPEG:
		return m.readJPEGTile(i, want.Dy(), dst)
	case CompressionAperioYCC, CompressionAperioRGB, CompressionJ2K:
		return m.readJ2KTile(i, dst)
	}
	return m.readPlainTile(i, want.Dy(), dst)
}

// load reads the bytes of tile i behind head bytes left free. The buffer must
// be given back to the pool.
func (m *Image) load(i, head int) (*[]byte, error) {
	off, n := m.offsets[i], m.counts[i]
	if n > MaxTileBytes {
		return nil, fmt.Errorf("%d compressed bytes are more than %d", n, MaxTileBytes)
	}
	if off > uint64(m.file.size) || n > uint64(m.file.size)-off {
		return nil, fmt.Errorf("its %d bytes at %d lie behind the file's end at %d", n, off, m.file.size)
	}
	b := scratch(head + int(n))
	if got, err := m.file.r.ReadAt((*b)[head:], int64(off)); got < int(n) {
		buffers.Put(b)
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}

// readJPEGTile reads the tile so that its start-of-image marker falls on the
// last two bytes left for the prefix: tables and tile become one stream without
// copying the tile.
func (m *Image) readJPEGTile(i, visible int, dst *image.RGBA) error {
	head := len(m.prefix) - 2
	b, err := m.load(i, head)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	data := *b
	if len(data) < head+4 || data[head] != 0xff || data[head+1] != 0xd8 {
		return errors.New("not a JPEG stream (no start-of-image marker)")
	}
	copy(data, m.prefix)
	components := 3
	if m.Samples == 1 {
		components = 1
	}
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return err
	}
	height := m.TileHeight
	if m.Strips && h.Height == visible {
		height = visible // the last strip's frame may have only the rows that remain
	}
	if h.Width != m.TileWidth || h.Height != height { // before any memory is taken for it
		return fmt.Errorf("JPEG is %d×%d pixels where %d×%d are due", h.Width, h.Height, m.TileWidth, height)
	}
	return m.whole(dst, height, func(full *image.RGBA) error {
		if err := m.codecs.JPEG(full, data, components); err != nil {
			return err
		}
		if m.Photometric == photoWhiteIsZero {
			invert(full)
		}
		return nil
	})
}

func (m *Image) readJ2KTile(i int, dst *image.RGBA) error {
	b, err := m.load(i, 0)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	if w, h, err := codec.JPEG2000Size(*b); err != nil {
		return err
	} else if w != m.TileWidth || h != m.TileHeight { // before any memory is taken for it
		return fmt.Errorf("JPEG 2000 image is %d×%d pixels where %d×%d are due", w, h, m.TileWidth, m.TileHeight)
	}
	return m.whole(dst, m.TileHeight, func(full *image.RGBA) error {
		return m.codecs.JPEG2000(full, *b, m.j2kColour())
	})
}

// j2kColour is the meaning of the components of a JPEG 2000 tile.
func (m *Image) j2kColour() openjpeg.Colour {
	switch {
	case m.Samples == 1:
		return openjpeg.ColourGrey
	case m.Compression == CompressionAperioYCC, m.Compression == CompressionJ2K && m.Photometric == photoYCbCr:
		return openjpeg.ColourYCbCr
	}
	return openjpeg.ColourRGB
}

// whole decodes a stored tile of the given height straight into dst when dst
// is that large, else into scratch space of which dst's part is copied.
func (m *Image) whole(dst *image.RGBA, height int, decode func(*image.RGBA) error) error {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	if w == m.TileWidth && h == height {
		return decode(dst)
	}
	b := scratch(4 * m.TileWidth * height)
	defer buffers.Put(b)
	full := &image.RGBA{Pix: *b, Stride: 4 * m.TileWidth, Rect: image.Rect(0, 0, m.TileWidth, height)}
	if err := decode(full); err != nil {
		return err
	}
	for y := range h {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], full.Pix[y*full.Stride:])
	}
	return nil
}

// readPlainTile reads a tile of plain bytes, maybe packed, maybe differenced,
// maybe one plane a sample.
func (m *Image) readPlainTile(i, visible int, dst *image.RGBA) error {
	// Rows below the image are padding, which a last strip does not even hold.
	rows := visible
	perPixel, planes := m.Samples, 1
	if m.planar {
		perPixel, planes = 1, m.Samples
	}
	size := m.TileWidth * rows * perPixel
	raw := scratch(size * planes)
	defer buffers.Put(raw)
	for p := range planes {
		plane := (*raw)[p*size : (p+1)*size]
		at := i + p*m.Cols()*m.Rows()
		if m.counts[at] == 0 || m.offsets[at] == 0 {
			return tiles.ErrMissing
		}
		if err := m.unpack(at, plane); err != nil {
			return err
		}
		if m.predictor {
			undoPredictor(plane, m.TileWidth*perPixel, perPixel)
		}
	}
	m.expand(dst, *raw, m.TileWidth*perPixel, size)
	return nil
}

// unpack fills plane with the plain bytes of tile i.
func (m *Image) unpack(i int, plane []byte) error {
	b, err := m.load(i, 0)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	switch m.Compression {
	case CompressionLZW:
		return codec.Unpack(codec.LZW, plane, *b)
	case CompressionDeflate, CompressionDeflateOld:
		return codec.Unpack(codec.Deflate, plane, *b)
	case CompressionZstd:
		return codec.Unpack(codec.Zstd, plane, *b)
	}
	if len(*b) < len(plane) {
		return fmt.Errorf("%d bytes where %d are due", len(*b), len(plane))
	}
	copy(plane, *b)
	return nil
}

// undoPredictor sums horizontal differences, TIFF 6.0 section 14.
func undoPredictor(b []byte, stride, samples int) {
	for ; len(b) >= stride; b = b[stride:] {
		row := b[:stride]
		for x := samples; x < len(row); x++ {
			row[x] += row[x-samples]
		}
	}
}

// expand turns samples into RGBA. plane is the distance between planes, used
// only when they are separate.
func (m *Image) expand(dst *image.RGBA, raw []byte, stride, plane int) {
	step, next := m.Samples, 1 // from pixel to pixel, from sample to sample
	if m.planar {
		step, next = 1, plane
	}
	grey := m.Samples < 3
	g, b := next, 2*next
	if grey {
		g, b = 0, 0
	}
	last := (m.Samples - 1) * next // where alpha is, if any
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		src := raw[y*stride:]
		for x := 0; x < len(row)/4; x++ {
			s, p := x*step, row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = src[s], src[s+g], src[s+b], 255
			if m.alpha != alphaNone {
				p[3] = src[s+last]
			}
		}
	}
	if m.Photometric == photoWhiteIsZero {
		invert(dst)
	}
	if m.alpha == alphaSeparate {
		premultiply(dst)
	}
}

// invert turns a picture whose white is 0 into one whose black is 0.
func invert(m *image.RGBA) {
	for y := range m.Rect.Dy() {
		row := m.Pix[y*m.Stride : y*m.Stride+4*m.Rect.Dx()]
		for x := 0; x < len(row); x += 4 {
			row[x], row[x+1], row[x+2] = 255-row[x], 255-row[x+1], 255-row[x+2]
		}
	}
}

// premultiply multiplies colours by alpha, rounded: image.RGBA demands it.
func premultiply(m *image.RGBA) {
	for y := range m.Rect.Dy() {
		row := m.Pix[y*m.Stride : y*m.Stride+4*m.Rect.Dx()]
		for x := 0; x < len(row); x += 4 {
			a := uint32(row[x+3])
			for k := range 3 {
				row[x+k] = byte((uint32(row[x+k])*a + 127) / 255)
			}
		}
	}
}

// ReadAll decodes the whole image, of at most MaxTilePixels: it is meant for
// labels and thumbnails. Missing parts stay transparent.
func (m *Image) ReadAll(ctx context.Context) (*image.RGBA, error) {
	if int64(m.Width)*int64(m.Height) > MaxTilePixels {
		return nil, unsupported("", "associated image of %d×%d pixels", m.Width, m.Height)
	}
	dst := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for row := range m.Rows() {
		for col := range m.Cols() {
			part := dst.SubImage(m.Rect(col, row)).(*image.RGBA)
			if err := m.ReadTile(ctx, col, row, part); err != nil && !errors.Is(err, tiles.ErrMissing) {
				return nil, fmt.Errorf("tiff: part (%d,%d): %w", col, row, err)
			}
		}
	}
	return dst, nil
}
