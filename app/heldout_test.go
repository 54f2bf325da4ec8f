package app

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"coverslip/annotate/agreement"
	"coverslip/models/modeltest"
)

// labelledProject is a project of n slides with labels of all bands, two slides
// a patient.
func labelledProject(t testing.TB, n int) *Session {
	t.Helper()
	dir := t.TempDir()
	s, err := CreateProject(filepath.Join(dir, "test.coverslip"), "Test", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, s) })
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("slide%d.svs", i))
		writeSlide(t, path, uint64(i+1))
		id, err := s.AddSlide(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		item, err := s.Slide(id)
		if err != nil {
			t.Fatal(err)
		}
		item.Patient = fmt.Sprintf("P%d", i/2)
		item.Notes = fmt.Sprintf("seen by nobody\nStain: H&E\nsite: Town %d", i%2)
		if err := s.project.UpdateSlide(item.Slide, s.stamp()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenSlide(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		label(t, s)
	}
	return s
}

func TestSession_EvaluateHeldOut_SplitByPatient(t *testing.T) {
	s := labelledProject(t, 4)
	o := HeldOutOptions{SuggestOptions: SuggestOptions{Encoder: modeltest.New()}, Seed: 4, Resamples: 200}
	h, err := s.EvaluateHeldOut(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h.Slides != 4 || h.Patients != 2 || h.Folds != 2 || h.Labels != 12 || h.Cases != 48 || h.Unjudged != 0 || len(h.Classes) != 3 || !h.Untrained {
		t.Errorf("%+v", h)
	}
	total := 0.0
	for _, row := range h.Confusion {
		for _, n := range row {
			total += n
		}
	}
	if total != float64(h.Cases) {
		t.Errorf("the confusion matrix holds %g of %d cases", total, h.Cases)
	}
	figures := map[string]agreement.Estimate{}
	for _, f := range h.Figures {
		figures[f.Name+f.Class] = f.Estimate
	}
	// The bands have colours of their own: the probe tells them apart.
	if e := figures["balanced accuracy"]; !(e.Value > 0.9) || !(e.Low <= e.Value && e.Value <= e.High) || e.Groups != 2 {
		t.Errorf("balanced accuracy %+v", e)
	}
	groups := map[string]int{}
	for _, g := range h.Groups {
		groups[g.By]++
		if g.By == "site" && g.Cases != 24 || g.By == "stain" && g.Name != "H&E" {
			t.Errorf("%+v", g)
		}
	}
	if groups["slide"] != 4 || groups["site"] != 2 || groups["stain"] != 1 || groups["scanner"] != 1 {
		t.Errorf("groups %v", groups)
	}
	if len(h.Curve) < 2 || h.Curve[len(h.Curve)-1].Labels != 6 {
		t.Errorf("learning curve %+v", h.Curve)
	}
	again, err := s.EvaluateHeldOut(t.Context(), o, nil)
	if err != nil || fmt.Sprint(again.Figures) != fmt.Sprint(h.Figures) || fmt.Sprint(again.Curve) != fmt.Sprint(h.Curve) {
		t.Errorf("the same seed gives other figures: %v", err)
	}
	var b bytes.Buffer
	if err := h.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) < 40 || rows[2][0] != "balanced accuracy" || rows[2][4] == "" {
		t.Errorf("%d rows, %v: %v", len(rows), rows[2], err)
	}
}

// No label of a patient is judged by a probe that learned from that patient.
func TestHeldOut_Draw_PatientsStayTogether(t *testing.T) {
	s := labelledProject(t, 4)
	w := &heldOut{s: s, o: HeldOutOptions{SuggestOptions: SuggestOptions{Encoder: modeltest.New()}, Folds: 2}}
	if err := w.gather(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.draw(); err != nil {
		t.Fatal(err)
	}
	fold := map[string]int{}
	for _, c := range w.cases {
		f, ok := fold[c.slide.Patient]
		if ok && f != w.foldOf[c.patient] {
			t.Errorf("patient %s lies in two folds", c.slide.Patient)
		}
		fold[c.slide.Patient] = w.foldOf[c.patient]
	}
	if len(fold) != 2 || w.report.Folds != 2 {
		t.Errorf("%v in %d folds", fold, w.report.Folds)
	}
}

func TestSession_EvaluateHeldOut_OnePatient_IsRefused(t *testing.T) {
	s := labelledProject(t, 2)
	o := HeldOutOptions{SuggestOptions: SuggestOptions{Encoder: modeltest.New()}}
	if _, err := s.EvaluateHeldOut(t.Context(), o, nil); !errors.Is(err, ErrFewPatients) {
		t.Errorf("%v, want ErrFewPatients", err)
	}
	o.BySlide, o.NoCurve = true, true
	h, err := s.EvaluateHeldOut(t.Context(), o, nil)
	if err != nil || h.By != "slide" || h.Patients != 2 || h.Curve != nil {
		t.Errorf("%+v, %v", h, err)
	}
	e := h.Figures[0].Estimate
	if math.IsNaN(e.Value) {
		t.Errorf("%+v", e)
	}
}

func TestSession_EvaluateHeldOut_WithoutLabels_IsRefused(t *testing.T) {
	s, _ := newProject(t)
	if _, err := s.EvaluateHeldOut(t.Context(), HeldOutOptions{}, nil); !errors.Is(err, ErrFewLabels) {
		t.Errorf("%v, want ErrFewLabels", err)
	}
}
