package window

import (
	"context"
	"errors"
	"fmt"

	"coverslip/app"
)

// job is what runs in the background of the session, one at a time.
type job struct {
	ctx      context.Context
	progress app.Progress
}

// startJob runs f as the session's background job; its progress is in the
// status bar, its error in the problem bar.
func (w *Window) startJob(name string, f func(j *job) error) {
	s := w.session
	if s == nil {
		return
	}
	w.problem.dismiss()
	err := s.Start(name, func(ctx context.Context, p app.Progress) error {
		err := f(&job{ctx: ctx, progress: p})
		if errors.Is(err, context.Canceled) {
			w.post(func() { w.status.say(name + ": stopped") })
		}
		return err
	})
	if err != nil {
		w.fail(err)
	}
}

// exportDataset writes the labelled patches of the project.
func (w *Window) exportDataset(o app.DatasetOptions) {
	s := w.session
	w.startJob("Export dataset", func(j *job) error {
		r, err := app.ExportDataset(j.ctx, s, o, j.progress)
		if err != nil {
			return err
		}
		words := fmt.Sprintf("Exported %s of %s to %s", plural(r.Patches, "patch image"), plural(r.Slides, "slide"), r.Out)
		if len(r.Warnings) > 0 {
			words += " · " + r.Warnings[0]
		}
		w.post(func() { w.status.say(words) })
		return nil
	})
}
