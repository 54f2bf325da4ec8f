// Package asap reads and writes the XML annotations of ASAP (Automated Slide
// Analysis Platform), which the CAMELYON, PANDA and TIGER data are in.
//
// Positions are level-0 pixels. The format has no holes: by the custom of those
// data a hole is a polygon of its own in a group such as "Exclusion", and is
// taken out of the polygon it lies in.
package asap

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "asap"

// exclusion is the group that holes are written into.
const exclusion = "Exclusion"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "ASAP XML", Extensions: []string{".xml"},
		Line: "Automated Slide Analysis Platform; CAMELYON, PANDA, TIGER",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Dropped, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Whole, Parts: exchange.Whole, Attrs: exchange.Class | exchange.Color | exchange.Name,
			Note: "ASAP shows holes as polygons of the group " + exclusion + " and computes with 7 digits.",
		},
		Detect: func(h exchange.Head) bool { return h.XML("ASAP_Annotations") },
		Read:   read, Write: write,
	}
}

// shape is one annotation as the file says it.
type shape struct {
	where, name, kind, group string
	color                    string
	points                   []annotate.Point
}

type reader struct {
	b       *exchange.Builder
	colors  map[string]color.NRGBA // of groups, told after the annotations
	shapes  []shape
	parents map[string]string
}

func read(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	r := &reader{b: b, colors: map[string]color.NRGBA{}, parents: map[string]string{}}
	err := exchange.NewXML(name, in).Root(func(e *exchange.Elem) error {
		return e.Children(func(e *exchange.Elem) error {
			switch e.Name {
			case "Annotations":
				return e.Children(r.annotation)
			case "AnnotationGroups":
				return e.Children(r.group)
			}
			return nil
		})
	}, "ASAP_Annotations")
	if err != nil {
		return err
	}
	return r.place()
}

func (r *reader) group(e *exchange.Elem) error {
	if c, ok := exchange.ParseColor(e.Attr("Color")); ok {
		r.colors[e.Attr("Name")] = c
	}
	r.parents[e.Attr("Name")] = e.Attr("PartOfGroup")
	return nil
}

func (r *reader) annotation(e *exchange.Elem) error {
	s := shape{where: e.Line(), name: e.Attr("Name"), kind: e.Attr("Type"), group: e.Attr("PartOfGroup"), color: e.Attr("Color")}
	type at struct {
		order int
		p     annotate.Point
	}
	var all []at
	err := e.Children(func(e *exchange.Elem) error {
		if e.Name != "Coordinates" {
			return nil
		}
		return e.Children(func(e *exchange.Elem) error {
			p, err := e.Point("X", "Y")
			if err != nil {
				return err
			}
			order := len(all)
			if o := e.Attr("Order"); o != "" {
				if order, err = strconv.Atoi(o); err != nil {
					return e.Errorf("the order of a coordinate is no number: %q", o)
				}
			}
			all = append(all, at{order, p})
			return nil
		})
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b at) int { return a.order - b.order })
	for _, a := range all {
		s.points = append(s.points, a.p)
	}
	r.shapes = append(r.shapes, s)
	return nil
}

// excludes are groups whose polygons are holes: the custom of CAMELYON ("_2"),
// of DIAG ("Exclusion") and words for it.
var excludes = regexp.MustCompile(`(?i)^(_2|exclusions?|holes?|exclude[ds]?)$`)

// defaultName is what ASAP calls what nobody named.
var defaultName = regexp.MustCompile(`^Annotation \d+$`)

// partName is what a part of a shape of several is called here.
var partName = regexp.MustCompile(`^(.+) \(part (\d+)\)$`)

// holeName is what a hole is called here.
var holeName = regexp.MustCompile(`^(.+) \(hole \d+\)$`)

// place joins parts and takes out holes. Holes of our own files follow their
// polygon and name it; in others they lie anywhere, and are taken out of every
// polygon that holds one of their corners.
func (r *reader) place() error {
	var areas []*area
	var rest, holes []shape
	var last *area // with lastName: the polygon that a hole of ours belongs to
	lastName := ""
	for _, s := range r.shapes {
		switch {
		case s.kind != "Polygon" && s.kind != "Spline" && s.kind != "Rectangle":
			rest = append(rest, s)
			continue
		case excludes.MatchString(s.group):
			if m := holeName.FindStringSubmatch(s.name); m != nil && last != nil && m[1] == lastName {
				last.take(s.points)
				continue
			}
			holes = append(holes, s)
			continue
		}
		ring := exchange.Opened(s.points)
		if s.kind == "Spline" {
			ring = annotate.Spline(ring, splineTolerance)
		}
		lastName = s.name
		if m := partName.FindStringSubmatch(s.name); m != nil && last != nil && last.name == m[1] && last.group == s.group && m[2] == strconv.Itoa(len(last.polygons)+1) {
			last.polygons = append(last.polygons, annotate.Polygon{Outer: ring})
			continue
		}
		last = &area{shape: s, polygons: []annotate.Polygon{{Outer: ring}}}
		areas = append(areas, last)
	}
	for _, h := range holes {
		if !exclude(h, areas) {
			rest = append(rest, h)
		}
	}
	for _, a := range areas {
		f := r.found(a.shape)
		f.ROI = exchange.AreaOf(a.polygons)
		if err := r.b.Add(a.where, f); err != nil {
			return err
		}
	}
	return r.others(rest)
}

// splineTolerance is how far the polygon of a spline may lie from it, level-0
// pixels.
const splineTolerance = 0.25

// area is an annotation with its parts and holes.
type area struct {
	shape
	polygons []annotate.Polygon
}

// take gives a hole to the last part.
func (a *area) take(hole []annotate.Point) {
	if ring := exchange.Opened(hole); len(ring) > 2 {
		p := &a.polygons[len(a.polygons)-1]
		p.Holes = append(p.Holes, ring)
	}
}

// exclude takes a polygon out of all those that hold a corner of it.
func exclude(s shape, areas []*area) bool {
	ring := exchange.Opened(s.points)
	if len(ring) < 3 {
		return false
	}
	box, found := ring.Bounds(), false
	for _, a := range areas {
		for k := range a.polygons {
			p := &a.polygons[k]
			if p.Outer.Bounds().Meets(box) && slices.ContainsFunc(ring, p.Outer.Contains) {
				p.Holes = append(p.Holes, ring)
				found = true
			}
		}
	}
	return found
}

func (r *reader) found(s shape) exchange.Found {
	f := exchange.Found{Name: s.name}
	if defaultName.MatchString(s.name) {
		f.Name = ""
	}
	if s.group != "" && s.group != "None" {
		f.Class = s.group
		f.Color = r.colors[s.group]
		if c, ok := exchange.ParseColor(s.color); ok && f.Color.A == 0 {
			f.Color = c
		}
	}
	return f
}

func (r *reader) others(list []shape) error {
	for _, s := range list {
		f := r.found(s)
		switch s.kind {
		case "Dot", "PointSet":
			if len(s.points) == 0 {
				r.b.Skip(s.where, "it has no coordinates")
				continue
			}
			f.ROI = exchange.PointsOf(s.points)
		case "Measurement":
			f.ROI = exchange.LineOf(s.points)
		case "Polygon", "Spline", "Rectangle":
			r.b.Warn(s.where, "it is an exclusion that lies in no polygon, and became an object of its own")
			f.ROI = exchange.AreaOfRing(s.points)
		default:
			r.b.Skip(s.where, "unknown type %q", s.kind)
			continue
		}
		if err := r.b.Add(s.where, f); err != nil {
			return err
		}
	}
	return nil
}

type writer struct {
	b      *bufio.Writer
	o      exchange.WriteOptions
	groups []string
	colors map[string]color.NRGBA
	n      int
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := &writer{b: bufio.NewWriterSize(to, 64<<10), o: o, colors: map[string]color.NRGBA{}}
	w.b.WriteString("<?xml version=\"1.0\"?>\n<ASAP_Annotations>\n\t<Annotations>\n")
	for obj := range objects {
		w.object(obj)
	}
	w.b.WriteString("\t</Annotations>\n\t<AnnotationGroups>\n")
	// A group that is not declared makes ASAP drop every annotation.
	for _, g := range w.groups {
		fmt.Fprintf(w.b, "\t\t<Group Name=\"%s\" PartOfGroup=\"None\" Color=\"%s\">\n\t\t\t<Attributes />\n\t\t</Group>\n", exchange.XMLText(g), strings.ToUpper(exchange.HexColor(w.colors[g])))
	}
	w.b.WriteString("\t</AnnotationGroups>\n</ASAP_Annotations>\n")
	return w.b.Flush()
}

// asapYellow is the colour of ASAP's own annotations without a group.
func asapYellow() color.NRGBA { return color.NRGBA{R: 0xf4, G: 0xfa, B: 0x58, A: 255} }

func (w *writer) declare(g string, c color.NRGBA) {
	if _, ok := w.colors[g]; !ok {
		w.groups = append(w.groups, g)
		w.colors[g] = c
	}
}

func (w *writer) object(o *annotate.Object) {
	title := o.Name
	if title == "" {
		title = fmt.Sprintf("Annotation %d", w.n)
	}
	w.n++
	group, c := exchange.ClassOf(o, w.o.Classes)
	if group == "" {
		group, c = "None", asapYellow()
	} else {
		w.declare(group, c)
	}
	switch o.ROI.Kind {
	case annotate.KindPoint:
		w.shape(title, "Dot", group, c, o.ROI.Points)
	case annotate.KindPoints:
		w.shape(title, "PointSet", group, c, o.ROI.Points)
	case annotate.KindRectangle:
		w.shape(title, "Rectangle", group, c, o.ROI.Polygons[0].Outer)
	case annotate.KindPolygon:
		for i, p := range o.ROI.Polygons {
			part := title
			if i > 0 {
				part = fmt.Sprintf("%s (part %d)", title, i+1)
			}
			w.shape(part, "Polygon", group, c, p.Outer)
			for k, h := range p.Holes {
				w.declare(exclusion, color.NRGBA{A: 255})
				w.shape(fmt.Sprintf("%s (hole %d)", part, k+1), "Polygon", exclusion, color.NRGBA{A: 255}, h)
			}
		}
	}
}

func (w *writer) shape(title, kind, group string, c color.NRGBA, ps []annotate.Point) {
	fmt.Fprintf(w.b, "\t\t<Annotation Name=\"%s\" Type=\"%s\" PartOfGroup=\"%s\" Color=\"%s\">\n\t\t\t<Coordinates>\n",
		exchange.XMLText(title), kind, exchange.XMLText(group), strings.ToUpper(exchange.HexColor(c)))
	for i, p := range ps {
		fmt.Fprintf(w.b, "\t\t\t\t<Coordinate Order=\"%d\" X=\"%s\" Y=\"%s\" />\n", i, exchange.Number(p.X), exchange.Number(p.Y))
	}
	w.b.WriteString("\t\t\t</Coordinates>\n\t\t</Annotation>\n")
}
