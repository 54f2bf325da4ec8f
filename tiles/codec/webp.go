package codec

import (
	"bytes"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

// WebP decodes a WebP stream into dst, whose size must be the stream's. Pixels
// that have an alpha are multiplied by it.
//
// The colours are those that libwebp gives: a lossy stream holds Y, Cb, Cr of
// studio range (ITU-R BT.601) at half the size, which package image would take
// for JPEG's full range.
func (s *Set) WebP(dst *image.RGBA, data []byte) error {
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("WebP: %w", err)
	}
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	if c.Width != w || c.Height != h { // before any memory is taken for it
		return fmt.Errorf("WebP image is %d×%d pixels where %d×%d are due", c.Width, c.Height, w, h)
	}
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("WebP: %w", err)
	}
	if m.Bounds().Size() != dst.Rect.Size() {
		return fmt.Errorf("WebP decodes to %v where %d×%d are due", m.Bounds().Size(), w, h)
	}
	switch m := m.(type) {
	case *image.YCbCr:
		studio(dst, m)
	case *image.NYCbCrA:
		studio(dst, &m.YCbCr)
		for y := range h {
			multiply(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], m.A[y*m.AStride:], 1)
		}
	case *image.NRGBA:
		for y := range h {
			row := dst.Pix[y*dst.Stride : y*dst.Stride+4*w]
			copy(row, m.Pix[y*m.Stride:])
			multiply(row, m.Pix[y*m.Stride+3:], 4)
		}
	default:
		return fmt.Errorf("WebP decodes to %T", m)
	}
	return nil
}

// multiply sets the alphas of a row, step bytes apart, and multiplies colours by
// them, rounded.
func multiply(row, alpha []byte, step int) {
	for x := 0; x < len(row); x += 4 {
		a := uint32(alpha[x/4*step])
		if row[x+3] = byte(a); a == 255 {
			continue
		}
		for k := range 3 {
			row[x+k] = byte((uint32(row[x+k])*a + 127) / 255)
		}
	}
}

// studio converts a 4:2:0 picture of studio range. Chroma lies in the middle of
// its four pixels; each pixel takes it from the four nearest samples, weighted
// 9, 3, 3 and 1, as libwebp does by default. At the edges samples repeat.
func studio(dst *image.RGBA, m *image.YCbCr) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	for y := range h {
		near := y / 2
		far := min(max(near-1+y%2*2, 0), ch-1)
		nu, nv := m.Cb[near*m.CStride:][:cw], m.Cr[near*m.CStride:][:cw]
		fu, fv := m.Cb[far*m.CStride:][:cw], m.Cr[far*m.CStride:][:cw]
		luma := m.Y[y*m.YStride:][:w]
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*w]
		for x, l := range luma {
			a := x / 2
			b := min(max(a-1+x%2*2, 0), cw-1)
			u := (9*int(nu[a]) + 3*int(nu[b]) + 3*int(fu[a]) + int(fu[b]) + 8) >> 4
			v := (9*int(nv[a]) + 3*int(nv[b]) + 3*int(fv[a]) + int(fv[b]) + 8) >> 4
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2] = studioRGB(int(l), u, v)
			p[3] = 255
		}
	}
}

// studioRGB is BT.601 with 14 bits of fraction, of which 8 are dropped after
// each product: the arithmetic of libwebp, so that pixels are equal to its.
func studioRGB(y, u, v int) (r, g, b byte) {
	y = y * 19077 >> 8                 // 255/219
	r = clamp6(y + v*26149>>8 - 14234) // 1.402·255/224
	g = clamp6(y - u*6419>>8 - v*13320>>8 + 8708)
	b = clamp6(y + u*33050>>8 - 17685) // 1.772·255/224
	return r, g, b
}

// clamp6 drops six bits of fraction and keeps the byte's range.
func clamp6(v int) byte { return byte(min(max(v, 0), 255<<6+63) >> 6) }
