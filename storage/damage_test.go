package storage

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coverslip/annotate"
)

// harm damages a copy in one of the ways that disks and programs do.
func harm(rng *rand.Rand, b []byte) ([]byte, string) {
	b = bytes.Clone(b)
	at := rng.IntN(len(b))
	switch rng.IntN(6) {
	case 0, 1:
		b[at] ^= 1 << rng.IntN(8)
		return b, "a flipped bit"
	case 2:
		clear(b[at&^4095 : at&^4095+4096])
		return b, "a page of zeros"
	case 3:
		for i := at &^ 511; i < at&^511+512; i++ {
			b[i] = byte(rng.Uint32())
		}
		return b, "a sector of noise"
	case 4:
		return b[:at], "cut"
	}
	from := rng.IntN(len(b)) &^ 4095
	copy(b[at&^4095:at&^4095+4096], b[from:from+4096])
	return b, "a page over another"
}

// TestProject_Damage: whatever was done to the file, nothing panics or hangs,
// no object is ever answered other than it was, and what Check calls good is
// whole.
func TestProject_Damage(t *testing.T) {
	p, slide := newProject(t)
	var list []*annotate.Object
	rng := rand.New(rand.NewPCG(11, 11))
	for range 150 {
		list = append(list, randomObject(rng, []annotate.ID{annotate.ClassID("Fat")}))
	}
	commit(t, p, annotate.Add(slide, "many", list...))
	for i := range 10 {
		commit(t, p, annotate.Remove(slide, "one", list[i]))
	}
	for range 10 {
		if _, err := p.Undo(slide, testStamp); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Compact(); err != nil { // few free pages: damage hits something
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.Dir(), FileName)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if pages, err := readPages(bytes.NewReader(good), int64(len(good))); err != nil {
		t.Fatal(err)
	} else {
		good = good[:int64(pages.high)*pages.pageSize]
	}
	want := map[annotate.ID]*annotate.Object{}
	for _, o := range list {
		want[o.ID] = o
	}
	dir := t.TempDir()
	refused, found, whole := 0, 0, 0
	for range 300 {
		bad, what := harm(rng, good)
		os.Remove(filepath.Join(dir, JournalName)) // of the time before
		if err := os.WriteFile(filepath.Join(dir, FileName), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		verdict := make(chan error, 1)
		go func() { verdict <- useDamaged(t, dir, slide, want, rng.IntN(2) == 0) }()
		select {
		case err := <-verdict:
			var d *DamageError
			switch {
			case err == nil:
				whole++
			case errors.Is(err, errRefused):
				refused++
				if !errors.As(err, &d) && !errors.Is(err, ErrNotProject) && !errors.Is(err, ErrNewer) {
					t.Errorf("%s: refused without a reason: %v", what, err)
				}
			default:
				found++
				if !errors.As(err, &d) {
					t.Errorf("%s: %v is no DamageError", what, err)
				}
			}
		case <-time.After(30 * time.Second):
			t.Fatal(what, "hangs")
		}
	}
	t.Logf("%d not opened, %d found by Check, %d without effect", refused, found, whole)
	if refused == 0 || found == 0 {
		t.Error("the damage was too small to show anything")
	}
}

var errRefused = errors.New("not opened")

// useDamaged works with a damaged project as a program would, and answers what
// Check says.
func useDamaged(t *testing.T, dir string, slide annotate.ID, want map[annotate.ID]*annotate.Object, readOnly bool) error {
	p, err := Open(dir, Options{ReadOnly: readOnly})
	if err != nil {
		return errors.Join(errRefused, err)
	}
	defer p.Close()
	good, _, salvageErr := p.Salvage(slide)
	for _, o := range good {
		if !o.Equal(want[o.ID]) {
			t.Errorf("object %s is answered as %+v", o.ID, o)
		}
	}
	all, err := p.Objects(slide)
	for _, o := range all {
		if !o.Equal(want[o.ID]) {
			t.Errorf("object %s is answered as %+v", o.ID, o)
		}
	}
	checked := p.Check()
	if checked == nil && (err != nil || salvageErr != nil || len(all) != len(want)) {
		t.Errorf("Check finds nothing; %v, %v, %d objects", err, salvageErr, len(all))
	}
	p.VerifyAudit()
	p.Palette()
	p.UndoLabel(slide)
	if !readOnly {
		p.Undo(slide, testStamp)
		p.Commit(annotate.Add(slide, "on", square(1, 1)), testStamp)
	}
	return checked
}

// TestProject_ManyValues_Damage changes the bytes of values, where bbolt itself
// sees nothing: the message must name the object.
func TestProject_Value_Damage_NamesTheObject(t *testing.T) {
	p, slide := newProject(t)
	a, b := square(0, 0), square(5, 5)
	b.Notes = "find this very sentence"
	commit(t, p, annotate.Add(slide, "two", a, b))
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.Dir(), FileName)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := bytes.Index(raw, []byte(b.Notes)); i >= 0; i = bytes.Index(raw, []byte(b.Notes)) {
		raw[i] = 'F'
		n++
	}
	if n == 0 {
		t.Fatal("the note is not in the file")
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	q, err := Open(p.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for name, err := range map[string]error{"Objects": second(q.Objects(slide)), "Check": q.Check()} {
		var d *DamageError
		if !errors.As(err, &d) || !bytes.Contains([]byte(err.Error()), []byte(b.ID.String())) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good, bad, err := q.Salvage(slide)
	if err != nil || len(good) != 1 || !good[0].Equal(a) || len(bad) != 1 {
		t.Error("salvaged", good, bad, err)
	}
	if rep, err := q.VerifyAudit(); err != nil || rep.FirstBad != 3 {
		t.Error("the audit does not notice:", rep, err)
	}
	// Work goes on with what is whole.
	commit(t, q, annotate.Remove(slide, "remove", a))
}

func second[T any](_ T, err error) error { return err }
