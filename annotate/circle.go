package annotate

import (
	"math"
	"math/rand/v2"
)

// smallestCircle is the middle of the smallest circle that holds all points (Welzl
// 1991, without recursion: Seidel's three loops over points in random order, linear in
// their number on the average). The order is the same for the same points.
func smallestCircle(points []Point) Point {
	if len(points) == 0 {
		return Point{}
	}
	ps := append([]Point(nil), points...)
	rng := rand.New(rand.NewPCG(1991, uint64(len(ps))))
	rng.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
	c, r := ps[0], 0.0
	out := func(p Point) bool { return dist(p, c) > r*(1+1e-12) }
	for i, p := range ps {
		if !out(p) {
			continue
		}
		c, r = p, 0
		for j, q := range ps[:i] {
			if !out(q) {
				continue
			}
			c, r = Point{(p.X + q.X) / 2, (p.Y + q.Y) / 2}, dist(p, q)/2
			for _, s := range ps[:j] {
				if !out(s) {
					continue
				}
				if m, ok := circumcentre(p, q, s); ok {
					c, r = m, dist(m, p)
				}
			}
		}
	}
	return c
}

// circumcentre is the middle of the circle through three points; false when they lie
// on a line.
func circumcentre(a, b, c Point) (Point, bool) {
	bx, by, cx, cy := b.X-a.X, b.Y-a.Y, c.X-a.X, c.Y-a.Y
	d := 2 * (bx*cy - by*cx)
	b2, c2 := bx*bx+by*by, cx*cx+cy*cy
	m := Point{a.X + (cy*b2-by*c2)/d, a.Y + (bx*c2-cx*b2)/d}
	return m, d != 0 && !math.IsNaN(m.X) && !math.IsInf(m.X, 0) && !math.IsInf(m.Y, 0)
}
