package storage

import (
	"bytes"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// auditBucket is the edit log in the hands of somebody who can write the file
// and make each record's own hash fit.
type auditBucket struct{ p *Project }

func (a *auditBucket) do(t *testing.T, f func(b *bolt.Bucket) error) {
	t.Helper()
	if err := a.p.db.Update(func(tx *bolt.Tx) error { return f(tx.Bucket(bucketAudit)) }); err != nil {
		t.Fatal(err)
	}
}

func (a *auditBucket) change(t *testing.T, seq uint64, f func(*AuditRecord)) {
	t.Helper()
	a.do(t, func(b *bolt.Bucket) error {
		r, err := readAudit(a.p.codec, seqKey(seq), b.Get(seqKey(seq)))
		if err != nil {
			return err
		}
		f(&r)
		v, err := auditValue(a.p.codec, r)
		if err != nil {
			return err
		}
		return b.Put(seqKey(seq), v)
	})
}

func (a *auditBucket) remove(t *testing.T, seq uint64) {
	t.Helper()
	a.do(t, func(b *bolt.Bucket) error { return b.Delete(seqKey(seq)) })
}

func (a *auditBucket) swap(t *testing.T, m, n uint64) {
	t.Helper()
	a.do(t, func(b *bolt.Bucket) error {
		x, y := bytes.Clone(b.Get(seqKey(m))), bytes.Clone(b.Get(seqKey(n)))
		if err := b.Put(seqKey(m), y); err != nil {
			return err
		}
		return b.Put(seqKey(n), x)
	})
}
