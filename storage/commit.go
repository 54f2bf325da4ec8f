package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// Stamp is who does something, when, and with which program; the audit keeps it.
type Stamp struct {
	Author  string        // the person
	Session string        // one run of the program
	App     string        // name and version of the program
	At      time.Time     // wall clock with its zone
	Run     time.Duration // since the session began, by a clock that nobody sets; 0 when not known
}

// Commit saves the edit in one transaction with its history, its audit record
// and its entry on the slide's undo stack, and empties the redo stack. When it
// returns nil the edit is on the disk. seq is the number of its audit record.
//
// It answers annotate.ErrInvalidEdit, annotate.ErrInvalidROI,
// annotate.ErrConflict when a Before is not what the project holds,
// ErrUnknownSlide, ErrUnknownClass or ErrReadOnly; then nothing was changed.
func (p *Project) Commit(e annotate.Edit, by Stamp) (seq uint64, err error) {
	if err := e.Validate(); err != nil {
		return 0, err
	}
	err = p.update(func(tx *bolt.Tx) error {
		t, err := p.begin(tx, by)
		if err != nil {
			return err
		}
		if err := t.apply(e); err != nil {
			return err
		}
		t.record.Op = OpCommit
		seq = t.seq
		if err := push(tx, bucketUndo, e.Slide, t.seq); err != nil {
			return err
		}
		if err := clearStack(tx, bucketRedo, e.Slide); err != nil {
			return err
		}
		return t.finish()
	})
	if err != nil {
		return 0, fmt.Errorf("storage: %q: %w", e.Label, err)
	}
	return seq, nil
}

// What a change of the log is about. The numbers are on the disk.
const (
	changeObject  byte = 1
	changeClass   byte = 2
	changeSlide   byte = 3
	changeUser    byte = 4
	changeRemoved byte = 0x80 // added when the thing is gone afterwards

	changeSignature byte = 5
)

// step is one change of one value, as the log keeps it.
type step struct {
	kind    byte
	id      annotate.ID
	from    uint64   // version before; 0: there was none
	removed bool     // there is none afterwards; else its version is the commit's
	hash    [32]byte // SHA-256 of the sealed value afterwards
}

// change is one commit in the making.
type change struct {
	tx     *bolt.Tx
	codec  *codec
	seq    uint64
	steps  []step
	record AuditRecord
	values [][]byte // of the steps that removed nothing, in their order
	keep   func(journalEntry)
}

// begin is begin for a commit that the journal keeps, too. The caller is within
// update.
func (p *Project) begin(tx *bolt.Tx, by Stamp) (*change, error) {
	t, err := begin(tx, p.codec, p.head.UUID, by)
	if err == nil {
		t.keep = func(e journalEntry) { p.pending = append(p.pending, e) }
	}
	return t, err
}

// begin takes the next number and links to the last audit record.
func begin(tx *bolt.Tx, c *codec, project annotate.ID, by Stamp) (*change, error) {
	t := &change{tx: tx, codec: c, seq: 1}
	t.record = AuditRecord{Prev: firstLink(project), At: by.At, Author: by.Author, Session: by.Session, App: by.App}
	if k, v := tx.Bucket(bucketAudit).Cursor().Last(); k != nil {
		if len(k) != 8 || len(v) < sha256.Size {
			return nil, broken("the last audit record is not readable")
		}
		t.seq = binary.BigEndian.Uint64(k) + 1
		copy(t.record.Prev[:], v[len(v)-sha256.Size:])
		last, err := readAudit(c, k, v)
		if err != nil {
			return nil, &DamageError{What: fmt.Sprintf("audit record %d", t.seq-1), Err: err}
		}
		t.record.Clock = clockWords(by.At, last.At) != ""
	}
	t.record.Seq = t.seq
	t.record.Run = by.Run
	return t, nil
}

// finish writes log and audit.
func (t *change) finish() error {
	log := seal(seqKey(t.seq), formatV1, t.seq, encodeSteps(t.steps))
	b := t.tx.Bucket(bucketLog)
	b.FillPercent = inOrderFill
	if err := b.Put(seqKey(t.seq), log); err != nil {
		return err
	}
	t.record.Changes = len(t.steps)
	t.record.Digest = sha256.Sum256(log)
	audit, err := putAudit(t.tx, t.codec, t.record)
	if err == nil && t.keep != nil {
		t.keep(commitEntry(audit, log, t.values))
	}
	return err
}

// inOrderFill packs pages whose keys come in order.
const inOrderFill = 0.9

// apply makes the changes of an edit. Classes come first and go last, so that
// objects never name a class that is not there.
func (t *change) apply(e annotate.Edit) error {
	t.record.Slide, t.record.Label, t.record.Reason = e.Slide, e.Label, e.Reason
	for _, c := range e.Classes {
		if c.After != nil {
			if err := t.putClass(c); err != nil {
				return err
			}
		}
	}
	if len(e.Changes) > 0 {
		if err := t.applyObjects(e); err != nil {
			return err
		}
	}
	for _, c := range e.Classes {
		if c.After == nil {
			if err := t.removeClass(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *change) applyObjects(e annotate.Edit) error {
	if t.tx.Bucket(bucketSlides).Get(e.Slide[:]) == nil {
		return fmt.Errorf("slide %s: %w", e.Slide, ErrUnknownSlide)
	}
	b, err := t.tx.Bucket(bucketObjects).CreateBucketIfNotExists(e.Slide[:])
	if err != nil {
		return err
	}
	b.FillPercent = inOrderFill
	known := map[annotate.ID]bool{{}: true}
	// In the order of the keys: within a transaction bbolt keeps what is added
	// between two keys in one sorted list, and adding 100,000 backwards took
	// minutes. No object occurs twice, so the order has no meaning.
	changes := slices.Clone(e.Changes)
	slices.SortFunc(changes, func(a, b annotate.Change) int {
		x, y := a.ID(), b.ID()
		return bytes.Compare(x[:], y[:])
	})
	for _, c := range changes {
		id := c.ID()
		if err := t.expectObject(b, id, c.Before); err != nil {
			return err
		}
		if c.After == nil {
			if err := t.remove(b, changeObject, id); err != nil {
				return err
			}
			continue
		}
		if k := c.After.Class; !known[k] {
			if t.tx.Bucket(bucketClasses).Get(k[:]) == nil {
				return fmt.Errorf("object %s: class %s: %w", id, k, ErrUnknownClass)
			}
			known[k] = true
		}
		body, err := t.codec.object(c.After)
		if err != nil {
			return err
		}
		if err := t.put(b, changeObject, id, body); err != nil {
			return err
		}
	}
	return nil
}

// expectObject makes sure that the project holds what the edit was made from.
func (t *change) expectObject(b *bolt.Bucket, id annotate.ID, before *annotate.Object) error {
	v := b.Get(id[:])
	if v == nil && before == nil {
		return nil
	}
	if v == nil || before == nil {
		return fmt.Errorf("object %s: %w", id, annotate.ErrConflict)
	}
	_, _, body, err := unseal(id[:], v)
	if err != nil {
		return &DamageError{What: "object " + id.String(), Err: err}
	}
	if want, err := t.codec.object(before); err == nil && bytes.Equal(want, body) {
		return nil
	}
	have, err := t.codec.readObject(id, body)
	if err != nil {
		return &DamageError{What: "object " + id.String(), Err: err}
	}
	if !have.Equal(before) {
		return fmt.Errorf("object %s: %w", id, annotate.ErrConflict)
	}
	return nil
}

// put writes a new version of a value; the one before goes to the history.
func (t *change) put(b *bolt.Bucket, kind byte, id annotate.ID, body []byte) error {
	from, err := t.retire(b, kind, id)
	if err != nil {
		return err
	}
	v := seal(id[:], formatV1, t.seq, body)
	t.steps = append(t.steps, step{kind: kind, id: id, from: from, hash: sha256.Sum256(v)})
	t.values = append(t.values, v)
	return b.Put(bytes.Clone(id[:]), v)
}

func (t *change) remove(b *bolt.Bucket, kind byte, id annotate.ID) error {
	from, err := t.retire(b, kind, id)
	if err != nil {
		return err
	}
	gone := seal(id[:], formatGone, t.seq, nil)
	if err := t.tx.Bucket(bucketHistory).Put(versionKey(id, t.seq), gone); err != nil {
		return err
	}
	t.steps = append(t.steps, step{kind: kind, id: id, from: from, removed: true})
	return b.Delete(id[:])
}

// retire copies the value that is about to be replaced to the history and
// answers its version; 0 when there is none.
func (t *change) retire(b *bolt.Bucket, kind byte, id annotate.ID) (uint64, error) {
	v := b.Get(id[:])
	if v == nil {
		return 0, nil
	}
	_, version, _, err := unseal(id[:], v)
	if err != nil {
		return 0, &DamageError{What: kindName(kind) + " " + id.String(), Err: err}
	}
	return version, t.tx.Bucket(bucketHistory).Put(versionKey(id, version), bytes.Clone(v))
}

func kindName(kind byte) string {
	switch kind {
	case changeObject:
		return "object"
	case changeClass:
		return "class"
	case changeUser:
		return "profile"
	case changeSignature:
		return "signature"
	}
	return "slide"
}

// putClass adds or replaces a class; a new one is put last in the palette.
func (t *change) putClass(c annotate.ClassChange) error {
	b := t.tx.Bucket(bucketClasses)
	have, place, err := readClassOf(b, t.codec, c.ID())
	if err != nil {
		return err
	}
	if !have.Equal(c.Before) {
		return fmt.Errorf("class %q: %w", c.After.Name, annotate.ErrConflict)
	}
	if have == nil {
		cur := b.Cursor()
		for k, v := cur.First(); k != nil; k, v = cur.Next() {
			_, other, err := parseClass(t.codec, k, v)
			if err != nil {
				return err
			}
			place = max(place, other+1)
		}
	}
	body, err := t.codec.class(c.After, place)
	if err != nil {
		return err
	}
	return t.put(b, changeClass, c.ID(), body)
}

// removeClass takes an addition back, unless an object carries the class.
func (t *change) removeClass(c annotate.ClassChange) error {
	b := t.tx.Bucket(bucketClasses)
	have, _, err := readClassOf(b, t.codec, c.ID())
	if err != nil {
		return err
	}
	if have == nil || !have.Equal(c.Before) {
		return fmt.Errorf("class %q: %w", c.Before.Name, annotate.ErrConflict)
	}
	err = t.tx.Bucket(bucketObjects).ForEachBucket(func(slide []byte) error {
		return eachObject(t.tx, t.codec, slide, func(o *annotate.Object) error {
			if o.Class == have.ID {
				return fmt.Errorf("class %q: %w", have.Name, ErrClassInUse)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return t.remove(b, changeClass, have.ID)
}

func readClassOf(b *bolt.Bucket, c *codec, id annotate.ID) (*annotate.Class, uint64, error) {
	v := b.Get(id[:])
	if v == nil {
		return nil, 0, nil
	}
	return parseClass(c, id[:], v)
}

func parseClass(c *codec, k, v []byte) (*annotate.Class, uint64, error) {
	id, err := toID(k)
	if err != nil {
		return nil, 0, &DamageError{What: "the list of classes", Err: err}
	}
	_, _, body, err := unseal(k, v)
	if err != nil {
		return nil, 0, &DamageError{What: "class " + id.String(), Err: err}
	}
	class, place, err := c.readClass(id, body)
	if err != nil {
		return nil, 0, &DamageError{What: "class " + id.String(), Err: err}
	}
	return class, place, nil
}

// seqKey and versionKey are big-endian, so that the keys sort by number.
func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func versionKey(id annotate.ID, version uint64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(id[:]), version)
}

// encodeSteps is the body of a log value: uvarint count; of each step its kind
// byte, the identifier, uvarint version before, and unless removed the hash.
func encodeSteps(steps []step) []byte {
	out := binary.AppendUvarint(make([]byte, 0, 8+60*len(steps)), uint64(len(steps)))
	for _, s := range steps {
		kind := s.kind
		if s.removed {
			kind |= changeRemoved
		}
		out = append(append(out, kind), s.id[:]...)
		out = binary.AppendUvarint(out, s.from)
		if !s.removed {
			out = append(out, s.hash[:]...)
		}
	}
	return out
}

func decodeSteps(b []byte) ([]step, error) {
	bad := fmt.Errorf("list of changes is damaged")
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k)/18 {
		return nil, bad
	}
	b = b[k:]
	steps := make([]step, n)
	for i := range steps {
		s := &steps[i]
		if len(b) < 17 {
			return nil, bad
		}
		s.kind, s.removed = b[0]&^changeRemoved, b[0]&changeRemoved != 0
		copy(s.id[:], b[1:17])
		if s.from, k = binary.Uvarint(b[17:]); k <= 0 {
			return nil, bad
		}
		b = b[17+k:]
		if s.removed {
			continue
		}
		if len(b) < len(s.hash) {
			return nil, bad
		}
		b = b[copy(s.hash[:], b):]
	}
	if len(b) != 0 {
		return nil, bad
	}
	return steps, nil
}

func order64(key []byte) uint64 { return binary.BigEndian.Uint64(key) }
