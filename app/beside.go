package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coverslip/annotate"
)

// OpenBeside opens a slide as OpenSlide does and makes it the current one, but
// leaves the slide that was current open too, beside it. One that is open
// already only becomes the current one.
func (s *Session) OpenBeside(ctx context.Context, id annotate.ID) (*OpenSlide, error) {
	return s.openSlide(ctx, id, true)
}

// Opened finds an open slide, the current one or one beside it; nil when it is
// not open.
func (s *Session) Opened(id annotate.ID) *OpenSlide {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current.Item.ID == id {
		return s.current
	}
	if i := s.besideAt(id); i >= 0 {
		return s.beside[i]
	}
	return nil
}

// OpenSlides lists the slides that are open, the current one first.
func (s *Session) OpenSlides() []*OpenSlide {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []*OpenSlide
	if s.current != nil {
		open = append(open, s.current)
	}
	return append(open, s.beside...)
}

// Activate makes an open slide the current one: undo, redo and what is drawn
// from now on are its. ErrNoSlide when it is not open.
func (s *Session) Activate(id annotate.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current.Item.ID == id {
		return nil
	}
	i := s.besideAt(id)
	if i < 0 {
		return fmt.Errorf("slide %s is not open: %w", id, ErrNoSlide)
	}
	open := s.beside[i]
	s.beside = slices.Delete(s.beside, i, i+1)
	if s.current != nil {
		s.beside = append(s.beside, s.current)
	}
	s.current = open
	return nil
}

// CloseSlide closes one open slide. When it was the current one, the slide that
// was current before it is so again. A slide that is not open is closed already.
func (s *Session) CloseSlide(id annotate.ID) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	s.mu.Lock()
	var gone *OpenSlide
	if i := s.besideAt(id); i >= 0 {
		gone = s.beside[i]
		s.beside = slices.Delete(s.beside, i, i+1)
	} else if s.current != nil && s.current.Item.ID == id {
		gone, s.current = s.current, nil
		if n := len(s.beside); n > 0 {
			s.current = s.beside[n-1]
			s.beside = s.beside[:n-1]
		}
	}
	delete(s.sets, id) // read again when wanted; saves its memory
	s.mu.Unlock()
	return s.shut(gone)
}

// upToDate tells whether a slide is open as it would be opened now.
func (s *Session) upToDate(o *OpenSlide) bool {
	return !o.Outdated() && o.untrusted == s.Untrusted() && o.rawColour == s.RawColour()
}

// take makes a slide just opened the current one and answers which slides are to
// be closed: the same slide as it was opened before and, unless they are kept,
// the one that was current. The caller holds mu.
func (s *Session) take(open *OpenSlide, keep bool) (gone []*OpenSlide) {
	id, last := open.Item.ID, s.current
	s.current = open
	if i := s.besideAt(id); i >= 0 {
		gone = append(gone, s.beside[i])
		s.beside = slices.Delete(s.beside, i, i+1)
		keep = true // it was beside the current one, and that stays
	}
	switch {
	case last == nil:
	case last.Item.ID == id:
		gone = append(gone, last)
	case keep:
		s.beside = append(s.beside, last)
	default:
		delete(s.sets, last.Item.ID) // read again when wanted; saves its memory
		gone = append(gone, last)
	}
	return gone
}

// swap puts an open slide in the place of the same one opened in another way;
// false when that is open no more. The caller holds mu.
func (s *Session) swap(was, now *OpenSlide) bool {
	if s.current == was {
		s.current = now
		return true
	}
	i := slices.Index(s.beside, was)
	if i >= 0 {
		s.beside[i] = now
	}
	return i >= 0
}

// besideAt is the place of a slide among those beside the current one, -1 when
// it is not there. The caller holds mu.
func (s *Session) besideAt(id annotate.ID) int {
	return slices.IndexFunc(s.beside, func(o *OpenSlide) bool { return o.Item.ID == id })
}

// shut keeps what is to be kept of slides and closes them; nil ones are closed
// already.
func (s *Session) shut(open ...*OpenSlide) (err error) {
	for _, o := range open {
		err = errors.Join(err, s.keepDisplay(o), s.keepAdjust(o), o.close())
	}
	return err
}
