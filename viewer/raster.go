package viewer

import (
	"image"
	"math"
)

// raster paints one outline at a time, anti-aliased: areas by accumulating
// signed coverage, lines by their distance. It works on the box the shape
// takes up in the tile, so small shapes cost little. One per goroutine.
type raster struct {
	ox, oy int       // corner of the box in the tile, pixels
	w, h   int       // size of the box, pixels
	cover  []float32 // (w+2)*h: change of coverage from the left neighbour
	line   []float32 // w*h: coverage by lines
	lines  bool
}

// begin starts a shape inside the box [x0,x1)×[y0,y1) of the tile.
func (r *raster) begin(x0, y0, x1, y1 int) {
	r.ox, r.oy, r.w, r.h = x0, y0, max(0, x1-x0), max(0, y1-y0)
	r.cover = zeroed(r.cover, (r.w+2)*r.h)
	r.line = zeroed(r.line, r.w*r.h)
	r.lines = false
}

func zeroed(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// edge adds a directed edge of a filled ring, in pixels of the tile.
func (r *raster) edge(x0, y0, x1, y1 float64) {
	x0, x1 = x0-float64(r.ox), x1-float64(r.ox)
	y0, y1 = y0-float64(r.oy), y1-float64(r.oy)
	h, w := float64(r.h), float64(r.w)
	if y0 == y1 || max(y0, y1) <= 0 || min(y0, y1) >= h {
		return
	}
	dxdy := (x1 - x0) / (y1 - y0)
	cut := func(y float64) float64 { return x0 + (y-y0)*dxdy }
	ya, yb := max(0, min(h, y0)), max(0, min(h, y1))
	xa, xb := cut(ya), cut(yb)
	// What lies left of the box covers all of its rows; what lies right of it
	// covers nothing. The sides come in the order in which they are crossed.
	sides := [2]float64{0, w}
	if xa > xb {
		sides = [2]float64{w, 0}
	}
	for _, side := range sides {
		if (xa < side) == (xb < side) {
			continue
		}
		ys := ya + (side-xa)/dxdy
		ys = max(min(ya, yb), min(max(ya, yb), ys))
		r.piece(xa, ya, side, ys)
		xa, ya = side, ys
	}
	r.piece(xa, ya, xb, yb)
}

// piece adds an edge that does not cross the box's left or right side.
func (r *raster) piece(x0, y0, x1, y1 float64) {
	w := float64(r.w)
	if y0 == y1 || min(x0, x1) >= w {
		return
	}
	if max(x0, x1) <= 0 {
		x0, x1 = 0, 0
	}
	sign := 1.0
	if y0 > y1 {
		x0, y0, x1, y1, sign = x1, y1, x0, y0, -1
	}
	dxdy := (x1 - x0) / (y1 - y0)
	for row := int(y0); row < r.h && float64(row) < y1; row++ {
		ya, yb := max(y0, float64(row)), min(y1, float64(row+1))
		xa, xb := x0+(ya-y0)*dxdy, x0+(yb-y0)*dxdy
		r.row(row, min(xa, xb), max(xa, xb), (yb-ya)*sign)
	}
}

// row adds the part of an edge inside one row: it runs from x0 to x1 and
// covers the share dy of the row's height.
func (r *raster) row(row int, x0, x1, dy float64) {
	x0, x1 = max(0, x0), min(float64(r.w), x1)
	line := r.cover[row*(r.w+2) : (row+1)*(r.w+2)]
	first, last := int(x0), int(x1)
	if first == last || x1 <= x0 {
		f := (x0+x1)/2 - float64(first)
		line[first] += float32(dy * (1 - f))
		line[first+1] += float32(dy * f)
		return
	}
	perX := dy / (x1 - x0)
	for c := first; c <= last; c++ {
		a, b := max(x0, float64(c)), min(x1, float64(c+1))
		if b <= a {
			break
		}
		d, f := (b-a)*perX, (a+b)/2-float64(c)
		line[c] += float32(d * (1 - f))
		line[c+1] += float32(d * f)
	}
}

// stroke adds a line with round ends, in pixels of the tile; half is half its
// width. Overlapping lines of a shape do not add up.
func (r *raster) stroke(x0, y0, x1, y1, half float64) {
	x0, x1 = x0-float64(r.ox), x1-float64(r.ox)
	y0, y1 = y0-float64(r.oy), y1-float64(r.oy)
	reach := half + 0.5
	top, bottom := max(0, floorInt(min(y0, y1)-reach)), min(r.h, ceilInt(max(y0, y1)+reach))
	left, right := max(0, floorInt(min(x0, x1)-reach)), min(r.w, ceilInt(max(x0, x1)+reach))
	if top >= bottom || left >= right {
		return
	}
	r.lines = true
	dx, dy := x1-x0, y1-y0
	length2 := dx*dx + dy*dy
	inv := 0.0
	if length2 > 0 {
		inv = 1 / length2
	}
	length := math.Sqrt(length2)
	for row := top; row < bottom; row++ {
		y := float64(row) + 0.5 - y0
		a, b := left, right
		if math.Abs(dy) > 1e-6 && length > 4 {
			// Only the strip around the line can be touched.
			mid, wide := x0+y*dx/dy, reach*length/math.Abs(dy)+1
			a, b = max(a, floorInt(mid-wide)), min(b, ceilInt(mid+wide))
		}
		for col := a; col < b; col++ {
			x := float64(col) + 0.5 - x0
			t := max(0, min(1, (x*dx+y*dy)*inv))
			ex, ey := x-t*dx, y-t*dy
			d2 := ex*ex + ey*ey
			if d2 >= reach*reach {
				continue
			}
			if c := float32(min(1, reach-math.Sqrt(d2))); c > r.line[row*r.w+col] {
				r.line[row*r.w+col] = c
			}
		}
	}
}

// ink is a colour with its strength, components 0..255, strength 0..1.
type ink struct{ r, g, b, a float32 }

// visible is the smallest coverage worth a pixel.
const visible = 1.0 / 512

// paint puts the shape on the tile: its area, then its lines.
func (r *raster) paint(dst *image.RGBA, area, line ink) {
	for row := range r.h {
		sum := float32(0)
		cover := r.cover[row*(r.w+2):]
		off := dst.PixOffset(r.ox, r.oy+row)
		pix := dst.Pix[off : off+4*r.w]
		for col := range r.w {
			sum += cover[col]
			a := min(1, max(sum, -sum)) * area.a
			var l float32
			if r.lines {
				l = r.line[row*r.w+col] * line.a
			}
			if a > visible {
				over(pix[4*col:4*col+4:4*col+4], area, a)
			}
			if l > visible {
				over(pix[4*col:4*col+4:4*col+4], line, l)
			}
		}
	}
}

// over composes a colour of the given strength on one premultiplied pixel.
func over(p []uint8, c ink, a float32) {
	k := 1 - a
	p[0] = uint8(c.r*a + float32(p[0])*k + 0.5)
	p[1] = uint8(c.g*a + float32(p[1])*k + 0.5)
	p[2] = uint8(c.b*a + float32(p[2])*k + 0.5)
	p[3] = uint8(255*a + float32(p[3])*k + 0.5)
}
