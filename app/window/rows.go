package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// rows is a list of equally high rows of which only the visible ones exist, so
// a hundred thousand cost as much as ten. Unlike widget.List it never takes the
// keyboard focus.
type rows struct {
	widget.BaseWidget
	height float32
	make   func() rowView                      // an empty row
	fill   func(index int, v rowView)          // shows one item in a row
	tapped func(index int, m fyne.KeyModifier) // may be nil
	menu   func(index int, at fyne.Position)   // a secondary click, at in the window; may be nil
	hover  func(index int)                     // may be nil; -1 when the pointer leaves
	chosen func(index int) bool                // whether the row is shown as selected; may be nil
	count  int
	scroll *container.Scroll
	body   *rowsBody
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
	l.scroll = container.NewVScroll(l.body)
	l.scroll.OnScrolled = func(fyne.Position) { l.body.Refresh() }
	return l
}

// Update says how many items there are and shows them anew.
func (l *rows) Update(count int) {
	l.count = count
	l.body.Refresh()
	l.scroll.Refresh() // clamps the offset when the list became shorter
	l.body.Refresh()
}

// Reveal scrolls until the row is in view, as little as possible.
func (l *rows) Reveal(index int) {
	if index < 0 || index >= l.count {
		return
	}
	top, y := l.scroll.Offset.Y, float32(index)*l.height
	switch {
	case y < top:
		top = y
	case y+l.height > top+l.scroll.Size().Height:
		top = y + l.height - l.scroll.Size().Height
	default:
		return
	}
	l.scroll.ScrollToOffset(fyne.NewPos(0, max(0, top)))
	l.body.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (l *rows) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(l.scroll) }

// MinSize is one row, so that a list can be squeezed.
func (l *rows) MinSize() fyne.Size { return fyne.NewSize(80, l.height) }

// Resize implements fyne.CanvasObject; another height shows other rows.
func (l *rows) Resize(s fyne.Size) {
	l.BaseWidget.Resize(s)
	l.body.Refresh()
}

// rowsBody is as high as all rows together.
type rowsBody struct {
	widget.BaseWidget
	list *rows
	used []*rowCell
}

// MinSize implements fyne.CanvasObject.
func (b *rowsBody) MinSize() fyne.Size {
	return fyne.NewSize(40, float32(b.list.count)*b.list.height)
}

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
	view := l.scroll.Size().Height
	first := max(0, int(l.scroll.Offset.Y/l.height))
	n := 0
	if view > 0 {
		n = max(0, min(l.count-first, int(view/l.height)+2))
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
		c.Move(fyne.NewPos(0, float32(c.index)*l.height))
		c.Resize(fyne.NewSize(r.b.Size().Width, l.height))
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
