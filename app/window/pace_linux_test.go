package window

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"coverslip/annotate"
)

// threadTime is the processor time of this thread, user and system. Unlike the
// clock on the wall it does not grow while others have the processor.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD, getrusage(2)
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Skipf("the thread's time cannot be had: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// paceMost is the processor time that one step may take on Fyne's goroutine. What
// belongs in the background (a slide read, all labels walked) takes seconds; what does
// not takes a few milliseconds, and ten times that on a machine with much else to do.
const paceMost = 500 * time.Millisecond

// TestCommands_DoNotHoldUpTheWindow runs every command of the table over a
// project with 20,000 labels and measures what each does on Fyne's goroutine: the
// command itself, and each function that its background work hands back.
func TestCommands_DoNotHoldUpTheWindow(t *testing.T) {
	if testing.Short() {
		t.Skip("short: under the race detector its own time would be measured")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := newStage(t, Options{}).withSlides(3)
	tumour, stroma := s.classNamed("Tumour"), s.classNamed("Stroma")
	e := annotate.Edit{Slide: s.Window.open.Item.ID, Label: "Many"}
	for i := range 20_000 {
		x, y := float64(i%160)*8, float64(i/160)*7
		o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: annotate.Rectangle(x, y, x+6, y+5), Class: []annotate.ID{tumour, stroma}[i%2], Created: time.Now().UTC(), By: annotate.Provenance{Author: "Ada", Method: "manual"}}
		e.Changes = append(e.Changes, annotate.Change{After: o})
	}
	if err := s.session.Apply(e); err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.selectAndShow(e.Changes[7].After.ID)
	s.settle()

	type cost struct {
		id    string
		most  time.Duration
		steps int
	}
	var costs []cost
	last := []string{"file.close", "file.quit"} // they end what the others need
	for _, cmd := range s.cmds.All() {
		if slices.Contains(last, cmd.ID) || !s.cmds.CanDo(cmd.ID) || strings.HasPrefix(cmd.ID, "file.address") {
			continue
		}
		c := cost{id: cmd.ID}
		measure := func(f func()) {
			from := threadTime(t)
			f()
			c.most = max(c.most, threadTime(t)-from)
			c.steps++
		}
		s.timed = measure
		measure(func() { s.run(cmd.ID) })
		s.settle()
		s.timed = nil
		costs = append(costs, c)
		s.clear()
	}
	slices.SortFunc(costs, func(a, b cost) int { return int(b.most - a.most) })
	if len(costs) < 40 {
		t.Errorf("only %d commands could be run", len(costs))
	}
	var words []string
	for i, c := range costs {
		most := paceMost
		if strings.Contains(c.id, "heme") || c.id == "view.highContrast" {
			most *= 4 // Fyne draws every widget anew in other colours; it happens once
		}
		if c.most > most {
			t.Errorf("%s holds the window up for %v of processor time", c.id, c.most.Round(time.Millisecond))
		}
		if i < 8 {
			words = append(words, fmt.Sprintf("%s %v", c.id, c.most.Round(time.Millisecond)))
		}
	}
	t.Logf("%d commands; the longest steps: %s", len(costs), strings.Join(words, ", "))
}

// clear takes away what a command opened, and brings the first slide back.
func (s *stage) clear() {
	s.t.Helper()
	for range 4 {
		if s.dialog != nil {
			s.dialog.Hide()
		}
		if top := s.win.Canvas().Overlays().Top(); top != nil {
			top.Hide()
			s.win.Canvas().Overlays().Remove(top)
		}
	}
	s.compare.stopPicking()
	s.closeOthers()
	if s.session.JobStatus().Running {
		s.session.CancelJob()
	}
	s.settle()
	if first := s.slides.items[0].ID; s.Window.open == nil || s.Window.open.Item.ID != first {
		s.openSlide(first)
		s.settle()
	}
	if len(s.viewer.Selection()) == 0 {
		s.Window.open.Set.All(func(o *annotate.Object) bool {
			s.viewer.SetSelection([]annotate.ID{o.ID})
			return false
		})
	}
}
