// Package voc reads and writes the XML of Pascal VOC: bounding boxes in whole
// pixels, counted from 1, both corners inside.
package voc

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"math"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "voc"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "Pascal VOC XML", Extensions: []string{".xml"},
		Line: "bounding boxes for detectors, in whole pixels",
		Keeps: exchange.Keeps{
			Point: exchange.Dropped, Points: exchange.Boxed, Line: exchange.Boxed, Rectangle: exchange.Boxed, Ellipse: exchange.Boxed, Polygon: exchange.Boxed,
			Attrs: exchange.Class, Grid: 1,
		},
		Detect: func(h exchange.Head) bool {
			return h.XML("annotation") && (h.Has("<bndbox") || h.Has("<folder") || h.Has("<segmented")) && !h.XML("annotations")
		},
		Read: read, Write: write,
	}
}

func read(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	return exchange.NewXML(name, in).Root(func(e *exchange.Elem) error {
		return e.Children(func(e *exchange.Elem) error {
			switch e.Name {
			case "size":
				return e.Children(func(e *exchange.Elem) error {
					v, err := e.TextNumber()
					switch e.Name {
					case "width":
						b.Report.Slide.Width = int(v)
					case "height":
						b.Report.Slide.Height = int(v)
					}
					return err
				})
			case "object":
				return object(e, b)
			}
			return nil
		})
	}, "annotation")
}

func object(e *exchange.Elem, b *exchange.Builder) error {
	var f exchange.Found
	where, boxes := e.Line(), 0
	v := map[string]float64{}
	err := e.Children(func(e *exchange.Elem) (err error) {
		switch e.Name {
		case "name":
			f.Class, err = e.Text()
		case "bndbox":
			boxes++
			return e.Children(func(e *exchange.Elem) (err error) {
				v[e.Name], err = e.TextNumber()
				return err
			})
		}
		return err
	})
	if err != nil {
		return err
	}
	if boxes != 1 || len(v) < 4 {
		b.Skip(where, "it has no bounding box")
		return nil
	}
	if f.Class == unlabelled {
		f.Class = ""
	}
	f.ROI = annotate.Rectangle(v["xmin"]-1, v["ymin"]-1, v["xmax"], v["ymax"])
	return b.Add(where, f)
}

// unlabelled is the name of objects without a class: VOC has none without.
const unlabelled = "unclassified"

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	fmt.Fprintf(w, "<annotation>\n\t<folder></folder>\n\t<filename>%s</filename>\n\t<source><database>Coverslip</database></source>\n\t<size><width>%d</width><height>%d</height><depth>3</depth></size>\n\t<segmented>0</segmented>\n",
		exchange.XMLText(o.Slide.Name), o.Slide.Width, o.Slide.Height)
	for obj := range objects {
		class, _ := exchange.ClassOf(obj, o.Classes)
		if class == "" {
			class = unlabelled
		}
		b := obj.ROI.Bounds()
		whole := func(v float64) int64 { return int64(math.Round(v)) }
		fmt.Fprintf(w, "\t<object>\n\t\t<name>%s</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox><xmin>%d</xmin><ymin>%d</ymin><xmax>%d</xmax><ymax>%d</ymax></bndbox>\n\t</object>\n",
			exchange.XMLText(class), whole(b.MinX)+1, whole(b.MinY)+1, whole(b.MaxX), whole(b.MaxY))
	}
	w.WriteString("</annotation>\n")
	return w.Flush()
}
