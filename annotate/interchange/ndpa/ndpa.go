// Package ndpa reads and writes the annotations of Hamamatsu NDP.view, which lie
// beside a slide as slide.ndpi.ndpa.
//
// Positions are whole nanometres from the middle of the glass, so a slide's mpp
// and the place of its middle on the glass must be known:
//
//	x = (nm − centre)/(1000·mpp) + width/2
package ndpa

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"iter"
	"math"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "ndpa"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "Hamamatsu NDPA", Extensions: []string{".ndpa"},
		Line: "Hamamatsu NDP.view 2; lies beside slide.ndpi as slide.ndpi.ndpa",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class | exchange.Color | exchange.Name, GridN: 1, Near: 0.005,
			Note: "Positions are whole nanometres on the glass.",
		},
		Detect: func(h exchange.Head) bool { return h.XML("annotations") && h.Has("ndpviewstate") },
		Read:   read, Write: write,
	}
}

// plane converts between level-0 pixels and nanometres on the glass.
type plane struct{ mppX, mppY, w, h, cx, cy float64 }

// planeOf needs size, mpp and centre of the slide; what lacks is asked for.
func planeOf(s exchange.Slide, a exchange.Answers) (plane, error) {
	var p plane
	if s.Width <= 0 || s.Height <= 0 {
		return p, &exchange.FormatError{Format: name, Offset: -1, What: "the size of the slide must be known to place these objects"}
	}
	p.w, p.h, p.cx, p.cy = float64(s.Width), float64(s.Height), s.CentreX, s.CentreY
	var err error
	if p.mppX, p.mppY, err = exchange.MPP(name, s, a); err != nil {
		return p, err
	}
	if !s.HasCentre {
		x, y, ok := strings.Cut(a["centre"], ",")
		var ex, ey error
		p.cx, ex = exchange.ParseNumber(x)
		p.cy, ey = exchange.ParseNumber(y)
		if !ok || ex != nil || ey != nil {
			return p, exchange.Ask(name, exchange.Question{Key: "centre", Guess: "0,0",
				Text: "Where on the glass does the middle of the picture lie, in nm from the middle of the glass (x,y)? An NDPI slide says so itself (hamamatsu.XOffsetFromSlideCentre)."})
		}
	}
	return p, nil
}

func (p plane) pixel(x, y float64) annotate.Point {
	return annotate.Point{X: (x-p.cx)/(1000*p.mppX) + p.w/2, Y: (y-p.cy)/(1000*p.mppY) + p.h/2}
}

func (p plane) nm(q annotate.Point) (x, y int64) {
	return int64(math.Round((q.X-p.w/2)*1000*p.mppX + p.cx)), int64(math.Round((q.Y-p.h/2)*1000*p.mppY + p.cy))
}

// mark is one <annotation> with the numbers it has.
type mark struct {
	kind, color string
	closed      bool
	n           map[string]float64
	points      [][2]float64
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	p, err := planeOf(o.Slide, o.Answers)
	if err != nil {
		return err
	}
	return exchange.NewXML(name, in).Root(func(e *exchange.Elem) error {
		return e.Children(func(e *exchange.Elem) error {
			if e.Name != "ndpviewstate" {
				return nil
			}
			return state(e, p, b)
		})
	}, "annotations")
}

func state(e *exchange.Elem, p plane, b *exchange.Builder) error {
	where := e.Line()
	var f exchange.Found
	var marks []mark
	err := e.Children(func(e *exchange.Elem) (err error) {
		switch e.Name {
		case "title":
			f.Class, err = e.Text()
		case "details":
			f.Name, err = e.Text()
		case "coordformat":
			var text string
			if text, err = e.Text(); err == nil && !strings.EqualFold(text, "nanometers") && text != "" {
				err = e.Errorf("positions in %q are not known", text)
			}
		case "annotation":
			var m mark
			m, err = readMark(e)
			marks = append(marks, m)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range marks {
		f.Color, _ = exchange.ParseColor(m.color)
		roi, ok := m.roi(p)
		if !ok {
			b.Skip(where, "an annotation of type %q is no shape", m.kind)
			continue
		}
		f.ROI = roi
		if err := b.Add(where, f); err != nil {
			return err
		}
	}
	return nil
}

func readMark(e *exchange.Elem) (mark, error) {
	m := mark{kind: strings.ToLower(e.Attr("type")), color: e.Attr("color"), n: map[string]float64{}}
	err := e.Children(func(e *exchange.Elem) (err error) {
		switch e.Name {
		case "x", "y", "x1", "y1", "x2", "y2", "radius":
			m.n[e.Name], err = e.TextNumber()
		case "closed":
			var v float64
			v, err = e.TextNumber()
			m.closed = v != 0
		case "pointlist":
			return e.Children(func(e *exchange.Elem) error {
				var at [2]float64
				seen := 0
				err := e.Children(func(e *exchange.Elem) (err error) {
					if i := strings.Index("xy", e.Name); i >= 0 && len(e.Name) == 1 {
						at[i], err = e.TextNumber()
						seen |= 1 << i
					}
					return err
				})
				if err == nil && seen != 3 {
					err = e.Errorf("a point without x and y")
				}
				m.points = append(m.points, at)
				return err
			})
		}
		return err
	})
	return m, err
}

func (m *mark) roi(p plane) (annotate.ROI, bool) {
	has := func(keys ...string) bool {
		for _, k := range keys {
			if _, ok := m.n[k]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case len(m.points) > 0:
		ps := make([]annotate.Point, len(m.points))
		for i, q := range m.points {
			ps[i] = p.pixel(q[0], q[1])
		}
		if m.closed {
			return exchange.AreaOfRing(ps), true
		}
		return exchange.LineOf(ps), true
	case m.kind == "circle" && has("x", "y", "radius"):
		a, b := p.pixel(m.n["x"]-m.n["radius"], m.n["y"]-m.n["radius"]), p.pixel(m.n["x"]+m.n["radius"], m.n["y"]+m.n["radius"])
		return annotate.Ellipse(a.X, a.Y, b.X, b.Y), true
	case has("x1", "y1", "x2", "y2"):
		return exchange.LineOf([]annotate.Point{p.pixel(m.n["x1"], m.n["y1"]), p.pixel(m.n["x2"], m.n["y2"])}), true
	case has("x", "y"):
		q := p.pixel(m.n["x"], m.n["y"])
		return annotate.PointAt(q.X, q.Y), true
	}
	return annotate.ROI{}, false
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	p, err := planeOf(o.Slide, o.Answers)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(to, 64<<10)
	w.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<annotations>\n")
	id := 0
	for obj := range objects {
		id++
		class, c := exchange.ClassOf(obj, o.Classes)
		if class == "" {
			c = color.NRGBA{A: 255}
		}
		x, y := p.nm(obj.ROI.Bounds().Center())
		fmt.Fprintf(w, "\t<ndpviewstate id=\"%d\">\n\t\t<title>%s</title>\n\t\t<details>%s</details>\n\t\t<coordformat>nanometers</coordformat>\n"+
			"\t\t<lens>10</lens>\n\t\t<x>%d</x>\n\t\t<y>%d</y>\n\t\t<z>0</z>\n\t\t<showtitle>0</showtitle>\n\t\t<showhistogram>0</showhistogram>\n\t\t<showlineprofile>0</showlineprofile>\n",
			id, exchange.XMLText(class), exchange.XMLText(obj.Name), x, y)
		writeMark(w, p, obj.ROI, exchange.HexColor(c))
		w.WriteString("\t</ndpviewstate>\n")
	}
	w.WriteString("</annotations>\n")
	return w.Flush()
}

func writeMark(w *bufio.Writer, p plane, r annotate.ROI, c string) {
	if r.Kind == annotate.KindPoint {
		x, y := p.nm(r.Points[0])
		fmt.Fprintf(w, "\t\t<annotation type=\"pin\" displayname=\"AnnotatePin\" color=\"%s\">\n\t\t\t<x>%d</x>\n\t\t\t<y>%d</y>\n\t\t\t<icon>pinred</icon>\n\t\t\t<stricon>iconpinred</stricon>\n\t\t</annotation>\n", c, x, y)
		return
	}
	display, closed, special := "AnnotateFreehand", 1, ""
	points := r.Points
	switch r.Kind {
	case annotate.KindLine:
		display, closed = "AnnotateFreehandLine", 0
	case annotate.KindRectangle:
		display, special = "AnnotateRectangle", "\t\t\t<specialtype>rectangle</specialtype>\n"
	}
	if len(r.Polygons) > 0 {
		points = r.Polygons[0].Outer
	}
	fmt.Fprintf(w, "\t\t<annotation type=\"freehand\" displayname=\"%s\" color=\"%s\">\n\t\t\t<measuretype>0</measuretype>\n\t\t\t<closed>%d</closed>\n\t\t\t<pointlist>\n", display, c, closed)
	for _, q := range points {
		x, y := p.nm(q)
		fmt.Fprintf(w, "\t\t\t\t<point><x>%d</x><y>%d</y></point>\n", x, y)
	}
	w.WriteString("\t\t\t</pointlist>\n" + special + "\t\t</annotation>\n")
}
