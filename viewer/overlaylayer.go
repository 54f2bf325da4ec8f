package viewer

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// away is where sprites are parked whose textures are to be made before they
// are needed: beyond the window, where painting costs nothing, screen pixels.
const away = -4096.0

// overlayLayer shows the overlay's tiles. On a change of step it keeps showing
// the old step until the new one is complete: two steps at once would show
// translucent areas twice.
type overlayLayer struct {
	cache *overlayCache
	pool  *pool[overlayKey]
	on    bool
	step  int  // the step shown
	any   bool // whether step means something yet

	waiting bool // something in view is missing or out of date

	keys  []overlayKey
	looks []look
	objs  []fyne.CanvasObject
}

func newOverlayLayer() *overlayLayer {
	return &overlayLayer{cache: newOverlayCache(), pool: newPool[overlayKey](), on: true}
}

// set shows the objects of another slide.
func (o *overlayLayer) set(objects Objects) {
	o.cache.setObjects(objects)
	o.pool.clear()
	o.any = false
}

// setPlane has tiles lie on the style's plane.
func (o *overlayLayer) setPlane(s *overlayStyle) {
	o.cache.setPlane(s)
	o.pool.clear()
	o.any = false
}

// overlayKeys appends the tiles of a step in view, an upright one of their plane.
func overlayKeys(dst []overlayKey, v Viewport, step int) []overlayKey {
	b := v.Box()
	l0 := overlayTile / stepScale(step) // side of a tile, level-0 pixels
	for row := floorInt(b.MinY / l0); float64(row)*l0 < b.MaxY; row++ {
		for col := floorInt(b.MinX / l0); float64(col)*l0 < b.MaxX; col++ {
			dst = append(dst, overlayKey{step, col, row})
		}
	}
	return dst
}

// update lays the layer out on the plane that setPlane gave; more tells that tiles are being painted or wait
// for the next frame's share of uploads.
func (o *overlayLayer) update(v Viewport, unit float32, now time.Time) (more bool) {
	o.objs = o.objs[:0]
	if !o.on {
		return false
	}
	v = v.Upright()
	o.pool.begin(now)
	step := overlayStep(v.Scale)
	o.keys = overlayKeys(o.keys[:0], v, step)
	var pending int
	o.looks, pending = o.cache.ask(o.keys, o.looks)
	if !o.any {
		o.step, o.any = step, true
	}
	more = pending > 0
	defer func() { o.waiting = more }()
	ready := true
	for i, k := range o.keys {
		l := o.looks[i]
		if !l.made {
			ready = false
			continue
		}
		if l.img == nil {
			continue
		}
		it, fresh := o.pool.show(k, l.img, canvas.ImageScaleFastest)
		more = more || !fresh
		if it == nil {
			ready = false
			continue
		}
		// Beside what the old step covers, the new one shows at once.
		if step == o.step || !o.coveredByOld(k) {
			o.place(it, k, v, unit)
		} else {
			o.pool.place(it, away, away, away+1, away+1, unit)
		}
		o.objs = append(o.objs, it.im)
	}
	if step == o.step {
		return more
	}
	if ready {
		// Everything is on the card: change over in one frame.
		o.step = step
		for _, k := range o.keys {
			if it := o.pool.items[k]; it != nil && it.frame == o.pool.frame {
				o.place(it, k, v, unit)
			}
		}
		return more
	}
	o.showOld(v, unit)
	return true
}

// coveredByOld tells whether a tile of the new step would lie on one of the
// step that is still shown.
func (o *overlayLayer) coveredByOld(k overlayKey) bool {
	b := k.box(0)
	l0 := overlayTile / stepScale(o.step)
	if (b.MaxX-b.MinX)/l0 > mostOld {
		return false
	}
	for row := floorInt(b.MinY / l0); float64(row)*l0 < b.MaxY; row++ {
		for col := floorInt(b.MinX / l0); float64(col)*l0 < b.MaxX; col++ {
			old := overlayKey{o.step, col, row}
			if it := o.pool.items[old]; it != nil && o.cache.peek(old).img != nil {
				return true
			}
		}
	}
	return false
}

// mostOld is how many old tiles may lie along the side of a new one or of the
// window: beyond it the old step is too small to be looked at.
const mostOld = 64

// showOld places what there is of the step that is still shown.
func (o *overlayLayer) showOld(v Viewport, unit float32) {
	l0 := overlayTile / stepScale(o.step)
	b := v.Box()
	if max(b.MaxX-b.MinX, b.MaxY-b.MinY)/l0 > mostOld {
		return
	}
	for _, k := range overlayKeys(nil, v, o.step) {
		l := o.cache.peek(k)
		if l.img == nil {
			continue
		}
		if it := o.pool.shown(k); it != nil {
			o.place(it, k, v, unit)
			o.objs = append(o.objs, it.im)
		}
	}
}

func (o *overlayLayer) place(it *sprite, k overlayKey, v Viewport, unit float32) {
	l0 := overlayTile / stepScale(k.step)
	x0, y0, x1, y1 := v.SBox(float64(k.col)*l0, float64(k.row)*l0, float64(k.col+1)*l0, float64(k.row+1)*l0)
	o.pool.place(it, snap(x0), snap(y0), snap(x1), snap(y1), unit)
}
