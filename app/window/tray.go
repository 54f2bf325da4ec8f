package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
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
	edge := newGrip(nil)
	edge.lying = true
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
