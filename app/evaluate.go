package app

import (
	"sort"

	"coverslip/annotate"
)

// ClassScore is how a model's suggestions of one class fared.
type ClassScore struct {
	Class     annotate.ID
	Truth     int // patches of this class by the truth
	Right     int // of these, those for which the model proposed it
	Suggested int // patches for which the model proposed this class
}

// Evaluation compares a model's suggestions with what is known to be true.
type Evaluation struct {
	Classes []ClassScore // in the order of the palette, those that occur
	Judged  int          // suggestions for which the truth is known
	Right   int          // of these, the right ones
	Unknown int          // suggestions for which it is not
}

// Accuracy is the share of right suggestions among the judged, 0..1; 0 when
// none was judged.
func (e Evaluation) Accuracy() float64 {
	if e.Judged == 0 {
		return 0
	}
	return float64(e.Right) / float64(e.Judged)
}

// Evaluate judges the suggestions of a slide, decided or not, by the class that
// the model proposed. The truth of a suggestion is the class of the smallest
// object of truth that holds its centre. Without truth (nil) it is the person's
// decision, or else the class of the smallest annotation there; a rejection
// says that the class is wrong without saying which is right, so it counts as
// judged under no class. keep chooses the suggestions to judge; nil takes all.
func (s *Session) Evaluate(slide annotate.ID, truth *annotate.Set, keep func(*annotate.Object) bool) (Evaluation, error) {
	set, err := s.Objects(slide)
	if err != nil {
		return Evaluation{}, err
	}
	var e Evaluation
	scores := map[annotate.ID]*ClassScore{}
	score := func(class annotate.ID) *ClassScore {
		if scores[class] == nil {
			scores[class] = &ClassScore{Class: class}
		}
		return scores[class]
	}
	set.All(func(o *annotate.Object) bool {
		if o.Kind != annotate.Detection || keep != nil && !keep(o) {
			return true
		}
		proposed := Proposed(o)
		score(proposed).Suggested++
		class, known := trueClass(o, set, truth)
		if !known {
			e.Unknown++
			return true
		}
		e.Judged++
		if !class.IsZero() {
			score(class).Truth++
		}
		if class == proposed {
			e.Right++
			score(class).Right++
		}
		return true
	})
	order := map[annotate.ID]int{}
	for i, c := range s.Palette() {
		order[c.ID] = i
	}
	for _, c := range scores {
		e.Classes = append(e.Classes, *c)
	}
	sort.Slice(e.Classes, func(i, j int) bool {
		return order[e.Classes[i].Class] < order[e.Classes[j].Class]
	})
	return e, nil
}

// trueClass is what is known of a detection; zero and true: not the proposed
// class, but which is right is not known.
func trueClass(o *annotate.Object, set, truth *annotate.Set) (annotate.ID, bool) {
	if truth != nil {
		return ClassAt(o.ROI.Bounds().Center(), truth)
	}
	switch o.Review.Decision {
	case annotate.Accepted, annotate.Reclassed:
		return o.Class, true
	case annotate.Rejected:
		return annotate.ID{}, true
	}
	return ClassAt(o.ROI.Bounds().Center(), set)
}

// classAt is the class of the smallest classified annotation that holds a
// point.
func ClassAt(p annotate.Point, set *annotate.Set) (annotate.ID, bool) {
	for _, o := range set.At(p, 0) {
		if o.Kind == annotate.Annotation && !o.Class.IsZero() && o.ROI.Contains(p) {
			return o.Class, true
		}
	}
	return annotate.ID{}, false
}
