package window

import (
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// levels shows how often which sample values occur, and the window of a channel
// as two handles: what lies left of the low one is drawn as black, right of the
// high one in the full colour. It never takes the keyboard focus.
type levels struct {
	widget.BaseWidget
	bins       []int64
	from, to   float64 // sample values at the left and right edge
	low, high  float64
	ink        color.Color
	changed    func(low, high float64) // while a handle moves
	held       int                     // 1 the low handle, 2 the high one, 0 none
	picture    *image.RGBA             // of bins, at the size shown
	pictureFor float32                 // its width
	tips       *tips
}

// levelBins is the columns of the histogram.
const levelBins = 128

func newLevels(t *tips, changed func(low, high float64)) *levels {
	l := &levels{tips: t, changed: changed, to: 1, high: 1, ink: color.White}
	l.ExtendBaseWidget(l)
	return l
}

// Show tells the values between the edges, how many samples each part has (nil:
// not known), and the channel's colour.
func (l *levels) SetRange(from, to float64, bins []int64, ink color.Color) {
	l.from, l.to, l.bins, l.ink = from, to, bins, ink
	l.picture = nil
	l.Refresh()
}

// SetWindow moves the handles without calling back.
func (l *levels) SetWindow(low, high float64) {
	if l.low != low || l.high != high {
		l.low, l.high = low, high
		l.Refresh()
	}
}

// at is where a sample value lies, and value which one lies at a place.
func (l *levels) at(v float64) float32 {
	w := float64(l.Size().Width - 2*levelEdge)
	if !(l.to > l.from) {
		return levelEdge
	}
	return levelEdge + float32(min(max((v-l.from)/(l.to-l.from), 0), 1)*w)
}

func (l *levels) value(x float32) float64 {
	w := l.Size().Width - 2*levelEdge
	if w <= 0 {
		return l.from
	}
	return l.from + min(max(float64((x-levelEdge)/w), 0), 1)*(l.to-l.from)
}

// levelEdge is the room for half a handle beside the histogram.
const levelEdge = 5

// MouseDown implements desktop.Mouseable: the nearer handle is taken.
func (l *levels) MouseDown(e *desktop.MouseEvent) {
	x, low, high := e.Position.X, l.at(l.low), l.at(l.high)
	l.held = 1
	if d := math.Abs(float64(x-low)) - math.Abs(float64(x-high)); d > 0 || d == 0 && x > high {
		l.held = 2
	}
	l.move(x)
}

// MouseUp implements desktop.Mouseable.
func (l *levels) MouseUp(*desktop.MouseEvent) { l.held = 0 }

// Dragged implements fyne.Draggable.
func (l *levels) Dragged(e *fyne.DragEvent) { l.move(e.Position.X) }

// DragEnd implements fyne.Draggable.
func (l *levels) DragEnd() { l.held = 0 }

// move brings the handle that is held to a place; handles do not pass each other.
func (l *levels) move(x float32) {
	low, high, v := l.low, l.high, l.value(x)
	gap := (l.to - l.from) / levelBins
	switch l.held {
	case 1:
		low = min(v, high-gap)
	case 2:
		high = max(v, low+gap)
	}
	if low == l.low && high == l.high {
		return
	}
	l.SetWindow(low, high)
	if l.changed != nil {
		l.changed(low, high)
	}
}

// MouseIn implements desktop.Hoverable.
func (l *levels) MouseIn(*desktop.MouseEvent) {
	l.tips.show(l, "How often each value occurs (logarithmic). Drag the handles: values left of the first are drawn as black, right of the second in the full colour.")
}

// MouseMoved implements desktop.Hoverable.
func (l *levels) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (l *levels) MouseOut() { l.tips.hide() }

// draw makes the picture of the histogram, w×h pixels.
func (l *levels) draw(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	most := 0.0
	for _, n := range l.bins {
		most = max(most, math.Log1p(float64(n)))
	}
	if most == 0 {
		return m
	}
	c, ok := color.RGBAModel.Convert(l.ink).(color.RGBA)
	if !ok {
		return m
	}
	for x := range w {
		n := l.bins[x*len(l.bins)/w]
		high := int(math.Round(math.Log1p(float64(n)) / most * float64(h-2)))
		for y := h - high; y < h; y++ {
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

// CreateRenderer implements fyne.Widget.
func (l *levels) CreateRenderer() fyne.WidgetRenderer {
	r := &levelsRenderer{l: l, ground: canvas.NewRectangle(nil), bars: canvas.NewImageFromImage(nil)}
	r.ground.CornerRadius = 3
	r.bars.ScaleMode, r.bars.FillMode = canvas.ImageScaleFastest, canvas.ImageFillStretch
	for i := range r.shades {
		r.shades[i], r.lines[i], r.knobs[i] = canvas.NewRectangle(nil), canvas.NewRectangle(nil), canvas.NewRectangle(nil)
		r.knobs[i].CornerRadius = 2
	}
	r.Refresh()
	return r
}

type levelsRenderer struct {
	l                    *levels
	ground               *canvas.Rectangle
	bars                 *canvas.Image
	shades, lines, knobs [2]*canvas.Rectangle
}

func (r *levelsRenderer) Destroy()           {}
func (r *levelsRenderer) MinSize() fyne.Size { return fyne.NewSize(100, 56) }
func (r *levelsRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ground, r.bars, r.shades[0], r.shades[1], r.lines[0], r.lines[1], r.knobs[0], r.knobs[1]}
}

func (r *levelsRenderer) Layout(s fyne.Size) {
	l := r.l
	r.ground.Resize(s)
	inner := fyne.NewSize(max(1, s.Width-2*levelEdge), max(1, s.Height-4))
	if l.bins != nil && (l.picture == nil || l.pictureFor != inner.Width) {
		l.picture, l.pictureFor = l.draw(2*int(inner.Width), 2*int(inner.Height)), inner.Width
	}
	if l.bins == nil {
		l.picture = nil
	}
	var shown image.Image // a nil *image.RGBA would be an image
	if l.picture != nil {
		shown = l.picture
	}
	if r.bars.Image != shown {
		r.bars.Image = shown
		r.bars.Refresh()
	}
	r.bars.Move(fyne.NewPos(levelEdge, 2))
	r.bars.Resize(inner)
	low, high := l.at(min(l.low, l.high)), l.at(max(l.low, l.high))
	r.shades[0].Move(fyne.NewPos(levelEdge, 2))
	r.shades[0].Resize(fyne.NewSize(max(0, low-levelEdge), inner.Height))
	r.shades[1].Move(fyne.NewPos(high, 2))
	r.shades[1].Resize(fyne.NewSize(max(0, s.Width-levelEdge-high), inner.Height))
	for i, x := range []float32{l.at(l.low), l.at(l.high)} {
		r.lines[i].Move(fyne.NewPos(x-0.75, 0))
		r.lines[i].Resize(fyne.NewSize(1.5, s.Height))
		r.knobs[i].Move(fyne.NewPos(x-levelEdge+1, s.Height-12))
		r.knobs[i].Resize(fyne.NewSize(2*levelEdge-2, 12))
	}
}

func (r *levelsRenderer) Refresh() {
	r.ground.FillColor = themeColor(theme.ColorNameInputBackground)
	ground, ok := color.NRGBAModel.Convert(themeColor(theme.ColorNameInputBackground)).(color.NRGBA)
	if ok {
		ground.A = 170
	}
	for i := range r.shades {
		r.shades[i].FillColor = ground
		r.lines[i].FillColor, r.knobs[i].FillColor = themeColor(theme.ColorNameForeground), themeColor(theme.ColorNameForeground)
	}
	r.Layout(r.l.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
}
