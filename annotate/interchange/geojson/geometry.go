package geojson

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"coverslip/annotate"
)

// rawGeometry is a geometry whose coordinates are not parsed yet.
type rawGeometry struct {
	Type        string            `json:"type"`
	Coordinates json.RawMessage   `json:"coordinates"`
	Geometries  []json.RawMessage `json:"geometries"`
	IsEllipse   bool              `json:"isEllipse"`
	Plane       json.RawMessage   `json:"plane"`
}

func isGeometry(kind string) bool {
	switch kind {
	case "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection":
		return true
	}
	return false
}

// shapes is what a geometry is made of: one area, one set of points, and lines.
type shapes struct {
	polygons []annotate.Polygon
	points   []annotate.Point
	lines    [][]annotate.Point
	ellipse  bool
	plane    string // JSON of a plane other than the usual one
}

// rois makes ROIs of them; a feature with more than one becomes several objects.
func (s *shapes) rois() []annotate.ROI {
	var out []annotate.ROI
	switch {
	case len(s.polygons) == 0:
	case s.ellipse && len(s.polygons) == 1:
		b := s.polygons[0].Outer.Bounds()
		out = append(out, annotate.Ellipse(b.MinX, b.MinY, b.MaxX, b.MaxY))
	default:
		out = append(out, areaOf(s.polygons))
	}
	switch len(s.points) {
	case 0:
	case 1:
		out = append(out, annotate.ROI{Kind: annotate.KindPoint, Points: s.points})
	default:
		out = append(out, annotate.ROI{Kind: annotate.KindPoints, Points: s.points})
	}
	for _, l := range s.lines {
		out = append(out, annotate.ROI{Kind: annotate.KindLine, Points: l})
	}
	return out
}

// areaOf finds rectangles: QuPath writes them as polygons.
func areaOf(ps []annotate.Polygon) annotate.ROI {
	if len(ps) == 1 && len(ps[0].Outer) == 4 && len(ps[0].Holes) == 0 {
		b := ps[0].Outer.Bounds()
		r := annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)
		r.Polygons[0].Outer = ps[0].Outer
		if r.Validate() == nil {
			return annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)
		}
	}
	return annotate.ROI{Kind: annotate.KindPolygon, Polygons: ps}
}

// geometry reads one geometry into s; vertices counts down.
func (s *shapes) geometry(raw json.RawMessage, vertices *int, depth int) error {
	var g rawGeometry
	if len(raw) == 0 || string(raw) == "null" {
		return errors.New("it has no geometry")
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		return fmt.Errorf("its geometry is not readable: %w", err)
	}
	if p, ok := planeOf(g.Plane); ok {
		s.plane = p
	}
	if g.Type == "GeometryCollection" {
		if depth > 4 {
			return errors.New("geometry collections are nested too deep")
		}
		for _, sub := range g.Geometries {
			if err := s.geometry(sub, vertices, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if !isGeometry(g.Type) {
		return fmt.Errorf("unknown geometry type %q", g.Type)
	}
	p := coordParser{b: g.Coordinates, left: vertices}
	c, err := p.array(1)
	if err != nil {
		return err
	}
	s.ellipse = s.ellipse || g.IsEllipse
	return s.add(g.Type, c)
}

func (s *shapes) add(kind string, c coords) error {
	want := map[string]int{"Point": 1, "MultiPoint": 2, "LineString": 2, "MultiLineString": 3, "Polygon": 3, "MultiPolygon": 4}[kind]
	if c.depth != want {
		return fmt.Errorf("the coordinates of a %s are nested %d deep, not %d", kind, c.depth, want)
	}
	switch kind {
	case "Point":
		s.points = append(s.points, c.at)
	case "MultiPoint":
		s.points = append(s.points, c.points...)
	case "LineString":
		s.lines = append(s.lines, c.points)
	case "MultiLineString":
		for _, k := range c.kids {
			s.lines = append(s.lines, k.points)
		}
	case "Polygon":
		s.polygons = append(s.polygons, polygonOf(c))
	case "MultiPolygon":
		for _, k := range c.kids {
			s.polygons = append(s.polygons, polygonOf(k))
		}
	}
	return nil
}

// polygonOf opens the rings and drops points that repeat the one before.
func polygonOf(c coords) annotate.Polygon {
	var p annotate.Polygon
	for i, k := range c.kids {
		r := annotate.Ring(slices.Compact(k.points))
		if n := len(r); n > 1 && r[0] == r[n-1] {
			r = r[:n-1]
		}
		if i == 0 {
			p.Outer = r
		} else {
			p.Holes = append(p.Holes, r)
		}
	}
	return p
}

// planeOf is the plane's JSON unless it is the usual one (all channels, z 0, t 0).
func planeOf(raw json.RawMessage) (string, bool) {
	var p struct{ C, Z, T *int }
	if len(raw) == 0 || json.Unmarshal(raw, &p) != nil {
		return "", false
	}
	get := func(v *int, otherwise int) int {
		if v == nil {
			return otherwise
		}
		return *v
	}
	c, z, t := get(p.C, -1), get(p.Z, 0), get(p.T, 0)
	if c == -1 && z == 0 && t == 0 {
		return "", false
	}
	return fmt.Sprintf(`{"c":%d,"z":%d,"t":%d}`, c, z, t), true
}

// coords is nested arrays of positions: depth 1 is one position, 2 a list of
// them, and so on. Depth 0 is an empty array.
type coords struct {
	depth  int
	at     annotate.Point
	points []annotate.Point
	kids   []coords
}

// coordParser walks over JSON that is known to be well formed, without making
// an interface value of every number.
type coordParser struct {
	b    []byte
	i    int
	left *int // vertices that may still come
}

var errVertices = errors.New("more vertices than the limit")

func (p *coordParser) space() byte {
	for p.i < len(p.b) {
		switch c := p.b[p.i]; c {
		case ' ', '\t', '\n', '\r', ',':
			p.i++
		default:
			return c
		}
	}
	return 0
}

func (p *coordParser) array(level int) (coords, error) {
	if p.space() != '[' {
		return coords{}, errors.New("it has no coordinates")
	}
	if level > 4 {
		return coords{}, errors.New("its coordinates are nested too deep")
	}
	p.i++
	var out coords
	for {
		switch c := p.space(); {
		case c == ']':
			p.i++
			return out, nil
		case c == '[':
			k, err := p.array(level + 1)
			if err != nil {
				return out, err
			}
			if out.depth != 0 && out.depth != k.depth+1 || k.depth == 0 {
				return out, errors.New("its coordinates are nested unevenly or empty")
			}
			out.depth = k.depth + 1
			if k.depth == 1 {
				out.points = append(out.points, k.at)
			} else {
				out.kids = append(out.kids, k)
			}
		case out.depth == 0 && (c == '-' || c >= '0' && c <= '9'):
			at, err := p.position()
			return coords{depth: 1, at: at}, err
		default:
			return out, errors.New("a coordinate is not a number")
		}
	}
}

// position reads x, y and passes over z and more, up to the closing bracket.
func (p *coordParser) position() (annotate.Point, error) {
	if *p.left--; *p.left < 0 {
		return annotate.Point{}, errVertices
	}
	var v [2]float64
	n := 0
	for ; ; n++ {
		c := p.space()
		if c == ']' {
			p.i++
			break
		}
		if c != '-' && (c < '0' || c > '9') {
			return annotate.Point{}, errors.New("a coordinate is not a number")
		}
		from := p.i
		for p.i < len(p.b) && isNumber(p.b[p.i]) {
			p.i++
		}
		f, err := strconv.ParseFloat(string(p.b[from:p.i]), 64)
		if err != nil {
			return annotate.Point{}, fmt.Errorf("a coordinate is not a usable number: %s", p.b[from:p.i])
		}
		if n < 2 {
			v[n] = f
		}
	}
	if n < 2 {
		return annotate.Point{}, errors.New("a position has less than two numbers")
	}
	// Adding zero makes 0 of -0, which would be another number on disk.
	return annotate.Point{X: v[0] + 0, Y: v[1] + 0}, nil
}

func isNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}
