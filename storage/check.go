package storage

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// maxProblems is how many problems Check lists.
const maxProblems = 100

// Check reads the whole project and answers everything that is wrong with it,
// joined into one error of *DamageError values; nil when nothing is.
//
// It reads the pages of the file as bytes first, and looks at them through
// bbolt only when they are sound: bbolt's own check runs on a goroutine where a
// fault of the mapped file would end the program. What is left of that risk is
// a file that is cut or changed by another program during the check.
func (p *Project) Check() error {
	p.life.RLock()
	defer p.life.RUnlock()
	if err := p.usable(); err != nil {
		return err
	}
	p.write.Lock() // the pages must stand still
	defer p.write.Unlock()
	if err := walkFile(p.path); err != nil {
		return fmt.Errorf("storage: check: %w", err)
	}
	err := p.protect(func() error {
		return p.db.View(func(tx *bolt.Tx) error {
			if err := boltCheck(tx); err != nil {
				return err
			}
			k := checker{tx: tx, codec: p.codec}
			k.values()
			k.stacks()
			k.audit(p.head.UUID)
			k.found(checkJournal(filepath.Join(p.dir, JournalName), tx, p.codec, p.head.UUID))
			return errors.Join(k.problems...)
		})
	})
	if err != nil {
		return fmt.Errorf("storage: check: %w", located(p.path, err))
	}
	return nil
}

// checkJournal makes sure that the journal alone would give the same commits as
// the file. A project without one is sound: it is made at the next opening. So is
// one whose journal is ahead of the file: it is written first, and a kill between
// the two leaves a commit that the next opening for writing takes over.
func checkJournal(path string, tx *bolt.Tx, c *codec, project annotate.ID) error {
	bad := func(format string, a ...any) error {
		return &DamageError{Path: path, What: fmt.Sprintf(format, a...)}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := readJournal(f, st.Size())
	if err != nil {
		return bad("its beginning: %v", err)
	}
	seq, last, prev := uint64(0), uint64(0), [32]byte{}
	if k, _ := tx.Bucket(bucketAudit).Cursor().Last(); len(k) == 8 {
		last = order64(k)
	}
	for {
		rec, err := r.next()
		switch {
		case err != nil:
			return err
		case r.holes > 0:
			return bad("%d bytes before byte %d are in no record", r.skipped, rec.at)
		case rec == nil:
			if last > seq {
				return bad("it ends at commit %d of %d", seq, last)
			}
			return nil
		case rec.project != nil && rec.project.UUID != project:
			return bad("it belongs to another project")
		case rec.commit == nil:
			continue
		}
		seq++
		if seq <= last && !bytes.Equal(rec.commit.audit, tx.Bucket(bucketAudit).Get(seqKey(seq))) {
			return bad("its commit %d is not that of the project", seq)
		}
		if seq >= last {
			a, err := readAudit(c, seqKey(seq), rec.commit.audit)
			if err != nil || seq > last && a.Prev != prev {
				return bad("its commit %d does not follow that of the project", seq)
			}
			prev = a.Hash
		}
		if err := sameValues(c, seq, rec.commit); err != nil {
			return bad("commit %d: %v", seq, err)
		}
	}
}

// sameValues compares what a commit of the journal holds with the hashes of its
// audit record.
func sameValues(c *codec, seq uint64, rec *commitRecord) error {
	r, err := readAudit(c, seqKey(seq), rec.audit)
	if err != nil {
		return err
	}
	if sha256.Sum256(rec.log) != r.Digest {
		return errors.New("its list of changes is not the recorded one")
	}
	_, _, body, err := unseal(seqKey(seq), rec.log)
	if err != nil {
		return err
	}
	steps, err := decodeSteps(body)
	if err != nil {
		return err
	}
	values := rec.values
	for _, s := range steps {
		if s.removed {
			continue
		}
		if len(values) == 0 || sha256.Sum256(values[0]) != s.hash {
			return fmt.Errorf("%s %s is not as it was recorded", kindName(s.kind), s.id)
		}
		values = values[1:]
	}
	return nil
}

func boltCheck(tx *bolt.Tx) error {
	var problems []error
	for err := range tx.Check() {
		if len(problems) < maxProblems {
			problems = append(problems, &DamageError{What: "its pages", Err: err})
		}
	}
	return errors.Join(problems...)
}

type checker struct {
	tx       *bolt.Tx
	codec    *codec
	problems []error
}

func (k *checker) found(err error) {
	if err != nil && len(k.problems) < maxProblems {
		k.problems = append(k.problems, err)
	}
}

// values decodes everything, and looks up what objects refer to.
func (k *checker) values() {
	each := func(bucket []byte, f func(key, v []byte) error) {
		if k.tx.Bucket(bucket) == nil { // of a later schema than the file's
			return
		}
		k.found(k.tx.Bucket(bucket).ForEach(func(key, v []byte) error {
			k.found(f(key, v))
			return nil
		}))
	}
	each(bucketSlides, func(key, v []byte) error {
		_, err := parseSlide(k.codec, key, v)
		return err
	})
	each(bucketClasses, func(key, v []byte) error {
		_, _, err := parseClass(k.codec, key, v)
		return err
	})
	each(bucketUsers, func(key, v []byte) error {
		_, err := parseUser(k.codec, key, v)
		return err
	})
	each(bucketSignatures, func(key, v []byte) error {
		_, err := readSignature(k.codec, key, v)
		if err != nil {
			err = &DamageError{What: fmt.Sprintf("signature %x", key), Err: err}
		}
		return err
	})
	each(bucketSettings, func(key, v []byte) error {
		if _, _, _, err := unseal(key, v); err != nil {
			return &DamageError{What: fmt.Sprintf("setting %q", key), Err: err}
		}
		return nil
	})
	k.found(k.tx.Bucket(bucketObjects).ForEachBucket(func(slide []byte) error {
		k.slide(bytes.Clone(slide))
		return nil
	}))
	each(bucketHistory, k.version)
	each(bucketLog, func(key, v []byte) error {
		if len(key) != 8 {
			return broken("the log has a key of %d bytes", len(key))
		}
		_, err := getSteps(k.tx, order64(key))
		return err
	})
}

func (k *checker) slide(slide []byte) {
	if k.tx.Bucket(bucketSlides).Get(slide) == nil {
		k.found(broken("objects of slide %x, which the project does not have", slide))
	}
	k.found(k.tx.Bucket(bucketObjects).Bucket(slide).ForEach(func(key, v []byte) error {
		o, err := parseObject(k.codec, key, v)
		if err != nil {
			k.found(err)
			return nil
		}
		if err := o.ROI.WellFormed(); err != nil {
			k.found(&DamageError{What: "object " + o.ID.String(), Err: err})
		}
		if !o.Class.IsZero() && k.tx.Bucket(bucketClasses).Get(o.Class[:]) == nil {
			k.found(broken("object %s has the class %s, which the project does not have", o.ID, o.Class))
		}
		return nil
	}))
}

// version checks one value of the history. What it is of follows from the log,
// which verifyAudit compares; here its seal and place must be right.
func (k *checker) version(key, v []byte) error {
	if len(key) != 24 {
		return broken("the history has a key of %d bytes", len(key))
	}
	_, version, _, err := unseal(key[:16], v)
	if err == nil && version != order64(key[16:]) {
		err = fmt.Errorf("it is version %d", version)
	}
	if err != nil {
		return &DamageError{What: fmt.Sprintf("history of %x, version %d", key[:16], order64(key[16:])), Err: err}
	}
	return nil
}

// stacks makes sure that everything that can be undone or redone is there.
func (k *checker) stacks() {
	t := change{tx: k.tx, codec: k.codec}
	for _, stack := range [][]byte{bucketUndo, bucketRedo} {
		k.found(k.tx.Bucket(stack).ForEach(func(key, v []byte) error {
			seq, err := stackEntry(key, v)
			if err == nil {
				var e annotate.Edit
				if e, err = t.editOf(seq); err == nil && !bytes.Equal(e.Slide[:], key[:16]) {
					err = broken("commit %d is on the undo stack of another slide", seq)
				}
			}
			k.found(err)
			return nil
		}))
	}
}

func (k *checker) audit(project annotate.ID) {
	rep := verifyAudit(k.tx, k.codec, project)
	if rep.FirstBad != 0 {
		k.found(broken("audit record %d: %s", rep.FirstBad, rep.Problem))
	}
	if c := k.tx.Bucket(bucketLog).Stats().KeyN; rep.FirstBad == 0 && uint64(c) != rep.Records {
		k.found(broken("%d lists of changes for %d audit records", c, rep.Records))
	}
}
