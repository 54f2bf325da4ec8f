package viewer

import (
	"fmt"
	"math"
	"time"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
	"coverslip/tiles"
)

// touch asks for a new layout in the next frame.
func (v *Viewer) touch() {
	v.clock.dirty = true
	v.wake()
}

// wake has frames ticking until there is nothing left to do.
func (v *Viewer) wake() {
	if v.clock.running || v.clock.ticking {
		return
	}
	v.clock.running = true
	v.clock.last = v.clock.now()
	v.clock.anim.Start()
}

// rest stops the ticking: an idle viewer costs nothing.
func (v *Viewer) rest() {
	if v.clock.running {
		v.clock.running = false
		v.clock.anim.Stop()
	}
}

// Tick makes one frame: it moves what moves, lays out what changed and marks
// the window for painting. Fyne's animation calls it before each paint; tests
// call it by hand.
func (v *Viewer) Tick() {
	if v.clock.ticking {
		return
	}
	v.clock.ticking = true
	defer func() { v.clock.ticking = false }()

	now := v.clock.now()
	dt := now.Sub(v.clock.last).Seconds()
	v.clock.last = now
	v.measure()
	if v.motion.moving() && v.view.Valid() {
		v.view = v.limits.clamp(v.motion.step(v.view, dt))
		v.clock.dirty = true
	}
	pending := v.awaited()
	seen, watching := v.watch(now, pending)
	_, counted, counting := v.overview.labels.poll(now)
	dirty := seen || counted != v.overview.heatMade || v.clock.dirty || pending != v.clock.pending || v.marking(now) || v.toolArrived()
	if !dirty && !v.clock.more {
		if pending == 0 && !watching && !counting {
			v.rest()
		}
		return
	}
	v.clock.dirty = false
	was := len(v.objs)
	v.layOut()
	v.clock.pending = v.awaited()
	put := v.tileLayer.pool.put + v.overlay.pool.put + v.laid.put()
	if dirty || put > 0 || was != len(v.objs) {
		v.repaint()
	}
	if v.view != v.clock.reported && v.view.Valid() {
		v.clock.reported = v.view
		if v.OnView != nil {
			v.OnView(v.view)
		}
		v.hoverAgain() // the slide moved under the mouse
	}
}

// Settle makes what moves arrive at once.
func (v *Viewer) Settle() {
	v.measure()
	if v.view.Valid() {
		v.view = v.limits.clamp(v.motion.finish(v.view))
	}
	v.touch()
	v.Tick()
}

// Settled tells whether the picture is complete: nothing moves and nothing is
// awaited.
func (v *Viewer) Settled() bool {
	pending := v.awaited()
	// What arrived since the last frame is not shown yet.
	return !v.motion.moving() && !v.clock.dirty && !v.clock.more && pending == 0 && v.clock.pending == 0
}

// repaint marks the window. It alone is enough: the painter walks Objects anew.
func (v *Viewer) repaint() {
	a := fyne.CurrentApp()
	if a == nil {
		return
	}
	if c, ok := a.Driver().CanvasForObject(v).(interface{ SetDirty() }); ok {
		c.SetDirty()
	}
}

// measure takes over the size of the widget in device pixels.
func (v *Viewer) measure() {
	unit := v.unit
	if a := fyne.CurrentApp(); a != nil {
		if c := a.Driver().CanvasForObject(v); c != nil {
			// Canvas.Scale leaves out the factor of the window system.
			if px, _ := c.PixelCoordinateForPosition(fyne.NewPos(1000, 0)); px > 0 {
				unit = float32(px) / 1000
			}
		}
	}
	size := v.Size()
	w, h := int(math.Round(float64(size.Width*unit))), int(math.Round(float64(size.Height*unit)))
	if unit != v.unit {
		v.unit = unit
		v.restyle(func(s *overlayStyle) { s.unit = float64(unit) })
		v.overview.have = false
	}
	if w == v.view.W && h == v.view.H {
		return
	}
	v.view.W, v.view.H = w, h
	v.clock.dirty = true
	v.setLimits()
}

// setLimits follows a new slide or a new size of the window.
func (v *Viewer) setLimits() {
	v.limits = limits{}
	if v.source == nil || v.view.W <= 0 || v.view.H <= 0 {
		return
	}
	levels := v.source.Slide().Levels()
	if len(levels) == 0 {
		return
	}
	v.limits = limitsOf(v.view, levels[0].Width, levels[0].Height)
	v.setRoom(4*v.view.W*v.view.H, 4*levels[0].TileWidth*levels[0].TileHeight)
	switch {
	case v.showSoon != nil:
		v.view = v.view.ShowingBox(*v.showSoon, fitMargin)
		v.showSoon = nil
	case v.fitted || v.view.Scale <= 0:
		v.view = v.view.ShowingBox(v.scanned(levels[0]), fitMargin)
	}
	v.view = v.limits.clamp(v.view)
}

// setRoom has textures and painted labels kept for a view of some bytes of pixels, on
// a slide with tiles of some bytes.
func (v *Viewer) setRoom(view, tile int) {
	v.tileLayer.pool.limit = room(view, tile)
	if v.laid.layer != nil {
		v.laid.layer.pool.limit = room(view, tile)
	}
	v.overlay.pool.limit = room(view, 0)
	v.overlay.cache.keep(room(view, 0))
}

// scanned is the box of what was scanned of a slide (tiles.Info.Bounds); l is
// its level 0.
func (v *Viewer) scanned(l tiles.Level) annotate.Box {
	info := v.info
	if info == nil {
		info = v.source.Slide().Info()
	}
	b := info.BoundsIn(l)
	return annotate.Box{MinX: float64(b.Min.X), MinY: float64(b.Min.Y), MaxX: float64(b.Max.X), MaxY: float64(b.Max.Y)}
}

// layOut assembles the frame, from the back to the front.
func (v *Viewer) layOut() {
	now := v.clock.now()
	v.objs = v.objs[:0]
	size := v.Size()
	if v.source == nil || !v.view.Valid() {
		v.clock.more = false
		place(v.ground, 0, 0, size.Width, size.Height)
		v.objs = append(v.objs, v.ground)
		if v.source == nil {
			v.layOutEmpty(size)
		}
		return
	}
	if p := v.view.Plane(); v.style.plane != p {
		s := *v.style
		s.plane = p
		v.style = &s
		v.overlay.setPlane(v.style)
	}
	v.tileLayer.pool.orient(v.view.Turn, v.view.Flip)
	v.overlay.pool.orient(v.view.Turn, v.view.Flip)
	upload := uploadPerFrame
	if v.view != v.pace.view {
		upload = uploadMoving
	}
	v.tileLayer.pool.allowed = upload
	moreTiles := v.tileLayer.update(v.view, v.sight(now), v.unit, now)
	if !v.tileLayer.covered {
		place(v.ground, 0, 0, size.Width, size.Height)
		v.objs = append(v.objs, v.ground)
	}
	v.objs = append(v.objs, v.tileLayer.objs...)
	// The slide comes first; a tile of the labels is always allowed.
	v.overlay.pool.allowed = max(1, v.tileLayer.pool.budget)
	moreTiles = v.layOutLaid(now) || moreTiles
	moreOverlay := v.overlay.update(v.view, v.unit, now)
	v.objs = append(v.objs, v.overlay.objs...)
	v.fadeEchoes(now)
	v.objs = append(v.objs, v.names.update(v)...)
	v.layOutLive()
	if look, ok := v.loupeView(); ok {
		words := ""
		if m := magnification(v.info, look.Scale); m > 0 {
			words = fmt.Sprintf("%.3g×", m)
		}
		v.objs = append(v.objs, v.loupe.update(look, v.hand.at, v.source, v.unit, v.tileLayer.crisp, words)...)
	}
	mpp := 0.0
	if v.info != nil {
		mpp = v.info.MPPX
	}
	v.objs = append(v.objs, v.bar.update(v.view, mpp, v.unit, v.gridText)...)
	v.objs = append(v.objs, v.overview.update(v.view, v.unit, v.coverage, v.glance.step, now)...)
	v.clock.more = moreTiles || moreOverlay || v.toolWorking() || len(v.echoes) > 0
}

// sight tells where the person looks and where the picture is going. It is called
// once a frame.
func (v *Viewer) sight(now time.Time) sight {
	s := sight{focusX: v.view.CX, focusY: v.view.CY}
	if look, ok := v.loupeView(); ok || len(v.loupe.keys) > 0 {
		s.also = v.loupe.wish(look, ok, v.source.Slide().Levels())
	}
	if v.hand.inside {
		p := v.pointer(v.hand.at).p
		s.focusX, s.focusY = p.X, p.Y
	}
	at := now.Sub(v.pace.since).Seconds()
	if last := v.pace.view; last.Valid() && last.Scale == v.view.Scale {
		v.pace.track.add((last.CX-v.view.CX)*v.view.Scale, (last.CY-v.view.CY)*v.view.Scale, at)
		s.velX, s.velY = v.pace.track.speed(at)
	} else {
		if last.Valid() && v.view.Scale > last.Scale {
			s.zooming = 1
		} else if last.Valid() {
			s.zooming = -1
		}
		v.pace.since = now
		v.pace.track.reset(0)
	}
	v.pace.view = v.view
	return s
}

// pace is the movement of the picture from frame to frame, be it by the hand, by
// the keys or by itself.
type pace struct {
	view  Viewport
	since time.Time
	track tracker
}

// layOutLive draws the selection and what the tool has in hand.
func (v *Viewer) layOutLive() {
	v.live.begin(v.view, v.unit)
	v.gridText = v.drawGrid(&v.live)
	if v.overlay.on && v.objects != nil {
		drawn := 0
		view := v.view.Box()
		holder, _ := v.tool.(*selectTool)
		for _, id := range v.selection {
			if len(v.selection) > selectedDrawn {
				break // the overlay marks them
			}
			o := v.objects.Get(id)
			if o == nil || holder != nil && holder.holding(id) || v.echoing(id) {
				continue
			}
			if b := o.ROI.Bounds(); b.MaxX < view.MinX || b.MaxY < view.MinY || b.MinX > view.MaxX || b.MinY > view.MaxY {
				continue
			}
			drawn++
			v.live.roi(&o.ROI, v.overlayColor(o.Class), liveLines/max(1, len(v.selection)))
			if holder != nil && len(v.selection) == 1 && v.editable(o) {
				v.drawHandles(&v.live, &o.ROI)
			}
			v.drawWords(&v.live, o)
		}
	}
	v.drawEchoes()
	v.drawFrame(&v.live)
	v.drawGhost(&v.live)
	v.tool.draw(&v.live)
	v.pointing.draw(v, &v.live)
	v.drawBox(&v.live)
	v.drawMark(&v.live, v.clock.now())
	v.objs = append(v.objs, v.live.objs...)
}

// layOutEmpty says in the middle that there is no slide.
func (v *Viewer) layOutEmpty(size fyne.Size) {
	y := size.Height/2 - 24
	for _, t := range v.empty {
		h := t.MinSize().Height
		place(t, 0, y, size.Width, h)
		y += h + 6
		v.objs = append(v.objs, t)
	}
}
