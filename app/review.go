package app

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"coverslip/annotate"
)

// mostQueued is how many suggestions Queue reads: more than a person decides on
// in a month, and what a window can hold.
const mostQueued = 50_000

// Queue is the suggestions of a slide that wait for a decision, the least
// certain first (smallest margin between the best and the second class): a
// person's word is worth most there. Ties go by identifier. Of more than 50,000
// it is the first 50,000; QueueLen says how many there are.
func (s *Session) Queue(slide annotate.ID) []*annotate.Object {
	set, waiting := s.waiting(slide)
	slices.SortFunc(waiting, func(a, b waits) int {
		if c := cmp.Compare(a.margin, b.margin); c != 0 {
			return c
		}
		return bytes.Compare(a.id[:], b.id[:])
	})
	var queue []*annotate.Object
	for _, w := range waiting[:min(len(waiting), mostQueued)] {
		if o := set.Get(w.id); o != nil && o.IsSuggestion() {
			queue = append(queue, o)
		}
	}
	sort.SliceStable(queue, func(i, j int) bool { return queue[i].By.Margin < queue[j].By.Margin })
	return queue
}

// QueueLen is how many suggestions of a slide wait for a decision.
func (s *Session) QueueLen(slide annotate.ID) int {
	_, waiting := s.waiting(slide)
	return len(waiting)
}

// waits is a suggestion that waits for a decision.
type waits struct {
	id, class     annotate.ID
	box           annotate.Box
	margin, score float64
}

func (s *Session) waiting(slide annotate.ID) (*annotate.Set, []waits) {
	set, err := s.Objects(slide)
	if err != nil {
		return nil, nil
	}
	var all []waits
	set.Roll().Each(func(_ int, b *annotate.Brief) bool {
		if b.IsSuggestion() {
			all = append(all, waits{b.ID, b.Class, b.Box, b.Margin, b.Score})
		}
		return true
	})
	return set, all
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
	set, waiting := s.waiting(slide)
	var ids []annotate.ID
	for _, w := range waiting {
		// An index keeps seven digits of a score; the eighth decides here.
		const digits = 1e-6
		if w.score < score-digits {
			continue
		}
		if o := set.Get(w.id); o != nil && o.By.Score >= score {
			ids = append(ids, w.id)
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
