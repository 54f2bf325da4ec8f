package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Packing is a compression of plain bytes.
type Packing int

// The packings that are read.
const (
	Deflate  Packing = iota // zlib stream, RFC 1950
	LZW                     // TIFF 6.0 section 13, and the older order of bits
	Zstd                    // RFC 8878
	PackBits                // TIFF 6.0 section 9
)

func (p Packing) String() string {
	return [...]string{"deflate", "LZW", "zstd", "PackBits"}[p]
}

// Unpack fills dst from the packed bytes of src and never writes, nor expands,
// more than dst holds: a bomb stops at the tile's size. A stream that ends
// before dst is full is an error.
func Unpack(p Packing, dst, src []byte) error {
	var n int
	var err error
	switch p {
	case Deflate:
		n, err = inflate(dst, src)
	case LZW:
		n, err = unlzw(dst, src)
	case Zstd:
		n, err = unzstd(dst, src)
	case PackBits:
		n, err = expandRuns(dst, src)
	default:
		return fmt.Errorf("unknown packing %d", int(p))
	}
	if err != nil {
		return fmt.Errorf("%v stream ends or breaks after %d of %d bytes: %w", p, n, len(dst), err)
	}
	return nil
}

// expandRuns expands PackBits: a byte n from 0 to 127 is followed by n+1 bytes as
// they are, one from -127 to -1 by a byte that is repeated 1-n times.
func expandRuns(dst, src []byte) (int, error) {
	done := 0
	for done < len(dst) {
		if len(src) < 2 {
			return done, io.ErrUnexpectedEOF
		}
		n := int(int8(src[0]))
		src = src[1:]
		switch {
		case n >= 0:
			c := copy(dst[done:], src[:min(n+1, len(src))])
			done, src = done+c, src[c:]
		case n > -128: // -128 means nothing
			run := dst[done:min(done+1-n, len(dst))]
			for i := range run {
				run[i] = src[0]
			}
			done, src = done+len(run), src[1:]
		}
	}
	return done, nil
}

// Readers are pooled: each holds tens of kilobytes of tables and window.
var (
	inflaters sync.Pool // of io.ReadCloser + zlib.Resetter
	zstders   sync.Pool // of *zstd.Decoder
)

func inflate(dst, src []byte) (int, error) {
	r, ok := inflaters.Get().(io.ReadCloser)
	if ok {
		if err := r.(zlib.Resetter).Reset(bytes.NewReader(src), nil); err != nil {
			return 0, err
		}
	} else {
		var err error
		if r, err = zlib.NewReader(bytes.NewReader(src)); err != nil {
			return 0, err
		}
	}
	n, err := io.ReadFull(r, dst)
	inflaters.Put(r)
	return n, err
}

func unzstd(dst, src []byte) (int, error) {
	d, ok := zstders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		// One goroutine each: tiles are decoded in parallel, not a tile. The
		// window bounds what a header may make the decoder allocate.
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(64<<20))
		if err != nil {
			return 0, err
		}
	}
	defer zstders.Put(d)
	if err := d.Reset(bytes.NewReader(src)); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(d, dst)
	return n, errors.Join(err, d.Reset(nil))
}
