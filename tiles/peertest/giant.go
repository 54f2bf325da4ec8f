package peertest

import (
	"bufio"
	"context"
	"encoding/binary"
	"image"
	"math/rand/v2"
	"os"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
)

// Side lengths of the giant: those of a whole section at 40×.
const (
	GiantWidth  = 106632
	GiantHeight = 85608
)

// Tissue cuts n tiles of side² pixels out of level 0 of a slide, at random
// places, and compresses them as JPEG of quality 80.
func Tissue(t testing.TB, s tiles.Slide, n, side int, sub string) [][]byte {
	t.Helper()
	l := s.Levels()[0]
	rnd := rand.New(rand.NewPCG(1, uint64(side)))
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	out := make([][]byte, n)
	for i := range out {
		x, y := rnd.IntN(l.Width-side+1), rnd.IntN(l.Height-side+1)
		if err := tiles.ReadRegion(context.Background(), s, 0, x, y, m); err != nil {
			t.Fatal(err)
		}
		for p := 3; p < len(m.Pix); p += 4 {
			m.Pix[p] = 255
		}
		var err error
		if out[i], err = codec.Default().EncodeJPEG(m, 80, sub); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// WriteGiant writes a tiled BigTIFF pyramid of GiantWidth×GiantHeight pixels
// whose 256² tiles are drawn from the given JPEG streams (4:2:0). A stream is
// stored once and pointed at many times: the readers decode the same bytes as
// from a slide of a gigabyte, and the disk is spared.
func WriteGiant(t testing.TB, path string, jpegs [][]byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &giant{w: bufio.NewWriterSize(f, 1<<20), rnd: rand.New(rand.NewPCG(2, 3))}
	w.bytes([]byte{'I', 'I', 43, 0, 8, 0, 0, 0})
	ifd := w.at + 8
	for _, j := range jpegs {
		ifd += uint64(len(j))
	}
	w.u64(ifd)
	for _, j := range jpegs {
		w.offsets, w.counts = append(w.offsets, w.at), append(w.counts, uint64(len(j)))
		w.bytes(j)
	}
	for width, height, level := GiantWidth, GiantHeight, 0; ; level++ {
		last := max(width, height) <= 512
		w.level(width, height, level, last)
		if last {
			break
		}
		width, height = width/2, height/2
	}
	if err := w.w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

type giant struct {
	w               *bufio.Writer
	at              uint64
	rnd             *rand.Rand
	offsets, counts []uint64
}

func (g *giant) bytes(b []byte) {
	g.w.Write(b) // a bufio.Writer keeps its error for Flush
	g.at += uint64(len(b))
}

func (g *giant) u64(v uint64) { g.bytes(binary.LittleEndian.AppendUint64(nil, v)) }

// level writes a directory and behind it its two tables.
func (g *giant) level(width, height, level int, last bool) {
	const side = 256
	n := uint64((width + side - 1) / side * ((height + side - 1) / side))
	subfile := uint64(min(level, 1))
	inline := func(v ...uint16) (out uint64) {
		for i, x := range v {
			out |= uint64(x) << (16 * i)
		}
		return out
	}
	type entry struct {
		tag, kind    uint16
		count, value uint64
	}
	entries := []entry{{254, 4, 1, subfile}, {256, 4, 1, uint64(width)}, {257, 4, 1, uint64(height)}, {258, 3, 3, inline(8, 8, 8)},
		{259, 3, 1, 7}, {262, 3, 1, 6}, {277, 3, 1, 3}, {284, 3, 1, 1}, {322, 3, 1, side}, {323, 3, 1, side},
		{324, 16, n, 0}, {325, 16, n, 0}, {530, 3, 2, inline(2, 2)}}
	tables := g.at + 8 + 20*uint64(len(entries)) + 8
	g.u64(uint64(len(entries)))
	for _, e := range entries {
		switch e.tag {
		case 324:
			e.value = tables
		case 325:
			e.value = tables + 8*n
		}
		if n == 1 && (e.tag == 324 || e.tag == 325) {
			e.value = [2]uint64{g.offsets[0], g.counts[0]}[e.tag-324]
		}
		b := binary.LittleEndian.AppendUint16(nil, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.kind)
		b = binary.LittleEndian.AppendUint64(b, e.count)
		g.bytes(binary.LittleEndian.AppendUint64(b, e.value))
	}
	next := tables + 16*n
	if last {
		next = 0
	}
	g.u64(next)
	picks := make([]int, n)
	for i := range picks {
		picks[i] = g.rnd.IntN(len(g.offsets))
		g.u64(g.offsets[picks[i]])
	}
	for _, p := range picks {
		g.u64(g.counts[p])
	}
}
