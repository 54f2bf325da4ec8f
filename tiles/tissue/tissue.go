// Package tissue finds the tissue on a thumbnail of a slide, so that empty
// glass, ink and dust need not be looked at.
//
// Light becomes optical density against the glass's own colour (Ruifrok and
// Johnston, 2001); Otsu's threshold (IEEE Trans. SMC 9:62, 1979) divides glass
// from the rest; ink is told from dye by which colour it swallows; specks are
// dropped and small gaps closed.
package tissue

import (
	"image"
	"math"
)

// Mask says for each pixel of a thumbnail whether it shows tissue.
type Mask struct {
	W, H       int     // pixels of the mask
	Downsample float64 // level-0 pixels per pixel of the mask
	Bits       []bool  // row by row
}

// At reports whether pixel (x, y) of the mask is tissue; false outside.
func (m *Mask) At(x, y int) bool {
	return x >= 0 && y >= 0 && x < m.W && y < m.H && m.Bits[y*m.W+x]
}

// Share is the part of the whole mask that is tissue, 0..1.
func (m *Mask) Share() float64 {
	n := 0
	for _, b := range m.Bits {
		if b {
			n++
		}
	}
	return float64(n) / math.Max(float64(len(m.Bits)), 1)
}

// Fraction is the share, 0..1, of the level-0 rectangle that is tissue. What
// lies outside the slide is not.
func (m *Mask) Fraction(x, y, w, h float64) float64 {
	if !(w > 0 && h > 0 && m.Downsample > 0) {
		return 0
	}
	x0, y0 := x/m.Downsample, y/m.Downsample
	x1, y1 := (x+w)/m.Downsample, (y+h)/m.Downsample
	sum := 0.0
	for j := int(math.Max(math.Floor(y0), 0)); j < m.H && float64(j) < y1; j++ {
		high := math.Min(y1, float64(j+1)) - math.Max(y0, float64(j))
		for i := int(math.Max(math.Floor(x0), 0)); i < m.W && float64(i) < x1; i++ {
			if m.Bits[j*m.W+i] {
				sum += high * (math.Min(x1, float64(i+1)) - math.Max(x0, float64(i)))
			}
		}
	}
	return math.Min(sum/((x1-x0)*(y1-y0)), 1)
}

// The least and the greatest optical density that may divide glass from
// tissue: below is the unevenness of glass, above is pale stroma.
const (
	leastThreshold = 0.035
	mostThreshold  = 0.12
)

// Find looks for tissue on a thumbnail of the given downsample (level-0 pixels
// per pixel). Thumbnails of 500 to 4000 pixels suit it. Transparent pixels were
// not scanned and are not tissue.
func Find(thumb *image.RGBA, downsample float64) *Mask {
	size := thumb.Rect.Size()
	m := &Mask{W: size.X, H: size.Y, Downsample: downsample, Bits: make([]bool, size.X*size.Y)}
	if len(m.Bits) == 0 {
		return m
	}
	d := densities(thumb)
	mean := make([]float32, len(d))
	for i, p := range d {
		mean[i] = (p[0] + p[1] + p[2]) / 3
	}
	smooth(mean, m.W, m.H)
	limit := min(max(otsu(mean), leastThreshold), mostThreshold)
	for i, v := range mean {
		m.Bits[i] = v > limit
	}
	m.addPale(d)
	m.removeInk(d)
	radius := max(m.W, m.H) / 250
	m.spread(radius, true)
	m.spread(radius, false)
	m.drop(true, max(len(m.Bits)/4000, 9))
	m.drop(false, max(len(m.Bits)/2500, 9))
	return m
}

// leastTint is the excess of green density over red that shows eosin, averaged
// over a neighbourhood: glass, shadows and stitching are grey.
const leastTint = 0.012

// addPale adds what is mostly holes but faintly pink as a whole: fat, whose
// walls are finer than the thumbnail's pixels.
func (m *Mask) addPale(d [][3]float32) {
	radius := max(m.W, m.H) / 160
	tint := make([]float32, len(d))
	for i, p := range d {
		// One dark nucleus or grain must not tint its surroundings.
		tint[i] = min(max(p[1]-p[0], -0.1), 0.06)
	}
	for range 2 {
		boxBlur(tint, m.W, m.H, max(radius/2, 1))
	}
	pale := &Mask{W: m.W, H: m.H, Bits: make([]bool, len(m.Bits))}
	for i, v := range tint {
		pale.Bits[i] = v > leastTint
	}
	// The averages reach beyond the tissue by about their radius.
	pale.spread(max(radius-1, 1), false)
	pale.drop(true, 4*radius*radius)
	for i, is := range pale.Bits {
		m.Bits[i] = m.Bits[i] || is
	}
}

// densities is the optical density of each pixel against the glass.
func densities(img *image.RGBA) [][3]float32 {
	size := img.Rect.Size()
	glass := glassColour(img)
	var table [3][256]float32
	for c := range table {
		for v := range 256 {
			table[c][v] = float32(math.Max(math.Log10((glass[c]+1)/(float64(v)+1)), 0))
		}
	}
	out := make([][3]float32, 0, size.X*size.Y)
	for y := range size.Y {
		row := img.Pix[img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+y):]
		for x := range size.X {
			p := row[4*x : 4*x+4]
			if p[3] == 0 {
				out = append(out, [3]float32{})
				continue
			}
			out = append(out, [3]float32{table[0][p[0]], table[1][p[1]], table[2][p[2]]})
		}
	}
	return out
}

// glassColour is the commonest bright colour: for each channel the fullest of
// the levels above 200 among pixels that are nearly grey. A slide without
// such pixels counts as lit by white.
func glassColour(img *image.RGBA) [3]float64 {
	var count [3][256]int
	size := img.Rect.Size()
	for y := range size.Y {
		row := img.Pix[img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+y):]
		for x := range size.X {
			p := row[4*x : 4*x+4]
			low, high := min(p[0], p[1], p[2]), max(p[0], p[1], p[2])
			if p[3] != 0 && low > 200 && high-low < 24 {
				for c := range 3 {
					count[c][p[c]]++
				}
			}
		}
	}
	glass := [3]float64{255, 255, 255}
	for c := range 3 {
		best := 0
		for v := 200; v < 256; v++ {
			n := count[c][v]
			if v > 200 {
				n += count[c][v-1]
			}
			if v < 255 {
				n += count[c][v+1]
			}
			if n > best {
				best, glass[c] = n, float64(v)
			}
		}
	}
	return glass
}

// smooth averages 3 x 3 in place, so that a pixel's noise decides nothing.
func smooth(v []float32, w, h int) { boxBlur(v, w, h, 1) }

// boxBlur averages squares of 2*radius+1 pixels in place; the rim is repeated.
func boxBlur(v []float32, w, h, radius int) {
	line := make([]float32, max(w, h))
	pass := func(n, stride, start int) {
		for i := range n {
			line[i] = v[start+i*stride]
		}
		sum := float64(0)
		at := func(i int) float64 { return float64(line[min(max(i, 0), n-1)]) }
		for i := -radius; i <= radius; i++ {
			sum += at(i)
		}
		for i := range n {
			v[start+i*stride] = float32(sum / float64(2*radius+1))
			sum += at(i+radius+1) - at(i-radius)
		}
	}
	for y := range h {
		pass(w, 1, y*w)
	}
	for x := range w {
		pass(h, w, x)
	}
}

// otsu is the density that best parts the values into two classes.
func otsu(v []float32) float32 {
	const bins, top = 256, 1.0
	var count [bins]float64
	for _, x := range v {
		count[min(max(int(x*bins/top), 0), bins-1)]++
	}
	var sum, below, weight, best float64
	for i, n := range count {
		sum += float64(i) * n
	}
	total, at := float64(len(v)), 0
	for i, n := range count {
		weight += n
		below += float64(i) * n
		if weight == 0 || weight == total {
			continue
		}
		a, b := below/weight, (sum-below)/(total-weight)
		if between := weight * (total - weight) * (a - b) * (a - b); between > best {
			best, at = between, i
		}
	}
	return float32(at+1) * top / bins
}

// removeInk takes out what swallows light as markers do and dyes do not:
// haematoxylin and eosin, and brown DAB too, swallow green or blue most; blue
// and green ink swallow red most, black ink everything, red ink no red at all.
func (m *Mask) removeInk(d [][3]float32) {
	ink := &Mask{W: m.W, H: m.H, Bits: make([]bool, len(m.Bits))}
	for i, p := range d {
		r, g, b := p[0], p[1], p[2]
		low, high := min(r, g, b), max(r, g, b)
		switch {
		case high < 0.12:
		case r > 1.12*g && r > 1.12*b, r > 1.35*g: // blue, green, violet
			ink.Bits[i] = true
		case low > 0.55 && high-low < 0.16*high: // black
			ink.Bits[i] = true
		case g > 0.3 && b > g && r < 0.12*b: // red
			ink.Bits[i] = true
		}
	}
	// A line of ink is a body of pixels, not one dark nucleus.
	ink.spread(1, true)
	ink.spread(1, false)
	ink.drop(true, max(len(m.Bits)/8000, 12))
	ink.spread(max(max(m.W, m.H)/500, 1), true)
	for i, is := range ink.Bits {
		if is {
			m.Bits[i] = false
		}
	}
}

// spread grows (or, with on false, shrinks) the tissue by radius pixels: a
// square, one direction after the other.
func (m *Mask) spread(radius int, on bool) {
	if radius <= 0 {
		return
	}
	line := make([]bool, max(m.W, m.H))
	pass := func(n, stride, start int) {
		last := -1 << 30 // the latest pixel equal to on
		near := line[:n]
		for i := range n {
			if m.Bits[start+i*stride] == on {
				last = i
			}
			near[i] = i-last <= radius
		}
		last = 1 << 30
		for i := n - 1; i >= 0; i-- {
			if m.Bits[start+i*stride] == on {
				last = i
			}
			near[i] = near[i] || last-i <= radius
		}
		for i := range n {
			if near[i] {
				m.Bits[start+i*stride] = on
			}
		}
	}
	for y := range m.H {
		pass(m.W, 1, y*m.W)
	}
	for x := range m.W {
		pass(m.H, m.W, x)
	}
}

// drop turns over every connected body of pixels equal to which that has fewer
// than least of them: specks with which true, holes with false.
func (m *Mask) drop(which bool, least int) {
	seen := make([]bool, len(m.Bits))
	var body []int
	for start := range m.Bits {
		if seen[start] || m.Bits[start] != which {
			continue
		}
		body = append(body[:0], start)
		seen[start] = true
		for k := 0; k < len(body); k++ {
			i := body[k]
			x := i % m.W
			for _, n := range [4]int{i - 1, i + 1, i - m.W, i + m.W} {
				if n < 0 || n >= len(m.Bits) || n == i-1 && x == 0 || n == i+1 && x == m.W-1 || seen[n] || m.Bits[n] != which {
					continue
				}
				seen[n] = true
				body = append(body, n)
			}
		}
		if len(body) < least {
			for _, i := range body {
				m.Bits[i] = !which
			}
		}
	}
}
