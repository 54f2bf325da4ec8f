package app

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/synth"
)

// generated is the bytes of a slide of 1200 × 900 pixels in JPEG tiles, made once.
var generated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "coverslip-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "a.svs")
	if _, err := synth.WriteSmall(context.Background(), path, 5); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// convertible opens the generated slide.
func convertible(t testing.TB) tiles.Slide {
	t.Helper()
	data, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.svs")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return slideAt(t, path)
}

func slideAt(t testing.TB, path string) tiles.Slide {
	t.Helper()
	s, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// levelPixels is all pixels of a level.
func levelPixels(t testing.TB, s tiles.Slide, level int) *image.RGBA {
	t.Helper()
	l := s.Levels()[level]
	out := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	for row := range l.Rows() {
		for col := range l.Cols() {
			part := out.SubImage(l.TileRect(col, row)).(*image.RGBA)
			if err := s.ReadTile(t.Context(), tiles.Key{Level: level, Col: col, Row: row}, part); err != nil && !errors.Is(err, tiles.ErrMissing) {
				t.Fatal(err)
			}
		}
	}
	return out
}

func equalLevels(t *testing.T, name string, a, b tiles.Slide) {
	t.Helper()
	if len(b.Levels()) < len(a.Levels()) {
		t.Fatalf("%s: %d levels of %d", name, len(b.Levels()), len(a.Levels()))
	}
	for i, l := range a.Levels() {
		if m := b.Levels()[i]; m.Width != l.Width || m.Height != l.Height {
			t.Fatalf("%s: level %d is %+v, was %+v", name, i, m, l)
		}
		if !bytes.Equal(levelPixels(t, a, i).Pix, levelPixels(t, b, i).Pix) {
			t.Errorf("%s: level %d differs", name, i)
		}
	}
}

// Copied and lossless, the pixels are those of the source at every level.
func TestConvertSlide_SamePixels(t *testing.T) {
	s := convertible(t)
	for name, o := range map[string]ConvertOptions{
		"ome copied": {}, "ome deflate": {Lossless: true}, "ome zstd": {Lossless: true, Packing: "zstd"}, "ome lzw": {Lossless: true, Packing: "lzw"},
		"dicom copied": {Format: ConvertDICOM}, "dicom lossless": {Format: ConvertDICOM, Lossless: true},
	} {
		out := filepath.Join(t.TempDir(), "out.ome.tif")
		o.Label = true
		var last [2]int
		r, err := ConvertSlide(t.Context(), s, out, o, func(_ string, done, total int) { last = [2]int{done, total} })
		if err != nil {
			t.Fatal(name, err)
		}
		got := slideAt(t, out)
		equalLevels(t, name, s, got)
		if copied := strings.Contains(name, "copied"); (r.Copied > 0) != copied || last[0] != last[1] || last[1] != r.Tiles || r.Bytes == 0 {
			t.Errorf("%s: %+v, progress %v", name, r, last)
		}
		was, is := s.Info(), got.Info()
		if near := is.MPPX/was.MPPX - 1; near > 1e-6 || near < -1e-6 || is.Objective != was.Objective || len(is.Associated) != len(was.Associated) {
			t.Errorf("%s: mpp %g, objective %g, images %v", name, is.MPPX, is.Objective, is.Associated)
		}
		if !bytes.HasPrefix(got.ICC(), s.ICC()) {
			t.Errorf("%s: another colour profile", name)
		}
		if v, err := VerifySlide(t.Context(), got, 0, nil); err != nil || v.Bad != 0 || v.Missing != 0 {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// Nothing of a patient is carried unless it is asked for.
func TestConvertSlide_Privacy(t *testing.T) {
	s := convertible(t)
	for _, format := range []string{ConvertOME, ConvertDICOM} {
		out := filepath.Join(t.TempDir(), "out")
		if _, err := ConvertSlide(t.Context(), s, out, ConvertOptions{Format: format}, nil); err != nil {
			t.Fatal(err)
		}
		for _, a := range slideAt(t, out).Info().Associated {
			if a != "thumbnail" {
				t.Errorf("%s: carries %s", format, a)
			}
		}
	}
}

// A region is cut out of the level that is asked for, to the pixel.
func TestConvertSlide_Region(t *testing.T) {
	s := convertible(t)
	region := image.Rect(301, 203, 803, 606)
	for level := range 2 {
		out := filepath.Join(t.TempDir(), "out.ome.tif")
		r, err := ConvertSlide(t.Context(), s, out, ConvertOptions{Region: region, Level: level, Lossless: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := slideAt(t, out)
		want := image.NewRGBA(image.Rect(0, 0, r.Width, r.Height))
		if err := tiles.ReadRegion(t.Context(), s, level, region.Min.X, region.Min.Y, want); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(levelPixels(t, got, 0).Pix, want.Pix) {
			t.Errorf("level %d: %d×%d pixels differ", level, r.Width, r.Height)
		}
		d := s.Levels()[level].Downsample
		if near := got.Info().MPPX / (s.Info().MPPX * d); near < 0.9999 || near > 1.0001 {
			t.Errorf("level %d: %g µm", level, got.Info().MPPX)
		}
	}
	if _, err := ConvertSlide(t.Context(), s, filepath.Join(t.TempDir(), "x"), ConvertOptions{Region: image.Rect(1e6, 0, 2e6, 10)}, nil); err == nil {
		t.Error("a region outside the slide")
	}
}

// Stopped, or refused: nothing is left, and nothing is overwritten.
func TestConvertSlide_LeavesNothing(t *testing.T) {
	s := convertible(t)
	for _, format := range []string{ConvertOME, ConvertDICOM} {
		dir := t.TempDir()
		out := filepath.Join(dir, "out")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := ConvertSlide(ctx, s, out, ConvertOptions{Format: format, Encode: true}, func(_ string, done, total int) {
			if done > total/3 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", format, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s: left %v", format, left)
		}
		if err := os.WriteFile(out, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ConvertSlide(t.Context(), s, out, ConvertOptions{Format: format}, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: over a file that is there: %v", format, err)
		}
		if b, _ := os.ReadFile(out); string(b) != "mine" {
			t.Errorf("%s: overwritten", format)
		}
	}
	for name, o := range map[string]ConvertOptions{"format": {Format: "gif"}, "quality": {Quality: 101}, "level": {Level: 99}, "packing": {Lossless: true, Packing: "rar"}, "scale": {MPP: 500}} {
		dir := t.TempDir()
		if _, err := ConvertSlide(t.Context(), s, filepath.Join(dir, "out"), o, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

// What DICOM cannot hold is said so, with what to do.
func TestConvertSlide_NotDICOM(t *testing.T) {
	s := &wide{Slide: convertible(t), stack: tiles.Stack{Channels: []tiles.Channel{{Name: "a", Bits: 32, Float: true}}, Z: 1, T: 1}}
	for _, change := range []func(){func() {}, func() { s.stack.T, s.stack.Channels[0].Float, s.stack.Channels[0].Bits = 2, false, 8 }} {
		change()
		_, err := ConvertSlide(t.Context(), s, filepath.Join(t.TempDir(), "x"), ConvertOptions{Format: ConvertDICOM}, nil)
		if p := Explain(err); !strings.Contains(p.Title, "cannot be written as DICOM") || !strings.Contains(p.Hint, "ome-tiff") {
			t.Errorf("%+v", p)
		}
	}
}

// wide is a slide of planes that nobody reads.
type wide struct {
	tiles.Slide
	stack tiles.Stack
}

func (w *wide) Stack() *tiles.Stack { return &w.stack }

func (w *wide) ReadPlane(context.Context, tiles.Key, tiles.Plane, *tiles.Raster) error {
	return tiles.ErrMissing
}

// damaged is a slide whose first tile cannot be decoded, and how many are.
func damaged(t *testing.T) tiles.Slide {
	t.Helper()
	for _, b := range slidetest.BrokenFiles(t) {
		if b.Name == "deflate garbage" {
			path := filepath.Join(t.TempDir(), "bad.tif")
			if err := os.WriteFile(path, b.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			return slideAt(t, path)
		}
	}
	t.Fatal("no such broken file")
	return nil
}

func TestConvertSlide_BadTiles(t *testing.T) {
	s := damaged(t)
	out := filepath.Join(t.TempDir(), "out.ome.tif")
	var te *tiles.TileError
	if _, err := ConvertSlide(t.Context(), s, out, ConvertOptions{}, nil); !errors.As(err, &te) {
		t.Errorf("got %v", err)
	}
	r, err := ConvertSlide(t.Context(), s, out, ConvertOptions{KeepGoing: true, Lossless: true}, nil)
	if err != nil || r.Bad != 1 || len(r.BadTiles) != 1 {
		t.Fatalf("%v, %+v", err, r)
	}
	got := slideAt(t, out)
	m := image.NewRGBA(image.Rectangle{Max: got.Levels()[0].TileRect(0, 0).Size()})
	if err := got.ReadTile(t.Context(), tiles.Key{}, m); err != nil || m.Pix[0] != 255 {
		t.Errorf("%v, pixel %v", err, m.Pix[:4])
	}
}

func TestVerifySlide(t *testing.T) {
	v, err := VerifySlide(t.Context(), convertible(t), 2, nil)
	if err != nil || v.Bad != 0 || v.Err() != nil || v.Tiles == 0 || v.Associated == 0 {
		t.Errorf("%+v, %v", v, err)
	}
	var steps int
	v, err = VerifySlide(t.Context(), damaged(t), 0, func(_ string, done, total int) { steps = done * 1000 / total })
	if err != nil || v.Bad != 1 || !errors.Is(v.Err(), ErrBadTiles) || len(v.BadTiles) != 1 || !strings.Contains(v.BadTiles[0].Reason, "deflate") || steps != 1000 {
		t.Errorf("%+v, %v", v, err)
	}
	if v.BadTiles[0].Tile != (tiles.Key{}) || v.Levels[0].Bad != 1 {
		t.Errorf("%+v", v)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := VerifySlide(ctx, convertible(t), 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if p := Explain(v.Err()); !strings.Contains(p.Title, "cannot be read") || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}

// Every plane is read, and a missing tile is no fault.
func TestVerifySlide_Planes(t *testing.T) {
	d := slidetest.DICOM{Width: 60, Height: 40, Tile: 32, Samples: 1, Bits: 16, Photometric: "MONOCHROME2", Syntax: "1.2.840.10008.1.2.5",
		Paths: []slidetest.DICOMPath{{ID: "a"}, {ID: "b"}}}
	good := append([]byte{2, 0, 0, 0, 64, 0, 0, 0, 80, 0, 0, 0}, make([]byte, 52)...)
	good = append(append(good, bytes.Repeat([]byte{0x81, 1}, 8)...), bytes.Repeat([]byte{0x81, 2}, 8)...)
	for i := range 4 {
		for _, path := range []string{"a", "b"} {
			if i == 3 && path == "b" {
				continue
			}
			d.Frames, d.At, d.PathOf = append(d.Frames, good), append(d.At, [2]int{i%2*32 + 1, i/2*32 + 1}), append(d.PathOf, path)
		}
	}
	d.Frames[5] = []byte("no RLE at all")
	path := filepath.Join(t.TempDir(), "a.dcm")
	if err := os.WriteFile(path, d.Data(), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := VerifySlide(t.Context(), slideAt(t, path), 0, nil)
	if err != nil || v.Planes != 2 || v.Tiles != 8 || v.Missing != 1 || v.Bad != 1 || v.BadTiles[0].Plane.Channel != 1 || (v.BadTiles[0].Tile != tiles.Key{Row: 1}) {
		t.Errorf("%+v, %v", v, err)
	}
}
