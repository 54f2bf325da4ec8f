// Package darwin reads and writes V7's Darwin JSON 2.0: annotations in pixels of
// one item. The paths of a polygon are filled by the even-odd rule, so a path in
// another is a hole.
package darwin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "darwin"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "V7 Darwin JSON 2.0", Extensions: []string{".json"},
		Line: "V7 Darwin",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Whole, Parts: exchange.Whole, Attrs: exchange.Class | exchange.Identity, Near: 1e-6,
		},
		Detect: func(h exchange.Head) bool {
			return h.JSON() && h.Has(`"annotations"`) && (h.Has(`"slots"`) || h.Has("darwin") || h.Has(`"bounding_box"`) || h.Has(`"slot_names"`))
		},
		Read: read, Write: write,
	}
}

type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

func (p point) at() annotate.Point { return annotate.Point{X: p.X + 0, Y: p.Y + 0} }

type entry struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Polygon *struct {
		Path  []point   `json:"path"` // of version 1
		Paths [][]point `json:"paths"`
	} `json:"polygon"`
	Complex *struct {
		Path [][]point `json:"path"`
	} `json:"complex_polygon"`
	Box *struct {
		X, Y, W, H float64
	} `json:"bounding_box"`
	Ellipse *struct {
		Center point   `json:"center"`
		Radius point   `json:"radius"`
		Angle  float64 `json:"angle"`
	} `json:"ellipse"`
	Line *struct {
		Path []point `json:"path"`
	} `json:"line"`
	Keypoint *point          `json:"keypoint"`
	Tag      json.RawMessage `json:"tag"`
}

func read(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	j := exchange.NewJSON(name, in)
	found := false
	err := j.Object(func(key string) error {
		switch key {
		case "annotations":
			found = true
			return j.Array(func() error {
				where := j.Where()
				var e entry
				if err := j.Decode(&e); err != nil {
					return err
				}
				return take(where, &e, b)
			})
		case "item":
			var item struct {
				Slots []struct{ Width, Height int }
			}
			if err := j.Decode(&item); err != nil {
				return err
			}
			if len(item.Slots) == 1 {
				b.Report.Slide.Width, b.Report.Slide.Height = item.Slots[0].Width, item.Slots[0].Height
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return j.Errorf("there are no annotations in it")
	}
	return j.End()
}

func path(ps []point) []annotate.Point {
	out := make([]annotate.Point, len(ps))
	for i, p := range ps {
		out[i] = p.at()
	}
	return out
}

// unlabelled is the name of objects without a class: Darwin has none without.
const unlabelled = "unclassified"

func take(where string, e *entry, b *exchange.Builder) error {
	f := exchange.Found{Class: e.Name, ID: e.ID}
	if f.Class == unlabelled {
		f.Class = ""
	}
	switch {
	case e.Polygon != nil || e.Complex != nil:
		var paths [][]point
		if e.Complex != nil {
			paths = e.Complex.Path
		} else if paths = e.Polygon.Paths; len(paths) == 0 {
			paths = [][]point{e.Polygon.Path}
		}
		var rings []annotate.Ring
		for _, p := range paths {
			rings = append(rings, exchange.Opened(path(p)))
		}
		f.ROI = exchange.AreaOf(exchange.Nested(rings))
	case e.Ellipse != nil:
		c, r := e.Ellipse.Center, e.Ellipse.Radius
		if math.Abs(math.Sin(e.Ellipse.Angle)) < 1e-12 {
			f.ROI = annotate.Ellipse(c.X-r.X, c.Y-r.Y, c.X+r.X, c.Y+r.Y)
			break
		}
		s, co := math.Sincos(e.Ellipse.Angle)
		ring := annotate.EllipseRing(annotate.Box{MinX: -r.X, MinY: -r.Y, MaxX: r.X, MaxY: r.Y}, 0.25)
		for i, p := range ring {
			ring[i] = annotate.Point{X: c.X + co*p.X - s*p.Y, Y: c.Y + s*p.X + co*p.Y}
		}
		f.ROI = exchange.AreaOfRing(ring)
	case e.Line != nil:
		f.ROI = exchange.LineOf(path(e.Line.Path))
	case e.Keypoint != nil:
		f.ROI = annotate.PointAt(e.Keypoint.X, e.Keypoint.Y)
	case e.Box != nil:
		f.ROI = annotate.Rectangle(e.Box.X, e.Box.Y, e.Box.X+e.Box.W, e.Box.Y+e.Box.H)
	default:
		b.Skip(where, "it is no shape")
		return nil
	}
	return b.Add(where, f)
}

func points(ps []annotate.Point) []point {
	out := make([]point, len(ps))
	for i, p := range ps {
		out[i] = point{p.X, p.Y}
	}
	return out
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	file, err := exchange.Marshal(o.Slide.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "{\"version\":\"2.0\",\"schema_ref\":\"https://darwin-public.s3.eu-west-1.amazonaws.com/darwin_json/2.0/schema.json\",\n\"item\":{\"name\":%s,\"path\":\"/\",\"slots\":[{\"type\":\"image\",\"slot_name\":\"0\",\"width\":%d,\"height\":%d}]},\n\"annotations\":[", file, o.Slide.Width, o.Slide.Height)
	first := true
	for obj := range objects {
		class, _ := exchange.ClassOf(obj, o.Classes)
		if class == "" {
			class = unlabelled
		}
		e := map[string]any{"id": obj.ID.String(), "name": class, "slot_names": []string{"0"}, "properties": []string{}}
		b := obj.ROI.Bounds()
		box := map[string]float64{"x": b.MinX, "y": b.MinY, "w": b.Width(), "h": b.Height()}
		switch obj.ROI.Kind {
		case annotate.KindPoint:
			e["keypoint"] = point{b.MinX, b.MinY}
		case annotate.KindLine:
			e["line"] = map[string]any{"path": points(obj.ROI.Points)}
		case annotate.KindRectangle:
			e["bounding_box"] = box
		case annotate.KindEllipse:
			c := b.Center()
			e["ellipse"] = map[string]any{"center": point{c.X, c.Y}, "radius": point{b.Width() / 2, b.Height() / 2}, "angle": 0}
		default:
			var paths [][]point
			for _, p := range obj.ROI.Polygons {
				paths = append(paths, points(p.Outer))
				for _, h := range p.Holes {
					paths = append(paths, points(h))
				}
			}
			e["polygon"], e["bounding_box"] = map[string]any{"paths": paths}, box
		}
		line, err := exchange.Marshal(e)
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
	w.WriteString("\n]}\n")
	return w.Flush()
}
