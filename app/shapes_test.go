package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/storage"
)

// area is the area of an object on the test slide.
func area(t *testing.T, s *Session, slide, id annotate.ID) float64 {
	t.Helper()
	return object(t, s, slide, id).ROI.Area()
}

func TestSession_Combine(t *testing.T) {
	s, slide := newProject(t)
	for how, want := range map[Combination]float64{CombineUnion: 175, CombineIntersect: 25, CombineSubtract: 75, CombineXor: 150} {
		a, b := draw(t, s, "Tumour", 10, 10, 20, 20), draw(t, s, "Stroma", 15, 15, 25, 25)
		id, err := s.Combine([]annotate.ID{a, b}, how)
		if err != nil || id != a {
			t.Fatalf("%s: %v", how, err)
		}
		if got := area(t, s, slide, a); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: area %v, want %v", how, got, want)
		}
		set, err := s.Objects(slide)
		if err != nil {
			t.Fatal(err)
		}
		if gone := set.Get(b) == nil; gone != (how != CombineSubtract) {
			t.Errorf("%s: the second is gone: %v", how, gone)
		}
		if _, err := s.Undo(); err != nil { // one edit
			t.Fatal(err)
		}
		if area(t, s, slide, a) != 100 || area(t, s, slide, b) != 100 {
			t.Errorf("%s: undo left something else", how)
		}
		if err := s.Delete([]annotate.ID{a, b}); err != nil {
			t.Fatal(err)
		}
	}
	a := draw(t, s, "Tumour", 10, 10, 20, 20)
	if _, err := s.Combine([]annotate.ID{a}, CombineUnion); !errors.Is(err, ErrTwoAreas) {
		t.Errorf("one alone: %v", err)
	}
	b := draw(t, s, "Tumour", 100, 10, 120, 20)
	if _, err := s.Combine([]annotate.ID{a, b}, CombineIntersect); !errors.Is(err, annotate.ErrNoArea) {
		t.Errorf("nothing in common: %v", err)
	}
	if err := s.SetLocked([]annotate.ID{b}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Combine([]annotate.ID{a, b}, CombineUnion); !errors.Is(err, ErrObjectLocked) {
		t.Errorf("a locked one: %v", err)
	}
}

func TestSession_Paint(t *testing.T) {
	s, slide := newProject(t)
	class := class(t, s, "Tumour")
	id, err := s.Paint(slide, Paint{Area: annotate.Rectangle(10, 10, 50, 50), Class: class})
	if err != nil {
		t.Fatal(err)
	}
	// More of it, then beside it.
	again, err := s.Paint(slide, Paint{Area: annotate.Rectangle(40, 40, 60, 60), Class: class, Targets: []annotate.ID{id}})
	if err != nil || again != id || area(t, s, slide, id) != 1600+400-100 {
		t.Errorf("painted on: %v %v", again == id, err)
	}
	other, err := s.Paint(slide, Paint{Area: annotate.Rectangle(100, 100, 110, 110), Class: class, Targets: []annotate.ID{id}})
	if err != nil || other == id {
		t.Errorf("beside it: %v", err)
	}
	// Away from both, one of them whole.
	if _, err := s.Paint(slide, Paint{Area: annotate.Rectangle(0, 0, 30, 200), Erase: true}); err != nil || area(t, s, slide, id) != 1900-800 {
		t.Errorf("erased: %v, area %v", err, area(t, s, slide, id))
	}
	if _, err := s.Paint(slide, Paint{Area: annotate.Rectangle(90, 90, 120, 120), Erase: true, Targets: []annotate.ID{other}}); err != nil {
		t.Fatal(err)
	}
	set, _ := s.Objects(slide)
	if set.Get(other) != nil {
		t.Error("an object of which nothing is left stays")
	}
	// Beyond the slide it is cut; a ring that closes on itself is filled on request.
	edge, err := s.Paint(slide, Paint{Area: annotate.Rectangle(slideW-10, 300, slideW+50, 320), Class: class})
	if err != nil || area(t, s, slide, edge) != 200 {
		t.Errorf("at the edge: %v", err)
	}
	ring, err := annotate.Stroke([]annotate.Point{{X: 300, Y: 300}, {X: 400, Y: 300}, {X: 400, Y: 400}, {X: 300, Y: 400}, {X: 300, Y: 300}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	full, err := s.Paint(slide, Paint{Area: ring, Class: class, NoHoles: true})
	if err != nil || len(object(t, s, slide, full).ROI.Polygons[0].Holes) != 0 || area(t, s, slide, full) < 14000 {
		t.Errorf("holes stay: %v", err)
	}
}

func TestSession_SplitAndTakeApart(t *testing.T) {
	s, slide := newProject(t)
	a := draw(t, s, "Tumour", 10, 10, 110, 60)
	b := draw(t, s, "Stroma", 200, 10, 300, 60)
	pieces, err := s.Split(slide, nil, []annotate.Point{{X: 0, Y: 30}, {X: 400, Y: 30}})
	if err != nil || len(pieces) != 4 {
		t.Fatalf("%d pieces: %v", len(pieces), err)
	}
	for _, id := range pieces {
		if got := area(t, s, slide, id); got != 2000 && got != 3000 {
			t.Errorf("a piece of %v", got)
		}
	}
	if area(t, s, slide, a) != 3000 || area(t, s, slide, b) != 3000 {
		t.Error("not the larger piece keeps the identity")
	}
	if _, err := s.Split(slide, []annotate.ID{a}, []annotate.Point{{X: 500, Y: 30}, {X: 600, Y: 30}}); !errors.Is(err, ErrNothingCut) {
		t.Errorf("beside it: %v", err)
	}
	whole, err := s.Combine(pieces[:2], CombineUnion)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := s.Combine([]annotate.ID{whole, b}, CombineUnion)
	if err != nil {
		t.Fatal(err)
	}
	if parts, err := s.TakeApart([]annotate.ID{merged}); err != nil || len(parts) != 2 {
		t.Errorf("%d parts: %v", len(parts), err)
	}
	if err := s.ExcludeOthers([]annotate.ID{draw(t, s, "Fat", 0, 0, 400, 100)}); err != nil {
		t.Error(err)
	}
}

func TestSession_ReshapeInMicrons(t *testing.T) {
	s, slide := newProject(t)
	id := draw(t, s, "Tumour", 100, 100, 200, 200)
	d, err := s.Microns(slide, 10)
	if err != nil || d != 10 {
		t.Fatalf("10 µm are %v px: %v", d, err)
	}
	grow := func(r annotate.ROI) (annotate.ROI, error) { return r.Buffered(d) }
	if err := s.Reshape([]annotate.ID{id}, "Grow", grow); err != nil {
		t.Fatal(err)
	}
	if got, want := area(t, s, slide, id), 100*100+4*100*10+math.Pi*100; math.Abs(got-want) > 2 {
		t.Errorf("area %v, want about %v", got, want)
	}
	far := func(r annotate.ROI) (annotate.ROI, error) { return r.Translate(slideW, 0), nil }
	if err := s.Reshape([]annotate.ID{id}, "Move", far); !errors.Is(err, annotate.ErrNoArea) {
		t.Errorf("moved off the slide: %v", err)
	}
	o := object(t, s, slide, id)
	if err := s.MoveAll([]*annotate.Object{o}, []annotate.ROI{o.ROI.Translate(3, 4)}); err != nil {
		t.Error(err)
	}
	// A vertex dragged over an edge: what crosses itself is mended.
	o = object(t, s, slide, id)
	if err := s.Move(o, annotate.Area(annotate.Ring{{X: 10, Y: 10}, {X: 50, Y: 50}, {X: 50, Y: 10}, {X: 10, Y: 50}})); err != nil || len(object(t, s, slide, id).ROI.Polygons) != 2 {
		t.Errorf("a bow tie: %v", err)
	}
}

func TestSession_CopyPaste(t *testing.T) {
	s, slide := newProject(t)
	id := draw(t, s, "Tumour", 100, 100, 150, 130)
	name := "=first"
	if err := s.SetProperties([]annotate.ID{id}, Properties{Name: &name, Meta: map[string]string{"grade": "2"}}); err != nil {
		t.Fatal(err)
	}
	text, err := s.CopyText([]annotate.ID{id})
	if err != nil {
		t.Fatal(err)
	}
	beside, err := s.Paste(slide, text, nil)
	if err != nil || len(beside) != 1 {
		t.Fatalf("%v %v", beside, err)
	}
	o := object(t, s, slide, beside[0])
	if o.ID == id || o.Name != name || o.Meta["grade"] != "2" || o.Class != class(t, s, "Tumour") || o.ROI.Bounds().MinX <= 100 {
		t.Errorf("pasted %+v", o)
	}
	at, err := s.Paste(slide, text, &annotate.Point{X: 0, Y: 0}) // the slide's corner: it stays on the slide
	if err != nil || object(t, s, slide, at[0]).ROI.Bounds() != (annotate.Box{MinX: 0, MinY: 0, MaxX: 50, MaxY: 30}) {
		t.Errorf("pasted at the corner: %v", err)
	}
	if _, err := s.Paste(slide, "hello", nil); !errors.Is(err, ErrNothingToPaste) {
		t.Errorf("words: %v", err)
	}
	// From a slide whose pixels are twice as large.
	double := strings.NewReplacer(`"mppX":1`, `"mppX":2`, `"mppY":1`, `"mppY":2`).Replace(text)
	double = strings.Replace(double, `"fingerprint":"`, `"fingerprint":"x`, 1)
	big, err := s.Paste(slide, double, nil)
	if err != nil || object(t, s, slide, big[0]).ROI.Bounds().Width() != 100 {
		t.Errorf("from another scale: %v %v", err, double)
	}
	copies, err := s.Duplicate([]annotate.ID{id}, 20, 20)
	if err != nil || object(t, s, slide, copies[0]).ROI.Bounds().MinX != 120 {
		t.Errorf("duplicated: %v", err)
	}
	set, _ := s.Objects(slide)
	in := draw(t, s, "Stroma", 110, 105, 112, 107)
	if up := Around(set, set.Get(in)); up == nil || up.ID != id {
		t.Errorf("it lies in %v", up)
	}
}

func TestSession_Classes(t *testing.T) {
	s, _ := newProject(t)
	tumour := *s.Palette().ByName("Tumour")
	id, err := s.SaveClass(annotate.Class{Name: " Invasive ", Key: "1", Parent: tumour.ID, Code: "SCT 108369006"})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Palette()
	if c := p.ByID(id); c == nil || c.Name != "Invasive" || c.Code != "SCT 108369006" || p.ByKey("1").ID != id || p.ByID(tumour.ID).Key != "" {
		t.Errorf("%+v", c)
	}
	if _, err := s.SaveClass(annotate.Class{Name: "Tumour"}); !errors.Is(err, ErrClassName) {
		t.Errorf("a name twice: %v", err)
	}
	up := *s.Palette().ByID(tumour.ID)
	up.Parent = id
	if _, err := s.SaveClass(up); !errors.Is(err, ErrClassParent) {
		t.Errorf("a circle: %v", err)
	}
	up.Parent, up.Retired = annotate.ID{}, true
	if _, err := s.SaveClass(up); err != nil || !s.Palette().ByID(tumour.ID).Retired {
		t.Errorf("retired: %v", err)
	}
	path := filepath.Join(t.TempDir(), "classes.json")
	if err := s.ExportClasses(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	back, err := annotate.ReadClasses(b)
	if err != nil || len(back) != len(s.Palette()) {
		t.Fatalf("%d classes: %v", len(back), err)
	}
	for i, c := range back {
		if !c.Equal(&s.Palette()[i]) {
			t.Errorf("%+v came back as %+v", s.Palette()[i], c)
		}
	}
	if n, err := s.ImportClasses(path); err != nil || n != 0 {
		t.Errorf("imported %d of its own: %v", n, err)
	}
	for _, preset := range annotate.Presets()[1:] {
		if n, err := s.AddClasses(preset.Classes, preset.Title); err != nil || n == 0 {
			t.Errorf("%s: %d %v", preset.ID, n, err)
		}
	}
	if c := s.Palette().ByName("Gleason 4 cribriform"); c == nil || s.Palette().ByID(c.Parent).Name != "Gleason 4" {
		t.Error("a parent of the preset is lost")
	}
}

func TestSession_Measures(t *testing.T) {
	s, slide := newProject(t)
	draw(t, s, "Tumour", 100, 100, 300, 300)
	for i := range 5 {
		if _, err := s.Draw(annotate.PointAt(120+float64(i)*4, 150), class(t, s, "Lymphocytes")); err != nil {
			t.Fatal(err)
		}
	}
	name := "=SUM(A1)"
	id, err := s.DrawMarked(slide, annotate.ROI{Kind: annotate.KindLine, Points: []annotate.Point{{X: 10, Y: 10}, {X: 13, Y: 14}}}, annotate.ID{}, map[string]string{"measure": "ruler"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetProperties([]annotate.ID{id}, Properties{Name: &name}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	n, err := s.WriteMeasures(context.Background(), &b, slide, LabelsOnly)
	if err != nil || n != 7 {
		t.Fatalf("%d lines: %v", n, err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 8 {
		t.Fatal(err)
	}
	col := func(row []string, title string) string {
		for i, h := range rows[0] {
			if h == title {
				return row[i]
			}
		}
		t.Fatalf("no column %s in %v", title, rows[0])
		return ""
	}
	for _, r := range rows[1:] {
		switch col(r, "shape") {
		case "rectangle":
			if col(r, "Area µm²") != "40000" || col(r, "Objects inside") != "5" || col(r, "Density 1/mm²") != "125" || col(r, "Perimeter µm") != "800" {
				t.Errorf("%v", r)
			}
		case "line":
			if col(r, "Length µm") != "5" || col(r, "Area µm²") != "" || col(r, "name") != "'=SUM(A1)" {
				t.Errorf("%v", r)
			}
		}
	}
	spot, err := s.HotSpot(context.Background(), slide, math.Pi*5*5/1e6, nil, nil, nil)
	if err != nil || spot.Count != 3 || math.Abs(spot.ROI.Bounds().Width()-10) > 1e-9 {
		t.Errorf("%+v %v", spot, err)
	}
	if err := s.SetScale(slide, 0.5); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if _, err := s.WriteMeasures(context.Background(), &b, slide, LabelsOnly); err != nil || !strings.Contains(b.String(), "mpp assumed") || !strings.Contains(b.String(), ",10000,") {
		t.Errorf("a scale that a person gave: %v\n%s", err, b.String())
	}
	if w := MeasureScaleOf(SlideItem{Slide: storage.Slide{}}).Words(); !strings.Contains(w, "pixels") {
		t.Errorf("without a scale: %s", w)
	}
}
