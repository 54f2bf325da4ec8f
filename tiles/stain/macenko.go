package stain

import (
	"fmt"
	"image"
	"math"
	"slices"
)

// Of Macenko et al., "A method for normalizing histology slides for quantitative
// analysis", ISBI 2009: the least optical density of tissue, the share of angles
// left out at each end, the percentile that stands for the most of a stain, and the
// vectors and amounts of the standard slide, as its authors published them.
const (
	macenkoBeta  = 0.15
	macenkoAlpha = 1.0
	macenkoMost  = 99.0
)

func macenkoTarget() (h, e Vector, most [2]float64) {
	return Vector{0.5626, 0.7201, 0.4062}, Vector{0.2159, 0.8012, 0.5581}, [2]float64{1.9705, 1.0308}
}

// leastTissue is how many pixels of tissue an estimate needs.
const leastTissue = 64

// od is the optical density of a byte, to the base e, against a light of 240, as
// in the authors' program.
func od(v uint8) float64 { return -math.Log((float64(v) + 1) / 240) }

// densities are those of the tissue in a picture; at most most of them, spread.
func densities(m *image.RGBA, keep func(x, y int) bool) []Vector {
	var out []Vector
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		for x := range w {
			p := m.Pix[y*m.Stride+4*x:]
			if p[3] < 255 || keep != nil && !keep(x, y) {
				continue
			}
			v := Vector{od(p[0]), od(p[1]), od(p[2])}
			if min(v[0], v[1], v[2]) >= macenkoBeta {
				out = append(out, v)
			}
		}
	}
	return out
}

// Macenko finds the vectors of two stains in a picture by the method of 2009: the
// plane in which the densities of tissue lie, and in it the directions between
// which all but one per cent at each end do. The one with more red is
// haematoxylin and comes first. keep, which may be nil, says which pixels count.
// The third vector is at right angles. ErrNoStain where there is too little.
func Macenko(m *image.RGBA, keep func(x, y int) bool) ([3]Vector, error) {
	tissue := densities(m, keep)
	if len(tissue) < leastTissue {
		return [3]Vector{}, fmt.Errorf("%d pixels of tissue: %w", len(tissue), ErrNoStain)
	}
	var mean Vector
	for _, v := range tissue {
		for i := range 3 {
			mean[i] += v[i] / float64(len(tissue))
		}
	}
	var cov [3][3]float64
	for _, v := range tissue {
		for i := range 3 {
			for j := range 3 {
				cov[i][j] += (v[i] - mean[i]) * (v[j] - mean[j]) / float64(len(tissue)-1)
			}
		}
	}
	first, second := principal(cov)
	// A vector has no sign; densities have.
	for _, v := range []*Vector{&first, &second} {
		if v[0] < 0 {
			*v = Vector{-v[0], -v[1], -v[2]}
		}
	}
	angles := make([]float64, len(tissue))
	for i, v := range tissue {
		angles[i] = math.Atan2(v.dot(second), v.dot(first))
	}
	slices.Sort(angles)
	at := func(angle float64) Vector {
		sin, cos := math.Sincos(angle)
		v := Vector{}
		for i := range 3 {
			v[i] = first[i]*cos + second[i]*sin
		}
		return v
	}
	a, b := at(percentile(angles, macenkoAlpha)), at(percentile(angles, 100-macenkoAlpha))
	if a[0] < b[0] {
		a, b = b, a
	}
	if !(math.Abs(a.dot(b)) < 0.9999) {
		return [3]Vector{}, fmt.Errorf("one colour alone: %w", ErrNoStain)
	}
	return Completed(a, b), nil
}

// percentile is that of sorted values, between neighbours in proportion.
func percentile(sorted []float64, share float64) float64 {
	at := share / 100 * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// principal are the two directions of a symmetric matrix in which it is greatest,
// by rotations of Jacobi.
func principal(a [3][3]float64) (first, second Vector) {
	v := [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	for range 50 {
		p, q, most := 0, 1, 0.0
		for i := range 3 {
			for j := i + 1; j < 3; j++ {
				if math.Abs(a[i][j]) > most {
					p, q, most = i, j, math.Abs(a[i][j])
				}
			}
		}
		if most < 1e-15 {
			break
		}
		theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
		t := math.Copysign(1, theta) / (math.Abs(theta) + math.Sqrt(theta*theta+1))
		c := 1 / math.Sqrt(t*t+1)
		s := t * c
		for k := range 3 {
			a[k][p], a[k][q] = c*a[k][p]-s*a[k][q], s*a[k][p]+c*a[k][q]
		}
		for k := range 3 {
			a[p][k], a[q][k] = c*a[p][k]-s*a[q][k], s*a[p][k]+c*a[q][k]
			v[k][p], v[k][q] = c*v[k][p]-s*v[k][q], s*v[k][p]+c*v[k][q]
		}
	}
	order := []int{0, 1, 2}
	slices.SortFunc(order, func(i, j int) int {
		if a[i][i] > a[j][j] {
			return -1
		}
		return 1
	})
	col := func(i int) Vector { return Vector{v[0][i], v[1][i], v[2][i]} }
	return col(order[0]), col(order[1])
}

// Amounts is the 99th percentile of the amounts of two stains in the tissue of a
// picture, by least squares.
func Amounts(m *image.RGBA, v [3]Vector) ([2]float64, error) {
	tissue := densities(m, nil)
	if len(tissue) < leastTissue {
		return [2]float64{}, fmt.Errorf("%d pixels of tissue: %w", len(tissue), ErrNoStain)
	}
	fit, err := twoStains(v)
	if err != nil {
		return [2]float64{}, err
	}
	var out [2]float64
	list := make([]float64, len(tissue))
	for s := range 2 {
		for i, t := range tissue {
			list[i] = t.dot(fit[s])
		}
		slices.Sort(list)
		out[s] = percentile(list, macenkoMost)
	}
	if !(out[0] > 1e-3 && out[1] > 1e-3) {
		return out, fmt.Errorf("amounts %.3g and %.3g: %w", out[0], out[1], ErrNoStain)
	}
	return out, nil
}

// twoStains are the rows of the pseudo-inverse for the first two vectors.
func twoStains(v [3]Vector) ([2]Vector, error) {
	a, b := v[0], v[1]
	aa, ab, bb := a.dot(a), a.dot(b), b.dot(b)
	det := aa*bb - ab*ab
	if !(det > 1e-9) {
		return [2]Vector{}, ErrNoStain
	}
	var out [2]Vector
	for i := range 3 {
		out[0][i] = (bb*a[i] - ab*b[i]) / det
		out[1][i] = (aa*b[i] - ab*a[i]) / det
	}
	return out, nil
}

// VectorOf is the stain that pixels show: their mean optical density, of length
// one. keep says which pixels of the picture count; nil: all.
func VectorOf(m *image.RGBA, keep func(x, y int) bool) (Vector, error) {
	tissue := densities(m, keep)
	if len(tissue) < leastTissue/4 {
		return Vector{}, fmt.Errorf("%d stained pixels: %w", len(tissue), ErrNoStain)
	}
	var mean Vector
	for _, v := range tissue {
		for i := range 3 {
			mean[i] += v[i]
		}
	}
	return mean.unit(), nil
}
