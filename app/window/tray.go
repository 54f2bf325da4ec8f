package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Heights of the tray below the slide, Fyne units.
const (
	trayAtFirst = 230
	trayLeast   = 110
	trayLeaves  = 180 // for the slide
)

// newTray puts the table of measures below the slide, with an edge by which it is
// made higher or lower.
func newTray(slide fyne.CanvasObject, p *sheetPanel) *fyne.Container {
	edge := &trayEdge{}
	edge.ExtendBaseWidget(edge)
	tray := container.New(&trayLayout{p}, slide, edge, p.object)
	edge.dragged = func(dy float32) {
		room := tray.Size().Height - trayLeaves
		p.height = max(trayLeast, min(room, p.height-dy))
		tray.Refresh()
	}
	edge.ended = func() { p.w.app.Preferences().SetFloat(prefSheet, float64(p.height)) }
	p.arrange = tray.Refresh
	return tray
}

type trayLayout struct{ p *sheetPanel }

// MinSize implements fyne.Layout.
func (l *trayLayout) MinSize(objects []fyne.CanvasObject) fyne.Size { return objects[0].MinSize() }

// Layout implements fyne.Layout.
func (l *trayLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	high := float32(0)
	if l.p.shown {
		high = max(0, min(l.p.height, s.Height-trayLeaves))
	}
	for i, o := range objects[1:] {
		show(o, l.p.shown)
		y, h := s.Height-high, float32(gripWidth)
		if i == 1 {
			y, h = y+gripWidth, high-gripWidth
		}
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(s.Width, max(0, h)))
	}
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(fyne.NewSize(s.Width, s.Height-high))
}

// trayEdge is the upper edge of the tray.
type trayEdge struct {
	widget.BaseWidget
	dragged func(dy float32)
	ended   func()
	hovered bool
}

// Dragged implements fyne.Draggable.
func (g *trayEdge) Dragged(e *fyne.DragEvent) { g.dragged(e.Dragged.DY) }

// DragEnd implements fyne.Draggable.
func (g *trayEdge) DragEnd() { g.ended() }

// Cursor implements desktop.Cursorable.
func (g *trayEdge) Cursor() desktop.Cursor { return desktop.VResizeCursor }

// MouseIn implements desktop.Hoverable.
func (g *trayEdge) MouseIn(*desktop.MouseEvent) { g.hovered = true; g.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (g *trayEdge) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (g *trayEdge) MouseOut() { g.hovered = false; g.Refresh() }

// CreateRenderer implements fyne.Widget.
func (g *trayEdge) CreateRenderer() fyne.WidgetRenderer {
	r := &trayEdgeRenderer{g: g, ground: canvas.NewRectangle(nil), handle: canvas.NewRectangle(nil)}
	r.handle.CornerRadius = 1
	r.Refresh()
	return r
}

type trayEdgeRenderer struct {
	g              *trayEdge
	ground, handle *canvas.Rectangle
}

func (r *trayEdgeRenderer) Destroy()           {}
func (r *trayEdgeRenderer) MinSize() fyne.Size { return fyne.NewSize(20, gripWidth) }
func (r *trayEdgeRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ground, r.handle}
}

func (r *trayEdgeRenderer) Layout(s fyne.Size) {
	r.ground.Resize(s)
	r.handle.Move(fyne.NewPos(s.Width/2-12, s.Height/2-1))
	r.handle.Resize(fyne.NewSize(24, 2))
}

func (r *trayEdgeRenderer) Refresh() {
	r.ground.FillColor, r.handle.FillColor = themeColor(theme.ColorNameSeparator), themeColor(colorQuiet)
	if r.g.hovered {
		r.ground.FillColor = themeColor(theme.ColorNamePrimary)
	}
	r.ground.Refresh()
	r.handle.Refresh()
}
