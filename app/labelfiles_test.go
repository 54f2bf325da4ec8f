package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/annotate/interchange"
	"coverslip/annotate/interchange/exchange"
)

// TestSession_Labels_EveryFormat exports a slide's labels in every format and
// imports the file: what comes in is one edit, and one undo takes it back.
func TestSession_Labels_EveryFormat(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	item, err := s.Slide(slide)
	if err != nil {
		t.Fatal(err)
	}
	before := s.Current().Set.Len()
	for _, f := range interchange.Formats() {
		path := filepath.Join(t.TempDir(), "out"+f.Extensions[0])
		how := LabelFile{Format: f.Name, Answers: exchange.Answers{"centre": "0,0", "mpp": "0.5", "classes": "a,b,c", "class": "layer"}}
		n, err := s.ExportLabels(t.Context(), slide, path, how)
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		if f.Name == "dicom-seg" || f.Keeps.Attrs&exchange.Identity != 0 {
			how.Answers = nil
		}
		how.Format = "" // the content tells it
		r, err := s.ImportLabels(t.Context(), slide, path, how)
		if err != nil || r.Format != f.Title || r.Objects+r.Skipped < n {
			t.Errorf("%s: %d written, %+v %v", f.Name, n, r, err)
			continue
		}
		if f.Keeps.Attrs&exchange.Identity != 0 && r.Objects != 0 {
			t.Errorf("%s: %d objects came twice", f.Name, r.Objects)
		}
		if r.Objects > 0 {
			if _, err := s.Undo(); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
		if got := s.Current().Set.Len(); got != before {
			t.Fatalf("%s: %d objects after the undo, %d before; slide %s", f.Name, got, before, item.Name)
		}
	}
}

// TestSession_ImportLabels_DamagedBringsNothing: the line is said, nothing is in.
func TestSession_ImportLabels_DamagedBringsNothing(t *testing.T) {
	s, slide := newProject(t)
	path := writeFile(t, "cut.xml", "<ASAP_Annotations><Annotations>\n<Annotation Name=\"a\" Type=\"Dot\"><Coordinates><Coordinate X=\"1\" Y=\"2\"/></Coordinates></Annotation>\n<Annotation")
	_, err := s.ImportLabels(t.Context(), slide, path, LabelFile{})
	p := Explain(err)
	if err == nil || s.Current().Set.Len() != 0 || !strings.Contains(p.Details(), "line 3") || !strings.Contains(p.Hint, "Nothing was imported") {
		t.Errorf("%v\n%+v", err, p)
	}
	_, err = s.ImportLabels(t.Context(), slide, writeFile(t, "notes.xml", "<notes/>"), LabelFile{})
	if !errors.Is(err, interchange.ErrUnknown) {
		t.Error(err)
	}
}

// TestSession_ImportLabels_Asks: what a file does not say is asked, and answered.
func TestSession_ImportLabels_Asks(t *testing.T) {
	s, slide := newProject(t)
	path := writeFile(t, "boxes.txt", "0 0.5 0.5 0.25 0.25\n")
	_, err := s.ImportLabels(t.Context(), slide, path, LabelFile{})
	if q := AsksFor(err); len(q) != 1 || q[0].Key != "classes" {
		t.Fatalf("%v", err)
	}
	r, err := s.ImportLabels(t.Context(), slide, path, LabelFile{Answers: exchange.Answers{"classes": "Tumour"}})
	if err != nil || r.Objects != 1 || s.Current().Set.Counts()[class(t, s, "Tumour")] != 1 {
		t.Errorf("%+v %v", r, err)
	}
	if n, err := s.ExportLabels(t.Context(), slide, filepath.Join(t.TempDir(), "a.nonsense"), LabelFile{}); err == nil || n != 0 {
		t.Errorf("%d %v", n, err)
	}
}

// TestSession_LabelLosses tells before what the file will not hold.
func TestSession_LabelLosses(t *testing.T) {
	s, slide := newProject(t)
	if err := s.Apply(annotate.Add(slide, "Draw", &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: annotate.PointAt(5, 5)})); err != nil {
		t.Fatal(err)
	}
	f, err := LabelFormat("voc", "")
	if err != nil {
		t.Fatal(err)
	}
	losses, err := s.LabelLosses(slide, f, nil)
	if err != nil || len(losses) == 0 || !strings.Contains(losses[0].Text, "left out") {
		t.Errorf("%v %v", losses, err)
	}
	path := filepath.Join(t.TempDir(), "a.voc.xml.gz")
	if n, err := s.ExportLabels(t.Context(), slide, path, LabelFile{Format: "voc"}); err != nil || n != 0 {
		t.Errorf("%d %v", n, err)
	}
	if b, err := os.ReadFile(path); err != nil || len(b) < 2 || b[0] != 0x1f {
		t.Errorf("not packed: %v", err)
	}
}
