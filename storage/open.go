package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Options is how a project is opened.
type Options struct {
	ReadOnly bool // several may read at once, as long as none writes
}

// lockWait is how long Open waits for another program to let go.
const lockWait = time.Second

// Sizes of the file. The map is made large at once, because growing it waits
// for every reader; on Windows that would grow the file itself.
const (
	maxFile     int64 = 64 << 30
	firstMap    int64 = 1 << 30
	populateMax int64 = 1 << 30
	maxInt            = int64(^uint(0) >> 1)
	growth      int   = 1 << 20 // bytes by which the file grows; bbolt's own 16 MiB make every small project large
)

// buckets of a project, see docs/project-format.md.
var (
	bucketMeta     = []byte("meta")
	bucketSlides   = []byte("slides")
	bucketClasses  = []byte("classes")
	bucketObjects  = []byte("ann")
	bucketHistory  = []byte("hist")
	bucketLog      = []byte("log")
	bucketAudit    = []byte("audit")
	bucketUndo     = []byte("undo")
	bucketRedo     = []byte("redo")
	bucketSettings = []byte("settings")

	bucketUsers      = []byte("users")      // since schema 2
	bucketSignatures = []byte("signatures") // since schema 2
)

// buckets lists the buckets of the present schema.
func buckets() [][]byte {
	return [][]byte{bucketMeta, bucketSlides, bucketClasses, bucketObjects, bucketHistory, bucketLog,
		bucketAudit, bucketUndo, bucketRedo, bucketSettings, bucketUsers, bucketSignatures}
}

// boltOptions is how bbolt opens a file of that many bytes. The freelist is
// written with every commit: finding it anew took 27 s for 1.5 GB on a cold
// disk.
func boltOptions(readOnly bool, size int64) *bolt.Options {
	o := &bolt.Options{Timeout: lockWait, FreelistType: bolt.FreelistMapType, ReadOnly: readOnly, NoStatistics: true,
		MaxSize: int(min(maxFile, maxInt))}
	if runtime.GOOS != "windows" && !readOnly {
		o.InitialMmapSize = int(min(max(firstMap, 2*size), maxInt))
	}
	if size < populateMax {
		o.MmapFlags = populate
	}
	return o
}

// Create makes a project in the folder, which may exist but must hold no
// project. It appears as a whole or not at all. It answers ErrExists.
func Create(dir, name string, by Stamp) (*Project, error) { return create(dir, name, by, disk{}) }

func create(dir, name string, by Stamp, d disk) (*Project, error) {
	dir, path := projectFile(dir)
	fail := func(err error) (*Project, error) { return nil, fmt.Errorf("storage: create %s: %w", dir, err) }
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	if kind := d.kind(dir); kind != "" {
		return fail(fmt.Errorf("%s: %w", kind, ErrNetworkDrive))
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrExists
		}
		return fail(err)
	}
	removeStale(dir)
	temp, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return fail(err)
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return fail(err)
	}
	if err := initialise(temp.Name(), name, by); err != nil {
		return fail(err)
	}
	for _, sub := range []string{SidecarDir, BackupDir, ExportDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return fail(err)
		}
	}
	if err := d.publish(temp.Name(), path); err != nil {
		return fail(err)
	}
	return open(dir, Options{}, migrations(), d)
}

const tempPattern = ".project-*.tmp"

// removeStale takes away what an interrupted Create left. A file that a Create
// of this moment writes is locked, but not on every system; so only old ones go.
func removeStale(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, tempPattern))
	for _, f := range old {
		if st, err := os.Stat(f); err == nil && time.Since(st.ModTime()) > time.Minute {
			os.Remove(f)
		}
	}
}

// initialise writes an empty project, and reads it again before anyone else
// may: the first pages of a bolt file are the only ones that a power cut can
// leave unreadable.
func initialise(path, name string, by Stamp) error {
	c, err := newCodec()
	if err != nil {
		return err
	}
	db, err := openBolt(path, boltOptions(false, 0))
	if err != nil {
		return err
	}
	h := header{Schema: schemaNow, MinReader: schemaNow, UUID: annotate.NewID(), Name: name, Created: by.At.UTC(), App: by.App}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range buckets() {
			if _, err := tx.CreateBucket(b); err != nil {
				return err
			}
		}
		if err := writeHeader(tx, h); err != nil {
			return err
		}
		t, err := begin(tx, c, h.UUID, by)
		if err != nil {
			return err
		}
		for _, k := range annotate.DefaultPalette() {
			if err := t.putClass(annotate.ClassChange{After: &k}); err != nil {
				return err
			}
		}
		t.record.Op, t.record.Label = OpCreate, "Create project"
		return t.finish()
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if _, err := identify(path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	pages, err := inspect(f)
	if err != nil {
		return err
	}
	return pages.walk()
}

// Open opens the project in the folder (or the project.bolt itself). It answers
// ErrNotProject, ErrLocked, ErrNewer or a *DamageError, and in none of these
// cases changes the file. An older schema is brought up to date after a copy
// was laid into backup/; read-only it is left as it is.
func Open(dir string, o Options) (*Project, error) { return open(dir, o, migrations(), disk{}) }

func open(dir string, o Options, steps []migration, d disk) (*Project, error) {
	dir, path := projectFile(dir)
	fail := func(err error) (*Project, error) {
		return nil, fmt.Errorf("storage: open %s: %w", path, located(path, err))
	}
	c, err := newCodec()
	if err != nil {
		return fail(err)
	}
	h, err := identify(path)
	if errors.Is(err, ErrLocked) {
		err = holder(dir, err)
	}
	if err != nil {
		return fail(err)
	}
	newest := schemaNow
	if len(steps) > 0 {
		newest = max(newest, steps[len(steps)-1].To)
	}
	if h.Schema > newest && (!o.ReadOnly || h.MinReader > newest) {
		return fail(fmt.Errorf("schema %d, this program knows %d: %w", h.Schema, newest, ErrNewer))
	}
	if kind := d.kind(dir); kind != "" && !o.ReadOnly {
		return fail(fmt.Errorf("%s: %w", kind, ErrNetworkDrive))
	}
	p := &Project{dir: dir, path: path, readOnly: o.ReadOnly, codec: c, head: *h, disk: d}
	if err := p.openFile(); err != nil {
		return fail(err)
	}
	p.look(time.Now())
	p.findOrigin()
	if p.readOnly {
		return p, nil
	}
	p.sign()
	removeStale(dir)
	err = p.migrate(steps)
	if err == nil {
		err = p.settle()
	}
	if err == nil {
		err = p.update(func(tx *bolt.Tx) error {
			p.recovered = string(tx.Bucket(bucketMeta).Get(metaClean)) != "1"
			return setClean(tx, false)
		})
	}
	if err != nil {
		return fail(errors.Join(err, p.journal.close(), p.db.Close()))
	}
	return p, nil
}

func (p *Project) openFile() error {
	stat, err := os.Stat(p.path)
	if err != nil {
		return err
	}
	db, err := openBolt(p.path, boltOptions(p.readOnly, stat.Size()))
	if err != nil {
		return err
	}
	p.db, p.stat, p.txid = db, stat, 0
	return nil
}

func openBolt(path string, o *bolt.Options) (db *bolt.DB, err error) {
	err = shielded(func() error {
		var err error
		db, err = bolt.Open(path, 0o600, o)
		return err
	})
	if db != nil {
		db.AllocSize = growth
	}
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, &DamageError{What: "its meta pages are not valid", Err: err}
	}
	return db, err
}

// identify makes sure, by reading alone, that the file is a sound project and
// says which.
func identify(path string) (*header, error) {
	f, err := os.Open(path)
	if err != nil {
		if _, dirErr := os.Stat(filepath.Dir(path)); dirErr == nil && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the folder holds no %s: %w", FileName, ErrNotProject)
		}
		if stat, dirErr := os.Stat(filepath.Dir(path)); dirErr == nil && !stat.IsDir() {
			return nil, fmt.Errorf("a project is a folder, and this is a file: %w", ErrNotProject)
		}
		return nil, err
	}
	defer f.Close()
	// Each meta page has its own checksum and the file only grows, so this much
	// is sure even while another program writes.
	pages, err := inspect(f)
	if err != nil {
		return nil, err
	}
	o := boltOptions(true, pages.size)
	o.MmapFlags = 0
	db, err := openBolt(path, o)
	if err != nil {
		return nil, err
	}
	var h *header
	err = shielded(func() error {
		// Now the lock is held and the pages stand still.
		pages, err := inspect(f)
		if err != nil {
			return err
		}
		if _, err := pages.freelist(); err != nil {
			return err
		}
		return db.View(func(tx *bolt.Tx) (err error) {
			h, err = readHeader(tx)
			return err
		})
	})
	return h, errors.Join(err, db.Close())
}

// inspect checks what must hold before the file may be mapped.
func inspect(f *os.File) (*pageFile, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no file: %w", ErrNotProject)
	}
	pages, err := readPages(f, st.Size())
	if err != nil {
		return nil, err
	}
	return pages, pages.checkLength()
}

// Keys of the meta bucket.
var (
	metaKind      = []byte("kind")
	metaSchema    = []byte("schema")
	metaMinReader = []byte("minReader")
	metaUUID      = []byte("uuid")
	metaName      = []byte("name")
	metaCreated   = []byte("created")
	metaApp       = []byte("app")
	metaClean     = []byte("clean")
)

const kindOfFile = "coverslip project"

func writeHeader(tx *bolt.Tx, h header) error {
	b := tx.Bucket(bucketMeta)
	created, err := h.Created.MarshalText()
	if err != nil {
		return err
	}
	for _, kv := range []struct{ k, v []byte }{
		{metaKind, []byte(kindOfFile)},
		{metaSchema, binary.AppendUvarint(nil, uint64(h.Schema))},
		{metaMinReader, binary.AppendUvarint(nil, uint64(h.MinReader))},
		{metaUUID, h.UUID[:]}, {metaName, []byte(h.Name)}, {metaCreated, created}, {metaApp, []byte(h.App)},
		{metaClean, []byte("1")},
	} {
		if err := b.Put(kv.k, kv.v); err != nil {
			return err
		}
	}
	return nil
}

func readHeader(tx *bolt.Tx) (*header, error) {
	b := tx.Bucket(bucketMeta)
	if b == nil || string(b.Get(metaKind)) != kindOfFile {
		return nil, fmt.Errorf("it is another program's BoltDB file: %w", ErrNotProject)
	}
	schema, n := binary.Uvarint(b.Get(metaSchema))
	reader, k := binary.Uvarint(b.Get(metaMinReader))
	if n <= 0 || k <= 0 || schema == 0 || schema > 1<<20 || reader > schema {
		return nil, broken("its schema number is not readable")
	}
	h := &header{Schema: int(schema), MinReader: int(reader), Name: strings.ToValidUTF8(string(b.Get(metaName)), "?"),
		App: string(b.Get(metaApp))}
	if h.Schema > schemaNow {
		return h, nil // the rest may mean something else by then
	}
	if copy(h.UUID[:], b.Get(metaUUID)) != len(h.UUID) {
		return nil, broken("its identity is not readable")
	}
	if err := h.Created.UnmarshalText(b.Get(metaCreated)); err != nil {
		return nil, &DamageError{What: "its time of creation is not readable", Err: err}
	}
	for _, name := range buckets() {
		if h.Schema == schemaNow && tx.Bucket(name) == nil {
			return nil, broken("bucket %q is missing", name)
		}
	}
	return h, nil
}

func setClean(tx *bolt.Tx, clean bool) error {
	v := []byte("0")
	if clean {
		v = []byte("1")
	}
	b := tx.Bucket(bucketMeta)
	if slices.Equal(b.Get(metaClean), v) {
		return nil
	}
	return b.Put(metaClean, v)
}
