package window

import (
	"strings"
	"testing"
	"time"

	"coverslip/viewer"
)

// walkSlide sees every field of the open slide at one to one.
func (s *stage) walkSlide() (fields int) {
	s.t.Helper()
	s.run("view.pixels1")
	s.settle()
	for ; ; fields++ {
		if fields > 100 {
			s.t.Fatal("the walk does not end")
		}
		before := s.viewer.Coverage().Share(10)
		s.run("view.nextField")
		s.settle()
		if strings.HasPrefix(s.status.words.value, "No field is left") {
			return fields
		}
		// A field counts as seen when it stood still for a moment.
		for end := time.Now().Add(2 * time.Minute); s.viewer.Coverage().Share(10) == before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				s.t.Fatalf("field %d stays unseen", fields)
			}
			s.viewer.Tick()
			s.pump()
		}
	}
}

func TestWindow_walk_isRemembered(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	c := s.viewer.Coverage()
	if !c.KnowsTissue() {
		t.Fatal("the bands are not found to be tissue")
	}
	fields := s.walkSlide()
	if c.Share(10) != 1 || fields < 2 {
		t.Fatalf("%g seen after %d fields: %s", c.Share(10), fields, s.status.words.value)
	}
	if whole := viewer.NewCoverage(1344, 900); whole.Share(10) != 0 {
		t.Fatal("a new map is not empty")
	}
	id := s.Window.open.Item.ID
	s.showSlide(nil)
	s.settle()
	s.openSlide(id)
	s.settle()
	if again := s.viewer.Coverage(); again == c || again.Share(10) != 1 || !again.KnowsTissue() {
		t.Errorf("the slide opened again has %g seen", again.Share(10))
	}
	s.run("view.forgetSeen")
	s.settle()
	// At 10×, the walk's magnification: the whole slide is in view, and to look at it for a
	// moment is to have seen it at a low one.
	kept, _ := s.session.Setting(coverKey(id))
	again := viewer.NewCoverage(1344, 900)
	if err := again.Restore(kept); err != nil || s.viewer.Coverage().Share(10) != 0 || again.Share(10) != 0 {
		t.Errorf("still %s; kept %q: %v", s.viewer.CoverageWords(), kept, err)
	}
}
