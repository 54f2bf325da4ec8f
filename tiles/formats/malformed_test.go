package formats

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
)

// malformed is one malformed input: its number in the list of those that every
// reader must answer, the container it is made in, and the answer.
type malformed struct {
	n               int
	container, what string
	make            func(t testing.TB) string // the path that is opened
	when            slidetest.When
	want            string // words of the reason
	all             bool   // no tile of the slide is sound
}

// what the numbers stand for.
var numbers = []string{1: "no file to speak of", 2: "first directory past the end", 3: "loop of directories", 4: "2^60 entries",
	5: "count times size overflows", 6: "tile width 0", 7: "tile of 65536²", 8: "image of 2^32", 9: "fewer offsets than tiles",
	10: "byte counts missing", 11: "tile past the end", 12: "tile of 4 GiB", 13: "tables missing", 14: "tables garbage",
	15: "JPEG of 65500²", 16: "JPEG cut off", 17: "other colours", 18: "smaller than the tile", 19: "unknown compression",
	20: "bomb", 21: "stream ends early", 22: "samples and bits", 23: "XML", 24: "metadata past the end, division by 0",
	25: "names that lead out", 26: "MIRAX index", 27: "NDPI starts", 28: "JPEG 2000 lies", 29: "BIF areas", 30: "DICOM frames",
	31: "no regular, readable, lasting file", 32: "levels not smaller"}

// ofMade and ofShared say which numbers the cases of TestBroken_Made and of
// TestBroken_Shared stand for.
var ofMade = map[string]int{"empty": 1, "3 bytes": 1, "magic": 1, "version": 1, "first directory behind the end": 2, "no directory": 2,
	"directory loop": 3, "65535 tags": 4, "count overflows": 5, "tile width 0": 6, "huge tile": 7, "huge width": 8, "2^30 pixels wide": 8,
	"fewer offsets": 9, "no byte counts": 10, "offset behind the end": 11, "60 MiB tile": 11, "4 GiB tile": 12, "tables missing": 13,
	"tables missing of old JPEG": 13, "tables are garbage": 14, "frame of 65500": 15, "JPEG cut off": 16, "frame of 4 components": 17,
	"frame of 1 component": 17, "frame too small": 18, "compression 52479": 19, "deflate cut off": 21, "deflate garbage": 21,
	"LZW garbage": 21, "zstd garbage": 21, "raw too short": 21, "0 samples": 22, "9 samples": 22, "7 bits": 22,
	"planes without offsets": 22, "description behind the end": 24, "resolution divides by 0": 24}

var ofShared = map[string]int{"22-deflate-bomb.tif": 20, "28-xml-bomb.ome.tif": 23, "33-mirax-loop.mrxs": 26,
	"34-ndpi-bad-mcu-starts.ndpi": 27, "35-j2k-siz-lies.svs": 28}

// malformedInputs is every case beyond those of TestBroken_Made and
// TestBroken_Shared.
func malformedInputs() []malformed {
	return slices.Concat(malformedHeads(), malformedTIFF(), malformedStreams(), malformedXML(), malformedNames(), malformedMirax(),
		malformedBIF(), malformedDICOM())
}

// Every malformed input of the list is answered in every container that it
// concerns, with and without native decoders, by an error that names the file and
// the reason: little memory, at once, and never at the cost of other tiles.
func TestMalformed(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine reads one file after another")
	}
	for _, m := range malformedInputs() {
		t.Run(fmt.Sprintf("%02d/%s/%s", m.n, m.container, strings.ReplaceAll(m.what, "/", " ")), func(t *testing.T) {
			path := m.make(t)
			for name, codecs := range decoders() {
				t.Log(name)
				slidetest.Cheap(t, 0, func() { m.check(t, path, codecs) })
			}
		})
	}
}

// No number of the list is without a case.
func TestMalformed_Complete(t *testing.T) {
	seen := map[int]bool{31: true} // TestOpen_NotAFile, TestOpen_Pipe, TestOpen_NoPermission, TestSlide_SpoiltWhileOpen
	made := map[string]bool{}
	for _, b := range slidetest.BrokenFiles(t) {
		made[b.Name] = true
	}
	for name, n := range ofMade {
		if !made[name] {
			t.Errorf("no file %q is made", name)
		}
		seen[n] = true
	}
	for n := range maps.Values(ofShared) {
		seen[n] = true
	}
	for _, m := range malformedInputs() {
		seen[m.n] = true
	}
	for n, what := range numbers {
		if n > 0 && !seen[n] {
			t.Errorf("number %d, %s, has no case", n, what)
		}
	}
}

func (m *malformed) check(t *testing.T, path string, codecs *codec.Set) {
	t.Helper()
	s, err := OpenWith(context.Background(), path, codecs)
	if m.when == slidetest.AtOpen {
		if err == nil {
			t.Errorf("opens with levels %v, warnings %q", s.Levels(), s.Info().Warnings)
			s.Close()
		} else if !typed(err) || !strings.Contains(err.Error(), m.want) || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("got %v (%T), want …%s…", err, err, m.want)
		}
		return
	}
	if err != nil {
		t.Errorf("must open: %v", err)
		return
	}
	defer s.Close()
	sound, bad := readAll(t, s)
	switch m.when {
	case slidetest.AtTile:
		if bad == nil || !strings.Contains(bad.Error(), m.want) {
			t.Errorf("tiles: %v, want …%s…", bad, m.want)
		}
		if sound == 0 && !m.all {
			t.Errorf("one bad tile spoils all others: %v", bad)
		}
	case slidetest.Warned:
		if text := strings.Join(s.Info().Warnings, "\n"); bad != nil || !strings.Contains(text, m.want) {
			t.Errorf("tiles %v, warnings %q, want …%s…", bad, text, m.want)
		}
	}
}

// readAll reads the tiles of level 0, a hundred at most: how many are sound, and
// what is wrong with the first that is not, which must be an error of the tile's.
func readAll(t *testing.T, s tiles.Slide) (sound int, bad error) {
	t.Helper()
	l := s.Levels()[0]
	if l.TileWidth*l.TileHeight > 1<<22 {
		t.Fatalf("tiles of %d×%d pixels", l.TileWidth, l.TileHeight)
	}
	whole := image.NewRGBA(image.Rect(0, 0, l.TileWidth, l.TileHeight))
	for i := range min(100, l.Cols()*l.Rows()) {
		k := tiles.Key{Col: i % l.Cols(), Row: i / l.Cols()}
		r := l.TileRect(k.Col, k.Row)
		err := s.ReadTile(context.Background(), k, whole.SubImage(image.Rectangle{Max: r.Size()}).(*image.RGBA))
		var te *tiles.TileError
		switch {
		case err == nil, errors.Is(err, tiles.ErrMissing):
			sound++
		case !errors.As(err, &te) || te.Key != k:
			t.Errorf("tile %+v: %v (%T) is no error of the tile", k, err, err)
		case bad == nil:
			bad = err
		}
	}
	return sound, bad
}

// named writes a file of the given bytes.
func named(name string, data func(t testing.TB) []byte) func(testing.TB) string {
	return func(t testing.TB) string { return write(t, name, data(t)) }
}

// folder writes files into a folder, which is below one of the test's own, and
// returns the path of the first name.
func folder(t testing.TB, files map[string]string, open string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "slide")
	for name, data := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.FromSlash(open))
}

// link makes a symbolic link in the folder of a slide.
func link(t testing.TB, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("no symbolic links here:", err)
	}
}

// long makes a file that seems n bytes long, without writing them.
func long(t testing.TB, path string, n int64) string {
	t.Helper()
	if err := os.Truncate(path, n); err != nil {
		t.Fatal(err)
	}
	return path
}

// copyTree copies a file or a folder of the real slides.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(at, 0o700)
		}
		src, err := os.Open(p)
		if err != nil {
			return err
		}
		defer src.Close()
		dst, err := os.OpenFile(at, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if _, err := io.Copy(dst, src); err != nil {
			return err
		}
		return dst.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}
