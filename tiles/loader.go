package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"time"
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
	pinFrom int             // tiles of this level and coarser ones are pinned
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	reading sync.WaitGroup // reads of the slide in flight

	mu        sync.Mutex // protects all below
	wake      sync.Cond  // a new wish list, or closed
	wanted    []Key
	next      int           // wanted[:next] was picked, found cached or failed
	pending   map[Key]*call // reads in flight, one a tile
	failed    map[Key]failure
	dirty     bool // tiles came since the last onReady began
	notifying bool // a worker is in onReady
	closed    bool
	leads     *Traffic // others give way to this loader's wishes
	leading   bool     // it has told so
	follows   *Traffic // this loader gives way
}

// call is a read that others may wait for; err is set before done is closed.
type call struct {
	done chan struct{}
	err  error
}

// failure is why a tile could not be read. One that may pass counts for a while
// only.
type failure struct {
	err   error
	until time.Time // zero: for good
}

// retryAfter is how long a failure that may pass counts: long enough that a
// server that is away is not asked sixty times a second.
const retryAfter = 5 * time.Second

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
	l := &Loader{slide: s, cache: c, id: c.register(), onReady: onReady, pinFrom: pinFrom(s.Levels()), pending: map[Key]*call{}, failed: map[Key]failure{}}
	l.wake.L = &l.mu
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for range max(1, workers) {
		go l.work()
	}
	return l
}

// pinPixels bounds the levels whose tiles stay in the cache: with them there is
// always something to draw.
const pinPixels = 2 << 20

// pinFrom is the first of the coarsest levels that together have at most
// pinPixels.
func pinFrom(levels []Level) int {
	i, sum := len(levels), int64(0)
	for i > 0 {
		l := levels[i-1]
		sum += int64(l.Width) * int64(l.Height)
		if sum > pinPixels {
			break
		}
		i--
	}
	return i
}

// Lead says that a person waits for the loader's wishes: loaders that follow t
// give way while there are any. It is called before the first wish.
func (l *Loader) Lead(t *Traffic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leads = t
}

// Follow says that the loader's tiles are for a job: before each it gives way to
// the loaders that lead t.
func (l *Loader) Follow(t *Traffic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follows = t
}

// signal tells those who give way whether there is something to read; the lock
// is held.
func (l *Loader) signal() {
	busy := !l.closed && (l.next < len(l.wanted) || len(l.pending) > 0)
	if l.leads == nil || busy == l.leading {
		return
	}
	l.leading = busy
	if busy {
		l.leads.urgent.Add(1)
	} else {
		l.leads.urgent.Add(-1)
	}
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
	for l.next < len(l.wanted) && l.settled(l.wanted[l.next]) {
		l.next++ // most of a list is there: no worker need wake for it
	}
	l.signal()
	if l.next < len(l.wanted) {
		l.wake.Broadcast()
	}
}

// Get returns a tile that is there and never waits. The picture must not be
// changed; its bounds begin at (0,0) and its Stride is 4 times its width. A tile
// that was never stored is there as background.
func (l *Loader) Get(k Key) (img *image.RGBA, ok bool) {
	return l.cache.get(cacheKey{l.id, k})
}

// Failed is why a tile could not be read, nil otherwise.
func (l *Loader) Failed(k Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why(k)
}

// why is the failure of a tile that still counts; the lock is held.
func (l *Loader) why(k Key) error {
	f, ok := l.failed[k]
	if !ok {
		return nil
	}
	if !f.until.IsZero() && time.Now().After(f.until) {
		delete(l.failed, k)
		return nil
	}
	return f.err
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
	return l.why(k) != nil || l.cache.has(cacheKey{l.id, k})
}

// Read returns a tile, from the cache or by reading it now; two reads of one
// tile become one. The picture must not be changed. A tile that was never
// stored is background.
func (l *Loader) Read(ctx context.Context, k Key) (*image.RGBA, error) {
	var img *image.RGBA
	err := l.read(ctx, k, func(s *slot) (ok bool) {
		if s != nil {
			img = l.cache.lend(s)
			return true
		}
		img, ok = l.Get(k)
		return ok
	})
	return img, err
}

// ReadInto is Read for callers that want the pixels of the whole tile and not
// the picture: they are put into dst, as many as both have. It is the way of jobs
// that read a whole slide: a tile that is not there is decoded straight into dst,
// if that has its size, and not kept, for who has read all of it will hardly ask
// again.
func (l *Loader) ReadInto(ctx context.Context, k Key, dst *image.RGBA) error {
	return l.copyTo(ctx, k, image.Point{}, dst, dst)
}

// ReadPartInto is Read for callers that want some pixels of a tile: those from a
// point of the tile on, as many as it and dst have. The tile is kept: the
// neighbour wants the rest of it.
func (l *Loader) ReadPartInto(ctx context.Context, k Key, from image.Point, dst *image.RGBA) error {
	return l.copyTo(ctx, k, from, dst, nil)
}

// copyTo copies a tile's pixels from a point on into dst; straight, if not nil, is
// where a tile of its size may be decoded that is not there.
func (l *Loader) copyTo(ctx context.Context, k Key, from image.Point, dst, straight *image.RGBA) error {
	return l.readTo(ctx, k, straight, func(s *slot) bool {
		if s != nil {
			copyPixels(dst, s.img, from)
			l.cache.release(s)
			return true
		}
		return l.cache.copyTo(cacheKey{l.id, k}, dst, from)
	})
}

// read calls take without a slot until it finds the tile in the cache, or with
// the slot that the tile was just read into; in between it waits for who reads
// the tile.
func (l *Loader) read(ctx context.Context, k Key, take func(*slot) bool) error {
	return l.readTo(ctx, k, nil, take)
}

// readTo is read; a tile that fits straight, if that is not nil, is decoded there
// and not kept.
func (l *Loader) readTo(ctx context.Context, k Key, straight *image.RGBA, take func(*slot) bool) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if take(nil) {
			return nil
		}
		l.mu.Lock()
		switch {
		case l.closed:
			l.mu.Unlock()
			return ErrClosed
		case l.why(k) != nil:
			err := l.why(k)
			l.mu.Unlock()
			return err
		}
		if c := l.pending[k]; c != nil {
			l.mu.Unlock()
			select {
			case <-c.done:
				if c.err != nil {
					return c.err
				}
			case <-ctx.Done():
			}
			continue
		}
		if straight != nil && l.fits(k, straight) {
			return l.direct(ctx, k, straight)
		}
		c, follows := l.begin(k), l.follows
		l.mu.Unlock()
		follows.Yield(ctx)
		if s := l.finish(k, c); s != nil {
			take(s)
			return nil
		}
		return c.err
	}
}

// Close ends the workers, waits for the reads in flight (not for onReady) and
// drops the slide's tiles from the cache. Later calls find nothing.
func (l *Loader) Close() {
	l.mu.Lock()
	l.closed = true
	l.wanted, l.next = nil, 0
	l.signal()
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
		c, follows := l.begin(k), l.follows
		l.mu.Unlock()
		follows.Yield(l.ctx)
		if s := l.finish(k, c); s != nil {
			l.cache.release(s)
		}
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
	l.signal()
	return Key{}, false
}

// begin enters a read into the table of those in flight; the lock is held.
func (l *Loader) begin(k Key) *call {
	c := &call{done: make(chan struct{})}
	l.pending[k] = c
	l.reading.Add(1)
	return c
}

// finish reads the tile and settles the call. The slot, nil when the tile could
// not be read, is held for the caller.
func (l *Loader) finish(k Key, c *call) (s *slot) {
	defer l.reading.Done()
	img, err := l.load(k, nil)
	l.mu.Lock()
	if c.err = l.outcome(k, err); c.err == nil { // when closed, the cache will be emptied of this slide
		s = l.cache.put(cacheKey{l.id, k}, img, k.Level >= l.pinFrom)
	}
	delete(l.pending, k)
	l.signal()
	l.mu.Unlock()
	close(c.done)
	return s
}

// outcome is what a read's error is to those who asked, and remembers it; the
// lock is held.
func (l *Loader) outcome(k Key, err error) error {
	switch {
	case err == nil:
	case l.closed:
		return ErrClosed
	case !errors.Is(err, context.Canceled):
		if len(l.failed) >= maxFailed {
			clear(l.failed)
		}
		l.failed[k] = failed(err)
	}
	return err
}

// fits says whether a tile may be decoded straight into dst: it has its size and
// is none of those that are pinned.
func (l *Loader) fits(k Key, dst *image.RGBA) bool {
	levels := l.slide.Levels()
	return k.Level >= 0 && k.Level < min(len(levels), l.pinFrom) && dst.Rect.Size() == levels[k.Level].TileRect(k.Col, k.Row).Size()
}

// direct reads a tile into dst and nowhere else. It is called with the lock held
// and gives it back. The read stands in no table: who wishes the tile wants it
// kept.
func (l *Loader) direct(ctx context.Context, k Key, dst *image.RGBA) error {
	follows := l.follows
	l.reading.Add(1)
	l.mu.Unlock()
	defer l.reading.Done()
	follows.Yield(ctx)
	_, err := l.load(k, dst)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.outcome(k, err)
}

func failed(err error) failure {
	var passing interface{ Temporary() bool }
	if errors.As(err, &passing) && passing.Temporary() {
		return failure{err, time.Now().Add(retryAfter)}
	}
	return failure{err: err}
}

// load reads one tile, into dst if that is not nil and has its size. A defect of
// a decoder that panics is kept to its tile: it must not take the session and its
// unsaved work along.
func (l *Loader) load(k Key, dst *image.RGBA) (img *image.RGBA, err error) {
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
	if img = dst; img == nil || img.Rect.Size() != r.Size() {
		img = l.cache.blank(r.Dx(), r.Dy())
	}
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
