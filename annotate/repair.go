package annotate

import (
	"math"
	"math/big"
	"slices"

	"github.com/peterstace/simplefeatures/geom"
)

// Repair makes valid polygons of a ring that crosses or touches itself, as a
// hand draws it. What the line winds around counts as inside (winding number
// not zero): a loop drawn twice stays full, as a person expects. A valid ring
// comes back as it is. It answers ErrInvalidROI when no area is left.
//
// The ring is cut where it meets itself, the faces of the resulting net are
// traced, each is kept or dropped by the winding number of the original ring
// around one of its inner points, and the kept ones are joined.
func Repair(ring Ring) ([]Polygon, error) {
	probe := Area(ring)
	if err := probe.WellFormed(); err != nil {
		return nil, err
	}
	if validPolygons(probe.Polygons) == nil {
		return probe.Polygons, nil
	}
	return settled(wound(ring))
}

// wound is the area that the ring winds around.
func wound(ring Ring) ([]Polygon, error) {
	ring = slices.Compact(slices.Clone(ring))
	if distinct(ring) < 3 {
		return nil, invalid("a ring of %d distinct points", distinct(ring))
	}
	if ps := []Polygon{{Outer: ring}}; validPolygons(ps) == nil {
		return ps, nil
	}
	noded, err := guard(func() (geom.Geometry, error) { return geom.UnaryUnion(toLine(ring).AsGeometry()) })
	if err != nil {
		return nil, err
	}
	var inside []geom.Geometry
	for _, face := range newNet(noded).faces() {
		if at, ok := face.innerPoint(); ok && ring.winding(at) != 0 {
			inside = append(inside, toGeom(Polygon{Outer: face}).AsGeometry())
		}
	}
	return join(inside)
}

// grids are the steps, in pixels, to which a result is snapped when edges nearly
// coincide, so that rounding makes the library contradict itself.
var grids = [...]float64{1. / 4096, 1. / 256, 1. / 16}

// settled tries again on coarser and coarser grids when polygons came out that
// are not valid.
func settled(ps []Polygon, err error) ([]Polygon, error) {
	if err == nil || len(ps) == 0 {
		return ps, err
	}
	for _, grid := range grids {
		snap := func(p Point) Point { return Point{math.Round(p.X/grid) * grid, math.Round(p.Y/grid) * grid} }
		mended, again := covered(ROI{Kind: KindPolygon, Polygons: ps}.Map(snap).Polygons)
		if again == nil {
			return mended, nil
		}
	}
	return nil, err
}

// RepairPolygons makes valid, disjoint polygons of the area that the given ones
// cover: rings are repaired one by one, holes taken out of their own polygon (a
// hole that lies outside changes nothing), overlaps joined. Valid polygons come
// back as they are. It answers ErrInvalidROI when no area is left.
func RepairPolygons(ps []Polygon) ([]Polygon, error) {
	if err := (ROI{Kind: KindPolygon, Polygons: ps}).WellFormed(); err != nil {
		return nil, err
	}
	if validPolygons(ps) == nil {
		return ps, nil
	}
	return settled(covered(ps))
}

// covered is the area of all the polygons together.
func covered(ps []Polygon) ([]Polygon, error) {
	var all []geom.Geometry
	for _, p := range ps {
		outer, err := wound(p.Outer)
		if err != nil {
			continue // no area: other polygons may have some
		}
		var holes []Polygon
		for _, h := range p.Holes {
			if mended, err := wound(h); err == nil {
				holes = append(holes, mended...)
			}
		}
		g, err := subtract(outer, holes)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return join(all)
}

func subtract(outer, holes []Polygon) (geom.Geometry, error) {
	g, err := union(asGeometries(outer))
	if err != nil || len(holes) == 0 {
		return g, err
	}
	h, err := union(asGeometries(holes))
	if err != nil {
		return geom.Geometry{}, err
	}
	return guard(func() (geom.Geometry, error) { return geom.Difference(g, h) })
}

// Repaired is the ROI made valid, and whether that changed it. Points and lines
// cannot be repaired; a ROI that covers no area answers ErrInvalidROI.
func (r ROI) Repaired() (ROI, bool, error) {
	err := r.Validate()
	if err == nil {
		return r, false, nil
	}
	if r.Kind != KindPolygon {
		return r, false, err
	}
	ps, err := RepairPolygons(r.Polygons)
	if err != nil {
		return r, false, err
	}
	return ROI{Kind: KindPolygon, Polygons: ps}, true, nil
}

func asGeometries(ps []Polygon) []geom.Geometry {
	gs := make([]geom.Geometry, len(ps))
	for i, p := range ps {
		gs[i] = toGeom(p).AsGeometry()
	}
	return gs
}

func union(gs []geom.Geometry) (geom.Geometry, error) {
	return guard(func() (geom.Geometry, error) { return geom.UnionMany(gs) })
}

// join unites the geometries and checks the result, which it answers even when
// it is not valid.
func join(gs []geom.Geometry) ([]Polygon, error) {
	g, err := union(gs)
	if err != nil {
		return nil, err
	}
	ps := polygonsOf(g)
	if len(ps) == 0 {
		return nil, invalid("no area")
	}
	if validPolygons(ps) == nil {
		return ps, nil
	}
	// A face may touch itself in a point; the library's own rebuilding of the
	// outline (a buffer of no width) parts it there without loss of area.
	clean, err := guard(func() (geom.Geometry, error) { return geom.Buffer(g, 0) })
	if err != nil {
		return ps, err
	}
	if parted := polygonsOf(clean); len(parted) > 0 && math.Abs(clean.Area()-g.Area()) <= 1e-6*g.Area() {
		ps = parted
	}
	return ps, validPolygons(ps)
}

func polygonsOf(g geom.Geometry) []Polygon {
	var ps []Polygon
	for _, part := range g.Dump() {
		if p, ok := part.AsPolygon(); ok && !p.IsEmpty() {
			ps = append(ps, fromGeom(p))
		}
	}
	return ps
}

// scans is how many lines innerPoint tries.
const scans = 24

// innerPoint is a point inside the ring and well away from its edges: where the
// ring is widest along one of the horizontal lines midway between its vertices.
// (A point that merely lies inside may lie on another edge as far as float64 can
// tell.)
func (r Ring) innerPoint() (Point, bool) {
	ys := make([]float64, len(r))
	for i, p := range r {
		ys[i] = p.Y
	}
	slices.Sort(ys)
	var best Point
	room := 0.0
	xs := make([]float64, 0, len(r))
	for k := range scans {
		lo, hi := k*(len(ys)-1)/scans, (k+1)*(len(ys)-1)/scans
		// Of the gaps between vertices in this part, the widest.
		gap, y := 0.0, 0.0
		for i := lo; i <= min(hi, len(ys)-2); i++ {
			if d := ys[i+1] - ys[i]; d > gap {
				gap, y = d, ys[i]+d/2
			}
		}
		if gap <= room {
			continue
		}
		xs = xs[:0]
		for i, a := range r {
			b := r[(i+1)%len(r)]
			if (a.Y > y) != (b.Y > y) {
				xs = append(xs, a.X+(y-a.Y)/(b.Y-a.Y)*(b.X-a.X))
			}
		}
		slices.Sort(xs)
		for i := 0; i+1 < len(xs); i += 2 {
			if w := min(gap, xs[i+1]-xs[i]); w > room {
				room, best = w, Point{xs[i] + (xs[i+1]-xs[i])/2, y}
			}
		}
	}
	return best, room > 0
}

// winding is how often the ring turns around the point (Sunday 2001).
func (r Ring) winding(p Point) int {
	w := 0
	for i := range r {
		a, b := r[i], r[(i+1)%len(r)]
		side := (b.X-a.X)*(p.Y-a.Y) - (p.X-a.X)*(b.Y-a.Y)
		switch {
		case a.Y <= p.Y && b.Y > p.Y && side > 0:
			w++
		case a.Y > p.Y && b.Y <= p.Y && side < 0:
			w--
		}
	}
	return w
}

// net is a planar graph of half-edges: edge e goes from from[e] to from[e^1].
type net struct {
	points []Point
	from   []int32
	around [][]int32 // of each point: the edges that leave it, by angle
	gone   []bool    // of each edge
}

// newNet takes lines that meet only at their ends.
func newNet(lines geom.Geometry) *net {
	n := &net{}
	index := map[Point]int32{}
	at := func(xy geom.XY) int32 {
		p := Point{xy.X, xy.Y}
		i, ok := index[p]
		if !ok {
			i = int32(len(n.points))
			index[p] = i
			n.points = append(n.points, p)
			n.around = append(n.around, nil)
		}
		return i
	}
	for _, part := range lines.Dump() {
		line, ok := part.AsLineString()
		if !ok {
			continue
		}
		s := line.Coordinates()
		for i := 1; i < s.Length(); i++ {
			a, b := at(s.GetXY(i-1)), at(s.GetXY(i))
			if a == b {
				continue
			}
			e := int32(len(n.from))
			n.from = append(n.from, a, b)
			n.around[a] = append(n.around[a], e)
			n.around[b] = append(n.around[b], e^1)
		}
	}
	n.gone = make([]bool, len(n.from))
	n.prune()
	n.sort()
	return n
}

// prune removes edges that end blind: they bound no face.
func (n *net) prune() {
	var blind []int32
	for i := range n.around {
		if len(n.around[i]) == 1 {
			blind = append(blind, int32(i))
		}
	}
	for len(blind) > 0 {
		i := blind[len(blind)-1]
		blind = blind[:len(blind)-1]
		if len(n.around[i]) != 1 {
			continue
		}
		e := n.around[i][0]
		n.gone[e], n.gone[e^1] = true, true
		n.around[i] = nil
		j := n.from[e^1]
		n.around[j] = slices.DeleteFunc(n.around[j], func(x int32) bool { return x == e^1 })
		if len(n.around[j]) == 1 {
			blind = append(blind, j)
		}
	}
}

// sort puts the edges around each point in the order of their direction. The
// comparison is exact: edges of a hand-drawn line may run so close together that
// their angles are the same number, and one wrong order loses a face.
func (n *net) sort() {
	for at, out := range n.around {
		o := n.points[at]
		slices.SortFunc(out, func(d, e int32) int {
			a, b := n.points[n.from[d^1]], n.points[n.from[e^1]]
			if h := upper(o, b) - upper(o, a); h != 0 {
				return h
			}
			return -turn(o, a, b)
		})
	}
}

// upper is 1 for directions from 0 up to 180 degrees, else 0.
func upper(o, p Point) int {
	if p.Y > o.Y || p.Y == o.Y && p.X > o.X {
		return 1
	}
	return 0
}

// turn is the exact sign of the cross product of a-o and b-o: positive when b
// lies towards larger angles.
func turn(o, a, b Point) int {
	l, r := (a.X-o.X)*(b.Y-o.Y), (b.X-o.X)*(a.Y-o.Y)
	// Shewchuk's bound (1997) for this expression.
	if d := l - r; math.Abs(d) > 3.3306690738754716e-16*(math.Abs(l)+math.Abs(r)) {
		return sign(d)
	}
	x := func(p, q float64) *big.Rat {
		return new(big.Rat).Sub(new(big.Rat).SetFloat64(p), new(big.Rat).SetFloat64(q))
	}
	left := new(big.Rat).Mul(x(a.X, o.X), x(b.Y, o.Y))
	return left.Cmp(new(big.Rat).Mul(x(b.X, o.X), x(a.Y, o.Y)))
}

// faces walks around every bounded face once, its inside to the same hand.
func (n *net) faces() []Ring {
	place := make([]int32, len(n.from))
	for _, out := range n.around {
		for k, e := range out {
			place[e] = int32(k)
		}
	}
	var faces []Ring
	done := slices.Clone(n.gone)
	for first := range n.from {
		var face Ring
		for e := int32(first); !done[e]; {
			done[e] = true
			face = append(face, n.points[n.from[e]])
			out := n.around[n.from[e^1]]
			e = out[(int(place[e^1])+len(out)-1)%len(out)]
		}
		if len(face) >= 3 && face.SignedArea() > 0 {
			faces = append(faces, face)
		}
	}
	return faces
}
