package window

import (
	"context"
	"errors"
	"strings"
	"testing"

	"coverslip/app"
)

// TestWindow_WorkingCopy: whose copy it is stands in the window also when its slide is open,
// what is sent back is told, and Esc takes the notice away.
func TestWindow_WorkingCopy(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	remote := s.session.Dir()
	if s.cmds.CanDo("keep.send") || s.cmds.CanDo("keep.take") {
		t.Error("a project of its own can be sent back or taken")
	}
	s.closeProject()
	s.settle()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	reader, err := app.OpenProject(remote, app.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	local, _, err := reader.TakeWorkingCopy(context.Background())
	if err := errors.Join(err, reader.Close()); err != nil {
		t.Fatal(err)
	}
	s.Open(local)
	s.settle()
	p := s.problem
	if s.Window.open == nil || !p.object.Visible() || !p.notice || !strings.Contains(p.title.value, remote) || !p.send.Visible() || p.wrong.Visible() {
		t.Fatalf("open %v, notice %v: %q", s.Window.open != nil, p.notice, p.title.value)
	}
	s.label()
	s.settle()
	s.run("keep.send")
	s.settle()
	back, err := app.OpenProject(remote, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := back.Objects(s.Window.open.Item.ID)
	if err != nil || set.Len() == 0 || set.Len() != s.Window.open.Set.Len() {
		t.Errorf("%d labels were sent back, want %d: %v", set.Len(), s.Window.open.Set.Len(), err)
	}
	if err := back.Close(); err != nil {
		t.Fatal(err)
	}
	if p.object.Visible() {
		t.Errorf("the notice is still there: %q", p.title.value)
	}
	p.notify([]string{"To be known. What to do."})
	if p.title.value != "To be known." || p.hint.value != "What to do." {
		t.Errorf("%q / %q", p.title.value, p.hint.value)
	}
	s.escape()
	s.escape()
	if p.object.Visible() {
		t.Error("the notice cannot be put away")
	}
}
