package window

import (
	"fmt"

	"coverslip/app"
)

// bindMoves says what the commands of movement do.
func (w *Window) bindMoves(on func(id string, run func(), enabled func() bool)) {
	slide := func() bool { return w.open != nil }
	for _, m := range app.Magnifications() {
		on(fmt.Sprintf("view.magnify%g", m), func() { w.viewer.ZoomToMagnification(m) },
			func() bool { return slide() && w.viewer.Magnification() > 0 })
	}
	on("view.goTo", w.askPlace, slide)
	on("view.nextField", func() { w.walk(true) }, slide)
	on("view.prevField", func() { w.walk(false) }, slide)
	on("view.forgetSeen", w.forgetSeen, slide)
	on("view.turnRight", func() { w.viewer.Turn(1) }, slide)
	on("view.turnLeft", func() { w.viewer.Turn(-1) }, slide)
	on("view.tiltRight", func() { w.viewer.TurnBy(tiltStep); w.turned() }, slide)
	on("view.tiltLeft", func() { w.viewer.TurnBy(-tiltStep); w.turned() }, slide)
	on("view.straight", func() { w.viewer.Orient(0, false); w.turned() }, slide)
	on("view.mirror", func() { w.viewer.Mirror() }, slide)
	on("view.grid", w.toggleGrid, slide)
	on("view.heatLabels", func() { w.heat.set(app.HeatLabels) }, slide)
	on("view.heatClass", func() { w.heat.set(app.HeatClass) }, slide)
	on("view.heatScores", func() { w.heat.set(app.HeatScores) }, slide)
	on("view.names", func() { w.viewer.SetNamesVisible(!w.viewer.NamesVisible()) }, slide)
	on("view.loupe", func() { w.viewer.SetLoupe(!w.viewer.Loupe()) }, slide)
	on("view.glass", func() { w.glass.toggle() }, slide)
	on("view.wheelPans", w.toggleWheel, nil)
	on("view.crisp", w.toggleCrisp, nil)
	on("view.adjust", func() { w.adjust.toggle() }, func() bool { return slide() && w.open.Adjustable() })
	on("view.adjustReset", func() { w.adjust.reset() }, func() bool { return slide() && w.open.Adjustable() })
	on("view.addBookmark", w.askBookmark, func() bool { return slide() && !w.session.ReadOnly() })
	on("view.bookmarks", w.openBookmarks, func() bool { return w.session != nil })
	for _, n := range [...]int{1, 2, 4, 8} {
		on(fmt.Sprintf("view.pixels%d", n), func() { w.viewer.ZoomToPixels(float64(n)) }, slide)
	}
}

// prefSmooth remembers that magnified pixels are mixed.
const prefSmooth = "view.smooth"

// toggleCrisp has magnified pixels drawn as squares or mixed smoothly.
func (w *Window) toggleCrisp() {
	on := !w.viewer.Crisp()
	for _, p := range w.panes {
		p.viewer.SetCrisp(on)
	}
	w.app.Preferences().SetBool(prefSmooth, !on)
	w.status.say(map[bool]string{true: "From 2:1 on every pixel of the slide is a square", false: "Magnified pixels are mixed smoothly"}[on])
}

// toggleGrid shows or leaves out the grid.
func (w *Window) toggleGrid() { w.viewer.SetGrid(!w.viewer.Grid()) }
