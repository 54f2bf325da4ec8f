package codec

import (
	"encoding/hex"
	"image"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles/jpeg2000"
)

// smallest is a lossless codestream of 4×4 pixels: red = 60·x, green = 60·y,
// blue = 200 − 20·x.
func smallest(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString("ff4fff51002f0000000000040000000400000000000000000000000400000004000000000000000000030701010701010701" +
		"01ff52000c00000001010204040001ff5c000a4040484850484850ff640025000143726561746564206279204f70656e4a50454720" +
		"76657273696f6e20322e352e30ff90000a00000000005c0001ff93c7d40207cfb408017fc02103c1f3818fb40803047fc3ea029f80" +
		"1005df0739cfc00a7e004004890739c0f901c1f383000cff5f0b3849c1f38387d4060e09640c1528c3ea0387d4060cf78f0c1528ffd9")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSet_JPEG2000(t *testing.T) {
	for name, s := range sets() {
		for reduce, side := range []int{4, 2} {
			m := image.NewRGBA(image.Rect(0, 0, side, side))
			if err := s.JPEG2000Reduced(m, smallest(t), jpeg2000.ColourRGB, reduce); err != nil || m.Pix[3] != 255 {
				t.Errorf("%s: reduced %d times: %v", name, reduce, err)
			}
		}
		m := Samples{Width: 4, Height: 4, Components: 3, Bits: 16}
		if err := s.JPEG2000Samples(&m, smallest(t)); err != nil {
			t.Fatal(name, err)
		}
		if m.Bits != 8 || m.Signed || m.Pix[3*5] != 60 || m.Pix[3*5+1] != 60 || m.Pix[3*5+2] != 180 {
			t.Errorf("%s: %+v", name, m)
		}
		dst := image.NewRGBA(image.Rect(0, 0, 4, 4))
		if err := m.Draw(dst); err != nil || dst.Pix[4*5] != 60 || dst.Pix[4*5+2] != 180 {
			t.Errorf("%s: %v %v", name, err, dst.Pix)
		}
		for what, bad := range map[string]Samples{
			"where 5×4 are due": {Width: 5, Height: 4, Components: 3, Bits: 8},
			"where 1 are due":   {Width: 4, Height: 4, Components: 1, Bits: 8},
			"at most 7 are due": {Width: 4, Height: 4, Components: 3, Bits: 7},
		} {
			if err := s.JPEG2000Samples(&bad, smallest(t)); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("%s: want %q, got %v", name, what, err)
			}
		}
	}
}

func TestSamples_Draw(t *testing.T) {
	for bits, want := range map[int][3]byte{1: {0, 255, 255}, 4: {0, 17, 255}, 8: {0, 1, 15}, 12: {0, 0, 0}, 16: {0, 0, 0}} {
		m := Samples{Width: 3, Height: 1, Components: 1, Bits: bits, Pix: []uint16{0, 1, 15}}
		if bits == 1 {
			m.Pix[2] = 1
		}
		dst := image.NewRGBA(image.Rect(0, 0, 3, 1))
		if err := m.Draw(dst); err != nil || dst.Pix[0] != want[0] || dst.Pix[4] != want[1] || dst.Pix[8] != want[2] || dst.Pix[3] != 255 {
			t.Errorf("%d bits: %v %v", bits, dst.Pix, err)
		}
	}
	m := Samples{Width: 1, Height: 1, Components: 1, Bits: 12, Pix: []uint16{0xfff}}
	dst := image.NewRGBA(image.Rect(0, 0, 1, 1))
	if err := m.Draw(dst); err != nil || dst.Pix[0] != 255 {
		t.Error(dst.Pix, err)
	}
	m.Signed = true
	if err := m.Draw(dst); err == nil {
		t.Error("signed numbers were drawn")
	}
}

// packed is the picture 1 2 3 / 4 4 4 of 16 bits as a DICOM RLE frame.
func packed() []byte {
	b := make([]byte, 64)
	b[0], b[4], b[8] = 2, 64, 64+2
	b = append(b, 0xfb, 0)                      // high bytes: 0 six times
	return append(b, 2, 1, 2, 3, 0x80, 0xfe, 4) // 1 2 3, nothing, 4 three times
}

func TestSet_RLE(t *testing.T) {
	m := Samples{Width: 3, Height: 2, Components: 1, Bits: 16}
	if err := Safe().RLE(&m, packed()); err != nil || !slices.Equal(m.Pix, []uint16{1, 2, 3, 4, 4, 4}) {
		t.Fatal(m.Pix, err)
	}
	rgb := Samples{Width: 2, Height: 1, Components: 3, Bits: 8}
	b := make([]byte, 64)
	b[0], b[4], b[8], b[12] = 3, 64, 66, 69
	b = append(b, 0xff, 9, 1, 5, 6, 0xf0, 7) // the last run is longer than the picture
	if err := Safe().RLE(&rgb, b); err != nil || !slices.Equal(rgb.Pix, []uint16{9, 5, 7, 9, 6, 7}) {
		t.Fatal(rgb.Pix, err)
	}
	for name, edit := range map[string]func([]byte) []byte{
		"no header": func(b []byte) []byte { return b[:40] }, "3 segments": func(b []byte) []byte { b[0] = 3; return b },
		"offset behind the end": func(b []byte) []byte { b[8] = 250; return b }, "offset in the header": func(b []byte) []byte { b[4] = 8; return b },
		"falling offsets": func(b []byte) []byte { b[4] = 68; return b }, "cut": func(b []byte) []byte { return b[:70] },
		"cut run": func(b []byte) []byte { return b[:len(b)-1] }, "short": func(b []byte) []byte { return b[:len(b)-2] },
	} {
		if err := Safe().RLE(&m, edit(packed())); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSamples_Prepare(t *testing.T) {
	for _, m := range []Samples{{}, {Width: 1 << 40, Height: 1 << 40, Components: 1, Bits: 8}, {Width: 1, Height: 1, Components: 1, Bits: 17},
		{Width: 1 << 14, Height: 1 << 14, Components: 3, Bits: 8}} {
		for name, f := range map[string]func(*Samples, []byte) error{"RLE": Safe().RLE, "JPEG-LS": Safe().JPEGLS, "JPEG 2000": Safe().JPEG2000Samples, "JPEG": Safe().JPEGLossless} {
			if err := f(&m, packed()); err == nil || len(m.Pix) > 0 {
				t.Errorf("%s: %d×%d pixels of %d components: %v", name, m.Width, m.Height, m.Components, err)
			}
		}
	}
}

func TestSet_JPEGLS(t *testing.T) {
	// The example of T.87 H.3.
	data := []byte{0xff, 0xd8, 0xff, 0xf7, 0, 0x0b, 8, 0, 4, 0, 4, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0,
		0xc0, 0, 0, 0x6c, 0x80, 0x20, 0x8e, 1, 0xc0, 0, 0, 0x57, 0x40, 0, 0, 0x6e, 0xe6, 0, 0, 1, 0xbc, 0x18, 0, 0, 5, 0xd8, 0, 0, 0x91, 0x60, 0xff, 0xd9}
	m := Samples{Width: 4, Height: 4, Components: 1, Bits: 12}
	if err := Safe().JPEGLS(&m, data); err != nil || m.Bits != 8 || m.Pix[2] != 90 {
		t.Fatal(m, err)
	}
	m = Samples{Width: 4, Height: 3, Components: 1, Bits: 8}
	if err := Safe().JPEGLS(&m, data); err == nil || !strings.Contains(err.Error(), "is 4×4 pixels where 4×3 are due") {
		t.Error(err)
	}
}

func TestSet_JPEGLossless(t *testing.T) {
	// One code of one bit: the difference 0. The picture is 2^7 everywhere.
	data := []byte{0xff, 0xd8, 0xff, 0xc3, 0, 11, 8, 0, 2, 0, 3, 1, 1, 0x11, 0, 0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0, 0x03, 0xff, 0xd9}
	m := Samples{Width: 3, Height: 2, Components: 1, Bits: 8}
	if err := Safe().JPEGLossless(&m, data); err != nil || !slices.Equal(m.Pix, []uint16{128, 128, 128, 128, 128, 128}) {
		t.Fatal(m, err)
	}
	m = Samples{Width: 3, Height: 2, Components: 3, Bits: 8}
	if err := Safe().JPEGLossless(&m, data); err == nil || !strings.Contains(err.Error(), "of 1 components where 3 are due") {
		t.Error(err)
	}
}

func FuzzRLE(f *testing.F) {
	f.Add(packed(), 3, 2, 1, 16)
	f.Add(packed()[:66], 3, 2, 1, 16)
	f.Fuzz(func(t *testing.T, data []byte, w, h, components, bits int) {
		m := Samples{Width: w & 63, Height: h & 63, Components: components & 3, Bits: bits & 31}
		_ = Safe().RLE(&m, data) // any error, no panic
	})
}
