package app

import (
	"context"
	"fmt"

	"coverslip/annotate"
	"coverslip/models/attention"
	"coverslip/models/folder"
)

// Attention is where a network looked in one patch.
type Attention struct {
	Rollout, Last *Heat        // of all layers together, and of the last one; 1 is even attention
	Box           annotate.Box // of the patch, level-0 pixels
	Model         string
	Untrained     bool
}

// AttentionAt tells where the session's model looks in the patch around a point.
// attention.ErrNone and *models.UnsupportedError say that it does not tell; similar
// patches (SimilarTo) are the other way to ask why.
func (s *Session) AttentionAt(ctx context.Context, slide annotate.ID, at annotate.Point, o SuggestOptions) (*Attention, error) {
	foreign := o.Encoder
	o, err := s.withDefaults(o)
	if err != nil {
		return nil, err
	}
	own, err := s.Encoder()
	if err != nil {
		return nil, err
	}
	if foreign != nil && foreign.Info().Hash != own.Info().Hash {
		return nil, fmt.Errorf("%s: %w", foreign.Info().Name, attention.ErrNone)
	}
	l, err := s.lookerOf()
	if err != nil {
		return nil, err
	}
	boxes, err := s.patchesOf(slide, annotate.ID{}, at, o)
	if err != nil {
		return nil, err
	}
	images, err := s.pixelsOf(ctx, slide, boxes, o)
	if err != nil {
		return nil, err
	}
	m, err := l.Look(ctx, images[0])
	if err != nil {
		return nil, err
	}
	info := o.Encoder.Info()
	return &Attention{Box: boxes[0], Model: info.Name, Untrained: info.Untrained,
		Rollout: attentionHeat(m, m.Rollout, "Attention, all layers", boxes[0]), Last: attentionHeat(m, m.Last, "Attention, last layer", boxes[0])}, nil
}

// lookerOf is the session's model with its attention as outputs, opened when first
// wanted.
func (s *Session) lookerOf() (*attention.Looker, error) {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	if s.looker != nil {
		return s.looker, nil
	}
	e, err := s.startedEngine()
	if err != nil {
		return nil, err
	}
	var l *attention.Looker
	if s.options.Model != "" {
		l, err = folder.OpenAttention(e, s.options.Model)
		err = about("model", s.options.Model, err)
	} else {
		l, err = ownAttention(e)
	}
	if err != nil {
		return nil, err
	}
	s.looker = l
	return l, nil
}

// attentionHeat is a map over the part of the patch that the network saw.
func attentionHeat(m attention.Map, values []float32, title string, box annotate.Box) *Heat {
	side := box.Width() * m.Share
	h := &Heat{Kind: HeatAttention, Title: title, Values: values, Cols: m.Side, Rows: m.Side, Cell: side / float64(m.Side), Unit: "× even",
		X: box.Center().X - side/2, Y: box.Center().Y - side/2, Low: float64(values[0]), High: float64(values[0])}
	for _, v := range values {
		h.Low, h.High = min(h.Low, float64(v)), max(h.High, float64(v))
	}
	if h.High-h.Low < 1e-6 {
		h.High = h.Low + 1e-6
	}
	return h
}
