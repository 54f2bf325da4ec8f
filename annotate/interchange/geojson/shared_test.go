package geojson

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/annotate"
)

// testdata is the folder of files by other programs; the test is skipped when
// it is not there.
func testdata(t testing.TB, parts ...string) string {
	t.Helper()
	base := os.Getenv("COVERSLIP_TESTDATA")
	if base == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if dir = filepath.Dir(dir); dir == filepath.Dir(dir) {
				t.Fatal("no go.mod above the test")
			}
		}
		base = filepath.Join(dir, "..", "shared")
	}
	path := filepath.Join(append([]string{base, "annotations"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no test files: set COVERSLIP_TESTDATA")
	}
	return path
}

func readFile(t testing.TB, path string, o ReadOptions) *File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := Read(f, o)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return got
}

// TestRead_QuPath_Expected compares with figures computed by shapely.
func TestRead_QuPath_Expected(t *testing.T) {
	raw, err := os.ReadFile(testdata(t, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		N       int
		Types   map[string]int
		Area    *float64 `json:"area_sum"`
		Bounds  []float64
		Classes []string
		Holes   int
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]annotate.Kind{"Point": {annotate.KindPoint}, "MultiPoint": {annotate.KindPoints},
		"LineString": {annotate.KindLine}, "Polygon": {annotate.KindPolygon, annotate.KindRectangle},
		"MultiPolygon": {annotate.KindPolygon}}
	seen := 0
	for name, w := range want {
		if !strings.HasPrefix(name, "qupath/") {
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			f := readFile(t, testdata(t, filepath.FromSlash(name)), ReadOptions{})
			var area float64
			box := annotate.EmptyBox()
			holes, wrong := 0, 0
			for _, o := range f.Objects {
				area += o.ROI.Area()
				box = box.Union(o.ROI.Bounds())
				for _, p := range o.ROI.Polygons {
					holes += len(p.Holes)
				}
				ok := false
				for kind := range w.Types {
					ok = ok || slices.Contains(kinds[kind], o.ROI.Kind)
				}
				if !ok {
					wrong++
				}
			}
			if len(f.Objects) != w.N || wrong != 0 || holes != w.Holes || len(f.Warnings) != 0 {
				t.Errorf("%d objects (want %d), %d of a wrong kind, %d holes (want %d), warnings %v",
					len(f.Objects), w.N, wrong, holes, w.Holes, f.Warnings)
			}
			if math.Abs(area-*w.Area) > 1e-4*max(1, *w.Area*1e-9) {
				t.Errorf("area %.4f, want %.4f", area, *w.Area)
			}
			if b := [4]float64{box.MinX, box.MinY, box.MaxX, box.MaxY}; !slices.Equal(b[:], w.Bounds) {
				t.Errorf("bounds %v, want %v", b, w.Bounds)
			}
			var classes []string
			for _, c := range f.Classes {
				classes = append(classes, c.Name)
			}
			slices.Sort(classes)
			if !slices.Equal(classes, w.Classes) {
				t.Errorf("classes %v, want %v", classes, w.Classes)
			}
		})
	}
	if seen < 10 {
		t.Errorf("only %d files compared", seen)
	}
}

func TestRead_QuPathEdge(t *testing.T) {
	const uuid = "d0852662-6941-4506-bc90-cbda1c2fa7b0"
	whole := func(f *File) bool {
		return len(f.Objects) == 1 && f.Objects[0].ID.String() == uuid && f.Objects[0].ROI.Area() == 10000 && f.Skipped == 0
	}
	class := func(f *File, name string) bool {
		c := f.Classes.ByName(name)
		return c != nil && f.Objects[0].Class == c.ID && c.Color.A == 255
	}
	meta := func(f *File, key, v string) bool { return f.Objects[0].Meta[key] == v }
	for name, ok := range map[string]func(f *File) bool{
		"01-class-with-color": func(f *File) bool { return whole(f) && class(f, "Tumor") && f.Classes[0].Color.R == 200 },
		"03-class-string":     func(f *File) bool { return whole(f) && class(f, "Tumor: Positive") },
		"05-class-colorRGB-legacy": func(f *File) bool {
			return whole(f) && class(f, "Tumor") && f.Classes[0].Color.R == 200 && f.Classes[0].Color.G == 0
		},
		"07-measure-list-legacy": func(f *File) bool {
			return whole(f) && meta(f, "measure.a", "1.5") && f.Objects[0].Kind == annotate.Detection
		},
		"09-cell-nucleus": func(f *File) bool {
			return whole(f) && class(f, "T") && meta(f, "qupath.objectType", "cell") && strings.Contains(f.Objects[0].Meta["qupath.nucleus"], "[30,30]")
		},
		"11-plane": func(f *File) bool {
			return whole(f) && meta(f, "qupath.plane", `{"c":-1,"z":3,"t":1}`) && f.Objects[0].Locked && f.Objects[0].Name == "n"
		},
		"13-bowtie": func(f *File) bool {
			return len(f.Objects) == 1 && f.Repaired == 1 && len(f.Objects[0].ROI.Polygons) == 2 && math.Abs(f.Objects[0].ROI.Area()-5000) < 1e-9
		},
		"15-hole-outside": func(f *File) bool {
			return whole(f) && f.Repaired == 1 && len(f.Objects[0].ROI.Polygons[0].Holes) == 0
		},
		"17-precision": func(f *File) bool {
			return len(f.Objects) == 1 && f.Objects[0].ROI.Polygons[0].Outer[0] == annotate.Point{X: 0.123456, Y: 0.987654}
		},
		"19-geometrycollection": func(f *File) bool {
			return len(f.Objects) == 2 && f.Objects[0].ROI.Area() == 10000 && f.Objects[1].ROI.Kind == annotate.KindPoint && len(f.Warnings) == 1
		},
		"21-metadata": func(f *File) bool {
			return whole(f) && meta(f, "author", "dr x") && meta(f, "note", "line1\nline2")
		},
		"23-id-not-uuid": func(f *File) bool {
			return len(f.Objects) == 1 && !f.Objects[0].ID.IsZero() && meta(f, "qupath.id", "01JAAA")
		},
		"25-extra-props": func(f *File) bool {
			return whole(f) && meta(f, "myapp:version", "3") && meta(f, "myapp:hash", "abc")
		},
		"27-z-coords":        func(f *File) bool { return len(f.Objects) == 1 && f.Objects[0].ROI.Area() == 5000 },
		"29-class-null":      func(f *File) bool { return whole(f) && f.Objects[0].Class.IsZero() },
		"31-dup-consecutive": func(f *File) bool { return whole(f) && f.Repaired == 0 },
		"33-NaN-bare":        func(f *File) bool { return whole(f) && meta(f, "measure.a", "NaN") },
		"35-99good-1nocolor": func(f *File) bool {
			ids := map[annotate.ID]bool{}
			for _, o := range f.Objects {
				ids[o.ID] = true
			}
			return len(f.Objects) == 100 && len(ids) == 100 && len(f.Classes) == 1 && f.Skipped == 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := readFile(t, testdata(t, "qupath-edge", name+".geojson"), ReadOptions{})
			if !ok(f) {
				t.Errorf("read as %+v\nwarnings %v", f, f.Warnings)
				for _, o := range f.Objects {
					t.Logf("%+v", *o)
				}
			}
		})
	}
}
