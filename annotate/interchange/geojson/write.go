package geojson

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"coverslip/annotate"
)

// Write writes the objects as a FeatureCollection that QuPath opens. The same
// objects give the same bytes, in whatever order they come. Coordinates have
// two decimals, as QuPath's; where that would make a shape invalid, more. It
// answers an error for an object whose class the palette does not have or whose
// shape covers nothing.
func Write(w io.Writer, objects []*annotate.Object, p annotate.Palette, slide SlideInfo) error {
	b := bufio.NewWriterSize(w, 256<<10)
	head, err := marshal(map[string]any{"format": 1, "slide": slide})
	if err != nil {
		return fmt.Errorf("geojson: %w", err)
	}
	fmt.Fprintf(b, "{\"type\":\"FeatureCollection\",\n\"coverslip\":%s,\n\"features\":[", head)
	sorted := slices.Clone(objects)
	slices.SortFunc(sorted, func(a, b *annotate.Object) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	var line []byte
	for i, o := range sorted {
		if i > 0 {
			b.WriteByte(',')
		}
		if line, err = appendFeature(append(line[:0], '\n'), o, p); err != nil {
			return fmt.Errorf("geojson: object %s: %w", o.ID, err)
		}
		if _, err := b.Write(line); err != nil {
			return fmt.Errorf("geojson: %w", err)
		}
	}
	b.WriteString("\n]}\n")
	if err := b.Flush(); err != nil {
		return fmt.Errorf("geojson: %w", err)
	}
	return nil
}

func appendFeature(b []byte, o *annotate.Object, p annotate.Palette) ([]byte, error) {
	b = append(b, `{"type":"Feature","id":"`...)
	b = append(b, o.ID.String()...)
	b = append(b, `","geometry":`...)
	roi, decimals, err := rounded(o.ROI)
	if err != nil {
		return nil, err
	}
	b = appendGeometry(b, roi, decimals, o.Meta[metaPlane])
	if n := o.Meta[metaNucleus]; n != "" && json.Valid([]byte(n)) {
		b = append(append(b, `,"nucleusGeometry":`...), n...)
	}
	props, err := properties(o, p)
	if err != nil {
		return nil, err
	}
	text, err := marshal(props)
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"properties":`...), text...)
	return append(b, '}'), nil
}

// featureProps has its fields in the order that QuPath writes them.
type featureProps struct {
	ObjectType     string            `json:"objectType"`
	Name           string            `json:"name,omitempty"`
	Classification *featureClass     `json:"classification,omitempty"`
	IsLocked       bool              `json:"isLocked,omitempty"`
	IsMissing      bool              `json:"isMissing,omitempty"`
	Measurements   map[string]any    `json:"measurements,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
}

type featureClass struct {
	Name  string `json:"name"`
	Color [3]int `json:"color"` // always: QuPath refuses the file without
}

func properties(o *annotate.Object, p annotate.Palette) (*featureProps, error) {
	f := &featureProps{ObjectType: "annotation", Name: o.Name, IsLocked: o.Locked, Metadata: own(o)}
	if o.Kind == annotate.Detection {
		f.ObjectType = "detection"
	}
	if !o.Class.IsZero() {
		c := p.ByID(o.Class)
		if c == nil {
			return nil, fmt.Errorf("its class %s is not in the palette", o.Class)
		}
		f.Classification = &featureClass{c.Name, [3]int{int(c.Color.R), int(c.Color.G), int(c.Color.B)}}
	}
	for key, v := range o.Meta {
		name, measure := strings.CutPrefix(key, metaMeasure)
		switch {
		case measure:
			if f.Measurements == nil {
				f.Measurements = map[string]any{}
			}
			f.Measurements[name] = number(v)
		case key == metaObjectType:
			if v == "cell" || v == "tile" || v == "tmaCore" {
				f.ObjectType = v
			}
		case key == "isMissing":
			f.IsMissing = v == "true"
		case key == metaNucleus, key == metaPlane, strings.HasPrefix(key, metaOwn):
		default:
			f.Metadata[key] = v
		}
	}
	return f, nil
}

// number is a measurement's value: a number as it was written, NaN and the
// infinities as text, which is QuPath's own way.
func number(v string) any {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || !json.Valid([]byte(v)) {
		return v
	}
	return json.Number(v)
}

// marshal writes without the escapes that only HTML needs. Maps come sorted.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// exact stands for as many decimals as a coordinate needs.
const exact = -1

// rounded is the ROI as it is written, and its number of decimals: two, unless
// the shape is too small or too fine for that. What it answers is valid after
// rounding, so that a strict reader takes it.
func rounded(roi annotate.ROI) (annotate.ROI, int, error) {
	for _, decimals := range []int{2, 4, 6} {
		r := roundTo(roi, decimals)
		if r.Validate() == nil {
			return r, decimals, nil
		}
		mended, _, err := r.Repaired()
		if err != nil {
			continue
		}
		// Repairing adds crossings, which must be rounded as well. What it lost
		// may only be what rounding loses.
		r = roundTo(mended, decimals)
		lost := math.Abs(r.Area() - roi.Area())
		if r.Validate() == nil && lost <= roi.Perimeter()*math.Pow10(-decimals) {
			return r, decimals, nil
		}
	}
	whole, _, err := roi.Repaired()
	return whole, exact, err
}

func roundTo(roi annotate.ROI, decimals int) annotate.ROI {
	scale := math.Pow10(decimals)
	r := roi.Map(func(p annotate.Point) annotate.Point {
		// Adding zero makes 0 of -0.
		return annotate.Point{X: math.Round(p.X*scale)/scale + 0, Y: math.Round(p.Y*scale)/scale + 0}
	})
	if r.Kind == annotate.KindPolygon {
		for i, p := range r.Polygons {
			r.Polygons[i].Outer = tidy(p.Outer)
			for k, h := range p.Holes {
				p.Holes[k] = tidy(h)
			}
		}
	}
	return r
}

// tidy drops points that fell together.
func tidy(r annotate.Ring) annotate.Ring {
	r = slices.Compact(r)
	for len(r) > 1 && r[0] == r[len(r)-1] {
		r = r[:len(r)-1]
	}
	return r
}

func appendGeometry(b []byte, r annotate.ROI, decimals int, plane string) []byte {
	b = append(b, `{"type":"`...)
	switch polygons := r.Outline(); {
	case r.Kind == annotate.KindPoint:
		b = appendPoint(append(b, `Point","coordinates":`...), r.Points[0], decimals)
	case r.Kind == annotate.KindPoints:
		b = appendPoints(append(b, `MultiPoint","coordinates":`...), r.Points, decimals, false)
	case r.Kind == annotate.KindLine:
		b = appendPoints(append(b, `LineString","coordinates":`...), r.Points, decimals, false)
	case len(polygons) == 1:
		b = appendPolygon(append(b, `Polygon","coordinates":`...), polygons[0], decimals)
	default:
		b = append(b, `MultiPolygon","coordinates":[`...)
		for i, p := range polygons {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendPolygon(b, p, decimals)
		}
		b = append(b, ']')
	}
	if r.Kind == annotate.KindEllipse {
		b = append(b, `,"isEllipse":true`...)
	}
	if plane != "" && json.Valid([]byte(plane)) {
		b = append(append(b, `,"plane":`...), plane...)
	}
	return append(b, '}')
}

func appendPolygon(b []byte, p annotate.Polygon, decimals int) []byte {
	b = appendPoints(append(b, '['), p.Outer, decimals, true)
	for _, h := range p.Holes {
		b = appendPoints(append(b, ','), h, decimals, true)
	}
	return append(b, ']')
}

// appendPoints closes a ring by repeating its first point.
func appendPoints(b []byte, ps []annotate.Point, decimals int, ring bool) []byte {
	b = append(b, '[')
	for i, p := range ps {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPoint(b, p, decimals)
	}
	if ring {
		b = appendPoint(append(b, ','), ps[0], decimals)
	}
	return append(b, ']')
}

func appendPoint(b []byte, p annotate.Point, decimals int) []byte {
	b = appendNumber(append(b, '['), p.X, decimals)
	b = appendNumber(append(b, ','), p.Y, decimals)
	return append(b, ']')
}

// appendNumber writes without trailing zeros.
func appendNumber(b []byte, v float64, decimals int) []byte {
	from := len(b)
	b = strconv.AppendFloat(b, v, 'f', decimals, 64)
	if decimals == exact || !bytes.ContainsRune(b[from:], '.') {
		return b
	}
	return bytes.TrimSuffix(bytes.TrimRight(b, "0"), []byte("."))
}
