package icc

import "math"

// pipeline leads from device values of 0 to 1 to XYZ relative to the media's
// white under D50.
type pipeline interface {
	xyz(rgb [3]float64) [3]float64
}

// d50 is the white of the connection space (the specification, 7.2.16).
var d50 = [3]float64{0.9642, 1, 0.8249}

// matrixCurves is a profile of three curves and a matrix (Annex F.3).
type matrixCurves struct {
	curves [3]curve
	matrix [3][3]float64
}

func (m *matrixCurves) xyz(rgb [3]float64) [3]float64 {
	var lin [3]float64
	for i := range lin {
		lin[i] = m.curves[i].at(rgb[i])
	}
	return multiply(&m.matrix, lin)
}

// greyCurve is a monochrome profile (Annex F.2): the curve scales the white.
type greyCurve struct {
	curve curve
	pcs   string
}

func (g *greyCurve) xyz(rgb [3]float64) [3]float64 {
	y := g.curve.at(rgb[0])
	if g.pcs == "Lab" {
		return labToXYZ([3]float64{100 * y, 0, 0})
	}
	return [3]float64{d50[0] * y, d50[1] * y, d50[2] * y}
}

func multiply(m *[3][3]float64, v [3]float64) (out [3]float64) {
	for i := range out {
		out[i] = m[i][0]*v[0] + m[i][1]*v[1] + m[i][2]*v[2]
	}
	return out
}

// labToXYZ converts CIE 1976 L*a*b* under D50 (CIE 15).
func labToXYZ(lab [3]float64) [3]float64 {
	fy := (lab[0] + 16) / 116
	f := [3]float64{fy + lab[1]/500, fy, fy - lab[2]/200}
	var out [3]float64
	for i, t := range f {
		if t > 6.0/29 {
			out[i] = d50[i] * t * t * t
		} else {
			out[i] = d50[i] * 3 * (6.0 / 29) * (6.0 / 29) * (t - 4.0/29)
		}
	}
	return out
}

// lightness is L* of a luminance relative to white.
func lightness(y float64) float64 {
	if y > 216.0/24389 {
		return 116*math.Cbrt(y) - 16
	}
	return y * 24389 / 27
}
