package interchange

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// python runs a script that imports a package, with a file as its argument; the
// test is skipped where the package is not installed.
func python(t *testing.T, needs, script string, data []byte, out any) {
	t.Helper()
	if err := exec.Command("python3", "-c", "import "+needs).Run(); err != nil {
		t.Skipf("python3 with %s is not installed", needs)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd := exec.Command("python3", "-W", "ignore", "-c", "import sys, json\npath = sys.argv[1]\n"+script, path)
	cmd.Stderr = &stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%v: %.300s", err, answer)
	}
}

func format(t *testing.T, name string) exchange.Format {
	t.Helper()
	f, ok := ByName(name)
	if !ok {
		t.Fatal(name)
	}
	return f
}

func keptOf(f exchange.Format, objects []*annotate.Object) (out []*annotate.Object) {
	for _, o := range objects {
		out = append(out, f.Keeps.Kept(o)...)
	}
	return out
}

// TestOracle_Highdicom_ANN has highdicom read our bulk annotations: as many as
// there were, the sum of all coordinates the same.
func TestOracle_Highdicom_ANN(t *testing.T) {
	f := format(t, "dicom-ann")
	objects := randomObjects(60, 8)
	var got struct {
		N    int
		X, Y float64
	}
	python(t, "highdicom", `
import highdicom as hd
a = hd.ann.annread(path)
n, x, y = 0, 0.0, 0.0
for g in a.get_annotation_groups():
    for c in g.get_graphic_data('2D'):
        n += 1
        x += float(c[:, 0].sum()); y += float(c[:, 1].sum())
print(json.dumps(dict(N=n, X=x, Y=y)))`, writeAll(t, f, objects), &got)
	var x, y float64
	n := 0
	for _, o := range keptOf(f, objects) {
		n++
		b := o.ROI.Bounds()
		switch o.ROI.Kind {
		case annotate.KindEllipse: // four ends of axes
			x, y = x+4*b.Center().X, y+4*b.Center().Y
			continue
		case annotate.KindPoint, annotate.KindLine:
			for _, p := range o.ROI.Points {
				x, y = x+p.X, y+p.Y
			}
			continue
		}
		for _, p := range o.ROI.Polygons[0].Outer {
			x, y = x+p.X, y+p.Y
		}
	}
	if got.N != n || math.Abs(got.X-x) > 1e-5 || math.Abs(got.Y-y) > 1e-5 {
		t.Errorf("highdicom reads %+v, written were %d, %f, %f", got, n, x, y)
	}
}

// TestOracle_Highdicom_SEG has highdicom put together the masks of our
// segmentation: as many pixels of each segment.
func TestOracle_Highdicom_SEG(t *testing.T) {
	f := format(t, "dicom-seg")
	p := suiteClasses()
	rois := []annotate.ROI{annotate.Rectangle(100, 200, 400, 900), annotate.Ellipse(1000, 300, 1400, 700), annotate.Area(annotate.Ring{{X: 600, Y: 600}, {X: 900, Y: 650}, {X: 640, Y: 940}})}
	var objects []*annotate.Object
	for i, r := range rois {
		objects = append(objects, &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: r, Class: p[i].ID})
	}
	s := suiteSlide()
	s.Width, s.Height = 1500, 1000
	var data strings.Builder
	if err := Write(&data, f, func(yield func(*annotate.Object) bool) {
		for _, o := range objects {
			if !yield(o) {
				return
			}
		}
	}, exchange.WriteOptions{Classes: p, Slide: s}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Labels []string
		Pixels []int
	}
	python(t, "highdicom", `
import highdicom as hd
s = hd.seg.segread(path)
m = s.get_total_pixel_matrix()
print(json.dumps(dict(Labels=[d.segment_label for d in s.SegmentSequence], Pixels=[int(m[:, :, i].sum()) for i in range(m.shape[2])])))`, []byte(data.String()), &got)
	for i, r := range rois {
		if len(got.Pixels) != len(rois) || got.Pixels[i] != pixelsOf(t, r) || got.Labels[i] != p[i].Name {
			t.Fatalf("highdicom reads %+v; segment %d has %d pixels", got, i, pixelsOf(t, r))
		}
	}
}

// TestOracle_Highdicom_SR has highdicom find the measurement groups of our report,
// their findings and areas.
func TestOracle_Highdicom_SR(t *testing.T) {
	f := format(t, "dicom-sr")
	objects := randomObjects(30, 8)
	var got struct {
		N     int
		Areas float64
		Names []string
	}
	python(t, "highdicom", `
import highdicom as hd
from highdicom.sr import srread
r = srread(path)
n, areas, names = 0, 0.0, []
for g in r.content.get_planar_roi_measurement_groups():
    n += 1
    names.append(g.finding_type.meaning)
    for m in g.get_measurements():
        if m.name.meaning == 'Area':
            areas += float(m.value)
print(json.dumps(dict(N=n, Areas=areas, Names=names)))`, writeAll(t, f, objects), &got)
	areas, n := 0.0, 0
	for _, o := range keptOf(f, objects) {
		n++
		areas += o.ROI.Area() * 0.25 * 0.2525 / 1e6
	}
	if got.N != n || math.Abs(got.Areas-areas) > 1e-6*areas || len(got.Names) != n {
		t.Errorf("highdicom reads %d groups and %f mm², written were %d and %f", got.N, got.Areas, n, areas)
	}
}

// TestOracle_COCO has pycocotools load our file and decode run lengths: pixels of
// every object with a hole, bounds of those without.
func TestOracle_COCO(t *testing.T) {
	f := format(t, "coco")
	objects := randomObjects(60, 8)
	var got []struct {
		Area float64
		Box  [4]float64
	}
	python(t, "pycocotools", `
import io, contextlib
from pycocotools.coco import COCO
from pycocotools import mask
with contextlib.redirect_stdout(io.StringIO()):
    c = COCO(path)
out = []
for a in c.loadAnns(c.getAnnIds()):
    if isinstance(a['segmentation'], dict):
        r = a['segmentation']
        out.append(dict(Area=float(mask.area(r)), Box=[float(v) for v in mask.toBbox(r)]))
print(json.dumps(out))`, writeAll(t, f, objects), &got)
	n := 0
	for _, o := range keptOf(f, objects) {
		holes := false
		for _, p := range o.ROI.Polygons {
			holes = holes || len(p.Holes) > 0
		}
		if !holes {
			continue
		}
		if n >= len(got) || got[n].Area != float64(pixelsOf(t, o.ROI)) && math.Abs(got[n].Area-o.ROI.Area()) > o.ROI.Perimeter() {
			t.Fatalf("object %d: pycocotools decodes %+v, the area is %f", n, got[min(n, len(got)-1)], o.ROI.Area())
		}
		n++
	}
	if n == 0 || n != len(got) {
		t.Errorf("%d objects with holes, %d run lengths", n, len(got))
	}
}

// TestOracle_OMEXML has the OME data model's own reader take our regions.
func TestOracle_OMEXML(t *testing.T) {
	f := format(t, "ome")
	objects := randomObjects(60, 8)
	var got struct{ N, Shapes int }
	python(t, "ome_types", `
import ome_types
o = ome_types.from_xml(open(path, 'rb').read(), validate=False)
print(json.dumps(dict(N=len(o.rois), Shapes=sum(len(r.union) for r in o.rois))))`, writeAll(t, f, objects), &got)
	shapes := 0
	for _, o := range keptOf(f, objects) {
		switch o.ROI.Kind {
		case annotate.KindPoints:
			shapes += len(o.ROI.Points)
		case annotate.KindPolygon:
			shapes += len(o.ROI.Polygons)
		default:
			shapes++
		}
	}
	if got.N != len(keptOf(f, objects)) || got.Shapes != shapes {
		t.Errorf("ome_types reads %+v; written were %d and %d", got, len(objects), shapes)
	}
}
