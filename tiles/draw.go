package tiles

import (
	"image"
	"image/color"
)

// Fill paints the whole of dst in one colour.
func Fill(dst *image.RGBA, c color.NRGBA) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	if w <= 0 || h <= 0 {
		return
	}
	r, g, b, a := c.RGBA() // multiplied by alpha, as image.RGBA holds it
	first := dst.Pix[:4*w]
	for x := 0; x < len(first); x += 4 {
		first[x], first[x+1], first[x+2], first[x+3] = byte(r>>8), byte(g>>8), byte(b>>8), byte(a>>8)
	}
	for y := 1; y < h; y++ {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], first)
	}
}

// part is the pixels of m in r as a picture of its own whose bounds begin at
// r.Min; r must lie inside m.
func part(m *image.RGBA, r image.Rectangle) *image.RGBA {
	return m.SubImage(r).(*image.RGBA)
}
