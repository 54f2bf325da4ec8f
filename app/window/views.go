package window

import (
	"context"
	"fmt"
	"slices"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// A slide may be shown in several panes: views of one slide that is open once.
// They have their places and zooms for themselves; tiles, labels and what was
// seen are the same.

// alike tells whether two panes show the same slide.
func (p *pane) alike(q *pane) bool {
	return p.open != nil && q.open != nil && p.open.Item.ID == q.open.Item.ID
}

// look has the pane's viewer show a slide's pixels, or nothing; the labels are
// given apart.
func (p *pane) look(open *app.OpenSlide) {
	if p.share != nil {
		p.share.End()
		p.share = nil
	}
	if open == nil {
		p.viewer.SetSlide(nil, nil)
		return
	}
	p.share = p.w.shareOf(p, open)
	p.viewer.SetSlide(p.share, open.Slide.Info())
}

// shareOf is a pane's part of the tiles of a slide.
func (w *Window) shareOf(p *pane, open *app.OpenSlide) *viewer.Share {
	for _, q := range w.panes {
		if q != p && q.open == open && q.share != nil {
			return q.share.Another()
		}
	}
	return viewer.NewShare(open.Loader)
}

// beginLike starts a further view of a slide as another pane has it: the same
// place, and one map of what was seen. It tells whether there is another.
func (p *pane) beginLike() bool {
	for _, q := range p.w.panes {
		if q != p && q.alike(p) {
			p.cover.slide, p.cover.dirty = p.open, false
			p.viewer.ShareCoverage(q.viewer.Coverage())
			if v := q.viewer.Viewport(); v.Valid() {
				p.viewer.SetViewport(v)
			}
			return true
		}
	}
	return false
}

// views lists the panes that show a slide.
func (w *Window) views(slide annotate.ID) []*pane {
	var views []*pane
	for _, p := range w.panes {
		if p.open != nil && p.open.Item.ID == slide {
			views = append(views, p)
		}
	}
	return views
}

// leads tells whether a pane takes part when panes move together: of several
// views of a slide the first does, and the others stay where they are.
func (p *pane) leads() bool {
	if p.open == nil {
		return false
	}
	views := p.w.views(p.open.Item.ID)
	return len(views) > 0 && views[0] == p
}

// seen hears that more of the pane's slide was seen; its other views show that
// too.
func (p *pane) seen() {
	p.cover.changed()
	for _, q := range p.w.panes {
		if q != p && q.alike(p) {
			q.viewer.CoverageChanged()
		}
	}
}

// openTwice shows the slide of the active pane in one more pane.
func (w *Window) openTwice() {
	item := w.open.Item
	w.addPane()
	if w.open == nil {
		w.openSlide(item.ID)
		w.status.say("A further view of " + item.Name + ": it has a place and a zoom of its own.")
	}
}

// nameIn is what the bar above a pane says of it: the slide, and which of its
// views it is.
func (w *Window) nameIn(p *pane) string {
	if p.open == nil {
		return "Empty"
	}
	if views := w.views(p.open.Item.ID); len(views) > 1 {
		return fmt.Sprintf("%s · view %d", p.open.Item.Name, 1+slices.Index(views, p))
	}
	return p.open.Item.Name
}

// openInto opens a slide for a pane on the lane of edits: in the place of the
// one that the session has open for it, or beside the others. panes are all
// there were when it was asked for.
func (p *pane) openInto(ctx context.Context, s *app.Session, id annotate.ID, panes []*pane) (*app.OpenSlide, error) {
	var open *app.OpenSlide
	var err error
	if p.held.session == s && s.Opened(p.held.slide) != nil && !p.held.elsewhere(p, panes) {
		if err := s.Activate(p.held.slide); err != nil {
			return nil, err
		}
		open, err = s.OpenSlide(ctx, id)
	} else {
		open, err = s.OpenBeside(ctx, id)
	}
	if err == nil {
		p.held = held{s, id}
	}
	return open, err
}

// elsewhere tells, on the lane of edits, whether the session has the slide open
// for another pane too.
func (h held) elsewhere(p *pane, panes []*pane) bool {
	return slices.ContainsFunc(panes, func(q *pane) bool { return q != p && q.held == h })
}

// letGo closes the slide of a pane that goes away, unless another view of it
// stays.
func (w *Window) letGo(p *pane) {
	panes := slices.Clone(w.panes)
	w.edits.do(func() {
		h := p.held
		p.held = held{}
		if h.session != nil && !h.elsewhere(p, panes) {
			w.failLater(h.session.CloseSlide(h.slide))
		}
	})
}

// takenOver has the other views of a slide that was opened anew show it as it is
// open now.
func (w *Window) takenOver(now *app.OpenSlide) {
	for _, p := range w.views(now.Item.ID) {
		if p.open == now || p == w.active {
			continue
		}
		set := p.open.Set
		p.open = now
		w.redrawn(p)
		if set != now.Set {
			p.viewer.SetObjects(now.Set, now.Item.ID)
		}
	}
}

// redrawn gives a pane's viewer the tiles of its slide, which is drawn in
// another way now.
func (w *Window) redrawn(p *pane) {
	if p.share != nil {
		p.share.End()
	}
	p.share = nil
	p.share = w.shareOf(p, p.open)
	p.viewer.SetSource(p.share, p.open.Slide.Info())
}

// reopened takes over a slide that the session has opened in another way.
func (w *Window) reopened(now *app.OpenSlide) {
	views := w.views(now.Item.ID)
	if len(views) == 0 || w.session == nil || w.session.Opened(now.Item.ID) != now {
		return
	}
	for _, p := range views {
		p.open = now
		if p == w.active {
			w.open = now
			w.queue.redrawn(now)
		}
		w.redrawn(p)
	}
	w.relay()
}

// besideWords is the line of a slide's menu that opens it in a pane of its own.
func besideWords(shown bool) string {
	if shown {
		return "Open a further view of it"
	}
	return "Open beside"
}
