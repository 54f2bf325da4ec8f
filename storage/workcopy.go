package storage

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// OriginName is the file in a working copy's folder that says whose copy it is.
const OriginName = "origin.json"

// maxOrigin is how many bytes of it are read.
const maxOrigin = 64 << 10

// Origin is the project of which another one is the working copy.
type Origin struct {
	Dir     string    `json:"project"` // its folder, from the root
	Project string    `json:"id"`      // its identity, which the copy shares
	Taken   time.Time `json:"taken"`   // when the copy was made or last sent back, UTC
	Commits uint64    `json:"commits"` // how many the two had in common then
	Head    string    `json:"head"`    // hash of the last of these, hexadecimal
}

// WorkingCopy copies the project in the folder remote, which may lie on a network drive or
// where nobody may write, into the folder local, where it can be worked on, with its journal.
// The copy appears as a whole or not at all, and knows whose it is (Project.Origin). It
// answers ErrExists when local holds a project, what Open answers for remote, and ctx's error.
func WorkingCopy(ctx context.Context, remote, local string) (Origin, error) {
	return workingCopy(ctx, remote, local, disk{})
}

func workingCopy(ctx context.Context, remote, local string, d disk) (Origin, error) {
	remote, _ = projectFile(remote)
	local, path := projectFile(local)
	fail := func(err error) (Origin, error) {
		err = cmp.Or(ctx.Err(), err) // bbolt keeps but the words of an error
		return Origin{}, fmt.Errorf("storage: working copy of %s: %w", remote, err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrExists
		}
		return fail(err)
	}
	p, err := open(remote, Options{ReadOnly: true}, migrations(), d)
	if err != nil {
		return fail(err)
	}
	defer p.Close() // read only: nothing can be lost by it
	if p.head.Schema > schemaNow {
		return fail(ErrNewer)
	}
	whole, err := filepath.Abs(remote)
	if err != nil {
		return fail(err)
	}
	head, err := p.lastRecord()
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(local, 0o755); err != nil {
		return fail(err)
	}
	// The journal first: what it lacks is added to it when the copy is opened.
	journal := filepath.Join(local, JournalName)
	if err := copyFile(filepath.Join(remote, JournalName), journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	o := Origin{Dir: whole, Project: p.head.UUID.String(), Taken: time.Now().UTC(), Commits: head.Seq, Head: hex.EncodeToString(head.Hash[:])}
	if err := writeOrigin(local, o, d); err != nil {
		return fail(err)
	}
	if err := p.copyTo(path, func(temp string) error { return p.writeFile(ctx, temp) }); err != nil {
		return fail(errors.Join(err, os.Remove(filepath.Join(local, OriginName))))
	}
	return o, nil
}

// writeFile writes the project's file, as it is at one moment, over the temporary file.
func (p *Project) writeFile(ctx context.Context, temp string) error {
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	err = p.view(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(&stoppable{ctx, f})
		return err
	})
	return errors.Join(err, f.Close())
}

// stoppable is a writer that ends with ctx.
type stoppable struct {
	ctx context.Context
	to  io.Writer
}

// Write implements io.Writer.
func (s *stoppable) Write(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.to.Write(b)
}

func writeOrigin(dir string, o Origin, d disk) error {
	b, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(append(b, '\n'))
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return d.publish(temp.Name(), filepath.Join(dir, OriginName))
}

// Origin is the project of which this one is the working copy; false when it is none.
func (p *Project) Origin() (Origin, bool) {
	if o := p.origin.Load(); o != nil {
		return *o, true
	}
	return Origin{}, false
}

// Home is the folder from which relative paths of slides count: the project's own, or that
// of the origin of a working copy.
func (p *Project) Home() string {
	if o, ok := p.Origin(); ok {
		return o.Dir
	}
	return p.dir
}

// findOrigin reads whose working copy the project is. A note that cannot be read, or that
// is of another project, makes a project of its own out of it, and is told at opening.
func (p *Project) findOrigin() {
	o, err := readOrigin(filepath.Join(p.dir, OriginName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err == nil && o.Project == p.head.UUID.String():
		p.origin.Store(&o)
	case err == nil:
		p.opened.Origin = "it names another project"
	default:
		p.opened.Origin = err.Error()
	}
}

func readOrigin(path string) (Origin, error) {
	f, err := os.Open(path)
	if err != nil {
		return Origin{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxOrigin))
	if err != nil {
		return Origin{}, err
	}
	return parseOrigin(b)
}

func parseOrigin(b []byte) (o Origin, err error) {
	if err := json.Unmarshal(b, &o); err != nil {
		return Origin{}, err
	}
	if _, err := annotate.ParseID(o.Project); err != nil {
		return Origin{}, err
	}
	if sum, err := hex.DecodeString(o.Head); err != nil || len(sum) != 32 || o.Commits == 0 || !filepath.IsAbs(o.Dir) {
		return Origin{}, errors.New("a field of it is missing or wrong")
	}
	return o, nil
}

// Sent is what SendBack did.
type Sent struct {
	Commits uint64 // that the origin lacked
	Backup  string // where the origin's file of before lies; "" when nothing was sent
}

// SendBack puts the working copy in the place of its origin, which gets all commits that it
// lacks, and keeps its file of before among its backups. It answers ErrNoOrigin, an
// *AheadError when the origin has commits that the copy lacks, in which case both stay as
// they are, ErrLocked while another program writes the origin, and ctx's error.
func (p *Project) SendBack(ctx context.Context) (Sent, error) {
	o, ok := p.Origin()
	if !ok {
		return Sent{}, fmt.Errorf("storage: send %s back: %w", p.dir, ErrNoOrigin)
	}
	fail := func(err error) (Sent, error) {
		err = cmp.Or(ctx.Err(), err) // bbolt keeps but the words of an error
		return Sent{}, fmt.Errorf("storage: send %s back to %s: %w", p.dir, o.Dir, err)
	}
	far, err := open(o.Dir, Options{ReadOnly: true}, migrations(), p.disk)
	if err != nil {
		return fail(err)
	}
	closed := false
	defer func() {
		if !closed {
			far.Close()
		}
	}()
	head, theirs, err := p.follows(far)
	if err != nil {
		return fail(err)
	}
	sent := Sent{Commits: head.Seq - theirs.Seq}
	if sent.Commits == 0 {
		return sent, nil
	}
	back := BackupFile{At: time.Now(), Why: "sent", Seq: theirs.Seq}
	sent.Backup = filepath.Join(o.Dir, BackupDir, back.name())
	if err := far.Backup(sent.Backup); err != nil {
		return fail(err)
	}
	// Windows does not replace a file that is open.
	closed = true
	if err := far.Close(); err != nil {
		return fail(err)
	}
	err = p.copyTo(filepath.Join(o.Dir, FileName), func(temp string) error {
		if err := p.writeFile(ctx, temp); err != nil {
			return err
		}
		if err := p.unchanged(o.Dir, theirs); err != nil { // writing took its time
			return err
		}
		// The journal first, as with every commit: it may be ahead of the file, never behind.
		_, err := p.layJournal(o.Dir)
		return err
	})
	if err != nil {
		return fail(err)
	}
	o.Taken, o.Commits, o.Head = time.Now().UTC(), head.Seq, hex.EncodeToString(head.Hash[:])
	if err := writeOrigin(p.dir, o, p.disk); err != nil {
		return fail(err)
	}
	p.origin.Store(&o)
	return sent, nil
}

// unchanged makes sure that nobody wrote the project in the folder since record was its last.
func (p *Project) unchanged(dir string, record AuditRecord) error {
	far, err := open(dir, Options{ReadOnly: true}, migrations(), p.disk)
	if err != nil {
		return err
	}
	now, err := far.lastRecord()
	if err := errors.Join(err, far.Close()); err != nil {
		return err
	}
	if now.Hash != record.Hash {
		return &AheadError{Common: record.Seq, Last: now}
	}
	return nil
}

// follows makes sure that the project holds every commit of the far one, by the chain of the
// edit log, and answers the last record of each.
func (p *Project) follows(far *Project) (head, theirs AuditRecord, err error) {
	if far.head.UUID != p.head.UUID {
		return head, theirs, ErrOtherProject
	}
	if theirs, err = far.lastRecord(); err != nil {
		return head, theirs, err
	}
	if head, err = p.lastRecord(); err != nil {
		return head, theirs, err
	}
	same := func(seq uint64) (bool, error) {
		a, err := p.record(seq)
		if err != nil {
			return false, err
		}
		b, err := far.record(seq)
		return a.Hash == b.Hash, err
	}
	if theirs.Seq <= head.Seq {
		ok, err := same(theirs.Seq)
		if ok || err != nil {
			return head, theirs, err
		}
	}
	// Up to some number all records are the same, after it none: each holds the hash of
	// the one before.
	common, differs := uint64(0), min(theirs.Seq, head.Seq)+1
	for differs-common > 1 {
		middle := common + (differs-common)/2
		ok, err := same(middle)
		if err != nil {
			return head, theirs, err
		}
		if ok {
			common = middle
		} else {
			differs = middle
		}
	}
	return head, theirs, &AheadError{Common: common, Last: theirs}
}

// record is an audit record by its number.
func (p *Project) record(seq uint64) (r AuditRecord, err error) {
	err = p.view(func(tx *bolt.Tx) error {
		r, err = getAudit(tx, p.codec, seq)
		return err
	})
	return r, err
}

// AheadError says that an origin has commits that its working copy lacks.
type AheadError struct {
	Common uint64      // the last commit that both have
	Last   AuditRecord // the origin's
}

// Error implements error.
func (e *AheadError) Error() string {
	return fmt.Sprintf("%d commits were made there since commit %d, the last by %s at %s", e.Last.Seq-e.Common, e.Common, e.Last.Author, e.Last.At.Format("2006-01-02 15:04"))
}

// Unsent is how many commits a working copy has that its origin did not have when they were
// last together; 0 for a project that is none.
func (p *Project) Unsent() (uint64, error) {
	o, ok := p.Origin()
	if !ok {
		return 0, nil
	}
	last, err := p.lastRecord()
	if err != nil {
		return 0, fmt.Errorf("storage: %w", err)
	}
	return last.Seq - min(last.Seq, o.Commits), nil
}
