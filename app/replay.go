package app

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"

	"coverslip/annotate"
	"coverslip/models/learn"
	"coverslip/models/zeroshot"
)

// ReplayTolerance is how far a repeated score may lie from the stored one.
const ReplayTolerance = 1e-4

// Replayed is a suggestion that was computed again.
type Replayed struct {
	Object     annotate.ID
	Class      annotate.ID // as proposed
	Method     string
	Stored     float64 // score
	Now        float64 // score of the same class today
	Difference float64 // Now less Stored
	Same       bool    // within ReplayTolerance
	Labels     int     // labels that it was learned from, as they were then; 0 for words
	Params     string  // as stored
}

// Replay computes a stored suggestion again: the patch is read from the slide
// and encoded anew, and judged by the labels as they were just before the
// suggestion was written, or by the same words. It returns ErrNotSuggestion,
// ErrOtherModel, ErrNotRepeatable, and the errors of Embed.
func (s *Session) Replay(ctx context.Context, slide, id annotate.ID, o WordOptions, p Progress) (Replayed, error) {
	first, seq, err := s.firstVersion(slide, id)
	if err != nil {
		return Replayed{}, err
	}
	if first.Kind != annotate.Detection || first.By.Model == "" {
		return Replayed{}, ErrNotSuggestion
	}
	if first.By.Method == methodCaption {
		return Replayed{}, fmt.Errorf("%w: a caption is found by asking again", ErrNotRepeatable)
	}
	params := parseParams(first.By.Params)
	said, err := optionsFrom(params)
	if err != nil {
		return Replayed{}, err
	}
	said.Encoder, said.Text = o.Encoder, o.Text
	if o.SuggestOptions, err = s.withDefaults(said); err != nil {
		return Replayed{}, err
	}
	if info := o.Encoder.Info(); info.Hash != first.By.ModelHash {
		return Replayed{}, fmt.Errorf("%w: %s (%.12s), open is %s (%.12s)", ErrOtherModel, first.By.Model, first.By.ModelHash, info.Name, info.Hash)
	}
	r := Replayed{Object: id, Class: first.Class, Method: first.By.Method, Stored: first.By.Score, Params: first.By.Params}
	if r.Method == methodWords {
		r.Now, err = s.replayWords(ctx, slide, first, params["words"], o)
	} else {
		r.Now, r.Labels, err = s.replayLearned(ctx, slide, first, seq, o.SuggestOptions, p)
	}
	r.Difference = r.Now - r.Stored
	r.Same = math.Abs(r.Difference) <= ReplayTolerance
	return r, err
}

// anew reads one patch from the slide and encodes it, whatever is on disk.
func (s *Session) anew(ctx context.Context, slide annotate.ID, at annotate.Box, o SuggestOptions) ([]float32, error) {
	v, err := s.anewAll(ctx, slide, []annotate.Box{at}, o)
	if err != nil {
		return nil, err
	}
	return v[0], nil
}

// firstVersion is an object as it was entered, and by which commit; ErrNoObject when
// it never was.
func (s *Session) firstVersion(slide, id annotate.ID) (*annotate.Object, uint64, error) {
	versions, err := s.project.History(slide, id)
	if err != nil {
		return nil, 0, err
	}
	if len(versions) == 0 || versions[0].Object == nil {
		return nil, 0, ErrNoObject
	}
	return versions[0].Object, versions[0].Seq, nil
}

// anewAll is anew for several patches.
func (s *Session) anewAll(ctx context.Context, slide annotate.ID, boxes []annotate.Box, o SuggestOptions) ([][]float32, error) {
	images, err := s.pixelsOf(ctx, slide, boxes, o)
	if err != nil {
		return nil, err
	}
	return o.Encoder.Encode(ctx, images)
}

// pixelsOf reads patches as the model sees them.
func (s *Session) pixelsOf(ctx context.Context, slide annotate.ID, boxes []annotate.Box, o SuggestOptions) ([]*image.RGBA, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return nil, err
	}
	g, err := newGrid(item.Slide, o.Patch, o.MPP)
	if err != nil {
		return nil, err
	}
	for _, at := range boxes {
		if c, ok := g.cellAt(at.Center()); !ok || g.box(c) != at {
			return nil, fmt.Errorf("%w: it is no patch of %d pixels at %g µm; the scale of the slide may have been changed", ErrNotRepeatable, o.Patch, o.MPP)
		}
	}
	t, _, err := s.find(ctx, item.Slide)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	seen, err := seenBy(ctx, t, o.SRGB, o.Planes)
	if err != nil {
		return nil, err
	}
	reader := newPatchReader(seen, g, &s.traffic)
	defer reader.close()
	images := make([]*image.RGBA, len(boxes))
	for i, at := range boxes {
		if images[i], err = reader.read(ctx, at); err != nil {
			return nil, err
		}
	}
	return images, nil
}

func (s *Session) replayWords(ctx context.Context, slide annotate.ID, first *annotate.Object, hash string, o WordOptions) (float64, error) {
	text, ok := s.Setting(wordsKey(hash))
	if !ok {
		return 0, fmt.Errorf("%w: the words %q", ErrNotRepeatable, hash)
	}
	var k words
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return 0, fmt.Errorf("%w: the words %q: %w", ErrNotRepeatable, hash, err)
	}
	var err error
	if o.Text == nil {
		if o.Text, err = s.TextEncoder(); err != nil {
			return 0, err
		}
	}
	if o.Text.TextInfo().Hash != k.TextHash {
		return 0, fmt.Errorf("%w: %s", ErrOtherModel, k.Text)
	}
	c, err := k.classifier(ctx, o.Text, zeroshot.Options{Templates: k.Templates, Scale: k.Scale, MinScore: k.MinScore, MinMargin: k.MinMargin})
	if err != nil {
		return 0, err
	}
	v, err := s.anew(ctx, slide, first.ROI.Bounds(), o.SuggestOptions)
	if err != nil {
		return 0, err
	}
	a := c.Ask(v)
	for i, w := range k.Words {
		if w.Class == first.Class {
			return a.Scores[i], nil
		}
	}
	return 0, fmt.Errorf("%w: its class is not among the words", ErrNotRepeatable)
}

func (s *Session) replayLearned(ctx context.Context, slide annotate.ID, first *annotate.Object, seq uint64, o SuggestOptions, p Progress) (float64, int, error) {
	p.report("Reading the labels of then", 0, 0)
	set, err := s.labelsBefore(slide, seq)
	if err != nil {
		return 0, 0, err
	}
	v, err := s.anew(ctx, slide, first.ROI.Bounds(), o)
	if err != nil {
		return 0, 0, err
	}
	e, err := s.embedUnder(ctx, slide, set, o, p)
	if err != nil {
		return 0, 0, err
	}
	t, err := s.teach(e, set, o)
	if err != nil {
		return 0, 0, err
	}
	probe, err := learn.FitContext(ctx, t.fit, len(t.classes))
	if err != nil {
		return 0, 0, err
	}
	guess := probe.Predict(v)
	for i, class := range t.classes {
		if class == first.Class && guess.Class >= 0 {
			return guess.Scores[i], e.report.Labels, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: no label of its class is left in the history", ErrNotRepeatable)
}

// labelsBefore is the labels of a slide as they were before a commit.
func (s *Session) labelsBefore(slide annotate.ID, seq uint64) (*annotate.Set, error) {
	now, err := s.project.Objects(slide)
	if err != nil {
		return nil, err
	}
	gone, err := s.project.Removed(slide)
	if err != nil {
		return nil, err
	}
	ids := make([]annotate.ID, 0, len(now)+len(gone))
	for _, o := range now {
		ids = append(ids, o.ID)
	}
	for _, r := range gone {
		ids = append(ids, r.Object.ID)
	}
	var then []*annotate.Object
	for _, id := range ids {
		versions, err := s.project.History(slide, id)
		if err != nil {
			return nil, err
		}
		var last *annotate.Object
		for _, v := range versions {
			if v.Seq < seq {
				last = v.Object
			}
		}
		if last != nil && last.IsLabel() {
			then = append(then, last)
		}
	}
	return annotate.NewSet(then), nil
}
