package window

import (
	"fmt"

	"coverslip/annotate"
	"coverslip/app"
)

// bindWhy binds the commands that ask a network about one patch.
func (w *Window) bindWhy(on func(id string, run func(), enabled func() bool)) {
	idle := func() bool { return w.open != nil && !w.session.JobStatus().Running }
	on("why.similar", w.showSimilar, idle)
	on("why.attention", w.showAttention, idle)
}

// underPointer is the place that a command without one is about: under the
// pointer, or else the selected object's, or the middle of the view.
func (w *Window) underPointer() annotate.Point {
	if w.status.inside {
		return w.status.at
	}
	if c := w.chosen(); len(c) == 1 {
		return c[0].ROI.Bounds().Center()
	}
	v := w.viewer.Viewport()
	return annotate.Point{X: v.CX, Y: v.CY}
}

// outlineBox shows which patch is meant.
func (w *Window) outlineBox(b annotate.Box) {
	w.viewer.SetGhost(annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY))
}

// showSimilar shows how like the patch under the pointer all others are.
func (w *Window) showSimilar() {
	s, open, at, o := w.session, w.open, w.underPointer(), w.opts.Suggest
	w.startJob("Find similar patches", func(j *job) error {
		r, err := s.SimilarTo(j.ctx, open.Item.ID, at, o, j.progress)
		if err != nil {
			return err
		}
		w.post(func() {
			if w.session != s || w.open != open {
				return
			}
			w.heat.give(r.Heat)
			w.outlineBox(r.Box)
			words := fmt.Sprintf("%s compared with the outlined one by %s", patches(r.Patches), r.Model)
			if len(r.Cases) > 0 {
				name, _ := w.classOf(r.Cases[0].Class)
				if !r.Cases[0].Class.IsZero() {
					words += fmt.Sprintf(" · the most alike is %s (%.2f)", name, r.Cases[0].Similarity)
				}
			}
			if r.Report.Untrained {
				words += " · untrained: by colour and texture alone"
			}
			w.status.say(words)
		})
		return nil
	})
}

// showAttention shows where the network looks in the patch under the pointer: of
// all layers together, and when it is asked again of the last one.
func (w *Window) showAttention() {
	s, open, at, o := w.session, w.open, w.underPointer(), w.opts.Suggest
	if a := w.looked; a != nil && a.open == open && a.shown == w.heat.made && holds(a.at.Box, at) {
		next, words := a.at.Last, "The last layer alone"
		if a.shown == a.at.Last {
			next, words = a.at.Rollout, "All layers together"
		}
		a.shown = next
		w.heat.give(next)
		w.status.say(words + " · " + attentionHint)
		return
	}
	w.startJob("Look at the patch", func(j *job) error {
		a, err := s.AttentionAt(j.ctx, open.Item.ID, at, o)
		if err != nil {
			return err
		}
		w.post(func() {
			if w.session != s || w.open != open {
				return
			}
			w.looked = &looked{open: open, at: a, shown: a.Rollout}
			w.heat.give(a.Rollout)
			w.outlineBox(a.Box)
			words := "Where " + a.Model + " looks, all layers together"
			if a.Untrained {
				words += " (untrained)"
			}
			w.status.say(words + " · " + attentionHint)
		})
		return nil
	})
}

const attentionHint = "Shift+Q once more: the other map · what is looked at is no proof of why"

// looked is the attention that is shown.
type looked struct {
	open  *app.OpenSlide
	at    *app.Attention
	shown *app.Heat
}

func holds(b annotate.Box, p annotate.Point) bool {
	return p.X >= b.MinX && p.Y >= b.MinY && p.X < b.MaxX && p.Y < b.MaxY
}
