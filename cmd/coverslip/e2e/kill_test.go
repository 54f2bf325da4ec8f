//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWindow_KilledAtRandom edits by mouse and keys and kills the window
// (SIGKILL) at a random moment, also in the middle of a stroke, again and again
// on one project. Every edit that the window told of as saved is in the edit log
// and in that order, at most the one under way is there without having been told,
// and nothing is damaged. COVERSLIP_KILLS is how often; without it the test is
// skipped, for each round starts the program. (Fault table, cases 1 and 2.)
func TestWindow_KilledAtRandom(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("COVERSLIP_KILLS"))
	if err != nil || n < 1 {
		t.Skip("COVERSLIP_KILLS does not say how often to kill the window")
	}
	w := newWorld(t)
	k := &windowKiller{world: w, display: newDisplay(t, 1280, 800), rng: rand.New(rand.NewPCG(rand.Uint64(), 1))}
	k.seen = len(k.log())
	for i := range n {
		k.once()
		if t.Failed() {
			return
		}
		t.Logf("kill %d: %d edits told of as saved so far, %d on disk before they were told of, %d strokes cut", i+1, k.told, k.early, k.strokes)
	}
	if k.told < n {
		t.Errorf("only %d edits between %d kills", k.told, n)
	}
}

// windowKiller knows how far the edit log was looked through.
type windowKiller struct {
	*world
	display *display
	rng     *rand.Rand
	seen    int // edits of the log that were compared

	told, early, strokes int
}

// loggedEdit is one edit of the log.
type loggedEdit struct {
	Op    string `json:"op"`
	Label string `json:"label"`
}

// log lists what changed labels, oldest first; the project must be closed.
func (k *windowKiller) log() []loggedEdit {
	k.t.Helper()
	path := filepath.Join(k.dir, "log.jsonl")
	k.ctl("audit", "export", "--project", k.project, path)
	data, err := os.ReadFile(path)
	if err != nil {
		k.t.Fatal(err)
	}
	var out []loggedEdit
	for line := range strings.Lines(string(data)) {
		var e loggedEdit
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			k.t.Fatal(err)
		}
		if e.Op == "edit" || e.Op == "undo" || e.Op == "redo" {
			out = append(out, e)
		}
	}
	return out
}

// once opens the window, edits until it is gone, and looks.
func (k *windowKiller) once() {
	t := k.t
	t.Helper()
	env := append([]string{"COVERSLIP_DEBUG=window"}, k.home...)
	p, err := k.display.start(env, filepath.Join(k.bin, "coverslip"), "--author", "E2E", k.project)
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	if _, err := p.fill(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	// The clock runs from the first edit on.
	began, after := make(chan struct{}), time.Duration(k.rng.IntN(3_000_000))*time.Microsecond
	go func() {
		for end := time.Now().Add(2 * time.Minute); len(told(p)) == 0 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		close(began)
		time.Sleep(after)
		p.kill()
	}()
	drawing := k.edit(p)
	<-began
	<-p.done
	if drawing {
		k.strokes++
	}
	k.look(told(p))
}

// told lists what the window said it saved.
func told(p *program) []string {
	var out []string
	for line := range strings.Lines(p.output.String()) {
		if what, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "coverslip: saved "); ok {
			out = append(out, what)
		}
	}
	return out
}

// edit draws, classes, deletes, undoes and redoes by X events until the program
// is gone, and tells whether a stroke was under way then.
func (k *windowKiller) edit(p *program) (drawing bool) {
	gone := func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	}
	send := func(args ...string) {
		if _, err := k.display.xdo(args...); err != nil && !gone() {
			k.t.Error(err)
		}
	}
	key := func(name string) { send("key", "--clearmodifiers", name) }
	drag := func() bool {
		x, y := 330+k.rng.IntN(420), 180+k.rng.IntN(380)
		send("mousemove", fmt.Sprint(x), fmt.Sprint(y), "mousedown", "1")
		for i := range 5 {
			send("mousemove", fmt.Sprint(x+12*(i+1)), fmt.Sprint(y+9*(i+1)))
			if gone() {
				return true
			}
		}
		send("mouseup", "1")
		return false
	}
	key("r")
	for round := 0; !gone() && round < 2000; round++ {
		switch n := k.rng.IntN(12); {
		case round == 0 || n < 5:
			key("r")
			drawing = drag()
		case n < 7:
			key("b")
			drawing = drag()
		case n < 8:
			key(fmt.Sprint(1 + k.rng.IntN(4)))
		case n < 9:
			key("Delete")
		case n < 11:
			key("ctrl+z")
		default:
			key("ctrl+y")
		}
	}
	return drawing
}

// look compares the log with what was told.
func (k *windowKiller) look(told []string) {
	t := k.t
	t.Helper()
	k.intact() // as the kill left it: the journal may be ahead of the file
	nothing := filepath.Join(k.dir, "nothing.jsonl")
	if err := os.WriteFile(nothing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k.ctl("annotations", "edit", "--project", k.project, nothing) // opening for writing takes that over
	k.intact()
	log := k.log()
	fresh := log[min(k.seen, len(log)):]
	if len(log) < k.seen || len(fresh) < len(told) || len(fresh) > len(told)+1 {
		t.Fatalf("%d edits were told of as saved, the log grew by %d\ntold: %q\nlog: %v", len(told), len(log)-k.seen, told, fresh)
	}
	for i, what := range told {
		op, label := "edit", what
		if rest, ok := strings.CutPrefix(what, "Undone: "); ok {
			op, label = "undo", rest
		} else if rest, ok := strings.CutPrefix(what, "Done again: "); ok {
			op, label = "redo", rest
		}
		if fresh[i].Op != op || !strings.HasSuffix(fresh[i].Label, label) {
			t.Fatalf("edit %d was told of as %q, the log says %v", i, what, fresh[i])
		}
	}
	k.told += len(told)
	k.early += len(fresh) - len(told)
	k.seen = len(log)
}
