package alike

import "image"

// Mask is a set of pixels.
type Mask struct {
	W, H int
	On   []bool // row by row
}

// NewMask makes an empty mask.
func NewMask(w, h int) *Mask { return &Mask{W: w, H: h, On: make([]bool, w*h)} }

// Count is the number of pixels in the mask.
func (m *Mask) Count() int {
	n := 0
	for _, on := range m.On {
		if on {
			n++
		}
	}
	return n
}

// spread adds the pixels joined side by side to a first one for which like
// answers true; the first is always added.
func (m *Mask) spread(first int, like func(i int) bool) {
	m.On[first] = true
	todo := []int{first}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		m.beside(i, func(k int) {
			if !m.On[k] && like(k) {
				m.On[k] = true
				todo = append(todo, k)
			}
		})
	}
}

// beside calls f with the four neighbours of a pixel that there are.
func (m *Mask) beside(i int, f func(k int)) {
	x := i % m.W
	if x > 0 {
		f(i - 1)
	}
	if x < m.W-1 {
		f(i + 1)
	}
	if i >= m.W {
		f(i - m.W)
	}
	if i < m.W*(m.H-1) {
		f(i + m.W)
	}
}

// FillHoles adds the pixels of holes that have at most so many; what touches the
// edge of the picture is no hole.
func (m *Mask) FillHoles(most int) {
	seen := make([]bool, len(m.On))
	for i := range m.On {
		if m.On[i] || seen[i] {
			continue
		}
		hole, open := []int{i}, false
		seen[i] = true
		for k := 0; k < len(hole); k++ {
			if x := hole[k] % m.W; x == 0 || x == m.W-1 || hole[k] < m.W || hole[k] >= m.W*(m.H-1) {
				open = true
			}
			m.beside(hole[k], func(q int) {
				if !m.On[q] && !seen[q] {
					seen[q] = true
					hole = append(hole, q)
				}
			})
		}
		if !open && len(hole) <= most {
			for _, k := range hole {
				m.On[k] = true
			}
		}
	}
}

// Outlines are the rings around the pixels of the mask, by pixel corners, only
// the corners where they turn. With the mask to the right hand along the way
// (y down), an outer ring and the ring of a hole turn opposite ways. Pixels that touch at
// a corner alone are apart, and no ring passes a corner twice: rings may touch
// one another there.
func (m *Mask) Outlines() [][]image.Point {
	on := func(x, y int) bool { return x >= 0 && y >= 0 && x < m.W && y < m.H && m.On[y*m.W+x] }
	// An edge goes along the top of each pixel whose upper neighbour is off;
	// every ring has one.
	done := make([]bool, len(m.On))
	var rings [][]image.Point
	for y := range m.H {
		for x := range m.W {
			if !on(x, y) || on(x, y-1) || done[y*m.W+x] {
				continue
			}
			rings = append(rings, parted(m.ring(x, y, on, done))...)
		}
	}
	return rings
}

// ring walks from the upper left corner of (x, y) to the right, the mask to the
// right hand, and notes the top edges it passes.
func (m *Mask) ring(x, y int, on func(x, y int) bool, done []bool) []image.Point {
	ways := [4]image.Point{{X: 1}, {Y: 1}, {X: -1}, {Y: -1}} // right, down, left, up
	// Of the four pixels at a corner: the one ahead to the left and to the right
	// of each way.
	left := [4]image.Point{{0, -1}, {0, 0}, {-1, 0}, {-1, -1}}
	right := [4]image.Point{{0, 0}, {-1, 0}, {-1, -1}, {0, -1}}
	start := image.Pt(x, y)
	at, way := start, 0
	var out []image.Point
	for {
		if way == 0 {
			done[at.Y*m.W+at.X] = true
		}
		at = at.Add(ways[way])
		l, r := at.Add(left[way]), at.Add(right[way])
		turn := way
		switch {
		case !on(r.X, r.Y): // also where two pixels touch at the corner alone
			turn = (way + 1) % 4
		case on(l.X, l.Y):
			turn = (way + 3) % 4
		}
		if turn != way {
			out = append(out, at)
		}
		way = turn
		if at == start && way == 0 {
			return out
		}
	}
}

// parted cuts the loops off a ring that comes back to a corner.
func parted(ring []image.Point) [][]image.Point {
	var rings [][]image.Point
	at := map[image.Point]int{}
	var way []image.Point
	for _, p := range ring {
		if from, again := at[p]; again {
			rings = append(rings, append([]image.Point(nil), way[from:]...))
			for _, q := range way[from:] {
				delete(at, q)
			}
			way = way[:from]
		}
		at[p] = len(way)
		way = append(way, p)
	}
	return append(rings, way)
}
