package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"coverslip/annotate"
)

// mostBefore bounds the shape that is kept of a suggestion before a person
// changed it, bytes of text.
const mostBefore = 64 << 10

// Changed is what a person did to the shape of what a machine proposed.
type Changed struct {
	Before annotate.ROI // as the machine proposed it, level-0 pixels; empty when it was too long to keep
	IoU    float64      // area common to both shapes over that of their union, 0..1
}

// ChangedFrom is the shape that a machine proposed and how far the present one
// lies from it; false when it is still the machine's, or never was.
func ChangedFrom(o *annotate.Object) (Changed, bool) {
	line, ok := o.Meta[MetaBefore]
	if !ok {
		return Changed{}, false
	}
	p := parseParams(line)
	iou, err := strconv.ParseFloat(p["iou"], 64)
	if err != nil {
		return Changed{}, false
	}
	c := Changed{IoU: iou}
	if roi, err := parseOutline(p["shape"]); err == nil {
		c.Before = roi
	}
	return c, true
}

// keepBefore has every change of a machine's shape by a person keep the shape as
// it was proposed, and the overlap with it. The edit given is not changed.
func keepBefore(e annotate.Edit) annotate.Edit {
	var out []annotate.Change
	for i, c := range e.Changes {
		if c.Before == nil || c.After == nil || c.After.By.ModelHash == "" || c.Before.ROI.Equal(c.After.ROI) {
			continue
		}
		o := *c.After
		first := c.Before.ROI
		line, had := c.Before.Meta[MetaBefore]
		shape := outlineText(first)
		if had { // it was changed already: what counts is what the machine said
			shape = parseParams(line)["shape"]
			if roi, err := parseOutline(shape); err == nil {
				first = roi
			}
		}
		withMeta(&o, MetaBefore, fmt.Sprintf("iou=%.4f shape=%s", overlap(first, o.ROI), strconv.Quote(shape)))
		if out == nil {
			out = slices.Clone(e.Changes)
		}
		out[i].After = &o
	}
	if out != nil {
		e.Changes = out
	}
	return e
}

// overlap is intersection over union of two areas; 0 where one has none.
func overlap(a, b annotate.ROI) float64 {
	both, err := annotate.Intersection(a, b)
	if err != nil {
		return 0
	}
	common := both.Area()
	if all := a.Area() + b.Area() - common; all > 0 {
		return common / all
	}
	return 0
}

// outlineText is a shape as the coordinates of a GeoJSON MultiPolygon (RFC 7946,
// section 3.1.7), a tenth of a pixel; "" when it is too long to keep.
func outlineText(r annotate.ROI) string {
	var b strings.Builder
	ring := func(points annotate.Ring) {
		b.WriteByte('[')
		for i, p := range append(slices.Clone(points), points[0]) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "[%s,%s]", tenth(p.X), tenth(p.Y))
		}
		b.WriteByte(']')
	}
	b.WriteByte('[')
	for i, p := range r.Outline() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('[')
		for j, points := range append([]annotate.Ring{p.Outer}, p.Holes...) {
			if len(points) == 0 {
				continue
			}
			if j > 0 {
				b.WriteByte(',')
			}
			ring(points)
		}
		b.WriteByte(']')
		if b.Len() > mostBefore {
			return ""
		}
	}
	b.WriteByte(']')
	if b.Len() > mostBefore {
		return ""
	}
	return b.String()
}

func tenth(v float64) string {
	return strconv.FormatFloat(float64(int64(v*10+sign(v)*0.5))/10, 'f', -1, 64)
}

func sign(v float64) float64 {
	if v < 0 {
		return -1
	}
	return 1
}

// parseOutline reads outlineText.
func parseOutline(text string) (annotate.ROI, error) {
	if len(text) > mostBefore+2 {
		return annotate.ROI{}, fmt.Errorf("an outline of %d bytes", len(text))
	}
	var all [][][][2]float64
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return annotate.ROI{}, err
	}
	roi := annotate.ROI{Kind: annotate.KindPolygon}
	for _, rings := range all {
		var p annotate.Polygon
		for i, ring := range rings {
			var points annotate.Ring
			for k, v := range ring {
				if k < len(ring)-1 || len(ring) == 1 { // the last point repeats the first
					points = append(points, annotate.Point{X: v[0], Y: v[1]})
				}
			}
			if i == 0 {
				p.Outer = points
			} else {
				p.Holes = append(p.Holes, points)
			}
		}
		roi.Polygons = append(roi.Polygons, p)
	}
	if err := roi.Validate(); err != nil {
		return annotate.ROI{}, err
	}
	return roi, nil
}
