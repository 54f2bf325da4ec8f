package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// calibrationRow tells how the model that suggests runs best here, and asks
// whether that is to be measured again; forget does as the person chose.
func (w *Window) calibrationRow() (row fyne.CanvasObject, forget func() error) {
	list := app.CalibrationsOf(w.opts.Session.Model)
	if len(list) == 0 {
		return wide("Not yet. The first run over a slide measures it, in about ten seconds.", theme.ColorNamePlaceHolder), func() error { return nil }
	}
	again := widget.NewCheck("Measure anew when there is much to do", nil)
	c := list[0]
	said := wide(c.Model+": "+c.String()+", on "+c.At.Local().Format("2 January 2006"), theme.ColorNameForeground)
	return container.NewVBox(said, again), func() error {
		if !again.Checked {
			return nil
		}
		return app.ForgetCalibrations()
	}
}
