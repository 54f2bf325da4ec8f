package storage

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"
)

const crashDir = "COVERSLIP_TEST_CRASH_DIR"

// TestCrashChild is the program that TestProject_Killed kills; alone it does
// nothing.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("run by TestProject_Killed")
	}
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	slides, err := p.Slides()
	if err != nil {
		t.Fatal(err)
	}
	slide := slides[0].ID
	for n := 0; ; n++ {
		o := square(float64(rand.IntN(1000)), 7)
		o.Notes = strings.Repeat("x", rand.IntN(3000))
		commit(t, p, annotate.Add(slide, "add", o))
		fmt.Println("add", o.ID)
		switch n % 7 {
		case 3:
			e, err := p.Undo(slide, testStamp)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("undo", e.Changes[0].Before.ID)
		case 4:
			c := *o
			c.Notes = "changed"
			commit(t, p, annotate.Replace(slide, "change", o, &c))
			fmt.Println("change", o.ID)
		case 6:
			if n%21 == 6 {
				if err := p.Compact(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestProject_Killed kills a program that saves one edit after another, again
// and again: whatever it had acknowledged must be there.
func TestProject_Killed(t *testing.T) {
	kills := 30
	if testing.Short() {
		kills = 5
	}
	p, slide := newProject(t)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	state := map[string]string{} // by object: the last word acknowledged
	acknowledged := 0
	for range kills {
		acknowledged += runAndKill(t, p.Dir(), state)
		p = reopenKilled(t, p.Dir())
		have := map[string]*annotate.Object{}
		for _, o := range objects(t, p, slide) {
			have[o.ID.String()] = o
		}
		for id, word := range state {
			o := have[id]
			switch {
			case word == "undo" && o != nil:
				t.Fatalf("object %s was undone and is there", id)
			case word != "undo" && o == nil:
				t.Fatalf("object %s was saved and is gone", id)
			case word == "change" && o.Notes != "changed":
				t.Fatalf("the change of object %s is lost", id)
			}
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		// What was saved just before the kill and not acknowledged counts too.
		for id, o := range have {
			if _, known := state[id]; !known || o.Notes == "changed" {
				state[id] = "add"
				if o.Notes == "changed" {
					state[id] = "change"
				}
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d acknowledged operations", kills, acknowledged)
	if acknowledged < kills {
		t.Errorf("only %d operations between %d kills", acknowledged, kills)
	}
}

func reopenKilled(t *testing.T, dir string) *Project {
	t.Helper()
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal("after a kill:", err)
	}
	if !p.Recovered() {
		t.Error("a killed session was not noticed")
	}
	return p
}

// runAndKill adds to state what the child acknowledged, and answers how much.
func runAndKill(t *testing.T, dir string, state map[string]string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	undoing := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		word, id, ok := strings.Cut(lines.Text(), " ")
		if !ok || word != "add" && word != "undo" && word != "change" {
			if strings.Contains(lines.Text(), "FAIL") || strings.Contains(lines.Text(), ".go:") {
				t.Error("child:", lines.Text())
			}
			continue
		}
		if n++; n == 1 {
			// The clock runs from the first acknowledgement on.
			kill.Reset(time.Duration(rand.IntN(100_000)) * time.Microsecond)
		}
		state[id] = word
		undoing = id
	}
	kill.Stop()
	cmd.Wait()
	// The step after an add may be its undo, done and not acknowledged.
	if state[undoing] == "add" {
		delete(state, undoing)
	}
	return n
}

func TestCompact_Backup(t *testing.T) {
	p, slide := newProject(t)
	var list []*annotate.Object
	for range 2000 {
		o := square(rand.Float64()*1000, 0)
		o.Notes = strings.Repeat("n", 500)
		list = append(list, o)
	}
	commit(t, p, annotate.Add(slide, "many", list...))
	for range 3 {
		if _, err := p.Undo(slide, testStamp); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Redo(slide, testStamp); err != nil {
			t.Fatal(err)
		}
	}
	size := func(path string) int64 {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	file := filepath.Join(p.Dir(), FileName)
	before := size(file)
	back := filepath.Join(p.Dir(), BackupDir, "b.bolt")
	for range 2 { // the second replaces the first
		if err := p.Backup(back); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Backup(file); !errors.Is(err, ErrOwnFile) {
		t.Errorf("onto itself: %v", err)
	}
	if err := p.Compact(); err != nil {
		t.Fatal(err)
	}
	if after := size(file); after >= before {
		t.Errorf("%d bytes became %d", before, after)
	}
	want := objects(t, p, slide)
	if len(want) != len(list) {
		t.Fatal(len(want))
	}
	commit(t, p, annotate.Add(slide, "after", square(1, 1)))
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Rename(back, filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	q, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Check(); err != nil || len(objects(t, q, slide)) != len(list) || q.UUID() != p.UUID() {
		t.Error("the copy:", err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.Dir(), "*", ".project-*")); len(left) != 0 {
		t.Error("left behind:", left)
	}
}
