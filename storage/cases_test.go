package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"coverslip/annotate"
)

// The cases of the fault table that other tests do not name. docs/validation.md
// lists where each of the forty is tested.

// Case 4: a power cut while a project is created leaves no half project, and
// what it left goes at the next start.
func TestCase04_CutWhileCreating(t *testing.T) {
	for n := 1; n < 12; n++ {
		dir := filepath.Join(t.TempDir(), "p")
		f := &nth{at: n}
		// Everything after the n-th call does not happen, as after a cut.
		p, err := create(dir, "x", testStamp, disk{before: func(x deed) error {
			if f.what != "" {
				return syscall.EIO
			}
			return f.ask(x.op, syscall.EIO)
		}})
		if err == nil {
			abandon(t, p)
			if f.what == "" {
				break
			}
		}
		q, err := Open(dir, Options{})
		if errors.Is(err, ErrNotProject) {
			old := filepath.Join(dir, ".project-77.tmp")
			write(t, old, []byte("half"))
			past := time.Now().Add(-time.Hour)
			if err := os.Chtimes(old, past, past); err != nil {
				t.Fatal(err)
			}
			q, err = Create(dir, "x", testStamp)
			if _, serr := os.Stat(old); serr == nil {
				t.Error("what a cut left is still there")
			}
		}
		if err != nil {
			t.Fatalf("cut at call %d: %v", n, err)
		}
		if err := errors.Join(q.Check(), q.Close()); err != nil {
			t.Error(err)
		}
	}
}

// Case 9: a disk that is nearly full is told before, and old backups go. Here
// the backups alone are tested; how much is free is the system's word.
func TestCase09_RoomLow(t *testing.T) {
	p, _ := newProject(t)
	free, ok := p.Room()
	low, err := p.RoomLow()
	if err != nil || ok && low != (free < lowRoom) {
		t.Errorf("%d bytes free, low: %v, %v", free, low, err)
	}
}

// Case 11: a project as large as it may be takes no more, goes on being read,
// and says so.
func TestCase11_Quota(t *testing.T) {
	p, slide := newProject(t)
	a := square(1, 1)
	commit(t, p, annotate.Add(slide, "a", a))
	p.db.MaxSize = int(p.stat.Size())
	big := square(2, 2)
	big.Notes = strings.Repeat("x", 8<<20)
	if _, err := p.Commit(annotate.Add(slide, "big", big), testStamp); !Full(err) || p.Broken() != nil {
		t.Fatal(err)
	}
	p.db.MaxSize = 0
	commit(t, p, annotate.Add(slide, "b", square(3, 3)))
	if err := p.Check(); err != nil || len(objects(t, p, slide)) != 2 {
		t.Error(err)
	}
}

// Case 14: a project in a folder that may not be written is read.
func TestCase14_ReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user may write everywhere")
	}
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "a", square(1, 1)))
	p.Close()
	os.Chmod(filepath.Join(p.Dir(), FileName), 0o400)
	os.Chmod(p.Dir(), 0o500)
	defer os.Chmod(p.Dir(), 0o700)
	if _, err := Open(p.Dir(), Options{}); !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	q, err := Open(p.Dir(), Options{ReadOnly: true})
	if err != nil || len(objects(t, q, slide)) != 1 {
		t.Fatal(err)
	}
	q.Close()
}

// Case 16: on a network drive a project is read, not written, and none is made.
func TestCase16_NetworkDrive(t *testing.T) {
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "a", square(1, 1)))
	p.Close()
	far := disk{network: func(string) string { return "NFS" }}
	if _, err := open(p.Dir(), Options{}, migrations(), far); !errors.Is(err, ErrNetworkDrive) || !strings.Contains(err.Error(), "NFS") {
		t.Error(err)
	}
	q, err := open(p.Dir(), Options{ReadOnly: true}, migrations(), far)
	if err != nil || len(objects(t, q, slide)) != 1 {
		t.Fatal(err)
	}
	q.Close()
	if _, err := create(filepath.Join(t.TempDir(), "new"), "x", testStamp, far); !errors.Is(err, ErrNetworkDrive) {
		t.Error(err)
	}
}

// Cases 24 and 40: a file that was deleted, replaced, or written by somebody
// else while it was open takes no more commits; what it held can be saved
// elsewhere.
func TestCase24_Deleted_Case40_ChangedBehind(t *testing.T) {
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "a", square(1, 1)))
	path := filepath.Join(p.Dir(), FileName)
	good := read(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(annotate.Add(slide, "b", square(2, 2)), testStamp); !errors.Is(err, ErrMoved) {
		t.Error("deleted:", err)
	}
	copied := t.TempDir()
	if err := p.Backup(filepath.Join(copied, FileName)); err != nil {
		t.Fatal(err)
	}
	q := mustOpen(t, copied)
	if len(objects(t, q, slide)) != 1 {
		t.Error("the copy lacks what was saved")
	}
	write(t, path, good)
	if _, err := p.Commit(annotate.Add(slide, "b", square(2, 2)), testStamp); !errors.Is(err, ErrMoved) {
		t.Error("replaced:", err)
	}

	// The same file, changed by a process that did not ask for the lock.
	r, slide := newProject(t)
	early := read(t, filepath.Join(r.Dir(), FileName))
	commit(t, r, annotate.Add(slide, "a", square(1, 1)))
	f, err := os.OpenFile(filepath.Join(r.Dir(), FileName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(early[:2*os.Getpagesize()], 0); err != nil { // the meta pages of before
		t.Fatal(err)
	}
	f.Close()
	if _, err := r.Commit(annotate.Add(slide, "b", square(2, 2)), testStamp); err == nil {
		t.Error("committed over what another wrote")
	}
	abandon(t, r)
	again := mustOpen(t, r.Dir())
	if again.Opening().Replayed != 1 || len(objects(t, again, slide)) != 1 {
		t.Errorf("%+v", again.Opening())
	}
}

// Case 25: a folder that a cloud program copies, and its conflict copies, are
// told.
func TestCase25_Cloud(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "OneDrive - Hospital", "p")
	p, err := Create(dir, "x", testStamp)
	if err != nil {
		t.Fatal(err)
	}
	if p.Opening().Cloud != "OneDrive" {
		t.Errorf("%+v", p.Opening())
	}
	p.Close()
	write(t, filepath.Join(dir, "project (Anna's conflicted copy 2026-01-01).bolt"), []byte("x"))
	q := mustOpen(t, dir)
	if len(q.Opening().Conflicts) != 1 {
		t.Errorf("%+v", q.Opening())
	}
}

// Cases 30, 31: other things and newer projects are refused and not touched:
// TestOpen_OtherThings_AreRefusedUntouched. Case 32: TestMigrate.

// Cases 33, 34, 35: the order is that of the numbers; a clock that goes back or
// stands in no likely year is marked in the log; the zone is kept.
func TestCase33_ClockBack_Case34_OddYear_Case35_Zone(t *testing.T) {
	p, slide := newProject(t)
	zone := time.FixedZone("", -5*3600)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, zone)
	for _, c := range []struct {
		at   time.Time
		odd  bool
		name string
	}{
		{now, false, "now"}, {now.Add(-time.Hour), true, "an hour back"}, {now.Add(time.Hour), false, "right again"},
		{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), true, "1970"}, {time.Date(2208, 1, 1, 0, 0, 0, 0, time.UTC), true, "2208"},
	} {
		stamp := testStamp
		stamp.At, stamp.Run = c.at, 42*time.Second
		seq, err := p.Commit(annotate.Add(slide, c.name, square(1, 1)), stamp)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Record(seq)
		if err != nil || r.Clock != c.odd || !r.At.Equal(c.at) || r.Run != 42*time.Second {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
		_, want := c.at.Zone()
		if _, have := r.At.Zone(); have != want {
			t.Errorf("%s: zone %d, want %d", c.name, have, want)
		}
	}
	if rep, err := p.VerifyAudit(); err != nil || rep.FirstBad != 0 {
		t.Error(rep, err)
	}
	if words := clockWords(now, now.Add(time.Hour)); words == "" {
		t.Error("a clock behind the last edit is not told")
	}
	last := annotate.ID{}
	for range 1000 { // new identifiers go on rising, whatever the clock does
		id := annotate.NewID()
		if bytes.Compare(id[:], last[:]) <= 0 {
			t.Fatal("an identifier does not rise")
		}
		last = id
	}
}

// Case 36: every way of tampering with the edit log is found, with the number
// of the first bad record; the labels can still be read.
func TestCase36_AuditChain(t *testing.T) {
	for name, tamper := range map[string]func(t *testing.T, a *auditBucket){
		"altered": func(t *testing.T, a *auditBucket) { a.change(t, 5, func(r *AuditRecord) { r.Author = "Dr Eve" }) },
		"altered time": func(t *testing.T, a *auditBucket) {
			a.change(t, 5, func(r *AuditRecord) { r.At = r.At.Add(time.Hour) })
		},
		"altered reason": func(t *testing.T, a *auditBucket) { a.change(t, 5, func(r *AuditRecord) { r.Reason = "none" }) },
		"removed":        func(t *testing.T, a *auditBucket) { a.remove(t, 5) },
		"reordered":      func(t *testing.T, a *auditBucket) { a.swap(t, 5, 6) },
	} {
		t.Run(name, func(t *testing.T) {
			p, slide := newProject(t)
			for range 6 {
				commit(t, p, annotate.Add(slide, "add", square(1, 1)))
			}
			tamper(t, &auditBucket{p})
			rep, err := p.VerifyAudit()
			if err != nil || rep.FirstBad < 5 || rep.FirstBad > 6 || rep.Problem == "" {
				t.Errorf("%+v, %v", rep, err)
			}
			if len(objects(t, p, slide)) != 6 {
				t.Error("the labels cannot be read")
			}
			if err := p.Check(); err == nil {
				t.Error("the check says nothing")
			}
			abandon(t, p)
			// The journal brings the true log back.
			rep2, err := Repair(p.Dir(), CheckDir)
			if err != nil || rep2.By == "" {
				t.Errorf("%+v, %v", rep2, err)
			}
			q := mustOpen(t, p.Dir())
			if rep, err := q.VerifyAudit(); err != nil || rep.FirstBad != 0 || rep.Records != 8 {
				t.Error(rep, err)
			}
		})
	}
}
