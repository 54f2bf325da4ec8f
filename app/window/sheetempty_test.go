package window

import (
	"strings"
	"testing"
)

// A table without rows says why, and one with rows says nothing.
func TestEmptySheet_SaysWhy(t *testing.T) {
	s := newStage(t, Options{}).withSlides(1)
	e := s.sheet.empty
	if e.object.Visible() {
		t.Error("words before anything is known")
	}
	for _, c := range []struct {
		total, shown int
		words        string
	}{{0, 0, "No annotations"}, {7, 0, "filter"}} {
		if e.tell(c.total, c.shown); !e.object.Visible() || !strings.Contains(e.words.value, c.words) {
			t.Errorf("%d of %d rows: %q, shown %v", c.shown, c.total, e.words.value, e.object.Visible())
		}
	}
	if e.tell(7, 7); e.object.Visible() {
		t.Error("words over rows")
	}
}
