package window

import (
	"fmt"

	"fyne.io/fyne/v2/widget"

	"coverslip/app"
	"coverslip/tiles"
)

// askScale asks how many µm a pixel of the open slide is. Where the slide tells its
// objective the usual answer stands there already.
func (w *Window) askScale() {
	open := w.open
	info := open.Slide.Info()
	value, hint := "", "Of a pixel at full resolution: usually 0.25 for a scan at 40×, 0.5 at 20×, 1 at 10×"
	switch {
	case info.MPPX > 0:
		value = fmt.Sprintf("%.4g", info.MPPX)
		hint = "Measures, suggestions and exports follow from now on; labels stay where they are"
	case info.Objective > 0:
		value = fmt.Sprintf("%.3g", 10/info.Objective)
		hint = fmt.Sprintf("The file does not say it; its objective of %g× usually means %s", info.Objective, value)
	}
	entry := newFormEntry(value)
	w.form("Set µm per pixel", "Set", []*widget.FormItem{
		{Text: "µm per pixel", Widget: entry, HintText: hint},
	}, []*formEntry{entry}, func() error {
		v, ok := tiles.ParseNumber(entry.Text)
		if !ok || !tiles.SaneMPP(v) {
			return app.ErrBadScale
		}
		w.setScale(open, v)
		return nil
	})
}

// setScale notes the scale of a slide and opens it anew if it is the one shown.
func (w *Window) setScale(open *app.OpenSlide, mpp float64) {
	s := w.session
	if s == nil {
		return
	}
	w.edits.do(func() {
		err := s.SetScale(open.Item.ID, mpp)
		w.post(func() {
			w.fail(err)
			if err == nil && w.session == s && w.open == open {
				w.openSlide(open.Item.ID)
				w.status.say(fmt.Sprintf("A pixel is %.4g µm", mpp))
			}
		})
	})
}
