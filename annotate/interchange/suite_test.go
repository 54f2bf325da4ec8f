package interchange

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// suiteSlide has what every format may need.
func suiteSlide() exchange.Slide {
	return exchange.Slide{Name: "A12.svs", Fingerprint: "v1-00", Width: 60000, Height: 50000, MPPX: 0.25, MPPY: 0.2525,
		CentreX: 1234567, CentreY: -765432, HasCentre: true,
		DICOM: exchange.DICOMImage{StudyUID: "1.2.3.1", SeriesUID: "1.2.3.2", FrameUID: "1.2.3.3", ClassUID: "1.2.840.10008.5.1.4.1.1.77.1.6", InstanceUID: "1.2.3.4", PatientID: "P1", ContainerID: "C1"}}
}

func suiteClasses() annotate.Palette {
	p := annotate.DefaultPalette()[:4]
	return append(p, annotate.Class{ID: annotate.ClassID("Ki-67: <+> & \"μ\""), Name: "Ki-67: <+> & \"μ\"", Color: color.NRGBA{R: 1, G: 254, B: 77, A: 255}})
}

func rnd(r *rand.Rand, lo, hi float64) float64 {
	v := lo + r.Float64()*(hi-lo)
	switch r.IntN(4) {
	case 0:
		return math.Round(v)
	case 1:
		return math.Round(v*100) / 100
	}
	return v
}

// star is a ring around a place between two radii.
func star(r *rand.Rand, x, y, inner, outer float64) annotate.Ring {
	n := 5 + r.IntN(9)
	ring := make(annotate.Ring, n)
	for i := range ring {
		a := (float64(i) + 0.6*r.Float64()) * 2 * math.Pi / float64(n)
		d := inner + (outer-inner)*r.Float64()
		ring[i] = annotate.Point{X: x + d*math.Cos(a), Y: y + d*math.Sin(a)}
	}
	return ring
}

func randomROI(r *rand.Rand) annotate.ROI {
	x, y, size := rnd(r, 5000, 55000), rnd(r, 5000, 45000), rnd(r, 30, 2000)
	switch r.IntN(8) {
	case 0:
		return annotate.PointAt(x, y)
	case 1:
		var ps []annotate.Point
		for range 2 + r.IntN(5) {
			ps = append(ps, annotate.Point{X: x + rnd(r, -size, size), Y: y + rnd(r, -size, size)})
		}
		return exchange.PointsOf(ps)
	case 2:
		var ps []annotate.Point
		for i := range 2 + r.IntN(6) {
			ps = append(ps, annotate.Point{X: x + float64(i)*10, Y: y + rnd(r, -size, size)})
		}
		return exchange.LineOf(ps)
	case 3:
		return annotate.Rectangle(x, y, x+size, y+rnd(r, 20, 900))
	case 4:
		return annotate.Ellipse(x, y, x+size, y+rnd(r, 20, 900))
	case 5: // with holes
		p := annotate.Polygon{Outer: star(r, x, y, size*0.7, size)}
		for _, d := range []float64{-0.25, 0.25}[:1+r.IntN(2)] {
			p.Holes = append(p.Holes, star(r, x+d*size, y, size*0.05, size*0.2))
		}
		return annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{p}}
	case 6: // several parts, one of them in the hole of another
		ps := []annotate.Polygon{{Outer: star(r, x, y, size*0.7, size), Holes: []annotate.Ring{star(r, x, y, size*0.3, size*0.4)}},
			{Outer: star(r, x, y, size*0.1, size*0.2)}}
		for i := range 1 + r.IntN(2) {
			ps = append(ps, annotate.Polygon{Outer: star(r, x+float64(i+1)*2.5*size, y, size*0.5, size)})
		}
		return annotate.ROI{Kind: annotate.KindPolygon, Polygons: ps}
	}
	return annotate.Area(star(r, x, y, size*0.4, size))
}

// randomObjects are valid objects with every attribute set on some.
func randomObjects(n int, seed uint64) []*annotate.Object {
	r := rand.New(rand.NewPCG(seed, 9))
	p := suiteClasses()
	var out []*annotate.Object
	for len(out) < n {
		roi := randomROI(r)
		if roi.Validate() != nil {
			continue
		}
		at := time.Date(2026, 5, 6, 7, 8, 9, r.IntN(1e9), time.UTC)
		o := &annotate.Object{ID: annotate.ClassID(fmt.Sprint("suite", seed, len(out))), Kind: annotate.Annotation, ROI: roi, Created: at, Changed: at.Add(time.Second),
			By: annotate.Provenance{Author: "Dr A", Method: "manual"}}
		if r.IntN(5) > 0 {
			o.Class = p[r.IntN(len(p))].ID
		}
		if r.IntN(2) == 0 {
			o.Name = []string{"a <b> & \"c\", d; 'e'", "über µ", "=1+1", "gland 7"}[r.IntN(4)]
		}
		if r.IntN(4) == 0 {
			o.Notes, o.Locked, o.Meta = "line 1\nline 2", true, map[string]string{"k": "v"}
		}
		if r.IntN(4) == 0 {
			o.Kind, o.By.Score, o.By.Model, o.By.Margin = annotate.Detection, float64(1+r.IntN(99))/100, "vit", 0.25
			o.Review = annotate.Review{Decision: annotate.Accepted, By: "Dr B", At: at}
		}
		out = append(out, o)
	}
	return out
}

func writeAll(t testing.TB, f exchange.Format, objects []*annotate.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f, slices.Values(objects), exchange.WriteOptions{Classes: suiteClasses(), Slide: suiteSlide()}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readAll(t testing.TB, f exchange.Format, data []byte, o exchange.ReadOptions) ([]*annotate.Object, exchange.Report) {
	t.Helper()
	var got []*annotate.Object
	report, _, err := Read(bytes.NewReader(data), "A12"+f.Extensions[0], f.Name, o, func(o *annotate.Object) error {
		got = append(got, o)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return got, report
}

// suiteSize is the number of random objects a format is tried with: 10,000 when
// COVERSLIP_LONG is set, and in the figures of docs/interchange.md.
func suiteSize() int {
	if os.Getenv("COVERSLIP_LONG") != "" {
		return 10_000
	}
	return 160
}

// far is how far two shapes of the same make lie apart, level-0 pixels; infinite
// when they are not of the same make.
func far(a, b annotate.ROI) float64 {
	if a.Kind != b.Kind || len(a.Points) != len(b.Points) || len(a.Polygons) != len(b.Polygons) {
		return math.Inf(1)
	}
	d := 0.0
	each := func(p, q []annotate.Point) {
		if len(p) != len(q) {
			d = math.Inf(1)
			return
		}
		for i := range p {
			d = max(d, math.Abs(p[i].X-q[i].X), math.Abs(p[i].Y-q[i].Y))
		}
	}
	each(a.Points, b.Points)
	for i := range a.Polygons {
		each(a.Polygons[i].Outer, b.Polygons[i].Outer)
		if len(a.Polygons[i].Holes) != len(b.Polygons[i].Holes) {
			return math.Inf(1)
		}
		for k := range a.Polygons[i].Holes {
			each(a.Polygons[i].Holes[k], b.Polygons[i].Holes[k])
		}
	}
	return d
}

// middle orders objects of formats that do not keep the order.
func middle(o *annotate.Object) string {
	c := o.ROI.Bounds()
	return fmt.Sprintf("%d %012.1f %012.1f %012.1f %d", o.ROI.Kind, c.MinX+1e6, c.MinY+1e6, c.MaxX, o.ROI.Vertices())
}

// plain is an object as the suite compares it: class by name, times out of what
// the format does not keep, no identifier where it keeps none.
func plain(k *exchange.Keeps, o *annotate.Object) *annotate.Object {
	c := k.Forget(o)
	c.ROI = annotate.ROI{}
	return c
}

// TestFormats_WriteRead writes random objects in every format and reads them
// again: what comes back is what the format says it keeps, to the position.
func TestFormats_WriteRead(t *testing.T) {
	for _, f := range Formats() {
		if f.Write == nil || f.Keeps.Polygon == exchange.Pixels {
			continue // masks have a suite of their own
		}
		t.Run(f.Name, func(t *testing.T) {
			objects := randomObjects(suiteSize(), 1)
			var want []*annotate.Object
			for _, o := range objects {
				want = append(want, f.Keeps.Kept(o)...)
			}
			data := writeAll(t, f, objects)
			got, report := readAll(t, f, data, exchange.ReadOptions{Classes: suiteClasses(), Slide: suiteSlide(), Answers: suiteAnswers(f.Name)})
			if len(got) != len(want) || report.Skipped > 0 || report.Repaired > 0 {
				t.Fatalf("%d objects written, %d read, %d skipped, %d repaired: %v", len(want), len(got), report.Skipped, report.Repaired, report.Warnings[:min(3, len(report.Warnings))])
			}
			compare(t, &f.Keeps, want, got)
		})
	}
}

func compare(t *testing.T, k *exchange.Keeps, want, got []*annotate.Object) {
	t.Helper()
	sorted := func(os []*annotate.Object) []*annotate.Object {
		if k.GridN > 0 {
			return os // rounded, so no key to sort by; the format keeps the order
		}
		os = slices.Clone(os)
		slices.SortStableFunc(os, func(a, b *annotate.Object) int {
			if k.Attrs&exchange.Identity != 0 {
				return bytes.Compare(a.ID[:], b.ID[:])
			}
			return strings.Compare(middle(a), middle(b))
		})
		return os
	}
	want, got = sorted(want), sorted(got)
	near := max(k.Near, k.Grid*0) // what Kept rounded is exact
	worst, bad := 0.0, 0
	for i := range want {
		d := far(want[i].ROI, got[i].ROI)
		worst = max(worst, d)
		w, g := plain(k, want[i]), plain(k, got[i])
		if d > near || !w.Equal(g) {
			if bad++; bad <= 3 {
				t.Errorf("object %d: %g px apart (at most %g)\nwant %+v\n     %+v\ngot  %+v\n     %+v", i, d, near, want[i].ROI, *w, got[i].ROI, *g)
			}
		}
	}
	if bad > 3 {
		t.Errorf("%d of %d differ", bad, len(want))
	}
	t.Logf("%d objects, at most %g px apart", len(want), worst)
}

// suiteAnswers are what a person would say of the suite's own files.
func suiteAnswers(format string) exchange.Answers {
	if !strings.HasPrefix(format, "yolo") {
		return nil
	}
	var names []string
	for _, c := range suiteClasses() {
		names = append(names, c.Name)
	}
	return exchange.Answers{"classes": strings.Join(names, ",")}
}

// TestFormats_Described holds what a dialog needs, and that names are one word
// and differ.
func TestFormats_Described(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Formats() {
		if seen[f.Name] || f.Name == "" || strings.ContainsAny(f.Name, " .") || f.Title == "" || f.Line == "" || len(f.Extensions) == 0 || f.Read == nil && f.Write == nil {
			t.Errorf("format %+v", f)
		}
		seen[f.Name] = true
		for _, e := range f.Extensions {
			if !strings.HasPrefix(e, ".") || e != strings.ToLower(e) {
				t.Errorf("%s: extension %q", f.Name, e)
			}
		}
	}
}

// TestFormats_Detected has every format recognise its own files, by content
// alone where another format has the same ending.
func TestFormats_Detected(t *testing.T) {
	for _, f := range Formats() {
		if f.Write == nil || f.Read == nil {
			continue
		}
		data := writeAll(t, f, randomObjects(4, 3))
		got, err := Detect(exchange.Head{Name: "A12" + f.Extensions[0], Bytes: data[:min(len(data), 64<<10)]})
		if err != nil || got.Name != f.Name {
			t.Errorf("%s was taken for %q (%v)", f.Name, got.Name, err)
		}
	}
}

// TestFormats_Truncated cuts files at many places: a cut file imports nothing
// and says where it broke.
func TestFormats_Truncated(t *testing.T) {
	for _, f := range Formats() {
		if f.Write == nil || f.Read == nil || f.Name == "csv" || strings.HasPrefix(f.Name, "yolo") {
			continue // a table that ends early is a shorter table
		}
		data := writeAll(t, f, randomObjects(4, 4))
		whole := len(bytes.TrimRight(data, " \r\n"))
		for i := range 40 {
			cut := whole * i / 40
			_, _, err := Read(bytes.NewReader(data[:cut]), "x"+f.Extensions[0], f.Name, exchange.ReadOptions{Slide: suiteSlide(), Answers: suiteAnswers(f.Name)}, func(*annotate.Object) error { return nil })
			var broken *exchange.FormatError
			if !errors.As(err, &broken) {
				t.Errorf("%s cut at %d of %d: %v", f.Name, cut, whole, err)
				break
			}
			if cut > 0 && broken.Line == 0 && broken.Offset < 0 {
				t.Errorf("%s cut at %d: %v does not say where", f.Name, cut, err)
				break
			}
		}
	}
}

// TestFormats_Losses holds the losses told before writing to what writing loses.
func TestFormats_Losses(t *testing.T) {
	hole := annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{{Outer: annotate.Ring{{X: 0, Y: 0}, {X: 90, Y: 0}, {X: 90, Y: 80}, {X: 0, Y: 90}},
		Holes: []annotate.Ring{{{X: 10, Y: 10}, {X: 20, Y: 10}, {X: 20, Y: 20}}}}}}
	for _, f := range Formats() {
		if f.Write == nil {
			continue
		}
		o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: hole}
		told := false
		for _, l := range Losses(f, slices.Values([]*annotate.Object{o})) {
			told = told || strings.Contains(l.Text, " hole") && l.Count > 0 || l.Count > 0 && (strings.Contains(l.Text, "middle") || strings.Contains(l.Text, "box") || strings.Contains(l.Text, "left out"))
		}
		kept := f.Keeps.Kept(o)
		lost := len(kept) != 1 || len(kept[0].ROI.Polygons) != 1 || len(kept[0].ROI.Polygons[0].Holes) != 1
		if lost != told {
			t.Errorf("%s: a hole is lost: %v, told: %v (%v)", f.Name, lost, told, strconv.Itoa(len(kept)))
		}
	}
}
