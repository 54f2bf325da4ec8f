package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coverslip/annotate"
)

// worked is a closed project with a backup at half of its work, and its
// contents.
func worked(t *testing.T) (dir string, slide annotate.ID, want map[string]string) {
	t.Helper()
	p, slide := newProject(t)
	rng := rand.New(rand.NewPCG(3, 3))
	work(t, p, slide, 40, rng)
	if path, err := p.AutoBackup("work", time.Now()); err != nil || path == "" {
		t.Fatal(path, err)
	}
	work(t, p, slide, 40, rng)
	want = contents(t, p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return p.Dir(), slide, want
}

// TestRepair_Steps damages the project so that one step after another is the
// first that helps. (Fault table, cases 3, 26, 27, 28, 29.)
func TestRepair_Steps(t *testing.T) {
	flip := func(b []byte, what string) []byte {
		n := 0
		for i := bytes.Index(b, []byte(what)); i >= 0; i = bytes.Index(b, []byte(what)) {
			b[i] ^= 0x40
			n++
		}
		if n == 0 {
			t.Fatal("not found: ", what)
		}
		return b
	}
	type files map[string][]byte // by name; nil takes the file away
	for name, c := range map[string]struct {
		by     string
		lost   bool
		damage func(bolt, journal []byte) files
	}{
		"a torn last write": {"older meta page", false, func(b, j []byte) files {
			pages, err := readPages(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			copy(b[int64(pages.root)*pages.pageSize:], make([]byte, 512))
			return files{FileName: b}
		}},
		"a flipped bit in a value": {"history", false, func(b, j []byte) files {
			return files{FileName: flip(b, "find this")}
		}},
		"a cut file":    {"journal", false, func(b, j []byte) files { return files{FileName: b[:32768]} }},
		"an empty file": {"journal", false, func(b, j []byte) files { return files{FileName: {}} }},
		"no file":       {"journal", false, func(b, j []byte) files { return files{FileName: nil} }},
		"no file, a cut journal": {"journal", true, func(b, j []byte) files {
			return files{FileName: nil, JournalName: j[:len(j)-7]}
		}},
		"no file, no journal": {"backup", true, func(b, j []byte) files { return files{FileName: nil, JournalName: nil} }},
		"noise, and a damaged journal": {"backup", true, func(b, j []byte) files {
			for i := range b {
				b[i] = byte(i * 7)
			}
			copy(j[500:], make([]byte, 100))
			return files{FileName: b, JournalName: j}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, slide, want := workedWithNote(t)
			bad := c.damage(read(t, filepath.Join(dir, FileName)), read(t, filepath.Join(dir, JournalName)))
			for f, b := range bad {
				if b == nil {
					os.Remove(filepath.Join(dir, f))
				} else {
					write(t, filepath.Join(dir, f), b)
				}
			}
			rep, err := Repair(dir, CheckDir)
			if err != nil {
				t.Fatalf("%v\n%+v", err, rep)
			}
			if rep.By != c.by || (rep.Lost != "") != c.lost || rep.Damage == "" || len(rep.Steps) == 0 {
				t.Errorf("%+v", rep)
			}
			if b := bad[FileName]; b != nil && !bytes.Equal(read(t, rep.Kept), b) {
				t.Error("the damaged file is not kept")
			}
			q := mustOpen(t, dir)
			if err := q.Check(); err != nil {
				t.Error(err)
			}
			if !c.lost {
				sameContents(t, contents(t, q), want)
			}
			commit(t, q, annotate.Add(slide, "after", square(1, 1)))
			q.Close()
			if rep, err := Repair(dir, CheckDir); err != nil || rep.Damage != "" {
				t.Errorf("a sound project: %+v, %v", rep, err)
			}
		})
	}
}

func workedWithNote(t *testing.T) (string, annotate.ID, map[string]string) {
	dir, slide, _ := worked(t)
	p := mustOpen(t, dir)
	o := square(1, 1)
	o.Notes = "find this very sentence"
	commit(t, p, annotate.Add(slide, "note", o))
	want := contents(t, p)
	// The last commit is a small one, so that the pages of the one before it
	// are still there.
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, slide, want
}

// TestRepair_RandomDamage: whatever was done to the file, a repair with the
// journal at hand loses nothing.
func TestRepair_RandomDamage(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 12
	}
	dir, _, want := worked(t)
	q := mustOpen(t, dir)
	if err := errors.Join(q.Compact(), q.Close()); err != nil { // few free pages: damage hits something
		t.Fatal(err)
	}
	good := read(t, filepath.Join(dir, FileName))
	pages, err := readPages(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	good = good[:int64(pages.high)*pages.pageSize]
	journal := read(t, filepath.Join(dir, JournalName))
	rng := rand.New(rand.NewPCG(4, 4))
	by := map[string]int{}
	for range n {
		d := t.TempDir()
		bad, what := harm(rng, good)
		write(t, filepath.Join(d, FileName), bad)
		write(t, filepath.Join(d, JournalName), journal)
		rep, err := Repair(d, CheckDir)
		if err != nil {
			t.Fatalf("%s: %v\n%+v", what, err, rep)
		}
		by[rep.By]++
		p := mustOpen(t, d)
		sameContents(t, contents(t, p), want)
		p.Close()
	}
	t.Log("helped:", by)
}

func TestBackups_Kept(t *testing.T) {
	p, slide := newProject(t)
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	for day := range 20 {
		for hour := range 3 {
			commit(t, p, annotate.Add(slide, "add", square(1, 1)))
			if path, err := p.AutoBackup("work", now.Add(time.Duration(day*24+hour)*time.Hour)); err != nil || path == "" {
				t.Fatal(path, err)
			}
		}
	}
	if path, err := p.AutoBackup("close", now.Add(900*time.Hour)); err != nil || path != "" {
		t.Error("nothing was changed, and a copy was made:", path, err)
	}
	have, err := Backups(p.Dir())
	if err != nil {
		t.Fatal(err)
	}
	// Ten newest: days 20, 19, 18 whole and the last of 17; then the last of
	// each day down to the seventh.
	days := map[string]int{}
	for _, b := range have {
		days[b.At.Format("02")]++
	}
	if fmt.Sprint(days) != "map[14:1 15:1 16:1 17:1 18:3 19:3 20:3]" {
		t.Error(days)
	}
	for _, b := range have {
		if err := verifyBackup(b.Path, b.Seq); err != nil {
			t.Error(err)
		}
	}
}

func TestCase22_SecondProcess_Case23_StaleLock(t *testing.T) {
	p, _ := newProject(t)
	_, err := Open(p.Dir(), Options{})
	if !errors.Is(err, ErrLocked) || !bytes.Contains([]byte(err.Error()), []byte(fmt.Sprint("process ", os.Getpid()))) {
		t.Error(err)
	}
	p.Close()
	write(t, filepath.Join(p.Dir(), OwnerName), []byte(`{"process":1,"host":"gone","since":"2026-01-01T00:00:00Z"}`))
	q, err := Open(p.Dir(), Options{})
	if err != nil {
		t.Fatal("a lock of the dead:", err)
	}
	q.Close()
	if _, err := os.Stat(filepath.Join(p.Dir(), OwnerName)); err == nil {
		t.Error("it says still that it is open")
	}
}
