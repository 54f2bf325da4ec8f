package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// files is the hash of every file of a folder, to see that nothing was touched.
func files(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func unchanged(t *testing.T, a, b map[string][32]byte) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%d files became %d", len(a), len(b))
	}
	for f, h := range a {
		if b[f] != h {
			t.Errorf("%s was changed", f)
		}
	}
}

// goodFile is the bytes of a small project, without what bbolt lets the file
// grow in advance.
func goodFile(t *testing.T) []byte {
	t.Helper()
	p, slide := newProject(t)
	for i := range 40 {
		commit(t, p, annotate.Add(slide, "Draw", square(float64(i), 0)))
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(p.Dir(), FileName))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := readPages(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return b[:pages.high*uint64(pages.pageSize)]
}

// foreignFile is the bytes of a bolt file that begins as content and is then
// changed by edit.
func foreignFile(t *testing.T, content []byte, o *bolt.Options, edit func(tx *bolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	if content != nil {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := bolt.Open(path, 0o600, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(edit), db.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var errDamage = errors.New("a DamageError")

type otherThing struct {
	content []byte
	want    error // errDamage for any DamageError; nil: it opens
}

func otherThings(t *testing.T) map[string]otherThing {
	good := goodFile(t)
	bucket := func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		return b.Put([]byte("schema"), []byte{1})
	}
	newer := func(reader uint64) []byte {
		return foreignFile(t, good, nil, func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketMeta)
			return errors.Join(b.Put(metaSchema, binary.AppendUvarint(nil, 99)), b.Put(metaMinReader, binary.AppendUvarint(nil, reader)))
		})
	}
	broken := bytes.Clone(good)
	copy(broken[:12288], make([]byte, 12288))
	copy(broken[16:], good[16:20]) // the magic number alone
	return map[string]otherThing{
		"empty file":       {[]byte{}, errDamage},
		"text":             {[]byte("Dear colleague,\n"), ErrNotProject},
		"long text":        {bytes.Repeat([]byte("Dear colleague,\n"), 4000), ErrNotProject},
		"zeros":            {make([]byte, 65536), ErrNotProject},
		"other bolt":       {foreignFile(t, nil, nil, bucket), ErrNotProject},
		"other freelist":   {foreignFile(t, nil, &bolt.Options{NoFreelistSync: true}, bucket), ErrNotProject},
		"other empty bolt": {foreignFile(t, nil, nil, func(*bolt.Tx) error { return nil }), ErrNotProject},
		"half":             {good[:len(good)/2], errDamage},
		"one page short":   {good[:len(good)-4096], errDamage},
		"one page":         {good[:4096], errDamage},
		"40 bytes":         {good[:40], errDamage},
		"no valid meta":    {broken, errDamage},
		"whole":            {good, nil},
		"newer":            {newer(99), ErrNewer},
		"newer, readable":  {newer(1), ErrNewer},
	}
}

func TestOpen_OtherThings_AreRefusedUntouched(t *testing.T) {
	for name, c := range otherThings(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			before := files(t, dir)
			for _, o := range []Options{{}, {ReadOnly: true}} {
				p, err := Open(dir, o)
				if err == nil {
					p.Close()
				}
				var d *DamageError
				switch {
				case c.want == nil, name == "newer, readable" && o.ReadOnly:
					if err != nil {
						t.Error("not opened:", err)
					}
					continue
				case c.want == errDamage:
					if !errors.As(err, &d) || d.Path != path {
						t.Errorf("%+v: %v, want a DamageError", o, err)
					}
				case !errors.Is(err, c.want):
					t.Errorf("%+v: %v, want %v", o, err, c.want)
				}
				if !strings.Contains(err.Error(), path) {
					t.Errorf("the message does not name the file: %v", err)
				}
				unchanged(t, before, files(t, dir))
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "nothing"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error("a missing folder:", err)
	}
	if _, err := Open(t.TempDir(), Options{}); !errors.Is(err, ErrNotProject) {
		t.Error("a folder without project:", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrNotProject) {
		t.Error("a folder in place of the file:", err)
	}
	file := filepath.Join(t.TempDir(), "slide.svs")
	if err := os.WriteFile(file, []byte("II"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); !errors.Is(err, ErrNotProject) {
		t.Error("a file in place of the folder:", err)
	}
}

func TestOpen_Locked(t *testing.T) {
	p, _ := newProject(t)
	for _, o := range []Options{{}, {ReadOnly: true}} {
		from := time.Now()
		if _, err := Open(p.Dir(), o); !errors.Is(err, ErrLocked) {
			t.Errorf("%+v: %v", o, err)
		}
		if d := time.Since(from); d > 5*time.Second {
			t.Errorf("%+v: refused only after %v", o, d)
		}
	}
	p.Close()
	a, err := Open(p.Dir(), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := Open(filepath.Join(p.Dir(), FileName), Options{ReadOnly: true})
	if err != nil {
		t.Fatal("two readers:", err)
	}
	defer b.Close()
	if _, err := Open(p.Dir(), Options{}); !errors.Is(err, ErrLocked) {
		t.Error("a writer beside readers:", err)
	}
}

func TestProject_ReadOnly(t *testing.T) {
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "Draw", square(1, 1)))
	p.Close()
	before := files(t, p.Dir())
	r, err := Open(p.Dir(), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := objects(t, r, slide); len(got) != 1 || !r.ReadOnly() || r.Name() != "Test" || r.UUID() != p.UUID() || !r.Created().Equal(testStamp.At) {
		t.Error("read as", len(got), r.Name(), r.Created())
	}
	_, commitErr := r.Commit(annotate.Add(slide, "Draw", square(2, 2)), testStamp)
	_, undoErr := r.Undo(slide, testStamp)
	for i, err := range []error{commitErr, undoErr, r.SetSetting("a", "b"), r.Compact(), r.AddSlide(Slide{ID: annotate.NewID()}, testStamp),
		r.WriteEmbeddings(&Embeddings{})} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	unchanged(t, before, files(t, p.Dir()))
	if _, err := r.Slides(); !errors.Is(err, ErrClosed) {
		t.Error("after Close:", err)
	}
}

func TestCreate(t *testing.T) {
	p, _ := newProject(t)
	if _, err := Create(p.Dir(), "again", testStamp); !errors.Is(err, ErrExists) {
		t.Error("over an open project:", err)
	}
	p.Close()
	if _, err := Create(p.Dir(), "again", testStamp); !errors.Is(err, ErrExists) {
		t.Error("over a project:", err)
	}
	for _, sub := range []string{SidecarDir, BackupDir, ExportDir} {
		if st, err := os.Stat(filepath.Join(p.Dir(), sub)); err != nil || !st.IsDir() {
			t.Error(sub, err)
		}
	}
	// What an interrupted Create left goes away, but not what one of this
	// moment writes.
	old, young := filepath.Join(p.Dir(), ".project-1.tmp"), filepath.Join(p.Dir(), ".project-2.tmp")
	for _, f := range []string{old, young} {
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hour := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, hour, hour); err != nil {
		t.Fatal(err)
	}
	q, err := Open(p.Dir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	q.Close()
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Error("an old temporary file stayed")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("a fresh temporary file went:", err)
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file, "x", testStamp); err == nil {
		t.Error("a project was made in a file")
	}
}

func TestProject_Moved(t *testing.T) {
	p, slide := newProject(t)
	if err := os.Rename(filepath.Join(p.Dir(), FileName), filepath.Join(p.Dir(), "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(annotate.Add(slide, "Draw", square(1, 1)), testStamp); !errors.Is(err, ErrMoved) {
		t.Error("saved into a file that nobody will find:", err)
	}
	if err := os.Rename(filepath.Join(p.Dir(), "elsewhere"), filepath.Join(p.Dir(), FileName)); err != nil {
		t.Fatal(err)
	}
	commit(t, p, annotate.Add(slide, "Draw", square(1, 1)))
}

func TestOpen_Recovered(t *testing.T) {
	p, _ := newProject(t)
	// As after a crash: the file is closed without the last word.
	if err := p.db.Close(); err != nil {
		t.Fatal(err)
	}
	p.db = nil
	q, err := Open(p.Dir(), Options{})
	if err != nil || !q.Recovered() {
		t.Fatal(err, "not recovered")
	}
	q.Close()
}

func TestMigrate(t *testing.T) {
	p, slide := newProject(t)
	commit(t, p, annotate.Add(slide, "Draw", square(1, 1)))
	p.Close()
	ran := 0
	put := func(to int, err error) migration {
		return migration{To: to, What: "test", Run: func(tx *bolt.Tx) error {
			ran++
			return errors.Join(tx.Bucket(bucketMeta).Put([]byte{byte(to)}, []byte("x")), err)
		}}
	}
	failing := errors.New("no")
	if _, err := open(p.Dir(), Options{}, []migration{put(3, nil), put(4, failing)}, disk{}); !errors.Is(err, failing) {
		t.Fatal(err)
	}
	if _, err := open(p.Dir(), Options{}, []migration{put(5, nil)}, disk{}); err == nil {
		t.Fatal("a step was left out")
	}
	if h, err := identify(filepath.Join(p.Dir(), FileName)); err != nil || h.Schema != 3 {
		t.Fatalf("the first step is not kept, or the failed one is: %+v %v", h, err)
	}
	q, err := open(p.Dir(), Options{}, []migration{put(3, nil), put(4, nil)}, disk{})
	if err != nil {
		t.Fatal(err)
	}
	if q.head.Schema != 4 || len(objects(t, q, slide)) != 1 || ran != 3 {
		t.Error(q.head, ran)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	backups, _ := filepath.Glob(filepath.Join(p.Dir(), BackupDir, "schema2-before-4-*.bolt"))
	if len(backups) != 1 {
		t.Fatal("no copy was made before")
	}
	// The copy is the project as it was.
	back := t.TempDir()
	b, err := os.ReadFile(backups[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(back, FileName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(back, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Check(); err != nil || len(objects(t, r, slide)) != 1 {
		t.Error(err)
	}
}
