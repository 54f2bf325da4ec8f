package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/search"
	"coverslip/models/zeroshot"
	"coverslip/storage"
)

// SearchQuery says what patches are looked for: by words, or like an object, or
// like the patch around a point.
type SearchQuery struct {
	Words  string         // "" = by an example
	Slide  annotate.ID    // of the example; with Here the slide that is searched
	Object annotate.ID    // the example; zero: the patch around At
	At     annotate.Point // level-0 pixels
	Here   bool           // search Slide alone; else the project
	Most   int            // patches; 0 = 20
}

// SearchResult is the patches that lie nearest, and how near all others lie.
type SearchResult struct {
	Cases    []Case        // the nearest first
	Heat     *Heat         // of the query's slide; nil when it was not embedded
	What     string        // what was looked for, for people
	Patches  int           // that were searched
	Slides   int           // that were searched
	Unread   int           // slides of the project that were not embedded yet
	Exact    int           // patches whose own numbers had to be read
	Model    string        //
	Indexing time.Duration // of this, for what was not in memory yet
	Elapsed  time.Duration // of the search itself
}

// ErrNegated: a search by words says what is not there. The models were taught
// by captions, which tell what a picture shows; "no tumour" finds tumour.
var ErrNegated = errors.New("these models do not understand what is not there")

const (
	defaultHits = 20
	mostHits    = 1000
)

// shelf is the embeddings of one slide as the search keeps them.
type shelf struct {
	key   storage.EmbeddingKey
	boxes []annotate.Box
	index *search.Index
}

// shelves are the embeddings of a project, a byte a number.
type shelves struct {
	mu  sync.Mutex // held while one is built; protects all
	all map[storage.EmbeddingKey]*shelf
}

// shelfOf is the index of a slide's embeddings, built when there is none yet, or
// when more were computed since; storage.ErrNoEmbeddings when there are none.
func (s *Session) shelfOf(ctx context.Context, key storage.EmbeddingKey) (*shelf, *storage.EmbeddingRows, error) {
	rows, err := s.project.OpenEmbeddingRows(key)
	if err != nil {
		return nil, nil, err
	}
	s.shelves.mu.Lock()
	defer s.shelves.mu.Unlock()
	if have := s.shelves.all[key]; have != nil && len(have.boxes) == rows.Len() && have.index.Dim() == rows.Dim() {
		return have, rows, nil
	}
	fail := func(err error) (*shelf, *storage.EmbeddingRows, error) {
		return nil, nil, errors.Join(err, rows.Close())
	}
	e, err := s.project.ReadEmbeddings(key)
	if err != nil {
		return fail(err)
	}
	if len(e.Boxes) != rows.Len() { // written anew between the two: look at the new ones next time
		return fail(storage.ErrNoEmbeddings)
	}
	x, err := search.Build(ctx, search.Rows{N: len(e.Boxes), Dim: e.Dim, Row: func(i int) []float32 { return e.Vectors[i*e.Dim : (i+1)*e.Dim] }})
	if err != nil {
		return fail(err)
	}
	if s.shelves.all == nil {
		s.shelves.all = map[storage.EmbeddingKey]*shelf{}
	}
	have := &shelf{key: key, boxes: e.Boxes, index: x}
	s.shelves.all[key] = have
	return have, rows, nil
}

// Search finds the patches nearest to a query among all that were embedded by
// the model in the same way. None that is nearer is missed. Slides that were not
// embedded are counted, not read. It returns ErrNegated, ErrNoWords, ErrNoTexts,
// storage.ErrNoEmbeddings when nothing was embedded, and the errors of reading
// the example.
func (s *Session) Search(ctx context.Context, q SearchQuery, o SuggestOptions, p Progress) (*SearchResult, error) {
	q.Words = strings.TrimSpace(q.Words)
	if zeroshot.Negated(q.Words) {
		return nil, fmt.Errorf("%q: %w", q.Words, ErrNegated)
	}
	o, err := s.withDefaults(o)
	if err != nil {
		return nil, err
	}
	if q.Most <= 0 {
		q.Most = defaultHits
	}
	q.Most = min(q.Most, mostHits)
	r := &SearchResult{Model: o.Encoder.Info().Name}
	v, but, err := s.asked(ctx, q, o, r, p)
	if err != nil {
		return nil, err
	}
	for i, item := range s.Slides() {
		if q.Here && item.ID != q.Slide {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		p.report("Searching", i, 0)
		if err := s.searchSlide(ctx, item, v, but, q, o, r); err != nil {
			return nil, err
		}
		r.Cases = nearest(r.Cases, q.Most)
	}
	if r.Slides == 0 {
		return nil, fmt.Errorf("search: %w", storage.ErrNoEmbeddings)
	}
	for i := range r.Cases {
		set, err := s.Objects(r.Cases[i].Slide)
		if err != nil {
			return nil, err
		}
		r.Cases[i].Class = classAt(set, r.Cases[i].Box.Center())
	}
	return r, nil
}

// asked is the vector of a query, and the patches of the example itself.
func (s *Session) asked(ctx context.Context, q SearchQuery, o SuggestOptions, r *SearchResult, p Progress) ([]float32, []annotate.Box, error) {
	if q.Words == "" {
		boxes, err := s.patchesOf(q.Slide, q.Object, q.At, o)
		if err != nil {
			return nil, nil, err
		}
		p.report("Looking at the example", 0, len(boxes))
		r.What = "Like the patch"
		if !q.Object.IsZero() {
			r.What = "Like the selected region"
		}
		v, err := s.meanOf(ctx, q.Slide, boxes, o)
		return v, boxes, err
	}
	if o.Text == nil {
		var err error
		if o.Text, err = s.TextEncoder(); err != nil {
			return nil, nil, err
		}
	}
	text, info := o.Text.TextInfo(), o.Encoder.Info()
	if info.Pair == "" || info.Pair != text.Pair {
		return nil, nil, fmt.Errorf("%s with %s: %w", info.Name, text.Name, ErrNoTexts)
	}
	templates := text.Templates
	if len(templates) == 0 {
		templates = zeroshot.Templates()
	}
	sentences := make([]string, len(templates))
	for i, t := range templates {
		sentences[i] = strings.ReplaceAll(t, zeroshot.Placeholder, zeroshot.Straighten(q.Words))
	}
	all, err := o.Text.EncodeText(ctx, sentences)
	if err != nil {
		return nil, nil, err
	}
	mean := make([]float32, text.Dim)
	for _, v := range all {
		for j := range mean {
			mean[j] += v[j]
		}
	}
	if !models.Normalise(mean) {
		return nil, nil, errors.New("the sentences cancel each other out")
	}
	r.What = "“" + q.Words + "”"
	return mean, nil, nil
}

// searchSlide adds what one slide has.
func (s *Session) searchSlide(ctx context.Context, item SlideItem, v []float32, but []annotate.Box, q SearchQuery, o SuggestOptions, r *SearchResult) error {
	key := storage.EmbeddingKey{Fingerprint: item.Fingerprint, ModelHash: o.Encoder.Info().Hash, MPP: o.MPP, Patch: o.Patch, Pixels: pixelsKey(o)}
	started := time.Now()
	shelf, rows, err := s.shelfOf(ctx, key)
	if errors.Is(err, storage.ErrNoEmbeddings) {
		r.Unread++
		return nil
	}
	if err != nil {
		return err
	}
	defer rows.Close() // only read
	r.Indexing += time.Since(started)
	if shelf.index.Dim() != len(v) {
		r.Unread++
		return nil
	}
	r.Slides++
	r.Patches += len(shelf.boxes)
	started = time.Now()
	hits, st, err := shelf.index.Nearest(ctx, v, q.Most+len(but), rows.Read)
	if err != nil {
		return err
	}
	r.Elapsed += time.Since(started)
	r.Exact += st.Exact
	for _, h := range hits {
		box := shelf.boxes[h.Row]
		if item.ID != q.Slide || !sameBox(but, box) {
			r.Cases = append(r.Cases, Case{Slide: item.ID, SlideName: item.Name, Box: box, Similarity: float64(h.Similarity)})
		}
	}
	if item.ID != q.Slide {
		return nil
	}
	r.Heat, err = s.searchHeat(item, key, v, r.What, o)
	return err
}

// searchHeat is how near all patches of a slide lie to the query.
func (s *Session) searchHeat(item SlideItem, key storage.EmbeddingKey, v []float32, what string, o SuggestOptions) (*Heat, error) {
	e, err := s.project.ReadEmbeddings(key)
	if err != nil {
		return nil, err
	}
	g, err := newGrid(item.Slide, o.Patch, o.MPP)
	if err != nil {
		return nil, err
	}
	var cells []cell
	var values []float64
	high := math.Inf(-1)
	for i, b := range e.Boxes {
		if c, ok := g.cellAt(b.Center()); ok {
			x := float64(models.Dot(v, e.Vectors[i*e.Dim:(i+1)*e.Dim]))
			cells, values = append(cells, c), append(values, x)
			high = max(high, x)
		}
	}
	if len(cells) == 0 {
		return nil, nil
	}
	// The least alike half says nothing: the colours begin at the middle one.
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	low := min(sorted[len(sorted)/2], high-1e-6)
	return g.heat(HeatSimilar, what, cells, func(i int) float64 { return values[i] }, low, high), nil
}
