package window

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
)

func TestWindow_ShowMade(t *testing.T) {
	s := newStage(t, Options{}).withSlide().label()
	s.run("suggest.run")
	s.settle()
	if len(s.queue.items) == 0 {
		t.Fatal(s.problem.title.value)
	}
	id := s.queue.items[0].ID
	s.run("suggest.accept")
	s.settle()
	s.viewer.SetSelection([]annotate.ID{id})
	s.selected([]annotate.ID{id})
	if words := s.status.words.value; !strings.Contains(words, "accepted by Ada") || !strings.Contains(words, "untrained") {
		t.Errorf("status: %q", words)
	}
	s.run("why.made")
	s.settle()
	words, buttons := s.dialogOf(t)
	for _, want := range []string{"accepted by Ada", "colour statistics (test)", "from 3 labels"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is not in:\n%s", want, words)
		}
	}
	test.Tap(buttons["Compute it again"])
	s.settle()
	if words, _ = s.dialogOf(t); !strings.Contains(words, "The same: score") {
		t.Errorf("computed again:\n%s", words)
	}
	s.dialog.Hide()
	s.settle()
	var mine annotate.ID
	s.Window.open.Set.All(func(o *annotate.Object) bool {
		if o.Kind == annotate.Annotation {
			mine = o.ID
		}
		return true
	})
	s.viewer.SetSelection([]annotate.ID{mine})
	s.selected([]annotate.ID{mine})
	s.run("why.made")
	s.settle()
	if words, buttons = s.dialogOf(t); !strings.Contains(words, "Made by Ada") || !buttons["Compute it again"].Disabled() {
		t.Errorf("a person's own label:\n%s", words)
	}
}
