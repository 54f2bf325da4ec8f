package slidetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles/tiffwrite"
)

// When says where a broken file must show that it is broken.
type When int

// The answers of a broken file.
const (
	AtOpen  When = iota // opening fails with a typed error
	AtTile              // it opens; tile (0,0) of level 0 is a *tiles.TileError
	Missing             // it opens; that tile was never stored
	Warned              // it opens with a warning and reads
)

// Broken is a file made by one edit of a good one.
type Broken struct {
	Name string // of the edit
	Ext  string // of the file: ".svs"
	Data []byte
	When When
	Want string // part of the error, or of a warning
}

// Good makes a small slide in memory: 200×150 pixels, tiles of 64, classic
// little-endian TIFF.
func Good(t testing.TB, layout tiffwrite.Layout, lossless bool) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "good.tif")
	o := tiffwrite.Options{Width: 200, Height: 150, TileSize: 64, Layout: layout, Container: tiffwrite.Classic,
		Step: 2, Smallest: 80, MPP: 0.25, Objective: 40, Lossless: lossless}
	err := tiffwrite.Write(context.Background(), path, o, func(_ context.Context, x0, y0 int, dst *image.RGBA) error {
		for y := range dst.Rect.Dy() {
			for x := range dst.Rect.Dx() {
				p := dst.Pix[dst.PixOffset(x, y):]
				p[0], p[1], p[2], p[3] = byte(x0+x), byte(y0+y), byte((x0+x)*(y0+y)/64), 255
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TIFF edits the bytes of a classic little-endian TIFF file. It knows no more
// of TIFF than where the entries of a directory lie, so that it does
// not share the reader's mistakes.
type TIFF struct {
	t    testing.TB
	Data []byte
	skip int // directories before the one that is edited
}

// Edit copies a file for editing.
func Edit(t testing.TB, data []byte) *TIFF {
	t.Helper()
	if len(data) < 8 || string(data[:4]) != "II*\x00" {
		t.Fatal("not a classic little-endian TIFF file")
	}
	return &TIFF{t: t, Data: bytes.Clone(data)}
}

// Directory chooses the directory that is edited, 0 at the beginning.
func (f *TIFF) Directory(n int) *TIFF { f.skip = n; return f }

var le = binary.LittleEndian

// first is the offset of the directory that is edited.
func (f *TIFF) first() int {
	at := int(le.Uint32(f.Data[4:]))
	for range f.skip {
		at = int(le.Uint32(f.Data[at+2+12*int(le.Uint16(f.Data[at:])):]))
	}
	return at
}

// Next is the offset of the directory's pointer to the next one.
func (f *TIFF) Next() int { return f.first() + 2 + 12*int(le.Uint16(f.Data[f.first():])) }

// Entry is the offset of a tag's entry in the first directory.
func (f *TIFF) Entry(tag uint16) int {
	f.t.Helper()
	for p := f.first() + 2; p < f.Next(); p += 12 {
		if le.Uint16(f.Data[p:]) == tag {
			return p
		}
	}
	f.t.Fatalf("the good file has no tag %d", tag)
	return 0
}

// Tag renames a tag.
func (f *TIFF) Tag(tag, to uint16) *TIFF { le.PutUint16(f.Data[f.Entry(tag):], to); return f }

// Count changes how many values a tag claims.
func (f *TIFF) Count(tag uint16, n uint32) *TIFF { le.PutUint32(f.Data[f.Entry(tag)+4:], n); return f }

// Value makes a tag one LONG of the given value.
func (f *TIFF) Value(tag uint16, v uint32) *TIFF {
	p := f.Entry(tag)
	le.PutUint16(f.Data[p+2:], 4)
	le.PutUint32(f.Data[p+4:], 1)
	le.PutUint32(f.Data[p+8:], v)
	return f
}

// At changes where a tag's values lie.
func (f *TIFF) At(tag uint16, offset uint32) *TIFF {
	le.PutUint32(f.Data[f.Entry(tag)+8:], offset)
	return f
}

// Text makes a tag, which must be there, a text of any length: it is put at the
// file's end.
func (f *TIFF) Text(tag uint16, s string) *TIFF {
	p := f.Entry(tag)
	le.PutUint16(f.Data[p+2:], 2)
	le.PutUint32(f.Data[p+4:], uint32(len(s)+1))
	le.PutUint32(f.Data[p+8:], uint32(len(f.Data)))
	f.Data = append(append(f.Data, s...), 0, 0, 0, 0) // at least four: shorter ones would be inline
	return f
}

// Where is where a tag's values lie.
func (f *TIFF) Where(tag uint16) int { return int(le.Uint32(f.Data[f.Entry(tag)+8:])) }

// Element changes the first of many LONG values of a tag.
func (f *TIFF) Element(tag uint16, v uint32) *TIFF {
	le.PutUint32(f.Data[f.Where(tag):], v)
	return f
}

// tile is the bytes of the first tile.
func (f *TIFF) tile() []byte {
	off := int(le.Uint32(f.Data[f.Where(324):]))
	return f.Data[off : off+int(le.Uint32(f.Data[f.Where(325):]))]
}

// Put overwrites bytes at an offset.
func (f *TIFF) Put(offset int, b ...byte) *TIFF { copy(f.Data[offset:], b); return f }

// JPEG overwrites the frame's size in the first tile.
func (f *TIFF) JPEG(w, h uint16, components byte) *TIFF {
	t := f.tile()
	i := bytes.Index(t, []byte{0xff, 0xc0})
	if i < 0 {
		f.t.Fatal("no frame in the tile")
	}
	binary.BigEndian.PutUint16(t[i+5:], h)
	binary.BigEndian.PutUint16(t[i+7:], w)
	t[i+9] = components
	return f
}

// BrokenFiles makes the files of the list of malformed inputs that can be made
// by one edit of a slide of ours.
func BrokenFiles(t testing.TB) []Broken {
	t.Helper()
	jpeg, deflate := Good(t, tiffwrite.Generic, false), Good(t, tiffwrite.Generic, true)
	svs := Good(t, tiffwrite.Aperio, false)
	j := func() *TIFF { return Edit(t, jpeg) }
	z := func() *TIFF { return Edit(t, deflate) }
	loop := j()
	le.PutUint32(loop.Data[loop.Next():], uint32(loop.first()))
	tags := j()
	le.PutUint16(tags.Data[tags.first():], 0xffff)
	list := []Broken{
		{"empty", ".tif", nil, AtOpen, "empty"},
		{"3 bytes", ".tif", jpeg[:3], AtOpen, "3 bytes"},
		{"magic", ".tif", j().Put(0, 'J', 'J').Data, AtOpen, "not a TIFF"},
		{"version", ".tif", j().Put(2, 41).Data, AtOpen, "version 41"},
		{"first directory behind the end", ".tif", j().Put(4, 0xff, 0xff, 0xff, 0x7f).Data, AtOpen, "first directory"},
		{"no directory", ".tif", j().Put(4, 0, 0, 0, 0).Data, AtOpen, "no image directory"},
		{"directory loop", ".tif", loop.Data, AtOpen, "loop"},
		{"65535 tags", ".tif", tags.Data, AtOpen, "65535 tags"},
		{"cut in half", ".tif", jpeg[:len(jpeg)/2], AtOpen, "end"},
		{"count overflows", ".tif", j().Count(324, 0xffffffff).Data, AtOpen, "4294967295 values"},
		{"fewer offsets", ".tif", j().Count(324, 11).Data, AtOpen, "11 tile offsets for 12"},
		{"no byte counts", ".tif", j().Tag(325, 326).Data, AtOpen, "0 tile byte counts"},
		{"width 0", ".tif", j().Value(256, 0).Data, AtOpen, "image width is 0"},
		{"huge width", ".tif", j().Value(256, 0xffffffff).Data, AtOpen, "too large"},
		{"2^30 pixels wide", ".tif", j().Value(256, 1<<30).Data, AtOpen, "tiles, more than"},
		{"tile width 0", ".tif", j().Value(322, 0).Data, AtOpen, "tile width is 0"},
		{"huge tile", ".tif", j().Value(322, 1<<20).Value(323, 1<<20).Data, AtOpen, "too large"},
		{"compression 52479", ".tif", j().Value(259, 52479).Data, AtOpen, "compression 52479"},
		{"tables missing of old JPEG", ".tif", j().Value(259, 6).Data, AtTile, "tables are missing"},
		{"0 samples", ".tif", j().Value(277, 0).Data, AtOpen, "0 samples"},
		{"9 samples", ".tif", j().Value(277, 9).Data, AtOpen, "9 samples"},
		{"7 bits", ".tif", j().Value(258, 7).Data, AtOpen, "7 bits"},
		{"planes of JPEG", ".tif", j().Value(284, 2).Data, AtOpen, "planes"},
		{"planes without offsets", ".tif", z().Value(284, 2).Data, AtOpen, "for 36 tiles"},
		{"predictor 9", ".tif", z().Value(305, 9).Tag(305, 317).Data, AtOpen, "predictor 9"},
		{"photometric 99", ".tif", j().Value(262, 99).Data, AtOpen, "photometric"},
		{"tables are garbage", ".tif", j().Put(j().Where(347), 1, 2, 3, 4).Data, AtOpen, "tables"},
		{"tables missing", ".tif", j().Tag(347, 348).Data, AtTile, "tables are missing"},
		{"offset behind the end", ".tif", j().Element(324, 0x7fffffff).Data, AtTile, "behind the file's end"},
		{"4 GiB tile", ".tif", j().Element(325, 0xffffffff).Data, AtTile, "more than"},
		{"60 MiB tile", ".tif", j().Element(325, 60<<20).Data, AtTile, "behind the file's end"},
		{"frame of 65500", ".tif", j().JPEG(65500, 65500, 3).Data, AtTile, "65500×65500"},
		{"frame too small", ".tif", j().JPEG(32, 32, 3).Data, AtTile, "32×32"},
		{"frame of 4 components", ".tif", j().JPEG(64, 64, 4).Data, AtTile, "4 components"},
		{"frame of 1 component", ".tif", j().JPEG(64, 64, 1).Data, AtTile, "1 components"},
		{"JPEG cut off", ".tif", j().Element(325, uint32(len(j().tile())-40)).Data, AtTile, ""},
		{"JPEG is zeros", ".tif", j().Put(int(le.Uint32(j().Data[j().Where(324):])), make([]byte, 20)...).Data, AtTile, "start-of-image"},
		{"deflate garbage", ".tif", z().Put(int(le.Uint32(z().Data[z().Where(324):])), bytes.Repeat([]byte{0x55}, 30)...).Data, AtTile, "deflate"},
		{"deflate cut off", ".tif", z().Element(325, 20).Data, AtTile, "deflate stream ends"},
		{"LZW garbage", ".tif", z().Value(259, 5).Data, AtTile, "LZW"},
		{"zstd garbage", ".tif", z().Value(259, 50000).Data, AtTile, "zstd"},
		{"raw too short", ".tif", z().Value(259, 1).Data, AtTile, "bytes where"},
		{"sparse by count", ".tif", j().Element(325, 0).Data, Missing, ""},
		{"sparse by offset", ".tif", j().Element(324, 0).Data, Missing, ""},
		{"resolution divides by 0", ".tif", j().Put(j().Where(282), make([]byte, 8)...).Data, Warned, "XResolution"},
		{"72 dpi", ".tif", j().Value(296, 2).Put(j().Where(282), 72, 0, 0, 0, 1, 0, 0, 0).Data, Warned, "72 per inch"},
		{"description behind the end", ".svs", Edit(t, svs).At(270, 0x7fffffff).Data, Warned, "tag 270"},
	}
	return append(list, brokenSVS(t, svs)...)
}

// brokenSVS edits the description of an Aperio slide.
func brokenSVS(t testing.TB, svs []byte) []Broken {
	t.Helper()
	replace := func(old, new string) []byte {
		if !bytes.Contains(svs, []byte(old)) || len(old) != len(new) {
			t.Fatalf("cannot replace %q by %q", old, new)
		}
		return bytes.Replace(svs, []byte(old), []byte(new), 1)
	}
	mpp := []byte("MPP = ")
	i := bytes.Index(svs, mpp)
	if i < 0 {
		t.Fatal("the good slide tells no MPP")
	}
	value := svs[i+len(mpp):]
	value = value[:bytes.IndexAny(value, "|\x00")]
	absurd := string(mpp) + fmt.Sprintf("%-*d", len(value), 999)
	return []Broken{
		{"MPP 999", ".svs", replace(string(mpp)+string(value), absurd), Warned, "MPP"},
	}
}
