// Package imagescope reads and writes the XML annotations of Aperio ImageScope,
// which lie beside SVS slides under the slide's name.
//
// Positions are level-0 pixels. LineColor is a Windows COLORREF, 0x00BBGGRR. The
// type of a region is not to be trusted: real files call polygons of hundreds of
// vertices rectangles, so a rectangle or an ellipse is only what has the
// vertices of one. A region with NegativeROA is a hole.
package imagescope

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"iter"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "imagescope"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "Aperio ImageScope XML", Extensions: []string{".xml"},
		Line: "Leica Aperio ImageScope and eSlide Manager; the XML beside an SVS",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Whole, Parts: exchange.Apart, Attrs: exchange.Class | exchange.Color | exchange.Name,
			Note: "ImageScope shows a layer for each class; holes are regions marked as negative.",
		},
		Detect: func(h exchange.Head) bool { return h.XML("Annotations") && h.Has("<Annotation ") && !h.Has("ASAP_") },
		Read:   read, Write: write,
	}
}

// Types of a region. 5 and more are not drawn by ImageScope itself.
const (
	typePolygon   = "0"
	typeRectangle = "1"
	typeEllipse   = "2"
	typeArrow     = "3"
	typeLine      = "4"
	typePoint     = "5" // a counter's mark
)

// region is one region as the file says it.
type region struct {
	where, id, parent, kind, text string
	negative                      bool
	area                          float64 // as stated, px²; NaN: not stated
	points                        []annotate.Point
}

// layer is one <Annotation>.
type layer struct {
	name, attr string
	color      color.NRGBA
	regions    []region
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	var layers []layer
	err := exchange.NewXML(name, in).Root(func(e *exchange.Elem) error {
		if v := e.Attr("MicronsPerPixel"); v != "" {
			if mpp, err := exchange.ParseNumber(v); err == nil && mpp > 0 {
				b.Report.Slide.MPPX, b.Report.Slide.MPPY = mpp, mpp
			}
		}
		return e.Children(func(e *exchange.Elem) error {
			if e.Name != "Annotation" {
				return nil
			}
			l, err := readLayer(e)
			if err == nil && len(l.regions) > 0 {
				layers = append(layers, l)
			}
			return err
		})
	}, "Annotations")
	if err != nil {
		return err
	}
	by, err := classBy(layers, o.Answers)
	if err != nil {
		return err
	}
	for i := range layers {
		if err := place(&layers[i], by, b); err != nil {
			return err
		}
	}
	return nil
}

// Where the name of a class may stand.
const (
	byLayer     = "layer"
	byAttribute = "attribute"
	byText      = "text"
	byNothing   = "none"
)

// unnamed are names of layers and attributes that ImageScope gives by itself.
var unnamed = regexp.MustCompile(`(?i)^(layer \d+|annotation \d+|description|)$`)

// classBy finds out where the classes stand; when there are several possible
// places, a person must say.
func classBy(layers []layer, answers exchange.Answers) (string, error) {
	layer, attr, text := false, false, false
	for _, l := range layers {
		layer = layer || !unnamed.MatchString(l.name)
		attr = attr || !unnamed.MatchString(l.attr)
		for _, r := range l.regions {
			text = text || r.text != ""
		}
	}
	var choices []string
	for _, c := range []struct {
		word string
		ok   bool
	}{{byLayer, layer}, {byAttribute, attr}, {byText, text && !layer}} {
		if c.ok {
			choices = append(choices, c.word)
		}
	}
	switch len(choices) {
	case 0:
		return byNothing, nil
	case 1:
		if _, asked := answers["class"]; !asked {
			return choices[0], nil
		}
	}
	return exchange.Choose(name, answers, exchange.Question{Key: "class", Text: "Where does the file name the classes?",
		Choices: append(choices, byNothing), Guess: choices[0]})
}

func readLayer(e *exchange.Elem) (layer, error) {
	l := layer{name: strings.TrimSpace(e.Attr("Name"))}
	if n, err := strconv.ParseUint(e.Attr("LineColor"), 10, 32); err == nil {
		l.color = color.NRGBA{R: uint8(n), G: uint8(n >> 8), B: uint8(n >> 16), A: 255}
	}
	err := e.Children(func(e *exchange.Elem) error {
		switch e.Name {
		case "Attributes":
			return e.Children(func(e *exchange.Elem) error {
				if l.attr == "" && e.Name == "Attribute" {
					l.attr = strings.TrimSpace(e.Attr("Value"))
					if l.attr == "" {
						l.attr = strings.TrimSpace(e.Attr("Name"))
					}
				}
				return nil
			})
		case "Regions":
			return e.Children(func(e *exchange.Elem) error {
				if e.Name != "Region" {
					return nil
				}
				r, err := readRegion(e)
				l.regions = append(l.regions, r)
				return err
			})
		}
		return nil
	})
	return l, err
}

func readRegion(e *exchange.Elem) (region, error) {
	r := region{where: e.Line(), id: e.Attr("Id"), parent: e.Attr("InputRegionId"), kind: e.Attr("Type"),
		text: strings.TrimSpace(e.Attr("Text")), negative: e.Attr("NegativeROA") == "1", area: math.NaN()}
	if a, err := exchange.ParseNumber(e.Attr("Area")); err == nil {
		r.area = a
	}
	err := e.Children(func(e *exchange.Elem) error {
		if e.Name != "Vertices" {
			return nil
		}
		return e.Children(func(e *exchange.Elem) error {
			p, err := e.Point("X", "Y")
			r.points = append(r.points, p)
			return err
		})
	})
	return r, err
}

// roi decides what a region is by its vertices, and only then by its type.
func (r *region) roi() annotate.ROI {
	n := len(r.points)
	switch {
	case r.kind == typePoint || n == 1:
		return exchange.PointsOf(r.points)
	case r.kind == typeEllipse && (n == 2 || n == 4):
		b := annotate.Ring(r.points).Bounds()
		return annotate.Ellipse(b.MinX, b.MinY, b.MaxX, b.MaxY)
	case r.kind == typeArrow || r.kind == typeLine || n == 2 && r.kind != typeRectangle:
		return exchange.LineOf(r.points)
	case n == 2:
		return annotate.Rectangle(r.points[0].X, r.points[0].Y, r.points[1].X, r.points[1].Y)
	}
	return exchange.AreaOfRing(r.points)
}

// place takes the negative regions of a layer out of the others and hands these
// on.
func place(l *layer, by string, b *exchange.Builder) error {
	var rois []annotate.ROI
	var kept []region
	for _, r := range l.regions {
		if !r.negative {
			rois, kept = append(rois, r.roi()), append(kept, r)
		}
	}
	for _, r := range l.regions {
		if r.negative && !takeOut(&r, kept, rois) {
			b.Skip(r.where, "it is a negative region that lies in no other of its layer")
		}
	}
	for i, r := range kept {
		f := exchange.Found{ROI: rois[i], Name: r.text}
		switch by {
		case byLayer:
			f.Class = l.name
		case byAttribute:
			f.Class = l.attr
		case byText:
			f.Class, f.Name = r.text, ""
		}
		if unnamed.MatchString(f.Class) && by != byText {
			f.Class = ""
		}
		f.Color = l.color
		if by == byText {
			f.Color = color.NRGBA{}
		}
		checkArea(&r, b)
		if err := b.Add(r.where, f); err != nil {
			return err
		}
	}
	return nil
}

// checkArea compares what the file says of an outline's area with the outline:
// ImageScope states the plain shoelace sum, with a decimal.
func checkArea(r *region, b *exchange.Builder) {
	if len(r.points) < 3 || !(r.area > 0) || r.kind == typeEllipse {
		return
	}
	var sum float64
	for i, p := range r.points {
		q := r.points[(i+1)%len(r.points)]
		sum += (p.X-r.points[0].X)*(q.Y-r.points[0].Y) - (q.X-r.points[0].X)*(p.Y-r.points[0].Y)
	}
	if got := math.Abs(sum) / 2; math.Abs(got-r.area) > 1+1e-3*r.area {
		b.Warn(r.where, "the file states an area of %.6g px², its outline has %.6g px²", r.area, got)
	}
}

// takeOut makes a negative region a hole of the region it names, or of all that
// hold a corner of it.
func takeOut(r *region, kept []region, rois []annotate.ROI) bool {
	ring := exchange.Opened(r.points)
	if len(ring) < 3 {
		return false
	}
	found := false
	cut := func(i int) {
		ps := rois[i].Outline()
		if len(ps) == 0 {
			return
		}
		ps = slices.Clone(ps)
		ps[0].Holes = append(slices.Clone(ps[0].Holes), ring)
		rois[i] = exchange.AreaOf(ps)
		found = true
	}
	if r.parent != "" && r.parent != "0" {
		for i := range kept {
			if kept[i].id == r.parent {
				cut(i)
				return found
			}
		}
	}
	for i := range rois {
		if slices.ContainsFunc(ring, rois[i].Contains) {
			cut(i)
		}
	}
	return found
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	mpp := ""
	if o.Slide.MPPX > 0 {
		mpp = fmt.Sprintf(" MicronsPerPixel=%q", strconv.FormatFloat(o.Slide.MPPX, 'f', 6, 64))
	}
	fmt.Fprintf(w, "<Annotations%s>\n", mpp)
	// A layer holds one class: objects are sorted by class, and no more than one
	// class is kept by the file system's cache at a time.
	byClass := map[annotate.ID][]*annotate.Object{}
	var order []annotate.ID
	for obj := range objects {
		if byClass[obj.Class] == nil {
			order = append(order, obj.Class)
		}
		byClass[obj.Class] = append(byClass[obj.Class], obj)
	}
	for i, id := range order {
		writeLayer(w, i+1, byClass[id], o)
	}
	w.WriteString("</Annotations>\n")
	return w.Flush()
}

func writeLayer(w *bufio.Writer, id int, objects []*annotate.Object, o exchange.WriteOptions) {
	class, c := exchange.ClassOf(objects[0], o.Classes)
	if class == "" {
		c = color.NRGBA{G: 255, A: 255}
	}
	line := uint32(c.R) | uint32(c.G)<<8 | uint32(c.B)<<16
	fmt.Fprintf(w, "\t<Annotation Id=\"%d\" Name=\"%s\" ReadOnly=\"0\" NameReadOnly=\"0\" LineColorReadOnly=\"0\" Incremental=\"0\" Type=\"4\" LineColor=\"%d\" Visible=\"1\" Selected=\"0\" MarkupImagePath=\"\" MacroName=\"\">\n",
		id, exchange.XMLText(class), line)
	w.WriteString("\t\t<Attributes>\n\t\t\t<Attribute Name=\"Description\" Id=\"0\" Value=\"\"/>\n\t\t</Attributes>\n\t\t<Regions>\n" +
		"\t\t\t<RegionAttributeHeaders>\n" +
		"\t\t\t\t<AttributeHeader Id=\"9999\" Name=\"Region\" ColumnWidth=\"-1\"/>\n" +
		"\t\t\t\t<AttributeHeader Id=\"9997\" Name=\"Length\" ColumnWidth=\"-1\"/>\n" +
		"\t\t\t\t<AttributeHeader Id=\"9996\" Name=\"Area\" ColumnWidth=\"-1\"/>\n" +
		"\t\t\t\t<AttributeHeader Id=\"9998\" Name=\"Text\" ColumnWidth=\"-1\"/>\n" +
		"\t\t\t</RegionAttributeHeaders>\n")
	n := 0
	for _, obj := range objects {
		n++
		outer := n
		switch r := obj.ROI; r.Kind {
		case annotate.KindPoint:
			writeRegion(w, n, 0, typePoint, obj.Name, r.Points, o.Slide.MPPX)
		case annotate.KindLine:
			writeRegion(w, n, 0, typeLine, obj.Name, r.Points, o.Slide.MPPX)
		case annotate.KindEllipse:
			b := r.Bounds()
			writeRegion(w, n, 0, typeEllipse, obj.Name, []annotate.Point{{X: b.MinX, Y: b.MinY}, {X: b.MaxX, Y: b.MaxY}}, o.Slide.MPPX)
		case annotate.KindRectangle:
			writeRegion(w, n, 0, typeRectangle, obj.Name, r.Polygons[0].Outer, o.Slide.MPPX)
		case annotate.KindPolygon:
			writeRegion(w, n, 0, typePolygon, obj.Name, r.Polygons[0].Outer, o.Slide.MPPX)
			for _, h := range r.Polygons[0].Holes {
				n++
				writeRegion(w, n, outer, typePolygon, "", h, o.Slide.MPPX)
			}
		}
	}
	w.WriteString("\t\t</Regions>\n\t\t<Plots/>\n\t</Annotation>\n")
}

// writeRegion writes a region; parent is the region that it is a hole of, 0 for
// none.
func writeRegion(w *bufio.Writer, id, parent int, kind, text string, ps []annotate.Point, mpp float64) {
	negative := 0
	if parent > 0 {
		negative = 1
	}
	var length, area float64
	switch kind {
	case typePolygon, typeRectangle:
		r := annotate.Area(ps)
		length, area = r.Perimeter(), r.Area()
	case typeEllipse:
		r := annotate.Ellipse(ps[0].X, ps[0].Y, ps[1].X, ps[1].Y)
		length, area = r.Perimeter(), r.Area()
	case typeLine:
		length = exchange.LineOf(ps).Perimeter()
	}
	fmt.Fprintf(w, "\t\t\t<Region Id=\"%d\" Type=\"%s\" Zoom=\"1.000000\" Selected=\"0\" ImageLocation=\"\" ImageFocus=\"0\" Length=\"%.1f\" Area=\"%.1f\" LengthMicrons=\"%.1f\" AreaMicrons=\"%.1f\" Text=\"%s\" NegativeROA=\"%d\" InputRegionId=\"%d\" Analyze=\"%d\" DisplayId=\"%d\">\n\t\t\t\t<Attributes/>\n\t\t\t\t<Vertices>\n",
		id, kind, length, area, length*mpp, area*mpp*mpp, exchange.XMLText(text), negative, parent, 1-negative, id)
	for _, p := range ps {
		fmt.Fprintf(w, "\t\t\t\t\t<Vertex X=\"%s\" Y=\"%s\" Z=\"0\"/>\n", exchange.Number(p.X), exchange.Number(p.Y))
	}
	w.WriteString("\t\t\t\t</Vertices>\n\t\t\t</Region>\n")
}
