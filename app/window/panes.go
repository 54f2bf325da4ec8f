package window

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/tiles"
	"coverslip/viewer"
)

// panesMost is how many slides are seen side by side.
const panesMost = 4

// pane is one of the slides seen side by side: its viewer and what is shown in
// it. Window.viewer, Window.open and Window.cover are always those of the pane
// that has the keyboard, the active one.
type pane struct {
	w      *Window
	viewer *viewer.Viewer
	open   *app.OpenSlide // nil: nothing is shown
	share  *viewer.Share  // of its tiles, with the other views of the slide; nil: nothing is shown
	cover  cover
	turns  orientation
	turn   int  // counts the slides asked for; answers to older questions are dropped
	held   held // what the session has open for this pane; belongs to the lane of edits

	led    viewer.Viewport // where a linked pane led it last
	laid   *tiles.Loader   // the slide of another pane over this one; nil: none
	laidOf *pane
	blend  float64 // how much that one hides

	name   *button
	bar    *fyne.Container // above the viewer, when there are several
	object fyne.CanvasObject
}

// held is a slide of a session.
type held struct {
	session *app.Session
	slide   annotate.ID
}

func newPane(w *Window) *pane {
	p := &pane{w: w, viewer: viewer.New()}
	p.cover.w, p.cover.viewer = w, p.viewer
	p.turns.w, p.turns.viewer = w, p.viewer
	p.viewer.SetWheelPans(w.app.Preferences().Bool(prefWheel))
	p.viewer.SetCrisp(!w.app.Preferences().Bool(prefSmooth))
	p.name = newButton(w.tips, nil, "", "", "", func() { w.activate(p); w.focus() }).sized(60, 22)
	p.name.leading = true
	away := newButton(w.tips, icon("reject"), "", "", "Close this pane  (Ctrl+Shift+W)", func() { w.closePane(p); w.focus() }).sized(26, 22)
	p.bar = onPanel(container.NewBorder(nil, nil, nil, away, p.name))
	p.bar.Hide()
	p.object = container.NewBorder(p.bar, nil, nil, nil, p.viewer)
	w.wirePane(p)
	return p
}

// wirePane has the viewer of a pane tell the window what a person wishes. What
// concerns the panels counts only of the active pane.
func (w *Window) wirePane(p *pane) {
	v := p.viewer
	active := func(f func()) {
		if w.active == p {
			f()
		}
	}
	v.OnFocus = func() { w.activate(p) }
	w.wireViewer(p)
	hover, view, hint := v.OnHover, v.OnView, v.OnHint
	v.OnHover = func(at annotate.Point, inside bool) { active(func() { hover(at, inside) }) }
	v.OnHint = func(words string) { active(func() { hint(words) }) }
	v.OnView = func(port viewer.Viewport) {
		w.stills.moved()
		w.watched()
		active(func() { view(port) })
		p.turns.changed()
		w.lead(p, port)
	}
	v.OnSeen = p.seen
	v.OnMenu = func(place annotate.Point, at fyne.Position) { w.viewMenu(p, place, at) }
	v.OnKey, v.OnRune = w.typedKey, w.typedRune
	v.OnProblem = func(err error) {
		if p.open != nil {
			err = &app.FileError{What: "slide", Path: p.open.Item.Path, Err: err}
		}
		w.fail(err)
	}
}

// watched has the session keep as many tiles as suit what is seen.
func (w *Window) watched() {
	seen := 0
	for _, p := range w.panes {
		view := p.viewer.Viewport()
		seen += view.W * view.H
	}
	if w.session != nil && (seen != w.seen || w.session != w.seenBy) {
		w.seen, w.seenBy = seen, w.session
		w.session.Watched(seen)
	}
}

// setOpen says what the active pane shows.
func (w *Window) setOpen(open *app.OpenSlide) {
	w.open, w.active.open = open, open
}

// paneOf finds the pane that shows a slide; nil when none does.
func (w *Window) paneOf(slide annotate.ID) *pane {
	for _, p := range w.panes {
		if p.open != nil && p.open.Item.ID == slide {
			return p
		}
	}
	return nil
}

// activate gives a pane the panels around the slide; the session's undo and
// drawing follow after the edits before.
func (w *Window) activate(p *pane) {
	if w.active == p || !slices.Contains(w.panes, p) {
		return
	}
	last := w.active
	w.use(p)
	if s := w.session; s != nil && p.open != nil {
		id := p.open.Item.ID
		w.edits.do(func() {
			if err := s.Activate(id); err != nil && s.Opened(id) != nil {
				w.failLater(err)
			}
		})
	}
	w.dress(p.viewer, last.viewer.Tool())
	w.slides.file = ""
	w.survey, w.counted = survey{}, nil
	w.queue.reset()
	w.labels.reset()
	w.recount()
	w.showAll()
	w.centre.object.Refresh() // what floats above the slide goes with the keyboard
	w.selected(p.viewer.Selection())
	if open := p.open; open != nil {
		s := w.session
		w.thumbReads.do(func() {
			file := slideFileWords(s, open)
			w.post(func() {
				if w.open == open {
					w.slides.file = file
					w.slides.describe()
				}
			})
		})
	}
}

// use makes a pane the active one, without showing it.
func (w *Window) use(p *pane) {
	w.active, w.viewer, w.open, w.cover, w.turns = p, p.viewer, p.open, &p.cover, &p.turns
}

// dress gives a viewer the looks and the tool of the one before.
func (w *Window) dress(v *viewer.Viewer, tool viewer.Tool) {
	if w.session != nil {
		v.SetPalette(w.session.Palette())
	}
	v.SetClass(w.class)
	v.SetHiddenClasses(w.hidden)
	w.showLooks(v)
	w.toolbar.strong.apply(v)
	v.SetOverlayVisible(w.overlay)
	if w.compare.picking() == nil {
		v.SetTool(tool)
	}
}

// addPane opens an empty pane beside the others and makes it the active one.
func (w *Window) addPane() {
	if len(w.panes) >= panesMost || w.session == nil {
		return
	}
	if i := slices.IndexFunc(w.panes, func(p *pane) bool { return p.open == nil }); i >= 0 {
		w.activate(w.panes[i]) // one is empty already
	} else {
		p := newPane(w)
		p.viewer.SetEmptyText("Nothing here yet", "Choose a slide in the list on the left.")
		p.viewer.SetGrid(w.viewer.Grid())
		w.panes = append(w.panes, p)
		w.centre.arrange()
		w.activate(p)
	}
	w.status.say("Choose the slide for the new pane in the list on the left.")
	w.focus()
}

// openBeside opens a slide in a pane of its own.
func (w *Window) openBeside(id annotate.ID) {
	if p := w.paneOf(id); p != nil && p != w.active {
		w.activate(p)
		w.focus()
		return
	}
	if w.open != nil {
		if len(w.panes) >= panesMost {
			w.status.say("Four slides are open side by side already; close one first.")
			return
		}
		w.addPane()
	}
	w.openSlide(id)
}

// openNextBeside opens the slide that follows the active one beside it.
func (w *Window) openNextBeside() {
	items := w.slides.items
	at := slices.IndexFunc(items, func(i app.SlideItem) bool { return w.open != nil && i.ID == w.open.Item.ID })
	for i := range items {
		if next := items[(at+1+i)%len(items)]; !next.Missing && w.paneOf(next.ID) == nil {
			w.openBeside(next.ID)
			return
		}
	}
	w.addPane()
}

// closePane closes a pane and its slide; the last one stays, empty.
func (w *Window) closePane(p *pane) {
	i := slices.Index(w.panes, p)
	if i < 0 || len(w.panes) < 2 {
		return
	}
	w.compare.stopPicking()
	w.unlayAll(p)
	p.cover.keep()
	p.turns.keep()
	w.panes = slices.Delete(w.panes, i, i+1)
	if w.active == p {
		w.active = nil
		next := w.panes[min(i, len(w.panes)-1)]
		w.active = p // so that activate sees a change
		w.activate(next)
	}
	p.open = nil
	p.look(nil)
	w.letGo(p)
	w.centre.arrange()
	w.showAll()
}

// closeOthers leaves the active pane alone.
func (w *Window) closeOthers() {
	for _, p := range slices.Clone(w.panes) {
		if p != w.active {
			w.closePane(p)
		}
	}
}

// nextPane gives the keyboard to another pane.
func (w *Window) nextPane() {
	if i := slices.Index(w.panes, w.active); i >= 0 {
		w.activate(w.panes[(i+1)%len(w.panes)])
		w.focus()
	}
}
