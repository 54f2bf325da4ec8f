package viewer

import (
	"fmt"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
	"coverslip/tiles"
	"coverslip/tiles/alike"
)

// The tolerance of the wand: differences of colour (CIE76), where 2.3 is just
// seen.
const (
	wandAtFirst  = 9.0
	wandPerUnit  = 0.12 // by Fyne unit of the drag
	wandLeast    = 1.0
	wandMost     = 80.0
	superpixelOf = 18 // side of a superpixel, pixels of the screen
)

// SetTexture has the wand look at texture as well as at colour.
func (v *Viewer) SetTexture(on bool) {
	v.texture = on
	v.touchHint()
}

// Texture tells whether the wand looks at texture.
func (v *Viewer) Texture() bool { return v.texture }

// wandTool takes what looks alike around a place; dragging away from it makes
// the tolerance larger, towards the left smaller.
type wandTool struct {
	idle
	v         *Viewer
	on        bool
	place     annotate.Point
	start     pixel
	tolerance float64
	away      bool
	over      bool // the button is up: what comes is handed over
	reading   work[patch]
	finding   work[found]
	patch     patch
	shown     annotate.ROI
	asked     float64 // tolerance of what is shown
}

// found is an area of the picture.
type found struct {
	roi       annotate.ROI
	ok        bool
	tolerance float64
}

func (t *wandTool) hint() string {
	by := "colour"
	if t.v.texture {
		by = "colour and texture"
	}
	if t.on {
		return fmt.Sprintf("Magic wand — by %s, tolerance %.0f · drag right or left: more or less · Esc: cancel", by, t.tolerance)
	}
	return "Magic wand — press: what looks alike, by " + by + " · drag: tolerance · Shift: add to the chosen area · Alt: take away · 1–9: class"
}

func (*wandTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *wandTool) busy() bool { return t.on }

func (t *wandTool) press(e pointer) bool {
	t.cancel()
	t.on, t.place, t.start, t.away = true, t.v.onSlide(e.p), e.s, e.alt
	if !e.shift && !e.alt {
		t.v.chose(nil) // a new area, not more of the chosen one
	}
	t.tolerance, t.asked = wandAtFirst, 0
	q, level := t.v.around(t.place)
	slide := t.v.source.Slide()
	t.reading.ask(func() patch { return q.read(slide, level) })
	t.v.touchHint()
	return true
}

func (t *wandTool) drag(e pointer) {
	if !t.on || t.over {
		return
	}
	d := math.Hypot(e.s.x-t.start.x, e.s.y-t.start.y) / float64(t.v.unit)
	if e.s.x < t.start.x {
		d = -d
	}
	t.tolerance = max(wandLeast, min(wandMost, wandAtFirst+d*wandPerUnit))
	t.find()
	t.v.touchHint()
}

func (t *wandTool) find() {
	if t.patch.look == nil || t.asked == t.tolerance {
		return
	}
	t.asked = t.tolerance
	q, place, tolerance, texture, fill := t.patch, t.place, t.tolerance, t.v.texture, t.v.noHoles
	t.finding.ask(func() found {
		x, y := q.pixel(place)
		m := q.look.Flood(x, y, tolerance, texture)
		if fill {
			m.FillHoles(len(m.On))
		}
		roi, ok := q.roi(m)
		return found{roi, ok, tolerance}
	})
}

func (t *wandTool) release(e pointer, dragged bool) {
	if t.on {
		t.over = true // what is still computed is awaited
		t.v.touch()
	}
}

func (t *wandTool) working() bool { return t.on && (t.reading.busy() || t.finding.busy() || t.over) }

func (t *wandTool) arrived() bool {
	if !t.on {
		return false
	}
	q, read := t.reading.take()
	if read {
		t.patch = q
		t.find()
	}
	f, got := t.finding.take()
	if got && f.ok {
		t.shown = f.roi
	}
	if t.over && !t.reading.busy() && !t.finding.busy() {
		roi, away := t.shown, t.away
		t.cancel()
		if len(roi.Polygons) > 0 && t.v.OnPaint != nil {
			t.v.OnPaint(Paint{Area: roi, Erase: away, NoHoles: t.v.noHoles && !away})
		}
		return true
	}
	return read || got
}

func (t *wandTool) key(name fyne.KeyName) bool {
	if name == fyne.KeyEscape && t.on {
		t.cancel()
		return true
	}
	return false
}

func (t *wandTool) cancel() {
	t.on, t.over, t.patch, t.shown = false, false, patch{}, annotate.ROI{}
	t.reading.forget()
	t.finding.forget()
	t.v.touchHint()
}

func (t *wandTool) draw(l *live) {
	if !t.on {
		return
	}
	c := t.v.drawColor()
	if t.away {
		c = markColor
	}
	l.roi(&t.shown, c, liveLines)
	words := fmt.Sprintf("±%.0f", t.tolerance)
	if t.patch.look == nil {
		words = "…"
	}
	l.text(l.pixelOf(t.place), words)
}

// superpixelTool paints with small regions of the picture: those under a click
// or under the way of a drag.
type superpixelTool struct {
	idle
	v       *Viewer
	on      bool
	over    bool
	away    bool
	path    []annotate.Point // level-0 pixels
	cutting work[cut]
	finding work[found]
	cut     *cut
	asked   int // points of the path that what is shown took in
	shown   annotate.ROI
}

// cut is a patch with its superpixels.
type cut struct {
	patch
	regions *alike.Regions
}

func (t *superpixelTool) hint() string {
	if t.on && t.cut == nil {
		return "Superpixel — looking at the picture…"
	}
	return "Superpixel — click or drag: take the small regions of the picture · Alt: take away · beside a chosen area: a new one · Esc: cancel"
}

func (*superpixelTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *superpixelTool) busy() bool { return t.on }

func (t *superpixelTool) press(e pointer) bool {
	t.cancel()
	t.on, t.away = true, e.alt
	t.path = []annotate.Point{t.v.onSlide(e.p)}
	q, level := t.v.around(t.path[0])
	slide := t.v.source.Slide()
	size := max(6, int(superpixelOf*float64(t.v.unit)/(t.v.view.Scale*q.perX)))
	t.cutting.ask(func() cut { return cutPatch(q, slide, level, size) })
	t.v.touchHint()
	return true
}

// cutPatch reads a patch and cuts it; it is not for Fyne's goroutine.
func cutPatch(q patch, slide tiles.Slide, level, size int) cut {
	q = q.read(slide, level)
	return cut{patch: q, regions: q.look.Superpixels(size)}
}

func (t *superpixelTool) drag(e pointer) {
	if !t.on || t.over {
		return
	}
	t.path = append(t.path, t.v.onSlide(e.p))
	t.find()
}

// find has the regions under the path put together.
func (t *superpixelTool) find() {
	if t.cut == nil || t.asked == len(t.path) {
		return
	}
	t.asked = len(t.path)
	c, path := t.cut, t.path[:len(t.path):len(t.path)]
	t.finding.ask(func() found {
		which := map[int]bool{}
		for i, p := range path {
			from := path[max(0, i-1)]
			const steps = 8 // the mouse may jump over a region
			for k := range steps {
				f := float64(k+1) / steps
				x, y := c.pixel(annotate.Point{X: from.X + f*(p.X-from.X), Y: from.Y + f*(p.Y-from.Y)})
				if n := c.regions.At(x, y); n >= 0 {
					which[n] = true
				}
			}
		}
		roi, ok := c.roi(c.regions.Mask(which))
		return found{roi: roi, ok: ok}
	})
	t.v.touch()
}

func (t *superpixelTool) release(pointer, bool) {
	if t.on {
		t.over = true
		t.v.touch()
	}
}

func (t *superpixelTool) working() bool {
	return t.on && (t.cutting.busy() || t.finding.busy() || t.over)
}

func (t *superpixelTool) arrived() bool {
	if !t.on {
		return false
	}
	c, read := t.cutting.take()
	if read {
		t.cut = &c
		t.find()
		t.v.touchHint()
	}
	f, got := t.finding.take()
	if got && f.ok {
		t.shown = f.roi
	}
	if t.over && !t.cutting.busy() && !t.finding.busy() {
		roi, away := t.shown, t.away
		t.cancel()
		if len(roi.Polygons) > 0 && t.v.OnPaint != nil {
			t.v.OnPaint(Paint{Area: roi, Erase: away, NoHoles: t.v.noHoles && !away})
		}
		return true
	}
	return read || got
}

func (t *superpixelTool) key(name fyne.KeyName) bool {
	if name == fyne.KeyEscape && t.on {
		t.cancel()
		return true
	}
	return false
}

func (t *superpixelTool) cancel() {
	t.on, t.over, t.cut, t.path, t.asked, t.shown = false, false, nil, nil, 0, annotate.ROI{}
	t.cutting.forget()
	t.finding.forget()
	t.v.touch()
}

func (t *superpixelTool) draw(l *live) {
	if !t.on {
		return
	}
	c := t.v.drawColor()
	if t.away {
		c = markColor
	}
	l.roi(&t.shown, c, liveLines)
	if t.cut == nil {
		l.text(l.pixelOf(t.path[0]), "…")
	}
}
