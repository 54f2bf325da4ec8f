package segment

import "image"

// Ring is a closed line along the edges of pixels, in pixels of the view, the
// first corner not repeated. Outer rings turn one way and holes the other: Area
// is positive for an outer ring.
type Ring []image.Point

// Area is the enclosed area in pixels; negative for a hole.
func (r Ring) Area() int {
	sum := 0
	for i, p := range r {
		q := r[(i+1)%len(r)]
		sum += p.X*q.Y - q.X*p.Y
	}
	return sum / 2
}

// Rings follows the border of what is in, exactly: the areas of all rings add up
// to the number of pixels in. Rings of fewer than least pixels are left out. A
// corner where two pixels touch only there belongs to two rings, so no ring
// touches itself along an edge.
func (m *Mask) Rings(least int) []Ring {
	// Every edge between a pixel that is in and one that is not, directed so that
	// the pixel lies to its right in a picture whose y goes down.
	from := map[image.Point][]image.Point{}
	var starts []image.Point
	add := func(x0, y0, x1, y1 int) {
		p := image.Pt(x0, y0)
		if len(from[p]) == 0 {
			starts = append(starts, p)
		}
		from[p] = append(from[p], image.Pt(x1, y1))
	}
	for y := range m.Height {
		for x := range m.Width {
			if !m.In(x, y) {
				continue
			}
			if !m.In(x, y-1) {
				add(x, y, x+1, y)
			}
			if !m.In(x+1, y) {
				add(x+1, y, x+1, y+1)
			}
			if !m.In(x, y+1) {
				add(x+1, y+1, x, y+1)
			}
			if !m.In(x-1, y) {
				add(x, y+1, x, y)
			}
		}
	}
	var rings []Ring
	for _, s := range starts {
		for len(from[s]) > 0 {
			r := follow(from, s)
			if a := r.Area(); a >= least || -a >= least {
				rings = append(rings, r)
			}
		}
	}
	return rings
}

// follow takes one ring out of the edges. Where two edges leave a corner it turns
// right, which keeps to the pixel it is at.
func follow(from map[image.Point][]image.Point, start image.Point) Ring {
	var r Ring
	at, came := start, image.Point{}
	for {
		next := from[at]
		k := 0
		if len(next) > 1 && came != (image.Point{}) {
			right := image.Pt(-came.Y, came.X)
			if next[1].Sub(at) == right {
				k = 1
			}
		}
		to := next[k]
		from[at] = append(next[:k:k], next[k+1:]...)
		if step := to.Sub(at); step != came {
			r = append(r, at) // a corner; straight on is none
			came = step
		}
		if at = to; at == start {
			break
		}
	}
	if n := len(r); n > 2 { // the beginning may lie on a straight line
		a, b, c := r[n-1], r[0], r[1]
		if a.X == b.X && b.X == c.X || a.Y == b.Y && b.Y == c.Y {
			r = r[1:]
		}
	}
	return r
}
