package tiff

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/bits"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/jpegstream"
)

// rawTile is the samples of a tile: numbers of size bytes, little-endian and
// native to no compression.
type rawTile struct {
	pix    []byte
	size   int // bytes of a sample: 1 (also of fewer than 8 bits), 2, 3, 4 or 8
	stride int // bytes from row to row
	step   int // bytes from pixel to pixel
	next   int // bytes from sample to sample of a pixel
}

// sampleBytes is the size of a sample of a raw tile.
func (m *Image) sampleBytes() int { return (m.Bits + 7) / 8 }

// readRawTile draws a tile of samples.
func (m *Image) readRawTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	i, visible := row*m.Cols()+col, dst.Rect.Dy()
	if m.ycc != nil && m.ycc.h*m.ycc.v > 1 {
		raw := scratch(m.ycc.unitBytes(m.TileWidth, visible))
		defer buffers.Put(raw)
		if err := m.unpack(i, *raw); err != nil {
			return err
		}
		m.ycc.units(dst, *raw, m.TileWidth)
		return nil
	}
	buf := scratch(m.rawBytes(visible))
	defer buffers.Put(buf)
	t, err := m.raw(i, visible, -1, *buf)
	if err != nil {
		return err
	}
	if !m.InColor() {
		m.likeness(dst, t)
		return nil
	}
	m.expand(dst, t)
	return nil
}

// rawBytes is the length of a raw tile of so many rows.
func (m *Image) rawBytes(rows int) int { return m.TileWidth * rows * m.Samples * m.sampleBytes() }

// raw fills pix, of rawBytes, with the samples of tile i: of all samples of a
// pixel, or, where each has a plane of its own, of the one that only names when
// it is not negative.
//
// Rows below the image are padding, which a last strip does not even hold.
func (m *Image) raw(i, rows, only int, pix []byte) (rawTile, error) {
	n := m.sampleBytes()
	t := rawTile{pix: pix, size: n, step: n * m.Samples, next: n, stride: n * m.Samples * m.TileWidth}
	if !m.planar {
		return t, m.rawPart(i, rows, m.Samples, pix)
	}
	t.step, t.stride = n, n*m.TileWidth
	t.next = t.stride * rows
	missing := 0
	for p := range m.Samples {
		if only >= 0 && p != only {
			continue
		}
		plane := pix[p*t.next : (p+1)*t.next]
		at := i + p*m.Cols()*m.Rows()
		if !m.stored(at) {
			clear(plane)
			missing++
			continue
		}
		if err := m.rawPart(at, rows, 1, plane); err != nil {
			return t, err
		}
	}
	if missing == m.Samples || only >= 0 && missing > 0 {
		return t, tiles.ErrMissing
	}
	return t, nil
}

// rawPart fills pix with one stored tile of so many samples a pixel.
func (m *Image) rawPart(i, rows, samples int, pix []byte) error {
	switch m.Compression {
	case CompressionJPEG:
		return m.rawJPEG(i, rows, samples, pix)
	case CompressionAperioYCC, CompressionAperioRGB, CompressionJ2K:
		return m.rawJ2K(i, rows, samples, pix)
	case CompressionOldJPEG, CompressionWebP:
		return unsupported("", "%s as samples", CompressionName(m.Compression))
	}
	perRow := m.TileWidth * samples
	if m.Bits%8 != 0 {
		packed := scratch((perRow*m.Bits + 7) / 8 * rows)
		defer buffers.Put(packed)
		if err := m.unpack(i, *packed); err != nil {
			return err
		}
		unpackBits(pix, *packed, perRow, m.Bits)
		return nil
	}
	if err := m.unpack(i, pix); err != nil {
		return err
	}
	n := m.sampleBytes()
	switch {
	case m.predictor == 3:
		undoFloatPredictor(pix, perRow*n, n, samples)
		return nil
	case n > 1 && m.file.order == binary.ByteOrder(binary.BigEndian):
		swap(pix, n)
	}
	if m.predictor == 2 {
		undoPredictor(pix, perRow*n, n, samples)
	}
	return nil
}

// unpack fills plain with the plain bytes of tile i.
func (m *Image) unpack(i int, plain []byte) error {
	b, err := m.load(i, 0)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	if m.reversed {
		for k, c := range *b {
			(*b)[k] = bits.Reverse8(c)
		}
	}
	switch m.Compression {
	case CompressionLZW:
		return codec.Unpack(codec.LZW, plain, *b)
	case CompressionDeflate, CompressionDeflateOld:
		return codec.Unpack(codec.Deflate, plain, *b)
	case CompressionZstd:
		return codec.Unpack(codec.Zstd, plain, *b)
	case CompressionPackBits:
		return codec.Unpack(codec.PackBits, plain, *b)
	}
	if len(*b) < len(plain) {
		return fmt.Errorf("%d bytes where %d are due", len(*b), len(plain))
	}
	copy(plain, *b)
	return nil
}

// rawJPEG decodes a JPEG tile of several samples that are no colours that a
// decoder knows: each component as a grey picture.
func (m *Image) rawJPEG(i, rows, samples int, pix []byte) error {
	b, err := m.load(i, len(m.prefix)-2)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	data, err := m.joined(*b)
	if err != nil {
		return err
	}
	parts := [][]byte{data}
	if samples > 1 {
		if parts, err = jpegstream.Split(data); err != nil {
			return err
		}
	}
	if len(parts) != samples {
		return fmt.Errorf("JPEG of %d components where %d are due", len(parts), samples)
	}
	for s, part := range parts {
		height, err := m.frameHeight(part, rows)
		if err != nil {
			return err
		}
		grey := scratch(4 * m.TileWidth * height)
		full := &image.RGBA{Pix: *grey, Stride: 4 * m.TileWidth, Rect: image.Rect(0, 0, m.TileWidth, height)}
		err = m.codecs.JPEG(full, part, 1)
		for k := range m.TileWidth * rows {
			pix[k*samples+s] = (*grey)[4*k]
		}
		buffers.Put(grey)
		if err != nil {
			return err
		}
	}
	return nil
}

// rawJ2K decodes a JPEG 2000 tile as samples.
func (m *Image) rawJ2K(i, rows, samples int, pix []byte) error {
	b, err := m.load(i, 0)
	if err != nil {
		return err
	}
	defer buffers.Put(b)
	s := codec.Samples{Width: m.TileWidth, Height: m.TileHeight, Components: samples, Bits: 16}
	if err := m.codecs.JPEG2000Samples(&s, *b); err != nil {
		return err
	}
	if s.Signed != (m.Format == FormatInt) || s.Bits > 8*m.sampleBytes() {
		return fmt.Errorf("JPEG 2000 of %d bits (signed: %t) does not fit the image's", s.Bits, s.Signed)
	}
	n := m.sampleBytes()
	for k, v := range s.Pix[:m.TileWidth*rows*samples] {
		pix[k*n] = byte(v)
		if n > 1 {
			pix[k*n+1] = byte(v >> 8)
		}
	}
	return nil
}

// unpackBits makes bytes, or little-endian pairs, of samples that share bytes;
// each row begins with a byte.
func unpackBits(dst, src []byte, perRow, width int) {
	n := (width + 7) / 8
	for len(dst) >= perRow*n {
		var acc uint32
		var have int
		at := 0
		for x := range perRow {
			for have < width {
				acc, have, at = acc<<8|uint32(src[at]), have+8, at+1
			}
			have -= width
			v := acc >> have & (1<<width - 1)
			dst[x*n] = byte(v)
			if n > 1 {
				dst[x*n+1] = byte(v >> 8)
			}
		}
		dst, src = dst[perRow*n:], src[(perRow*width+7)/8:]
	}
}

// swap turns the bytes of numbers of n bytes round.
func swap(b []byte, n int) {
	for ; len(b) >= n; b = b[n:] {
		for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}

// undoPredictor sums horizontal differences of numbers of n bytes, TIFF 6.0
// section 14.
func undoPredictor(b []byte, stride, n, samples int) {
	le := binary.LittleEndian
	for ; len(b) >= stride && stride > 0; b = b[stride:] {
		row, back := b[:stride], n*samples
		switch n {
		case 1:
			for x := back; x < len(row); x++ {
				row[x] += row[x-back]
			}
		case 2:
			for x := back; x < len(row); x += 2 {
				le.PutUint16(row[x:], le.Uint16(row[x:])+le.Uint16(row[x-back:]))
			}
		case 4:
			for x := back; x < len(row); x += 4 {
				le.PutUint32(row[x:], le.Uint32(row[x:])+le.Uint32(row[x-back:]))
			}
		case 8:
			for x := back; x < len(row); x += 8 {
				le.PutUint64(row[x:], le.Uint64(row[x:])+le.Uint64(row[x-back:]))
			}
		}
	}
}

// undoFloatPredictor undoes the predictor of floating-point numbers, Adobe
// Photoshop TIFF Technical Note 3: the bytes of a row are split by significance,
// the most significant of all numbers first in either byte order, and
// differenced.
func undoFloatPredictor(b []byte, stride, n, samples int) {
	tmp := scratch(stride)
	defer buffers.Put(tmp)
	for ; len(b) >= stride && stride > 0; b = b[stride:] {
		row := b[:stride]
		for x := samples; x < len(row); x++ {
			row[x] += row[x-samples]
		}
		copy(*tmp, row)
		count := stride / n
		for i := range count {
			for k := range n {
				row[i*n+k] = (*tmp)[(n-1-k)*count+i]
			}
		}
	}
}

// expand turns samples of at most 8 bits into RGBA.
func (m *Image) expand(dst *image.RGBA, t rawTile) {
	if m.Bits < 8 && m.palette == nil {
		spread(t.pix, byte(255/(1<<m.Bits-1)))
	}
	switch {
	case m.palette != nil:
		m.expandPalette(dst, t)
		return
	case m.Photometric == photoSeparated:
		expandCMYK(dst, t)
		return
	case m.ycc != nil:
		for y := range dst.Rect.Dy() {
			row, src := dst.Pix[y*dst.Stride:y*dst.Stride+4*dst.Rect.Dx()], t.pix[y*t.stride:]
			for x := range len(row) / 4 {
				s := x * t.step
				m.ycc.pixel(row[4*x:4*x+4], src[s], src[s+t.next], src[s+2*t.next])
			}
		}
		return
	}
	g, b := t.next, 2*t.next
	if m.colours() == 1 {
		g, b = 0, 0
	}
	last, alpha := m.colours()*t.next, m.HasAlpha() // where it is
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*dst.Rect.Dx()]
		src := t.pix[y*t.stride:]
		switch {
		case t.step == 3 && t.next == 1: // most files
			for ; len(row) >= 4 && len(src) >= 4; row, src = row[4:], src[3:] {
				binary.LittleEndian.PutUint32(row, binary.LittleEndian.Uint32(src)|0xff000000)
			}
			if len(row) >= 4 { // the tile's last pixel
				row[0], row[1], row[2], row[3] = src[0], src[1], src[2], 255
			}
			continue
		case t.step == 1 && g == 0:
			for x, v := range src[:len(row)/4] {
				p := row[4*x : 4*x+4 : 4*x+4]
				p[0], p[1], p[2], p[3] = v, v, v, 255
			}
			continue
		}
		for x := 0; x < len(row)/4; x++ {
			s, p := x*t.step, row[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = src[s], src[s+g], src[s+b], 255
			if alpha {
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

// spread multiplies samples of few bits to the range of a byte.
func spread(pix []byte, by byte) {
	for i := range pix {
		pix[i] *= by
	}
}

func (m *Image) expandPalette(dst *image.RGBA, t rawTile) {
	for y := range dst.Rect.Dy() {
		row, src := dst.Pix[y*dst.Stride:y*dst.Stride+4*dst.Rect.Dx()], t.pix[y*t.stride:]
		for x := range len(row) / 4 {
			c := m.palette[src[x*t.step]] // as many colours as a sample has values
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = c[0], c[1], c[2], 255
		}
	}
}

// expandCMYK makes light of ink without knowing the inks, as libtiff does.
func expandCMYK(dst *image.RGBA, t rawTile) {
	for y := range dst.Rect.Dy() {
		row, src := dst.Pix[y*dst.Stride:y*dst.Stride+4*dst.Rect.Dx()], t.pix[y*t.stride:]
		for x := range len(row) / 4 {
			s, p := x*t.step, row[4*x:4*x+4:4*x+4]
			k := 255 - int(src[s+3*t.next])
			for c := range 3 {
				p[c] = byte(k * (255 - int(src[s+c*t.next])) / 255)
			}
			p[3] = 255
		}
	}
}

// errNoSample: a sample that a pixel does not have.
var errNoSample = errors.New("no such sample")
