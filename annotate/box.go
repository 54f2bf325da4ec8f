package annotate

import "math"

// EmptyBox contains nothing; Union with it changes nothing.
func EmptyBox() Box {
	return Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
}

// Empty tells whether the box holds no point at all, not even a degenerate one.
func (b Box) Empty() bool { return !(b.MinX <= b.MaxX && b.MinY <= b.MaxY) }

// Width is the extent in x, level-0 pixels; 0 for an empty box.
func (b Box) Width() float64 { return max(0, b.MaxX-b.MinX) }

// Height is the extent in y, level-0 pixels; 0 for an empty box.
func (b Box) Height() float64 { return max(0, b.MaxY-b.MinY) }

// Center is the middle of the box in level-0 pixels.
func (b Box) Center() Point { return Point{(b.MinX + b.MaxX) / 2, (b.MinY + b.MaxY) / 2} }

// Union is the smallest box that holds both.
func (b Box) Union(c Box) Box {
	if b.Empty() {
		return c
	}
	if c.Empty() {
		return b
	}
	return Box{min(b.MinX, c.MinX), min(b.MinY, c.MinY), max(b.MaxX, c.MaxX), max(b.MaxY, c.MaxY)}
}

// Grow moves every side outwards by d level-0 pixels (inwards when negative).
func (b Box) Grow(d float64) Box { return Box{b.MinX - d, b.MinY - d, b.MaxX + d, b.MaxY + d} }

// Meets tells whether the boxes share a point, their edges included: boxes of
// points and of straight lines have no inside, and are found by their edge.
func (b Box) Meets(c Box) bool {
	return b.MinX <= c.MaxX && c.MinX <= b.MaxX && b.MinY <= c.MaxY && c.MinY <= b.MaxY
}

// Contains tells whether the point lies in the half-open box.
func (b Box) Contains(p Point) bool {
	return p.X >= b.MinX && p.X < b.MaxX && p.Y >= b.MinY && p.Y < b.MaxY
}

func (b Box) finite() bool {
	return finite(b.MinX) && finite(b.MinY) && finite(b.MaxX) && finite(b.MaxY)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Bounds is the smallest box around the ring; EmptyBox for no points.
func (r Ring) Bounds() Box { return pointsBox(r) }

func pointsBox(ps []Point) Box {
	b := EmptyBox()
	for _, p := range ps {
		// The built-in min and max keep a NaN, so a bad coordinate shows in the
		// box and Validate needs no second look.
		b.MinX, b.MaxX = min(b.MinX, p.X), max(b.MaxX, p.X)
		b.MinY, b.MaxY = min(b.MinY, p.Y), max(b.MaxY, p.Y)
	}
	return b
}
