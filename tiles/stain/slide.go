package stain

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"image"
	"sync"

	"coverslip/tiles"
)

// rawBytes bounds the tiles kept as they were read: a screen of full HD with its
// surroundings, so that a slider that is moved decodes nothing again.
const rawBytes = 48 << 20

// Slide is a slide drawn with an Adjust. Its Loader, which makes tiles in
// goroutines of its own, is where the work is done. It never changes; With makes
// another one that shares what was read.
type Slide struct {
	tiles.Slide
	adjust Adjust
	paint  *painter
	raw    *rawTiles
}

// Adjusted draws s; it is an error when a cannot be drawn.
func Adjusted(s tiles.Slide, a Adjust) (*Slide, error) {
	return adjusted(s, a, &rawTiles{items: map[tiles.Key]*list.Element{}})
}

// With is the same slide drawn in another way.
func (s *Slide) With(a Adjust) (*Slide, error) { return adjusted(s.Slide, a, s.raw) }

func adjusted(s tiles.Slide, a Adjust, raw *rawTiles) (*Slide, error) {
	p, err := newPainter(a)
	if err != nil {
		return nil, fmt.Errorf("drawing of a slide: %w", err)
	}
	return &Slide{Slide: s, adjust: a, paint: p, raw: raw}, nil
}

// Adjust is how it is drawn.
func (s *Slide) Adjust() Adjust { return s.adjust }

// ReadTile reads a tile and draws it. A tile that was never stored stays the
// background.
func (s *Slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if s.raw.get(k, dst) {
		s.paint.paint(dst)
		return nil
	}
	err := s.Slide.ReadTile(ctx, k, dst)
	switch {
	case errors.Is(err, tiles.ErrMissing): // what stands in for it is drawn alike
	case err != nil:
		return err
	default:
		s.raw.put(k, dst)
	}
	s.paint.paint(dst)
	return err
}

// rawTiles keeps tiles as they were read, the latest ones.
type rawTiles struct {
	mu    sync.Mutex // protects all below
	used  int
	order list.List // of rawTile, newest first
	items map[tiles.Key]*list.Element
}

type rawTile struct {
	key tiles.Key
	w   int
	pix []byte // rows without gaps
}

// get copies a tile that is kept and has the size of dst.
func (r *rawTiles) get(k tiles.Key, dst *image.RGBA) bool {
	r.mu.Lock()
	e, ok := r.items[k]
	if ok {
		r.order.MoveToFront(e)
	}
	r.mu.Unlock()
	if !ok {
		return false
	}
	t, ok := e.Value.(rawTile)
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	if !ok || t.w != w || len(t.pix) != 4*w*h {
		return false
	}
	for y := range h {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], t.pix[4*w*y:])
	}
	return true
}

func (r *rawTiles) put(k tiles.Key, src *image.RGBA) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	t := rawTile{k, w, make([]byte, 4*w*h)}
	for y := range h {
		copy(t.pix[4*w*y:4*w*(y+1)], src.Pix[y*src.Stride:])
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.items[k]; ok {
		return
	}
	r.items[k] = r.order.PushFront(t)
	r.used += len(t.pix)
	for r.used > rawBytes && r.order.Len() > 1 {
		old := r.order.Back()
		if o, ok := r.order.Remove(old).(rawTile); ok {
			r.used -= len(o.pix)
			delete(r.items, o.key)
		}
	}
}
