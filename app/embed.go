package app

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"time"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/storage"
	"coverslip/tiles"
)

// SuggestOptions says how suggestions are made. The zero value is usable.
type SuggestOptions struct {
	Encoder  models.Encoder     // nil takes Session.Encoder
	Text     models.TextEncoder // for what is done by words; nil takes Session.TextEncoder
	MPP      float64            // µm per pixel of a patch as fed; 0 takes the encoder's, else 0.5
	Patch    int                // pixels of a patch as fed; 0 takes the encoder's, else 224
	MinScore float64            // least probability of a suggestion, 0..1
	Limit    int                // most suggestions; 0 takes 2000
	SRGB     bool               // the model sees the slide's colours converted by its profile; else the scanner's own
	Planes   tiles.Choice       // of a slide of several planes, what the model sees; zero: those shown by default
	Classes  []annotate.ID      // learn these classes only; empty takes all that have labels
	Within   []annotate.ROI     // only patches whose middle lies in one of these areas; none = wherever there is tissue
}

const (
	batchSize  = 16   // patches in one call of an encoder that does not say how many it runs at once
	maxCall    = 64   // and the most of one that does: bounds memory
	checkpoint = 4096 // patches after which embeddings are written to disk in between
	inFlight   = 2    // calls of the encoder at once: one is in the network, one is being prepared
)

// embedding is the patches of one slide and their vectors.
type embedding struct {
	grid    grid
	info    models.EncoderInfo
	tissue  []cell       // cells with tissue, row by row
	row     map[cell]int // index of a cell's vector in stored
	stored  *storage.Embeddings
	pixels  string // of storage.EmbeddingKey
	report  SuggestReport
	started time.Time
}

// vector is the embedding of a cell; nil when its pixels could not be read.
func (e *embedding) vector(c cell) []float32 {
	i, ok := e.row[c]
	if !ok {
		return nil
	}
	return e.stored.Vectors[i*e.stored.Dim : (i+1)*e.stored.Dim]
}

// Embed computes the embeddings of a slide's tissue, and of the patches under
// its labels, and keeps them beside the project. What is on disk already is not
// computed again; a run that was stopped is taken up where it stopped. It
// returns ErrNoScale, ErrNoTissue, and the errors of the slide and the encoder.
func (s *Session) Embed(ctx context.Context, slide annotate.ID, o SuggestOptions, p Progress) (SuggestReport, error) {
	e, err := s.embed(ctx, slide, o, p)
	if err != nil {
		return SuggestReport{}, err
	}
	e.report.Elapsed = time.Since(e.started)
	return e.report, nil
}

// Embedded lists the patches of a slide that have an embedding on disk, in the
// order they were computed; storage.ErrNoEmbeddings when none has. With SRGB they
// are those to whose pixels a colour profile was applied.
func (s *Session) Embedded(slide annotate.ID, o SuggestOptions) ([]annotate.Box, error) {
	e, err := s.Embeddings(slide, o)
	if err != nil {
		return nil, err
	}
	return e.Boxes, nil
}

// Embeddings are the vectors of a slide that are on disk; its errors are those of
// Embedded.
func (s *Session) Embeddings(slide annotate.ID, o SuggestOptions) (*storage.Embeddings, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return nil, err
	}
	if o, err = s.withDefaults(o); err != nil {
		return nil, err
	}
	return s.project.ReadEmbeddings(storage.EmbeddingKey{Fingerprint: item.Fingerprint, ModelHash: o.Encoder.Info().Hash, MPP: o.MPP, Patch: o.Patch, Pixels: pixelsKey(o)})
}

// withDefaults fills in what the caller left open.
func (s *Session) withDefaults(o SuggestOptions) (SuggestOptions, error) {
	if o.Encoder == nil {
		enc, err := s.Encoder()
		if err != nil {
			return o, err
		}
		o.Encoder = enc
	}
	info := o.Encoder.Info()
	if o.MPP == 0 {
		o.MPP = info.MPP
	}
	if o.MPP == 0 {
		o.MPP = defaultMPP
	}
	if o.Patch == 0 {
		o.Patch = info.PatchSize
	}
	if o.Patch == 0 {
		o.Patch = defaultPatch
	}
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if !(o.MPP > 0) || o.Patch < 1 || o.Limit < 0 {
		return o, fmt.Errorf("patches of %d pixels at %g µm, limit %d: must be positive", o.Patch, o.MPP, o.Limit)
	}
	return o, nil
}

func (s *Session) embed(ctx context.Context, slide annotate.ID, o SuggestOptions, p Progress) (*embedding, error) {
	set, err := s.Objects(slide)
	if err != nil {
		return nil, err
	}
	return s.embedUnder(ctx, slide, set, o, p)
}

// embedUnder embeds the tissue, and the patches under the labels of a set.
func (s *Session) embedUnder(ctx context.Context, slide annotate.ID, set *annotate.Set, o SuggestOptions, p Progress) (*embedding, error) {
	e := &embedding{started: time.Now()}
	item, err := s.Slide(slide)
	if err != nil {
		return nil, err
	}
	// Cheap questions first: a slide without scale needs no runtime.
	if _, err := newGrid(item.Slide, defaultPatch, defaultMPP); err != nil {
		return nil, err
	}
	if o, err = s.withDefaults(o); err != nil {
		return nil, err
	}
	e.info = o.Encoder.Info()
	e.report.Model, e.report.Untrained = e.info.Name, e.info.Untrained
	if e.grid, err = newGrid(item.Slide, o.Patch, o.MPP); err != nil {
		return nil, err
	}
	t, err := s.findWhole(ctx, item)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	p.report("Finding tissue", 0, 0)
	if e.tissue, err = e.grid.tissueCells(ctx, t); err != nil {
		return nil, err
	}
	e.tissue = e.grid.inside(e.tissue, o.Within)
	seen, err := seenBy(ctx, t, o.SRGB, o.Planes)
	if err != nil {
		return nil, about("slide", item.Name, err)
	}
	e.report.Pixels, e.report.Planes, e.pixels = seen.pixels, seen.planes, seen.key
	wanted := append([]cell(nil), e.tissue...)
	have := make(map[cell]bool, len(wanted))
	for _, c := range wanted {
		have[c] = true
	}
	for c := range e.grid.labelled(set, anyClass) {
		if !have[c] {
			wanted = append(wanted, c)
		}
	}
	if len(wanted) == 0 {
		return nil, about("slide", item.Name, ErrNoTissue)
	}
	e.report.Patches = len(wanted)
	err = s.fill(ctx, e, seen, item.Fingerprint, o, wanted, p)
	return e, err
}

// anyClass allows every class.
func anyClass(annotate.ID) bool { return true }

// fill reads the vectors of the wanted cells from disk and computes the rest.
func (s *Session) fill(ctx context.Context, e *embedding, t tiles.Slide, fingerprint string, o SuggestOptions, wanted []cell, p Progress) error {
	key := storage.EmbeddingKey{Fingerprint: fingerprint, ModelHash: e.info.Hash, MPP: o.MPP, Patch: o.Patch, Pixels: e.pixels}
	stored, err := s.project.ReadEmbeddings(key)
	switch {
	case errors.Is(err, storage.ErrNoEmbeddings):
		stored = &storage.Embeddings{Key: key, Dim: e.info.Dim}
	case err != nil:
		return err
	case stored.Dim != e.info.Dim:
		return fmt.Errorf("embeddings of %s: %d numbers a patch on disk, %d by the encoder", e.info.Name, stored.Dim, e.info.Dim)
	}
	e.stored, e.row = stored, make(map[cell]int, len(wanted))
	for i, b := range stored.Boxes {
		if c, ok := e.grid.cellAt(b.Center()); ok && e.grid.box(c) == b {
			e.row[c] = i
		}
	}
	var missing []cell
	for _, c := range wanted {
		if _, ok := e.row[c]; !ok {
			missing = append(missing, c)
		}
	}
	if len(missing) == 0 {
		p.report("Embedding", len(wanted), len(wanted))
		return nil
	}
	enc := s.tuned(ctx, o.Encoder, len(missing), p)
	err = s.compute(ctx, e, t, enc, missing, len(wanted)-len(missing), len(wanted), p)
	if e.report.Embedded > 0 && !s.ReadOnly() {
		// Also after a cancel: the next run takes up here.
		err = errors.Join(err, s.project.WriteEmbeddings(e.stored))
	}
	if err == nil && e.report.Failed == len(missing) && len(e.row) == 0 {
		err = fmt.Errorf("no patch could be read: %w", e.report.FailedWhy)
	}
	return err
}

// unreadable tells whether an error concerns one tile only, so that the patches
// elsewhere are worth going on for.
func unreadable(err error) bool {
	var bad *tiles.TileError
	return errors.As(err, &bad)
}

// add keeps the vectors of some cells.
func (e *embedding) add(cells []cell, vectors [][]float32) error {
	if len(vectors) != len(cells) {
		return fmt.Errorf("encoder %s: %d vectors for %d patches", e.info.Name, len(vectors), len(cells))
	}
	for i, c := range cells {
		if len(vectors[i]) != e.stored.Dim {
			return fmt.Errorf("encoder %s: a vector of %d numbers, not %d", e.info.Name, len(vectors[i]), e.stored.Dim)
		}
		e.row[c] = len(e.stored.Boxes)
		e.stored.Boxes = append(e.stored.Boxes, e.grid.box(c))
		e.stored.Vectors = append(e.stored.Vectors, vectors[i]...)
		e.report.Embedded++
	}
	return nil
}

// readResult is one patch, or why there is none.
type readResult struct {
	cell cell
	img  *image.RGBA
	err  error
}

// readPatches reads cells, roughly in order, on goroutines that end when the
// cells or the context do; then the channel is closed.
func readPatches(ctx context.Context, r *patchReader, g grid, cells []cell) <-chan readResult {
	todo := make(chan cell)
	out := make(chan readResult, batchSize)
	var wg sync.WaitGroup
	wg.Add(1 + readers)
	go func() {
		defer wg.Done()
		defer close(todo)
		for _, c := range cells {
			select {
			case todo <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	for range readers {
		go func() {
			defer wg.Done()
			for c := range todo {
				img, err := r.read(ctx, g.box(c))
				select {
				case out <- readResult{c, img, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	go func() {
		wg.Wait()
		close(out)
	}()
	return out
}

// drain waits until the channel is closed.
func drain(c <-chan readResult) {
	for range c {
	}
}
