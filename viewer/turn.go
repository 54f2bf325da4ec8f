package viewer

import (
	"encoding/binary"
	"image"
	"math"
)

// Turn turns the picture by quarters, clockwise, about the middle of the window;
// a fitted slide is fitted anew.
func (v *Viewer) Turn(quarters int) {
	if v.view.Flip { // the turn is made before the mirror, which reverses it
		quarters = -quarters
	}
	v.reorient(90*float64((v.view.Turn+quarters%4+4)%4)+v.view.Tilt, v.view.Flip)
}

// TurnBy turns the picture, clockwise, by degrees about the middle of the window.
func (v *Viewer) TurnBy(degrees float64) {
	if v.view.Flip {
		degrees = -degrees
	}
	v.reorient(v.view.Angle()+degrees, v.view.Flip)
}

// TurnTo turns the picture to an angle, clockwise, degrees; 0 is the slide upright.
// A mirrored slide is turned to it as it is seen.
func (v *Viewer) TurnTo(angle float64) {
	if v.view.Flip {
		angle = -angle
	}
	v.reorient(angle, v.view.Flip)
}

// Orientation is how the picture stands: by how many degrees, clockwise as it is
// seen, in [0,360), and whether it is mirrored.
func (v *Viewer) Orientation() (angle float64, mirrored bool) {
	if v.view.Flip {
		return whole(-v.view.Angle()), true
	}
	return v.view.Angle(), false
}

// Orient gives the picture the Orientation it had before.
func (v *Viewer) Orient(angle float64, mirrored bool) {
	if mirrored {
		angle = -angle
	}
	v.reorient(angle, mirrored)
}

// Mirror changes left for right on the screen.
func (v *Viewer) Mirror() { v.reorient(v.view.Angle(), !v.view.Flip) }

func (v *Viewer) reorient(angle float64, flip bool) {
	if v.source == nil || !v.view.Valid() {
		return
	}
	v.view = v.limits.clamp(v.motion.finish(v.view)).WithAngle(angle)
	v.view.Flip = flip
	v.overlay.any = false // there is no old step to keep in the new position
	v.setLimits()
	v.touch()
}

// turnSnap is what angles snap to while Ctrl is held, degrees.
const turnSnap = 15

// turnDrag turns the picture as a hand turns it: what is under the pointer goes
// round the middle of the window with it.
func (v *Viewer) turnDrag(from, to pixel, snap bool) {
	mid := v.middle()
	way := math.Atan2(to.y-mid.y, to.x-mid.x) - math.Atan2(from.y-mid.y, from.x-mid.x)
	v.hand.turnRest += math.Remainder(way, 2*math.Pi) * 180 / math.Pi
	angle := v.hand.turned + v.hand.turnRest
	if snap {
		angle = math.Round(angle/turnSnap) * turnSnap
	}
	v.TurnTo(angle)
}

// turned is a picture turned by quarters, clockwise, and then mirrored; the
// picture itself when there is nothing to do.
func turned(src *image.RGBA, quarters int, flip bool) *image.RGBA {
	if quarters == 0 && !flip {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	outW, outH := w, h
	if quarters%2 == 1 {
		outW, outH = h, w
	}
	// Where the first pixel of a row of src goes, and the steps, in bytes, to the
	// next pixel and to the next row.
	var x0, y0, dx, dy, rx, ry int
	switch quarters {
	case 0:
		dx, ry = 1, 1
	case 1:
		x0, dy, rx = outW-1, 1, -1
	case 2:
		x0, y0, dx, ry = outW-1, outH-1, -1, -1
	case 3:
		y0, dy, rx = outH-1, -1, 1
	}
	if flip {
		x0, dx, rx = outW-1-x0, -dx, -rx
	}
	dst := image.NewRGBA(image.Rect(0, 0, outW, outH))
	step, next := dx*4+dy*dst.Stride, rx*4+ry*dst.Stride
	// By blocks, since a column of dst is a cache line for each pixel.
	const block = 16
	for bx := 0; bx < w; bx += block {
		end := min(bx+block, w)
		for y := range h {
			from := src.Pix[y*src.Stride+4*bx : y*src.Stride+4*end]
			to := x0*4 + y0*dst.Stride + y*next + bx*step
			for x := 0; x < len(from); x += 4 {
				binary.LittleEndian.PutUint32(dst.Pix[to:], binary.LittleEndian.Uint32(from[x:]))
				to += step
			}
		}
	}
	return dst
}
