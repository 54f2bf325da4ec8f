package hamamatsu

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"testing"
	"time"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/native/dl"
	"coverslip/tiles/openslidetest"
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

// Regions of 1024² at random places of a slide larger than every cache, by both
// in turn. Its metrics are what counts: milliseconds of processor time and of
// the clock a region, and OpenSlide's divided by ours.
func BenchmarkReadRegion1024(b *testing.B) {
	for _, c := range []struct{ w, cols, rows int }{{1024, 20, 2200}, {2048, 10, 2200}, {3968, 5, 2200}} {
		b.Run(fmt.Sprintf("%dx8", c.w), func(b *testing.B) {
			m := newMaker(b, 0)
			m.cut(tissue(b, c.cols, c.rows, c.w, 8, "422"), 40, tagStarts)
			path := m.file("big.ndpi")
			theirs, ours := peer(b, path), openFile(b, path)
			race(b, c.w*c.cols-1024, c.rows*8-1024, func(x, y int, dst *image.RGBA) error {
				return tiles.ReadRegion(context.Background(), ours, 0, x, y, dst)
			}, func(x, y int, dst *image.RGBA) error { return theirs.ReadRegionRaw(0, x, y, dst) })
		})
	}
}

// race times two readers at the same random places, one after the other.
func race(b *testing.B, w, h int, ours, theirs func(x, y int, dst *image.RGBA) error) {
	dst := image.NewRGBA(image.Rect(0, 0, 1024, 1024))
	rnd := rand.New(rand.NewPCG(1, 2))
	var cpu, wall [2]time.Duration
	for b.Loop() {
		x, y := rnd.IntN(w), rnd.IntN(h)
		for i, read := range []func(x, y int, dst *image.RGBA) error{ours, theirs} {
			c, t := processorTime(), time.Now()
			if err := read(x, y, dst); err != nil {
				b.Fatal(err)
			}
			wall[i] += time.Since(t)
			cpu[i] += processorTime() - c
		}
	}
	n := float64(b.N) * 1e6
	b.ReportMetric(float64(cpu[0])/n, "cpu-ms")
	b.ReportMetric(float64(wall[0])/n, "wall-ms")
	b.ReportMetric(float64(cpu[1])/float64(max(cpu[0], 1)), "cpu-ratio")
	b.ReportMetric(float64(wall[1])/float64(wall[0]), "wall-ratio")
}
