package openslide

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/native/dl"
	native "coverslip/tiles/native/openslide"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

func installed(t testing.TB) {
	t.Helper()
	if _, err := native.Version(); errors.Is(err, dl.ErrNotFound) {
		t.Skip("libopenslide is not installed")
	} else if err != nil {
		t.Fatal(err)
	}
}

func openPath(t testing.TB, path string) tiles.Slide {
	t.Helper()
	src, err := tiles.OpenSource(path)
	if err != nil {
		t.Fatal(err)
	}
	f := Format(true)
	if err := f.Detect(src); err != nil {
		t.Fatal(err)
	}
	s, err := f.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func made(t testing.TB) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "größe ü.svs")
	if err := os.WriteFile(p, slidetest.Good(t, tiffwrite.Aperio, false), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConformance(t *testing.T) {
	installed(t)
	path := made(t)
	slidetest.Run(t, func(t testing.TB) tiles.Slide { return openPath(t, path) })
	for _, name := range []string{"svs/CMU-1-Small-Region.svs", "made/aperio.svs", "made/mirax.mrxs"} {
		t.Run(name, func(t *testing.T) {
			path := slidetest.Shared(t, name)
			slidetest.Run(t, func(t testing.TB) tiles.Slide { return openPath(t, path) })
		})
	}
}

func TestInfo(t *testing.T) {
	installed(t)
	s := openPath(t, made(t))
	defer s.Close()
	in := s.Info()
	if in.Vendor != "aperio" || in.MPPX != 0.25 || in.Objective != 40 || len(in.Warnings) != 1 || !strings.Contains(in.Warnings[0], "libopenslide") {
		t.Errorf("info %+v", in)
	}
	if !slices.Contains(in.Associated, "thumbnail") || in.Properties["aperio.MPP"] == "" {
		t.Errorf("associated %v, %d properties", in.Associated, len(in.Properties))
	}
}

// OpenSlide keeps its first error; the slide must not.
func TestReadTile_OneBadTile(t *testing.T) {
	installed(t)
	data := slidetest.Good(t, tiffwrite.Generic, false)
	good := filepath.Join(t.TempDir(), "good.tif")
	bad := filepath.Join(t.TempDir(), "bad.tif")
	i := strings.Index(string(data), "\xff\xd8") // the first tile's stream
	spoilt := slices.Clone(data)
	copy(spoilt[i:], make([]byte, 60))
	for p, b := range map[string][]byte{good: data, bad: spoilt} {
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, s := openPath(t, good), openPath(t, bad)
	defer want.Close()
	defer s.Close()
	failed := 0
	l := s.Levels()[0]
	for row := range l.Rows() {
		for col := range l.Cols() {
			k := tiles.Key{Col: col, Row: row}
			a, b := image.NewRGBA(image.Rectangle{Max: l.TileRect(col, row).Size()}), image.NewRGBA(image.Rectangle{Max: l.TileRect(col, row).Size()})
			if err := s.ReadTile(context.Background(), k, a); err != nil {
				var te *tiles.TileError
				if !errors.As(err, &te) {
					t.Errorf("tile %v: %v", k, err)
				}
				failed++
				continue
			}
			if err := want.ReadTile(context.Background(), k, b); err != nil || string(a.Pix) != string(b.Pix) {
				t.Errorf("tile %v differs: %v", k, err)
			}
		}
	}
	if failed == 0 || failed == l.Cols()*l.Rows() {
		t.Errorf("%d tiles of %d fail", failed, l.Cols()*l.Rows())
	}
}

func TestDetect_Refuses(t *testing.T) {
	path := made(t)
	src, err := tiles.OpenSource(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if err := Format(false).Detect(src); err == nil || !strings.Contains(err.Error(), "turned off") {
		t.Errorf("turned off: %v", err)
	}
	if err := Format(true).Detect(tiles.NewSource("http://x/y.svs", src, src.Size())); err == nil {
		t.Error("a source that is no file")
	}
	installed(t)
	other := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(other, []byte("no slide"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := tiles.OpenSource(other)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	if err := Format(true).Detect(text); err == nil {
		t.Error("a text file")
	}
}
