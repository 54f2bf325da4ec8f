package window

import (
	"fmt"
	"image"
	"image/color"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
)

// queuePanel is the model's suggestions that wait for a person's decision, the
// least certain first. One of them is current: the keys decide on it, and the
// viewer flies to the next.
type queuePanel struct {
	w       *Window
	object  fyne.CanvasObject
	list    *rows
	head    *text
	slider  *slider
	level   *text
	all     *button
	full    *fyne.Container // with suggestions
	empty   *fyne.Container // without
	run     *button
	words   *paragraph
	why     *tippedParagraph
	whyBox  *fyne.Container
	near    [3]*canvas.Image
	crops   *crops
	items   []*annotate.Object   // as shown: without those just decided
	decided map[annotate.ID]bool // decided here, not yet counted
	current annotate.ID
	hovered annotate.ID
	orders  *button
	skipped map[annotate.ID]bool // to be asked about after all others
	aside   bool                 // a person went to one by hand: the next is the one after it
}

const queueRow = 62

func newQueuePanel(w *Window) *queuePanel {
	p := &queuePanel{w: w, crops: newCrops(w), decided: map[annotate.ID]bool{}, skipped: map[annotate.ID]bool{}}
	p.head = newText("", textTiny, colorQuiet).fixed(30)
	p.head.shorten = p.heading
	p.list = newRows(queueRow, func() rowView { return newQueueRow(p) }, p.fill)
	p.list.chosen = func(i int) bool { return i < len(p.items) && p.items[i].ID == p.current }
	p.list.tapped = func(i int, _ fyne.KeyModifier) { p.aside = i > 0; p.show(p.items[i].ID) }
	p.list.hover = func(i int) {
		p.hovered = annotate.ID{}
		if i >= 0 && i < len(p.items) {
			p.hovered = p.items[i].ID
		}
		p.explain()
	}
	p.level = newText("", textSmall, colorQuiet).fixed(95)
	p.slider = newSlider(w.tips, "Least score of what “Accept all” takes", w.threshold, func(v float64) {
		w.threshold = v
		p.updateAll()
	})
	p.all = newButton(w.tips, icon("accept"), "", "", "Accept all suggestions with this score or more  (Shift+A)", func() { w.run("suggest.acceptAbove"); w.focus() }).filled().sized(40, 25)
	p.why = newTippedParagraph(w.tips, textTiny, colorQuiet, 5)
	p.why.least = 5
	pics := hbox(3)
	for i := range p.near {
		p.near[i] = canvas.NewImageFromImage(nil)
		p.near[i].ScaleMode = canvas.ImageScaleFastest
		p.near[i].CornerRadius = 3
		p.near[i].SetMinSize(fyne.NewSize(34, 34))
		pics.Add(container.NewCenter(p.near[i]))
	}
	p.whyBox = padded(container.NewBorder(nil, nil, nil, pics, p.why), 3, 3, 8, 6)
	foot := container.NewVBox(newFill(theme.ColorNameSeparator, 0), p.whyBox, newFill(theme.ColorNameSeparator, 0),
		padded(container.NewBorder(nil, nil, p.level, p.all, p.slider), 3, 3, 8, 5))
	p.orders = newButton(w.tips, nil, "", "", "The order in which suggestions come  (Shift+O)", func() { w.run("review.order") }).filled().sized(84, 20)
	large := newButton(w.tips, nil, "Review", "F7", "One suggestion, large, with what lies around it  (F7)", func() { w.run("review.strip") }).filled().sized(72, 20)
	how := padded(container.NewBorder(nil, nil, newText("Order", textSmall, colorQuiet), large, padded(p.orders, 0, 0, 6, 6)), 1, 2, 8, 8)

	p.words = newParagraph(textSmall, colorQuiet, 6)
	p.run = newButton(w.tips, icon("suggest"), "Suggest labels", "G", "", func() { w.run("suggest.run"); w.focus() }).filled()
	p.empty = padded(vbox(8, p.words, container.NewHBox(p.run)), 10, 8, 10, 10)
	p.full = container.NewBorder(how, foot, nil, nil, p.list)
	p.object = section("SUGGESTIONS", p.head, container.NewStack(p.full, p.empty))
	return p
}

type queueRowView struct {
	row
	crop               *canvas.Image
	swatch             *canvas.Rectangle
	class, score, line *text
	badge              *fyne.Container
	bar                *bar
	keys               *fyne.Container
	id                 annotate.ID
}

func newQueueRow(p *queuePanel) rowView {
	v := &queueRowView{crop: canvas.NewImageFromImage(nil), swatch: swatch(10), class: boldText("", 12).fixed(30),
		score: newText("", textSmall, theme.ColorNameForeground).trailing().fixed(30), line: newText("", textTiny, colorQuiet).fixed(30), bar: newBar()}
	v.crop.ScaleMode = canvas.ImageScaleFastest
	v.crop.CornerRadius = 4
	v.badge = container.NewStack(newFill(colorBadge, 3), padded(newText("untrained", textKey, theme.ColorNameForeground), 1, 1, 4, 4))
	key := func(name, k, tip string, f func()) *button {
		return newButton(p.w.tips, icon(name), "", k, tip, func() { p.show(v.id); f(); p.w.focus() }).filled().sized(38, 20)
	}
	v.keys = container.New(layout.NewCustomPaddedHBoxLayout(4), key("accept", "A", "Accept  (A)", func() { p.w.run("suggest.accept") }),
		key("reject", "X", "Reject  (X)", func() { p.w.run("suggest.reject") }), key("skip", "Z", "Skip: decide later  (Z)", func() { p.w.run("suggest.skip") }))
	place := container.NewGridWrap(fyne.NewSize(52, 52), v.crop)
	first := container.NewBorder(nil, nil, container.NewCenter(v.swatch), container.NewCenter(v.badge), padded(v.class, 0, 0, 3, 3))
	second := container.NewBorder(nil, nil, nil, v.score, v.bar)
	third := container.NewStack(v.line, v.keys)
	v.box = padded(container.NewBorder(nil, nil, place, nil,
		padded(container.New(layout.NewCustomPaddedVBoxLayout(1), first, second, third), 0, 0, 5, 4)), 3, 2, 5, 7)
	return v
}

func (p *queuePanel) fill(i int, o rowView) {
	v, ok := o.(*queueRowView)
	if !ok || i >= len(p.items) {
		return
	}
	s := p.items[i]
	v.id = s.ID
	if im := p.crops.get(s, p.list.body.Refresh); im == nil {
		if v.crop.Image != nil {
			v.crop.Image = nil
			v.crop.Refresh()
		}
	} else if v.crop.Image != im {
		v.crop.Image = im
		v.crop.Refresh()
	}
	name, c := p.w.classOf(s.Class)
	setSwatch(v.swatch, c)
	v.class.Set(name)
	v.score.Set(fmt.Sprintf("%.2f", s.By.Score))
	v.line.color = colorQuiet
	ink := fyne.ThemeColorName(theme.ColorNameSuccess)
	if s.By.Score < p.w.threshold {
		ink = theme.ColorNameWarning
	}
	v.bar.Set(s.By.Score, ink)
	v.line.Set(s.By.Model)
	if x, live := p.w.review.word(s.ID); live {
		if words := nowWords(p.w, s, x, live); words != "" {
			v.line.Set(words)
		}
	}
	if p.w.review.blind {
		setSwatch(v.swatch, color.NRGBA{128, 128, 128, 255})
		v.class.Set("Which class?")
		v.score.Set("")
		v.bar.Set(0, ink)
		v.line.Set("")
	}
	show(v.badge, s.By.Untrained)
	now := s.ID == p.current
	show(v.keys, now && !p.w.session.ReadOnly())
	show(v.line, !v.keys.Visible())
}

// reset forgets the queue of another slide.
func (p *queuePanel) reset() {
	p.crops.reset(p.w.open)
	p.items, p.decided, p.current, p.hovered = nil, map[annotate.ID]bool{}, annotate.ID{}, annotate.ID{}
	p.skipped, p.aside = map[annotate.ID]bool{}, false
	p.w.review.reset()
}

// redrawn has the pictures of the suggestions made of the slide as it is shown
// now.
func (p *queuePanel) redrawn(now *app.OpenSlide) {
	p.crops.reset(now)
	p.list.body.Refresh()
}

// update takes the queue as it was last counted, without what was decided here
// since.
func (p *queuePanel) update() {
	at := p.index()
	p.items = p.w.review.ordered(p.w.survey.queue, p.decided, p.skipped)
	switch now := p.index(); {
	case now < 0 && len(p.items) > 0:
		p.current = p.items[max(0, min(at, len(p.items)-1))].ID
	case now > 0 && !p.aside && !p.skipped[p.current]: // what is looked at stays; the new order comes after it
		o := p.items[now]
		p.items = slices.Insert(slices.Delete(p.items, now, now+1), 0, o)
	}
	p.refresh()
}

func (p *queuePanel) refresh() {
	s := p.w.survey
	p.head.Set("")
	if len(p.items)+s.accepted+s.rejected > 0 {
		p.head.Set(headings(p.left(), s.accepted, s.rejected)[0])
	}
	show(p.empty, len(p.items) == 0)
	show(p.full, len(p.items) > 0)
	show(p.run, p.w.open != nil && !p.w.session.ReadOnly())
	switch {
	case p.w.open == nil:
		p.words.Set("")
	case s.accepted+s.rejected > 0:
		p.words.Set("Every suggestion is decided. Ask again: the model learns from what you accepted and from your own labels.")
	default:
		p.words.Set("Draw a few labels of two classes or more, then let a model suggest the rest of the slide. You decide on each one.")
	}
	p.list.Update(len(p.items))
	p.explain()
	p.updateAll()
}

// headings say how far the review is, the longest first.
func headings(left, accepted, rejected int) [3]string {
	return [3]string{
		fmt.Sprintf("%s left · %s taken · %s rejected", number(left), number(accepted), number(rejected)),
		fmt.Sprintf("%s left · %s decided", number(left), number(accepted+rejected)),
		fmt.Sprintf("%s left", number(left)),
	}
}

// heading is the longest of the headings that fits.
func (p *queuePanel) heading(value string, width float32) string {
	if value == "" {
		return ""
	}
	all := headings(p.left(), p.w.survey.accepted, p.w.survey.rejected)
	for _, words := range all {
		if fyne.MeasureText(words, p.head.size, p.head.style).Width <= width {
			return words
		}
	}
	return cut(all[len(all)-1], width, p.head.size, p.head.style)
}

// updateAll shows what "accept all" would take.
func (p *queuePanel) updateAll() {
	n := 0
	for _, o := range p.items {
		if o.By.Score >= p.w.threshold {
			n++
		}
	}
	p.level.Set(fmt.Sprintf("Score from %.2f", p.w.threshold))
	if words := "Accept " + number(n); words != p.all.words {
		p.all.SetWords(words)
		p.full.Refresh() // the slider beside it becomes shorter or longer
	}
	p.all.SetEnabled(n > 0 && !p.w.review.blind && p.w.session != nil && !p.w.session.ReadOnly())
	p.list.body.Refresh()
}

// explain says why the model thinks so, of the suggestion under the pointer or
// else the current one, and shows the labels that spoke for it.
func (p *queuePanel) explain() {
	var o *annotate.Object
	for _, s := range p.items {
		if s.ID == p.hovered || o == nil && s.ID == p.current {
			o = s
		}
	}
	why := ""
	var near []annotate.ID
	if o != nil && !p.w.review.blind {
		why, near = o.By.Why, o.By.Nearest
		if why == "" {
			why = "Proposed by " + o.By.Model + "."
		}
	}
	p.why.Set(why)
	for i, im := range p.near {
		var pic *image.RGBA
		if i < len(near) && p.w.open != nil {
			if label := p.w.open.Set.Get(near[i]); label != nil {
				pic = p.crops.get(label, p.explain)
			}
		}
		show(im, pic != nil)
		if pic != nil && im.Image != pic {
			im.Image = pic
			im.Refresh()
		}
	}
	p.whyBox.Refresh()
}

func (p *queuePanel) waiting() int { return len(p.items) }

// left is how many suggestions wait, those included that the list has no room
// for.
func (p *queuePanel) left() int {
	return len(p.items) + max(0, p.w.survey.waiting-len(p.w.survey.queue))
}

// index is the place of the current suggestion; -1 when there is none.
func (p *queuePanel) index() int {
	return slices.IndexFunc(p.items, func(o *annotate.Object) bool { return o.ID == p.current })
}

// begin goes to the first suggestion as soon as the new ones are counted.
func (p *queuePanel) begin() {
	p.current = annotate.ID{}
	p.w.recountThen(func() {
		if len(p.items) > 0 {
			p.show(p.items[0].ID)
		}
	})
}

// show makes a suggestion the current one and flies to it.
func (p *queuePanel) show(id annotate.ID) {
	p.current = id
	if i := p.index(); i >= 0 {
		p.list.Reveal(i)
	}
	p.list.body.Refresh()
	p.explain()
	p.w.review.showing(id)
	p.w.viewer.SetSelection([]annotate.ID{id})
	p.w.labels.follow(nil)
	p.w.flyToSelection()
	p.w.focus()
}

// follow makes a suggestion that was selected in the viewer the current one.
func (p *queuePanel) follow(ids []annotate.ID) {
	if len(ids) == 0 || len(p.items) == 0 {
		return
	}
	places := p.places(ids)
	for _, id := range ids {
		if i, ok := places[id]; ok {
			p.current = id
			p.list.Reveal(i)
			p.list.body.Refresh()
			p.explain()
			return
		}
	}
}

// places are where those of ids that are suggestions stand in the queue.
func (p *queuePanel) places(ids []annotate.ID) map[annotate.ID]int {
	wanted := make(map[annotate.ID]bool, len(ids)) // far fewer than the queue is long
	for _, id := range ids {
		wanted[id] = true
	}
	m := map[annotate.ID]int{}
	for i, o := range p.items {
		if wanted[o.ID] {
			m[o.ID] = i
		}
	}
	return m
}

// targets are the suggestions a decision is about: those selected in the
// viewer, or else the current one.
func (p *queuePanel) targets() []annotate.ID {
	var ids []annotate.ID
	if selected := p.w.viewer.Selection(); len(selected) > 0 {
		places := p.places(selected)
		for _, id := range selected {
			if _, ok := places[id]; ok {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 && p.index() >= 0 {
		ids = []annotate.ID{p.current}
	}
	return ids
}

// decide accepts or rejects, and goes on to the next.
func (p *queuePanel) decide(accept bool) {
	if p.w.review.blind {
		p.w.status.say("Label first: press the number of a class, or Z to skip.")
		return
	}
	a := app.Answer{Decision: annotate.Rejected}
	if accept {
		a.Decision = annotate.Accepted
	}
	p.answer(a, p.targets())
}

// answer decides on suggestions and notes how that came about.
func (p *queuePanel) answer(a app.Answer, ids []annotate.ID) {
	own := a.Note.Own
	a.Note = p.w.review.note(len(ids))
	a.Note.Own = own
	p.take(ids, func(s *app.Session) error { return s.Decide(a, ids...) })
}

// reclass takes suggestions over with another class, and goes on to the next.
// Where the label comes first, it is the person's own word.
func (p *queuePanel) reclass(class annotate.ID, ids []annotate.ID) {
	a := app.Answer{Decision: annotate.Reclassed, Class: class}
	if p.w.review.blind {
		a.Note.Own = class
		p.w.review.reveal(class, ids)
	}
	p.answer(a, ids)
}

// take removes suggestions from the list at once and decides on them in the
// background; when that fails they come back.
func (p *queuePanel) take(ids []annotate.ID, decide func(*app.Session) error) {
	if len(ids) == 0 {
		return
	}
	at := max(0, p.index())
	for _, id := range ids {
		p.decided[id] = true
	}
	p.items = slices.DeleteFunc(slices.Clone(p.items), func(o *annotate.Object) bool { return p.decided[o.ID] })
	p.w.write(decide, func(err error) {
		for _, id := range ids {
			delete(p.decided, id)
		}
		if err != nil {
			p.update()
		} else {
			p.w.recount()
		}
	})
	if len(p.items) == 0 {
		p.current = annotate.ID{}
		p.w.viewer.SetSelection(nil)
		p.refresh()
		p.w.status.say("Every suggestion of this slide is decided.")
		return
	}
	if !p.aside { // the order may have changed since: what it begins with is worth most
		at = 0
	}
	p.current = p.items[min(at, len(p.items)-1)].ID
	p.refresh()
	p.show(p.current)
}

// skip goes on to the next suggestion without a decision; it comes again after
// all others.
func (p *queuePanel) skip() {
	at := p.index()
	if len(p.items) == 0 {
		return
	}
	if at >= 0 {
		p.skipped[p.current] = true
		o := p.items[at]
		p.items = append(slices.Delete(slices.Clone(p.items), at, at+1), o)
	}
	if at >= len(p.items)-1 {
		at = 0
	}
	p.list.Update(len(p.items))
	p.show(p.items[max(0, at)].ID)
}
