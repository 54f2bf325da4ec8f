package storage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// contents is every key and value of a project's file but those of meta, which
// tell of the session.
func contents(t testing.TB, p *Project) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(path string, b *bolt.Bucket) error
	walk = func(path string, b *bolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			at := fmt.Sprintf("%s/%x", path, k)
			if v == nil {
				return walk(at, b.Bucket(k))
			}
			out[at] = string(v)
			return nil
		})
	}
	err := p.view(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			if bytes.Equal(name, bucketMeta) {
				return nil
			}
			return walk(string(name), b)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameContents(t testing.TB, have, want map[string]string) {
	t.Helper()
	if maps.Equal(have, want) {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if have[k] != want[k] {
			t.Errorf("%s: %x, want %x", k, have[k], want[k])
			break
		}
	}
	for k := range have {
		if _, ok := want[k]; !ok {
			t.Errorf("%s is too much", k)
			break
		}
	}
	t.Fatalf("%d values, want %d", len(have), len(want))
}

// work makes commits of every kind.
func work(t testing.TB, p *Project, slide annotate.ID, n int, rng *rand.Rand) {
	t.Helper()
	for range n {
		list := objects(t, p, slide)
		var err error
		switch k := rng.IntN(10); {
		case k == 0 && len(list) > 0:
			commit(t, p, annotate.Remove(slide, "remove", list[rng.IntN(len(list))]))
		case k == 1 && len(list) > 0:
			before := list[rng.IntN(len(list))]
			after := *before
			after.Notes += "."
			commit(t, p, annotate.Replace(slide, "note", before, &after))
		case k == 2:
			_, err = p.Undo(slide, testStamp)
		case k == 3:
			_, err = p.Redo(slide, testStamp)
		case k == 4:
			err = p.SetSetting(fmt.Sprint("key", rng.IntN(3)), fmt.Sprint(rng.IntN(1000)))
		case k == 5:
			c := annotate.Class{ID: annotate.NewID(), Name: fmt.Sprint("class ", rng.IntN(1000))}
			commit(t, p, annotate.Edit{Label: "class", Classes: []annotate.ClassChange{{After: &c}}})
		case k == 6:
			err = p.UpdateSlide(Slide{ID: slide, Name: fmt.Sprint(rng.IntN(1000)), Width: 1000, Height: 800}, testStamp)
		default:
			commit(t, p, annotate.Add(slide, "add", square(rng.Float64()*900, 1), square(2, 2)))
		}
		if err != nil && !errors.Is(err, ErrNothingToUndo) && !errors.Is(err, ErrNothingToRedo) {
			t.Fatal(err)
		}
	}
}

// abandon leaves a project as a crash does: nothing is said at the end.
func abandon(t testing.TB, p *Project) {
	t.Helper()
	if err := errors.Join(p.db.Close(), p.journal.file.Close()); err != nil {
		t.Fatal(err)
	}
	p.db = nil
}

func mustOpen(t testing.TB, dir string) *Project {
	t.Helper()
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestJournal_Alone_RestoresTheProject: every value of every bucket comes back,
// bit for bit, from the journal without the file.
func TestJournal_Alone_RestoresTheProject(t *testing.T) {
	p, slide := newProject(t)
	work(t, p, slide, 400, rand.New(rand.NewPCG(5, 5)))
	want := contents(t, p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	got, err := RestoreJournal(filepath.Join(p.Dir(), JournalName), filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if got.Commits == 0 || got.Stopped != "" || got.Lost != 0 {
		t.Errorf("%+v", got)
	}
	q := mustOpen(t, dir)
	sameContents(t, contents(t, q), want)
	if q.UUID() != p.UUID() || q.Name() != p.Name() || !q.Created().Equal(p.Created()) {
		t.Error("another project:", q.UUID(), q.Name(), q.Created())
	}
	if err := q.Check(); err != nil {
		t.Error(err)
	}
	if _, err := RestoreJournal(filepath.Join(p.Dir(), JournalName), filepath.Join(dir, FileName)); !errors.Is(err, ErrExists) {
		t.Error("over a project:", err)
	}
}

// TestJournal_OldFile: an old copy of project.bolt in place of the present one
// is brought up to date.
func TestJournal_OldFile(t *testing.T) {
	p, slide := newProject(t)
	rng := rand.New(rand.NewPCG(6, 6))
	work(t, p, slide, 50, rng)
	back := filepath.Join(p.Dir(), BackupDir, "b.bolt")
	if err := p.Backup(back); err != nil {
		t.Fatal(err)
	}
	work(t, p, slide, 60, rng)
	want := contents(t, p)
	p.Close()
	write(t, filepath.Join(p.Dir(), FileName), read(t, back))
	q := mustOpen(t, p.Dir())
	if o := q.Opening(); o.Replayed == 0 || o.Journal != "" {
		t.Errorf("%+v", o)
	}
	sameContents(t, contents(t, q), want)
	work(t, q, slide, 20, rng)
	q.Close()
	again := mustOpen(t, p.Dir())
	if o := again.Opening(); !reflect.DeepEqual(o, Opening{}) {
		t.Errorf("opened a second time: %+v", o)
	}
}

// TestJournal_Missing_Damaged_Foreign: whatever lies there, the file counts, a
// journal of its whole story is made, and what lay there is kept.
func TestJournal_Missing_Damaged_Foreign(t *testing.T) {
	p, slide := newProject(t)
	work(t, p, slide, 40, rand.New(rand.NewPCG(7, 7)))
	want := contents(t, p)
	abandon(t, p) // a journal that was left well is not read at opening
	path := filepath.Join(p.Dir(), JournalName)
	good := read(t, path)
	other, _ := newProject(t)
	other.Close()
	middle := bytes.Clone(good)
	middle[2000] ^= 4
	for name, bad := range map[string][]byte{
		"missing": nil, "empty": {}, "text": []byte("Dear colleague, this is longer than a head"),
		"middle": middle, "another project's": read(t, filepath.Join(other.Dir(), JournalName)),
		"head only": good[:8],
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(path)
			if bad != nil {
				write(t, path, bad)
			}
			q := mustOpen(t, p.Dir())
			o := q.Opening()
			if o.Journal == "" || o.Replayed != 0 || (bad != nil) != (o.SetAside != "") {
				t.Errorf("%+v", o)
			}
			if bad != nil && !bytes.Equal(read(t, o.SetAside), bad) {
				t.Error("what lay there is not kept")
			}
			sameContents(t, contents(t, q), want)
			abandon(t, q)
			restored := filepath.Join(t.TempDir(), FileName)
			if _, err := RestoreJournal(path, restored); err != nil {
				t.Fatal(err)
			}
			sameContents(t, contents(t, mustOpen(t, filepath.Dir(restored))), want)
		})
	}
}

// TestJournal_Tail: a journal that ends anywhere is continued from its last
// whole record; what the file has beyond that is added.
func TestJournal_Tail(t *testing.T) {
	p, slide := newProject(t)
	work(t, p, slide, 30, rand.New(rand.NewPCG(8, 8)))
	want := contents(t, p)
	p.Close()
	path := filepath.Join(p.Dir(), JournalName)
	good := read(t, path)
	for _, n := range []int{len(good) - 1, len(good) - 17, len(good) / 2, len(good) / 3, 300} {
		for _, tail := range []int{0, 9, 5000} {
			write(t, path, append(bytes.Clone(good[:n]), make([]byte, tail)...))
			q := mustOpen(t, p.Dir())
			if o := q.Opening(); o.Journal != "" {
				t.Errorf("cut to %d: %+v", n, o)
			}
			q.Close()
			if !bytes.Equal(commitsOf(t, read(t, path)), commitsOf(t, good)) {
				t.Errorf("cut to %d of %d bytes and %d zeros: the commits are not those before", n, len(good), tail)
			}
			again := mustOpen(t, p.Dir())
			sameContents(t, contents(t, again), want)
			again.Close()
		}
	}
}

// commitsOf is the audit values of a journal one after another.
func commitsOf(t testing.TB, b []byte) []byte {
	t.Helper()
	r, err := readJournal(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for {
		rec, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if rec == nil {
			return out
		}
		if rec.commit != nil {
			out = append(out, rec.commit.audit...)
		}
	}
}

// TestMigrate_FromSchema1 opens a project as the first release wrote it.
func TestMigrate_FromSchema1(t *testing.T) {
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "Draw", square(1, 1)))
	want := contents(t, p)
	err := p.db.Update(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		return errors.Join(tx.DeleteBucket(bucketUsers), tx.DeleteBucket(bucketSignatures),
			meta.Put(metaSchema, []byte{1}), meta.Put(metaMinReader, []byte{1}))
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	os.Remove(filepath.Join(p.Dir(), JournalName))
	r, err := Open(p.Dir(), Options{ReadOnly: true})
	if err != nil || r.Check() != nil {
		t.Fatal("read-only:", err)
	}
	r.Close()
	q := mustOpen(t, p.Dir())
	if q.head.Schema != 2 || q.head.MinReader != 1 {
		t.Errorf("%+v", q.head)
	}
	sameContents(t, contents(t, q), want)
	if err := q.Check(); err != nil {
		t.Error(err)
	}
	if b, _ := filepath.Glob(filepath.Join(p.Dir(), BackupDir, "schema1-before-2-*.bolt")); len(b) != 1 {
		t.Error("no copy was made before")
	}
}

func FuzzJournal(f *testing.F) {
	p, slide := newProject(f)
	commit(f, p, annotate.Add(slide, "Draw", square(1, 1)))
	if err := p.SetSetting("a", "b"); err != nil {
		f.Fatal(err)
	}
	p.Close()
	good := read(f, filepath.Join(p.Dir(), JournalName))
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte(journalMagic))
	f.Add(append([]byte(journalMagic), "CSR1\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"...))
	f.Add(append([]byte(journalMagic), bytes.Repeat([]byte("CSR1"), 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readJournal(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		at := int64(0)
		for {
			rec, err := r.next()
			if err != nil {
				t.Fatal(err)
			}
			if rec == nil {
				return
			}
			if rec.end <= at || rec.end > int64(len(b)) {
				t.Fatalf("a record ends at %d after %d", rec.end, at)
			}
			at = rec.end
		}
	})
}

func BenchmarkCommit_OneObject(b *testing.B) {
	p, slide := newProject(b)
	b.ReportAllocs()
	for b.Loop() {
		commit(b, p, annotate.Add(slide, "Draw", square(1, 1)))
	}
}
