package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"coverslip/app"
)

// progress shows how far a long action is: a bar that is drawn over itself on a
// terminal, otherwise a plain line now and then.
type progress struct {
	w    io.Writer
	tty  bool
	mu   sync.Mutex // protects what follows
	name string     // the stage
	from time.Time  // its beginning
	base int        // steps done at the beginning
	last time.Time  // when something was shown
	open bool       // a bar stands on the terminal's line
}

// plainEvery is the pause between the plain lines of one stage.
const plainEvery = 5 * time.Second

// newProgress shows on c's standard error.
func (c *call) newProgress() *progress { return &progress{w: c.err, tty: terminal(c.err)} }

// show is the app.Progress.
func (p *progress) show(stage string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	fresh := stage != p.name
	if fresh {
		p.clear()
		p.name, p.from, p.base, p.last = stage, now, done, time.Time{}
	}
	pause := plainEvery
	if p.tty {
		pause = 100 * time.Millisecond
	}
	finished := total > 0 && done >= total
	if !fresh && !finished && now.Sub(p.last) < pause {
		return
	}
	p.last = now
	line := p.line(done, total, now)
	if !p.tty {
		fmt.Fprintln(p.w, line)
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.open = true
	if finished {
		p.clear()
	}
}

// line is the text of one moment.
func (p *progress) line(done, total int, now time.Time) string {
	if total <= 0 {
		return p.name + " …"
	}
	part := float64(done) / float64(total)
	text := fmt.Sprintf("%s %d/%d", p.name, done, total)
	if p.tty {
		n := min(20, int(part*20))
		text = fmt.Sprintf("[%s%s] %3.0f %% %s", strings.Repeat("#", n), strings.Repeat("·", 20-n), 100*part, text)
	}
	if spent := now.Sub(p.from); spent > 2*time.Second && done > p.base && done < total {
		left := time.Duration(float64(spent) / float64(done-p.base) * float64(total-done))
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}

// clear ends the bar's line.
func (p *progress) clear() {
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}

// done ends the showing.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

var _ app.Progress = (*progress)(nil).show
