// Package labelme reads and writes the JSON of LabelMe: a list of shapes in
// pixels of one image.
package labelme

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"iter"
	"math"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "labelme"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "LabelMe JSON", Extensions: []string{".json"},
		Line: "LabelMe; the image is named, not embedded",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.All &^ exchange.Color,
		},
		Detect: func(h exchange.Head) bool { return h.JSON() && h.Has(`"shapes"`) },
		Read:   read, Write: write,
	}
}

type shape struct {
	Label       string            `json:"label"`
	Points      [][]float64       `json:"points"`
	GroupID     *int              `json:"group_id"`
	Description string            `json:"description"`
	ShapeType   string            `json:"shape_type"`
	Flags       map[string]bool   `json:"flags"`
	Mask        string            `json:"mask,omitempty"` // PNG in base64, of the box of the points
	Own         map[string]string `json:"coverslip,omitempty"`
}

func read(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	j := exchange.NewJSON(name, in)
	found := false
	err := j.Object(func(key string) error {
		switch key {
		case "shapes":
			found = true
			return j.Array(func() error {
				var s shape
				where := j.Where()
				if err := j.Decode(&s); err != nil {
					return err
				}
				return take(where, &s, b, j)
			})
		case "imageWidth":
			return j.Decode(&b.Report.Slide.Width)
		case "imageHeight":
			return j.Decode(&b.Report.Slide.Height)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return j.Errorf("there are no shapes in it")
	}
	return j.End()
}

func take(where string, s *shape, b *exchange.Builder, j *exchange.JSON) error {
	f := exchange.Found{Class: s.Label, Notes: s.Description, Own: s.Own}
	if s.Own != nil {
		f.Notes = ""
		if s.Label == unlabelled {
			f.Class = ""
		}
	}
	ps := make([]annotate.Point, len(s.Points))
	for i, p := range s.Points {
		if len(p) < 2 {
			return j.Errorf("a point of less than two numbers")
		}
		ps[i] = annotate.Point{X: p[0] + 0, Y: p[1] + 0}
	}
	n := len(ps)
	kind := s.ShapeType
	if kind == "" { // of early versions
		kind = "polygon"
	}
	if n == 0 || n < 2 && kind != "point" && kind != "points" {
		b.Skip(where, "a %s of %d points", kind, n)
		return nil
	}
	switch kind {
	case "polygon":
		f.ROI = exchange.AreaOfRing(ps)
	case "rectangle":
		f.ROI = annotate.Rectangle(ps[0].X, ps[0].Y, ps[n-1].X, ps[n-1].Y)
	case "circle": // middle and a point on it
		r := math.Hypot(ps[1].X-ps[0].X, ps[1].Y-ps[0].Y)
		f.ROI = annotate.Ellipse(ps[0].X-r, ps[0].Y-r, ps[0].X+r, ps[0].Y+r)
	case "line", "linestrip":
		f.ROI = exchange.LineOf(ps)
	case "point", "points":
		f.ROI = exchange.PointsOf(ps)
	case "mask":
		roi, err := mask(s, ps)
		if err != nil {
			b.Skip(where, "%v", err)
			return nil
		}
		f.ROI = roi
	default:
		b.Skip(where, "a shape of type %q is not known", kind)
		return nil
	}
	return b.Add(where, f)
}

// mask traces the picture of a mask, whose corner is the first point.
func mask(s *shape, ps []annotate.Point) (annotate.ROI, error) {
	raw := base64.NewDecoder(base64.StdEncoding, strings.NewReader(s.Mask))
	c, err := png.DecodeConfig(base64.NewDecoder(base64.StdEncoding, strings.NewReader(s.Mask)))
	if err != nil {
		return annotate.ROI{}, fmt.Errorf("its mask is no picture: %w", err)
	}
	m, err := exchange.NewMask(int(ps[0].X), int(ps[0].Y), c.Width, c.Height)
	if err != nil {
		return annotate.ROI{}, err
	}
	im, err := png.Decode(raw)
	if err != nil {
		return annotate.ROI{}, fmt.Errorf("its mask is no picture: %w", err)
	}
	o := im.Bounds().Min
	for y := range c.Height {
		for x := range c.Width {
			if r, _, _, _ := im.At(o.X+x, o.Y+y).RGBA(); r > 0 {
				m.Set(x, y)
			}
		}
	}
	return exchange.AreaOf(m.Trace()), nil
}

// unlabelled is the label of objects without a class: LabelMe has none without.
const unlabelled = "unclassified"

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	file, err := exchange.Marshal(o.Slide.Name)
	if err != nil {
		return err
	}
	w.WriteString("{\"version\":\"5.5.0\",\"flags\":{},\"shapes\":[")
	first := true
	for obj := range objects {
		class, _ := exchange.ClassOf(obj, o.Classes)
		if class == "" {
			class = unlabelled
		}
		s := shape{Label: class, Description: obj.Notes, ShapeType: "polygon", Flags: map[string]bool{}, Own: exchange.Full(obj)}
		ps := obj.ROI.Points
		switch obj.ROI.Kind {
		case annotate.KindPoint:
			s.ShapeType = "point"
		case annotate.KindPoints:
			s.ShapeType = "points"
		case annotate.KindLine:
			s.ShapeType = "linestrip"
		case annotate.KindRectangle:
			s.ShapeType = "rectangle"
			r := obj.ROI.Polygons[0].Outer
			ps = []annotate.Point{r[0], r[2]}
		case annotate.KindPolygon:
			ps = obj.ROI.Polygons[0].Outer
		}
		for _, p := range ps {
			s.Points = append(s.Points, []float64{p.X, p.Y})
		}
		line, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("%s: object %s: %w", name, obj.ID, err)
		}
		if !first {
			w.WriteByte(',')
		}
		first = false
		w.WriteByte('\n')
		w.Write(line)
	}
	fmt.Fprintf(w, "\n],\"imagePath\":%s,\"imageData\":null,\"imageHeight\":%d,\"imageWidth\":%d}\n", file, o.Slide.Height, o.Slide.Width)
	return w.Flush()
}
