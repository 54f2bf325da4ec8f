package jpegls

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles"
)

// TestPeer_Folder compares the streams of a folder, name.jls, with what
// another decoder made of them, name.raw: little-endian 16-bit samples, pixel
// by pixel. For checks by hand: COVERSLIP_JLS=folder go test -run Folder.
func TestPeer_Folder(t *testing.T) {
	dir := os.Getenv("COVERSLIP_JLS")
	if dir == "" {
		t.Skip("COVERSLIP_JLS names no folder")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jls"))
	if err != nil || len(files) == 0 {
		t.Fatal("no streams in", dir, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(f[:len(f)-4] + ".raw")
			if err != nil {
				t.Fatal(err)
			}
			got := make([]uint16, len(raw)/2)
			if err := Decode(got, data); err != nil {
				t.Fatal(err)
			}
			differ := 0
			for i, v := range got {
				if v != binary.LittleEndian.Uint16(raw[2*i:]) {
					differ++
				}
			}
			if differ > 0 {
				t.Errorf("%d of %d samples differ", differ, len(got))
			}
		})
	}
}

// The pictures of testdata, all of 29×23 pixels, by this formula; written by
// CharLS 2.4.
const width, height = 29, 23

func pixel(x, y, c, bits int) int {
	most := 1<<bits - 1
	switch {
	case y >= 5 && y < 9 && x > 3:
		return most - c
	case y >= 18 && x%11 != 5:
		return c
	}
	v := (x*x*3 + y*x*7 + y*y*(c+1) + (x^y)&5*9) >> 2
	if bits != 8 {
		v *= 37
	}
	return v & most
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".jls"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		bits, components, near int
		sum                    uint32 // CRC-32 of CharLS's samples as little-endian uint16
	}{
		"grey8": {8, 1, 0, 0xd7acf924}, "grey8near3": {8, 1, 3, 0xa336a0fd}, "grey12": {12, 1, 0, 0x7a01b484},
		"grey16": {16, 1, 0, 0xbe552066}, "grey16near5": {16, 1, 5, 0xce6ccbb8}, "rgb_planes": {8, 3, 0, 0xa1abe999},
		"rgb_lines": {8, 3, 0, 0xa1abe999}, "rgb_pixels": {8, 3, 0, 0xa1abe999}, "rgb_pixels_near2": {8, 3, 2, 0xac649798},
	} {
		data := file(t, name)
		h, err := ParseHeader(data)
		if err != nil || h != (Header{width, height, c.components, c.bits}) {
			t.Errorf("%s: %+v %v", name, h, err)
			continue
		}
		dst := make([]uint16, width*height*c.components)
		if err := Decode(dst, data); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		raw := make([]byte, 0, 2*len(dst))
		for i, v := range dst {
			p := i / c.components
			if d := pixel(p%width, p/width, i%c.components, c.bits) - int(v); d > c.near || d < -c.near {
				t.Fatalf("%s: sample %d is off by %d", name, i, d)
			}
			raw = binary.LittleEndian.AppendUint16(raw, v)
		}
		if sum := crc32.ChecksumIEEE(raw); sum != c.sum {
			t.Errorf("%s: other samples than CharLS's (%#x)", name, sum)
		}
	}
}

// TestDecode_Standard is the example of T.87 H.3.
func TestDecode_Standard(t *testing.T) {
	data := []byte{0xff, 0xd8, 0xff, 0xf7, 0, 0x0b, 8, 0, 4, 0, 4, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0,
		0xc0, 0, 0, 0x6c, 0x80, 0x20, 0x8e, 1, 0xc0, 0, 0, 0x57, 0x40, 0, 0, 0x6e, 0xe6, 0, 0, 1, 0xbc, 0x18, 0, 0, 5, 0xd8, 0, 0, 0x91, 0x60, 0xff, 0xd9}
	want := []uint16{0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145}
	got := make([]uint16, 16)
	if err := Decode(got, data); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

// restarted joins two streams of 12 and 11 lines: what lies between two restart
// markers is a picture of its own.
func restarted(t testing.TB, mark byte) []byte {
	a, b := file(t, "half0"), file(t, "half1")
	const frame, start = 15, 25 // where SOS and where the bits begin
	data := append([]byte(nil), a[:frame]...)
	binary.BigEndian.PutUint16(data[7:], height)
	data = append(data, 0xff, markDRI, 0, 4, 0, 12)
	data = append(data, a[frame:len(a)-2]...)
	data = append(data, 0xff, mark)
	return append(data, b[start:]...)
}

func TestDecode_Restart(t *testing.T) {
	dst := make([]uint16, width*height)
	if err := Decode(dst, restarted(t, markRST)); err != nil {
		t.Fatal(err)
	}
	for i, v := range dst {
		if want := pixel(i%width, i/width, 0, 8); int(v) != want {
			t.Fatalf("sample %d is %d, want %d", i, v, want)
		}
	}
	if err := Decode(dst, restarted(t, markRST+1)); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Errorf("a wrong restart marker: %v", err)
	}
}

// TestDecode_Preset gives thresholds that are the defaults: the same samples,
// and others for others.
func TestDecode_Preset(t *testing.T) {
	data := file(t, "grey8")
	with := func(t1, t2, t3, reset byte) []byte {
		lse := []byte{0xff, markLSE, 0, 13, 1, 0, 255, 0, t1, 0, t2, 0, t3, 0, reset}
		return append(append(append([]byte(nil), data[:15]...), lse...), data[15:]...)
	}
	want, got := make([]uint16, width*height), make([]uint16, width*height)
	if err := Decode(want, data); err != nil {
		t.Fatal(err)
	}
	if err := Decode(got, with(3, 7, 21, 64)); err != nil || !slices.Equal(got, want) {
		t.Errorf("defaults said aloud: %v", err)
	}
	if err := Decode(got, with(9, 7, 21, 64)); err == nil {
		t.Error("falling thresholds are accepted")
	}
	if err := Decode(got, with(5, 9, 30, 64)); err == nil && slices.Equal(got, want) {
		t.Error("thresholds are ignored")
	}
}

// bad are streams that must be refused.
func bad(t testing.TB) map[string][]byte {
	data := file(t, "rgb_pixels")
	edit := func(off int, b ...byte) []byte {
		c := append([]byte(nil), data...)
		copy(c[off:], b)
		return c
	}
	return map[string][]byte{
		"empty": nil, "text": []byte("text"), "JPEG": {0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0},
		"65535 wide": edit(9, 0xff, 0xff), "no lines": edit(7, 0, 0), "1 bit": edit(6, 1), "17 bits": edit(6, 17), "200 components": edit(11, 200),
		"subsampled": edit(13, 0x22), "cut": data[:200], "cut header": data[:18], "error bound 200": edit(32, 200), "interleaved by 3": edit(33, 3),
		"point transform": edit(34, 1), "mapping table": edit(27, 1), "unknown component": edit(26, 9),
		"colour transform": append([]byte{0xff, 0xd8, 0xff, 0xe8, 0, 7, 'm', 'r', 'f', 'x', 1}, data[2:]...),
		"mapping":          append([]byte{0xff, 0xd8, 0xff, 0xf8, 0, 5, 2, 1, 1}, data[2:]...),
		"noise":            append(append([]byte(nil), data[:35]...), make([]byte, 300)...),
	}
}

func TestDecode_Refuses(t *testing.T) {
	dst := make([]uint16, width*height*3)
	for name, data := range bad(t) {
		var f *tiles.FormatError
		var u *tiles.UnsupportedError
		if err := Decode(dst, data); !errors.As(err, &f) && !errors.As(err, &u) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := Decode(dst[1:], file(t, "rgb_pixels")); err == nil {
		t.Error("too small a destination is accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range bad(f) {
		f.Add(b)
	}
	for _, name := range []string{"grey8near3", "grey16", "rgb_lines", "rgb_planes"} {
		f.Add(file(f, name))
	}
	f.Add(restarted(f, markRST))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHeader(data)
		if err != nil || h.Width*h.Height*h.Components > 1<<18 {
			return
		}
		dst := make([]uint16, h.Width*h.Height*h.Components)
		if Decode(dst, data) != nil {
			return
		}
		for _, v := range dst {
			if v>>h.Bits != 0 {
				t.Fatalf("a sample of %d in a picture of %d bits", v, h.Bits)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := file(b, "rgb_pixels")
	dst := make([]uint16, width*height*3)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(dst, data); err != nil {
			b.Fatal(err)
		}
	}
}
