package mosaic

import (
	"container/list"
	"context"
	"errors"
	"image"
	"sync"

	"coverslip/tiles"
)

// Kept is the stored tiles decoded last, shared by the levels of a slide. It is
// safe for concurrent use. Neighbours that are read at once wait for one
// decoding of the tile they share; the memory of tiles thrown out is used again.
type Kept struct {
	mu     sync.Mutex
	limit  int // bytes
	bytes  int
	order  *list.List // of *keptTile, the last used in front
	by     map[keptKey]*list.Element
	flying map[keptKey]*flight
	spare  [][]byte // pixels of tiles that were thrown out
}

// keptKey names a stored tile: owner is a pointer to what numbers it.
type keptKey struct {
	owner    any
	col, row int
}

// keptTile is a decoded tile; it is never changed while anybody uses it.
type keptTile struct {
	key     keptKey
	img     *image.RGBA
	missing bool // never stored
	users   int  // guarded by Kept.mu
	out     bool // thrown out; guarded by Kept.mu
}

// flight is a tile being decoded.
type flight struct {
	done chan struct{} // closed when err is set
	err  error
}

// maxSpare is how many buffers of thrown-out tiles wait for use.
const maxSpare = 8

// NewKept keeps up to limit bytes of pixels.
func NewKept(limit int) *Kept {
	return &Kept{limit: limit, order: list.New(), by: map[keptKey]*list.Element{}, flying: map[keptKey]*flight{}}
}

// tile returns a decoded tile, which must be given back by release. read
// decodes it into a picture of the size; its tiles.ErrMissing gives a tile that
// is marked as missing.
func (k *Kept) tile(ctx context.Context, key keptKey, size image.Point, read func(*image.RGBA) error) (*keptTile, error) {
	for {
		k.mu.Lock()
		if e, ok := k.by[key]; ok {
			k.order.MoveToFront(e)
			t := e.Value.(*keptTile)
			t.users++
			k.mu.Unlock()
			return t, nil
		}
		f, ok := k.flying[key]
		if !ok {
			f = &flight{done: make(chan struct{})}
			k.flying[key] = f
			pix := k.buffer(4 * size.X * size.Y)
			k.mu.Unlock()
			return k.decode(f, key, &image.RGBA{Pix: pix, Stride: 4 * size.X, Rect: image.Rectangle{Max: size}}, read)
		}
		k.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		// Another's cancelled context says nothing of the tile.
		if f.err != nil && !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
			return nil, f.err
		}
	}
}

// have returns a tile that is kept, which must be given back, or nil.
func (k *Kept) have(key keptKey) *keptTile {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.by[key]
	if !ok {
		return nil
	}
	k.order.MoveToFront(e)
	t := e.Value.(*keptTile)
	t.users++
	return t
}

// decode reads a tile and keeps it; errors are not kept: the next reader may
// have more luck.
func (k *Kept) decode(f *flight, key keptKey, img *image.RGBA, read func(*image.RGBA) error) (*keptTile, error) {
	err := errors.New("the decoder did not return") // for those who wait, should read panic
	t := &keptTile{key: key, img: img, users: 1}
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.flying, key)
		f.err = err
		close(f.done)
		if err != nil || t.missing {
			k.recycle(img.Pix)
		}
		if err != nil {
			return
		}
		k.by[key] = k.order.PushFront(t)
		k.bytes += cost(t)
		k.shrink()
	}()
	err = read(img)
	if errors.Is(err, tiles.ErrMissing) {
		t.img, t.missing, err = &image.RGBA{}, true, nil
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// shrink throws out the tiles used longest ago; the last one stays.
func (k *Kept) shrink() {
	for k.bytes > k.limit && k.order.Len() > 1 {
		last := k.order.Remove(k.order.Back()).(*keptTile)
		delete(k.by, last.key)
		k.bytes -= cost(last)
		last.out = true
		if last.users == 0 {
			k.recycle(last.img.Pix)
		}
	}
}

// release gives back a tile of tile.
func (k *Kept) release(t *keptTile) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t.users--; t.users == 0 && t.out {
		k.recycle(t.img.Pix)
	}
}

// buffer returns n bytes of any content.
func (k *Kept) buffer(n int) []byte {
	for i, b := range k.spare {
		if cap(b) >= n && cap(b) <= 2*n {
			last := len(k.spare) - 1
			k.spare[i], k.spare[last] = k.spare[last], nil
			k.spare = k.spare[:last]
			return b[:n]
		}
	}
	return make([]byte, n)
}

func (k *Kept) recycle(b []byte) {
	if cap(b) > 0 && len(k.spare) < maxSpare {
		k.spare = append(k.spare, b)
	}
}

// cost is the bytes a tile counts for; a missing one takes a little too.
func cost(t *keptTile) int { return len(t.img.Pix) + 256 }
