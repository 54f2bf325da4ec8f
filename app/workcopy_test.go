package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/storage"
)

// TestCase16_Session_WorkingCopy: a project that can only be read where it lies is worked on
// in a copy, whose slides are found from where the project lies, and which is sent back.
func TestCase16_Session_WorkingCopy(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	s, slide := newProject(t)
	draw(t, s, "Tumour", 10, 10, 50, 50)
	remote := s.Dir()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := OpenProject(remote, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	dir, made, err := reader.TakeWorkingCopy(context.Background())
	if err != nil || !made {
		t.Fatal(dir, made, err)
	}
	if again, made, err := reader.TakeWorkingCopy(context.Background()); err != nil || made || again != dir {
		t.Error("the second time:", again, made, err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := OpenProject(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if w.Origin() != remote || !strings.Contains(strings.Join(w.Notices(), " "), remote) {
		t.Errorf("origin %q, notices %q", w.Origin(), w.Notices())
	}
	if _, err := w.OpenSlide(context.Background(), slide); err != nil {
		t.Fatal("its slide:", err)
	}
	if _, err := w.Draw(annotate.Rectangle(60, 60, 90, 90), annotate.ID{}); err != nil {
		t.Fatal(err)
	}
	if n, err := w.SendBack(context.Background()); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	back, err := OpenProject(remote, Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := back.Objects(slide)
	if err != nil || set.Len() != 2 {
		t.Errorf("%d objects came back, %v", set.Len(), err)
	}
	if _, err := back.AddClasses(annotate.Palette{{ID: annotate.NewID(), Name: "Theirs"}}, "Add class"); err != nil {
		t.Fatal(err)
	}
	if err := back.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = w.SendBack(context.Background())
	if p := Explain(err); !errors.As(err, new(*storage.AheadError)) || !strings.Contains(p.Title, "changed meanwhile") {
		t.Errorf("%v: %+v", err, p)
	}
}
