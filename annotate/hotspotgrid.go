package annotate

import "math"

const (
	cellsASpot = 32   // of the grid, for each spot, at most
	samples    = 64   // places whose circles are counted to choose the cells' size
	spanSlack  = 1e-6 // of a cell: the rounding of a place's cell
)

// spotGrid is the spots in cells, row by row, so that those of some neighbours in a row are
// a piece of the list. Its places are counted in cells from its corner.
type spotGrid struct {
	spots      []spot
	corner     Point
	cell       float64 // a side
	cols, rows int
	first      []int32 // the first spot of each cell or of one after it, and the end
	sum        []int32 // points before it; the same list where each spot is one point
}

// newSpotGrid takes the spots, and has room for all circles around them. As many cells as
// fine lie along a radius, unless that were too many.
func newSpotGrid(spots []spot, radius, fine float64, several bool) spotGrid {
	b := EmptyBox()
	for _, s := range spots {
		b = b.Union(Box{s.X, s.Y, s.X, s.Y})
	}
	b = b.Grow(radius)
	width, height := b.MaxX-b.MinX, b.MaxY-b.MinY
	most := float64(cellsASpot * (len(spots) + 32))
	g := spotGrid{corner: Point{b.MinX, b.MinY}, cell: max(radius/fine, math.Sqrt(width/most)*math.Sqrt(height), width/most, height/most)}
	if len(spots) == 0 || !(g.cell > 0) || math.IsInf(g.cell, 0) {
		return spotGrid{spots: spots}
	}
	g.cols, g.rows = int(width/g.cell)+1, int(height/g.cell)+1
	g.first = make([]int32, g.cols*g.rows+1)
	for _, s := range spots {
		g.first[g.of(s.Point)+1]++
	}
	for i := range g.first[1:] {
		g.first[i+1] += g.first[i]
	}
	next := make([]int32, len(g.first))
	copy(next, g.first)
	g.spots = make([]spot, len(spots))
	for _, s := range spots {
		at := g.of(s.Point)
		g.spots[next[at]] = s
		next[at]++
	}
	if g.sum = g.first; several {
		g.sum = next
		n, to := int32(0), 0
		for i, end := range g.first {
			for ; to < int(end); to++ {
				n += int32(g.spots[to].n)
			}
			g.sum[i] = n
		}
	}
	return g
}

// of is the cell of a place.
func (g *spotGrid) of(p Point) int {
	col := min(max(0, int((p.X-g.corner.X)/g.cell)), g.cols-1)
	row := min(max(0, int((p.Y-g.corner.Y)/g.cell)), g.rows-1)
	return row*g.cols + col
}

// span is the cells of a row, from the first of a square's columns on, whose points some
// middle of the square reaches, and between them those whose points every middle reaches.
type span struct {
	row        int // from the first of the square's on
	lo, hi     int
	inLo, inHi int // lo where there are none
}

// spans are those of a square of wide cells.
func (h *hotSpots) spans(wide int) []span {
	cell2 := h.grid.cell * h.grid.cell
	w := float64(wide)
	var all []span
	for row := -2 - int(h.r/h.grid.cell*(1+hotSpotSlack)); ; row++ {
		y := float64(row)
		gap, far := max(0, y-w, -y-1), max(y+1, w-y)
		room := h.out/cell2 - gap*gap
		if room < 0 {
			if row > 0 {
				return all
			}
			continue
		}
		reach := math.Sqrt(room) + spanSlack
		s := span{row: row, lo: int(math.Ceil(-1 - reach)), hi: int(math.Floor(w+reach)) + 1}
		s.inLo, s.inHi = s.lo, s.lo
		if room := h.in/cell2 - far*far; room >= 0 {
			reach := math.Sqrt(room) - spanSlack
			if lo, hi := int(math.Ceil(w-reach)), int(math.Floor(reach)); lo < hi {
				s.inLo, s.inHi = lo, hi
			}
		}
		all = append(all, s)
	}
}

// block is a square of cells.
type block struct {
	most     int // points that a circle with its middle there can hold
	level    int // it is 1<<level cells wide
	col, row int
}

// blocks is a queue: a list for each number of points that a circle can hold.
type blocks struct {
	of   [][]block
	most int // none can hold more
}

func (q *blocks) add(b block) {
	for len(q.of) <= b.most {
		q.of = append(q.of, nil)
	}
	q.of[b.most] = append(q.of[b.most], b)
	q.most = max(q.most, b.most)
}

// next takes the most promising block out, of several the one that came last, unless no
// block can hold more than best.
func (q *blocks) next(best int) (block, bool) {
	for ; q.most > best; q.most-- {
		if list := q.of[q.most]; len(list) > 0 {
			b := list[len(list)-1]
			q.of[q.most] = list[:len(list)-1]
			return b, true
		}
	}
	return block{}, false
}

// search goes through the blocks.
func (h *hotSpots) search(progress func(done, total int)) {
	g := &h.grid
	if g.cols == 0 {
		return
	}
	levels := [][]span{h.spans(1)}
	for float64(int(1)<<len(levels))*g.cell < h.r {
		levels = append(levels, h.spans(1<<len(levels)))
	}
	var open blocks
	add := func(b block) {
		if h.look(); b.col >= g.cols || b.row >= g.rows || h.err != nil {
			return
		}
		if b.most = g.most(levels[b.level], b.col, b.row); b.most > h.best {
			open.add(b)
		}
	}
	top := len(levels) - 1
	for row := 0; row < g.rows; row += 1 << top {
		for col := 0; col < g.cols; col += 1 << top {
			add(block{level: top, col: col, row: row})
		}
	}
	first := 0
	for i := 0; h.err == nil; i++ {
		b, ok := open.next(h.best)
		if !ok {
			return
		}
		if first = max(first, b.most); progress != nil && i%256 == 0 {
			progress(first-b.most, first-h.best)
		}
		if b.level == 0 {
			h.quarter(h.part(levels[0], b))
			continue
		}
		half := 1 << (b.level - 1)
		for i := range 4 {
			add(block{level: b.level - 1, col: b.col + i%2*half, row: b.row + i/2*half})
		}
	}
}

// most is how many points a circle with its middle in the block at a cell can hold.
func (g *spotGrid) most(spans []span, col, row int) int {
	n := int32(0)
	for i := range spans {
		s := &spans[i]
		if y := row + s.row; y >= 0 && y < g.rows {
			line := g.sum[y*g.cols:]
			n += line[max(0, min(g.cols, col+s.hi))] - line[max(0, min(g.cols, col+s.lo))]
		}
	}
	return int(n)
}

// part is a block of one cell with the spots whose circles may cross it.
func (h *hotSpots) part(spans []span, b block) *part {
	g := &h.grid
	p := &part{at: Point{g.corner.X + (float64(b.col)+0.5)*g.cell, g.corner.Y + (float64(b.row)+0.5)*g.cell}, half: g.cell / 2 * (1 + spanSlack)}
	ring := h.ring[:0]
	for _, s := range spans {
		y := b.row + s.row
		if y < 0 || y >= g.rows {
			continue
		}
		line, sums := g.first[y*g.cols:], g.sum[y*g.cols:]
		at := func(col int) int { return max(0, min(g.cols, b.col+col)) }
		p.sure += int(sums[at(s.inHi)] - sums[at(s.inLo)])
		ring = append(ring, g.spots[line[at(s.lo)]:line[at(s.inLo)]]...)
		ring = append(ring, g.spots[line[at(s.inHi)]:line[at(s.hi)]]...)
	}
	h.ring, h.heap = ring, h.heap[:0]
	h.sift(p, ring)
	return p
}
