package synth

import (
	"image"
	"testing"
)

// The raster says what the truth's regions and nuclei say.
func TestScene_Compose(t *testing.T) {
	s, err := New(Options{Width: 3000, Height: 2200, Seed: 4, MPP: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	var seen [Contents]int
	const size = 220
	nuclei := 0
	for y := 0; y < 2200; y += size {
		for x := 0; x+size <= 3000; x += size {
			c := s.Compose(float64(x), float64(y), size, 11)
			for k, z := range c.Zone {
				seen[z]++
				nuclei += int(c.Nuclei[k])
			}
		}
	}
	for z, n := range seen {
		if n == 0 && Content(z) != Vascular { // vessels are no zone
			t.Errorf("content %d is nowhere", z)
		}
	}
	all := 0
	for _, n := range s.Truth().Nuclei {
		if n.X < float64(3000/size*size) && n.Y < 2200 {
			all++
		}
	}
	if nuclei < all*98/100 || nuclei > all*102/100 || nuclei < 1000 {
		t.Errorf("%d nuclei in the squares, %d in the truth", nuclei, all)
	}
	pens, folds := s.Artefacts()
	if len(pens) == 0 || len(folds) == 0 {
		t.Fatal("no artefacts")
	}
	p := pens[len(pens)/2]
	if c := s.Compose(p.X-10, p.Y-10, 20, 1); c.Look[0] != Inked {
		t.Errorf("%d on the pen mark", c.Look[0])
	}
}

// A brown section has brown nuclei, as many as were asked for, and no pink.
func TestStain_Brown(t *testing.T) {
	mean := func(o Options) (rgb [3]float64, share float64) {
		o.Width, o.Height, o.Seed, o.MPP, o.Clean = 400, 300, 4, 1, true
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		dst := image.NewRGBA(image.Rect(0, 0, 400, 300))
		s.Render(0, 0, 1, dst)
		for i := 0; i < len(dst.Pix); i += 4 {
			for c := range rgb {
				rgb[c] += float64(dst.Pix[i+c]) / float64(len(dst.Pix)/4)
			}
		}
		c := s.Compose(0, 0, 300, 10)
		if n := c.Kinds[Tumour] + c.Kinds[Mitosis] + c.Kinds[Epithelium]; n > 0 {
			share = float64(c.Brown) / float64(n)
		}
		return rgb, share
	}
	pink, none := mean(Options{})
	blue, zero := mean(Options{Stain: Stain{Brown: true}})
	brown, most := mean(Options{Stain: Stain{Brown: true, Positive: 0.9}})
	if none != 0 || zero != 0 || most < 0.7 {
		t.Errorf("brown nuclei: %g, %g, %g of the marked kinds", none, zero, most)
	}
	if pink[0]-pink[1] < blue[0]-blue[1]+3 {
		t.Errorf("eosin is still there: %v, %v", pink, blue)
	}
	if blue[2]-brown[2] < 1 || blue[2]-brown[2] < blue[0]-brown[0]+1.5 {
		t.Errorf("the marked nuclei are not brown: %v, %v", blue, brown)
	}
	if _, err := New(Options{Width: 100, Height: 100, Stain: Stain{Positive: 2}}); err == nil {
		t.Error("a share of 2")
	}
}
