package annotate

import "math"

// Measures is what can be measured of a shape, in the unit of length that
// Measured was given a pixel's size in. What a shape does not have is NaN: a
// point has no length, a line no area.
type Measures struct {
	Area        float64 // holes taken out
	Perimeter   float64 // of all outlines, holes included
	Length      float64 // of a line
	FeretMax    float64 // the largest distance between two points
	FeretMin    float64 // the least distance between two parallel lines around it
	FeretAngle  float64 // of the largest distance, degrees from +x towards +y, 0 to 180
	Circularity float64 // 4π·area / perimeter² of the outer outline without holes: 1 for a circle
	Solidity    float64 // area without holes taken out, as a share of that of the hull
	Angle       float64 // of a line of three points, degrees
	Holes       int
	Parts       int // polygons, or points
}

// Measured measures a shape on pixels of the given size in x and y (1 and 1 for a
// measure in level-0 pixels). Lengths are measured on the scaled shape, so pixels
// need not be square.
func (r ROI) Measured(mppX, mppY float64) Measures {
	nan := math.NaN()
	m := Measures{Area: nan, Perimeter: nan, Length: nan, FeretMax: nan, FeretMin: nan, FeretAngle: nan, Circularity: nan, Solidity: nan, Angle: nan, Parts: 1}
	q := r.Scaled(Point{}, mppX, mppY)
	switch q.Kind {
	case KindPoint, KindPoints:
		m.Parts = len(q.Points)
		return m
	case KindLine:
		m.Length = q.Perimeter()
		if len(q.Points) == 3 {
			m.Angle = Angle(q.Points[0], q.Points[1], q.Points[2], 1, 1)
		}
		m.FeretMax, m.FeretMin, m.FeretAngle = feret(hullOf(append([]Point(nil), q.Points...)))
		return m
	}
	m.Area, m.Perimeter = q.Area(), q.Perimeter()
	var points []Point
	m.Parts = 0
	full, outer := 0.0, 0.0
	for _, p := range q.Outline() {
		m.Parts++
		m.Holes += len(p.Holes)
		full += math.Abs(p.Outer.SignedArea())
		outer += p.Outer.length()
		points = append(points, p.Outer...)
	}
	if q.Kind == KindEllipse { // exact, not those of its outline
		full, outer = m.Area, m.Perimeter
	}
	if outer > 0 {
		m.Circularity = 4 * math.Pi * full / (outer * outer)
	}
	hull := hullOf(points)
	m.FeretMax, m.FeretMin, m.FeretAngle = feret(hull)
	if a := Ring(hull).SignedArea(); a > 0 {
		m.Solidity = min(1, full/max(a, full))
	}
	if q.Kind == KindEllipse {
		b := q.Bounds()
		m.FeretMax, m.FeretMin = max(b.Width(), b.Height()), min(b.Width(), b.Height())
		m.Solidity = 1
		m.FeretAngle = 0
		if b.Height() > b.Width() {
			m.FeretAngle = 90
		}
	}
	return m
}

// feret is the largest and least caliper of a convex ring, and the angle of the
// largest, by rotating calipers (Shamos 1978).
func feret(hull Ring) (most, least, angle float64) {
	n := len(hull)
	switch {
	case n == 0:
		return math.NaN(), math.NaN(), math.NaN()
	case n == 1:
		return 0, 0, 0
	case n == 2:
		return dist(hull[0], hull[1]), 0, direction(hull[0], hull[1])
	}
	least = math.Inf(1)
	far := 1
	height := func(i, k int) float64 {
		a, b, p := hull[i], hull[(i+1)%n], hull[k%n]
		return (b.X-a.X)*(p.Y-a.Y) - (b.Y-a.Y)*(p.X-a.X)
	}
	consider := func(i, k int) {
		if d := dist(hull[i%n], hull[k%n]); d > most {
			most, angle = d, direction(hull[i%n], hull[k%n])
		}
	}
	for i := range n {
		far = max(far, i+1)
		for far < i+n && height(i, far+1) >= height(i, far) {
			consider(i, far)
			consider(i+1, far)
			far++
		}
		consider(i, far)
		consider(i+1, far)
		if l := dist(hull[i], hull[(i+1)%n]); l > 0 {
			least = min(least, height(i, far)/l)
		}
	}
	return most, least, angle
}

// direction is the angle of a line from +x towards +y, degrees, 0 to 180.
func direction(a, b Point) float64 {
	d := math.Atan2(b.Y-a.Y, b.X-a.X) * 180 / math.Pi
	if d < 0 {
		d += 180
	}
	if d >= 180 {
		d -= 180
	}
	return d
}
