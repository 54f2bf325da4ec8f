package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// maxCurvePoints bounds a sampled curve; 4,096 are usual.
const maxCurvePoints = 1 << 16

// curve is a function of 0 to 1: sampled, or one of the parametric forms of the
// specification's section 10.18.
type curve struct {
	table []float64 // sampled at equal steps; nil: parametric
	kind  int       // 0 to 4
	p     [7]float64
}

// at evaluates the curve; v is taken into 0 to 1 first.
func (c *curve) at(v float64) float64 {
	v = clamp01(v)
	if c.table != nil {
		x := v * float64(len(c.table)-1)
		i := min(int(x), len(c.table)-2)
		return c.table[i] + (c.table[i+1]-c.table[i])*(x-float64(i))
	}
	g, a, b, d := c.p[0], c.p[1], c.p[2], c.p[4]
	power := func() float64 { return math.Pow(max(0, a*v+b), g) }
	var y float64
	switch c.kind {
	case 0:
		y = math.Pow(v, g)
	case 1:
		if a*v+b >= 0 {
			y = power()
		}
	case 2:
		y = c.p[3]
		if a*v+b >= 0 {
			y += power()
		}
	case 3:
		y = c.p[3] * v
		if v >= d {
			y = power()
		}
	default:
		y = c.p[3]*v + c.p[6]
		if v >= d {
			y = power() + c.p[5]
		}
	}
	if math.IsNaN(y) {
		return 0
	}
	return clamp01(y)
}

func clamp01(v float64) float64 { return min(max(v, 0), 1) }

// readCurve reads a curveType (10.6) or a parametricCurveType (10.18) and tells
// how many bytes it takes.
func readCurve(b []byte) (curve, int, error) {
	if len(b) < 12 {
		return curve{}, 0, errors.New("a curve is cut off")
	}
	switch string(b[:4]) {
	case "curv":
		return sampled(b)
	case "para":
		kind := int(binary.BigEndian.Uint16(b[8:]))
		if kind > 4 {
			return curve{}, 0, fmt.Errorf("parametric curve of kind %d", kind)
		}
		n := []int{1, 3, 4, 5, 7}[kind]
		if len(b) < 12+4*n {
			return curve{}, 0, errors.New("a parametric curve is cut off")
		}
		c := curve{kind: kind}
		for i := range n {
			c.p[i] = fixed(b[12+4*i:])
		}
		if c.p[0] <= 0 {
			return curve{}, 0, fmt.Errorf("curve with exponent %g", c.p[0])
		}
		return c, 12 + 4*n, nil
	}
	return curve{}, 0, fmt.Errorf("curve of type %q", b[:4])
}

func sampled(b []byte) (curve, int, error) {
	n := binary.BigEndian.Uint32(b[8:])
	if n > maxCurvePoints || len(b) < 12+2*int(n) {
		return curve{}, 0, fmt.Errorf("a curve of %d points is cut off or too long", n)
	}
	size := 12 + 2*int(n)
	switch n {
	case 0:
		return curve{p: [7]float64{1}}, size, nil
	case 1: // u8Fixed8Number
		g := float64(binary.BigEndian.Uint16(b[12:])) / 256
		if g <= 0 {
			return curve{}, 0, errors.New("curve with exponent 0")
		}
		return curve{p: [7]float64{g}}, size, nil
	}
	c := curve{table: make([]float64, n)}
	for i := range c.table {
		c.table[i] = float64(binary.BigEndian.Uint16(b[12+2*i:])) / 65535
	}
	return c, size, nil
}
