package window

import (
	"fmt"
	"image/color"
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// dial turns the slide: drawn round with the mouse, or with the wheel by single
// degrees; two clicks set it upright. It never takes the keyboard focus.
type dial struct {
	widget.BaseWidget
	angle    float64 // degrees, clockwise
	mirrored bool
	changed  func(angle float64)
	held     bool
	from     float64 // angle when it was taken
	last     float64 // direction of the pointer, degrees
	way      float64 // drawn round since
	clicked  time.Time
	hovered  bool
	tips     *tips
}

const (
	dialSize  = 22
	dialSnap  = 15 // degrees, with Ctrl
	dialTip   = "Turn the slide: drag round, wheel for single degrees, Ctrl for steps of 15°, double-click for upright. On the slide: Shift+drag with Pan, Alt+Shift+drag with any tool."
	dialClick = 350 * time.Millisecond
)

func newDial(t *tips, changed func(float64)) *dial {
	d := &dial{tips: t, changed: changed}
	d.ExtendBaseWidget(d)
	return d
}

// Set shows an orientation without calling back.
func (d *dial) Set(angle float64, mirrored bool) {
	if d.angle != angle || d.mirrored != mirrored {
		d.angle, d.mirrored = angle, mirrored
		d.Refresh()
	}
}

// direction is where a place lies from the middle, degrees clockwise.
func (d *dial) direction(p fyne.Position) float64 {
	s := d.Size()
	return math.Atan2(float64(p.Y-s.Height/2), float64(p.X-s.Width/2)) * 180 / math.Pi
}

// to turns to an angle, in whole degrees.
func (d *dial) to(angle float64) {
	step := 1.0
	if keyModifiers()&fyne.KeyModifierControl != 0 {
		step = dialSnap
	}
	angle = math.Mod(math.Mod(math.Round(angle/step)*step, 360)+360, 360)
	if angle == d.angle {
		return
	}
	d.angle = angle
	d.Refresh()
	if d.changed != nil {
		d.changed(angle)
	}
}

// MouseDown implements desktop.Mouseable.
func (d *dial) MouseDown(e *desktop.MouseEvent) {
	d.tips.hide()
	if time.Since(d.clicked) < dialClick {
		d.clicked = time.Time{}
		d.to(0)
		return
	}
	d.clicked = time.Now()
	d.held, d.from, d.way, d.last = true, d.angle, 0, d.direction(e.Position)
}

// MouseUp implements desktop.Mouseable.
func (d *dial) MouseUp(*desktop.MouseEvent) { d.held = false }

// Dragged implements fyne.Draggable.
func (d *dial) Dragged(e *fyne.DragEvent) {
	if !d.held {
		return
	}
	d.clicked = time.Time{}
	at := d.direction(e.Position)
	d.way += math.Remainder(at-d.last, 360)
	d.last = at
	d.to(d.from + d.way)
}

// DragEnd implements fyne.Draggable.
func (d *dial) DragEnd() { d.held = false }

// Scrolled implements fyne.Scrollable.
func (d *dial) Scrolled(e *fyne.ScrollEvent) {
	step := 1.0
	if e.Scrolled.DY < 0 {
		step = -1
	}
	if keyModifiers()&fyne.KeyModifierControl != 0 {
		step *= dialSnap
	}
	d.to(d.angle + step)
}

// MouseIn implements desktop.Hoverable.
func (d *dial) MouseIn(*desktop.MouseEvent) {
	d.hovered = true
	d.Refresh()
	d.tips.show(d, dialTip)
}

// MouseMoved implements desktop.Hoverable.
func (d *dial) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (d *dial) MouseOut() {
	d.hovered = false
	d.Refresh()
	d.tips.hide()
}

// dialWords says how the slide stands; "" for upright.
func dialWords(angle float64, mirrored bool) string {
	words := ""
	if angle != 0 {
		words = fmt.Sprintf("%.4g°", math.Round(angle*10)/10)
	}
	if mirrored {
		words += " M"
	}
	return words
}

// CreateRenderer implements fyne.Widget.
func (d *dial) CreateRenderer() fyne.WidgetRenderer {
	r := &dialRenderer{d: d, ring: canvas.NewCircle(color.Transparent), top: canvas.NewLine(nil), needle: canvas.NewLine(nil), tip: canvas.NewCircle(nil)}
	r.ring.StrokeWidth, r.top.StrokeWidth, r.needle.StrokeWidth = 1.5, 1.5, 2
	r.Refresh()
	return r
}

type dialRenderer struct {
	d           *dial
	ring, tip   *canvas.Circle
	top, needle *canvas.Line
}

func (r *dialRenderer) Destroy()           {}
func (r *dialRenderer) MinSize() fyne.Size { return fyne.NewSize(dialSize, dialSize) }
func (r *dialRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ring, r.top, r.needle, r.tip}
}

func (r *dialRenderer) Layout(s fyne.Size) {
	side := min(s.Width, s.Height) - 3
	mid := fyne.NewPos(s.Width/2, s.Height/2)
	r.ring.Move(mid.SubtractXY(side/2, side/2))
	r.ring.Resize(fyne.NewSize(side, side))
	r.top.Position1, r.top.Position2 = mid.SubtractXY(0, side/2), mid.SubtractXY(0, side/2-3)
	sin, cos := math.Sincos(r.d.angle * math.Pi / 180)
	end := mid.AddXY(float32(sin)*(side/2-4), -float32(cos)*(side/2-4))
	r.needle.Position1, r.needle.Position2 = mid, end
	r.tip.Move(end.SubtractXY(2.5, 2.5))
	r.tip.Resize(fyne.NewSize(5, 5))
}

func (r *dialRenderer) Refresh() {
	ink, needle := themeColor(colorFrost), themeColor(colorGlass)
	if r.d.hovered {
		ink = themeColor(colorGlass)
	}
	if r.d.angle != 0 || r.d.mirrored {
		needle = themeColor(theme.ColorNamePrimary)
	}
	r.ring.StrokeColor, r.top.StrokeColor = ink, ink
	r.needle.StrokeColor, r.tip.FillColor = needle, needle
	r.Layout(r.d.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
}
