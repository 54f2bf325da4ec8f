// Package histomicsui reads and writes the annotations of HistomicsUI and the
// Digital Slide Archive: a JSON document with a list of elements.
//
// Positions are base-layer pixels as triples [x,y,0]; a polygon is a closed
// polyline with holes. The schema allows no properties of other programs beside
// "user", which carries what only this program knows.
package histomicsui

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "histomicsui"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "HistomicsUI / Digital Slide Archive JSON", Extensions: []string{".anot", ".json"},
		Line: "HistomicsUI and the Digital Slide Archive",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Whole, Parts: exchange.Apart, Attrs: exchange.All, Near: 1e-6,
		},
		Detect: func(h exchange.Head) bool { return h.JSON() && h.Has(`"elements"`) },
		Read:   read, Write: write,
	}
}

// element is one element of an annotation; a union of all kinds.
type element struct {
	Type      string
	Center    []float64
	Width     float64
	Height    float64
	Radius    float64
	Rotation  float64
	Points    [][]float64
	Holes     [][][]float64
	Closed    bool
	Group     string
	Label     *struct{ Value string }
	LineColor string
	FillColor string
	User      map[string]json.RawMessage
}

func read(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	j := exchange.NewJSON(name, in)
	found := false
	elements := func() error {
		found = true
		return j.Array(func() error {
			where := j.Where()
			var e element
			if err := j.Decode(&e); err != nil {
				return err
			}
			return take(where, &e, b, j)
		})
	}
	var document func(key string) error
	document = func(key string) error {
		switch key {
		case "elements":
			return elements()
		case "annotation": // as the server's API wraps it
			return j.Object(document)
		}
		return nil
	}
	if err := j.Any(document, func() error { return j.Object(document) }); err != nil {
		return err
	}
	if !found {
		return j.Errorf("there are no elements in it")
	}
	return j.End()
}

func points(ps [][]float64) ([]annotate.Point, bool) {
	out := make([]annotate.Point, len(ps))
	for i, p := range ps {
		if len(p) < 2 {
			return nil, false
		}
		out[i] = annotate.Point{X: p[0] + 0, Y: p[1] + 0}
	}
	return out, true
}

func take(where string, e *element, b *exchange.Builder, j *exchange.JSON) error {
	f := exchange.Found{Class: e.Group}
	if e.Label != nil {
		f.Name = e.Label.Value
		// Annotators name by the label when they use no groups.
		if f.Class == "" && e.User == nil {
			f.Class, f.Name = f.Name, ""
		}
	}
	f.Color, _ = exchange.ParseColor(e.LineColor)
	if raw, ok := e.User["coverslip"]; ok {
		if json.Unmarshal(raw, &f.Own) != nil {
			b.Warn(where, "what this program wrote of it is not readable")
		}
		f.Name = ""
	}
	if len(e.Center) >= 2 {
		e.Center[0], e.Center[1] = e.Center[0]+0, e.Center[1]+0
	} else if e.Type == "point" || e.Type == "rectangle" || e.Type == "ellipse" || e.Type == "circle" {
		return j.Errorf("a %s has no center of two numbers", e.Type)
	}
	switch e.Type {
	case "point":
		f.ROI = annotate.PointAt(e.Center[0], e.Center[1])
	case "rectangle", "ellipse", "circle":
		f.ROI = boxed(e, e.Center[0], e.Center[1])
	case "polyline", "arrow":
		ps, ok := points(e.Points)
		if !ok {
			return j.Errorf("a point of less than two numbers")
		}
		if !e.Closed || e.Type == "arrow" {
			f.ROI = exchange.LineOf(ps)
			break
		}
		p := annotate.Polygon{Outer: exchange.Opened(ps)}
		for _, h := range e.Holes {
			hole, ok := points(h)
			if !ok {
				return j.Errorf("a point of less than two numbers")
			}
			p.Holes = append(p.Holes, exchange.Opened(hole))
		}
		f.ROI = exchange.AreaOf([]annotate.Polygon{p})
	default:
		b.Skip(where, "an element of type %q is no shape", e.Type)
		return nil
	}
	return b.Add(where, f)
}

// boxed is a rectangle, circle or ellipse, which may be turned: counter-clockwise
// on a screen, radians.
func boxed(e *element, x, y float64) annotate.ROI {
	w, h := e.Width/2, e.Height/2
	if e.Type == "circle" {
		w, h = e.Radius, e.Radius
	}
	s, c := math.Sincos(e.Rotation)
	turned := math.Abs(s) > 1e-12 || c < 0
	if e.Type != "rectangle" {
		if !turned || w == h {
			return annotate.Ellipse(x-w, y-h, x+w, y+h)
		}
		return exchange.AreaOfRing(turn(annotate.EllipseRing(annotate.Box{MinX: -w, MinY: -h, MaxX: w, MaxY: h}, 0.25), x, y, s, c))
	}
	if !turned {
		return annotate.Rectangle(x-w, y-h, x+w, y+h)
	}
	return exchange.AreaOfRing(turn(annotate.Ring{{X: -w, Y: -h}, {X: w, Y: -h}, {X: w, Y: h}, {X: -w, Y: h}}, x, y, s, c))
}

func turn(r annotate.Ring, x, y, s, c float64) annotate.Ring {
	out := make(annotate.Ring, len(r))
	for i, p := range r {
		out[i] = annotate.Point{X: x + c*p.X + s*p.Y, Y: y - s*p.X + c*p.Y}
	}
	return out
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	title, err := exchange.Marshal("Coverslip: " + o.Slide.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "{\"name\":%s,\"description\":\"\",\"elements\":[", title)
	first := true
	for obj := range objects {
		e, err := encode(obj, o)
		if err != nil {
			return fmt.Errorf("%s: object %s: %w", name, obj.ID, err)
		}
		if !first {
			w.WriteByte(',')
		}
		first = false
		w.WriteByte('\n')
		w.Write(e)
	}
	w.WriteString("\n]}\n")
	return w.Flush()
}

func triple(p annotate.Point) [3]float64 { return [3]float64{p.X, p.Y, 0} }

func triples(ps []annotate.Point) [][3]float64 {
	out := make([][3]float64, len(ps))
	for i, p := range ps {
		out[i] = triple(p)
	}
	return out
}

func encode(obj *annotate.Object, o exchange.WriteOptions) ([]byte, error) {
	class, c := exchange.ClassOf(obj, o.Classes)
	line := "rgb(0,0,0)"
	if class != "" {
		line = fmt.Sprintf("rgb(%d,%d,%d)", c.R, c.G, c.B)
	}
	// The schema wants 24 hexadecimal digits.
	e := map[string]any{"id": hex.EncodeToString(obj.ID[4:]), "lineColor": line, "lineWidth": 2,
		"fillColor": "rgba(0,0,0,0)", "user": map[string]any{"coverslip": exchange.Full(obj)}}
	if class != "" {
		e["group"] = class
	}
	if obj.Name != "" {
		e["label"] = map[string]string{"value": obj.Name}
	}
	b := obj.ROI.Bounds()
	box := func() {
		e["center"], e["width"], e["height"], e["rotation"] = triple(b.Center()), b.Width(), b.Height(), 0
	}
	switch r := obj.ROI; r.Kind {
	case annotate.KindPoint:
		e["type"], e["center"] = "point", triple(r.Points[0])
	case annotate.KindLine:
		e["type"], e["points"], e["closed"] = "polyline", triples(r.Points), false
	case annotate.KindRectangle:
		e["type"] = "rectangle"
		box()
	case annotate.KindEllipse:
		e["type"] = "ellipse"
		box()
	case annotate.KindPolygon:
		e["type"], e["points"], e["closed"] = "polyline", triples(r.Polygons[0].Outer), true
		if hs := r.Polygons[0].Holes; len(hs) > 0 {
			holes := make([][][3]float64, len(hs))
			for i, h := range hs {
				holes[i] = triples(h)
			}
			e["holes"] = holes
		}
	}
	return exchange.Marshal(e)
}
