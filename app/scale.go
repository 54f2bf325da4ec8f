package app

import (
	"errors"
	"fmt"

	"coverslip/annotate"
	"coverslip/storage"
	"coverslip/tiles"
)

// ScaleByUser is what storage.Slide.MPPFrom and tiles.Info.MPPFrom say of a scale
// that a person gave.
const ScaleByUser = "user"

// ErrBadScale: a scale that no slide can have.
var ErrBadScale = errors.New("µm per pixel must be between 0.02 and 20, such as 0.25 for a scan at 40×")

// SetScale notes how many µm a pixel of a slide is, where its file does not say or
// says it wrongly. Labels, which are in pixels, stay as they are; what is measured
// from now on follows. The open slide shows it once it is opened again. It returns
// ErrBadScale, ErrNoSlide and storage.ErrReadOnly.
func (s *Session) SetScale(id annotate.ID, mpp float64) error {
	if !tiles.SaneMPP(mpp) {
		return fmt.Errorf("%g: %w", mpp, ErrBadScale)
	}
	item, err := s.Slide(id)
	if err != nil {
		return err
	}
	sl := item.Slide
	sl.MPPX, sl.MPPY, sl.MPPFrom = mpp, mpp, ScaleByUser
	if err := s.UpdateSlide(sl); err != nil {
		return err
	}
	if cur := s.Opened(id); cur != nil {
		cur.outdated.Store(true)
	}
	return nil
}

// scaled gives an opened slide the scale that a person noted for it.
func scaled(t tiles.Slide, sl storage.Slide) tiles.Slide {
	if sl.MPPFrom != ScaleByUser || sl.MPPX <= 0 {
		return t
	}
	return tiles.WithScale(t, sl.MPPX, sl.MPPY, ScaleByUser)
}
