package viewer

import (
	"fmt"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"coverslip/annotate"
)

// The size of the brush: its radius on the screen, Fyne units. It stays the same
// there at every zoom, so that a far view paints coarsely and a near one finely.
const (
	brushAtFirst = 18.0
	brushLeast   = 2.0
	brushMost    = 200.0
	brushStep    = 1.25
)

// brushDense is the distance of the points of a stroke in radii: the scallops
// between them are below a hundredth of the radius.
const brushDense = 0.25

// mostStroke bounds the points of a stroke; a longer one is painted in pieces.
const mostStroke = 1500

// BrushRadius is the radius of the brush in level-0 pixels at this zoom.
func (v *Viewer) BrushRadius() float64 { return v.l0(v.brush) }

// ScaleBrush makes the brush larger or smaller by a factor.
func (v *Viewer) ScaleBrush(factor float64) {
	v.brush = max(brushLeast, min(brushMost, v.brush*factor))
	v.touchHint()
}

// SetFillHoles has paint fill the holes that it closes.
func (v *Viewer) SetFillHoles(on bool) {
	v.noHoles = on
	v.touchHint()
}

// FillHoles tells whether paint fills the holes that it closes.
func (v *Viewer) FillHoles() bool { return v.noHoles }

// wheelTool gives the wheel to the brush while Alt is held.
func (v *Viewer) wheelTool(notches float64) bool {
	m, ok := currentModifiers()
	if _, brush := v.tool.(*brushTool); !brush || !ok || m&fyne.KeyModifierAlt == 0 {
		return false
	}
	v.tellAlt(true)
	v.ScaleBrush(math.Pow(brushStep, notches))
	return true
}

// brushTool paints, or takes paint away. A stroke is joined to what it changes
// once, when the button goes up; what it covers meanwhile is computed beside the
// window's goroutine.
type brushTool struct {
	v      *Viewer
	erase  bool
	path   []annotate.Point // level-0 pixels
	radius float64          // of the stroke in hand, level-0 pixels
	away   bool             // the stroke in hand takes away
	at     annotate.Point
	inside bool
	cover  work[annotate.ROI]
	shown  annotate.ROI // what the stroke covers so far
}

func (t *brushTool) hint() string {
	name, does, other := "Brush", "paint", "Alt: take away"
	if t.erase {
		name, does, other = "Eraser", "take away", "Shift: paint"
	}
	holes := ""
	if t.v.noHoles {
		holes = " · holes are filled"
	}
	return fmt.Sprintf("%s — drag: %s · %s · < >, Alt+wheel: size%s", name, does, other, holes)
}

func (*brushTool) cursor() desktop.Cursor { return desktop.CrosshairCursor }

func (t *brushTool) busy() bool { return len(t.path) > 0 }

func (t *brushTool) press(e pointer) bool {
	t.radius = t.v.BrushRadius()
	t.away = (t.erase || e.alt) && !(t.erase && e.shift)
	t.shown = annotate.ROI{}
	t.path = []annotate.Point{t.v.onSlide(e.p)}
	t.preview()
	return true
}

func (t *brushTool) drag(e pointer) {
	t.hover(e)
	if len(t.path) == 0 {
		return
	}
	last := t.path[len(t.path)-1]
	if math.Hypot(t.at.X-last.X, t.at.Y-last.Y) < t.radius*brushDense {
		return
	}
	t.path = append(t.path, t.at)
	if len(t.path) >= mostStroke {
		t.paint()
		t.path = []annotate.Point{t.at}
	}
	t.preview()
}

func (t *brushTool) release(e pointer, dragged bool) {
	if len(t.path) == 0 {
		return
	}
	if last := t.path[len(t.path)-1]; dragged && last != t.v.onSlide(e.p) {
		t.path = append(t.path, t.v.onSlide(e.p))
	}
	t.paint()
	t.cancel()
}

// paint hands the stroke over.
func (t *brushTool) paint() {
	if t.v.OnPaint != nil {
		t.v.OnPaint(Paint{Path: t.path, Radius: t.radius, Erase: t.away, NoHoles: t.v.noHoles && !t.away})
	}
}

// preview has what the stroke covers computed.
func (t *brushTool) preview() {
	path, radius := t.path[:len(t.path):len(t.path)], t.radius
	t.cover.ask(func() annotate.ROI {
		roi, err := annotate.Stroke(path, radius)
		if err != nil { // the outline is only a preview: the edit will tell
			return annotate.ROI{}
		}
		return roi
	})
	t.v.touch()
}

func (t *brushTool) working() bool { return len(t.path) > 0 && t.cover.busy() }

func (t *brushTool) arrived() bool {
	roi, ok := t.cover.take()
	if ok && len(t.path) > 0 {
		t.shown = roi
	}
	return ok
}

func (t *brushTool) hover(e pointer) {
	t.at, t.inside = t.v.onSlide(e.p), true
	t.v.touch()
}

func (t *brushTool) key(name fyne.KeyName) bool {
	if name == fyne.KeyEscape && len(t.path) > 0 {
		t.cancel()
		return true
	}
	return false
}

func (t *brushTool) cancel() {
	t.path, t.shown = nil, annotate.ROI{}
	t.cover.forget()
	t.v.touch()
}

func (t *brushTool) draw(l *live) {
	c := t.v.drawColor()
	if t.away || len(t.path) == 0 && t.erase {
		c = markColor
	}
	if len(t.path) > 0 && len(t.shown.Polygons) > 0 {
		l.roi(&t.shown, c, liveLines)
	}
	if t.inside && (t.v.hand.inside || t.v.hand.down || t.v.pointing.on) {
		r := t.v.BrushRadius()
		box := annotate.Box{MinX: t.at.X, MinY: t.at.Y, MaxX: t.at.X, MaxY: t.at.Y}.Grow(r)
		l.path(annotate.EllipseRing(box, 0.3/l.v.Scale), true, c, 64)
	}
}
