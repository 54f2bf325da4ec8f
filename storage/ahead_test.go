package storage

import (
	"errors"
	"path/filepath"
	"testing"

	"coverslip/annotate"
)

// TestCheck_JournalAhead: a kill between the journal and the file leaves the
// journal ahead by a commit. That is no damage, before the next opening takes the
// commit over and after it; a commit that does not follow is damage.
func TestCheck_JournalAhead(t *testing.T) {
	p, slide := newProject(t)
	path := filepath.Join(p.Dir(), FileName)
	commit(t, p, annotate.Add(slide, "a", square(1, 1)))
	early := read(t, path)
	commit(t, p, annotate.Add(slide, "b", square(2, 2)))
	commit(t, p, annotate.Add(slide, "c", square(3, 3)))
	abandon(t, p)
	write(t, path, early)
	if err := CheckDir(p.Dir()); err != nil {
		t.Errorf("the journal ahead by two: %v", err)
	}
	q := mustOpen(t, p.Dir())
	if n := q.Opening().Replayed; n != 2 || len(objects(t, q, slide)) != 3 {
		t.Errorf("%d replayed, %d objects", n, len(objects(t, q, slide)))
	}
	if err := q.Check(); err != nil {
		t.Error(err)
	}
	abandon(t, q)

	// The same file beside a journal whose commits go on from elsewhere.
	r, other := newProject(t)
	commit(t, r, annotate.Add(other, "a", square(1, 1)))
	short := read(t, filepath.Join(r.Dir(), FileName))
	commit(t, r, annotate.Add(other, "x", square(5, 5)))
	abandon(t, r)
	longer := read(t, filepath.Join(r.Dir(), JournalName))
	write(t, filepath.Join(r.Dir(), FileName), short)
	// The last record is spoilt: what is behind the last sound one is torn, not damage.
	write(t, filepath.Join(r.Dir(), JournalName), longer[:len(longer)-3])
	if err := CheckDir(r.Dir()); err != nil {
		t.Errorf("a torn last record: %v", err)
	}
	// Beside another project's file it is damage.
	write(t, filepath.Join(p.Dir(), JournalName), longer)
	var d *DamageError
	if err := CheckDir(p.Dir()); !errors.As(err, &d) {
		t.Errorf("another project's journal: %v", err)
	}
}
