package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/caption"
)

// CaptionQuery says what sentences are looked for.
type CaptionQuery struct {
	Object annotate.ID    // the object that is described; zero: the patch around At
	At     annotate.Point // level-0 pixels
	Bank   *caption.Bank  // the sentences; nil = caption.Builtin
	Most   int            // sentences; 0 = 5
}

// Captions is the sentences found for a place, and all that is needed to find
// them again.
type Captions struct {
	Matches   []caption.Match // those that a person rejected for this place are left out
	Cases     []Case          // patches of the project that look most alike
	Slide     annotate.ID     //
	Object    annotate.ID     // that is described; zero: the patch
	Box       annotate.Box    // of the patch, or around those of the object, level-0 pixels
	Patches   int             // that were looked at: their mean is compared
	Rejected  int             // sentences left out because a person rejected them here
	Model     string
	ModelHash string
	Text      string // text encoder
	TextHash  string
	Bank      string
	BankHash  string
	Untrained bool
	Params    string
}

const (
	defaultCaptions = 5
	mostPatches     = 48 // of an object that are looked at: their mean hardly changes with more
	shownCases      = 4
)

// Captions finds the n sentences of a bank that lie nearest to the patch around a
// point; see CaptionsOf.
func (s *Session) Captions(ctx context.Context, slide annotate.ID, at annotate.Point, bank *caption.Bank, n int, o SuggestOptions, p Progress) (Captions, error) {
	return s.CaptionsOf(ctx, slide, CaptionQuery{At: at, Bank: bank, Most: n}, o, p)
}

// CaptionsOf finds the sentences of a bank that lie nearest to an object, or to
// the patch around a point. The patches are read and encoded anew. Nothing is
// written: a sentence becomes a label only by a person, see TakeCaption. It
// returns ErrNoTexts, caption.ErrEmpty, ErrNoObject, and the errors of Embed.
func (s *Session) CaptionsOf(ctx context.Context, slide annotate.ID, q CaptionQuery, o SuggestOptions, p Progress) (Captions, error) {
	b, err := q.read()
	if err != nil {
		return Captions{}, err
	}
	if o.Text == nil { // before the pictures: a model without words needs none
		if o.Text, err = s.TextEncoder(); err != nil {
			return Captions{}, err
		}
	}
	if o, err = s.withDefaults(o); err != nil {
		return Captions{}, err
	}
	c := Captions{Slide: slide, Object: q.Object, Bank: b.Name, BankHash: b.Hash}
	boxes, err := s.patchesOf(slide, q.Object, q.At, o)
	if err != nil {
		return Captions{}, err
	}
	c.Box, c.Patches = boxes[0], len(boxes)
	for _, box := range boxes[1:] {
		c.Box = c.Box.Union(box)
	}
	p.report("Looking at the patches", 0, len(boxes))
	v, err := s.meanOf(ctx, slide, boxes, o)
	if err != nil {
		return Captions{}, err
	}
	x, err := s.captionIndex(ctx, o.Text, b, p)
	if err != nil {
		return Captions{}, err
	}
	info := o.Encoder.Info()
	all, err := x.Nearest(info, v, len(b.Captions))
	if err != nil {
		return Captions{}, err
	}
	no, err := s.rejectedCaptions(slide)
	if err != nil {
		return Captions{}, err
	}
	if q.Most <= 0 {
		q.Most = defaultCaptions
	}
	for _, m := range all {
		if no.has(q.Object, c.Box, m.Text) {
			c.Rejected++
		} else if len(c.Matches) < q.Most {
			c.Matches = append(c.Matches, m)
		}
	}
	if c.Cases, err = s.similar(ctx, slide, v, boxes, o, shownCases); err != nil {
		return Captions{}, err
	}
	c.Model, c.ModelHash, c.Text, c.TextHash = info.Name, info.Hash, x.Text.Name, x.Text.Hash
	c.Untrained = info.Untrained || x.Text.Untrained
	c.Params = s.paramsOf(&embedding{info: info}, o, fmt.Sprintf("patches=%d", len(boxes)))
	return c, nil
}

func (q CaptionQuery) read() (*caption.Bank, error) {
	if q.Bank == nil {
		return caption.Builtin()
	}
	return q.Bank, q.Bank.Check()
}

// patchesOf are the patches of an object, thinned evenly when there are many, or
// the one around a point.
func (s *Session) patchesOf(slide, object annotate.ID, at annotate.Point, o SuggestOptions) ([]annotate.Box, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return nil, err
	}
	g, err := newGrid(item.Slide, o.Patch, o.MPP)
	if err != nil {
		return nil, err
	}
	var boxes []annotate.Box
	if !object.IsZero() {
		set, err := s.Objects(slide)
		if err != nil {
			return nil, err
		}
		obj := set.Get(object)
		if obj == nil {
			return nil, ErrNoObject
		}
		for c := range g.centresIn(obj.ROI) {
			boxes = append(boxes, g.box(c))
		}
		at = obj.ROI.Centroid()
	}
	if n := len(boxes); n > mostPatches {
		thin := make([]annotate.Box, mostPatches)
		for i := range thin {
			thin[i] = boxes[i*n/mostPatches]
		}
		boxes = thin
	}
	if len(boxes) == 0 {
		c, ok := g.cellAt(at)
		if !ok {
			return nil, fmt.Errorf("the point %.0f, %.0f lies in no patch of the slide", at.X, at.Y)
		}
		boxes = append(boxes, g.box(c))
	}
	return boxes, nil
}

// meanOf is the mean direction of patches, read and encoded anew.
func (s *Session) meanOf(ctx context.Context, slide annotate.ID, boxes []annotate.Box, o SuggestOptions) ([]float32, error) {
	all, err := s.anewAll(ctx, slide, boxes, o)
	if err != nil {
		return nil, err
	}
	if len(all) == 1 {
		return all[0], nil
	}
	mean := make([]float32, len(all[0]))
	for _, v := range all {
		for i := range mean {
			mean[i] += v[i] / float32(len(all))
		}
	}
	if !models.Normalise(mean) {
		return nil, errors.New("the patches cancel each other out")
	}
	return mean, nil
}

// captionIndex is a bank with its vectors; that of the last bank is kept, since
// reading a bank takes as long as its sentences are many.
func (s *Session) captionIndex(ctx context.Context, text models.TextEncoder, b *caption.Bank, p Progress) (*caption.Index, error) {
	s.encoderMu.Lock()
	last := s.captions
	s.encoderMu.Unlock()
	if last != nil && last.Bank.Hash == b.Hash && last.Text.Hash == text.TextInfo().Hash {
		return last, nil
	}
	x, err := caption.NewIndex(ctx, text, b, func(done, total int) { p.report("Reading the caption bank", done, total) })
	if err != nil {
		return nil, err
	}
	s.encoderMu.Lock()
	s.captions = x
	s.encoderMu.Unlock()
	return x, nil
}

// sameBox tells whether two squares are the same patch.
func sameBox(boxes []annotate.Box, b annotate.Box) bool { return slices.Contains(boxes, b) }
