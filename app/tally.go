package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"coverslip/annotate"
)

// tally is how many objects of each sort a slide has, of which classes and whose.
// It is counted once and then kept up to date edit by edit, so that a list of
// slides costs nothing.
type tally struct {
	labels, suggestions, rejected int
	classes                       map[annotate.ID]int // labels
	readers                       map[string]int      // whose labels and decisions, objects
}

func newTally() tally { return tally{classes: map[annotate.ID]int{}, readers: map[string]int{}} }

// add counts an object n times; nil is nothing.
func (t *tally) add(o *annotate.Object, n int) {
	if o == nil {
		return
	}
	switch {
	case o.IsLabel():
		t.labels += n
		bump(t.classes, o.Class, n)
	case o.IsSuggestion():
		t.suggestions += n
		return
	default:
		t.rejected += n
	}
	if o.By.Author != "" {
		bump(t.readers, o.By.Author, n)
	}
}

// bump counts, and forgets what is counted down to nothing.
func bump[K comparable](m map[K]int, k K, n int) {
	if m[k] += n; m[k] == 0 {
		delete(m, k)
	}
}

func (t *tally) names() []string { return slices.Sorted(maps.Keys(t.readers)) }

// tally counts the objects of a slide; the maps are the caller's.
func (s *Session) tally(slide annotate.ID) (tally, error) {
	if n, ok := s.counted(slide); ok {
		return n, nil
	}
	s.door.Lock() // so that no edit comes between the counting and the keeping
	defer s.door.Unlock()
	all, err := s.project.Tally(slide)
	if err != nil {
		return tally{}, err
	}
	n := newTally()
	n.labels, n.suggestions, n.rejected = all.Labels, all.Suggestions, all.Rejected
	maps.Copy(n.classes, all.Classes)
	maps.Copy(n.readers, all.Readers)
	s.mu.Lock()
	s.tallies[slide] = n
	s.mu.Unlock()
	n, _ = s.counted(slide)
	return n, nil
}

// counted is the tally that is there.
func (s *Session) counted(slide annotate.ID) (tally, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.tallies[slide]
	n.classes, n.readers = maps.Clone(n.classes), maps.Clone(n.readers)
	return n, ok
}

// reviewed is who marked a slide as reviewed, as it is kept with the project.
type reviewed struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

func seenKey(slide annotate.ID) string     { return "seen." + slide.String() }
func reviewedKey(slide annotate.ID) string { return "reviewed." + slide.String() }

// SetSeen keeps which share of a slide's tissue, 0 to 1, was looked at closely
// enough; what that is the viewer decides.
func (s *Session) SetSeen(slide annotate.ID, share float64) error {
	return s.SetSetting(seenKey(slide), strconv.FormatFloat(max(0, min(1, share)), 'f', 4, 64))
}

// MarkReviewed notes that who works has reviewed a slide, or takes that back.
func (s *Session) MarkReviewed(slide annotate.ID, done bool) error {
	item, err := s.Slide(slide)
	if err != nil {
		return err
	}
	text := []byte{}
	if done {
		if text, err = json.Marshal(reviewed{By: s.Author(), At: time.Now().UTC()}); err != nil {
			return err
		}
	}
	if err := s.SetSetting(reviewedKey(slide), string(text)); err != nil {
		return fmt.Errorf("slide %s: %w", item.Name, err)
	}
	s.emit(Event{Kind: EventSlides, Slide: slide, Text: item.Name})
	return nil
}

// addProgress adds to a slide of a list how far people are with it.
func (s *Session) addProgress(item *SlideItem) {
	if text, ok := s.Setting(seenKey(item.ID)); ok {
		if share, err := strconv.ParseFloat(text, 64); err == nil && share >= 0 && share <= 1 {
			item.Seen = share
		}
	}
	var r reviewed
	if text, ok := s.Setting(reviewedKey(item.ID)); ok && json.Unmarshal([]byte(text), &r) == nil && r.By != "" {
		item.Reviewed, item.Reviewer = true, r.By
	}
}
