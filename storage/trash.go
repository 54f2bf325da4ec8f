package storage

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// Removed is an object that is on its slide no more, and can be put back.
type Removed struct {
	Object *annotate.Object // as it was last
	Record AuditRecord      // of the commit that removed it
}

// Removed lists the objects of the slide that were removed and not put back,
// the one removed last first. Nothing ever leaves this list but by being put
// back. It reads the whole history: not for Fyne's goroutine.
func (p *Project) Removed(slide annotate.ID) ([]Removed, error) {
	var out []Removed
	err := p.view(func(tx *bolt.Tx) error {
		here := tx.Bucket(bucketObjects).Bucket(slide[:])
		records := map[uint64]AuditRecord{}
		t := &change{tx: tx, codec: p.codec}
		c := tx.Bucket(bucketHistory).Cursor()
		var before uint64 // version before, of the same identifier
		var last annotate.ID
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if len(k) != 24 {
				return broken("the history has a key of %d bytes", len(k))
			}
			id := annotate.ID(k[:16])
			if id != last {
				before, last = 0, id
			}
			version := order64(k[16:])
			if len(v) == 0 || v[0] != formatGone || before == 0 {
				before = version
				continue
			}
			was := before
			before = version
			if here != nil && here.Get(id[:]) != nil || followed(c, k, id) {
				continue
			}
			r, ok := records[version]
			if !ok {
				var err error
				if r, err = getAudit(tx, p.codec, version); err != nil {
					return err
				}
				records[version] = r
			}
			if r.Slide != slide {
				continue
			}
			o, err := t.objectAt(slide, id, was)
			if err != nil {
				continue // a class of an edit without a slide, or damaged: Check tells
			}
			out = append(out, Removed{o, r})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("storage: removed objects: %w", err)
	}
	slices.SortStableFunc(out, func(a, b Removed) int { return cmp.Compare(b.Record.Seq, a.Record.Seq) })
	return out, nil
}

// followed tells whether the history holds a later version of the identifier;
// the cursor stays at key.
func followed(c *bolt.Cursor, key []byte, id annotate.ID) bool {
	next, _ := c.Next()
	later := bytes.HasPrefix(next, id[:])
	c.Seek(key)
	return later
}

// Record is the audit record of that number.
func (p *Project) Record(seq uint64) (r AuditRecord, err error) {
	err = p.view(func(tx *bolt.Tx) error {
		r, err = getAudit(tx, p.codec, seq)
		return err
	})
	return r, err
}
