package window

import (
	"fmt"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// labelsPanel lists the labels of the slide, a million as easily as ten: sorted
// and filtered in the background, and only the rows in view exist.
type labelsPanel struct {
	w        *Window
	object   fyne.CanvasObject
	list     *rows
	head     *text
	empty    *fyne.Container
	words    *paragraph
	spec     app.TableSpec
	third    app.Column // what the third column shows
	heads    [3]*columnHead
	filter   *formEntry
	bar      *fyne.Container // with the filter
	selected map[annotate.ID]bool
	anchor   int // line of the last plain click, for Shift
	tree     labelTree
	asTree   *button
}

const (
	labelRow   = 21
	filterFrom = 12 // labels from which on there is something to filter
)

func newLabelsPanel(w *Window) *labelsPanel {
	p := &labelsPanel{w: w, selected: map[annotate.ID]bool{}, tree: labelTree{open: map[annotate.ID]bool{}}, spec: app.TableSpec{Column: app.ByDate, Down: true}, third: app.ByDate}
	p.head = newText("", textTiny, colorQuiet)
	p.list = newRows(labelRow, newLabelRow, p.fill)
	p.list.chosen = func(i int) bool { return p.selected[p.brief(i).ID] }
	p.list.tapped = p.tapped
	p.words = newParagraph(textSmall, colorQuiet, 4)
	p.empty = padded(p.words, 10, 8, 10, 10)
	heads := p.newHeads()
	p.filter = newFormEntry("")
	p.filter.SetPlaceHolder("Filter: class, author, name")
	p.filter.OnChanged = func(text string) {
		p.spec.Text = text
		p.w.recount()
	}
	p.filter.OnSubmitted = func(string) { p.w.focus() }
	p.filter.escape = func() {
		p.filter.SetText("")
		p.w.focus()
	}
	p.bar = container.NewVBox(padded(p.filter, 3, 1, 6, 6), heads)
	p.object = section("ANNOTATIONS", p.head, container.NewBorder(p.bar, nil, nil, nil, container.NewStack(p.list, p.empty)))
	return p
}

// Widths of the second and third column.
const (
	areaColumn  = 78
	thirdColumn = 88
)

func (p *labelsPanel) newHeads() *fyne.Container {
	p.heads[0] = newColumnHead(p.w.tips, "", "Sort by class", 40, func() { p.sortBy(app.ByClass) })
	p.heads[1] = newColumnHead(p.w.tips, "", "Sort by area", areaColumn, func() { p.sortBy(app.ByArea) })
	p.heads[1].trailing = true
	p.heads[2] = newColumnHead(p.w.tips, "", "Show and sort by date, author or score", thirdColumn-6, p.askThird)
	p.showHeads()
	p.asTree = newButton(p.w.tips, icon("tree"), "", "", "What lies in what: the annotations as a tree  (Shift+Y)", func() { p.w.run("view.tree"); p.w.focus() }).sized(20, headHeight)
	return padded(container.NewBorder(nil, nil, p.asTree, hbox(8, p.heads[1], p.heads[2]), p.heads[0]), 0, 0, 2, 10)
}

// columnNames are the columns as people see them.
var columnNames = map[app.Column]string{app.ByClass: "Class", app.ByArea: "Area", app.ByAuthor: "Author", app.ByDate: "Changed", app.ByScore: "Score"}

func (p *labelsPanel) showHeads() {
	for i, c := range [3]app.Column{app.ByClass, app.ByArea, p.third} {
		p.heads[i].Set(columnNames[c], c == p.spec.Column, p.spec.Down)
	}
}

// sortBy sorts by a column; by the one that it is sorted by, the other way round.
func (p *labelsPanel) sortBy(c app.Column) {
	if p.spec.Column == c {
		p.spec.Down = !p.spec.Down
	} else {
		p.spec.Column, p.spec.Down = c, c == app.ByArea || c == app.ByDate || c == app.ByScore
	}
	p.showHeads()
	p.list.scrollTo(0)
	p.w.recount()
	p.w.focus()
}

// askThird offers what the third column may show.
func (p *labelsPanel) askThird() {
	var items []*fyne.MenuItem
	for _, c := range []app.Column{app.ByDate, app.ByAuthor, app.ByScore} {
		item := fyne.NewMenuItem(columnNames[c], func() {
			p.third = c
			p.sortBy(c)
		})
		item.Checked = c == p.spec.Column
		items = append(items, item)
	}
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(p.heads[2])
	widget.ShowPopUpMenuAtPosition(fyne.NewMenu("", items...), p.w.win.Canvas(), at.AddXY(0, p.heads[2].Size().Height))
}

// table is the labels as last counted.
func (p *labelsPanel) table() *app.Table { return p.w.survey.labels }

type labelRowView struct {
	row
	branch             *branch
	left               *fyne.Container
	swatch             *canvas.Rectangle
	class, area, third *text
}

func newLabelRow() rowView {
	v := &labelRowView{branch: newBranch(), swatch: swatch(10), class: newText("", textSmall, theme.ColorNameForeground).fixed(40),
		area: newText("", textSmall, theme.ColorNameForeground).trailing().fixed(areaColumn), third: newText("", textSmall, colorQuiet).fixed(thirdColumn - 6)}
	v.left = container.NewBorder(nil, nil, hbox(0, v.branch, container.NewCenter(v.swatch)),
		hbox(8, v.area, v.third), padded(v.class, 0, 0, 5, 0))
	v.box = padded(v.left, 0, 0, 8, 10)
	return v
}

func (p *labelsPanel) fill(i int, o rowView) {
	v, ok := o.(*labelRowView)
	if !ok || i >= p.count() {
		return
	}
	at, depth := p.rowAt(i)
	l := p.table().Brief(at)
	name, c := p.w.classOf(l.Class)
	setSwatch(v.swatch, c)
	below := 0
	if p.tree.lines != nil {
		if below = p.w.survey.tree.Below(at); below > 0 {
			name += "  (" + number(below) + ")"
		}
	}
	v.branch.tapped = func(deep bool) { p.fold(i, deep) }
	if v.branch.Set(p.tree.lines != nil, depth, below > 0, p.tree.open[l.ID]) {
		v.left.Refresh() // what stands beside it moves
	}
	v.class.Set(name)
	v.area.Set(p.areaWords(l))
	switch p.third {
	case app.ByScore:
		v.third.Set(scoreWords(l))
	case app.ByAuthor:
		v.third.Set(byWords(l))
	default:
		v.third.Set(dateWords(l.Changed, time.Now()))
	}
}

// areaWords is the area of a label in µm², in pixels where the slide has no
// scale.
func (p *labelsPanel) areaWords(o annotate.Brief) string {
	if p.w.open == nil {
		return ""
	}
	switch o.Shape {
	case annotate.KindPoint, annotate.KindPoints, annotate.KindLine:
		return "–"
	}
	a, info := o.Area, p.w.open.Slide.Info()
	if info.MPPX <= 0 {
		return number(int(a+0.5)) + " px²"
	}
	y := info.MPPY
	if y <= 0 {
		y = info.MPPX
	}
	a *= info.MPPX * y
	switch {
	case a >= 1e5:
		return fmt.Sprintf("%.3g mm²", a/1e6)
	case a >= 100:
		return number(int(a+0.5)) + " µm²"
	}
	return fmt.Sprintf("%.1f µm²", a)
}

// byWords says who made a label: a person, or a model and what a person said.
func byWords(o annotate.Brief) string {
	switch {
	case o.Kind != annotate.Detection:
		return o.Author
	case o.Decision == annotate.Reclassed:
		return "model, re-classed"
	}
	return "model, accepted"
}

// scoreWords is the model's score; a person gives none.
func scoreWords(o annotate.Brief) string {
	if o.Score == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", o.Score)
}

// dateWords is the hour for today, the day for this year, or the date.
func dateWords(at, now time.Time) string {
	if at.IsZero() {
		return "–"
	}
	at, now = at.Local(), now.Local()
	switch {
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		return at.Format("15:04:05")
	case at.Year() == now.Year():
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006")
}

// reset forgets the selection of another slide.
func (p *labelsPanel) reset() {
	p.selected, p.anchor = map[annotate.ID]bool{}, 0
	p.tree = labelTree{on: p.tree.on, open: map[annotate.ID]bool{}}
	p.w.sheet.reset()
}

// update shows the labels as last counted.
func (p *labelsPanel) update() {
	n, total := p.table().Len(), p.table().Total()
	words := ""
	if p.w.open != nil {
		words = number(total)
		if n < total {
			words = fmt.Sprintf("%s of %s", number(n), number(total))
		}
		if len(p.selected) > 0 {
			words += fmt.Sprintf(" · %s selected", number(len(p.selected)))
		}
	}
	p.head.Set(words)
	show(p.empty, n == 0)
	show(p.bar, total > 0)
	show(p.bar.Objects[0], total >= filterFrom || p.spec.Text != "")
	p.words.Set("")
	switch {
	case p.w.open == nil:
	case total > 0:
		p.words.Set("No label answers the filter.")
	default:
		p.words.Set("No labels yet. Take the rectangle (R) or the polygon (P) and draw on the slide; a number key gives the class.")
	}
	p.asTree.SetActive(p.tree.on)
	p.list.Update(p.count())
}

// follow shows the selection of the viewer in the list.
func (p *labelsPanel) follow(ids []annotate.ID) {
	p.selected = map[annotate.ID]bool{}
	for _, id := range ids {
		p.selected[id] = true
	}
	if len(ids) == 1 {
		p.reveal(ids[0])
	}
	p.update()
}

// tapped selects a label and flies to it; Ctrl adds one, Shift all between.
func (p *labelsPanel) tapped(i int, m fyne.KeyModifier) {
	id := p.brief(i).ID
	if id.IsZero() {
		return
	}
	switch {
	case m&fyne.KeyModifierShift != 0:
		p.w.selectAndShow(p.between(min(p.anchor, i), max(p.anchor, i))...)
	case m&fyne.KeyModifierShortcutDefault != 0:
		ids := p.w.viewer.Selection()
		if k := slices.Index(ids, id); k >= 0 {
			ids = slices.Delete(slices.Clone(ids), k, k+1)
		} else {
			ids = append(slices.Clone(ids), id)
		}
		p.w.viewer.SetSelection(ids)
		p.w.selected(ids)
		p.w.focus()
	default:
		p.anchor = i
		p.w.selectAndShow(id)
	}
}
