package app

import (
	"context"
	"fmt"
	"sort"
	"time"

	"coverslip/annotate"
	"coverslip/models/learn"
)

// defaultLimit is the most suggestions one run writes: what a person can look
// through, and what the overlay draws at ease.
const defaultLimit = 2000

// example is a patch that labels speak for.
type example struct {
	cell  cell
	label *annotate.Object
}

// candidate is a patch that may be suggested.
type candidate struct {
	cell cell
	learn.Prediction
}

// Suggest learns from the slide's labels and proposes a class for every other
// patch with tissue, as outlined squares. One edit takes away the undecided
// suggestions of the same model and adds the new ones, so one undo takes all of
// it back. A patch whose suggestion was rejected is not proposed with that
// class again.
//
// All patches with a score of at least MinScore are proposed, up to Limit; when
// there are more, half of the room goes to the least certain, for the queue,
// and half to the most certain, for accepting many at once.
//
// It returns ErrFewLabels unless labels of two classes cover a patch each, and
// the errors of Embed.
func (s *Session) Suggest(ctx context.Context, slide annotate.ID, o SuggestOptions, p Progress) (SuggestReport, error) {
	if err := s.enoughLabels(slide, o); err != nil {
		return SuggestReport{}, err
	}
	e, err := s.embed(ctx, slide, o, p)
	if err != nil {
		return SuggestReport{}, err
	}
	if o, err = s.withDefaults(o); err != nil {
		return SuggestReport{}, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return SuggestReport{}, err
	}
	t, err := s.teach(e, set, o)
	if err != nil {
		return SuggestReport{}, err
	}
	p.report("Learning", 0, 0)
	probe, err := learn.FitContext(ctx, t.fit, len(t.classes))
	if err != nil {
		return SuggestReport{}, err
	}
	e.report.Method = probe.Method()
	candidates, err := t.predict(ctx, e, probe, set, p)
	if err != nil {
		return SuggestReport{}, err
	}
	candidates, e.report.Candidates = limit(candidates, o.MinScore, o.Limit)
	if err := ctx.Err(); err != nil {
		return SuggestReport{}, err
	}
	p.report("Writing suggestions", 0, 0)
	if err := s.Apply(s.suggestions(slide, set, e, t, o, candidates)); err != nil {
		return SuggestReport{}, err
	}
	e.report.Suggested = len(candidates)
	e.report.Elapsed = time.Since(e.started)
	return e.report, nil
}

// enoughLabels refuses before the long work what cannot end well.
func (s *Session) enoughLabels(slide annotate.ID, o SuggestOptions) error {
	set, err := s.Objects(slide)
	if err != nil {
		return err
	}
	n := 0
	for class, count := range set.Counts() {
		if !class.IsZero() && count > 0 && o.allows(class) {
			n++
		}
	}
	return s.fewLabels(n)
}

// fewLabels is ErrFewLabels when n classes are too few.
func (s *Session) fewLabels(n int) error {
	if n >= 2 {
		return nil
	}
	return fmt.Errorf("labels of %d class(es) on the slide: %w", n, ErrFewLabels)
}

// allows tells whether a class takes part.
func (o SuggestOptions) allows(class annotate.ID) bool {
	if len(o.Classes) == 0 {
		return true
	}
	for _, c := range o.Classes {
		if c == class {
			return true
		}
	}
	return false
}

// lesson is what the labels teach.
type lesson struct {
	classes  []annotate.ID // by the number the probe knows them by
	examples []example
	fit      []learn.Example // the same, as the probe takes them
	taken    map[cell]bool   // cells that labels speak for
}

// teach gathers the patches under labels, in a fixed order, and counts them for
// the report.
func (s *Session) teach(e *embedding, set *annotate.Set, o SuggestOptions) (*lesson, error) {
	t, err := s.lessonOf(e, set, o.allows)
	if err != nil {
		return nil, err
	}
	labels := map[annotate.ID]bool{}
	for _, x := range t.examples {
		labels[x.label.ID] = true
	}
	e.report.Labels, e.report.Examples, e.report.Classes = len(labels), len(t.examples), len(t.classes)
	e.countLabels(set, o, t.taken, labels)
	return t, nil
}

// lessonOf is what the labels of the allowed classes teach; ErrFewLabels when
// they are of fewer than two.
func (s *Session) lessonOf(e *embedding, set *annotate.Set, allowed func(class annotate.ID) bool) (*lesson, error) {
	t := &lesson{taken: map[cell]bool{}}
	count := map[annotate.ID]int{}
	for c, label := range e.grid.labelled(set, allowed) {
		t.taken[c] = true
		if e.vector(c) == nil {
			continue // its pixels could not be read
		}
		t.examples = append(t.examples, example{c, label})
		count[label.Class]++
	}
	sort.Slice(t.examples, func(i, j int) bool {
		a, b := t.examples[i].cell, t.examples[j].cell
		return a.row < b.row || a.row == b.row && a.col < b.col
	})
	number := map[annotate.ID]int{}
	for _, c := range s.Palette() {
		if count[c.ID] > 0 {
			number[c.ID] = len(t.classes)
			t.classes = append(t.classes, c.ID)
		}
	}
	if err := s.fewLabels(len(t.classes)); err != nil {
		return nil, err
	}
	known := t.examples[:0]
	for _, x := range t.examples {
		if n, ok := number[x.label.Class]; ok {
			known = append(known, x)
			t.fit = append(t.fit, learn.Example{Vector: e.vector(x.cell), Class: n})
		}
	}
	t.examples = known
	return t, nil
}

// predict scores every patch with tissue that no label speaks for.
func (t *lesson) predict(ctx context.Context, e *embedding, probe *learn.Probe, set *annotate.Set, p Progress) ([]candidate, error) {
	refused := e.grid.refused(set)
	var found []candidate
	for i, c := range e.tissue {
		if i%256 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p.report("Predicting", i, len(e.tissue))
		}
		v := e.vector(c)
		if v == nil || t.taken[c] {
			continue
		}
		guess := probe.Predict(v)
		if guess.Class >= 0 && !refused[c][t.classes[guess.Class]] {
			found = append(found, candidate{c, guess})
		}
	}
	p.report("Predicting", len(e.tissue), len(e.tissue))
	return found, nil
}

// refused is the classes that a person rejected, by the cell they were proposed
// for.
func (g grid) refused(set *annotate.Set) map[cell]map[annotate.ID]bool {
	refused := map[cell]map[annotate.ID]bool{}
	set.All(func(o *annotate.Object) bool {
		if o.Kind == annotate.Detection && o.Review.Decision == annotate.Rejected {
			if c, ok := g.cellAt(o.ROI.Bounds().Center()); ok {
				if refused[c] == nil {
					refused[c] = map[annotate.ID]bool{}
				}
				refused[c][Proposed(o)] = true
			}
		}
		return true
	})
	return refused
}

// limit keeps what Suggest promises of the candidates, least certain first, and
// counts those that score enough.
func limit(all []candidate, minScore float64, n int) ([]candidate, int) {
	var kept []candidate
	for _, c := range all {
		if c.Score >= minScore {
			kept = append(kept, c)
		}
	}
	sort.SliceStable(kept, func(i, j int) bool { return kept[i].Margin < kept[j].Margin })
	enough := len(kept)
	if enough > n {
		half := n / 2
		kept = append(kept[:n-half:n-half], kept[len(kept)-half:]...)
	}
	return kept, enough
}

// suggestions is the one edit of a run.
func (s *Session) suggestions(slide annotate.ID, set *annotate.Set, e *embedding, t *lesson, o SuggestOptions, found []candidate) annotate.Edit {
	edit := annotate.Edit{Slide: slide, Label: counted("Suggest", len(found), "patch")}
	if len(found) != 1 {
		edit.Label = fmt.Sprintf("Suggest %d patches", len(found))
	}
	set.All(func(old *annotate.Object) bool {
		if old.IsSuggestion() && old.By.ModelHash == e.info.Hash {
			edit.Changes = append(edit.Changes, annotate.Change{Before: old})
		}
		return true
	})
	e.report.Replaced = len(edit.Changes)
	now, who, palette := time.Now().UTC(), s.Author(), s.Palette()
	params := s.paramsOf(e, o, fmt.Sprintf("labels=%d examples=%d classes=%d", e.report.Labels, e.report.Examples, len(t.classes)))
	for _, c := range found {
		b := e.grid.box(c.cell)
		by := annotate.Provenance{
			Author: who, Model: e.info.Name, ModelHash: e.info.Hash, Untrained: e.info.Untrained,
			Method: e.report.Method, Score: c.Score, Margin: c.Margin, Params: params,
		}
		by.Nearest = t.nearest(c)
		by.Why = t.why(c, e, palette)
		edit.Changes = append(edit.Changes, annotate.Change{After: &annotate.Object{
			ID: annotate.NewID(), Kind: annotate.Detection,
			ROI:   annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY),
			Class: t.classes[c.Class], Created: now, Changed: now, By: by,
		}})
	}
	return edit
}

// nearest is the labels behind the nearest examples, each once.
func (t *lesson) nearest(c candidate) []annotate.ID {
	var ids []annotate.ID
	seen := map[annotate.ID]bool{}
	for _, i := range c.Nearest {
		if id := t.examples[i].label.ID; !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// why says to people what the score rests on, what matters most first: there is
// not always room for all of it.
func (t *lesson) why(c candidate, e *embedding, palette annotate.Palette) string {
	name := func(id annotate.ID) string {
		if cl := palette.ByID(id); cl != nil {
			return cl.Name
		}
		return "unnamed class"
	}
	text := ""
	if e.info.Untrained {
		text = "The encoder is untrained: this means little. "
	}
	text += fmt.Sprintf("%s %.0f %%", name(t.classes[c.Class]), 100*c.Score)
	if second := runnerUp(c.Prediction); second >= 0 {
		text += fmt.Sprintf(", %s %.0f %%", name(t.classes[second]), 100*c.Scores[second])
	}
	text += fmt.Sprintf(", from %s.", grouped(e.report.Labels, "label"))
	if len(c.Nearest) > 0 {
		x := t.examples[c.Nearest[0]]
		at := e.grid.box(x.cell).Center()
		text += fmt.Sprintf(" Most like the %s patch at %.0f, %.0f (similarity %.2f).",
			name(x.label.Class), at.X, at.Y, c.Similarity)
	}
	return text
}

// runnerUp is the class with the second highest score; -1 when there is none.
func runnerUp(p learn.Prediction) int {
	second := -1
	for i, sc := range p.Scores {
		if i != p.Class && (second < 0 || sc > p.Scores[second]) {
			second = i
		}
	}
	return second
}
