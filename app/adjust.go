package app

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"

	"coverslip/annotate"
	"coverslip/tiles"
	"coverslip/tiles/stain"
)

// Adjustable tells whether SetAdjust works for the slide: one in colour. Channels
// have windows and gammas of their own.
func (o *OpenSlide) Adjustable() bool { return o.view == nil || o.view.Source().Stack().InColor }

// Adjust is how the slide is drawn on the screen; the zero value: as it is.
func (o *OpenSlide) Adjust() stain.Adjust { return o.adjust }

// SetAdjust has an open slide drawn in another way on the screen, and returns
// it with its new Loader; what was decoded is not decoded again. Nobody but the
// screen sees it: models, measurements and exports read the slide itself. It is
// kept with the project, for this author, when the slide is closed. It is an error
// when the slide was closed meanwhile (ErrNoSlide) or cannot be drawn so.
func (s *Session) SetAdjust(slide annotate.ID, a stain.Adjust) (*OpenSlide, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	was := s.Opened(slide)
	if was == nil {
		return nil, fmt.Errorf("slide %s: %w", slide, ErrNoSlide)
	}
	if !was.Adjustable() && !a.IsZero() {
		return nil, fmt.Errorf("slide %s: a slide of channels is drawn by its channels", slide)
	}
	now := *was
	now.adjust = a
	return s.redraw(was, &now, was.screen)
}

// redraw gives now, which is was drawn in another way, its Loader and puts it in
// the place of was, whose Loader ends; ErrClosed when was is open no more. The
// caller holds opening.
func (s *Session) redraw(was, now *OpenSlide, screen tiles.Slide) (*OpenSlide, error) {
	if err := s.fetch(now, screen); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed || !s.swap(was, now) {
		s.mu.Unlock()
		now.Loader.Close()
		return nil, ErrClosed
	}
	s.mu.Unlock()
	was.Loader.Close()
	return now, nil
}

// fetch gives a slide the Loader that fetches its tiles, drawn as o.adjust says.
func (s *Session) fetch(o *OpenSlide, screen tiles.Slide) error {
	drawn := screen
	switch {
	case o.adjust.IsZero() || !o.Adjustable():
		o.drawn = nil
	case o.drawn != nil && o.screen == screen:
		d, err := o.drawn.With(o.adjust)
		if err != nil {
			return err
		}
		o.drawn, drawn = d, d
	default:
		d, err := stain.Adjusted(screen, o.adjust)
		if err != nil {
			return err
		}
		o.drawn, drawn = d, d
	}
	o.screen = screen
	id := o.Item.ID
	o.Loader = tiles.NewLoader(drawn, s.cache, readers, func() {
		s.emit(Event{Kind: EventTiles, Slide: id})
	})
	o.Loader.Lead(&s.traffic)
	return nil
}

// adjustSetting names how a slide is drawn for a person.
func (s *Session) adjustSetting(slide annotate.ID) string {
	return "adjust." + slide.String() + "." + s.Author()
}

// adjustOf is how this author left the slide; what cannot be read, or drawn, is of
// another version and left aside.
func (s *Session) adjustOf(slide annotate.ID) (a stain.Adjust) {
	text, ok := s.Setting(s.adjustSetting(slide))
	if !ok || json.Unmarshal([]byte(text), &a) != nil || stain.Check(a) != nil {
		return stain.Adjust{}
	}
	return a
}

// keepAdjust keeps how a slide that is being closed was drawn.
func (s *Session) keepAdjust(o *OpenSlide) error {
	if o == nil || s.ReadOnly() {
		return nil
	}
	text, err := json.Marshal(o.adjust)
	if err != nil {
		return err
	}
	was, kept := s.Setting(s.adjustSetting(o.Item.ID))
	if string(text) == was || !kept && o.adjust.IsZero() {
		return nil
	}
	return s.SetSetting(s.adjustSetting(o.Item.ID), string(text))
}

// stainSide is the longer side of the picture in which stains are measured, pixels.
const stainSide = 1024

// StainPicture is what stains are measured in: the scanned part of the slide, or
// that around an ROI, as the screen has it before it is adjusted. keep tells the
// pixels that lie in the ROI; nil: all do.
func (o *OpenSlide) StainPicture(ctx context.Context, roi *annotate.ROI) (m *image.RGBA, keep func(x, y int) bool, err error) {
	part := tiles.ScannedBounds(o.screen)
	if roi != nil {
		b := roi.Bounds()
		part = image.Rect(int(math.Floor(b.MinX)), int(math.Floor(b.MinY)), int(math.Ceil(b.MaxX)), int(math.Ceil(b.MaxY))).Intersect(part)
		if part.Empty() {
			return nil, nil, fmt.Errorf("the annotation lies beside what was scanned: %w", stain.ErrNoStain)
		}
	}
	if m, err = tiles.ThumbnailOf(ctx, o.screen, part, stainSide); err != nil {
		return nil, nil, fmt.Errorf("slide %s: %w", o.Item.Name, err)
	}
	if roi == nil {
		return m, nil, nil
	}
	kx, ky := float64(part.Dx())/float64(m.Rect.Dx()), float64(part.Dy())/float64(m.Rect.Dy())
	return m, func(x, y int) bool {
		return roi.Contains(annotate.Point{X: float64(part.Min.X) + (float64(x)+0.5)*kx, Y: float64(part.Min.Y) + (float64(y)+0.5)*ky})
	}, nil
}

// Normalised is a with the slide brought to the colours of a standard: what that
// needs to know of the slide is measured, which reads pixels. ErrNoStain of
// tiles/stain where there is no tissue.
func (o *OpenSlide) Normalised(ctx context.Context, a stain.Adjust, by stain.Normal) (stain.Adjust, error) {
	a.Normal = by
	if by == stain.NormalNone {
		return a, nil
	}
	m, _, err := o.StainPicture(ctx, nil)
	if err != nil {
		return a, err
	}
	if by == stain.NormalReinhard {
		a.Source, err = stain.StatsOf(m)
		return a, err
	}
	if a.Own, err = stain.Macenko(m, nil); err != nil {
		return a, err
	}
	a.Most, err = stain.Amounts(m, a.Own)
	return a, err
}
