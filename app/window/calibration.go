package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// calibrationRow tells how the model that suggests runs best here, and asks
// whether that is to be measured again.
func (w *Window) calibrationRow() (fyne.CanvasObject, *widget.Check) {
	again := widget.NewCheck("Measure anew when there is much to do", nil)
	list := app.CalibrationsOf(w.opts.Session.Model)
	if len(list) == 0 {
		again.Disable()
		return wide("Not yet. The first run over a slide measures it, in about ten seconds.", theme.ColorNamePlaceHolder), again
	}
	c := list[0]
	return wide(c.Model+": "+c.String()+", on "+c.At.Local().Format("2 January 2006"), theme.ColorNameForeground), again
}
