package annotate

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// hotSpotSlack is how much of the radius a point may lie outside the circle and
// still count: the rounding of the circle's middle.
const hotSpotSlack = 1e-9

// HotSpot finds the circle of a radius (in the unit of the points) that holds the most points,
// its edge included, and how many it holds. It is exact: a best circle can be moved until
// two points lie on its edge, so its middle is where two circles around points cross. The
// plane is cut into squares, and these into quarters (Land and Doig 1960, branch and bound):
// the square whose middles might hold the most points is cut first, one that can hold no
// more than were found already is left out, and where few circles cross every crossing
// is tried. What larger squares might hold is read from sums along the rows of a grid. The
// circle is then put around the points that it holds. Without points the number is 0.
// progress, which may be nil, hears how far the bound has come down to what was found. It
// stops with ctx's error.
func HotSpot(ctx context.Context, points []Point, radius float64, progress func(done, total int)) (middle Point, count int, err error) {
	if len(points) == 0 || !(radius > 0) {
		return Point{}, 0, ctx.Err()
	}
	h := newHotSpots(ctx, points, radius)
	h.search(progress)
	if h.err = cmp.Or(h.err, ctx.Err()); h.err != nil {
		return Point{}, 0, h.err
	}
	return h.around(), h.best, nil
}

// hotSpots is a search for the best circle.
type hotSpots struct {
	ctx     context.Context
	err     error // of ctx
	grid    spotGrid
	r       float64
	in, out float64 // squared: surely inside up to the first, counted up to the second
	best    int
	at      Point
	ring    []spot // what may cross the block in hand
	heap    []spot // places whose circles cross the square in hand, then those of its parts, the smallest's last
	looked  int    // squares, to ask ctx now and then
}

const (
	fewCircles   = 4    // in a square that is not cut any more
	smallestHalf = 1e-6 // half a side of such a square at least, in radii
)

// spot is a place with how many points lie there.
type spot struct {
	Point
	n int
}

// part is a square of middles. It lies in the circles of sure points and is crossed by
// those of the spots.
type part struct {
	at         Point // its middle
	half       float64
	sure, most int // most: points that a circle with its middle there can hold
	spots      []spot
}

func newHotSpots(ctx context.Context, points []Point, radius float64) *hotSpots {
	edge := radius * (1 + hotSpotSlack)
	h := &hotSpots{ctx: ctx, r: radius, in: radius * radius, out: edge * edge}
	sorted := slices.Clone(points)
	slices.SortFunc(sorted, func(a, b Point) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) })
	spots := make([]spot, 0, len(sorted))
	for i, p := range sorted {
		if i > 0 && p == sorted[i-1] {
			spots[len(spots)-1].n++
		} else if finite(p.X) && finite(p.Y) {
			spots = append(spots, spot{p, 1})
		}
		if n := len(spots); n > 0 && spots[n-1].n > h.best {
			h.best, h.at = spots[n-1].n, spots[n-1].Point
		}
	}
	// A block's bound costs as many steps as it has rows of cells. It is cut as long as
	// fewer than the places in the cells that a circle crosses.
	h.grid = newSpotGrid(spots, radius, max(1, math.Sqrt(2.5*float64(h.sample(spots)))), len(points) != len(spots))
	return h
}

// sample counts what the circles around some places hold, and is the most.
func (h *hotSpots) sample(spots []spot) int {
	for i := range min(samples, len(spots)) {
		c, n := spots[i*len(spots)/min(samples, len(spots))].Point, 0
		for _, s := range spots {
			if dx, dy := s.X-c.X, s.Y-c.Y; dx*dx+dy*dy <= h.out {
				n += s.n
			}
		}
		if n > h.best {
			h.best, h.at = n, c
		}
	}
	return h.best
}

// quarter looks through a square.
func (h *hotSpots) quarter(p *part) {
	if h.look(); h.err != nil || p.most <= h.best {
		return
	}
	if len(p.spots) <= fewCircles || p.half <= h.r*smallestHalf {
		h.crossings(p)
		return
	}
	start, half := len(h.heap), p.half/2
	var parts [4]part
	for i := range parts {
		parts[i] = part{at: Point{p.at.X + half*float64(i%2*2-1), p.at.Y + half*float64(i/2*2-1)}, half: half, sure: p.sure}
		h.sift(&parts[i], p.spots)
	}
	slices.SortStableFunc(parts[:], func(a, b part) int { return cmp.Compare(b.most, a.most) })
	for i := range parts {
		h.quarter(&parts[i])
	}
	h.heap = h.heap[:start]
}

// look asks ctx now and then.
func (h *hotSpots) look() {
	if h.looked++; h.looked%1024 == 0 {
		h.err = cmp.Or(h.err, h.ctx.Err())
	}
}

// sift takes, of the spots that cross a larger square, those that cross p, and counts. It
// keeps the circle in p's middle when that is the best so far.
func (h *hotSpots) sift(p *part, spots []spot) {
	start := len(h.heap)
	h.heap = slices.Grow(h.heap, len(spots))
	list := h.heap[start : start+len(spots)]
	maybe, here, to := 0, 0, 0
	for _, s := range spots {
		near, mid, far := reaches(s.Point, p.at, p.half)
		// Without branches, which would be foreseen half of the time.
		var reached, within, held int
		if near <= h.out {
			reached = 1
		}
		if far <= h.in {
			within = 1
		}
		if mid <= h.out {
			held = 1
		}
		crossed := reached &^ within
		list[to] = s
		to += crossed
		p.sure += within * s.n
		maybe += crossed * s.n
		here += (held & crossed) * s.n
	}
	h.heap = h.heap[:start+to]
	p.spots, p.most = list[:to:to], p.sure+maybe
	if p.sure+here > h.best {
		h.best, h.at = p.sure+here, p.at
	}
}

// reaches is how far a point is from a square, from its middle and from its far
// corner, each squared.
func reaches(p, middle Point, half float64) (near, mid, far float64) {
	dx, dy := math.Abs(p.X-middle.X), math.Abs(p.Y-middle.Y)
	nx, ny := max(0, dx-half), max(0, dy-half)
	return nx*nx + ny*ny, dx*dx + dy*dy, (dx+half)*(dx+half) + (dy+half)*(dy+half)
}

// crossings tries every place of a square where two circles cross, and its corners.
func (h *hotSpots) crossings(q *part) {
	m, half, cross := q.at, q.half, q.spots
	room := half + h.r*hotSpotSlack
	try := func(c Point) {
		if h.best >= q.most || math.Abs(c.X-m.X) > room || math.Abs(c.Y-m.Y) > room {
			return
		}
		here := q.sure
		for _, p := range cross {
			if dx, dy := p.X-c.X, p.Y-c.Y; dx*dx+dy*dy <= h.out {
				here += p.n
			}
		}
		if here > h.best {
			h.best, h.at = here, c
		}
	}
	for i := range 4 {
		try(Point{m.X + half*float64(i%2*2-1), m.Y + half*float64(i/2*2-1)})
	}
	for i, p := range cross {
		if h.best >= q.most {
			return
		}
		for _, q := range cross[i+1:] {
			dx, dy := q.X-p.X, q.Y-p.Y
			d2 := dx*dx + dy*dy
			if d2 > 4*h.out {
				continue
			}
			k := math.Sqrt(max(0, h.in-d2/4) / d2)
			mx, my := (p.X+q.X)/2, (p.Y+q.Y)/2
			try(Point{mx - k*dy, my + k*dx})
			try(Point{mx + k*dy, my - k*dx})
		}
	}
}

// around moves the middle of the best circle to that of the smallest circle around the
// points that it holds, so that as few as can be lie on its edge, where rounding decides.
func (h *hotSpots) around() Point {
	holds := func(c Point) (n int, held []Point) {
		for _, s := range h.grid.spots {
			if dx, dy := s.X-c.X, s.Y-c.Y; dx*dx+dy*dy <= h.out {
				n += s.n
				held = append(held, s.Point)
			}
		}
		return n, held
	}
	_, held := holds(h.at)
	c := smallestCircle(held)
	if n, _ := holds(c); n >= h.best {
		return c
	}
	return h.at
}
