package annotate

import (
	"context"
	"math"
	"slices"
)

// hotSpotSlack is how much of the radius a point may lie outside the circle and
// still count: the rounding of the circle's middle.
const hotSpotSlack = 1e-9

// HotSpot finds the circle of a radius (in the unit of the points) that holds the most points,
// its edge included, and how many it holds. It is exact: a best circle can be moved until a point
// lies on its edge, so for each point the circles through it are swept by angle
// (Chazelle and Lee 1986), which takes n·k·log k steps for k points within two
// radii. Points whose surroundings hold too few to win are passed over. Without
// points the number is 0. It stops with ctx's error.
func HotSpot(ctx context.Context, points []Point, radius float64) (middle Point, count int, err error) {
	if len(points) == 0 || !(radius > 0) {
		return Point{}, 0, ctx.Err()
	}
	cells := newCells(points, 2*radius)
	// Those with the most around them first: they set the mark for the others.
	order := make([]int32, len(points))
	around := make([]int32, len(points))
	for i := range points {
		order[i] = int32(i)
		around[i] = cells.upTo(points[i])
	}
	slices.SortFunc(order, func(a, b int32) int { return int(around[b]) - int(around[a]) })
	var events []sweepEvent
	for n, i := range order {
		if n%64 == 0 && ctx.Err() != nil {
			return Point{}, 0, ctx.Err()
		}
		if int(around[i]) <= count {
			break // neither this nor any that follow can hold more
		}
		p := points[i]
		var always int
		events, always = cells.events(events[:0], int(i), radius)
		if len(events)/2+always <= count {
			continue
		}
		if c, angle := sweep(events, always); c > count {
			sin, cos := math.Sincos(angle)
			count, middle = c, Point{p.X + radius*cos, p.Y + radius*sin}
		}
	}
	return middle, count, nil
}

// sweepEvent is where a point comes into the circle that rolls around another
// one, or goes out of it.
type sweepEvent struct {
	angle float64
	in    bool
}

// sweep is the most points in the circle at one angle. The sweep begins at -π,
// where those that are in across it count already.
func sweep(events []sweepEvent, always int) (best int, at float64) {
	slices.SortFunc(events, func(a, b sweepEvent) int {
		switch {
		case a.angle < b.angle:
			return -1
		case a.angle > b.angle:
			return 1
		case a.in == b.in:
			return 0
		case a.in: // the edge belongs to the circle: in before out
			return -1
		}
		return 1
	})
	now := always
	best, at = now, 0
	if len(events) > 0 {
		at = events[0].angle
	}
	for _, e := range events {
		if !e.in {
			now--
			continue
		}
		if now++; now > best {
			best, at = now, e.angle
		}
	}
	return best, at
}

// cells is points by squares of a side, so that what lies near is found.
type cells struct {
	points []Point
	side   float64
	by     map[[2]int32][]int32
}

func newCells(points []Point, side float64) *cells {
	c := &cells{points: points, side: side, by: map[[2]int32][]int32{}}
	for i, p := range points {
		k := c.key(p)
		c.by[k] = append(c.by[k], int32(i))
	}
	return c
}

func (c *cells) key(p Point) [2]int32 {
	return [2]int32{int32(math.Floor(p.X / c.side)), int32(math.Floor(p.Y / c.side))}
}

// upTo is at least the number of points within a side of p, p included.
func (c *cells) upTo(p Point) (n int32) {
	k := c.key(p)
	for dx := int32(-1); dx <= 1; dx++ {
		for dy := int32(-1); dy <= 1; dy++ {
			n += int32(len(c.by[[2]int32{k[0] + dx, k[1] + dy}]))
		}
	}
	return n
}

// events adds where the points within two radii of the i-th come in and go out;
// always is how many are in at -π and stay or begin so: the i-th itself, those
// at the same place, and those whose arc reaches over -π.
func (c *cells) events(events []sweepEvent, i int, radius float64) ([]sweepEvent, int) {
	p := c.points[i]
	k := c.key(p)
	always := 0
	for dx := int32(-1); dx <= 1; dx++ {
		for dy := int32(-1); dy <= 1; dy++ {
			for _, j := range c.by[[2]int32{k[0] + dx, k[1] + dy}] {
				q := c.points[j]
				d := dist(p, q)
				if d == 0 {
					always++
					continue
				}
				if d > 2*radius*(1+hotSpotSlack) {
					continue
				}
				middle := math.Atan2(q.Y-p.Y, q.X-p.X)
				half := math.Acos(min(1, d/(2*radius))) + hotSpotSlack
				from, to := middle-half, middle+half
				if from < -math.Pi {
					from += 2 * math.Pi
				}
				if to > math.Pi {
					to -= 2 * math.Pi
				}
				if from > to {
					always++ // in at -π
				}
				events = append(events, sweepEvent{from, true}, sweepEvent{to, false})
			}
		}
	}
	return events, always
}
