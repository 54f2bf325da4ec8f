package icc

import (
	"image"
	"math"
)

// Transform turns device colours into sRGB. It is safe for concurrent use.
type Transform struct {
	identity bool
	// A profile of curves and a matrix: what each channel's value adds to each
	// linear component, in 1/linearOne, and what a linear component is encoded as.
	add    *[3][256][3]int32
	encode *[linearSteps + 1]byte
	// A profile of tables: the result over a grid of tableSide points a side.
	// Colours that a screen cannot show keep their values beyond 0 and 255: cut
	// off here, they would pull in what lies between them and the next point.
	table [][4]int16 // in 1/64 of a step of 255, the fourth unused

}

const (
	linearOne   = 1 << 20
	linearSteps = 1 << 14 // the steepest part of the curve then takes 5 steps a value
	tableSide   = 33
	tableBits   = 6 // of fraction in the table: 16 bits then hold −512 to 511
)

// linearFromXYZ leads from XYZ under D50 to linear sRGB: the inverse of the sRGB
// primaries (IEC 61966-2-1) adapted from D65 by the Bradford method.
var linearFromXYZ = [3][3]float64{
	{3.1338561, -1.6168667, -0.4906146},
	{-0.9787684, 1.9161415, 0.0334540},
	{0.0719453, -0.2289914, 1.4052427},
}

// gamma is the encoding of sRGB.
func gamma(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// Transform computes the way from the device to sRGB.
func (p *Profile) Transform() *Transform {
	black := p.blackPoint()
	at := func(rgb [3]float64) [3]float64 { return multiply(&linearFromXYZ, black.scale(p.toPCS.xyz(rgb))) }
	t := &Transform{}
	if t.identity = isIdentity(at, p.Space == "GRAY"); t.identity {
		return t
	}
	if m, ok := p.toPCS.(*matrixCurves); ok {
		t.fromMatrix(m)
		return t
	}
	t.table = make([][4]int16, tableSide*tableSide*tableSide)
	for i := range tableSide * tableSide * tableSide {
		rgb := [3]float64{float64(i / (tableSide * tableSide)), float64(i / tableSide % tableSide), float64(i % tableSide)}
		for k := range rgb {
			rgb[k] /= tableSide - 1
		}
		for k, v := range at(rgb) {
			t.table[i][k] = int16(math.Round(min(max(255*gamma(min(v, 2)), -511), 511) * (1 << tableBits)))
		}
	}
	return t
}

// Identity says that no colour changes by more than one step of 255: the profile
// is sRGB, and applying it would cost time for nothing.
func (t *Transform) Identity() bool { return t.identity }

// isIdentity looks at a grid of 17 points a side, of greys alone for a grey
// profile.
func isIdentity(at func([3]float64) [3]float64, grey bool) bool {
	const side = 17
	for i := range side * side * side {
		v := [3]int{i / (side * side), i / side % side, i % side}
		if grey && (v[0] != v[1] || v[1] != v[2]) {
			continue
		}
		var rgb [3]float64
		for k := range v {
			rgb[k] = math.Round(float64(v[k])*255/(side-1)) / 255
		}
		for k, lin := range at(rgb) {
			if math.Abs(255*gamma(clamp01(lin))-255*rgb[k]) > 1 {
				return false
			}
		}
	}
	return true
}

// fromMatrix prepares the quick way: a pixel costs nine look-ups and additions.
// The black of such a profile is black, so nothing has to be compensated.
func (t *Transform) fromMatrix(m *matrixCurves) {
	t.add = new([3][256][3]int32)
	for c := range 3 {
		for v := range 256 {
			lin := m.curves[c].at(float64(v) / 255)
			for out := range 3 {
				var k float64
				for i := range 3 {
					k += linearFromXYZ[out][i] * m.matrix[i][c]
				}
				// A matrix of nonsense must not overflow the sum.
				t.add[c][v][out] = int32(min(max(math.Round(k*lin*linearOne), -1<<29), 1<<29))
			}
		}
	}
	t.encode = new([linearSteps + 1]byte)
	for i := range t.encode {
		t.encode[i] = byte(math.Round(255 * gamma(float64(i)/linearSteps)))
	}
}

// compensation moves the device's black to the screen's: X' = X*scale + offset.
type compensation struct{ scaleBy, offset [3]float64 }

// blackPoint finds the compensation of the relative colorimetric intent (as ISO
// 18619 describes): the device's black is that of (0,0,0), taken as neutral and
// at most half light; the screen's is 0.
func (p *Profile) blackPoint() compensation {
	l := min(max(lightness(p.toPCS.xyz([3]float64{})[1]), 0), 50)
	black := labToXYZ([3]float64{l, 0, 0})
	c := compensation{}
	for i := range d50 {
		c.scaleBy[i] = d50[i] / (d50[i] - black[i])
		c.offset[i] = -d50[i] * black[i] / (d50[i] - black[i])
	}
	return c
}

func (c *compensation) scale(xyz [3]float64) [3]float64 {
	for i := range xyz {
		xyz[i] = xyz[i]*c.scaleBy[i] + c.offset[i]
	}
	return xyz
}

// Apply changes the colours of a picture in place. Transparent pixels stay.
func (t *Transform) Apply(img *image.RGBA) {
	if t.identity {
		return
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	var last, result [3]byte // neighbours are often equal: glass is one colour
	t.pixel(last, &result)
	for y := range h {
		row := img.Pix[y*img.Stride : y*img.Stride+4*w]
		for x := 0; x+4 <= len(row); x += 4 {
			p := row[x : x+4 : x+4]
			if p[3] != 255 {
				t.partly(p)
				continue
			}
			if p[0] != last[0] || p[1] != last[1] || p[2] != last[2] {
				last = [3]byte{p[0], p[1], p[2]}
				t.pixel(last, &result)
			}
			p[0], p[1], p[2] = result[0], result[1], result[2]
		}
	}
}

// partly changes a pixel whose colours are multiplied by its alpha.
func (t *Transform) partly(p []byte) {
	a := int(p[3])
	if a == 0 {
		return
	}
	var in, out [3]byte
	for k := range in {
		in[k] = byte(min(255, (int(p[k])*255+a/2)/a))
	}
	t.pixel(in, &out)
	for k := range out {
		p[k] = byte((int(out[k])*a + 127) / 255)
	}
}

func (t *Transform) pixel(in [3]byte, out *[3]byte) {
	if t.add == nil {
		t.interpolate(in, out)
		return
	}
	r, g, b := &t.add[0][in[0]], &t.add[1][in[1]], &t.add[2][in[2]]
	for k := range 3 {
		v := r[k] + g[k] + b[k]
		out[k] = t.encode[min(max(v+linearOne/linearSteps/2, 0)/(linearOne/linearSteps), linearSteps)]
	}
}

// place is where a value of 0..255 falls between the points of the table: the
// lower one and the fraction of the step in 1/256. 255 falls on the last point.
var place = func() (p [256]struct{ point, fraction int32 }) {
	for v := range p {
		x := v * (tableSide - 1)
		i := min(x/255, tableSide-2)
		p[v].point, p[v].fraction = int32(i), int32(((x-255*i)*256+127)/255)
	}
	return p
}()

// interpolate reads the table by tetrahedra: from the cell's lower corner to its
// upper one along the axes in the order of their fractions.
func (t *Transform) interpolate(in [3]byte, out *[3]byte) {
	const stepR, stepG, stepB = tableSide * tableSide, tableSide, 1
	r, g, b := &place[in[0]], &place[in[1]], &place[in[2]]
	low := r.point*stepR + g.point*stepG + b.point*stepB
	f1, f2, f3 := r.fraction, g.fraction, b.fraction
	s1, s2, s3 := int32(stepR), int32(stepG), int32(stepB)
	if f1 < f2 {
		f1, f2, s1, s2 = f2, f1, s2, s1
	}
	if f2 < f3 {
		f2, f3, s2 = f3, f2, s3
	}
	if f1 < f2 {
		f1, f2, s1, s2 = f2, f1, s2, s1
	}
	p0, p1, p2, p3 := &t.table[low], &t.table[low+s1], &t.table[low+s1+s2], &t.table[low+stepR+stepG+stepB]
	w0, w1, w2 := 256-f1, f1-f2, f2-f3
	for k := range 3 {
		v := w0*int32(p0[k]) + w1*int32(p1[k]) + w2*int32(p2[k]) + f3*int32(p3[k])
		out[k] = byte(min(max((v+1<<(tableBits+7))>>(tableBits+8), 0), 255))
	}
}
