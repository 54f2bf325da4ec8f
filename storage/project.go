package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Names inside a project's folder.
const (
	FileName   = "project.bolt"
	SidecarDir = "sidecar" // embeddings: can be computed again
	BackupDir  = "backup"
	ExportDir  = "exports"
)

// Project is an opened project. Its methods are safe for concurrent use; reads
// run beside one another, changes one after another.
type Project struct {
	dir       string
	path      string // of project.bolt
	readOnly  bool
	recovered bool
	codec     *codec
	disk      disk
	opened    Opening
	signed    bool                   // the owner's file is ours
	origin    atomic.Pointer[Origin] // nil: this is no working copy

	life  sync.RWMutex // held for writing by Close and Compact, for reading by all else
	db    *bolt.DB     // nil when closed
	stat  os.FileInfo  // of the opened file, to notice that it was replaced
	head  header
	write sync.Mutex // held while pages are written, and while Check reads them; protects what follows

	journal *journal       // nil when read-only
	txid    uint64         // of the newest meta page; 0: not known yet
	pending []journalEntry // of the transaction in the making
	broken  error          // after it nothing more is written: what a failed sync left nobody knows

	deadMu sync.Mutex
	dead   error // the damage after which nothing more is done with the file
}

// header is what the meta bucket says.
type header struct {
	Schema    int
	MinReader int // oldest program, by schema, that can read it
	UUID      annotate.ID
	Name      string
	Created   time.Time
	App       string
}

// Dir is the project's folder.
func (p *Project) Dir() string { return p.dir }

// Name is what the project was called when it was made.
func (p *Project) Name() string { return p.head.Name }

// UUID is the project's identity, which copies share.
func (p *Project) UUID() annotate.ID { return p.head.UUID }

// ReadOnly tells whether the project was opened for reading only.
func (p *Project) ReadOnly() bool { return p.readOnly }

// Created is when the project was made, UTC.
func (p *Project) Created() time.Time { return p.head.Created }

// Recovered tells whether the session before this one did not close the
// project: a crash or a power cut. Nothing acknowledged is lost by that.
func (p *Project) Recovered() bool { return p.recovered }

// closeWait is how long Close waits for a damaged file. bbolt may hold a lock
// for ever after a fault, and a program must be able to end.
const closeWait = 2 * time.Second

// Close ends the use of the project. Closing twice is no error.
func (p *Project) Close() error {
	p.life.Lock()
	defer p.life.Unlock()
	if p.db == nil {
		return nil
	}
	db := p.db
	p.db = nil
	signed := p.unsign()
	if p.fault() != nil {
		done := make(chan error, 1)
		go func() { done <- errors.Join(db.Close(), p.journal.close()) }()
		select {
		case err := <-done:
			return err
		case <-time.After(closeWait):
			return p.fault()
		}
	}
	err := p.journal.close()
	if !p.readOnly && p.broken == nil && err == nil {
		err = p.leave(db)
	}
	return errors.Join(err, db.Close(), signed)
}

func (p *Project) fault() error {
	p.deadMu.Lock()
	defer p.deadMu.Unlock()
	return p.dead
}

// view runs f in a read transaction. f copies what it keeps: the bytes that it
// sees are gone afterwards.
func (p *Project) view(f func(tx *bolt.Tx) error) error {
	p.life.RLock()
	defer p.life.RUnlock()
	if err := p.usable(); err != nil {
		return err
	}
	return p.protect(func() error { return p.db.View(f) })
}

// update runs f in the one write transaction; when it returns nil, the change
// is on the disk, in the journal and in the file.
func (p *Project) update(f func(tx *bolt.Tx) error) error {
	p.life.RLock()
	defer p.life.RUnlock()
	if err := p.usable(); err != nil {
		return err
	}
	if p.readOnly {
		return fmt.Errorf("storage: %s: %w", p.path, ErrReadOnly)
	}
	if err := p.inPlace(); err != nil {
		return err
	}
	p.write.Lock()
	defer p.write.Unlock()
	if p.broken != nil {
		return p.broken
	}
	return p.writeBoth(f)
}

// inPlace makes sure that the open file is still the one of that name: one that
// was deleted takes commits without a word, and loses them.
func (p *Project) inPlace() error {
	now, err := os.Stat(p.path)
	if err != nil || !os.SameFile(now, p.stat) {
		return fmt.Errorf("storage: %s: %w", p.path, ErrMoved)
	}
	return nil
}

// writeBoth commits to the journal first and then to the file, so that of the
// two the journal is never the one that lacks something. The caller holds write.
func (p *Project) writeBoth(f func(tx *bolt.Tx) error) error {
	p.pending = p.pending[:0]
	written := false
	var txid uint64
	err := p.protect(func() error {
		return p.db.Update(func(tx *bolt.Tx) error {
			if err := p.untouched(); err != nil {
				return err
			}
			txid = uint64(tx.ID())
			if err := f(tx); err != nil {
				return err
			}
			if len(p.pending) == 0 || p.journal == nil {
				return nil
			}
			err := p.journal.add(p.pending...)
			written = err == nil
			return err
		})
	})
	clear(p.pending)
	switch {
	case err == nil:
		p.txid = txid
		return nil
	case errors.Is(err, errBroken):
	case !written:
		return err
	case full(err) && p.fault() == nil:
		// bbolt took the transaction back whole, and so does the journal.
		if back := p.journal.takeBack(); back == nil {
			return err
		} else {
			err = errors.Join(err, back)
		}
	}
	p.broken = fmt.Errorf("storage: %s: %w: %w", p.path, ErrBroken, err)
	return p.broken
}

// untouched makes sure that nobody else wrote into the file since the last
// commit: another machine over a network drive, or a copy laid over it.
func (p *Project) untouched() error {
	f, err := os.Open(p.path)
	if err != nil {
		return fmt.Errorf("storage: %s: %w: %w", p.path, ErrMoved, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	pages, err := readPages(f, st.Size())
	if err != nil {
		return located(p.path, err)
	}
	if p.txid == 0 {
		p.txid = pages.txid
	}
	if pages.txid != p.txid {
		return fmt.Errorf("storage: %s: it holds transaction %d, %d was expected: %w", p.path, pages.txid, p.txid, ErrMoved)
	}
	return nil
}

// Full tells whether an error says that there is no room for what was to be
// saved: a full disk, a used-up share, or a project as large as one may be.
func Full(err error) bool { return full(err) }

// full tells whether an error says that there is no room, which leaves what was
// written before as it was.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		errors.Is(err, bolterrors.ErrMaxSizeReached)
}

// Broken is why nothing can be written any more since a write failed; nil as
// long as it can. What was acknowledged before is on the disk, and reading goes
// on.
func (p *Project) Broken() error {
	p.write.Lock()
	defer p.write.Unlock()
	return p.broken
}

func (p *Project) usable() error {
	if p.db == nil {
		return fmt.Errorf("storage: %s: %w", p.path, ErrClosed)
	}
	return p.fault()
}

// protect turns a fault while reading the mapped file, and a panic of bbolt
// over damaged pages, into a DamageError, after which the project is dead.
func (p *Project) protect(f func() error) error {
	err := shielded(f)
	var d *DamageError
	if !errors.As(err, &d) {
		return err
	}
	if d.Path == "" {
		d.Path = p.path
	}
	var boom *panicError
	if errors.As(err, &boom) {
		p.deadMu.Lock()
		if p.dead == nil {
			p.dead = d
		}
		p.deadMu.Unlock()
	}
	return err
}

type panicError struct{ what any }

func (e *panicError) Error() string { return fmt.Sprint(e.what) }

// shielded runs f and turns a fault or panic into a DamageError. It helps only
// on this goroutine.
func shielded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &DamageError{What: "its pages contradict one another", Err: &panicError{r}}
		}
	}()
	return f()
}

// located fills in the file of a DamageError that does not know it.
func located(path string, err error) error {
	var d *DamageError
	if errors.As(err, &d) && d.Path == "" {
		d.Path = path
	}
	return err
}

// projectFile finds the folder and the file; the path may name either.
func projectFile(path string) (dir, file string) {
	if filepath.Base(path) == FileName {
		return filepath.Dir(path), path
	}
	return path, filepath.Join(path, FileName)
}
