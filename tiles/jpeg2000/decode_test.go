package jpeg2000_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/slidetest"
)

// The pictures of testdata, all of 27×22 pixels, by this formula; written by
// opj_compress 2.5.0.
const width, height = 27, 22

func pixel(x, y, c, bits int) int {
	most := 1<<bits - 1
	if y >= 16 && x >= 15 {
		if bits == 8 {
			return 255 - c*20
		}
		return most
	}
	v := (x*x*3 + y*x*7 + y*y*(c+1) + (x^y)&5*9) >> 3
	if bits != 8 {
		v *= 53
	}
	return v & most
}

// made are the streams of testdata: CRC-32 of OpenJPEG's samples (little-endian
// uint16), whole and reduced once, and whether they are the formula's.
var made = map[string]struct {
	bits      int
	whole     uint32
	reduced   uint32
	lossless  bool
	subsample bool // chroma
}{
	"lrcp_layers":   {8, 0xc5895bd9, 0xb233ec8a, true, false},  // RESET, SEGSYM, three layers
	"pcrl_tiles":    {8, 0x937dc37c, 0x996a2d21, false, false}, // 9/7, tiles off the origin, precincts, two layers
	"cprl_bypass":   {8, 0xc5895bd9, 0xb233ec8a, true, false},  // BYPASS, TERMALL, CAUSAL
	"rpcl_sop":      {8, 0x4af16bf3, 0xfbb7a1e0, false, false}, // SOP, EPH, precincts
	"rlcp_poc":      {8, 0xc5895bd9, 0xb233ec8a, true, false},  // changes of the progression
	"tileparts":     {8, 0xc5895bd9, 0xf4e8c625, true, false},  // a tile-part a resolution, SOP, EPH
	"grey16":        {16, 0xda6a1136, 0xb023b51f, true, false}, // BYPASS, TERMALL
	"grey12_lossy":  {12, 0x316b7690, 0x50246845, false, false},
	"roi":           {8, 0x56ca8c11, 0xaf0e7483, false, false}, // maxshift
	"ycc422":        {8, 0xa1ea9786, 0xf6fae355, false, true},
	"ycc420":        {8, 0x114cc46b, 0xdc284002, false, true},
	"signed16":      {16, 0x7aaf956b, 0x10a6dbd3, false, false},
	"grey_onelevel": {8, 0xacab4dd4, 0, true, false}, // no wavelet, code-blocks of 4×64
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".j2k"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func header(t testing.TB, data []byte) jpeg2000.Header {
	t.Helper()
	h, err := jpeg2000.ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func sum(s []uint16) uint32 {
	raw := make([]byte, 0, 2*len(s))
	for _, v := range s {
		raw = binary.LittleEndian.AppendUint16(raw, v)
	}
	return crc32.ChecksumIEEE(raw)
}

func TestDecodeSamples_Made(t *testing.T) {
	for name, c := range made {
		data := file(t, name)
		h := header(t, data)
		if h.Width != width || h.Height != height || h.Precision[0] != c.bits {
			t.Errorf("%s: %+v", name, h)
		}
		got, err := samples(t, h, 0, jpeg2000.DecodeSamples, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := sum(got); s != c.whole {
			t.Errorf("%s: samples of sum %#x, OpenJPEG's is %#x", name, s, c.whole)
		}
		for i, v := range got {
			p, k := i/h.Components, i%h.Components
			x, y := p%width, p/width
			if c.subsample && k > 0 {
				x &^= 1
			}
			if want := pixel(x, y, k, c.bits); c.lossless && int(v) != want {
				t.Errorf("%s: sample %d of (%d,%d) is %d, want %d", name, k, p%width, p/width, v, want)
				break
			}
		}
		if h.Resolutions == 0 {
			continue
		}
		if got, err = samples(t, h, 1, jpeg2000.DecodeSamples, data); err != nil || sum(got) != c.reduced {
			t.Errorf("%s: reduced: sum %#x, OpenJPEG's is %#x, %v", name, sum(got), c.reduced, err)
		}
	}
}

// TestPeer_Made holds the sums above against the library that is installed.
func TestPeer_Made(t *testing.T) {
	l := peer(t)
	for name := range made {
		t.Run(name, func(t *testing.T) {
			for reduce := range 2 {
				if data := file(t, name); reducible(data, reduce) {
					compare(t, l, data, reduce)
				}
			}
		})
	}
}

// TestPeer_Real compares a scanner's own frame.
func TestPeer_Real(t *testing.T) {
	l := peer(t)
	data, err := os.ReadFile(slidetest.Shared(t, "dicom/ezwsi-frame6.j2k"))
	if err != nil {
		t.Fatal(err)
	}
	for reduce := range 3 {
		compare(t, l, data, reduce)
	}
}

// TestDecode_Colours compares the pictures in their colours, subsampled ones
// and parts of larger pictures among them.
func TestDecode_Colours(t *testing.T) {
	l := peer(t)
	for name, colour := range map[string]jpeg2000.Colour{"lrcp_layers": jpeg2000.ColourRGB, "ycc422": jpeg2000.ColourYCbCr,
		"ycc420": jpeg2000.ColourYCbCr, "grey_onelevel": jpeg2000.ColourGrey, "roi": jpeg2000.ColourAuto} {
		data, o := file(t, name), jpeg2000.Options{Colour: colour}
		large := image.NewRGBA(image.Rect(0, 0, width+9, height+5))
		part := large.SubImage(image.Rect(4, 2, 4+width, 2+height)).(*image.RGBA)
		want := image.NewRGBA(image.Rect(0, 0, width, height))
		if err := errors.Join(jpeg2000.Decode(part, data, o), l.Decode(want, data, o)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for y := range height {
			if !bytes.Equal(part.Pix[y*part.Stride:y*part.Stride+4*width], want.Pix[y*want.Stride:][:4*width]) {
				t.Errorf("%s: line %d differs from OpenJPEG's", name, y)
				break
			}
		}
		if large.Pix[0] != 0 || large.Pix[2*large.Stride+4*(4+width)] != 0 {
			t.Errorf("%s: pixels outside the part were written", name)
		}
	}
	grey := image.NewRGBA(image.Rect(0, 0, width, height))
	if err := jpeg2000.Decode(grey, file(t, "grey16"), jpeg2000.Options{Colour: jpeg2000.ColourGrey}); err == nil {
		t.Error("16 bits as a colour are accepted")
	}
	if err := jpeg2000.Decode(grey, file(t, "roi"), jpeg2000.Options{Colour: jpeg2000.ColourGrey}); err == nil {
		t.Error("colours as grey are accepted")
	}
}

// packed moves the packet headers of a stream with SOP and EPH markers into
// PPT or PPM segments, which encoders at hand do not write.
func packed(t *testing.T, data []byte, main bool) []byte {
	t.Helper()
	sot := bytes.Index(data, []byte{0xff, 0x90, 0, 10})
	head, parts, ppm := append([]byte(nil), data[:sot]...), []byte(nil), []byte(nil)
	for p := data[sot:]; p[1] == 0x90; {
		n := int(binary.BigEndian.Uint32(p[6:]))
		var headers, bodies []byte
		for b := p[14:n]; len(b) > 0; {
			if b[0] != 0xff || b[1] != 0x91 {
				t.Fatal("a packet without SOP")
			}
			eph := bytes.Index(b, []byte{0xff, 0x92}) + 2
			end := len(b)
			if next := bytes.Index(b[eph:], []byte{0xff, 0x91, 0, 4}); next >= 0 {
				end = eph + next
			}
			headers = append(headers, b[6:eph]...)
			bodies = append(append(bodies, b[:6]...), b[eph:end]...)
			b = b[end:]
		}
		part := append([]byte(nil), p[:12]...)
		if main {
			ppm = append(binary.BigEndian.AppendUint32(ppm, uint32(len(headers))), headers...)
		} else { // in two pieces, the second first
			half := len(headers) / 2
			for z, piece := range [][]byte{1: headers[half:], 0: headers[:half]} {
				part = binary.BigEndian.AppendUint16(append(part, 0xff, 0x61), uint16(3+len(piece)))
				part = append(append(part, byte(z)), piece...)
			}
		}
		part = append(append(part, 0xff, 0x93), bodies...)
		binary.BigEndian.PutUint32(part[6:], uint32(len(part)))
		parts, p = append(parts, part...), p[n:]
	}
	if main {
		head = binary.BigEndian.AppendUint16(append(head, 0xff, 0x60), uint16(3+len(ppm)))
		head = append(append(head, 0), ppm...)
	}
	return append(append(head, parts...), 0xff, 0xd9)
}

func TestDecodeSamples_PackedHeaders(t *testing.T) {
	for _, name := range []string{"rpcl_sop", "tileparts"} {
		for _, main := range []bool{false, true} {
			if name == "tileparts" && !main {
				continue // PPT pieces are numbered over a tile's parts
			}
			data := packed(t, file(t, name), main)
			got, err := samples(t, header(t, data), 0, jpeg2000.DecodeSamples, data)
			if err != nil || sum(got) != made[name].whole {
				t.Errorf("%s, in the main header: %t: %v", name, main, err)
			}
			if main { // cut within the packed headers
				at := bytes.Index(data, []byte{0xff, 0x60})
				binary.BigEndian.PutUint32(data[at+5:], 1<<20)
				if _, err := samples(t, header(t, data), 0, jpeg2000.DecodeSamples, data); err == nil {
					t.Error("packed headers that are longer than their segment are accepted")
				}
			}
		}
	}
}

// edited is the file with bytes replaced at an offset.
func edited(t testing.TB, name string, off int, b ...byte) []byte {
	c := file(t, name)
	copy(c[off:], b)
	return c
}

// bad are streams that must be refused; the error must hold the text.
func bad(t testing.TB) map[string][]byte {
	whole := file(t, "lrcp_layers")
	cod := bytes.Index(whole, []byte{0xff, 0x52}) + 4
	qcd := bytes.Index(whole, []byte{0xff, 0x5c}) + 4
	sot := bytes.Index(whole, []byte{0xff, 0x90, 0, 10})
	edit := func(off int, b ...byte) []byte { return edited(t, "lrcp_layers", off, b...) }
	all := map[string][]byte{
		"empty: not a JPEG 2000": nil, "text: not a JPEG 2000": []byte("some text"), "header: cut off": whole[:60],
		"2^31 wide: pixels": edit(8, 0x80), "16384 components: components": edit(40, 0x40, 0), "sampled 1-0: sampled": edit(43, 0),
		"tile 0: tile grid": edit(24, 0, 0, 0, 0), "8 million tiles: tiles": edit(8, 0, 0, 0x20, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1),
		"38 bits: bits": edit(42, 37), "progression 9: progression": edit(cod+1, 9), "no layers: layers": edit(cod+2, 0, 0),
		"40 decompositions: decompositions": edit(cod+5, 40), "code-blocks: code-blocks": edit(cod+6, 8, 8), "HTJ2K: HTJ2K": edit(cod+8, 0x40),
		"style: style": edit(cod+8, 0x80), "wavelet 7: wavelet": edit(cod+9, 7), "transform 2: transform": edit(cod+4, 2),
		"quantisation 9: quantisation": edit(qcd, 9), "tile 7 of 1: tile 7 of 1": edit(sot+4, 0, 7), "part too long: cut off": edit(sot+6, 0, 0xff),
		"no tiles: cut off": append(append([]byte(nil), whole[:sot]...), 0xff, 0xd9), "cut tile: cut off": whole[:len(whole)-200],
		"65535 layers: cut off": edit(cod+2, 0xff, 0xff),
	}
	var noise []byte
	for i := range 400 {
		noise = append(noise, byte(i*i*7>>3))
	}
	all["noise: "] = append(append([]byte(nil), whole[:sot+14]...), noise...)
	binary.BigEndian.PutUint32(all["noise: "][sot+6:], uint32(14+len(noise)))
	return all
}

func TestDecode_Refuses(t *testing.T) {
	for name, data := range bad(t) {
		_, want, _ := strings.Cut(name, ": ")
		var err error
		slidetest.Cheap(t, 0, func() { err = jpeg2000.DecodeSamples(make([]uint16, width*height*3), data, 0) })
		var f *tiles.FormatError
		var u *tiles.UnsupportedError
		if !errors.As(err, &f) && !errors.As(err, &u) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name := range made { // a stream cut anywhere is an error and no panic
		data := file(t, name)
		h := header(t, data)
		for n := len(data) - 3; n > 100; n -= 7 {
			if _, err := samples(t, h, 0, jpeg2000.DecodeSamples, data[:n]); err == nil {
				t.Errorf("%s: cut at %d of %d: no error", name, n, len(data))
			}
		}
	}
	if err := jpeg2000.DecodeSamples(make([]uint16, 7), file(t, "roi"), 0); err == nil {
		t.Error("too small a destination is accepted")
	}
}

// TestDecode_Bounded has a small stream that claims precincts and code-blocks by
// the million: memory stays within the picture's size.
func TestDecode_Bounded(t *testing.T) {
	data := file(t, "grey_onelevel")
	cod := bytes.Index(data, []byte{0xff, 0x52}) + 2
	c := append([]byte(nil), data[:cod]...)
	c = append(c, 0, 13, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x11) // precincts of 2×2
	c = append(c, data[cod+12:]...)
	for _, off := range []int{8, 12, 24, 28} { // 4096×4096 pixels in one tile
		binary.BigEndian.PutUint32(c[off:], 4096)
	}
	dst := make([]uint16, 4096*4096)
	if n := testing.AllocsPerRun(1, func() {
		if err := jpeg2000.DecodeSamples(dst, c, 0); err == nil || !strings.Contains(err.Error(), "precincts") {
			t.Error(err)
		}
	}); n > 1000 {
		t.Errorf("%v allocations", n)
	}
}

func TestCodestream_JP2(t *testing.T) {
	box := func(kind string, body ...byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
	}
	cs := file(t, "roi")
	jp2 := append(box("jP  ", '\r', '\n', 0x87, '\n'), box("jp2h", box("ihdr", make([]byte, 14)...)...)...)
	jp2 = append(jp2, box("jp2c", cs...)...)
	got, err := jpeg2000.Codestream(jp2)
	if err != nil || !bytes.Equal(got, cs) {
		t.Fatal("codestream of a JP2 file:", err)
	}
	for i := range len(jp2) - len(cs) { // no cut may panic
		if _, err := jpeg2000.Codestream(jp2[:i]); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
	}
	var u *tiles.UnsupportedError
	if _, err := jpeg2000.Codestream(append(box("jP  ", 0, 0, 0, 0), box("jp2h", box("pclr", 1, 2)...)...)); !errors.As(err, &u) {
		t.Errorf("a palette: %v", err)
	}
}

func TestDecode_Concurrent(t *testing.T) {
	var wg sync.WaitGroup
	for name, c := range made {
		data := file(t, name)
		h := header(t, data)
		for range 3 {
			wg.Go(func() {
				for range 4 {
					if got, err := samples(t, h, 0, jpeg2000.DecodeSamples, data); err != nil || sum(got) != c.whole {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
	}
	wg.Wait()
}

// TestDecode_Garbage holds a decode to small change: the buffers are reused.
func TestDecode_Garbage(t *testing.T) {
	data := file(t, "rpcl_sop")
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	if n := testing.AllocsPerRun(50, func() {
		if err := jpeg2000.Decode(m, data, jpeg2000.Options{}); err != nil {
			t.Error(err)
		}
	}); n > 20 {
		t.Errorf("%v allocations a decode", n)
	}
}

func FuzzDecode(f *testing.F) {
	for name := range made {
		f.Add(file(f, name), uint8(0))
	}
	for _, b := range bad(f) {
		f.Add(b, uint8(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, reduce uint8) {
		cs, err := jpeg2000.Codestream(data)
		if err != nil {
			return
		}
		h, err := jpeg2000.ParseHeader(cs)
		if err != nil || h.Width*h.Height*h.Components > 1<<16 {
			return
		}
		r := int(reduce % 4)
		w, ht := h.Reduced(r)
		_ = jpeg2000.DecodeSamples(make([]uint16, w*ht*h.Components), data, r) // any error, no panic
	})
}
