package app

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"coverslip/annotate"
)

// Combination is what is made of several areas.
type Combination int

// The combinations.
const (
	CombineUnion     Combination = iota // what any of them covers
	CombineIntersect                    // what all of them cover
	CombineSubtract                     // the first without the others
	CombineXor                          // what exactly one of two covers
)

// String is the combination's word for the undo menu.
func (c Combination) String() string {
	return [...]string{"Merge", "Intersect", "Subtract", "Exclusive or"}[c]
}

// At shaping.
var (
	// ErrTwoAreas: the operation needs two areas or more; the exclusive or exactly
	// two.
	ErrTwoAreas = errors.New("choose at least two areas; the exclusive or takes two")
	// ErrNothingCut: the line crosses no area that may be cut.
	ErrNothingCut = errors.New("the line cuts no area in two")
	// ErrNothingToPaste: the text is no GeoJSON with objects.
	ErrNothingToPaste = errors.New("the clipboard holds no annotations")
	// ErrOffSlide: the shape would reach beyond the slide.
	ErrOffSlide = errors.New("the shape would reach beyond the slide")
)

// free finds the objects, none of which may be locked.
func (s *Session) free(ids []annotate.ID) (annotate.ID, []*annotate.Object, error) {
	slide, objects, err := s.locate(ids)
	if err != nil {
		return slide, nil, err
	}
	for _, o := range objects {
		if o.Locked {
			return slide, nil, fmt.Errorf("object %s: %w", o.ID, ErrObjectLocked)
		}
	}
	return slide, objects, nil
}

// Combine makes one area of several, in one edit: the first keeps its identity,
// class and name, the others go, but for CombineSubtract, where they stay.
// It returns the identifier of the result. Errors: ErrTwoAreas, ErrObjectLocked,
// annotate.ErrNoArea when nothing would be left, and those of annotate.Union.
func (s *Session) Combine(ids []annotate.ID, how Combination) (annotate.ID, error) {
	slide, objects, err := s.free(ids)
	if err != nil {
		return annotate.ID{}, err
	}
	objects = slices.DeleteFunc(objects, func(o *annotate.Object) bool { return !o.ROI.IsArea() })
	if len(objects) < 2 || how == CombineXor && len(objects) != 2 {
		return annotate.ID{}, ErrTwoAreas
	}
	rois := make([]annotate.ROI, len(objects))
	for i, o := range objects {
		rois[i] = o.ROI
	}
	var roi annotate.ROI
	switch how {
	case CombineIntersect:
		roi, err = annotate.Intersection(rois...)
	case CombineSubtract:
		roi, err = annotate.Subtract(rois[0], rois[1:]...)
	case CombineXor:
		roi, err = annotate.Xor(rois[0], rois[1])
	default:
		roi, err = annotate.Union(rois...)
	}
	if err != nil {
		return annotate.ID{}, err
	}
	e := annotate.Replace(slide, counted(how.String(), len(objects), "area"), objects[0], reshapedObject(objects[0], roi))
	if how != CombineSubtract {
		e.Changes = append(e.Changes, annotate.Remove(slide, "", objects[1:]...).Changes...)
	}
	return objects[0].ID, s.Apply(e)
}

// reshapedObject is a copy of the object with another shape.
func reshapedObject(o *annotate.Object, roi annotate.ROI) *annotate.Object {
	c := *o
	c.ROI, c.Changed = roi, time.Now().UTC()
	return &c
}

// ExcludeOthers takes the areas of all other labels of the slide out of the given
// ones, in one edit. An area of which nothing would be left stays as it is; if
// that goes for all of them the error is annotate.ErrNoArea.
func (s *Session) ExcludeOthers(ids []annotate.ID) error {
	slide, objects, err := s.free(ids)
	if err != nil {
		return err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return err
	}
	e := annotate.Edit{Slide: slide, Label: counted("Exclude others from", len(objects), "area")}
	var failed error
	for _, o := range objects {
		if !o.ROI.IsArea() {
			continue
		}
		var others []annotate.ROI
		set.Search(o.ROI.Bounds(), func(q *annotate.Object) bool {
			if q.IsLabel() && q.ROI.IsArea() && !slices.Contains(ids, q.ID) {
				others = append(others, q.ROI)
			}
			return true
		})
		roi, err := annotate.Subtract(o.ROI, others...)
		if err != nil {
			failed = err
			continue
		}
		if math.Abs(roi.Area()-o.ROI.Area()) > 1e-9*o.ROI.Area() {
			e.Changes = append(e.Changes, annotate.Change{Before: o, After: reshapedObject(o, roi)})
		}
	}
	if len(e.Changes) == 0 {
		return failed
	}
	return s.Apply(e)
}

// Reshape gives each of the objects the shape that f makes of its own, in one
// edit. A shape that reaches beyond the slide is cut there if it is an area, and
// gives ErrOffSlide otherwise.
func (s *Session) Reshape(ids []annotate.ID, label string, f func(annotate.ROI) (annotate.ROI, error)) error {
	slide, objects, err := s.free(ids)
	if err != nil {
		return err
	}
	item, err := s.Slide(slide)
	if err != nil {
		return err
	}
	e := annotate.Edit{Slide: slide, Label: counted(label, len(objects), "object")}
	for _, o := range objects {
		roi, err := f(o.ROI)
		if err == nil {
			roi, err = onSlide(roi, item)
		}
		if err == nil {
			roi, err = mend(roi)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.ROI.Kind, err)
		}
		if !roi.Equal(o.ROI) {
			e.Changes = append(e.Changes, annotate.Change{Before: o, After: reshapedObject(o, roi)})
		}
	}
	return s.Apply(e)
}

// onSlide keeps a shape on the slide.
func onSlide(roi annotate.ROI, item SlideItem) (annotate.ROI, error) {
	w, h := float64(item.Width), float64(item.Height)
	b := roi.Bounds()
	if w <= 0 || h <= 0 || b.MinX >= 0 && b.MinY >= 0 && b.MaxX <= w && b.MaxY <= h {
		return roi, nil
	}
	if !roi.IsArea() {
		return roi, ErrOffSlide
	}
	return annotate.Intersection(roi, annotate.Rectangle(0, 0, w, h))
}

// MoveAll gives several objects other shapes in one edit; before is how they
// were when they were taken. Errors as of Move.
func (s *Session) MoveAll(before []*annotate.Object, after []annotate.ROI) error {
	if len(before) == 0 || len(before) != len(after) {
		return fmt.Errorf("%d shapes for %d objects: %w", len(after), len(before), annotate.ErrInvalidEdit)
	}
	slide, _, err := s.locate([]annotate.ID{before[0].ID})
	if err != nil {
		return err
	}
	e := annotate.Edit{Slide: slide, Label: counted("Move", len(before), "object")}
	for i, o := range before {
		if o.Locked {
			return fmt.Errorf("object %s: %w", o.ID, ErrObjectLocked)
		}
		roi, err := mend(after[i])
		if err != nil {
			return err
		}
		e.Changes = append(e.Changes, annotate.Change{Before: o, After: reshapedObject(o, roi)})
	}
	return s.Apply(e)
}

// Split cuts areas of a slide along a line (level-0 pixels), in one
// edit: the given ones, or without any all that are not locked and that the line
// crosses. The largest piece keeps the identity, the others are new objects of the
// same class. It returns all pieces, and ErrNothingCut when there are none.
func (s *Session) Split(slide annotate.ID, ids []annotate.ID, line []annotate.Point) ([]annotate.ID, error) {
	var objects []*annotate.Object
	if len(ids) > 0 {
		var err error
		if slide, objects, err = s.free(ids); err != nil {
			return nil, err
		}
	} else {
		set, err := s.Objects(slide)
		if err != nil {
			return nil, err
		}
		knife := annotate.ROI{Kind: annotate.KindLine, Points: line}
		set.Search(knife.Bounds(), func(o *annotate.Object) bool {
			if o.IsLabel() && !o.Locked && o.ROI.IsArea() {
				objects = append(objects, o)
			}
			return true
		})
	}
	e := annotate.Edit{Slide: slide, Label: "Split"}
	var pieces []annotate.ID
	for _, o := range objects {
		if !o.ROI.IsArea() {
			continue
		}
		parts, err := o.ROI.Split(line)
		if err != nil {
			return nil, err
		}
		if len(parts) < 2 {
			continue
		}
		pieces = append(pieces, s.pieces(&e, o, parts)...)
	}
	if len(pieces) == 0 {
		return nil, ErrNothingCut
	}
	return pieces, s.Apply(e)
}

// pieces adds to an edit that an object becomes several.
func (s *Session) pieces(e *annotate.Edit, o *annotate.Object, parts []annotate.ROI) []annotate.ID {
	ids := []annotate.ID{o.ID}
	e.Changes = append(e.Changes, annotate.Change{Before: o, After: reshapedObject(o, parts[0])})
	for _, p := range parts[1:] {
		c := reshapedObject(o, p)
		c.ID, c.Created = annotate.NewID(), c.Changed
		if c.By.Author == "" {
			c.By.Author = s.Author()
		}
		e.Changes = append(e.Changes, annotate.Change{After: c})
		ids = append(ids, c.ID)
	}
	return ids
}

// TakeApart makes an object of each part of the given ones (the polygons of an
// area, the points of a group), in one edit, and returns all of them.
func (s *Session) TakeApart(ids []annotate.ID) ([]annotate.ID, error) {
	slide, objects, err := s.free(ids)
	if err != nil {
		return nil, err
	}
	e := annotate.Edit{Slide: slide, Label: counted("Take apart", len(objects), "object")}
	var all []annotate.ID
	for _, o := range objects {
		if parts := o.ROI.Parts(); len(parts) > 1 {
			all = append(all, s.pieces(&e, o, parts)...)
		}
	}
	if len(all) == 0 {
		return ids, nil
	}
	return all, s.Apply(e)
}

// Paint is an area that a brush covered or that was found in the picture.
type Paint struct {
	Area    annotate.ROI  // level-0 pixels
	Class   annotate.ID   // of a new object
	Targets []annotate.ID // the objects to change; see Session.Paint
	Erase   bool          // taken away instead of added
	NoHoles bool          // holes that the paint closes are filled
}

// Paint adds an area to the first target that it meets, or makes a new annotation
// of it; or takes it away from the targets, without targets from all
// labels that are not locked, where an object of which nothing is left goes. All
// of it is one edit. It returns the object that was painted, zero after taking
// away.
func (s *Session) Paint(slide annotate.ID, p Paint) (annotate.ID, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return annotate.ID{}, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return annotate.ID{}, err
	}
	area, err := onSlide(p.Area, item)
	if err == nil {
		area, err = mend(area)
	}
	if err != nil {
		return annotate.ID{}, err
	}
	var targets []*annotate.Object
	set.Search(area.Bounds(), func(o *annotate.Object) bool {
		wanted := slices.Contains(p.Targets, o.ID) || p.Erase && len(p.Targets) == 0
		if wanted && o.IsLabel() && !o.Locked && o.ROI.IsArea() {
			targets = append(targets, o)
		}
		return true
	})
	if p.Erase {
		return annotate.ID{}, s.erase(slide, targets, area)
	}
	for _, o := range targets {
		roi, err := annotate.Union(o.ROI, area)
		if err != nil {
			return annotate.ID{}, err
		}
		if _, apart := annotate.Intersection(o.ROI, area); errors.Is(apart, annotate.ErrNoArea) {
			continue // its box alone is met
		}
		if p.NoHoles {
			if roi, err = roi.FilledHoles(math.Inf(1)); err != nil {
				return annotate.ID{}, err
			}
		}
		return o.ID, s.Apply(annotate.Replace(slide, "Paint", o, reshapedObject(o, roi)))
	}
	if p.NoHoles {
		if area, err = area.FilledHoles(math.Inf(1)); err != nil {
			return annotate.ID{}, err
		}
	}
	return s.DrawOn(slide, area, p.Class)
}

// erase takes an area away from objects.
func (s *Session) erase(slide annotate.ID, targets []*annotate.Object, area annotate.ROI) error {
	e := annotate.Edit{Slide: slide, Label: "Erase"}
	for _, o := range targets {
		roi, err := annotate.Subtract(o.ROI, area)
		switch {
		case errors.Is(err, annotate.ErrNoArea):
			e.Changes = append(e.Changes, annotate.Change{Before: o})
		case err != nil:
			return err
		case math.Abs(roi.Area()-o.ROI.Area()) > 1e-9*o.ROI.Area():
			e.Changes = append(e.Changes, annotate.Change{Before: o, After: reshapedObject(o, roi)})
		}
	}
	return s.Apply(e)
}

// Microns is a length of µm in level-0 pixels of a slide. On pixels that are not
// square it is the one that keeps areas. It returns ErrNoScale where nobody knows
// the pixels' size.
func (s *Session) Microns(slide annotate.ID, um float64) (float64, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return 0, err
	}
	if !(item.MPPX > 0) {
		return 0, ErrNoScale
	}
	y := item.MPPY
	if !(y > 0) {
		y = item.MPPX
	}
	return um / math.Sqrt(item.MPPX*y), nil
}
