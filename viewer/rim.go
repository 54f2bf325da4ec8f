package viewer

import (
	"encoding/binary"
	"image"

	"coverslip/tiles"
)

// Beyond one to one the card mixes each pixel of a tile with its neighbours, and at
// the tile's edge there are none: a fine line shows there. So tiles that are
// magnified get a rim of their neighbours' pixels, and around it one that is clear:
// the card fades from a tile to the next over the width of a pixel, and both have
// the same colours there.
const rimWidth = 2

// rim tells which of its eight neighbours are in a tile's rim, by bits; rimmed is
// the bit of a tile that has a rim at all. 0 is a tile without.
type rim uint16

const rimmed rim = 1 << 15

// rimSteps are the ways to the neighbours, columns and rows.
var rimSteps = [8][2]int{{-1, -1}, {0, -1}, {1, -1}, {-1, 0}, {1, 0}, {-1, 1}, {0, 1}, {1, 1}}

// rimWhole is the rim of a tile all of whose neighbours are there.
func (t *tileLayer) rimWhole(k tiles.Key) rim {
	l, r := t.levels[k.Level], rimmed
	for i, s := range rimSteps {
		if c, w := k.Col+s[0], k.Row+s[1]; c >= 0 && w >= 0 && c < l.Cols() && w < l.Rows() {
			r |= 1 << i
		}
	}
	return r
}

// rimThere is the rim that can be made now.
func (t *tileLayer) rimThere(k tiles.Key, whole rim) rim {
	r := rimmed
	for i, s := range rimSteps {
		if whole&(1<<i) != 0 && t.resident(tiles.Key{Level: k.Level, Col: k.Col + s[0], Row: k.Row + s[1]}) {
			r |= 1 << i
		}
	}
	return r
}

// withRim is a tile with a rim on each side. Where a neighbour is not there yet the
// tile's own edge stands in for it; where there is none, the rim is clear.
func (t *tileLayer) withRim(k tiles.Key, src *image.RGBA, whole, have rim) *image.RGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w+2*rimWidth, h+2*rimWidth))
	for y := range h {
		copy(dst.Pix[(y+rimWidth)*dst.Stride+4*rimWidth:], src.Pix[y*src.Stride:y*src.Stride+4*w])
	}
	for i, s := range rimSteps {
		if whole&(1<<i) == 0 {
			continue
		}
		// The inner rim beside the tile: a column, a row or a corner.
		x0, x1 := side(s[0], w)
		y0, y1 := side(s[1], h)
		var from *image.RGBA
		if have&(1<<i) != 0 {
			from, _ = t.src.Get(tiles.Key{Level: k.Level, Col: k.Col + s[0], Row: k.Row + s[1]})
		}
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				var at []byte
				if from != nil {
					at = from.Pix[facing(y, s[1], h, from.Rect.Dy())*from.Stride+4*facing(x, s[0], w, from.Rect.Dx()):]
				} else {
					at = src.Pix[min(max(y, 0), h-1)*src.Stride+4*min(max(x, 0), w-1):]
				}
				binary.LittleEndian.PutUint32(dst.Pix[(y+rimWidth)*dst.Stride+4*(x+rimWidth):], binary.LittleEndian.Uint32(at))
			}
		}
	}
	return dst
}

// side is the range of pixels along one axis of what lies a step beside a tile of
// n pixels: the one pixel before it, its own length, or the one after it.
func side(step, n int) (from, end int) {
	switch step {
	case -1:
		return -1, 0
	case 1:
		return n, n + 1
	}
	return 0, n
}

// facing is the pixel, of a neighbour of m pixels a step away, beside pixel v of a
// tile of n.
func facing(v, step, n, m int) int {
	switch step {
	case -1:
		return m - 1
	case 1:
		return 0
	}
	return min(v, m-1)
}
