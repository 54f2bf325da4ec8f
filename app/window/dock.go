package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// dock lays out two side panels and a centre. The panels keep their width when
// the window grows, can be dragged wider or narrower, and can be folded away.
type dock struct {
	widget.BaseWidget
	left, centre, right   fyne.CanvasObject
	leftWidth, rightWidth float32
	leftShut, rightShut   bool
	changed               func() // a width or a fold changed by hand; may be nil
	grips                 [2]*grip
}

const (
	gripWidth   = 5
	panelLeast  = 170
	centreLeast = 320
)

func newDock(left, centre, right fyne.CanvasObject, leftWidth, rightWidth float32) *dock {
	d := &dock{left: left, centre: centre, right: right, leftWidth: leftWidth, rightWidth: rightWidth}
	d.grips = [2]*grip{newGrip(func(dx float32) { d.drag(dx, 0) }), newGrip(func(dx float32) { d.drag(0, -dx) })}
	d.grips[0].doubled = func() { d.Toggle(true, false) }
	d.grips[1].doubled = func() { d.Toggle(false, true) }
	d.ExtendBaseWidget(d)
	return d
}

func (d *dock) drag(left, right float32) {
	if left != 0 && d.leftShut || right != 0 && d.rightShut {
		if left > 0 || right > 0 { // pulled out of the edge
			d.Toggle(left > 0, right > 0)
		}
		return
	}
	d.leftWidth = max(panelLeast, d.leftWidth+left)
	d.rightWidth = max(panelLeast, d.rightWidth+right)
	// a panel never pushes the slide out of the window
	over := d.shown(d.leftShut, d.leftWidth) + d.shown(d.rightShut, d.rightWidth) + centreLeast - d.Size().Width
	if over > 0 && left > 0 {
		d.leftWidth = max(panelLeast, d.leftWidth-over)
	}
	if over > 0 && right > 0 {
		d.rightWidth = max(panelLeast, d.rightWidth-over)
	}
	d.Refresh()
	if d.changed != nil {
		d.changed()
	}
}

func (d *dock) shown(shut bool, width float32) float32 {
	if shut {
		return gripWidth // by which it is pulled out again
	}
	return width + gripWidth
}

// Toggle folds or unfolds the panels.
func (d *dock) Toggle(left, right bool) {
	d.leftShut, d.rightShut = d.leftShut != left, d.rightShut != right
	d.Refresh()
	if d.changed != nil {
		d.changed()
	}
}

// CreateRenderer implements fyne.Widget.
func (d *dock) CreateRenderer() fyne.WidgetRenderer { return &dockRenderer{d: d} }

type dockRenderer struct{ d *dock }

func (r *dockRenderer) Destroy() {}

func (r *dockRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.d.centre, r.d.left, r.d.grips[0], r.d.grips[1], r.d.right}
}

func (r *dockRenderer) MinSize() fyne.Size {
	h := max(r.d.left.MinSize().Height, r.d.right.MinSize().Height, r.d.centre.MinSize().Height)
	return fyne.NewSize(centreLeast, h)
}

func (r *dockRenderer) Layout(s fyne.Size) {
	d := r.d
	lw, rw := d.shown(d.leftShut, d.leftWidth), d.shown(d.rightShut, d.rightWidth)
	if over := lw + rw + centreLeast - s.Width; over > 0 && lw+rw > 0 { // a small window shrinks both alike
		k := max(0, 1-over/(lw+rw))
		lw, rw = lw*k, rw*k
	}
	put := func(o fyne.CanvasObject, x, w float32) {
		if w <= 0 {
			o.Hide()
			return
		}
		o.Show()
		o.Move(fyne.NewPos(x, 0))
		o.Resize(fyne.NewSize(w, s.Height))
	}
	put(d.left, 0, lw-gripWidth)
	put(d.grips[0], lw-gripWidth, min(lw, gripWidth))
	put(d.centre, lw, s.Width-lw-rw)
	put(d.grips[1], s.Width-rw, min(rw, gripWidth))
	put(d.right, s.Width-rw+gripWidth, rw-gripWidth)
}

func (r *dockRenderer) Refresh() {
	r.Layout(r.d.Size())
	canvas.Refresh(r.d)
}

// grip is the line between panels by which they are dragged.
type grip struct {
	widget.BaseWidget
	lying   bool // between panels one above the other, dragged up and down
	dragged func(by float32)
	ended   func() // may be nil
	doubled func() // a double click; may be nil
	hovered bool
}

func newGrip(dragged func(by float32)) *grip {
	g := &grip{dragged: dragged}
	g.ExtendBaseWidget(g)
	return g
}

// Dragged implements fyne.Draggable.
func (g *grip) Dragged(e *fyne.DragEvent) {
	if g.lying {
		g.dragged(e.Dragged.DY)
	} else {
		g.dragged(e.Dragged.DX)
	}
}

// DoubleTapped implements fyne.DoubleTappable: it folds a panel, or unfolds it.
func (g *grip) DoubleTapped(*fyne.PointEvent) {
	if g.doubled != nil {
		g.doubled()
	}
}

// DragEnd implements fyne.Draggable.
func (g *grip) DragEnd() {
	if g.ended != nil {
		g.ended()
	}
}

// Cursor implements desktop.Cursorable.
func (g *grip) Cursor() desktop.Cursor {
	if g.lying {
		return desktop.VResizeCursor
	}
	return desktop.HResizeCursor
}

// MouseIn implements desktop.Hoverable.
func (g *grip) MouseIn(*desktop.MouseEvent) { g.hovered = true; g.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (g *grip) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (g *grip) MouseOut() { g.hovered = false; g.Refresh() }

// CreateRenderer implements fyne.Widget.
func (g *grip) CreateRenderer() fyne.WidgetRenderer {
	r := &gripRenderer{g: g, ground: canvas.NewRectangle(nil), handle: canvas.NewRectangle(nil)}
	r.handle.CornerRadius = 1
	r.Refresh()
	return r
}

type gripRenderer struct {
	g              *grip
	ground, handle *canvas.Rectangle
}

func (r *gripRenderer) Destroy()           {}
func (r *gripRenderer) MinSize() fyne.Size { return r.along(gripWidth, 20) }
func (r *gripRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ground, r.handle}
}

func (r *gripRenderer) Layout(s fyne.Size) {
	r.ground.Resize(s)
	m := r.along(2, 24)
	r.handle.Move(fyne.NewPos((s.Width-m.Width)/2, (s.Height-m.Height)/2))
	r.handle.Resize(m)
}

// along is a size that is thin across the grip and long along it.
func (r *gripRenderer) along(thin, long float32) fyne.Size {
	if r.g.lying {
		return fyne.NewSize(long, thin)
	}
	return fyne.NewSize(thin, long)
}

func (r *gripRenderer) Refresh() {
	r.ground.FillColor, r.handle.FillColor = themeColor(theme.ColorNameSeparator), themeColor(colorQuiet)
	if r.g.hovered {
		r.ground.FillColor = themeColor(theme.ColorNamePrimary)
	}
	r.ground.Refresh()
	r.handle.Refresh()
}
