package goldentest

import (
	"image"
	"image/color"
	"testing"
)

func TestDiffering(t *testing.T) {
	a, b := image.NewRGBA(image.Rect(0, 0, 4, 3)), image.NewNRGBA(image.Rect(10, 20, 14, 23))
	for i := range 12 {
		a.Set(i%4, i/4, color.Gray{100})
		b.Set(10+i%4, 20+i/4, color.Gray{100 + shade})
	}
	if _, n := Differing(a, b); n != 0 {
		t.Errorf("%d pixels differ by more than a shade", n)
	}
	b.Set(12, 21, color.Gray{100 + shade + 1})
	off, n := Differing(a, b)
	if n != 1 || off.RGBAAt(2, 1) != (color.RGBA{220, 0, 0, 255}) {
		t.Errorf("%d pixels differ, the one that does is drawn %v", n, off.RGBAAt(2, 1))
	}
}
