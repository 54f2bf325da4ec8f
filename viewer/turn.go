package viewer

import (
	"encoding/binary"
	"image"
)

// Turn turns the picture by quarters, clockwise, about the middle of the window;
// a fitted slide is fitted anew.
func (v *Viewer) Turn(quarters int) {
	if v.view.Flip { // the turn is made before the mirror, which reverses it
		quarters = -quarters
	}
	v.reorient((v.view.Turn+quarters%4+4)%4, v.view.Flip)
}

// Mirror changes left for right on the screen.
func (v *Viewer) Mirror() { v.reorient(v.view.Turn, !v.view.Flip) }

func (v *Viewer) reorient(turn int, flip bool) {
	if v.source == nil || !v.view.Valid() {
		return
	}
	v.view = v.limits.clamp(v.motion.finish(v.view))
	v.view.Turn, v.view.Flip = turn, flip
	v.overlay.any = false // there is no old step to keep in the new position
	v.setLimits()
	v.touch()
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
