package window

import (
	"context"
	"fmt"
	"image"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
)

// reviewPanel is below the slide while suggestions are looked at: the current one
// large, with what lies around it and why it was made, or many at once. It also
// holds the order that the queue comes in.
type reviewPanel struct {
	w      *Window
	object *fyne.Container
	around *fyne.Container // the slide, with what is found and reviewed below it
	shown  bool
	many   bool // the grid instead of the strip
	blind  bool // the own label first, then the suggestion

	order  app.QueueOrder
	ranker *app.Ranker // of the open slide; nil: none
	of     *app.OpenSlide
	ranks  *latest
	reads  *lane // pictures of the strip
	turn   int
	queue  *app.RankedQueue // as last ranked; nil: not yet
	place  map[annotate.ID]int
	stop   context.CancelFunc

	since   time.Time   // when the current one was shown
	at      annotate.ID // which it was
	decided []time.Time // in this session of review, for the rate
	last    string      // what the last decision in blind mode was

	head                *text
	orders, rules, grid *button
	first, rest         *button
	strip               *stripView
	board               *gridView
}

const (
	prefOrder  = "review.order"
	prefReview = "review.shown"
	stripHigh  = 204
)

func newReviewPanel(w *Window) *reviewPanel {
	p := &reviewPanel{w: w, ranks: newLatest(), reads: newLane()}
	p.order, _ = app.ParseQueueOrder(w.app.Preferences().String(prefOrder)) // an unknown word of a later program: the first order
	if p.order == "" {
		p.order = app.QueueUncertain
	}
	button := func(id, words, key, tip string, width float32) *button {
		return newButton(w.tips, nil, words, key, tip, func() { w.run(id); w.focus() }).filled().sized(width, 22)
	}
	p.orders = button("review.order", "", "", "The order in which suggestions come  (Shift+O)", 96)
	p.rules = button("review.rules", "Rules…", "", "What a person must look at, and what may pass unseen", 58)
	p.rest = button("review.rest", "", "", "Accept what the rules let pass unseen", 84)
	p.first = button("review.blind", "Label first", "", "Hide what the model says until you chose the class by its number  (Shift+K)", 74)
	p.grid = button("review.grid", "Grid", "", "Many at once; select with the mouse, Ctrl and Shift  (Shift+F7)", 44)
	shut := newButton(w.tips, icon("reject"), "", "", "Close  (F7)", func() { w.run("review.strip") }).sized(24, 22)
	p.head = newText("", textSmall, colorQuiet).fixed(40)
	bar := container.NewBorder(nil, nil, padded(boldText("REVIEW", textSmall), 0, 0, 8, 8), hbox(4, p.orders, p.rules, p.rest, p.first, p.grid, shut), p.head)
	p.strip, p.board = newStripView(p), newGridView(p)
	top := container.NewVBox(newFill(theme.ColorNameSeparator, 0), container.NewStack(newFill(theme.ColorNameHeaderBackground, 0), padded(bar, 3, 3, 0, 4)))
	p.object = onPanel(container.NewBorder(top, nil, nil, nil, container.NewStack(p.strip.object, p.board.object)))
	p.object.Hide()
	p.rest.Hide()
	return p
}

// bindReview says what the commands of the review do.
func (w *Window) bindReview(on func(string, func(), func() bool)) {
	slide := func() bool { return w.open != nil }
	edit := func() bool { return slide() && w.session != nil && !w.session.ReadOnly() }
	on("review.strip", func() { w.review.open(false) }, slide)
	on("review.grid", func() { w.review.open(true) }, slide)
	on("review.order", func() { w.review.chooseOrder() }, slide)
	on("review.rules", w.askRules, edit)
	on("review.rest", w.acceptRest, edit)
	on("review.blind", func() { w.review.setBlind(!w.review.blind) }, slide)
	on("review.edit", w.editSuggestion, func() bool { return edit() && w.queue.index() >= 0 })
	on("review.regions", w.mergeRegions, func() bool { return edit() && !w.session.JobStatus().Running })
	on("view.heatClassScore", func() { w.modelHeat(app.HeatClassScore) }, slide)
	on("view.heatUnsure", func() { w.modelHeat(app.HeatUnsure) }, slide)
	on("search.open", w.askSearch, func() bool { return slide() && !w.session.JobStatus().Running })
	on("search.like", w.searchLike, func() bool { return slide() && !w.session.JobStatus().Running })
}

// open shows the strip or the grid; what is shown already goes away.
func (p *reviewPanel) open(many bool) {
	if p.shown && p.many == many {
		p.shown = false
	} else {
		p.shown, p.many = true, many
	}
	p.w.app.Preferences().SetBool(prefReview, p.shown)
	p.arrange()
	if p.shown && p.w.queue.index() >= 0 {
		p.w.queue.show(p.w.queue.current)
	}
	p.rank()
	p.w.focus()
}

// arrange shows what is on.
func (p *reviewPanel) arrange() {
	show(p.object, p.shown && p.w.open != nil)
	show(p.strip.object, !p.many)
	show(p.board.object, p.many)
	p.grid.SetActive(p.many)
	p.around.Refresh()
	p.refresh()
}

// chooseOrder lets a person choose from the orders.
func (p *reviewPanel) chooseOrder() {
	var items []*fyne.MenuItem
	for _, q := range app.QueueOrders() {
		item := act(q.Title(), true, func() { p.setOrder(q) })
		item.Checked = q == p.order
		items = append(items, item)
	}
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(p.orders)
	if !p.shown {
		at = fyne.CurrentApp().Driver().AbsolutePositionForObject(p.w.queue.orders)
	}
	p.w.menuIn(at.AddXY(0, 24), items...)
}

// setOrder orders the queue anew and goes to its first.
func (p *reviewPanel) setOrder(q app.QueueOrder) {
	p.order, p.queue, p.place = q, nil, nil
	p.w.app.Preferences().SetString(prefOrder, string(q))
	p.w.queue.skipped, p.w.queue.current = map[annotate.ID]bool{}, annotate.ID{}
	p.refresh()
	p.rankThen(func() {
		if len(p.w.queue.items) > 0 {
			p.w.queue.show(p.w.queue.items[0].ID)
		}
	})
	p.w.focus()
}

// reset forgets the queue of another slide.
func (p *reviewPanel) reset() {
	if p.stop != nil {
		p.stop()
	}
	p.turn++
	p.ranker, p.of, p.queue, p.place, p.at, p.last = nil, nil, nil, nil, annotate.ID{}, ""
	p.strip.reset()
	p.board.reset()
	if p.w.finds.result != nil {
		p.w.finds.shut()
	}
	show(p.object, p.shown && p.w.open != nil)
}

// rank orders the queue anew in the background, by what the labels teach now.
func (p *reviewPanel) rank() { p.rankThen(nil) }

func (p *reviewPanel) rankThen(then func()) {
	s, open := p.w.session, p.w.open
	if s == nil || open == nil {
		return
	}
	if p.of != open {
		p.ranker, p.of = s.Ranker(open.Item.ID), open
	}
	if p.stop != nil {
		p.stop()
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.turn++
	turn, ranker, o := p.turn, p.ranker, app.QueueOptions{Order: p.order, Seed: 1, Rules: s.ReviewRules(), Coverage: p.coverage(), Also: p.at}
	p.ranks.do(func() {
		q, err := ranker.Queue(ctx, o)
		p.w.post(func() {
			if turn != p.turn || p.w.open != open {
				return
			}
			if err != nil {
				if o.Order == app.QueueDoubts {
					q, err = &app.RankedQueue{Why: "Too few labels to hold some out: label more patches of two classes."}, nil
				} else {
					p.w.fail(err)
					return
				}
			}
			p.take(q)
			if then != nil {
				then()
			}
		})
	})
}

// coverage is the share of the patches that a class is named for.
func (p *reviewPanel) coverage() float64 {
	return p.w.app.Preferences().FloatWithFallback(prefCoverage, 1)
}

// prefCoverage remembers the coverage.
const prefCoverage = "review.coverage"

// take shows a new order.
func (p *reviewPanel) take(q *app.RankedQueue) {
	p.queue, p.place = q, make(map[annotate.ID]int, len(q.Items))
	for i, x := range q.Items {
		p.place[x.Object.ID] = i
	}
	p.w.queue.update()
	p.refresh()
}

// ordered are the suggestions of a queue in the order of the last ranking, those
// left out that are decided or that the rules let pass; what was skipped comes
// last, and before it what the ranking did not know yet.
func (p *reviewPanel) ordered(all []*annotate.Object, decided, skipped map[annotate.ID]bool) []*annotate.Object {
	var first, rest, late []*annotate.Object
	put := func(list *[]*annotate.Object, o *annotate.Object) {
		switch {
		case decided[o.ID]:
		case skipped[o.ID]:
			late = append(late, o)
		default:
			*list = append(*list, o)
		}
	}
	if p.queue == nil {
		if p.order != app.QueueDoubts {
			for _, o := range all {
				put(&first, o)
			}
		}
		return append(first, late...)
	}
	waiting := make(map[annotate.ID]*annotate.Object, len(all))
	for _, o := range all {
		waiting[o.ID] = o
	}
	for _, x := range p.queue.Items {
		if x.Doubt {
			put(&first, x.Object)
		} else if o := waiting[x.Object.ID]; o != nil {
			put(&first, o)
		}
	}
	if p.order != app.QueueDoubts && p.queue.Passed == 0 {
		for _, o := range all {
			if _, known := p.place[o.ID]; !known {
				put(&rest, o)
			}
		}
	}
	return append(append(first, rest...), late...)
}

// reveal says, once the own label is set, what the model had said.
func (p *reviewPanel) reveal(own annotate.ID, ids []annotate.ID) {
	w := p.w
	if len(ids) == 0 || w.open == nil {
		return
	}
	o := w.open.Set.Get(ids[len(ids)-1])
	if o == nil {
		return
	}
	mine, _ := w.classOf(own)
	its, _ := w.classOf(o.Class)
	if own == o.Class {
		p.last = fmt.Sprintf("Before: you and the model said %s (%.2f).", mine, o.By.Score)
	} else {
		p.last = fmt.Sprintf("Before: you said %s, the model %s (%.2f).", mine, its, o.By.Score)
	}
}

// word is what the model says of a suggestion now.
func (p *reviewPanel) word(id annotate.ID) (app.Queued, bool) {
	if p.queue == nil {
		return app.Queued{}, false
	}
	i, ok := p.place[id]
	if !ok {
		return app.Queued{}, false
	}
	return p.queue.Items[i], true
}

// showing notes that the current suggestion is another one now.
func (p *reviewPanel) showing(id annotate.ID) {
	if id != p.at {
		p.at, p.since = id, time.Now()
	}
	if p.blind {
		p.veil()
	}
	p.refresh()
}

// veil hides what the model says on the slide, and shows where to look.
func (p *reviewPanel) veil() {
	w := p.w
	if w.open == nil {
		return
	}
	w.viewer.SetOverlayVisible(w.overlay && !p.blind)
	var at annotate.ROI
	if o := w.open.Set.Get(p.at); p.blind && o != nil {
		at = o.ROI
	}
	w.viewer.SetGhost(at)
}

// setBlind turns "label first, then look" on or off.
func (p *reviewPanel) setBlind(on bool) {
	p.blind, p.last = on, ""
	p.first.SetActive(on)
	p.w.viewer.SetOverlayVisible(p.w.overlay)
	p.veil()
	p.w.queue.refresh()
	p.refresh()
	if on {
		p.w.status.say("Label first: choose the class by its number; then you see what the model said.")
	} else {
		p.w.status.say("Suggestions are shown before you decide.")
	}
	p.w.focus()
}

// note is how the next decision came about; it begins the time of the one after.
func (p *reviewPanel) note(n int) app.ReviewNote {
	note := app.ReviewNote{Order: p.order}
	if !p.since.IsZero() && n > 0 {
		note.Took = time.Since(p.since) / time.Duration(n)
	}
	now := time.Now()
	for range n {
		p.decided = append(p.decided, now)
	}
	p.since = now
	return note
}

// rate is the decisions a minute over the last twenty; 0 when there are too few.
func (p *reviewPanel) rate() float64 {
	const most, least = 20, 4
	n := len(p.decided)
	if n > most {
		p.decided = p.decided[n-most:]
		n = most
	}
	if n < least {
		return 0
	}
	took := p.decided[n-1].Sub(p.decided[0]).Minutes()
	if took <= 0 || time.Since(p.decided[n-1]) > 2*time.Minute {
		return 0
	}
	return float64(n-1) / took
}

// refresh shows what is current.
func (p *reviewPanel) refresh() {
	p.orders.SetWords(p.order.Short() + " …")
	p.w.queue.orders.SetWords(p.order.Short() + " …")
	if !p.shown || p.w.open == nil {
		return
	}
	var parts []string
	if q := p.queue; q != nil {
		if q.Live {
			parts = append(parts, "by "+number(q.Labels)+" labelled patches")
		} else if q.Why != "" {
			parts = append(parts, q.Why)
		}
	}
	if r := p.rate(); r > 0 {
		parts = append(parts, fmt.Sprintf("%.0f a minute", r))
	}
	p.head.Set(strings.Join(parts, "  ·  "))
	rules := p.w.session != nil && !p.w.session.ReviewRules().Empty()
	p.rules.SetActive(rules)
	passed := 0
	if p.queue != nil {
		passed = p.queue.Passed
	}
	show(p.rest, rules && passed > 0)
	p.rest.SetWords("Accept " + number(passed))
	p.first.SetActive(p.blind)
	if p.many {
		p.board.update()
	} else {
		p.strip.update()
	}
}

// reviewPicture is a picture that is read in the background.
func reviewPicture(side float32) *canvas.Image {
	im := canvas.NewImageFromImage(nil)
	im.ScaleMode, im.CornerRadius = canvas.ImageScaleSmooth, 5
	im.FillMode = canvas.ImageFillContain
	im.SetMinSize(fyne.NewSize(side, side))
	return im
}

// putPicture shows a picture, or none.
func putPicture(im *canvas.Image, pic *image.RGBA) {
	switch {
	case pic == nil && im.Image != nil:
		im.Image = nil
		im.Refresh()
	case pic != nil && im.Image != pic:
		im.Image = pic
		im.Refresh()
	}
}
