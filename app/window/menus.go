package window

import (
	"fmt"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// menuAt shows a menu at a place of an object. It takes the keyboard: arrows
// choose, Enter does, Escape takes it away.
func (w *Window) menuAt(o fyne.CanvasObject, at fyne.Position, items ...*fyne.MenuItem) {
	place := fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
	w.menuIn(place.Add(at), items...)
}

// menuIn shows a menu at a place of the window, moved so that all of it is seen.
func (w *Window) menuIn(at fyne.Position, items ...*fyne.MenuItem) {
	w.tips.hide()
	c := w.win.Canvas()
	if c.Overlays().Top() != nil {
		return
	}
	pop := widget.NewPopUpMenu(fyne.NewMenu("", items...), c)
	size, room := pop.MinSize(), c.Size()
	at.X, at.Y = max(0, min(at.X, room.Width-size.Width)), max(0, min(at.Y, room.Height-size.Height))
	pop.OnDismiss = func() {
		pop.Hide()
		w.focus()
	}
	pop.ShowAtPosition(at)
	w.menuShown = pop
	c.Focus(pop)
}

// commandItem is the line of a command in a context menu, with its key.
func (w *Window) commandItem(id string) *fyne.MenuItem {
	cmd, ok := w.cmds.Get(id)
	if !ok {
		return fyne.NewMenuItem(id, nil)
	}
	item := fyne.NewMenuItem(cmd.Title, func() { w.run(id) })
	item.Shortcut = shortcutOf(cmd.Key)
	item.Disabled = !w.cmds.CanDo(id)
	return item
}

func (w *Window) commandItems(ids ...string) []*fyne.MenuItem {
	var items []*fyne.MenuItem
	for _, id := range ids {
		if id == "" {
			items = append(items, fyne.NewMenuItemSeparator())
			continue
		}
		items = append(items, w.commandItem(id))
	}
	return items
}

// act is a line of a menu that does something of its own.
func act(words string, on bool, do func()) *fyne.MenuItem {
	item := fyne.NewMenuItem(words, do)
	item.Disabled = !on
	return item
}

// viewMenu is the menu on the slide: of the annotation under the pointer, when
// there is one, and of the place.
func (w *Window) viewMenu(p *pane, place annotate.Point, at fyne.Position) {
	w.activate(p)
	if w.open == nil || w.viewer.Busy() {
		return
	}
	if o := w.objectAt(place); o != nil {
		if !contains(w.viewer.Selection(), o.ID) {
			w.viewer.SetSelection([]annotate.ID{o.ID})
			w.selected([]annotate.ID{o.ID})
		}
		w.menuIn(at, w.objectMenu(o)...)
		return
	}
	position := w.placeWords(place)
	items := []*fyne.MenuItem{
		act("Centre here", true, func() { w.viewer.CenterOn(place, 0); w.focus() }),
		act("Copy position  "+position, true, func() {
			w.app.Clipboard().SetContent(position)
			w.status.say("Copied " + position)
		}),
		act("Bookmark this place…", !w.session.ReadOnly(), func() { w.viewer.CenterOn(place, 0); w.askBookmark() }),
		fyne.NewMenuItemSeparator(),
	}
	items = append(items, w.commandItems("view.fit", "view.turnRight", "view.mirror", "view.overlay", "view.grid", "", "view.beside", "view.register", "view.closePane", "", "view.markReviewed")...)
	w.menuIn(at, items...)
}

// placeWords is a position as people write it.
func (w *Window) placeWords(p annotate.Point) string {
	words := fmt.Sprintf("%.0f, %.0f px", p.X, p.Y)
	if info := w.open.Slide.Info(); info.MPPX > 0 {
		y := info.MPPY
		if y <= 0 {
			y = info.MPPX
		}
		words += fmt.Sprintf("  (%.1f, %.1f µm)", p.X*info.MPPX, p.Y*y)
	}
	return words
}

// menuNear is how near to an annotation, Fyne units, the pointer means it.
const menuNear = 4

// objectAt is the topmost object that is shown at a place; nil when there is
// none.
func (w *Window) objectAt(place annotate.Point) *annotate.Object {
	if !w.overlay {
		return nil
	}
	port := w.viewer.Viewport()
	scale := w.win.Canvas().Scale()
	for _, o := range w.open.Set.At(place, float64(menuNear*scale)/math.Max(port.Scale, 1e-9)) {
		rejected := o.Kind == annotate.Detection && o.Review.Decision == annotate.Rejected
		if !rejected && !w.hidden[o.Class] {
			return o
		}
	}
	return nil
}

func contains(ids []annotate.ID, id annotate.ID) bool {
	for _, have := range ids {
		if have == id {
			return true
		}
	}
	return false
}

// objectMenu is the menu on an annotation or a suggestion.
func (w *Window) objectMenu(o *annotate.Object) []*fyne.MenuItem {
	writable := !w.session.ReadOnly()
	var classes []*fyne.MenuItem
	for _, c := range w.session.Palette() {
		if c.Retired {
			continue
		}
		item := act(c.Name, writable, func() { w.giveClass(c.ID); w.focus() })
		item.Icon = swatchIcon(c.Color)
		item.Checked = c.ID == o.Class
		classes = append(classes, item)
	}
	class := fyne.NewMenuItem("Class", nil)
	class.ChildMenu = fyne.NewMenu("", classes...)
	class.Disabled = len(classes) == 0
	items := []*fyne.MenuItem{class}
	if o.IsSuggestion() {
		ids := []annotate.ID{o.ID}
		items = append(items,
			act("Accept suggestion", writable, func() {
				w.write(func(s *app.Session) error { return s.Accept(ids...) }, nil)
				w.focus()
			}),
			act("Reject suggestion", writable, func() {
				w.write(func(s *app.Session) error { return s.Reject(ids...) }, nil)
				w.focus()
			}))
	}
	area := ""
	if a := o.ROI.Area(); a > 0 {
		area = fmt.Sprintf("%.0f px²", a)
		if m := w.open.Slide.Info(); m.MPPX > 0 && m.MPPY > 0 {
			area = fmt.Sprintf("%.1f µm²", a*m.MPPX*m.MPPY)
		}
	}
	items = append(items, fyne.NewMenuItemSeparator())
	items = append(items, w.commandItems("view.selection", "edit.delete")...)
	if area != "" {
		items = append(items, fyne.NewMenuItemSeparator(), act("Copy area  "+area, true, func() {
			w.app.Clipboard().SetContent(area)
			w.status.say("Copied " + area)
		}))
	}
	return items
}

// slideMenu is the menu on a line of the list of slides.
func (w *Window) slideMenu(i int, at fyne.Position) {
	if i < 0 || i >= len(w.slides.lines) {
		return
	}
	line := w.slides.lines[i]
	if g := line.group; g != nil {
		w.menuIn(at,
			act("Fold or unfold", true, func() { w.slides.tapped(i, 0); w.focus() }),
			act("Only this case", g.Case != "", func() { w.slides.addTerm("case:" + quoted(g.Case)) }))
		return
	}
	item := w.slides.items[line.item]
	writable := !w.session.ReadOnly()
	reviewed := act("Reviewed", writable, func() { w.markReviewed(item.ID); w.focus() })
	reviewed.Checked = item.Reviewed
	w.menuIn(at,
		act("Open", !item.Missing, func() { w.openSlide(item.ID) }),
		act(besideWords(w.open != nil && w.open.Item.ID == item.ID), !item.Missing && (len(w.panes) < panesMost || w.open == nil), func() { w.openBeside(item.ID) }),
		fyne.NewMenuItemSeparator(),
		reviewed,
		act("Case and patient…", writable, func() { w.askCase(item) }),
		fyne.NewMenuItemSeparator(),
		act("Copy path", w.session.PathWords(item) != "", func() {
			w.app.Clipboard().SetContent(item.Path)
			w.status.say("Copied " + item.Path)
		}),
		w.commandItem("file.relink"))
}

// askCase asks to which case and patient a slide belongs.
func (w *Window) askCase(item app.SlideItem) {
	name, of, patient := newFormEntry(item.Name), newFormEntry(item.Case), newFormEntry(item.Patient)
	w.form("Slide", "Keep", []*widget.FormItem{
		widget.NewFormItem("Name", name), widget.NewFormItem("Case", of),
		{Text: "Patient", Widget: patient, HintText: "All slides of a patient stay in one split of a data set"},
	}, []*formEntry{name, of, patient}, func() error {
		sl := item.Slide
		if name.Text != "" {
			sl.Name = name.Text
		}
		sl.Case, sl.Patient = of.Text, patient.Text
		w.write(func(s *app.Session) error { return s.UpdateSlide(sl) }, nil)
		return nil
	})
}

// classMenu is the menu on a class.
func (w *Window) classMenu(i int, at fyne.Position) {
	p := w.classes
	if i < 0 || i >= len(p.shown) || w.session == nil {
		return
	}
	c := p.shown[i]
	only := act("Show only this class", true, func() {
		w.hidden = map[annotate.ID]bool{}
		for _, other := range p.shown {
			if other.ID != c.ID {
				w.hidden[other.ID] = true
			}
		}
		w.hiddenChanged()
	})
	all := act("Show all classes", len(w.hidden) > 0, func() {
		w.hidden = map[annotate.ID]bool{}
		w.hiddenChanged()
	})
	hide := act("Hidden", true, func() { p.toggle(c.ID) })
	hide.Checked = w.hidden[c.ID]
	w.menuIn(at,
		act("Draw with this class", true, func() { w.setClass(c.ID) }),
		act("Give it to the selection", w.open != nil && len(w.viewer.Selection()) > 0 && !w.session.ReadOnly(), func() { w.giveClass(c.ID); w.focus() }),
		act("Select its annotations", w.open != nil && w.survey.counts[c.ID] > 0, func() { w.selectClass(c.ID) }),
		fyne.NewMenuItemSeparator(), hide, only, all, fyne.NewMenuItemSeparator(),
		act("Slides with this class", true, func() { w.slides.addTerm("class:" + quoted(c.Name)) }))
}

// hiddenChanged shows which classes are shown.
func (w *Window) hiddenChanged() {
	for _, p := range w.panes {
		p.viewer.SetHiddenClasses(w.hidden)
	}
	w.classes.refreshCounts()
	w.focus()
}

// selectMost bounds how many annotations are selected at once.
const selectMost = 5000

// selectClass selects the annotations of a class on the open slide.
func (w *Window) selectClass(class annotate.ID) {
	open := w.open
	var ids []annotate.ID
	w.counts.do(func() {
		open.Set.All(func(o *annotate.Object) bool {
			if o.Class == class && o.IsLabel() {
				ids = append(ids, o.ID)
			}
			return len(ids) < selectMost
		})
		w.post(func() {
			if w.open != open {
				return
			}
			w.viewer.SetSelection(ids)
			w.selected(ids)
			words := plural(len(ids), "annotation") + " selected"
			if len(ids) == selectMost {
				words += ", the most at once"
			}
			w.status.say(words)
			w.focus()
		})
	})
}

// swatchIcon is a little square of a colour, for menus.
func swatchIcon(c color.NRGBA) fyne.Resource {
	hex := fmt.Sprintf("%02x%02x%02x", c.R, c.G, c.B)
	return fyne.NewStaticResource("swatch-"+hex+".svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><rect x="3" y="3" width="18" height="18" rx="4" fill="#`+hex+`"/></svg>`))
}
