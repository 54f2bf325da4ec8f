package tissue

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/synth"
)

func TestMask_Fraction_WeighsPartsOfPixels(t *testing.T) {
	m := &Mask{W: 4, H: 2, Downsample: 10, Bits: []bool{
		true, true, false, false,
		true, false, false, false,
	}}
	for _, c := range []struct{ x, y, w, h, want float64 }{
		{0, 0, 20, 10, 1}, {0, 0, 40, 20, 3.0 / 8}, {5, 0, 10, 10, 1}, {15, 5, 10, 10, 0.25},
		{-10, 0, 20, 10, 0.5}, {30, 10, 100, 100, 0}, {0, 0, 0, 5, 0}, {0, 0, math.NaN(), 1, 0}, {2, 2, 1, 1, 1},
	} {
		if got := m.Fraction(c.x, c.y, c.w, c.h); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("Fraction(%v) = %v, want %v", c, got, c.want)
		}
	}
}

func TestFind_EmptyPictures_HaveNoTissue(t *testing.T) {
	for _, grey := range []uint8{255, 243, 0} {
		img := image.NewRGBA(image.Rect(0, 0, 300, 200))
		for i := range img.Pix {
			img.Pix[i] = grey
			if i%4 != 3 && grey == 243 {
				img.Pix[i] -= uint8(i * 7 % 5)
			}
		}
		if s := Find(img, 32).Share(); s > 0 {
			t.Errorf("grey %d: tissue share %.3f", grey, s)
		}
	}
	if m := Find(image.NewRGBA(image.Rectangle{}), 1); len(m.Bits) != 0 || m.Fraction(0, 0, 1, 1) != 0 {
		t.Error("a picture of no pixels has tissue")
	}
}

func TestFind_InkOfAnyColour_IsNotTissue(t *testing.T) {
	for name, ink := range map[string]color.RGBA{"blue": {40, 70, 170, 255}, "green": {40, 130, 70, 255}, "black": {25, 25, 30, 255}, "red": {225, 40, 30, 255}} {
		img := image.NewRGBA(image.Rect(0, 0, 600, 400))
		for y := range 400 {
			for x := range 600 {
				c := color.RGBA{242, 242, 244, 255}
				if math.Hypot(float64(x-180), float64(y-200)) < 110 {
					c = color.RGBA{205, 130, 175, 255} // stroma
					if (x/3+y/3)%4 == 0 {
						c = color.RGBA{95, 60, 130, 255} // nuclei
					}
				}
				if x > 400 && x < 430 {
					c = ink
				}
				img.SetRGBA(x, y, c)
			}
		}
		m := Find(img, 50)
		if f := m.Fraction(400*50, 0, 30*50, 400*50); f > 0.02 {
			t.Errorf("%s ink counts as tissue: %.2f", name, f)
		}
		if f := m.Fraction(100*50, 130*50, 160*50, 140*50); f < 0.98 {
			t.Errorf("beside %s ink tissue is lost: %.2f", name, f)
		}
	}
}

// truthMask rasters polygons at the middle of the mask's pixels.
func truthMask(m *Mask, regions []synth.Region) []bool {
	out := make([]bool, len(m.Bits))
	for _, r := range regions {
		for _, ring := range append([][]synth.Point{r.Outer}, r.Holes...) {
			for j := range m.H {
				y := (float64(j) + 0.5) * m.Downsample
				for i, a := range ring {
					b := ring[(i+1)%len(ring)]
					if (a.Y > y) == (b.Y > y) {
						continue
					}
					x := ((b.X-a.X)*(y-a.Y)/(b.Y-a.Y) + a.X) / m.Downsample
					for k := max(int(math.Ceil(x-0.5)), 0); k < m.W; k++ {
						out[j*m.W+k] = !out[j*m.W+k]
					}
				}
			}
		}
	}
	return out
}

func TestFind_SyntheticSlides_AgreesWithTheTruth(t *testing.T) {
	for seed := int64(1); seed <= 2; seed++ {
		const w, h, down = 2100, 1575, 3
		s, err := synth.New(synth.Options{Width: w, Height: h, Seed: seed, MPP: 2})
		if err != nil {
			t.Fatal(err)
		}
		thumb := image.NewRGBA(image.Rect(0, 0, w/down, h/down))
		s.Render(0, 0, down, thumb)
		m := Find(thumb, down)
		tissue, _ := s.Regions()
		truth := truthMask(m, tissue)
		both, either := 0, 0
		for i, b := range m.Bits {
			if b && truth[i] {
				both++
			}
			if b || truth[i] {
				either++
			}
		}
		iou := float64(both) / float64(either)
		t.Logf("seed %d: IoU %.3f, tissue %.3f of the slide", seed, iou, m.Share())
		if iou < 0.90 {
			t.Errorf("seed %d: IoU %.3f with the true outline", seed, iou)
			save(t, thumb, m)
		}
	}
}

// save writes a picture with the mask tinted to the test's folder of
// artefacts, for people.
func save(t *testing.T, thumb *image.RGBA, m *Mask) {
	dir := os.Getenv("COVERSLIP_TESTOUT")
	if dir == "" {
		return
	}
	out := image.NewRGBA(image.Rect(0, 0, 2*m.W, m.H))
	for y := range m.H {
		for x := range m.W {
			c := thumb.RGBAAt(x, y)
			out.SetRGBA(x, y, c)
			if !m.At(x, y) {
				c = color.RGBA{c.R / 3, c.G / 3, c.B/3 + 80, 255}
			}
			out.SetRGBA(x+m.W, y, c)
		}
	}
	f, err := os.Create(filepath.Join(dir, filepath.Base(t.Name())+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, out); err != nil {
		t.Fatal(err)
	}
}

// testdata is the folder of real slides: COVERSLIP_TESTDATA, or shared beside
// the repository.
func testdata(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("COVERSLIP_TESTDATA")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Skip("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	return dir
}

func TestFind_RealSlides_AreMostlyRight(t *testing.T) {
	dir := testdata(t)
	for _, c := range []struct {
		file          string
		in, out       [][4]float64 // level-0 rectangles that are tissue, or glass
		least, atMost float64      // share of the slide
	}{
		{"CMU-1-Small-Region.svs", [][4]float64{{1150, 1400, 300, 600}, {700, 2100, 300, 300}}, [][4]float64{{100, 200, 500, 500}, {100, 1500, 500, 800}, {1750, 100, 400, 400}}, 0.2, 0.45},
		{"TCGA-CR-7395-ts1.svs", [][4]float64{{1200, 1200, 600, 600}, {3000, 2600, 600, 500}}, [][4]float64{{100, 100, 600, 300}, {1400, 100, 800, 200}, {200, 2800, 400, 500}}, 0.45, 0.75},
	} {
		path := filepath.Join(dir, "slides", "svs", c.file)
		if _, err := os.Stat(path); err != nil {
			t.Skipf("%s is not there", path)
		}
		s, err := formats.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		thumb, err := tiles.Thumbnail(context.Background(), s, 1000)
		if err != nil {
			t.Logf("%s: %v", c.file, err) // JPEG 2000 without its library
			continue
		}
		m := Find(thumb, float64(s.Levels()[0].Width)/float64(thumb.Rect.Dx()))
		save(t, thumb, m)
		for _, r := range c.in {
			if f := m.Fraction(r[0], r[1], r[2], r[3]); f < 0.9 {
				t.Errorf("%s: %v is tissue, found %.2f of it", c.file, r, f)
			}
		}
		for _, r := range c.out {
			if f := m.Fraction(r[0], r[1], r[2], r[3]); f > 0.02 {
				t.Errorf("%s: %v is glass, found %.2f tissue", c.file, r, f)
			}
		}
		if share := m.Share(); share < c.least || share > c.atMost {
			t.Errorf("%s: tissue is %.2f of the slide", c.file, share)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	s, err := synth.New(synth.Options{Width: 1000, Height: 750, Seed: 1, MPP: 4})
	if err != nil {
		b.Fatal(err)
	}
	thumb := image.NewRGBA(image.Rect(0, 0, 1000, 750))
	s.Render(0, 0, 1, thumb)
	b.ReportAllocs()
	for b.Loop() {
		Find(thumb, 1)
	}
}
