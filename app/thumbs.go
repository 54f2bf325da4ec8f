package app

import (
	"context"
	"image"

	"coverslip/annotate"
	"coverslip/tiles"
)

// Thumbnail is a small picture of what was scanned of a slide
// (tiles.ScannedBounds), its longer side at most max pixels, on white. The slide
// is opened for the purpose, so the current one is not disturbed. Errors as of
// OpenSlide.
func (s *Session) Thumbnail(ctx context.Context, id annotate.ID, max int) (*image.RGBA, error) {
	return s.thumbnail(ctx, id, max, tiles.ScannedBounds)
}

// Overview is Thumbnail of the whole slide, empty glass too: its pixels lie as
// those of level 0.
func (s *Session) Overview(ctx context.Context, id annotate.ID, max int) (*image.RGBA, error) {
	return s.thumbnail(ctx, id, max, func(t tiles.Slide) image.Rectangle {
		l := t.Levels()[0]
		return image.Rect(0, 0, l.Width, l.Height)
	})
}

func (s *Session) thumbnail(ctx context.Context, id annotate.ID, max int, part func(tiles.Slide) image.Rectangle) (*image.RGBA, error) {
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
	img, err := tiles.ThumbnailOf(ctx, shown, part(shown), max)
	if err != nil {
		return nil, about("slide", item.Path, err)
	}
	onWhite(img)
	return img, nil
}
