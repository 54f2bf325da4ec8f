package flat

import (
	"encoding/binary"
	"image"
	"math"

	"coverslip/tiles"
)

// cell is what a pixel is made of: 1 (grey), 3 (red, green, blue) or 4 (with
// alpha, by which the colours are multiplied) bytes of colour, or samples of 2
// bytes (unsigned) or 4 (floating-point), little-endian.
type cell struct {
	samples int // of a pixel
	size    int // bytes of a sample
}

// bytes of a pixel.
func (c cell) bytes() int { return c.samples * c.size }

// colour says whether the cell is a colour.
func (c cell) colour() bool { return c.size == 1 }

// draw expands a row of pixels in colour to RGBA.
func (c cell) draw(dst, src []byte) {
	n := len(dst) / 4
	switch c.samples {
	case 1:
		for x := range n {
			v, p := src[x], dst[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = v, v, v, 255
		}
	case 3:
		for x := range n {
			s, p := src[3*x:3*x+3:3*x+3], dst[4*x:4*x+4:4*x+4]
			p[0], p[1], p[2], p[3] = s[0], s[1], s[2], 255
		}
	default:
		copy(dst, src[:4*n])
	}
}

// pack is the opposite of draw.
func (c cell) pack(dst, rgba []byte) {
	n := len(rgba) / 4
	switch c.samples {
	case 1:
		for x := range n {
			dst[x] = rgba[4*x]
		}
	case 3:
		for x := range n {
			copy(dst[3*x:3*x+3], rgba[4*x:4*x+3])
		}
	default:
		copy(dst, rgba)
	}
}

// take copies the samples of one channel, n of them, into a raster from at on.
func (c cell) take(dst *tiles.Raster, at int, src []byte, n, channel int) {
	step, src := c.bytes(), src[channel*c.size:]
	if c.size == 2 {
		for x := range n {
			dst.Uint16[at+x] = binary.LittleEndian.Uint16(src[x*step:])
		}
		return
	}
	for x := range n {
		dst.Float32[at+x] = math.Float32frombits(binary.LittleEndian.Uint32(src[x*step:]))
	}
}

// put is the opposite of take: a row of one channel into pixels.
func (c cell) put(dst []byte, src *tiles.Raster, at, n, channel int) {
	step, dst := c.bytes(), dst[channel*c.size:]
	if c.size == 2 {
		for x := range n {
			binary.LittleEndian.PutUint16(dst[x*step:], src.Uint16[at+x])
		}
		return
	}
	for x := range n {
		binary.LittleEndian.PutUint32(dst[x*step:], math.Float32bits(src.Float32[at+x]))
	}
}

// halve writes the means of the 2×2 squares of two rows of w pixels; a last odd
// column counts twice.
func (c cell) halve(dst, a, b []byte, w int) {
	n := c.bytes()
	for x := range (w + 1) / 2 {
		l, r := 2*x*n, min(2*x+1, w-1)*n
		d := dst[x*n : (x+1)*n]
		switch c.size {
		case 1:
			for i := range d {
				d[i] = byte((int(a[l+i]) + int(a[r+i]) + int(b[l+i]) + int(b[r+i]) + 2) / 4)
			}
		case 2:
			for i := 0; i < n; i += 2 {
				u := func(p []byte, at int) uint32 { return uint32(binary.LittleEndian.Uint16(p[at+i:])) }
				binary.LittleEndian.PutUint16(d[i:], uint16((u(a, l)+u(a, r)+u(b, l)+u(b, r)+2)/4))
			}
		default:
			for i := 0; i < n; i += 4 {
				f := func(p []byte, at int) float64 {
					return float64(math.Float32frombits(binary.LittleEndian.Uint32(p[at+i:])))
				}
				mean := (f(a, l) + f(a, r) + f(b, l) + f(b, r)) / 4
				binary.LittleEndian.PutUint32(d[i:], math.Float32bits(float32(mean)))
			}
		}
	}
}

// rowOf is row y of a picture.
func rowOf(m *image.RGBA, y int) []byte { return m.Pix[y*m.Stride : y*m.Stride+4*m.Rect.Dx()] }
