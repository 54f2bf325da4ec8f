package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// Op is what an audit record is about. The numbers are on the disk.
type Op uint8

// The operations.
const (
	OpCreate Op = 1 // the project was made
	OpCommit Op = 2 // an edit
	OpUndo   Op = 3 // Of was undone
	OpRedo   Op = 4 // Of was made again
	OpSlide  Op = 5 // a slide was added or its description changed
	OpUser   Op = 6 // a profile was made or changed
	OpSign   Op = 7 // the labels of a slide were signed
)

// String is the operation's name for people.
func (o Op) String() string {
	switch o {
	case OpCreate:
		return "create"
	case OpCommit:
		return "edit"
	case OpUndo:
		return "undo"
	case OpRedo:
		return "redo"
	case OpSlide:
		return "slide"
	case OpUser:
		return "profile"
	case OpSign:
		return "signature"
	}
	return fmt.Sprintf("op %d", uint8(o))
}

// AuditRecord is who did what and when. The records form a chain: each holds
// the hash of the one before. That shows an accidental or naïve change of the
// file; somebody who rewrites the whole chain is not found by it.
type AuditRecord struct {
	Seq     uint64
	At      time.Time // wall clock with the zone it was made in
	Author  string
	Session string
	App     string
	Op      Op
	Of      uint64      // the commit that was undone or redone
	Slide   annotate.ID // zero when none is concerned
	Label   string
	Reason  string
	Changes int           // values written or removed
	Digest  [32]byte      // SHA-256 of the commit's list of changes, which holds the hash of every value
	Run     time.Duration // since the session began, by a clock that nobody sets; 0 when not known
	Clock   bool          // the wall clock was behind the record before, or in no likely year
	Prev    [32]byte      // Hash of the record before
	Hash    [32]byte      // of this record
}

type auditV1 struct {
	Seq     uint64  `cbor:"1,keyasint"`
	Prev    []byte  `cbor:"2,keyasint"`
	At      instant `cbor:"3,keyasint,omitempty"`
	Zone    int     `cbor:"4,keyasint,omitempty"` // seconds east of UTC
	Author  string  `cbor:"5,keyasint,omitempty"`
	Session string  `cbor:"6,keyasint,omitempty"`
	App     string  `cbor:"7,keyasint,omitempty"`
	Op      uint8   `cbor:"8,keyasint"`
	Of      uint64  `cbor:"9,keyasint,omitempty"`
	Slide   []byte  `cbor:"10,keyasint,omitempty"`
	Label   string  `cbor:"11,keyasint,omitempty"`
	Reason  string  `cbor:"12,keyasint,omitempty"`
	Changes int     `cbor:"13,keyasint,omitempty"`
	Digest  []byte  `cbor:"14,keyasint"`
	Run     int64   `cbor:"15,keyasint,omitempty"` // nanoseconds since the session began
	Clock   bool    `cbor:"16,keyasint,omitempty"` // the wall clock was not to be trusted
}

// firstLink is what the first record's Prev is: it ties the chain to the
// project.
func firstLink(project annotate.ID) [32]byte {
	return sha256.Sum256(append([]byte(kindOfFile+" "), project[:]...))
}

// putAudit writes the record and answers its value.
func putAudit(tx *bolt.Tx, c *codec, r AuditRecord) ([]byte, error) {
	v, err := auditValue(c, r)
	if err != nil {
		return nil, err
	}
	b := tx.Bucket(bucketAudit)
	b.FillPercent = inOrderFill
	return v, b.Put(seqKey(r.Seq), v)
}

// auditValue is the record as it is stored: CBOR, then the SHA-256 of that.
func auditValue(c *codec, r AuditRecord) ([]byte, error) {
	_, zone := r.At.Zone()
	v, err := c.enc.Marshal(auditV1{r.Seq, r.Prev[:], toInstant(r.At), zone, r.Author, r.Session, r.App, uint8(r.Op),
		r.Of, toBytes(r.Slide), r.Label, r.Reason, r.Changes, r.Digest[:], int64(r.Run), r.Clock})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(v)
	return append(v, sum[:]...), nil
}

func readAudit(c *codec, k, v []byte) (AuditRecord, error) {
	var r AuditRecord
	if len(k) != 8 || len(v) < sha256.Size {
		return r, fmt.Errorf("value is too short")
	}
	body := v[:len(v)-sha256.Size]
	r.Hash = sha256.Sum256(body)
	if !bytes.Equal(r.Hash[:], v[len(body):]) {
		return r, fmt.Errorf("hash does not match")
	}
	var d auditV1
	if err := c.dec.Unmarshal(body, &d); err != nil {
		return r, err
	}
	if d.Seq != binary.BigEndian.Uint64(k) || len(d.Prev) != sha256.Size || len(d.Digest) != sha256.Size {
		return r, fmt.Errorf("fields are damaged")
	}
	at, err := d.At.time()
	if err != nil {
		return r, err
	}
	if !at.IsZero() {
		if at = at.UTC(); d.Zone != 0 {
			at = at.In(time.FixedZone("", d.Zone))
		}
	}
	slide, err := toID(d.Slide)
	if err != nil {
		return r, err
	}
	h := r.Hash
	r = AuditRecord{Seq: d.Seq, At: at, Author: d.Author, Session: d.Session, App: d.App, Op: Op(d.Op), Of: d.Of,
		Slide: slide, Label: d.Label, Reason: d.Reason, Changes: d.Changes, Run: time.Duration(d.Run), Clock: d.Clock, Hash: h}
	copy(r.Prev[:], d.Prev)
	copy(r.Digest[:], d.Digest)
	return r, nil
}

func getAudit(tx *bolt.Tx, c *codec, seq uint64) (AuditRecord, error) {
	v := tx.Bucket(bucketAudit).Get(seqKey(seq))
	if v == nil {
		return AuditRecord{}, broken("audit record %d is missing", seq)
	}
	r, err := readAudit(c, seqKey(seq), v)
	if err != nil {
		return r, &DamageError{What: fmt.Sprintf("audit record %d", seq), Err: err}
	}
	return r, nil
}

// auditBatch is how many records one read transaction hands out: a transaction
// kept open while a person reads would block the writer.
const auditBatch = 1000

// Audit calls f with every record from the given number on, oldest first, until
// f answers an error, which Audit returns. f may use the project.
func (p *Project) Audit(from uint64, f func(AuditRecord) error) error {
	for {
		var batch []AuditRecord
		err := p.view(func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketAudit).Cursor()
			for k, v := c.Seek(seqKey(from)); k != nil && len(batch) < auditBatch; k, v = c.Next() {
				r, err := readAudit(p.codec, k, v)
				if err != nil {
					return &DamageError{What: fmt.Sprintf("audit record after %d", from), Err: err}
				}
				batch = append(batch, r)
				from = r.Seq + 1
			}
			return nil
		})
		for _, r := range batch {
			if err := f(r); err != nil {
				return err
			}
		}
		if err != nil || len(batch) < auditBatch {
			return err
		}
	}
}

// AuditReport is what VerifyAudit found.
type AuditReport struct {
	Records  uint64   // good ones, from the first on
	Head     [32]byte // hash of the last good record; print it to prove later that nothing was changed
	FirstBad uint64   // number of the first record that does not fit; 0 when all do
	Problem  string   // what does not fit
}

// VerifyAudit checks the chain: numbers without a gap, every hash, and that
// every version of every object, class and slide has the content that was
// recorded. A broken chain is a finding of the report, not an error.
func (p *Project) VerifyAudit() (AuditReport, error) {
	var rep AuditReport
	err := p.view(func(tx *bolt.Tx) error {
		rep = verifyAudit(tx, p.codec, p.head.UUID)
		return nil
	})
	return rep, err
}

func verifyAudit(tx *bolt.Tx, c *codec, project annotate.ID) AuditReport {
	rep := AuditReport{Head: firstLink(project)}
	cur := tx.Bucket(bucketAudit).Cursor()
	for k, v := cur.First(); k != nil; k, v = cur.Next() {
		want := rep.Records + 1
		r, err := readAudit(c, k, v)
		switch {
		case err != nil:
			rep.Problem = err.Error()
		case r.Seq != want:
			rep.Problem = fmt.Sprintf("record %d is missing", want)
		case r.Prev != rep.Head:
			rep.Problem = "it does not follow the record before"
		default:
			if err := verifySteps(tx, r); err != nil {
				rep.Problem = err.Error()
			}
		}
		if rep.Problem != "" {
			rep.FirstBad = want
			return rep
		}
		rep.Records, rep.Head = r.Seq, r.Hash
	}
	if rep.Records == 0 {
		rep.FirstBad, rep.Problem = 1, "there is no record"
	}
	return rep
}

// verifySteps checks that what the record speaks of is there and unchanged.
func verifySteps(tx *bolt.Tx, r AuditRecord) error {
	if sha256.Sum256(tx.Bucket(bucketLog).Get(seqKey(r.Seq))) != r.Digest {
		return fmt.Errorf("its list of changes is not the recorded one")
	}
	steps, err := getSteps(tx, r.Seq)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if s.removed {
			continue
		}
		v, err := valueAt(tx, s.kind, r.Slide, s.id, r.Seq)
		if err != nil {
			return err
		}
		if sha256.Sum256(v) != s.hash {
			return fmt.Errorf("%s %s is not as it was recorded", kindName(s.kind), s.id)
		}
	}
	return nil
}
