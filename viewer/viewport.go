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
}

// maxScale bounds magnifying: device pixels per level-0 pixel. Beyond it a
// pixel is larger than a fingertip and nothing more is seen.
const maxScale = 32

// fitMargin is the share of the window that a fitted slide fills.
const fitMargin = 0.96

// SFromL0 maps level-0 pixels to screen pixels.
func (v Viewport) SFromL0(l0X, l0Y float64) (sX, sY float64) {
	return (l0X-v.CX)*v.Scale + float64(v.W)/2, (l0Y-v.CY)*v.Scale + float64(v.H)/2
}

// L0FromS maps screen pixels to level-0 pixels.
func (v Viewport) L0FromS(sX, sY float64) (l0X, l0Y float64) {
	return (sX-float64(v.W)/2)/v.Scale + v.CX, (sY-float64(v.H)/2)/v.Scale + v.CY
}

// Box is the part of the plane that is seen, level-0 pixels; it may reach
// beyond the slide.
func (v Viewport) Box() annotate.Box {
	var b annotate.Box
	b.MinX, b.MinY = v.L0FromS(0, 0)
	b.MaxX, b.MaxY = v.L0FromS(float64(v.W), float64(v.H))
	return b
}

// Valid tells whether the viewport has a size and a scale, so that its
// arithmetic means something.
func (v Viewport) Valid() bool { return v.W > 0 && v.H > 0 && v.Scale > 0 }

// Panned moves the picture by a distance in screen pixels: what was at (0,0) is
// then at (dSX,dSY).
func (v Viewport) Panned(dSX, dSY float64) Viewport {
	v.CX -= dSX / v.Scale
	v.CY -= dSY / v.Scale
	return v
}

// ZoomedTo changes the scale so that the point of the slide under (sX,sY) stays
// where it is.
func (v Viewport) ZoomedTo(scale, sX, sY float64) Viewport {
	l0X, l0Y := v.L0FromS(sX, sY)
	v.Scale = scale
	v.CX = l0X - (sX-float64(v.W)/2)/scale
	v.CY = l0Y - (sY-float64(v.H)/2)/scale
	return v
}

// ShowingBox is the viewport that shows the whole of a box, in its middle.
// Margin is the share of the window the box fills.
func (v Viewport) ShowingBox(b annotate.Box, margin float64) Viewport {
	w, h := max(b.MaxX-b.MinX, 1), max(b.MaxY-b.MinY, 1)
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
