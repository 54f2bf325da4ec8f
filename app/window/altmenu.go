package window

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// altEvery is how often it is looked whether Alt is still held.
const altEvery = 25 * time.Millisecond

// altUsed hears that the mouse did something with Alt held. Fyne opens the menu bar
// when Alt goes up, whatever was done meanwhile, and tells nobody; so until it is up it is
// looked whether the menu came, and it is sent away. Alt alone still opens it.
func (w *Window) altUsed() {
	d, ok := fyne.CurrentApp().Driver().(desktop.Driver)
	if !ok || w.altWatch {
		return
	}
	w.altWatch = true
	free := 0
	go func() {
		for t := time.NewTicker(altEvery); ; <-t.C {
			over := make(chan bool, 1)
			w.post(func() {
				if d.CurrentKeyModifiers()&fyne.KeyModifierAlt == 0 {
					free++
				}
				done := dismissMenu(w.win.Canvas()) || free > 4
				w.altWatch = !done
				over <- done
			})
			if <-over {
				t.Stop()
				return
			}
		}
	}()
}

// dismissMenu closes the menu bar's menu, if it has the keyboard.
func dismissMenu(c fyne.Canvas) bool {
	item, ok := c.Focused().(interface{ Child() *widget.Menu })
	if ok {
		item.Child().Dismiss()
	}
	return ok
}
