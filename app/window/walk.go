package window

import (
	"context"
	"errors"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/tiles/tissue"
	"coverslip/viewer"
)

// tissueSide is the longer side of the picture on which tissue is looked for,
// pixels: twice what a coverage map has fields.
const tissueSide = 1024

// coverEvery bounds how often the coverage map is written while a person moves.
const coverEvery = 15 * time.Second

// seenAt is the magnification from which on tissue counts as seen in the list of
// slides.
const seenAt = 5

// cover keeps the coverage map of the open slide with the project.
type cover struct {
	w      *Window
	viewer *viewer.Viewer
	slide  *app.OpenSlide // whose map it is
	dirty  bool           // it changed since it was written
	due    bool           // a writing is on its way
}

func coverKey(id annotate.ID) string { return "coverage." + id.String() }

// show takes up the map of a slide that the viewer now shows; nil puts away the
// one before.
func (c *cover) show(open *app.OpenSlide) {
	c.slide, c.dirty = open, false
	if open == nil {
		return
	}
	w, s, id := c.w, c.w.session, open.Item.ID
	coverage := c.viewer.Coverage()
	w.thumbReads.do(func() {
		kept, has := s.Setting(coverKey(id))
		var fields []bool
		if im, err := s.Thumbnail(context.Background(), id, tissueSide); err == nil && coverage != nil {
			whole := open.Slide.Levels()[0]
			down := float64(max(whole.Width, whole.Height)) / float64(max(1, im.Rect.Dx(), im.Rect.Dy()))
			fields = coverage.Tissue(tissue.Find(im, down).Fraction)
		} // without a picture all of the slide matters; the viewer tells what is wrong with it
		w.post(func() {
			if c.slide != open || coverage == nil {
				return
			}
			coverage.SetTissue(fields)
			if has {
				// A map of another size is of a file that was replaced: begin anew.
				_ = coverage.Restore(kept)
			}
			c.viewer.CoverageChanged()
		})
	})
}

// changed hears that more was seen.
func (c *cover) changed() {
	c.dirty = true
	if c.due {
		return
	}
	c.due = true
	time.AfterFunc(coverEvery, func() {
		c.w.post(func() {
			c.due = false
			c.keep()
		})
	})
}

// keep writes the map when it changed. It is called before the slide goes away.
func (c *cover) keep() {
	coverage, s := c.viewer.Coverage(), c.w.session
	if !c.dirty || c.slide == nil || coverage == nil || s == nil || s.ReadOnly() {
		return
	}
	c.dirty = false
	id, text, share := c.slide.Item.ID, coverage.Text(), coverage.Share(seenAt)
	c.w.slides.seen(id, share)
	c.w.edits.do(func() { c.w.failLater(errors.Join(s.SetSetting(coverKey(id), text), s.SetSeen(id, share))) })
}

// walk goes to the next field of view, or back.
func (w *Window) walk(forward bool) {
	moved := w.viewer.NextField(forward)
	words := w.viewer.CoverageWords()
	if c := w.viewer.Coverage(); c != nil && c.KnowsTissue() {
		words = strings.Replace(words, "% seen", "% of the tissue seen", 1)
	}
	switch {
	case moved:
		w.status.say(words)
	case forward:
		w.status.say("No field is left at this magnification: " + words)
	default:
		w.status.say("This is the first field: " + words)
	}
}

// forgetSeen empties the coverage map of the slide.
func (w *Window) forgetSeen() {
	w.viewer.Coverage().Forget()
	w.viewer.CoverageChanged()
	w.cover.changed()
	w.cover.keep()
	w.status.say("What was seen of this slide is forgotten: a walk begins anew.")
}
