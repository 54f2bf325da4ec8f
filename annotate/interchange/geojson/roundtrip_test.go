package geojson

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"
)

var moment = time.Date(2026, 5, 6, 7, 8, 9, 123456789, time.UTC)

// samples is one object of every kind, with every field set somewhere.
func samples() []*annotate.Object {
	tumour, stroma := annotate.ClassID("Tumour"), annotate.ClassID("Stroma")
	hole := annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{
		{Outer: annotate.Ring{{X: 0, Y: 0}, {X: 100.25, Y: 0}, {X: 100.01, Y: 100.99}, {X: 0, Y: 90}, {X: -1, Y: 50}},
			Holes: []annotate.Ring{{{X: 10, Y: 10}, {X: 20, Y: 10}, {X: 20, Y: 20}}}},
		{Outer: annotate.Ring{{X: 200, Y: 200}, {X: 300, Y: 200}, {X: 250, Y: 300}}},
	}}
	list := []*annotate.Object{
		{Kind: annotate.Annotation, ROI: hole, Class: tumour, Name: "a <b> & \"c\"\n", Notes: "über", Locked: true,
			By: annotate.Provenance{Author: "Dr A", Method: "manual"}, Meta: map[string]string{"k": "v", "measure.Area": "12.5", "measure.x": "NaN"}},
		{Kind: annotate.Detection, ROI: annotate.Rectangle(5, 6, 7.5, 8.25), Class: stroma,
			By: annotate.Provenance{Author: "Dr A", Model: "vit", ModelHash: "ab12", Untrained: true, Method: "logistic",
				Score: 0.123456789, Margin: 0.1, Why: "near three labels", Nearest: []annotate.ID{annotate.ClassID("x"), annotate.ClassID("y")}, Params: "mpp=0.5"},
			Review: annotate.Review{Decision: annotate.Reclassed, By: "Dr B", At: moment, Was: tumour}},
		{Kind: annotate.Detection, ROI: annotate.Ellipse(10, 20, 40, 30), Review: annotate.Review{Decision: annotate.Rejected, By: "Dr C", At: moment}},
		{Kind: annotate.Annotation, ROI: annotate.PointAt(1.5, 2.75)},
		{Kind: annotate.Annotation, ROI: annotate.ROI{Kind: annotate.KindPoints, Points: []annotate.Point{{X: 1, Y: 2}, {X: 3, Y: 4}}}},
		{Kind: annotate.Annotation, ROI: annotate.ROI{Kind: annotate.KindLine, Points: []annotate.Point{{X: 1, Y: 2}, {X: 3, Y: 4}, {X: 1, Y: 2}}}},
		{Kind: annotate.Detection, ROI: annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 9, Y: 0}, {X: 4, Y: 9}}), Meta: map[string]string{
			"qupath.objectType": "cell", "qupath.nucleus": `{"type":"Point","coordinates":[1,2]}`, "qupath.plane": `{"c":-1,"z":2,"t":0}`}},
	}
	for i, o := range list {
		o.ID = annotate.ClassID(fmt.Sprint(i))
		o.Created, o.Changed = moment, moment.Add(time.Duration(i))
	}
	return list
}

func write(t testing.TB, objects []*annotate.Object, p annotate.Palette) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, objects, p, SlideInfo{Name: "a.svs", Fingerprint: "v1-00", Width: 1000, Height: 800, MPPX: 0.25, MPPY: 0.25}); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) {
		t.Fatalf("no JSON: %s", b.Bytes())
	}
	return b.Bytes()
}

func TestWrite_RoundTrip_KeepsEverything(t *testing.T) {
	want, palette := samples(), annotate.DefaultPalette()
	data := write(t, want, palette)
	f, err := Read(bytes.NewReader(data), ReadOptions{Classes: palette})
	if err != nil || len(f.Warnings) != 0 {
		t.Fatal(err, f.Warnings)
	}
	if f.Slide != (SlideInfo{"a.svs", "v1-00", 1000, 800, 0.25, 0.25}) {
		t.Error("slide", f.Slide)
	}
	byID := map[annotate.ID]*annotate.Object{}
	for _, o := range f.Objects {
		byID[o.ID] = o
	}
	for _, w := range want {
		if got := byID[w.ID]; got == nil || !got.Equal(w) {
			t.Errorf("got  %+v\nwant %+v", got, w)
		}
	}
	slices.Reverse(want)
	if again := write(t, want, palette); !bytes.Equal(again, data) {
		t.Error("another order of the objects gives another file")
	}
	if again := write(t, f.Objects, palette); !bytes.Equal(again, data) {
		t.Error("what was read is written otherwise")
	}
}

// TestWrite_QuPathRules holds what QuPath's reader needs.
func TestWrite_QuPathRules(t *testing.T) {
	data := write(t, samples(), annotate.DefaultPalette())
	var c struct {
		Type     string
		Features []struct {
			Type, ID   string
			Geometry   struct{ Type string }
			Properties struct {
				ObjectType     string
				Classification *struct {
					Name  string
					Color []int
				}
				Metadata map[string]any
			}
		}
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if c.Type != "FeatureCollection" || len(c.Features) != len(samples()) {
		t.Fatalf("%q with %d features", c.Type, len(c.Features))
	}
	types := map[string]bool{}
	for _, f := range c.Features {
		if _, err := annotate.ParseID(f.ID); err != nil || f.Type != "Feature" {
			t.Error(f.ID, f.Type)
		}
		types[f.Properties.ObjectType] = true
		if k := f.Properties.Classification; k != nil && (k.Name == "" || len(k.Color) != 3) {
			t.Error("classification", k)
		}
		for key, v := range f.Properties.Metadata {
			if _, ok := v.(string); !ok {
				t.Errorf("metadata %s is no string", key)
			}
		}
	}
	if !types["annotation"] || !types["detection"] || !types["cell"] {
		t.Error("object types", types)
	}
}

// TestWrite_HardShapes writes shapes that rounding would break and reads them
// again: everything in the file must be valid without repair.
func TestWrite_HardShapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ring := func(x, y, r float64, n int) annotate.Ring {
		var out annotate.Ring
		for i := range n {
			s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
			k := r * (0.2 + rng.Float64())
			out = append(out, annotate.Point{X: x + k*c, Y: y + k*s})
		}
		return out
	}
	shapes := []annotate.ROI{
		annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 0.004, Y: 0}, {X: 0, Y: 0.004}}),                     // below a hundredth
		annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 100, Y: 0.001}, {X: 200, Y: 0}, {X: 100, Y: 0.004}}), // a needle
		annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 100, Y: 100}, {X: 100, Y: 0}, {X: 0, Y: 100}}),       // a bow-tie
		annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 10, Y: 0}, {X: 10, Y: 10}, {X: 5.001, Y: 10}, {X: 5.001, Y: 3}, {X: 4.999, Y: 3}, {X: 4.999, Y: 10}, {X: 0, Y: 10}}),
		annotate.Rectangle(1.0001, 1.0001, 1.0002, 1.0002),
		annotate.Ellipse(3, 3, 3.002, 3.001),
	}
	for range 200 {
		x, y := rng.Float64()*1e5, rng.Float64()*1e5
		shapes = append(shapes, annotate.Area(ring(x, y, math.Exp(rng.Float64()*12-5), 3+rng.IntN(60))))
	}
	var list []*annotate.Object
	for _, s := range shapes {
		list = append(list, &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: s})
	}
	data := write(t, list, nil)
	t.Run("shapely", func(t *testing.T) { validForShapely(t, data, len(list)) })
	f, err := Read(bytes.NewReader(data), ReadOptions{})
	if err != nil || f.Skipped != 0 || f.Repaired != 0 || len(f.Objects) != len(list) {
		t.Fatal(err, f.Skipped, f.Repaired, len(f.Objects), f.Warnings)
	}
	for i, o := range f.Objects {
		if i == 2 {
			continue // the bow-tie was mended
		}
		if got, want := o.ROI.Area(), list[i].ROI.Area(); math.Abs(got-want) > 0.011*list[i].ROI.Perimeter() {
			t.Errorf("shape %d: area %g, want %g", i, got, want)
		}
	}
}

// validForShapely asks GEOS, whose rules are those of the JTS in QuPath.
func validForShapely(t *testing.T, data []byte, n int) {
	t.Helper()
	if err := exec.Command("python3", "-c", "import shapely").Run(); err != nil {
		t.Skip("python3 with shapely is not installed")
	}
	cmd := exec.Command("python3", "-c", `
import sys, json
from shapely.geometry import shape
features = json.load(sys.stdin)["features"]
bad = [f["id"] for f in features if not shape(f["geometry"]).is_valid or shape(f["geometry"]).is_empty]
print(len(features), *bad)`)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(n) {
		t.Errorf("of %d features, shapely says: %v %s", n, err, out)
	}
}

func TestWrite_UnknownClass(t *testing.T) {
	o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: annotate.PointAt(1, 2), Class: annotate.NewID()}
	if err := Write(&bytes.Buffer{}, []*annotate.Object{o}, annotate.DefaultPalette(), SlideInfo{}); err == nil {
		t.Error("an object of an unknown class was written")
	}
}

const oneSquare = `{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]]]},"properties":{}}`

func TestRead_Forms(t *testing.T) {
	geometry := `{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10]]]}`
	for name, in := range map[string]string{
		"collection":      `{"type":"FeatureCollection","features":[` + oneSquare + `]}`,
		"type last":       `{"features":[` + oneSquare + `],"type":"FeatureCollection"}`,
		"array":           `[` + oneSquare + `]`,
		"feature":         oneSquare,
		"bare geometry":   geometry,
		"geometries":      `[` + geometry + `]`,
		"byte order mark": "\xef\xbb\xbf" + oneSquare,
		"infinity":        `{"type":"Feature","geometry":` + geometry + `,"properties":{"measurements":{"a":-Infinity,"b":Infinity,"c":NaN,"NaN d":"NaN \\\" NaN"}}}`,
	} {
		f, err := Read(strings.NewReader(in), ReadOptions{})
		if err != nil || len(f.Objects) != 1 || f.Objects[0].ROI.Area() != 100 {
			t.Errorf("%s: %v %+v", name, err, f)
		}
	}
	f, err := Read(strings.NewReader(oneSquare+"\n"+oneSquare+"\n"), ReadOptions{})
	if err != nil || len(f.Objects) != 2 {
		t.Errorf("a feature a line: %v %+v", err, f)
	}
	child := strings.Replace(oneSquare, `"properties":{}`, `"properties":{"childObjects":[`+oneSquare+`]}`, 1)
	if f, err := Read(strings.NewReader(child), ReadOptions{}); err != nil || len(f.Objects) != 2 {
		t.Errorf("child objects: %v %+v", err, f)
	}
}

func TestRead_BadFeatures_CostNoOthers(t *testing.T) {
	bad := []string{
		`null`, `17`, `"x"`, `[]`, `{}`,
		`{"type":"Feature","geometry":null}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[0,0],[1,1],[2,0]]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[NaN,1],[2,0]]]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],["1",1],[2,0]]]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1e999,1],[2,0]]]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1e300,1],[2,0]]]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0],[1,1],[2,0]]]}}`,
		`{"type":"Feature","geometry":{"type":"Polygon","coordinates":{"a":1}}}`,
		`{"type":"Feature","geometry":{"type":"Circle","coordinates":[1,2]}}`,
		`{"type":"Feature","geometry":{"type":"Point","coordinates":[[[[[[1,2]]]]]]}}`,
		`{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":7}`,
	}
	for _, b := range bad {
		in := `{"type":"FeatureCollection","features":[` + oneSquare + `,` + b + `,` + oneSquare + `]}`
		f, err := Read(strings.NewReader(in), ReadOptions{})
		if err != nil || len(f.Objects) != 2 || f.Skipped != 1 || len(f.Warnings) != 1 || f.Warnings[0].Feature != 1 {
			t.Errorf("%s: %v %+v", b, err, f)
		}
	}
}

func TestRead_BadFiles(t *testing.T) {
	gz := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(s))
		z.Close()
		return b.String()
	}
	bomb := gz(`[` + oneSquare + strings.Repeat(" ", 20<<20) + `]`)
	small := ReadOptions{MaxBytes: 1000, MaxFeature: 400, MaxFeatures: 3, MaxVertices: 12}
	for name, c := range map[string]struct {
		in      string
		o       ReadOptions
		objects int
	}{
		"empty":             {"", ReadOptions{}, 0},
		"blank":             {"  \n", ReadOptions{}, 0},
		"text":              {"Hello", ReadOptions{}, 0},
		"a number":          {"17", ReadOptions{}, 0},
		"other JSON":        {`{"a":1}`, ReadOptions{}, 0},
		"features no list":  {`{"features":7}`, ReadOptions{}, 0},
		"XML":               {"<?xml version='1.0'?><a/>", ReadOptions{}, 0},
		"UTF-16":            {"\xff\xfe{\x00", ReadOptions{}, 0},
		"zip":               {"PK\x03\x04....", ReadOptions{}, 0},
		"cut":               {`{"type":"FeatureCollection","features":[` + oneSquare + `,{"type":"Fea`, ReadOptions{}, 1},
		"damaged":           {`[` + oneSquare + `,}]`, ReadOptions{}, 1},
		"damaged gzip":      {gz(oneSquare)[:30], ReadOptions{}, 0},
		"gzip bomb":         {bomb, ReadOptions{}, 1},
		"too long":          {`[` + oneSquare + strings.Repeat(" ", 2000) + `]`, small, 1},
		"long feature":      {`[` + oneSquare + `,"` + strings.Repeat("x", 700) + `"]`, small, 1},
		"too many features": {`[` + oneSquare + `,1,2,3,4]`, small, 1},
		"too many vertices": {`[` + oneSquare + `,` + oneSquare + `,` + oneSquare + `]`, small, 2},
		"deep":              {strings.Repeat("[", 200000), ReadOptions{}, 0},
		"deep object":       {strings.Repeat(`{"a":`, 200000), ReadOptions{}, 0},
	} {
		f, err := Read(strings.NewReader(c.in), c.o)
		var format *FormatError
		if !errors.As(err, &format) || f == nil || len(f.Objects) != c.objects {
			t.Errorf("%s: error %v, file %+v", name, err, f)
		}
	}
	if f, err := Read(strings.NewReader(gz(oneSquare)), ReadOptions{}); err != nil || len(f.Objects) != 1 {
		t.Error("gzip:", err, f)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(oneSquare))
	f.Add([]byte(`[` + oneSquare + `,{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[9,9],[9,0],[0,9]]]}}]`))
	f.Add([]byte(`{"features":[{"type":"Feature","id":"x","geometry":{"type":"MultiLineString","coordinates":[[[0,0],[1,1]]]},"properties":{"measurements":{"a":NaN},"classification":"A","metadata":{"coverslip.score":"2"}}}]}`))
	f.Add([]byte("\x1f\x8b\x08"))
	var b bytes.Buffer
	if err := Write(&b, samples(), annotate.DefaultPalette(), SlideInfo{}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	small := ReadOptions{MaxBytes: 1 << 20, MaxFeature: 1 << 18, MaxFeatures: 100, MaxVertices: 500}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(bytes.NewReader(data), small)
		if got == nil {
			t.Fatal("no file", err)
		}
		seen := map[annotate.ID]bool{}
		for _, o := range got.Objects {
			if err := o.ROI.Validate(); err != nil || o.ID.IsZero() || seen[o.ID] {
				t.Fatal(err, o)
			}
			seen[o.ID] = true
		}
		// What was read can be written, and is then read without a word.
		var b bytes.Buffer
		if err := Write(&b, got.Objects, got.Classes, SlideInfo{}); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&b, ReadOptions{})
		if err != nil || len(again.Objects) != len(got.Objects) || again.Skipped+again.Repaired != 0 {
			t.Fatal(err, again)
		}
	})
}

func benchFile(b *testing.B) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var list []*annotate.Object
	for range 10000 {
		x, y := math.Floor(rng.Float64()*1e5), math.Floor(rng.Float64()*1e5)
		list = append(list, &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection,
			ROI: annotate.Area(annotate.EllipseRing(annotate.Box{MinX: x, MinY: y, MaxX: x + 30, MaxY: y + 20}, 0.005))})
	}
	return write(b, list, nil)
}

func BenchmarkRead_10k(b *testing.B) {
	data := benchFile(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(data), ReadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite_10k(b *testing.B) {
	f, err := Read(bytes.NewReader(benchFile(b)), ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(&bytes.Buffer{}, f.Objects, nil, SlideInfo{}); err != nil {
			b.Fatal(err)
		}
	}
}
