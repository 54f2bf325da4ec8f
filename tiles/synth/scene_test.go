package synth

import (
	"bytes"
	"context"
	"image"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
)

func scene(t testing.TB, o Options) *Scene {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func render(s *Scene, x, y, w, h, down int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	s.Render(x, y, down, img)
	return img
}

// medium is a slide with every kind of tissue that draws quickly.
var medium = Options{Width: 9000, Height: 7000, Seed: 7, MPP: 0.5}

func TestNew_BadOptions_AreRefused(t *testing.T) {
	for _, o := range []Options{{}, {Width: 10, Height: 1000}, {Width: 1 << 30, Height: 1000}, {Width: 1000, Height: 1000, MPP: math.NaN()},
		{Width: 1000, Height: 1000, MPP: 9}, {Width: 1000, Height: 1000, Pieces: 4}, {Width: 1000, Height: 1000, Stain: Stain{Eosin: -1}}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// TestScene_Render_AnyRectangle_SamePixels cuts the same place in different
// ways: tissue of every kind, pen and fold must meet without a seam.
func TestScene_Render_AnyRectangle_SamePixels(t *testing.T) {
	s := scene(t, medium)
	again := scene(t, medium)
	for _, p := range interesting(s) {
		x, y := p.x-150, p.y-110
		whole := render(s, x, y, 300, 220, 1)
		pieces := image.NewRGBA(whole.Rect)
		var group sync.WaitGroup
		for _, r := range []image.Rectangle{image.Rect(0, 0, 101, 77), image.Rect(101, 0, 300, 77), image.Rect(0, 77, 37, 220), image.Rect(37, 77, 300, 220)} {
			group.Go(func() { again.Render(x+r.Min.X, y+r.Min.Y, 1, pieces.SubImage(r).(*image.RGBA)) })
		}
		group.Wait()
		if !bytes.Equal(whole.Pix, pieces.Pix) {
			n := 0
			for i := range whole.Pix {
				if whole.Pix[i] != pieces.Pix[i] {
					n++
				}
			}
			t.Errorf("%s at (%d,%d): %d of %d bytes differ between one rectangle and four", p.what, p.x, p.y, n, len(whole.Pix))
		}
	}
}

type spot struct {
	what string
	x, y int
}

// interesting is a place within each class of the truth, the middle of the
// pen's line and that of the fold among them.
func interesting(s *Scene) (out []spot) {
	_, regions := s.Regions()
	seen := map[string]bool{}
	for _, r := range regions {
		if seen[r.Class] {
			continue
		}
		seen[r.Class] = true
		out = append(out, spot{r.Class + " border", int(r.Outer[0].X), int(r.Outer[0].Y)})
	}
	for _, st := range s.strokes {
		p := st.line[len(st.line)/2]
		out = append(out, spot{"pen", int(p[0] / s.mpp), int(p[1] / s.mpp)})
	}
	if s.fold != nil {
		p := s.fold.line[len(s.fold.line)/2]
		out = append(out, spot{"fold", int(p[0] / s.mpp), int(p[1] / s.mpp)})
	}
	return out
}

func TestScene_Render_Downsample_IsTheAverage(t *testing.T) {
	s := scene(t, medium)
	p := interesting(s)[0]
	fine := render(s, p.x, p.y, 96, 64, 1)
	for _, down := range []int{2, 3, 16} {
		got := render(s, p.x, p.y, 96/down, 64/down, down)
		for y := range got.Rect.Dy() {
			for x := range got.Rect.Dx() {
				var want [4]uint8
				average(want[:], fine, x*down, y*down, down)
				if g := got.RGBAAt(x, y); [4]uint8{g.R, g.G, g.B, g.A} != want {
					t.Fatalf("downsample %d (%d,%d): %v, want %v", down, x, y, g, want)
				}
			}
		}
	}
}

func TestScene_Render_OtherSeed_OtherSlide(t *testing.T) {
	a, b := scene(t, Options{Width: 2000, Height: 1500, Seed: 1}), scene(t, Options{Width: 2000, Height: 1500, Seed: 2})
	if bytes.Equal(render(a, 900, 700, 64, 64, 1).Pix, render(b, 900, 700, 64, 64, 1).Pix) {
		t.Error("two seeds draw the same")
	}
}

func TestScene_Render_Glass_IsBrightAndPeriodic(t *testing.T) {
	s := scene(t, medium)
	if !s.empty(0, 0, 128, 128) {
		t.Skip("the corner of this seed is not empty")
	}
	a := render(s, 0, 0, 256, 256, 1)
	for i := 0; i < len(a.Pix); i += 4 {
		if min(a.Pix[i], a.Pix[i+1], a.Pix[i+2]) < 215 || a.Pix[i+3] != 255 {
			t.Fatalf("glass pixel %v", a.Pix[i:i+4])
		}
	}
	// Beyond the slide's edge the glass goes on, with the same period.
	if b := render(s, -field, -field, 256, 256, 1); !bytes.Equal(a.Pix, b.Pix) {
		t.Error("glass does not repeat")
	}
}

// meanColour is the mean red, green and blue over w x w pixels around a point.
func meanColour(s *Scene, x, y float64, w int) (c [3]float64) {
	img := render(s, int(x)-w/2, int(y)-w/2, w, w, 1)
	for i := 0; i < len(img.Pix); i += 4 {
		for k := range 3 {
			c[k] += float64(img.Pix[i+k]) / float64(w*w)
		}
	}
	return c
}

func TestScene_Truth_NucleiAreDrawnWhereItSays(t *testing.T) {
	s := scene(t, medium)
	truth := s.Truth()
	if len(truth.Nuclei) < 5000 {
		t.Fatalf("only %d nuclei", len(truth.Nuclei))
	}
	kinds := map[Kind]int{}
	dark, all := 0, 0
	for i, n := range truth.Nuclei {
		kinds[n.Kind]++
		if i%97 != 0 || n.Kind == Debris {
			continue
		}
		all++
		// Red is what haematoxylin takes and eosin leaves.
		if meanColour(s, n.X, n.Y, 3)[0] < 165 {
			dark++
		}
		ring := s.Ring(n)
		if !contains(ring, Point{n.X, n.Y}) || area(ring)*0.25 < 3 || area(ring)*0.25 > 400 {
			t.Errorf("%v at (%.0f,%.0f): ring of %.1f µm²", n.Kind, n.X, n.Y, area(ring)*0.25)
		}
	}
	if float64(dark) < 0.9*float64(all) {
		t.Errorf("%d of %d nuclei are dark where the truth puts them", dark, all)
	}
	for k := Tumour; k <= Debris; k++ {
		if kinds[k] == 0 {
			t.Errorf("no %v among %v", k, kinds)
		}
	}
}

func TestScene_Truth_RegionsLookLikeTheirClass(t *testing.T) {
	s := scene(t, medium)
	truth := s.Truth()
	sum, n := map[string][3]float64{}, map[string]int{}
	density := map[string]float64{}
	r := random(5)
	for _, region := range truth.Regions {
		if region.Class == ClassArtefact || region.Class == ClassVessel {
			continue
		}
		for try := 0; try < 400 && n[region.Class] < 40; try++ {
			p := region.Outer[int(r.bits()%uint64(len(region.Outer)))]
			p.X += float64(r.between(-400, 400))
			p.Y += float64(r.between(-400, 400))
			if !covers(region, p) || !covers(region, Point{p.X + 60, p.Y}) || !covers(region, Point{p.X - 60, p.Y}) {
				continue
			}
			c := meanColour(s, p.X, p.Y, 64)
			v := sum[region.Class]
			for k := range v {
				v[k] += c[k]
			}
			sum[region.Class] = v
			n[region.Class]++
		}
	}
	for class, v := range sum {
		for k := range v {
			v[k] /= float64(n[class])
		}
		sum[class] = v
		density[class] = 255 - (v[0]+v[1]+v[2])/3
		t.Logf("%-12s %3d places, mean colour %.0f %.0f %.0f", class, n[class], v[0], v[1], v[2])
	}
	for _, class := range []string{ClassTumour, ClassStroma, ClassNecrosis, ClassLymphocytes, ClassGlands, ClassFat} {
		if n[class] == 0 {
			t.Errorf("no place of class %s", class)
		}
	}
	if density[ClassFat] > 45 || density[ClassLymphocytes] < density[ClassStroma] || density[ClassTumour] < density[ClassNecrosis] {
		t.Errorf("densities do not fit the classes: %v", density)
	}
	if sum[ClassLymphocytes][0] > sum[ClassStroma][0] {
		t.Error("lymphocytes are redder than stroma")
	}
}

func covers(r Region, p Point) bool {
	if !contains(r.Outer, p) {
		return false
	}
	for _, h := range r.Holes {
		if contains(h, p) {
			return false
		}
	}
	return true
}

// TestScene_Truth_ZonesTileTheTissue: at a place of tissue exactly one zone
// says what it is.
func TestScene_Truth_ZonesTileTheTissue(t *testing.T) {
	s := scene(t, Options{Width: 16000, Height: 12000, Seed: 3})
	tissue, zones := s.zones()
	var area0, sum float64
	for _, r := range tissue {
		area0 += net(r)
	}
	for _, r := range zones {
		sum += net(r)
	}
	if math.Abs(sum/area0-1) > 0.05 {
		t.Errorf("zones cover %.3f of the tissue", sum/area0)
	}
	if share := area0 / (16000 * 12000); share < 0.2 || share > 0.45 {
		t.Errorf("tissue covers %.2f of the slide", share)
	}
	r := random(9)
	for range 2000 {
		p := Point{float64(r.between(0, 16000)), float64(r.between(0, 12000))}
		in := 0
		for _, z := range zones {
			if covers(z, p) {
				in++
			}
		}
		if in > 1 {
			t.Fatalf("(%.0f,%.0f) lies in %d zones", p.X, p.Y, in)
		}
	}
}

func net(r Region) float64 {
	a := area(r.Outer)
	for _, h := range r.Holes {
		a += area(h)
	}
	return a
}

func TestRaster_Contours_OfADiscWithAHole(t *testing.T) {
	r := raster{w: 60, h: 50, step: 10, v: make([]float32, 3000)}
	for y := range 50 {
		for x := range 60 {
			d := math.Hypot(float64(x)-30, float64(y)-25)
			r.v[y*60+x] = float32(min(20-d, d-8))
		}
	}
	got := r.contours("x", 0)
	if len(got) != 1 || len(got[0].Holes) != 1 {
		t.Fatalf("%d regions", len(got))
	}
	if a := net(got[0]); math.Abs(a/(math.Pi*(200*200-80*80))-1) > 0.01 {
		t.Errorf("area %.0f", a)
	}
}

func TestWriteSmall_IsASlideQuickly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.svs")
	s, err := WriteSmall(context.Background(), path, 11)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() < 50_000 {
		t.Fatalf("%v %v", info, err)
	}
	slide, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer slide.Close()
	if in := slide.Info(); in.Format != "aperio" || in.MPPX != 0.25 || in.Objective != 40 || len(in.Associated) != 3 || slide.Levels()[0].Width != 1200 {
		t.Errorf("read back as %+v, levels %+v", in, slide.Levels())
	}
	got := image.NewRGBA(image.Rect(0, 0, 500, 400))
	if err := tiles.ReadRegion(context.Background(), slide, 0, 350, 250, got); err != nil {
		t.Fatal(err)
	}
	want, sum := render(s, 350, 250, 500, 400, 1), 0.0
	for i := range want.Pix {
		sum += math.Abs(float64(want.Pix[i]) - float64(got.Pix[i]))
	}
	if mean := sum / float64(len(want.Pix)); mean > 4 {
		t.Errorf("pixels read back differ by %.2f in the mean", mean)
	}
	if n := len(s.Truth().Nuclei); n < 30 {
		t.Errorf("%d nuclei", n)
	}
	if err := Write(context.Background(), s, path, "bmp", nil); err == nil {
		t.Error("format bmp was accepted")
	}
}

func TestWrite_Cancelled_LeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	err := Write(ctx, scene(t, Options{Width: 20000, Height: 15000, Seed: 1}), filepath.Join(dir, "x.svs"), FormatSVS, func(int, int) { cancel() })
	if err == nil {
		t.Error("a cancelled write succeeded")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func BenchmarkScene_Render(b *testing.B) {
	s := scene(b, Options{Width: 40000, Height: 30000, Seed: 1})
	_, regions := s.Regions()
	seen := map[string]bool{}
	for _, r := range regions {
		if seen[r.Class] {
			continue
		}
		seen[r.Class] = true
		b.Run(r.Class, func(b *testing.B) {
			b.ReportAllocs()
			dst := image.NewRGBA(image.Rect(0, 0, 256, 256))
			p := r.Outer[len(r.Outer)/3]
			for b.Loop() {
				s.Render(int(p.X), int(p.Y), 1, dst)
			}
		})
	}
}
