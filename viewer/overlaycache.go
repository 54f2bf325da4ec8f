package viewer

import (
	"image"
	"runtime"
	"slices"
	"sync"

	"coverslip/annotate"
)

// Budgets of the overlay's memory.
const (
	overlayBytes = 96 << 20 // of painted tiles, at most
	overlayTiles = 8192     // including the empty ones, which cost little
)

// overlayCache paints overlay tiles in the background and keeps them. A tile
// whose objects changed stays until its successor is there. Workers live only
// while there is something to paint.
type overlayCache struct {
	mu      sync.Mutex // protects everything below
	set     Objects
	style   *overlayStyle
	tiles   map[overlayKey]*overlayEntry
	wish    []overlayKey
	busy    map[overlayKey]bool
	epoch   int // counts sets: what was painted for another is thrown away
	frame   int
	bytes   int
	workers int
	limit   int // of workers
	room    int // of bytes
	painted int // tiles painted, for tests and benchmarks
	patched int // of these, in places only
}

// overlayEntry is one tile; img is nil when nothing is drawn on it.
type overlayEntry struct {
	img  *image.RGBA
	made bool
	due  int // times it was invalidated
	done int // value of due that img shows
	used int // frame it was last asked for

	// Where it is out of date, level-0 pixels; all of it when there are none.
	spots []annotate.Box
}

// mostSpots is how many places of a tile are drawn anew by themselves.
const mostSpots = 8

// outdate has the tile painted anew in a box, or as a whole without one.
func (e *overlayEntry) outdate(spot *annotate.Box) {
	fresh := e.done == e.due
	e.due++
	switch {
	case spot == nil || !fresh && len(e.spots) == 0 || len(e.spots) == mostSpots:
		e.spots = nil
	default:
		e.spots = append(e.spots[:len(e.spots):len(e.spots)], *spot)
	}
}

func newOverlayCache() *overlayCache {
	return &overlayCache{
		tiles: map[overlayKey]*overlayEntry{}, busy: map[overlayKey]bool{},
		// One core is left to the UI and the decoders.
		limit: max(1, min(2, runtime.NumCPU()-1)),
		style: &overlayStyle{fill: defaultFill, unit: 1}, room: overlayBytes,
	}
}

// keep bounds the bytes of painted tiles, at most to overlayBytes.
func (c *overlayCache) keep(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.room = min(bytes, overlayBytes)
	if c.bytes > c.room {
		c.evict()
	}
}

// setObjects shows the objects of another slide; nil shows none.
func (c *overlayCache) setObjects(set Objects) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = set
	c.epoch++
	clear(c.tiles)
	c.wish, c.bytes = nil, 0
}

// setStyle changes how objects look; every tile is painted anew.
func (c *overlayCache) setStyle(s *overlayStyle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.style = s
	for _, e := range c.tiles {
		e.outdate(nil)
	}
}

// setPlane changes the plane on which tiles lie: those there are of another.
func (c *overlayCache) setPlane(s *overlayStyle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.style = s
	c.epoch++
	clear(c.tiles)
	c.wish, c.bytes = nil, 0
}

// changeStyle is setStyle for a change that is seen only inside some boxes
// (level-0 pixels).
func (c *overlayCache) changeStyle(s *overlayStyle, boxes []annotate.Box) {
	c.mu.Lock()
	c.style = s
	c.mu.Unlock()
	c.invalidate(boxes)
}

// manyBoxes is the number of boxes from which on every tile is painted anew
// rather than each tile compared with each box.
const manyBoxes = 256

// invalidate has the tiles painted anew that meet one of the boxes, level-0
// pixels; all of them when there are no boxes.
func (c *overlayCache) invalidate(boxes []annotate.Box) {
	c.mu.Lock()
	defer c.mu.Unlock()
	margin := c.style.reach()
	for k, e := range c.tiles {
		if len(boxes) == 0 || len(boxes) > manyBoxes {
			e.outdate(nil)
			continue
		}
		t := c.style.plane.L0Box(k.box(margin))
		for _, b := range boxes {
			if b.MinX <= t.MaxX && b.MaxX >= t.MinX && b.MinY <= t.MaxY && b.MaxY >= t.MinY {
				e.outdate(&b)
			}
		}
	}
}

// look is what the UI sees of one tile.
type look struct {
	img  *image.RGBA // nil: nothing to draw
	made bool        // false: not known yet
}

// ask replaces the wish list and fills looks with what is there, one per key.
// pending counts the keys that are missing or out of date.
func (c *overlayCache) ask(keys []overlayKey, looks []look) (_ []look, pending int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frame++
	c.wish = c.wish[:0]
	looks = looks[:0]
	for _, k := range keys {
		e := c.tiles[k]
		if e == nil || !e.made || e.done != e.due {
			if c.set != nil {
				c.wish = append(c.wish, k)
				pending++
			}
		}
		if e == nil {
			looks = append(looks, look{made: c.set == nil})
			continue
		}
		e.used = c.frame
		looks = append(looks, look{e.img, e.made})
	}
	for len(c.wish) > c.workers && c.workers < c.limit {
		c.workers++
		go c.work()
	}
	return looks, pending
}

// peek looks at a tile without wishing it.
func (c *overlayCache) peek(k overlayKey) look {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.tiles[k]; e != nil {
		e.used = c.frame
		return look{e.img, e.made}
	}
	return look{}
}

// overlayJob is a tile to be painted.
type overlayJob struct {
	k          overlayKey
	set        Objects
	style      *overlayStyle
	epoch, due int
	old        *image.RGBA
	spots      []annotate.Box // where old is out of date; without any all of it is painted
}

// work paints wished tiles until none is left.
func (c *overlayCache) work() {
	var p overlayPainter
	for {
		j, ok := c.next()
		if !ok {
			return
		}
		if len(j.spots) > 0 {
			c.store(j, p.patch(j.set, j.style, j.k, j.old, j.spots))
		} else {
			c.store(j, p.paint(j.set, j.style, j.k))
		}
	}
}

// next takes the most urgent tile that nobody paints; without one the worker
// ends, which is noted under the same lock, so no wish is left lying.
func (c *overlayCache) next() (j overlayJob, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.wish) > 0 && c.set != nil {
		k := c.wish[0]
		c.wish = c.wish[1:]
		e := c.tiles[k]
		if c.busy[k] || e != nil && e.made && e.done == e.due {
			continue
		}
		if e == nil {
			e = &overlayEntry{used: c.frame}
			c.tiles[k] = e
		}
		c.busy[k] = true
		j = overlayJob{k: k, set: c.set, style: c.style, epoch: c.epoch, due: e.due}
		if e.made {
			j.old, j.spots = e.img, e.spots
		}
		return j, true
	}
	c.workers--
	return j, false
}

func (c *overlayCache) store(j overlayJob, img *image.RGBA) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, j.k)
	c.painted++
	if len(j.spots) > 0 {
		c.patched++
	}
	e := c.tiles[j.k]
	if e == nil || j.epoch != c.epoch {
		return
	}
	c.bytes += bytesOf(img) - bytesOf(e.img)
	e.img, e.made, e.done = img, true, j.due
	if e.done == e.due {
		e.spots = nil
	}
	if c.bytes > c.room || len(c.tiles) > overlayTiles {
		c.evict()
	}
}

func bytesOf(img *image.RGBA) int {
	if img == nil {
		return 0
	}
	return len(img.Pix)
}

// evict drops the tiles longest unused until a quarter of the budget is free.
func (c *overlayCache) evict() {
	type aged struct {
		k    overlayKey
		used int
	}
	var all []aged
	for k, e := range c.tiles {
		if e.used < c.frame && !c.busy[k] {
			all = append(all, aged{k, e.used})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return a.used - b.used })
	for _, a := range all {
		if c.bytes <= c.room*3/4 && len(c.tiles) <= overlayTiles*3/4 {
			return
		}
		c.bytes -= bytesOf(c.tiles[a.k].img)
		delete(c.tiles, a.k)
	}
}
