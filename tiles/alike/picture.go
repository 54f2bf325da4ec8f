package alike

import (
	"image"
	"math"
)

// Picture is the look of every pixel: its colour in CIE L*a*b*, a little smoothed
// so that the noise of the camera does not count, and how rough the
// lightness is around it.
type Picture struct {
	W, H  int
	lab   [3][]float32 // smoothed
	rough []float32    // standard deviation of L* in a window
}

// roughHalf is half the window of the roughness, pixels: a nucleus seen at 10×
// is about as wide as the window.
const roughHalf = 4

// roughWeight is how much a difference in roughness counts beside one of colour:
// tissue of one kind varies by about 2 in roughness and by about 6 in colour.
const roughWeight = 3.0

// NewPicture takes the look of an opaque picture in sRGB.
func NewPicture(img *image.RGBA) *Picture {
	b := img.Bounds()
	p := &Picture{W: b.Dx(), H: b.Dy()}
	raw := labOf(img)
	p.rough = roughness(raw[0], p.W, p.H, roughHalf)
	for c := range raw {
		p.lab[c] = boxed(boxed(raw[c], p.W, p.H, 1), p.W, p.H, 1)
	}
	return p
}

// labOf is the picture in CIE L*a*b* for the white D65 (CIE 15:2004; sRGB by IEC
// 61966-2-1).
func labOf(img *image.RGBA) [3][]float32 {
	var linear [256]float64
	for i := range linear {
		v := float64(i) / 255
		if v <= 0.04045 {
			linear[i] = v / 12.92
		} else {
			linear[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	var lab [3][]float32
	for c := range lab {
		lab[c] = make([]float32, w*h)
	}
	// Neighbours are often of the same colour, above all on empty glass.
	var last [3]uint8
	var l, a, bb float32
	known := false
	for y := range h {
		row := img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):]
		for x := range w {
			now := [3]uint8(row[4*x : 4*x+3])
			if !known || now != last {
				known, last = true, now
				R, G, B := linear[now[0]], linear[now[1]], linear[now[2]]
				X := f((0.4124564*R + 0.3575761*G + 0.1804375*B) / 0.95047)
				Y := f(0.2126729*R + 0.7151522*G + 0.0721750*B)
				Z := f((0.0193339*R + 0.1191920*G + 0.9503041*B) / 1.08883)
				l, a, bb = float32(116*Y-16), float32(500*(X-Y)), float32(200*(Y-Z))
			}
			i := y*w + x
			lab[0][i], lab[1][i], lab[2][i] = l, a, bb
		}
	}
	return lab
}

// boxed is the mean over a window of 2·half+1 pixels a side, cut at the edge.
func boxed(v []float32, w, h, half int) []float32 {
	sums := integral(v, w, h)
	out := make([]float32, len(v))
	for y := range h {
		for x := range w {
			n, s := window(sums, w, h, x, y, half)
			out[y*w+x] = float32(s / n)
		}
	}
	return out
}

// roughness is the standard deviation over a window.
func roughness(v []float32, w, h, half int) []float32 {
	squares := make([]float32, len(v))
	for i, x := range v {
		squares[i] = x * x
	}
	first, second := integral(v, w, h), integral(squares, w, h)
	out := make([]float32, len(v))
	for y := range h {
		for x := range w {
			n, s := window(first, w, h, x, y, half)
			_, q := window(second, w, h, x, y, half)
			out[y*w+x] = float32(math.Sqrt(max(0, q/n-(s/n)*(s/n))))
		}
	}
	return out
}

// integral is the summed-area table, one row and column larger.
func integral(v []float32, w, h int) []float64 {
	sums := make([]float64, (w+1)*(h+1))
	for y := range h {
		row := 0.0
		for x := range w {
			row += float64(v[y*w+x])
			sums[(y+1)*(w+1)+x+1] = sums[y*(w+1)+x+1] + row
		}
	}
	return sums
}

func window(sums []float64, w, h, x, y, half int) (n, sum float64) {
	x0, x1, y0, y1 := max(0, x-half), min(w, x+half+1), max(0, y-half), min(h, y+half+1)
	s := w + 1
	return float64((x1 - x0) * (y1 - y0)), sums[y1*s+x1] - sums[y0*s+x1] - sums[y1*s+x0] + sums[y0*s+x0]
}

// Flood is the pixels joined to (x, y) side by side whose colour is at most
// tolerance from the one there, by the CIE76 difference; with texture, their
// roughness counts as well. Small holes and specks of noise are closed. A place
// outside the picture floods nothing.
func (p *Picture) Flood(x, y int, tolerance float64, texture bool) *Mask {
	m := NewMask(p.W, p.H)
	if x < 0 || y < 0 || x >= p.W || y >= p.H {
		return m
	}
	seed := y*p.W + x
	weight := 0.0
	if texture {
		weight = roughWeight
	}
	var at [3]float32
	for c := range at {
		at[c] = p.lab[c][seed]
	}
	most := float32(tolerance * tolerance)
	like := func(i int) bool {
		d := float32(0)
		for c := range at {
			e := p.lab[c][i] - at[c]
			d += e * e
		}
		e := float32(weight) * (p.rough[i] - p.rough[seed])
		return d+e*e <= most
	}
	m.spread(seed, like)
	m.FillHoles(m.Count() / 50)
	return m
}
