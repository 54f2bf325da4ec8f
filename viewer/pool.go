package viewer

import (
	"image"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// Budgets of textures.
const (
	uploadPerFrame = 2 << 20 // bytes of new textures in one frame, 8 tiles of 256: about 2 ms without a GPU
	uploadMoving   = 1 << 20 // the same while the picture moves, when late frames are seen

	// Textures kept by one pool: some screens, of which each takes up to four times
	// its pixels. Without a GPU they are the program's memory.
	poolScreens = 16
	poolTiles   = 12 // of the slide, where they are large
	poolLeast   = 32 << 20
	poolMost    = 256 << 20

	// textureLife is how long Fyne keeps a texture that is not painted
	// (internal/cache, 60 s) less a margin: showing an older one uploads it
	// again, which must be counted.
	textureLife = 55 * time.Second
)

// sprite is one pooled image on the canvas.
type sprite struct {
	im    *canvas.Image
	src   *image.RGBA // what its texture holds
	frame int         // frame it was last shown in
	at    time.Time   // when it was last shown
	worn  bool        // it once held a texture
	old   bool        // it shows the slide as it was drawn before
	rim   rim         // what surrounds it in the texture
}

// pool keeps the images of one layer. Objects are reused, never dropped: Fyne
// holds the texture of a dropped object for a minute, which is a gigabyte of a
// person's panning.
type pool[K comparable] struct {
	sizer   sizer
	items   map[K]*sprite
	free    []*sprite // of a slide that is gone, to be reused first
	bytes   int       // of all textures
	limit   int       // of bytes
	frame   int
	now     time.Time
	allowed int // bytes that may be uploaded in the next frame
	budget  int // and still in this one
	uploads int // textures made since the pool was made
	put     int // textures made in this frame

	turn int  // quarter turns that textures are made with
	flip bool // and whether they are mirrored
}

// room is the bytes of textures to keep for a view of some bytes of pixels on tiles
// of some bytes.
func room(view, tile int) int {
	return max(poolLeast, min(poolMost, max(poolScreens*view, poolTiles*tile)))
}

// orient has textures turned and mirrored as a viewport is; those there are made
// anew when that changes.
func (p *pool[K]) orient(turn int, flip bool) {
	if p.turn != turn || p.flip != flip {
		p.turn, p.flip = turn, flip
		p.clear()
	}
}

func newPool[K comparable]() *pool[K] {
	return &pool[K]{sizer: newSizer(), items: map[K]*sprite{}, allowed: uploadPerFrame, limit: poolLeast}
}

// begin starts a frame.
func (p *pool[K]) begin(now time.Time) {
	p.frame++
	p.now = now
	p.budget = p.allowed
	p.put = 0
	if p.frame%64 == 0 {
		p.retire()
	}
}

// retire empties the sprites whose textures are gone, so that they do not hold
// on to tiles that the cache has dropped.
func (p *pool[K]) retire() {
	for k, it := range p.items {
		if p.now.Sub(it.at) > textureLife {
			delete(p.items, k)
			p.bytes -= len(it.src.Pix)
			it.src, it.im.Image = nil, nil
			p.free = append(p.free, it)
		}
	}
}

// shown finds the sprite of a key if its texture is still on the card.
func (p *pool[K]) shown(k K) *sprite {
	it := p.items[k]
	if it == nil || p.now.Sub(it.at) > textureLife {
		return nil
	}
	it.frame, it.at = p.frame, p.now
	return it
}

// has tells whether a key's texture is on the card and not old, without counting
// as showing it.
func (p *pool[K]) has(k K) bool {
	it := p.items[k]
	return it != nil && !it.old && p.now.Sub(it.at) <= textureLife
}

// age makes everything old: it is shown until there is something new.
func (p *pool[K]) age() {
	for _, it := range p.items {
		it.old = true
	}
}

// old tells whether the key's content is of before.
func (p *pool[K]) old(k K) bool {
	it := p.items[k]
	return it != nil && it.old
}

// show returns the sprite holding src under k, uploading it if the frame's
// budget allows. When it does not, an older content of the same key is
// returned, else nil; fresh tells whether src itself is shown.
func (p *pool[K]) show(k K, src *image.RGBA, mode canvas.ImageScale) (it *sprite, fresh bool) {
	return p.showWith(k, src, mode, 0, nil)
}

// showWith is show with a rim, which around adds to the picture.
func (p *pool[K]) showWith(k K, src *image.RGBA, mode canvas.ImageScale, r rim, around func() *image.RGBA) (it *sprite, fresh bool) {
	it = p.items[k]
	alive := it != nil && p.now.Sub(it.at) <= textureLife
	if alive && it.src == src && it.im.ScaleMode == mode && it.rim == r {
		it.frame, it.at = p.frame, p.now
		return it, true
	}
	// One tile always passes, or a tile above the budget would never be seen.
	if p.budget <= 0 {
		if alive {
			it.frame, it.at = p.frame, p.now
			return it, false
		}
		return nil, false
	}
	p.budget -= len(src.Pix)
	if it == nil {
		it = p.take(len(src.Pix))
		p.items[k] = it
	}
	it.rim = r
	pic := src
	if around != nil {
		pic = around()
	}
	p.upload(it, src, pic, mode)
	return it, true
}

// take finds an object to reuse once the pool is full, else makes one.
func (p *pool[K]) take(need int) *sprite {
	if n := len(p.free); n > 0 {
		it := p.free[n-1]
		p.free = p.free[:n-1]
		return it
	}
	if p.bytes+need > p.limit {
		var oldK K
		var old *sprite
		for k, it := range p.items {
			if it.frame < p.frame && (old == nil || it.frame < old.frame) {
				oldK, old = k, it
			}
		}
		if old != nil {
			delete(p.items, oldK)
			return old
		}
	}
	return &sprite{im: newImage()}
}

func newImage() *canvas.Image {
	// The default scale mode would resample every tile on the CPU.
	return &canvas.Image{ScaleMode: canvas.ImageScaleFastest, FillMode: canvas.ImageFillStretch}
}

// upload puts a picture of src, which may have a rim, onto the card.
func (p *pool[K]) upload(it *sprite, src, pic *image.RGBA, mode canvas.ImageScale) {
	if it.src != nil {
		p.bytes -= len(it.src.Pix)
	}
	if it.worn {
		// Refresh frees the old texture only while Fyne knows the object's
		// canvas. When it has forgotten it, an old picture would stay on the
		// object: take a new one.
		if a := fyne.CurrentApp(); a == nil || a.Driver().CanvasForObject(it.im) == nil {
			it.im = newImage()
		}
	}
	p.bytes += len(src.Pix)
	it.src, it.frame, it.at, it.worn, it.old = src, p.frame, p.now, true, false
	it.im.Image, it.im.ScaleMode = turned(pic, p.turn, p.flip), mode
	it.im.Refresh()
	p.uploads++
	p.put++
}

// clear forgets what is shown under which key; the objects stay for reuse.
func (p *pool[K]) clear() {
	for _, it := range p.items {
		p.free = append(p.free, it)
	}
	clear(p.items)
}

// place puts a sprite on the rectangle between two corners in screen pixels,
// which the caller has snapped; unit is device pixels per Fyne unit.
func (p *pool[K]) place(it *sprite, x0, y0, x1, y1 float64, unit float32) {
	pos := fyne.NewPos(float32(x0)/unit, float32(y0)/unit)
	p.sizer.set(it.im, fyne.NewSize(float32(x1)/unit-pos.X, float32(y1)/unit-pos.Y))
	it.im.Move(pos)
}
