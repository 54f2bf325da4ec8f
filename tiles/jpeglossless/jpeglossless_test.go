package jpeglossless

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
)

// TestPeer_Folder compares the streams of a folder, name.jpg, with what another
// decoder made of them, name.raw: little-endian 16-bit samples, pixel by pixel.
// For checks by hand: COVERSLIP_LJPEG=folder go test -run Folder.
func TestPeer_Folder(t *testing.T) {
	dir := os.Getenv("COVERSLIP_LJPEG")
	if dir == "" {
		t.Skip("COVERSLIP_LJPEG names no folder")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
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
// libjpeg-turbo 3.
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
	b, err := os.ReadFile(filepath.Join("testdata", name+".jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// check decodes data and compares it with the formula, transform bits of which
// are lost.
func check(t *testing.T, name string, data []byte, components, bits, transform int) {
	t.Helper()
	h, err := ParseHeader(data)
	if err != nil || h != (Header{width, height, components, bits}) {
		t.Errorf("%s: %+v %v", name, h, err)
		return
	}
	dst := make([]uint16, width*height*components)
	if err := Decode(dst, data); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for i, v := range dst {
		p := i / components
		if want := pixel(p%width, p/width, i%components, bits) >> transform << transform; int(v) != want {
			t.Errorf("%s: sample %d is %d, want %d", name, i, v, want)
			return
		}
	}
}

func TestDecode(t *testing.T) {
	for name, c := range map[string][2]int{"grey12_2": {1, 12}, "grey12_3": {1, 12}, "grey12_5": {1, 12},
		"grey16_1": {1, 16}, "grey16_6": {1, 16}, "rgb_4": {3, 8}, "rgb_7": {3, 8}} {
		check(t, name, file(t, name), c[0], c[1], 0)
	}
}

// encode writes one grey picture of the formula with codes of 5 bits, the
// category itself, whole lines per restart interval and lowest bits cut off.
func encode(depth, predictor, transform, lines int, mark byte) []byte {
	out := []byte{0xff, markSOI, 0xff, markSOF3, 0, 11, byte(depth), 0, height, 0, width, 1, 1, 0x11, 0, 0xff, markDHT, 0, 36, 0}
	out = append(out, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for v := range 17 {
		out = append(out, byte(v))
	}
	if lines > 0 {
		out = append(out, 0xff, markDRI, 0, 4, 0, byte(lines*width))
	}
	out = append(out, 0xff, markSOS, 0, 8, 1, 1, 0, byte(predictor), 0, byte(transform))
	acc, n := uint64(0), 0
	put := func(v uint32, k int) {
		acc, n = acc<<k|uint64(v), n+k
		for ; n >= 8; n -= 8 {
			b := byte(acc >> (n - 8))
			if out = append(out, b); b == 0xff {
				out = append(out, 0)
			}
		}
	}
	at := func(x, y int) int32 { return int32(pixel(x, y, 0, depth) >> transform) }
	for y := range height {
		top := y == 0
		if lines > 0 && y > 0 && y%lines == 0 {
			if n > 0 {
				put(1<<(8-n)-1, 8-n)
			}
			out = append(out, 0xff, mark+byte((y/lines-1)&7))
			top = true
		}
		for x := range width {
			var p int32
			switch {
			case top && x == 0:
				p = 1 << (depth - transform - 1)
			case top:
				p = at(x-1, y)
			case x == 0:
				p = at(x, y-1)
			default:
				ra, rb, rc := at(x-1, y), at(x, y-1), at(x-1, y-1)
				p = [8]int32{0, ra, rb, rc, ra + rb - rc, ra + (rb-rc)>>1, rb + (ra-rc)>>1, (ra + rb) >> 1}[predictor]
			}
			d := int32(int16(at(x, y) - p))
			k := bits.Len32(uint32(max(d, -d)))
			put(uint32(k), 5)
			if k < 16 {
				if d < 0 {
					d += 1<<k - 1
				}
				put(uint32(d), k)
			}
		}
	}
	put(1<<7-1, 7)
	return append(out, 0xff, markEOI)
}

func TestDecode_Made(t *testing.T) {
	for predictor := 1; predictor <= 7; predictor++ {
		for _, depth := range []int{8, 12, 16} {
			check(t, "plain", encode(depth, predictor, 0, 0, markRST), 1, depth, 0)
			check(t, "point transform", encode(depth, predictor, 3, 0, markRST), 1, depth, 3)
			check(t, "restarts", encode(depth, predictor, 0, 2, markRST), 1, depth, 0)
		}
	}
	dst := make([]uint16, width*height)
	if err := Decode(dst, encode(8, 1, 0, 2, markRST+1)); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Errorf("a wrong restart marker: %v", err)
	}
}

// bad are streams that must be refused.
func bad(t testing.TB) map[string][]byte {
	data := encode(8, 4, 0, 0, markRST)
	edit := func(off int, b ...byte) []byte {
		c := append([]byte(nil), data...)
		copy(c[off:], b)
		return c
	}
	const table, scan = 15, 53
	return map[string][]byte{
		"empty": nil, "text": []byte("text"), "baseline": edit(3, 0xc0), "arithmetic": edit(3, 0xcb), "65535 wide": edit(9, 0xff, 0xff), "no lines": edit(7, 0, 0),
		"1 bit": edit(6, 1), "17 bits": edit(6, 17), "200 components": edit(11, 200), "cut": data[:300], "cut header": data[:scan+6],
		"table 9": edit(table+4, 9), "255 codes": edit(table+5, 255), "40 codes": edit(table+5, 40), "category 200": edit(table+22, 200), "too many codes": edit(table+5, 17),
		"no table": edit(table+4, 1), "predictor 0": edit(scan+7, 0), "predictor 9": edit(scan+7, 9), "point transform": edit(scan+9, 8), "component": edit(scan+5, 7),
		"codes that are not": append(append([]byte(nil), data[:scan+10]...), 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xff, 0xd9),
	}
}

func TestDecode_Refuses(t *testing.T) {
	dst := make([]uint16, width*height)
	for name, data := range bad(t) {
		var f *tiles.FormatError
		var u *tiles.UnsupportedError
		if err := Decode(dst, data); !errors.As(err, &f) && !errors.As(err, &u) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := Decode(dst[1:], encode(8, 4, 0, 0, markRST)); err == nil {
		t.Error("too small a destination is accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range bad(f) {
		f.Add(b)
	}
	for _, name := range []string{"grey12_5", "grey16_1", "rgb_7"} {
		f.Add(file(f, name))
	}
	f.Add(encode(8, 7, 1, 2, markRST))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHeader(data)
		if err != nil || h.Width*h.Height*h.Components > 1<<18 {
			return
		}
		_ = Decode(make([]uint16, h.Width*h.Height*h.Components), data) // any error, no panic
	})
}

func BenchmarkDecode(b *testing.B) {
	data := file(b, "rgb_7")
	dst := make([]uint16, width*height*3)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(dst, data); err != nil {
			b.Fatal(err)
		}
	}
}
