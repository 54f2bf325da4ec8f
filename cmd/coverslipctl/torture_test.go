package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// kills is how often the program is killed: a few in an ordinary run, 1,000 when
// COVERSLIP_TORTURE says how often.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("COVERSLIP_TORTURE")); err == nil && n > 0 {
		return n
	}
	if testing.Short() {
		return 5
	}
	return 25
}

// TestTorture_Kill runs the built program through a scripted editing session and
// kills it (SIGKILL) at a random moment, again and again on one project: every
// acknowledged edit is there, nothing is damaged, and at most the one edit that
// was under way is there without having been acknowledged. (Fault table, cases
// 1, 2 and 23.)
func TestTorture_Kill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "coverslipctl")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	project := filepath.Join(dir, "p.coverslip")
	p, err := storage.Create(project, "Torture", storage.Stamp{Author: "T", App: "test", At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	slide := storage.Slide{ID: annotate.NewID(), Name: "a.svs", Width: 100000, Height: 80000}
	if err := p.AddSlide(slide, storage.Stamp{Author: "T", App: "test", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	k := &killer{t: t, bin: bin, project: project, slide: slide.ID, there: map[string]bool{}, rng: rand.New(rand.NewPCG(rand.Uint64(), 1))}
	began, n := time.Now(), kills()
	for range n {
		k.once()
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills in %v: %d edits acknowledged, 0 lost; %d were on the disk before they could be acknowledged; %d times the journal made up for the file",
		n, time.Since(began).Round(time.Second), k.acked, k.early, k.replayed)
	if k.acked < n {
		t.Errorf("only %d edits between %d kills", k.acked, n)
	}
}

// killer knows what the project must hold.
type killer struct {
	t       *testing.T
	bin     string
	project string
	slide   annotate.ID
	rng     *rand.Rand
	there   map[string]bool // objects, by what was acknowledged
	drawn   string          // object of the last edit, when that drew it
	records uint64          // of the edit log after the last look

	acked, early, replayed int
}

// once runs the program, kills it, and looks.
func (k *killer) once() {
	k.t.Helper()
	cmd := exec.Command(k.bin, "annotations", "edit", "--project", k.project, "--author", "T")
	in, err := cmd.StdinPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	kill := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
	k.drawn = ""
	waiting, acked := k.talk(in, out, func() {
		kill.Reset(time.Duration(k.rng.IntN(120_000)) * time.Microsecond)
	})
	kill.Stop()
	in.Close()
	if err := cmd.Wait(); err == nil {
		k.t.Fatal("the program ended by itself")
	}
	k.look(waiting, acked)
}

type request struct {
	Do    string      `json:"do"`
	ID    string      `json:"id,omitempty"`
	Class string      `json:"class,omitempty"`
	Rect  *[4]float64 `json:"rect,omitempty"`
}

// talk sends one edit after another and waits for each answer, until the program
// is gone. It answers the edit that had no answer, and how many had.
func (k *killer) talk(in io.Writer, out io.Reader, first func()) (waiting request, acked int) {
	answers := bufio.NewScanner(out)
	for {
		waiting = k.next()
		line, err := json.Marshal(waiting)
		if err != nil {
			k.t.Fatal(err)
		}
		if _, err := fmt.Fprintf(in, "%s\n", line); err != nil {
			return waiting, acked
		}
		if !answers.Scan() {
			return waiting, acked
		}
		var a editAnswer
		if err := json.Unmarshal(answers.Bytes(), &a); err != nil {
			return waiting, acked // killed within a line
		}
		if acked++; acked == 1 {
			first() // the clock runs from the first acknowledgement on
		}
		k.apply(waiting, a.ID)
	}
}

// next chooses an edit. An undo comes only after a drawing of this session.
func (k *killer) next() request {
	switch n := k.rng.IntN(10); {
	case n < 2 && k.drawn != "":
		return request{Do: "undo"}
	case n < 4 && len(k.there) > 0:
		for id, there := range k.there {
			if there {
				return request{Do: "delete", ID: id}
			}
		}
	case n < 5:
		for id, there := range k.there {
			if there {
				return request{Do: "class", ID: id, Class: "Stroma"}
			}
		}
	}
	x, y := k.rng.Float64()*90000, k.rng.Float64()*70000
	return request{Do: "draw", Class: "Tumour", Rect: &[4]float64{x, y, x + 50, y + 60}}
}

func (k *killer) apply(r request, id string) {
	was := k.drawn
	k.drawn = ""
	switch r.Do {
	case "draw":
		k.there[id], k.drawn = true, id
	case "delete":
		k.there[r.ID] = false
	case "undo":
		k.there[was] = false
	}
}

// look opens the project after a kill and compares.
func (k *killer) look(waiting request, acked int) {
	t := k.t
	t.Helper()
	p, err := storage.Open(k.project, storage.Options{})
	if err != nil {
		t.Fatal("after a kill:", err)
	}
	defer p.Close()
	if err := p.Check(); err != nil {
		t.Fatal("after a kill:", err)
	}
	if p.Opening().SetAside != "" {
		t.Fatal("the journal did not fit: ", p.Opening().Journal)
	}
	if p.Opening().Replayed > 0 {
		k.replayed++
	}
	last, err := p.LastCommit()
	if err != nil {
		t.Fatal(err)
	}
	if k.records == 0 {
		k.records = 2 // the project and its slide
	}
	extra := int64(last) - int64(k.records) - int64(acked)
	if extra < 0 || extra > 1 {
		t.Fatalf("%d edits were acknowledged, the log grew by %d", acked, int64(last)-int64(k.records))
	}
	k.acked += acked
	k.early += int(extra)
	k.records = last
	objects, err := p.Objects(k.slide)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, o := range objects {
		have[o.ID.String()] = true
	}
	if extra == 1 { // the edit under way counts
		id := ""
		for o := range have {
			if _, known := k.there[o]; !known {
				id = o
			}
		}
		k.apply(waiting, id)
	}
	for id, there := range k.there {
		if have[id] != there {
			t.Fatalf("object %s is there: %v, acknowledged: %v", id, have[id], there)
		}
		delete(have, id)
	}
	if len(have) > 0 {
		t.Fatalf("%d objects that nobody drew", len(have))
	}
}
