package likeness

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// picture is smooth noise: blobs of random tone, no two alike.
func picture(r *rand.Rand, side int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range m.Pix {
		m.Pix[i] = 200
	}
	for range 60 {
		cx, cy, rad, v := r.IntN(side), r.IntN(side), 4+r.IntN(side/6), byte(r.IntN(200))
		for y := max(0, cy-rad); y < min(side, cy+rad); y++ {
			for x := max(0, cx-rad); x < min(side, cx+rad); x++ {
				if (x-cx)*(x-cx)+(y-cy)*(y-cy) < rad*rad {
					i := m.PixOffset(x, y)
					m.Pix[i], m.Pix[i+1], m.Pix[i+2] = v, v/2, v
				}
			}
		}
	}
	return m
}

func TestPairs_FindsCopiesOnly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var hashes []Hash
	for range 400 {
		h, ok := Of(picture(r, 224))
		if !ok {
			t.Fatal("a picture without a hash")
		}
		hashes = append(hashes, h)
	}
	least := 512
	for i := range hashes {
		for j := range i {
			least = min(least, hashes[i].Distance(hashes[j]))
		}
	}
	if least <= 2*Near {
		t.Errorf("two pictures that have nothing in common are only %d apart", least)
	}
	// A copy by JPEG, one that is brighter, and one that is shifted by a pixel.
	m := picture(r, 224)
	h, _ := Of(m)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 50}); err != nil {
		t.Fatal(err)
	}
	back, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	worse, bright, moved := image.NewRGBA(m.Rect), image.NewRGBA(m.Rect), image.NewRGBA(m.Rect)
	draw.Draw(worse, m.Rect, back, image.Point{}, draw.Src)
	for i, v := range m.Pix {
		bright.Pix[i] = min(v, 245) + 10
	}
	draw.Draw(moved, m.Rect, m, image.Pt(1, 0), draw.Src)
	first := len(hashes)
	hashes = append(hashes, h)
	for name, c := range map[string]*image.RGBA{"jpeg": worse, "bright": bright, "moved": moved} {
		got, ok := Of(c)
		if !ok || h.Distance(got) > Near {
			t.Errorf("%s: %d signs differ", name, h.Distance(got))
		}
		hashes = append(hashes, got)
	}
	pairs := Pairs(hashes, func(int, int) bool { return true })
	if len(pairs) < 3 || len(pairs) > 6 { // the copy with each; some of those among themselves
		t.Errorf("%d pairs", len(pairs))
	}
	for _, p := range pairs {
		if p.A < first || p.A >= p.B || hashes[p.A].Distance(hashes[p.B]) != p.Distance {
			t.Errorf("pair %+v", p)
		}
	}
	if n := len(Pairs(hashes, func(a, b int) bool { return false })); n != 0 {
		t.Errorf("%d pairs that nobody asked for", n)
	}
}

func TestOf_EvenPicturesHaveNone(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range m.Pix {
		m.Pix[i] = 240 + byte(i%3)
	}
	if _, ok := Of(m); ok {
		t.Error("glass has a hash")
	}
	if _, ok := Of(image.NewRGBA(image.Rect(0, 0, 8, 8))); ok {
		t.Error("too small a picture has a hash")
	}
}

func BenchmarkOf(b *testing.B) {
	b.ReportAllocs()
	m := picture(rand.New(rand.NewPCG(1, 1)), 224)
	for b.Loop() {
		Of(m)
	}
}
