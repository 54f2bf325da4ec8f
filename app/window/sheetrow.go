package window

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// wordColumns are the columns of the table that are no measures, with their titles.
var wordColumns = map[string]string{app.SheetClass: "Class", app.SheetName: "Name", app.SheetInside: "Inside"}

// Widths of columns, Fyne units.
const (
	classColumn   = 132
	wordColumn    = 118
	measureColumn = 96
)

// cols are all columns that are shown: the class, then those that were chosen and that
// the slide has.
func (p *sheetPanel) cols() []string {
	out := []string{app.SheetClass}
	for _, id := range p.columns {
		if _, words := wordColumns[id]; words || p.sheet == nil || slices.ContainsFunc(p.sheet.Columns, func(c app.MeasureColumn) bool { return c.ID == id }) {
			out = append(out, id)
		}
	}
	return out
}

func colWidth(id string) float32 {
	if id == app.SheetClass {
		return classColumn
	}
	if _, words := wordColumns[id]; words {
		return wordColumn
	}
	return measureColumn
}

// wide is how wide all columns are together.
func (p *sheetPanel) wide() float32 {
	w := float32(10)
	for _, id := range p.cols() {
		w += colWidth(id) + 8
	}
	return w
}

// scroll shows the columns from a place on.
func (p *sheetPanel) scroll(left float32) {
	left = max(0, min(p.wide()-p.list.Size().Width, left))
	if left != p.left {
		p.left = left
		p.heads.Refresh()
		for _, c := range p.list.body.used {
			c.view.Object().Refresh()
		}
	}
	p.across.Refresh()
}

// sheetLayout puts the cells of a row, or the heads, under each other.
type sheetLayout struct{ p *sheetPanel }

// MinSize implements fyne.Layout.
func (*sheetLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(40, headHeight) }

// Layout implements fyne.Layout.
func (l *sheetLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	x := 10 - l.p.left
	for i, id := range l.p.cols() {
		if i < len(objects) {
			objects[i].Move(fyne.NewPos(x, 0))
			objects[i].Resize(fyne.NewSize(colWidth(id), s.Height))
		}
		x += colWidth(id) + 8
	}
}

type sheetRow struct {
	row
	swatch *canvas.Rectangle
	cells  []*text
}

func newSheetRow(p *sheetPanel) rowView {
	v := &sheetRow{swatch: swatch(10)}
	var objects []fyne.CanvasObject
	for i, id := range p.cols() {
		cell := newText("", textSmall, theme.ColorNameForeground).fixed(30)
		v.cells = append(v.cells, cell)
		if _, words := wordColumns[id]; !words {
			cell.trailing()
		}
		if i == 0 {
			objects = append(objects, container.NewBorder(nil, nil, container.NewCenter(v.swatch), nil, padded(cell, 0, 0, 5, 0)))
			continue
		}
		objects = append(objects, cell)
	}
	v.box = container.New(&sheetLayout{p}, objects...)
	return v
}

func (p *sheetPanel) fill(i int, o rowView) {
	v, ok := o.(*sheetRow)
	if !ok || i >= p.sheet.Len() {
		return
	}
	b := p.sheet.Brief(i)
	name, c := p.w.classOf(b.Class)
	setSwatch(v.swatch, c)
	line, known := p.lines[i]
	if !known {
		p.want(i)
	}
	for k, id := range p.cols() {
		if k >= len(v.cells) {
			break
		}
		words := "…"
		switch {
		case k == 0:
			words = name
		case !known:
		case id == app.SheetName:
			words = line.Name
		case id == app.SheetInside:
			words = line.Inside
		default:
			words = p.valueWords(id, line)
		}
		v.cells[k].Set(words)
	}
}

// valueWords is a measure of a line for people; a dash where there is none.
func (p *sheetPanel) valueWords(id string, line app.SheetLine) string {
	v, ok := line.Values[id]
	if !ok || math.IsNaN(v) {
		return "–"
	}
	for _, c := range p.sheet.Columns {
		if c.ID == id {
			return measureWords(v, c.Unit)
		}
	}
	return "–"
}

// rebuild makes heads and rows for the columns that are chosen.
func (p *sheetPanel) rebuild() {
	p.heads.Objects = nil
	for _, id := range p.cols() {
		h := newColumnHead(p.w.tips, p.title(id), "Sort by "+strings.ToLower(p.title(id)), 30, func() { p.sortBy(id) })
		_, words := wordColumns[id]
		h.trailing = !words
		p.heads.Add(h)
	}
	p.showHeads()
	p.list.body.used = nil
	p.list.Update(p.sheet.Len())
	p.scroll(p.left)
}

func (p *sheetPanel) title(id string) string {
	if title, ok := wordColumns[id]; ok {
		return title
	}
	if p.sheet != nil {
		for _, c := range p.sheet.Columns {
			if c.ID == id && c.Unit != "" {
				return c.Title + " " + c.Unit
			} else if c.ID == id {
				return c.Title
			}
		}
	}
	return id
}

func (p *sheetPanel) showHeads() {
	for i, id := range p.cols() {
		if i < len(p.heads.Objects) {
			if h, ok := p.heads.Objects[i].(*columnHead); ok {
				h.Set(p.title(id), p.spec.Sort == id, p.spec.Down)
			}
		}
	}
}

// chooseColumns offers the columns; those that are shown are ticked.
func (p *sheetPanel) chooseColumns(at *button) {
	if p.sheet == nil {
		return
	}
	ids := []string{app.SheetName, app.SheetInside}
	for _, c := range p.sheet.Columns {
		ids = append(ids, c.ID)
	}
	var items []*fyne.MenuItem
	for _, id := range ids {
		item := act(p.title(id), true, func() {
			var chosen []string
			for _, other := range ids { // in their own order
				if slices.Contains(p.columns, other) != (other == id) {
					chosen = append(chosen, other)
				}
			}
			p.columns = chosen
			p.w.app.Preferences().SetStringList(prefSheetColumns, chosen)
			clear(p.lines)
			p.rebuild()
			p.w.focus()
		})
		item.Checked = slices.Contains(p.columns, id)
		items = append(items, item)
	}
	p.w.menuAt(at, fyne.NewPos(0, at.Size().Height), items...)
}

// askExport asks where the table as shown shall go.
func (p *sheetPanel) askExport() {
	w, sheet := p.w, p.sheet
	if sheet == nil || w.open == nil {
		return
	}
	var columns []string
	for _, c := range sheet.Columns {
		if slices.Contains(p.columns, c.ID) {
			columns = append(columns, c.ID)
		}
	}
	lines := plural(sheet.Len(), "line")
	w.askMeasures("Export the table of measures", lines+" as shown; "+sheet.Scale.Words(), func(j *job, path string) (string, error) {
		return fmt.Sprintf("Wrote %s of measures to %s", lines, path), sheet.ExportSheet(j.ctx, path, columns, j.progress)
	})
}

// sheetBar is the bar below the table by which its columns are moved, where they need
// more room than there is.
type sheetBar struct {
	widget.BaseWidget
	p *sheetPanel
}

func newSheetBar(p *sheetPanel) *sheetBar {
	b := &sheetBar{p: p}
	b.ExtendBaseWidget(b)
	return b
}

// part is where what is dragged begins and how wide it is; wide is 0 when all
// columns are in view.
func (b *sheetBar) part() (left, wide float32) {
	view, all := b.Size().Width, b.p.wide()
	if view <= 0 || all <= view+1 {
		return 0, 0
	}
	wide = max(barLeastPart, view*view/all)
	return b.p.left / (all - view) * (view - wide), wide
}

// Dragged implements fyne.Draggable.
func (b *sheetBar) Dragged(e *fyne.DragEvent) {
	if _, wide := b.part(); wide > 0 {
		b.p.scroll(b.p.left + e.Dragged.DX*(b.p.wide()-b.Size().Width)/(b.Size().Width-wide))
	}
}

// DragEnd implements fyne.Draggable.
func (b *sheetBar) DragEnd() {}

// CreateRenderer implements fyne.Widget.
func (b *sheetBar) CreateRenderer() fyne.WidgetRenderer {
	r := &sheetBarRenderer{b: b, rect: canvas.NewRectangle(nil)}
	r.rect.CornerRadius = barThin / 2
	r.Refresh()
	return r
}

type sheetBarRenderer struct {
	b    *sheetBar
	rect *canvas.Rectangle
}

func (r *sheetBarRenderer) Destroy()                     {}
func (r *sheetBarRenderer) MinSize() fyne.Size           { return fyne.NewSize(20, barWidth-1) }
func (r *sheetBarRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.rect} }
func (r *sheetBarRenderer) Layout(fyne.Size)             { r.Refresh() }

func (r *sheetBarRenderer) Refresh() {
	left, wide := r.b.part()
	show(r.rect, wide > 0)
	r.rect.FillColor = themeColor(theme.ColorNameScrollBar)
	r.rect.Move(fyne.NewPos(left, 2))
	r.rect.Resize(fyne.NewSize(wide, barThin+1))
	r.rect.Refresh()
}
