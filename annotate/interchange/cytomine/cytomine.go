// Package cytomine reads and writes annotations of Cytomine: JSON with the
// geometry as well-known text, y upwards from the lower edge of the slide.
package cytomine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "cytomine"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "Cytomine JSON (WKT)", Extensions: []string{".json", ".txt"},
		Line: "Cytomine's annotations as its server gives them",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Whole, Parts: exchange.Whole, Attrs: exchange.All &^ exchange.Color, Near: 1e-6,
		},
		Detect: func(h exchange.Head) bool {
			return h.JSON() && h.Has(`"location"`) && (h.Has("POINT") || h.Has("POLYGON") || h.Has("LINESTRING") || h.Has("cytomine"))
		},
		Read: read, Write: write,
	}
}

type entry struct {
	Location   string            `json:"location"`
	Term       []json.RawMessage `json:"term"`
	TermNames  []string          `json:"termNames"`
	Properties []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"properties"`
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	j := exchange.NewJSON(name, in)
	_, h, err := o.Size(name)
	if err != nil {
		return err
	}
	found := false
	one := func() error {
		found = true
		where := j.Where()
		var e entry
		if err := j.Decode(&e); err != nil {
			return err
		}
		return take(where, &e, h, b, j)
	}
	bare := entry{}
	err = j.Any(func(key string) error {
		switch key {
		case "annotation":
			return one()
		case "collection", "annotations":
			found = true
			return j.Array(one)
		case "location":
			return j.Decode(&bare.Location)
		case "term":
			return j.Decode(&bare.Term)
		case "termNames":
			return j.Decode(&bare.TermNames)
		}
		return nil
	}, one)
	if err != nil {
		return err
	}
	if bare.Location != "" {
		if err := take("", &bare, h, b, j); err != nil {
			return err
		}
	} else if !found {
		return j.Errorf("there are no annotations in it")
	}
	return j.End()
}

func take(where string, e *entry, h float64, b *exchange.Builder, j *exchange.JSON) error {
	rois, err := exchange.ParseWKT(e.Location)
	if err != nil {
		return j.Errorf("%v", err)
	}
	if len(rois) == 0 {
		b.Skip(where, "its geometry is empty")
		return nil
	}
	var f exchange.Found
	switch {
	case len(e.TermNames) > 0:
		f.Class = e.TermNames[0]
	case len(e.Term) > 0:
		// A number alone: the names of terms are in the project's ontology.
		if f.Class = exchange.Text(e.Term[0]); strings.Trim(f.Class, "0123456789") == "" {
			f.Class = "term " + f.Class
		}
	}
	for _, p := range e.Properties {
		if p.Key == "coverslip" && json.Unmarshal([]byte(p.Value), &f.Own) != nil {
			b.Warn(where, "what this program wrote of it is not readable")
		}
	}
	for i := range rois {
		rois[i] = flip(rois[i], h)
	}
	return b.AddEach(where, f, rois)
}

// flip counts y from the other edge of a slide of h pixels.
func flip(r annotate.ROI, h float64) annotate.ROI {
	m := r.Map(func(p annotate.Point) annotate.Point { return annotate.Point{X: p.X, Y: h - p.Y} })
	if r.Kind == annotate.KindRectangle {
		b := m.Bounds()
		return annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)
	}
	return m
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	h := float64(o.Slide.Height)
	if h <= 0 {
		return &exchange.FormatError{Format: name, Offset: -1, What: "the height of the slide must be known: Cytomine counts y from its lower edge"}
	}
	w := bufio.NewWriterSize(to, 64<<10)
	w.WriteString("{\"collection\":[")
	first := true
	for obj := range objects {
		class, _ := exchange.ClassOf(obj, o.Classes)
		own, err := exchange.Marshal(exchange.Full(obj))
		if err != nil {
			return fmt.Errorf("%s: object %s: %w", name, obj.ID, err)
		}
		e := map[string]any{"location": exchange.WKT(flip(obj.ROI, h)), "term": []int{}, "areaUnit": "pixels²", "area": obj.ROI.Area(),
			"properties": []map[string]string{{"key": "coverslip", "value": string(own)}}}
		if class != "" {
			e["termNames"] = []string{class}
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
