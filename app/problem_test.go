package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/onnx"
	"coverslip/models/runtimes"
	"coverslip/storage"
	"coverslip/tiles"
	"coverslip/tiles/formats"

	bolt "go.etcd.io/bbolt"
)

func TestExplain_Table(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("somewhere: %w", about("slide", "/data/x/A12.svs", err)) }
	cases := []struct {
		err         error
		title, hint string // parts that must be there
	}{
		{wrap(fs.ErrNotExist), "A12.svs does not exist", "Check the name"},
		{wrap(syscall.EROFS), "lies where nothing can be written", "read-only"},
		{wrap(fs.ErrPermission), "A12.svs may not be read", "right"},
		{wrap(tiles.ErrNotSlide), "A12.svs is not a slide", "slide file"},
		{wrap(&formats.RefusedError{Path: "/data/x/A12.svs", Seen: "a PDF document", Hint: "Choose another."}), "A12.svs is not a slide that Coverslip can read: it is a PDF document", "Choose another."},
		{wrap(&formats.RefusedError{Path: "/data/x/A12.svs", Looks: "a TIFF file", Likely: &tiles.FormatError{Format: "tiff", What: "cut"}}), "A12.svs is damaged", "Copy the slide again"},
		{wrap(&tiles.FormatError{Format: "tiff", What: "cut"}), "A12.svs is damaged", "Copy the slide again"},
		{wrap(&tiles.UnsupportedError{Format: "tiff", What: "compression 52479"}), "cannot read", "Convert"},
		{wrap(&tiles.UnsupportedError{Format: "tiff", What: "JPEG 2000", Hint: "apt install libopenjp2-7"}), "cannot read", "apt install"},
		{wrap(&tiles.TileError{Err: errors.New("bad")}), "Slide A12.svs has a part", "Copy"},
		{wrap(ErrSlideMissing), "was moved", "relink"},
		{wrap(ErrOtherSlide), "another slide", "Put the original"},
		{wrap(ErrNoScale), "µm", "--mpp"},
		{wrap(ErrNoTissue), "No tissue was found on Slide A12.svs", "draw"},
		{wrap(ErrFewLabels), "too few labels", "two classes"},
		{wrap(ErrNoLabels), "nothing to export", "accept"},
		{about("folder", "/x/out", ErrOutExists), "Folder out exists", "another output folder"},
		{about("project", "p.coverslip", storage.ErrNotProject), "p.coverslip is not a Coverslip project", "Choose a folder"},
		{about("project", "p.coverslip", storage.ErrLocked), "open in another", "Close the project"},
		{about("project", "p.coverslip", storage.ErrNewer), "newer", "Update"},
		{about("project", "p.coverslip", storage.ErrReadOnly), "read-only", "Open it without"},
		{about("project", "p.coverslip", storage.ErrExists), "Project p.coverslip is there already", "another folder"},
		{storage.ErrOwnFile, "onto itself", "another file"},
		{wrap(about("model", "m", models.ErrNoModel)), "Model m holds no model", "model.onnx"},
		{&storage.DamageError{Path: "/x/project.bolt", What: "page 3"}, "project.bolt is damaged", "project check --repair"},
		{storage.ErrNothingToUndo, "nothing to undo", "taken back"},
		{fmt.Errorf("setup: %w", runtimes.ErrUnreachable), "did not reach", "--from"},
		{storage.ErrNothingToRedo, "nothing to redo", "undo"},
		{onnx.ErrNoRuntime, "ONNX Runtime", "coverslipctl setup"},
		{onnx.ErrOldRuntime, "too old", "setup"},
		{about("model", "m", models.ErrNoModel), "Model m holds no model", "model.onnx"},
		{about("model", "m", &models.FormatError{File: "model.onnx", What: "cut"}), "Model m is not a usable model", "model check"},
		{about("model", "m", &models.UnsupportedError{File: "m", What: "two outputs", Hint: "name one"}), "cannot run", "name one"},
		{&onnx.StatusError{Op: "run", Code: 1, Text: "no"}, "refuses", "model check"},
		{annotate.ErrConflict, "changed meanwhile", "Nothing was overwritten"},
		{annotate.ErrInvalidROI, "shape", "Draw it again"},
		{ErrObjectLocked, "locked", "Unlock"},
		{ErrNotSuggestion, "suggestion", "annotation"},
		{ErrNothingOpen, "No slide", "Open"},
		{ErrBusy, "job", "Wait"},
		{fmt.Errorf("write: %w", syscall.ENOSPC), "disk is full", "Free some space"},
		{&fs.PathError{Op: "read", Path: "/x/y.svs", Err: io.ErrUnexpectedEOF}, "y.svs ends too early", "Copy"},
		{context.Canceled, "Stopped", "Nothing was lost"},
		{errors.New("never heard of"), "went wrong", "details"},
	}
	for _, c := range cases {
		p := Explain(c.err)
		if !strings.Contains(p.Title, c.title) || !strings.Contains(p.Hint, c.hint) || !errors.Is(p.Err, c.err) {
			t.Errorf("%v:\n title %q, want %q\n hint %q, want %q", c.err, p.Title, c.title, p.Hint, c.hint)
		}
		if strings.Contains(p.Title, "%") || strings.Contains(p.Title, "/x/") {
			t.Errorf("title %q", p.Title)
		}
	}
	if (Explain(nil) != Problem{}) {
		t.Error("no error is no problem")
	}
	refused := Problem{Err: wrap(&formats.RefusedError{Path: "A12.svs", Seen: "a text file", Reasons: []formats.Reason{{Format: "czi", Err: errors.New("no CZI")}}})}
	if d := refused.Details(); !strings.Contains(d, "a text file") || !strings.Contains(d, "czi: no CZI") {
		t.Errorf("details %q", d)
	}
	own := &Problem{Title: "T", Hint: "H", Err: io.EOF}
	if Explain(fmt.Errorf("x: %w", own)) != *own {
		t.Error("a problem must be kept as it is")
	}
}

// badFiles is a folder of files that are not what their names say.
func badFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	file := func(name string, content []byte) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := firstSlide()
	if err != nil {
		t.Fatal(err)
	}
	file("notes.svs", []byte("Dear colleague,\nplease find the slide attached.\n"))
	file("empty.svs", nil)
	file("cut.svs", whole[:len(whole)/2])
	file("head.svs", whole[:6])
	file("foreign.coverslip/x", nil)
	file("garbage.coverslip/project.bolt", []byte(strings.Repeat("no bolt ", 4096)))
	file("model/model.onnx", []byte("this is no network"))
	file("libonnxruntime.so", []byte("#!/bin/sh\n"))
	db, err := bolt.Open(filepath.Join(dir, "foreign.coverslip", "project.bolt"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Every way in with a bad file ends in a title that names the file, and a hint;
// and nothing is left behind.
func TestExplain_RealFiles(t *testing.T) {
	dir := badFiles(t)
	s, id := newProject(t)
	add := func(path string) error { _, err := s.AddSlide(t.Context(), path); return err }
	load := func(path string) error { _, err := s.ImportGeoJSON(id, path); return err }
	open := func(path string) error {
		s, err := OpenProject(path, Options{})
		if err == nil {
			err = errors.Join(s.Close(), errors.New("it opened"))
		}
		return err
	}
	model := func(path string) error { s.options.Model = path; _, err := s.Encoder(); return err }
	runtime := func(path string) error {
		s.options.Onnx = path
		if err := s.RestartModels(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Encoder()
		return err
	}
	for _, c := range []struct {
		do    func(path string) error
		path  string
		title []string
	}{
		{add, "none.svs", []string{"none.svs", "does not exist"}},
		{add, "notes.svs", []string{"notes.svs", "not a slide"}},
		{add, "empty.svs", []string{"empty.svs"}},
		{add, "cut.svs", []string{"cut.svs"}},
		{add, "head.svs", []string{"head.svs"}},
		{add, "model", []string{"model"}},
		{open, "foreign.coverslip", []string{"foreign.coverslip", "not a Coverslip project"}},
		{open, "garbage.coverslip", []string{"garbage.coverslip"}},
		{open, "nothing.coverslip", []string{"nothing.coverslip", "does not exist"}},
		{open, s.Dir(), []string{"test.coverslip", "open in another"}},
		{load, "notes.svs", []string{"notes.svs"}},
		{load, "nothing.geojson", []string{"nothing.geojson", "does not exist"}},
		{model, "model", nil}, // with a runtime the model is to blame, without one the runtime
		{runtime, "libonnxruntime.so", []string{"ONNX Runtime"}},
	} {
		path := c.path
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		err := c.do(path)
		p := Explain(err)
		if err == nil || p.Title == "Something went wrong" || p.Hint == "" {
			t.Errorf("%s: not explained: %v", c.path, err)
		}
		for _, w := range c.title {
			if !strings.Contains(p.Title, w) {
				t.Errorf("%s: title %q lacks %q (%v)", c.path, p.Title, w, err)
			}
		}
	}
	if n := s.Current().Set.Len(); n != 0 || len(s.Slides()) != 1 {
		t.Errorf("bad input left something behind: %d objects, %d slides", n, len(s.Slides()))
	}
}
