package hamamatsu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/native/dl"
	"coverslip/tiles/openslidetest"
	"coverslip/tiles/peertest"
	"coverslip/tiles/slidetest"
)

// peer opens a file by libopenslide; the test is skipped where it is not
// installed.
func peer(t testing.TB, path string) *openslidetest.Slide {
	t.Helper()
	s, err := openslidetest.Open(path)
	if errors.Is(err, dl.ErrNotFound) {
		t.Skip("libopenslide is not installed:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func openFile(t testing.TB, path string) tiles.Slide {
	t.Helper()
	src, err := tiles.OpenSource(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Format(codec.Default()).Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// tissue is segments of w×h pixels of a real slide, JPEG quality 80, repeated
// to cols×rows of them.
func tissue(t testing.TB, cols, rows, w, h int, sub string) segments {
	t.Helper()
	real := openFile(t, slidetest.Shared(t, "made/hamamatsu.ndpi"))
	l := real.Levels()[0]
	mcuW := map[string]int{"444": 8, "422": 16, "420": 16}[sub]
	s := segments{cols: cols, rows: rows, w: w, h: h, restart: w / mcuW}
	var some [][]byte
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range 64 * 4 {
		x, y := i%4*max(1, (l.Width-w)/4), (i/4*h*5)%(l.Height-h)
		if err := tiles.ReadRegion(context.Background(), real, 0, x, y, m); err != nil {
			t.Fatal(err)
		}
		for p := 3; p < len(m.Pix); p += 4 {
			m.Pix[p] = 255 // where the slide ends
		}
		j, err := codec.Default().EncodeJPEG(m, 80, sub)
		if err != nil {
			t.Skip(err)
		}
		some = append(some, j)
	}
	for r := range rows {
		for c := range cols {
			s.jpegs = append(s.jpegs, some[(4*r+c)%len(some)])
		}
	}
	return s
}

// same compares a region with OpenSlide's.
func same(t *testing.T, ours tiles.Slide, theirs *openslidetest.Slide, level int, r image.Rectangle) {
	t.Helper()
	got, want := image.NewRGBA(image.Rectangle{Max: r.Size()}), image.NewRGBA(image.Rectangle{Max: r.Size()})
	step := int(ours.Levels()[level].Downsample)
	if err := tiles.ReadRegion(context.Background(), ours, level, r.Min.X*step, r.Min.Y*step, got); err != nil {
		t.Fatal(err)
	}
	if err := theirs.ReadRegion(level, r.Min.X*step, r.Min.Y*step, want); err != nil {
		t.Fatal(err)
	}
	for i := range got.Pix {
		if got.Pix[i] != want.Pix[i] {
			t.Fatalf("level %d, %v: pixel (%d,%d) is %v, OpenSlide's %v", level, r, i%got.Stride/4, i/got.Stride,
				got.Pix[i&^3:i&^3+4], want.Pix[i&^3:i&^3+4])
		}
	}
}

// compare compares level 0, whole and in parts, with the segments decoded one by
// one.
func (s segments) compare(t *testing.T, ours tiles.Slide) {
	t.Helper()
	want := image.NewRGBA(image.Rect(0, 0, s.cols*s.w, s.rows*s.h))
	for i, j := range s.jpegs {
		at := image.Rect(0, 0, s.w, s.h).Add(image.Pt(i%s.cols*s.w, i/s.cols*s.h))
		if err := codec.Default().JPEG(want.SubImage(at).(*image.RGBA), j, 3); err != nil {
			t.Fatal(err)
		}
	}
	rnd := rand.New(rand.NewPCG(5, uint64(s.w)))
	for i := range 30 {
		r := want.Rect
		if i > 0 {
			r = image.Rectangle{Max: image.Pt(1+rnd.IntN(500), 1+rnd.IntN(300))}.Add(image.Pt(rnd.IntN(r.Dx()), rnd.IntN(r.Dy()))).Intersect(r)
		}
		got := image.NewRGBA(r)
		if err := tiles.ReadRegion(context.Background(), ours, 0, r.Min.X, r.Min.Y, got); err != nil {
			t.Fatal(err)
		}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			if !bytes.Equal(got.Pix[got.PixOffset(r.Min.X, y):][:4*r.Dx()], want.Pix[want.PixOffset(r.Min.X, y):][:4*r.Dx()]) {
				t.Fatalf("%v: line %d differs from its segments", r, y)
			}
		}
	}
}

// Segments of every shape at every cut: where they are glued, where a decoder
// would smooth chroma over their edges, where they are decoded in part.
func TestReadRegion_EqualsOpenSlide(t *testing.T) {
	for _, c := range []struct {
		sub              string
		w, h, cols, rows int
	}{{"444", 128, 8, 9, 70}, {"444", 1024, 8, 2, 70}, {"422", 64, 8, 12, 70}, {"422", 1024, 8, 2, 70}, {"420", 64, 16, 9, 30}, {"420", 768, 16, 2, 30}} {
		t.Run(fmt.Sprintf("%s %dx%d", c.sub, c.w, c.h), func(t *testing.T) {
			m := newMaker(t, 0)
			segments := tissue(t, c.cols, c.rows, c.w, c.h, c.sub)
			m.cut(segments, 40, tagStarts)
			path := m.file("shapes.ndpi")
			ours := openFile(t, path)
			segments.compare(t, ours)
			if c.sub == "420" {
				return // OpenSlide 3.4.1 does not find the markers of these
			}
			theirs := peer(t, path)
			rnd := rand.New(rand.NewPCG(3, uint64(c.w)))
			for range 40 {
				r := image.Rectangle{Max: image.Pt(1+rnd.IntN(500), 1+rnd.IntN(300))}
				same(t, ours, theirs, 0, r.Add(image.Pt(rnd.IntN(c.w*c.cols)-100, rnd.IntN(c.h*c.rows)-100)))
			}
		})
	}
}

func TestProperties_EqualOpenSlide(t *testing.T) {
	path := slidetest.Shared(t, "ndpi/test3-TRITC-2-560.ndpi")
	theirs, ours := peer(t, path), openFile(t, path).Info().Properties
	n := 0
	for _, k := range theirs.PropertyNames() {
		if !strings.HasPrefix(k, "hamamatsu.") && !strings.HasPrefix(k, "tiff.") {
			continue
		}
		n++
		if got, want := ours[k], theirs.Property(k); got != want {
			t.Errorf("%q: %q, OpenSlide %q", k, got, want)
		}
	}
	if n < 50 {
		t.Errorf("OpenSlide has %d properties", n)
	}
}

// A file beyond 4 GiB, and one whose sides no JPEG header can hold.
func TestReadRegion_LargeEqualsOpenSlide(t *testing.T) {
	t.Run("5 GiB", func(t *testing.T) {
		m := newMaker(t, 5<<30)
		m.cut(tissue(t, 3, 40, 512, 8, "422"), 40, tagStarts)
		path := m.file("far.ndpi")
		same(t, openFile(t, path), peer(t, path), 0, image.Rect(300, 17, 900, 317))
	})
	t.Run("70,000 wide", func(t *testing.T) {
		m := newMaker(t, 0)
		m.cut(tissue(t, 69, 16, 1024, 8, "422"), 40, tagStarts)
		path := m.file("wide.ndpi")
		ours, theirs := openFile(t, path), peer(t, path)
		if l := ours.Levels()[0]; l.Width != 70656 {
			t.Fatalf("%+v", l)
		}
		same(t, ours, theirs, 0, image.Rect(69500, 3, 70600, 120))
		same(t, ours, theirs, 0, image.Rect(65000, 0, 66000, 128))
	})
}

// Regions of 1024² at random places of a slide larger than every cache, and
// tiles as the viewer asks for them.
func TestPeers_NDPI(t *testing.T) {
	peertest.Start(t)
	for _, c := range []struct{ w, cols, rows int }{{1024, 20, 2200}, {2048, 10, 2200}, {3968, 5, 2200}} {
		m := newMaker(t, 0)
		m.cut(tissue(t, c.cols, c.rows, c.w, 8, "422"), 40, tagStarts)
		path := m.file("big.ndpi")
		theirs, ours := peer(t, path), openFile(t, path)
		l := ours.Levels()[0]
		a, b := image.NewRGBA(image.Rect(0, 0, 1024, 1024)), image.NewRGBA(image.Rect(0, 0, 1024, 1024))
		at := func(i int) (x, y int) {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			return rnd.IntN(l.Width - 1024), rnd.IntN(l.Height - 1024)
		}
		peertest.Measure(t, peertest.Case{
			Name: fmt.Sprintf("region of 1024², NDPI, segments of %d×8", c.w), Note: "OpenSlide " + theirs.Version(), Turns: 101, GoalCPU: 1.3, GoalWall: 1.3,
			Ours: func(i int) error { x, y := at(i); return tiles.ReadRegion(context.Background(), ours, 0, x, y, a) },
			Peer: func(i int) error { x, y := at(i); return theirs.ReadRegionRaw(0, x, y, b) },
		})
		if c.w != 2048 {
			continue
		}
		a, b = image.NewRGBA(image.Rect(0, 0, l.TileWidth, l.TileHeight)), image.NewRGBA(image.Rect(0, 0, l.TileWidth, l.TileHeight))
		key := func(i int) tiles.Key { return tiles.Key{Col: i * 7 % c.cols, Row: i * 13 % (l.Rows() - 1)} }
		peertest.Measure(t, peertest.Case{
			Name: fmt.Sprintf("aligned tile of %d×%d, NDPI", l.TileWidth, l.TileHeight), Note: "OpenSlide " + theirs.Version(), Turns: 101, GoalCPU: 1.3, GoalWall: 1.3,
			Ours: func(i int) error { return ours.ReadTile(context.Background(), key(i), a) },
			Peer: func(i int) error { return theirs.ReadRegionRaw(0, key(i).Col*l.TileWidth, key(i).Row*l.TileHeight, b) },
		})
	}
}
