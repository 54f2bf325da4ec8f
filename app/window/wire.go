package window

import (
	"fmt"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// wireViewer turns the wishes of a pane's viewer into calls of the session.
func (w *Window) wireViewer(p *pane) {
	v := p.viewer
	v.OnDraw = func(roi annotate.ROI) { w.draw(roi) }
	v.OnEdit = func(before *annotate.Object, after annotate.ROI) {
		w.write(func(s *app.Session) error { return s.Move(before, after) }, nil)
	}
	w.wireTools(v)
	v.OnPrompt = func(q viewer.Prompt) { w.prompter.asked(v, q) }
	v.OnAcceptOutline = w.prompter.accept
	v.OnSelect = w.selected
	v.OnHover = w.status.hover
	v.OnView = func(viewer.Viewport) { w.centre.viewChanged(); w.status.viewChanged() }
	v.OnHint = func(words string) { w.centre.hinted(words) }
}

// draw makes an annotation of the current class and selects it, so that a
// number key can give it another class at once.
func (w *Window) draw(roi annotate.ROI) { w.drawMarked(roi, nil) }

// drawMarked is draw with attributes that say what the shape means.
func (w *Window) drawMarked(roi annotate.ROI, meta map[string]string) {
	w.knownThen(func() { w.drawNow(roi, meta) })
}

func (w *Window) drawNow(roi annotate.ROI, meta map[string]string) {
	if w.open == nil {
		return
	}
	slide, class := w.open.Item.ID, w.class
	var id annotate.ID
	w.drawing++
	w.write(func(s *app.Session) (err error) {
		id, err = s.DrawMarked(slide, roi, class, meta)
		return err
	}, func(err error) {
		w.drawing--
		if err == nil {
			w.viewer.SetSelection([]annotate.ID{id})
			w.selected([]annotate.ID{id})
		}
		if key := w.classNext; key != "" && w.drawing == 0 {
			w.classNext = ""
			w.classKey(key)
		}
	})
}

// selected follows the selection in the viewer.
func (w *Window) selected(ids []annotate.ID) {
	w.queue.follow(ids)
	w.labels.follow(ids)
	w.sheet.follow(ids)
	w.text.update()
	w.sayMade(ids)
	w.menuState()
}

// selectAndShow selects an object from a list and flies to it.
func (w *Window) selectAndShow(ids ...annotate.ID) {
	w.viewer.SetSelection(ids)
	w.selected(ids)
	w.flyToSelection()
	w.focus()
}

// flyToSelection brings the selected objects into view.
func (w *Window) flyToSelection() {
	if w.open == nil {
		return
	}
	var all annotate.Box
	n := 0
	for _, id := range w.viewer.Selection() {
		o, ok := w.open.Set.Brief(id)
		if !ok {
			continue
		}
		if n == 0 {
			all = o.Box
		} else {
			all = all.Union(o.Box)
		}
		n++
	}
	if n > 0 {
		w.fly(all)
	}
}

// What a person can see well when flown to: an object between these shares of
// the view keeps the zoom, another is shown with room around it.
const (
	flyLeast = 0.08
	flyMost  = 0.7
	flyRoom  = 1.2 // times the object's size, on each side
)

// fly brings a box into the middle of the view; the zoom changes only when the
// box would be too small or too large to judge.
func (w *Window) fly(b annotate.Box) {
	p := w.viewer.Viewport()
	share := max((b.MaxX-b.MinX)*p.Scale/float64(max(1, p.W)), (b.MaxY-b.MinY)*p.Scale/float64(max(1, p.H)))
	if share >= flyLeast && share <= flyMost {
		w.viewer.CenterOn(annotate.Point{X: (b.MinX + b.MaxX) / 2, Y: (b.MinY + b.MaxY) / 2}, p.Scale)
		return
	}
	room := flyRoom * max(b.MaxX-b.MinX, b.MaxY-b.MinY)
	w.viewer.ShowBox(annotate.Box{MinX: b.MinX - room, MinY: b.MinY - room, MaxX: b.MaxX + room, MaxY: b.MaxY + room})
}

func (w *Window) zoom(factor float64) {
	w.viewer.ZoomBy(factor, w.viewer.Middle())
}

func (w *Window) setTool(t viewer.Tool) {
	w.viewer.SetTool(t)
	if t.Draws() && !paints(t) {
		// a number key now chooses the class of what will be drawn
		w.viewer.SetSelection(nil)
		w.selected(nil)
	}
	w.toolbar.update()
	w.centre.update()
	w.focus()
}

// paints tells whether a tool changes what is chosen.
func paints(t viewer.Tool) bool {
	switch t {
	case viewer.ToolBrush, viewer.ToolEraser, viewer.ToolWand, viewer.ToolSuperpixel, viewer.ToolScissors:
		return true
	}
	return false
}

func (w *Window) toggleOverlay() {
	w.overlay = !w.overlay
	w.inPanes(func(v *viewer.Viewer) { v.SetOverlayVisible(w.overlay) })
	w.toolbar.update()
	if !w.overlay {
		w.status.say("Annotations are hidden; Tab shows them again.")
	}
}

// classKey is a number key: it gives the selected objects a class, or, with
// nothing selected, chooses the class of what is drawn next.
func (w *Window) classKey(key string) {
	if w.drawing > 0 { // it is meant for the shape that is on its way to the disk
		w.classNext = key
		return
	}
	if c := w.session.Palette().ByKey(key); c != nil {
		w.giveClass(c.ID)
	}
}

func (w *Window) giveClass(class annotate.ID) {
	var suggestions, others []annotate.ID
	if w.open != nil && !w.session.ReadOnly() {
		for _, id := range w.viewer.Selection() {
			switch o := w.open.Set.Get(id); {
			case o == nil:
			case o.IsSuggestion():
				suggestions = append(suggestions, id)
			default:
				others = append(others, id)
			}
		}
	}
	if len(suggestions) > 0 {
		w.queue.reclass(class, suggestions)
	}
	if len(others) > 0 {
		w.write(func(s *app.Session) error { return s.SetClass(others, class) }, nil)
	}
	if len(suggestions) == 0 {
		w.setClass(class)
	}
}

// setClass chooses the class of what is drawn next.
func (w *Window) setClass(class annotate.ID) {
	w.class = class
	w.viewer.SetClass(class)
	w.classes.chosen()
	if c := w.session.Palette().ByID(class); c != nil {
		w.status.say(fmt.Sprintf("Class %s: what you draw next gets it.", c.Name))
	}
	w.focus()
}

func (w *Window) undo() {
	w.write(func(s *app.Session) error {
		if _, ok := s.UndoLabel(); !ok {
			w.post(func() { w.status.say("Nothing to undo on this slide.") })
			return nil
		}
		label, err := s.Undo()
		return w.stepped("Undone: "+label, err)
	}, nil)
}

func (w *Window) redo() {
	w.write(func(s *app.Session) error {
		if _, ok := s.RedoLabel(); !ok {
			w.post(func() { w.status.say("Nothing to redo on this slide.") })
			return nil
		}
		label, err := s.Redo()
		return w.stepped("Done again: "+label, err)
	}, nil)
}

// stepped says what an undo or redo did. It runs on the lane of edits.
func (w *Window) stepped(words string, err error) error {
	if err == nil {
		w.post(func() { w.status.say(words) })
	}
	return err
}

// escape drops the selection; with nothing selected it puts the problem away.
func (w *Window) escape() {
	w.viewer.SetGhost(annotate.ROI{})
	if len(w.viewer.Selection()) == 0 {
		w.problem.dismiss()
		return
	}
	w.viewer.SetSelection(nil)
	w.selected(nil)
}

func (w *Window) deleteSelection() {
	ids := w.viewer.Selection()
	w.viewer.SetSelection(nil)
	w.selected(nil)
	w.write(func(s *app.Session) error { return s.Delete(ids) }, nil)
}

// suggest runs the model on the current slide in the background.
func (w *Window) suggest() {
	s, open, options := w.session, w.open, w.opts.Suggest
	w.startJob("Suggest labels", func(j *job) error {
		r, err := s.Suggest(j.ctx, open.Item.ID, options, j.progress)
		if err != nil {
			return err
		}
		words := r.Summary()
		if r.Untrained {
			words += " (encoder untrained)"
		}
		w.post(func() {
			w.status.say(words)
			w.queue.begin()
		})
		return nil
	})
}

func (w *Window) acceptAbove() {
	open, score := w.open, w.threshold
	w.write(func(s *app.Session) error {
		n, err := s.AcceptAbove(open.Item.ID, score)
		if err == nil {
			w.post(func() { w.status.say(fmt.Sprintf("Accepted %d suggestions with a score of %.2f or more.", n, score)) })
		}
		return err
	}, nil)
}
