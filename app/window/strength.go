package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"coverslip/viewer"
)

// fillAtFirst is how solid areas are filled before anybody chose.
const fillAtFirst = 0.25

// strengths are the two sliders of how strongly annotations are drawn: the
// bodies of areas alone, and everything there is of every annotation.
type strengths struct {
	fill, opacity *slider
	object        fyne.CanvasObject
}

func newStrengths(w *Window) *strengths {
	p := w.app.Preferences()
	s := &strengths{}
	s.fill = newSlider(w.tips, "How solid areas are filled", p.FloatWithFallback(prefFill, fillAtFirst), func(v float64) {
		p.SetFloat(prefFill, v)
		w.inPanes(s.apply)
	})
	s.opacity = newSlider(w.tips, "How opaque all annotations are, outlines and bodies", p.FloatWithFallback(prefOpacity, 1), func(v float64) {
		p.SetFloat(prefOpacity, v)
		w.inPanes(s.apply)
		if v == 0 && w.open != nil {
			w.status.say("Annotations are drawn at 0 %: they are there, but not to be seen.")
		}
	})
	line := func(words string, at *slider) fyne.CanvasObject {
		return hbox(0, padded(newText(words, textSmall, colorQuiet), 0, 0, 5, 0),
			container.NewGridWrap(fyne.NewSize(76, buttonHeight), at))
	}
	s.object = hbox(2, line("Fill", s.fill), line("Opacity", s.opacity))
	return s
}

// apply draws the annotations of a viewer as strongly as the sliders say.
func (s *strengths) apply(v *viewer.Viewer) {
	v.SetFill(s.fill.value)
	v.SetOpacity(s.opacity.value)
}

// inPanes calls f with the viewer of every pane: how annotations look is the
// same for slides side by side.
func (w *Window) inPanes(f func(*viewer.Viewer)) {
	for _, p := range w.panes {
		f(p.viewer)
	}
}
