package window

import (
	"fmt"
	"io"
	"sync"
	"time"

	"fyne.io/fyne/v2"
)

// frameHead names the columns of what a frameLog writes: when a turn was done
// (µs since 1970), processor time of the window's thread in it without the swap of
// buffers, of the swap, of that before the frame (events, results handed back)
// and in it (layout and painting), how long the thread was ready while others had
// the processor, by the clock from the frame's begin to its end (all µs),
// textures of tiles made, and whether the window was painted (1) or not (0).
const frameHead = "at cpu swap events paint waited clock uploads painted\n"

// quietTurn is the processor time below which a turn that painted nothing is not
// worth a line.
const quietTurn = time.Millisecond

// frameLog writes a line for every turn of Fyne's loop: what the window's thread
// spent from the end of one swap of buffers to the begin of the next. Fyne tells
// nobody when it paints, so the log puts an invisible object behind all others
// and listens to when the painter asks it whether it is visible. The swap is over
// when a function handed to Fyne's goroutine meanwhile is run; where the next turn
// begins before it is, the shortest swap seen is taken for this one.
//
// Everything but lines and done belongs to Fyne's goroutine.
type frameLog struct {
	post    func(func()) // to Fyne's goroutine
	uploads func() int
	cpu     func() time.Duration // processor time of this thread
	waited  func() time.Duration // time it was kept waiting for a processor

	number int           // of the turn
	from   time.Duration // cpu at the end of the last turn
	before time.Duration // cpu when this turn's frame began
	end    time.Duration // cpu when the last object was painted; 0: not yet
	posted time.Duration // cpu of functions handed back since
	least  time.Duration // cpu of the shortest swap so far
	asked  bool          // the end of this turn's swap is awaited
	began  time.Time     // the frame, by the clock
	ended  time.Time     // the painting
	stood  time.Duration // waited at the end of the last turn
	had    int           // uploads until then

	mark paintMark
	anim *fyne.Animation

	mu    sync.Mutex // protects lines
	lines []byte     // not yet written
	out   io.Writer
	done  chan struct{} // closed to end writing
	over  chan struct{} // closed when it has ended
}

// newFrameLog makes a log that writes to out; nil on systems that do not tell the
// time of a thread.
func newFrameLog(out io.Writer, post func(func())) *frameLog {
	cpu, waited := threadClocks()
	if cpu == nil {
		return nil
	}
	l := &frameLog{post: post, uploads: func() int { return 0 }, cpu: cpu, waited: waited, out: out,
		lines: []byte(frameHead), done: make(chan struct{}), over: make(chan struct{})}
	l.mark.painted = l.painted
	l.anim = fyne.NewAnimation(time.Second, func(float32) { l.tick() })
	l.anim.RepeatCount = fyne.AnimationRepeatForever
	go l.write()
	return l
}

// watch begins with a window whose content is made.
func (l *frameLog) watch(w *Window) {
	l.uploads = func() (n int) {
		for _, p := range w.panes {
			n += p.viewer.Uploads()
		}
		return n
	}
	w.root.Add(&l.mark)
	l.anim.Start()
}

// timed is post with the time of what is handed back accounted for.
func (l *frameLog) timed(f func()) {
	l.post(func() {
		from := l.cpu()
		f()
		l.posted += l.cpu() - from
	})
}

// tick is called after the events of a turn and before its painting.
func (l *frameLog) tick() {
	now := l.cpu()
	switch {
	case l.number == 0:
		l.from = now
	case l.end == 0: // the turn before painted nothing
		l.turn(l.before, 0, false)
	default: // the swap's end was not told in time: events lie between
		l.turn(l.end, min(now-l.end, l.least), true)
	}
	l.number++
	l.before, l.began = now, time.Now()
	l.end, l.asked = 0, false
	l.mark.reset()
}

// painted is called when the last object may have been painted.
func (l *frameLog) painted() {
	if l.number == 0 {
		return
	}
	l.end, l.ended, l.posted = l.cpu(), time.Now(), 0
	if !l.asked {
		l.asked = true
		number := l.number
		l.post(func() { l.swapped(number) })
	}
}

// swapped is called after the swap of buffers of a turn, which may be past.
func (l *frameLog) swapped(number int) {
	if number != l.number || l.end == 0 {
		return
	}
	if !l.mark.done { // it was a hit test
		l.end = 0
		return
	}
	swap := max(0, l.cpu()-l.end-l.posted)
	if l.least == 0 || swap < l.least {
		l.least = swap
	}
	l.turn(l.end, swap, true)
	l.before, l.end = l.from, 0
	l.number++ // what follows is another turn, even if it has no tick yet
}

// turn writes a line about the turn that ended painting, or its events, at end.
func (l *frameLog) turn(end, swap time.Duration, painted bool) {
	cpu := end - l.from
	uploads, waited := l.uploads(), l.waited()
	if painted || cpu >= quietTurn {
		is, clock := 0, time.Duration(0)
		if painted {
			is, clock = 1, l.ended.Sub(l.began)
		}
		line := fmt.Sprintf("%d %d %d %d %d %d %d %d %d\n", time.Now().UnixMicro(), cpu.Microseconds(), swap.Microseconds(),
			(l.before - l.from).Microseconds(), (end - l.before).Microseconds(), (waited - l.stood).Microseconds(), clock.Microseconds(), uploads-l.had, is)
		l.mu.Lock()
		l.lines = append(l.lines, line...)
		l.mu.Unlock()
	}
	l.from, l.stood, l.had = end+swap, waited, uploads
}

// write brings the lines to the file now and then, on a goroutine of its own.
func (l *frameLog) write() {
	defer close(l.over)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-l.done:
			last = true
		}
		l.mu.Lock()
		lines := l.lines
		l.lines = nil
		l.mu.Unlock()
		if _, err := l.out.Write(lines); err != nil {
			return // nobody measures any more
		}
	}
}

// close writes what is left.
func (l *frameLog) close() {
	l.anim.Stop()
	close(l.done)
	<-l.over
}
