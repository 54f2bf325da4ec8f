// Package hovernet reads and writes nuclei of HoVer-Net and CellViT: JSON with a
// contour, a type and its probability each.
//
// HoVer-Net counts in pixels at the magnification it worked at ("mag"), CellViT in
// level-0 pixels.
package hovernet

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

const name = "hovernet"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "HoVer-Net / CellViT JSON", Extensions: []string{".json"},
		Line: "nuclei found by HoVer-Net, CellViT and programs like them",
		Keeps: exchange.Keeps{
			Point: exchange.Dropped, Points: exchange.Dropped, Line: exchange.Dropped, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class | exchange.Score,
			Note: "Everything in such a file is a machine's: read again, all objects are suggestions.",
		},
		Detect: func(h exchange.Head) bool {
			return h.JSON() && (h.Has(`"nuc"`) || h.Has(`"cells"`) && h.Has(`"contour"`) || h.Has(`"centroid"`) && h.Has(`"contour"`) && h.Has(`"type"`))
		},
		Read: read, Write: write,
	}
}

type nucleus struct {
	Contour  [][]float64     `json:"contour"`
	Centroid []float64       `json:"centroid"`
	BBox     [][]float64     `json:"bbox"` // rows before columns
	Type     json.RawMessage `json:"type"`
	TypeProb *float64        `json:"type_prob"`

	where string
}

type reader struct {
	j       *exchange.JSON
	o       exchange.ReadOptions
	b       *exchange.Builder
	mag     float64
	hasMag  bool
	types   map[string]string
	waiting []nucleus // read before the magnification or the names of types
	scale   float64
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	r := &reader{j: exchange.NewJSON(name, in), o: o, b: b, types: map[string]string{}, scale: 1}
	found := false
	err := r.j.Object(func(key string) error {
		switch key {
		case "mag":
			var m *float64
			if err := r.j.Decode(&m); err != nil {
				return err
			}
			if m != nil {
				r.mag, r.hasMag = *m, true
			}
		case "type_map":
			var m map[string]json.RawMessage
			if err := r.j.Decode(&m); err != nil {
				return err
			}
			for k, v := range m {
				r.types[k] = typeName(v)
			}
		case "nuc":
			found = true
			return r.j.Object(func(string) error { return r.nucleus() })
		case "cells":
			found = true
			return r.j.Array(r.nucleus)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		return r.j.Errorf("there are no nuclei in it")
	}
	if err := r.j.End(); err != nil {
		return err
	}
	if err := r.measure(); err != nil {
		return err
	}
	for i := range r.waiting {
		if err := r.place(&r.waiting[i]); err != nil {
			return err
		}
	}
	return nil
}

// typeName is a name alone, or the first of a list of name and colour.
func typeName(raw json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		return exchange.Text(list[0])
	}
	return exchange.Text(raw)
}

// measure finds the scale: level-0 pixels a pixel of the file.
func (r *reader) measure() error {
	if !r.hasMag || r.o.Slide.MPPX <= 0 || r.mag <= 0 {
		return nil
	}
	// By custom 40 is 0.25 µm a pixel.
	factor := 10 / r.mag / r.o.Slide.MPPX
	if math.Abs(factor-1) < 0.2 {
		return nil
	}
	pixels := fmt.Sprintf("%g×", r.mag)
	v, err := exchange.Choose(name, r.o.Answers, exchange.Question{Key: "pixels", Choices: []string{pixels, "slide"}, Guess: pixels,
		Text: fmt.Sprintf("The file says that it was made at %g×, the slide has %.3g µm a pixel. Are positions counted in pixels of %g× or of the slide at full resolution?", r.mag, r.o.Slide.MPPX, r.mag)})
	if err == nil && v != "slide" {
		r.scale = factor
	}
	return err
}

// nucleus keeps what is read until the end is known: names of types and the
// magnification may follow.
func (r *reader) nucleus() error {
	n := nucleus{where: r.j.Where()}
	if err := r.j.Decode(&n); err != nil {
		return err
	}
	r.waiting = append(r.waiting, n)
	return nil
}

func (r *reader) place(n *nucleus) error {
	f := exchange.Found{Detection: true}
	if t := exchange.Text(n.Type); t != "" {
		if f.Class = r.types[t]; f.Class == "" && len(r.types) == 0 {
			f.Class = "type " + t
		}
	}
	if n.TypeProb != nil {
		f.Score = *n.TypeProb
	}
	ps := make([]annotate.Point, 0, len(n.Contour))
	for _, p := range n.Contour {
		if len(p) < 2 {
			return r.j.Errorf("a point of a contour of less than two numbers, near %s", n.where)
		}
		ps = append(ps, annotate.Point{X: p[0]*r.scale + 0, Y: p[1]*r.scale + 0})
	}
	switch {
	case len(ps) > 0:
		f.ROI = exchange.AreaOfRing(ps)
	case len(n.Centroid) >= 2:
		f.ROI = annotate.PointAt(n.Centroid[0]*r.scale, n.Centroid[1]*r.scale)
	default:
		r.b.Skip(n.where, "it has neither contour nor centroid")
		return nil
	}
	return r.b.Add(n.where, f)
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	types := map[string]string{"0": ""}
	number := map[annotate.ID]int{}
	for i, c := range o.Classes {
		number[c.ID] = i + 1
		types[fmt.Sprint(i+1)] = c.Name
	}
	names, err := exchange.Marshal(types)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "{\"mag\":null,\"type_map\":%s,\"nuc\":{", names)
	n := 0
	for obj := range objects {
		ring := obj.ROI.Polygons[0].Outer
		b := obj.ROI.Bounds()
		c := b.Center()
		contour := make([][2]float64, len(ring))
		for i, p := range ring {
			contour[i] = [2]float64{p.X, p.Y}
		}
		var prob *float64
		if obj.By.Score > 0 {
			prob = &obj.By.Score
		}
		line, err := exchange.Marshal(map[string]any{"bbox": [2][2]float64{{math.Floor(b.MinY), math.Floor(b.MinX)}, {math.Ceil(b.MaxY), math.Ceil(b.MaxX)}},
			"centroid": [2]float64{c.X, c.Y}, "contour": contour, "type_prob": prob, "type": number[obj.Class]})
		if err != nil {
			return fmt.Errorf("%s: object %s: %w", name, obj.ID, err)
		}
		if n++; n > 1 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, "\n\"%d\":%s", n, line)
	}
	w.WriteString("\n}}\n")
	return w.Flush()
}
