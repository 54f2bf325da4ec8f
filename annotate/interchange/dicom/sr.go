package dicom

import (
	"fmt"
	"io"
	"iter"
	"math/big"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const (
	srName  = "dicom-sr"
	srClass = "1.2.840.10008.5.1.4.1.1.88.34" // Comprehensive 3D SR
)

// Reports is the format of structured reports of measurements (PS3.16 TID 1500):
// a group for each object, with its finding, its outline and its area or length.
func Reports() exchange.Format {
	return exchange.Format{
		Name: srName, Title: "DICOM SR (TID 1500, measurements)", Extensions: []string{".sr.dcm", ".dcm"},
		Line: "a report of measured findings; for tens of objects, not for cells",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Whole, Rectangle: exchange.Whole, Ellipse: exchange.Whole, Polygon: exchange.Whole,
			Holes: exchange.Filled, Parts: exchange.Apart, Attrs: exchange.Class | exchange.Name | exchange.Identity, Near: 0.004,
			Note: "Positions have 7 digits: within a 250th of a pixel up to 65,000 pixels. Areas and lengths are stated in mm² and mm.",
		},
		Detect: func(h exchange.Head) bool {
			return isPart10(h.Bytes) && (h.Has("1.2.840.10008.5.1.4.1.1.88.3") || h.Has("1.2.840.10008.5.1.4.1.1.88.22"))
		},
		Read: readSR, Write: writeSR,
	}
}

// Tags of content items (PS3.3 §C.17.3).
const (
	valueType = tag(0x0040a040)
	concept   = tag(0x0040a043)
	content   = tag(0x0040a730)
	relation  = tag(0x0040a010)
)

func readSR(in *exchange.Input, _ exchange.ReadOptions, b *exchange.Builder) error {
	d, err := readFile(srName, in)
	if err != nil {
		return err
	}
	if d.text(0x00080060) != "SR" || len(d.items(content)) == 0 {
		return &exchange.FormatError{Format: srName, Offset: d.size, What: "the file is cut short or holds another kind of DICOM object"}
	}
	return groups(d, b, 0)
}

// groups looks for groups of measurements anywhere in the tree.
func groups(d *dataset, b *exchange.Builder, depth int) error {
	if depth > maxNested {
		return nil
	}
	for i, item := range d.items(content) {
		if item.text(valueType) != "CONTAINER" {
			continue
		}
		if item.first(concept).text(0x00080100) == "125007" {
			if err := measured(fmt.Sprintf("measurement group %d", i+1), item, b); err != nil {
				return err
			}
			continue
		}
		if err := groups(item, b, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func measured(where string, d *dataset, b *exchange.Builder) error {
	f := exchange.Found{Meta: map[string]string{}}
	var rois []annotate.ROI
	for _, item := range d.items(content) {
		name := item.first(concept)
		switch item.text(valueType) {
		case "TEXT":
			if name.text(0x00080100) == "112039" {
				f.Name = item.text(0x0040a160)
			}
		case "UIDREF":
			if name.text(0x00080100) == "112040" {
				f.ID = uuidOf(item.text(0x0040a124))
			}
		case "CODE":
			if name.text(0x00080100) == "121071" {
				f.Class = item.first(0x0040a168).text(0x00080104)
			}
		case "NUM":
			if v := item.first(0x0040a300); name.text(0x00080104) != "" {
				f.Meta["measure."+name.text(0x00080104)+" "+v.first(0x004008ea).text(0x00080100)] = v.text(0x0040a30a)
			}
		case "SCOORD3D":
			b.Skip(where, "positions in mm of the frame of reference are not read")
		case "SCOORD":
			if roi, ok := scoord(item); ok {
				rois = append(rois, roi)
			} else {
				b.Skip(where, "a region of type %q", item.text(0x00700023))
			}
		}
	}
	if strings.HasPrefix(f.Name, unnamed) {
		f.Name = ""
	}
	if f.Class == unclassified {
		f.Class = ""
	}
	return b.AddEach(where, f, rois)
}

func scoord(d *dataset) (annotate.ROI, bool) {
	v := floats(d.bytesOf(0x00700022), 4)
	ps := make([]annotate.Point, len(v)/2)
	for i := range ps {
		ps[i] = annotate.Point{X: v[2*i] + 0, Y: v[2*i+1] + 0}
	}
	n := len(ps)
	switch kind := d.text(0x00700023); {
	case kind == "POINT" && n == 1, kind == "MULTIPOINT" && n > 0:
		return exchange.PointsOf(ps), true
	case (kind == "POLYLINE" || kind == "POLYGON") && n > 3 && ps[0] == ps[n-1]:
		return exchange.AreaOfRing(ps), true
	case kind == "POLYLINE" && n > 1:
		return exchange.LineOf(ps), true
	case kind == "ELLIPSE" && n == 4:
		return ellipse(ps), true
	case kind == "CIRCLE" && n == 2:
		r := exchange.LineOf(ps).Perimeter()
		return annotate.Ellipse(ps[0].X-r, ps[0].Y-r, ps[0].X+r, ps[0].Y+r), true
	}
	return annotate.ROI{}, false
}

// uidOf is the unique identifier of a UUID (PS3.5 §B.2).
func uidOf(id annotate.ID) string { return "2.25." + new(big.Int).SetBytes(id[:]).String() }

// uuidOf is the UUID in a unique identifier of that kind; "" for others.
func uuidOf(uid string) string {
	digits, ok := strings.CutPrefix(uid, "2.25.")
	n, valid := new(big.Int).SetString(digits, 10)
	if !ok || !valid || n.Sign() < 0 || n.BitLen() > 128 {
		return ""
	}
	var id annotate.ID
	n.FillBytes(id[:])
	return id.String()
}

// unnamed begins the tracking identifier of objects without a name.
const unnamed = "Coverslip region "

func item(relationship, kind string, name *dataset) *dataset {
	d := newDataset()
	d.put(relation, "CS", relationship)
	d.put(valueType, "CS", kind)
	d.putItems(concept, name)
	return d
}

func codeItem(relationship string, name, value *dataset) *dataset {
	d := item(relationship, "CODE", name)
	d.putItems(0x0040a168, value)
	return d
}

func uidItem(relationship string, name *dataset, uid string) *dataset {
	d := item(relationship, "UIDREF", name)
	d.put(0x0040a124, "UI", uid)
	return d
}

func template(d *dataset, id string) {
	t := newDataset()
	t.put(0x00080105, "CS", "DCMR")
	t.put(0x0040db00, "CS", id)
	d.putItems(0x0040a504, t)
	d.put(0x0040a050, "CS", "SEPARATE")
}

func writeSR(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	d, s := header(srClass, "SR", "", o)
	d.elems[0x00081111] = &element{tag: 0x00081111, vr: "SQ"}
	d.put(valueType, "CS", "CONTAINER")
	d.putItems(concept, code("126000", "DCM", "Imaging Measurement Report"))
	template(d, "1500")
	d.elems[0x0040a372] = &element{tag: 0x0040a372, vr: "SQ"}
	ref := newDataset()
	ref.putItems(0x00081199, reference(s))
	ref.put(0x0020000e, "UI", s.SeriesUID)
	study := newDataset()
	study.putItems(0x00081115, ref)
	study.put(0x0020000d, "UI", s.StudyUID)
	d.putItems(0x0040a375, study)
	d.put(0x0040a491, "CS", "COMPLETE")
	d.put(0x0040a493, "CS", "UNVERIFIED")
	measurements := item("CONTAINS", "CONTAINER", code("126010", "DCM", "Imaging Measurements"))
	measurements.put(0x0040a050, "CS", "SEPARATE")
	var list []*dataset
	for obj := range objects {
		list = append(list, groupOf(len(list)+1, obj, s, o))
	}
	measurements.putItems(content, list...)
	library := item("CONTAINS", "CONTAINER", code("111028", "DCM", "Image Library"))
	library.put(0x0040a050, "CS", "SEPARATE")
	d.putItems(content,
		codeItem("HAS CONCEPT MOD", code("121049", "DCM", "Language of Content Item and Descendants"), code("en-US", "RFC5646", "English (United States)")),
		codeItem("HAS OBS CONTEXT", code("121005", "DCM", "Observer Type"), code("121007", "DCM", "Device")),
		uidItem("HAS OBS CONTEXT", code("121012", "DCM", "Device Observer UID"), uid("coverslip")),
		codeItem("HAS CONCEPT MOD", code("121058", "DCM", "Procedure reported"), code("104157003", "SCT", "Light microscopy procedure")),
		library, measurements)
	_, err := to.Write(d.file())
	return err
}

// groupOf is the measurement group of an object (TID 1410).
func groupOf(n int, obj *annotate.Object, s exchange.DICOMImage, o exchange.WriteOptions) *dataset {
	d := item("CONTAINS", "CONTAINER", code("125007", "DCM", "Measurement Group"))
	template(d, "1410")
	tracking := item("HAS OBS CONTEXT", "TEXT", code("112039", "DCM", "Tracking Identifier"))
	name := obj.Name
	if name == "" {
		name = unnamed + strconv.Itoa(n)
	}
	tracking.put(0x0040a160, "UT", name)
	title, terms := unclassified, ""
	if c := o.Classes.ByID(obj.Class); c != nil {
		title, terms = c.Name, c.Code
	}
	kind, ps := points(obj.ROI)
	if kind == "POLYGON" || kind == "RECTANGLE" {
		kind, ps = "POLYLINE", append(ps[:len(ps):len(ps)], ps[0])
	}
	region := item("CONTAINS", "SCOORD", code("111030", "DCM", "Image Region"))
	var flat []float64
	for _, p := range ps {
		flat = append(flat, p.X, p.Y)
	}
	region.putFloats(0x00700022, "FL", flat)
	region.put(0x00700023, "CS", kind)
	image := newDataset()
	image.put(relation, "CS", "SELECTED FROM")
	image.put(valueType, "CS", "IMAGE")
	image.putItems(concept, code("260753009", "SCT", "Source"))
	image.putItems(0x00081199, reference(s))
	region.putItems(content, image)
	items := []*dataset{tracking, uidItem("HAS OBS CONTEXT", code("112040", "DCM", "Tracking Unique Identifier"), uidOf(obj.ID)),
		codeItem("CONTAINS", code("121071", "DCM", "Finding"), classCode(terms, title)), region}
	if mx, my := o.Slide.MPPX, o.Slide.MPPY; mx > 0 && my > 0 {
		switch {
		case obj.ROI.IsArea():
			items = append(items, number(code("42798000", "SCT", "Area"), code("mm2", "UCUM", "square millimeter"), obj.ROI.Area()*mx*my/1e6))
		case kind == "POLYLINE":
			line := obj.ROI.Map(func(p annotate.Point) annotate.Point { return annotate.Point{X: p.X * mx, Y: p.Y * my} })
			items = append(items, number(code("410668003", "SCT", "Length"), code("mm", "UCUM", "millimeter"), line.Perimeter()/1000))
		}
	}
	d.putItems(content, items...)
	return d
}

func number(name, unit *dataset, v float64) *dataset {
	d := item("CONTAINS", "NUM", name)
	m := newDataset()
	m.putItems(0x004008ea, unit)
	m.put(0x0040a30a, "DS", decimal(v))
	d.putItems(0x0040a300, m)
	return d
}
