package hamamatsu

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Restart segments of most made slides, in pixels: two MCUs of 4:2:0.
const segW, segH = 32, 16

// entry is one tag of a made directory.
type entry struct {
	tag, typ uint16
	count    uint32
	value    uint64 // or where it lies
}

// maker writes an NDPI file piece by piece; its first hole bytes after the
// header are not stored.
type maker struct {
	t    testing.TB
	hole int64
	data []byte // header, then what lies behind the hole
	link int    // of data, where the next directory's offset goes
}

const headerLen = 12

func newMaker(t testing.TB, hole int64) *maker {
	return &maker{t: t, hole: hole, data: append([]byte("II*\x00"), make([]byte, 8)...), link: 4}
}

// put appends bytes and returns their offset in the file.
func (m *maker) put(b []byte) uint64 {
	at := uint64(len(m.data)) + uint64(m.hole)
	m.data = append(m.data, b...)
	return at
}

func (m *maker) directory(es []entry) {
	le := binary.LittleEndian
	slices.SortStableFunc(es, func(a, b entry) int { return int(a.tag) - int(b.tag) })
	b := le.AppendUint16(nil, uint16(len(es)))
	for _, e := range es {
		b = le.AppendUint16(b, e.tag)
		b = le.AppendUint16(b, e.typ)
		b = le.AppendUint32(b, e.count)
		b = le.AppendUint32(b, uint32(e.value))
	}
	next := len(b)
	b = append(b, make([]byte, 8)...)
	for _, e := range es {
		b = le.AppendUint32(b, uint32(e.value>>32))
	}
	at := m.put(b)
	le.PutUint64(m.data[m.link:], at)
	m.link = int(at) - int(m.hole) + next
}

// piece is segment (c, r) as a picture of its own.
func piece(c, r int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, segW, segH))
	for y := range segH {
		for x := range segW {
			img.SetRGBA(x, y, color.RGBA{R: byte(40*c + 2*x), G: byte(25*r + 3*y), B: byte(200 - 3*x), A: 255})
		}
	}
	return img
}

// encoded is a picture by Go's encoder, whose tables are always the same: the
// scans of several pictures make one stream.
func encoded(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// segments is a picture cut into whole JPEGs of equal size and tables, row by
// row.
type segments struct {
	cols, rows int
	w, h       int // pixels of a segment
	restart    int // MCUs of a segment
	jpegs      [][]byte
}

// pieces are cols×rows segments of piece, shifted by first.
func pieces(t testing.TB, cols, rows, first int) segments {
	s := segments{cols: cols, rows: rows, w: segW, h: segH, restart: segW / 16}
	made := map[[2]int][]byte{}
	for r := range rows {
		for c := range cols {
			k := [2]int{(c + first) % 5, r % 8}
			if made[k] == nil {
				made[k] = encoded(t, piece(k[0], k[1]))
			}
			s.jpegs = append(s.jpegs, made[k])
		}
	}
	return s
}

// stream joins segments by restart markers. It returns where they begin.
func (s segments) stream() (data []byte, starts []int64) {
	one := s.jpegs[0]
	sof, sos := bytes.Index(one, []byte{0xff, 0xc0}), bytes.Index(one, []byte{0xff, 0xda})
	w, h := s.cols*s.w, s.rows*s.h
	if w > maxJPEGSide || h > maxJPEGSide {
		w, h = 0, 0
	}
	data = slices.Clone(one[:sos])
	binary.BigEndian.PutUint16(data[sof+5:], uint16(h))
	binary.BigEndian.PutUint16(data[sof+7:], uint16(w))
	data = append(data, 0xff, 0xdd, 0, 4, byte(s.restart>>8), byte(s.restart))
	scan := sos + 2 + int(binary.BigEndian.Uint16(one[sos+2:]))
	data = append(data, one[sos:scan]...)
	for i, j := range s.jpegs {
		if i > 0 {
			data = append(data, 0xff, 0xd0+byte((i-1)%8))
		}
		starts = append(starts, int64(len(data)))
		data = append(data, j[scan:len(j)-2]...)
	}
	return append(data, 0xff, 0xd9), starts
}

// image adds the directory of an image of cols×rows pieces.
func (m *maker) image(cols, rows int, lens float32, startsTag uint16) {
	m.cut(pieces(m.t, cols, rows, 0), lens, startsTag)
}

// cut adds the directory of an image with restart markers.
func (m *maker) cut(s segments, lens float32, startsTag uint16, more ...entry) {
	data, starts := s.stream()
	var low, high []byte
	for _, s := range starts {
		low = binary.LittleEndian.AppendUint32(low, uint32(s))
		high = binary.LittleEndian.AppendUint32(high, uint32(s>>32))
	}
	n := uint32(len(starts))
	table := entry{startsTag, 4, n, m.put(low)}
	if n == 1 {
		table.value = uint64(starts[0])
	} else if startsTag == tagStarts {
		more = append(more, entry{tagStartsHigh, 4, n, m.put(high)})
	}
	m.any(data, s.cols*s.w, s.rows*s.h, lens, append(more, table)...)
}

// any adds the directory of a whole JPEG; more replaces tags that are written
// by default.
func (m *maker) any(data []byte, w, h int, lens float32, more ...entry) {
	base := m.put(data)
	res := m.put([]byte{0x48, 0x4e, 0, 0, 1, 0, 0, 0}) // 20040 per cm
	text := m.put([]byte("Created=2026/01/02\r\nProduct=made\r\n\x00"))
	es := slices.Clone(more)
	for _, e := range []entry{
		{256, 4, 1, uint64(w)}, {257, 4, 1, uint64(h)}, {259, 3, 1, 7}, {262, 3, 1, 6}, {273, 4, 1, base}, {277, 3, 1, 3}, {278, 4, 1, uint64(h)}, {279, 4, 1, uint64(len(data))},
		{282, 5, 1, res}, {283, 5, 1, res}, {296, 3, 1, 3}, {65420, 3, 1, 1}, {65421, 11, 1, uint64(math.Float32bits(lens))},
		{65422, 9, 1, 0xfffffff6}, {65424, 9, 1, 0}, {65449, 2, 35, text},
	} {
		if !slices.ContainsFunc(more, func(o entry) bool { return o.tag == e.tag }) {
			es = append(es, e)
		}
	}
	m.directory(es)
}

// made is a slide of 5×6 segments, a level of one JPEG and a macro image.
func made(t testing.TB, hole int64, startsTag uint16) *maker {
	m := newMaker(t, hole)
	m.image(5, 6, 20, startsTag)
	m.any(encoded(t, image.NewRGBA(image.Rect(0, 0, 80, 48))), 80, 48, 10)
	m.any(encoded(t, image.NewRGBA(image.Rect(0, 0, 90, 30))), 90, 30, -1)
	return m
}

// Size and ReadAt make the maker a file with a hole.
func (m *maker) Size() int64 { return int64(len(m.data)) + m.hole }

func (m *maker) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		switch {
		case at >= m.Size():
			return n, io.EOF
		case at < headerLen:
			n += copy(p[n:], m.data[at:headerLen])
		case at < headerLen+m.hole:
			k := min(int64(len(p)-n), headerLen+m.hole-at)
			clear(p[n : n+int(k)])
			n += int(k)
		default:
			n += copy(p[n:], m.data[at-m.hole:])
		}
	}
	return n, nil
}

// file writes the slide into a folder of the test's, its hole as a hole: the
// test is skipped where the file system would store it.
func (m *maker) file(name string) string {
	m.t.Helper()
	path := filepath.Join(m.t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		m.t.Fatal(err)
	}
	_, err = f.WriteAt(m.data[:headerLen], 0)
	if err == nil && m.hole > 0 && !sparse(m.t) {
		m.t.Skip("the file system stores holes")
	}
	if err == nil {
		_, err = f.WriteAt(m.data[headerLen:], headerLen+m.hole)
	}
	if cerr := f.Close(); err != nil || cerr != nil {
		m.t.Fatal(err, cerr)
	}
	return path
}
