package viewer

import (
	"time"
)

// laid is a second slide that is drawn over the first, more or less opaque.
type laid struct {
	layer   *tileLayer // nil: none
	opacity float64    // 0 to 1
}

// Lay draws a second slide over the one that is shown: src gives it on the
// levels and tiles of that one (tiles.Laid). nil takes it away; SetSlide too.
// Opacity 0 shows the first slide alone, 1 the second alone.
func (v *Viewer) Lay(src Source, opacity float64) {
	if absent(src) {
		src = nil
	}
	if src == nil && v.laid.layer == nil || v.source == nil {
		return
	}
	if v.laid.layer == nil {
		v.laid.layer = newTileLayer(func(err error) {
			if v.OnProblem != nil {
				v.OnProblem(err)
			}
		})
		v.laid.layer.isVeil = true
		v.laid.layer.pool.limit = v.tileLayer.pool.limit
	}
	v.laid.set(src)
	v.SetLaidOpacity(opacity)
}

// SetLaidOpacity says how much the slide laid over hides, 0 to 1.
func (v *Viewer) SetLaidOpacity(opacity float64) {
	v.laid.opacity = max(0, min(1, opacity))
	v.touch()
}

// LaidOpacity is how much a slide laid over hides; 0 when there is none.
func (v *Viewer) LaidOpacity() float64 {
	if !v.laid.on() {
		return 0
	}
	return v.laid.opacity
}

// set takes another source; nil takes the slide away.
func (l *laid) set(src Source) {
	if l.layer != nil {
		l.layer.set(src)
	}
}

func (l *laid) on() bool { return l.layer != nil && l.layer.src != nil }

// put is how many textures were made in this frame.
func (l *laid) put() int {
	if l.layer == nil {
		return 0
	}
	return l.layer.pool.put
}

// awaited counts the tiles that are still to come.
func (v *Viewer) awaited() int {
	n := v.tileLayer.pending()
	if v.laid.on() && v.laid.opacity > 0 {
		n += v.laid.layer.pending()
	}
	return n
}

// layOutLaid places the slide laid over, above the first and below the objects.
func (v *Viewer) layOutLaid(now time.Time) (more bool) {
	t := v.laid.layer
	if !v.laid.on() {
		return false
	}
	t.pool.put = 0
	if v.laid.opacity <= 0 {
		t.src.Want(nil) // nobody sees it
		return false
	}
	t.veil = 1 - v.laid.opacity
	t.pool.orient(v.view.Turn, v.view.Flip)
	more = t.update(v.view, v.sightOfLaid(), v.unit, now)
	v.objs = append(v.objs, t.objs...)
	return more
}

// sightOfLaid is where the person looks. sight itself is asked once a frame.
func (v *Viewer) sightOfLaid() sight {
	s := sight{focusX: v.view.CX, focusY: v.view.CY}
	if v.hand.inside {
		p := v.pointer(v.hand.at).p
		s.focusX, s.focusY = p.X, p.Y
	}
	return s
}
