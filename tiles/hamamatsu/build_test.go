package hamamatsu

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"slices"
	"testing"
)

// Restart segments of the made slides, in pixels: two MCUs of 4:2:0.
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
	slices.SortFunc(es, func(a, b entry) int { return int(a.tag) - int(b.tag) })
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

// stream joins segments; w and h go into the frame. It returns where the
// segments begin.
func stream(t testing.TB, cols, rows, w, h int) (data []byte, starts []int64) {
	t.Helper()
	var segments [][]byte
	for r := range min(rows, 8) {
		for c := range min(cols, 5) {
			segments = append(segments, encoded(t, piece(c, r)))
		}
	}
	one := segments[0]
	sof, sos := bytes.Index(one, []byte{0xff, 0xc0}), bytes.Index(one, []byte{0xff, 0xda})
	data = slices.Clone(one[:sos])
	binary.BigEndian.PutUint16(data[sof+5:], uint16(h))
	binary.BigEndian.PutUint16(data[sof+7:], uint16(w))
	data = append(data, 0xff, 0xdd, 0, 4, 0, segW/16)
	scan := sos + 2 + int(binary.BigEndian.Uint16(one[sos+2:]))
	data = append(data, one[sos:scan]...)
	for i := range cols * rows {
		if i > 0 {
			data = append(data, 0xff, 0xd0+byte((i-1)%8))
		}
		starts = append(starts, int64(len(data)))
		s := segments[i/cols%8*min(cols, 5)+i%cols%5]
		data = append(data, s[scan:len(s)-2]...)
	}
	return append(data, 0xff, 0xd9), starts
}

// image adds the directory of an image of cols×rows segments.
func (m *maker) image(cols, rows int, lens float32, startsTag uint16) {
	w, h := cols*segW, rows*segH
	fw, fh := w, h
	if w > 65500 || h > 65500 {
		fw, fh = 0, 0
	}
	data, starts := stream(m.t, cols, rows, fw, fh)
	table := []byte{}
	for _, s := range starts {
		table = binary.LittleEndian.AppendUint32(table, uint32(s))
	}
	m.any(data, w, h, lens, entry{startsTag, 4, uint32(len(starts)), m.put(table)})
}

// any adds the directory of a whole JPEG.
func (m *maker) any(data []byte, w, h int, lens float32, more ...entry) {
	base := m.put(data)
	res := m.put([]byte{0x48, 0x4e, 0, 0, 1, 0, 0, 0}) // 20040 per cm
	text := m.put([]byte("Created=2026/01/02\r\nProduct=made\r\n\x00"))
	m.directory(append([]entry{
		{256, 4, 1, uint64(w)}, {257, 4, 1, uint64(h)}, {259, 3, 1, 7}, {273, 4, 1, base}, {279, 4, 1, uint64(len(data))},
		{282, 5, 1, res}, {283, 5, 1, res}, {296, 3, 1, 3}, {65420, 3, 1, 1}, {65421, 11, 1, uint64(math.Float32bits(lens))},
		{65422, 9, 1, 0xfffffff6}, {65424, 9, 1, 0}, {65449, 2, 35, text},
	}, more...))
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

func (m *maker) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		at := off + int64(i)
		switch {
		case at >= m.Size():
			return i, io.EOF
		case at < headerLen:
			p[i] = m.data[at]
		case at < headerLen+m.hole:
			p[i] = 0
		default:
			p[i] = m.data[at-m.hole]
		}
	}
	return len(p), nil
}
