package jxr

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"coverslip/tiles/native/dl"
)

func library(t testing.TB) *Library {
	t.Helper()
	l, err := Load()
	if errors.Is(err, dl.ErrNotFound) {
		t.Skip("libjxr is absent")
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestParseHeader_Sample(t *testing.T) {
	h, err := ParseHeader(sample)
	if err != nil || h != (Header{8, 8, Grey8}) {
		t.Errorf("%+v, %v", h, err)
	}
}

// tag is where the value of a tag of the sample lies.
func tag(t testing.TB, id uint16) int {
	t.Helper()
	at := int(le.Uint32(sample[4:]))
	for i := range int(le.Uint16(sample[at:])) {
		if e := at + 2 + 12*i; le.Uint16(sample[e:]) == id {
			return e + 8
		}
	}
	t.Fatalf("the sample has no tag %#x", id)
	return 0
}

func edit(at int, b ...byte) []byte {
	d := bytes.Clone(sample)
	copy(d[at:], b)
	return d
}

// What container and codestream say must agree: the library trusts both.
func TestParseHeader_Broken(t *testing.T) {
	stream := int(le.Uint32(sample[tag(t, tagOffset):]))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":          {nil, "no JPEG XR"},
		"magic":          {edit(2, 0), "no JPEG XR"},
		"directory":      {edit(4, 255, 255, 255, 255), "behind the end"},
		"tags":           {edit(int(le.Uint32(sample[4:])), 255, 255), "65535 tags"},
		"format":         {edit(8, 0), "no pixel format"},
		"other format":   {edit(8+15, 0x7f), "pixel format"},
		"format at":      {edit(tag(t, tagPixelFormat), 255, 255, 255, 127), "no pixel format"},
		"width":          {edit(tag(t, tagWidth), 9), "8×8 pixels in a file of 9×8"},
		"height":         {edit(tag(t, tagHeight), 255, 255), "codestream of 8×8"},
		"offset":         {edit(tag(t, tagOffset), 255, 255, 255, 127), "bytes at"},
		"length":         {edit(tag(t, tagBytes), 255, 255, 255, 127), "bytes at"},
		"stream":         {edit(stream, 'X'), "no codestream"},
		"stream's width": {edit(stream+12, 255, 255), "65536×8"},
		"stream's depth": {edit(stream+11, 0x02), "depth 2"},
		"transparency":   {edit(tag(t, tagBytes)-8, 0xc2, 0xbc), "transparency"},
		"cut":            {sample[:stream+10], "bytes at"},
	} {
		if _, err := ParseHeader(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLibrary_Concurrent(t *testing.T) {
	l := library(t)
	h, err := ParseHeader(sample)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				dst := make([]byte, 64)
				if err := l.Decode(dst, bytes.Clone(sample), h); err != nil || dst[63] != byte(63*3+7*5) {
					t.Errorf("%v, %d", err, dst[63])
					return
				}
			}
		})
	}
	wg.Wait()
	if err := l.Decode(make([]byte, 63), sample, h); err == nil {
		t.Error("a destination that is too small is accepted")
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(sample)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHeader(data)
		if err == nil && (h.Width < 1 || h.Height < 1 || h.Kind.Bytes() == 0) {
			t.Errorf("%+v", h)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	l := library(b)
	h, err := ParseHeader(sample)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Decode(dst, sample, h); err != nil {
			b.Fatal(err)
		}
	}
}
