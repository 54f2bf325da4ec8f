package annotate

import (
	"errors"
	"math"
)

// Affine maps the level-0 plane of one slide to that of another:
//
//	x' = XX·x + XY·y + X
//	y' = YX·x + YY·y + Y
//
// The zero value maps everything to one point; Identity changes nothing.
type Affine struct{ XX, XY, X, YX, YY, Y float64 }

// Identity maps every point to itself.
func Identity() Affine { return Affine{XX: 1, YY: 1} }

// ErrFlatMap: a map draws the plane together to a line or a point, or is not
// finite, so there is no way back.
var ErrFlatMap = errors.New("the map has no way back")

// Apply is where a point goes.
func (a Affine) Apply(p Point) Point {
	return Point{X: a.XX*p.X + a.XY*p.Y + a.X, Y: a.YX*p.X + a.YY*p.Y + a.Y}
}

// Along is where a way goes: Apply without the shift.
func (a Affine) Along(p Point) Point {
	return Point{X: a.XX*p.X + a.XY*p.Y, Y: a.YX*p.X + a.YY*p.Y}
}

// Det is the signed factor by which areas grow; negative when the map mirrors.
func (a Affine) Det() float64 { return a.XX*a.YY - a.XY*a.YX }

// Scale is the mean factor by which lengths grow: the root of that of areas.
func (a Affine) Scale() float64 { return math.Sqrt(math.Abs(a.Det())) }

// Angle is by how much the map turns the plane, radians, from x towards y
// (clockwise on a screen); of a map that mirrors, after a mirroring of x. Of a
// map that shears it is the turn nearest to the map (polar decomposition), so
// that the way back turns by as much.
func (a Affine) Angle() float64 {
	if a.Det() < 0 {
		return math.Atan2(-a.YX-a.XY, a.YY-a.XX)
	}
	return math.Atan2(a.YX-a.XY, a.XX+a.YY)
}

// Inverse is the way back; ErrFlatMap when there is none.
func (a Affine) Inverse() (Affine, error) {
	d := a.Det()
	size := math.Hypot(math.Hypot(a.XX, a.XY), math.Hypot(a.YX, a.YY))
	if !(math.Abs(d) > 1e-12*size*size) || math.IsInf(d, 0) || math.IsNaN(a.X+a.Y) || math.IsInf(a.X+a.Y, 0) {
		return Affine{}, ErrFlatMap
	}
	b := Affine{XX: a.YY / d, XY: -a.XY / d, YX: -a.YX / d, YY: a.XX / d}
	b.X, b.Y = -(b.XX*a.X + b.XY*a.Y), -(b.YX*a.X + b.YY*a.Y)
	return b, nil
}

// Then is the map that does a first and b after it.
func (a Affine) Then(b Affine) Affine {
	return Affine{
		XX: b.XX*a.XX + b.XY*a.YX, XY: b.XX*a.XY + b.XY*a.YY, X: b.XX*a.X + b.XY*a.Y + b.X,
		YX: b.YX*a.XX + b.YY*a.YX, YY: b.YX*a.XY + b.YY*a.YY, Y: b.YX*a.X + b.YY*a.Y + b.Y,
	}
}
