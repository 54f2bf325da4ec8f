package interchange

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

// testdata is the folder of files by other programs; the test is skipped when it
// is not there.
func testdata(t testing.TB, name string) string {
	t.Helper()
	base := os.Getenv("COVERSLIP_TESTDATA")
	if base == "" {
		base = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(base, "annotations", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skip("no test files: set COVERSLIP_TESTDATA")
	}
	return path
}

func importFile(t testing.TB, name string, o exchange.ReadOptions) ([]*annotate.Object, exchange.Report, exchange.Format) {
	t.Helper()
	var got []*annotate.Object
	report, f, err := ReadFile(testdata(t, name), "", o, func(o *annotate.Object) error {
		got = append(got, o)
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return got, report, f
}

// TestForeign_Expected reads files that other programs wrote and compares with
// counts, areas and bounds that shapely computed. Self-crossing outlines are
// mended on reading, so areas are compared of those that were whole, and of the
// others in what the file states.
func TestForeign_Expected(t *testing.T) {
	raw, err := os.ReadFile(testdata(t, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		N      int
		Types  map[string]int
		Area   *float64 `json:"area_sum"`
		Bounds []float64
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	formats := map[string]string{"asap": "asap", "imagescope": "imagescope", "cytomine": "cytomine", "qupath": "geojson"}
	seen := map[string]bool{}
	const height = 40000 // of the slide that Cytomine counts y from the lower edge of
	for name, w := range want {
		format, ok := formats[strings.Split(name, "/")[0]]
		if !ok {
			continue
		}
		seen[format] = true
		t.Run(name, func(t *testing.T) {
			got, report, f := importFile(t, name, exchange.ReadOptions{Slide: exchange.Slide{Width: 100000, Height: height}})
			if f.Name != format || len(got) != w.N || report.Skipped != 0 {
				t.Fatalf("read as %s: %d objects (want %d), %d skipped: %v", f.Name, len(got), w.N, report.Skipped, report.Warnings)
			}
			var area float64
			box := annotate.EmptyBox()
			for _, o := range got {
				area += o.ROI.Area()
				box = box.Union(o.ROI.Bounds())
			}
			bounds := []float64{box.MinX, box.MinY, box.MaxX, box.MaxY}
			if format == "cytomine" {
				bounds[1], bounds[3] = height-box.MaxY, height-box.MinY
			}
			// What mending takes off a hand-drawn outline is loops at its seam.
			slack := 1e-9
			if report.Repaired > 0 {
				slack = 2e-3
			}
			if w.Area != nil && math.Abs(area-*w.Area) > max(1e-4, slack**w.Area) {
				t.Errorf("area %.4f, want %.4f (%d mended)", area, *w.Area, report.Repaired)
			}
			for i := range bounds {
				if math.Abs(bounds[i]-w.Bounds[i]) > 1e-6 {
					t.Errorf("bounds %v, want %v", bounds, w.Bounds)
					break
				}
			}
		})
	}
	if len(seen) != len(formats) {
		t.Errorf("only %v were compared", seen)
	}
}

// TestForeign_Others reads the other files of the folder: what is in them is
// known by looking.
func TestForeign_Others(t *testing.T) {
	ndpi := exchange.Slide{Width: 80000, Height: 60000, MPPX: 0.5, MPPY: 0.5, CentreX: 1e6, CentreY: -2e6, HasCentre: true}
	for name, c := range map[string]struct {
		format string
		o      exchange.ReadOptions
		ok     func(os []*annotate.Object, r exchange.Report) bool
	}{
		"histomicsui/sample_annotation.json": {"histomicsui", exchange.ReadOptions{}, func(os []*annotate.Object, _ exchange.Report) bool {
			return len(os) == 2 && os[0].ROI.Kind == annotate.KindRectangle && math.Abs(os[0].ROI.Area()-3780.74*2452.37) < 1e-3 && os[1].ROI.Points[0] == annotate.Point{X: 91462.99, Y: 15738.01}
		}},
		"coco/instances_train.json": {"coco", exchange.ReadOptions{}, func(os []*annotate.Object, r exchange.Report) bool {
			return len(os) == 1 && os[0].ROI.Equal(annotate.Rectangle(2, 2, 5, 3)) && r.Classes[0].Name == "b"
		}},
		// maskApi decodes these run lengths to rows 1 to 4 of column 3.
		"coco/a.json": {"coco", exchange.ReadOptions{}, func(os []*annotate.Object, _ exchange.Report) bool {
			return len(os) == 1 && os[0].ROI.Equal(annotate.Rectangle(3, 1, 4, 5))
		}},
		"constructed/hovernet_wsi.json": {"hovernet", exchange.ReadOptions{Slide: exchange.Slide{MPPX: 0.25}}, func(os []*annotate.Object, r exchange.Report) bool {
			return len(os) == 2 && os[0].Kind == annotate.Detection && os[0].By.Score == 0.93 && r.Classes[0].Name == "type 1" && os[1].ROI.Equal(annotate.Rectangle(2100, 1100, 2112, 1110))
		}},
		"constructed/sedeen_from_roi_to_session.session.xml": {"sedeen", exchange.ReadOptions{}, func(os []*annotate.Object, r exchange.Report) bool {
			return len(os) == 1 && os[0].Name == "Overlay 1" && os[0].ROI.Vertices() == 3 && r.Slide.Width == 46000 && r.Slide.MPPX == 0.499
		}},
		"constructed/ndpa_from_template.ndpa": {"ndpa", exchange.ReadOptions{Slide: ndpi}, func(os []*annotate.Object, r exchange.Report) bool {
			return len(os) == 3 && os[0].ROI.Points[0] == annotate.Point{X: (13077248.-1e6)/500 + 40000, Y: (-1711471.+2e6)/500 + 30000} &&
				os[1].ROI.Kind == annotate.KindRectangle && os[2].ROI.Kind == annotate.KindLine && r.Classes[1].Name == "crop"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, report, f := importFile(t, name, c.o)
			if f.Name != c.format || !c.ok(got, report) {
				t.Errorf("read as %s: %+v", f.Name, report)
				for _, o := range got {
					t.Logf("%+v", *o)
				}
			}
		})
	}
}

// TestForeign_Asked: what a file does not say is asked for, and the answer counts.
func TestForeign_Asked(t *testing.T) {
	_, _, err := ReadFile(testdata(t, "constructed/ndpa_from_template.ndpa"), "", exchange.ReadOptions{Slide: exchange.Slide{Width: 10, Height: 10, MPPX: 1, MPPY: 1}}, nil)
	var ask *exchange.AskError
	if !asAsk(err, &ask) || ask.Questions[0].Key != "centre" {
		t.Errorf("%v", err)
	}
	slide := exchange.Slide{MPPX: 0.5}
	_, _, err = ReadFile(testdata(t, "constructed/hovernet_wsi.json"), "", exchange.ReadOptions{Slide: slide}, nil)
	if !asAsk(err, &ask) || !slices.Equal(ask.Questions[0].Choices, []string{"40×", "slide"}) {
		t.Fatalf("%v", err)
	}
	got, _, _ := importFile(t, "constructed/hovernet_wsi.json", exchange.ReadOptions{Slide: slide, Answers: exchange.Answers{"pixels": "40×"}})
	if !got[1].ROI.Equal(annotate.Rectangle(1050, 550, 1056, 555)) {
		t.Errorf("%+v", got[1].ROI)
	}
}

// TestForeign_Repairs: three of the four outlines of a real ImageScope file cross
// themselves; each is mended and told, with the class that an attribute names.
func TestForeign_Repairs(t *testing.T) {
	got, r, _ := importFile(t, "imagescope/TCGA-EJ-5518-01Z-00-DX1.xml", exchange.ReadOptions{})
	mended := 0
	for _, w := range r.Warnings {
		if strings.Contains(w, "repaired") && strings.HasPrefix(w, "line ") {
			mended++
		}
	}
	if r.Repaired != 3 || mended != 3 || r.Classes[0].Name != "CaP" || r.Slide.MPPX != 0.252 {
		t.Errorf("%d mended, %d told, classes %v, %v", r.Repaired, mended, r.Classes, r.Slide)
	}
	for _, o := range got {
		if err := o.ROI.Validate(); err != nil {
			t.Error(err)
		}
	}
}
