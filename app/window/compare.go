package window

import (
	"fmt"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// compareBar is the strip above slides side by side: whether they move together,
// how they were registered, and how much of one is laid over another. While
// places are picked it says which is next.
type compareBar struct {
	w      *Window
	object *fyne.Container

	linked bool
	maps   map[slidePair]annotate.Affine // from the first slide to the second
	pairs  map[slidePair]int             // of points, where slides were registered

	row      fyne.CanvasObject
	link     *button
	register *button
	state    *text
	over     *text
	blend    *slider
	share    *text
	more     *button

	pickRow  fyne.CanvasObject
	pickText *text
	use      *button
	back     *button
	pick     *picker // nil: nothing is picked
}

// slidePair names a map from one slide to another.
type slidePair struct{ from, to annotate.ID }

func pairOf(from, to *pane) slidePair { return slidePair{from.open.Item.ID, to.open.Item.ID} }

func newCompareBar(w *Window) *compareBar {
	c := &compareBar{w: w, linked: true}
	c.forget()
	act := func(id string) func() { return func() { w.run(id); w.focus() } }
	c.link = newButton(w.tips, nil, "Linked", "", "Panes move and zoom together  (Ctrl+L)", act("view.link")).filled().sized(58, 22)
	c.register = newButton(w.tips, nil, "Register…", "", "Pick the same two or three places on both slides  (Ctrl+Shift+L)", act("view.register")).filled().sized(72, 22)
	c.more = newButton(w.tips, icon("plus"), "", "", "Add a pane", act("view.addPane")).sized(26, 22)
	c.state = newText("", textSmall, colorQuiet).fixed(60)
	c.over = newText("", textSmall, colorQuiet).trailing().fixed(172)
	c.blend = newSlider(w.tips, "How much the other slide is laid over this one", 0, func(v float64) { w.lay(w.active, v) })
	c.share = newText("", textSmall, colorQuiet).fixed(34).trailing()
	middle := func(o fyne.CanvasObject) fyne.CanvasObject { return container.NewCenter(o) }
	c.row = container.NewBorder(nil, nil, hbox(4, middle(c.link), middle(c.register)),
		hbox(6, c.over, container.NewGridWrap(fyne.NewSize(110, 26), c.blend), c.share, middle(c.more)), padded(c.state, 0, 0, 6, 6))

	c.pickText = newText("", textBody, theme.ColorNameForeground).fixed(60)
	c.back = newButton(w.tips, nil, "Take back", "", "Take the last place back  (Backspace)", func() { c.pick.takeBack(); w.focus() }).filled().sized(74, 22)
	c.use = newButton(w.tips, nil, "Use 2 points", "", "Shift, turn and scale  (Enter)", func() { c.pick.finish(); w.focus() }).filled().sized(92, 22)
	cancel := newButton(w.tips, nil, "Cancel", "", "Leave everything as it was  (Esc)", func() { c.stopPicking(); w.focus() }).filled().sized(60, 22)
	c.pickRow = container.NewBorder(nil, nil, nil, hbox(4, middle(c.back), middle(c.use), middle(cancel)), padded(c.pickText, 0, 0, 6, 6))
	c.pickRow.Hide()
	c.object = onPanel(padded(container.NewStack(c.row, c.pickRow), 2, 2, 6, 6))
	c.object.Hide()
	return c
}

// forget drops what is known of slides of a project.
func (c *compareBar) forget() {
	c.maps, c.pairs = map[slidePair]annotate.Affine{}, map[slidePair]int{}
}

// partner is the pane that a pane is registered with and that is laid over it:
// the next one with another slide; nil when there is none.
func (w *Window) partner(p *pane) *pane {
	at := slices.Index(w.panes, p)
	for i := 1; i < len(w.panes); i++ {
		if q := w.panes[(at+i)%len(w.panes)]; q.open != nil && !q.alike(p) {
			return q
		}
	}
	return nil
}

// update shows the state of the panes.
func (c *compareBar) update() {
	w := c.w
	show(c.object, len(w.panes) > 1)
	if len(w.panes) < 2 {
		return
	}
	for _, p := range w.panes {
		p.name.SetWords(w.nameIn(p))
		p.name.SetActive(p == w.active)
	}
	other := w.partner(w.active)
	both := w.open != nil && other != nil
	apart := w.open != nil && other == nil && len(w.views(w.open.Item.ID)) > 1
	c.link.SetEnabled(!apart)
	c.link.SetActive(c.linked && !apart)
	c.link.SetWords(map[bool]string{true: "Linked", false: "Link"}[c.linked && !apart])
	c.register.SetEnabled(w.cmds.CanDo("view.register"))
	c.more.SetEnabled(len(w.panes) < panesMost)
	words := ""
	if both {
		words = c.stateWords(c.pairs[pairOf(w.active, other)])
	} else if apart {
		words = "Views of one slide, each with its own place and zoom"
	}
	c.state.Set(words)
	show(c.blend, both)
	show(c.share, both)
	show(c.over, both)
	if both {
		c.over.Set("Lay over: " + other.open.Item.Name)
		c.blend.Set(w.active.blend)
		c.share.Set(fmt.Sprintf("%.0f %%", 100*w.active.blend))
	}
	show(c.row, c.pick == nil)
	show(c.pickRow, c.pick != nil)
	c.object.Refresh()
}

// stateWords say how slides lie on one another.
func (c *compareBar) stateWords(points int) string {
	switch {
	case points > 1:
		return fmt.Sprintf("Registered by %d points", points)
	case points == 1:
		return "Registered by one point"
	case c.linked:
		return "Linked by position, not registered"
	}
	return "Not registered"
}

// setMap notes how two slides lie on one another, both ways.
func (c *compareBar) setMap(from, to annotate.ID, m annotate.Affine, points int) {
	back, err := m.Inverse()
	if err != nil {
		c.w.fail(fmt.Errorf("slides side by side: %w", err))
		return
	}
	c.maps[slidePair{from, to}], c.maps[slidePair{to, from}] = m, back
	c.pairs[slidePair{from, to}], c.pairs[slidePair{to, from}] = points, points
}

// mapOf is the map from the slide of a pane to that of another: as registered,
// else as they lay when they were linked, else middle on middle.
func (c *compareBar) mapOf(p, q *pane) annotate.Affine {
	key := pairOf(p, q)
	if m, ok := c.maps[key]; ok {
		return m
	}
	middle := func(p *pane) annotate.Point {
		l := p.open.Slide.Levels()[0]
		b := p.open.Slide.Info().BoundsIn(l)
		return annotate.Point{X: float64(b.Min.X+b.Max.X) / 2, Y: float64(b.Min.Y+b.Max.Y) / 2}
	}
	m, err := app.Register([]app.PointPair{{From: middle(p), To: middle(q)}}, app.ScaleBetween(p.open, q.open))
	if err != nil {
		m = annotate.Identity()
	}
	c.setMap(key.from, key.to, m, 0)
	return m
}

// align has slides that are not registered lie on one another as they are seen.
func (c *compareBar) align() {
	for i, p := range c.w.panes {
		for _, q := range c.w.panes[i+1:] {
			if p.open == nil || q.open == nil || p.alike(q) || c.pairs[pairOf(p, q)] > 0 {
				continue
			}
			a, b := p.viewer.Viewport(), q.viewer.Viewport()
			if !a.Valid() || !b.Valid() {
				continue
			}
			pair := app.PointPair{From: annotate.Point{X: a.CX, Y: a.CY}, To: annotate.Point{X: b.CX, Y: b.CY}}
			if m, err := app.Register([]app.PointPair{pair}, app.ScaleBetween(p.open, q.open)); err == nil {
				c.setMap(p.open.Item.ID, q.open.Item.ID, m, 0)
			}
		}
	}
}

// toggleLink has panes move together, from how they are seen now, or alone.
func (w *Window) toggleLink() {
	c := w.compare
	c.linked = !c.linked
	if c.linked {
		c.align()
		w.follow(w.active)
		w.status.say("Panes move together.")
	} else {
		w.status.say("Each pane moves alone.")
	}
	c.update()
}

// lead has the other panes follow one that was moved.
func (w *Window) lead(p *pane, to viewer.Viewport) {
	if !w.compare.linked || w.compare.pick != nil || len(w.panes) < 2 || p.open == nil {
		return
	}
	if l := p.led; l.CX == to.CX && l.CY == to.CY && l.Scale == to.Scale && l.Turn == to.Turn && l.Tilt == to.Tilt && l.Flip == to.Flip {
		return // it was led here itself, or only its size changed
	}
	w.follow(p)
}

// follow brings every other pane to what one shows.
func (w *Window) follow(p *pane) {
	if !p.leads() || !w.compare.linked || !p.viewer.Viewport().Valid() {
		return
	}
	p.led = p.viewer.Viewport()
	for _, q := range w.panes {
		if q == p || !q.leads() {
			continue
		}
		q.viewer.SetViewport(viewer.Follow(p.led, q.viewer.Viewport(), w.compare.mapOf(p, q)))
		q.led = q.viewer.Viewport()
	}
}

// joined looks up how a slide just shown lies on the others and brings it there.
func (w *Window) joined(p *pane, same bool) {
	s := w.session
	if len(w.panes) < 2 || p.open == nil || same || s == nil {
		return
	}
	w.compare.stopPicking()
	for _, q := range w.panes {
		if q == p || q.open == nil || q.alike(p) {
			continue
		}
		open, other := p.open, q.open
		w.edits.do(func() {
			r, ok, err := s.Registration(other.Item.ID, open.Item.ID)
			w.post(func() {
				if w.session != s || p.open != open || q.open != other {
					return
				}
				w.fail(err)
				if ok {
					w.compare.setMap(other.Item.ID, open.Item.ID, r.Map, len(r.Pairs))
				}
				if w.heading == nil {
					w.follow(q)
				}
				w.relay()
				w.compare.update()
			})
		})
	}
}

// lay draws the slide of the next pane over that of a pane, more or less opaque.
func (w *Window) lay(p *pane, opacity float64) {
	other := w.partner(p)
	if w.session == nil || p.open == nil || other == nil {
		return
	}
	p.blend = opacity
	switch {
	case opacity <= 0:
		w.unlay(p)
	case p.laid == nil || p.laidOf != other:
		w.unlay(p)
		p.blend = opacity
		p.laid, p.laidOf = w.session.Lay(p.open, other.open, w.compare.mapOf(p, other)), other
		p.viewer.Lay(p.laid, opacity)
	default:
		p.viewer.SetLaidOpacity(opacity)
	}
	w.compare.update()
}

// unlay takes the slide over a pane's away.
func (w *Window) unlay(p *pane) {
	if laid := p.laid; laid != nil {
		p.viewer.Lay(nil, 0)
		go laid.Close() // waits for a tile that is being drawn
	}
	p.laid, p.laidOf, p.blend = nil, nil, 0
}

// unlayAll takes away what is laid over a pane's slide and where it is laid
// over another, before the slide is closed.
func (w *Window) unlayAll(p *pane) {
	for _, q := range w.panes {
		if q == p || q.laidOf == p {
			w.unlay(q)
		}
	}
}

// relay lays slides over one another anew, after a map or a slide changed.
func (w *Window) relay() {
	for _, p := range w.panes {
		if opacity := p.blend; p.laid != nil {
			w.unlay(p)
			w.lay(p, opacity)
		}
	}
}

// forgetRegistration drops the registration of the active pane and its partner.
func (w *Window) forgetRegistration() {
	p, q := w.active, w.partner(w.active)
	from, to := p.open.Item.ID, q.open.Item.ID
	w.write(func(s *app.Session) error { return s.ForgetRegistration(from, to) }, func(err error) {
		if err != nil {
			return
		}
		for _, key := range []slidePair{{from, to}, {to, from}} {
			delete(w.compare.maps, key)
			delete(w.compare.pairs, key)
		}
		w.compare.align()
		w.relay()
		w.compare.update()
		w.status.say("The registration is forgotten; the slides lie as they are seen now.")
	})
}

// bindPanes says what the commands of slides side by side do.
func (w *Window) bindPanes(on func(id string, run func(), enabled func() bool)) {
	several := func() bool { return len(w.panes) > 1 }
	both := func() bool { return several() && w.open != nil && w.partner(w.active) != nil }
	room := func() bool { return w.session != nil && len(w.panes) < panesMost }
	on("view.filterSlides", w.filterSlides, func() bool { return w.session != nil })
	on("view.groupCases", w.groupCases, func() bool { return w.session != nil })
	on("view.markReviewed", func() { w.markReviewed(w.open.Item.ID) }, func() bool { return w.open != nil && !w.session.ReadOnly() })
	on("view.darkTheme", func() { w.setTheme(themeDark) }, func() bool { return !w.inTheme(themeDark) })
	on("view.lightTheme", func() { w.setTheme(themeLight) }, func() bool { return !w.inTheme(themeLight) })
	on("view.highContrast", func() { w.setTheme(themeContrast) }, func() bool { return !w.inTheme(themeContrast) })
	on("file.importGeoJSON", w.askImport, func() bool { return w.open != nil && !w.session.ReadOnly() })
	on("view.theme", w.toggleTheme, nil)
	on("view.beside", w.openNextBeside, func() bool { return room() && w.open != nil })
	on("view.twice", w.openTwice, func() bool { return room() && w.open != nil })
	on("view.addPane", w.addPane, func() bool { return room() && w.open != nil })
	on("view.closePane", func() { w.closePane(w.active); w.focus() }, several)
	on("view.nextPane", w.nextPane, several)
	on("view.link", w.toggleLink, several)
	on("view.register", w.startPicking, func() bool { return both() && !w.session.ReadOnly() && w.compare.pick == nil })
	on("view.forgetRegistration", w.forgetRegistration, func() bool {
		return both() && !w.session.ReadOnly() && w.compare.pairs[pairOf(w.active, w.partner(w.active))] > 0
	})
}

// namesOf joins names for people.
func namesOf(panes ...*pane) string {
	var names []string
	for _, p := range panes {
		if p != nil && p.open != nil {
			names = append(names, p.open.Item.Name)
		}
	}
	return strings.Join(names, " and ")
}
