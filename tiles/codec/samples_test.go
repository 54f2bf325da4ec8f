package codec

import (
	"encoding/hex"
	"image"
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
