package app

import (
	"context"
	"fmt"

	"coverslip/annotate"
	"coverslip/models/caption"
)

// Captions is the sentences found for a place, and all that is needed to find
// them again.
type Captions struct {
	Matches   []caption.Match
	Box       annotate.Box // of the patch, level-0 pixels
	Model     string
	ModelHash string
	Text      string // text encoder
	TextHash  string
	Bank      string
	BankHash  string
	Params    string
}

// Captions finds the n sentences of a bank (caption.Builtin, caption.Read) that lie
// nearest to the patch around a point. The patch is read and encoded anew. Nothing is written: a sentence
// becomes a label only by a person.
func (s *Session) Captions(ctx context.Context, slide annotate.ID, at annotate.Point, b *caption.Bank, n int, o SuggestOptions, p Progress) (Captions, error) {
	err := b.Check()
	if err != nil {
		return Captions{}, err
	}
	if o, err = s.withDefaults(o); err != nil {
		return Captions{}, err
	}
	text, err := s.TextEncoder()
	if err != nil {
		return Captions{}, err
	}
	item, err := s.Slide(slide)
	if err != nil {
		return Captions{}, err
	}
	g, err := newGrid(item.Slide, o.Patch, o.MPP)
	if err != nil {
		return Captions{}, err
	}
	c, ok := g.cellAt(at)
	if !ok {
		return Captions{}, fmt.Errorf("the point %.0f, %.0f lies in no patch of the slide", at.X, at.Y)
	}
	v, err := s.anew(ctx, slide, g.box(c), o)
	if err != nil {
		return Captions{}, err
	}
	x, err := caption.NewIndex(ctx, text, b, func(done, total int) { p.report("Reading the caption bank", done, total) })
	if err != nil {
		return Captions{}, err
	}
	info := o.Encoder.Info()
	matches, err := x.Nearest(info, v, n)
	if err != nil {
		return Captions{}, err
	}
	e := &embedding{info: info}
	return Captions{Matches: matches, Box: g.box(c), Model: info.Name, ModelHash: info.Hash, Text: x.Text.Name, TextHash: x.Text.Hash,
		Bank: b.Name, BankHash: b.Hash, Params: s.paramsOf(e, o)}, nil
}
