package formats

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

func open(t testing.TB, path string) tiles.Slide {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write puts bytes into a file of its own.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConformance_Made(t *testing.T) {
	for name, c := range map[string]struct {
		layout   tiffwrite.Layout
		lossless bool
		ext      string
		format   string
	}{
		"aperio":           {tiffwrite.Aperio, false, ".svs", "aperio"},
		"generic":          {tiffwrite.Generic, false, ".tif", "generic"},
		"generic lossless": {tiffwrite.Generic, true, ".tif", "generic"},
		"ome":              {tiffwrite.OME, false, ".ome.tif", "ome-tiff"},
	} {
		t.Run(name, func(t *testing.T) {
			data := slidetest.Good(t, c.layout, c.lossless)
			slidetest.Run(t, func(t testing.TB) tiles.Slide {
				s := open(t, write(t, "good"+c.ext, data))
				if in := s.Info(); in.Format != c.format || in.MPPX != 0.25 || in.MPPY != 0.25 {
					t.Errorf("format %s, MPP %v,%v from %q", in.Format, in.MPPX, in.MPPY, in.MPPFrom)
				}
				if in := s.Info(); c.layout != tiffwrite.Generic && in.Objective != 40 {
					t.Errorf("objective %v", in.Objective)
				}
				return s
			})
		})
	}
}

// typed says whether an error is of the kinds that package tiles promises.
func typed(err error) bool {
	var f *tiles.FormatError
	var u *tiles.UnsupportedError
	return errors.As(err, &f) || errors.As(err, &u) || errors.Is(err, tiles.ErrNotSlide)
}

func TestBroken_Made(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine reads one file after another")
	}
	for _, b := range slidetest.BrokenFiles(t) {
		t.Run(b.Name, func(t *testing.T) {
			path := write(t, "broken"+b.Ext, b.Data)
			for native, codecs := range map[string]*codec.Set{"native": codec.Default(), "go": codec.New(codec.Options{NoNative: true})} {
				t.Log(native)
				slidetest.Cheap(t, 16<<20, func() { checkBroken(t, b, path, codecs) })
			}
		})
	}
}

func checkBroken(t *testing.T, b slidetest.Broken, path string, codecs *codec.Set) {
	t.Helper()
	s, err := OpenWith(context.Background(), path, codecs)
	if b.When == slidetest.AtOpen {
		switch {
		case err == nil:
			t.Errorf("opens with levels %v", s.Levels())
			s.Close()
		case !typed(err) || !strings.Contains(err.Error(), b.Want) || !strings.Contains(err.Error(), path):
			t.Errorf("got %v (%T), want …%s…", err, err, b.Want)
		}
		return
	}
	if err != nil {
		t.Fatal("must open:", err)
	}
	defer s.Close()
	l := s.Levels()[0]
	dst := image.NewRGBA(image.Rectangle{Max: l.TileRect(0, 0).Size()})
	err = s.ReadTile(context.Background(), tiles.Key{}, dst)
	var te *tiles.TileError
	switch b.When {
	case slidetest.AtTile:
		if !errors.As(err, &te) || !strings.Contains(err.Error(), b.Want) {
			t.Errorf("tile: got %v, want …%s…", err, b.Want)
		}
	case slidetest.Missing:
		if !errors.Is(err, tiles.ErrMissing) || dst.Pix[0] != 255 || dst.Pix[3] != 255 {
			t.Errorf("tile: got %v, pixel %v", err, dst.Pix[:4])
		}
	case slidetest.Warned:
		if err != nil || !strings.Contains(strings.Join(s.Info().Warnings, "\n"), b.Want) || s.Info().MPPX != 0 && b.Ext == ".tif" {
			t.Errorf("tile %v, MPP %v, warnings %q", err, s.Info().MPPX, s.Info().Warnings)
		}
	}
	if b.When != slidetest.Warned && !strings.HasPrefix(b.Name, "tables") { // the slide must stay usable
		k := tiles.Key{Col: 1, Row: 1}
		if err := s.ReadTile(context.Background(), k, image.NewRGBA(image.Rectangle{Max: l.TileRect(1, 1).Size()})); err != nil && !wholeFile(b.Name) {
			t.Errorf("the next tile: %v", err)
		}
	}
}

// wholeFile names the edits that spoil every tile.
func wholeFile(name string) bool {
	return name == "LZW garbage" || name == "zstd garbage" || name == "raw too short"
}

// The malformed files that came with the task; what each must answer.
func TestBroken_Shared(t *testing.T) {
	dir := filepath.Join(slidetest.SharedDir(t), "bad")
	want := map[string]struct {
		when slidetest.When
		text string
	}{
		"01-empty.tif": {slidetest.AtOpen, "empty"}, "02-header-3-bytes.tif": {slidetest.AtOpen, "3 bytes"},
		"03-bad-magic.tif": {slidetest.AtOpen, "not a TIFF"}, "05-ifd-loop.tif": {slidetest.AtOpen, "loop"},
		"07-tag-count-overflow.tif": {slidetest.AtOpen, "claims"}, "08-tile-width-0.tif": {slidetest.AtOpen, "tile width is 0"},
		"10-dims-overflow.tif": {slidetest.AtOpen, "too large"}, "12-no-bytecounts.tif": {slidetest.AtOpen, "byte counts"},
		"14-bytecount-4GiB.tif": {slidetest.AtTile, "more than"}, "15-jpegtables-missing.tif": {slidetest.AtTile, "missing"},
		"17-jpeg-sof-65500.tif": {slidetest.AtTile, "65500"}, "18-jpeg-truncated.tif": {slidetest.AtTile, ""},
		"20-jpeg-128px-tile.tif": {slidetest.AtTile, "128×128"}, "22-deflate-bomb.tif": {slidetest.Missing, ""},
		"24-lzw-garbage.tif": {slidetest.AtTile, "LZW"}, "25-spp-0.tif": {slidetest.AtOpen, "0 samples"},
		"28-xml-bomb.ome.tif": {slidetest.AtOpen, "entity"}, "30-desc-pointer-past-eof.svs": {slidetest.Warned, "tag 270"},
		"33-mirax-loop.mrxs": {slidetest.AtOpen, "loop"}, "34-ndpi-bad-mcu-starts.ndpi": {slidetest.Missing, ""},
		"35-j2k-siz-lies.svs": {slidetest.AtTile, "2147483647"},
	}
	files, err := fs.Glob(os.DirFS(dir), "*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		w, ok := want[name]
		if !ok {
			t.Errorf("%s: no expectation", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			slidetest.Cheap(t, 0, func() {
				s, err := Open(context.Background(), filepath.Join(dir, name))
				if w.when == slidetest.AtOpen {
					if err == nil || !typed(err) || !strings.Contains(err.Error(), w.text) {
						t.Errorf("got %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				checkTiles(t, s, w.when, w.text)
			})
		})
	}
}

// checkTiles reads every tile; Missing stands for a file whose tiles all read.
func checkTiles(t *testing.T, s tiles.Slide, when slidetest.When, text string) {
	t.Helper()
	var bad error
	l := s.Levels()[0]
	for row := range l.Rows() {
		for col := range l.Cols() {
			err := s.ReadTile(context.Background(), tiles.Key{Col: col, Row: row}, image.NewRGBA(image.Rectangle{Max: l.TileRect(col, row).Size()}))
			var te *tiles.TileError
			if err != nil && !errors.As(err, &te) {
				t.Errorf("tile (%d,%d): %v", col, row, err)
			}
			bad = errors.Join(bad, err)
		}
	}
	switch when {
	case slidetest.AtTile:
		if bad == nil || !strings.Contains(bad.Error(), text) {
			t.Errorf("tiles: %v", bad)
		}
	default:
		if bad != nil || !strings.Contains(strings.Join(s.Info().Warnings, "\n"), text) {
			t.Errorf("tiles: %v, warnings %q", bad, s.Info().Warnings)
		}
	}
}

// A slide of JPEG 2000 opens without any library, with the same pixels.
func TestOpen_J2KWithoutLibrary(t *testing.T) {
	path := slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs")
	s, err := OpenWith(context.Background(), path, codec.Safe())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	native := open(t, path)
	defer native.Close()
	for level, at := range []int{1300, 0} {
		a, b := image.NewRGBA(image.Rect(0, 0, 400, 400)), image.NewRGBA(image.Rect(0, 0, 400, 400))
		for dst, slide := range map[*image.RGBA]tiles.Slide{a: s, b: native} {
			if err := tiles.ReadRegion(context.Background(), slide, level, at, at, dst); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("level %d: other pixels by Go", level)
		}
	}
}

// RGB JPEG without an Adobe segment must have the same colours through Go's
// decoder as through libjpeg-turbo.
func TestOpen_RGBJPEGWithoutLibrary(t *testing.T) {
	path := slidetest.Shared(t, "svs/CMU-1-Small-Region.svs")
	s, err := OpenWith(context.Background(), path, codec.New(codec.Options{NoNative: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	native := open(t, path)
	defer native.Close()
	a, b := image.NewRGBA(image.Rect(0, 0, 500, 500)), image.NewRGBA(image.Rect(0, 0, 500, 500))
	for dst, slide := range map[*image.RGBA]tiles.Slide{a: s, b: native} {
		if err := tiles.ReadRegion(context.Background(), slide, 0, 600, 900, dst); err != nil {
			t.Fatal(err)
		}
	}
	for i := range a.Pix {
		if d := int(a.Pix[i]) - int(b.Pix[i]); d > 2 || d < -2 {
			t.Fatalf("byte %d: %d by Go, %d by the native decoder", i, a.Pix[i], b.Pix[i])
		}
	}
}

// A file that is cut while it is open breaks the slide for good.
func TestSlide_CutWhileOpen(t *testing.T) {
	data := slidetest.Good(t, tiffwrite.Generic, true)
	path := write(t, "cut.tif", data)
	s := open(t, path)
	defer s.Close()
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	l := s.Levels()[0]
	dst := image.NewRGBA(image.Rectangle{Max: l.TileRect(2, 2).Size()})
	first := s.ReadTile(context.Background(), tiles.Key{Col: 2, Row: 2}, dst)
	if first == nil || !strings.Contains(first.Error(), "cut off while it was open") {
		t.Fatalf("got %v", first)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil { // mended, too late
		t.Fatal(err)
	}
	if again := s.ReadTile(context.Background(), tiles.Key{Col: 2, Row: 2}, dst); again == nil || again.Error() != first.Error() {
		t.Errorf("the error is not latched: %v", again)
	}
}

func TestCodecs(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Codecs(nil) {
		names[c.Name] = true
		if c.Library == "" && c.Note == "" {
			t.Errorf("%s: neither decoder nor note", c.Name)
		}
	}
	if !names["JPEG"] || !names["JPEG 2000"] || !names["JPEG XR"] || !names["WebP"] || !names["Zstandard"] || !names["slides of other makes"] {
		t.Errorf("got %v", names)
	}
}

func BenchmarkSlide_ReadTile(b *testing.B) {
	for _, name := range []string{"svs/CMU-1-Small-Region.svs", "svs/TCGA-CR-7395-ts1.svs", "made/aperio.svs", "tiff/yb10kx5k.zstd.tiff"} {
		b.Run(name, func(b *testing.B) {
			s := open(b, slidetest.Shared(b, name))
			defer s.Close()
			l := s.Levels()[0]
			dst := image.NewRGBA(image.Rectangle{Max: l.TileRect(1, 1).Size()})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := s.ReadTile(context.Background(), tiles.Key{Col: i % (l.Cols() - 1), Row: i / 3 % (l.Rows() - 1)}, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	path := slidetest.Shared(b, "svs/CMU-1-Small-Region.svs")
	b.ReportAllocs()
	for b.Loop() {
		if err := open(b, path).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
