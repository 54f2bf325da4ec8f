package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// Undo takes back the last edit of the slide that is not taken back yet, and
// answers the edit it made for that (the inverse), already saved. With the zero
// ID it undoes edits of classes alone. It answers ErrNothingToUndo, or
// annotate.ErrConflict when something else changed the objects since. The stack
// has no limit and survives the end of the program.
func (p *Project) Undo(slide annotate.ID, by Stamp) (annotate.Edit, error) {
	return p.turn(slide, by, OpUndo, bucketUndo, bucketRedo, ErrNothingToUndo)
}

// Redo makes the edit again that was undone last, and answers it, already
// saved; ErrNothingToRedo when nothing was undone since the last Commit.
func (p *Project) Redo(slide annotate.ID, by Stamp) (annotate.Edit, error) {
	return p.turn(slide, by, OpRedo, bucketRedo, bucketUndo, ErrNothingToRedo)
}

// turn moves the top of one stack to the other and applies it: backwards for an
// undo, forwards for a redo.
func (p *Project) turn(slide annotate.ID, by Stamp, op Op, from, to []byte, none error) (annotate.Edit, error) {
	var e annotate.Edit
	err := p.update(func(tx *bolt.Tx) error {
		key, seq, err := top(tx, from, slide)
		if err != nil {
			return err
		}
		if key == nil {
			return none
		}
		t, err := p.begin(tx, by)
		if err != nil {
			return err
		}
		e, err = t.editOf(seq)
		if err != nil {
			return err
		}
		if op == OpUndo {
			e = e.Inverse()
		}
		if err := t.apply(e); err != nil {
			return err
		}
		t.record.Op, t.record.Of = op, seq
		if err := tx.Bucket(from).Delete(key); err != nil {
			return err
		}
		if err := push(tx, to, slide, seq); err != nil {
			return err
		}
		return t.finish()
	})
	if err != nil {
		return annotate.Edit{}, fmt.Errorf("storage: %s: %w", op, err)
	}
	return e, nil
}

// UndoLabel is what Undo would take back, for the menu; false when nothing.
func (p *Project) UndoLabel(slide annotate.ID) (string, bool) { return p.topLabel(bucketUndo, slide) }

// RedoLabel is what Redo would make again, for the menu; false when nothing.
func (p *Project) RedoLabel(slide annotate.ID) (string, bool) { return p.topLabel(bucketRedo, slide) }

func (p *Project) topLabel(stack []byte, slide annotate.ID) (label string, ok bool) {
	err := p.view(func(tx *bolt.Tx) error {
		key, seq, err := top(tx, stack, slide)
		if err != nil || key == nil {
			return err
		}
		r, err := getAudit(tx, p.codec, seq)
		if err != nil {
			return err
		}
		label, ok = r.Label, true
		return nil
	})
	return label, ok && err == nil
}

// editOf rebuilds a commit's edit from the log and the history.
func (t *change) editOf(seq uint64) (annotate.Edit, error) {
	r, err := getAudit(t.tx, t.codec, seq)
	if err != nil {
		return annotate.Edit{}, err
	}
	steps, err := getSteps(t.tx, seq)
	if err != nil {
		return annotate.Edit{}, err
	}
	e := annotate.Edit{Slide: r.Slide, Label: r.Label, Reason: r.Reason}
	for _, s := range steps {
		after := seq
		if s.removed {
			after = 0
		}
		switch s.kind {
		case changeObject:
			b, err := t.objectAt(r.Slide, s.id, s.from)
			if err != nil {
				return e, err
			}
			a, err := t.objectAt(r.Slide, s.id, after)
			if err != nil {
				return e, err
			}
			e.Changes = append(e.Changes, annotate.Change{Before: b, After: a})
		case changeClass:
			b, err := t.classAt(s.id, s.from)
			if err != nil {
				return e, err
			}
			a, err := t.classAt(s.id, after)
			if err != nil {
				return e, err
			}
			e.Classes = append(e.Classes, annotate.ClassChange{Before: b, After: a})
		default:
			return e, broken("commit %d changes something of kind %d and cannot be undone", seq, s.kind)
		}
	}
	return e, nil
}

func (t *change) objectAt(slide, id annotate.ID, version uint64) (*annotate.Object, error) {
	if version == 0 {
		return nil, nil
	}
	v, err := valueAt(t.tx, changeObject, slide, id, version)
	if err != nil {
		return nil, err
	}
	_, _, body, err := unseal(id[:], v)
	if err == nil {
		var o *annotate.Object
		if o, err = t.codec.readObject(id, body); err == nil {
			return o, nil
		}
	}
	return nil, &DamageError{What: fmt.Sprintf("object %s, version %d", id, version), Err: err}
}

func (t *change) classAt(id annotate.ID, version uint64) (*annotate.Class, error) {
	if version == 0 {
		return nil, nil
	}
	v, err := valueAt(t.tx, changeClass, annotate.ID{}, id, version)
	if err != nil {
		return nil, err
	}
	c, _, err := parseClass(t.codec, id[:], v)
	return c, err
}

// valueAt is a version of a value: the present one or one of the history.
func valueAt(tx *bolt.Tx, kind byte, slide, id annotate.ID, version uint64) ([]byte, error) {
	var b *bolt.Bucket
	switch kind {
	case changeObject:
		b = tx.Bucket(bucketObjects).Bucket(slide[:])
	case changeClass:
		b = tx.Bucket(bucketClasses)
	case changeSlide:
		b = tx.Bucket(bucketSlides)
	case changeUser:
		b = tx.Bucket(bucketUsers)
	case changeSignature:
		b = tx.Bucket(bucketSignatures)
	}
	if b != nil {
		if v := b.Get(id[:]); v != nil {
			if _, at, _, err := unseal(id[:], v); err == nil && at == version {
				return v, nil
			}
		}
	}
	if v := tx.Bucket(bucketHistory).Get(versionKey(id, version)); v != nil {
		return v, nil
	}
	return nil, broken("%s %s: version %d is missing", kindName(kind), id, version)
}

func getSteps(tx *bolt.Tx, seq uint64) ([]step, error) {
	v := tx.Bucket(bucketLog).Get(seqKey(seq))
	if v == nil {
		return nil, broken("the changes of commit %d are missing", seq)
	}
	_, version, body, err := unseal(seqKey(seq), v)
	if err == nil && version != seq {
		err = fmt.Errorf("it is that of commit %d", version)
	}
	if err == nil {
		var steps []step
		if steps, err = decodeSteps(body); err == nil {
			return steps, nil
		}
	}
	return nil, &DamageError{What: fmt.Sprintf("list of changes of commit %d", seq), Err: err}
}

// A stack's keys are slide ‖ height (big-endian), its values a commit's number.

func stackKey(slide annotate.ID, height uint64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(slide[:]), height)
}

// top answers a nil key for an empty stack.
func top(tx *bolt.Tx, stack []byte, slide annotate.ID) (key []byte, seq uint64, err error) {
	c := tx.Bucket(stack).Cursor()
	k, v := c.Seek(stackKey(slide, ^uint64(0)))
	if k == nil {
		k, v = c.Last()
	} else if !bytes.Equal(k, stackKey(slide, ^uint64(0))) {
		k, v = c.Prev()
	}
	if k == nil || !bytes.HasPrefix(k, slide[:]) {
		return nil, 0, nil
	}
	seq, err = stackEntry(k, v)
	return bytes.Clone(k), seq, err
}

func stackEntry(k, v []byte) (uint64, error) {
	_, seq, body, err := unseal(k, v)
	if err != nil || len(body) != 0 || len(k) != 24 {
		return 0, &DamageError{What: "an entry of the undo stack", Err: err}
	}
	return seq, nil
}

func push(tx *bolt.Tx, stack []byte, slide annotate.ID, seq uint64) error {
	height := uint64(1)
	last, _, err := top(tx, stack, slide)
	if err != nil {
		return err
	}
	if last != nil {
		height = binary.BigEndian.Uint64(last[16:]) + 1
	}
	key := stackKey(slide, height)
	return tx.Bucket(stack).Put(key, seal(key, formatV1, seq, nil))
}

func clearStack(tx *bolt.Tx, stack []byte, slide annotate.ID) error {
	b := tx.Bucket(stack)
	var keys [][]byte
	c := b.Cursor()
	for k, _ := c.Seek(slide[:]); bytes.HasPrefix(k, slide[:]); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range slices.Backward(keys) {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
