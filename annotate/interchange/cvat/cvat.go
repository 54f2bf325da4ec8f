// Package cvat reads and writes CVAT for images 1.1: XML with an <image> for each
// picture, shapes in its pixels.
package cvat

import (
	"bufio"
	"fmt"
	"image/color"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "cvat"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "CVAT for images 1.1 XML", Extensions: []string{".xml"},
		Line: "CVAT (Computer Vision Annotation Tool), task export “CVAT for images 1.1”",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class | exchange.Color, Near: 1e-6,
		},
		Detect: func(h exchange.Head) bool { return h.XML("annotations") && h.Has("<image ") },
		Read:   read, Write: write,
	}
}

type reader struct {
	o      exchange.ReadOptions
	b      *exchange.Builder
	colors map[string]color.NRGBA
	images []string
	groups [][]item
}

// item is a shape that waits until it is known which image is the slide.
type item struct {
	where string
	found exchange.Found
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	r := &reader{o: o, b: b, colors: map[string]color.NRGBA{}}
	err := exchange.NewXML(name, in).Root(func(e *exchange.Elem) error {
		return e.Children(func(e *exchange.Elem) error {
			switch e.Name {
			case "meta":
				return r.labels(e)
			case "image":
				return r.image(e)
			}
			return nil
		})
	}, "annotations")
	if err != nil {
		return err
	}
	return r.place()
}

// labels finds the colours of labels anywhere in the head.
func (r *reader) labels(e *exchange.Elem) error {
	return e.Children(func(e *exchange.Elem) error {
		if e.Name != "label" {
			return r.labels(e)
		}
		var title, c string
		err := e.Children(func(e *exchange.Elem) (err error) {
			switch e.Name {
			case "name":
				title, err = e.Text()
			case "color":
				c, err = e.Text()
			}
			return err
		})
		if v, ok := exchange.ParseColor(c); ok {
			r.colors[title] = v
		}
		return err
	})
}

func (r *reader) image(e *exchange.Elem) error {
	var items []item
	name := e.Attr("name")
	err := e.Children(func(e *exchange.Elem) error {
		roi, ok, err := shape(e)
		if err != nil {
			return err
		}
		if !ok {
			if e.Name != "tag" {
				r.b.Skip(e.Line(), "a <%s> is no shape", e.Name)
			}
			return nil
		}
		f := exchange.Found{ROI: roi, Class: e.Attr("label")}
		if f.Color = r.colors[f.Class]; f.Class == unlabelled {
			f.Class = ""
		}
		items = append(items, item{e.Line(), f})
		return nil
	})
	r.images, r.groups = append(r.images, name), append(r.groups, items)
	return err
}

func stem(path string) string {
	base := filepath.Base(strings.ReplaceAll(path, `\`, "/"))
	return strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base)))
}

// place finds the image that the slide is and hands its shapes on.
func (r *reader) place() error {
	pick := -1
	for i, n := range r.images {
		if v, ok := r.o.Answers["image"]; ok && v == n || !ok && (len(r.images) == 1 || stem(n) == stem(r.o.Slide.Name)) {
			pick = i
			break
		}
	}
	if pick < 0 && len(r.images) > 0 {
		return exchange.Ask(name, exchange.Question{Key: "image", Text: fmt.Sprintf("The file holds %d images; which of them is this slide?", len(r.images)), Choices: r.images[:min(50, len(r.images))]})
	}
	for i, items := range r.groups {
		for _, it := range items {
			if i != pick {
				r.b.Report.Skipped++
				continue
			}
			if err := r.b.Add(it.where, it.found); err != nil {
				return err
			}
		}
	}
	return nil
}

func shape(e *exchange.Elem) (annotate.ROI, bool, error) {
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
	case "polygon", "polyline", "points":
		ps, err := points(e)
		if err != nil {
			return annotate.ROI{}, false, err
		}
		switch {
		case e.Name == "polygon":
			return exchange.AreaOfRing(ps), true, nil
		case e.Name == "polyline":
			return exchange.LineOf(ps), true, nil
		}
		return exchange.PointsOf(ps), true, nil
	case "box":
		err := numbers("xtl", "ytl", "xbr", "ybr")
		return annotate.Rectangle(v[0], v[1], v[2], v[3]), true, err
	case "ellipse":
		err := numbers("cx", "cy", "rx", "ry")
		return annotate.Ellipse(v[0]-v[2], v[1]-v[3], v[0]+v[2], v[1]+v[3]), true, err
	case "mask":
		if err := numbers("left", "top", "width", "height"); err != nil {
			return annotate.ROI{}, false, err
		}
		roi, err := mask(e, int(v[0]), int(v[1]), int(v[2]), int(v[3]))
		return roi, true, err
	}
	return annotate.ROI{}, false, nil
}

func points(e *exchange.Elem) ([]annotate.Point, error) {
	var ps []annotate.Point
	for _, part := range strings.Split(e.Attr("points"), ";") {
		x, y, _ := strings.Cut(part, ",")
		px, ex := exchange.ParseNumber(x)
		py, ey := exchange.ParseNumber(y)
		if ex != nil || ey != nil {
			return nil, e.Errorf("<%s> has a point that is no pair of numbers: %q", e.Name, part)
		}
		ps = append(ps, annotate.Point{X: px, Y: py})
	}
	return ps, nil
}

// mask is run lengths row by row, the first of zeros.
func mask(e *exchange.Elem, left, top, w, h int) (annotate.ROI, error) {
	m, err := exchange.NewMask(left, top, w, h)
	if err != nil || w <= 0 || h <= 0 {
		return annotate.ROI{}, e.Errorf("a mask of %d × %d pixels", w, h)
	}
	at, one := 0, false
	for _, part := range strings.Split(e.Attr("rle"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 0 || n > w*h-at {
			return annotate.ROI{}, e.Errorf("the run lengths of a mask do not fit its size")
		}
		for i := at; one && i < at+n; i++ {
			m.Set(i%w, i/w)
		}
		at, one = at+n, !one
	}
	return exchange.AreaOf(m.Trace()), nil
}

// unlabelled is the label of objects without a class: CVAT has none without.
const unlabelled = "unclassified"

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	w.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n      <labels>\n")
	label := func(title string, c color.NRGBA) {
		fmt.Fprintf(w, "        <label>\n          <name>%s</name>\n          <color>%s</color>\n          <attributes>\n          </attributes>\n        </label>\n", exchange.XMLText(title), exchange.HexColor(c))
	}
	for _, c := range o.Classes {
		label(c.Name, c.Color)
	}
	label(unlabelled, color.NRGBA{A: 255})
	fmt.Fprintf(w, "      </labels>\n    </task>\n  </meta>\n  <image id=\"0\" name=\"%s\" width=\"%d\" height=\"%d\">\n", exchange.XMLText(o.Slide.Name), o.Slide.Width, o.Slide.Height)
	for obj := range objects {
		class, _ := exchange.ClassOf(obj, o.Classes)
		if class == "" {
			class = unlabelled
		}
		b := obj.ROI.Bounds()
		head := fmt.Sprintf("label=\"%s\" source=\"manual\" occluded=\"0\"", exchange.XMLText(class))
		n := exchange.Number
		switch obj.ROI.Kind {
		case annotate.KindRectangle:
			fmt.Fprintf(w, "    <box %s xtl=\"%s\" ytl=\"%s\" xbr=\"%s\" ybr=\"%s\" z_order=\"0\">\n    </box>\n", head, n(b.MinX), n(b.MinY), n(b.MaxX), n(b.MaxY))
		case annotate.KindEllipse:
			c := b.Center()
			fmt.Fprintf(w, "    <ellipse %s cx=\"%s\" cy=\"%s\" rx=\"%s\" ry=\"%s\" z_order=\"0\">\n    </ellipse>\n", head, n(c.X), n(c.Y), n(b.Width()/2), n(b.Height()/2))
		case annotate.KindLine:
			list(w, "polyline", head, obj.ROI.Points)
		case annotate.KindPolygon:
			list(w, "polygon", head, obj.ROI.Polygons[0].Outer)
		default:
			list(w, "points", head, obj.ROI.Points)
		}
	}
	w.WriteString("  </image>\n</annotations>\n")
	return w.Flush()
}

func list(w *bufio.Writer, tag, head string, ps []annotate.Point) {
	fmt.Fprintf(w, "    <%s %s points=\"", tag, head)
	for i, p := range ps {
		if i > 0 {
			w.WriteByte(';')
		}
		w.WriteString(exchange.Number(p.X) + "," + exchange.Number(p.Y))
	}
	fmt.Fprintf(w, "\" z_order=\"0\">\n    </%s>\n", tag)
}
