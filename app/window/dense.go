package window

import (
	"fmt"
	"path/filepath"

	"coverslip/annotate"
	"coverslip/app"
)

// prefDense remembers the folder of the dense model that ran last.
const prefDense = "model.dense"

// bindDense gives the commands of dense models their actions.
func (w *Window) bindDense(on func(id string, run func(), enabled func() bool)) {
	ready := func() bool {
		return w.session != nil && w.open != nil && !w.session.ReadOnly() && !w.session.JobStatus().Running
	}
	on("suggest.dense", w.askDense, ready)
	on("suggest.denseAgain", func() { w.segment(w.app.Preferences().String(prefDense)) },
		func() bool { return ready() && w.app.Preferences().String(prefDense) != "" })
}

// askDense asks for the folder of a dense model and runs it.
func (w *Window) askDense() {
	words, _ := w.denseRegions()
	w.askFolder("Dense model to run over "+words+": a folder with coverslip.json, a MONAI bundle or a WSInfer model", w.segment)
}

// denseRegions are the selected areas, or what is seen, and what to call them.
func (w *Window) denseRegions() (string, []annotate.ROI) {
	var areas []annotate.ROI
	for _, o := range w.chosen() {
		if o.ROI.IsArea() {
			areas = append(areas, o.ROI)
		}
	}
	switch len(areas) {
	case 0:
		b := w.viewer.Viewport().Box()
		return "the view", []annotate.ROI{annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)}
	case 1:
		return "the selected area", areas
	}
	return fmt.Sprintf("%d selected areas", len(areas)), areas
}

// segment runs a dense model over the selected areas, or over what is seen, in the
// background; what it finds waits in the queue.
func (w *Window) segment(path string) {
	s, open := w.session, w.open
	if s == nil || open == nil {
		return
	}
	where, regions := w.denseRegions()
	o := app.DenseOptions{Model: path, Regions: regions, SRGB: w.opts.Suggest.SRGB, Planes: w.opts.Suggest.Planes}
	w.startJob("Segment by "+filepath.Base(path), func(j *job) error {
		r, err := s.SegmentRegions(j.ctx, open.Item.ID, o, j.progress)
		if err != nil {
			return err
		}
		words := fmt.Sprintf("%s found %s in %s, waiting for your decision", r.Model, plural(r.Suggested, "object"), where)
		if r.Suggested == 0 {
			words = fmt.Sprintf("%s found nothing in %s", r.Model, where)
		}
		if r.Suggested < r.Found {
			words += fmt.Sprintf("; the likeliest of %s", number(r.Found))
		}
		if r.Untrained {
			words += " · untrained: this means little"
		}
		w.post(func() {
			w.app.Preferences().SetString(prefDense, path)
			w.status.say(words)
		})
		return nil
	})
}
