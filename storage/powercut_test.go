package storage

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"coverslip/annotate"
)

// event is one thing that happened to one of the two files, or an
// acknowledgement.
type event struct {
	file  int // 0 the project, 1 the journal
	off   int64
	data  []byte // of a write
	sync  bool
	cut   bool // the file was cut to off
	acked map[annotate.ID]bool
}

// recording is the story of a working session, write by write.
type recording struct {
	begin  [2][]byte
	events []event
	slide  annotate.ID
}

// torture is how many times a test tries, of a few in a short run and as many
// as the issue asks for in the full one.
func torture(short, usual, full int) int {
	if n, err := strconv.Atoi(os.Getenv("COVERSLIP_TORTURE")); err == nil && n > 0 {
		return full
	}
	if testing.Short() {
		return short
	}
	return usual
}

func record(t *testing.T, rng *rand.Rand, edits int) recording {
	t.Helper()
	p, slide := newProject(t)
	r := recording{slide: slide}
	r.begin[0] = read(t, filepath.Join(p.Dir(), FileName))
	r.begin[1] = read(t, filepath.Join(p.Dir(), JournalName))
	page := int64(os.Getpagesize())
	release := boltHook(p.db, func(b []byte, off int64) error {
		if off < 2*page { // a meta page: what was written before was synced
			r.events = append(r.events, event{file: 0, sync: true})
		}
		r.events = append(r.events, event{file: 0, off: off, data: append([]byte(nil), b...)})
		return nil
	})
	defer release()
	p.journal.disk.before = func(x deed) error {
		switch x.op {
		case "write":
			r.events = append(r.events, event{file: 1, off: x.off, data: append([]byte(nil), x.data...)})
		case "truncate":
			r.events = append(r.events, event{file: 1, off: x.off, cut: true})
		case "sync":
			r.events = append(r.events, event{file: 1, sync: true})
		}
		return nil
	}
	there := map[annotate.ID]bool{}
	ack := func() {
		now := make(map[annotate.ID]bool, len(there))
		for id, v := range there {
			now[id] = v
		}
		r.events = append(r.events, event{file: 0, sync: true}, event{acked: now})
	}
	var last *annotate.Object
	for range edits {
		if last != nil && rng.IntN(4) == 0 {
			if _, err := p.Undo(slide, testStamp); err != nil {
				t.Fatal(err)
			}
			there[last.ID], last = false, nil
		} else {
			last = square(rng.Float64()*1000, 3)
			last.Notes = string(make([]byte, rng.IntN(6000)))
			commit(t, p, annotate.Add(slide, "add", last))
			there[last.ID] = true
		}
		ack()
	}
	return r
}

// cut is the two files as a power cut at the n-th event may leave them: what was
// synced is there, and of the rest each sector of 512 bytes or not.
func (r recording) cut(rng *rand.Rand, n int) (files [2][]byte, acked map[annotate.ID]bool) {
	lastSync := [2]int{}
	for i, e := range r.events[:n] {
		if e.sync {
			lastSync[e.file] = i
		}
		if e.acked != nil {
			acked = e.acked
		}
	}
	for f := range files {
		files[f] = append([]byte(nil), r.begin[f]...)
	}
	const sector = 512
	for i, e := range r.events[:n] {
		b := &files[e.file]
		switch {
		case e.cut && (i < lastSync[e.file] || rng.IntN(2) == 0) && e.off < int64(len(*b)):
			*b = (*b)[:e.off]
		case e.data == nil:
		default:
			for at := 0; at < len(e.data); at += sector {
				part := e.data[at:min(at+sector, len(e.data))]
				if i > lastSync[e.file] && rng.IntN(2) == 0 {
					continue // lost
				}
				if i > lastSync[e.file] && rng.IntN(8) == 0 {
					part = part[:rng.IntN(len(part)+1)] // torn
				}
				end := e.off + int64(at+len(part))
				if grow := end - int64(len(*b)); grow > 0 {
					*b = append(*b, make([]byte, grow)...)
				}
				copy((*b)[e.off+int64(at):], part)
			}
		}
	}
	return files, acked
}

// TestPowerCuts replays the recorded writes of working sessions up to a random
// moment, with sectors lost and torn: 0 acknowledged edits lost, 0 damaged
// projects. (Fault table, case 3.)
func TestPowerCuts(t *testing.T) {
	n := torture(40, 200, 2000)
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 2))
	t.Log("seed", seed)
	dir := t.TempDir()
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		if d, err := os.MkdirTemp("/dev/shm", "coverslip-test-"); err == nil {
			dir = d
			t.Cleanup(func() { os.RemoveAll(d) })
		}
	}
	acknowledged, recovered := 0, 0
	var r recording
	for i := range n {
		if i%100 == 0 {
			r = record(t, rng, 60)
		}
		files, acked := r.cut(rng, 1+rng.IntN(len(r.events)))
		write(t, filepath.Join(dir, FileName), files[0])
		write(t, filepath.Join(dir, JournalName), files[1])
		p, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("cut %d: %v", i, err)
		}
		if err := p.Check(); err != nil {
			t.Fatalf("cut %d: %v", i, err)
		}
		if o := p.Opening(); o.SetAside != "" {
			t.Fatalf("cut %d: the journal did not fit: %s", i, o.Journal)
		} else if o.Replayed > 0 {
			recovered++
		}
		have := map[annotate.ID]bool{}
		for _, o := range objects(t, p, r.slide) {
			have[o.ID] = true
		}
		lost := 0
		for id, there := range acked {
			if have[id] != there {
				lost++
			}
		}
		// The undo after the last acknowledgement may be there already.
		if lost > 1 || lost == 1 && len(have) > count(acked) {
			t.Fatalf("cut %d: %d acknowledged edits lost", i, lost)
		}
		acknowledged += len(acked)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d power cuts, %d acknowledged edits, in %d the journal knew more than the file", n, acknowledged, recovered)
}

func count(m map[annotate.ID]bool) (n int) {
	for _, v := range m {
		if v {
			n++
		}
	}
	return n
}
