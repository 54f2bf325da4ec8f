package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.SVS", "a.svs", "note.txt", ".hidden.svs", "Zoo/x", "cohort.coverslip/project.bolt"} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	entries, cut, err := ListFolder(t.Context(), dir, []string{".svs"})
	if err != nil || cut {
		t.Fatal(err, cut)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
		if e.Project != (e.Name == "cohort.coverslip") || !e.Folder && e.Size != 5 {
			t.Errorf("%+v", e)
		}
	}
	if got := strings.Join(names, " "); got != "cohort.coverslip Zoo a.svs b.SVS" {
		t.Errorf("listed %s", got)
	}
	if _, _, err := ListFolder(t.Context(), filepath.Join(dir, "no"), nil); err == nil || Explain(err).Hint == "" {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestPreviewSlide(t *testing.T) {
	dir := t.TempDir()
	slide := filepath.Join(dir, "s.svs")
	writeSlide(t, slide, 1)
	p, err := PreviewSlide(t.Context(), slide, 96, Options{})
	if err != nil || p.Picture == nil || max(p.Picture.Rect.Dx(), p.Picture.Rect.Dy()) != 96 || !strings.Contains(p.Words, "960 × 576 px") {
		t.Errorf("%v %q", err, p.Words)
	}
	bad := filepath.Join(dir, "bad.svs")
	if err := os.WriteFile(bad, []byte("II*\x00 no slide"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := PreviewSlide(t.Context(), bad, 96, Options{}); err == nil || Explain(err).Title == "" {
		t.Errorf("no slide: %v", err)
	}
}
