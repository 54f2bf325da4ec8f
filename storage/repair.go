package storage

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// RepairReport is what a repair did, for people.
type RepairReport struct {
	Damage  string   // what was wrong; "" when nothing was
	Steps   []string // what was tried, and what came of it, in order
	By      string   // the step that helped: "older meta page", "history", "journal", "backup"; "" when none
	Commits uint64   // in the project now
	Lost    string   // what is lost; "" when nothing is
	Kept    string   // where the damaged file lies now
}

func (r *RepairReport) say(format string, a ...any) {
	r.Steps = append(r.Steps, fmt.Sprintf(format, a...))
}

// Repair brings a damaged project back. It never writes into the damaged file:
// each step makes a new one, which has to pass check before it takes the place
// of the damaged one; that is kept beside it. In this order: the older of the
// two meta pages (a torn last write); single values from the history, the
// journal or a backup; the journal alone; the newest backup that is sound. After
// each of them the journal is replayed, so that nothing acknowledged is lost
// that it holds.
//
// check looks at a project's folder as CheckDir does. The pages of a damaged file
// can end the process that maps them, so a program hands a check that runs in a
// child process.
func Repair(dir string, check func(dir string) error) (RepairReport, error) {
	dir, path := projectFile(dir)
	var rep RepairReport
	fail := func(err error) (RepairReport, error) {
		return rep, fmt.Errorf("storage: repair %s: %w", dir, err)
	}
	err := check(dir)
	if err == nil || errors.Is(err, ErrLocked) || errors.Is(err, ErrNotProject) && !repairable(dir) {
		return rep, err
	}
	rep.Damage = err.Error()
	work, err := os.MkdirTemp(dir, ".project-repair-*.tmp")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(work)
	before := lastOf(path, dir)
	for _, step := range []struct {
		name string
		make func(dir, work string, rep *RepairReport) error
	}{
		{"older meta page", olderMeta}, {"history", mendValues}, {"journal", fromJournal}, {"backup", fromBackup},
	} {
		if err := emptyDir(work); err != nil {
			return fail(err)
		}
		err := shielded(func() error { return step.make(dir, work, &rep) })
		if err == nil {
			err = bring(work, dir)
		}
		if err == nil {
			err = check(work)
		}
		if err != nil {
			rep.say("%s: no (%s)", step.name, strings.ReplaceAll(firstLine(err), work+string(filepath.Separator), ""))
			continue
		}
		rep.By = step.name
		if err := rep.accept(dir, path, work, before); err != nil {
			return fail(err)
		}
		return rep, nil
	}
	return fail(fmt.Errorf("no step helped; nothing was changed: %s", rep.Damage))
}

// CheckDir is what Repair and a child process ask: it opens the project for
// reading and checks everything.
func CheckDir(dir string) error {
	p, err := Open(dir, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(p.Check(), p.Close())
}

// repairable tells whether a folder that holds no readable project file has
// something to make one of.
func repairable(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, JournalName)); err == nil {
		return true
	}
	have, err := Backups(dir)
	return err == nil && len(have) > 0
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func emptyDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o755)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// olderMeta takes the state before the last commit: when that was torn, the
// pages of the one before are all there.
func olderMeta(dir, work string, rep *RepairReport) error {
	to := filepath.Join(work, FileName)
	if err := copyFile(filepath.Join(dir, FileName), to); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = revertMeta(f)
	return errors.Join(err, f.Close())
}

// revertMeta spoils the newer of the two meta pages, so that the older counts.
func revertMeta(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	pages, err := readPages(f, st.Size())
	if err != nil {
		return err
	}
	newer := int64(pages.txid%2) * pages.pageSize // bbolt v1.5.0, meta.Write: page id = txid mod 2
	if _, err := f.WriteAt(make([]byte, metaSize), newer+pageHeadSize); err != nil {
		return err
	}
	if newer == 0 { // the page size is looked for on the first page
		again, err := readPages(f, st.Size())
		if err != nil {
			return err
		}
		if again.pageSize != pages.pageSize {
			return broken("the older meta page has another page size")
		}
	}
	return f.Sync()
}

// mendValues replaces values whose checksum is wrong by the same version from
// the history, the journal or a backup.
func mendValues(dir, work string, rep *RepairReport) error {
	to := filepath.Join(work, FileName)
	if err := copyFile(filepath.Join(dir, FileName), to); err != nil {
		return err
	}
	if err := walkFile(to); err != nil {
		return err
	}
	c, err := newCodec()
	if err != nil {
		return err
	}
	db, err := openBolt(to, boltOptions(false, 0))
	if err != nil {
		return err
	}
	n := 0
	err = shielded(func() error {
		return db.Update(func(tx *bolt.Tx) error {
			m := mender{tx: tx, codec: c, dir: dir}
			err := m.all()
			n = m.mended
			return err
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if n == 0 {
		return errors.New("no single value is damaged")
	}
	rep.say("%d damaged value(s) replaced by the same version from the journal or a backup", n)
	return nil
}

// fromJournal makes the project of its journal alone.
func fromJournal(dir, work string, rep *RepairReport) error {
	got, err := RestoreJournal(filepath.Join(dir, JournalName), filepath.Join(work, FileName))
	if err != nil {
		return err
	}
	if got.Commits == 0 {
		return errors.New("it holds no commit")
	}
	if got.Stopped != "" {
		have, err := Backups(dir)
		if err == nil && len(have) > 0 && have[0].Seq > got.Commits {
			return fmt.Errorf("%s; a backup holds more", got.Stopped)
		}
		rep.Lost = fmt.Sprintf("%d edit(s) after the damaged place of the journal", got.Lost)
	} else if got.Torn {
		rep.Lost = "the edits after the end of the journal, which is cut"
	}
	rep.say("%d commits made again from the journal", got.Commits)
	return nil
}

// fromBackup takes the newest backup that is sound.
func fromBackup(dir, work string, rep *RepairReport) error {
	have, err := Backups(dir)
	if err != nil {
		return err
	}
	to := filepath.Join(work, FileName)
	for _, b := range have {
		err := copyFile(b.Path, to)
		if err == nil {
			if err = CheckDir(work); err == nil {
				at := b.At.Format("2006-01-02 15:04:05 MST")
				rep.say("backup of %s taken", at)
				rep.Lost = "what was done after " + at + ", as far as the journal does not hold it"
				return nil
			}
		}
		rep.say("backup %s: no (%s)", filepath.Base(b.Path), firstLine(err))
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.New("there is no sound backup")
}

// bring replays the journal onto the candidate, as an opening does.
func bring(work, dir string) error {
	journal := filepath.Join(dir, JournalName)
	if _, err := os.Stat(journal); err == nil {
		if err := copyFile(journal, filepath.Join(work, JournalName)); err != nil {
			return err
		}
	}
	p, err := Open(work, Options{})
	if err != nil {
		return err
	}
	return p.Close()
}

// accept puts the candidate in the place of the damaged file.
func (r *RepairReport) accept(dir, path, work string, before uint64) error {
	p, err := Open(work, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	seq, err := p.LastCommit()
	if err := errors.Join(err, p.Close()); err != nil {
		return err
	}
	r.Commits = seq
	if before > seq && r.Lost == "" {
		r.Lost = fmt.Sprintf("the edits after commit %d, of %d", seq, before)
	}
	d := disk{}
	at := time.Now().UTC().Format("20060102T150405.000")
	for _, name := range []string{FileName, JournalName} {
		ext := filepath.Ext(name)
		kept := filepath.Join(dir, strings.TrimSuffix(name, ext)+".damaged-"+at+ext)
		err := d.rename(filepath.Join(dir, name), kept)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && name == FileName {
			r.Kept = kept
		}
		if err := d.publish(filepath.Join(work, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	r.say("%s: yes, %d commits", r.By, seq)
	return nil
}

// lastOf is the number of the last commit as far as anything still tells; 0
// when nothing does.
func lastOf(path, dir string) (seq uint64) {
	c, err := newCodec()
	if err != nil {
		return 0
	}
	if f, err := os.Open(filepath.Join(dir, JournalName)); err == nil {
		defer f.Close()
		if st, err := f.Stat(); err == nil {
			if r, err := readJournal(f, st.Size()); err == nil {
				for rec, err := r.next(); err == nil && rec != nil; rec, err = r.next() {
					if rec.commit != nil {
						if n, err := seqOf(c, rec.commit.audit); err == nil {
							seq = max(seq, n)
						}
					}
				}
			}
		}
	}
	if have, err := Backups(dir); err == nil && len(have) > 0 {
		seq = max(seq, have[0].Seq)
	}
	return seq
}

// mender replaces damaged values of one kind after another.
type mender struct {
	tx     *bolt.Tx
	codec  *codec
	dir    string
	mended int
}

// all goes through the log: it knows the hash of every version of everything.
func (m *mender) all() error {
	return m.tx.Bucket(bucketLog).ForEach(func(key, v []byte) error {
		if len(key) != 8 {
			return broken("the log has a key of %d bytes", len(key))
		}
		seq := order64(key)
		r, err := getAudit(m.tx, m.codec, seq)
		if err != nil {
			return err
		}
		steps, err := getSteps(m.tx, seq)
		if err != nil {
			return err
		}
		for _, s := range steps {
			if s.removed {
				continue
			}
			if err := m.version(r.Slide, s, seq); err != nil {
				return err
			}
		}
		return nil
	})
}

// version makes sure of one version of one value.
func (m *mender) version(slide annotate.ID, s step, seq uint64) error {
	match := func(v []byte) bool { return sha256.Sum256(v) == s.hash }
	if v, err := valueAt(m.tx, s.kind, slide, s.id, seq); err == nil && match(v) {
		return nil
	}
	v := m.find(slide, s, seq, match)
	if v == nil {
		return broken("%s %s, version %d, is damaged and nowhere else", kindName(s.kind), s.id, seq)
	}
	b, err := bucketOf(m.tx, s.kind, slide)
	if err != nil {
		return err
	}
	m.mended++
	// The present value when nothing newer is in its place, else one of the past.
	if newer, err := m.newer(slide, s, seq); err != nil || newer {
		return errors.Join(err, m.tx.Bucket(bucketHistory).Put(versionKey(s.id, seq), v))
	}
	return b.Put(s.id[:], v)
}

// newer tells whether a later commit replaced or removed the value.
func (m *mender) newer(slide annotate.ID, s step, seq uint64) (bool, error) {
	c := m.tx.Bucket(bucketLog).Cursor()
	for k, _ := c.Seek(seqKey(seq + 1)); k != nil; k, _ = c.Next() {
		steps, err := getSteps(m.tx, order64(k))
		if err != nil {
			return false, err
		}
		for _, t := range steps {
			if t.id == s.id && t.kind == s.kind {
				return true, nil
			}
		}
	}
	return false, nil
}

// find looks in the history (which may hold a second copy), the journal and the
// backups.
func (m *mender) find(slide annotate.ID, s step, seq uint64, match func([]byte) bool) []byte {
	if v := m.tx.Bucket(bucketHistory).Get(versionKey(s.id, seq)); v != nil && match(v) {
		return v
	}
	if v, err := journalValue(filepath.Join(m.dir, JournalName), s.id, seq, match); err == nil && v != nil {
		return v
	}
	have, err := Backups(m.dir)
	if err != nil {
		return nil
	}
	for _, b := range have {
		if v := backupValue(b.Path, slide, s, seq, match); v != nil {
			return v
		}
	}
	return nil
}

func backupValue(path string, slide annotate.ID, s step, seq uint64, match func([]byte) bool) (found []byte) {
	if walkFile(path) != nil {
		return nil
	}
	db, err := openBolt(path, boltOptions(true, populateMax))
	if err != nil {
		return nil
	}
	defer db.Close()
	err = shielded(func() error {
		return db.View(func(tx *bolt.Tx) error {
			v, err := valueAt(tx, s.kind, slide, s.id, seq)
			if err == nil && match(v) {
				found = append([]byte(nil), v...)
			}
			return err
		})
	})
	if err != nil {
		return nil
	}
	return found
}
