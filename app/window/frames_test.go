package window

import (
	"bytes"
	"testing"
	"time"
)

// fakeLog is a log over a clock that the test sets.
type fakeLog struct {
	*frameLog
	cpu     time.Duration
	uploads int
	posted  []func()
}

func newFakeLog() *fakeLog {
	f := &fakeLog{}
	l := &frameLog{uploads: func() int { return f.uploads }, waited: func() time.Duration { return 0 }}
	l.cpu = func() time.Duration { return f.cpu }
	l.post = func(g func()) { f.posted = append(f.posted, g) }
	l.mark.painted = l.painted
	f.frameLog = l
	return f
}

// spend is processor time that passes.
func (f *fakeLog) spend(ms float64) { f.cpu += time.Duration(ms * float64(time.Millisecond)) }

// run runs what was handed to Fyne's goroutine.
func (f *fakeLog) run() {
	list := f.posted
	f.posted = nil
	for _, g := range list {
		g()
	}
}

// A turn's line tells events, frame and swap apart; what is handed back during the
// painting is no part of the swap.
func TestFrameLog_TellsTheSwapApart(t *testing.T) {
	f := newFakeLog()
	f.cpu = time.Second
	f.tick() // the first turn has no begin
	f.mark.paint()
	f.run()
	f.spend(2)
	f.tick()
	f.spend(3)
	f.timed(func() { f.spend(4) })
	f.mark.paint()
	f.uploads = 5
	f.spend(1) // the swap
	f.run()
	want := [][]int64{{0, 0, 0, 0, 0, 1}, {5000, 1000, 2000, 3000, 5, 1}}
	check(t, f, want)

	f.lines = nil
	f.tick() // 4 ms of the function were of this turn
	f.spend(0.4)
	f.tick()   // nothing painted, and what there was is below a line's worth
	f.spend(7) // events of the turn that follows
	f.tick()
	f.spend(1)
	f.mark.paint()
	f.spend(9) // the swap and then events: the next turn begins before its end is told
	f.tick()
	f.run()
	check(t, f, [][]int64{{4000, 0, 4000, 0, 0, 0}, {8000, 1000, 7000, 1000, 0, 1}})
}

// check compares cpu, swap, events, paint, uploads and painted of the lines.
func check(t *testing.T, f *fakeLog, want [][]int64) {
	t.Helper()
	var got [][9]int64
	for line := range bytes.Lines(f.lines) {
		var n [9]int64
		for i, w := range bytes.Fields(line) {
			for _, c := range w {
				n[i] = 10*n[i] + int64(c-'0')
			}
		}
		got = append(got, n)
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), f.lines)
	}
	for i, g := range got {
		if h := []int64{g[1], g[2], g[3], g[4], g[7], g[8]}; !equal(h, want[i]) {
			t.Errorf("line %d: %v, want %v", i, h, want[i])
		}
	}
}

func equal(a, b []int64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// hit walks the window as Fyne does to find what is under the mouse.
func (m *paintMark) hit() {
	m.Visible()
	m.Position()
	m.Visible()
	m.Size()
}

// The hit tests of the events that follow a painting, in which the swap of buffers
// lies, do not count as its end.
func TestFrameLog_HitTestsAreNotPainted(t *testing.T) {
	f := newFakeLog()
	f.cpu = time.Second
	f.tick() // the first turn has no begin
	f.mark.paint()
	f.spend(2) // the swap
	f.run()
	f.tick()
	f.spend(3)
	f.mark.paint()
	f.spend(2) // the swap
	f.mark.hit()
	f.spend(1)
	f.tick()
	f.mark.hit() // nothing is painted in this turn
	f.run()
	f.tick()
	check(t, f, [][]int64{{0, 2000, 0, 0, 0, 1}, {3000, 2000, 0, 3000, 0, 1}, {1000, 0, 1000, 0, 0, 0}})
	if f.mark.MinSize(); f.mark.done {
		t.Error("a hit test counts as painted")
	}
}
