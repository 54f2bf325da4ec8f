package storage

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"coverslip/annotate"
)

var testStamp = Stamp{Author: "Dr Test", Session: "s1", App: "test 1", At: time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("", 3600))}

// newProject makes a project with one slide, checked and closed at the end.
func newProject(t testing.TB) (*Project, annotate.ID) {
	t.Helper()
	p, err := Create(filepath.Join(t.TempDir(), "p"), "Test", testStamp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Check(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error("at the end:", err)
		}
		p.Close()
	})
	s := Slide{ID: annotate.NewID(), Name: "a.svs", Path: filepath.Join(p.Dir(), "..", "a.svs"), Width: 1000, Height: 800,
		MPPX: 0.25, MPPY: 0.25, Added: testStamp.At.UTC()}
	if err := p.AddSlide(s, testStamp); err != nil {
		t.Fatal(err)
	}
	return p, s.ID
}

// square is an object of 10×10 pixels at x, y.
func square(x, y float64) *annotate.Object {
	return &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: annotate.Rectangle(x, y, x+10, y+10),
		Class: annotate.ClassID("Tumour"), Created: testStamp.At.UTC(), Changed: testStamp.At.UTC(),
		By: annotate.Provenance{Author: "Dr Test", Method: "manual"}}
}

func commit(t testing.TB, p *Project, e annotate.Edit) uint64 {
	t.Helper()
	seq, err := p.Commit(e, testStamp)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func objects(t testing.TB, p *Project, slide annotate.ID) []*annotate.Object {
	t.Helper()
	os, err := p.Objects(slide)
	if err != nil {
		t.Fatal(err)
	}
	return os
}

func TestProject_CommitUndoRedo_SurvivesReopening(t *testing.T) {
	p, slide := newProject(t)
	a, b := square(0, 0), square(50, 50)
	commit(t, p, annotate.Add(slide, "Draw a", a))
	commit(t, p, annotate.Add(slide, "Draw b", b))
	c := *a
	c.Notes, c.Class = "seen twice", annotate.ClassID("Stroma")
	commit(t, p, annotate.Replace(slide, "Class a", a, &c))

	reopen := func() {
		t.Helper()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		q, err := Open(p.Dir(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if q.Recovered() {
			t.Error("closed properly, yet recovered")
		}
		*p = Project{dir: q.dir, path: q.path, codec: q.codec, db: q.db, stat: q.stat, head: q.head}
	}
	want := func(objs ...*annotate.Object) {
		t.Helper()
		got := objects(t, p, slide)
		if len(got) != len(objs) {
			t.Fatalf("%d objects, want %d", len(got), len(objs))
		}
		for i := range got {
			if !got[i].Equal(objs[i]) {
				t.Errorf("object %d: %+v, want %+v", i, got[i], objs[i])
			}
		}
	}
	want(&c, b)
	reopen()
	for _, step := range []struct {
		label string
		want  []*annotate.Object
	}{{"Class a", []*annotate.Object{a, b}}, {"Draw b", []*annotate.Object{a}}, {"Draw a", nil}} {
		if l, ok := p.UndoLabel(slide); !ok || l != step.label {
			t.Fatalf("UndoLabel %q %v, want %q", l, ok, step.label)
		}
		e, err := p.Undo(slide, testStamp)
		if err != nil || e.Label != step.label {
			t.Fatal(err, e.Label)
		}
		want(step.want...)
		reopen()
	}
	if _, err := p.Undo(slide, testStamp); !errors.Is(err, ErrNothingToUndo) {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := p.Redo(slide, testStamp); err != nil {
			t.Fatal(err)
		}
		reopen()
	}
	want(&c, b)
	if _, err := p.Redo(slide, testStamp); !errors.Is(err, ErrNothingToRedo) {
		t.Fatal(err)
	}
	h, err := p.History(slide, a.ID)
	if err != nil || len(h) != 6 { // draw, class, undo, undo (a removal), redo, redo
		t.Fatal(err, len(h))
	}
	if h[3].Object != nil || !h[5].Object.Equal(&c) {
		t.Error("history:", h)
	}
}
