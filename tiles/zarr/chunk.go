package zarr

import (
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/pierrec/lz4/v4"

	"coverslip/tiles"
	"coverslip/tiles/blosc"
	"coverslip/tiles/codec"
)

var le = binary.LittleEndian

// step is one packing of bytes.
type step int

const (
	stepZlib step = iota
	stepGzip
	stepZstd
	stepBlosc
	stepLZ4
	stepBzip2
	stepChecksum // CRC-32C of four bytes at the end
)

// steps are the packings by the names that versions 2 and 3 give them.
var steps = map[string]step{"zlib": stepZlib, "gzip": stepGzip, "zstd": stepZstd, "blosc": stepBlosc, "lz4": stepLZ4, "bz2": stepBzip2, "crc32c": stepChecksum}

// packing finds a step by its name; codecs that numcodecs lends to version 3
// have its name before theirs.
func packing(id, at string) (step, error) {
	s, ok := steps[strings.TrimPrefix(id, "numcodecs.")]
	if !ok {
		return 0, unsupported("write the array with blosc, zstd or zlib", "compressor %q of array %s", clip(id), at)
	}
	return s, nil
}

// keptKey names a chunk by its number in an array, or the index of a shard by its
// file.
type keptKey struct {
	array *array
	chunk int64
	file  string
}

// buffers hold packed chunks, and unpacked ones that are not kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// fetch returns the elements of a chunk as bytes, nil when it was never stored.
// done must be called when they are not needed any more; until then they must
// not be changed.
func (a *array) fetch(ctx context.Context, index []int) (data []byte, done func(), err error) {
	if a.keep {
		data, err = a.kept.Get(ctx, keptKey{array: a, chunk: linear(index, a.grid)}, func() ([]byte, error) {
			return a.load(ctx, index, nil)
		})
		return data, func() {}, err
	}
	buf := buffers.Get().(*[]byte)
	data, err = a.load(ctx, index, *buf)
	if err != nil || data == nil {
		buffers.Put(buf)
		return nil, func() {}, err
	}
	*buf = data
	return data, func() { buffers.Put(buf) }, nil
}

// load reads and unpacks a chunk into buf, which grows when it is too small.
func (a *array) load(ctx context.Context, index []int, buf []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	packed := buffers.Get().(*[]byte)
	defer buffers.Put(packed)
	file, at := a.file(index)
	var raw []byte
	var err error
	if a.shard == nil {
		raw, err = a.src.ReadSibling(file, *packed, a.mostPacked())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, a.there()
		}
	} else if raw, err = a.fromShard(ctx, file, at, *packed); err == nil && raw == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	*packed = raw
	n := a.bytes()
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	if err := a.unpack(buf[:n], raw); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return buf[:n], nil
}

// mostPacked bounds the size of a packed chunk: no packing makes it much larger.
func (a *array) mostPacked() int64 { return 2*int64(a.bytes()) + 64<<10 }

// there tells a chunk that was never stored from a folder that has gone: its
// metadata are looked for, at most once a second.
func (a *array) there() error {
	now := time.Now().UnixNano()
	if now-a.seen.Load() < int64(time.Second) {
		return nil
	}
	for _, m := range []string{".zarray", "zarr.json"} {
		f, err := a.src.OpenSibling(path.Join(a.path, m))
		if err == nil {
			a.seen.Store(now)
			return f.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("the folder of array %s is gone", a.path)
}

// file is the name of the file of a chunk, and its number in a shard.
func (a *array) file(index []int) (file string, at int) {
	if a.shard == nil {
		return path.Join(a.path, a.keys.name(index)), 0
	}
	outer, inner := make([]int, len(index)), make([]int, len(index))
	for i, v := range index {
		outer[i], inner[i] = v/a.shard.size[i], v%a.shard.size[i]
	}
	return path.Join(a.path, a.keys.name(outer)), int(linear(inner, a.shard.size))
}

// fromShard reads a packed chunk out of its shard, nil when it is not there.
func (a *array) fromShard(ctx context.Context, file string, at int, buf []byte) (_ []byte, err error) {
	index, err := a.kept.Get(ctx, keptKey{file: file}, func() ([]byte, error) { return a.readIndex(file) })
	if err != nil || index == nil {
		return nil, err
	}
	order := binary.ByteOrder(le)
	if a.shard.bigEnds {
		order = binary.BigEndian
	}
	off, n := order.Uint64(index[16*at:]), order.Uint64(index[16*at+8:])
	if off == 1<<64-1 && n == 1<<64-1 {
		return nil, nil
	}
	f, err := a.src.OpenSibling(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if n > uint64(a.mostPacked()) || off > uint64(f.Size()) || n > uint64(f.Size())-off {
		return nil, fmt.Errorf("%s: chunk of %d bytes at %d of a shard of %d", file, n, off, f.Size())
	}
	if uint64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := f.ReadAt(buf, int64(off)); err != nil && n > 0 {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return buf, nil
}

// readIndex reads the index of a shard, nil when there is no such file.
func (a *array) readIndex(file string) (_ []byte, err error) {
	f, err := a.src.OpenSibling(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, a.there()
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n := a.shard.indexBytes()
	if int64(n) > f.Size() {
		return nil, fmt.Errorf("%s: a shard of %d bytes has no room for its index of %d", file, f.Size(), n)
	}
	off := f.Size() - int64(n)
	if a.shard.first {
		off = 0
	}
	index := make([]byte, n)
	if _, err := f.ReadAt(index, off); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if a.shard.summed {
		if index, err = checked(index); err != nil {
			return nil, fmt.Errorf("%s: index: %w", file, err)
		}
	}
	return index, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checked is b without the checksum at its end.
func checked(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errors.New("the checksum is cut off")
	}
	data, want := b[:len(b)-4], le.Uint32(b[len(b)-4:])
	if got := crc32.Checksum(data, castagnoli); got != want {
		return nil, fmt.Errorf("checksum %08x, not %08x", got, want)
	}
	return data, nil
}

// unpack undoes the steps of packing, the last one first. dst has the size of
// the chunk.
func (a *array) unpack(dst, src []byte) error {
	for i := len(a.steps) - 1; i >= 0; i-- {
		if a.steps[i] == stepChecksum {
			var err error
			if src, err = checked(src); err != nil {
				return err
			}
			continue
		}
		sums := 0 // what is due holds the checksums of earlier steps
		for _, s := range a.steps[:i] {
			if s != stepChecksum {
				return errors.New("it is packed twice")
			}
			sums += 4
		}
		to := dst
		if sums > 0 {
			to = make([]byte, len(dst)+sums)
		}
		if err := a.steps[i].unpack(to, src); err != nil {
			return err
		}
		src = to
	}
	if len(src) != len(dst) {
		return fmt.Errorf("a chunk of %d bytes where %d are due", len(src), len(dst))
	}
	if len(dst) > 0 && &src[0] != &dst[0] {
		copy(dst, src)
	}
	return nil
}

// unpack fills dst from packed bytes.
func (s step) unpack(dst, src []byte) error {
	switch s {
	case stepZlib:
		return codec.Unpack(codec.Deflate, dst, src)
	case stepZstd:
		return codec.Unpack(codec.Zstd, dst, src)
	case stepBlosc:
		return blosc.Unpack(dst, src)
	case stepGzip:
		r, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return err
		}
		return fill(r, dst, "gzip")
	case stepBzip2:
		return fill(bzip2.NewReader(bytes.NewReader(src)), dst, "bzip2")
	case stepLZ4: // as numcodecs writes it: the size before the block
		if len(src) < 4 || int64(le.Uint32(src)) != int64(len(dst)) {
			return fmt.Errorf("an LZ4 block that is not of %d bytes", len(dst))
		}
		n, err := lz4.UncompressBlock(src[4:], dst)
		if err == nil && n != len(dst) {
			err = fmt.Errorf("LZ4 block of %d bytes where %d are due", n, len(dst))
		}
		return err
	}
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf("packing %d", int(s))}
}

// fill reads all of dst.
func fill(r io.Reader, dst []byte, what string) error {
	if n, err := io.ReadFull(r, dst); err != nil {
		return fmt.Errorf("%s stream ends or breaks after %d of %d bytes: %w", what, n, len(dst), err)
	}
	return nil
}
