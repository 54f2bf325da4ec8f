package synth

import (
	"image"
	"math"
)

// scanner is what the instrument adds: its light, its lens, its sensor.
type scanner struct {
	white   [3]float32 // empty glass, 0..255
	blur    [3]float32 // half of a symmetric kernel of five: middle, first, second
	noise   float32    // standard deviation at full light, in grey levels
	falloff float32    // loss of light in the corner of a field of view
	seed    uint64
	grain   [][3]int8 // sensor noise of one field, in grainUnits
}

// field is the width of the scanner's field of view in pixels: the period of
// vignetting and sensor noise, and so of empty glass.
const field = 1024

func scannerBySeed(r *random, mpp float32) scanner {
	var c scanner
	grey := r.between(240, 246)
	for i := range c.white {
		c.white[i] = min(grey+r.between(-2.2, 2.2), 250)
	}
	// Point spread in pixels: a lens of about 0.3 µm resolution, then the
	// sharpening that scanners apply.
	sigma := min(max(r.between(0.12, 0.2)/mpp, 0.3), 0.85)
	first := float32(math.Exp(-0.5 / float64(sigma*sigma)))
	second := float32(math.Exp(-2 / float64(sigma*sigma)))
	sum := 1 + 2*first + 2*second
	sharpen := r.between(0, 0.35)
	c.blur = [3]float32{1/sum + sharpen*0.5, first/sum - sharpen*0.16, second/sum - sharpen*0.09}
	c.noise = r.between(0.8, 2.0)
	c.falloff = r.between(0.002, 0.006)
	c.seed = r.bits()
	return c
}

// sensor is the noise of a pixel in standard deviations, mean 0; channel -1 is
// what the channels share.
func (c *scanner) sensor(x, y, channel int) float32 {
	h := lattice(uint32(c.seed)+uint32(channel+1)*0x51ED27, int32(x&(field-1)), int32(y&(field-1)))
	return (float32(h&0xFFFF)+float32(h>>16))*(2.449/65535) - 2.449
}

// makeGlass tabulates the sensor's noise and draws one period of empty glass.
func (s *Scene) makeGlass() *image.RGBA {
	g := image.NewRGBA(image.Rect(0, 0, field, field))
	s.scanner.grain = make([][3]int8, field*field)
	var light [3][]float32
	for c := range light {
		light[c] = make([]float32, field)
		for x := range field {
			light[c][x] = 1
		}
	}
	parallel(field, func(y int) {
		for x := range field {
			common := s.scanner.sensor(x, y, -1) * 0.7
			for c := range 3 {
				v := common + 0.7*s.scanner.sensor(x, y, c)
				s.scanner.grain[y*field+x][c] = int8(min(max(v*grainUnit, -127), 127))
			}
		}
		s.expose(g.Pix[y*g.Stride:], 0, y, light)
	})
	return g
}

// grainUnit is one standard deviation in the table of sensor noise.
const grainUnit = 32

// expose turns a row of light (0..1 of the lamp's, red, green and blue) into
// pixels from (x0, y) on.
func (s *Scene) expose(p []uint8, x0, y int, light [3][]float32) {
	c := &s.scanner
	dy := float32(y&(field-1))/(field/2) - 1
	grain := c.grain[(y&(field-1))*field:][:field]
	// Photon noise grows with the root of the light; a line is near enough.
	dark, bright := c.noise*0.45/grainUnit, c.noise*0.55/grainUnit
	red, green, blue := light[0], light[1][:len(light[0])], light[2][:len(light[0])]
	for i, r := range red {
		x := (x0 + i) & (field - 1)
		dx := float32(x)/(field/2) - 1
		v := 1 - c.falloff*0.5*(dx*dx+dy*dy)
		n := &grain[x]
		q := p[4*i : 4*i+4 : 4*i+4]
		q[0] = level(r*v*c.white[0] + (dark+bright*r)*float32(n[0]))
		q[1] = level(green[i]*v*c.white[1] + (dark+bright*green[i])*float32(n[1]))
		q[2] = level(blue[i]*v*c.white[2] + (dark+bright*blue[i])*float32(n[2]))
		q[3] = 255
	}
}

func level(v float32) uint8 { return uint8(min(max(v+0.5, 0), 255)) }

// transmittance tabulates 10^-density (Beer and Lambert) in steps of 1/1024.
var transmittance = func() (t [4096]float32) {
	for i := range t {
		t[i] = float32(math.Pow(10, -float64(i)/1024))
	}
	return t
}()

func transmit(density float32) float32 {
	i := int(density * 1024)
	if i >= len(transmittance) {
		i = len(transmittance) - 1
	}
	if i < 0 {
		i = 0
	}
	return transmittance[i]
}

// develop turns the tile's dyes into light, through the lens, and writes the
// pixels of dst; dst's first pixel lies margin pixels inside the tile.
func (t *tile) develop(dst *image.RGBA, margin int) {
	st := &t.s.stains
	h, e, b := t.dye[dyeH], t.dye[dyeE], t.dye[dyeB]
	for c := range 3 {
		kh, ke, kb := st[dyeH][c], st[dyeE][c], st[dyeB][c]
		out := t.light[c]
		for i := range out {
			out[i] = transmit(kh*h[i] + ke*e[i] + kb*b[i])
		}
	}
	t.overlay()
	for c := range 3 {
		t.blur(t.light[c])
	}
	size := dst.Rect.Size()
	for y := range size.Y {
		row := dst.Pix[dst.PixOffset(dst.Rect.Min.X, dst.Rect.Min.Y+y):]
		at := (y+margin)*t.w + margin
		light := [3][]float32{t.light[0][at : at+size.X], t.light[1][at : at+size.X], t.light[2][at : at+size.X]}
		t.s.expose(row, t.x0+margin, t.y0+margin+y, light)
	}
}

// blur convolves one channel with the lens in place; the outermost two pixels
// stay wrong, which is what the margin is for.
func (t *tile) blur(p []float32) {
	k0, k1, k2 := t.s.scanner.blur[0], t.s.scanner.blur[1], t.s.scanner.blur[2]
	w, h := t.w, t.h
	if cap(t.row) < max(w, 3*w) {
		t.row = make([]float32, 3*w)
	}
	line := t.row[:w]
	for y := range h {
		r := p[y*w : y*w+w]
		copy(line, r)
		for x := 2; x < w-2; x++ {
			r[x] = k0*line[x] + k1*(line[x-1]+line[x+1]) + k2*(line[x-2]+line[x+2])
		}
	}
	// Down the columns, keeping the two rows above as they were.
	above2, above1 := t.row[w:2*w], t.row[2*w:3*w]
	copy(above2, p[:w])
	copy(above1, p[w:2*w])
	for y := 2; y < h-2; y++ {
		r, n1, n2 := p[y*w:y*w+w], p[(y+1)*w:(y+1)*w+w], p[(y+2)*w:(y+2)*w+w]
		for x := range r {
			was := r[x]
			r[x] = k0*was + k1*(above1[x]+n1[x]) + k2*(above2[x]+n2[x])
			above2[x] = above1[x]
			above1[x] = was
		}
	}
}
