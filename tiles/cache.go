package tiles

import (
	"image"
	"sync"
	"sync/atomic"
)

// Cache keeps decoded tiles, bounded in bytes and shared between slides: a
// slide that is looked at may use what another one no longer needs. It is safe
// for concurrent use.
//
// The memory of a tile that goes is used for the next one, unless somebody was
// given the picture itself (Loader.Get, Loader.Read): he may look at it for as
// long as he likes.
type Cache struct {
	slides atomic.Uint64

	mu     sync.Mutex // protects all below
	budget int64
	used   int64 // bytes of the tiles that are kept
	pinned int64 // of these, bytes that never go by themselves
	items  map[cacheKey]*slot
	recent slot             // ring of the others: recent.next was used last, recent.prev goes next
	free   map[int][][]byte // pixels of tiles that went, by length
	idle   int64            // bytes in free
}

// cacheKey is a tile of one of the loaders of a cache.
type cacheKey struct {
	slide uint64
	key   Key
}

// slot is one kept tile.
type slot struct {
	key        cacheKey
	img        *image.RGBA
	prev, next *slot // nil for a pinned tile
	held       int   // readers that use the pixels just now
	lent       bool  // the picture was given away: its memory is never used again
	gone       bool  // no longer kept; the last reader that holds it frees it
}

// DefaultCacheBytes is a budget that holds some 75 screens of full HD.
const DefaultCacheBytes = 1 << 30

const (
	minCacheBytes = 16 << 20 // a screen and its surroundings
	pinShare      = 4        // of the budget, at most this part is pinned
	idleShare     = 16       // of the budget, at most this part waits to be used again
)

// NewCache makes a cache of at most the given bytes of pixels, at least 16 MiB.
func NewCache(bytes int64) *Cache {
	c := &Cache{budget: max(bytes, minCacheBytes), items: map[cacheKey]*slot{}, free: map[int][][]byte{}}
	c.recent.prev, c.recent.next = &c.recent, &c.recent
	return c
}

// Used is the bytes of pixels in the cache.
func (c *Cache) Used() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

// Budget is the bytes of pixels the cache may hold.
func (c *Cache) Budget() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.budget
}

// SetBudget changes the bytes of pixels the cache may hold, at least 16 MiB; what is
// over it goes at once, what is pinned stays.
func (c *Cache) SetBudget(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget = max(bytes, minCacheBytes)
	for c.used > c.budget && c.recent.prev != &c.recent {
		c.remove(c.recent.prev)
	}
	if c.idle > c.budget/idleShare {
		clear(c.free)
		c.idle = 0
	}
}

// register numbers a loader's tiles apart from all others'.
func (c *Cache) register() uint64 { return c.slides.Add(1) }

// get gives a tile's picture away and marks it as used.
func (c *Cache) get(k cacheKey) (*image.RGBA, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.items[k]
	if s == nil {
		return nil, false
	}
	s.lent = true
	c.touch(s)
	return s.img, true
}

// has does not mark the tile as used.
func (c *Cache) has(k cacheKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.items[k] != nil
}

// copyTo copies a tile's pixels from a point on into dst, as many as both have,
// and marks the tile as used; false when it is not there.
func (c *Cache) copyTo(k cacheKey, dst *image.RGBA, from image.Point) bool {
	c.mu.Lock()
	s := c.items[k]
	if s == nil {
		c.mu.Unlock()
		return false
	}
	c.touch(s)
	s.held++
	c.mu.Unlock()
	copyPixels(dst, s.img, from) // not under the lock: a tile is 256 KiB
	c.release(s)
	return true
}

// release ends the use of a slot that is held.
func (c *Cache) release(s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.held--
	c.recycle(s)
}

// lend gives the picture of a slot that is held away.
func (c *Cache) lend(s *slot) *image.RGBA {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.lent = true
	s.held--
	return s.img
}

// put keeps a tile, replacing one of the same key; the caller holds the slot and
// ends that by release or lend. The newest tile stays even
// when it alone is over the budget: one that never fits would be decoded again
// and again. A pinned tile stays until its slide is forgotten.
func (c *Cache) put(k cacheKey, img *image.RGBA, pin bool) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.items[k]; s != nil {
		c.remove(s)
	}
	s := &slot{key: k, img: img, held: 1}
	size := int64(len(img.Pix))
	c.items[k] = s
	c.used += size
	if pin && c.pinned+size <= c.budget/pinShare {
		c.pinned += size
	} else {
		c.link(s)
	}
	for c.used > c.budget && c.recent.prev != &c.recent && c.recent.prev != s {
		c.remove(c.recent.prev)
	}
	return s
}

// forget drops the tiles of a loader.
func (c *Cache) forget(slide uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, s := range c.items {
		if k.slide == slide {
			c.remove(s)
		}
	}
}

// blank gives a picture for a tile to be decoded into; its pixels are of any
// colour.
func (c *Cache) blank(w, h int) *image.RGBA {
	n := 4 * w * h
	c.mu.Lock()
	if f := c.free[n]; len(f) > 0 {
		pix := f[len(f)-1]
		c.free[n] = f[:len(f)-1]
		c.idle -= int64(n)
		c.mu.Unlock()
		return &image.RGBA{Pix: pix, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
	}
	c.mu.Unlock()
	return image.NewRGBA(image.Rect(0, 0, w, h))
}

// The functions below are called with the lock held.

// touch marks a tile as the one used last.
func (c *Cache) touch(s *slot) {
	if s.next != nil {
		s.prev.next, s.next.prev = s.next, s.prev
		c.link(s)
	}
}

func (c *Cache) link(s *slot) {
	s.prev, s.next = &c.recent, c.recent.next
	s.prev.next, s.next.prev = s, s
}

func (c *Cache) remove(s *slot) {
	size := int64(len(s.img.Pix))
	if s.next != nil {
		s.prev.next, s.next.prev = s.next, s.prev
		s.prev, s.next = nil, nil
	} else {
		c.pinned -= size
	}
	delete(c.items, s.key)
	c.used -= size
	s.gone = true
	c.recycle(s)
}

// recycle keeps the memory of a tile that went and that nobody can see.
func (c *Cache) recycle(s *slot) {
	n := len(s.img.Pix)
	if !s.gone || s.lent || s.held > 0 || s.img.Stride != 4*s.img.Rect.Dx() {
		return
	}
	s.lent = true // once
	if c.idle+int64(n) > c.budget/idleShare {
		return // left to the garbage collector
	}
	c.free[n] = append(c.free[n], s.img.Pix)
	c.idle += int64(n)
}

// copyPixels copies the pixels of src from a point on to the upper left corner of
// dst, as many as both have.
func copyPixels(dst, src *image.RGBA, from image.Point) {
	w, h := min(src.Rect.Dx()-from.X, dst.Rect.Dx()), min(src.Rect.Dy()-from.Y, dst.Rect.Dy())
	if w <= 0 || h <= 0 || from.X < 0 || from.Y < 0 {
		return
	}
	at := from.Y*src.Stride + 4*from.X
	for y := range h {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*w], src.Pix[at+y*src.Stride:at+y*src.Stride+4*w])
	}
}
