package dicom

import (
	"encoding/binary"
	"image/color"
	"io"
	"iter"
	"strconv"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const (
	annName  = "dicom-ann"
	annClass = "1.2.840.10008.5.1.4.1.1.91.1"
)

// Annotations is the format of microscopy bulk simple annotations (PS3.3 §A.87).
func Annotations() exchange.Format {
	return exchange.Format{
		Name: annName, Title: "DICOM ANN (bulk simple annotations)", Extensions: []string{".ann.dcm", ".dcm"},
		Line: "archives and viewers that speak DICOM: IDC, Slim, QuPath by extension",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class | exchange.Detection, Near: 1e-6,
			Note: "Objects are grouped by class and shape.",
		},
		Detect: func(h exchange.Head) bool { return isPart10(h.Bytes) && h.Has(annClass) && !h.Has(segClass) },
		Read:   readANN, Write: writeANN,
	}
}

func readANN(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	d, err := readFile(annName, in)
	if err != nil {
		return err
	}
	bad := func(what string) error {
		return &exchange.FormatError{Format: annName, Offset: d.size, What: what}
	}
	switch {
	case d.text(0x00080016) != annClass || d.elems[0x006a0002] == nil:
		return bad("the file is cut short or holds another kind of DICOM object")
	case d.text(0x006a0001) == "3D":
		return bad("positions in mm of the frame of reference (3D) are not read; export them as 2D")
	case d.text(0x00480301) == "FRAME":
		return bad("positions within single frames are not read; export them for the total pixel matrix (VOLUME)")
	}
	for _, g := range d.items(0x006a0002) {
		if err := readGroup(g, d.size, b); err != nil {
			return err
		}
	}
	return nil
}

func readGroup(g *dataset, size int64, b *exchange.Builder) error {
	where := "group " + g.text(0x006a0005)
	bad := func(what string) error {
		return &exchange.FormatError{Format: annName, Offset: size, What: where + ": " + what}
	}
	values := floats(g.bytesOf(0x00660022), 8)
	if len(values) == 0 {
		values = floats(g.bytesOf(0x00660016), 4)
	}
	if len(values)%2 != 0 {
		return bad("the number of coordinates is odd")
	}
	f := exchange.Found{Class: g.text(0x006a0005), Detection: g.text(0x006a0007) == "AUTOMATIC"}
	if m := g.first(0x006a000a).text(0x00080104); f.Class == "" {
		f.Class = m
	}
	if f.Class == unclassified {
		f.Class = ""
	}
	if v := g.bytesOf(0x0062000d); len(v) == 6 {
		f.Color = rgb([]uint16{binary.LittleEndian.Uint16(v), binary.LittleEndian.Uint16(v[2:]), binary.LittleEndian.Uint16(v[4:])})
	}
	kind := g.text(0x00700023)
	starts, err := starts(g, kind, len(values))
	if err != nil {
		return bad(err.Error())
	}
	for i, from := range starts {
		to := len(values)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		ps := make([]annotate.Point, (to-from)/2)
		for k := range ps {
			ps[k] = annotate.Point{X: values[from+2*k] + 0, Y: values[from+2*k+1] + 0}
		}
		roi, ok := graphic(kind, ps)
		if !ok {
			b.Skip(where, "a %s of %d points", kind, len(ps))
			continue
		}
		f.ROI = roi
		if err := b.Add(where, f); err != nil {
			return err
		}
	}
	return nil
}

type startError string

func (e startError) Error() string { return string(e) }

// starts is where each annotation begins in the coordinates. The index of the
// file counts values, from 1 (PS3.3 §C.37.1.2); fixed graphics have none.
func starts(g *dataset, kind string, n int) ([]int, error) {
	size := map[string]int{"POINT": 2, "RECTANGLE": 8, "ELLIPSE": 8}[kind]
	var out []int
	if size > 0 {
		if n%size != 0 {
			return nil, startError("the coordinates are not of whole graphics")
		}
		for i := 0; i < n; i += size {
			out = append(out, i)
		}
		return out, nil
	}
	index := g.bytesOf(0x00660040)
	last := -1
	for i := 0; i+4 <= len(index); i += 4 {
		at := int(binary.LittleEndian.Uint32(index[i:])) - 1
		if at <= last || at >= n || at%2 != 0 || i == 0 && at != 0 {
			return nil, startError("the index of graphics does not fit the coordinates")
		}
		out, last = append(out, at), at
	}
	if n > 0 && len(out) == 0 {
		return nil, startError("there is no index of graphics")
	}
	return out, nil
}

func graphic(kind string, ps []annotate.Point) (annotate.ROI, bool) {
	switch {
	case kind == "POINT" && len(ps) == 1:
		return annotate.PointAt(ps[0].X, ps[0].Y), true
	case kind == "POLYLINE" && len(ps) > 1:
		return exchange.LineOf(ps), true
	case kind == "POLYGON" && len(ps) > 2, kind == "RECTANGLE" && len(ps) == 4:
		return exchange.AreaOfRing(ps), true
	case kind == "ELLIPSE" && len(ps) == 4:
		return ellipse(ps), true
	}
	return annotate.ROI{}, false
}

// ellipse is given by the ends of its axes, first the major one's.
func ellipse(ps []annotate.Point) annotate.ROI {
	a, b := ps[0], ps[2]
	if a.Y == ps[1].Y && b.X == ps[3].X || a.X == ps[1].X && b.Y == ps[3].Y {
		box := annotate.Ring(ps).Bounds()
		return annotate.Ellipse(box.MinX, box.MinY, box.MaxX, box.MaxY)
	}
	mid := annotate.Point{X: (ps[0].X + ps[1].X) / 2, Y: (ps[0].Y + ps[1].Y) / 2}
	ax, ay := (ps[1].X-ps[0].X)/2, (ps[1].Y-ps[0].Y)/2
	bx, by := (ps[3].X-ps[2].X)/2, (ps[3].Y-ps[2].Y)/2
	ring := annotate.EllipseRing(annotate.Box{MinX: -1, MinY: -1, MaxX: 1, MaxY: 1}, 0)
	unit := annotate.EllipseRing(annotate.Box{MinX: -1000, MinY: -1000, MaxX: 1000, MaxY: 1000}, 0.5)
	ring = ring[:0]
	for _, u := range unit {
		ring = append(ring, annotate.Point{X: mid.X + (ax*u.X+bx*u.Y)/1000, Y: mid.Y + (ay*u.X+by*u.Y)/1000})
	}
	return exchange.AreaOfRing(ring)
}

// unclassified is the label of groups without a class.
const unclassified = "unclassified"

// groupKey is what a group of annotations has in common.
type groupKey struct {
	class annotate.ID
	kind  string
	auto  bool
}

type group struct {
	values []float64
	index  []uint32
	n      uint32
}

func writeANN(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	groups := map[groupKey]*group{}
	var order []groupKey
	for obj := range objects {
		kind, ps := points(obj.ROI)
		key := groupKey{obj.Class, kind, obj.Kind == annotate.Detection}
		g := groups[key]
		if g == nil {
			g = &group{}
			groups[key], order = g, append(order, key)
		}
		g.index = append(g.index, uint32(len(g.values))+1)
		for _, p := range ps {
			g.values = append(g.values, p.X, p.Y)
		}
		g.n++
	}
	d, s := header(annClass, "ANN", "", o)
	d.putItems(0x00081115, series(s))
	d.putItems(0x00081140, reference(s))
	d.put(0x00200052, "UI", s.FrameUID)
	d.put(0x00201040, "LO", "SLIDE_CORNER")
	d.put(0x00480301, "CS", "VOLUME")
	d.put(0x006a0001, "CS", "2D")
	d.put(0x00700080, "CS", "COVERSLIP")
	d.put(0x00700081, "LO", "")
	d.put(0x00700084, "PN", "")
	var items []*dataset
	for i, key := range order {
		items = append(items, groupItem(i+1, key, groups[key], o))
	}
	d.putItems(0x006a0002, items...)
	_, err := to.Write(d.file())
	return err
}

// points is the graphic type of a ROI and its coordinates: rectangles and
// ellipses have four points each.
func points(r annotate.ROI) (string, []annotate.Point) {
	b := r.Bounds()
	c := b.Center()
	switch r.Kind {
	case annotate.KindPoint:
		return "POINT", r.Points
	case annotate.KindPoints:
		return "MULTIPOINT", r.Points
	case annotate.KindLine:
		return "POLYLINE", r.Points
	case annotate.KindRectangle:
		return "RECTANGLE", r.Polygons[0].Outer
	case annotate.KindEllipse:
		x := []annotate.Point{{X: b.MinX, Y: c.Y}, {X: b.MaxX, Y: c.Y}}
		y := []annotate.Point{{X: c.X, Y: b.MinY}, {X: c.X, Y: b.MaxY}}
		if b.Width() >= b.Height() {
			return "ELLIPSE", append(x, y...)
		}
		return "ELLIPSE", append(y, x...)
	}
	return "POLYGON", r.Polygons[0].Outer
}

func groupItem(n int, key groupKey, g *group, o exchange.WriteOptions) *dataset {
	d := newDataset()
	title, terms := unclassified, ""
	if c := o.Classes.ByID(key.class); c != nil {
		title, terms = c.Name, c.Code
		d.putUS(0x0062000d, cielab(color.NRGBA{R: c.Color.R, G: c.Color.G, B: c.Color.B, A: 255})...)
	}
	d.putUS(0x0040a180, uint16(n))
	d.putDoubles(0x00660022, "OD", g.values)
	if key.kind == "POLYGON" || key.kind == "POLYLINE" {
		d.putUL(0x00660040, "OL", g.index...)
	}
	d.put(0x006a0003, "UI", uid(o.Slide.Fingerprint+title+key.kind+o.Now().String()+strconv.Itoa(n)))
	d.put(0x006a0005, "LO", label(title))
	generation := "MANUAL"
	if key.auto {
		generation = "AUTOMATIC"
		a := newDataset()
		a.putItems(0x0066002f, code("123110", "DCM", "Artificial Intelligence"))
		a.put(0x00660036, "LO", "Coverslip")
		a.put(0x00660031, "LO", "1")
		d.putItems(0x006a0008, a)
	}
	d.put(0x006a0007, "CS", generation)
	d.putItems(0x006a0009, code("91723000", "SCT", "Anatomical structure"))
	d.putItems(0x006a000a, classCode(terms, title))
	d.putUL(0x006a000c, "UL", g.n)
	d.put(0x006a000d, "CS", "YES")
	d.put(0x006a000f, "CS", "YES")
	d.put(0x00700023, "CS", key.kind)
	return d
}
