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
// plane is cut into squares, and these into quarters (Land and Doig 1960, branch and bound): a
// square whose middles can hold no more points than were found already is left out, and in
// one that few circles cross every crossing is tried. The circle is then put around the points
// that it holds. Without points the number is 0. progress, which may be nil, hears of
// squares looked through. It stops with ctx's error.
func HotSpot(ctx context.Context, points []Point, radius float64, progress func(done, total int)) (middle Point, count int, err error) {
	if len(points) == 0 || !(radius > 0) {
		return Point{}, 0, ctx.Err()
	}
	h := newHotSpots(ctx, points, radius)
	squares := h.squares()
	for i, q := range squares {
		if h.err = ctx.Err(); h.err != nil || q.most <= h.best {
			break // neither this nor any that follow can hold more
		}
		if progress != nil && i%4 == 0 {
			progress(i, len(squares))
		}
		h.near = h.near[:0]
		for _, n := range q.near {
			h.near = append(h.near, spot{h.points[n], h.weight[n]})
		}
		h.quarter(q.at, radius/2, 0, h.near)
	}
	if h.err != nil {
		return Point{}, 0, h.err
	}
	return h.around(), h.best, nil
}

// hotSpots is a search for the best circle.
type hotSpots struct {
	ctx      context.Context
	err      error   // of ctx
	points   []Point // each place once
	weight   []int   // how many points lie there
	r        float64
	in, out  float64 // squared: surely inside up to the first, counted up to the second
	best     int
	at       Point
	near     []spot  // the points whose circles meet the square in hand
	heap     []spot  // those of its parts, the smallest's last
	looked   int     // squares, to ask ctx now and then
	fewest   int     // circles in a square that is not cut any more
	smallest float64 // half a side of a square that is not cut any more
}

func newHotSpots(ctx context.Context, points []Point, radius float64) *hotSpots {
	h := &hotSpots{ctx: ctx, r: radius, in: radius * radius, fewest: 8, smallest: radius * 1e-6}
	edge := radius * (1 + hotSpotSlack)
	h.out = edge * edge
	sorted := slices.Clone(points)
	slices.SortFunc(sorted, func(a, b Point) int {
		if c := cmp.Compare(a.X, b.X); c != 0 {
			return c
		}
		return cmp.Compare(a.Y, b.Y)
	})
	for i, p := range sorted {
		if i > 0 && p == sorted[i-1] {
			h.weight[len(h.weight)-1]++
		} else {
			h.points, h.weight = append(h.points, p), append(h.weight, 1)
		}
		if n := len(h.weight) - 1; h.weight[n] > h.best {
			h.best, h.at = h.weight[n], p
		}
	}
	return h
}

// spot is a place with how many points lie there.
type spot struct {
	Point
	n int
}

// square is a square of middles as wide as the radius.
type square struct {
	at   Point   // its middle
	near []int32 // the points whose circles meet it
	most int     // points that a circle with its middle there can hold
}

// squares are those that some circle meets, the most promising first.
func (h *hotSpots) squares() []square {
	place := map[[2]int64]int{}
	var all []square
	for i, p := range h.points {
		x, y := math.Floor(p.X/h.r), math.Floor(p.Y/h.r)
		for dx := -2.0; dx <= 2; dx++ {
			for dy := -2.0; dy <= 2; dy++ {
				m := Point{(x + dx + 0.5) * h.r, (y + dy + 0.5) * h.r}
				if near, _, _ := reaches(p, m, h.r/2); near > h.out {
					continue
				}
				key := [2]int64{int64(x + dx), int64(y + dy)}
				n, ok := place[key]
				if !ok {
					n = len(all)
					place[key] = n
					all = append(all, square{at: m})
				}
				all[n].near = append(all[n].near, int32(i))
				all[n].most += h.weight[i]
			}
		}
	}
	slices.SortFunc(all, func(a, b square) int {
		if c := cmp.Compare(b.most, a.most); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.at.X, b.at.X), cmp.Compare(a.at.Y, b.at.Y))
	})
	return all
}

// reaches is how far a point is from a square, from its middle and from its far
// corner, each squared.
func reaches(p, middle Point, half float64) (near, mid, far float64) {
	dx, dy := math.Abs(p.X-middle.X), math.Abs(p.Y-middle.Y)
	nx, ny := max(0, dx-half), max(0, dy-half)
	return nx*nx + ny*ny, dx*dx + dy*dy, (dx+half)*(dx+half) + (dy+half)*(dy+half)
}

// quarter looks through a square that lies in the circles of sure points and is
// crossed by those of the points in cross.
func (h *hotSpots) quarter(m Point, half float64, sure int, cross []spot) {
	if h.looked++; h.looked%1024 == 0 {
		h.err = h.ctx.Err()
	}
	if h.err != nil {
		return
	}
	if len(cross) <= h.fewest || half <= h.smallest {
		h.crossings(m, half, sure, cross)
		return
	}
	half /= 2
	type part struct {
		at         Point
		sure, most int
		from, to   int // in the heap
	}
	var parts [4]part
	start := len(h.heap)
	for i := range parts {
		q := part{at: Point{m.X + half*float64(i%2*2-1), m.Y + half*float64(i/2*2-1)}, sure: sure, from: len(h.heap)}
		maybe, here := 0, 0
		h.heap = slices.Grow(h.heap, len(cross))
		list := h.heap[len(h.heap) : len(h.heap)+len(cross)]
		to := 0
		for _, p := range cross {
			near, mid, far := reaches(p.Point, q.at, half)
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
			list[to] = p
			to += crossed
			q.sure += within * p.n
			maybe += crossed * p.n
			here += (held & crossed) * p.n
		}
		h.heap = h.heap[:len(h.heap)+to]
		q.to, q.most = len(h.heap), q.sure+maybe
		if q.sure+here > h.best {
			h.best, h.at = q.sure+here, q.at
		}
		parts[i] = q
	}
	slices.SortFunc(parts[:], func(a, b part) int { return cmp.Or(cmp.Compare(b.most, a.most), cmp.Compare(a.from, b.from)) })
	for _, q := range parts {
		if q.most > h.best {
			h.quarter(q.at, half, q.sure, h.heap[q.from:q.to:q.to])
		}
	}
	h.heap = h.heap[:start]
}

// crossings tries every place of a square where two circles cross, and its corners.
func (h *hotSpots) crossings(m Point, half float64, sure int, cross []spot) {
	most := sure
	for _, p := range cross {
		most += p.n
	}
	room := half + h.r*hotSpotSlack
	try := func(c Point) {
		if h.best >= most || math.Abs(c.X-m.X) > room || math.Abs(c.Y-m.Y) > room {
			return
		}
		here := sure
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
		if h.best >= most {
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
		for i, p := range h.points {
			if dx, dy := p.X-c.X, p.Y-c.Y; dx*dx+dy*dy <= h.out {
				n += h.weight[i]
				held = append(held, p)
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
