package window

import (
	"encoding/json"
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/models/zeroshot"
)

// wordsPage names patches by words: what each class is called, the sentences that
// the names are put into, how sure an answer must be, and where it is asked.
type wordsPage struct {
	p         *textPanel
	object    *fyne.Container
	lines     *fyne.Container
	classes   []*wordLine
	templates *formEntry
	margin    *slider
	least     *slider
	marginAt  *text
	leastAt   *text
	places    [3]*button
	place     int
	ask       *button
	write     *button
	result    *paragraph
	warn      *paragraph
	answers   *app.WordAnswers
	kept      wordsKept // as last read from the project
	session   *app.Session
}

// Where patches are asked about.
const (
	placeTissue = iota
	placeChosen
	placeView
)

// wordLine is one class.
type wordLine struct {
	id     annotate.ID
	on     bool
	check  *button
	swatch *canvas.Rectangle
	name   *text
	count  *text
	bar    *bar
	map_   *button
	names  *formEntry
	told   *fyne.Container // what was answered
	object *fyne.Container
}

// wordsKept is what a project remembers of the page.
type wordsKept struct {
	Names     map[string]string `json:"names,omitempty"` // by class
	Off       map[string]bool   `json:"off,omitempty"`   // classes that do not take part
	Templates string            `json:"templates,omitempty"`
	Margin    float64           `json:"margin"`
	Least     float64           `json:"least"`
}

// settingWords is the project's setting that holds wordsKept.
const settingWords = "window.words"

// defaultWords are the limits of the first time: those of models/zeroshot.
var defaultWords = wordsKept{Margin: 0.1}

func newWordsPage(p *textPanel) *wordsPage {
	w := p.w
	g := &wordsPage{p: p, lines: vbox(5), result: newParagraph(textSmall, theme.ColorNameForeground, 5), warn: newParagraph(textTiny, theme.ColorNameWarning, 6)}
	g.templates = newFormEntry("")
	g.templates.MultiLine, g.templates.Wrapping = true, fyne.TextWrapOff
	g.templates.SetMinRowsVisible(3)
	g.templates.escape = w.focus
	percent := func(v float64) string { return fmt.Sprintf("%.2f", v) }
	g.marginAt, g.leastAt = newText("", textSmall, colorQuiet).fixed(34).trailing(), newText("", textSmall, colorQuiet).fixed(34).trailing()
	g.margin = newSlider(w.tips, "By how much the best class must lead; less is “I don't know”", 0, func(v float64) { g.marginAt.Set(percent(v)) })
	g.least = newSlider(w.tips, "Least score of the best class; less is “I don't know”. At 0 it is a little more than chance", 0, func(v float64) { g.leastAt.Set(percent(v)) })
	place := func(i int, words, tip string) *button {
		b := newButton(w.tips, nil, words, "", tip, func() { g.place = i; g.update(); w.focus() }).sized(60, 24)
		b.fill = colorChip
		g.places[i] = b
		return b
	}
	where := container.NewGridWithColumns(3, place(placeTissue, "Tissue", "Wherever there is tissue on the slide"),
		place(placeChosen, "Selection", "Inside the selected areas"), place(placeView, "View", "What is seen now"))
	g.ask = newButton(w.tips, icon("search"), "Ask", "", "Compare the patches with the sentences; nothing is written yet", g.run).filled()
	g.write = newButton(w.tips, icon("suggest"), "Suggest", "", "Write the answers as suggestions; what the model does not know is left out", g.suggest).filled()
	slide := func(words string, s *slider, at *text) fyne.CanvasObject {
		return container.NewBorder(nil, nil, newText(words, textSmall, theme.ColorNameForeground).fixed(72), at, s)
	}
	form := vbox(7,
		newText("What the classes are called in sentences", textSmall, colorQuiet), g.lines,
		newText("Sentences, one a line, with CLASSNAME in each", textSmall, colorQuiet), g.templates,
		slide("Margin from", g.margin, g.marginAt), slide("Score from", g.least, g.leastAt), where)
	foot := container.NewVBox(newFill(theme.ColorNameSeparator, 0), padded(vbox(5, container.NewGridWithColumns(2, g.ask, g.write), g.result, g.warn), 6, 8, 8, 8))
	g.object = container.NewBorder(nil, foot, nil, nil, container.NewVScroll(padded(form, 6, 8, 8, 12)))
	return g
}

// update follows the palette, the selection and the model.
func (g *wordsPage) update() {
	w := g.p.w
	if w.session == nil {
		return
	}
	if g.session != w.session {
		g.session = w.session
		g.read()
	}
	g.classesAgain()
	areas := g.chosenAreas()
	g.places[placeChosen].SetEnabled(len(areas) > 0)
	if g.place == placeChosen && len(areas) == 0 {
		g.place = placeTissue
	}
	for i, b := range g.places {
		b.SetActive(i == g.place)
	}
	idle := !w.session.JobStatus().Running
	g.ask.SetEnabled(g.p.text != nil && idle && w.open != nil)
	g.write.SetEnabled(g.answers != nil && g.answers.Known() > 0 && idle && !w.session.ReadOnly())
	if g.p.text != nil {
		g.templates.SetPlaceHolder(placeTemplates(g.p.text.TextInfo().Templates))
	}
}

// placeTemplates shows the sentences that are taken when none is written.
func placeTemplates(of []string) string {
	who := "those of the model:\n"
	if len(of) == 0 {
		of, who = zeroshot.Templates(), "our own:\n"
	}
	shown := of[:min(2, len(of))]
	words := who + strings.Join(shown, "\n")
	if len(of) > len(shown) {
		words += fmt.Sprintf("\n… %d in all", len(of))
	}
	return words
}

// read takes what the project remembers.
func (g *wordsPage) read() {
	g.kept = defaultWords
	if text, ok := g.session.Setting(settingWords); ok {
		if err := json.Unmarshal([]byte(text), &g.kept); err != nil {
			g.kept = defaultWords // a page's fields are no work that could be lost
		}
	}
	g.templates.SetText(g.kept.Templates)
	g.margin.Set(g.kept.Margin)
	g.least.Set(g.kept.Least)
	g.marginAt.Set(fmt.Sprintf("%.2f", g.kept.Margin))
	g.leastAt.Set(fmt.Sprintf("%.2f", g.kept.Least))
	g.classes = nil
	g.forget()
}

// classesAgain makes a line for every class that is in use.
func (g *wordsPage) classesAgain() {
	w := g.p.w
	var now []annotate.Class
	for _, c := range w.session.Palette() {
		if !c.Retired {
			now = append(now, c)
		}
	}
	same := len(now) == len(g.classes)
	for i := range now {
		same = same && g.classes[i].id == now[i].ID
	}
	if !same {
		old := map[annotate.ID]*wordLine{}
		for _, l := range g.classes {
			old[l.id] = l
		}
		g.classes, g.lines.Objects = nil, nil
		for _, c := range now {
			l := old[c.ID]
			if l == nil {
				l = g.newLine(c.ID)
			}
			g.classes = append(g.classes, l)
			g.lines.Add(l.object)
		}
		g.forget()
	}
	for i, l := range g.classes {
		l.name.Set(now[i].Name)
		l.names.SetPlaceHolder(strings.ToLower(now[i].Name))
		setSwatch(l.swatch, now[i].Color)
		name := "accept"
		if !l.on {
			name = "reject"
		}
		if s, ok := l.check.icon.(*strokeIcon); !ok || s.name != name {
			l.check.SetIcon(icon(name))
		}
		l.name.SetColor(map[bool]fyne.ThemeColorName{true: theme.ColorNameForeground, false: colorQuiet}[l.on])
		show(l.names, l.on)
	}
}

func (g *wordsPage) newLine(id annotate.ID) *wordLine {
	w := g.p.w
	l := &wordLine{id: id, on: !g.kept.Off[id.String()], swatch: swatch(12), name: newText("", textBody, theme.ColorNameForeground).fixed(50),
		count: newText("", textSmall, colorQuiet).trailing(), bar: newBar(), names: newFormEntry(g.kept.Names[id.String()])}
	l.check = newButton(w.tips, icon("accept"), "", "", "Whether this class takes part", func() { l.on = !l.on; g.forget(); g.update(); g.object.Refresh(); w.focus() }).sized(22, 20)
	l.map_ = newButton(w.tips, icon("eye"), "", "", "Show how well its words fit, over the slide", func() { g.showMap(id); w.focus() }).sized(22, 20)
	l.names.escape = w.focus
	l.names.OnSubmitted = func(string) { g.run() }
	// One line, since the wheel does not scroll the page over a field.
	head := container.NewBorder(nil, nil, container.New(&widthLayout{width: 112}, container.NewBorder(nil, nil, hbox(4, l.check, container.NewCenter(l.swatch)), nil, padded(l.name, 0, 0, 2, 2))), nil, l.names)
	l.told = container.NewBorder(nil, nil, nil, hbox(4, l.count, l.map_), padded(l.bar, 0, 0, 28, 6))
	l.told.Hide()
	l.object = vbox(0, head, l.told)
	return l
}

// forget drops the answers: they belong to other words or another slide.
func (g *wordsPage) forget() {
	g.answers = nil
	g.result.Set("")
	g.warn.Set("")
	for _, l := range g.classes {
		l.count.Set("")
		l.told.Hide()
	}
	if g.p.w.heat != nil && g.p.w.heat.kind == app.HeatWords {
		g.p.w.heat.set(app.HeatNone)
	}
}

// chosenAreas are the areas that are selected.
func (g *wordsPage) chosenAreas() []annotate.ROI {
	var areas []annotate.ROI
	for _, o := range g.p.w.chosen() {
		if o.ROI.IsArea() {
			areas = append(areas, o.ROI)
		}
	}
	return areas
}

// options is what the page asks, as the session takes it.
func (g *wordsPage) options() app.WordOptions {
	o := app.WordOptions{SuggestOptions: g.p.w.opts.Suggest, MinMargin: g.margin.value}
	o.Text, o.MinScore = g.p.text, g.least.value
	if o.MinMargin == 0 {
		o.MinMargin = -1 // no such rule
	}
	for _, l := range g.classes {
		if !l.on {
			continue
		}
		c := app.WordClass{Class: l.id}
		for _, name := range strings.Split(l.names.Text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				c.Names = append(c.Names, name)
			}
		}
		o.Words = append(o.Words, c)
	}
	for _, t := range strings.Split(g.templates.Text, "\n") {
		if t = strings.TrimSpace(t); t != "" {
			o.Templates = append(o.Templates, t)
		}
	}
	switch g.place {
	case placeChosen:
		o.Within = g.chosenAreas()
	case placeView:
		b := g.p.w.viewer.Viewport().Box()
		o.Within = []annotate.ROI{annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)}
	}
	return o
}

// keep has the project remember the page.
func (g *wordsPage) keep() {
	k := wordsKept{Names: map[string]string{}, Off: map[string]bool{}, Templates: g.templates.Text, Margin: g.margin.value, Least: g.least.value}
	for _, l := range g.classes {
		if t := strings.TrimSpace(l.names.Text); t != "" {
			k.Names[l.id.String()] = t
		}
		if !l.on {
			k.Off[l.id.String()] = true
		}
	}
	g.kept = k
	b, err := json.Marshal(k)
	if err != nil || g.p.w.session.ReadOnly() {
		return
	}
	g.p.w.write(func(s *app.Session) error { return s.SetSetting(settingWords, string(b)) }, nil)
}

// run asks in the background.
func (g *wordsPage) run() {
	w := g.p.w
	if g.ask.disabled || w.open == nil {
		return
	}
	g.forget()
	g.keep()
	s, open, o := w.session, w.open, g.options()
	g.result.Set("Asking …")
	w.focus()
	w.startJob("Name by words", func(j *job) error {
		a, err := s.AskWords(j.ctx, open.Item.ID, o, j.progress)
		w.post(func() {
			if w.session != s || w.open != open {
				return
			}
			g.answered(a, err)
		})
		return err
	})
	g.update()
}

// answered shows the answers, and the heat map of the commonest class.
func (g *wordsPage) answered(a *app.WordAnswers, err error) {
	if err != nil {
		g.result.Set("") // the problem bar says why
		g.update()
		return
	}
	g.answers = a
	best := -1
	for i, id := range a.Classes {
		if best < 0 || a.Counts[i] > a.Counts[best] {
			best = i
		}
		for _, l := range g.classes {
			if l.id == id {
				share := float64(a.Counts[i]) / float64(max(1, a.Asked))
				l.count.Set(fmt.Sprintf("%s · %.0f %%", number(a.Counts[i]), 100*share))
				l.bar.Set(share, theme.ColorNamePrimary)
				l.told.Show()
			}
		}
	}
	none := a.Asked - a.Known()
	words := fmt.Sprintf("%s of %s named. “I don't know” for %s (%.0f %%).", number(a.Known()), patches(a.Asked), number(none), 100*float64(none)/float64(max(1, a.Asked)))
	if a.Report.Failed > 0 {
		words += fmt.Sprintf(" %s could not be read.", patches(a.Report.Failed))
	}
	g.result.Set(words)
	g.warn.Set(strings.Join(a.Warnings, ". "))
	if best >= 0 {
		g.showMap(a.Classes[best])
	}
	g.update()
	g.object.Refresh()
}

// patches is a number of patches in words.
func patches(n int) string {
	if n == 1 {
		return "1 patch"
	}
	return number(n) + " patches"
}

// showMap shows the scores of a class over the slide.
func (g *wordsPage) showMap(class annotate.ID) {
	if g.answers == nil {
		return
	}
	for i, id := range g.answers.Classes {
		if id == class {
			g.p.w.heat.give(g.answers.Heat(i))
		}
	}
}

// suggest writes the answers as suggestions and goes to the queue.
func (g *wordsPage) suggest() {
	w := g.p.w
	a, s := g.answers, w.session
	if a == nil || g.write.disabled {
		return
	}
	w.startJob("Suggest by words", func(j *job) error {
		r, err := s.SuggestAnswers(j.ctx, a, j.progress)
		if err != nil {
			return err
		}
		words := fmt.Sprintf("%s by words", plural(r.Suggested, "suggestion"))
		if r.Replaced > 0 {
			words += fmt.Sprintf(", %s replaced", number(r.Replaced))
		}
		w.post(func() {
			if w.session != s {
				return
			}
			w.status.say(words + ". The least certain come first.")
			g.p.shut()
			w.queue.begin()
		})
		return nil
	})
}
