// Package sectra reads and writes annotations of Sectra's pathology viewer: JSON
// with points as fractions of a length of the slide, and the measured result as a
// text.
//
// Which length is not documented: where a file says the area of an annotation, it
// is found out by that, else a person is asked.
package sectra

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "sectra"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "Sectra JSON", Extensions: []string{".json"},
		Line: "Sectra's pathology module; positions are fractions of the slide",
		Keeps: exchange.Keeps{
			Point: exchange.Dropped, Points: exchange.Dropped, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class, Near: 1e-6,
			Note: "Written as fractions of the slide's width; Sectra documents no other way.",
		},
		Detect: func(h exchange.Head) bool {
			return h.JSON() && h.Has(`"content"`) && h.Has(`"type"`) && (h.Has("Area") || h.Has("Polyline"))
		},
		Read: read, Write: write,
	}
}

type entry struct {
	Type    string               `json:"type"`
	Content []map[string]float64 `json:"content"`
	Result  string               `json:"result"`
	Label   string               `json:"label"`

	where string
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	w, h, err := o.Size(name)
	if err != nil {
		return err
	}
	j := exchange.NewJSON(name, in)
	var all []entry
	one := func() error {
		e := entry{where: j.Where()}
		err := j.Decode(&e)
		all = append(all, e)
		return err
	}
	var bare entry
	err = j.Any(func(key string) error {
		switch key {
		case "annotations":
			return j.Array(one)
		case "type":
			return j.Decode(&bare.Type)
		case "content":
			return j.Decode(&bare.Content)
		case "result":
			return j.Decode(&bare.Result)
		case "label":
			return j.Decode(&bare.Label)
		}
		return nil
	}, one)
	if err == nil {
		err = j.End()
	}
	if err != nil {
		return err
	}
	if bare.Type != "" {
		all = append(all, bare)
	}
	if len(all) == 0 {
		return j.Errorf("there are no annotations in it")
	}
	sx, sy, err := length(all, w, h, o)
	if err != nil {
		return err
	}
	for _, e := range all {
		ps := make([]annotate.Point, len(e.Content))
		for i, p := range e.Content {
			ps[i] = annotate.Point{X: p["x"] * sx, Y: p["y"] * sy}
		}
		f := exchange.Found{Class: e.Label}
		switch strings.ToLower(e.Type) {
		case "area", "polygon":
			f.ROI = exchange.AreaOfRing(ps)
		case "polyline", "line", "distance", "arrow":
			f.ROI = exchange.LineOf(ps)
		default:
			b.Skip(e.where, "an annotation of type %q is no shape", e.Type)
			continue
		}
		if err := b.Add(e.where, f); err != nil {
			return err
		}
	}
	return nil
}

// The lengths that fractions may be of.
const (
	ofWidth  = "width"
	ofHeight = "height"
	ofBoth   = "both"
)

func scales(of string, w, h float64) (x, y float64) {
	switch of {
	case ofWidth:
		return w, w
	case ofHeight:
		return h, h
	}
	return w, h
}

// length finds out by the stated areas what the fractions are of.
func length(all []entry, w, h float64, o exchange.ReadOptions) (x, y float64, err error) {
	choices := []string{ofWidth, ofHeight, ofBoth}
	fits := map[string]int{}
	for _, e := range all {
		stated, step, ok := squareMM(e.Result)
		if !ok || o.Slide.MPPX <= 0 || len(e.Content) < 3 {
			continue
		}
		for _, of := range choices {
			sx, sy := scales(of, w, h)
			var sum float64
			for i, p := range e.Content {
				q := e.Content[(i+1)%len(e.Content)]
				sum += p["x"]*sx*q["y"]*sy - q["x"]*sx*p["y"]*sy
			}
			mm2 := math.Abs(sum) / 2 * o.Slide.MPPX * o.Slide.MPPY / 1e6
			if math.Abs(mm2-stated) <= step+0.01*stated {
				fits[of]++
			}
		}
	}
	best := ""
	for _, of := range choices {
		if fits[of] > fits[best] {
			best = of
		}
	}
	clear := best != ""
	for of, n := range fits {
		clear = clear && (of == best || n < fits[best])
	}
	if _, asked := o.Answers["length"]; clear && !asked {
		x, y = scales(best, w, h)
		return x, y, nil
	}
	if w == h {
		return w, h, nil
	}
	v, err := exchange.Choose(name, o.Answers, exchange.Question{Key: "length", Choices: choices, Guess: best,
		Text: "The file counts in fractions of a length of the slide: of its width, of its height, or x of the width and y of the height?"})
	x, y = scales(v, w, h)
	return x, y, err
}

// squareMM reads "5.33 mm²": mm² and the step of its last digit.
func squareMM(s string) (v, step float64, ok bool) {
	number, unit, _ := strings.Cut(strings.TrimSpace(s), " ")
	v, err := exchange.ParseNumber(number)
	step = 1
	if at := strings.IndexAny(number, ".,"); at >= 0 {
		step = math.Pow10(at + 1 - len(number))
	}
	factor := 1.0
	switch unit {
	case "mm²", "mm2":
	case "µm²", "um2", "μm²":
		factor = 1e-6
	case "cm²", "cm2":
		factor = 100
	default:
		return 0, 0, false
	}
	return v * factor, step * factor, err == nil && v > 0
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	s := float64(o.Slide.Width)
	if s <= 0 {
		return &exchange.FormatError{Format: name, Offset: -1, What: "the width of the slide must be known to write fractions of it"}
	}
	w := bufio.NewWriterSize(to, 64<<10)
	w.WriteByte('[')
	first := true
	for obj := range objects {
		class, _ := exchange.ClassOf(obj, o.Classes)
		kind, ps, result := "Polyline", obj.ROI.Points, ""
		if len(obj.ROI.Polygons) > 0 {
			kind, ps = "Area", obj.ROI.Polygons[0].Outer
			if o.Slide.MPPX > 0 {
				result = fmt.Sprintf("%.8f mm²", obj.ROI.Area()*o.Slide.MPPX*o.Slide.MPPY/1e6)
			}
		}
		content := make([]map[string]float64, len(ps))
		for i, p := range ps {
			content[i] = map[string]float64{"x": p.X / s, "y": p.Y / s}
		}
		line, err := exchange.Marshal(map[string]any{"type": kind, "content": content, "result": result, "label": class})
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
	w.WriteString("\n]\n")
	return w.Flush()
}
