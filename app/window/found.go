package window

import (
	"fmt"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/app"
)

// foundPanel is what a search found, below the slide: the nearest first, a click
// goes there. The heat map shows the rest.
type foundPanel struct {
	w      *Window
	object *fyne.Container
	head   *text
	row    *fyne.Container
	crops  *crops
	result *app.SearchResult
}

func newFoundPanel(w *Window) *foundPanel {
	p := &foundPanel{w: w, head: newText("", textSmall, colorQuiet).fixed(60), row: hbox(6), crops: newCrops(w)}
	shut := newButton(w.tips, icon("reject"), "", "", "Close what was found", func() { p.shut(); w.focus() }).sized(24, 22)
	again := newButton(w.tips, icon("search"), "Find…", "", "Find patches by words  (Ctrl+F)", func() { w.run("search.open") }).filled().sized(64, 22)
	bar := container.NewBorder(nil, nil, padded(boldText("FOUND", textSmall), 0, 0, 8, 8), hbox(4, again, shut), p.head)
	scroll := container.NewHScroll(padded(p.row, 6, 8, 8, 8))
	p.object = onPanel(container.NewBorder(container.NewVBox(newFill(theme.ColorNameSeparator, 0), container.NewStack(newFill(theme.ColorNameHeaderBackground, 0), padded(bar, 3, 3, 0, 4))), nil, nil, nil, scroll))
	p.object.Hide()
	return p
}

// shut puts the found patches away, and their heat map.
func (p *foundPanel) shut() {
	if p.result != nil && p.result.Heat != nil && p.w.heat.made == p.result.Heat {
		p.w.heat.set(app.HeatNone)
	}
	p.result, p.row.Objects = nil, nil
	p.object.Hide()
	p.w.review.around.Refresh()
}

// show shows what was found.
func (p *foundPanel) show(r *app.SearchResult) {
	w := p.w
	p.result, p.row.Objects = r, nil
	p.crops.reset(w.open)
	words := fmt.Sprintf("%s: the nearest of %s patches on %s, by %s, in %s", r.What, number(r.Patches), plural(r.Slides, "slide"), r.Model, r.Elapsed.Round(100*time.Microsecond))
	if r.Unread > 0 {
		words += fmt.Sprintf("; %s not looked at by this model yet", plural(r.Unread, "slide"))
	}
	p.head.Set(words)
	for _, k := range r.Cases {
		p.row.Add(w.caseView(k, p.crops))
	}
	p.object.Show()
	p.object.Refresh()
	w.review.around.Refresh()
	if r.Heat != nil {
		w.heat.give(r.Heat)
	}
}
