package app

import (
	"fmt"
	"sort"
	"time"

	"coverslip/annotate"
)

// Queue is the suggestions of a slide that wait for a decision, the least
// certain first (smallest margin between the best and the second class): a
// person's word is worth most there. Ties go by identifier.
func (s *Session) Queue(slide annotate.ID) []*annotate.Object {
	set, err := s.Objects(slide)
	if err != nil {
		return nil
	}
	var queue []*annotate.Object
	set.All(func(o *annotate.Object) bool {
		if o.IsSuggestion() {
			queue = append(queue, o)
		}
		return true
	})
	sort.SliceStable(queue, func(i, j int) bool { return queue[i].By.Margin < queue[j].By.Margin })
	return queue
}

// Accept takes suggestions over with the class the model proposed; they count
// as labels from then on and keep the model's provenance. A decision can be
// changed. It returns ErrNotSuggestion for a person's annotation.
func (s *Session) Accept(ids ...annotate.ID) error {
	return s.decideAll(ids, annotate.Accepted, annotate.ID{}, counted("Accept", len(ids), "suggestion"))
}

// Reject refuses suggestions. They stay in the project, so that the model's
// record is whole and the same suggestion is not made again.
func (s *Session) Reject(ids ...annotate.ID) error {
	return s.decideAll(ids, annotate.Rejected, annotate.ID{}, counted("Reject", len(ids), "suggestion"))
}

// Reclass takes suggestions over with another class than the model's; with the
// model's own class it is an Accept.
func (s *Session) Reclass(class annotate.ID, ids ...annotate.ID) error {
	c := s.Palette().ByID(class)
	if c == nil {
		return fmt.Errorf("class %s: %w", class, ErrNoClass)
	}
	return s.decideAll(ids, annotate.Reclassed, class, counted("Re-class", len(ids), "suggestion")+" to "+c.Name)
}

// AcceptAbove accepts every undecided suggestion of a slide whose score is at
// least score, in one edit, and returns how many.
func (s *Session) AcceptAbove(slide annotate.ID, score float64) (n int, err error) {
	var ids []annotate.ID
	for _, o := range s.Queue(slide) {
		if o.By.Score >= score {
			ids = append(ids, o.ID)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	return len(ids), s.Accept(ids...)
}

func (s *Session) decideAll(ids []annotate.ID, d annotate.Decision, class annotate.ID, label string) error {
	who, now := s.Author(), time.Now().UTC()
	return s.change(ids, label, func(o *annotate.Object) error {
		if o.Kind != annotate.Detection {
			return fmt.Errorf("object %s: %w", o.ID, ErrNotSuggestion)
		}
		decide(o, d, class, who, now)
		return nil
	})
}

// decide writes a decision into o. The class the model proposed is kept in
// Review.Was through every later change of mind.
func decide(o *annotate.Object, d annotate.Decision, class annotate.ID, who string, now time.Time) {
	proposed := o.Class
	if o.Review.Decision != annotate.Undecided {
		proposed = o.Review.Was
	}
	o.Class = proposed
	if d == annotate.Reclassed {
		o.Class = class
		if class == proposed {
			d = annotate.Accepted
		}
	}
	o.Review = annotate.Review{Decision: d, By: who, At: now, Was: proposed}
	o.Changed = now
}

// Proposed is the class that the model gave a detection, whatever was decided.
func Proposed(o *annotate.Object) annotate.ID {
	if o.Review.Decision != annotate.Undecided {
		return o.Review.Was
	}
	return o.Class
}
