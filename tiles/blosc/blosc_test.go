package blosc

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"
	"github.com/pierrec/lz4/v4"

	"coverslip/tiles"
)

// sample is what the known chunks hold: twice 700 elements of two bytes.
func sample() []byte {
	var out []byte
	for range 2 {
		for i := range 700 {
			v := uint16(i * i / 7 % 4000)
			if i >= 300 && i < 500 {
				v = 7
			}
			out = le.AppendUint16(out, v)
		}
	}
	return out
}

func TestUnpack_Known(t *testing.T) {
	want := sample()
	for _, k := range known {
		src, err := base64.StdEncoding.DecodeString(k.chunk)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := Size(src); err != nil || n != len(want) {
			t.Errorf("%s %d: size %d, %v", k.packer, k.shuffle, n, err)
		}
		got := bytes.Repeat([]byte{0x55}, len(want))
		if err := Unpack(got, src); err != nil {
			t.Errorf("%s %d: %v", k.packer, k.shuffle, err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s %d: other bytes", k.packer, k.shuffle)
		}
	}
}

// pack makes a chunk, of blocks of the given size, whose streams are packed by
// LZ4 or zlib.
func pack(data []byte, typeSize, block int, flags byte) []byte {
	out := make([]byte, headerSize)
	out[0], out[1], out[2], out[3] = 2, 1, flags, byte(typeSize)
	blocks := (len(data)-1)/block + 1
	le.PutUint32(out[4:], uint32(len(data)))
	le.PutUint32(out[8:], uint32(block))
	out = append(out, make([]byte, 4*blocks)...)
	for i := range blocks {
		le.PutUint32(out[headerSize+4*i:], uint32(len(out)))
		part := shuffled(data[i*block:min((i+1)*block, len(data))], typeSize, flags)
		streams := 1
		if flags&flagWhole == 0 && typeSize <= maxSplits && block/typeSize >= minSplit && len(part) == block {
			streams = typeSize
		}
		each := len(part) / streams
		for j := range streams {
			s := packStream(part[j*each:(j+1)*each], flags>>5)
			out = append(le.AppendUint32(out, uint32(len(s))), s...)
		}
	}
	le.PutUint32(out[12:], uint32(len(out)))
	return out
}

// shuffled does by single bits and bytes what unshuffle and unshuffleBits undo.
func shuffled(b []byte, size int, flags byte) []byte {
	n := len(b) / size
	out := bytes.Clone(b)
	switch {
	case flags&flagShuffle != 0:
		for i := range n * size {
			out[i%size*n+i/size] = b[i]
		}
	case flags&flagBitShuffle != 0 && n%8 == 0:
		clear(out[:n*size])
		for i := range 8 * n * size { // bit i of the elements
			element, bit := i/(8*size), i%(8*size)
			to := bit*n + element
			out[to/8] |= b[i/8] >> (i % 8) & 1 << (to % 8)
		}
	}
	return out
}

func packStream(b []byte, packer byte) []byte {
	switch packer {
	case packLZ4:
		dst := make([]byte, lz4.CompressBlockBound(len(b)))
		if n, err := lz4.CompressBlock(b, dst, nil); err == nil && n > 0 && n < len(b) {
			return dst[:n]
		}
	case packZlib:
		var w bytes.Buffer
		z := zlib.NewWriter(&w)
		if _, err := z.Write(b); err == nil && z.Close() == nil && w.Len() < len(b) {
			return w.Bytes()
		}
	}
	return b
}

func TestUnpack_Made(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 2, 3, 4, 8, 16, 17} {
		for _, n := range []int{1, 7, 100, 1000, 4096, 10001} {
			for _, flags := range []byte{0, flagShuffle, flagBitShuffle, flagWhole | flagShuffle} {
				for _, packer := range []byte{packLZ4, packZlib} {
					data := make([]byte, n)
					for i := range data {
						data[i] = byte(i/size%5) + byte(r.IntN(2))
					}
					got := make([]byte, n)
					if err := Unpack(got, pack(data, size, max(min(n, 2048)/size*size, 1), flags|packer<<5)); err != nil || !bytes.Equal(got, data) {
						t.Fatalf("%d bytes in elements of %d, flags %x, packer %d: %v", n, size, flags, packer, err)
					}
				}
			}
		}
	}
}

func TestUnpackBloscLZ(t *testing.T) {
	long := append([]byte{0, 'x', 0xe0, 255, 255, 20, 0}, 0)
	for name, c := range map[string]struct {
		src  []byte
		want string
	}{
		"literals":      {[]byte{2, 'a', 'b', 'c'}, "abc"},
		"match":         {[]byte{1, 'a', 'b', 2 << 5, 1}, "ababab"},
		"run":           {[]byte{0, 'a', 1 << 5, 0, 0, 'z'}, "aaaaz"},
		"long run":      {append(long, 'z'), "x" + strings.Repeat("x", 6+255+255+20+3) + "z"},
		"far away":      {nil, ""},
		"before begin":  {[]byte{0, 'a', 1 << 5, 1}, ""},
		"too long":      {[]byte{1, 'a', 'b', 7 << 5, 250, 0}, ""},
		"literals end":  {[]byte{5, 'a'}, ""},
		"length is cut": {[]byte{0, 'a', 7 << 5, 255}, ""},
		"far is cut":    {[]byte{0, 'a', 1<<5 | 31, 255, 0}, ""},
	} {
		n := len(c.want)
		if n == 0 {
			n = 10
		}
		dst := make([]byte, n)
		err := unpackBloscLZ(dst, c.src)
		if (err == nil) != (c.want != "") || err == nil && string(dst) != c.want {
			t.Errorf("%s: %q, %v", name, dst, err)
		}
	}
	// A match 9,000 bytes back needs the two further bytes.
	far := []byte{}
	data := make([]byte, 9000)
	for i := range data {
		data[i] = byte(i * i / 3)
	}
	for i := 0; i < len(data); i += 30 {
		far = append(append(far, 29), data[i:i+30]...)
	}
	far = append(far, 2<<5|31, 255, byte((9000-1-farthest)>>8), byte((9000-1-farthest)&255))
	dst := make([]byte, 9004)
	if err := unpackBloscLZ(dst, far); err != nil || !bytes.Equal(dst, append(data, data[:4]...)) {
		t.Errorf("far match: %v", err)
	}
}

func TestUnpack_Broken(t *testing.T) {
	good := pack(sample(), 2, 1024, flagShuffle|packLZ4<<5)
	edit := func(at int, b ...byte) []byte {
		d := bytes.Clone(good)
		copy(d[at:], b)
		return d
	}
	for name, c := range map[string]struct {
		src  []byte
		want string
	}{
		"empty":        {nil, "too short"},
		"cut":          {good[:len(good)-1], "claims"},
		"Blosc 2":      {edit(0, 5), "Blosc 2"},
		"other size":   {edit(4, 1), "are due"},
		"size 4 GiB":   {edit(4, 255, 255, 255, 255), "are due"},
		"block 0":      {edit(8, 0, 0, 0, 0), "blocks of 0"},
		"block 1":      {edit(8, 1, 0, 0, 0), "blocks in a chunk"},
		"start":        {edit(headerSize, 255, 255, 255, 255), "begins at"},
		"start inside": {edit(headerSize, 3, 0, 0, 0), "begins at"},
		"stream":       {edit(headerSize+12, 255, 255, 255, 127), "are left"},
		"snappy":       {edit(2, flagShuffle|packSnappy<<5), "Snappy"},
		"packer 7":     {edit(2, flagShuffle|7<<5), "unknown packer"},
		"copied":       {edit(2, flagCopied), "unpacked chunk"},
	} {
		if err := Unpack(make([]byte, len(sample())), c.src); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var u *tiles.UnsupportedError
	if err := Unpack(make([]byte, len(sample())), edit(2, flagShuffle|packSnappy<<5)); !errors.As(err, &u) || u.Hint == "" {
		t.Errorf("%v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	for _, k := range known {
		if src, err := base64.StdEncoding.DecodeString(k.chunk); err == nil {
			f.Add(src)
		}
	}
	f.Add(pack(sample()[:300], 2, 300, flagShuffle|packLZ4<<5))
	f.Add(pack(sample()[:1000], 4, 512, flagBitShuffle|packZlib<<5))
	f.Fuzz(func(t *testing.T, src []byte) {
		n, err := Size(src)
		if err != nil || n > 1<<20 {
			return
		}
		if err := Unpack(make([]byte, n), src); err != nil {
			return
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	data := bytes.Repeat(sample(), 20)
	for _, k := range []byte{flagShuffle, flagBitShuffle} {
		src := pack(data, 2, 32768, k|packLZ4<<5)
		dst := make([]byte, len(data))
		b.Run(fmt.Sprint(k), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Unpack(dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
