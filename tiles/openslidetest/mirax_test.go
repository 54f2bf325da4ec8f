package openslidetest

import (
	"context"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/peertest"
	"coverslip/tiles/slidetest"
)

// jittered places photos of a size whose neighbours overlap by about 20 pixels,
// each a multiple of step off.
func jittered(size image.Point, step int) func(col, row int) image.Point {
	return func(col, row int) image.Point {
		r := rand.New(rand.NewPCG(uint64(col), uint64(row)))
		off := func() int { return (r.IntN(41) - 20) / step * step }
		x, y := col*(size.X-32)+off(), row*(size.Y-32)+off()
		if col == 0 && row == 0 {
			x, y = 0, 0
		}
		return image.Pt(x, y)
	}
}

// miraxSlides are made slides. Those called whole have every piece of every
// level on whole pixels.
func miraxSlides() map[string]slidetest.Mirax {
	images := map[string]*image.RGBA{
		"ScanDataLayer_SlideThumbnail": slidetest.TestPicture(image.Pt(200, 90), 3),
		"ScanDataLayer_SlideBarcode":   slidetest.TestPicture(image.Pt(80, 90), 4),
		"ScanDataLayer_SlidePreview":   slidetest.TestPicture(image.Pt(70, 100), 5),
	}
	size := image.Pt(128, 96)
	missing := func(col, row int) bool { return (col*7+row*5)%4 == 3 }
	return map[string]slidetest.Mirax{
		"whole, positions":       {Cols: 16, Rows: 20, Divisions: 2, Size: size, Levels: 4, Overlap: 32, Position: jittered(size.Mul(2), 8), Images: images},
		"whole, stitching layer": {Cols: 16, Rows: 24, Divisions: 4, Size: size, Levels: 5, Overlap: 32, Position: jittered(size.Mul(4), 16), Packed: true, Files: 7, Missing: missing, Images: images},
		"whole, PNG":             {Cols: 8, Rows: 8, Divisions: 1, Size: size, Levels: 3, Overlap: 32, Position: jittered(size, 4), Format: "PNG", Missing: missing},
		"whole, BMP":             {Cols: 9, Rows: 8, Divisions: 1, Size: image.Pt(100, 68), Levels: 2, Overlap: 4, Position: jittered(image.Pt(100, 68), 2), Format: "BMP24"},
		"whole, no positions":    {Cols: 12, Rows: 16, Divisions: 4, Size: size, Levels: 4, Overlap: 32, Files: 3},
		"whole, regular":         {Cols: 16, Rows: 12, Divisions: 4, Size: size, Levels: 5, Files: 2},
		"whole, made smaller":    {Cols: 16, Rows: 16, Divisions: 4, Size: size, Levels: 3, Exponent: 1, Overlap: 32, Position: jittered(size.Mul(4), 16)},
		"whole, made tiny":       {Cols: 32, Rows: 32, Divisions: 4, Size: size, Levels: 2, Exponent: 4, Overlap: 32, Position: jittered(size.Mul(4), 32)},
		"between pixels":         {Cols: 16, Rows: 20, Divisions: 2, Size: size, Levels: 5, Overlap: 31, Position: jittered(size.Mul(2), 1), Missing: missing},
	}
}

func TestMirax_Made_EqualsOpenSlide(t *testing.T) {
	for name, o := range miraxSlides() {
		t.Run(name, func(t *testing.T) {
			peer, ours := pairOf(t, slidetest.MakeMirax(t, o).Write(t))
			compareMirax(t, peer, ours, strings.HasPrefix(name, "whole"), len(o.Images))
		})
	}
}

func TestMirax_EqualsOpenSlide(t *testing.T) {
	peer, ours := pair(t, "made/mirax.mrxs")
	compareMirax(t, peer, ours, false, 0)
}

func compareMirax(t *testing.T, peer *Slide, ours tiles.Slide, whole bool, images int) {
	sizes, downsamples := peer.Levels()
	if len(sizes) != len(ours.Levels()) {
		t.Fatalf("%d levels, OpenSlide has %d", len(ours.Levels()), len(sizes))
	}
	for level, l := range ours.Levels() {
		if sizes[level] != image.Pt(l.Width, l.Height) || downsamples[level] != l.Downsample {
			t.Errorf("level %d: %+v, OpenSlide %v at %v", level, l, sizes[level], downsamples[level])
		}
		d := compareMiraxLevel(t, peer, ours, level)
		if d.seen < 10000 && level == 0 {
			t.Errorf("level %d: only %d pixels compared", level, d.seen)
		}
		if (whole || level == 0) && (d.worst != 0 || d.holes != 0) {
			t.Errorf("level %d: worst difference %d at %v, %d of %d pixels differ; %d only one of us has", level, d.worst, d.where, d.differ, d.seen, d.holes)
		}
		if !whole && level > 0 {
			t.Logf("level %d: worst difference %d, mean %.3f, %.2f%% of %d pixels differ; %d only one of us has", level, d.worst, float64(d.sum)/float64(3*d.seen), 100*float64(d.differ)/float64(d.seen), d.seen, d.holes)
			if mean := float64(d.sum) / float64(3*d.seen); mean > 10 {
				t.Errorf("level %d: mean difference %.2f", level, mean)
			}
		}
	}
	props := ours.Info().Properties
	for k := range props {
		if !strings.HasPrefix(k, "mirax.") && !strings.HasPrefix(k, "openslide.") || strings.Contains(k, "].tile-") || strings.HasSuffix(k, "downsample") {
			continue
		}
		if want := peer.Property(k); want != props[k] {
			t.Errorf("%s: %q, OpenSlide %q", k, props[k], want)
		}
	}
	for _, k := range []string{"openslide.mpp-x", "openslide.mpp-y", "openslide.objective-power", "openslide.vendor", "openslide.bounds-x", "openslide.bounds-width", "openslide.background-color"} {
		if props[k] == "" {
			t.Errorf("no %s", k)
		}
	}
	if len(ours.Info().Associated) != images {
		t.Errorf("associated images %v", ours.Info().Associated)
	}
	for _, name := range ours.Info().Associated {
		want, err := peer.Associated(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ours.AssociatedImage(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		if d, where := difference(got, want); got.Rect != want.Rect || d != 0 {
			t.Errorf("%s: difference %d at %v", name, d, where)
		}
	}
}

// deviation is how pixels differ.
type deviation struct {
	seen, differ, worst, sum, holes int
	where                           image.Point
}

// compareMiraxLevel compares the whole of a level, region by region at positions
// that are whole pixels of it. Pixels that OpenSlide has a part of, at the edges
// of what it interpolates, are not compared.
func compareMiraxLevel(t *testing.T, peer *Slide, ours tiles.Slide, level int) (d deviation) {
	t.Helper()
	l := ours.Levels()[level]
	size := image.Pt(300, 260)
	want, got := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
	for y := -30; y < l.Height+40; y += size.Y - 13 {
		for x := -40; x < l.Width+40; x += size.X - 17 {
			l0X, l0Y := int(float64(x)*l.Downsample), int(float64(y)*l.Downsample)
			if err := peer.ReadRegion(level, l0X, l0Y, want); err != nil {
				t.Fatal(err)
			}
			if err := tiles.ReadRegion(context.Background(), ours, level, l0X, l0Y, got); err != nil {
				t.Fatal(err)
			}
			inside := image.Rect(0, 0, l.Width, l.Height).Sub(image.Pt(x, y)).Intersect(want.Rect)
			d.compare(got, want, inside, image.Pt(x, y))
		}
	}
	return d
}

// compare compares what lies inside the level: beyond its edge OpenSlide shows
// what photos have there, we nothing.
func (d *deviation) compare(got, want *image.RGBA, inside image.Rectangle, at image.Point) {
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		for x := inside.Min.X; x < inside.Max.X; x++ {
			w, g := want.RGBAAt(x, y), got.RGBAAt(x, y)
			nothing := g.A == 0
			switch {
			case w.A == 0:
				if !nothing {
					d.holes++
				}
			case w.A < 255:
			default:
				d.seen++
				worst := 0
				for _, c := range [3]int{int(w.R) - int(g.R), int(w.G) - int(g.G), int(w.B) - int(g.B)} {
					c = int(math.Abs(float64(c)))
					d.sum += c
					worst = max(worst, c)
				}
				if worst > 0 {
					d.differ++
				}
				if worst > d.worst {
					d.worst, d.where = worst, at.Add(image.Pt(x, y))
				}
			}
		}
	}
}

func (d deviation) String() string {
	return fmt.Sprintf("%d of %d, worst %d", d.differ, d.seen, d.worst)
}

// The slide has 57,600 images of tissue in photos that overlap; nothing is read
// twice.
func TestPeers_Mirax(t *testing.T) {
	peertest.Start(t)
	real, err := formats.Open(context.Background(), slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	jpegs := peertest.Tissue(t, real, 256, 256, "420")
	size, n := image.Pt(256, 256), 0
	o := slidetest.Mirax{Cols: 240, Rows: 240, Divisions: 4, Size: size, Levels: 3, Overlap: 32, Position: jittered(size.Mul(4), 1), Packed: true, Pictures: 192}
	o.Encode = func(*image.RGBA) []byte {
		n++
		return jpegs[n%len(jpegs)]
	}
	peer, ours := pairOf(t, slidetest.MakeMirax(t, o).Write(t))
	for level := range 2 {
		regions(t, peertest.Case{Name: fmt.Sprintf("region of 1024², MIRAX, level %d", level), Turns: 41, GoalCPU: 2, GoalWall: 2}, ours, peer, level, 1024, places(ours, level, 1024, 200))
	}
}
