package window

import (
	"fmt"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/app"
	"coverslip/models"
)

// textPanel is what an image–text model can do for a person: name patches by
// words, and find sentences. It takes the place of classes, suggestions and labels
// while it is open.
type textPanel struct {
	w        *Window
	object   *fyne.Container
	about    *paragraph
	add      *button
	pages    [2]*button
	page     int
	body     *fyne.Container
	words    *wordsPage
	captions *captionPage
	looking  *latest
	turn     int
	text     models.TextEncoder // nil: none, or not opened yet
}

// Pages of the panel.
const (
	pageWords = iota
	pageCaptions
)

// bindText binds the commands of the panel.
func (w *Window) bindText(on func(id string, run func(), enabled func() bool)) {
	slide := func() bool { return w.open != nil }
	idle := func() bool { return slide() && !w.session.JobStatus().Running }
	on("text.panel", func() { w.text.toggle(pageWords) }, slide)
	on("model.outliner", w.prompter.choose, func() bool { return w.session != nil })
	on("text.captions", func() {
		w.text.open(pageCaptions)
		w.text.captions.find()
	}, idle)
}

func newTextPanel(w *Window) *textPanel {
	p := &textPanel{w: w, looking: newLatest()}
	p.about = newParagraph(textTiny, colorQuiet, 5)
	p.add = newButton(w.tips, icon("plus"), "Add model folder…", "", "A CLIP-like model of pathology: PLIP, CONCH, QuiltNet, BiomedCLIP, KEEP", func() { w.run("model.add") }).filled()
	p.words, p.captions = newWordsPage(p), newCaptionPage(p)
	tab := func(i int, words, tip string) *button {
		b := newButton(w.tips, nil, words, "", tip, func() { p.turnTo(i); w.focus() })
		b.picked = colorActive
		p.pages[i] = b
		return b
	}
	shut := newButton(w.tips, icon("reject"), "", "", "Back to classes, suggestions and labels", func() { p.shut() }).sized(24, 20)
	head := container.NewStack(newFill(theme.ColorNameHeaderBackground, 0),
		padded(container.NewBorder(nil, nil, boldText("TEXT", textSmall), shut, nil), 2, 2, 8, 4))
	tabs := padded(container.NewGridWithColumns(2, tab(pageWords, "Classes by words", "Name every patch by sentences, without a label"),
		tab(pageCaptions, "Captions", "Find sentences for a label or a place")), 4, 2, 6, 6)
	p.body = container.NewStack(p.words.object, p.captions.object)
	top := container.NewVBox(head, tabs, padded(vbox(6, p.about, container.NewHBox(p.add)), 2, 4, 8, 8), newFill(theme.ColorNameSeparator, 0))
	p.object = container.NewBorder(top, nil, nil, nil, p.body)
	p.object.Hide()
	return p
}

// shown tells whether the panel is open.
func (p *textPanel) shown() bool { return p.object.Visible() }

func (p *textPanel) toggle(page int) {
	if p.shown() && p.page == page {
		p.shut()
		return
	}
	p.open(page)
}

func (p *textPanel) open(page int) {
	p.w.right.Hide()
	p.object.Show()
	if p.w.dock.rightShut {
		p.w.dock.Toggle(false, true)
	}
	p.turnTo(page)
	p.look()
	p.w.focus()
}

func (p *textPanel) shut() {
	p.object.Hide()
	p.w.right.Show()
	p.w.dock.Refresh()
	p.w.focus()
}

func (p *textPanel) turnTo(page int) {
	p.page = page
	for i, b := range p.pages {
		b.SetActive(i == page)
	}
	show(p.words.object, page == pageWords)
	show(p.captions.object, page == pageCaptions)
	p.update()
}

// update follows what is open and what is selected.
func (p *textPanel) update() {
	if !p.shown() {
		return
	}
	if p.w.open == nil {
		p.shut()
		return
	}
	p.words.update()
	p.captions.update()
}

// look opens the text side of the model in the background and says what it is,
// or why there is none.
func (p *textPanel) look() {
	s := p.w.session
	if s == nil {
		return
	}
	p.turn++
	turn, given := p.turn, p.w.opts.Suggest.Text
	p.about.color = colorQuiet
	p.about.Set("Opening the text side of the model …")
	p.add.Hide()
	p.looking.do(func() {
		text, err := given, error(nil)
		if text == nil {
			text, err = s.TextEncoder()
		}
		var info models.TextInfo
		if err == nil {
			info = text.TextInfo()
		}
		p.w.post(func() {
			if turn != p.turn || p.w.session != s {
				return
			}
			if p.text = text; err != nil {
				p.text = nil
			}
			p.say(info, err)
			p.update()
			p.object.Refresh()
		})
	})
}

// say tells what is known of the model's text side.
func (p *textPanel) say(info models.TextInfo, err error) {
	show(p.add, err != nil)
	p.about.color = colorQuiet
	if err != nil {
		problem := app.Explain(err)
		model := "The built-in network"
		if folder := p.w.opts.Session.Model; folder != "" {
			model = filepath.Base(folder)
		}
		p.about.color = theme.ColorNameWarning
		p.about.Set(fmt.Sprintf("%s cannot do this. %s. %s", model, problem.Title, problem.Hint))
		return
	}
	words := fmt.Sprintf("%s · %s", info.Name, info.Tokenizer)
	if info.LogitScale > 0 {
		words += fmt.Sprintf(" · scale %.3g", info.LogitScale)
	}
	if info.Untrained {
		words += " · UNTRAINED: its answers mean nothing"
		p.about.color = theme.ColorNameWarning
	}
	if info.Note != "" {
		words += " · " + info.Note
	}
	p.about.Set(words)
}

// modelChanged is told when another model was chosen.
func (p *textPanel) modelChanged() {
	p.text = nil
	p.words.forget()
	p.captions.forget()
	if p.shown() {
		p.look()
	}
}

// closed forgets what belongs to another slide.
func (p *textPanel) closed() {
	p.words.forget()
	p.captions.forget()
	p.update()
}
