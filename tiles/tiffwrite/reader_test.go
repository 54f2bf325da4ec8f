package tiffwrite

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/jpeg"
	"io"
	"os"
	"testing"
)

// testIFD is one directory as read back by a second, independent reading of
// the specification: just enough for these tests.
type testIFD struct {
	file []byte
	n    map[uint16][]uint64
	b    map[uint16][]byte
	next uint64
}

type testTIFF struct {
	file []byte
	big  bool
	dirs []*testIFD
}

func readTIFF(t *testing.T, path string) *testTIFF {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(b[:2]) != "II" {
		t.Fatalf("not little-endian: %q", b[:2])
	}
	f := &testTIFF{file: b, big: binary.LittleEndian.Uint16(b[2:]) == 43}
	at := uint64(binary.LittleEndian.Uint32(b[4:]))
	if f.big {
		at = binary.LittleEndian.Uint64(b[8:])
	}
	for at != 0 {
		d := f.read(t, at)
		f.dirs = append(f.dirs, d)
		at = d.next
	}
	return f
}

func (f *testTIFF) read(t *testing.T, at uint64) *testIFD {
	t.Helper()
	le, b := binary.LittleEndian, f.file
	d := &testIFD{file: b, n: map[uint16][]uint64{}, b: map[uint16][]byte{}}
	if at%2 != 0 {
		t.Fatalf("IFD at odd offset %d", at)
	}
	var n, size, inline uint64
	if f.big {
		n, at, size, inline = le.Uint64(b[at:]), at+8, 20, 8
	} else {
		n, at, size, inline = uint64(le.Uint16(b[at:])), at+2, 12, 4
	}
	last := uint16(0)
	for range n {
		tag, kind := le.Uint16(b[at:]), le.Uint16(b[at+2:])
		if tag <= last {
			t.Fatalf("tag %d after %d: not ascending", tag, last)
		}
		last = tag
		count, value := uint64(le.Uint32(b[at+4:])), at+8
		if f.big {
			count, value = le.Uint64(b[at+4:]), at+12
		}
		width := map[uint16]uint64{2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 16: 8}[kind]
		if count*width > inline {
			if f.big {
				value = le.Uint64(b[value:])
			} else {
				value = uint64(le.Uint32(b[value:]))
			}
		}
		raw := b[value : value+count*width]
		d.b[tag] = raw
		for i := uint64(0); i < count; i++ {
			switch width {
			case 2:
				d.n[tag] = append(d.n[tag], uint64(le.Uint16(raw[2*i:])))
			case 4:
				d.n[tag] = append(d.n[tag], uint64(le.Uint32(raw[4*i:])))
			case 8:
				d.n[tag] = append(d.n[tag], le.Uint64(raw[8*i:]))
			}
		}
		at += size
	}
	if f.big {
		d.next = le.Uint64(b[at:])
	} else {
		d.next = uint64(le.Uint32(b[at:]))
	}
	return d
}

func (d *testIFD) one(tag uint16) int {
	if len(d.n[tag]) == 0 {
		return -1
	}
	return int(d.n[tag][0])
}

// pixels decodes every tile of the directory into one image.
func (d *testIFD) pixels(t *testing.T) *image.RGBA {
	t.Helper()
	w, h, tw := d.one(tagImageWidth), d.one(tagImageLength), d.one(tagTileWidth)
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	cols := (w + tw - 1) / tw
	for i, at := range d.n[tagTileOffsets] {
		data := d.file[at : at+d.n[tagTileByteCounts][i]]
		x0, y0 := i%cols*tw, i/cols*tw
		if d.one(tagCompression) == compressDeflate {
			z, err := zlib.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(z)
			if err != nil || len(raw) != tw*tw*3 {
				t.Fatalf("tile %d: %d bytes, %v", i, len(raw), err)
			}
			for y := range tw {
				for x := range tw {
					if x0+x < w && y0+y < h {
						p := img.PixOffset(x0+x, y0+y)
						copy(img.Pix[p:p+3], raw[3*(y*tw+x):])
						img.Pix[p+3] = 255
					}
				}
			}
			continue
		}
		if tables := d.b[tagJPEGTables]; tables != nil {
			data = append(append([]byte{}, tables[:len(tables)-2]...), data[2:]...)
		}
		tile, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("tile %d: %v", i, err)
		}
		for y := range tw {
			for x := range tw {
				if x0+x < w && y0+y < h {
					img.Set(x0+x, y0+y, tile.At(x, y))
				}
			}
		}
	}
	return img
}
