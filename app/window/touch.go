package window

import "coverslip/viewer"

// Pinch zooms by two fingers on a touchpad: factor is how much wider they are
// apart than before. It is called on Fyne's goroutine, by who hears gestures: the
// slide under the pointer is zoomed about it, or the one that has the keyboard
// about its middle.
func (w *Window) Pinch(factor float64) {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	for _, p := range w.panes {
		if at, over := p.viewer.MouseAt(); over && p.open != nil {
			p.viewer.ZoomBy(factor, at)
			return
		}
	}
	if w.open != nil {
		w.zoom(factor)
	}
}

// prefWheel remembers that the wheel moves the slide.
const prefWheel = "view.wheelPans"

// toggleWheel has the wheel and two fingers on a touchpad move the slide, or zoom
// it.
func (w *Window) toggleWheel() {
	on := !w.viewer.WheelPans()
	w.inPanes(func(v *viewer.Viewer) { v.SetWheelPans(on) })
	w.app.Preferences().SetBool(prefWheel, on)
	w.status.say(map[bool]string{true: "The wheel, or two fingers, move the slide; with Ctrl they zoom", false: "The wheel, or two fingers, zoom about the pointer"}[on])
}
