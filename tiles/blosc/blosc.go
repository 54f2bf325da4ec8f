// Package blosc unpacks chunks of Blosc 1, which chunked arrays are packed with:
// blocks of shuffled bytes or bits, each packed by BloscLZ, LZ4, zlib or
// Zstandard.
//
// Nothing is allocated by what a chunk claims: the caller says how many bytes
// are due, and a chunk of another size is refused.
//
// Source: the description of the chunk format that comes with C-Blosc 1.21
// (README_CHUNK_FORMAT).
package blosc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/pierrec/lz4/v4"

	"coverslip/tiles"
	"coverslip/tiles/codec"
)

const headerSize = 16

// Bits of the flags byte.
const (
	flagShuffle    = 1 << 0
	flagCopied     = 1 << 1 // not packed at all
	flagBitShuffle = 1 << 2
	flagWhole      = 1 << 4 // blocks are not split into streams
)

// Packers, the upper three bits of the flags.
const (
	packBloscLZ = iota
	packLZ4     // and LZ4HC
	packSnappy
	packZlib
	packZstd
)

// A block is split into a stream for each byte of the type when the type has at
// most maxSplits bytes and each stream would have at least minSplit.
const (
	maxSplits = 16
	minSplit  = 128
)

var le = binary.LittleEndian

// header is the first bytes of a chunk.
type header struct {
	flags    byte
	typeSize int // bytes of an element, which are shuffled
	size     int // bytes unpacked
	block    int // bytes of a block, unpacked; the last one may be shorter
	packed   int // bytes of the chunk with its header
}

func parseHeader(src []byte) (header, error) {
	if len(src) < headerSize {
		return header{}, fmt.Errorf("chunk of %d bytes is too short", len(src))
	}
	h := header{flags: src[2], typeSize: max(1, int(src[3])), size: int(le.Uint32(src[4:])), block: int(le.Uint32(src[8:])), packed: int(le.Uint32(src[12:]))}
	switch {
	case src[0] > 2 || h.flags&(flagShuffle|flagBitShuffle) == flagShuffle|flagBitShuffle:
		return h, &tiles.UnsupportedError{Format: "blosc", What: fmt.Sprintf("chunk of format %d (Blosc 2)", src[0]), Hint: "write the array with Blosc 1, Zstandard or zlib"}
	case h.packed < headerSize || h.packed > len(src):
		return h, fmt.Errorf("chunk of %d bytes claims %d", len(src), h.packed)
	case h.size > 0 && (h.block < 1 || h.block > h.size && h.flags&flagCopied == 0):
		return h, fmt.Errorf("blocks of %d bytes in a chunk of %d", h.block, h.size)
	}
	return h, nil
}

// Size is the number of bytes that a chunk claims to hold.
func Size(src []byte) (int, error) {
	h, err := parseHeader(src)
	return h.size, err
}

// scratch is the memory of a block and of its shuffled form.
type scratch struct{ block, bits []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grow returns n bytes of b or of more memory.
func grow(b *[]byte, n int) []byte {
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	return (*b)[:n]
}

// Unpack unpacks a chunk into dst, which must have the size that the chunk
// claims. It is an *tiles.UnsupportedError for what is packed by Snappy or
// written by Blosc 2.
func Unpack(dst, src []byte) error {
	h, err := parseHeader(src)
	if err != nil {
		return err
	}
	if h.size != len(dst) {
		return fmt.Errorf("chunk of %d bytes where %d are due", h.size, len(dst))
	}
	src = src[:h.packed]
	if h.size == 0 {
		return nil
	}
	if h.flags&flagCopied != 0 {
		if len(src)-headerSize != len(dst) {
			return fmt.Errorf("unpacked chunk of %d bytes where %d are due", len(src)-headerSize, len(dst))
		}
		copy(dst, src[headerSize:])
		return nil
	}
	blocks := (h.size-1)/h.block + 1
	if blocks > (len(src)-headerSize)/4 {
		return fmt.Errorf("%d blocks in a chunk of %d bytes", blocks, len(src))
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for i := range blocks {
		out := dst[i*h.block : min((i+1)*h.block, h.size)]
		start := le.Uint32(src[headerSize+4*i:])
		if start > uint32(len(src)) || int(start) < headerSize+4*blocks {
			return fmt.Errorf("block %d of %d begins at %d", i, blocks, start)
		}
		if err := h.unpackBlock(out, src[start:], s); err != nil {
			return fmt.Errorf("block %d of %d: %w", i, blocks, err)
		}
	}
	return nil
}

// unpackBlock unpacks the streams of a block and puts its bytes in order.
func (h *header) unpackBlock(out, src []byte, s *scratch) error {
	shuffled := h.flags&flagShuffle != 0 && h.typeSize > 1
	bitwise := h.flags&flagBitShuffle != 0 && len(out) >= h.typeSize
	to := out
	if shuffled || bitwise {
		to = grow(&s.block, len(out))
	}
	streams := 1
	if h.flags&flagWhole == 0 && h.typeSize <= maxSplits && h.block/h.typeSize >= minSplit && len(out) == h.block {
		streams = h.typeSize
	}
	each := len(out) / streams
	if each*streams != len(out) {
		return fmt.Errorf("%d bytes are not split into %d streams", len(out), streams)
	}
	for i := range streams {
		if len(src) < 4 {
			return errors.New("the chunk is cut off")
		}
		n := int(le.Uint32(src))
		if n > len(src)-4 {
			return fmt.Errorf("stream of %d bytes where %d are left", n, len(src)-4)
		}
		if err := unpackStream(int(h.flags>>5), to[i*each:(i+1)*each], src[4:4+n]); err != nil {
			return err
		}
		src = src[4+n:]
	}
	switch {
	case shuffled:
		unshuffle(out, to, h.typeSize)
	case bitwise:
		unshuffleBits(out, to, h.typeSize, grow(&s.bits, len(out)))
	}
	return nil
}

func unpackStream(packer int, dst, src []byte) error {
	if len(src) == len(dst) { // packing did not help
		copy(dst, src)
		return nil
	}
	switch packer {
	case packBloscLZ:
		return unpackBloscLZ(dst, src)
	case packLZ4:
		n, err := lz4.UncompressBlock(src, dst)
		if err == nil && n != len(dst) {
			err = fmt.Errorf("LZ4 stream of %d bytes where %d are due", n, len(dst))
		}
		return err
	case packZlib:
		return codec.Unpack(codec.Deflate, dst, src)
	case packZstd:
		return codec.Unpack(codec.Zstd, dst, src)
	case packSnappy:
		return &tiles.UnsupportedError{Format: "blosc", What: "chunk packed by Snappy", Hint: "write the array with another packer of Blosc: zstd, lz4"}
	}
	return fmt.Errorf("unknown packer %d", packer)
}
