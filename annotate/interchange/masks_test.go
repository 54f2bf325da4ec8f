package interchange

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// TestMasks_WriteRead writes areas that lie apart from one another as masks and
// reads them again: as many as there were, each with the pixels whose middle it
// holds, holes included.
func TestMasks_WriteRead(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	p := suiteClasses()
	var objects []*annotate.Object
	pixels := map[annotate.ID]int{}
	for i := range 24 {
		x, y := 1000+float64(i%8)*700+r.Float64(), 2000+float64(i/8)*700+r.Float64()
		poly := annotate.Polygon{Outer: star(r, x, y, 180, 300)}
		if i%3 == 0 {
			poly.Holes = []annotate.Ring{star(r, x, y, 40, 90)}
		}
		roi := annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{poly}}
		if i%7 == 1 {
			roi = annotate.Rectangle(x-100.3, y-50.2, x+100.4, y+60)
		}
		if roi.Validate() != nil {
			continue
		}
		c := p[i%len(p)].ID
		objects = append(objects, &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: roi, Class: c})
		b := roi.Bounds()
		err := exchange.Scan(roi.Outline(), int(b.MinY), int(b.MaxY)+1, func(_ int, runs [][2]int) error {
			for _, run := range runs {
				pixels[c] += run[1] - run[0]
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// The pixels of an area differ from it by less than its rim.
		if i%3 != 0 && math.Abs(roi.Area()-float64(pixelsOf(t, roi))) > roi.Perimeter() {
			t.Errorf("%g px² became %d pixels", roi.Area(), pixelsOf(t, roi))
		}
	}
	for _, f := range Formats() {
		if f.Write == nil || f.Keeps.Polygon != exchange.Pixels {
			continue
		}
		got, report := readAll(t, f, writeAll(t, f, objects), exchange.ReadOptions{Classes: p, Slide: suiteSlide()})
		area := map[annotate.ID]float64{}
		for _, o := range got {
			area[o.Class] += o.ROI.Area()
		}
		if len(got) != len(objects) || len(report.Warnings) > 0 {
			t.Errorf("%s: %d objects became %d: %v", f.Name, len(objects), len(got), report.Warnings)
		}
		for c, n := range pixels {
			if area[c] != float64(n) {
				t.Errorf("%s: class %s has %g px², %d pixels were written", f.Name, p.ByID(c).Name, area[c], n)
			}
		}
	}
}

func pixelsOf(t *testing.T, roi annotate.ROI) (n int) {
	t.Helper()
	b := roi.Bounds()
	err := exchange.Scan(roi.Outline(), int(b.MinY), int(b.MaxY)+1, func(_ int, runs [][2]int) error {
		for _, run := range runs {
			n += run[1] - run[0]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMask_Trace: random masks come back from their outline pixel by pixel, and
// every outline is valid, also where pixels touch by their corners.
func TestMask_Trace(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		w, h := 1+r.IntN(12), 1+r.IntN(12)
		m, err := exchange.NewMask(5, 7, w, h)
		if err != nil {
			t.Fatal(err)
		}
		set := 0
		for y := range h {
			for x := range w {
				if r.IntN(3) > 0 {
					m.Set(x, y)
					set++
				}
			}
		}
		ps := m.Trace()
		roi := annotate.ROI{Kind: annotate.KindPolygon, Polygons: ps}
		if set == 0 {
			continue
		}
		if err := roi.Validate(); err != nil {
			t.Fatalf("%v: %v", err, ps)
		}
		if roi.Area() != float64(set) {
			t.Fatalf("%d pixels have an outline of %g", set, roi.Area())
		}
		for y := range h {
			for x := range w {
				if roi.Contains(annotate.Point{X: float64(x) + 5.5, Y: float64(y) + 7.5}) != m.At(x, y) {
					t.Fatalf("pixel %d,%d", x, y)
				}
			}
		}
	}
}

// TestForeign_DICOM reads files that highdicom wrote.
func TestForeign_DICOM(t *testing.T) {
	got, r, f := importFile(t, "dicom/ann_polygon_made_by_highdicom_0.22.dcm", exchange.ReadOptions{})
	if f.Name != "dicom-ann" || len(got) != 20 && len(got) != 5 || r.Classes[0].Name != "nuclei" {
		t.Errorf("%s: %d objects, %v", f.Name, len(got), r.Classes)
	}
	for _, o := range got {
		if o.ROI.Vertices() != 12 {
			t.Errorf("%d vertices", o.ROI.Vertices())
		}
	}
	got, _, f = importFile(t, "dicom/sm_annotations.dcm", exchange.ReadOptions{})
	if f.Name != "dicom-ann" || len(got) == 0 {
		t.Errorf("%s: %d objects", f.Name, len(got))
	}
	for _, name := range []string{"dicom/seg_image_sm_dots_tiled_full.dcm", "dicom/seg_image_sm_numbers.dcm"} {
		got, r, f := importFile(t, name, exchange.ReadOptions{})
		if f.Name != "dicom-seg" || len(got) == 0 || slices.ContainsFunc(got, func(o *annotate.Object) bool { return o.ROI.Validate() != nil }) {
			t.Errorf("%s: %d objects, %v", f.Name, len(got), r)
		}
		t.Log(name, len(got), strings.Join(r.Warnings, "; "))
	}
}
