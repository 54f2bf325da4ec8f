package annotate

import (
	"math"
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
	ring = slices.Compact(slices.Clone(ring))
	if distinct(ring) < 3 {
		return nil, invalid("a ring of %d distinct points", distinct(ring))
	}
	noded, err := guard(func() (geom.Geometry, error) { return geom.UnaryUnion(toLine(ring).AsGeometry()) })
	if err != nil {
		return nil, err
	}
	var inside []geom.Geometry
	for _, face := range newNet(noded).faces() {
		poly := toGeom(Polygon{Outer: face})
		at, ok := poly.PointOnSurface().XY()
		if ok && ring.winding(Point{at.X, at.Y}) != 0 {
			inside = append(inside, poly.AsGeometry())
		}
	}
	return join(inside)
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
	var all []geom.Geometry
	for _, p := range ps {
		outer, err := Repair(p.Outer)
		if err != nil {
			continue // no area: other polygons may have some
		}
		var holes []Polygon
		for _, h := range p.Holes {
			if mended, err := Repair(h); err == nil {
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

// join unites the geometries and checks the result.
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
	g, err = guard(func() (geom.Geometry, error) { return geom.Buffer(g, 0) })
	if err != nil {
		return nil, err
	}
	if ps = polygonsOf(g); len(ps) == 0 {
		return nil, invalid("no area")
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

func (n *net) sort() {
	angle := make([]float64, len(n.from))
	for e := range n.from {
		a, b := n.points[n.from[e]], n.points[n.from[e^1]]
		angle[e] = math.Atan2(b.Y-a.Y, b.X-a.X)
	}
	for _, out := range n.around {
		slices.SortFunc(out, func(a, b int32) int {
			if angle[a] != angle[b] {
				return sign(angle[a] - angle[b])
			}
			return int(a - b)
		})
	}
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
