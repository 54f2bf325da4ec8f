package tiffwrite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"sync"

	"coverslip/tiles"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// PackTile compresses a full tile without loss: three samples of 8 bits of a
// picture in colour, else one sample a pixel of the given bits (8 or 16 of
// Uint16; Float32 has 32).
func PackTile(p Packing, m *tiles.Raster, bits int) ([]byte, error) {
	var raw []byte
	switch {
	case m.RGBA != nil:
		raw = packRGB(m.RGBA)
		difference(raw, 3*m.Width, 3)
	case m.Uint16 != nil && bits == 8:
		raw = make([]byte, len(m.Uint16))
		for i, v := range m.Uint16 {
			raw[i] = byte(v)
		}
		difference(raw, m.Width, 1)
	case m.Uint16 != nil && bits == 16:
		raw = make([]byte, 0, 2*len(m.Uint16))
		for y := range m.Height {
			last := uint16(0)
			for _, v := range m.Uint16[y*m.Width : (y+1)*m.Width] {
				raw = binary.LittleEndian.AppendUint16(raw, v-last)
				last = v
			}
		}
	case m.Float32 != nil && bits == 32:
		raw = make([]byte, 0, 4*len(m.Float32))
		for _, v := range m.Float32 {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	default:
		return nil, errors.New("tiffwrite: no samples of that kind")
	}
	switch p {
	case PackingDeflate:
		return deflateFast(raw)
	case PackingZstd:
		e, err := zstdEncoder()
		if err != nil {
			return nil, err
		}
		return e.EncodeAll(raw, nil), nil
	case PackingLZW:
		return compressLZW13(raw), nil
	}
	return nil, errors.New("tiffwrite: JPEG is not lossless")
}

// difference leaves from each sample of a row its difference from the one before,
// TIFF 6.0 section 14.
func difference(b []byte, stride, samples int) {
	for ; len(b) >= stride; b = b[stride:] {
		for x := stride - 1; x >= samples; x-- {
			b[x] -= b[x-samples]
		}
	}
}

// zstdEncoder is one encoder for all goroutines: EncodeAll is safe for that.
var zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) { return zstd.NewWriter(nil) })

// deflaters are used again: each holds a megabyte of tables.
var deflaters sync.Pool

func deflateFast(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	z, ok := deflaters.Get().(*zlib.Writer)
	if ok {
		z.Reset(&b)
	} else {
		z = zlib.NewWriter(&b)
	}
	defer deflaters.Put(z)
	if _, err := z.Write(raw); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
