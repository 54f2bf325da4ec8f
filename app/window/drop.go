package window

import (
	"fmt"
	"path/filepath"

	"fyne.io/fyne/v2"

	"coverslip/app"
)

// dropped takes files and folders dropped on the window: a project is opened,
// slides go into the open project or get one of their own, GeoJSON goes onto the
// slide under the pointer, a model becomes the one that suggests.
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
		w.importGeoJSON(a.Labels)
	}
	if len(a.Models) > 0 {
		w.checkModel(a.Models[0])
	}
}

// Why a drop does nothing.
var (
	errReadOnlyDrop = &app.Problem{Title: "The project is open read-only", Hint: "Open it without --read-only to add to it, or drop the file on another window."}
	errNoSlideDrop  = &app.Problem{Title: "No slide is open for these labels", Hint: "Open the slide that the labels were drawn on, then drop the file on it."}
	errNoModelDrop  = &app.Problem{Title: "No project is open for this model", Hint: "Open a slide or a project first, then drop the model's folder."}
)

// importGeoJSON adds the objects of files to the active slide, each file in one
// edit that undo takes back.
func (w *Window) importGeoJSON(paths []string) {
	s, open := w.session, w.open
	if s == nil || open == nil {
		w.fail(errNoSlideDrop)
		return
	}
	if s.ReadOnly() {
		w.fail(errReadOnlyDrop)
		return
	}
	w.startJob("Import labels", func(j *job) error {
		var sum app.ImportReport
		for i, path := range paths {
			if err := j.ctx.Err(); err != nil {
				return err
			}
			j.progress(filepath.Base(path), i, len(paths))
			r, err := s.ImportGeoJSON(open.Item.ID, path)
			if err != nil {
				return &app.FileError{What: "labels", Path: path, Err: err}
			}
			sum.Objects += r.Objects
			sum.Skipped += r.Skipped
			sum.Repaired += r.Repaired
			sum.Warnings = append(sum.Warnings, r.Warnings...)
		}
		w.post(func() { w.status.say(importWords(sum, open.Item.Name)) })
		return nil
	})
}

// importWords say what an import brought.
func importWords(r app.ImportReport, slide string) string {
	words := fmt.Sprintf("Imported %s onto %s", plural(r.Objects, "label"), slide)
	if r.Skipped > 0 {
		words += fmt.Sprintf(" · %s left out, there already or not usable", number(r.Skipped))
	}
	if r.Repaired > 0 {
		words += fmt.Sprintf(" · %s mended", number(r.Repaired))
	}
	if len(r.Warnings) > 0 {
		words += " · " + r.Warnings[0]
	}
	return words
}
