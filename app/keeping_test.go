package app

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/storage"
)

func TestSession_History_Trash(t *testing.T) {
	s, slide := newProject(t)
	id := draw(t, s, "Tumour", 10, 10, 50, 50)
	if err := s.Move(object(t, s, slide, id), annotate.Rectangle(20, 20, 90, 90)); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteBecause([]annotate.ID{id}, "out of focus"); err != nil {
		t.Fatal(err)
	}
	trash, err := s.Trash(slide)
	if err != nil || len(trash) != 1 || trash[0].Record.Reason != "out of focus" || !trash[0].Object.ROI.Equal(annotate.Rectangle(20, 20, 90, 90)) {
		t.Fatalf("%+v, %v", trash, err)
	}
	if err := s.Undelete(slide, []annotate.ID{id}, ""); err != nil {
		t.Fatal(err)
	}
	if trash, err := s.Trash(slide); err != nil || len(trash) != 0 {
		t.Errorf("put back, and still there: %v, %v", trash, err)
	}
	versions, err := s.History(slide, id)
	if err != nil || len(versions) != 4 || !versions[0].Current || versions[1].Object != nil || versions[1].Reason != "out of focus" {
		t.Fatalf("%+v, %v", versions, err)
	}
	first := versions[3]
	if err := s.RestoreVersion(slide, id, first.Seq, "the first was right"); err != nil {
		t.Fatal(err)
	}
	if o := object(t, s, slide, id); !o.ROI.Equal(annotate.Rectangle(10, 10, 50, 50)) {
		t.Errorf("%+v", o.ROI)
	}
	// Restoring is an edit like another.
	if _, err := s.Undo(); err != nil {
		t.Fatal(err)
	}
	if o := object(t, s, slide, id); !o.ROI.Equal(annotate.Rectangle(20, 20, 90, 90)) {
		t.Errorf("after an undo: %+v", o.ROI)
	}
	if versions, err := s.History(slide, id); err != nil || len(versions) != 6 {
		t.Error("a version was taken out of the history:", len(versions), err)
	}
}

func TestSession_People(t *testing.T) {
	s, slide := newProject(t)
	old := draw(t, s, "Tumour", 10, 10, 50, 50)
	ada, err := s.AddUser("Dr Ada", storage.Annotator, "correct horse")
	if err != nil || ada.Role != storage.Administrator {
		t.Fatal("the first person:", ada, err)
	}
	if err := s.SignIn(ada.ID, "wrong"); !errors.Is(err, storage.ErrPassphrase) {
		t.Error(err)
	}
	if _, err := s.AddUser("Eve", storage.Administrator, ""); !errors.Is(err, ErrNotAllowed) {
		t.Error("anybody becomes an administrator:", err)
	}
	if err := s.SignIn(ada.ID, "correct horse"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRole(ada.ID, storage.Annotator, false); !errors.Is(err, ErrLastAdministrator) {
		t.Error(err)
	}
	ben, err := s.AddUser("Ben", storage.Annotator, "battery staple")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(slide, Meanings()[1], "correct horse"); err != nil {
		t.Error(err)
	}
	if err := s.SignIn(ben.ID, "battery staple"); err != nil || s.Author() != "Ben" {
		t.Fatal(err)
	}
	if err := s.Delete([]annotate.ID{old}); !errors.Is(err, ErrNotAllowed) {
		t.Error("an annotator deletes what is another's:", err)
	}
	own := draw(t, s, "Tumour", 60, 60, 90, 90)
	if err := s.Delete([]annotate.ID{own}); err != nil {
		t.Error(err)
	}
	if _, err := s.Sign(slide, Meanings()[1], "battery staple"); !errors.Is(err, ErrNotAllowed) {
		t.Error("an annotator signs as a reviewer:", err)
	}
	if _, err := s.Sign(slide, Meanings()[0], "battery staple"); err != nil {
		t.Error(err)
	}
	if err := s.SetRole(ben.ID, storage.Administrator, false); !errors.Is(err, ErrNotAllowed) {
		t.Error(err)
	}
	s.Lock()
	if err := s.Delete([]annotate.ID{old}); !errors.Is(err, ErrSessionLocked) {
		t.Error(err)
	}
	if _, err := s.Undo(); !errors.Is(err, ErrSessionLocked) {
		t.Error(err)
	}
	if err := s.Unlock("nonsense"); !errors.Is(err, storage.ErrPassphrase) || !s.Locked() {
		t.Error(err)
	}
	if err := s.Unlock("battery staple"); err != nil || s.Locked() {
		t.Error(err)
	}
	list, err := s.Signatures(slide)
	if err != nil || len(list) != 2 || list[0].Problem != "" || list[1].Problem != "" || !list[1].Current {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestSession_Unsaved: cases 8, 12 and 24 of the fault table, as a person meets
// them: the edit waits in memory and in a file elsewhere, nothing else is
// acknowledged, and it is saved when the disk is back, or in the next session.
func TestSession_Unsaved(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	s, slide := newProject(t)
	kept := draw(t, s, "Tumour", 10, 10, 50, 50)
	file := filepath.Join(s.Dir(), storage.FileName)
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Draw(annotate.Rectangle(100, 100, 150, 150), annotate.ID{})
	if !errors.Is(err, ErrUnsaved) || !errors.Is(err, storage.ErrMoved) {
		t.Fatal(err)
	}
	u := s.Unsaved()
	if u == nil || u.Rescue == "" {
		t.Fatalf("%+v", u)
	}
	if err := s.Delete([]annotate.ID{kept}); !errors.Is(err, ErrUnsaved) {
		t.Error("another edit was taken:", err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := s.SaveCopy(copied); err != nil {
		t.Fatal(err)
	}
	if err := storage.CheckDir(copied); err != nil {
		t.Error(err)
	}
	if err := s.RetryUnsaved(); !errors.Is(err, ErrUnsaved) {
		t.Error(err)
	}
	rescue, err := os.ReadFile(u.Rescue)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	if err := s.RetryUnsaved(); err != nil || s.Unsaved() != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(u.Rescue); err == nil {
		t.Error("the file elsewhere is still there")
	}
	set, err := s.Objects(slide)
	if err != nil || set.Len() != 2 {
		t.Error(set.Len(), err)
	}
	// As if the session had ended before: the file elsewhere is taken up, unless
	// the project holds the edit already.
	if err := os.WriteFile(u.Rescue, rescue, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Rescued(); n != 0 || err == nil {
		t.Error("saved twice:", n, err)
	}
	if _, err := s.Undo(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(u.Rescue, rescue, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Rescued(); n != 1 || err != nil {
		t.Error(n, err)
	}
}

// TestSession_ExportAudit alters, removes and reorders the records of each
// export: all of it is found.
func TestSession_ExportAudit(t *testing.T) {
	s, _ := newProject(t)
	s.SetAuthor("=cmd()")
	for range 4 {
		draw(t, s, "Tumour", 10, 10, 50, 50)
	}
	dir := t.TempDir()
	for _, format := range AuditFormats() {
		var b bytes.Buffer
		n, err := s.ExportAudit(&b, format, 0)
		if err != nil || n < 6 {
			t.Fatal(format, n, err)
		}
		if format == "html" {
			for _, want := range []string{"<table>", "@page", "=cmd()", "Draw rectangle", "Edit log of"} {
				if !strings.Contains(b.String(), want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			continue
		}
		if format == "csv" && !strings.Contains(b.String(), ",'=cmd(),") {
			t.Error("a spreadsheet takes a name for a formula")
		}
		verdict := func(text string) AuditFinding {
			t.Helper()
			path := filepath.Join(dir, "log."+format)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := VerifyAuditFile(path, s.Project().UUID(), 0)
			if err != nil {
				t.Fatal(format, err)
			}
			return f
		}
		text := b.String()
		if f := verdict(text); f.Problem != "" || f.Records != n {
			t.Errorf("%s: %+v", format, f)
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		k := len(lines) / 2
		for name, bad := range map[string][]string{
			"altered":   append(append(append([]string{}, lines[:k]...), strings.Replace(lines[k], "Draw", "Drew", 1)), lines[k+1:]...),
			"removed":   append(append([]string{}, lines[:k]...), lines[k+1:]...),
			"reordered": append(append(append([]string{}, lines[:k-1]...), lines[k], lines[k-1]), lines[k+1:]...),
			"repeated":  append(append(append([]string{}, lines[:k]...), lines[k]), lines[k:]...),
		} {
			if f := verdict(strings.Join(bad, "\n") + "\n"); f.Problem == "" {
				t.Errorf("%s: %s is not found", format, name)
			}
		}
		// At both ends: of JSON lines only the first, for they do not name the last.
		head := map[string]int{"csv": 2, "json": 1, "jsonl": 0}[format]
		if f := verdict(strings.Join(append(append([]string{}, lines[:head]...), lines[head+1:]...), "\n") + "\n"); !strings.Contains(f.Problem, "expected first") {
			t.Errorf("%s: that the first record was removed is not found: %+v", format, f)
		}
		tail := map[string]int{"csv": 1, "json": 2}[format] // lines from the end to the last record
		if tail == 0 {
			continue
		}
		cut := append(append([]string{}, lines[:len(lines)-tail]...), lines[len(lines)-tail+1:]...)
		if format == "json" {
			cut[len(cut)-2] = strings.TrimSuffix(cut[len(cut)-2], ",")
		}
		if f := verdict(strings.Join(cut, "\n") + "\n"); !strings.Contains(f.Problem, "from its end") || f.Records != n-1 {
			t.Errorf("%s: that the last record was removed is not found: %+v", format, f)
		}
		var later bytes.Buffer
		if _, err := s.ExportAudit(&later, format, 3); err != nil {
			t.Fatal(err)
		}
		if f := verdict(later.String()); f.Problem != "" || f.Records != n-2 {
			t.Errorf("%s: a log from record 3 on: %+v", format, f)
		}
	}
}

func TestSession_Backups(t *testing.T) {
	s, _ := newProject(t)
	draw(t, s, "Tumour", 10, 10, 50, 50)
	dir := s.Dir()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if have, err := storage.Backups(dir); err != nil || len(have) != 0 {
		t.Fatal("backups that nobody asked for:", have, err)
	}
	s, err := OpenProject(dir, Options{Backups: true})
	if err != nil {
		t.Fatal(err)
	}
	slides := s.Slides()
	if _, err := s.DrawOn(slides[0].ID, annotate.Rectangle(1, 1, 30, 30), annotate.ID{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	have, err := storage.Backups(dir)
	if err != nil || len(have) == 0 || have[0].Why != "close" {
		t.Errorf("%+v, %v", have, err)
	}
}
