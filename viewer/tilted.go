package viewer

import (
	"image"
	"runtime"
	"slices"
	"sync"
	"time"

	"coverslip/annotate"
	"coverslip/tiles"
)

// The picture of a tilted slide.
const (
	tiltedTile   = 256      // side of its tiles, pixels
	tiltedBytes  = 64 << 20 // of made tiles kept beside their textures
	tiltedDeep   = 5        // steps of 2 beyond one to one, as far as maxScale goes
	tiltedSmall  = 512      // pixels of the longer side of the coarsest level
	tiltedQueued = 4        // tiles whose sources are held while they wait for a worker
	tornAgain    = 5 * time.Second
)

// tilted is a slide drawn on a tilted plane, as a Source of its own: upright tiles
// resampled from those of the slide by goroutines beside the window's, since Fyne
// paints nothing turned. A tile takes about a millisecond, once; then it is moved
// and scaled like any other. Its levels go on beyond one to one, because a pixel
// of the slide is there a square that stands askew.
type tilted struct {
	src    Source
	plane  Plane
	crisp  bool          // beyond one to one pixels are squares
	first  []tiles.Key   // of src, which somebody else wishes before all; set on the window's goroutine
	from   []tiles.Level // of src
	levels []tiles.Level
	x0, y0 float64 // where the picture begins on the plane, level-0 pixels
	zoom   float64 // pixels of the picture's finest level per level-0 pixel

	mu      sync.Mutex // protects all below
	made    map[tiles.Key]*tiltedEntry
	wish    []tiles.Key // still to be made
	need    []tiles.Key // of src
	seen    map[tiles.Key]bool
	ready   []tiltedJob
	busy    map[tiles.Key]bool
	bytes   int
	frame   int
	workers int
	limit   int
	gone    bool  // another angle is shown
	torn    error // the first tile of src that cannot be had
}

type tiltedEntry struct {
	img  *image.RGBA
	used int
	torn time.Time // when it was made with a source missing; zero: it is whole
}

// tiltedJob is a tile with its sources at hand.
type tiltedJob struct {
	key   tiles.Key
	level int             // of src
	cells image.Rectangle // its tiles, columns and rows
	tiles []*image.RGBA   // row by row; nil where one cannot be had
}

func newTilted(src Source, plane Plane, crisp bool) *tilted {
	t := &tilted{src: src, plane: plane, crisp: crisp, from: src.Slide().Levels(), zoom: 1 << tiltedDeep,
		made: map[tiles.Key]*tiltedEntry{}, busy: map[tiles.Key]bool{}, seen: map[tiles.Key]bool{},
		limit: max(1, min(2, runtime.NumCPU()-1))}
	l := t.from[0]
	b := plane.BoxFromL0(annotate.Box{MaxX: float64(l.Width), MaxY: float64(l.Height)})
	t.x0, t.y0 = b.MinX, b.MinY
	w, h := ceilInt(b.MaxX-b.MinX), ceilInt(b.MaxY-b.MinY)
	steps := tiltedDeep
	for max(w, h)>>(steps-tiltedDeep) > tiltedSmall {
		steps++
	}
	// Whole numbers of the coarsest pixels, so that each level is exactly twice the next.
	w, h = (w>>(steps-tiltedDeep)+1)<<steps, (h>>(steps-tiltedDeep)+1)<<steps
	for i := range steps + 1 {
		t.levels = append(t.levels, tiles.Level{Width: w >> i, Height: h >> i, Downsample: float64(int(1) << i),
			TileWidth: tiltedTile, TileHeight: tiltedTile})
	}
	return t
}

// view is a viewport of the slide as one of the picture.
func (t *tilted) view(v Viewport) Viewport {
	v = v.Upright()
	v.CX, v.CY = (v.CX-t.x0)*t.zoom, (v.CY-t.y0)*t.zoom
	v.Scale /= t.zoom
	return v
}

// at maps level-0 pixels of the slide to those of the picture.
func (t *tilted) at(l0X, l0Y float64) (x, y float64) {
	x, y = t.plane.FromL0(l0X, l0Y)
	return (x - t.x0) * t.zoom, (y - t.y0) * t.zoom
}

// Slide implements Source; it is the slide as it is.
func (t *tilted) Slide() tiles.Slide { return t.src.Slide() }

// close ends the making of tiles.
func (t *tilted) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone, t.wish, t.ready = true, nil, nil
	clear(t.made)
}

// trouble is why a part of the slide cannot be had, nil while nothing is known.
func (t *tilted) trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.torn
}

// Want implements Source.
func (t *tilted) Want(keys []tiles.Key) {
	t.mu.Lock()
	t.frame++
	t.wish, t.need = t.wish[:0], append(t.need[:0], t.first...)
	clear(t.seen)
	for _, k := range keys {
		if t.fresh(k) {
			continue
		}
		t.wish = append(t.wish, k)
		level, cells := t.sources(k)
		for row := cells.Min.Y; row < cells.Max.Y; row++ {
			for col := cells.Min.X; col < cells.Max.X; col++ {
				if q := (tiles.Key{Level: level, Col: col, Row: row}); !t.seen[q] {
					t.seen[q] = true
					t.need = append(t.need, q)
				}
			}
		}
	}
	t.mu.Unlock()
	t.src.Want(t.need)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.feed()
}

// fresh tells whether a tile needs no making; the lock is held.
func (t *tilted) fresh(k tiles.Key) bool {
	e := t.made[k]
	return e != nil && (e.torn.IsZero() || time.Since(e.torn) < tornAgain)
}

// Get implements Source.
func (t *tilted) Get(k tiles.Key) (*image.RGBA, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.made[k]
	if e == nil {
		return nil, false
	}
	e.used = t.frame
	return e.img, true
}

// Failed implements Source: what cannot be had is marked in the tile itself.
func (t *tilted) Failed(tiles.Key) error { return nil }

// Pending implements Source. It is asked in every frame, and hands what came from
// the slide to the workers.
func (t *tilted) Pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.feed()
	n := 0
	for _, k := range t.wish {
		if !t.fresh(k) {
			n++
		}
	}
	return n
}

// place is a tile's upper left corner and the steps to the next pixel to the right
// and to the next one down, in pixels of a level of the slide.
func (t *tilted) place(k tiles.Key, level int) (x, y, right, down float64, sx, sy float64) {
	step := t.levels[k.Level].Downsample / t.zoom // level-0 pixels per pixel of the tile
	sx = float64(t.from[level].Width) / float64(t.from[0].Width)
	sy = float64(t.from[level].Height) / float64(t.from[0].Height)
	l0X, l0Y := t.plane.L0(t.x0+float64(k.Col*tiltedTile)*step, t.y0+float64(k.Row*tiltedTile)*step)
	right, down = t.plane.L0(step, 0)
	return l0X * sx, l0Y * sy, right, down, sx, sy
}

// sources are the tiles of the slide that a tile is made from.
func (t *tilted) sources(k tiles.Key) (level int, cells image.Rectangle) {
	level = tiles.BestLevel(t.from, t.levels[k.Level].Downsample/t.zoom)
	b := t.bounds(k, level)
	l := t.from[level]
	return level, image.Rect(b.Min.X/l.TileWidth, b.Min.Y/l.TileHeight,
		(b.Max.X+l.TileWidth-1)/l.TileWidth, (b.Max.Y+l.TileHeight-1)/l.TileHeight)
}

// bounds are the pixels of a level of the slide that a tile is made from.
func (t *tilted) bounds(k tiles.Key, level int) image.Rectangle {
	x, y, rx, ry, sx, sy := t.place(k, level)
	// The plane turns squares into squares: down is right, turned by a quarter.
	corner := func(i, j float64) (float64, float64) {
		return x + (i*rx-j*ry)*sx, y + (i*ry+j*rx)*sy
	}
	b := around(annotate.Box{MaxX: tiltedTile, MaxY: tiltedTile}, corner)
	l := t.from[level]
	// A pixel's neighbours are mixed in.
	return image.Rect(floorInt(b.MinX)-1, floorInt(b.MinY)-1, ceilInt(b.MaxX)+1, ceilInt(b.MaxY)+1).
		Intersect(image.Rect(0, 0, l.Width, l.Height))
}

// feed gathers the sources of the most urgent tiles whose sources are all there;
// the lock is held.
func (t *tilted) feed() {
	for _, k := range t.wish {
		if len(t.ready) >= tiltedQueued || t.gone {
			break
		}
		if t.busy[k] || t.fresh(k) {
			continue
		}
		if j, ok := t.gather(k); ok {
			t.busy[k] = true
			t.ready = append(t.ready, j)
		}
	}
	for len(t.ready) > t.workers && t.workers < t.limit {
		t.workers++
		go t.work()
	}
}

// gather takes the sources of a tile in hand; ok is false while one is awaited.
func (t *tilted) gather(k tiles.Key) (j tiltedJob, ok bool) {
	level, cells := t.sources(k)
	j = tiltedJob{key: k, level: level, cells: cells}
	for row := cells.Min.Y; row < cells.Max.Y; row++ {
		for col := cells.Min.X; col < cells.Max.X; col++ {
			q := tiles.Key{Level: level, Col: col, Row: row}
			img, ok := t.src.Get(q)
			if !ok {
				err := t.src.Failed(q)
				if err == nil {
					return j, false
				}
				if t.torn == nil {
					t.torn = err
				}
			}
			j.tiles = append(j.tiles, img)
		}
	}
	return j, true
}

// work makes tiles until none is ready.
func (t *tilted) work() {
	var p tiltPainter
	for {
		t.mu.Lock()
		if len(t.ready) == 0 {
			t.workers--
			t.mu.Unlock()
			return
		}
		j := t.ready[0]
		t.ready = slices.Delete(t.ready, 0, 1)
		t.mu.Unlock()
		img := t.make(&p, j)
		t.mu.Lock()
		delete(t.busy, j.key)
		if !t.gone {
			t.keep(j, img)
			t.feed()
		}
		t.mu.Unlock()
	}
}

// keep stores a made tile; the lock is held.
func (t *tilted) keep(j tiltedJob, img *image.RGBA) {
	e := &tiltedEntry{img: img, used: t.frame}
	if slices.Contains(j.tiles, nil) {
		e.torn = time.Now()
	}
	if was := t.made[j.key]; was != nil {
		t.bytes -= len(was.img.Pix)
	}
	t.made[j.key] = e
	t.bytes += len(img.Pix)
	if t.bytes <= tiltedBytes {
		return
	}
	type aged struct {
		k    tiles.Key
		used int
	}
	var all []aged
	for k, e := range t.made {
		if e.used < t.frame {
			all = append(all, aged{k, e.used})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return a.used - b.used })
	for _, a := range all {
		if t.bytes <= tiltedBytes*3/4 {
			return
		}
		t.bytes -= len(t.made[a.k].img.Pix)
		delete(t.made, a.k)
	}
}

// make resamples a tile. Beyond the slide it is clear.
func (t *tilted) make(p *tiltPainter, j tiltedJob) *image.RGBA {
	r := t.levels[j.key.Level].TileRect(j.key.Col, j.key.Row)
	l := t.from[j.level]
	b := t.bounds(j.key, j.level)
	if b.Empty() { // beside the slide: a point is stretched as well as a tile
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	dst := image.NewRGBA(image.Rectangle{Max: r.Size()})
	p.begin(b)
	for i, img := range j.tiles {
		col, row := j.cells.Min.X+i%j.cells.Dx(), j.cells.Min.Y+i/j.cells.Dx()
		at := l.TileRect(col, row)
		if img == nil {
			p.tear(at)
			continue
		}
		p.put(img, at)
	}
	x, y, rx, ry, sx, sy := t.place(j.key, j.level)
	squares := t.crisp && t.levels[j.key.Level].Downsample < t.zoom
	p.spread(dst, x, y, [4]float64{rx * sx, ry * sy, -ry * sx, rx * sy}, squares)
	return dst
}
