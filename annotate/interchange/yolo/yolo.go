// Package yolo reads and writes the text files of YOLO: a line an object, the
// number of its class and then its box, or its outline for YOLO-seg, as fractions
// of the picture.
package yolo

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// Boxes is YOLO for detection.
func Boxes() exchange.Format {
	return exchange.Format{
		Name: "yolo", Title: "YOLO boxes", Extensions: []string{".txt"},
		Line: "bounding boxes for detectors; a text file for each picture",
		Keeps: exchange.Keeps{
			Point: exchange.Dropped, Points: exchange.Boxed, Line: exchange.Boxed, Rectangle: exchange.Boxed, Ellipse: exchange.Boxed, Polygon: exchange.Boxed,
			Attrs: exchange.Class, Near: 1e-6, Note: note,
		},
		Detect: func(h exchange.Head) bool { return detect(h, 5) },
		Read:   read("yolo"), Write: write(false),
	}
}

// Outlines is YOLO-seg.
func Outlines() exchange.Format {
	return exchange.Format{
		Name: "yolo-seg", Title: "YOLO-seg outlines", Extensions: []string{".txt"},
		Line: "outlines for segmentation; a text file for each picture",
		Keeps: exchange.Keeps{
			Point: exchange.Dropped, Points: exchange.Dropped, Line: exchange.Dropped, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class, Near: 1e-6, Note: note,
		},
		Detect: func(h exchange.Head) bool { return detect(h, 7) },
		Read:   read("yolo-seg"), Write: write(true),
	}
}

const note = "Classes are numbers in the order of the project's classes, from 0; objects without a class have the number behind the last."

// detect tells whether the first line is a whole number and fractions, least
// numbers in all; only outlines have seven.
func detect(h exchange.Head, least int) bool {
	line, _, _ := strings.Cut(strings.TrimSpace(string(h.Bytes)), "\n")
	fields := strings.Fields(line)
	if len(fields) < least || least == 5 && len(fields) > 6 || least == 7 && len(fields)%2 == 0 {
		return false
	}
	if _, err := strconv.ParseUint(fields[0], 10, 16); err != nil {
		return false
	}
	for _, f := range fields[1:] {
		if v, err := strconv.ParseFloat(f, 64); err != nil || !(v >= -0.5 && v <= 1.5) {
			return false
		}
	}
	return true
}

// maxLine bounds a line: an outline of half a million points.
const maxLine = 16 << 20

func read(name string) func(*exchange.Input, exchange.ReadOptions, *exchange.Builder) error {
	return func(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
		w, h, err := o.Size(name)
		if err != nil {
			return err
		}
		names, ok := o.Answers["classes"]
		if !ok {
			var known []string
			for _, c := range o.Classes {
				known = append(known, c.Name)
			}
			return exchange.Ask(name, exchange.Question{Key: "classes", Guess: strings.Join(known, ","),
				Text: "The file numbers its classes from 0: what are their names, in that order, with commas between them?"})
		}
		r := &reader{name: name, w: w, h: h, classes: strings.Split(names, ","), b: b}
		s := bufio.NewScanner(in)
		s.Buffer(make([]byte, 64<<10), maxLine)
		for s.Scan() {
			r.line++
			if err := r.take(s.Text()); err != nil {
				return err
			}
		}
		if err := s.Err(); err != nil {
			return &exchange.FormatError{Format: name, Line: r.line + 1, Offset: -1, What: "the line cannot be read", Err: err}
		}
		return nil
	}
}

type reader struct {
	name    string
	w, h    float64
	classes []string
	b       *exchange.Builder
	line    int
}

func (r *reader) fail(format string, a ...any) error {
	return &exchange.FormatError{Format: r.name, Line: r.line, Offset: -1, What: fmt.Sprintf(format, a...)}
}

func (r *reader) take(line string) error {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return nil
	}
	v := make([]float64, len(fields))
	for i, f := range fields {
		var err error
		if v[i], err = strconv.ParseFloat(f, 64); err != nil || v[i]-v[i] != 0 {
			return r.fail("%q is no number", f)
		}
	}
	class, err := strconv.Atoi(fields[0])
	if err != nil || class < 0 || class > 1<<16 {
		return r.fail("%q is no number of a class", fields[0])
	}
	var f exchange.Found
	switch {
	case class < len(r.classes):
		f.Class = strings.TrimSpace(r.classes[class])
	case class > len(r.classes):
		f.Class = fmt.Sprintf("class %d", class)
	}
	v = v[1:]
	switch n := len(v); {
	case n == 4 || n == 5:
		if n == 5 { // a detector's own: how sure it is
			f.Detection, f.Score = true, v[4]
		}
		x, y, w, h := v[0]*r.w, v[1]*r.h, v[2]*r.w/2, v[3]*r.h/2
		f.ROI = annotate.Rectangle(x-w, y-h, x+w, y+h)
	case n >= 6 && n%2 == 0:
		ps := make([]annotate.Point, n/2)
		for i := range ps {
			ps[i] = annotate.Point{X: v[2*i] * r.w, Y: v[2*i+1] * r.h}
		}
		f.ROI = exchange.AreaOfRing(ps)
	default:
		return r.fail("%d numbers are neither a box nor an outline", n)
	}
	return r.b.Add("line "+strconv.Itoa(r.line), f)
}

func write(outlines bool) func(io.Writer, iter.Seq[*annotate.Object], exchange.WriteOptions) error {
	return func(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
		sw, sh := float64(o.Slide.Width), float64(o.Slide.Height)
		if sw <= 0 || sh <= 0 {
			return &exchange.FormatError{Format: "yolo", Offset: -1, What: "the size of the slide must be known to write fractions of it"}
		}
		number := map[annotate.ID]int{}
		for i, c := range o.Classes {
			number[c.ID] = i
		}
		w := bufio.NewWriterSize(to, 64<<10)
		var b []byte
		for obj := range objects {
			class, ok := number[obj.Class]
			if !ok {
				class = len(o.Classes)
			}
			b = strconv.AppendInt(b[:0], int64(class), 10)
			add := func(v float64) { b = exchange.AppendNumber(append(b, ' '), v) }
			if !outlines {
				box := obj.ROI.Bounds()
				c := box.Center()
				add(c.X / sw)
				add(c.Y / sh)
				add(box.Width() / sw)
				add(box.Height() / sh)
			} else {
				for _, p := range obj.ROI.Polygons[0].Outer {
					add(p.X / sw)
					add(p.Y / sh)
				}
			}
			w.Write(append(b, '\n'))
		}
		return w.Flush()
	}
}
