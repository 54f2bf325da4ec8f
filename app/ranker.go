package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/learn"
	"coverslip/storage"
)

// QueueOptions says which suggestions come, and in what order.
type QueueOptions struct {
	Order    QueueOrder  // "" = QueueUncertain
	Seed     uint64      // of QueueRandom, and of ties
	Rules    ReviewRules // only what must be seen by them; the zero value = all
	Coverage float64     // share of the patches that a class is named for; 0 = all
	Most     int         // items; 0 = 50,000
	Also     annotate.ID // a suggestion whose most similar labels are told wherever it stands; zero: none
	Measure  bool        // measure the calibration too, which fits five more probes
}

// Queued is one item of a queue.
type Queued struct {
	Object *annotate.Object // as it was when the queue was made
	Live   bool             // what follows is the model's word now, not that at the suggestion
	Class  annotate.ID      // the likeliest
	Score  float64          // its probability, 0..1
	Second annotate.ID      // the runner-up; zero: there is none
	Other  float64          // its probability
	Unsure bool             // below the coverage: the model says "I don't know"
	Doubt  bool             // it is a label that the model speaks against
	Near   []annotate.ID    // the labels most like it, whatever their class, at most three; of the first items of a live queue
	Must   string           // the rule by which a person must look; "" without rules
}

// RankedQueue is the suggestions of a slide in an order.
type RankedQueue struct {
	Items       []Queued
	Waiting     int                // suggestions that wait, rules or not
	Passed      int                // of these, those that may be accepted unseen by the rules
	Live        bool               // the order is by what the labels teach now
	Labels      int                // patches that taught it
	Method      string             // of the probe; "" when none was fitted
	Calibration *learn.Calibration // nil when it was not asked for or cannot be told
	Why         string             // why it is not live, for people; "" when it is, or needs not be
	Elapsed     time.Duration
}

// Ranker orders the queue of one slide again and again: it keeps the embeddings
// and the last probe. Nothing is written. It is safe for concurrent use, one call
// after the other.
type Ranker struct {
	s     *Session
	slide annotate.ID

	mu      sync.Mutex // held during a call; protects what follows
	key     storage.EmbeddingKey
	e       *embedding
	probe   *learn.Probe
	classes []annotate.ID // that the probe knows, by its numbers
	cover   *learn.Cover
	covered map[cell]bool // labels that the cover knows of
}

// Ranker makes one for a slide. It reads nothing yet.
func (s *Session) Ranker(slide annotate.ID) *Ranker { return &Ranker{s: s, slide: slide} }

// RankQueue is one Queue of a new Ranker.
func (s *Session) RankQueue(ctx context.Context, slide annotate.ID, o QueueOptions) (*RankedQueue, error) {
	return s.Ranker(slide).Queue(ctx, o)
}

// errNotLive is why a queue is ordered by what was written at the suggestion.
var errNotLive = errors.New("not live")

// Queue orders the suggestions that wait by what the labels and decisions of
// this moment teach. The embeddings must be on disk, as Suggest leaves them:
// where they are not (suggestions by words, of a dense model, of another
// program), the numbers written with each suggestion order it, and Why says so.
// QueueDoubts asks about labels, not suggestions; it returns ErrFewLabels where
// too few patches are labelled to hold some out. It returns the cause of ctx.
func (r *Ranker) Queue(ctx context.Context, o QueueOptions) (*RankedQueue, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	started := time.Now()
	if o.Most <= 0 {
		o.Most = mostQueued
	}
	if o.Order == "" {
		o.Order = QueueUncertain
	}
	if err := o.Rules.Check(); err != nil {
		return nil, err
	}
	if _, err := r.s.Slide(r.slide); err != nil {
		return nil, err
	}
	q := &RankedQueue{}
	set, waiting := r.s.waiting(r.slide)
	if set == nil {
		return nil, fmt.Errorf("slide %s: %w", r.slide, ErrNoSlide)
	}
	q.Waiting = len(waiting)
	must := map[annotate.ID]string{}
	if !o.Rules.Empty() {
		kept := waiting[:0]
		for _, w := range waiting {
			if why := o.Rules.Must(w.id, w.class, w.score); why != "" {
				must[w.id] = why
				kept = append(kept, w)
			}
		}
		q.Passed = len(waiting) - len(kept)
		waiting = kept
	}
	err := r.rank(ctx, set, waiting, o, q)
	if errors.Is(err, errNotLive) && o.Order != QueueDoubts {
		err = r.asWritten(set, waiting, o, q)
	}
	if err != nil {
		return nil, err
	}
	for i := range q.Items {
		q.Items[i].Must = must[q.Items[i].Object.ID]
	}
	q.Elapsed = time.Since(started)
	return q, nil
}

// asWritten orders by the numbers that stand in the suggestions.
func (r *Ranker) asWritten(set *annotate.Set, waiting []waits, o QueueOptions, q *RankedQueue) error {
	slices.SortFunc(waiting, o.writtenOrder())
	var margins []float64
	for _, w := range waiting {
		margins = append(margins, w.margin)
	}
	least := math.Inf(-1)
	if slices.Sort(margins); o.Coverage > 0 && o.Coverage < 1 && len(margins) > 0 {
		least = margins[min(len(margins)-1, int(math.Round((1-o.Coverage)*float64(len(margins)))))]
	}
	for _, w := range waiting[:min(len(waiting), o.Most)] {
		if obj := set.Get(w.id); obj != nil && obj.IsSuggestion() {
			q.Items = append(q.Items, Queued{Object: obj, Class: obj.Class, Score: obj.By.Score, Unsure: w.margin < least})
		}
	}
	return nil
}

// writtenOrder compares suggestions by what is written in them.
func (o QueueOptions) writtenOrder() func(a, b waits) int {
	key := func(w waits) float64 { return w.margin }
	switch o.Order {
	case QueueConfident:
		key = func(w waits) float64 { return -w.score }
	case QueueRandom:
		key = func(w waits) float64 { return float64(learn.Scatter(o.Seed, idNumber(w.id)) >> 11) }
	case QueuePlace:
		return toAndFro
	}
	return func(a, b waits) int {
		if c := cmp.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return bytes.Compare(a.id[:], b.id[:])
	}
}

// idNumber is the random part of an identifier.
func idNumber(id annotate.ID) uint64 {
	n := uint64(0)
	for _, b := range id[8:] {
		n = n<<8 | uint64(b)
	}
	return n
}

// toAndFro goes over the slide in strips as high as a patch, every second one
// from the right to the left: the eye has the shortest way.
func toAndFro(a, b waits) int {
	side := max(1, min(a.box.Height(), b.box.Height()))
	ra, rb := math.Floor(a.box.MinY/side), math.Floor(b.box.MinY/side)
	if ra != rb {
		return cmp.Compare(ra, rb)
	}
	if c := cmp.Compare(a.box.MinX, b.box.MinX); c != 0 {
		if int(ra)%2 != 0 {
			c = -c
		}
		return c
	}
	return bytes.Compare(a.id[:], b.id[:])
}

// rank orders by what the labels teach now; errNotLive when that cannot be.
func (r *Ranker) rank(ctx context.Context, set *annotate.Set, waiting []waits, o QueueOptions, q *RankedQueue) error {
	if err := r.load(set, waiting); err != nil {
		q.Why = notLiveWords(err)
		return fmt.Errorf("%w: %w", errNotLive, err)
	}
	t, err := r.s.lessonOf(r.e, set, anyClass)
	if err != nil {
		q.Why = notLiveWords(err)
		return fmt.Errorf("%w: %w", errNotLive, err)
	}
	probe, err := r.learned(ctx, t)
	if err != nil {
		return err
	}
	q.Live, q.Method, q.Labels = true, probe.Method(), len(t.fit)
	if o.Order == QueueDoubts {
		return r.doubts(ctx, probe, t, o, q)
	}
	if o.Measure {
		h, err := probe.HoldOut(ctx, t.fit)
		if err != nil {
			return err
		}
		if c := probe.Calibrate(h); c.Labels > 0 {
			q.Calibration = &c
		}
	}
	return r.order(ctx, set, waiting, t, o, q)
}

// learned is the probe of what the labels teach now, gone on from the last one.
func (r *Ranker) learned(ctx context.Context, t *lesson) (*learn.Probe, error) {
	prev := r.probe
	if !slices.Equal(r.classes, t.classes) {
		prev = nil
	}
	probe, err := prev.Refit(ctx, t.fit, len(t.classes))
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %w", errNotLive, err)
	}
	r.probe, r.classes = probe, t.classes
	return probe, nil
}

// notLiveWords says to people why the order is the one written down.
func notLiveWords(err error) string {
	switch {
	case errors.Is(err, storage.ErrNoEmbeddings):
		return "Ordered by the scores written with the suggestions: their embeddings are not on disk."
	case errors.Is(err, ErrFewLabels):
		return "Ordered by the scores written with the suggestions: labels of two classes are needed to learn from."
	}
	return "Ordered by the scores written with the suggestions."
}

// load reads the embeddings that the suggestions were made from, unless they are
// in memory.
func (r *Ranker) load(set *annotate.Set, waiting []waits) error {
	item, err := r.s.Slide(r.slide)
	if err != nil {
		return err
	}
	by, ok := madeFrom(set, waiting)
	if !ok {
		return storage.ErrNoEmbeddings
	}
	o, err := optionsFrom(parseParams(by.Params))
	if err != nil {
		return err
	}
	key := storage.EmbeddingKey{Fingerprint: item.Fingerprint, ModelHash: by.ModelHash, MPP: o.MPP, Patch: o.Patch, Pixels: pixelsKey(o)}
	if r.e != nil && r.key == key && r.e.holds(waiting) {
		return nil
	}
	e := &embedding{}
	if e.grid, err = newGrid(item.Slide, o.Patch, o.MPP); err != nil {
		return err
	}
	if e.stored, err = r.s.project.ReadEmbeddings(key); err != nil {
		return err
	}
	e.row = make(map[cell]int, len(e.stored.Boxes))
	for i, b := range e.stored.Boxes {
		if c, ok := e.grid.cellAt(b.Center()); ok && e.grid.box(c) == b {
			e.row[c] = i
		}
	}
	r.key, r.e, r.probe, r.classes, r.cover, r.covered = key, e, nil, nil, nil, nil
	return nil
}

// madeFrom is the provenance of the first suggestion that says what it was made
// from, or of the first such label: of those that wait, or were decided.
func madeFrom(set *annotate.Set, waiting []waits) (annotate.Provenance, bool) {
	says := func(o *annotate.Object) bool {
		return o != nil && o.Kind == annotate.Detection && o.By.ModelHash != "" && parseParams(o.By.Params)["patch"] != ""
	}
	for i, w := range waiting {
		if o := set.Get(w.id); says(o) {
			return o.By, true
		}
		if i > 16 {
			break
		}
	}
	var by annotate.Provenance
	found := false
	roll := set.Roll()
	roll.Each(func(n int, b *annotate.Brief) bool {
		if b.Kind == annotate.Detection {
			if o := roll.Object(n); says(o) {
				by, found = o.By, true
			}
		}
		return !found
	})
	return by, found
}

// holds tells whether the embeddings know a suggestion's patch: a later run may
// have embedded more.
func (e *embedding) holds(waiting []waits) bool {
	for _, w := range waiting {
		if c, ok := e.grid.cellAt(w.box.Center()); ok {
			_, is := e.row[c]
			return is
		}
	}
	return true
}

// order scores all patches and orders those that wait.
func (r *Ranker) order(ctx context.Context, set *annotate.Set, waiting []waits, t *lesson, o QueueOptions, q *RankedQueue) error {
	m := learn.Matrix{Dim: r.e.stored.Dim, Data: r.e.stored.Vectors}
	scores, err := r.probe.ScoreAll(ctx, m)
	if err != nil {
		return err
	}
	least := -1.0
	if o.Coverage > 0 && o.Coverage < 1 {
		least = learn.MarginFor(scores, o.Coverage)
	}
	of := make(map[int]waits, len(waiting)) // by the row of the embedding
	var rest []waits
	cells := make(map[int]cell, len(waiting))
	for _, w := range waiting {
		c, ok := r.e.grid.cellAt(w.box.Center())
		row, known := r.e.row[c]
		if _, twice := of[row]; !ok || !known || twice || scores.Class[row] < 0 {
			rest = append(rest, w)
			continue
		}
		of[row], cells[row] = w, c
	}
	for i := range scores.Class {
		if _, waits := of[i]; !waits {
			scores.Class[i] = -1
		}
	}
	var rows []int
	if by, ok := o.Order.inLearn(); ok {
		near := func(i, j int) bool {
			a, b := cells[i], cells[j]
			return max(a.col-b.col, b.col-a.col) <= 1 && max(a.row-b.row, b.row-a.row) <= 1
		}
		ask := learn.Ask{Order: by, Seed: o.Seed, Near: near}
		const known = 256 // more would keep a person waiting, and say little that is new
		for _, x := range t.fit[max(0, len(t.fit)-known):] {
			ask.Known = append(ask.Known, x.Vector)
		}
		if by == learn.OrderDiverse {
			ask.Cover = r.coverOf(m, of, t)
		}
		if rows, err = learn.Rank(ctx, scores, m, ask); err != nil {
			return err
		}
	} else {
		for row := range of {
			rows = append(rows, row)
		}
		sort.Slice(rows, func(i, j int) bool { return toAndFro(of[rows[i]], of[rows[j]]) < 0 })
	}
	for _, row := range rows[:min(len(rows), o.Most)] {
		if obj := set.Get(of[row].id); obj != nil && obj.IsSuggestion() {
			q.Items = append(q.Items, t.queued(obj, scores, row, least))
			if n := len(q.Items); n <= shownNear || obj.ID == o.Also {
				q.Items[n-1].Near = t.alike(m.Row(row))
			}
		}
	}
	if len(rest) > 0 {
		return r.asWritten(set, rest, QueueOptions{Order: o.Order, Seed: o.Seed, Most: max(0, o.Most-len(q.Items))}, q)
	}
	return nil
}

// shownNear is of how many items at the front the labels most like them are
// looked for: the queue is ordered anew before a person gets further.
const shownNear = 48

// alike is the three labels with the patches most like a vector, the most alike
// first.
func (t *lesson) alike(v []float32) []annotate.ID {
	best := map[annotate.ID]float32{}
	var ids []annotate.ID
	for i, x := range t.examples {
		s := models.Dot(v, t.fit[i].Vector)
		was, known := best[x.label.ID]
		if !known {
			ids = append(ids, x.label.ID)
		}
		if !known || s > was {
			best[x.label.ID] = s
		}
	}
	slices.SortStableFunc(ids, func(a, b annotate.ID) int { return cmp.Compare(best[b], best[a]) })
	return ids[:min(3, len(ids))]
}

// coverOf is what labels and earlier looks cover; it only grows while the same
// embeddings are looked at.
func (r *Ranker) coverOf(m learn.Matrix, of map[int]waits, t *lesson) *learn.Cover {
	if r.cover == nil {
		rows := make([]int, 0, len(of))
		for row := range of {
			rows = append(rows, row)
		}
		slices.Sort(rows)
		r.cover, r.covered = learn.NewCover(m, learn.Thin(rows, learn.CoverPool, 1)), map[cell]bool{}
	}
	for i, x := range t.examples {
		if !r.covered[x.cell] {
			r.covered[x.cell] = true
			r.cover.Add(t.fit[i].Vector)
		}
	}
	return r.cover
}

// queued is an item with the model's word of this moment.
func (t *lesson) queued(obj *annotate.Object, scores *learn.Scores, row int, least float64) Queued {
	x := Queued{Object: obj, Live: true, Class: t.classes[scores.Class[row]], Score: float64(scores.Score[row]), Unsure: float64(scores.Margin[row]) < least}
	for k, p := range scores.Row(row) {
		if k != int(scores.Class[row]) && float64(p) > x.Other {
			x.Second, x.Other = t.classes[k], float64(p)
		}
	}
	return x
}

// doubts are the labels that held-out probes speak against, each object once.
func (r *Ranker) doubts(ctx context.Context, probe *learn.Probe, t *lesson, o QueueOptions, q *RankedQueue) error {
	h, err := probe.HoldOut(ctx, t.fit)
	if err != nil {
		return err
	}
	if c := probe.Calibrate(h); c.Labels > 0 {
		q.Calibration = &c
	}
	seen := map[annotate.ID]bool{}
	for _, d := range learn.Doubts(h, len(t.classes)) {
		obj := t.examples[d.Example].label
		if seen[obj.ID] || len(q.Items) >= o.Most || NoteOf(obj).Checked {
			continue
		}
		seen[obj.ID] = true
		q.Items = append(q.Items, Queued{Object: obj, Live: true, Doubt: true, Class: t.classes[d.Likely], Score: d.Other, Second: t.classes[d.Given], Other: d.Own})
	}
	return nil
}
