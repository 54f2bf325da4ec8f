package window

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
)

// sheetPanel is the table of measures below the slide. It is measured, filtered and
// sorted in the background, where that tells how far it is and can be stopped; only the rows
// in view exist, and their measures are taken when they come into view.
type sheetPanel struct {
	w       *Window
	object  fyne.CanvasObject
	shown   bool
	height  float32
	arrange func() // lays the tray out anew

	spec    app.SheetSpec
	columns []string   // beside the class, as chosen
	sheet   *app.Sheet // as last made; nil before the first
	stop    func()     // ends what is being made; nil when nothing is
	turn    int        // counts what was asked for
	makes   *latest

	lines  map[int]app.SheetLine // measured rows of the sheet
	wanted map[int]bool          // rows in view that are not
	asking bool
	reads  *latest

	list   *rows
	heads  *fyne.Container
	across *sheetBar
	left   float32 // how far it is scrolled to the right
	filter *formEntry
	words  *text
	halt   *button
	empty  *emptySheet
}

// What is remembered of the table between runs.
const (
	prefSheet        = "sheet.height"
	prefSheetColumns = "sheet.columns"
)

// sheetAtFirst are the columns before a person chose others.
var sheetAtFirst = []string{app.SheetInside, "area", "perimeter", "feretMax", "circularity", "inside"}

func newSheetPanel(w *Window) *sheetPanel {
	prefs := w.app.Preferences()
	p := &sheetPanel{w: w, height: float32(prefs.FloatWithFallback(prefSheet, trayAtFirst)), makes: newLatest(), reads: newLatest(),
		columns: prefs.StringListWithFallback(prefSheetColumns, sheetAtFirst), lines: map[int]app.SheetLine{}, wanted: map[int]bool{}}
	p.list = newRows(labelRow, func() rowView { return newSheetRow(p) }, p.fill)
	p.list.chosen = func(i int) bool { return w.labels.selected[p.sheet.Brief(i).ID] }
	p.list.tapped = p.tapped
	p.list.sideways = func(dx float32) { p.scroll(p.left - dx) }
	p.heads = container.New(&sheetLayout{p})
	p.across = newSheetBar(p)
	p.filter = newFormEntry("")
	p.filter.SetPlaceHolder("Filter: words, area>500, circularity<0.7")
	p.filter.OnChanged = func(text string) {
		p.spec.Query = text
		p.refresh()
	}
	p.filter.OnSubmitted = func(string) { w.focus() }
	p.filter.escape = func() {
		p.filter.SetText("")
		w.focus()
	}
	p.words = newText("", textSmall, colorQuiet)
	p.halt = newButton(w.tips, nil, "Stop", "", "Stop measuring", func() { p.cancel(); p.words.Set("Stopped"); p.halt.Hide() }).sized(48, 24)
	p.halt.Hide()
	var choose *button
	choose = newButton(w.tips, nil, "Columns…", "", "Which measures are shown", func() { p.chooseColumns(choose) }).sized(76, 24)
	export := newButton(w.tips, nil, "Export…", "", "Write the table as shown: CSV", p.askExport).sized(70, 24)
	shut := newButton(w.tips, icon("reject"), "", "", "Close the table  (Shift+T)", w.toggleSheet).sized(26, 24)
	bar := container.NewBorder(nil, nil, container.NewHBox(padded(boldText("MEASURES", textSmall), 0, 0, 8, 6)),
		hbox(4, container.NewCenter(p.words), p.halt, choose, export, shut), p.filter)
	top := container.NewVBox(container.NewStack(newFill(theme.ColorNameHeaderBackground, 0), padded(bar, 3, 3, 0, 4)),
		container.New(&heightLayout{height: headHeight + 3}, container.NewClip(p.heads)))
	p.empty = newEmptySheet()
	p.object = onPanel(container.NewBorder(top, p.across, nil, nil, container.NewStack(p.list, p.empty.object)))
	p.rebuild()
	return p
}

// toggleSheet shows the table of measures, or puts it away.
func (w *Window) toggleSheet() {
	p := w.sheet
	p.shown = !p.shown
	if p.shown {
		p.refresh()
	} else {
		p.cancel()
	}
	p.arrange()
	w.menuState()
	w.focus()
}

// cancel ends what is being made.
func (p *sheetPanel) cancel() {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	p.turn++
}

// reset forgets the labels of another slide.
func (p *sheetPanel) reset() {
	p.cancel()
	p.sheet = nil
	clear(p.lines)
	clear(p.wanted)
	p.list.Update(0)
	p.empty.tell(1, 1) // nobody knows yet
	p.words.Set("")
}

// recounted hears that the labels changed.
func (p *sheetPanel) recounted() { p.refresh() }

// tellEvery is how often it is said how far the measuring is.
const tellEvery = 120 * time.Millisecond

// refresh has the table made anew.
func (p *sheetPanel) refresh() {
	w := p.w
	if !p.shown || w.open == nil || w.session == nil {
		return
	}
	p.cancel()
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	turn, s, slide, spec, old := p.turn, w.session, w.open.Item.ID, p.spec, p.sheet
	var told atomic.Int64
	progress := func(stage string, done, total int) {
		now := time.Now().UnixNano()
		if before := told.Load(); now-before < int64(tellEvery) || !told.CompareAndSwap(before, now) {
			return
		}
		words := stage + " …"
		if total > 0 {
			words = fmt.Sprintf("%s %s of %s", stage, number(done), number(total))
		}
		go w.post(func() {
			if turn == p.turn && p.stop != nil {
				p.words.SetColor(colorQuiet)
				p.words.Set(words)
				show(p.halt, true)
			}
		})
	}
	p.makes.do(func() {
		sheet, err := s.MakeSheet(ctx, slide, spec, old, progress)
		w.post(func() {
			if turn == p.turn {
				p.made(sheet, err)
			}
		})
		stop()
	})
}

// made shows a table, or why there is none.
func (p *sheetPanel) made(sheet *app.Sheet, err error) {
	p.stop = nil
	show(p.halt, false)
	p.words.SetColor(colorQuiet)
	switch {
	case errors.Is(err, context.Canceled):
		return
	case err != nil:
		p.words.SetColor(theme.ColorNameError)
		p.words.Set(err.Error())
		return
	}
	changed := p.sheet == nil || !slices.EqualFunc(p.sheet.Columns, sheet.Columns, func(a, b app.MeasureColumn) bool { return a.ID == b.ID && a.Unit == b.Unit })
	p.sheet = sheet
	clear(p.lines)
	clear(p.wanted)
	words := plural(sheet.Total(), "annotation")
	if sheet.Len() < sheet.Total() {
		words = fmt.Sprintf("%s of %s", number(sheet.Len()), number(sheet.Total()))
	}
	switch { // shortly: the filter stands in the same line
	case !sheet.Scale.Known:
		words += " · in pixels"
	case sheet.Scale.Assumed:
		words += " · scale assumed"
	}
	p.words.Set(words)
	if changed {
		p.rebuild()
	}
	p.list.Update(sheet.Len())
	p.empty.tell(sheet.Total(), sheet.Len())
}

// sortBy sorts by a column; by the one that it is sorted by, the other way round.
func (p *sheetPanel) sortBy(id string) {
	if p.spec.Sort == id {
		p.spec.Down = !p.spec.Down
	} else {
		_, words := wordColumns[id]
		p.spec.Sort, p.spec.Down = id, !words
	}
	p.showHeads()
	p.list.scrollTo(0)
	p.refresh()
	p.w.focus()
}

// tapped selects a label and flies to it; Ctrl adds one, or takes it out.
func (p *sheetPanel) tapped(i int, m fyne.KeyModifier) {
	id := p.sheet.Brief(i).ID
	if id.IsZero() {
		return
	}
	if m&fyne.KeyModifierShortcutDefault == 0 {
		p.w.selectAndShow(id)
		return
	}
	ids := slices.Clone(p.w.viewer.Selection())
	if k := slices.Index(ids, id); k >= 0 {
		ids = slices.Delete(ids, k, k+1)
	} else {
		ids = append(ids, id)
	}
	p.w.viewer.SetSelection(ids)
	p.w.selected(ids)
	p.w.focus()
}

// follow shows the selection of the viewer in the table.
func (p *sheetPanel) follow(ids []annotate.ID) {
	if !p.shown {
		return
	}
	if len(ids) == 1 {
		p.list.Reveal(p.sheet.Row(ids[0]))
	}
	p.list.body.Refresh()
}

// mostLines bounds the measured rows that are kept.
const mostLines = 4000

// want has a row in view measured.
func (p *sheetPanel) want(row int) {
	p.wanted[row] = true
	if !p.asking {
		p.asking = true
		go p.w.post(p.ask)
	}
}

// ask has the rows that are wanted measured, in the background.
func (p *sheetPanel) ask() {
	p.asking = false
	sheet, open := p.sheet, p.w.open
	if sheet == nil || open == nil || len(p.wanted) == 0 {
		return
	}
	var asked []int
	for row := range p.wanted {
		asked = append(asked, row)
	}
	clear(p.wanted)
	slices.Sort(asked)
	columns := slices.Clone(p.columns)
	p.reads.do(func() {
		lines := sheet.Lines(context.Background(), open.Set, asked, columns)
		p.w.post(func() {
			if p.sheet != sheet || !slices.Equal(columns, p.columns) {
				return
			}
			if len(p.lines) > mostLines {
				clear(p.lines)
			}
			for _, row := range asked { // what cannot be read is not asked for again
				p.lines[row] = lines[row]
			}
			p.list.body.Refresh()
		})
	})
}
