package app

import (
	"bytes"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
)

// TestSession_Untrusted_OpensByGoOnly opens the same slide by both kinds of
// decoders: the pixels tell which one it was.
func TestSession_Untrusted_OpensByGoOnly(t *testing.T) {
	s, id := newProject(t)
	pixels := func(sl tiles.Slide) []byte {
		t.Helper()
		m := image.NewRGBA(image.Rect(0, 0, 300, 300))
		if err := tiles.ReadRegion(t.Context(), sl, 0, 0, 0, m); err != nil {
			t.Fatal(err)
		}
		return m.Pix
	}
	path := filepath.Join(filepath.Dir(s.Dir()), "slide.svs")
	safe, err := formats.OpenWith(t.Context(), path, codec.Safe())
	if err != nil {
		t.Fatal(err)
	}
	defer safe.Close()
	want := pixels(safe)

	label := draw(t, s, "Stroma", 10, 10, 60, 60)
	first := s.Current()
	native := pixels(first.Slide)
	if s.Untrusted() || first.Untrusted() {
		t.Error("nobody asked for it")
	}
	s.SetUntrusted(true)
	open, err := s.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if open == first || !open.Untrusted() || !s.Untrusted() {
		t.Error("the slide was not opened anew")
	}
	if !bytes.Equal(pixels(open.Slide), want) {
		t.Error("other pixels than the memory-safe decoders'")
	}
	if again, err := s.OpenSlide(t.Context(), id); err != nil || again != open {
		t.Errorf("opening it again: %v", err)
	}
	if set, err := s.Objects(id); err != nil || set != open.Set || open.Set.Get(label) == nil {
		t.Errorf("the labels are not those of the open slide: %v", err)
	}
	if codec.Default().Status()[0].Native && bytes.Equal(native, want) {
		t.Error("both decoders give the same pixels, so this test shows nothing")
	}

	o, id2, err := ProjectForSlide(t.Context(), path, Options{Author: "Ada", Untrusted: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, o)
	if open, err = o.OpenSlide(t.Context(), id2); err != nil || !open.Untrusted() || !bytes.Equal(pixels(open.Slide), want) {
		t.Errorf("a bare slide: %v", err)
	}
}

func TestDecoders(t *testing.T) {
	if words := Decoders(true); !strings.Contains(words, "JPEG by Go image/jpeg") || strings.Contains(words, "lib") {
		t.Error(words)
	}
	if words := Decoders(false); !strings.Contains(words, "JPEG 2000 by ") {
		t.Error(words)
	}
}
