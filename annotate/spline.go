package annotate

import "math"

// maxSplineSteps bounds the points between two knots of a spline.
const maxSplineSteps = 64

// Spline is a closed smooth curve through the knots as a ring: the centripetal
// Catmull-Rom spline (Yuksel, Schaefer and Keyser 2011), which makes no loops
// and no cusps within a piece. Its edges leave the curve by about tolerance level-0
// pixels. Fewer than three knots come back as they are.
func Spline(knots []Point, tolerance float64) Ring {
	n := len(knots)
	if n < 3 {
		return append(Ring(nil), knots...)
	}
	var out Ring
	for i := range n {
		a, b, c, d := knots[(i+n-1)%n], knots[i], knots[(i+1)%n], knots[(i+2)%n]
		// The sagitta of a piece as long as its chord is at most about a third of
		// it; steps make it smaller with their square.
		steps := int(min(maxSplineSteps, max(2, math.Ceil(math.Sqrt(dist(b, c)/3/max(tolerance, 1e-6))))))
		for k := range steps {
			out = append(out, catmullRom(a, b, c, d, float64(k)/float64(steps)))
		}
	}
	return out
}

// catmullRom is the point at t (0..1) of the piece from b to c.
func catmullRom(a, b, c, d Point, t float64) Point {
	knot := func(p, q Point) float64 { return max(1e-6, math.Sqrt(dist(p, q))) }
	t1 := knot(a, b)
	t2 := t1 + knot(b, c)
	t3 := t2 + knot(c, d)
	u := t1 + t*(t2-t1)
	mix := func(p, q Point, from, to float64) Point {
		k := (u - from) / (to - from)
		return Point{p.X + k*(q.X-p.X), p.Y + k*(q.Y-p.Y)}
	}
	ab, bc, cd := mix(a, b, 0, t1), mix(b, c, t1, t2), mix(c, d, t2, t3)
	return mix(mix(ab, bc, 0, t2), mix(bc, cd, t1, t3), t1, t2)
}
