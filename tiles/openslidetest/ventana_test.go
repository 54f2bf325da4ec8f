package openslidetest

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/native/dl"
	"coverslip/tiles/slidetest"
)

// ventanaProperties must be OpenSlide's.
var ventanaProperties = []string{"openslide.vendor", "openslide.mpp-x", "openslide.mpp-y", "openslide.objective-power", "openslide.comment",
	"ventana.ScanRes", "ventana.Magnification", "ventana.UnitNumber", "ventana.ScannerModel", "ventana.ScanWhitePoint", "openslide.region[0].width", "openslide.region[0].height"}

// The photos of the made file are 244×248 pixels apart: down to level 2 they lie
// on whole pixels. At level 3 OpenSlide interpolates between 30 and 31.
func TestVentana_EqualsOpenSlide(t *testing.T) {
	peer, ours := pair(t, "made/ventana.bif")
	sizes, downsamples := peer.Levels()
	if len(sizes) != len(ours.Levels()) {
		t.Fatalf("%d levels, OpenSlide has %d", len(ours.Levels()), len(sizes))
	}
	for level, l := range ours.Levels() {
		if l.Downsample != downsamples[level] || image.Pt(l.Width, l.Height) != sizes[level] {
			t.Errorf("level %d: %+v, OpenSlide %v, %v", level, l, sizes[level], downsamples[level])
		}
		if level == 3 {
			closeTo(t, peer, ours, level)
			continue
		}
		for _, p := range spots(l, image.Pt(300, 260), 6) {
			compareRegion(t, peer, ours, level, p, image.Pt(300, 260))
		}
		for i := range 24 { // along the seams and across the slide
			p := image.Pt(i*l.Width/24, i*37%l.Height).Mul(int(l.Downsample))
			compareRegion(t, peer, ours, level, p, image.Pt(130, 90))
		}
	}
	for _, p := range ventanaProperties {
		if got, want := ours.Info().Properties[p], peer.Property(p); got != want {
			t.Errorf("%s: %q, OpenSlide %q", p, got, want)
		}
	}
	for _, a := range []string{"macro", "thumbnail"} {
		want, err := peer.Associated(a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ours.AssociatedImage(context.Background(), a)
		if err != nil {
			t.Fatal(err)
		}
		if d, where := difference(got, want); got.Rect != want.Rect || d != 0 {
			t.Errorf("%s: %v, OpenSlide %v, worst difference %d at %v", a, got.Rect, want.Rect, d, where)
		}
	}
}

// closeTo compares a level whose photos lie between pixels: OpenSlide blends
// neighbouring pixels there, we take the nearest. Most pixels differ by little.
func closeTo(t *testing.T, peer *Slide, ours tiles.Slide, level int) {
	t.Helper()
	l := ours.Levels()[level]
	want, got := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height)), image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	if err := peer.ReadRegion(level, 0, 0, want); err != nil {
		t.Fatal(err)
	}
	if err := tiles.ReadRegion(context.Background(), ours, level, 0, 0, got); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for i := range want.Pix {
		d := int(want.Pix[i]) - int(got.Pix[i])
		sum += max(d, -d)
	}
	if mean := float64(sum) / float64(len(want.Pix)); mean > 6 {
		t.Errorf("level %d: the mean difference is %.1f", level, mean)
	} else {
		t.Logf("level %d: the mean difference is %.2f", level, mean)
	}
}

// Made slides of several areas, read by both.
func TestVentana_Made_EqualsOpenSlide(t *testing.T) {
	areas := []slidetest.BIFArea{
		{Cols: 3, Rows: 3, X: 40, Y: 200, OverlapsX: []int{8}, OverlapsY: []int{4}},
		{Col: 3, Cols: 2, Rows: 2, X: 400, Y: 16, OverlapsX: []int{8}, OverlapsY: []int{4}, Skipped: true},
		{Col: 5, Row: 1, Cols: 4, Rows: 2, X: 320, Y: 0, OverlapsX: []int{8}, OverlapsY: []int{4}},
		{Row: 3, Cols: 2, Rows: 1, X: 196, Y: 188, OverlapsX: []int{8}},
	}
	for name, b := range map[string]slidetest.BIF{
		"one area":      {TileW: 80, TileH: 96, Levels: 3, Areas: []slidetest.BIFArea{{Cols: 5, Rows: 4, OverlapsX: []int{8}, OverlapsY: []int{12}}}},
		"several areas": {TileW: 80, TileH: 64, Levels: 3, Areas: areas},
	} {
		t.Run(name, func(t *testing.T) {
			peer, ours := both(t, b.Make(t), "made.bif")
			sizes, downsamples := peer.Levels()
			if len(sizes) != len(ours.Levels()) {
				t.Fatalf("%d levels, OpenSlide has %d", len(ours.Levels()), len(sizes))
			}
			for level, l := range ours.Levels() {
				if l.Downsample != downsamples[level] || image.Pt(l.Width, l.Height) != sizes[level] {
					t.Errorf("level %d: %+v, OpenSlide %v, %v", level, l, sizes[level], downsamples[level])
				}
				comparePlaced(t, peer, ours, level, image.Point{}, image.Point{}, sizes[level])
				for i := range 12 {
					p := image.Pt(i*l.Width/12, i*37%l.Height).Mul(int(l.Downsample))
					compareSome(t, peer, ours, level, p, image.Pt(90, 70))
				}
			}
		})
	}
}

// OpenSlide refuses LEFT and DOWN; when it reads them one day, this says so.
func TestVentana_Turned_OpenSlideRefuses(t *testing.T) {
	b := slidetest.BIF{TileW: 80, TileH: 64, Levels: 1, Turned: true, Areas: []slidetest.BIFArea{{Cols: 3, Rows: 2, OverlapsX: []int{8}}}}
	path := filepath.Join(t.TempDir(), "made.bif")
	if err := os.WriteFile(path, b.Make(t), 0o600); err != nil {
		t.Fatal(err)
	}
	peer, err := Open(path)
	switch {
	case errors.Is(err, dl.ErrNotFound):
		t.Skip("libopenslide is not installed:", err)
	case err == nil:
		peer.Close()
		t.Log("this OpenSlide reads LEFT and DOWN: compare pixels")
	case !strings.Contains(err.Error(), "LEFT"):
		t.Error(err)
	}
	ours, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
}

// both writes a made slide and opens it by libopenslide and by us.
func both(t testing.TB, data []byte, name string) (*Slide, tiles.Slide) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	peer, err := Open(path)
	if errors.Is(err, dl.ErrNotFound) {
		t.Skip("libopenslide is not installed:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	ours, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ours.Close(); err != nil {
			t.Error(err)
		}
	})
	return peer, ours
}

// compareSome compares where OpenSlide has pixels, of which there may be none.
func compareSome(t *testing.T, peer *Slide, ours tiles.Slide, level int, at, size image.Point) {
	t.Helper()
	want, got := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
	if err := peer.ReadRegion(level, at.X, at.Y, want); err != nil {
		t.Fatal(err)
	}
	if err := tiles.ReadRegion(context.Background(), ours, level, at.X, at.Y, got); err != nil {
		t.Fatal(err)
	}
	for y := range size.Y {
		for x := range size.X {
			if w, g := want.RGBAAt(x, y), got.RGBAAt(x, y); w.A == 255 && g != w {
				t.Fatalf("level %d at %v: pixel (%d,%d) is %v, OpenSlide's %v", level, at, x, y, g, w)
			}
		}
	}
}
