package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// Opening is what was found and done when the project was opened, for the
// person who opened it.
type Opening struct {
	Replayed int    // commits that the journal held and the file did not
	Journal  string // what became of the journal, when it did not fit; "" when it did
	SetAside string // where a journal that did not fit lies now; "" for nowhere

	Clock     string   // what is odd about this computer's clock; "" for nothing
	Cloud     string   // the program that copies this folder to the net behind ours; "" for none
	Origin    string   // why the note whose working copy this is cannot be used; "" when it can, or there is none
	Conflicts []string // files that such a program made when two computers changed the project
}

// Opening is what was found and done when the project was opened.
func (p *Project) Opening() Opening { return p.opened }

// cloudFolders are the names by which programs are known that copy folders to
// the net while they are used.
func cloudFolders() []string {
	return []string{"OneDrive", "Dropbox", "Google Drive", "GoogleDrive", "iCloud", "Nextcloud", "ownCloud", "Box Sync", "Syncthing"}
}

// look notes what a person should know of the place and of the clock.
func (p *Project) look(now time.Time) {
	if abs, err := filepath.Abs(p.dir); err == nil {
		for _, part := range strings.Split(filepath.ToSlash(abs), "/") {
			for _, name := range cloudFolders() {
				if strings.HasPrefix(strings.ToLower(part), strings.ToLower(name)) {
					p.opened.Cloud = name
				}
			}
		}
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil { // the folder was readable a moment ago; nothing depends on it
		return
	}
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if strings.HasPrefix(name, "project") && (strings.Contains(name, "conflict") || strings.Contains(name, "sync-conflict")) {
			p.opened.Conflicts = append(p.opened.Conflicts, e.Name())
		}
	}
	if last, err := p.lastRecord(); err == nil {
		p.opened.Clock = clockWords(now, last.At)
	}
}

// clockWords says what is odd about a clock that reads now when the last commit
// was made at last; "" when nothing is.
func clockWords(now, last time.Time) string {
	switch {
	case now.Year() < 2025 || now.Year() > 2100:
		return fmt.Sprintf("this computer's clock says %s", now.Format("2006-01-02 15:04"))
	case now.Before(last.Add(-clockSlack)):
		return fmt.Sprintf("this computer's clock says %s, and the last edit was made at %s", now.Format("2006-01-02 15:04"), last.In(now.Location()).Format("2006-01-02 15:04"))
	}
	return ""
}

// clockSlack is by how much clocks of two computers may differ without a word.
const clockSlack = 2 * time.Minute

// lastRecord is the newest audit record.
func (p *Project) lastRecord() (r AuditRecord, err error) {
	err = p.view(func(tx *bolt.Tx) error {
		k, v := tx.Bucket(bucketAudit).Cursor().Last()
		if k == nil {
			return broken("there is no audit record")
		}
		r, err = readAudit(p.codec, k, v)
		return err
	})
	return r, err
}

// metaJournal holds the length of the journal and the SHA-256 of the last audit
// record, as the last session left them.
var metaJournal = []byte("journal")

// leave notes that the session ended well, and with which journal.
func (p *Project) leave(db *bolt.DB) error {
	return p.protect(func() error {
		return db.Update(func(tx *bolt.Tx) error {
			if p.journal != nil {
				head, err := lastHash(tx, p.head.UUID)
				if err != nil {
					return err
				}
				v := binary.AppendUvarint(nil, uint64(p.journal.end))
				if err := tx.Bucket(bucketMeta).Put(metaJournal, append(v, head[:]...)); err != nil {
					return err
				}
			}
			return setClean(tx, true)
		})
	})
}

// lastHash is the hash of the last audit record.
func lastHash(tx *bolt.Tx, project annotate.ID) ([32]byte, error) {
	h := firstLink(project)
	if k, v := tx.Bucket(bucketAudit).Cursor().Last(); k != nil {
		if len(k) != 8 || len(v) < sha256.Size {
			return h, broken("the last audit record is not readable")
		}
		copy(h[:], v[len(v)-sha256.Size:])
	}
	return h, nil
}

// settle brings journal and file to the same state, before anything is written.
// What the journal has and the file has not is made up for; what the file has
// and the journal has not is added to it. A journal that tells another story is
// set aside, and a new one made of the file.
func (p *Project) settle() error {
	p.txid = 0 // what is replayed goes around update
	path := filepath.Join(p.dir, JournalName)
	if end, ok := p.leftWell(path); ok {
		j, err := openJournal(p.disk, path, end)
		p.journal = j
		return err
	}
	found, err := p.compare(path)
	if err != nil {
		return err
	}
	if found.why == "" {
		p.journal, err = openJournal(p.disk, path, found.end)
		if err != nil {
			return err
		}
		return p.catchUp(found.last)
	}
	p.opened.Journal = found.why
	if found.why != missingJournal {
		if p.opened.SetAside, err = p.setAside(path, "other"); err != nil {
			return err
		}
	}
	p.journal, err = p.makeJournal()
	if d := (*DamageError)(nil); errors.As(err, &d) && p.fault() == nil {
		// What is whole can be worked with; the journal waits for the repair.
		p.opened.Journal += "; a new one cannot be made: " + d.Error()
		return nil
	}
	return err
}

// comparison is what was found in the journal.
type comparison struct {
	why  string // it cannot be used; "" when it can
	end  int64  // of its last whole record
	last uint64 // number of its last commit; 0 for none
}

// leftWell tells whether the journal is as the last session left it, so that it
// need not be read.
func (p *Project) leftWell(path string) (end int64, ok bool) {
	st, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	err = p.protect(func() error {
		return p.db.View(func(tx *bolt.Tx) error {
			meta := tx.Bucket(bucketMeta)
			n, k := binary.Uvarint(meta.Get(metaJournal))
			if k <= 0 || string(meta.Get(metaClean)) != "1" {
				return nil
			}
			head, err := lastHash(tx, p.head.UUID)
			end = int64(n)
			ok = err == nil && st.Size() == end && bytes.Equal(meta.Get(metaJournal)[k:], head[:])
			return err
		})
	})
	return end, ok && err == nil
}

const missingJournal = "there was none"

// compare reads the journal and replays what the file lacks.
func (p *Project) compare(path string) (comparison, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return comparison{why: missingJournal}, nil
	}
	if err != nil {
		return comparison{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return comparison{}, err
	}
	r, err := readJournal(f, st.Size())
	if errors.Is(err, errNoJournal) {
		return comparison{why: err.Error()}, nil
	}
	if err != nil {
		return comparison{}, err
	}
	return p.follow(r)
}

// follow goes through the journal beside the file. The records that the file
// holds must be the same; those beyond its end are committed.
func (p *Project) follow(r *journalReader) (comparison, error) {
	var found comparison
	settings := map[string][]byte{}
	for first := true; ; first = false {
		rec, err := r.next()
		if err != nil {
			return found, err
		}
		if rec == nil {
			if first {
				found.why = "it is empty"
			}
			if p.opened.Replayed > 0 && found.why == "" {
				err = p.replaySettings(settings)
			}
			return found, err
		}
		found.end = rec.end
		switch {
		case r.holes > 0:
			found.why = "it is damaged"
			return found, nil
		case first && (rec.project == nil || rec.project.UUID != p.head.UUID):
			found.why = "it belongs to another project"
			return found, nil
		case rec.key != nil:
			settings[string(rec.key)] = rec.value
		}
		if rec.commit == nil {
			continue
		}
		seq, known, err := p.knows(rec.commit.audit)
		if err == nil && !known {
			err = p.replay(rec.commit)
			p.opened.Replayed++
		}
		if errors.Is(err, errOther) {
			found.why = "it tells of other edits than the project's file"
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("journal: %w", err)
		}
		found.last = seq
	}
}

func (p *Project) replaySettings(settings map[string][]byte) error {
	return p.protect(func() error {
		return p.db.Update(func(tx *bolt.Tx) error {
			for key, value := range settings {
				if err := tx.Bucket(bucketSettings).Put([]byte(key), value); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// errOther: a commit of the journal is not the one that the file holds, or does
// not follow its last.
var errOther = errors.New("another commit")

// knows tells whether the file holds the commit of that audit value.
func (p *Project) knows(audit []byte) (seq uint64, known bool, err error) {
	err = p.protect(func() error {
		return p.db.View(func(tx *bolt.Tx) error {
			if seq, err = seqOf(p.codec, audit); err != nil {
				return errors.Join(errOther, err)
			}
			have := tx.Bucket(bucketAudit).Get(seqKey(seq))
			known = have != nil
			if known && !bytes.Equal(have, audit) {
				return errOther
			}
			return nil
		})
	})
	return seq, known, err
}

// seqOf is the number in an audit value, whose hash is checked.
func seqOf(c *codec, audit []byte) (uint64, error) {
	if len(audit) < sha256.Size {
		return 0, errOther
	}
	var d auditV1
	if err := c.dec.Unmarshal(audit[:len(audit)-sha256.Size], &d); err != nil {
		return 0, err
	}
	_, err := readAudit(c, seqKey(d.Seq), audit)
	return d.Seq, err
}

// replay commits what the journal holds to the file alone.
func (p *Project) replay(c *commitRecord) error {
	return p.protect(func() error {
		return p.db.Update(func(tx *bolt.Tx) error { return replay(tx, p.codec, p.head.UUID, c) })
	})
}

// catchUp adds to the journal what the file has beyond its last commit.
func (p *Project) catchUp(last uint64) error {
	return p.protect(func() error {
		return p.db.View(func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketAudit).Cursor()
			var entries []journalEntry
			for k, v := c.Seek(seqKey(last + 1)); k != nil; k, v = c.Next() {
				e, err := storedEntry(tx, p.codec, k, v)
				if err != nil {
					return err
				}
				entries = append(entries, e)
			}
			if len(entries) == 0 {
				return nil
			}
			return p.journal.add(entries...)
		})
	})
}

// replay makes a commit of the journal again: every bucket is afterwards as the
// commit itself left it. It answers errOther for one that does not follow the
// last commit of the file.
func replay(tx *bolt.Tx, c *codec, project annotate.ID, rec *commitRecord) error {
	seq, err := seqOf(c, rec.audit)
	if err != nil {
		return errors.Join(errOther, err)
	}
	r, err := readAudit(c, seqKey(seq), rec.audit)
	if err != nil {
		return errors.Join(errOther, err)
	}
	prev, err := lastHash(tx, project)
	if err != nil {
		return err
	}
	if r.Prev != prev || r.Digest != sha256.Sum256(rec.log) {
		return errOther
	}
	_, _, body, err := unseal(seqKey(seq), rec.log)
	if err != nil {
		return errors.Join(errOther, err)
	}
	steps, err := decodeSteps(body)
	if err != nil {
		return errors.Join(errOther, err)
	}
	t := &change{tx: tx, codec: c, seq: seq}
	if err := t.again(steps, r, rec.values); err != nil {
		return err
	}
	if err := turnStacks(tx, r); err != nil {
		return err
	}
	if err := tx.Bucket(bucketLog).Put(seqKey(seq), rec.log); err != nil {
		return err
	}
	return tx.Bucket(bucketAudit).Put(seqKey(seq), rec.audit)
}

// again writes the values of the steps.
func (t *change) again(steps []step, r AuditRecord, values [][]byte) error {
	for _, s := range steps {
		b, err := bucketOf(t.tx, s.kind, r.Slide)
		if err != nil {
			return errors.Join(errOther, err)
		}
		if s.removed {
			if err := t.remove(b, s.kind, s.id); err != nil {
				return err
			}
			continue
		}
		if len(values) == 0 || sha256.Sum256(values[0]) != s.hash {
			return fmt.Errorf("%s %s of commit %d: %w", kindName(s.kind), s.id, t.seq, errOther)
		}
		if _, err := t.retire(b, s.kind, s.id); err != nil {
			return err
		}
		if err := b.Put(bytes.Clone(s.id[:]), values[0]); err != nil {
			return err
		}
		values = values[1:]
	}
	return nil
}

// bucketOf is where the present values of a kind lie.
func bucketOf(tx *bolt.Tx, kind byte, slide annotate.ID) (*bolt.Bucket, error) {
	switch kind {
	case changeObject:
		return tx.Bucket(bucketObjects).CreateBucketIfNotExists(slide[:])
	case changeClass:
		return tx.Bucket(bucketClasses), nil
	case changeSlide:
		return tx.Bucket(bucketSlides), nil
	case changeUser:
		return tx.Bucket(bucketUsers), nil
	case changeSignature:
		return tx.Bucket(bucketSignatures), nil
	}
	return nil, fmt.Errorf("a change of kind %d", kind)
}

// turnStacks does to undo and redo what the operation did.
func turnStacks(tx *bolt.Tx, r AuditRecord) error {
	switch r.Op {
	case OpCommit:
		if err := push(tx, bucketUndo, r.Slide, r.Seq); err != nil {
			return err
		}
		return clearStack(tx, bucketRedo, r.Slide)
	case OpUndo:
		return moveTop(tx, bucketUndo, bucketRedo, r)
	case OpRedo:
		return moveTop(tx, bucketRedo, bucketUndo, r)
	}
	return nil
}

func moveTop(tx *bolt.Tx, from, to []byte, r AuditRecord) error {
	key, seq, err := top(tx, from, r.Slide)
	if err != nil {
		return err
	}
	if key == nil || seq != r.Of {
		return fmt.Errorf("commit %d undoes or redoes %d, which is not on top: %w", r.Seq, r.Of, errOther)
	}
	if err := tx.Bucket(from).Delete(key); err != nil {
		return err
	}
	return push(tx, to, r.Slide, seq)
}
