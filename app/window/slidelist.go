package window

import (
	"fmt"
	"image/color"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// slidesPanel is the left panel: the slides of the project, filtered and by
// case, and what is known of the one that is open.
type slidesPanel struct {
	w      *Window
	object fyne.CanvasObject
	items  []app.SlideItem
	list   *rows
	head   *text
	empty  *fyne.Container
	thumbs *thumbs

	lines   []slideLine // what the list shows
	filter  *formEntry
	choose  *button
	wrong   *paragraph      // why the filter is not understood
	folded  map[string]bool // cases that are folded away
	grouped bool            // by case
	split   *container.Split

	file     string // size and name of the open slide's file
	metaHead *text
	meta     *fyne.Container
}

// slideLine is a line of the list: a case with the slides below it, or a slide.
type slideLine struct {
	group *app.SlideGroup // nil: a slide
	item  int             // place in items
}

const slideRow = 56

func newSlidesPanel(w *Window) *slidesPanel {
	p := &slidesPanel{w: w, thumbs: newThumbs(w), folded: map[string]bool{}}
	p.grouped = w.app.Preferences().BoolWithFallback(prefGroup, true)
	p.head = newText("", textTiny, colorQuiet)
	p.list = newRows(slideRow, func() rowView { return newSlideRow() }, p.fill)
	p.list.chosen = func(i int) bool {
		return i < len(p.lines) && p.lines[i].group == nil && w.open != nil && p.items[p.lines[i].item].ID == w.open.Item.ID
	}
	p.list.tapped = p.tapped
	p.list.menu = func(i int, at fyne.Position) { w.slideMenu(i, at) }

	p.filter = newFormEntry("")
	p.filter.SetPlaceHolder("Filter slides…  Ctrl+P")
	p.filter.OnChanged = func(string) { p.arrange() }
	p.filter.escape = func() { p.filter.SetText(""); w.focus() }
	p.filter.OnSubmitted = func(string) { p.openFirst() }
	p.choose = newButton(w.tips, icon("search"), "", "", "What to filter by, and cases", p.askFilter).sized(28, 26)
	p.wrong = newParagraph(textTiny, theme.ColorNameError, 4)
	p.wrong.Hide()
	line := padded(vbox(1, container.NewBorder(nil, nil, nil, container.NewCenter(p.choose), p.filter), p.wrong), 3, 3, 5, 5)

	words := newParagraph(textSmall, colorQuiet, 4)
	words.Set("No slides yet. Add one, or drop slide files here.")
	add := newButton(w.tips, icon("plus"), "Add slide…", "", "", func() { w.run("file.addSlide") }).filled()
	p.empty = padded(vbox(8, words, container.NewHBox(add)), 12, 8, 10, 10)
	slides := section("SLIDES", p.head, container.NewBorder(line, nil, nil, nil, container.NewStack(p.list, p.empty)))

	p.metaHead = newText("", textTiny, colorQuiet).trailing()
	p.meta = container.New(layout.NewFormLayout())
	meta := section("SLIDE", p.metaHead, container.NewVScroll(padded(p.meta, 5, 5, 8, 6)))
	p.split = container.NewVSplit(slides, meta)
	p.split.Offset = w.app.Preferences().FloatWithFallback(prefLeftSplit, 0.66)
	p.object = onPanel(p.split)
	return p
}

// slideRowView is what a row of the list is made of.
type slideRowView struct {
	row
	slide, group *fyne.Container
	thumb        *canvas.Image
	missing      *fyne.Container
	name         *text
	words        *text
	bar          *bar
	fold         *canvas.Image
	caseName     *text
	caseWords    *text
}

func newSlideRow() rowView {
	v := &slideRowView{thumb: canvas.NewImageFromImage(nil), name: boldText("", 12).fixed(40),
		words: newText("", textTiny, colorQuiet).fixed(40), bar: newBar()}
	v.words.shorten = func(s string, width float32) string { return cutParts(s, width, v.words.size, v.words.style) }
	v.thumb.ScaleMode = canvas.ImageScaleFastest
	v.thumb.FillMode = canvas.ImageFillContain
	gone := canvas.NewImageFromResource(iconIn("missing", theme.ColorNameError))
	gone.FillMode = canvas.ImageFillContain
	v.missing = padded(gone, 12, 12, 16, 16)
	ground := canvas.NewRectangle(color.NRGBA{245, 245, 245, 255})
	ground.CornerRadius = 3
	place := container.NewGridWrap(fyne.NewSize(62, 47), container.NewStack(ground, padded(v.thumb, 2, 2, 2, 2), v.missing))
	lines := container.New(layout.NewCustomPaddedVBoxLayout(2), v.name, v.words, v.bar)
	v.slide = padded(container.NewBorder(nil, nil, place, nil, padded(lines, 3, 0, 4, 4)), 4, 3, 5, 2)

	v.fold = canvas.NewImageFromResource(nil)
	v.fold.FillMode = canvas.ImageFillContain
	v.fold.SetMinSize(fyne.NewSize(14, 14))
	v.caseName, v.caseWords = boldText("", textBody).fixed(40), newText("", textTiny, colorQuiet).fixed(40)
	v.group = container.NewStack(newFill(theme.ColorNameHeaderBackground, 0),
		padded(container.NewBorder(nil, nil, padded(container.NewCenter(v.fold), 0, 0, 0, 4), nil, vbox(2, v.caseName, v.caseWords)), 11, 4, 8, 6))
	v.group.Hide()
	v.box = container.NewStack(v.slide, v.group)
	return v
}

// fill shows a line in a row.
func (p *slidesPanel) fill(i int, o rowView) {
	v, ok := o.(*slideRowView)
	if !ok || i >= len(p.lines) {
		return
	}
	line := p.lines[i]
	show(v.slide, line.group == nil)
	show(v.group, line.group != nil)
	if line.group != nil {
		p.fillGroup(line.group, v)
		return
	}
	item := p.items[line.item]
	v.name.Set(item.Name)
	if im := p.thumbs.get(item, p.list.body.Refresh); im != v.thumb.Image {
		v.thumb.Image = im
		v.thumb.Refresh()
	}
	show(v.missing, item.Missing)
	v.words.Set(slideWords(item))
	v.words.SetColor(colorQuiet)
	if item.Missing {
		v.words.SetColor(theme.ColorNameError)
	}
	share, c := slideProgress(item)
	show(v.bar, share >= 0)
	v.bar.Set(max(0, share), c)
}

// fillGroup shows a case.
func (p *slidesPanel) fillGroup(g *app.SlideGroup, v *slideRowView) {
	name := g.Case
	if name == "" {
		name = "Without a case"
	}
	v.caseName.Set(name)
	fold := iconIn(map[bool]string{true: "folded", false: "unfolded"}[p.folded[g.Case]], colorQuiet)
	if v.fold.Resource == nil || v.fold.Resource.Name() != fold.Name() {
		v.fold.Resource = fold
		v.fold.Refresh()
	}
	labels, done := 0, 0
	for _, i := range g.Items {
		labels += p.items[i].Labels
		if p.items[i].Reviewed {
			done++
		}
	}
	words := plural(len(g.Items), "slide") + " · " + plural(labels, "label")
	if done > 0 {
		words += fmt.Sprintf(" · %d reviewed", done)
	}
	v.caseWords.Set(words)
}

// slideProgress is how much of the bar of a slide is full, less than 0 for no
// bar, and in which colour: green when it is done, else what was seen of the
// tissue or, while suggestions wait, decided of them.
func slideProgress(item app.SlideItem) (share float64, c fyne.ThemeColorName) {
	all := item.Labels + item.Suggestions + item.Rejected
	switch {
	case item.Reviewed:
		return 1, theme.ColorNameSuccess
	case item.Suggestions > 0:
		return float64(item.Labels+item.Rejected) / float64(all), theme.ColorNamePrimary
	case item.Seen > 0:
		return item.Seen, theme.ColorNamePrimary
	case item.Rejected > 0:
		return 1, theme.ColorNameSuccess
	}
	return -1, theme.ColorNamePrimary
}

// cutParts leaves out the last of some facts while they have no room: half a fact
// is none.
func cutParts(s string, width, size float32, style fyne.TextStyle) string {
	parts := strings.Split(s, " · ")
	for n := len(parts); n > 1; n-- {
		if line := strings.Join(parts[:n], " · "); fyne.MeasureText(line, size, style).Width <= width+0.5 {
			return line
		}
	}
	return cut(parts[0], width, size, style)
}

// slideWords says in a line how far a slide is.
func slideWords(item app.SlideItem) string {
	if item.Missing {
		return "file not found"
	}
	var parts []string
	if item.Reviewed {
		parts = append(parts, "reviewed")
	}
	if item.Labels > 0 || item.Suggestions > 0 {
		parts = append(parts, plural(item.Labels, "label"))
	}
	if item.Suggestions > 0 {
		parts = append(parts, number(item.Suggestions)+" to review")
	}
	if item.Seen > 0 && !item.Reviewed {
		parts = append(parts, fmt.Sprintf("%d %% seen", viewer.SeenPercent(item.Seen)))
	}
	if len(parts) == 0 {
		return "no labels yet"
	}
	return strings.Join(parts, " · ")
}

// update shows the list of slides anew.
func (p *slidesPanel) update() {
	show(p.empty, len(p.items) == 0)
	p.filter.SetPlaceHolder("Filter slides…  Ctrl+P")
	p.arrange()
}

// arrange chooses the lines of the list.
func (p *slidesPanel) arrange() {
	p.lines = p.lines[:0]
	var palette annotate.Palette
	if p.w.session != nil {
		palette = p.w.session.Palette()
	}
	filter, err := app.ParseSlideFilter(p.filter.Text)
	show(p.wrong, err != nil)
	if err != nil {
		p.wrong.Set(strings.Replace(err.Error(), ": "+app.ErrFilter.Error(), " is not understood", 1))
	}
	var chosen []int
	for i := range p.items {
		if err != nil || filter.Passes(p.items[i], palette) {
			chosen = append(chosen, i)
		}
	}
	groups := app.GroupByCase(p.items, chosen)
	if !p.grouped || len(groups) == 0 || len(groups) == 1 && groups[0].Case == "" {
		for _, i := range chosen {
			p.lines = append(p.lines, slideLine{item: i})
		}
	} else {
		for _, g := range groups {
			p.lines = append(p.lines, slideLine{group: &g})
			if p.folded[g.Case] {
				continue
			}
			for _, i := range g.Items {
				p.lines = append(p.lines, slideLine{item: i})
			}
		}
	}
	p.head.Set("")
	if p.w.session != nil {
		p.head.Set(number(len(p.items)))
		if len(chosen) != len(p.items) {
			p.head.Set(number(len(chosen)) + " of " + number(len(p.items)))
		}
	}
	p.list.Update(len(p.lines))
}

// tapped opens a slide, with Ctrl beside the others, or folds a case.
func (p *slidesPanel) tapped(i int, m fyne.KeyModifier) {
	line := p.lines[i]
	switch {
	case line.group != nil:
		p.folded[line.group.Case] = !p.folded[line.group.Case]
		p.arrange()
	case m&fyne.KeyModifierControl != 0:
		p.w.openBeside(p.items[line.item].ID)
	default:
		p.w.openSlide(p.items[line.item].ID)
	}
}

// openFirst opens the first slide that passes the filter.
func (p *slidesPanel) openFirst() {
	for _, line := range p.lines {
		if line.group == nil {
			p.w.openSlide(p.items[line.item].ID)
			return
		}
	}
	p.w.focus()
}

// count takes over what was counted on the open slide, so that the list need
// not be read again after each edit.
func (p *slidesPanel) count(v survey) {
	for i := range p.items {
		if it := &p.items[i]; it.ID == v.slide {
			it.Labels, it.Suggestions, it.Rejected = v.labels.Total(), v.waiting, v.rejected
			it.Classes = v.counts
			p.list.body.Refresh()
		}
	}
}

// seen takes over how much of a slide was looked at.
func (p *slidesPanel) seen(id annotate.ID, share float64) {
	for i := range p.items {
		if it := &p.items[i]; it.ID == id && it.Seen != share {
			it.Seen = share
			p.list.body.Refresh()
		}
	}
}

// askFilter offers what a list of slides is filtered by.
func (p *slidesPanel) askFilter() {
	w := p.w
	if w.session == nil {
		return
	}
	add := func(term string) *fyne.MenuItem {
		return fyne.NewMenuItem(term, func() { p.addTerm(term) })
	}
	var classes, readers []*fyne.MenuItem
	var names []string
	for _, c := range w.session.Palette() {
		if !c.Retired {
			classes = append(classes, add("class:"+quoted(c.Name)))
		}
	}
	for _, item := range p.items {
		for _, r := range item.Readers {
			if !slices.Contains(names, r) {
				names = append(names, r)
			}
		}
	}
	slices.Sort(names)
	for _, r := range names {
		readers = append(readers, add("reader:"+quoted(r)))
	}
	sub := func(name string, items []*fyne.MenuItem) *fyne.MenuItem {
		m := fyne.NewMenuItem(name, nil)
		m.Disabled = len(items) == 0
		if len(items) > 0 {
			m.ChildMenu = fyne.NewMenu("", items...)
		}
		return m
	}
	group := fyne.NewMenuItem("Group by case", func() { w.run("view.groupCases") })
	group.Checked = p.grouped
	all := fyne.NewMenuItem("Show all", func() { p.filter.SetText(""); w.focus() })
	w.menuAt(p.choose, fyne.NewPos(0, p.choose.Size().Height),
		sub("Class", classes), sub("Reader", readers), fyne.NewMenuItemSeparator(),
		add("reviewed:no"), add("reviewed:yes"), add("queue:yes"), add("labels:no"), add("file:missing"),
		fyne.NewMenuItemSeparator(), group, all)
}

// addTerm puts a term into the filter, in the place of one of the same key.
func (p *slidesPanel) addTerm(term string) {
	key, _, _ := strings.Cut(term, ":")
	var kept []string
	for _, f := range strings.Fields(p.filter.Text) {
		if !strings.HasPrefix(f, key+":") {
			kept = append(kept, f)
		}
	}
	p.filter.SetText(strings.Join(append(kept, term), " "))
	p.w.focus()
}

// quoted puts a name with spaces into quotes.
func quoted(name string) string {
	if strings.ContainsAny(name, " \t") {
		return `"` + name + `"`
	}
	return name
}

// groupCases gathers slides by case, or lists them in their order.
func (w *Window) groupCases() {
	w.slides.grouped = !w.slides.grouped
	w.app.Preferences().SetBool(prefGroup, w.slides.grouped)
	w.slides.arrange()
}

// filterSlides gives the keyboard to the filter.
func (w *Window) filterSlides() {
	if w.dock.leftShut {
		w.dock.Toggle(true, false)
	}
	w.win.Canvas().Focus(w.slides.filter)
}

// markReviewed marks a slide as reviewed, or takes that back.
func (w *Window) markReviewed(id annotate.ID) {
	i := slices.IndexFunc(w.slides.items, func(it app.SlideItem) bool { return it.ID == id })
	if i < 0 {
		return
	}
	item := w.slides.items[i]
	w.write(func(s *app.Session) error { return s.MarkReviewed(id, !item.Reviewed) }, func(err error) {
		if err == nil {
			w.status.say(item.Name + map[bool]string{true: " is no longer marked as reviewed", false: " is marked as reviewed"}[item.Reviewed])
		}
	})
}
