package app

import (
	"errors"
	"fmt"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// stepFunc is storage's Undo or Redo.
type stepFunc func(slide annotate.ID, by storage.Stamp) (annotate.Edit, error)

// Apply is the one door for changes: the edit is committed to disk (with its
// undo step and its line in the audit trail), then the set follows, then the
// listeners hear of it. When Apply returns an error nothing has changed. An
// edit whose Before is not what the disk holds gives annotate.ErrConflict.
func (s *Session) Apply(e annotate.Edit) error {
	if len(e.Changes) == 0 && len(e.Classes) == 0 {
		return nil
	}
	e = keepBefore(e)
	s.door.Lock()
	err := s.commit(e)
	s.door.Unlock()
	if err != nil {
		return err
	}
	s.announce(e, e.Label)
	return nil
}

// commit writes the edit and lets the set and the palette follow. The caller
// holds the door.
func (s *Session) commit(e annotate.Edit) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if u := s.Unsaved(); u != nil {
		return fmt.Errorf("%s: %w: %w", e.Label, ErrUnsaved, u.Err)
	}
	if err := s.mayChange(e); err != nil {
		return fmt.Errorf("%s: %w", e.Label, err)
	}
	if _, err := s.project.Commit(e, s.stamp()); err != nil {
		if spaceless(err) {
			return s.keepUnsaved(e, err)
		}
		return fmt.Errorf("%s: %w", e.Label, err)
	}
	return s.follow(e)
}

// follow brings set and palette to where the disk is after e. The caller holds
// the door.
func (s *Session) follow(e annotate.Edit) error {
	if len(e.Classes) > 0 {
		palette, err := s.project.Palette()
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.palette = palette
		s.mu.Unlock()
	}
	s.mu.Lock()
	if n, ok := s.tallies[e.Slide]; ok {
		for _, c := range e.Changes {
			n.add(c.Before, -1)
			n.add(c.After, 1)
		}
		s.tallies[e.Slide] = n
	}
	set := s.sets[e.Slide]
	s.mu.Unlock()
	if set == nil || len(e.Changes) == 0 {
		return nil
	}
	err := set.Apply(e)
	if err == nil {
		return nil
	}
	// The disk accepted what the set refuses: the disk is right.
	if again := s.reread(e.Slide, set); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// reread makes set equal to the disk.
func (s *Session) reread(slide annotate.ID, set *annotate.Set) error {
	objects, err := s.project.Objects(slide)
	if err != nil {
		return err
	}
	var e annotate.Edit
	want := map[annotate.ID]bool{}
	for _, o := range objects {
		want[o.ID] = true
		if have := set.Get(o.ID); !have.Equal(o) {
			e.Changes = append(e.Changes, annotate.Change{Before: have, After: o})
		}
	}
	set.All(func(o *annotate.Object) bool {
		if !want[o.ID] {
			e.Changes = append(e.Changes, annotate.Change{Before: o})
		}
		return true
	})
	if len(e.Changes) == 0 {
		return nil
	}
	return set.Apply(e)
}

// announce tells the listeners of a finished edit; words say what was done.
func (s *Session) announce(e annotate.Edit, words string) {
	if len(e.Classes) > 0 {
		s.emit(Event{Kind: EventPalette, Text: words})
	}
	if len(e.Changes) > 0 {
		var boxes []annotate.Box
		for _, c := range e.Changes {
			for _, o := range []*annotate.Object{c.Before, c.After} {
				if o != nil {
					boxes = append(boxes, o.ROI.Bounds())
				}
			}
		}
		s.emit(Event{Kind: EventObjects, Slide: e.Slide, Boxes: boxes, Text: words})
	}
	s.emit(Event{Kind: EventSaved, Slide: e.Slide, Text: words})
}

// Undo takes back the last edit of the current slide, also one made before the
// program was started, and returns its label. It returns ErrNothingOpen without
// a slide and storage.ErrNothingToUndo without an edit.
func (s *Session) Undo() (label string, err error) { return s.step(s.project.Undo, "Undone: ") }

// Redo does again what Undo took back; errors as of Undo.
func (s *Session) Redo() (label string, err error) { return s.step(s.project.Redo, "Done again: ") }

// UndoLabel is the label of the edit that Undo would take back; false when
// there is none.
func (s *Session) UndoLabel() (string, bool) { return s.stepLabel(s.project.UndoLabel) }

// RedoLabel is the label of the edit that Redo would do again; false when there
// is none.
func (s *Session) RedoLabel() (string, bool) { return s.stepLabel(s.project.RedoLabel) }

func (s *Session) stepLabel(f func(annotate.ID) (string, bool)) (string, bool) {
	cur := s.Current()
	if cur == nil {
		return "", false
	}
	return f(cur.Item.ID)
}

// Draw adds a shape that a person drew on the current slide, with a class or
// without (zero). A free-hand ring that crosses itself is repaired first. It
// returns the identifier of the new annotation.
func (s *Session) Draw(roi annotate.ROI, class annotate.ID) (annotate.ID, error) {
	cur := s.Current()
	if cur == nil {
		return annotate.ID{}, ErrNothingOpen
	}
	return s.DrawOn(cur.Item.ID, roi, class)
}

// DrawOn is Draw on any slide of the project.
func (s *Session) DrawOn(slide annotate.ID, roi annotate.ROI, class annotate.ID) (annotate.ID, error) {
	return s.DrawMarked(slide, roi, class, nil)
}

// DrawMarked is DrawOn with attributes that say what the shape means: an arrow, a
// ruler.
func (s *Session) DrawMarked(slide annotate.ID, roi annotate.ROI, class annotate.ID, meta map[string]string) (annotate.ID, error) {
	if err := s.checkClass(class); err != nil {
		return annotate.ID{}, err
	}
	roi, err := mend(roi)
	if err != nil {
		return annotate.ID{}, err
	}
	now := time.Now().UTC()
	o := &annotate.Object{
		ID: annotate.NewID(), Kind: annotate.Annotation, ROI: roi, Class: class,
		Created: now, Changed: now,
		By:   annotate.Provenance{Author: s.Author(), Method: "manual"},
		Meta: meta,
	}
	return o.ID, s.Apply(annotate.Add(slide, "Draw "+shapeName(roi.Kind), o))
}

// mend makes a drawn shape valid: a free-hand ring that crosses itself is
// noded, what cannot be mended gives annotate.ErrInvalidROI.
func mend(roi annotate.ROI) (annotate.ROI, error) {
	roi, _, err := roi.Repaired()
	return roi, err
}

// shapeName is the word for a shape in the undo menu.
func shapeName(k annotate.Kind) string {
	switch k {
	case annotate.KindPoint, annotate.KindPoints:
		return "point"
	case annotate.KindLine:
		return "line"
	case annotate.KindRectangle:
		return "rectangle"
	case annotate.KindEllipse:
		return "ellipse"
	}
	return "polygon"
}

// checkClass refuses a class that is not in the palette; zero is allowed.
func (s *Session) checkClass(class annotate.ID) error {
	if class.IsZero() || s.Palette().ByID(class) != nil {
		return nil
	}
	return fmt.Errorf("class %s: %w", class, ErrNoClass)
}

// SetClass gives objects of one slide another class in one edit. A detection
// that gets a class by hand counts as decided, see Reclass.
func (s *Session) SetClass(ids []annotate.ID, class annotate.ID) error {
	if err := s.checkClass(class); err != nil {
		return err
	}
	name := "no class"
	if c := s.Palette().ByID(class); c != nil {
		name = c.Name
	}
	who, now := s.Author(), time.Now().UTC()
	return s.change(ids, "Set class "+name, func(o *annotate.Object) error {
		if o.Kind == annotate.Detection {
			decide(o, annotate.Reclassed, class, who, now)
			return nil
		}
		o.Class, o.Changed = class, now
		return nil
	})
}

// Move gives an object another shape. before is the object as it was drawn; if
// it has changed since, Move returns annotate.ErrConflict.
func (s *Session) Move(before *annotate.Object, after annotate.ROI) error {
	slide, _, err := s.locate([]annotate.ID{before.ID})
	if err != nil {
		return err
	}
	if before.Locked {
		return fmt.Errorf("object %s: %w", before.ID, ErrObjectLocked)
	}
	after, err = mend(after) // a vertex may have been dragged over an edge
	if err != nil {
		return err
	}
	o := *before
	o.ROI, o.Changed = after, time.Now().UTC()
	return s.Apply(annotate.Replace(slide, "Move "+shapeName(after.Kind), before, &o))
}

// Delete removes objects of one slide in one edit.
func (s *Session) Delete(ids []annotate.ID) error {
	slide, objects, err := s.locate(ids)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Locked {
			return fmt.Errorf("object %s: %w", o.ID, ErrObjectLocked)
		}
	}
	return s.Apply(annotate.Remove(slide, counted("Delete", len(objects), "object"), objects...))
}

// change replaces each of the objects by a copy that f changed, in one edit.
func (s *Session) change(ids []annotate.ID, label string, f func(*annotate.Object) error) error {
	slide, objects, err := s.locate(ids)
	if err != nil {
		return err
	}
	e := annotate.Edit{Slide: slide, Label: label}
	for _, o := range objects {
		if o.Locked {
			return fmt.Errorf("object %s: %w", o.ID, ErrObjectLocked)
		}
		c := *o
		if err := f(&c); err != nil {
			return err
		}
		e.Changes = append(e.Changes, annotate.Change{Before: o, After: &c})
	}
	return s.Apply(e)
}

// locate finds the slide that holds all of the objects, the current one first.
// It returns ErrNoObject when no slide does.
func (s *Session) locate(ids []annotate.ID) (annotate.ID, []*annotate.Object, error) {
	if len(ids) == 0 {
		return annotate.ID{}, nil, nil
	}
	var order []annotate.ID
	if cur := s.Current(); cur != nil {
		order = append(order, cur.Item.ID)
	}
	slides, err := s.project.Slides()
	if err != nil {
		return annotate.ID{}, nil, err
	}
	for _, sl := range slides {
		order = append(order, sl.ID)
	}
	for _, slide := range order {
		set, err := s.Objects(slide)
		if err != nil {
			return annotate.ID{}, nil, err
		}
		if set.Get(ids[0]) == nil {
			continue
		}
		objects := make([]*annotate.Object, len(ids))
		for i, id := range ids {
			if objects[i] = set.Get(id); objects[i] == nil {
				return annotate.ID{}, nil, fmt.Errorf("object %s: %w", id, ErrNoObject)
			}
		}
		return slide, objects, nil
	}
	return annotate.ID{}, nil, fmt.Errorf("object %s: %w", ids[0], ErrNoObject)
}

// counted is "Verb 1 noun" or "Verb n nouns".
func counted(verb string, n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%s %d %s", verb, n, noun)
}

// step undoes or redoes on the current slide; listeners hear the edit's label
// with did in front, so that nobody takes an undo for the edit itself.
func (s *Session) step(f stepFunc, did string) (string, error) {
	cur := s.Current()
	if cur == nil {
		return "", ErrNothingOpen
	}
	return s.stepOn(cur.Item.ID, f, did)
}

// UndoOn is Undo on any slide of the project.
func (s *Session) UndoOn(slide annotate.ID) (label string, err error) {
	return s.stepOn(slide, s.project.Undo, "Undone: ")
}

// RedoOn is Redo on any slide of the project.
func (s *Session) RedoOn(slide annotate.ID) (label string, err error) {
	return s.stepOn(slide, s.project.Redo, "Done again: ")
}

func (s *Session) stepOn(slide annotate.ID, f stepFunc, did string) (string, error) {
	if s.Locked() {
		return "", ErrSessionLocked
	}
	if u := s.Unsaved(); u != nil {
		return "", fmt.Errorf("%w: %w", ErrUnsaved, u.Err)
	}
	s.door.Lock()
	e, err := f(slide, s.stamp())
	if err == nil {
		err = s.follow(e)
	}
	s.door.Unlock()
	if err != nil {
		return "", err
	}
	s.announce(e, did+e.Label)
	return e.Label, nil
}
