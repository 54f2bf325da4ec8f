// Package sedeen reads and writes sessions of Sedeen Viewer: XML with graphics in
// pixels of the slide.
package sedeen

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"iter"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "sedeen"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "Sedeen session XML", Extensions: []string{".session.xml", ".xml"},
		Line: "PathcoreScholar / Sedeen Viewer",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class | exchange.Color | exchange.Name,
		},
		Detect: func(h exchange.Head) bool {
			return h.XML("session") && (h.Has("<overlays") || h.Has("<graphic") || h.Has("pixel-size"))
		},
		Read: read, Write: write,
	}
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	return exchange.NewXML(name, in).Root(func(e *exchange.Elem) error { return e.Children(func(e *exchange.Elem) error { return image(e, b) }) }, "session")
}

func image(e *exchange.Elem, b *exchange.Builder) error {
	if e.Name != "image" {
		return nil
	}
	return e.Children(func(e *exchange.Elem) error {
		switch e.Name {
		case "dimensions":
			p, err := pair(e)
			b.Report.Slide.Width, b.Report.Slide.Height = int(p.X), int(p.Y)
			return err
		case "pixel-size":
			unit := e.Attr("units")
			p, err := pair(e)
			if unit == "um" || unit == "" {
				b.Report.Slide.MPPX, b.Report.Slide.MPPY = p.X, p.Y
			}
			return err
		case "overlays":
			return e.Children(func(e *exchange.Elem) error {
				if e.Name != "graphic" {
					return nil
				}
				return graphic(e, b)
			})
		}
		return nil
	})
}

// pair is a text of two numbers, x,y.
func pair(e *exchange.Elem) (p annotate.Point, err error) {
	text, err := e.Text()
	if err != nil {
		return p, err
	}
	x, y, _ := strings.Cut(text, ",")
	var ex, ey error
	p.X, ex = exchange.ParseNumber(x)
	p.Y, ey = exchange.ParseNumber(y)
	if ex != nil || ey != nil {
		return p, e.Errorf("<%s> is no pair of numbers: %q", e.Name, text)
	}
	return p, nil
}

func graphic(e *exchange.Elem, b *exchange.Builder) error {
	where, kind := e.Line(), strings.ToLower(e.Attr("type"))
	// The description names the class in our own files and in sorted ones; in
	// others the name is all there is.
	f := exchange.Found{Class: e.Attr("description"), Name: e.Attr("name")}
	var ps []annotate.Point
	err := e.Children(func(e *exchange.Elem) error {
		switch e.Name {
		case "pen":
			f.Color, _ = exchange.ParseColor(e.Attr("color"))
		case "point-list":
			return e.Children(func(e *exchange.Elem) error {
				p, err := pair(e)
				ps = append(ps, p)
				return err
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	box := annotate.Ring(ps).Bounds()
	switch kind {
	case "polygon", "freehand":
		f.ROI = exchange.AreaOfRing(ps)
	case "rectangle", "ellipse":
		if len(ps) < 2 {
			b.Skip(where, "a %s of %d points", kind, len(ps))
			return nil
		}
		if f.ROI = annotate.Rectangle(box.MinX, box.MinY, box.MaxX, box.MaxY); kind == "ellipse" {
			f.ROI = annotate.Ellipse(box.MinX, box.MinY, box.MaxX, box.MaxY)
		}
	case "polyline", "line", "ruler", "arrow":
		f.ROI = exchange.LineOf(ps)
	case "point", "text":
		if len(ps) == 0 {
			b.Skip(where, "a point without a place")
			return nil
		}
		f.ROI = exchange.PointsOf(ps[:1])
	default:
		b.Skip(where, "a graphic of type %q is no shape", kind)
		return nil
	}
	return b.Add(where, f)
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	s := o.Slide
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<session software=\"Coverslip\" version=\"1\">\n   <image identifier=\"%s\">\n      <dimensions>%d,%d</dimensions>\n      <pixel-size units=\"um\">%s,%s</pixel-size>\n      <overlays>\n",
		exchange.XMLText(s.Name), s.Width, s.Height, exchange.Number(s.MPPX), exchange.Number(s.MPPY))
	for obj := range objects {
		class, c := exchange.ClassOf(obj, o.Classes)
		if class == "" {
			c = color.NRGBA{A: 255}
		}
		kind, ps := "polygon", obj.ROI.Points
		switch obj.ROI.Kind {
		case annotate.KindPoint:
			kind = "point"
		case annotate.KindLine:
			kind = "polyline"
		case annotate.KindRectangle:
			kind = "rectangle"
		case annotate.KindEllipse:
			kind = "ellipse"
		}
		if len(obj.ROI.Polygons) > 0 {
			ps = obj.ROI.Polygons[0].Outer
		}
		if kind == "rectangle" {
			ps = []annotate.Point{ps[0], ps[2]}
		}
		fmt.Fprintf(w, "         <graphic type=\"%s\" name=\"%s\" description=\"%s\">\n            <pen color=\"%sff\" width=\"3\" style=\"Solid\"/>\n            <font>Arial;12</font>\n            <point-list>\n",
			kind, exchange.XMLText(obj.Name), exchange.XMLText(class), exchange.HexColor(c))
		for _, p := range ps {
			fmt.Fprintf(w, "               <point>%s,%s</point>\n", exchange.Number(p.X), exchange.Number(p.Y))
		}
		w.WriteString("            </point-list>\n         </graphic>\n")
	}
	w.WriteString("      </overlays>\n   </image>\n</session>\n")
	return w.Flush()
}
