package vit

import (
	"context"
	"image"
	"image/draw"
	"image/jpeg"
	"math"
	"os"
	"testing"

	"coverslip/models"
	"coverslip/models/learn"
	"coverslip/models/modeltest"
)

func demo(t testing.TB) models.Encoder {
	t.Helper()
	e, err := Demo(modeltest.Runtime(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// textures are alike in mean colour and differ in pattern only.
var textures = []struct {
	name string
	at   func(x, y, u, v float64) float64 // -1 … 1; u, v are random shifts
}{
	{"plain", func(x, y, u, v float64) float64 { return 0 }},
	{"broad stripes", func(x, y, u, v float64) float64 { return math.Sin((x + u) / 8) }},
	{"fine stripes", func(x, y, u, v float64) float64 { return math.Sin((x + u) / 1.5) }},
	{"level stripes", func(x, y, u, v float64) float64 { return math.Sin((y + v) / 8) }},
	{"checks", func(x, y, u, v float64) float64 { return math.Sin((x+u)/5) * math.Sin((y+v)/5) * 1.4 }},
	{"few nuclei", func(x, y, u, v float64) float64 { return nuclei(x+u, y+v, 48, 8) + 0.1 }},
	{"many nuclei", func(x, y, u, v float64) float64 { return nuclei(x+u, y+v, 20, 5) + 0.35 }},
	{"slope", func(x, y, u, v float64) float64 { return (x - 112) / 112 }},
}

// nuclei is a grid of discs, shifted from row to row.
func nuclei(x, y, step, radius float64) float64 {
	row := math.Floor(y / step)
	x += 0.37 * step * row
	dx, dy := math.Mod(x, step)-step/2, math.Mod(y, step)-step/2
	if dx*dx+dy*dy < radius*radius {
		return -1.6
	}
	return 0
}

// texture paints pattern k in pinkish colours, with noise, shifted by the seed.
func texture(k int, size int, seed uint64) *image.RGBA {
	r := source(seed*977 + uint64(k))
	u, v := float64(r.next()%1000), float64(r.next()%1000)
	light := float64(int(r.next()%21) - 10)
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			s := textures[k].at(float64(x), float64(y), u, v)
			noise := float64(int(r.next()%17)) - 8
			p := img.Pix[y*img.Stride+4*x:]
			for c, base := range [3]float64{200, 140, 180} {
				p[c] = uint8(min(max(base+light+noise+s*[3]float64{40, 50, 30}[c], 0), 255))
			}
			p[3] = 255
		}
	}
	return img
}

// fitAndScore learns from train and gives the share of test judged right.
func fitAndScore(t testing.TB, e models.Encoder, train, test []*image.RGBA, trainClass, testClass []int, classes int) float64 {
	t.Helper()
	v, err := e.Encode(context.Background(), train)
	if err != nil {
		t.Fatal(err)
	}
	examples := make([]learn.Example, len(v))
	for i := range v {
		examples[i] = learn.Example{Vector: v[i], Class: trainClass[i]}
	}
	probe, err := learn.FitSimpleShot(examples, classes)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = e.Encode(context.Background(), test); err != nil {
		t.Fatal(err)
	}
	right := 0
	table := make([][]int, classes)
	for i := range table {
		table[i] = make([]int, classes)
	}
	for i := range v {
		p := probe.Predict(v[i])
		table[testClass[i]][p.Class]++
		if p.Class == testClass[i] {
			right++
		}
	}
	t.Logf("%d of %d right; by class %v", right, len(v), table)
	return float64(right) / float64(len(v))
}

func TestDemo_TellsTexturesApart(t *testing.T) {
	e := demo(t)
	var train, test []*image.RGBA
	var a, b []int
	for k := range textures {
		for i := range 3 {
			train, a = append(train, texture(k, 224, uint64(i+1))), append(a, k)
		}
		for i := range 4 {
			test, b = append(test, texture(k, 224, uint64(i+100))), append(b, k)
		}
	}
	if got := fitAndScore(t, e, train, test, a, b, len(textures)); got < 0.85 {
		t.Errorf("%.2f of the patches were told apart from three examples a texture", got)
	}
}

// Places on a real slide of skin (H&E, 0.5 µm a pixel), as rectangles of
// level-0 pixels: 0 glass, 1 stroma, 2 epithelium. The places to learn from
// and those to be judged do not touch.
var places = []struct {
	class int
	train bool
	r     image.Rectangle
}{
	{0, true, image.Rect(120, 1480, 660, 2400)}, {0, false, image.Rect(1850, 120, 2200, 540)},
	{1, true, image.Rect(1000, 2440, 1480, 2840)}, {1, false, image.Rect(960, 1250, 1090, 1950)},
	{2, true, image.Rect(1130, 1900, 1280, 2380)}, {2, false, image.Rect(600, 2700, 740, 2940)},
}

func TestDemo_TellsTissueApart(t *testing.T) {
	name := modeltest.File(t, "slides/made/plain.jpg")
	e := demo(t)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	slide, err := jpeg.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	const size = 96
	var train, test []*image.RGBA
	var a, b []int
	n := 0
	for _, p := range places {
		for y := p.r.Min.Y; y+size <= p.r.Max.Y; y += size * 2 / 3 {
			for x := p.r.Min.X; x+size <= p.r.Max.X; x += size * 2 / 3 {
				patch := image.NewRGBA(image.Rect(0, 0, size, size))
				draw.Draw(patch, patch.Rect, slide, image.Pt(x, y), draw.Src)
				if p.train {
					if n++; n%5 == 0 || p.class == 2 && n%2 == 0 { // few, and of uneven number
						train, a = append(train, patch), append(a, p.class)
					}
				} else {
					test, b = append(test, patch), append(b, p.class)
				}
			}
		}
	}
	t.Logf("learned from %d patches", len(train))
	if got := fitAndScore(t, e, train, test, a, b, 3); got < 0.9 {
		t.Errorf("%.2f of glass, stroma and epithelium were told apart", got)
	}
}
