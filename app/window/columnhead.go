package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// columnHead is the head of a column of a table: pressed, it sorts. A chevron
// shows the way it is sorted. It never takes the keyboard focus.
type columnHead struct {
	widget.BaseWidget
	words    string
	width    float32
	trailing bool
	sorted   bool
	down     bool
	hovered  bool
	tip      string
	tips     *tips
	tapped   func()
}

func newColumnHead(t *tips, words, tip string, width float32, tapped func()) *columnHead {
	h := &columnHead{words: words, width: width, tip: tip, tips: t, tapped: tapped}
	h.ExtendBaseWidget(h)
	return h
}

const headHeight = 17

// Set changes the words and how the column is sorted.
func (h *columnHead) Set(words string, sorted, down bool) {
	if h.words != words || h.sorted != sorted || h.down != down {
		h.words, h.sorted, h.down = words, sorted, down
		h.Refresh()
	}
}

// Tapped implements fyne.Tappable.
func (h *columnHead) Tapped(*fyne.PointEvent) {
	h.tips.hide()
	h.tapped()
}

// MouseIn implements desktop.Hoverable.
func (h *columnHead) MouseIn(*desktop.MouseEvent) {
	h.hovered = true
	h.Refresh()
	h.tips.show(h, h.tip)
}

// MouseMoved implements desktop.Hoverable.
func (h *columnHead) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (h *columnHead) MouseOut() {
	h.hovered = false
	h.Refresh()
	h.tips.hide()
}

// CreateRenderer implements fyne.Widget.
func (h *columnHead) CreateRenderer() fyne.WidgetRenderer {
	r := &columnHeadRenderer{h: h, line: canvas.NewText("", color.Transparent)}
	r.line.TextSize = textTiny
	for i := range r.chevron {
		r.chevron[i] = canvas.NewLine(color.Transparent)
		r.chevron[i].StrokeWidth = 1.4
	}
	r.Refresh()
	return r
}

type columnHeadRenderer struct {
	h       *columnHead
	line    *canvas.Text
	chevron [2]*canvas.Line
}

func (r *columnHeadRenderer) Destroy()           {}
func (r *columnHeadRenderer) MinSize() fyne.Size { return fyne.NewSize(r.h.width, headHeight) }
func (r *columnHeadRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.line, r.chevron[0], r.chevron[1]}
}

const chevron = 6 // as wide as it is

func (r *columnHeadRenderer) Layout(s fyne.Size) {
	m := r.line.MinSize()
	x := float32(0)
	if r.h.trailing {
		x = s.Width - m.Width - chevron - 4
	}
	r.line.Move(fyne.NewPos(x, (s.Height-m.Height)/2))
	r.line.Resize(m)
	x += m.Width + 4
	top, tip := s.Height/2+2, s.Height/2-1.5
	if r.h.down {
		top, tip = s.Height/2-1.5, s.Height/2+2
	}
	for i, far := range [2]float32{0, chevron} {
		r.chevron[i].Position1, r.chevron[i].Position2 = fyne.NewPos(x+far, top), fyne.NewPos(x+chevron/2, tip)
	}
}

func (r *columnHeadRenderer) Refresh() {
	ink := colorQuiet
	if r.h.hovered || r.h.sorted {
		ink = theme.ColorNameForeground
	}
	r.line.Text, r.line.Color = r.h.words, themeColor(ink)
	for _, l := range r.chevron {
		l.StrokeColor = color.Transparent
		if r.h.sorted {
			l.StrokeColor = themeColor(ink)
		}
	}
	r.Layout(r.h.Size())
	canvas.Refresh(r.line)
	for _, l := range r.chevron {
		canvas.Refresh(l)
	}
}
