package stain

import (
	"fmt"
	"image"
	"math"
)

// Stats is the mean and the standard deviation of the tissue of a picture in lαβ.
type Stats struct {
	Mean [3]float64 `json:"mean"`
	Dev  [3]float64 `json:"dev"`
}

// toLAB takes red, green and blue from 0 to 1 to lαβ by way of the logarithms of
// cone responses: Reinhard et al., "Color transfer between images", IEEE Computer
// Graphics and Applications 21 (2001).
func toLAB(log func(float64) float64, r, g, b float64) [3]float64 {
	l, m, s := log(0.3811*r+0.5783*g+0.0402*b), log(0.1967*r+0.7244*g+0.0782*b), log(0.0241*r+0.1288*g+0.8444*b)
	return [3]float64{(l + m + s) / math.Sqrt(3), (l + m - 2*s) / math.Sqrt(6), (l - m) / math.Sqrt2}
}

func fromLAB(pow func(float64) float64, c [3]float64) (r, g, b float64) {
	x, y, z := c[0]/math.Sqrt(3), c[1]/math.Sqrt(6), c[2]/math.Sqrt2
	l, m, s := pow(x+y+z), pow(x+y-z), pow(x-2*y)
	return 4.4679*l - 3.5873*m + 0.1193*s, -1.2186*l + 2.3809*m - 0.1624*s, 0.0497*l - 0.2439*m + 1.2045*s
}

// log10 is the logarithm of a cone's response, none of which counts as little.
func log10(v float64) float64 { return math.Log10(max(v, 1.0/512)) }

// StatsOf measures the tissue of a picture.
func StatsOf(m *image.RGBA) (Stats, error) {
	var s Stats
	var sum, squares [3]float64
	n := 0
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		for x := range w {
			p := m.Pix[y*m.Stride+4*x:]
			if p[3] < 255 || tissueShare(p) < 1 {
				continue
			}
			n++
			for i, v := range toLAB(log10, float64(p[0])/255, float64(p[1])/255, float64(p[2])/255) {
				sum[i] += v
				squares[i] += v * v
			}
		}
	}
	if n < leastTissue {
		return s, fmt.Errorf("%d pixels of tissue: %w", n, ErrNoStain)
	}
	for i := range 3 {
		s.Mean[i] = sum[i] / float64(n)
		s.Dev[i] = math.Sqrt(max(squares[i]/float64(n)-s.Mean[i]*s.Mean[i], 1e-8))
	}
	return s, nil
}

// tissueShare is how much of a pixel's colour is tissue's, 0 for glass to 1: glass
// is to stay as it is, and no edge is to show where it begins.
func tissueShare(p []byte) float64 {
	const from, to = 0.06, 0.15 // mean optical density, base 10
	light := (float64(p[0]) + float64(p[1]) + float64(p[2]) + 3) / (3 * 256)
	d := (-math.Log10(light) - from) / (to - from)
	return min(max(d, 0), 1)
}
