//go:build e2e

package main

import (
	"bytes"
	"fmt"
	"image"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// program is the program under test, running on a display.
type program struct {
	display *display
	cmd     *exec.Cmd
	window  string        // X's number of its window, once known
	done    chan struct{} // closed when it ended
	output  lockedBuffer  // what it wrote to standard output and error
	err     error         // how it ended; read after done
}

// lockedBuffer is written by the program's pipes and read by the test.
type lockedBuffer struct {
	mu   sync.Mutex // protects text
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts a program on the display, env added to its environment.
func (d *display) start(env []string, name string, args ...string) (*program, error) {
	p := &program{display: d, done: make(chan struct{})}
	p.cmd = exec.Command(name, args...)
	p.cmd.Env = d.environ(env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// settled waits until the window shows and rests; the program must not end meanwhile.
func (p *program) settled(quiet, limit time.Duration) (*image.RGBA, error) {
	img, err := p.display.still(quiet, limit)
	select {
	case <-p.done:
		return nil, fmt.Errorf("%s ended (%v) and said:\n%s", p.cmd.Path, p.err, p.output.String())
	default:
	}
	if err != nil {
		return nil, fmt.Errorf("%w; %s said:\n%s", err, p.cmd.Path, p.output.String())
	}
	return img, nil
}

// ended waits for the program to end by itself.
func (p *program) ended(limit time.Duration) error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s: %w:\n%s", p.cmd.Path, p.err, p.output.String())
		}
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s still ran after %s", p.cmd.Path, limit)
	}
}

// fill finds the program's window, stretches it over the screen and gives it the keyboard:
// there is no window manager on this display to do either. It returns the picture once the
// window rests.
func (p *program) fill(limit time.Duration) (*image.RGBA, error) {
	d, end := p.display, time.Now().Add(limit)
	for {
		ids, err := d.xdo("search", "--onlyvisible", "--pid", strconv.Itoa(p.cmd.Process.Pid))
		if id, _, _ := strings.Cut(ids, "\n"); err == nil && id != "" {
			p.window = id
			break
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("%s ended (%v) and said:\n%s", p.cmd.Path, p.err, p.output.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s showed no window within %s and said:\n%s", p.cmd.Path, limit, p.output.String())
		}
	}
	w, h := strconv.Itoa(d.width), strconv.Itoa(d.height)
	if _, err := d.xdo("windowmove", p.window, "0", "0", "windowsize", p.window, w, h, "windowfocus", p.window); err != nil {
		return nil, err
	}
	for !p.fills() { // a busy machine rests before it has drawn in the new size
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s did not fill the screen within %s", p.cmd.Path, limit)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return p.settled(settling, time.Until(end))
}

// fills tells whether the window is drawn up to the corners of the screen, which is
// black where nothing is.
func (p *program) fills() bool {
	img, err := p.display.picture()
	if err != nil {
		return false
	}
	b := img.Bounds()
	for _, c := range [2]image.Point{{b.Min.X + 2, b.Max.Y - 3}, {b.Max.X - 3, b.Max.Y - 3}} {
		if at := img.RGBAAt(c.X, c.Y); at.R == 0 && at.G == 0 && at.B == 0 {
			return false
		}
	}
	return true
}

// spoke waits until the program said something on its standard error.
func (p *program) spoke(words string, limit time.Duration) error {
	for end := time.Now().Add(limit); !strings.Contains(p.output.String(), words); time.Sleep(50 * time.Millisecond) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%v) and said:\n%s", p.cmd.Path, p.err, p.output.String())
		default:
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s did not say %q within %s, but:\n%s", p.cmd.Path, words, limit, p.output.String())
		}
	}
	return nil
}

// settling is how long a picture must stay the same to count as the final one. Tiles on a
// busy machine arrive closer together than this.
const settling = 1200 * time.Millisecond

// kill ends the program as a power cut would: it gets no chance to tidy up.
func (p *program) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // gone already is as good
	<-p.done
}
