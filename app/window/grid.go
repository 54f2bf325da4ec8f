package window

import (
	"slices"

	"fyne.io/fyne/v2"
)

// arrange puts the panes into the centre.
func (c *centre) arrange() {
	c.grid.Objects = nil
	for _, p := range c.w.panes {
		show(p.bar, len(c.w.panes) > 1)
		c.grid.Add(p.object)
	}
	c.w.compare.update()
	c.grid.Refresh()
	c.object.Refresh()
}

const (
	paneGap  = 3   // Fyne units between panes
	paneWide = 420 // Fyne units; three panes as wide stand in a row
)

// panesLayout lays panes out in a grid: two and, where there is room, three in a
// row; else two rows, of which the last may be one wide pane.
type panesLayout struct{ w *Window }

// MinSize implements fyne.Layout.
func (*panesLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(120, 90) }

// Layout implements fyne.Layout.
func (*panesLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	n := len(objects)
	if n == 0 {
		return
	}
	cols := min(n, 2)
	if n == 3 && (s.Width >= 3*paneWide || s.Width > 2.4*s.Height) {
		cols = 3
	}
	rows := (n + cols - 1) / cols
	high := (s.Height - paneGap*float32(rows-1)) / float32(rows)
	for i, o := range objects {
		row := i / cols
		inRow := min(cols, n-row*cols)
		wide := (s.Width - paneGap*float32(inRow-1)) / float32(inRow)
		// Whole units: half a pixel at an edge would blur the text in it.
		x0, x1 := snapUnit(float32(i%cols)*(wide+paneGap)), snapUnit(float32(i%cols)*(wide+paneGap)+wide)
		y0, y1 := snapUnit(float32(row)*(high+paneGap)), snapUnit(float32(row)*(high+paneGap)+high)
		o.Move(fyne.NewPos(x0, y0))
		o.Resize(fyne.NewSize(x1-x0, y1-y0))
	}
}

func snapUnit(v float32) float32 { return float32(int(v + 0.5)) }

// centreLayout lays out the strip above the panes, the panes, and what floats
// above the active one.
type centreLayout struct{ c *centre }

// MinSize implements fyne.Layout.
func (*centreLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(120, 90) }

// Layout implements fyne.Layout.
func (l *centreLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	put := func(o fyne.CanvasObject, x, y, w, h float32) {
		o.Move(fyne.NewPos(x, y))
		o.Resize(fyne.NewSize(max(0, w), max(0, h)))
	}
	put(objects[0], 0, 0, s.Width, s.Height)
	top := float32(0)
	if strip := objects[1]; strip.Visible() {
		top = strip.MinSize().Height
		put(strip, 0, 0, s.Width, top)
	}
	put(objects[2], 0, top, s.Width, s.Height-top)
	x, y, w, h := float32(0), top, s.Width, s.Height-top
	p := l.c.w.active
	if slices.Contains(l.c.w.panes, p) && len(l.c.w.panes) > 1 {
		at, size := p.object.Position(), p.object.Size()
		bar := p.bar.MinSize().Height
		x, y, w, h = at.X, top+at.Y+bar, size.Width, size.Height-bar
	}
	l.c.fitZooms(w)
	for _, o := range objects[3:] {
		put(o, x, y, w, h)
	}
}

// What of the width of a pane is taken by others than the magnifications: the
// overview to the right, and the margins.
const (
	zoomRoom = 276
	zoomWide = 35
)

// zoomOrder is the magnifications in the order in which they are kept where not
// all have room, by their place in the row.
var zoomOrder = [...]int{0, 4, 6, 5, 3, 7, 1, 2}

// fitZooms shows as many magnifications as have room beside the overview.
func (c *centre) fitZooms(width float32) {
	n := max(1, min(len(c.zooms), int((width-zoomRoom)/zoomWide)))
	for i, k := range zoomOrder {
		if k < len(c.zooms) {
			show(c.zooms[k], i < n)
		}
	}
}
