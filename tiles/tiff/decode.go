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
	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/jpegstream"
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
	if !m.stored(i) {
		return tiles.ErrMissing
	}
	switch m.Compression {
	case CompressionJPEG:
		if m.oneJPEG() {
			return m.readJPEGTile(i, want.Dy(), dst)
		}
	case CompressionOldJPEG:
		return m.readOldJPEGTile(i, want.Dy(), dst)
	case CompressionWebP:
		return m.readWebPTile(i, want.Dy(), dst)
	}
	if m.wholeJ2K() {
		return m.readJ2KTile(i, dst)
	}
	return m.readRawTile(ctx, col, row, dst)
}

// stored says whether tile i was ever written.
func (m *Image) stored(i int) bool {
	if m.offsets == nil { // one stream, which lies where old tags say
		return true
	}
	return m.counts[i] != 0 && m.offsets[i] != 0
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
	b, err := m.load(i, len(m.prefix)-2)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	data, err := m.joined(*b)
	if err != nil {
		return err
	}
	height, err := m.frameHeight(data, visible)
	if err != nil {
		return err
	}
	return m.whole(dst, height, func(full *image.RGBA) error {
		if err := m.codecs.JPEG(full, data, m.Samples); err != nil {
			return err
		}
		if m.Photometric == photoWhiteIsZero {
			invert(full)
		}
		return nil
	})
}

// joined completes the stream of a tile that was loaded behind room for the
// prefix.
func (m *Image) joined(data []byte) ([]byte, error) {
	head := len(m.prefix) - 2
	if len(data) < head+4 || data[head] != 0xff || data[head+1] != 0xd8 {
		return nil, errors.New("not a JPEG stream (no start-of-image marker)")
	}
	copy(data, m.prefix)
	return data, nil
}

// frameHeight checks the size of a tile's frame before any memory is taken for
// it; the last strip's frame may have only the rows that remain.
func (m *Image) frameHeight(data []byte, visible int) (int, error) {
	h, err := jpegstream.ParseHeader(data)
	if err != nil {
		return 0, err
	}
	height := m.TileHeight
	if m.Strips && h.Height == visible {
		height = visible
	}
	if h.Width != m.TileWidth || h.Height != height {
		return 0, fmt.Errorf("JPEG is %d×%d pixels where %d×%d are due", h.Width, h.Height, m.TileWidth, height)
	}
	return height, nil
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

// wholeJ2K says whether the tiles are JPEG 2000 pictures as they are shown.
func (m *Image) wholeJ2K() bool {
	switch m.Compression {
	case CompressionAperioYCC, CompressionAperioRGB, CompressionJ2K:
		return !m.planar && m.Bits == 8 && m.InColor() && m.Samples != 2
	}
	return false
}

// j2kColour is the meaning of the components of a JPEG 2000 tile.
func (m *Image) j2kColour() jpeg2000.Colour {
	switch {
	case m.Samples == 1:
		return jpeg2000.ColourGrey
	case m.Compression == CompressionAperioYCC, m.Compression == CompressionJ2K && m.Photometric == photoYCbCr:
		return jpeg2000.ColourYCbCr
	}
	return jpeg2000.ColourRGB
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

// readWebPTile reads a tile whose alpha, if any, is in its stream.
func (m *Image) readWebPTile(i, visible int, dst *image.RGBA) error {
	b, err := m.load(i, 0)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	height := m.TileHeight
	if m.Strips {
		height = visible // the last strip has only the rows that remain
	}
	return m.whole(dst, height, func(full *image.RGBA) error {
		return m.codecs.WebP(full, *b)
	})
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
