package window

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/models/caption"
)

// captionPage finds sentences for the selected label, or for the patch in the
// middle of the view. A person accepts one, changes its words first, or rejects it.
type captionPage struct {
	p      *textPanel
	object *fyne.Container
	bank   *button
	what   *text
	ask    *button
	state  *paragraph
	cards  *fyne.Container
	near   *fyne.Container
	own    *fyne.Container // the caption that the selected label has
	found  *app.Captions
	crops  *crops
}

// prefBank remembers the file of the caption bank; "" is our own.
const prefBank = "captions.bank"

func newCaptionPage(p *textPanel) *captionPage {
	w := p.w
	g := &captionPage{p: p, state: newParagraph(textSmall, colorQuiet, 6), cards: vbox(8), near: vbox(4), own: vbox(3), crops: newCrops(w)}
	g.bank = newButton(w.tips, icon("open"), "", "", "The bank of sentences: a CSV file with a column named caption, or a text with a sentence a line", g.askBank)
	g.bank.leading, g.bank.fill = true, colorChip
	g.what = newText("", textSmall, theme.ColorNameForeground).fixed(60)
	g.ask = newButton(w.tips, icon("search"), "Find sentences", "", "Nothing is written: you accept, change or reject each one", g.find).filled()
	head := padded(vbox(6, container.NewBorder(nil, nil, newText("Bank", textSmall, colorQuiet), nil, padded(g.bank, 0, 0, 6, 0)),
		container.NewBorder(nil, nil, newText("For", textSmall, colorQuiet), nil, padded(g.what, 0, 0, 13, 0)), g.ask, g.own), 6, 6, 8, 8)
	body := container.NewVScroll(padded(vbox(8, g.state, g.cards, g.near), 6, 10, 8, 12))
	g.object = container.NewBorder(container.NewVBox(head, newFill(theme.ColorNameSeparator, 0)), nil, nil, nil, body)
	g.object.Hide()
	return g
}

// object1 is the label that is asked about: the selected one, when it is one.
func (g *captionPage) object1() *annotate.Object {
	if c := g.p.w.chosen(); len(c) == 1 {
		return c[0]
	}
	return nil
}

// update follows the selection and the model.
func (g *captionPage) update() {
	w := g.p.w
	if w.session == nil || w.open == nil {
		return
	}
	bank := "Coverslip's own sentences"
	if path := w.app.Preferences().String(prefBank); path != "" {
		bank = filepath.Base(path)
	}
	g.bank.SetWords(bank)
	o := g.object1()
	words := "the patch in the middle of the view"
	if o != nil {
		name, _ := w.classOf(o.Class)
		words = "the selected " + name
		if o.Name != "" {
			words += " " + o.Name
		}
	}
	g.what.Set(words)
	g.ask.SetEnabled(g.p.text != nil && !w.session.JobStatus().Running)
	g.showOwn(o)
	if g.found != nil && (g.found.Object.IsZero() == (o != nil) || o != nil && g.found.Object != o.ID) {
		g.forget() // the answers were for another label
	}
}

// showOwn shows the caption that the selected label has already.
func (g *captionPage) showOwn(o *annotate.Object) {
	w := g.p.w
	g.own.Objects = nil
	if o != nil {
		if t, ok := app.TextOf(o); ok {
			said, how := newParagraph(textBody, theme.ColorNameForeground, 6), newParagraph(textTiny, colorQuiet, 4)
			said.Set("“" + t.Text + "”")
			how.Set(t.Sentence())
			away := newButton(w.tips, nil, "Take away", "", "The notes you wrote stay", func() {
				ids := []annotate.ID{o.ID}
				w.write(func(s *app.Session) error { return s.DropText(ids) }, func(error) { g.p.update() })
				w.focus()
			}).filled().sized(76, 22)
			away.SetEnabled(!w.session.ReadOnly())
			g.own.Add(newText("Its caption, kept apart from your notes", textTiny, colorQuiet))
			g.own.Add(said)
			g.own.Add(how)
			g.own.Add(container.NewHBox(away))
		}
	}
	g.own.Refresh()
}

// forget drops what was found.
func (g *captionPage) forget() {
	g.found = nil
	g.cards.Objects, g.near.Objects = nil, nil
	g.state.color = colorQuiet
	g.state.Set("Sentences that people wrote for other pictures are compared with this one. The nearest are shown with how near they lie; that one lies near does not make it true.")
	g.object.Refresh()
}

// askBank lets a person choose a file of sentences, or our own again.
func (g *captionPage) askBank() {
	w := g.p.w
	if w.app.Preferences().String(prefBank) != "" {
		w.app.Preferences().SetString(prefBank, "")
		w.status.say("Captions come from Coverslip's own sentences again; click once more to choose a file")
		g.forget()
		g.update()
		return
	}
	w.chooseFile(fileChoice{title: "Choose a bank of captions: a CSV file with a column named caption, or a text with a sentence a line", purpose: "captions", words: "Use this bank",
		keep: func(name string) bool {
			end := strings.ToLower(filepath.Ext(name))
			return end == ".csv" || end == ".tsv" || end == ".txt"
		}, then: func(path string) {
			w.app.Preferences().SetString(prefBank, path)
			g.forget()
			g.update()
		}})
}

// find looks for sentences in the background.
func (g *captionPage) find() {
	w := g.p.w
	if w.open == nil || g.p.text == nil {
		return
	}
	s, open, o := w.session, w.open, w.opts.Suggest
	o.Text = g.p.text
	v := w.viewer.Viewport()
	q := app.CaptionQuery{At: annotate.Point{X: v.CX, Y: v.CY}}
	if obj := g.object1(); obj != nil {
		q.Object = obj.ID
	}
	g.forget()
	g.state.Set("Looking …")
	path := w.app.Preferences().String(prefBank)
	w.focus()
	w.startJob("Find captions", func(j *job) error {
		q, c, err := q, app.Captions{}, error(nil)
		if path != "" { // without one it is the program's own
			q.Bank, err = readBank(path)
		}
		if err == nil {
			c, err = s.CaptionsOf(j.ctx, open.Item.ID, q, o, j.progress)
		}
		w.post(func() {
			if w.session != s || w.open != open {
				return
			}
			if err != nil {
				g.forget()
			} else {
				g.show(&c)
			}
			g.p.update()
		})
		return err
	})
	g.p.update()
}

// readBank reads the bank of a user.
func readBank(path string) (*caption.Bank, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return caption.Read(f, filepath.Base(path))
}

// show shows what was found.
func (g *captionPage) show(c *app.Captions) {
	g.found = c
	g.cards.Objects, g.near.Objects = nil, nil
	words := fmt.Sprintf("By %s, from %s.", c.Model, patches(c.Patches))
	if c.Rejected > 0 {
		words += fmt.Sprintf(" %s that you rejected here are left out.", plural(c.Rejected, "sentence"))
	}
	g.state.color = colorQuiet
	if c.Untrained {
		g.state.color = theme.ColorNameWarning
		words += " The model is untrained: the order means nothing."
	}
	if len(c.Matches) == 0 {
		words += " No sentence is left in the bank."
	}
	g.state.Set(words)
	for i := range c.Matches {
		g.cards.Add(g.card(i))
	}
	g.showNear(c)
	g.object.Refresh()
}

// card is one sentence with how near it lies, where it comes from, and what a
// person may do with it.
func (g *captionPage) card(i int) fyne.CanvasObject {
	w, m := g.p.w, g.found.Matches[i]
	said := newParagraph(textBody, theme.ColorNameForeground, 5)
	said.Set(m.Text)
	score := newBar()
	score.Set((m.Similarity+1)/2, theme.ColorNamePrimary)
	source := m.Source
	if source == "" {
		source = "source not stated"
	}
	how := newText(fmt.Sprintf("similarity %.3f · %+.3f to the middle one · %s", m.Similarity, m.Lead, source), textTiny, colorQuiet).fixed(60)
	can := !w.session.ReadOnly()
	accept := newButton(w.tips, icon("accept"), "Accept", "", "Keep it as this label's caption, apart from your notes", func() { g.take(i, m.Text); w.focus() }).filled().sized(60, 24)
	edit := newButton(w.tips, nil, "Edit…", "", "Change the words, then keep them; the sentence as found stays beside them", func() { g.edit(i) }).filled().sized(52, 24)
	reject := newButton(w.tips, icon("reject"), "Reject", "", "Do not offer this sentence here again", func() { g.reject(i); w.focus() }).filled().sized(60, 24)
	for _, b := range []*button{accept, edit, reject} {
		b.SetEnabled(can)
	}
	return container.NewStack(newFill(theme.ColorNameInputBackground, 4), padded(vbox(3, said, score, how, hbox(4, accept, edit, reject)), 5, 6, 7, 7))
}

// take keeps a sentence in the words that a person leaves it with.
func (g *captionPage) take(i int, text string) {
	c := *g.found
	var id annotate.ID
	g.p.w.write(func(s *app.Session) (err error) {
		id, err = s.TakeCaption(c, i, text)
		return err
	}, func(err error) {
		if err != nil {
			return
		}
		w := g.p.w
		w.status.say("The caption is kept; Properties (F4) shows where it comes from.")
		g.forget()
		if w.open != nil && w.open.Set.Get(id) != nil {
			w.viewer.SetSelection([]annotate.ID{id})
			w.selected([]annotate.ID{id})
		}
		g.p.update()
	})
}

// edit asks for the words.
func (g *captionPage) edit(i int) {
	m := g.found.Matches[i]
	words := newFormEntry(m.Text)
	g.p.w.form("Change the caption", "Keep", []*widget.FormItem{{Text: "Caption", Widget: words, HintText: "The sentence as it was found stays beside your words"}}, []*formEntry{words}, func() error {
		if strings.TrimSpace(words.Text) == "" {
			return app.ErrNoWords
		}
		g.take(i, words.Text)
		return nil
	})
}

// reject has the sentence never come again here.
func (g *captionPage) reject(i int) {
	c := *g.found
	g.p.w.write(func(s *app.Session) error { return s.RejectCaption(c, i) }, func(err error) {
		if err != nil || g.found == nil {
			return
		}
		rest := c
		rest.Matches = append(rest.Matches[:i:i], rest.Matches[i+1:]...)
		rest.Rejected++
		g.show(&rest)
		g.p.update()
	})
}

// showNear shows the patches of the project that look most alike.
func (g *captionPage) showNear(c *app.Captions) {
	w := g.p.w
	if len(c.Cases) == 0 {
		g.near.Add(newText("No other patch was embedded yet.", textTiny, colorQuiet))
		return
	}
	g.near.Add(newText("Most alike in this project", textSmall, colorQuiet))
	g.crops.reset(w.open)
	row := container.NewGridWithColumns(len(c.Cases))
	for _, k := range c.Cases {
		row.Add(w.caseView(k, g.crops))
	}
	g.near.Add(row)
}

// caseView is a small picture of a patch with what it is; a click goes there.
func (w *Window) caseView(k app.Case, pictures *crops) fyne.CanvasObject {
	name, _ := w.classOf(k.Class)
	if k.Class.IsZero() {
		name = "no label"
	}
	here := w.open != nil && k.Slide == w.open.Item.ID
	pic := canvas.NewImageFromImage(nil)
	pic.ScaleMode, pic.CornerRadius = canvas.ImageScaleFastest, 4
	pic.SetMinSize(fyne.NewSize(54, 54))
	if here {
		o := &annotate.Object{ID: annotate.NewID(), ROI: annotate.Rectangle(k.Box.MinX, k.Box.MinY, k.Box.MaxX, k.Box.MaxY)}
		set := func(im *image.RGBA) {
			if im != nil {
				pic.Image = im
				pic.Refresh()
			}
		}
		set(pictures.get(o, func() { set(pictures.have[o.ID]) }))
	}
	tip := fmt.Sprintf("%s, similarity %.3f", k.SlideName, k.Similarity)
	go_ := newButton(w.tips, nil, "", "", tip+" – go there", func() {
		if here {
			w.fly(k.Box)
			w.viewer.SetGhost(annotate.Rectangle(k.Box.MinX, k.Box.MinY, k.Box.MaxX, k.Box.MaxY))
		} else {
			w.openSlide(k.Slide)
		}
		w.focus()
	}).sized(54, 54)
	words := newText(name, textTiny, theme.ColorNameForeground).fixed(30)
	if !here {
		words = newText(k.SlideName, textTiny, theme.ColorNameForeground).fixed(30)
	}
	return vbox(1, container.NewStack(newFill(colorChip, 4), pic, go_), words, newText(fmt.Sprintf("%.2f", k.Similarity), textTiny, colorQuiet))
}
