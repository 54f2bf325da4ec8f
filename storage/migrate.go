package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// schemaNow is the schema that this program writes.
const schemaNow = 2

// migration brings a project from one schema to the next. Run works inside one
// transaction, which also writes the new number; so a step is done or not done,
// and is begun anew after a crash.
type migration struct {
	To     int
	Reader int // the oldest program, by schema, that reads the result; 0: that of To
	What   string
	Run    func(tx *bolt.Tx) error
}

// migrations is every step from the first schema to schemaNow, in order.
func migrations() []migration {
	return []migration{
		// Programs of schema 1 show labels and history of schema 2; only their
		// check of the edit log stumbles over the new operations.
		{To: 2, Reader: 1, What: "profiles and signatures", Run: func(tx *bolt.Tx) error {
			for _, name := range [][]byte{bucketUsers, bucketSignatures} {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

// migrate brings the open project up to date, after a copy was laid into the
// backup folder.
func (p *Project) migrate(steps []migration) error {
	if len(steps) == 0 || p.head.Schema >= steps[len(steps)-1].To {
		return nil
	}
	to := steps[len(steps)-1].To
	name := fmt.Sprintf("schema%d-before-%d-%s.bolt", p.head.Schema, to, time.Now().UTC().Format("20060102T150405"))
	if err := p.Backup(filepath.Join(p.dir, BackupDir, name)); err != nil {
		return fmt.Errorf("copy before the change to schema %d: %w", to, err)
	}
	for _, s := range steps {
		if s.To <= p.head.Schema {
			continue
		}
		if s.To != p.head.Schema+1 {
			return errors.New("steps between schemas are missing")
		}
		err := p.update(func(tx *bolt.Tx) error {
			if err := s.Run(tx); err != nil {
				return err
			}
			err := tx.Bucket(bucketMeta).Put(metaMinReader, binary.AppendUvarint(nil, uint64(s.reader())))
			if err != nil {
				return err
			}
			return tx.Bucket(bucketMeta).Put(metaSchema, binary.AppendUvarint(nil, uint64(s.To)))
		})
		if err != nil {
			return fmt.Errorf("change to schema %d (%s): %w", s.To, s.What, err)
		}
		p.head.Schema, p.head.MinReader = s.To, s.reader()
	}
	return nil
}

func (m migration) reader() int {
	if m.Reader > 0 {
		return m.Reader
	}
	return m.To
}
