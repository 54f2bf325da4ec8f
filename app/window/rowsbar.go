package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Looks of the bar at the right edge of a list.
const (
	barWidth     = 9  // where it takes the mouse
	barThin      = 4  // as wide as it is drawn at rest
	barLeastPart = 22 // least height of what is dragged
)

// rowsBar shows where in a list one is, and takes one elsewhere.
type rowsBar struct {
	widget.BaseWidget
	list    *rows
	hovered bool
}

func newRowsBar(l *rows) *rowsBar {
	b := &rowsBar{list: l}
	b.ExtendBaseWidget(b)
	return b
}

// part is where what is dragged begins and how high it is; high is 0 when all
// rows are in view.
func (b *rowsBar) part() (top, high float32) {
	view := b.Size().Height
	most := b.list.most()
	if most <= 0 || view <= 0 {
		return 0, 0
	}
	high = min(view, max(barLeastPart, float32(float64(view)*float64(view)/(most+float64(view)))))
	return float32(b.list.offset/most) * (view - high), high
}

// to puts the middle of what is dragged at a height.
func (b *rowsBar) to(y float32) {
	_, high := b.part()
	if room := b.Size().Height - high; high > 0 && room > 0 {
		b.list.scrollTo(float64((y-high/2)/room) * b.list.most())
	}
}

// Tapped implements fyne.Tappable.
func (b *rowsBar) Tapped(e *fyne.PointEvent) { b.to(e.Position.Y) }

// Dragged implements fyne.Draggable.
func (b *rowsBar) Dragged(e *fyne.DragEvent) { b.to(e.Position.Y) }

// DragEnd implements fyne.Draggable.
func (b *rowsBar) DragEnd() {}

// MouseIn implements desktop.Hoverable.
func (b *rowsBar) MouseIn(*desktop.MouseEvent) { b.hovered = true; b.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (b *rowsBar) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *rowsBar) MouseOut() { b.hovered = false; b.Refresh() }

// CreateRenderer implements fyne.Widget.
func (b *rowsBar) CreateRenderer() fyne.WidgetRenderer {
	r := &rowsBarRenderer{b: b, rect: canvas.NewRectangle(color.Transparent)}
	r.rect.CornerRadius = barThin / 2
	r.Refresh()
	return r
}

type rowsBarRenderer struct {
	b    *rowsBar
	rect *canvas.Rectangle
}

func (r *rowsBarRenderer) Destroy()                     {}
func (r *rowsBarRenderer) MinSize() fyne.Size           { return fyne.NewSize(barWidth, barLeastPart) }
func (r *rowsBarRenderer) Layout(fyne.Size)             { r.Refresh() }
func (r *rowsBarRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.rect} }

func (r *rowsBarRenderer) Refresh() {
	top, high := r.b.part()
	wide := float32(barThin)
	if r.b.hovered {
		wide = barWidth - 2
	}
	r.rect.FillColor = color.Transparent
	if high > 0 {
		r.rect.FillColor = themeColor(theme.ColorNameScrollBar)
	}
	r.rect.Move(fyne.NewPos(r.b.Size().Width-wide-1, top))
	r.rect.Resize(fyne.NewSize(wide, high))
	r.rect.Refresh()
}
