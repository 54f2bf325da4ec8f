package app

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
)

// Attributes of an object that say how a person came to a decision, and what a
// machine's shape was before a person changed it. They go where the object goes:
// into the audit trail, and into every export that keeps attributes.
const (
	MetaReview = "coverslip.review" // NAME=VALUE: see ReviewNote
	MetaBefore = "coverslip.before" // NAME=VALUE: see Changed
)

// ReviewNote is how a decision came about.
type ReviewNote struct {
	Took    time.Duration // from the moment it was shown to the decision; 0: not known
	Order   QueueOrder    // of the queue it was met in; "" = none
	Own     annotate.ID   // class that the person gave before the suggestion was shown; zero: it was shown from the start
	Looked  bool          // the person saw the suggestion, and could decide anew, after the own label was set
	Rule    string        // by which it was accepted unseen; "" = a person looked
	Checked bool          // the model spoke against the label, and a person let it stand
}

// String is the note as it is kept.
func (n ReviewNote) String() string {
	var parts []string
	if n.Took > 0 {
		parts = append(parts, fmt.Sprintf("took=%.2f", n.Took.Seconds()))
	}
	if n.Order != "" {
		parts = append(parts, "order="+string(n.Order))
	}
	if n.Own.IsZero() {
		if n.Rule == "" {
			parts = append(parts, "seen=first")
		}
	} else {
		parts = append(parts, "seen=after", "own="+n.Own.String())
		if n.Looked {
			parts = append(parts, "looked=yes")
		}
	}
	if n.Rule != "" {
		parts = append(parts, "seen=no", "rule="+strconv.Quote(n.Rule))
	}
	if n.Checked {
		parts = append(parts, "checked=yes")
	}
	return strings.Join(parts, " ")
}

// NoteOf reads the note of an object; what is not there is left zero.
func NoteOf(o *annotate.Object) ReviewNote {
	p := parseParams(o.Meta[MetaReview])
	n := ReviewNote{Order: QueueOrder(p["order"]), Rule: p["rule"], Looked: p["looked"] == "yes", Checked: p["checked"] == "yes"}
	if sec, err := strconv.ParseFloat(p["took"], 64); err == nil && sec > 0 && sec < 1e9 {
		n.Took = time.Duration(sec * float64(time.Second))
	}
	if id, err := annotate.ParseID(p["own"]); err == nil {
		n.Own = id
	}
	return n
}

// withMeta gives an object an attribute; the map of the object it was copied
// from stays as it is.
func withMeta(o *annotate.Object, key, value string) {
	m := maps.Clone(o.Meta)
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	o.Meta = m
}

// Answer is a person's word on suggestions.
type Answer struct {
	Decision annotate.Decision // Accepted, Rejected or Reclassed
	Class    annotate.ID       // of Reclassed
	Note     ReviewNote
}

// Decide is Accept, Reject or Reclass with a note of how the decision came
// about, in one edit. An object that is a label already (as QueueDoubts asks
// about) stays with Accepted, gets the class with Reclassed, and goes with
// Rejected when a person drew it. It returns ErrNoClass and the errors of Apply.
func (s *Session) Decide(a Answer, ids ...annotate.ID) error {
	words := map[annotate.Decision]string{annotate.Accepted: "Accept", annotate.Rejected: "Reject", annotate.Reclassed: "Re-class"}[a.Decision]
	if words == "" {
		return fmt.Errorf("decision %d: %w", a.Decision, annotate.ErrInvalidEdit)
	}
	label := counted(words, len(ids), "suggestion")
	if a.Decision == annotate.Reclassed {
		c := s.Palette().ByID(a.Class)
		if c == nil {
			return fmt.Errorf("class %s: %w", a.Class, ErrNoClass)
		}
		label += " to " + c.Name
	}
	slide, objects, err := s.locate(ids)
	if err != nil {
		return err
	}
	who, now := s.Author(), time.Now().UTC()
	e := annotate.Edit{Slide: slide, Label: label}
	for _, o := range objects {
		if o.Locked {
			return fmt.Errorf("object %s: %w", o.ID, ErrObjectLocked)
		}
		if o.Kind == annotate.Annotation && a.Decision == annotate.Rejected {
			e.Changes = append(e.Changes, annotate.Change{Before: o})
			continue
		}
		c := *o
		note := a.Note
		if o.Kind == annotate.Detection {
			note.Checked = note.Checked || o.IsLabel() && a.Decision == annotate.Accepted
			d, class := a.Decision, a.Class
			if o.IsLabel() && d == annotate.Accepted { // it stays as the person had it
				d, class = annotate.Reclassed, o.Class
			}
			decide(&c, d, class, who, now)
		} else {
			note.Checked = a.Decision == annotate.Accepted
			if a.Decision == annotate.Reclassed {
				c.Class = a.Class
			}
			c.Changed = now
		}
		withMeta(&c, MetaReview, note.String())
		e.Changes = append(e.Changes, annotate.Change{Before: o, After: &c})
	}
	return s.Apply(e)
}

// AcceptRest accepts, in one edit, all suggestions of a slide that the rules let
// pass unseen; each keeps the rules it passed by. Without rules it does nothing:
// then a person must look at everything. It returns how many.
func (s *Session) AcceptRest(slide annotate.ID, r ReviewRules) (int, error) {
	if err := r.Check(); err != nil || r.Empty() {
		return 0, err
	}
	_, waiting := s.waiting(slide)
	var ids []annotate.ID
	for _, w := range waiting {
		if r.Must(w.id, w.class, w.score) == "" {
			ids = append(ids, w.id)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	return len(ids), s.Decide(Answer{Decision: annotate.Accepted, Note: ReviewNote{Rule: r.String()}}, ids...)
}
