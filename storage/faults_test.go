package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// boltHook puts a function in front of every write of an open bolt file. When
// it answers failSync, the write is done and the next sync fails. bbolt has no
// door for that, so the test takes the private one.
func boltHook(db *bolt.DB, before func(b []byte, off int64) error) (release func()) {
	v := reflect.ValueOf(db).Elem()
	write := (*func([]byte, int64) (int, error))(unsafe.Pointer(v.FieldByName("ops").FieldByName("writeAt").UnsafeAddr()))
	file := (**os.File)(unsafe.Pointer(v.FieldByName("file").UnsafeAddr()))
	realWrite, realFile := *write, *file
	var pipes []*os.File
	*write = func(b []byte, off int64) (int, error) {
		err := before(b, off)
		if err != nil && !errors.Is(err, errFailSync) {
			return 0, err
		}
		n, werr := realWrite(b, off)
		if err != nil {
			r, w, perr := os.Pipe() // a pipe cannot be synced
			if perr != nil {
				return n, perr
			}
			pipes = append(pipes, r, w)
			*file = r
		}
		return n, werr
	}
	return func() {
		*file, *write = realFile, realWrite
		for _, p := range pipes {
			p.Close()
		}
	}
}

var errFailSync = errors.New("the next sync fails")

// nth lets the n-th call fail, and counts them.
type nth struct {
	at, calls int
	err       error
	what      string // that failed
}

func (n *nth) ask(what string, err error) error {
	n.calls++
	if n.calls != n.at {
		return nil
	}
	n.what = what
	return err
}

// TestFaults_NthCall lets every single write, sync, truncate and rename of a
// working session fail in turn, with an I/O error and with a full disk. Each
// time: the error is told, whatever was acknowledged is there when the project
// is opened again, nothing is damaged, and an edit whose saving failed is there
// whole or not at all. (Fault table, cases 8, 10, 11, 12.)
func TestFaults_NthCall(t *testing.T) {
	for _, kind := range []error{syscall.EIO, syscall.ENOSPC} {
		t.Run(kind.Error(), func(t *testing.T) {
			step := 1
			if testing.Short() {
				step = 3
			}
			failures := 0
			for n := 1; ; n += step {
				fault := &nth{at: n, err: kind}
				if !faultyRun(t, fault) {
					break
				}
				failures++
			}
			t.Logf("%d calls failed in turn", failures)
			if failures < 20 {
				t.Errorf("only %d calls were found", failures)
			}
		})
	}
}

// faultyRun works with the n-th call failing; false when there were fewer calls.
func faultyRun(t *testing.T, f *nth) bool {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "p")
	d := disk{before: func(x deed) error { return f.ask(x.op+" "+filepath.Base(x.path), f.err) }}
	p, err := create(dir, "Test", testStamp, d)
	if err != nil {
		if f.what == "" {
			t.Fatal(err)
		}
		// Created whole, or not at all.
		q, err := Open(dir, Options{})
		if errors.Is(err, ErrNotProject) || errors.Is(err, os.ErrNotExist) {
			q, err = Create(dir, "Test", testStamp)
		}
		if err != nil {
			t.Fatalf("call %d (%s): %v", f.at, f.what, err)
		}
		if err := errors.Join(q.Check(), q.Close()); err != nil {
			t.Fatalf("call %d (%s): %v", f.at, f.what, err)
		}
		return true
	}
	release := hookBoth(p, f)
	acked, open := faultyWork(t, p, f)
	release()
	if f.what == "" {
		p.Close()
		return false
	}
	if p.db != nil {
		abandon(t, p)
	}
	q, err := Open(dir, Options{})
	if err != nil {
		t.Fatalf("call %d (%s): %v", f.at, f.what, err)
	}
	defer q.Close()
	if err := q.Check(); err != nil {
		t.Fatalf("call %d (%s): %v", f.at, f.what, err)
	}
	have := map[annotate.ID]bool{}
	for _, slide := range slidesOf(t, q) {
		for _, o := range objects(t, q, slide) {
			have[o.ID] = true
		}
	}
	for id, there := range acked {
		if !open[id] && have[id] != there {
			t.Errorf("call %d (%s): object %s is there: %v, acknowledged: %v", f.at, f.what, id, have[id], there)
		}
	}
	return true
}

func slidesOf(t *testing.T, p *Project) (ids []annotate.ID) {
	t.Helper()
	list, err := p.Slides()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}

// hookBoth lets bbolt's own writes and syncs fail, too.
func hookBoth(p *Project, f *nth) func() {
	return boltHook(p.db, func(b []byte, off int64) error {
		if err := f.ask("write of bolt", f.err); err != nil {
			return err
		}
		return f.ask("sync of bolt", errFailSync)
	})
}

// faultyWork does a bit of everything. acked is what was acknowledged of each
// object; open are those whose last edit failed.
func faultyWork(t *testing.T, p *Project, f *nth) (acked, open map[annotate.ID]bool) {
	acked, open = map[annotate.ID]bool{}, map[annotate.ID]bool{}
	told := false
	note := func(err error) bool {
		told = told || err != nil
		if err != nil && f.what == "" {
			t.Fatal(err)
		}
		return err == nil
	}
	s := Slide{ID: annotate.NewID(), Name: "a"}
	note(p.AddSlide(s, testStamp))
	var last annotate.ID // the edit that an undo takes back
	for i := range 4 {
		o := square(float64(i), 1)
		_, err := p.Commit(annotate.Add(s.ID, "add", o), testStamp)
		if acked[o.ID] = note(err); err != nil {
			open[o.ID] = true
		} else {
			last = o.ID
		}
	}
	if _, err := p.Undo(s.ID, testStamp); note(err) {
		acked[last] = false
	} else {
		open[last] = true
	}
	_, err := p.AutoBackup("work", time.Now())
	note(err)
	note(p.SetSetting("a", "b"))
	o := square(50, 50)
	_, err = p.Commit(annotate.Add(s.ID, "add", o), testStamp)
	if acked[o.ID] = note(err); err != nil {
		open[o.ID] = true
	}
	if f.what != "" && !told {
		t.Errorf("call %d (%s) failed and nobody was told", f.at, f.what)
	}
	return acked, open
}

// TestFaults_Compact_Backup_Migrate: a call that fails in a rewriting of the
// whole file leaves the old file in its place. (Fault table, cases 5 and 6.)
func TestFaults_Compact_Migrate(t *testing.T) {
	for n := 1; n < 40; n++ {
		p, slide := newProject(t)
		commit(t, p, annotate.Add(slide, "add", square(1, 1)))
		want := contents(t, p)
		f := &nth{at: n}
		p.disk.before = func(x deed) error { return f.ask(x.op, syscall.EIO) }
		err := p.Compact()
		if err == nil {
			_, err = p.AutoBackup("x", time.Now())
		}
		if (err != nil) != (f.what != "") {
			t.Fatalf("call %d (%s): %v", n, f.what, err)
		}
		if p.db != nil {
			abandon(t, p)
		}
		q := mustOpen(t, p.Dir())
		sameContents(t, contents(t, q), want)
		q.Close()
		if f.what == "" {
			break
		}
	}
	migrationFaults(t)
}

func migrationFaults(t *testing.T) {
	step := migration{To: 3, What: "test", Run: func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put([]byte("x"), []byte("y")) }}
	for n := 1; n < 40; n++ {
		p, slide := newProject(t)
		commit(t, p, annotate.Add(slide, "add", square(1, 1)))
		want := contents(t, p)
		p.Close()
		f := &nth{at: n}
		q, err := open(p.Dir(), Options{}, append(migrations(), step), disk{before: func(x deed) error { return f.ask(x.op, syscall.EIO) }})
		if err == nil {
			q.Close()
		}
		if f.what == "" {
			return
		}
		// What is in backup is whole, and the migration begins anew.
		q, err = open(p.Dir(), Options{}, append(migrations(), step), disk{})
		if err != nil {
			t.Fatalf("call %d (%s): %v", n, f.what, err)
		}
		sameContents(t, contents(t, q), want)
		q.Close()
		backups, _ := filepath.Glob(filepath.Join(p.Dir(), BackupDir, "schema2-before-3-*.bolt"))
		for _, b := range backups {
			if err := walkFile(b); err != nil {
				t.Error(err)
			}
		}
		if len(backups) == 0 {
			t.Error("no copy was made before")
		}
	}
}

// TestFaults_OrderOfCalls: whatever gets a final name was synced before, and the
// folder is synced after. (Fault table, cases 4, 5, 6, 7.)
func TestFaults_OrderOfCalls(t *testing.T) {
	var calls []string
	d := disk{before: func(x deed) error { calls = append(calls, x.op+" "+x.path); return nil }}
	dir := filepath.Join(t.TempDir(), "p")
	p, err := create(dir, "Test", testStamp, d)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Compact(); err != nil {
		t.Fatal(err)
	}
	if err := p.Backup(filepath.Join(dir, BackupDir, "b.bolt")); err != nil {
		t.Fatal(err)
	}
	renames := 0
	for i, c := range calls {
		if len(c) < 7 || c[:7] != "rename " {
			continue
		}
		renames++
		if i == 0 || calls[i-1][:5] != "sync " {
			t.Errorf("%s without a sync of the file before", c)
		}
		if i+1 == len(calls) || calls[i+1] != "sync "+filepath.Dir(c[7:]) {
			t.Errorf("%s without a sync of the folder after", c)
		}
	}
	if renames < 4 { // project, journal, compacted project, backup
		t.Error(fmt.Sprint(renames, " renames: "), calls)
	}
}
