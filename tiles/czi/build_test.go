package czi

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// block is a sub-block to be written.
type block struct {
	x, y, w, h, sw, sh int // sw and sh 0: stored as it is
	c, z, t, s, m      int // s, m -1: not written
	pixel, pack        int
	data               []byte // pixels
}

// builder writes CZI files.
type builder struct {
	b       []byte
	entries []byte
	count   int
	xml     string
	attach  []attached
}

type attached struct {
	name, kind string
	data       []byte
}

// segment adds a segment and returns where it begins.
func (w *builder) segment(id string, data []byte) int {
	for len(w.b)%32 != 0 {
		w.b = append(w.b, 0)
	}
	at := len(w.b)
	head := make([]byte, segmentHeader)
	copy(head, id)
	le.PutUint64(head[16:], uint64(len(data)))
	le.PutUint64(head[24:], uint64(len(data)))
	w.b = append(append(w.b, head...), data...)
	return at
}

// newBuilder begins a file.
func newBuilder() *builder {
	w := &builder{}
	head := make([]byte, 512)
	le.PutUint32(head, 1)
	copy(head[16:], "0123456789abcdef0123456789abcdef") // the same name twice: one part
	w.segment(idFile, head)
	return w
}

// entry is a directory entry of the kind DV.
func (b *block) entry(at int) []byte {
	e := make([]byte, entryHead)
	copy(e, "DV")
	le.PutUint32(e[2:], uint32(b.pixel))
	le.PutUint64(e[6:], uint64(at))
	le.PutUint32(e[18:], uint32(b.pack))
	n := 0
	add := func(id string, start, size, stored int) {
		d := make([]byte, dimensionBytes)
		copy(d, id)
		le.PutUint32(d[4:], uint32(int32(start)))
		le.PutUint32(d[8:], uint32(size))
		le.PutUint32(d[16:], uint32(stored))
		e = append(e, d...)
		n++
	}
	add("X", b.x, b.w, b.sw)
	add("Y", b.y, b.h, b.sh)
	add("C", b.c, 1, 1)
	add("Z", b.z, 1, 1)
	add("T", b.t, 1, 1)
	if b.s >= 0 {
		add("S", b.s, 1, 1)
	}
	if b.m >= 0 {
		add("M", b.m, 1, 1)
	}
	le.PutUint32(e[28:], uint32(n))
	return e
}

// add adds a sub-block.
func (w *builder) add(t testing.TB, b block) {
	t.Helper()
	if b.sw == 0 {
		b.sw, b.sh = b.w, b.h
	}
	data := packPixels(t, b.pack, b.data)
	at := (len(w.b) + 31) / 32 * 32
	e := b.entry(at)
	head := make([]byte, max(blockLeast, blockData+len(e)))
	le.PutUint32(head, 7) // of metadata
	le.PutUint64(head[8:], uint64(len(data)))
	copy(head[blockData:], e)
	w.segment(idSubBlock, append(append(head, "<META/>"...), data...))
	w.entries = append(w.entries, e...)
	w.count++
}

func packPixels(t testing.TB, pack int, data []byte) []byte {
	t.Helper()
	if pack != packZstd0 && pack != packZstd1 {
		return data
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if pack == packZstd0 {
		return z.EncodeAll(data, nil)
	}
	split := make([]byte, len(data))
	for i := range data {
		split[i/2+i%2*len(data)/2] = data[i]
	}
	return z.EncodeAll(split, []byte{3, 1, 1})
}

// bytes ends the file.
func (w *builder) bytes() []byte {
	dir := make([]byte, directoryData)
	le.PutUint32(dir, uint32(w.count))
	at := w.segment(idDirectory, append(dir, w.entries...)) // moves w.b
	le.PutUint64(w.b[segmentHeader+52:], uint64(at))
	if w.xml != "" {
		head := make([]byte, xmlData)
		le.PutUint32(head, uint32(len(w.xml)))
		at = w.segment(idMetadata, append(head, w.xml...))
		le.PutUint64(w.b[segmentHeader+60:], uint64(at))
	}
	if len(w.attach) > 0 {
		list := make([]byte, attachDirData)
		le.PutUint32(list, uint32(len(w.attach)))
		for _, a := range w.attach {
			head := make([]byte, attachData)
			le.PutUint64(head, uint64(len(a.data)))
			e := make([]byte, attachEntry)
			copy(e, "A1")
			le.PutUint64(e[12:], uint64(w.segment(idAttachment, append(head, a.data...))))
			copy(e[40:], a.kind)
			copy(e[48:], a.name)
			list = append(list, e...)
		}
		at = w.segment(idAttachments, list)
		le.PutUint64(w.b[segmentHeader+72:], uint64(at))
	}
	return w.b
}

func save(t testing.TB, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "a.czi")
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// colourAt is the colour of a pixel of full resolution in the test slide: blue,
// green, red.
func colourAt(x, y int) [3]byte { return [3]byte{byte(x), byte(y), byte(x/8 + y/4)} }

// bgr is pixels of a colour slide, every step-th.
func bgr(x, y, w, h, step int) []byte {
	var out []byte
	for j := range h {
		for i := range w {
			c := colourAt(x+i*step, y+j*step)
			out = append(out, c[:]...)
		}
	}
	return out
}

// colourSlide has two scenes of overlapping sub-blocks and levels of 1/2 and 1/4.
func colourSlide(t testing.TB, pack int) *builder {
	w := newBuilder()
	m := 0
	for s, at := range [][2]int{{-1000, 200}, {0, 400}} {
		for y := 0; y < 600; y += 280 {
			for x := 0; x < 800; x += 360 {
				w.add(t, block{x: at[0] + x, y: at[1] + y, w: 400, h: 320, s: s, m: m, pixel: bgr24, pack: pack, data: bgr(at[0]+x, at[1]+y, 400, 320, 1)})
				m++
			}
		}
		for _, step := range []int{2, 4} {
			bw, bh := (1120+step-1)/step, (880+step-1)/step
			w.add(t, block{x: at[0], y: at[1], w: 1120, h: 880, sw: bw, sh: bh, s: s, m: -1, pixel: bgr24, pack: pack, data: bgr(at[0], at[1], bw, bh, step)})
		}
	}
	w.xml = `<?xml version="1.0"?><ImageDocument><Metadata><Information><Instrument><Objectives><Objective Id="Objective:1"><NominalMagnification>20</NominalMagnification></Objective></Objectives></Instrument></Information>` +
		`<Scaling><Items><Distance Id="X"><Value>2.2e-07</Value></Distance><Distance Id="Y"><Value>2.3E-07</Value></Distance></Items></Scaling></Metadata></ImageDocument>`
	return w
}

// greySlide has three channels of 16 bits, two planes and two times.
func greySlide(t testing.TB) *builder {
	w := newBuilder()
	for c := range 3 {
		for z := range 2 {
			for tp := range 2 {
				var data []byte
				for y := range 300 {
					for x := range 260 {
						data = le.AppendUint16(data, uint16(greyAt(c, z, tp, x, y)))
					}
				}
				w.add(t, block{w: 260, h: 300, c: c + 1, z: z + 5, t: tp, s: -1, m: 0, pixel: gray16, pack: packZstd1, data: data})
			}
		}
	}
	w.xml = `<ImageDocument><Metadata><Information><Image><Dimensions><Channels><Channel Id="Channel:9" Name="off"/>` +
		`<Channel Id="Channel:0" Name="DAPI"><Color>#FF0000FF</Color><ExcitationWavelength>353</ExcitationWavelength><EmissionWavelength>465</EmissionWavelength></Channel>` +
		`<Channel Id="Channel:1" Name="AF488"/><Channel Id="Channel:2" Name="AF647"/></Channels></Dimensions></Image></Information>` +
		`<DisplaySetting><Channels><Channel/><Channel><Low>0.1</Low><High>0.5</High><Gamma>0.45</Gamma></Channel><Channel><IsSelected>false</IsSelected><Color>#FF00FF00</Color></Channel><Channel/></Channels></DisplaySetting>` +
		`<Scaling><Items><Distance Id="X"><Value>5e-07</Value></Distance><Distance Id="Y"><Value>5e-07</Value></Distance><Distance Id="Z"><Value>2e-06</Value></Distance></Items></Scaling></Metadata></ImageDocument>`
	return w
}

// greyAt is a sample of greySlide.
func greyAt(c, z, t, x, y int) int { return c*9000 + z*3000 + t*777 + x*4 + y*5 }

// floats are pixels of floating-point numbers.
func floats(n int, f func(i int) float32) []byte {
	var out []byte
	for i := range n {
		out = le.AppendUint32(out, math.Float32bits(f(i)))
	}
	return out
}

// edit copies a file with other bytes at an offset.
func edit(data []byte, at int, b ...byte) []byte {
	out := append([]byte(nil), data...)
	if at+len(b) > len(out) {
		panic(fmt.Sprint("the test edits behind the end: ", at))
	}
	copy(out[at:], b)
	return out
}
