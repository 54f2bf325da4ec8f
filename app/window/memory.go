package window

import "fyne.io/fyne/v2"

// Names of what is remembered of the window's layout.
const (
	prefLeftShut  = "panel.left.shut"
	prefRightShut = "panel.right.shut"
	prefWidth     = "window.width"
	prefHeight    = "window.height"
)

// The least that a remembered window is made, Fyne units: one that was squeezed
// to nothing would not be found again.
const (
	leastWidth  = 640
	leastHeight = 420
)

// remembered is the size of the window as it was left, or the usual one.
func (w *Window) remembered() fyne.Size {
	p := w.app.Preferences()
	return fyne.NewSize(max(leastWidth, float32(p.FloatWithFallback(prefWidth, 1280))), max(leastHeight, float32(p.FloatWithFallback(prefHeight, 800))))
}

// keepLayout remembers sizes and splits. It is called when a panel changes by
// hand and before the window goes away.
func (w *Window) keepLayout() {
	p := w.app.Preferences()
	p.SetFloat(prefLeft, float64(w.dock.leftWidth))
	p.SetFloat(prefRight, float64(w.dock.rightWidth))
	p.SetBool(prefLeftShut, w.dock.leftShut)
	p.SetBool(prefRightShut, w.dock.rightShut)
	p.SetFloat(prefLeftSplit, w.slides.split.Offset)
	p.SetFloat(prefRightSplit, w.rightSplit.Offset)
	if size := w.win.Canvas().Size(); !w.win.FullScreen() && size.Width >= leastWidth && size.Height >= leastHeight {
		p.SetFloat(prefWidth, float64(size.Width))
		p.SetFloat(prefHeight, float64(size.Height))
	}
}
