package app

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"coverslip/annotate"
)

// MeasureColumn is one measure of the table: its name and unit, and how much it is
// of an object, NaN where the object has none.
type MeasureColumn struct {
	ID    string // stable: "area"
	Title string // for people: "Area"
	Unit  string // "µm²", "px²", "°", ""
	Value func(*annotate.Object) float64
}

// MeasureScale is on what scale a slide is measured.
type MeasureScale struct {
	X, Y    float64 // µm per level-0 pixel; 1 and 1 where nobody knows
	Known   bool    // the measures are in µm, else in pixels
	Assumed bool    // a person gave the scale; the file does not say it
}

// MeasureScaleOf is the scale of a slide.
func MeasureScaleOf(item SlideItem) MeasureScale {
	if !(item.MPPX > 0) {
		return MeasureScale{X: 1, Y: 1}
	}
	y := item.MPPY
	if !(y > 0) {
		y = item.MPPX
	}
	return MeasureScale{X: item.MPPX, Y: y, Known: true, Assumed: item.MPPFrom == ScaleByUser || item.MPPFrom == ""}
}

// Words says where the scale comes from, for the head of a table.
func (m MeasureScale) Words() string {
	switch {
	case !m.Known:
		return "in pixels: the slide does not say how many µm one is"
	case m.Assumed:
		return fmt.Sprintf("mpp assumed: %.4g µm per pixel, not from the file", m.X)
	}
	return fmt.Sprintf("%.4g µm per pixel", m.X)
}

// shapeMeasures are the measures of a shape alone; "u" stands for the unit of length.
var shapeMeasures = [...]struct {
	id, title, unit string
	of              func(annotate.Measures) float64
}{
	{"area", "Area", "u²", func(m annotate.Measures) float64 { return m.Area }},
	{"perimeter", "Perimeter", "u", func(m annotate.Measures) float64 { return m.Perimeter }},
	{"length", "Length", "u", func(m annotate.Measures) float64 { return m.Length }},
	{"feretMax", "Feret max", "u", func(m annotate.Measures) float64 { return m.FeretMax }},
	{"feretMin", "Feret min", "u", func(m annotate.Measures) float64 { return m.FeretMin }},
	{"circularity", "Circularity", "", func(m annotate.Measures) float64 { return m.Circularity }},
	{"solidity", "Solidity", "", func(m annotate.Measures) float64 { return m.Solidity }},
	{"angle", "Angle", "°", func(m annotate.Measures) float64 { return m.Angle }},
	{"parts", "Parts", "", func(m annotate.Measures) float64 { return float64(m.Parts) }},
	{"holes", "Holes", "", func(m annotate.Measures) float64 { return float64(m.Holes) }},
}

// MeasureColumns are the columns of a table of measures. The set is what lies on the
// slide: with it areas are told what they hold. It may be nil.
func MeasureColumns(scale MeasureScale, set *annotate.Set) []MeasureColumn {
	unit := "px"
	if scale.Known {
		unit = "µm"
	}
	var columns []MeasureColumn
	for _, m := range shapeMeasures {
		columns = append(columns, MeasureColumn{m.id, m.title, strings.ReplaceAll(m.unit, "u", unit), func(o *annotate.Object) float64 {
			return m.of(o.ROI.Measured(scale.X, scale.Y))
		}})
	}
	if set == nil {
		return columns
	}
	columns = append(columns, MeasureColumn{"inside", "Objects inside", "", func(o *annotate.Object) float64 { return CountInside(set, o) }})
	if scale.Known {
		columns = append(columns, MeasureColumn{"density", "Density", "1/mm²", func(o *annotate.Object) float64 {
			return CountInside(set, o) / (o.ROI.Area() * scale.X * scale.Y / 1e6)
		}})
	}
	return columns
}

// CountInside is how many other labels have their centre inside an area and are not
// larger than it, points of a group counted one by one; NaN for what covers no area.
func CountInside(set *annotate.Set, o *annotate.Object) float64 {
	if !o.ROI.IsArea() {
		return math.NaN()
	}
	n, area := 0, o.ROI.Area()
	set.Search(o.ROI.Bounds(), func(q *annotate.Object) bool {
		if q.ID != o.ID && q.IsLabel() {
			held := 0
			for _, p := range placesOf(q) {
				if o.ROI.Contains(p) {
					held++
				}
			}
			if held > 0 && q.ROI.Area() <= area {
				n += held
			}
		}
		return true
	})
	return float64(n)
}

// placesOf is where an object counts: each of its points, or its centre.
func placesOf(o *annotate.Object) []annotate.Point {
	if o.ROI.Kind == annotate.KindPoints {
		return o.ROI.Points
	}
	return []annotate.Point{o.ROI.Centroid()}
}

// HotSpot is the circle of a given area that holds the most labels of a slide.
type HotSpot struct {
	ROI     annotate.ROI // the circle, level-0 pixels
	Count   int
	Density float64 // per mm²
	Scale   MeasureScale
}

// HotSpot finds the circle of an area in mm² that holds the centres of the most
// labels of the given classes (none: of all), inside the given annotation if there is
// one. It returns ErrNoScale, ErrNoLabels when there is nothing to count, and
// ctx's error.
func (s *Session) HotSpot(ctx context.Context, slide annotate.ID, mm2 float64, classes map[annotate.ID]bool, inside *annotate.Object, p Progress) (HotSpot, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return HotSpot{}, err
	}
	scale := MeasureScaleOf(item)
	if !scale.Known {
		return HotSpot{}, ErrNoScale
	}
	set, err := s.Objects(slide)
	if err != nil {
		return HotSpot{}, err
	}
	var points []annotate.Point // µm
	seen, all := 0, set.Len()
	set.All(func(o *annotate.Object) bool {
		if seen++; seen%4096 == 0 {
			p.report("reading what is counted", seen, all)
		}
		if ctx.Err() != nil {
			return false
		}
		if !o.IsLabel() || len(classes) > 0 && !classes[o.Class] || inside != nil && o.ID == inside.ID {
			return true
		}
		for _, p := range placesOf(o) {
			if inside == nil || inside.ROI.Contains(p) {
				points = append(points, annotate.Point{X: p.X * scale.X, Y: p.Y * scale.Y})
			}
		}
		return true
	})
	if err := ctx.Err(); err != nil {
		return HotSpot{}, err
	}
	if len(points) == 0 {
		return HotSpot{}, ErrNoLabels
	}
	radius := math.Sqrt(mm2 * 1e6 / math.Pi)
	at, n, err := annotate.HotSpot(ctx, points, radius, func(done, total int) { p.report("looking for the hot-spot", done, total) })
	if err != nil {
		return HotSpot{}, err
	}
	rx, ry := radius/scale.X, radius/scale.Y
	x, y := at.X/scale.X, at.Y/scale.Y
	return HotSpot{ROI: annotate.Ellipse(x-rx, y-ry, x+rx, y+ry), Count: n, Density: float64(n) / mm2, Scale: scale}, nil
}

// WriteMeasures writes the measures of a slide's labels as CSV (RFC 4180), one
// line an object with what it lies in, in the order of their identifiers. What a spreadsheet would take for a formula
// gets an apostrophe in front. It stops with ctx's error.
func (s *Session) WriteMeasures(ctx context.Context, w io.Writer, slide annotate.ID, keep func(*annotate.Object) bool) (n int, err error) {
	item, err := s.Slide(slide)
	if err != nil {
		return 0, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return 0, err
	}
	scale := MeasureScaleOf(item)
	columns := MeasureColumns(scale, set)
	nesting := Nest(ctx, set.Roll(), nil, nil)
	if nesting == nil {
		return 0, ctx.Err()
	}
	out := csv.NewWriter(w)
	head := measureHead[:len(measureHead):len(measureHead)]
	for _, c := range columns {
		head = append(head, csvHead(c))
	}
	if err := out.Write(append(head, "scale")); err != nil {
		return 0, err
	}
	line := measureLine{slide: item.Name, palette: s.Palette(), nesting: nesting}
	set.All(func(o *annotate.Object) bool {
		if err = ctx.Err(); err != nil || keep != nil && !keep(o) {
			return err == nil
		}
		row := line.of(o)
		for _, c := range columns {
			row = append(row, csvNumber(c.Value(o)))
		}
		n++
		err = out.Write(append(row, scale.Words()))
		return err == nil
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return n, err
}

// measureHead is the head of the columns that say which object a line is of.
var measureHead = [...]string{"slide", "object", "class", "name", "shape", "author", "inside", "inside object"}

// measureLine makes the first columns of a line.
type measureLine struct {
	slide   string
	palette annotate.Palette
	nesting *Nesting
}

func (l *measureLine) of(o *annotate.Object) []string {
	in, id := "", ""
	if q := l.nesting.Of(o.ID); q != nil {
		in, id = InsideWords(q, l.palette), q.ID.String()
	}
	return []string{plainText(l.slide), o.ID.String(), plainText(className(l.palette, o.Class)), plainText(o.Name), o.ROI.Kind.String(), plainText(o.By.Author), plainText(in), id}
}

func className(p annotate.Palette, id annotate.ID) string {
	if c := p.ByID(id); c != nil {
		return c.Name
	}
	return ""
}

// InsideWords names what something lies in: by its class, and its name if it has one.
func InsideWords(o *annotate.Object, p annotate.Palette) string {
	words := className(p, o.Class)
	if words == "" {
		words = "Unclassified"
	}
	if o.Name != "" {
		words += " " + o.Name
	}
	return words
}

// ExportMeasures writes the measures of a slide's labels into a file, which
// appears whole or not at all.
func (s *Session) ExportMeasures(ctx context.Context, slide annotate.ID, path string, keep func(*annotate.Object) bool) (n int, err error) {
	err = WriteFile(path, func(w io.Writer) error {
		n, err = s.WriteMeasures(ctx, w, slide, keep)
		return err
	})
	return n, err
}

func csvHead(c MeasureColumn) string {
	if c.Unit == "" {
		return c.Title
	}
	return c.Title + " " + c.Unit
}

func csvNumber(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 10, 64)
}

// plainText keeps a spreadsheet from running a name as a formula (OWASP, CSV
// Injection).
func plainText(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
