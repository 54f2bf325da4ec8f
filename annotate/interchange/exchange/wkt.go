package exchange

import (
	"fmt"
	"strconv"
	"strings"

	"coverslip/annotate"
)

// ParseWKT reads the text of geometries (OGC 06-103r4 §7.2): points, lines and
// polygons, single or several, and collections of them. Z and M are passed over.
func ParseWKT(s string) ([]annotate.ROI, error) {
	p := &wkt{s: s}
	out, err := p.geometry(0)
	if err == nil {
		if p.space(); p.i < len(s) {
			err = p.errorf("something follows the geometry")
		}
	}
	return out, err
}

// wkt is a text that is being read.
type wkt struct {
	s string
	i int
}

func (p *wkt) errorf(format string, a ...any) error {
	return fmt.Errorf("WKT, character %d: %s", p.i, fmt.Sprintf(format, a...))
}

func (p *wkt) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *wkt) word() string {
	p.space()
	from := p.i
	for p.i < len(p.s) && (p.s[p.i]|0x20 >= 'a' && p.s[p.i]|0x20 <= 'z') {
		p.i++
	}
	return strings.ToUpper(p.s[from:p.i])
}

// open takes a bracket; false for EMPTY.
func (p *wkt) open() (bool, error) {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '(' {
		p.i++
		return true, nil
	}
	switch w := p.word(); w {
	case "EMPTY":
		return false, nil
	case "Z", "M", "ZM":
		return p.open()
	case "":
		return false, p.errorf("a bracket is expected here")
	default:
		return false, p.errorf("%q is not expected here", w)
	}
}

// more takes a comma, or the closing bracket and is false.
func (p *wkt) more() (bool, error) {
	p.space()
	if p.i >= len(p.s) {
		return false, p.errorf("it ends too early")
	}
	c := p.s[p.i]
	p.i++
	switch c {
	case ',':
		return true, nil
	case ')':
		return false, nil
	}
	p.i--
	return false, p.errorf("%q is not expected here", string(c))
}

func (p *wkt) number() (float64, bool) {
	p.space()
	from := p.i
	for p.i < len(p.s) && strings.IndexByte("+-.0123456789eE", p.s[p.i]) >= 0 {
		p.i++
	}
	v, err := strconv.ParseFloat(p.s[from:p.i], 64)
	return v + 0, err == nil && v-v == 0
}

func (p *wkt) position() (annotate.Point, error) {
	x, okX := p.number()
	y, okY := p.number()
	if !okX || !okY {
		return annotate.Point{}, p.errorf("a position of two numbers is expected here")
	}
	for { // z and m
		p.space()
		if p.i >= len(p.s) || p.s[p.i] == ',' || p.s[p.i] == ')' {
			return annotate.Point{X: x, Y: y}, nil
		}
		if _, ok := p.number(); !ok {
			return annotate.Point{}, p.errorf("a number is expected here")
		}
	}
}

// each reads a list in brackets by f.
func (p *wkt) each(f func() error) error {
	ok, err := p.open()
	for ok && err == nil {
		if err = f(); err == nil {
			ok, err = p.more()
		}
	}
	return err
}

func (p *wkt) positions() (ps []annotate.Point, err error) {
	err = p.each(func() error {
		p.space()
		bracket := p.i < len(p.s) && p.s[p.i] == '('
		if bracket {
			p.i++
		}
		q, err := p.position()
		if err == nil && bracket {
			_, err = p.more()
		}
		ps = append(ps, q)
		return err
	})
	return ps, err
}

func (p *wkt) polygon() (q annotate.Polygon, err error) {
	first := true
	err = p.each(func() error {
		ps, err := p.positions()
		if first {
			q.Outer = Opened(ps)
		} else {
			q.Holes = append(q.Holes, Opened(ps))
		}
		first = false
		return err
	})
	return q, err
}

func (p *wkt) geometry(depth int) (out []annotate.ROI, err error) {
	if depth > 8 {
		return nil, p.errorf("collections are nested too deep")
	}
	switch w := p.word(); w {
	case "POINT", "MULTIPOINT":
		ps, err := p.positions()
		if err != nil || len(ps) == 0 {
			return nil, err
		}
		return []annotate.ROI{PointsOf(ps)}, nil
	case "LINESTRING":
		ps, err := p.positions()
		return []annotate.ROI{LineOf(ps)}, err
	case "LINEARRING":
		ps, err := p.positions()
		return []annotate.ROI{AreaOfRing(ps)}, err
	case "MULTILINESTRING":
		err = p.each(func() error {
			ps, err := p.positions()
			out = append(out, LineOf(ps))
			return err
		})
	case "POLYGON":
		q, err := p.polygon()
		return []annotate.ROI{AreaOf([]annotate.Polygon{q})}, err
	case "MULTIPOLYGON":
		var all []annotate.Polygon
		err = p.each(func() error {
			q, err := p.polygon()
			all = append(all, q)
			return err
		})
		out = []annotate.ROI{AreaOf(all)}
	case "GEOMETRYCOLLECTION":
		err = p.each(func() error {
			g, err := p.geometry(depth + 1)
			out = append(out, g...)
			return err
		})
	default:
		err = p.errorf("%q is no geometry", w)
	}
	return out, err
}

// WKT is the text of a ROI; ellipses by their outline.
func WKT(r annotate.ROI) string {
	list := func(b []byte, ps []annotate.Point, ring bool) []byte {
		b = append(b, '(')
		n := len(ps)
		if ring {
			n++
		}
		for i := range n {
			if i > 0 {
				b = append(b, ", "...)
			}
			p := ps[i%len(ps)]
			b = AppendNumber(append(AppendNumber(b, p.X), ' '), p.Y)
		}
		return append(b, ')')
	}
	polygon := func(b []byte, p annotate.Polygon) []byte {
		b = list(append(b, '('), p.Outer, true)
		for _, h := range p.Holes {
			b = list(append(b, ", "...), h, true)
		}
		return append(b, ')')
	}
	var b []byte
	switch ps := r.Outline(); {
	case r.Kind == annotate.KindPoint:
		b = list([]byte("POINT "), r.Points, false)
	case r.Kind == annotate.KindPoints:
		b = list([]byte("MULTIPOINT "), r.Points, false)
	case r.Kind == annotate.KindLine:
		b = list([]byte("LINESTRING "), r.Points, false)
	case len(ps) == 1:
		b = polygon([]byte("POLYGON "), ps[0])
	default:
		b = []byte("MULTIPOLYGON (")
		for i, p := range ps {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = polygon(b, p)
		}
		b = append(b, ')')
	}
	return string(b)
}
