package exchange

import (
	"slices"
	"strconv"

	"coverslip/annotate"
)

// AreaOf is the ROI of polygons: a rectangle where they are one, as most
// programs write rectangles as polygons of four corners.
func AreaOf(ps []annotate.Polygon) annotate.ROI {
	if len(ps) == 1 && len(ps[0].Outer) == 4 && len(ps[0].Holes) == 0 {
		b := ps[0].Outer.Bounds()
		r := annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)
		probe := annotate.ROI{Kind: annotate.KindRectangle, Polygons: ps}
		if probe.Validate() == nil {
			return r
		}
	}
	return annotate.ROI{Kind: annotate.KindPolygon, Polygons: ps}
}

// AreaOfRing is AreaOf of one ring, which may repeat its first point at the end
// and any point after itself.
func AreaOfRing(ring []annotate.Point) annotate.ROI {
	return AreaOf([]annotate.Polygon{{Outer: Opened(ring)}})
}

// PointsOf is the ROI of points: of one, or of several as one object.
func PointsOf(ps []annotate.Point) annotate.ROI {
	if len(ps) == 1 {
		return annotate.ROI{Kind: annotate.KindPoint, Points: ps}
	}
	return annotate.ROI{Kind: annotate.KindPoints, Points: ps}
}

// LineOf is the ROI of a line.
func LineOf(ps []annotate.Point) annotate.ROI {
	return annotate.ROI{Kind: annotate.KindLine, Points: ps}
}

// Opened is a ring without the points that repeat the one before, and without
// the first one repeated at the end.
func Opened(ps []annotate.Point) annotate.Ring {
	r := annotate.Ring(slices.Compact(slices.Clone(ps)))
	for len(r) > 1 && r[0] == r[len(r)-1] {
		r = r[:len(r)-1]
	}
	return r
}

// AppendNumber appends a coordinate in as many digits as bring it back exactly,
// without an exponent.
func AppendNumber(b []byte, v float64) []byte { return strconv.AppendFloat(b, v+0, 'f', -1, 64) }

// Number is AppendNumber as a text.
func Number(v float64) string { return string(AppendNumber(nil, v)) }

// Nested makes polygons of rings by the even-odd rule: a ring in an odd number of
// others is a hole of the smallest of them.
func Nested(rings []annotate.Ring) []annotate.Polygon {
	areas := make([]float64, len(rings))
	boxes := make([]annotate.Box, len(rings))
	for i, r := range rings {
		areas[i], boxes[i] = annotate.Area(r).Area(), r.Bounds()
	}
	inside := func(i, k int) bool {
		return i != k && len(rings[i]) > 0 && areas[i] < areas[k] && boxes[k].Meets(boxes[i]) && rings[k].Contains(rings[i][0])
	}
	place := map[int]int{} // of the outer ring i in ps
	var ps []annotate.Polygon
	depth := make([]int, len(rings))
	for i := range rings {
		for k := range rings {
			if inside(i, k) {
				depth[i]++
			}
		}
		if depth[i]%2 == 0 {
			place[i] = len(ps)
			ps = append(ps, annotate.Polygon{Outer: rings[i]})
		}
	}
	for i := range rings {
		if depth[i]%2 == 0 {
			continue
		}
		best := -1
		for k := range rings {
			if depth[k] == depth[i]-1 && inside(i, k) && (best < 0 || areas[k] < areas[best]) {
				best = k
			}
		}
		if best >= 0 {
			p := &ps[place[best]]
			p.Holes = append(p.Holes, rings[i])
		}
	}
	return ps
}
