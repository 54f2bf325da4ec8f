package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
)

// onTop visits what lies in the dialog above the window.
func (s *stage) onTop(visit func(fyne.CanvasObject)) {
	s.t.Helper()
	top := s.win.Canvas().Overlays().Top()
	if top == nil {
		s.t.Fatal("there is no dialog")
	}
	walk(top, visit)
}

// press presses the button of the dialog that says so.
func (s *stage) pressIn(words string) {
	s.t.Helper()
	var found *widget.Button
	s.onTop(func(o fyne.CanvasObject) {
		if b, ok := o.(*widget.Button); ok && b.Text == words {
			found = b
		}
	})
	if found == nil {
		s.t.Fatalf("the dialog has no button %q", words)
	}
	test.Tap(found)
	s.settle()
}

// fields are the entries of the dialog from top to bottom.
func (s *stage) fields() []*formEntry {
	s.t.Helper()
	var all []*formEntry
	s.onTop(func(o fyne.CanvasObject) {
		if e, ok := o.(*formEntry); ok {
			all = append(all, e)
		}
	})
	return all
}

// said are the words of the dialog.
func (s *stage) said() string {
	s.t.Helper()
	var b strings.Builder
	s.onTop(func(o fyne.CanvasObject) {
		switch o := o.(type) {
		case *paragraph:
			b.WriteString(o.value + "\n")
		case *text:
			b.WriteString(o.value + "\n")
		}
	})
	return b.String()
}

// TestWindow_Passphrase gives a profile a passphrase and changes it; wrong words
// are told in the dialog, and what was signed stays signed.
func TestWindow_Passphrase(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	if s.cmds.CanDo("keep.passphrase") {
		t.Error("nobody signed in, and a passphrase can be changed")
	}
	u, err := s.session.AddUser("Ada", 1, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.session.SignIn(u.ID, ""); err != nil {
		t.Fatal(err)
	}
	change := func(lines ...string) {
		t.Helper()
		s.run("keep.passphrase")
		s.settle()
		f := s.fields()
		if len(f) != len(lines) {
			t.Fatalf("%d fields, want %d", len(f), len(lines))
		}
		for i, line := range lines {
			f[i].SetText(line)
		}
	}
	change("correct horse", "correct house")
	s.pressIn("Set")
	if !strings.Contains(s.said(), "differ") {
		t.Errorf("said: %s", s.said())
	}
	s.fields()[1].SetText("correct horse")
	s.pressIn("Set")
	slide := s.Window.open.Item.ID
	if _, err := s.session.Sign(slide, "I made these labels", "correct horse"); err != nil {
		t.Fatal(err)
	}
	change("wrong", "battery staple", "battery staple")
	s.pressIn("Change")
	if !strings.Contains(s.problem.title.value, "not the right one") {
		t.Errorf("told: %s", s.problem.title.value)
	}
	change("correct horse", "battery staple", "battery staple")
	s.pressIn("Change")
	if err := s.session.SignIn(u.ID, "battery staple"); err != nil {
		t.Error(err)
	}
	if all, err := s.session.Signatures(slide); err != nil || len(all) != 1 || all[0].Problem != "" {
		t.Errorf("%+v %v", all, err)
	}
}

// TestWindow_Repair opens a damaged project: the window offers to repair it, says
// what will be tried and what was recovered, keeps the damaged file, and opens it.
func TestWindow_Repair(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	if _, err := s.session.Draw(annotate.Rectangle(10, 10, 90, 90), s.classNamed("Tumour")); err != nil {
		t.Fatal(err)
	}
	dir := s.session.Dir()
	s.closeProject()
	s.settle()
	file := filepath.Join(dir, "project.bolt")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := data[:20_000]
	if err := os.WriteFile(file, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Open(dir)
	s.settle()
	if s.session != nil || !s.problem.repair.Visible() || !strings.Contains(s.problem.title.value, "damaged") {
		t.Fatalf("told: %s | %s; repair is offered: %v", s.problem.title.value, s.problem.hint.value, s.problem.repair.Visible())
	}
	test.Tap(s.problem.repair)
	s.settle()
	if words := s.said(); !strings.Contains(words, "journal alone") || !strings.Contains(words, "damaged file is kept") {
		t.Errorf("before: %s", words)
	}
	s.pressIn("Repair")
	words := s.said()
	for _, want := range []string{"from its journal", "Nothing that had been saved is lost", "is kept as"} {
		if !strings.Contains(words, want) {
			t.Errorf("after: it lacks %q: %s", want, words)
		}
	}
	kept, err := filepath.Glob(filepath.Join(dir, "project.damaged-*.bolt"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept: %v %v", kept, err)
	}
	if b, err := os.ReadFile(kept[0]); err != nil || string(b) != string(damaged) {
		t.Error("the damaged file was changed:", err)
	}
	if _, ok := s.dialog.(*dialog.CustomDialog); !ok {
		t.Error("the dialog of the result is not known")
	}
	s.pressIn("Open the project")
	if s.session == nil || s.Window.open == nil || s.Window.open.Set.Len() != 1 {
		t.Fatalf("after the repair: %s | %s", s.problem.title.value, s.problem.cause)
	}
}
