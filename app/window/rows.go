package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// rows is a list of equally high rows of which only the visible ones exist, so
// a million cost as much as ten. Unlike widget.List it never takes the keyboard
// focus, and its place is a float64: Fyne's positions are float32, in which the
// rows of a list higher than 16 million pixels stand beside their places.
type rows struct {
	widget.BaseWidget
	height   float32
	make     func() rowView                      // an empty row
	fill     func(index int, v rowView)          // shows one item in a row
	tapped   func(index int, m fyne.KeyModifier) // may be nil
	menu     func(index int, at fyne.Position)   // the other button of the mouse; may be nil
	hover    func(index int)                     // may be nil; -1 when the pointer leaves
	sideways func(dx float32)                    // the wheel turned to a side; may be nil
	chosen   func(index int) bool                // whether the row is shown as selected; may be nil
	count    int
	offset   float64 // of the upper edge of the window from that of the first row
	body     *rowsBody
	bar      *rowsBar
}

// rowView is what a row is made of; its place in the window is Object.
type rowView interface{ Object() fyne.CanvasObject }

// row is a rowView's container, for embedding.
type row struct{ box *fyne.Container }

// Object implements rowView.
func (r *row) Object() fyne.CanvasObject { return r.box }

func newRows(height float32, make func() rowView, fill func(int, rowView)) *rows {
	l := &rows{height: height, make: make, fill: fill}
	l.ExtendBaseWidget(l)
	l.body = &rowsBody{list: l}
	l.body.ExtendBaseWidget(l.body)
	l.bar = newRowsBar(l)
	return l
}

// Update says how many items there are and shows them anew.
func (l *rows) Update(count int) {
	l.count = count
	l.scrollTo(l.offset)
}

// Reveal scrolls until the row is in view, as little as possible.
func (l *rows) Reveal(index int) {
	if index < 0 || index >= l.count {
		return
	}
	y, view := float64(index)*float64(l.height), float64(l.Size().Height)
	switch {
	case y < l.offset:
		l.scrollTo(y)
	case y+float64(l.height) > l.offset+view:
		l.scrollTo(y + float64(l.height) - view)
	}
}

// most is the offset at which the last row is at the lower edge.
func (l *rows) most() float64 {
	return max(0, float64(l.count)*float64(l.height)-float64(l.Size().Height))
}

// scrollTo shows the list from an offset on, as far as there are rows.
func (l *rows) scrollTo(offset float64) {
	l.offset = max(0, min(l.most(), offset))
	l.body.Refresh()
	l.bar.Refresh()
}

// Scrolled implements fyne.Scrollable, by which the rows are also cut off at the
// edges of the list.
func (l *rows) Scrolled(e *fyne.ScrollEvent) {
	if e.Scrolled.DX != 0 && l.sideways != nil {
		l.sideways(e.Scrolled.DX)
	}
	l.scrollTo(l.offset - float64(e.Scrolled.DY))
}

// CreateRenderer implements fyne.Widget.
func (l *rows) CreateRenderer() fyne.WidgetRenderer { return &rowsListRenderer{l} }

type rowsListRenderer struct{ l *rows }

func (r *rowsListRenderer) Destroy()           {}
func (r *rowsListRenderer) MinSize() fyne.Size { return r.l.MinSize() }
func (r *rowsListRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.l.body, r.l.bar}
}

func (r *rowsListRenderer) Layout(s fyne.Size) {
	r.l.body.Resize(s)
	r.l.bar.Move(fyne.NewPos(s.Width-barWidth, 0))
	r.l.bar.Resize(fyne.NewSize(barWidth, s.Height))
	r.l.scrollTo(r.l.offset)
}

func (r *rowsListRenderer) Refresh() {
	r.l.body.Refresh()
	r.l.bar.Refresh()
}

// MinSize is one row, so that a list can be squeezed.
func (l *rows) MinSize() fyne.Size { return fyne.NewSize(80, l.height) }

// rowsBody holds the rows in view.
type rowsBody struct {
	widget.BaseWidget
	list *rows
	used []*rowCell
}

// MinSize implements fyne.CanvasObject.
func (b *rowsBody) MinSize() fyne.Size { return fyne.NewSize(40, b.list.height) }

// CreateRenderer implements fyne.Widget.
func (b *rowsBody) CreateRenderer() fyne.WidgetRenderer { return &rowsRenderer{b: b} }

type rowsRenderer struct{ b *rowsBody }

func (r *rowsRenderer) Destroy()           {}
func (r *rowsRenderer) MinSize() fyne.Size { return r.b.MinSize() }
func (r *rowsRenderer) Layout(fyne.Size)   { r.place() }
func (r *rowsRenderer) Refresh()           { r.place() }

func (r *rowsRenderer) Objects() []fyne.CanvasObject {
	objs := make([]fyne.CanvasObject, len(r.b.used))
	for i, c := range r.b.used {
		objs[i] = c
	}
	return objs
}

// place puts the row cells where the list is scrolled to and fills them.
func (r *rowsRenderer) place() {
	l := r.b.list
	size := r.b.Size()
	first := int(l.offset / float64(l.height))
	n := 0
	if size.Height > 0 {
		n = max(0, min(l.count-first, int(size.Height/l.height)+2))
	}
	for len(r.b.used) < n {
		r.b.used = append(r.b.used, newRowCell(l))
	}
	for i, c := range r.b.used {
		if i >= n {
			c.index = -1
			c.Hide()
			continue
		}
		c.index = first + i
		c.Show()
		c.Move(fyne.NewPos(0, float32(float64(c.index)*float64(l.height)-l.offset)))
		c.Resize(fyne.NewSize(size.Width, l.height))
		l.fill(c.index, c.view)
		c.Refresh()
	}
}

// rowCell is the place of one visible row.
type rowCell struct {
	widget.BaseWidget
	list    *rows
	index   int // -1: shows nothing
	view    rowView
	hovered bool
}

func newRowCell(l *rows) *rowCell {
	c := &rowCell{list: l, index: -1, view: l.make()}
	c.ExtendBaseWidget(c)
	return c
}

// Tapped implements fyne.Tappable.
func (c *rowCell) Tapped(*fyne.PointEvent) {
	if c.index >= 0 && c.index < c.list.count && c.list.tapped != nil {
		c.list.tapped(c.index, keyModifiers())
	}
}

// TappedSecondary implements fyne.SecondaryTappable.
func (c *rowCell) TappedSecondary(e *fyne.PointEvent) {
	if c.index >= 0 && c.index < c.list.count && c.list.menu != nil {
		c.list.menu(c.index, e.AbsolutePosition)
	}
}

// MouseIn implements desktop.Hoverable.
func (c *rowCell) MouseIn(*desktop.MouseEvent) {
	c.hovered = true
	c.Refresh()
	if c.list.hover != nil {
		c.list.hover(c.index)
	}
}

// MouseMoved implements desktop.Hoverable.
func (c *rowCell) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (c *rowCell) MouseOut() {
	c.hovered = false
	c.Refresh()
	if c.list.hover != nil {
		c.list.hover(-1)
	}
}

// CreateRenderer implements fyne.Widget.
func (c *rowCell) CreateRenderer() fyne.WidgetRenderer {
	r := &rowCellRenderer{c: c, ground: canvas.NewRectangle(color.Transparent), line: canvas.NewRectangle(color.Transparent)}
	r.Refresh()
	return r
}

type rowCellRenderer struct {
	c            *rowCell
	ground, line *canvas.Rectangle
}

func (r *rowCellRenderer) Destroy()           {}
func (r *rowCellRenderer) MinSize() fyne.Size { return fyne.NewSize(40, r.c.list.height) }
func (r *rowCellRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ground, r.line, r.c.view.Object()}
}

func (r *rowCellRenderer) Layout(s fyne.Size) {
	r.ground.Resize(s.SubtractWidthHeight(0, 1))
	r.line.Move(fyne.NewPos(0, s.Height-1))
	r.line.Resize(fyne.NewSize(s.Width, 1))
	r.c.view.Object().Resize(s.SubtractWidthHeight(0, 1))
}

func (r *rowCellRenderer) Refresh() {
	r.line.FillColor = themeColor(theme.ColorNameHeaderBackground)
	ground := color.Color(color.Transparent)
	switch {
	case r.c.list.chosen != nil && r.c.index >= 0 && r.c.list.chosen(r.c.index):
		ground = themeColor(colorActive)
	case r.c.hovered:
		ground = themeColor(theme.ColorNameHover)
	}
	r.ground.FillColor = ground
	r.ground.Refresh()
	r.line.Refresh()
}

// keyModifiers are the modifier keys that are down now; none where the driver
// does not say.
func keyModifiers() fyne.KeyModifier {
	if d, ok := fyne.CurrentApp().Driver().(desktop.Driver); ok {
		return d.CurrentKeyModifiers()
	}
	return 0
}
