package stain

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
)

// separated is what testdata/make.py wrote.
type separated struct {
	RGB        [][3]uint8
	HED, HDX   [][3]float64
	RGBFromHDX [3]Vector `json:"rgb_from_hdx"`
	Single     [3][][3]float64
}

func oracle(t testing.TB) separated {
	t.Helper()
	var s separated
	b, err := os.ReadFile("testdata/separated.json")
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil || len(s.RGB) < 50 {
		t.Fatalf("%d colours: %v", len(s.RGB), err)
	}
	return s
}

// Before rounding, stains are those of scikit-image's separate_stains.
func TestSeparate_asScikitImage(t *testing.T) {
	s := oracle(t)
	for _, c := range []struct {
		name    string
		vectors [3]Vector
		want    [][3]float64
	}{{"HED", HED(), s.HED}, {"HDX", s.RGBFromHDX, s.HDX}} {
		m, err := Separation(c.vectors)
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, p := range s.RGB {
			got := m.Separate(float64(p[0])/255, float64(p[1])/255, float64(p[2])/255)
			for j := range 3 {
				worst = max(worst, math.Abs(got[j]-c.want[i][j]))
			}
		}
		if worst > 1e-6 {
			t.Errorf("%s: differs by %g", c.name, worst)
		}
	}
}

// A picture of one stain is combine_stains of that stain alone, within a step of
// rounding and of the table.
func TestPainter_oneStain(t *testing.T) {
	s := oracle(t)
	for show := ShowFirst; show <= ShowThird; show++ {
		p, err := newPainter(Adjust{Show: show, Vectors: HED()})
		if err != nil {
			t.Fatal(err)
		}
		m := image.NewRGBA(image.Rect(0, 0, len(s.RGB), 1))
		for i, c := range s.RGB {
			m.SetRGBA(i, 0, color.RGBA{c[0], c[1], c[2], 255})
		}
		p.paint(m)
		for i := range s.RGB {
			got := m.RGBAAt(i, 0)
			for ch, v := range [3]uint8{got.R, got.G, got.B} {
				if want := 255 * s.Single[show-1][i][ch]; math.Abs(float64(v)-want) > 1 {
					t.Errorf("stain %d of %v: channel %d is %d, want %.2f", show, s.RGB[i], ch, v, want)
				}
			}
		}
	}
}

func TestSeparation_sameStainTwice(t *testing.T) {
	if _, err := Separation([3]Vector{{1, 0, 0}, {2, 0, 0}, {0, 1, 0}}); !errors.Is(err, ErrNoStain) {
		t.Errorf("two alike: %v", err)
	}
	if _, err := Separation([3]Vector{}); !errors.Is(err, ErrNoStain) {
		t.Errorf("none: %v", err)
	}
	for _, a := range []Adjust{{Contrast: -1}, {Gamma: math.NaN()}, {Brightness: math.NaN()}, {Show: 9}, {Show: ShowFirst}, {Normal: NormalReinhard}, {Normal: NormalMacenko}, {Normal: -1}} {
		if Check(a) == nil {
			t.Errorf("%+v can be drawn", a)
		}
	}
}

// stained is a picture of two stains in random amounts, and glass.
func stained(a, b Vector, n int) *image.RGBA {
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, n, n))
	a, b = a.unit(), b.unit()
	for y := range n {
		for x := range n {
			h, e := r.ExpFloat64()*0.8, r.ExpFloat64()*0.6
			switch r.IntN(5) {
			case 0:
				h = 0
			case 1:
				e = 0
			case 2:
				h, e = 0, 0
			}
			var c [3]uint8
			for i := range c {
				c[i] = uint8(math.Round(min(255, 240*math.Exp(-h*a[i]-e*b[i]))))
			}
			m.SetRGBA(x, y, color.RGBA{c[0], c[1], c[2], 255})
		}
	}
	return m
}

// Macenko's method finds the stains that a picture was made of.
func TestMacenko_finds(t *testing.T) {
	for _, c := range [][2]Vector{{{0.65, 0.70, 0.29}, {0.09, 0.95, 0.28}}, {{0.56, 0.72, 0.41}, {0.22, 0.80, 0.56}}} {
		m := stained(c[0], c[1], 200)
		v, err := Macenko(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if d := math.Acos(min(1, v[i].dot(c[i].unit()))) * 180 / math.Pi; d > 3.5 {
				t.Errorf("stain %d: found %v, %.1f° from %v", i, v[i], d, c[i].unit())
			}
		}
	}
	glass := image.NewRGBA(image.Rect(0, 0, 50, 50))
	tiles.Fill(glass, color.NRGBA{R: 245, G: 244, B: 246, A: 255})
	if _, err := Macenko(glass, nil); !errors.Is(err, ErrNoStain) {
		t.Errorf("glass: %v", err)
	}
	tiles.Fill(glass, color.NRGBA{R: 120, G: 60, B: 150, A: 255})
	if v, err := Macenko(glass, nil); !errors.Is(err, ErrNoStain) {
		t.Errorf("one colour: %v, %v", v, err)
	}
}

// The eigenvectors are those of a matrix made of known ones.
func TestPrincipal(t *testing.T) {
	a := Vector{1, 2, 2}.unit()
	b := Vector{2, 1, -2}.unit()
	var m [3][3]float64
	for i := range 3 {
		for j := range 3 {
			m[i][j] = 5*a[i]*a[j] + 2*b[i]*b[j]
		}
	}
	first, second := principal(m)
	if math.Abs(math.Abs(first.dot(a))-1) > 1e-12 || math.Abs(math.Abs(second.dot(b))-1) > 1e-12 {
		t.Errorf("%v and %v", first, second)
	}
}

// After normalising, a picture in other stains has the standard's stains and
// amounts.
func TestPainter_macenko(t *testing.T) {
	m := stained(Vector{0.70, 0.62, 0.35}, Vector{0.15, 0.93, 0.33}, 200)
	own, err := Macenko(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	most, err := Amounts(m, own)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPainter(Adjust{Normal: NormalMacenko, Own: own, Most: most})
	if err != nil {
		t.Fatal(err)
	}
	p.paint(m)
	h, e, want := macenkoTarget()
	got, err := Macenko(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range []Vector{h, e} {
		if d := math.Acos(min(1, got[i].dot(v.unit()))) * 180 / math.Pi; d > 4 {
			t.Errorf("stain %d is %.1f° from the standard's", i, d)
		}
	}
	amounts, err := Amounts(m, [3]Vector{h, e})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if math.Abs(amounts[i]/want[i]-1) > 0.12 {
			t.Errorf("amount %d is %g, want about %g", i, amounts[i], want[i])
		}
	}
}

// lαβ comes back, and a normalised picture has the standard's mean and deviation.
func TestPainter_reinhard(t *testing.T) {
	for _, c := range [][3]float64{{0.9, 0.6, 0.7}, {0.4, 0.2, 0.6}, {1, 1, 1}} {
		r, g, b := fromLAB(func(v float64) float64 { return math.Pow(10, v) }, toLAB(log10, c[0], c[1], c[2]))
		if math.Abs(r-c[0])+math.Abs(g-c[1])+math.Abs(b-c[2]) > 0.01 {
			t.Errorf("%v came back as %.3f %.3f %.3f", c, r, g, b)
		}
	}
	m := stained(Vector{0.70, 0.62, 0.35}, Vector{0.15, 0.93, 0.33}, 200)
	s, err := StatsOf(m)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPainter(Adjust{Normal: NormalReinhard, Source: s})
	if err != nil {
		t.Fatal(err)
	}
	p.target = Stats{Mean: s.Mean, Dev: s.Dev} // the same slide: nothing changes
	before := append([]byte(nil), m.Pix...)
	p.paint(m)
	for i := range before {
		if d := int(before[i]) - int(m.Pix[i]); d > 3 || d < -3 {
			t.Fatalf("its own standard changed %d to %d", before[i], m.Pix[i])
		}
	}
	p.target = Stats{Mean: [3]float64{s.Mean[0] - 0.1, s.Mean[1] + 0.02, s.Mean[2]}, Dev: s.Dev}
	p.paint(m)
	var mean [3]float64
	n := 0.0
	for i := 0; i < len(before); i += 4 {
		if tissueShare(before[i:]) < 1 {
			continue
		}
		n++
		for c, v := range toLAB(log10, float64(m.Pix[i])/255, float64(m.Pix[i+1])/255, float64(m.Pix[i+2])/255) {
			mean[c] += v
		}
	}
	for i := range 3 {
		if math.Abs(mean[i]/n-p.target.Mean[i]) > 0.01 {
			t.Errorf("axis %d: mean %.3f, want %.3f (was %.3f)", i, mean[i]/n, p.target.Mean[i], s.Mean[i])
		}
	}
}

func TestTone(t *testing.T) {
	for _, c := range []struct {
		a       Adjust
		v, want float64
	}{
		{Adjust{}, 0.3, 0.3}, {Adjust{Brightness: 0.2}, 0.3, 0.5}, {Adjust{Contrast: 2}, 0.3, 0.1}, {Adjust{Contrast: 2}, 0.9, 1},
		{Adjust{Gamma: 2}, 0.5, 0.25}, {Adjust{Brightness: -1}, 0.3, 0}, {Adjust{Brightness: 0.1, Contrast: 0.5, Gamma: 1}, 0.1, 0.4},
	} {
		if got := Tone(c.a, c.v); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: %g became %g, want %g", c.a, c.v, got, c.want)
		}
	}
	if !(Adjust{}).IsZero() || !(Adjust{Contrast: 1, Gamma: 1}).IsZero() || (Adjust{Gamma: 1.1}).IsZero() {
		t.Error("what changes nothing")
	}
}

// The standard is what the slide it is said to come from has.
func TestReinhardTarget_ofTheSlide(t *testing.T) {
	dir := os.Getenv("COVERSLIP_TESTDATA")
	if dir == "" {
		dir = "../../../shared"
	}
	path := filepath.Join(dir, "slides", "svs", "CMU-1-Small-Region.svs")
	s, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Skipf("no %s", path)
	}
	defer s.Close()
	m, err := tiles.Thumbnail(context.Background(), s, 1024)
	if err != nil {
		t.Fatal(err)
	}
	got, err := StatsOf(m)
	if err != nil {
		t.Fatal(err)
	}
	want := reinhardTarget()
	for i := range 3 {
		if math.Abs(got.Mean[i]-want.Mean[i]) > 5e-4 || math.Abs(got.Dev[i]-want.Dev[i]) > 5e-4 {
			t.Fatalf("measured %#v, the standard is %#v", got, want)
		}
	}
}

func BenchmarkPaint(b *testing.B) {
	src := stained(Vector{0.65, 0.70, 0.29}, Vector{0.09, 0.95, 0.28}, 256)
	own, err := Macenko(src, nil)
	if err != nil {
		b.Fatal(err)
	}
	stats, err := StatsOf(src)
	if err != nil {
		b.Fatal(err)
	}
	for name, a := range map[string]Adjust{
		"tone": {Brightness: 0.1, Contrast: 1.2, Gamma: 0.8}, "stain": {Show: ShowFirst, Vectors: HE()},
		"reinhard": {Normal: NormalReinhard, Source: stats}, "macenko": {Normal: NormalMacenko, Own: own, Most: [2]float64{2, 1}},
	} {
		b.Run(name, func(b *testing.B) {
			p, err := newPainter(a)
			if err != nil {
				b.Fatal(err)
			}
			m := image.NewRGBA(src.Rect)
			b.ReportAllocs()
			b.SetBytes(int64(len(src.Pix)))
			for b.Loop() {
				copy(m.Pix, src.Pix)
				p.paint(m)
			}
		})
	}
}
