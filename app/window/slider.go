package window

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// slider chooses a number between 0 and 1. Unlike Fyne's it never takes the
// keyboard focus.
type slider struct {
	widget.BaseWidget
	value   float64 // 0..1
	step    float64
	notch   float64       // of the wheel; 0 is five steps
	changed func(float64) // while it moves
	hovered bool
	tip     string
	tips    *tips
}

func newSlider(t *tips, tip string, value float64, changed func(float64)) *slider {
	s := &slider{value: value, step: 0.01, changed: changed, tip: tip, tips: t}
	s.ExtendBaseWidget(s)
	return s
}

// Set moves the slider without calling back.
func (s *slider) Set(v float64) {
	if s.value != v {
		s.value = v
		s.Refresh()
	}
}

const knob = 12 // diameter

func (s *slider) to(x float32) {
	w := s.Size().Width - knob
	if w <= 0 {
		return
	}
	v := max(0, min(1, float64((x-knob/2)/w)))
	v = math.Round(v/s.step) * s.step
	if v == s.value {
		return
	}
	s.Set(v)
	if s.changed != nil {
		s.changed(v)
	}
}

// Tapped implements fyne.Tappable.
func (s *slider) Tapped(e *fyne.PointEvent) { s.to(e.Position.X) }

// Dragged implements fyne.Draggable.
func (s *slider) Dragged(e *fyne.DragEvent) { s.to(e.Position.X) }

// DragEnd implements fyne.Draggable.
func (s *slider) DragEnd() {}

// MouseIn implements desktop.Hoverable.
func (s *slider) MouseIn(*desktop.MouseEvent) {
	s.hovered = true
	s.Refresh()
	if s.tip != "" && s.tips != nil {
		s.tips.show(s, s.tip)
	}
}

// MouseMoved implements desktop.Hoverable.
func (s *slider) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (s *slider) MouseOut() {
	s.hovered = false
	s.Refresh()
	if s.tips != nil {
		s.tips.hide()
	}
}

// Scrolled implements fyne.Scrollable: a notch of the wheel is five steps.
func (s *slider) Scrolled(e *fyne.ScrollEvent) {
	d := s.notch
	if d == 0 {
		d = 5 * s.step
	}
	if e.Scrolled.DY < 0 {
		d = -d
	}
	v := max(0, min(1, s.value+d))
	if v != s.value {
		s.Set(v)
		if s.changed != nil {
			s.changed(v)
		}
	}
}

// CreateRenderer implements fyne.Widget.
func (s *slider) CreateRenderer() fyne.WidgetRenderer {
	r := &sliderRenderer{s: s, trough: canvas.NewRectangle(color.Transparent),
		filled: canvas.NewRectangle(color.Transparent), knob: canvas.NewCircle(color.Transparent)}
	r.trough.CornerRadius, r.filled.CornerRadius = 2, 2
	r.Refresh()
	return r
}

type sliderRenderer struct {
	s              *slider
	trough, filled *canvas.Rectangle
	knob           *canvas.Circle
}

func (r *sliderRenderer) Destroy()           {}
func (r *sliderRenderer) MinSize() fyne.Size { return fyne.NewSize(60, 20) }
func (r *sliderRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.trough, r.filled, r.knob}
}

func (r *sliderRenderer) Layout(size fyne.Size) {
	wide := max(0, size.Width-knob) // nothing before it is laid out
	y, x := size.Height/2, wide*float32(r.s.value)
	r.trough.Move(fyne.NewPos(knob/2, y-2))
	r.trough.Resize(fyne.NewSize(wide, 4))
	r.filled.Move(fyne.NewPos(knob/2, y-2))
	r.filled.Resize(fyne.NewSize(x, 4))
	r.knob.Move(fyne.NewPos(x, y-knob/2))
	r.knob.Resize(fyne.NewSize(knob, knob))
}

func (r *sliderRenderer) Refresh() {
	r.trough.FillColor = themeColor(theme.ColorNameInputBorder)
	r.filled.FillColor = themeColor(colorQuiet)
	r.knob.FillColor = themeColor(theme.ColorNameForeground)
	if r.s.hovered {
		r.filled.FillColor = themeColor(theme.ColorNamePrimary)
	}
	r.Layout(r.s.Size())
	r.trough.Refresh()
	r.filled.Refresh()
	r.knob.Refresh()
}
