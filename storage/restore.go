package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// Restored is what came out of a journal.
type Restored struct {
	Commits uint64 // made again, from the first on
	Stopped string // why not all could be; "" when they were
	Lost    int    // commits of the journal after that
	Torn    bool   // the journal ends within a record
}

// RestoreJournal makes a project's file out of its journal alone. The file must
// not exist; it appears as a whole or not at all. A journal that is damaged in
// its middle gives all commits before that place, and the answer says so.
func RestoreJournal(journal, file string) (Restored, error) {
	fail := func(err error) (Restored, error) {
		return Restored{}, fmt.Errorf("storage: restore %s: %w", journal, err)
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrExists
		}
		return fail(err)
	}
	f, err := os.Open(journal)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	r, err := readJournal(f, st.Size())
	if errors.Is(err, errNoJournal) {
		return fail(&DamageError{Path: journal, What: "it is no journal"})
	}
	if err != nil {
		return fail(err)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), tempPattern)
	if err != nil {
		return fail(err)
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return fail(err)
	}
	got, err := restoreInto(temp.Name(), r)
	if err != nil {
		return fail(located(journal, err))
	}
	if err := walkFile(temp.Name()); err != nil {
		return fail(err)
	}
	if err := (disk{}).publish(temp.Name(), file); err != nil {
		return fail(err)
	}
	return got, nil
}

// restoreBatch is how many bytes of a journal are made again in one
// transaction.
const restoreBatch = 8 << 20

func restoreInto(path string, r *journalReader) (Restored, error) {
	var got Restored
	c, err := newCodec()
	if err != nil {
		return got, err
	}
	first, err := r.next()
	if err != nil {
		return got, err
	}
	if first == nil || first.project == nil || first.at != int64(len(journalMagic)) {
		return got, broken("its beginning, which says whose journal it is, cannot be read")
	}
	h := *first.project
	h.Schema, h.MinReader = schemaNow, schemaNow
	db, err := openBolt(path, boltOptions(false, 0))
	if err != nil {
		return got, err
	}
	db.NoSync = true // published as a whole at the end
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range buckets() {
			if _, err := tx.CreateBucket(b); err != nil {
				return err
			}
		}
		return writeHeader(tx, h)
	})
	for more := true; err == nil && more; {
		err = db.Update(func(tx *bolt.Tx) (err error) {
			more, err = restoreSome(tx, c, h.UUID, r, &got)
			return err
		})
	}
	if err == nil {
		got.Torn, err = r.torn()
	}
	if err == nil {
		err = db.Sync()
	}
	return got, errors.Join(err, db.Close())
}

// restoreSome makes records again until there are enough for one transaction;
// more is false at the end of the journal.
func restoreSome(tx *bolt.Tx, c *codec, project annotate.ID, r *journalReader, got *Restored) (more bool, err error) {
	from := r.at
	for r.at-from < restoreBatch {
		rec, err := r.next()
		if err != nil || rec == nil {
			return false, err
		}
		if r.holes > 0 && got.Stopped == "" {
			got.Stopped = fmt.Sprintf("%d bytes before byte %d of the journal are damaged", r.skipped, rec.at)
		}
		switch {
		case rec.key != nil:
			// A setting stands by itself: it is good after a hole, too.
			if _, _, _, err := unseal(rec.key, rec.value); err == nil {
				if err := tx.Bucket(bucketSettings).Put(rec.key, rec.value); err != nil {
					return false, err
				}
			}
		case rec.commit != nil && got.Stopped != "":
			got.Lost++
		case rec.commit != nil:
			err := replay(tx, c, project, rec.commit)
			if errors.Is(err, errOther) {
				// replay looks before it writes, but for the hash of a value:
				// such a transaction must not be kept.
				return false, broken("commit %d does not follow: %v", got.Commits+1, err)
			}
			if err != nil {
				return false, err
			}
			got.Commits++
		}
	}
	return true, nil
}

// journalValue looks for a sealed value in a journal: the one whose name,
// version and hash are given.
func journalValue(path string, id annotate.ID, version uint64, match func(v []byte) bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := readJournal(f, st.Size())
	if err != nil {
		return nil, err
	}
	for {
		rec, err := r.next()
		if err != nil || rec == nil {
			return nil, err
		}
		if rec.commit == nil {
			continue
		}
		for _, v := range rec.commit.values {
			if _, at, _, err := unseal(id[:], v); err == nil && at == version && match(v) {
				return bytes.Clone(v), nil
			}
		}
	}
}
