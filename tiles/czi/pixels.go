package czi

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"coverslip/tiles/codec"
	"coverslip/tiles/native/jxr"
)

// Pixel types.
const (
	gray8      = 0
	gray16     = 1
	gray32f    = 2
	bgr24      = 3
	bgr48      = 4
	bgr96f     = 8
	bgra32     = 9
	gray64c    = 10
	bgr192c    = 11
	gray32     = 12
	gray64f    = 13
	noPixel    = -1
	pixelNames = "Gray8 Gray16 Gray32Float Bgr24 Bgr48 5 6 7 Bgr96Float Bgra32 Gray64ComplexFloat Bgr192ComplexFloat Gray32 Gray64Float"
)

// Compressions.
const (
	packNone  = 0
	packJPEG  = 1
	packLZW   = 2
	packJXR   = 4
	packZstd0 = 5
	packZstd1 = 6
)

// pixelBytes is the size of a pixel of a type that is read, 0 for others.
func pixelBytes(pixel int32) int {
	switch pixel {
	case gray8:
		return 1
	case gray16:
		return 2
	case bgr24:
		return 3
	case gray32f, gray32, bgra32:
		return 4
	case bgr48:
		return 6
	}
	return 0
}

// inColour says whether a pixel type is one of colours.
func inColour(pixel int32) bool { return pixel == bgr24 || pixel == bgr48 || pixel == bgra32 }

// packed are buffers of packed pixels.
var packed = sync.Pool{New: func() any { return new([]byte) }}

// pixels returns the pixels of a piece, row after row without gaps, as they are
// stored: low byte first, blue first.
func (f *file) pixels(ctx context.Context, p *piece) ([]byte, error) {
	return f.kept.Get(ctx, p.at, func() ([]byte, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := f.unpack(p)
		if err != nil {
			return nil, fmt.Errorf("sub-block at %d: %w", p.at, err)
		}
		return b, nil
	})
}

// unpack reads and decodes a sub-block.
func (f *file) unpack(p *piece) ([]byte, error) {
	n := int(p.sw) * int(p.sh) * pixelBytes(p.pixel)
	head, err := f.readSegment(p.at, idSubBlock, blockData+entryHead)
	if err != nil {
		return nil, err
	}
	metadata, length := int64(int32(le.Uint32(head))), int64(le.Uint64(head[8:]))
	dimensions := int64(int32(le.Uint32(head[blockData+28:])))
	if string(head[blockData:blockData+2]) != "DV" || dimensions < 0 || dimensions > maxDimensions || metadata < 0 {
		return nil, errors.New("its header is damaged")
	}
	at := p.at + segmentHeader + max(blockLeast, blockData+entryHead+dimensions*dimensionBytes) + metadata
	if length < 0 || at > f.size || length > f.size-at {
		return nil, fmt.Errorf("%d bytes at %d reach behind the file's end at %d", length, at, f.size)
	}
	if length > 2*int64(n)+64<<10 {
		return nil, fmt.Errorf("%d bytes for %d of pixels", length, n)
	}
	if p.compression == packNone {
		if length < int64(n) {
			return nil, fmt.Errorf("%d bytes where %d×%d pixels need %d", length, p.sw, p.sh, n)
		}
		dst := make([]byte, n)
		_, err := f.r.ReadAt(dst, at)
		return dst, err
	}
	buf := packed.Get().(*[]byte)
	defer packed.Put(buf)
	if int64(cap(*buf)) < length {
		*buf = make([]byte, length)
	}
	src := (*buf)[:length]
	if _, err := f.r.ReadAt(src, at); err != nil && length > 0 {
		return nil, err
	}
	return f.decode(p, n, src)
}

// canUnpack says why a compression cannot be read, nil when it can.
func (f *file) canUnpack(compression int32) error {
	switch compression {
	case packNone, packJPEG, packZstd0, packZstd1:
		return nil
	case packJXR:
		return f.codecs.HasJPEGXR()
	}
	return unsupportedPacking(compression)
}

// decode decodes packed pixels to n bytes.
func (f *file) decode(p *piece, n int, src []byte) ([]byte, error) {
	switch p.compression {
	case packZstd0:
		dst := make([]byte, n)
		return dst, codec.Unpack(codec.Zstd, dst, src)
	case packZstd1:
		return unpackZstd1(n, src)
	case packJPEG:
		return f.decodeJPEG(p, src)
	case packJXR:
		return f.decodeJPEGXR(p, src)
	}
	return nil, unsupportedPacking(p.compression)
}

// unsupportedPacking names a compression that is not read.
func unsupportedPacking(c int32) error {
	if c == packLZW {
		return unsupported("save the slide anew in ZEN with another compression", "LZW compression")
	}
	return unsupported("save the slide anew in ZEN with Zstandard or without compression", "compression %d", c)
}

// unpackZstd1 unpacks Zstandard behind a header that may say that the low bytes
// of all samples lie before the high ones.
func unpackZstd1(n int, src []byte) ([]byte, error) {
	if len(src) < 1 || src[0] < 1 || int(src[0]) > len(src) {
		return nil, errors.New("the header of its compression is cut off")
	}
	head := src[1:src[0]]
	split := false
	switch {
	case len(head) == 0:
	case len(head) == 2 && head[0] == 1: // a chunk of kind 1 with its flags
		split = head[1]&1 != 0
	default:
		return nil, unsupported("", "header % x of Zstandard compression", head[:min(len(head), 8)])
	}
	dst := make([]byte, n)
	if err := codec.Unpack(codec.Zstd, dst, src[src[0]:]); err != nil || !split {
		return dst, err
	}
	if n%2 != 0 {
		return nil, errors.New("an odd number of bytes is split into halves")
	}
	out := make([]byte, n)
	low, high := dst[:n/2], dst[n/2:]
	for i, v := range low {
		out[2*i], out[2*i+1] = v, high[i]
	}
	return out, nil
}

// decodeJPEGXR decodes JPEG XR to the bytes of a pixel type. Colours lie in the
// order that the stream says, whatever the pixel type says.
func (f *file) decodeJPEGXR(p *piece, src []byte) ([]byte, error) {
	kinds := map[int32][]jxr.Kind{gray8: {jxr.Grey8}, gray16: {jxr.Grey16}, gray32f: {jxr.GreyFloat},
		bgr24: {jxr.BGR24, jxr.RGB24}, bgr48: {jxr.RGB48}, bgra32: {jxr.BGRA32}}[p.pixel]
	b, head, err := f.codecs.JPEGXR(src, maxPieceBytes, kinds...)
	if err != nil {
		return nil, err
	}
	b = fit(b, head.Width, head.Height, int(p.sw), int(p.sh), head.Kind.Bytes())
	switch head.Kind {
	case jxr.RGB24:
		for i := 0; i+2 < len(b); i += 3 {
			b[i], b[i+2] = b[i+2], b[i]
		}
	case jxr.RGB48:
		for i := 0; i+5 < len(b); i += 6 {
			b[i], b[i+1], b[i+4], b[i+5] = b[i+4], b[i+5], b[i], b[i+1]
		}
	}
	return b, nil
}

// fit cuts a picture, or adds to it what is black, at its right and lower edge:
// Zeiss's programs pack a few pixels more or less than a sub-block shows.
func fit(b []byte, w, h, toW, toH, size int) []byte {
	if w == toW && h == toH {
		return b
	}
	out := make([]byte, toW*toH*size)
	for y := range min(h, toH) {
		copy(out[y*toW*size:][:min(w, toW)*size], b[y*w*size:])
	}
	return out
}

// decodeJPEG decodes JPEG to the bytes of a pixel type.
func (f *file) decodeJPEG(p *piece, src []byte) ([]byte, error) {
	size := pixelBytes(p.pixel)
	if p.pixel != gray8 && p.pixel != bgr24 {
		return nil, unsupported("", "JPEG of pixel type %d", p.pixel)
	}
	m, err := f.codecs.JPEGImage(src, int(p.sw)*int(p.sh))
	if err != nil {
		return nil, err
	}
	if m.Rect.Dx() != int(p.sw) || m.Rect.Dy() != int(p.sh) {
		return nil, fmt.Errorf("JPEG of %v pixels where %d×%d are due", m.Rect.Size(), p.sw, p.sh)
	}
	out := make([]byte, size*len(m.Pix)/4)
	for i, j := 0, 0; i < len(m.Pix); i, j = i+4, j+size {
		if size == 1 {
			out[j] = m.Pix[i]
			continue
		}
		out[j], out[j+1], out[j+2] = m.Pix[i+2], m.Pix[i+1], m.Pix[i]
	}
	return out, nil
}
