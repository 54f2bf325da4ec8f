package viewer

import (
	"math"

	"coverslip/annotate"
	"coverslip/tiles"
)

// Viewport is the camera: which part of the slide is seen and how large. It is
// a value without a window, so that its arithmetic can be tested by itself.
type Viewport struct {
	CX, CY float64 // centre, level-0 pixels
	Scale  float64 // device pixels per level-0 pixel
	W, H   int     // size on screen, device pixels
	Turn   int     // quarter turns of the picture, clockwise, 0 to 3
	Tilt   float64 // turn beyond them, clockwise, degrees, -45 to 45; see WithAngle
	Flip   bool    // the turned picture is mirrored, left for right
}

// toScreen turns and mirrors a way over the slide into one over the screen.
func (v Viewport) toScreen(dx, dy float64) (float64, float64) {
	if v.Tilt != 0 {
		dx, dy = PlaneOf(v.Tilt).FromL0(dx, dy)
	}
	switch v.Turn {
	case 1:
		dx, dy = -dy, dx
	case 2:
		dx, dy = -dx, -dy
	case 3:
		dx, dy = dy, -dx
	}
	if v.Flip {
		dx = -dx
	}
	return dx, dy
}

// fromScreen is the inverse of toScreen.
func (v Viewport) fromScreen(dx, dy float64) (float64, float64) {
	if v.Flip {
		dx = -dx
	}
	switch v.Turn {
	case 1:
		dx, dy = dy, -dx
	case 2:
		dx, dy = -dx, -dy
	case 3:
		dx, dy = -dy, dx
	}
	if v.Tilt != 0 {
		dx, dy = PlaneOf(v.Tilt).L0(dx, dy)
	}
	return dx, dy
}

// maxScale bounds magnifying: device pixels per level-0 pixel. Beyond it a
// pixel is larger than a fingertip and nothing more is seen.
const maxScale = 32

// fitMargin is the share of the window that a fitted slide fills.
const fitMargin = 0.96

// SFromL0 maps level-0 pixels to screen pixels.
func (v Viewport) SFromL0(l0X, l0Y float64) (sX, sY float64) {
	dx, dy := v.toScreen((l0X-v.CX)*v.Scale, (l0Y-v.CY)*v.Scale)
	return dx + float64(v.W)/2, dy + float64(v.H)/2
}

// L0FromS maps screen pixels to level-0 pixels.
func (v Viewport) L0FromS(sX, sY float64) (l0X, l0Y float64) {
	dx, dy := v.fromScreen(sX-float64(v.W)/2, sY-float64(v.H)/2)
	return dx/v.Scale + v.CX, dy/v.Scale + v.CY
}

// Box is the upright box around what is seen, level-0 pixels; it may reach beyond
// the slide, and in a tilted view more lies in it than is seen.
func (v Viewport) Box() annotate.Box {
	if v.Tilt != 0 {
		return around(annotate.Box{MaxX: float64(v.W), MaxY: float64(v.H)}, v.L0FromS)
	}
	x0, y0 := v.L0FromS(0, 0)
	x1, y1 := v.L0FromS(float64(v.W), float64(v.H))
	return annotate.Box{MinX: min(x0, x1), MinY: min(y0, y1), MaxX: max(x0, x1), MaxY: max(y0, y1)}
}

// SBox is the upright rectangle on the screen, screen pixels, around a rectangle of
// the slide (level-0 pixels); without a tilt it is what the rectangle covers.
func (v Viewport) SBox(l0X0, l0Y0, l0X1, l0Y1 float64) (sX0, sY0, sX1, sY1 float64) {
	if v.Tilt != 0 {
		b := around(annotate.Box{MinX: l0X0, MinY: l0Y0, MaxX: l0X1, MaxY: l0Y1}, v.SFromL0)
		return b.MinX, b.MinY, b.MaxX, b.MaxY
	}
	ax, ay := v.SFromL0(l0X0, l0Y0)
	bx, by := v.SFromL0(l0X1, l0Y1)
	return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)
}

// Valid tells whether the viewport has a size and a scale, so that its
// arithmetic means something.
func (v Viewport) Valid() bool { return v.W > 0 && v.H > 0 && v.Scale > 0 }

// Panned moves the picture by a distance in screen pixels: what was at (0,0) is
// then at (dSX,dSY).
func (v Viewport) Panned(dSX, dSY float64) Viewport {
	dx, dy := v.fromScreen(dSX, dSY)
	v.CX -= dx / v.Scale
	v.CY -= dy / v.Scale
	return v
}

// ZoomedTo changes the scale so that the point of the slide under (sX,sY) stays
// where it is.
func (v Viewport) ZoomedTo(scale, sX, sY float64) Viewport {
	l0X, l0Y := v.L0FromS(sX, sY)
	dx, dy := v.fromScreen(sX-float64(v.W)/2, sY-float64(v.H)/2)
	v.Scale = scale
	v.CX = l0X - dx/scale
	v.CY = l0Y - dy/scale
	return v
}

// ShowingBox is the viewport that shows the whole of a box, in its middle.
// Margin is the share of the window the box fills.
func (v Viewport) ShowingBox(b annotate.Box, margin float64) Viewport {
	turned := v.Plane().BoxFromL0(b)
	w, h := max(turned.MaxX-turned.MinX, 1), max(turned.MaxY-turned.MinY, 1)
	if v.Turn%2 == 1 {
		w, h = h, w
	}
	v.CX, v.CY = (b.MinX+b.MaxX)/2, (b.MinY+b.MaxY)/2
	v.Scale = min(float64(v.W)/w, float64(v.H)/h) * margin
	return v
}

// limits are what a viewport may not leave.
type limits struct {
	w, h     float64 // size of the slide, level-0 pixels
	minScale float64
}

// limitsOf gives the limits for a slide seen in a window: a slide may be made
// half as small as fitted, never more than one to one smaller than that.
func limitsOf(v Viewport, w, h int) limits {
	fit := v.ShowingBox(annotate.Box{MaxX: float64(w), MaxY: float64(h)}, fitMargin).Scale
	return limits{w: float64(w), h: float64(h), minScale: min(fit/2, 1)}
}

// scale clamps a scale.
func (l limits) scale(s float64) float64 { return max(l.minScale, min(maxScale, s)) }

// clamp keeps the centre of the window on the slide, so that the slide can
// never be lost, and the scale in its bounds.
func (l limits) clamp(v Viewport) Viewport {
	v.Scale = l.scale(v.Scale)
	v.CX = max(0, min(l.w, v.CX))
	v.CY = max(0, min(l.h, v.CY))
	return v
}

// Level is the pyramid level whose tiles are drawn: the coarsest one that need
// not be magnified, level 0 above one to one.
func (v Viewport) Level(levels []tiles.Level) int { return tiles.BestLevel(levels, 1/v.Scale) }

// mppPerMagnification: a 10× objective is commonly scanned at 1 µm per pixel,
// 20× at 0.5 and 40× at 0.25, so magnification = 10 / mpp. It is a custom of
// the field for people to read, not an optical fact.
const mppPerMagnification = 10

// magnification is the magnification on screen of a scale, for people; 0 when
// the slide says neither mpp nor objective.
func magnification(info *tiles.Info, scale float64) float64 {
	switch {
	case info == nil:
		return 0
	case info.MPPX > 0:
		return mppPerMagnification * scale / info.MPPX
	case info.Objective > 0:
		return info.Objective * scale
	}
	return 0
}

// scaleFor is the scale of a magnification, the inverse of magnification; 0
// when unknown.
func scaleFor(info *tiles.Info, m float64) float64 {
	if one := magnification(info, 1); one > 0 {
		return m / one
	}
	return 0
}

// snap rounds a screen coordinate to a device pixel. Neighbouring tiles compute
// their common edge alike, so no gap can open between them.
func snap(s float64) float64 { return math.Round(s) }
