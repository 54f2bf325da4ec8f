// Package omexml reads and writes regions of interest of OME-XML 2016-06: a ROI
// is a union of shapes in pixels of the image. There are no holes in it.
package omexml

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"image/color"
	"io"
	"iter"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "ome"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "OME-XML regions", Extensions: []string{".ome.xml", ".ome", ".xml"},
		Line: "OMERO, Bio-Formats and Fiji; regions of interest of the schema 2016-06",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Whole, Attrs: exchange.Class | exchange.Color | exchange.Name | exchange.Notes, Near: 1e-6,
		},
		Detect: func(h exchange.Head) bool { return h.XML("OME") && h.Has("ROI") },
		Read:   read, Write: write,
	}
}

func read(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	return exchange.NewXML(name, in).Root(func(e *exchange.Elem) error {
		return e.Children(func(e *exchange.Elem) error {
			if e.Name != "ROI" {
				return nil
			}
			return roi(e, b)
		})
	}, "OME", "ROI")
}

// parts are the shapes of a union, by what they can be together.
type parts struct {
	polygons []annotate.Polygon
	points   []annotate.Point
	whole    []annotate.ROI // rectangles, ellipses and lines
	text     string
	color    color.NRGBA
}

func roi(e *exchange.Elem, b *exchange.Builder) error {
	where := e.Line()
	f := exchange.Found{Name: e.Attr("Name")}
	var p parts
	err := e.Children(func(e *exchange.Elem) (err error) {
		switch e.Name {
		case "Union":
			return e.Children(func(e *exchange.Elem) error { return p.shape(e, b) })
		case "Description":
			f.Notes, err = e.Text()
		}
		return err
	})
	if err != nil {
		return err
	}
	f.Class, f.Color = p.text, p.color
	rois := p.whole
	if len(p.polygons) > 0 {
		rois = append(rois, exchange.AreaOf(p.polygons))
	}
	if len(p.points) > 0 {
		rois = append(rois, exchange.PointsOf(p.points))
	}
	if len(rois) == 0 {
		b.Skip(where, "it has no shapes")
	}
	return b.AddEach(where, f, rois)
}

func (p *parts) shape(e *exchange.Elem, b *exchange.Builder) error {
	if p.text == "" {
		p.text = e.Attr("Text")
	}
	if n, err := strconv.ParseInt(e.Attr("StrokeColor"), 10, 64); err == nil && e.Has("StrokeColor") {
		v := uint32(n) // RGBA, as a signed number
		p.color = color.NRGBA{R: uint8(v >> 24), G: uint8(v >> 16), B: uint8(v >> 8), A: 255}
	}
	var v [4]float64
	numbers := func(names ...string) error {
		for i, n := range names {
			var err error
			if v[i], err = e.Number(n); err != nil {
				return err
			}
		}
		return nil
	}
	switch e.Name {
	case "Point":
		if err := numbers("X", "Y"); err != nil {
			return err
		}
		p.points = append(p.points, annotate.Point{X: v[0], Y: v[1]})
	case "Line":
		if err := numbers("X1", "Y1", "X2", "Y2"); err != nil {
			return err
		}
		p.whole = append(p.whole, exchange.LineOf([]annotate.Point{{X: v[0], Y: v[1]}, {X: v[2], Y: v[3]}}))
	case "Rectangle":
		if err := numbers("X", "Y", "Width", "Height"); err != nil {
			return err
		}
		p.whole = append(p.whole, annotate.Rectangle(v[0], v[1], v[0]+v[2], v[1]+v[3]))
	case "Ellipse":
		if err := numbers("X", "Y", "RadiusX", "RadiusY"); err != nil {
			return err
		}
		p.whole = append(p.whole, annotate.Ellipse(v[0]-v[2], v[1]-v[3], v[0]+v[2], v[1]+v[3]))
	case "Polygon", "Polyline":
		ps, err := points(e)
		if err != nil {
			return err
		}
		if e.Name == "Polyline" {
			p.whole = append(p.whole, exchange.LineOf(ps))
		} else {
			p.polygons = append(p.polygons, annotate.Polygon{Outer: exchange.Opened(ps)})
		}
	case "Mask":
		if err := numbers("X", "Y", "Width", "Height"); err != nil {
			return err
		}
		return p.mask(e, v)
	case "Label":
	default:
		b.Warn(e.Line(), "a <%s> was passed over", e.Name)
	}
	return nil
}

func points(e *exchange.Elem) ([]annotate.Point, error) {
	var ps []annotate.Point
	for _, part := range strings.Fields(e.Attr("Points")) {
		x, y, _ := strings.Cut(part, ",")
		px, ex := strconv.ParseFloat(x, 64)
		py, ey := strconv.ParseFloat(y, 64)
		if ex != nil || ey != nil {
			return nil, e.Errorf("<%s> has a point that is no pair of numbers: %q", e.Name, part)
		}
		ps = append(ps, annotate.Point{X: px + 0, Y: py + 0})
	}
	return ps, nil
}

// mask traces a mask of bits, the highest first, without gaps between the rows.
func (p *parts) mask(e *exchange.Elem, v [4]float64) error {
	m, err := exchange.NewMask(int(v[0]), int(v[1]), int(v[2]), int(v[3]))
	if err != nil {
		return e.Errorf("%v", err)
	}
	return e.Children(func(e *exchange.Elem) error {
		if e.Name != "BinData" {
			return nil
		}
		if c := e.Attr("Compression"); c != "" && c != "none" {
			return e.Errorf("a mask packed by %q is not read", c)
		}
		text, err := e.Text()
		if err != nil {
			return err
		}
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil || len(data)*8 < m.W*m.H {
			return e.Errorf("the bits of a mask are damaged or too few")
		}
		for i := range m.W * m.H {
			if data[i>>3]>>(7-i&7)&1 != 0 {
				m.Set(i%m.W, i/m.W)
			}
		}
		p.polygons = append(p.polygons, m.Trace()...)
		return nil
	})
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	s := o.Slide
	scale := ""
	if s.MPPX > 0 {
		scale = fmt.Sprintf(" PhysicalSizeX=\"%s\" PhysicalSizeY=\"%s\"", exchange.Number(s.MPPX), exchange.Number(s.MPPY))
	}
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://www.openmicroscopy.org/Schemas/OME/2016-06 http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd\" Creator=\"Coverslip\">\n"+
		"  <Image ID=\"Image:0\" Name=\"%s\">\n    <Pixels ID=\"Pixels:0\" DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeX=\"%d\" SizeY=\"%d\" SizeZ=\"1\" SizeC=\"3\" SizeT=\"1\"%s>\n      <MetadataOnly/>\n    </Pixels>\n",
		exchange.XMLText(s.Name), max(1, s.Width), max(1, s.Height), scale)
	// The image refers to its regions before they come: the objects are walked
	// through twice instead of being kept.
	n := 0
	for range objects {
		fmt.Fprintf(w, "    <ROIRef ID=\"ROI:%d\"/>\n", n)
		n++
	}
	w.WriteString("  </Image>\n")
	n = 0
	for obj := range objects {
		writeROI(w, n, obj, o.Classes)
		n++
	}
	w.WriteString("</OME>\n")
	return w.Flush()
}

func writeROI(w *bufio.Writer, n int, obj *annotate.Object, classes annotate.Palette) {
	fmt.Fprintf(w, "  <ROI ID=\"ROI:%d\"", n)
	if obj.Name != "" {
		fmt.Fprintf(w, " Name=\"%s\"", exchange.XMLText(obj.Name))
	}
	w.WriteString(">\n    <Union>\n")
	class, c := exchange.ClassOf(obj, classes)
	attrs := ""
	if class != "" {
		attrs = fmt.Sprintf(" StrokeColor=\"%d\" Text=\"%s\"", int32(uint32(c.R)<<24|uint32(c.G)<<16|uint32(c.B)<<8|255), exchange.XMLText(class))
	}
	k := 0
	shape := func(tag, rest string) {
		fmt.Fprintf(w, "      <%s ID=\"Shape:%d:%d\"%s %s/>\n", tag, n, k, attrs, rest)
		k++
	}
	list := func(ps []annotate.Point) string {
		var b []byte
		for i, p := range ps {
			if i > 0 {
				b = append(b, ' ')
			}
			b = exchange.AppendNumber(append(exchange.AppendNumber(b, p.X), ','), p.Y)
		}
		return "Points=\"" + string(b) + "\""
	}
	num, b := exchange.Number, obj.ROI.Bounds()
	mid := b.Center()
	switch obj.ROI.Kind {
	case annotate.KindPoint, annotate.KindPoints:
		for _, p := range obj.ROI.Points {
			shape("Point", fmt.Sprintf("X=\"%s\" Y=\"%s\"", num(p.X), num(p.Y)))
		}
	case annotate.KindLine:
		shape("Polyline", list(obj.ROI.Points))
	case annotate.KindRectangle:
		shape("Rectangle", fmt.Sprintf("X=\"%s\" Y=\"%s\" Width=\"%s\" Height=\"%s\"", num(b.MinX), num(b.MinY), num(b.Width()), num(b.Height())))
	case annotate.KindEllipse:
		shape("Ellipse", fmt.Sprintf("X=\"%s\" Y=\"%s\" RadiusX=\"%s\" RadiusY=\"%s\"", num(mid.X), num(mid.Y), num(b.Width()/2), num(b.Height()/2)))
	default:
		for _, p := range obj.ROI.Polygons {
			shape("Polygon", list(p.Outer))
		}
	}
	w.WriteString("    </Union>\n")
	if obj.Notes != "" {
		fmt.Fprintf(w, "    <Description>%s</Description>\n", exchange.XMLText(obj.Notes))
	}
	w.WriteString("  </ROI>\n")
}
