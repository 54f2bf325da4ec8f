package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// fill is a rectangle in a colour of the theme.
type fill struct {
	widget.BaseWidget
	name   fyne.ThemeColorName
	radius float32
	border fyne.ThemeColorName // "" for none
}

func newFill(n fyne.ThemeColorName, radius float32) *fill {
	f := &fill{name: n, radius: radius}
	f.ExtendBaseWidget(f)
	return f
}

// SetColor changes the colour by its name in the theme; "" is transparent.
func (f *fill) SetColor(n fyne.ThemeColorName) {
	if f.name != n {
		f.name = n
		f.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (f *fill) CreateRenderer() fyne.WidgetRenderer {
	r := &fillRenderer{f: f, rect: canvas.NewRectangle(color.Transparent)}
	r.Refresh()
	return r
}

type fillRenderer struct {
	f    *fill
	rect *canvas.Rectangle
}

func (r *fillRenderer) Destroy()                     {}
func (r *fillRenderer) Layout(s fyne.Size)           { r.rect.Resize(s) }
func (r *fillRenderer) MinSize() fyne.Size           { return fyne.NewSize(1, 1) }
func (r *fillRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.rect} }

func (r *fillRenderer) Refresh() {
	r.rect.FillColor = color.Transparent
	if r.f.name != "" {
		r.rect.FillColor = themeColor(r.f.name)
	}
	r.rect.CornerRadius = r.f.radius
	if r.f.border != "" {
		r.rect.StrokeColor, r.rect.StrokeWidth = themeColor(r.f.border), 1
	}
	r.rect.Refresh()
}

// swatch is a small square in the colour of a class.
func swatch(side float32) *canvas.Rectangle {
	s := canvas.NewRectangle(color.Transparent)
	s.CornerRadius = side / 5
	s.SetMinSize(fyne.NewSize(side, side))
	return s
}

func setSwatch(s *canvas.Rectangle, c color.Color) {
	rim := themeColor(theme.ColorNameInputBorder) // or black would not be seen on a dark panel
	if s.FillColor != c || s.StrokeColor != rim {
		s.FillColor, s.StrokeColor, s.StrokeWidth = c, rim, 1
		s.Refresh()
	}
}

// bar is a thin line filled from the left: progress or a score.
type bar struct {
	widget.BaseWidget
	value float64 // 0..1
	color fyne.ThemeColorName
}

func newBar() *bar {
	b := &bar{color: theme.ColorNamePrimary}
	b.ExtendBaseWidget(b)
	return b
}

// Set changes the filled share, 0..1, and its colour.
func (b *bar) Set(value float64, c fyne.ThemeColorName) {
	value = max(0, min(1, value))
	if b.value != value || b.color != c {
		b.value, b.color = value, c
		b.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (b *bar) CreateRenderer() fyne.WidgetRenderer {
	r := &barRenderer{b: b, trough: canvas.NewRectangle(color.Transparent), filled: canvas.NewRectangle(color.Transparent)}
	r.trough.CornerRadius, r.filled.CornerRadius = 2, 2
	r.Refresh()
	return r
}

type barRenderer struct {
	b              *bar
	trough, filled *canvas.Rectangle
}

func (r *barRenderer) Destroy()           {}
func (r *barRenderer) MinSize() fyne.Size { return fyne.NewSize(24, 6) }
func (r *barRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.trough, r.filled}
}

func (r *barRenderer) Layout(s fyne.Size) {
	y := (s.Height - 4) / 2
	r.trough.Move(fyne.NewPos(0, y))
	r.trough.Resize(fyne.NewSize(s.Width, 4))
	r.filled.Move(fyne.NewPos(0, y))
	r.filled.Resize(fyne.NewSize(s.Width*float32(r.b.value), 4))
}

func (r *barRenderer) Refresh() {
	r.trough.FillColor, r.filled.FillColor = themeColor(colorChip), themeColor(r.b.color)
	r.Layout(r.b.Size())
	r.trough.Refresh()
	r.filled.Refresh()
}

// padded puts room around an object: top, bottom, left, right.
func padded(o fyne.CanvasObject, top, bottom, left, right float32) *fyne.Container {
	return container.New(layout.NewCustomPaddedLayout(top, bottom, left, right), o)
}

// hbox and vbox are boxes with a chosen gap between their objects.
func hbox(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedHBoxLayout(gap), objects...)
}

func vbox(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedVBoxLayout(gap), objects...)
}

func onPanel(o fyne.CanvasObject) *fyne.Container {
	return container.NewStack(newFill(colorPanel, 0), o)
}

// hud is the dark or light glass behind what floats above the slide.
func hud(o fyne.CanvasObject) *fyne.Container {
	return container.NewStack(newFill(colorHUD, 6), padded(o, 3, 3, 6, 6))
}

// section is a heading with words at its right end, above a body.
func section(title string, right *text, body fyne.CanvasObject) *fyne.Container {
	return container.NewBorder(heading(title, right), nil, nil, nil, body)
}

func heading(title string, right *text) *fyne.Container {
	right.trailing()
	return container.NewStack(newFill(theme.ColorNameHeaderBackground, 0),
		padded(container.NewBorder(nil, nil, boldText(title, textSmall), nil, padded(right, 0, 0, 8, 0)), 4, 4, 8, 8))
}
