package viewer

import (
	"math"

	"coverslip/annotate"
)

// Looks of the frame around what is chosen, Fyne units.
const (
	frameApart = 16.0 // from the shapes, so that its handles are not theirs
	frameKnob  = 24.0 // from the frame to the knob that turns
)

// turnStep is the angle that Shift turns by, radians.
const turnStep = math.Pi / 12

// leastFactor bounds how small a drag makes a shape: below it there is nothing
// left to take hold of.
const leastFactor = 0.02

// frame is the box around the chosen objects, by whose corners they are made
// larger or smaller and by whose knob they are turned.
type frame struct {
	box annotate.Box // level-0 pixels
	ok  bool
}

// boundsOf is the box around objects.
func boundsOf(objects []*annotate.Object) annotate.Box {
	b := annotate.EmptyBox()
	for _, o := range objects {
		b = b.Union(o.ROI.Bounds())
	}
	return b
}

// frameOf is the frame of objects; points alone have nothing to scale or turn.
func (v *Viewer) frameOf(objects []*annotate.Object) frame {
	b := boundsOf(objects)
	return frame{box: b, ok: !b.Empty() && (b.Width() > 0 || b.Height() > 0)}
}

// corners are the corners of the frame on the slide, upper left first, going
// round, and the knob.
func (f frame) handles(v *Viewer) (corners [4]annotate.Point, knob annotate.Point) {
	b := f.box.Grow(v.l0(frameApart))
	corners = [4]annotate.Point{{X: b.MinX, Y: b.MinY}, {X: b.MaxX, Y: b.MinY}, {X: b.MaxX, Y: b.MaxY}, {X: b.MinX, Y: b.MaxY}}
	return corners, annotate.Point{X: (b.MinX + b.MaxX) / 2, Y: b.MinY - v.l0(frameKnob)}
}

// at is what a press at a screen pixel takes of the frame.
func (f frame) at(v *Viewer, s pixel) (what grip, corner int) {
	if !f.ok {
		return gripNone, 0
	}
	corners, knob := f.handles(v)
	if v.near(v.onScreen(knob), s, handleGrab) {
		return gripTurn, 0
	}
	for i, c := range corners {
		if v.near(v.onScreen(c), s, handleGrab) {
			return gripScale, i
		}
	}
	return gripNone, 0
}

// opposite is the corner of the box that stays when one is dragged.
func (f frame) opposite(corner int) annotate.Point {
	b := f.box
	return [4]annotate.Point{{X: b.MaxX, Y: b.MaxY}, {X: b.MinX, Y: b.MaxY}, {X: b.MinX, Y: b.MinY}, {X: b.MaxX, Y: b.MinY}}[corner]
}

// factors is how much larger the box gets when a corner is dragged to p.
func (f frame) factors(corner int, p annotate.Point, even bool) (fx, fy float64) {
	o, c := f.opposite(corner), f.opposite((corner+2)%4)
	fx, fy = 1, 1
	if c.X != o.X {
		fx = max(leastFactor, (p.X-o.X)/(c.X-o.X))
	}
	if c.Y != o.Y {
		fy = max(leastFactor, (p.Y-o.Y)/(c.Y-o.Y))
	}
	if even {
		k := math.Sqrt(fx * fy)
		fx, fy = k, k
	}
	return fx, fy
}

// angle is the turn about the middle that brings from to p.
func (f frame) angle(from, p annotate.Point, even bool) float64 {
	c := f.box.Center()
	a := math.Atan2(p.Y-c.Y, p.X-c.X) - math.Atan2(from.Y-c.Y, from.X-c.X)
	if even {
		a = math.Round(a/turnStep) * turnStep
	}
	return a
}

// drawFrame draws the frame around what is chosen, while nothing is in hand.
func (v *Viewer) drawFrame(l *live) {
	t, ok := v.tool.(*selectTool)
	if !ok || t.moved || !v.overlay.on {
		return
	}
	objects := v.editables()
	if len(objects) == 0 {
		return
	}
	f := v.frameOf(objects)
	if !f.ok {
		return
	}
	corners, knob := f.handles(v)
	faint := handleRim
	faint.A = 150
	for i := range corners {
		l.line(l.pixelOf(corners[i]), l.pixelOf(corners[(i+1)%4]), 1, faint)
	}
	top := annotate.Point{X: knob.X, Y: corners[0].Y}
	l.line(l.pixelOf(top), l.pixelOf(knob), 1, faint)
	for _, c := range corners {
		l.square(l.pixelOf(c), handleRim, handleColor)
	}
	l.square(l.pixelOf(knob), markColor, handleRim)
}
