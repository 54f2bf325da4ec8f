package app

import (
	"errors"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/segment/segmenttest"
)

// outliner is the tiny model of models/modeltest, opened as a person's would be.
func outliner(t *testing.T, s *Session) *Outliner {
	t.Helper()
	modeltest.Runtime(t) // or the test is skipped
	dir := t.TempDir()
	segmenttest.Write(t, dir)
	o, err := s.Outliner(dir)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSession_Outline(t *testing.T) {
	s, slide := newProject(t)
	o := outliner(t, s)
	if again, err := s.Outliner(o.path); err != nil || again != o {
		t.Errorf("opened twice: %v", err)
	}
	// Around the border between the first two bands, which differ in colour.
	v, err := o.See(t.Context(), slide, annotate.Box{MinX: bandW - 150, MinY: 200, MaxX: bandW + 150, MaxY: 400})
	if err != nil {
		t.Fatal(err)
	}
	if b := v.Box(); b.Width() != 300 || b.Height() != 300 || b.Center() != (annotate.Point{X: bandW, Y: 300}) {
		t.Errorf("saw %v", b)
	}
	left := Prompt{Points: []PromptPoint{{Point: annotate.Point{X: bandW - 80, Y: 300}}, {Point: annotate.Point{X: bandW + 80, Y: 300}, Beside: true}}}
	out, err := v.Ask(t.Context(), left)
	if err != nil {
		t.Fatal(err)
	}
	b := out.ROI.Bounds()
	if out.ROI.Area() < 0.8*150*300 || out.ROI.Area() > 1.1*150*300 || b.MaxX > bandW+15 || b.MinX > bandW-140 {
		t.Errorf("outlined %v, area %.0f", b, out.ROI.Area())
	}
	tumour := class(t, s, "Tumour")
	id, err := s.TakeOutline(out, tumour)
	if err != nil {
		t.Fatal(err)
	}
	obj := object(t, s, slide, id)
	if obj.Kind != annotate.Annotation || obj.Class != tumour || obj.By.ModelHash != o.Info().Hash || obj.By.Method != methodPrompt || !obj.By.Untrained ||
		obj.By.Author != s.Author() || !strings.Contains(obj.By.Why, "accepted by "+s.Author()) {
		t.Errorf("%+v", obj.By)
	}
	r, err := s.ReplayOutline(t.Context(), slide, id, o)
	if err != nil || !r.Same {
		t.Errorf("again: %+v, %v", r, err)
	}
	box := Prompt{Box: &annotate.Box{MinX: bandW - 100, MinY: 250, MaxX: bandW - 40, MaxY: 350}}
	if out, err = v.Ask(t.Context(), box); err != nil || out.ROI.Bounds().MaxX > bandW-20 || out.ROI.Vertices() == 0 {
		t.Errorf("a box: %v, %v", out.ROI.Bounds(), err)
	}
	if v.Holds(slide, Prompt{Points: []PromptPoint{{Point: annotate.Point{X: 5, Y: 5}}}}) || !v.Holds(slide, left) || v.Holds(annotate.NewID(), left) {
		t.Error("Holds")
	}
	if _, err := s.TakeOutline(Outline{}, tumour); !errors.Is(err, ErrNothingFound) {
		t.Errorf("nothing was taken: %v", err)
	}
}

func TestSession_Outliner_Refuses(t *testing.T) {
	s, _ := newProject(t)
	modeltest.Runtime(t)
	if _, err := s.Outliner(t.TempDir()); !errors.Is(err, models.ErrNoModel) {
		t.Errorf("an empty folder: %v", err)
	}
	if r := s.CheckOutliner(t.Context(), t.TempDir()); r.Err == nil {
		t.Error("an empty folder is checked to be good")
	}
	o := outliner(t, s)
	if r := s.CheckOutliner(t.Context(), o.path); r.Err != nil || r.Ask <= 0 || r.Info.Hash == "" {
		t.Errorf("%+v", r)
	}
}

func TestParsePrompt(t *testing.T) {
	p := Prompt{Points: []PromptPoint{{Point: annotate.Point{X: -3.25, Y: 1e6}}, {Point: annotate.Point{X: 4, Y: 0.1}, Beside: true}}, Box: &annotate.Box{MinX: 1, MinY: 2, MaxX: 3, MaxY: 4.5}}
	q, err := parsePrompt(p.text())
	if err != nil || len(q.Points) != 2 || q.Points[0] != p.Points[0] || q.Points[1] != p.Points[1] || *q.Box != *p.Box {
		t.Errorf("%q became %+v, %v", p.text(), q, err)
	}
}

func FuzzParsePrompt(f *testing.F) {
	for _, text := range []string{"on:1,2;beside:-3,4;box:5,6,7,8", "", ";", "on", "on:1", "box:1,2,3", "box:1,2,3,4;box:1,2,3,4", "on:NaN,1", "1,2", "on:1e999,0", "beside:--1,2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePrompt(text)
		if err != nil {
			if !errors.Is(err, ErrNotRepeatable) {
				t.Error(err)
			}
			return
		}
		if again, err := parsePrompt(p.text()); err != nil || len(again.Points) != len(p.Points) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
