package annotate

import (
	"fmt"
	"math"
	"slices"

	"github.com/peterstace/simplefeatures/geom"
)

// quarterSteps is how many edges a quarter of a circle has in a buffer: its
// corners leave the true circle by 0.12 % of the distance.
const quarterSteps = 16

// Buffered is the ROI grown by d level-0 pixels on every side, or shrunk when d
// is negative; of a point or a line it is the area within d of it. Corners are
// round. It answers ErrNoArea when nothing is left, else errors as of Union.
func (r ROI) Buffered(d float64) (ROI, error) {
	if !finite(d) || math.Abs(d) > MaxCoordinate {
		return ROI{}, invalid("a distance of %g pixels", d)
	}
	if err := combinable([]ROI{r}); err != nil {
		return ROI{}, err
	}
	g, err := anyGeometry(r)
	if err != nil {
		return ROI{}, err
	}
	if d == 0 && r.IsArea() {
		return areaFrom(g)
	}
	g, err = guard(func() (geom.Geometry, error) { return geom.Buffer(g, d, geom.BufferQuadSegments(quarterSteps)) })
	if err != nil {
		return ROI{}, err
	}
	return areaFrom(g)
}

// anyGeometry is a ROI of any kind in the library's terms.
func anyGeometry(r ROI) (geom.Geometry, error) {
	switch r.Kind {
	case KindPoint, KindPoints:
		parts := make([]geom.Point, len(r.Points))
		for i, p := range r.Points {
			parts[i] = geom.XY{X: p.X, Y: p.Y}.AsPoint()
		}
		return geom.NewMultiPoint(parts).AsGeometry(), nil
	case KindLine:
		if r.Perimeter() == 0 {
			return geom.Geometry{}, invalid("a line without length")
		}
		return toOpenLine(r.Points).AsGeometry(), nil
	}
	return area(r)
}

// toOpenLine is a line of at least two points.
func toOpenLine(ps []Point) geom.LineString {
	flat := make([]float64, 0, 2*len(ps))
	for _, p := range ps {
		flat = append(flat, p.X, p.Y)
	}
	return geom.NewLineString(geom.NewSequence(flat, geom.DimXY))
}

// Stroke is the area that a round brush of the given radius (level-0 pixels)
// covers along a path; a path of one point, or one that stays there, is a disc.
func Stroke(path []Point, radius float64) (ROI, error) {
	if !(radius > 0) {
		return ROI{}, invalid("a brush of radius %g", radius)
	}
	path = slices.Compact(slices.Clone(path))
	if len(path) == 1 {
		return PointAt(path[0].X, path[0].Y).Buffered(radius)
	}
	return ROI{Kind: KindLine, Points: path}.Buffered(radius)
}

// FilledHoles is the area without its holes of at most maxArea square level-0
// pixels (+Inf: without any).
func (r ROI) FilledHoles(maxArea float64) (ROI, error) {
	if !r.IsArea() {
		return ROI{}, fmt.Errorf("%s has no holes: %w", r.Kind, ErrNoArea)
	}
	holes := false
	out := ROI{Kind: KindPolygon}
	for _, p := range r.Outline() {
		q := Polygon{Outer: p.Outer}
		for _, h := range p.Holes {
			if math.Abs(h.SignedArea()) > maxArea {
				q.Holes = append(q.Holes, h)
			} else {
				holes = true
			}
		}
		out.Polygons = append(out.Polygons, q)
	}
	if !holes {
		return r, nil
	}
	// A part that lay in a hole of another is now covered twice.
	return Union(parts(out)...)
}

// parts is each polygon of an area as a ROI of its own.
func parts(r ROI) []ROI {
	var out []ROI
	for _, p := range r.Outline() {
		out = append(out, ROI{Kind: KindPolygon, Polygons: []Polygon{p}})
	}
	return out
}

// Parts is the ROI taken apart: each polygon of an area with its holes, each of
// several points. A ROI that is one thing is its own only part.
func (r ROI) Parts() []ROI {
	switch {
	case r.Kind == KindPolygon && len(r.Polygons) > 1:
		return parts(r)
	case r.Kind == KindPoints && len(r.Points) > 1:
		out := make([]ROI, len(r.Points))
		for i, p := range r.Points {
			out[i] = PointAt(p.X, p.Y)
		}
		return out
	}
	return []ROI{r}
}

// Hull is the smallest convex area around all points of the ROI (Andrew's
// monotone chain, 1979, with exact turns). It answers ErrNoArea when they lie on
// one line.
func (r ROI) Hull() (ROI, error) {
	if err := r.WellFormed(); err != nil {
		return ROI{}, err
	}
	ps := slices.Clone(r.Points)
	for _, p := range r.Outline() {
		ps = append(ps, p.Outer...)
	}
	if r.Kind == KindEllipse {
		ps = ps[2:] // the corners of its box are not on it
	}
	hull := Area(hullOf(ps))
	if hull.Vertices() < 3 || hull.Validate() != nil { // a sliver of rounding is a line too
		return ROI{}, fmt.Errorf("all points lie on one line: %w", ErrNoArea)
	}
	return hull, nil
}

// hullOf is the convex hull of points, turning from +x to +y; fewer than three
// points when all lie on one line. It sorts ps.
func hullOf(ps []Point) Ring {
	slices.SortFunc(ps, func(a, b Point) int {
		switch {
		case a.X != b.X:
			return sign(a.X - b.X)
		case a.Y != b.Y:
			return sign(a.Y - b.Y)
		}
		return 0
	})
	ps = slices.Compact(ps)
	if len(ps) < 3 {
		return ps
	}
	half := func(hull Ring, p Point, from int) Ring {
		for len(hull)-from >= 2 && turn(hull[len(hull)-2], hull[len(hull)-1], p) <= 0 {
			hull = hull[:len(hull)-1]
		}
		return append(hull, p)
	}
	var hull Ring
	for _, p := range ps {
		hull = half(hull, p, 0)
	}
	from := len(hull) - 1
	for i := len(ps) - 2; i >= 0; i-- {
		hull = half(hull, ps[i], from)
	}
	return hull[:len(hull)-1]
}

// Simplified is the ROI with fewer vertices, none of the old ones farther than
// tolerance level-0 pixels from the new outline (Douglas and Peucker 1973). An
// area that would cross itself by it is mended; rings that vanish are left out.
func (r ROI) Simplified(tolerance float64) (ROI, error) {
	if !(tolerance >= 0) {
		return ROI{}, invalid("a tolerance of %g pixels", tolerance)
	}
	if err := r.WellFormed(); err != nil {
		return ROI{}, err
	}
	switch r.Kind {
	case KindLine:
		return ROI{Kind: KindLine, Points: thinned(r.Points, tolerance)}, nil
	case KindPolygon:
		out := ROI{Kind: KindPolygon}
		for _, p := range r.Polygons {
			q := Polygon{Outer: thinnedRing(p.Outer, tolerance)}
			if distinct(q.Outer) < 3 {
				continue
			}
			for _, h := range p.Holes {
				if h = thinnedRing(h, tolerance); distinct(h) >= 3 {
					q.Holes = append(q.Holes, h)
				}
			}
			out.Polygons = append(out.Polygons, q)
		}
		if len(out.Polygons) == 0 {
			return ROI{}, fmt.Errorf("smaller than the tolerance of %g pixels: %w", tolerance, ErrNoArea)
		}
		out, _, err := out.Repaired()
		return out, err
	}
	return r, nil
}

// thinnedRing thins a ring between its first vertex and the one farthest from
// that, both of which stay.
func thinnedRing(r Ring, tolerance float64) Ring {
	if len(r) < 4 {
		return r
	}
	far := 0
	for i, p := range r {
		if dist(r[0], p) > dist(r[0], r[far]) {
			far = i
		}
	}
	back := append(slices.Clone(r[far:]), r[0])
	out := thinned(r[:far+1], tolerance)
	out = append(out[:len(out)-1:len(out)-1], thinned(back, tolerance)...)
	return out[:len(out)-1]
}

// thinned keeps the ends of a line and what is farther than tolerance from the
// rest.
func thinned(ps []Point, tolerance float64) []Point {
	if len(ps) < 3 {
		return slices.Clone(ps)
	}
	keep := make([]bool, len(ps))
	keep[0], keep[len(ps)-1] = true, true
	// A stack of its own: a hostile line could be as deep as it is long.
	todo := [][2]int{{0, len(ps) - 1}}
	for len(todo) > 0 {
		from, to := todo[len(todo)-1][0], todo[len(todo)-1][1]
		todo = todo[:len(todo)-1]
		worst, at := tolerance, -1
		for i := from + 1; i < to; i++ {
			if d := segmentDist(ps[i], ps[from], ps[to]); d > worst {
				worst, at = d, i
			}
		}
		if at >= 0 {
			keep[at] = true
			todo = append(todo, [2]int{from, at}, [2]int{at, to})
		}
	}
	var out []Point
	for i, p := range ps {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

// The two steps of Taubin's smoothing (1995): the second takes back the
// shrinking of the first.
const (
	taubinIn   = 0.5
	taubinOut  = -0.526
	taubinRuns = 12
)

// maxSmooth bounds the points a ring or line is sampled into.
const maxSmooth = 100_000

// Smoothed is the ROI with its corners and the tremor of the hand taken out:
// waves shorter than a few steps (level-0 pixels) go, the area and what is
// larger stay. Rectangles, ellipses and points are as smooth as they are meant
// to be and come back as they are.
func (r ROI) Smoothed(step float64) (ROI, error) {
	if !(step > 0) || !finite(step) {
		return ROI{}, invalid("a step of %g pixels", step)
	}
	if err := r.WellFormed(); err != nil {
		return ROI{}, err
	}
	switch r.Kind {
	case KindLine:
		return ROI{Kind: KindLine, Points: thinned(taubin(r.Points, step, false), step/16)}, nil
	case KindPolygon:
		out := ROI{Kind: KindPolygon}
		for _, p := range r.Polygons {
			q := Polygon{Outer: smoothRing(p.Outer, step)}
			for _, h := range p.Holes {
				q.Holes = append(q.Holes, smoothRing(h, step))
			}
			out.Polygons = append(out.Polygons, q)
		}
		out, _, err := out.Repaired()
		return out, err
	}
	return r, nil
}

// smoothRing smooths a ring, unless it is too small to have tremor.
func smoothRing(r Ring, step float64) Ring {
	if r.length() < 8*step {
		return r
	}
	if s := thinnedRing(taubin(r, step, true), step/16); distinct(s) >= 3 {
		return s
	}
	return r
}

// taubin samples a line evenly and smooths it; the ends of an open one stay.
func taubin(ps []Point, step float64, closed bool) []Point {
	ps = sampled(ps, step, closed)
	n := len(ps)
	if n < 3 {
		return ps
	}
	next := make([]Point, n)
	for range taubinRuns {
		for _, k := range [2]float64{taubinIn, taubinOut} {
			for i, p := range ps {
				if !closed && (i == 0 || i == n-1) {
					next[i] = p
					continue
				}
				a, b := ps[(i+n-1)%n], ps[(i+1)%n]
				next[i] = Point{p.X + k*((a.X+b.X)/2-p.X), p.Y + k*((a.Y+b.Y)/2-p.Y)}
			}
			ps, next = next, ps
		}
	}
	return ps
}

// sampled is the line in even steps of about the given length.
func sampled(ps []Point, step float64, closed bool) []Point {
	if closed {
		ps = append(slices.Clone(ps), ps[0])
	}
	whole := 0.0
	for i := 1; i < len(ps); i++ {
		whole += dist(ps[i-1], ps[i])
	}
	n := int(min(maxSmooth, math.Ceil(whole/step)))
	if n < 2 {
		return ps
	}
	out := make([]Point, 0, n+1)
	run, at := 0.0, 1
	for i := range n {
		want := whole * float64(i) / float64(n)
		for at < len(ps)-1 && run+dist(ps[at-1], ps[at]) < want {
			run += dist(ps[at-1], ps[at])
			at++
		}
		a, b := ps[at-1], ps[at]
		t := 0.0
		if l := dist(a, b); l > 0 {
			t = min(1, (want-run)/l)
		}
		out = append(out, Point{a.X + t*(b.X-a.X), a.Y + t*(b.Y-a.Y)})
	}
	if !closed {
		out = append(out, ps[len(ps)-1])
	}
	return out
}
