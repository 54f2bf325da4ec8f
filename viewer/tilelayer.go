package viewer

import (
	"image"
	"image/color"
	"math"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"coverslip/tiles"
)

// pixelsFrom is the magnification of a level's pixel from which on tiles are
// drawn as squares: an annotator then wants to see pixels, and a smooth filter
// would show a line at every tile's edge, since it has no neighbour to mix in.
const pixelsFrom = 2.0

// tileLayer shows the pixels of the slide: the tiles of the level that fits,
// and under the ones that are not there yet whatever coarser ones are.
type tileLayer struct {
	src     Source        // what is shown: slide, or a tilted picture of it
	levels  []tiles.Level // of src
	slide   Source
	tilted  *tilted     // nil without a tilt
	also    []tiles.Key // wished beside the plan, and not there yet
	crisp   bool        // magnified pixels are squares
	rims    bool        // tiles in view have rims
	behind  *backdrop
	pool    *pool[tiles.Key]
	glass   *canvas.Rectangle // the slide's ground, where no tile is
	hatches []*canvas.Image   // mark tiles that cannot be had
	hatch   *image.RGBA

	veil    float64 // of a slide laid over another: how little it hides, 0 to 1
	isVeil  bool    // it is laid over another: no ground, no marks of missing tiles
	objs    []fyne.CanvasObject
	covered bool // the tiles leave nothing of the ground to be seen

	fine, under, over, failed, wish []tiles.Key
	missing                         map[tiles.Key]bool // of those in view
	reported                        bool
	onProblem                       func(error)
}

func newTileLayer(onProblem func(error)) *tileLayer {
	return &tileLayer{
		pool: newPool[tiles.Key](), glass: canvas.NewRectangle(color.White),
		hatch: hatchImage(), missing: map[tiles.Key]bool{}, onProblem: onProblem,
		crisp: true, behind: newBackdrop(),
	}
}

// set shows another slide; nil shows nothing.
func (t *tileLayer) set(src Source) {
	t.src, t.slide, t.levels, t.reported = src, src, nil, false
	t.upright()
	t.pool.clear()
	t.objs = t.objs[:0]
	if src == nil {
		return
	}
	t.levels = src.Slide().Levels()
	ground := src.Slide().Info().Background
	if ground.A == 0 {
		ground = color.NRGBA{R: 245, G: 245, B: 245, A: 255}
	}
	t.glass.FillColor = ground
}

// swap takes another source of the same slide. What is on the card is shown
// until its successor is there.
func (t *tileLayer) swap(src Source) {
	t.src, t.slide, t.reported = src, src, false
	if was := t.tilted; was != nil {
		t.upright()
		t.tilt(was.plane)
	}
	t.pool.age()
	if ground := src.Slide().Info().Background; ground.A != 0 {
		t.glass.FillColor = ground
	}
}

// l0PerPixel is the level-0 pixels per pixel of a level on each axis. The
// level's downsample is the mean of both; with its own ratio the last column
// ends where the slide ends, as tiles.Visible has it too.
func (t *tileLayer) l0PerPixel(level int) (x, y float64) {
	l, whole := t.levels[level], t.levels[0]
	return float64(whole.Width) / float64(l.Width), float64(whole.Height) / float64(l.Height)
}

// span is the range of tiles of a level that meet a rectangle in level-0
// pixels; c1 and r1 are beyond the last.
func (t *tileLayer) span(level int, x0, y0, x1, y1 float64) (c0, r0, c1, r1 int) {
	l := t.levels[level]
	px, py := t.l0PerPixel(level)
	tw, th := float64(l.TileWidth)*px, float64(l.TileHeight)*py
	c0, r0 = max(0, floorInt(x0/tw)), max(0, floorInt(y0/th))
	c1, r1 = min(l.Cols(), ceilInt(x1/tw)), min(l.Rows(), ceilInt(y1/th))
	return c0, r0, c1, r1
}

func floorInt(f float64) int { return int(math.Floor(f)) }
func ceilInt(f float64) int  { return int(math.Ceil(f)) }

// region is what a viewport shows, from a level.
func (t *tileLayer) region(v Viewport, level int) tiles.Region {
	b := v.Box()
	return tiles.Region{X: b.MinX, Y: b.MinY, W: b.MaxX - b.MinX, H: b.MaxY - b.MinY, Downsample: t.levels[level].Downsample}
}

// update lays the layer out for a viewport. more tells that tiles wait for the
// next frame's share of uploads.
func (t *tileLayer) update(v Viewport, look sight, unit float32, now time.Time) (more bool) {
	t.objs = t.objs[:0]
	t.covered = false
	if t.src == nil || len(t.levels) == 0 {
		return false
	}
	t.pool.begin(now)
	onSlide := v
	if v.Tilt != 0 {
		if t.tilted == nil || t.tilted.plane.Tilt != v.Tilt || t.tilted.crisp != t.crisp {
			t.pool.clear()
			t.tilt(v.Plane())
		}
		v = t.tilted.view(v)
		look.focusX, look.focusY = t.tilted.at(look.focusX, look.focusY)
	} else if t.tilted != nil {
		t.pool.clear()
		t.upright()
	}
	level := v.Level(t.levels)
	mode := canvas.ImageScaleFastest
	t.rims = false
	switch at := v.Scale * t.levels[level].Downsample; {
	case t.crisp && at >= pixelsFrom:
		mode = canvas.ImageScalePixels
	case at > 1 && t.tilted == nil && !t.isVeil: // rims lie on each other, which a veil would show
		t.rims = true
	}
	t.fine = tiles.Visible(t.levels, level, t.region(v, level))
	t.under, t.over, t.failed = t.under[:0], t.over[:0], t.failed[:0]
	clear(t.missing)
	whole := true
	shown := t.fine[:0]
	for _, k := range t.fine {
		have, later := t.have(k, mode)
		more = more || later
		if have {
			shown = append(shown, k)
			continue
		}
		whole = false
		if !later {
			t.miss(k)
		}
		t.fill(k)
	}
	t.fine = shown
	t.covered = whole && t.inside(onSlide)
	t.plan(v, level, look)
	t.want(look.also)
	if t.tilted != nil {
		if err := t.tilted.trouble(); err != nil {
			t.report(err)
		}
		if !whole && !t.isVeil {
			t.objs = append(t.objs, t.behind.update(onSlide, t.slide, unit)...)
		}
	}
	t.layOut(v, unit, whole)
	return more
}

// tilt shows the slide tilted.
func (t *tileLayer) tilt(p Plane) {
	t.upright()
	t.tilted = newTilted(t.slide, p, t.crisp)
	t.src, t.levels = t.tilted, t.tilted.levels
}

// upright ends tilt.
func (t *tileLayer) upright() {
	if t.tilted == nil {
		return
	}
	t.tilted.close()
	t.tilted, t.src, t.levels = nil, t.slide, nil
	if t.slide != nil {
		t.levels = t.slide.Slide().Levels()
	}
}

// pending counts the tiles that are awaited.
func (t *tileLayer) pending() int {
	if t.src == nil {
		return 0
	}
	n := t.src.Pending()
	if t.tilted != nil {
		for _, k := range t.also {
			if _, ok := t.slide.Get(k); !ok && t.slide.Failed(k) == nil {
				n++
			}
		}
	}
	return n
}

// have tells whether a tile is on the card, putting it there when it can; later
// says that it could be there but for the frame's budget.
func (t *tileLayer) have(k tiles.Key, mode canvas.ImageScale) (have, later bool) {
	var whole rim
	if t.rims && mode == canvas.ImageScaleFastest {
		whole = t.rimWhole(k)
	}
	if it := t.pool.shown(k); it != nil && !it.old && it.im.ScaleMode == mode && (it.rim == whole || whole == 0) {
		return true, false
	}
	img, ok := t.src.Get(k)
	if !ok && t.pool.old(k) && t.src.Failed(k) != nil {
		return false, false
	}
	if !ok {
		// Dropped from memory but still on the card: only its filter is old.
		return t.pool.shown(k) != nil, false
	}
	if whole == 0 {
		it, fresh := t.pool.show(k, img, mode)
		return it != nil, !fresh
	}
	r := t.rimThere(k, whole)
	it, fresh := t.pool.showWith(k, img, mode, r, func() *image.RGBA { return t.withRim(k, img, whole, r) })
	return it != nil, !fresh
}

// miss notes a visible tile that is not there, or marks it when it cannot be had.
func (t *tileLayer) miss(k tiles.Key) {
	err := t.src.Failed(k)
	if err == nil {
		t.missing[k] = true
		return
	}
	t.failed = append(t.failed, k)
	t.report(err)
}

// report tells of a tile that cannot be had.
func (t *tileLayer) report(err error) {
	if !t.reported && t.onProblem != nil {
		// A cut slide fails at thousands of tiles; people need to hear it once.
		t.reported = true
		t.onProblem(err)
	}
}

func (t *tileLayer) resident(k tiles.Key) bool {
	_, ok := t.src.Get(k)
	return ok
}

// fill finds what can be shown in the place of a missing tile: coarser tiles
// beneath, and finer ones that are still on the card from before a zoom out.
func (t *tileLayer) fill(k tiles.Key) {
	x0, y0, x1, y1 := t.l0Rect(k)
	for a := k.Level + 1; a < len(t.levels); a++ {
		if t.gather(&t.under, a, x0, y0, x1, y1, true) {
			break
		}
	}
	if k.Level > 0 {
		t.gather(&t.over, k.Level-1, x0, y0, x1, y1, false)
	}
}

// gather adds the tiles of a level that meet a rectangle and are there; it
// tells whether all of them are. Only with upload may textures be made.
func (t *tileLayer) gather(to *[]tiles.Key, level int, x0, y0, x1, y1 float64, upload bool) bool {
	c0, r0, c1, r1 := t.span(level, x0, y0, x1, y1)
	all := c1 > c0 && r1 > r0
	for r := r0; r < r1; r++ {
		for c := c0; c < c1; c++ {
			k := tiles.Key{Level: level, Col: c, Row: r}
			if t.missing[k] {
				all = false
				continue
			}
			have := t.pool.shown(k) != nil
			if !have && upload {
				have, _ = t.have(k, canvas.ImageScaleFastest)
			}
			if !have {
				all = false
			} else if !slices.Contains(*to, k) {
				*to = append(*to, k)
			}
		}
	}
	return all
}

// sight is how the person looks at the slide, beside the viewport.
type sight struct {
	focusX, focusY float64     // level-0 pixels: the pointer, else the middle
	velX, velY     float64     // screen pixels per second by which the picture moves
	zooming        int         // > 0 while it grows, < 0 while it shrinks
	also           []tiles.Key // of the slide, which are wished first
}

// want wishes the tiles of the plan, and before them some of the slide that are
// shown in another way.
func (t *tileLayer) want(also []tiles.Key) {
	t.also = t.also[:0]
	for _, k := range also {
		if _, ok := t.slide.Get(k); !ok && t.slide.Failed(k) == nil {
			t.also = append(t.also, k)
		}
	}
	if t.tilted != nil {
		t.tilted.first = t.also
	} else if len(t.also) > 0 {
		t.wish = append(slices.Clone(t.also), t.wish...)
	}
	t.src.Want(t.wish)
}

// plan makes the wish list of a frame.
func (t *tileLayer) plan(v Viewport, level int, s sight) {
	t.wish = tiles.Plan(t.levels, tiles.Scene{
		Seen: t.region(v, level), Level: level, FocusX: s.focusX, FocusY: s.focusY, Zooming: s.zooming,
		VelX: -s.velX / v.Scale, VelY: -s.velY / v.Scale, // the window moves against the picture
	}, t.served, t.wish[:0])
}

// served tells that a tile need not be read: it is there, it waits on the card,
// or it cannot be had.
func (t *tileLayer) served(k tiles.Key) bool {
	return t.pool.has(k) || t.resident(k) || t.src.Failed(k) != nil
}

// colourAt is the colour at a point (level-0 pixels) of the finest tile of the
// slide there is, from the level on that a viewport shows.
func (t *tileLayer) colourAt(l0X, l0Y float64, v Viewport) (c color.NRGBA, downsample float64, ok bool) {
	levels := t.slide.Slide().Levels()
	for level := v.Level(levels); level < len(levels); level++ {
		l := levels[level]
		px, py := float64(levels[0].Width)/float64(l.Width), float64(levels[0].Height)/float64(l.Height)
		x, y := floorInt(l0X/px), floorInt(l0Y/py)
		if x < 0 || y < 0 || x >= l.Width || y >= l.Height {
			return c, 0, false
		}
		if im, have := t.slide.Get(tiles.Key{Level: level, Col: x / l.TileWidth, Row: y / l.TileHeight}); have {
			at := image.Pt(x%l.TileWidth, y%l.TileHeight).Add(im.Rect.Min)
			if !at.In(im.Rect) {
				return c, 0, false
			}
			c, ok = color.NRGBAModel.Convert(im.RGBAAt(at.X, at.Y)).(color.NRGBA)
			return c, l.Downsample, ok
		}
	}
	return c, 0, false
}

// inside tells whether the window, here a viewport of the slide, shows nothing but
// slide.
func (t *tileLayer) inside(v Viewport) bool {
	b, whole := v.Box(), t.slide.Slide().Levels()[0]
	return b.MinX >= 0 && b.MinY >= 0 && b.MaxX <= float64(whole.Width) && b.MaxY <= float64(whole.Height)
}

// layOut places what was found, coarsest first.
func (t *tileLayer) layOut(v Viewport, unit float32, whole bool) {
	// A tilted ground would hide more than it fills.
	if !whole && t.tilted == nil && !t.isVeil {
		x0, y0, x1, y1 := v.SBox(0, 0, float64(t.levels[0].Width), float64(t.levels[0].Height))
		// Far beyond the window a float32 has no pixels left.
		x0, y0 = max(snap(x0), -8), max(snap(y0), -8)
		x1, y1 = min(snap(x1), float64(v.W)+8), min(snap(y1), float64(v.H)+8)
		t.glass.Move(fyne.NewPos(float32(x0)/unit, float32(y0)/unit))
		t.glass.Resize(fyne.NewSize(float32(x1-x0)/unit, float32(y1-y0)/unit))
		t.objs = append(t.objs, t.glass)
	}
	if t.veil > 0 { // what shines through must not lie twice over one place
		t.under, t.over = t.under[:0], t.over[:0]
	}
	slices.SortStableFunc(t.under, func(a, b tiles.Key) int { return b.Level - a.Level })
	for _, keys := range [][]tiles.Key{t.under, t.fine, t.over} {
		for _, k := range keys {
			it := t.pool.items[k]
			x0, y0, x1, y1 := t.onScreen(v, k)
			t.pool.place(it, x0, y0, x1, y1, unit)
			it.im.Translucency = t.veil
			t.objs = append(t.objs, it.im)
		}
	}
	if t.isVeil {
		return
	}
	for i, k := range t.failed {
		if i == len(t.hatches) {
			t.hatches = append(t.hatches, newImage())
			t.hatches[i].Image = t.hatch
		}
		x0, y0, x1, y1 := t.onScreen(v, k)
		pos := fyne.NewPos(float32(x0)/unit, float32(y0)/unit)
		t.pool.sizer.set(t.hatches[i], fyne.NewSize(float32(x1)/unit-pos.X, float32(y1)/unit-pos.Y))
		t.hatches[i].Move(pos)
		t.objs = append(t.objs, t.hatches[i])
	}
}

// l0Rect is what a tile covers, level-0 pixels.
func (t *tileLayer) l0Rect(k tiles.Key) (x0, y0, x1, y1 float64) {
	r := t.levels[k.Level].TileRect(k.Col, k.Row)
	px, py := t.l0PerPixel(k.Level)
	return float64(r.Min.X) * px, float64(r.Min.Y) * py, float64(r.Max.X) * px, float64(r.Max.Y) * py
}

// onScreen is the snapped rectangle of a tile, with its rim, in screen pixels.
func (t *tileLayer) onScreen(v Viewport, k tiles.Key) (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = t.l0Rect(k)
	if it := t.pool.items[k]; it != nil && it.rim != 0 {
		px, py := t.l0PerPixel(k.Level)
		x0, y0, x1, y1 = x0-rimWidth*px, y0-rimWidth*py, x1+rimWidth*px, y1+rimWidth*py
	}
	x0, y0, x1, y1 = v.SBox(x0, y0, x1, y1)
	return snap(x0), snap(y0), snap(x1), snap(y1)
}

// hatchImage is the mark of a tile that cannot be read: thin diagonal lines, so
// that a coarser picture beneath is still seen but not taken for the real one.
func hatchImage() *image.RGBA {
	const size, step = 128, 16
	im := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			switch d := (x + y) % step; {
			case d < 2:
				im.SetRGBA(x, y, color.RGBA{R: 150, G: 30, B: 30, A: 190})
			default:
				im.SetRGBA(x, y, color.RGBA{R: 20, G: 6, B: 6, A: 24})
			}
		}
	}
	return im
}
