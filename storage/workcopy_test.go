package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"coverslip/annotate"
)

// far is a disk on which everything below a folder lies on a network drive.
func far(dir string) disk {
	return disk{network: func(path string) string {
		if strings.HasPrefix(path, dir) {
			return "NFS"
		}
		return ""
	}}
}

// taken is a project on a network drive, and its working copy, open.
func taken(t *testing.T) (remote string, copied *Project, slide annotate.ID) {
	t.Helper()
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "a", square(1, 1)))
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "copy")
	d := far(p.Dir())
	if _, err := open(p.Dir(), Options{}, migrations(), d); !errors.Is(err, ErrNetworkDrive) {
		t.Fatal("to be written:", err)
	}
	if _, err := workingCopy(context.Background(), p.Dir(), local, d); err != nil {
		t.Fatal(err)
	}
	if _, err := workingCopy(context.Background(), p.Dir(), local, d); !errors.Is(err, ErrExists) {
		t.Error("taken twice:", err)
	}
	q, err := open(local, Options{}, migrations(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return p.Dir(), q, slide
}

// unsent compares how many edits wait to be sent back.
func unsent(t *testing.T, p *Project, want uint64) {
	t.Helper()
	if n, err := p.Unsent(); err != nil || n != want {
		t.Errorf("%d edits wait, %v; want %d", n, err, want)
	}
}

// Case 16: a project on a network drive is worked on in a copy on this computer,
// which is sent back.
func TestCase16_WorkingCopy(t *testing.T) {
	remote, q, slide := taken(t)
	if o, ok := q.Origin(); !ok || o.Dir != remote || q.Home() != remote {
		t.Errorf("origin %+v, %v", o, ok)
	}
	unsent(t, q, 0)
	if sent, err := q.SendBack(context.Background()); err != nil || sent != (Sent{}) {
		t.Errorf("nothing to send: %+v, %v", sent, err)
	}
	commit(t, q, annotate.Add(slide, "b", square(2, 2)))
	commit(t, q, annotate.Add(slide, "c", square(3, 3)))
	unsent(t, q, 2)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := q.SendBack(ctx); !errors.Is(err, context.Canceled) {
		t.Error("not stopped:", err)
	}
	sent, err := q.SendBack(context.Background())
	if err != nil || sent.Commits != 2 {
		t.Fatalf("%+v, %v", sent, err)
	}
	unsent(t, q, 0)
	commit(t, q, annotate.Add(slide, "d", square(4, 4)))
	if sent, err = q.SendBack(context.Background()); err != nil || sent.Commits != 1 {
		t.Fatalf("the second time: %+v, %v", sent, err)
	}
	if err := verifyBackup(sent.Backup, sent.Commits+4); err != nil {
		t.Error("the file of before:", err)
	}
	back := mustOpen(t, remote)
	if n := len(objects(t, back, slide)); n != 4 {
		t.Errorf("%d objects came back, want 4", n)
	}
	if rep, err := back.VerifyAudit(); err != nil || rep.Problem != "" {
		t.Errorf("%+v, %v", rep, err)
	}
	if _, ok := back.Origin(); ok {
		t.Error("the origin took itself for a working copy")
	}
	if _, err := back.SendBack(context.Background()); !errors.Is(err, ErrNoOrigin) {
		t.Error(err)
	}
}

// What was done to the origin meanwhile is never written over.
func TestCase16_WorkingCopy_OriginWasChanged(t *testing.T) {
	remote, q, slide := taken(t)
	commit(t, q, annotate.Add(slide, "ours", square(2, 2)))
	r := mustOpen(t, remote) // from a computer for which it is no network drive
	commit(t, r, annotate.Add(slide, "theirs", square(9, 9)))
	commit(t, r, annotate.Add(slide, "theirs", square(8, 8)))
	if _, err := q.SendBack(context.Background()); !errors.Is(err, ErrLocked) {
		t.Error("while the other one writes:", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	before := read(t, filepath.Join(remote, FileName))
	_, err := q.SendBack(context.Background())
	var ahead *AheadError
	if !errors.As(err, &ahead) || ahead.Last.Seq-ahead.Common != 2 || ahead.Last.Author != testStamp.Author {
		t.Fatalf("%v: %+v", err, ahead)
	}
	if string(read(t, filepath.Join(remote, FileName))) != string(before) {
		t.Error("the origin was written")
	}
	unsent(t, q, 1)
	// Another project in the place of the origin.
	if err := os.RemoveAll(remote); err != nil {
		t.Fatal(err)
	}
	other, err := Create(remote, "other", testStamp)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	if _, err := q.SendBack(context.Background()); !errors.Is(err, ErrOtherProject) {
		t.Error(err)
	}
}

// A drive that fails at any call leaves the origin whole, with or without what was sent.
func TestCase16_WorkingCopy_EveryCallFails(t *testing.T) {
	remote, q, slide := taken(t)
	for n := 1; n < 40; n++ {
		commit(t, q, annotate.Add(slide, "b", square(float64(n), 2)))
		f := &nth{at: n}
		healthy := q.disk
		q.disk.before = func(x deed) error { return f.ask(x.op, syscall.EIO) }
		_, err := q.SendBack(context.Background())
		q.disk = healthy
		if err == nil && f.what == "" {
			if n < 4 {
				t.Errorf("only %d calls were seen", n)
			}
			break
		}
		back, operr := Open(remote, Options{ReadOnly: true})
		if operr != nil {
			t.Fatalf("call %d: %v", n, operr)
		}
		if err := errors.Join(back.Check(), back.Close()); err != nil {
			t.Errorf("call %d: %v", n, err)
		}
	}
	if sent, err := q.SendBack(context.Background()); err != nil || sent.Commits != 0 {
		t.Errorf("at the end: %+v, %v", sent, err)
	}
}

func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"", "{}", `{"project":"/x","id":"00000000-0000-7000-8000-000000000000","commits":1,"head":"00"}`,
		`{"project":"x","id":"00000000-0000-7000-8000-000000000000","commits":1,"head":"` + strings.Repeat("ab", 32) + `"}`,
		`{"project":"/x","id":"00000000-0000-7000-8000-000000000000","commits":1,"head":"` + strings.Repeat("ab", 32) + `"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := parseOrigin(b)
		if err == nil && (!filepath.IsAbs(o.Dir) || o.Commits == 0) {
			t.Errorf("%+v", o)
		}
	})
}
