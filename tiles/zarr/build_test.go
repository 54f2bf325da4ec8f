package zarr

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// files is a store as its files, by slash-separated name.
type files map[string][]byte

func (f files) clone() files { return maps.Clone(f) }

// write puts the store into a folder.
func (f files) write(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a.ome.zarr")
	for n, data := range f {
		p := filepath.Join(dir, filepath.FromSlash(n))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// archive puts the store into a ZIP archive.
func (f files) archive(t testing.TB, prefix string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "a.ozx")
	out, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(out)
	for _, n := range slices.Sorted(maps.Keys(f)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: prefix + n, Method: zip.Store})
		if err == nil {
			_, err = w.Write(f[n])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return p
}

// text writes a JSON value.
func text(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type object = map[string]any

// spec says how an array is written.
type spec struct {
	shape, chunk []int
	kind         string // "u1", "u2", "f4", "i2"
	big          bool
	packer       string // of version 2: "", "zlib", "gzip", "zstd", "lz4"
	fortran      bool
	slash        bool
	shard        []int                  // of version 3: shape of a shard in elements
	sample       func(at []int) float64 // what the array holds
	absent       func(chunk []int) bool // chunks that are not stored; may be nil
}

// element is the bytes of a sample.
func (s *spec) element(v float64) []byte {
	order := binary.AppendByteOrder(binary.LittleEndian)
	if s.big {
		order = binary.BigEndian
	}
	switch s.kind {
	case "u1":
		return []byte{byte(v)}
	case "u2":
		return order.AppendUint16(nil, uint16(v))
	case "i2":
		return order.AppendUint16(nil, uint16(int16(v)))
	case "u4":
		return order.AppendUint32(nil, uint32(v))
	}
	return order.AppendUint32(nil, math.Float32bits(float32(v)))
}

// chunkBytes are the elements of a chunk; beyond the array's edge they are 255.
func (s *spec) chunkBytes(index []int) []byte {
	n := 1
	for _, c := range s.chunk {
		n *= c
	}
	var out []byte
	at, in := make([]int, len(s.chunk)), make([]int, len(s.chunk))
	for i := range n {
		rest := i
		for k := range in {
			axis := len(in) - 1 - k
			if s.fortran {
				axis = k
			}
			in[axis], rest = rest%s.chunk[axis], rest/s.chunk[axis]
		}
		v, inside := 255.0, true
		for k := range at {
			at[k] = index[k]*s.chunk[k] + in[k]
			inside = inside && at[k] < s.shape[k]
		}
		if inside {
			v = s.sample(at)
		}
		out = append(out, s.element(v)...)
	}
	return out
}

// zstdEncoder is one for all chunks: each holds megabytes.
var zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) { return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)) })

// packed packs a chunk.
func packed(t testing.TB, packer string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch packer {
	case "":
		return b
	case "zlib":
		w = zlib.NewWriter(&out)
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zstd":
		z, err := zstdEncoder()
		if err != nil {
			t.Fatal(err)
		}
		return z.EncodeAll(b, nil)
	case "lz4":
		dst := make([]byte, lz4.CompressBlockBound(len(b)))
		n, err := lz4.CompressBlock(b, dst, nil)
		if err != nil || n == 0 {
			t.Fatal("lz4", err)
		}
		return append(le.AppendUint32(nil, uint32(len(b))), dst[:n]...)
	}
	_, err := w.Write(b)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// indices are all indices of a grid.
func indices(grid []int) [][]int {
	total := int64(1)
	for _, g := range grid {
		total *= int64(g)
	}
	var out [][]int
	for i := range total {
		out = append(out, spread(i, grid))
	}
	return out
}

func cells(shape, chunk []int) []int {
	out := make([]int, len(shape))
	for i := range out {
		out[i] = (shape[i]-1)/chunk[i] + 1
	}
	return out
}

// add2 adds an array of Zarr 2.
func (f files) add2(t testing.TB, at string, s spec) {
	t.Helper()
	kind := map[bool]string{true: ">", false: "<"}[s.big] + s.kind
	m := object{"zarr_format": 2, "shape": s.shape, "chunks": s.chunk, "dtype": kind, "fill_value": 0, "order": "C", "filters": nil, "compressor": nil}
	if s.packer != "" {
		m["compressor"] = object{"id": s.packer}
	}
	if s.fortran {
		m["order"] = "F"
	}
	sep := "."
	if s.slash {
		sep = "/"
		m["dimension_separator"] = sep
	}
	f[path.Join(at, ".zarray")] = text(t, m)
	for _, index := range indices(cells(s.shape, s.chunk)) {
		if s.absent == nil || !s.absent(index) {
			f[path.Join(at, keys{separator: sep}.name(index))] = packed(t, s.packer, s.chunkBytes(index))
		}
	}
}

// add3 adds an array of Zarr 3, packed by gzip, with or without shards.
func (f files) add3(t testing.TB, at string, s spec) {
	t.Helper()
	types := map[string]string{"u1": "uint8", "u2": "uint16", "f4": "float32", "i2": "int16"}
	codecs := []object{{"name": "bytes", "configuration": object{"endian": map[bool]string{true: "big", false: "little"}[s.big]}},
		{"name": "gzip", "configuration": object{"level": 1}}}
	outer := s.chunk
	if s.shard != nil {
		outer = s.shard
		codecs = []object{{"name": "sharding_indexed", "configuration": object{"chunk_shape": s.chunk, "codecs": codecs, "index_location": "end",
			"index_codecs": []object{{"name": "bytes", "configuration": object{"endian": "little"}}, {"name": "crc32c"}}}}}
	}
	f[path.Join(at, "zarr.json")] = text(t, object{"zarr_format": 3, "node_type": "array", "shape": s.shape, "data_type": types[s.kind],
		"chunk_grid":         object{"name": "regular", "configuration": object{"chunk_shape": outer}},
		"chunk_key_encoding": object{"name": "default", "configuration": object{"separator": "/"}}, "fill_value": 0, "codecs": codecs})
	k := keys{"c", "/"}
	if s.shard == nil {
		for _, index := range indices(cells(s.shape, s.chunk)) {
			if s.absent == nil || !s.absent(index) {
				f[path.Join(at, k.name(index))] = packed(t, "gzip", s.chunkBytes(index))
			}
		}
		return
	}
	for _, shard := range indices(cells(s.shape, s.shard)) {
		var data, table []byte
		per := cells(s.shard, s.chunk)
		for _, in := range indices(per) {
			index, inside := make([]int, len(in)), true
			for i := range in {
				index[i] = shard[i]*per[i] + in[i]
				inside = inside && index[i]*s.chunk[i] < s.shape[i]
			}
			if !inside || s.absent != nil && s.absent(index) {
				table = le.AppendUint64(le.AppendUint64(table, 1<<64-1), 1<<64-1)
				continue
			}
			p := packed(t, "gzip", s.chunkBytes(index))
			table = le.AppendUint64(le.AppendUint64(table, uint64(len(data))), uint64(len(p)))
			data = append(data, p...)
		}
		data = append(data, table...)
		f[path.Join(at, k.name(shard))] = le.AppendUint32(data, crc32.Checksum(table, castagnoli))
	}
}

// attributes are those of a picture whose levels are each half the one before.
func attributes(axes string, levels int, om any) object {
	var list []object
	for _, c := range axes {
		a := object{"name": string(c), "type": map[rune]string{'c': "channel", 't': "time"}[c]}
		if c == 'x' || c == 'y' || c == 'z' {
			a["type"], a["unit"] = "space", "micrometer"
		}
		list = append(list, a)
	}
	var sets []object
	for i := range levels {
		scale := make([]float64, len(axes))
		for k, c := range axes {
			scale[k] = map[rune]float64{'x': 0.5 * float64(int(1)<<i), 'y': 0.25 * float64(int(1)<<i), 'z': 2}[c]
			if scale[k] == 0 {
				scale[k] = 1
			}
		}
		sets = append(sets, object{"path": fmt.Sprint(i), "coordinateTransformations": []object{{"type": "scale", "scale": scale}}})
	}
	out := object{"multiscales": []object{{"version": "0.4", "axes": list, "datasets": sets}}}
	if om != nil {
		out["omero"] = om
	}
	return out
}
