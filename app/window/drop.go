package window

import (
	"fmt"
	"path/filepath"

	"fyne.io/fyne/v2"

	"coverslip/app"
)

// dropped takes files and folders dropped on the window: a project is opened,
// slides go into the open project or get one of their own, annotations go onto the
// slide under the pointer, a model is checked and offered for suggestions.
func (w *Window) dropped(at fyne.Position, uris []fyne.URI) {
	var paths []string
	for _, u := range uris {
		paths = append(paths, u.Path())
	}
	if len(paths) == 0 {
		return
	}
	if p := w.paneAt(at); p != nil {
		w.activate(p)
	}
	w.thumbReads.do(func() { // a drive that does not answer must not stop the window
		a := app.SortArrivals(paths)
		w.post(func() { w.take(a) })
	})
}

// paneAt is the pane under a place of the window; nil when there is none.
func (w *Window) paneAt(at fyne.Position) *pane {
	for _, p := range w.panes {
		o := fyne.CurrentApp().Driver().AbsolutePositionForObject(p.viewer)
		size := p.viewer.Size()
		if p.open != nil && at.X >= o.X && at.Y >= o.Y && at.X < o.X+size.Width && at.Y < o.Y+size.Height {
			return p
		}
	}
	return nil
}

// take does with files and folders what they are for.
func (w *Window) take(a app.Arrivals) {
	switch {
	case len(a.Projects) > 0:
		w.Open(a.Projects[0])
		if len(a.Projects) > 1 {
			w.status.say("Only the first of the dropped projects was opened.")
		}
		return
	case len(a.Slides) > 0 && w.session == nil:
		w.Open(a.Slides[0])
		if len(a.Slides) > 1 {
			w.status.say("Only the first of the dropped slides was opened; drop the others once more to add them.")
		}
		return
	case len(a.Slides) > 0 && w.session.ReadOnly():
		w.fail(fmt.Errorf("%s: %w", filepath.Base(a.Slides[0]), errReadOnlyDrop))
	case len(a.Slides) > 0:
		w.add(a.Slides)
	}
	if len(a.Labels) > 0 {
		w.importLabels(a.Labels, app.LabelFile{})
	}
	if len(a.Models) > 0 {
		if w.session == nil {
			w.fail(errNoModelDrop)
			return
		}
		w.checkModel(a.Models[0])
	}
}

// Why a drop does nothing.
var (
	errReadOnlyDrop = &app.Problem{Title: "The project is open read-only", Hint: "Open it without --read-only to add to it, or drop the file on another window."}
	errNoSlideDrop  = &app.Problem{Title: "No slide is open for these labels", Hint: "Open the slide that the labels were drawn on, then drop the file on it."}
	errNoModelDrop  = &app.Problem{Title: "No project is open for this model", Hint: "Open a slide or a project first, then drop the model's folder."}
)
