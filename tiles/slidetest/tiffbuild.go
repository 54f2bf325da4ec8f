package slidetest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
	"testing"
)

// Page is one image of a TIFF file that a test builds: samples as a scanner of
// fluorescence stores them.
type Page struct {
	Width, Height int
	Bits          int     // of a sample: 8, 16 or 32
	Format        int     // 1 unsigned, 2 signed, 3 floating point; 0 is 1
	Samples       int     // of a pixel; 0 is 1
	Planar        bool    // each sample in a plane of its own
	Tile          int     // side of a tile in pixels; 0: strips
	Rows          int     // of a strip; 0: one strip
	Deflate       bool    // else stored as they are
	Photometric   int     // 0 is 1, grey, or 2, RGB, for 3 samples
	Description   string  // tag 270
	Software      string  // tag 305
	Subfile       int     // tag 254
	PerCM         float64 // pixels of a centimetre; 0: not written
	Sub           []Page  // sub-directories
	// Sample is the sample s of the pixel (x, y).
	Sample func(x, y, s int) float64
	Lose   func(col, row int) bool // tiles that are not stored; may be nil
}

// BuildTIFF makes a little-endian BigTIFF file of pages. It shares nothing with
// the reader.
func BuildTIFF(t testing.TB, pages ...Page) []byte {
	t.Helper()
	b := &tiffBuild{t: t, out: []byte{'I', 'I', 43, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}
	link := 8 // where the offset of the next directory goes
	for _, p := range pages {
		at, next := b.page(p)
		binary.LittleEndian.PutUint64(b.out[link:], at)
		link = next
	}
	return b.out
}

type tiffBuild struct {
	t   testing.TB
	out []byte
}

// buildEntry is a tag with its values as bytes.
type buildEntry struct {
	tag, typ uint16
	count    int
	value    []byte
}

func shorts(tag uint16, v ...int) buildEntry {
	e := buildEntry{tag: tag, typ: 3, count: len(v)}
	for _, x := range v {
		e.value = binary.LittleEndian.AppendUint16(e.value, uint16(x))
	}
	return e
}

func longs(tag uint16, v ...uint64) buildEntry {
	e := buildEntry{tag: tag, typ: 16, count: len(v)}
	for _, x := range v {
		e.value = binary.LittleEndian.AppendUint64(e.value, x)
	}
	return e
}

// complete fills in what zero values mean.
func (p *Page) complete() {
	p.Samples, p.Format = max(1, p.Samples), max(1, p.Format)
	if p.Photometric == 0 {
		p.Photometric = 1
		if p.Samples == 3 {
			p.Photometric = 2
		}
	}
	if p.Tile == 0 && p.Rows == 0 {
		p.Rows = p.Height
	}
}

// page writes tiles, sub-directories and the directory of a page; it returns
// where the directory lies and where its link to the next is.
func (b *tiffBuild) page(p Page) (at uint64, link int) {
	p.complete()
	offsets, counts := b.tiles(&p)
	var subs []uint64
	for _, s := range p.Sub {
		at, _ := b.page(s)
		subs = append(subs, at)
	}
	compression, planar := 1, 1
	if p.Deflate {
		compression = 8
	}
	if p.Planar {
		planar = 2
	}
	each := func(tag uint16, v int) buildEntry { return shorts(tag, bytesOf(v, p.Samples)...) }
	e := []buildEntry{longs(254, uint64(p.Subfile)), longs(256, uint64(p.Width)), longs(257, uint64(p.Height)), each(258, p.Bits),
		shorts(259, compression), shorts(262, p.Photometric)}
	if p.Description != "" {
		e = append(e, buildEntry{270, 2, len(p.Description) + 1, append([]byte(p.Description), 0)})
	}
	if p.Tile == 0 {
		e = append(e, longs(273, offsets...), shorts(277, p.Samples), longs(278, uint64(p.Rows)), longs(279, counts...))
	} else {
		e = append(e, shorts(277, p.Samples))
	}
	le := binary.LittleEndian
	if p.PerCM > 0 {
		r := le.AppendUint32(le.AppendUint32(nil, uint32(math.Round(p.PerCM*100))), 100)
		e = append(e, buildEntry{282, 5, 1, r}, buildEntry{283, 5, 1, r}, shorts(284, planar), shorts(296, 3))
	} else {
		e = append(e, shorts(284, planar))
	}
	if p.Software != "" {
		e = append(e, buildEntry{305, 2, len(p.Software) + 1, append([]byte(p.Software), 0)})
	}
	if p.Tile > 0 {
		e = append(e, longs(322, uint64(p.Tile)), longs(323, uint64(p.Tile)), longs(324, offsets...), longs(325, counts...))
	}
	if len(subs) > 0 {
		e = append(e, longs(330, subs...))
	}
	if extra := p.Samples - map[int]int{1: 1, 2: 3}[p.Photometric]; extra > 0 {
		e = append(e, shorts(338, bytesOf(0, extra)...))
	}
	return b.directory(append(e, each(339, p.Format)))
}

// bytesOf is v n times.
func bytesOf(v, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// tiles writes the tiles or strips of a page, plane by plane.
func (b *tiffBuild) tiles(p *Page) (offsets, counts []uint64) {
	planes, per := 1, p.Samples
	if p.Planar {
		planes, per = p.Samples, 1
	}
	tw, th := p.Tile, p.Tile
	if p.Tile == 0 {
		tw, th = p.Width, p.Rows
	}
	cols, rows := (p.Width+tw-1)/tw, (p.Height+th-1)/th
	for i := range planes * cols * rows {
		plane, col, row := i/(cols*rows), i%(cols*rows)%cols, i%(cols*rows)/cols
		if p.Lose != nil && p.Lose(col, row) {
			offsets, counts = append(offsets, 0), append(counts, 0)
			continue
		}
		h := th
		if p.Tile == 0 {
			h = min(th, p.Height-row*th)
		}
		var raw []byte
		for j := range h * tw * per {
			x, y := col*tw+j/per%tw, row*th+j/per/tw
			raw = p.number(raw, min(x, p.Width-1), min(y, p.Height-1), plane+j%per)
		}
		if p.Deflate {
			raw = b.deflate(raw)
		}
		offsets, counts = append(offsets, uint64(len(b.out))), append(counts, uint64(len(raw)))
		b.out = append(b.out, raw...)
	}
	return offsets, counts
}

// number appends a sample.
func (p *Page) number(raw []byte, x, y, s int) []byte {
	v := p.Sample(x, y, s)
	switch {
	case p.Bits == 8:
		return append(raw, byte(int(v)))
	case p.Bits == 16:
		return binary.LittleEndian.AppendUint16(raw, uint16(int(v)))
	case p.Format == 3:
		return binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
	}
	return binary.LittleEndian.AppendUint32(raw, uint32(int64(v)))
}

func (b *tiffBuild) deflate(raw []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write(raw); err != nil {
		b.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return z.Bytes()
}

// directory writes entries, whose tags must rise.
func (b *tiffBuild) directory(entries []buildEntry) (at uint64, link int) {
	le := binary.LittleEndian
	for i, e := range entries {
		if i > 0 && e.tag <= entries[i-1].tag {
			b.t.Fatalf("tag %d after %d", e.tag, entries[i-1].tag)
		}
		if len(e.value) > 8 {
			entries[i].value = le.AppendUint64(nil, uint64(len(b.out)))
			b.out = append(b.out, e.value...)
		}
	}
	at = uint64(len(b.out))
	b.out = le.AppendUint64(b.out, uint64(len(entries)))
	for _, e := range entries {
		b.out = le.AppendUint16(b.out, e.tag)
		b.out = le.AppendUint16(b.out, e.typ)
		b.out = le.AppendUint64(b.out, uint64(e.count))
		b.out = append(b.out, e.value...)
		b.out = append(b.out, make([]byte, 8-len(e.value))...)
	}
	link = len(b.out)
	b.out = append(b.out, make([]byte, 8)...)
	return at, link
}
