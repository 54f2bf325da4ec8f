package stain

import (
	"errors"
	"fmt"
	"math"
)

// Vector is the optical density of a stain in red, green and blue; only its
// direction matters where it is normalised.
type Vector [3]float64

// Vectors of the field.
//
// HED are those of Ruifrok and Johnston, "Quantification of histochemical staining
// by color deconvolution", Analytical and Quantitative Cytology and Histology 23
// (2001), for haematoxylin, eosin and DAB together, as scikit-image has them in
// rgb_from_hed. HE and HDAB are the pairs that Ruifrok's and Landini's plug-ins for
// ImageJ have; their third vector is what is left, at right angles to both.
func HED() [3]Vector {
	return [3]Vector{{0.65, 0.70, 0.29}, {0.07, 0.99, 0.11}, {0.27, 0.57, 0.78}}
}

// HE is haematoxylin, eosin and the rest; see HED.
func HE() [3]Vector {
	return Completed(Vector{0.644211, 0.716556, 0.266844}, Vector{0.092789, 0.954111, 0.283111})
}

// HDAB is haematoxylin, DAB and the rest; see HED.
func HDAB() [3]Vector {
	return Completed(Vector{0.650, 0.704, 0.286}, Vector{0.268, 0.570, 0.776})
}

// Completed gives two stains the third vector at right angles to both, all of
// length one.
func Completed(a, b Vector) [3]Vector {
	a, b = a.unit(), b.unit()
	c := Vector{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
	return [3]Vector{a, b, c.unit()}
}

func (v Vector) dot(w Vector) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }

func (v Vector) unit() Vector {
	n := math.Sqrt(v.dot(v))
	if n == 0 {
		return v
	}
	return Vector{v[0] / n, v[1] / n, v[2] / n}
}

// ErrNoStain says that there is no stain, or not two different ones, in the pixels
// that were looked at.
var ErrNoStain = errors.New("the pixels show no two stains that can be told apart")

// Matrix takes optical densities to amounts of three stains.
type Matrix [3][3]float64

// Separation is the inverse of the matrix whose rows are the vectors. It is an
// error (ErrNoStain) when two of them are nearly the same.
func Separation(v [3]Vector) (Matrix, error) {
	det := v[0][0]*(v[1][1]*v[2][2]-v[1][2]*v[2][1]) -
		v[0][1]*(v[1][0]*v[2][2]-v[1][2]*v[2][0]) +
		v[0][2]*(v[1][0]*v[2][1]-v[1][1]*v[2][0])
	if !(math.Abs(det) > 1e-6) || math.IsInf(det, 0) {
		return Matrix{}, fmt.Errorf("stain vectors %v: %w", v, ErrNoStain)
	}
	var m Matrix
	for i := range 3 {
		for j := range 3 {
			a, b, c, d := v[(j+1)%3][(i+1)%3], v[(j+1)%3][(i+2)%3], v[(j+2)%3][(i+1)%3], v[(j+2)%3][(i+2)%3]
			m[i][j] = (a*d - b*c) / det
		}
	}
	return m, nil
}

// floorOf is the least share of light that is told apart, as in scikit-image: what
// no light comes through has no logarithm.
const floorOf = 1e-6

// Separate is the amounts of three stains in a pixel, of red, green and blue from 0
// to 1, as separate_stains of scikit-image computes them: the logarithm to the base
// 10⁻⁶ times the matrix, and nothing below zero.
func (m *Matrix) Separate(r, g, b float64) [3]float64 {
	od := [3]float64{density(r), density(g), density(b)}
	var out [3]float64
	for j := range 3 {
		out[j] = max(0, od[0]*m[0][j]+od[1]*m[1][j]+od[2]*m[2][j])
	}
	return out
}

// density is a channel's logarithm to the base floorOf: 0 for white, 1 for black.
func density(v float64) float64 { return math.Log(max(v, floorOf)) / math.Log(floorOf) }
