package annotate

import (
	"math"
	"slices"
)

// packed is an R-tree over boxes that stand along a Hilbert curve: sixteen
// neighbours make a node, sixteen nodes the next, without a pointer (Kamel and
// Faloutsos, "Hilbert R-tree", VLDB 1994; packed as in Roussopoulos and Leifker,
// SIGMOD 1985). It never changes.
type packed struct {
	leaves [][4]float32   // the boxes themselves
	levels [][][4]float32 // boxes around sixteen of the level below, up to one node
	sound  int            // so many leaves from the first on are boxes, and not of broken shapes
}

const fanOut = 16

func newPacked(boxes [][4]float32) packed {
	p := packed{leaves: boxes, sound: len(boxes)}
	for i := range boxes {
		if b := &boxes[i]; !(b[0] <= b[2] && b[1] <= b[3]) {
			p.sound = i
			break
		}
	}
	for below := boxes; len(below) > 1; {
		up := make([][4]float32, (len(below)+fanOut-1)/fanOut)
		for i := range up {
			up[i] = around(below[i*fanOut : min(len(below), (i+1)*fanOut)])
		}
		p.levels = append(p.levels, up)
		below = up
	}
	return p
}

// around is the box around boxes; one that is no box (of a broken shape) counts
// for nothing.
func around(boxes [][4]float32) [4]float32 {
	inf := float32(math.Inf(1))
	a := [4]float32{inf, inf, -inf, -inf}
	for _, b := range boxes {
		if b[0] <= b[2] && b[1] <= b[3] {
			a = [4]float32{min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])}
		}
	}
	return a
}

func (p *packed) bytes() int {
	n := 0
	for _, l := range p.levels {
		n += 16 * len(l)
	}
	return n
}

// search calls yield with the place of every box that meets b, edges included,
// until it answers false.
func (p *packed) search(b Box, yield func(at uint32) bool) bool {
	q := outwards(b)
	if len(p.levels) == 0 {
		for i := range p.leaves {
			if meets(&p.leaves[i], &q) && !yield(uint32(i)) {
				return false
			}
		}
		return true
	}
	top := len(p.levels) - 1
	for i := range p.levels[top] {
		if !p.descend(top, i, &q, yield) {
			return false
		}
	}
	return true
}

func (p *packed) descend(level, node int, q *[4]float32, yield func(at uint32) bool) bool {
	box := &p.levels[level][node]
	if !meets(box, q) {
		return true
	}
	from := node * fanOut
	if within(box, q) {
		// Nothing below needs to be looked at: its leaves stand in one row.
		n := fanOut
		for range level {
			from, n = from*fanOut, n*fanOut
		}
		if from+n <= p.sound {
			for i := from; i < from+n; i++ {
				if !yield(uint32(i)) {
					return false
				}
			}
			return true
		}
		from = node * fanOut
	}
	if level == 0 {
		for i := from; i < min(from+fanOut, len(p.leaves)); i++ {
			if meets(&p.leaves[i], q) && !yield(uint32(i)) {
				return false
			}
		}
		return true
	}
	for i := from; i < min(from+fanOut, len(p.levels[level-1])); i++ {
		if !p.descend(level-1, i, q, yield) {
			return false
		}
	}
	return true
}

// within tells whether a lies in b.
func within(a, b *[4]float32) bool {
	return a[0] >= b[0] && a[1] >= b[1] && a[2] <= b[2] && a[3] <= b[3]
}

func meets(a, b *[4]float32) bool {
	return a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

// hilbertOrder is the order of the boxes along a Hilbert curve through their
// centres.
func hilbertOrder(boxes [][4]float32) []uint32 {
	world := around(boxes)
	const side = 1<<16 - 1
	scale := func(lo, hi float32) float64 {
		if d := float64(hi) - float64(lo); d > 0 && !math.IsInf(d, 0) {
			return side / d
		}
		return 0
	}
	sx, sy := scale(world[0], world[2]), scale(world[1], world[3])
	keys := make([]uint64, len(boxes))
	for i, b := range boxes {
		at := uint64(math.MaxUint32) // what is no box comes last
		if b[0] <= b[2] && b[1] <= b[3] {
			x := ((float64(b[0])+float64(b[2]))/2 - float64(world[0])) * sx
			y := ((float64(b[1])+float64(b[3]))/2 - float64(world[1])) * sy
			at = uint64(hilbert(uint32(max(0, min(side, x))), uint32(max(0, min(side, y)))))
		}
		keys[i] = at<<32 | uint64(i)
	}
	slices.Sort(keys)
	order := make([]uint32, len(keys))
	for i, k := range keys {
		order[i] = uint32(k)
	}
	return order
}

// hilbert is the distance along the Hilbert curve of order 16 of a point of a
// grid of 65,536² (Skilling, "Programming the Hilbert curve", 2004, in two
// dimensions).
func hilbert(x, y uint32) uint32 {
	var d uint32
	for s := uint32(1 << 15); s > 0; s >>= 1 {
		rx, ry := x&s/s, y&s/s
		d += s * s * ((3 * rx) ^ ry)
		if ry == 0 {
			if rx == 1 {
				x, y = ^x, ^y
			}
			x, y = y, x
		}
	}
	return d
}
