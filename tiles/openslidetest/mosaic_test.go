package openslidetest

import (
	"context"
	"image"
	"math"
	"testing"

	"coverslip/tiles"
)

// comparePlaced compares a region at a place of theirs with one at ours. Where
// OpenSlide has nothing, ours is transparent.
func comparePlaced(t *testing.T, peer *Slide, ours tiles.Slide, level int, their, our, size image.Point) {
	t.Helper()
	want, got := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
	if err := peer.ReadRegion(level, their.X, their.Y, want); err != nil {
		t.Fatal(err)
	}
	if err := tiles.ReadRegion(context.Background(), ours, level, our.X, our.Y, got); err != nil {
		t.Fatal(err)
	}
	seen, bad := 0, 0
	for y := range size.Y {
		for x := range size.X {
			w, g := want.RGBAAt(x, y), got.RGBAAt(x, y)
			switch {
			case w.A == 255:
				seen++
				if g != w {
					if bad++; bad == 1 {
						t.Errorf("level %d at %v: pixel (%d,%d) is %v, OpenSlide's %v", level, their, x, y, g, w)
					}
				}
			case w.A == 0 && g.A != 0:
				t.Fatalf("level %d at %v: pixel (%d,%d) is %v where OpenSlide has none", level, their, x, y, g)
			}
		}
	}
	if bad > 0 || seen < 100 {
		t.Errorf("level %d at %v: %d of %d pixels differ", level, their, bad, seen)
	}
}

// The region of the made glass begins at 5 and 20 mm, between two pixels.
func TestLeica_EqualsOpenSlide(t *testing.T) {
	peer, ours := pair(t, "made/leica.scn")
	_, downsamples := peer.Levels()
	for level, l := range ours.Levels() {
		if math.Abs(l.Downsample-downsamples[level]) > 1e-9 {
			t.Fatalf("level %d: %v, OpenSlide %v", level, l.Downsample, downsamples[level])
		}
		step := 499 * 2220 / []float64{2220, 555, 277}[level] // nm per pixel
		for _, a := range []image.Point{{-40, -30}, {10, 5}, {100, 200}, {int(2000 / l.Downsample), int(2800 / l.Downsample)}} {
			// OpenSlide cuts fractions off towards the region's beginning: from
			// these positions that gives the pixel that is meant.
			at := func(nm float64, a int) int {
				v := (math.Trunc(nm/step) + float64(a)) * l.Downsample
				if a < 0 {
					return int(v)
				}
				return int(math.Ceil(v))
			}
			p := image.Pt(at(5e6, a.X), at(20e6, a.Y))
			comparePlaced(t, peer, ours, level, p, p, image.Pt(300, 260))
		}
	}
	for _, p := range []string{"openslide.bounds-x", "openslide.bounds-y", "openslide.bounds-width", "openslide.bounds-height", "openslide.region[0].x",
		"leica.barcode", "leica.objective", "leica.aperture", "leica.device-model", "leica.creation-date", "openslide.objective-power", "openslide.vendor"} {
		if got, want := ours.Info().Properties[p], peer.Property(p); got != want {
			t.Errorf("%s: %q, OpenSlide %q", p, got, want)
		}
	}
}

// Tiles overlap. The lower levels of the made file are cut to whole tiles, so
// that OpenSlide takes their scale wrong; from the upper left corner on they are
// compared all the same.
func TestTrestle_EqualsOpenSlide(t *testing.T) {
	peer, ours := pair(t, "made/trestle.tif")
	sizes, _ := peer.Levels()
	if len(sizes) != len(ours.Levels()) {
		t.Fatalf("%d levels, OpenSlide has %d", len(ours.Levels()), len(sizes))
	}
	for level, size := range sizes {
		comparePlaced(t, peer, ours, level, image.Point{}, image.Point{}, size)
	}
	l := ours.Levels()[0]
	if l.Width != sizes[0].X || l.Height != sizes[0].Y {
		t.Errorf("%+v, OpenSlide %v", l, sizes[0])
	}
	for _, p := range []image.Point{{230, 235}, {1000, 1500}, {l.Width - 200, l.Height - 100}, {-50, -20}} {
		comparePlaced(t, peer, ours, 0, p, p, image.Pt(300, 260))
	}
	for _, p := range []string{"openslide.vendor", "openslide.objective-power", "openslide.background-color", "trestle.OverlapsXY", "trestle.Background Color", "tiff.Software"} {
		if got, want := ours.Info().Properties[p], peer.Property(p); got != want {
			t.Errorf("%s: %q, OpenSlide %q", p, got, want)
		}
	}
}
