package slidetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"strings"
	"testing"
)

// DICOM describes a file of a whole slide image to make. It is written by rules
// of its own, so that it does not share the reader's mistakes.
type DICOM struct {
	Syntax                string // transfer syntax; "" is JPEG baseline
	Width, Height         int    // total pixel matrix
	Tile                  int    // side of a frame
	Kind                  string // ImageType value 3; "" is VOLUME
	Series, UID           string
	Photometric           string    // "" is YBR_FULL_422
	Samples, Bits         int       // 0 is 3, 8
	Frames                [][]byte  // as stored
	At                    [][2]int  // position of each frame, 1 first: TILED_SPARSE; nil is TILED_FULL
	Table                 string    // of offsets: "basic", "extended", "none"
	Fragments             int       // of each frame; 0 is 1
	OpenSequences         bool      // sequences and items of undefined length
	Spacing               float64   // mm; 0 is none
	Window                []float64 // centre and width
	Slope, Intercept      float64   // of the samples, for the window; 0 and 0 are none
	ICC                   []byte
	Concat                string // UID
	Part, Parts, FirstAt  int    // of the concatenation
	Claim                 int    // frames claimed, if not as many as there are
	Nested                int    // depth of sequences added
	Channels              int    // optical paths added
	FocalPlanes, OptPaths int    // 0 is absent
	Stored                int    // bits; 0 is Bits
	Paths                 []DICOMPath
	PathOf                []string  // identifier of each frame's optical path, nil is none: sparse only
	ZOf                   []float64 // µm of each frame, nil is none: sparse only
	Z                     float64   // µm of the image's origin, 0 is none
	ZStep                 float64   // mm between focal planes, 0 is none
}

// DICOMPath describes an optical path to make.
type DICOMPath struct {
	ID, Name   string
	Excitation float64 // nm, 0 is none
	Emission   int     // nm, 0 is none
	Colour     [3]byte // at the end of its palette, 0 is no palette
}

// write writes the item of the path.
func (p DICOMPath) write(w *dicomWriter) {
	if p.Emission > 0 {
		w.short(0x00220003, p.Emission)
	}
	if p.Excitation > 0 {
		w.put(0x00220055, "FL", le.AppendUint32(nil, math.Float32bits(float32(p.Excitation))))
	}
	w.text(0x00480106, "SH", p.ID)
	if p.Name != "" {
		w.text(0x00480107, "ST", p.Name)
	}
	if p.Colour == [3]byte{} {
		return
	}
	w.sequence(0x00480120, func(w *dicomWriter) {
		for i := range uint32(3) {
			w.put(0x00281101+i, "US", []byte{0, 1, 0, 0, 16, 0}) // 256 entries from 0 of 16 bits
		}
		for i := range uint32(3) {
			lut := make([]byte, 512)
			for v := range 256 {
				le.PutUint16(lut[2*v:], uint16(v*int(p.Colour[i])/255)<<8)
			}
			w.put(0x00281201+i, "OW", lut)
		}
	})
}

// dicomWriter appends elements of a data set.
type dicomWriter struct {
	bytes.Buffer
	implicit, open bool
}

func (w *dicomWriter) u16(v int)    { w.Write(le.AppendUint16(nil, uint16(v))) }
func (w *dicomWriter) u32(v uint32) { w.Write(le.AppendUint32(nil, v)) }

func (w *dicomWriter) head(tag uint32, vr string, n uint32) {
	w.u16(int(tag >> 16))
	w.u16(int(tag & 0xffff))
	switch {
	case w.implicit:
		w.u32(n)
	case strings.Contains("OB OW SQ OV UT UN", vr):
		w.WriteString(vr)
		w.u16(0)
		w.u32(n)
	default:
		w.WriteString(vr)
		w.u16(int(n))
	}
}

func (w *dicomWriter) put(tag uint32, vr string, value []byte) {
	w.head(tag, vr, uint32(len(value)+len(value)%2))
	w.Write(value)
	if len(value)%2 == 1 {
		pad := byte(' ')
		if vr == "UI" || vr == "OB" {
			pad = 0
		}
		w.WriteByte(pad)
	}
}

func (w *dicomWriter) text(tag uint32, vr, s string) { w.put(tag, vr, []byte(s)) }
func (w *dicomWriter) short(tag uint32, v int) {
	w.put(tag, "US", le.AppendUint16(nil, uint16(v)))
}
func (w *dicomWriter) long(tag uint32, vr string, v int) {
	w.put(tag, vr, le.AppendUint32(nil, uint32(v)))
}

// sequence writes items, each by its own function.
func (w *dicomWriter) sequence(tag uint32, items ...func(*dicomWriter)) {
	body := dicomWriter{implicit: w.implicit, open: w.open}
	for _, f := range items {
		item := dicomWriter{implicit: w.implicit, open: w.open}
		f(&item)
		body.u16(0xfffe)
		body.u16(0xe000)
		if w.open {
			body.u32(0xffffffff)
			body.Write(item.Bytes())
			body.Write([]byte{0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0})
		} else {
			body.u32(uint32(item.Len()))
			body.Write(item.Bytes())
		}
	}
	if w.open {
		w.head(tag, "SQ", 0xffffffff)
		w.Write(body.Bytes())
		w.Write([]byte{0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0})
		return
	}
	w.head(tag, "SQ", uint32(body.Len()))
	w.Write(body.Bytes())
}

// withDefaults fills what was left out.
func (d DICOM) withDefaults() DICOM {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&d.Syntax, "1.2.840.10008.1.2.4.50")
	set(&d.Kind, "VOLUME")
	set(&d.Series, "1.2.3.4")
	set(&d.UID, fmt.Sprintf("%s.%d.%d", d.Series, d.Width, d.FirstAt))
	set(&d.Photometric, "YBR_FULL_422")
	if d.Samples == 0 {
		d.Samples = 3
	}
	if d.Bits == 0 {
		d.Bits = 8
	}
	if d.Stored == 0 {
		d.Stored = d.Bits
	}
	if d.Claim == 0 {
		d.Claim = len(d.Frames)
	}
	return d
}

// Data makes the file.
func (d DICOM) Data() []byte {
	d = d.withDefaults()
	meta := dicomWriter{}
	meta.text(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6")
	meta.text(0x00020003, "UI", d.UID)
	meta.text(0x00020010, "UI", d.Syntax)
	out := dicomWriter{implicit: d.Syntax == "1.2.840.10008.1.2", open: d.OpenSequences}
	out.Write(make([]byte, 128))
	out.WriteString("DICM")
	out.Write([]byte{2, 0, 0, 0, 'U', 'L', 4, 0})
	out.u32(uint32(meta.Len()))
	out.Write(meta.Bytes())
	d.image(&out)
	d.groups(&out)
	d.pixels(&out)
	return out.Bytes()
}

// image writes what the file says of itself.
func (d DICOM) image(w *dicomWriter) {
	w.text(0x00080008, "CS", `ORIGINAL\PRIMARY\`+d.Kind+`\NONE`)
	w.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6")
	w.text(0x00080018, "UI", d.UID)
	w.text(0x00080070, "LO", "M\xfcller") // Latin-1
	w.text(0x00100010, "PN", "Secret^Patient")
	w.text(0x0020000e, "UI", d.Series)
	w.text(0x00200013, "IS", "1")
	if d.Concat != "" {
		w.text(0x00209161, "UI", d.Concat)
		w.short(0x00209162, d.Part)
		w.short(0x00209163, d.Parts)
		w.long(0x00209228, "UL", d.FirstAt)
	}
	layout := "TILED_FULL"
	if d.At != nil {
		layout = "TILED_SPARSE"
	}
	w.text(0x00209311, "CS", layout)
	w.short(0x00280002, d.Samples)
	w.text(0x00280004, "CS", d.Photometric)
	w.short(0x00280006, 0)
	w.text(0x00280008, "IS", fmt.Sprint(d.Claim))
	w.short(0x00280010, d.Tile)
	w.short(0x00280011, d.Tile)
	w.short(0x00280100, d.Bits)
	w.short(0x00280101, d.Stored)
	w.short(0x00280102, d.Stored-1)
	w.short(0x00280103, 0)
	if d.Window != nil {
		w.text(0x00281050, "DS", fmt.Sprint(d.Window[0]))
		w.text(0x00281051, "DS", fmt.Sprint(d.Window[1]))
	}
	w.long(0x00480006, "UL", d.Width)
	w.long(0x00480007, "UL", d.Height)
	if d.Z != 0 {
		w.sequence(0x00480008, func(o *dicomWriter) { o.text(0x0040074a, "DS", fmt.Sprint(d.Z)) })
	}
	paths := []func(*dicomWriter){func(p *dicomWriter) {
		if d.ICC != nil {
			p.put(0x00282000, "OB", d.ICC)
		}
		p.text(0x00480106, "SH", "1")
		p.text(0x00480112, "DS", "40")
	}}
	for range d.Channels {
		paths = append(paths, func(p *dicomWriter) { p.text(0x00480106, "SH", "more") })
	}
	if d.Paths != nil {
		paths = nil
	}
	for _, p := range d.Paths {
		paths = append(paths, p.write)
	}
	w.sequence(0x00480105, paths...)
	if d.OptPaths > 0 {
		w.long(0x00480302, "UL", d.OptPaths)
	}
	if d.FocalPlanes > 0 {
		w.long(0x00480303, "UL", d.FocalPlanes)
	}
}

// groups writes the functional groups, and sequences within sequences.
func (d DICOM) groups(w *dicomWriter) {
	var nest func(int) func(*dicomWriter)
	nest = func(depth int) func(*dicomWriter) {
		return func(w *dicomWriter) {
			if depth > 0 {
				w.sequence(0x00081140, nest(depth-1))
			}
		}
	}
	w.sequence(0x52009229, func(s *dicomWriter) {
		nest(d.Nested)(s)
		if d.Slope != 0 {
			s.sequence(0x00289145, func(m *dicomWriter) {
				m.text(0x00281052, "DS", fmt.Sprint(d.Intercept))
				m.text(0x00281053, "DS", fmt.Sprint(d.Slope))
			})
		}
		if d.Spacing > 0 {
			s.sequence(0x00289110, func(m *dicomWriter) {
				if d.ZStep > 0 {
					m.text(0x00180088, "DS", fmt.Sprint(d.ZStep))
				}
				m.text(0x00280030, "DS", fmt.Sprintf(`%g\%g`, d.Spacing, d.Spacing))
			})
		}
	})
	if d.At == nil {
		return
	}
	var items []func(*dicomWriter)
	for i, at := range d.At {
		items = append(items, func(w *dicomWriter) {
			if d.PathOf != nil {
				w.sequence(0x00480207, func(p *dicomWriter) { p.text(0x00480106, "SH", d.PathOf[i]) })
			}
			w.sequence(0x0048021a, func(p *dicomWriter) {
				if d.ZOf != nil {
					p.text(0x0040074a, "DS", fmt.Sprint(d.ZOf[i]))
				}
				p.long(0x0048021e, "SL", at[0])
				p.long(0x0048021f, "SL", at[1])
			})
		})
	}
	w.sequence(0x52009230, items...)
}

// pixels writes the frames.
func (d DICOM) pixels(w *dicomWriter) {
	if d.Syntax == "1.2.840.10008.1.2" || d.Syntax == "1.2.840.10008.1.2.1" {
		w.put(0x7fe00010, "OW", bytes.Join(d.Frames, nil))
		return
	}
	var body dicomWriter
	var offs, lens []int
	for _, f := range d.Frames {
		offs, lens = append(offs, body.Len()), append(lens, len(f))
		step := (len(f)/max(1, d.Fragments) + 2) &^ 1
		for len(f) > 0 {
			n := min(step, len(f))
			body.u16(0xfffe)
			body.u16(0xe000)
			body.u32(uint32(n + n%2))
			body.Write(f[:n])
			body.Write(make([]byte, n%2))
			f = f[n:]
		}
	}
	if d.Table == "extended" {
		var o, l []byte
		for i := range offs {
			o, l = binary.LittleEndian.AppendUint64(o, uint64(offs[i])), binary.LittleEndian.AppendUint64(l, uint64(lens[i]))
		}
		w.put(0x7fe00001, "OV", o)
		w.put(0x7fe00002, "OV", l)
	}
	w.head(0x7fe00010, "OB", 0xffffffff)
	w.u16(0xfffe)
	w.u16(0xe000)
	if d.Table == "basic" {
		w.u32(uint32(4 * len(offs)))
		for _, o := range offs {
			w.u32(uint32(o))
		}
	} else {
		w.u32(0)
	}
	w.Write(body.Bytes())
	w.Write([]byte{0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0})
}

// GoodDICOM describes a slide of width×height pixels in JPEG frames of 64,
// the colours of which tell the place.
func GoodDICOM(t testing.TB, width, height int) DICOM {
	t.Helper()
	const side = 64
	d := DICOM{Width: width, Height: height, Tile: side, Table: "basic", Spacing: 0.00025 * 200 / float64(width)}
	for y := 0; y < height; y += side {
		for x := 0; x < width; x += side {
			m := image.NewRGBA(image.Rect(0, 0, side, side))
			for i := range side * side {
				m.SetRGBA(i%side, i/side, color.RGBA{byte(x + i%side), byte(y + i/side), byte(x * y / 64), 255})
			}
			var b bytes.Buffer
			if err := jpeg.Encode(&b, m, nil); err != nil {
				t.Fatal(err)
			}
			d.Frames = append(d.Frames, b.Bytes())
		}
	}
	return d
}
