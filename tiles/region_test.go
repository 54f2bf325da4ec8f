package tiles_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"coverslip/tiles"
)

func TestBestLevel(t *testing.T) {
	levels := []tiles.Level{level(4000, 4000, 1), level(1000, 1000, 4.0024), level(250, 250, 16)}
	for _, c := range []struct {
		downsample float64
		want       int
	}{{0.25, 0}, {1, 0}, {3.9, 0}, {4, 1}, {15, 1}, {16, 2}, {400, 2}, {math.NaN(), 0}} {
		if got := tiles.BestLevel(levels, c.downsample); got != c.want {
			t.Errorf("downsample %v: level %d, want %d", c.downsample, got, c.want)
		}
	}
}

func TestVisible(t *testing.T) {
	levels := []tiles.Level{level(160, 96, 1), level(40, 24, 4)}
	got := tiles.Visible(levels, 0, tiles.Region{X: 20, Y: 20, W: 40, H: 20})
	want := map[tiles.Key]bool{}
	for _, k := range []tiles.Key{{0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 1, 2}, {0, 2, 2}, {0, 3, 2}} {
		want[k] = true
	}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for _, k := range got {
		if !want[k] {
			t.Errorf("unexpected %v", k)
		}
	}
	if got[0].Col != 2 {
		t.Errorf("the middle does not come first: %v", got)
	}
	if all := tiles.Visible(levels, 1, tiles.Region{X: -1e9, Y: -1e9, W: 2e9, H: 2e9}); len(all) != 3*2 {
		t.Errorf("the whole of level 1: %v", all)
	}
	for _, r := range []tiles.Region{{X: 500, W: 10, H: 10}, {W: -5, H: 10}, {X: math.NaN(), W: 10, H: 10}, {W: math.NaN(), H: 4}} {
		if got := tiles.Visible(levels, 0, r); len(got) != 0 {
			t.Errorf("%+v: %v", r, got)
		}
	}
	if tiles.Visible(levels, 2, tiles.Region{W: 10, H: 10}) != nil {
		t.Error("a level that is not there")
	}
	huge := []tiles.Level{{Width: 1 << 30, Height: 1 << 30, TileWidth: 256, TileHeight: 256, Downsample: 1}}
	if n := len(tiles.Visible(huge, 0, tiles.Region{W: 1 << 30, H: 1 << 30})); n == 0 || n > 1<<15 {
		t.Errorf("%d tiles of a huge level", n)
	}
}

func TestReadRegion(t *testing.T) {
	s := newFake(level(100, 70, 1), level(50, 35, 2))
	for _, c := range []struct{ level, x0, y0, w, h int }{
		{0, 0, 0, 100, 70}, {0, 5, 7, 50, 40}, {0, -8, -9, 130, 100}, {0, 90, 60, 30, 30}, {0, 200, 0, 10, 10}, {1, 14, 20, 20, 20}, {0, 16, 16, 16, 16},
	} {
		dst := image.NewRGBA(image.Rect(3, 4, 3+c.w, 4+c.h))
		for i := range dst.Pix {
			dst.Pix[i] = 0xaa
		}
		must(t, tiles.ReadRegion(context.Background(), s, c.level, c.x0, c.y0, dst))
		l := s.levels[c.level]
		for y := range c.h {
			for x := range c.w {
				lx, ly := c.x0/int(l.Downsample)+x, c.y0/int(l.Downsample)+y
				want := color.RGBA{}
				if image.Pt(lx, ly).In(image.Rect(0, 0, l.Width, l.Height)) {
					want = pixel(c.level, lx, ly)
				}
				if got := dst.RGBAAt(3+x, 4+y); got != want {
					t.Fatalf("%+v: pixel (%d,%d) is %v, want %v", c, x, y, got, want)
				}
			}
		}
	}
}

func TestReadRegion_BadTiles(t *testing.T) {
	s := newFake(level(64, 64, 1))
	s.bad[tiles.Key{Col: 1}] = tiles.ErrMissing
	s.bad[tiles.Key{Col: 2}] = tileError(tiles.Key{Col: 2})
	dst := image.NewRGBA(image.Rect(0, 0, 64, 20))
	err := tiles.ReadRegion(context.Background(), s, 0, 0, 0, dst)
	var te *tiles.TileError
	if !errors.As(err, &te) || te.Key.Col != 2 {
		t.Errorf("got %v", err)
	}
	for x, want := range map[int]byte{15: 255, 16: 0, 47: 0, 48: 255} {
		if a := dst.RGBAAt(x, 3).A; a != want {
			t.Errorf("column %d: alpha %d, want %d", x, a, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tiles.ReadRegion(ctx, s, 0, 0, 0, dst); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestThumbnail_Averages(t *testing.T) {
	s := newFake(level(90, 60, 1), level(30, 20, 3))
	m, err := tiles.Thumbnail(context.Background(), s, 30)
	must(t, err)
	if m.Rect.Size() != image.Pt(30, 20) || m.RGBAAt(7, 9) != pixel(1, 7, 9) {
		t.Errorf("%v, %v: level 1 must serve as it is", m.Rect, m.RGBAAt(7, 9))
	}
	m, err = tiles.Thumbnail(context.Background(), s, 45) // level 0 by 2
	must(t, err)
	// Means of columns 14,15 and rows 20,21: 14.5 and 20.5, rounded up.
	if got := m.RGBAAt(7, 10); got != (color.RGBA{15, 21, 0, 255}) {
		t.Errorf("mean %v", got)
	}
	m, err = tiles.Thumbnail(context.Background(), s, 36) // level 0 by 2.5
	must(t, err)
	// Column 1 covers source columns 2.5 to 5: half of 2, 3 and 4: 8/2.5 = 3.2.
	if got := m.RGBAAt(1, 1); got.R != 3 || got.G != 3 || got.A != 255 {
		t.Errorf("mean %v", got)
	}
	m, err = tiles.Thumbnail(context.Background(), s, 1000)
	must(t, err)
	if m.Rect.Size() != image.Pt(90, 60) {
		t.Errorf("enlarged to %v", m.Rect)
	}
}

func TestThumbnailOf(t *testing.T) {
	s := newFake(level(90, 60, 1), level(30, 20, 3))
	m, err := tiles.ThumbnailOf(context.Background(), s, image.Rect(30, 18, 60, 39), 10)
	must(t, err)
	if m.Rect.Size() != image.Pt(10, 7) || m.RGBAAt(0, 0) != pixel(1, 10, 6) || m.RGBAAt(9, 6) != pixel(1, 19, 12) {
		t.Errorf("%v of %v to %v", m.Rect, m.RGBAAt(0, 0), m.RGBAAt(9, 6))
	}
	reads := s.reads.Load()
	m, err = tiles.ThumbnailOf(context.Background(), s, image.Rect(70, 50, 500, 500), 100) // clipped, of level 0
	must(t, err)
	if m.Rect.Size() != image.Pt(20, 10) || m.RGBAAt(0, 0) != pixel(0, 70, 50) || s.reads.Load()-reads != 2 {
		t.Errorf("%v of %v, %d tiles read", m.Rect, m.RGBAAt(0, 0), s.reads.Load()-reads)
	}
	if _, err := tiles.ThumbnailOf(context.Background(), s, image.Rect(90, 0, 99, 9), 10); err == nil {
		t.Error("a place beside the slide has a thumbnail")
	}
}

func TestScannedBounds(t *testing.T) {
	s := newFake(level(90, 60, 1), level(31, 20, 3))
	for _, c := range [][2]image.Rectangle{
		{{}, image.Rect(0, 0, 90, 60)}, {image.Rect(5, 6, 7, 8), image.Rect(5, 6, 7, 8)},
		{image.Rect(-5, 6, 700, 8), image.Rect(0, 6, 90, 8)}, {image.Rect(90, 0, 99, 9), image.Rect(0, 0, 90, 60)},
	} {
		s.info.Bounds = c[0]
		if got := tiles.ScannedBounds(s); got != c[1] {
			t.Errorf("%v gives %v, want %v", c[0], got, c[1])
		}
	}
	if got := s.levels[1].Part(s.levels[0], image.Rect(3, 3, 4, 90)); got != image.Rect(1, 1, 2, 20) {
		t.Errorf("part %v", got)
	}
}

func TestThumbnail_BadTiles(t *testing.T) {
	s := newFake(level(32, 16, 1))
	s.bad[tiles.Key{Col: 1}] = tileError(tiles.Key{Col: 1})
	m, err := tiles.Thumbnail(context.Background(), s, 16)
	must(t, err)
	if m.RGBAAt(12, 4) != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("the bad tile is %v", m.RGBAAt(12, 4))
	}
	s.bad[tiles.Key{}] = tileError(tiles.Key{})
	if _, err := tiles.Thumbnail(context.Background(), s, 16); err == nil {
		t.Error("a thumbnail of no tile at all")
	}
	s.bad[tiles.Key{}] = tiles.ErrClosed
	if _, err := tiles.Thumbnail(context.Background(), s, 16); !errors.Is(err, tiles.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestHalved_Levels(t *testing.T) {
	s := tiles.Halved(newFake(level(8001, 6000, 1), level(2000, 1500, 4.0002), level(500, 375, 16.002)))
	var ds []float64
	for _, l := range s.Levels() {
		ds = append(ds, math.Round(l.Downsample))
	}
	if !slices.Equal(ds, []float64{1, 2, 4, 8, 16}) {
		t.Errorf("downsamples %v", ds)
	}
	if l := s.Levels()[1]; l.Width != 4001 || l.Height != 3000 {
		t.Errorf("level 1 is %d×%d", l.Width, l.Height)
	}
	if tiles.Halved(s) != s {
		t.Error("halved twice")
	}
	single := tiles.Halved(newFake(level(3000, 100, 1)))
	if n := len(single.Levels()); n != 4 { // 3000, 1500, 750, 375
		t.Errorf("%d levels", n)
	}
}

func TestHalved_Pixels(t *testing.T) {
	f := newFake(level(1031, 47, 1))
	s := tiles.Halved(f)
	l := s.Levels()[1]
	for row := range l.Rows() {
		for _, col := range []int{0, 3, l.Cols() - 1} {
			r := l.TileRect(col, row)
			dst := image.NewRGBA(r)
			must(t, s.ReadTile(context.Background(), tiles.Key{Level: 1, Col: col, Row: row}, dst))
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					want := meanOf(f, x, y)
					if got := dst.RGBAAt(x, y); got != want {
						t.Fatalf("pixel (%d,%d) is %v, want %v", x, y, got, want)
					}
				}
			}
		}
	}
}

// meanOf is the mean of the 2×2 level-0 pixels below (x, y), clamped at the
// edges.
func meanOf(f *fake, x, y int) color.RGBA {
	var r, g uint
	for _, d := range []image.Point{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
		p := pixel(0, min(2*x+d.X, f.levels[0].Width-1), min(2*y+d.Y, f.levels[0].Height-1))
		r, g = r+uint(p.R), g+uint(p.G)
	}
	return color.RGBA{byte((r + 2) / 4), byte((g + 2) / 4), 0, 255}
}

func TestHalved_MissingAndBad(t *testing.T) {
	f := newFake(level(64, 1024, 1))
	for _, k := range []tiles.Key{{}, {Col: 1}, {Row: 1}, {Col: 1, Row: 1}, {Col: 2}} {
		f.bad[k] = tiles.ErrMissing
	}
	f.bad[tiles.Key{Col: 2, Row: 2}] = tileError(tiles.Key{Col: 2, Row: 2})
	s := tiles.Halved(f)
	dst := image.NewRGBA(image.Rect(0, 0, 16, 16))
	if err := s.ReadTile(context.Background(), tiles.Key{Level: 1}, dst); !errors.Is(err, tiles.ErrMissing) || dst.Pix[0] != 255 {
		t.Errorf("nothing below is stored: %v", err)
	}
	if err := s.ReadTile(context.Background(), tiles.Key{Level: 1}, dst); !errors.Is(err, tiles.ErrMissing) {
		t.Errorf("the second time: %v", err)
	}
	if err := s.ReadTile(context.Background(), tiles.Key{Level: 1, Col: 1}, dst); err != nil {
		t.Errorf("half is stored: %v", err)
	}
	bad := tiles.Key{Level: 1, Col: 1, Row: 1}
	var te *tiles.TileError
	if err := s.ReadTile(context.Background(), bad, dst); !errors.As(err, &te) || te.Key != bad {
		t.Errorf("a bad tile below: %v", err)
	}
}

// Reading all tiles of all levels, coarse to fine, must not decode any level-0
// tile more than twice.
func TestHalved_ReadsFewTiles(t *testing.T) {
	f := newFake(level(1024, 1024, 1))
	s := tiles.Halved(f)
	for i := len(s.Levels()) - 1; i > 0; i-- {
		l := s.Levels()[i]
		for row := range l.Rows() {
			for col := range l.Cols() {
				must(t, s.ReadTile(context.Background(), tiles.Key{Level: i, Col: col, Row: row}, image.NewRGBA(image.Rectangle{Max: l.TileRect(col, row).Size()})))
			}
		}
	}
	if n, all := f.reads.Load(), int64(64*64); n > 2*all {
		t.Errorf("%d reads of %d tiles", n, all)
	}
}

func TestFingerprintOf(t *testing.T) {
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	of := func(b []byte) string {
		t.Helper()
		fp, err := tiles.FingerprintOf(bytes.NewReader(b), int64(len(b)))
		must(t, err)
		return fp
	}
	base := of(data)
	seen := map[string]string{base: "base"}
	for name, edit := range map[string]int{"first byte": 0, "head's end": 64<<10 - 1, "last byte": 1<<20 - 1} {
		b := bytes.Clone(data)
		b[edit]++
		fp := of(b)
		if other, twice := seen[fp]; twice {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[fp] = name
	}
	if of(data[:1<<20-1]) == base || of(nil) == of([]byte{0}) {
		t.Error("the size does not count")
	}
	if got := of(bytes.Clone(data)); got != base {
		t.Error("not repeatable")
	}
	// Values computed by another program from the definition: whoever changes it
	// makes a new version.
	if got := of([]byte("coverslip")); got != "v1-b9a7d9b15c94ef86b070f6a41520c363cfa33f160763a4634c32f57a1e2a80d6" {
		t.Errorf("short file: %q", got)
	}
	if base != "v1-98ee08276691309d18b629c5c66e31668507113d6203da6532d55c535f275601" {
		t.Errorf("long file: %q", base)
	}
	if _, err := tiles.FingerprintOf(bytes.NewReader(data), 2<<20); err == nil {
		t.Error("a file shorter than told")
	}
}

func TestParseNumber(t *testing.T) {
	for s, want := range map[string]float64{"0.499": 0.499, " 0,2520 ": 0.252, "20": 20, "1,234.5": -1, "": -1, "NaN": -1, "Inf": -1, "0,1,2": -1} {
		v, ok := tiles.ParseNumber(s)
		if ok != (want >= 0) || ok && v != want {
			t.Errorf("%q: %v, %v", s, v, ok)
		}
	}
	if tiles.SaneMPP(352.8) || tiles.SaneMPP(0) || tiles.SaneMPP(math.NaN()) || !tiles.SaneMPP(0.25) {
		t.Error("SaneMPP")
	}
}

func BenchmarkHalved_Tile(b *testing.B) {
	l := tiles.Level{Width: 1 << 14, Height: 1 << 14, Downsample: 1, TileWidth: 256, TileHeight: 256}
	s := tiles.Halved(&blank{newFake(l)})
	dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		must(b, s.ReadTile(context.Background(), tiles.Key{Level: 1, Col: i % 32, Row: i / 32 % 32}, dst))
	}
}

// blank costs nothing to read.
type blank struct{ *fake }

func (b *blank) ReadTile(context.Context, tiles.Key, *image.RGBA) error { return nil }

func BenchmarkThumbnail(b *testing.B) {
	l := tiles.Level{Width: 1 << 12, Height: 1 << 12, Downsample: 1, TileWidth: 256, TileHeight: 256}
	s := &blank{newFake(l)}
	b.ReportAllocs()
	for b.Loop() {
		_, err := tiles.Thumbnail(context.Background(), s, 1000)
		must(b, err)
	}
}
