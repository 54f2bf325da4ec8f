package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
)

// Loader fetches the tiles of one slide that somebody wishes to see.
//
// There is no queue: Want replaces the whole wish list, and the workers pick
// the first entry of the list as it is at that moment. A tile that is no longer
// wished is so never begun; one that was begun is let finish, because stopping
// costs more than the third of a millisecond it takes.
type Loader struct {
	slide   Slide
	cache   *Cache
	id      uint64 // of this slide in the cache
	onReady func()
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	reading sync.WaitGroup // reads of the slide in flight

	mu        sync.Mutex // protects all below
	wake      sync.Cond  // a new wish list, or closed
	wanted    []Key
	next      int           // wanted[:next] was picked, found cached or failed
	pending   map[Key]*call // reads in flight, one a tile
	failed    map[Key]error
	dirty     bool // tiles came since the last onReady began
	notifying bool // a worker is in onReady
	closed    bool
}

// call is a read that others may wait for; img and err are set before done is
// closed.
type call struct {
	done chan struct{}
	img  *image.RGBA
	err  error
}

// maxFailed bounds the failures remembered; beyond, they are forgotten and the
// tiles tried again.
const maxFailed = 4096

// NewLoader starts workers (at least 1) that fill c (nil: a cache of its own)
// with wished tiles of s. onReady, which may be nil, is called on a worker's
// goroutine after tiles came or failed; calls never overlap, and tiles that
// come during a call share the next. It must not wait for Close.
//
// The loader does not own the slide: Close the loader, then the slide.
func NewLoader(s Slide, c *Cache, workers int, onReady func()) *Loader {
	if c == nil {
		c = NewCache(DefaultCacheBytes)
	}
	if onReady == nil {
		onReady = func() {}
	}
	l := &Loader{slide: s, cache: c, id: c.register(), onReady: onReady, pending: map[Key]*call{}, failed: map[Key]error{}}
	l.wake.L = &l.mu
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for range max(1, workers) {
		go l.work()
	}
	return l
}

// Slide is the slide whose tiles the loader fetches.
func (l *Loader) Slide() Slide { return l.slide }

// Want replaces the wish list; the order is the priority. Tiles that are there
// cost nothing. The slice is copied.
func (l *Loader) Want(keys []Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = append(l.wanted[:0], keys...)
	l.next = 0
	l.wake.Broadcast()
}

// Get returns a tile that is there and never waits. The picture must not be
// changed; its bounds begin at (0,0) and its Stride is 4 times its width. A tile
// that was never stored is there as background.
func (l *Loader) Get(k Key) (img *image.RGBA, ok bool) {
	return l.cache.lru.get(cacheKey{l.id, k})
}

// Failed is why a tile could not be read, nil otherwise.
func (l *Loader) Failed(k Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed[k]
}

// Pending is the number of wished tiles that are still to come.
func (l *Loader) Pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for i, k := range l.wanted {
		if l.pending[k] != nil || i >= l.next && !l.settled(k) {
			n++
		}
	}
	return n
}

// settled says whether a tile is there or failed; the lock is held.
func (l *Loader) settled(k Key) bool {
	return l.failed[k] != nil || l.cache.lru.has(cacheKey{l.id, k})
}

// Read returns a tile, from the cache or by reading it now; two reads of one
// tile become one. The picture must not be changed. A tile that was never
// stored is background.
func (l *Loader) Read(ctx context.Context, k Key) (*image.RGBA, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if img, ok := l.Get(k); ok {
			return img, nil
		}
		l.mu.Lock()
		switch {
		case l.closed:
			l.mu.Unlock()
			return nil, ErrClosed
		case l.failed[k] != nil:
			err := l.failed[k]
			l.mu.Unlock()
			return nil, err
		}
		c := l.pending[k]
		if c == nil {
			c = l.begin(k)
			l.mu.Unlock()
			l.finish(k, c)
			return c.img, c.err
		}
		l.mu.Unlock()
		select {
		case <-c.done:
			return c.img, c.err
		case <-ctx.Done():
		}
	}
}

// Close ends the workers, waits for the reads in flight (not for onReady) and
// drops the slide's tiles from the cache. Later calls find nothing.
func (l *Loader) Close() {
	l.mu.Lock()
	l.closed = true
	l.wanted, l.next = nil, 0
	l.wake.Broadcast()
	l.mu.Unlock()
	l.cancel()
	l.reading.Wait()
	l.cache.forget(l.id)
}

// work is a worker: pick, read, tell, until closed.
func (l *Loader) work() {
	for {
		l.mu.Lock()
		k, ok := l.pick()
		for !ok && !l.closed {
			l.wake.Wait()
			k, ok = l.pick()
		}
		if l.closed {
			l.mu.Unlock()
			return
		}
		c := l.begin(k)
		l.mu.Unlock()
		l.finish(k, c)
		l.tell()
	}
}

// pick takes the first wish that nobody works on; the lock is held.
func (l *Loader) pick() (Key, bool) {
	for l.next < len(l.wanted) {
		k := l.wanted[l.next]
		l.next++
		if l.pending[k] == nil && !l.settled(k) {
			return k, true
		}
	}
	return Key{}, false
}

// begin enters a read into the table of those in flight; the lock is held.
func (l *Loader) begin(k Key) *call {
	c := &call{done: make(chan struct{})}
	l.pending[k] = c
	l.reading.Add(1)
	return c
}

// finish reads the tile and settles the call.
func (l *Loader) finish(k Key, c *call) {
	defer l.reading.Done()
	c.img, c.err = l.load(k)
	l.mu.Lock()
	switch {
	case l.closed: // the cache will be emptied of this slide
		if c.err != nil {
			c.err = ErrClosed
		}
	case c.err == nil:
		l.cache.lru.put(cacheKey{l.id, k}, c.img, int64(len(c.img.Pix)))
	case !errors.Is(c.err, context.Canceled):
		if len(l.failed) >= maxFailed {
			clear(l.failed)
		}
		l.failed[k] = c.err
	}
	delete(l.pending, k)
	l.mu.Unlock()
	close(c.done)
}

// load reads one tile. A defect of a decoder that panics is kept to its tile:
// it must not take the session and its unsaved work along.
func (l *Loader) load(k Key) (img *image.RGBA, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, &TileError{Key: k, Err: fmt.Errorf("decoder panics: %v", r)}
		}
	}()
	levels := l.slide.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return nil, &TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(levels))}
	}
	r := levels[k.Level].TileRect(k.Col, k.Row)
	if r.Empty() {
		return nil, &TileError{Key: k, Err: errors.New("outside the level's grid")}
	}
	img = image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	if err := l.slide.ReadTile(l.ctx, k, img); err != nil && !errors.Is(err, ErrMissing) {
		return nil, err
	}
	return img, nil
}

// tell calls onReady, unless another worker is in it; that one calls again.
func (l *Loader) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = true
	if l.notifying {
		return
	}
	l.notifying = true
	for l.dirty && !l.closed {
		l.dirty = false
		l.mu.Unlock()
		l.onReady()
		l.mu.Lock()
	}
	l.notifying = false
}
