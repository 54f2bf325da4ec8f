package window

import (
	"context"
	"fmt"
	"sync"

	"coverslip/annotate"
	"coverslip/app"
)

// news gathers the session's events, which come on any goroutine, until Fyne's
// goroutine looks at all of them at once.
type news struct {
	mu        sync.Mutex // protects what follows
	scheduled bool
	kinds     map[app.EventKind]bool
	boxes     map[annotate.ID][]annotate.Box // by slide
	saved     string
	notices   []string
}

// event is told by the session, on any goroutine.
func (w *Window) event(e app.Event) {
	if e.Kind == app.EventTiles {
		return // the viewer looks for itself while tiles are awaited
	}
	if e.Kind == app.EventSaved && w.opts.Debug != nil {
		fmt.Fprintf(w.opts.Debug, "coverslip: saved %s\n", e.Text)
	}
	n := &w.news
	n.mu.Lock()
	if n.kinds == nil {
		n.kinds = map[app.EventKind]bool{}
	}
	n.kinds[e.Kind] = true
	if e.Kind == app.EventObjects {
		if n.boxes == nil {
			n.boxes = map[annotate.ID][]annotate.Box{}
		}
		n.boxes[e.Slide] = append(n.boxes[e.Slide], e.Boxes...)
	}
	if e.Kind == app.EventSaved {
		n.saved = e.Text
	}
	if e.Kind == app.EventNotice {
		n.notices = append(n.notices, e.Text)
	}
	first := !n.scheduled
	n.scheduled = true
	n.mu.Unlock()
	if first {
		go w.post(w.digest) // from a goroutine of its own, since this one may be Fyne's
	}
}

// digest brings the window up to the events that came.
func (w *Window) digest() {
	n := &w.news
	n.mu.Lock()
	kinds, boxes, saved, notices := n.kinds, n.boxes, n.saved, n.notices
	n.notices = nil
	n.kinds, n.boxes, n.saved, n.scheduled = nil, nil, "", false
	n.mu.Unlock()
	if w.session == nil {
		return
	}
	if kinds[app.EventPalette] {
		for _, p := range w.panes {
			p.viewer.SetPalette(w.session.Palette())
		}
		w.classes.update()
	}
	if kinds[app.EventObjects] {
		w.heat.refresh()
		for _, p := range w.panes {
			if p.open == nil {
				continue
			}
			if b, ok := boxes[p.open.Item.ID]; ok {
				p.viewer.ObjectsChanged(b...)
				if p == w.active {
					w.recount()
				}
			}
		}
		if w.elsewhere(boxes) {
			w.relist()
		}
	}
	if kinds[app.EventSlides] {
		w.relist()
	}
	if kinds[app.EventSaved] {
		w.status.saved(saved)
	}
	w.notify(notices)
	if kinds[app.EventUnsaved] {
		w.unsavedChanged()
	}
	if kinds[app.EventJob] {
		w.jobChanged()
	}
	w.toolbar.update()
	w.menuState()
}

// survey is what the current slide holds, counted.
type survey struct {
	slide    annotate.ID
	counts   map[annotate.ID]int // labels a class
	queue    []*annotate.Object  // suggestions, least certain first
	waiting  int                 // suggestions, those beyond the queue included
	labels   *app.Table          // labels, as the table's heads say
	tree     *app.Tree           // the same by what lies in what; nil when that is not shown
	accepted int                 // suggestions a person took over, as they were or re-classed
	rejected int
}

// recount counts the labels of the current slide in the background.
func (w *Window) recount() { w.recountThen(nil) }

// recountThen is recount with something to do once the new count is shown.
func (w *Window) recountThen(then func()) {
	w.countTurn++
	turn := w.countTurn
	if then != nil {
		w.counted = append(w.counted, afterCount{turn, then})
	}
	s, open := w.session, w.open
	if s == nil || open == nil {
		return
	}
	palette, spec, tree := s.Palette(), w.labels.spec, w.labels.tree
	w.counts.do(func() {
		v := survey{slide: open.Item.ID, counts: open.Set.Counts(), queue: s.Queue(open.Item.ID)}
		open.Set.Roll().Each(func(_ int, b *annotate.Brief) bool {
			if b.IsSuggestion() {
				v.waiting++
			}
			switch b.Decision {
			case annotate.Accepted, annotate.Reclassed:
				v.accepted++
			case annotate.Rejected:
				v.rejected++
			}
			return true
		})
		v.labels = app.MakeTable(context.Background(), open.Set, palette, spec)
		tree.nesting, v.tree = tree.nest(v.labels)
		w.post(func() {
			if w.open != nil && w.open.Set == open.Set {
				w.survey = v
				if v.tree != nil {
					w.labels.tree.nesting = tree.nesting
				}
				w.classes.refreshCounts()
				w.queue.update()
				w.review.rank()
				w.labels.grow()
				w.sheet.recounted()
				w.slides.count(v)
				w.toolbar.update()
				w.menuState()
				w.runCounted(turn)
			}
		})
	})
}

// afterCount waits for the count that was asked for at turn, or a later one.
type afterCount struct {
	turn int
	f    func()
}

// runCounted runs what waited for a count.
func (w *Window) runCounted(turn int) {
	waiting := w.counted
	w.counted = nil
	for _, a := range waiting {
		if a.turn <= turn {
			a.f()
		} else {
			w.counted = append(w.counted, a)
		}
	}
}

// relist reads the list of slides anew in the background.
func (w *Window) relist() {
	s := w.session
	w.listing.do(func() {
		items := s.Slides()
		w.post(func() {
			if s == w.session {
				w.slides.items = items
				w.slides.update()
			}
		})
	})
}

// jobChanged shows how far the background job is, and how it ended.
func (w *Window) jobChanged() {
	st := w.session.JobStatus()
	w.status.job(st)
	if !st.Running && st.Err != nil {
		w.fail(st.Err)
	}
	if !st.Running {
		w.text.update()
	}
}

// elsewhere tells whether objects changed on a slide that is not the active
// one, whose counts in the list are read anew.
func (w *Window) elsewhere(boxes map[annotate.ID][]annotate.Box) bool {
	for id := range boxes {
		if w.open == nil || w.open.Item.ID != id {
			return true
		}
	}
	return false
}
