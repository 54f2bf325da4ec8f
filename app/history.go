package app

import (
	"fmt"
	"slices"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// ObjectVersion is what an object was after one commit, and whose that was.
type ObjectVersion struct {
	storage.AuditRecord
	Object  *annotate.Object // nil: the commit removed it
	Current bool             // it is so now
}

// History lists every version of an object, the newest first, also of one that
// was deleted.
func (s *Session) History(slide, id annotate.ID) ([]ObjectVersion, error) {
	versions, err := s.project.History(slide, id)
	if err != nil {
		return nil, err
	}
	out := make([]ObjectVersion, len(versions))
	for i, v := range versions {
		r, err := s.project.Record(v.Seq)
		if err != nil {
			return nil, err
		}
		out[len(versions)-1-i] = ObjectVersion{AuditRecord: r, Object: v.Object, Current: i == len(versions)-1 && v.Object != nil}
	}
	return out, nil
}

// RestoreVersion makes an object again what it was after a commit. That is a
// new edit: nothing that was there is lost. reason may be "".
func (s *Session) RestoreVersion(slide, id annotate.ID, seq uint64, reason string) error {
	versions, err := s.project.History(slide, id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(versions, func(v storage.Version) bool { return v.Seq == seq && v.Object != nil })
	if i < 0 {
		return fmt.Errorf("object %s, version %d: %w", id, seq, ErrNoObject)
	}
	now := versions[len(versions)-1].Object
	if now != nil && now.Locked {
		return fmt.Errorf("object %s: %w", id, ErrObjectLocked)
	}
	again := s.restored(versions[i].Object)
	e := annotate.Edit{Slide: slide, Label: "Restore " + shapeName(again.ROI.Kind), Reason: reason,
		Changes: []annotate.Change{{Before: now, After: again}}}
	return s.Apply(e)
}

// restored is a copy of an object of the past that fits into the present: its
// class may have been taken back since.
func (s *Session) restored(o *annotate.Object) *annotate.Object {
	c := *o
	c.Changed = time.Now().UTC()
	if s.Palette().ByID(c.Class) == nil {
		c.Class = annotate.ID{}
	}
	return &c
}

// Trash lists the deleted objects of a slide, the one deleted last first.
func (s *Session) Trash(slide annotate.ID) ([]storage.Removed, error) {
	return s.project.Removed(slide)
}

// Undelete puts deleted objects back on their slide, in one edit.
func (s *Session) Undelete(slide annotate.ID, ids []annotate.ID, reason string) error {
	trash, err := s.project.Removed(slide)
	if err != nil {
		return err
	}
	e := annotate.Edit{Slide: slide, Label: counted("Put back", len(ids), "object"), Reason: reason}
	for _, id := range ids {
		i := slices.IndexFunc(trash, func(r storage.Removed) bool { return r.Object.ID == id })
		if i < 0 {
			return fmt.Errorf("object %s: %w", id, ErrNoObject)
		}
		e.Changes = append(e.Changes, annotate.Change{After: s.restored(trash[i].Object)})
	}
	return s.Apply(e)
}

// DeleteBecause deletes objects as Delete does and writes down why.
func (s *Session) DeleteBecause(ids []annotate.ID, reason string) error {
	slide, objects, err := s.locate(ids)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Locked {
			return fmt.Errorf("object %s: %w", o.ID, ErrObjectLocked)
		}
	}
	e := annotate.Remove(slide, counted("Delete", len(objects), "object"), objects...)
	e.Reason = reason
	return s.Apply(e)
}
