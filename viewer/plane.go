package viewer

import (
	"math"

	"coverslip/annotate"
)

// angleStep is the finest angle, degrees: at the edge of a 4K window a tenth of a
// pixel. As a power of two it makes sums of angles exact, so that a million small
// turns there and back end where they began.
const angleStep = 1.0 / 1024

// Angle is by how much the picture is turned, clockwise, degrees in [0,360). The
// mirror comes after it.
func (v Viewport) Angle() float64 {
	return whole(90*float64(v.Turn) + v.Tilt)
}

// whole brings an angle in degrees to [0,360), in whole angleSteps.
func whole(angle float64) float64 {
	angle = math.Mod(math.Round(angle/angleStep)*angleStep, 360)
	switch {
	case angle != angle: // no number, or infinite
		return 0
	case angle < 0:
		angle += 360
	}
	return angle
}

// WithAngle turns the picture to an angle, clockwise, degrees; the middle of the
// window stays. Quarter turns are left to Turn, since they are exact and cheap.
func (v Viewport) WithAngle(angle float64) Viewport {
	angle = whole(angle)
	quarters := math.Round(angle / 90)
	v.Turn, v.Tilt = int(quarters)%4, angle-90*quarters
	return v
}

// TurnedTo is WithAngle with the point of the slide under (sX,sY) staying where it
// is.
func (v Viewport) TurnedTo(angle, sX, sY float64) Viewport {
	l0X, l0Y := v.L0FromS(sX, sY)
	v = v.WithAngle(angle)
	dx, dy := v.fromScreen(sX-float64(v.W)/2, sY-float64(v.H)/2)
	v.CX, v.CY = l0X-dx/v.Scale, l0Y-dy/v.Scale
	return v
}

// Plane is the slide turned by a tilt about its upper left corner. The window lies
// upright on it, whatever the tilt: tiles that are drawn for the screen lie on a
// grid of the plane, in level-0 pixels of it, and quarter turns and the mirror are
// made with the finished tiles. The zero value is the slide as it is.
type Plane struct {
	Tilt     float64 // clockwise, degrees
	cos, sin float64
}

// PlaneOf is the plane of a tilt in degrees.
func PlaneOf(tilt float64) Plane {
	if tilt == 0 {
		return Plane{}
	}
	sin, cos := math.Sincos(tilt * math.Pi / 180)
	return Plane{tilt, cos, sin}
}

// FromL0 maps level-0 pixels of the slide to the plane.
func (p Plane) FromL0(l0X, l0Y float64) (x, y float64) {
	if p.Tilt == 0 {
		return l0X, l0Y
	}
	return l0X*p.cos - l0Y*p.sin, l0X*p.sin + l0Y*p.cos
}

// L0 maps the plane to level-0 pixels of the slide.
func (p Plane) L0(x, y float64) (l0X, l0Y float64) {
	if p.Tilt == 0 {
		return x, y
	}
	return x*p.cos + y*p.sin, y*p.cos - x*p.sin
}

// L0Box is the upright box of the slide around a box of the plane: what to search
// for what lies in it.
func (p Plane) L0Box(b annotate.Box) annotate.Box {
	if p.Tilt == 0 {
		return b
	}
	return around(b, p.L0)
}

// BoxFromL0 is the upright box of the plane around a box of the slide.
func (p Plane) BoxFromL0(b annotate.Box) annotate.Box {
	if p.Tilt == 0 {
		return b
	}
	return around(b, p.FromL0)
}

// around is the upright box around the four corners of b, mapped.
func around(b annotate.Box, at func(x, y float64) (float64, float64)) annotate.Box {
	x, y := at(b.MinX, b.MinY)
	out := annotate.Box{MinX: x, MinY: y, MaxX: x, MaxY: y}
	for _, c := range [3][2]float64{{b.MaxX, b.MinY}, {b.MaxX, b.MaxY}, {b.MinX, b.MaxY}} {
		x, y = at(c[0], c[1])
		out.MinX, out.MaxX = min(out.MinX, x), max(out.MaxX, x)
		out.MinY, out.MaxY = min(out.MinY, y), max(out.MaxY, y)
	}
	return out
}

// Plane is the plane on which the window lies upright.
func (v Viewport) Plane() Plane { return PlaneOf(v.Tilt) }

// Upright is the same view of the tilted plane, on which it has no tilt: its
// centre and its Box are of the plane. A layer that draws tiles asks it which are
// in view and where each goes, and Plane where on the slide they lie. Without a
// tilt it is the viewport itself.
func (v Viewport) Upright() Viewport {
	v.CX, v.CY = v.Plane().FromL0(v.CX, v.CY)
	v.Tilt = 0
	return v
}

// Within is the upright box of the slide, level-0 pixels, that is wholly in view;
// without a tilt it is Box.
func (v Viewport) Within() annotate.Box {
	w, h := float64(v.W)/2/v.Scale, float64(v.H)/2/v.Scale
	if v.Turn%2 == 1 {
		w, h = h, w
	}
	if v.Tilt != 0 {
		// Its corners must not leave the window, whose sides are turned against its own.
		sin, cos := math.Sincos(math.Abs(v.Tilt) * math.Pi / 180)
		k := min(w/(w*cos+h*sin), h/(w*sin+h*cos))
		w, h = w*k, h*k
	}
	return annotate.Box{MinX: v.CX - w, MinY: v.CY - h, MaxX: v.CX + w, MaxY: v.CY + h}
}
