package app

import (
	"math"

	"coverslip/annotate"
)

// Share is a count of a whole.
type Share struct{ Yes, Of int }

// Value is the share, 0..1; 0 of nothing.
func (s Share) Value() float64 {
	if s.Of == 0 {
		return 0
	}
	return float64(s.Yes) / float64(s.Of)
}

// Interval is the 95 % interval of the share (Wilson, J. Am. Stat. Assoc. 22,
// 1927); 0 to 1 of nothing.
func (s Share) Interval() (low, high float64) {
	if s.Of == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	n, p := float64(s.Of), s.Value()
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

// Bias is how often a person says what the model said, with the suggestion seen
// first and with the own label set first. That the first is higher is what is
// called automation bias; the cases of the two are not the same ones, so a
// difference may also come from them.
type Bias struct {
	Assisted   Share // decisions with the suggestion in view: accepted as it was
	Unassisted Share // the own label set first: it was the suggestion's class
	Changed    int   // of Unassisted, taken back for the model's class after a look
	Unseen     int   // accepted by a rule without a look; in neither share
}

// Bias counts the decisions on a slide that carry a note.
func (s *Session) Bias(slide annotate.ID) (Bias, error) {
	set, err := s.Objects(slide)
	if err != nil {
		return Bias{}, err
	}
	var b Bias
	roll := set.Roll()
	roll.Each(func(n int, brief *annotate.Brief) bool {
		if brief.Kind != annotate.Detection || brief.Decision == annotate.Undecided {
			return true
		}
		o := roll.Object(n)
		if o == nil || o.Meta[MetaReview] == "" {
			return true
		}
		switch note := NoteOf(o); {
		case note.Rule != "":
			b.Unseen++
		case note.Own.IsZero():
			b.Assisted.Of++
			if o.Review.Decision == annotate.Accepted {
				b.Assisted.Yes++
			}
		default:
			b.Unassisted.Of++
			if note.Own == o.Review.Was {
				b.Unassisted.Yes++
			} else if note.Looked && o.Class == o.Review.Was {
				b.Changed++
			}
		}
		return true
	})
	return b, set.Err()
}
