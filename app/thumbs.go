package app

import (
	"context"
	"image"

	"coverslip/annotate"
	"coverslip/tiles"
)

// Thumbnail is a small picture of a slide, its longer side at most max pixels,
// on white. The slide is opened for the purpose, so the current one is not
// disturbed. Errors as of OpenSlide.
func (s *Session) Thumbnail(ctx context.Context, id annotate.ID, max int) (*image.RGBA, error) {
	item, err := s.Slide(id)
	if err != nil {
		return nil, err
	}
	t, _, err := s.find(ctx, item.Slide)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	shown, _ := s.shown(t)
	img, err := tiles.Thumbnail(ctx, shown, max)
	if err != nil {
		return nil, about("slide", item.Path, err)
	}
	onWhite(img)
	return img, nil
}
