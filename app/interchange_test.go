package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
)

const twoRectangles = `{"type":"FeatureCollection","features":[
{"type":"Feature","id":"0190c1e4-7d5c-7000-8000-000000000001","geometry":{"type":"Polygon","coordinates":[[[0,0],[50,0],[50,50],[0,50],[0,0]]]},"properties":{"objectType":"annotation","classification":{"name":"Tumour","color":[200,0,0]}}},
{"type":"Feature","id":"0190c1e4-7d5c-7000-8000-000000000002","geometry":{"type":"Polygon","coordinates":[[[60,30],[110,30],[110,80],[60,80],[60,30]]]},"properties":{"objectType":"annotation","classification":{"name":"New class","color":[0,0,200]}}}]}`

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSession_ImportGeoJSON_IsOneUndoableEdit(t *testing.T) {
	s, slide := newProject(t)
	path := writeFile(t, "two.geojson", twoRectangles)
	classes := len(s.Palette())
	r, err := s.ImportGeoJSON(slide, path)
	if err != nil || r.Objects != 2 || len(r.Classes) != 1 || r.Classes[0] != "New class" {
		t.Fatalf("%+v %v", r, err)
	}
	if c := s.Palette().ByName("New class"); c == nil || s.Current().Set.Counts()[c.ID] != 1 || s.Current().Set.Counts()[class(t, s, "Tumour")] != 1 {
		t.Errorf("classes %v, counts %v", s.Palette(), s.Current().Set.Counts())
	}
	if r, err = s.ImportGeoJSON(slide, path); err != nil || r.Objects != 0 || r.Skipped != 2 {
		t.Errorf("again: %+v %v", r, err)
	}
	if label, err := s.Undo(); err != nil || label != "Import two.geojson" || s.Current().Set.Len() != 0 || len(s.Palette()) != classes {
		t.Errorf("undo %q: %v, %d objects, %d classes", label, err, s.Current().Set.Len(), len(s.Palette()))
	}
	if _, err := s.Redo(); err != nil || s.Current().Set.Len() != 2 || len(s.Palette()) != classes+1 {
		t.Errorf("redo: %v", err)
	}
}

func TestSession_ImportGeoJSON_BrokenFileBringsNothing(t *testing.T) {
	s, slide := newProject(t)
	path := writeFile(t, "cut.geojson", twoRectangles[:len(twoRectangles)-60])
	if r, err := s.ImportGeoJSON(slide, path); err == nil || s.Current().Set.Len() != 0 {
		t.Errorf("%+v %v, %d objects", r, err, s.Current().Set.Len())
	}
}

func TestSession_ExportGeoJSON_RoundTrip(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	queue := s.Queue(slide)
	if err := s.Accept(queue[0].ID); err != nil {
		t.Fatal(err)
	}
	accepted := object(t, s, slide, queue[0].ID)
	path := filepath.Join(t.TempDir(), "labels.geojson")
	n, err := s.ExportGeoJSON(slide, path, LabelsOnly)
	if err != nil || n != 4 {
		t.Fatalf("%d objects: %v", n, err)
	}
	if n, err := s.ExportGeoJSON(slide, path, nil); err != nil || n != 3+len(queue) {
		t.Fatalf("%d objects: %v", n, err)
	}

	// Into another project: the model's word and the person's come along.
	other, id := newProject(t)
	r, err := other.ImportGeoJSON(id, path)
	if err != nil || r.Objects != n+len(queue)-1 || len(r.Classes) != 0 || len(r.Warnings) != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	o := object(t, other, id, accepted.ID)
	if o == nil || o.By.Model != accepted.By.Model || o.By.Score != accepted.By.Score || !o.By.Untrained ||
		o.Review.Decision != annotate.Accepted || o.Review.By != "Ada" || o.ROI.Bounds() != accepted.ROI.Bounds() {
		t.Errorf("came back as %+v", o)
	}
}

func TestSession_ImportGeoJSON_WarnsOfAnotherSlide(t *testing.T) {
	s, slide := newProject(t)
	draw(t, s, "Fat", 1, 1, 9, 9)
	path := filepath.Join(t.TempDir(), "labels.geojson")
	if _, err := s.ExportGeoJSON(slide, path, nil); err != nil {
		t.Fatal(err)
	}
	p := filepath.Join(filepath.Dir(s.Dir()), "other.svs")
	writeSlide(t, p, 9)
	other, err := s.AddSlide(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.ImportGeoJSON(other, path)
	if err != nil || !strings.Contains(strings.Join(r.Warnings, " "), "other bytes") {
		t.Errorf("%+v %v", r, err)
	}
}
