package alike

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

// scene is a pink ground with a purple disc of radius 60 that has a white hole of
// radius 15, and noise on everything.
func scene(w, h int) *image.RGBA {
	rng := rand.New(rand.NewPCG(5, 5))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := [3]int{225, 160, 200}
			switch d := math.Hypot(float64(x-w/2), float64(y-h/2)); {
			case d < 15:
				c = [3]int{245, 243, 246}
			case d < 60:
				c = [3]int{110, 60, 150}
			}
			n := rng.IntN(17) - 8
			img.SetRGBA(x, y, color.RGBA{uint8(min(255, c[0]+n)), uint8(min(255, c[1]+n)), uint8(min(255, c[2]+n)), 255})
		}
	}
	return img
}

// signed is the area inside a ring, positive from +x to +y.
func signed(r []image.Point) float64 {
	a := 0
	for i, p := range r {
		q := r[(i+1)%len(r)]
		a += p.X*q.Y - q.X*p.Y
	}
	return float64(a) / 2
}

func TestPicture_Flood_TakesTheDisc(t *testing.T) {
	p := NewPicture(scene(200, 180))
	m := p.Flood(100+40, 90, 14, false)
	want := math.Pi * (60*60 - 15*15)
	if n := float64(m.Count()); math.Abs(n/want-1) > 0.06 {
		t.Errorf("%v pixels, the disc without its hole has %v", n, want)
	}
	rings := m.Outlines()
	sum := 0.0
	holes := 0
	for _, r := range rings {
		a := signed(r)
		sum += a
		if a < 0 {
			holes++
		}
	}
	if sum != float64(m.Count()) {
		t.Errorf("the rings enclose %v, the mask has %d pixels", sum, m.Count())
	}
	if holes != 1 {
		t.Errorf("%d holes, want one", holes)
	}
	if all := p.Flood(140, 90, 200, false).Count(); all != 200*180 {
		t.Errorf("with any colour allowed %d pixels", all)
	}
	if p.Flood(-1, 5, 14, true).Count() != 0 || p.Flood(5, 180, 14, true).Count() != 0 {
		t.Error("outside the picture something was found")
	}
}

// TestPicture_Flood_Texture parts two grounds of the same mean colour, one
// smooth and one rough.
func TestPicture_Flood_Texture(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	img := image.NewRGBA(image.Rect(0, 0, 160, 80))
	for y := range 80 {
		for x := range 160 {
			v := 150 + rng.IntN(5)
			if x >= 80 {
				v = 110 + rng.IntN(85)
			}
			img.SetRGBA(x, y, color.RGBA{uint8(v), uint8(v), uint8(v), 255})
		}
	}
	p := NewPicture(img)
	right := func(m *Mask) (n int) {
		for i, on := range m.On {
			if on && i%160 >= 90 {
				n++
			}
		}
		return n
	}
	plain, texture := right(p.Flood(30, 40, 20, false)), right(p.Flood(30, 40, 20, true))
	if plain < 4000 || texture > 50 {
		t.Errorf("beyond the border %d pixels by colour, %d with texture", plain, texture)
	}
}

func TestMask_Outlines_OfRandomMasks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		m := NewMask(1+rng.IntN(12), 1+rng.IntN(12))
		for i := range m.On {
			m.On[i] = rng.IntN(5) < 3
		}
		sum := 0.0
		for _, r := range m.Outlines() {
			sum += signed(r)
			seen := map[image.Point]bool{}
			for i, p := range r {
				if q := r[(i+1)%len(r)]; (p.X == q.X) == (p.Y == q.Y) {
					t.Fatalf("an edge from %v to %v", p, q)
				}
				if seen[p] {
					t.Fatalf("%v twice in one ring: %v", p, r)
				}
				seen[p] = true
			}
		}
		if sum != float64(m.Count()) {
			t.Fatalf("rings enclose %v of %d pixels", sum, m.Count())
		}
	}
}

func TestMask_FillHoles(t *testing.T) {
	m := NewMask(9, 9)
	for i := range m.On {
		x, y := i%9, i/9
		m.On[i] = x >= 1 && x <= 7 && y >= 1 && y <= 7 && !(x == 2 && y == 2) && !(x >= 4 && x <= 6 && y >= 4 && y <= 6)
	}
	m.FillHoles(1)
	if !m.On[2*9+2] || m.On[5*9+5] {
		t.Error("not the small hole alone was filled")
	}
	m.FillHoles(9)
	if n := m.Count(); n != 49 {
		t.Errorf("%d pixels, want 49", n)
	}
}

func TestPicture_Superpixels_FollowEdges(t *testing.T) {
	p := NewPicture(scene(200, 180))
	r := p.Superpixels(16)
	if r.N < 60 || r.N > 300 {
		t.Errorf("%d regions of 36000 pixels", r.N)
	}
	// What lies on the disc and what does not must hardly share a region.
	inside, all := make([]int, r.N), make([]int, r.N)
	for i, n := range r.Label {
		all[n]++
		if d := math.Hypot(float64(i%200-100), float64(i/200-90)); d < 60 && d >= 15 {
			inside[n]++
		}
	}
	wrong := 0
	for n := range all {
		wrong += min(inside[n], all[n]-inside[n])
	}
	if wrong > 1100 {
		t.Errorf("%d pixels lie in a region of the other side", wrong)
	}
	if r.At(-1, 0) != -1 || r.At(0, 180) != -1 || r.At(100, 90) < 0 {
		t.Error("regions outside the picture, or none inside")
	}
	if m := r.Mask(map[int]bool{r.At(100, 40): true}); m.Count() < 20 || len(m.Outlines()) == 0 {
		t.Errorf("one region has %d pixels", m.Count())
	}
}

func BenchmarkPicture_Flood(b *testing.B) {
	p := NewPicture(scene(640, 640))
	b.ReportAllocs()
	for b.Loop() {
		p.Flood(360, 320, 14, true)
	}
}

func BenchmarkPicture_Superpixels(b *testing.B) {
	p := NewPicture(scene(640, 640))
	b.ReportAllocs()
	for b.Loop() {
		p.Superpixels(20)
	}
}
