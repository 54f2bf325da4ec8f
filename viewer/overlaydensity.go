package viewer

import (
	"image"
	"image/color"
	"math"

	"coverslip/annotate"
)

// speck is an object too small to have an outline: a disc.
type speck struct {
	id     annotate.ID
	x, y   float64 // pixels of the tile
	radius float64
	color  color.NRGBA
	chosen bool
}

// stamp paints a disc.
func stamp(dst *image.RGBA, x, y, radius float64, c ink) {
	reach := radius + 0.5
	if !(reach > 0 && x+reach > 0 && y+reach > 0 && x-reach < overlayTile && y-reach < overlayTile) { // also when it is no number
		return
	}
	x0, y0 := max(0, floorInt(x-reach)), max(0, floorInt(y-reach))
	x1, y1 := min(overlayTile, ceilInt(x+reach)), min(overlayTile, ceilInt(y+reach))
	for row := y0; row < y1; row++ {
		dy := float64(row) + 0.5 - y
		at := dst.PixOffset(x0, row)
		for col := x0; col < x1; col++ {
			dx := float64(col) + 0.5 - x
			if d2 := dx*dx + dy*dy; d2 < reach*reach {
				if a := float32(min(1, reach-math.Sqrt(d2))) * c.a; a > visible {
					over(dst.Pix[at:at+4:at+4], c, a)
				}
			}
			at += 4
		}
	}
}

// density is objects smaller than a pixel, added up: of each pixel how many they
// are, and their mean colour. Every one of them counts.
type density struct {
	sums     []weight // of the tile's pixels
	used     bool
	strength [densityMost * densitySteps]float32 // by how much lies on a pixel
}

// Steps of strength: from some objects on a pixel is as good as opaque.
const (
	densityMost  = 6
	densitySteps = 64
)

// weight is the colours of what lies on a pixel, times how much of it does.
type weight struct{ r, g, b, n float32 }

// densityShare is how much of an object that lies on a pixel counts for that
// pixel, and for those beside it by side and by corner.
var densityShare = [3]float32{1, 0.22, 0.05}

// add counts an object at a place, pixels of the tile.
func (d *density) add(x, y float64, c color.NRGBA) {
	if !(x > -2 && y > -2 && x < overlayTile+2 && y < overlayTile+2) {
		return
	}
	if d.sums == nil {
		d.sums = make([]weight, overlayTile*overlayTile)
		for i := range d.strength {
			d.strength[i] = float32(1 - math.Pow(densityClear, (float64(i)+0.5)/densitySteps))
		}
	}
	d.used = true
	col, row := floorInt(x), floorInt(y)
	r, g, b := float32(c.R), float32(c.G), float32(c.B)
	for dy := -1; dy <= 1; dy++ {
		for dx := -1; dx <= 1; dx++ {
			if uint(col+dx) >= overlayTile || uint(row+dy) >= overlayTile {
				continue
			}
			n := densityShare[dx*dx+dy*dy]
			s := &d.sums[(row+dy)*overlayTile+col+dx]
			s.r += n * r
			s.g += n * g
			s.b += n * b
			s.n += n
		}
	}
}

// densityClear is how clear a pixel stays under one object: one is plainly seen,
// four are all but opaque.
const densityClear = 0.3

// densityOverHeat is how strong what is too small to be seen is over a heat map,
// which is there to be seen.
const densityOverHeat = 0.12

// draw puts what was counted on the tile, and forgets it.
func (d *density) draw(dst *image.RGBA, strength float32) {
	if !d.used {
		return
	}
	d.used = false
	for i := range d.sums {
		s := &d.sums[i]
		if s.n == 0 {
			continue
		}
		a := d.strength[min(len(d.strength)-1, int(s.n*densitySteps))] * strength
		if a > visible {
			over(dst.Pix[4*i:4*i+4:4*i+4], ink{s.r / s.n, s.g / s.n, s.b / s.n, 1}, a)
		}
		*s = weight{}
	}
}
