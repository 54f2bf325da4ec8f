// Package labelstudio reads and writes the JSON of Label Studio: tasks with
// annotations, whose results are in per cent of the picture.
package labelstudio

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "labelstudio"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "Label Studio JSON", Extensions: []string{".json"},
		Line: "Label Studio, export “JSON”; positions are per cent of the picture",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Dropped, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.All &^ exchange.Color, Near: 1e-6,
		},
		Detect: func(h exchange.Head) bool {
			return h.JSON() && h.Has(`"result"`) && h.Has(`"type"`) && h.Has(`"value"`)
		},
		Read: read, Write: write,
	}
}

type value struct {
	X               float64     `json:"x"`
	Y               float64     `json:"y"`
	Width           float64     `json:"width"`
	Height          float64     `json:"height"`
	RadiusX         float64     `json:"radiusX"`
	RadiusY         float64     `json:"radiusY"`
	Rotation        float64     `json:"rotation"`
	Points          [][]float64 `json:"points"`
	Closed          *bool       `json:"closed"`
	RLE             []int       `json:"rle"`
	PolygonLabels   []string    `json:"polygonlabels"`
	RectangleLabels []string    `json:"rectanglelabels"`
	EllipseLabels   []string    `json:"ellipselabels"`
	KeypointLabels  []string    `json:"keypointlabels"`
	BrushLabels     []string    `json:"brushlabels"`
	Labels          []string    `json:"labels"`
}

type result struct {
	ID             string                     `json:"id"`
	Type           string                     `json:"type"`
	Value          value                      `json:"value"`
	OriginalWidth  float64                    `json:"original_width"`
	OriginalHeight float64                    `json:"original_height"`
	Score          float64                    `json:"score"`
	Meta           map[string]json.RawMessage `json:"meta"`
}

type reader struct {
	j     *exchange.JSON
	o     exchange.ReadOptions
	b     *exchange.Builder
	tasks []task
}

// task is a picture with the results of it.
type task struct {
	image string
	items []item
}

type item struct {
	where     string
	detection bool
	r         result
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	r := &reader{j: exchange.NewJSON(name, in), o: o, b: b}
	one := func() error {
		r.tasks = append(r.tasks, task{})
		t := &r.tasks[len(r.tasks)-1]
		return r.j.Object(func(key string) error { return r.task(t, key) })
	}
	err := r.j.Any(func(key string) error {
		if len(r.tasks) == 0 {
			r.tasks = append(r.tasks, task{})
		}
		return r.task(&r.tasks[0], key)
	}, one)
	if err != nil {
		return err
	}
	if err := r.j.End(); err != nil {
		return err
	}
	return r.place()
}

func (r *reader) task(t *task, key string) error {
	switch key {
	case "data":
		var data map[string]json.RawMessage
		if err := r.j.Decode(&data); err != nil {
			return err
		}
		t.image = exchange.Text(data["image"])
	case "annotations", "completions", "predictions":
		machine := key == "predictions"
		return r.j.Array(func() error {
			return r.j.Object(func(key string) error {
				if key != "result" {
					return nil
				}
				return r.j.Array(func() error {
					it := item{where: r.j.Where(), detection: machine}
					if err := r.j.Decode(&it.r); err != nil {
						return err
					}
					t.items = append(t.items, it)
					return nil
				})
			})
		})
	}
	return nil
}

func stem(path string) string {
	base := filepath.Base(strings.ReplaceAll(path, `\`, "/"))
	return strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base)))
}

func (r *reader) place() error {
	pick, choices := -1, []string{}
	for i, t := range r.tasks {
		v, answered := r.o.Answers["image"]
		if answered && v == t.image || !answered && (len(r.tasks) == 1 || strings.HasSuffix(stem(t.image), stem(r.o.Slide.Name)) && r.o.Slide.Name != "") {
			pick = i
			break
		}
		choices = append(choices, t.image)
	}
	if pick < 0 && len(r.tasks) > 0 {
		return exchange.Ask(name, exchange.Question{Key: "image", Text: fmt.Sprintf("The file holds %d pictures; which of them is this slide?", len(r.tasks)), Choices: choices[:min(50, len(choices))]})
	}
	for i, t := range r.tasks {
		for _, it := range t.items {
			if i != pick {
				r.b.Report.Skipped++
				continue
			}
			if err := r.take(&it); err != nil {
				return err
			}
		}
	}
	return nil
}

// unlabelled is the label of objects without a class.
const unlabelled = "unclassified"

func (r *reader) take(it *item) error {
	v := &it.r.Value
	f := exchange.Found{Detection: it.detection, Score: it.r.Score}
	for _, l := range [][]string{v.PolygonLabels, v.RectangleLabels, v.EllipseLabels, v.KeypointLabels, v.BrushLabels, v.Labels} {
		if len(l) > 0 {
			f.Class = l[0]
		}
	}
	if raw, ok := it.r.Meta["coverslip"]; ok {
		if json.Unmarshal(raw, &f.Own) != nil {
			r.b.Warn(it.where, "what this program wrote of it is not readable")
		} else if f.Class == unlabelled {
			f.Class = ""
		}
	}
	// Per cent of the slide: the picture that was labelled may have been a smaller
	// one of the same view.
	w, h, err := r.o.Size(name)
	if err != nil {
		if it.r.OriginalWidth <= 0 || it.r.OriginalHeight <= 0 {
			return err
		}
		w, h = it.r.OriginalWidth, it.r.OriginalHeight
	}
	if ow, oh := it.r.OriginalWidth, it.r.OriginalHeight; ow > 0 && oh > 0 && math.Abs(ow/oh*h/w-1) > 0.01 {
		r.b.Warn(it.where, "the labelled picture of %.0f × %.0f pixels has another shape than the slide", ow, oh)
	}
	w, h = w/100, h/100
	switch kind := strings.TrimSuffix(it.r.Type, "labels"); kind {
	case "polygon", "rectangle", "ellipse", "keypoint", "brush":
		roi, err := v.roi(kind, w, h, it.r.OriginalWidth, it.r.OriginalHeight)
		if err != nil {
			r.b.Skip(it.where, "%v", err)
			return nil
		}
		f.ROI = roi
		return r.b.Add(it.where, f)
	default:
		r.b.Skip(it.where, "a result of type %q is no shape", it.r.Type)
		return nil
	}
}

// roi is the shape, w and h a hundredth of the slide's sides; pw and ph the sides
// of the labelled picture.
func (v *value) roi(kind string, w, h, pw, ph float64) (annotate.ROI, error) {
	turn := v.Rotation * math.Pi / 180
	switch kind {
	case "keypoint":
		return annotate.PointAt(v.X*w, v.Y*h), nil
	case "rectangle":
		if v.Rotation == 0 {
			return annotate.Rectangle(v.X*w, v.Y*h, (v.X+v.Width)*w, (v.Y+v.Height)*h), nil
		}
		return exchange.AreaOfRing(turned([]annotate.Point{{}, {X: v.Width * w}, {X: v.Width * w, Y: v.Height * h}, {Y: v.Height * h}}, v.X*w, v.Y*h, turn)), nil
	case "ellipse":
		rx, ry := v.RadiusX*w, v.RadiusY*h
		if v.Rotation == 0 {
			return annotate.Ellipse(v.X*w-rx, v.Y*h-ry, v.X*w+rx, v.Y*h+ry), nil
		}
		return exchange.AreaOfRing(turned(annotate.EllipseRing(annotate.Box{MinX: -rx, MinY: -ry, MaxX: rx, MaxY: ry}, 0.25), v.X*w, v.Y*h, turn)), nil
	case "brush":
		return brush(v.RLE, int(pw), int(ph), w*100/pw, h*100/ph)
	}
	ps := make([]annotate.Point, len(v.Points))
	for i, p := range v.Points {
		if len(p) < 2 {
			return annotate.ROI{}, fmt.Errorf("a point of less than two numbers")
		}
		ps[i] = annotate.Point{X: p[0] * w, Y: p[1] * h}
	}
	if v.Closed != nil && !*v.Closed {
		return exchange.LineOf(ps), nil
	}
	return exchange.AreaOfRing(ps), nil
}

// turned turns points clockwise on the screen around 0, 0, which lies at x, y.
func turned(ps []annotate.Point, x, y, angle float64) []annotate.Point {
	s, c := math.Sincos(angle)
	out := make([]annotate.Point, len(ps))
	for i, p := range ps {
		out[i] = annotate.Point{X: x + c*p.X - s*p.Y, Y: y + s*p.X + c*p.Y}
	}
	return out
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	sw, sh := float64(o.Slide.Width), float64(o.Slide.Height)
	if sw <= 0 || sh <= 0 {
		return &exchange.FormatError{Format: name, Offset: -1, What: "the size of the slide must be known to write per cents of it"}
	}
	file, err := exchange.Marshal(o.Slide.Name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(to, 64<<10)
	fmt.Fprintf(w, "[{\"id\":1,\"data\":{\"image\":%s},\"annotations\":[{\"id\":1,\"result\":[", file)
	first := true
	for obj := range objects {
		class, _ := exchange.ClassOf(obj, o.Classes)
		if class == "" {
			class = unlabelled
		}
		kind, v := "polygon", map[string]any{}
		b := obj.ROI.Bounds()
		x, y := 100/sw, 100/sh
		switch obj.ROI.Kind {
		case annotate.KindPoint:
			kind = "keypoint"
			v["x"], v["y"], v["width"] = obj.ROI.Points[0].X*x, obj.ROI.Points[0].Y*y, 0.1
		case annotate.KindRectangle:
			kind = "rectangle"
			v["x"], v["y"], v["width"], v["height"], v["rotation"] = b.MinX*x, b.MinY*y, b.Width()*x, b.Height()*y, 0
		case annotate.KindEllipse:
			kind = "ellipse"
			c := b.Center()
			v["x"], v["y"], v["radiusX"], v["radiusY"], v["rotation"] = c.X*x, c.Y*y, b.Width()*x/2, b.Height()*y/2, 0
		default:
			var ps [][2]float64
			for _, p := range obj.ROI.Polygons[0].Outer {
				ps = append(ps, [2]float64{p.X * x, p.Y * y})
			}
			v["points"], v["closed"] = ps, true
		}
		v[kind+"labels"] = []string{class}
		line, err := exchange.Marshal(map[string]any{"id": obj.ID.String()[24:], "type": kind + "labels", "from_name": "label", "to_name": "image",
			"original_width": o.Slide.Width, "original_height": o.Slide.Height, "image_rotation": 0, "value": v, "meta": map[string]any{"coverslip": exchange.Full(obj)}})
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
	w.WriteString("\n]}]}]\n")
	return w.Flush()
}
