package window

// bindPlanes gives the commands of focal planes and times their actions.
func (w *Window) bindPlanes(on func(id string, do func(), enabled func() bool)) {
	plane := func(dz, dt int) func() {
		return func() { w.channels.plane(w.channels.display.Z+dz, w.channels.display.T+dt) }
	}
	focal := func() bool { return w.channels.slide != nil && w.channels.slide.Stack().Z > 1 }
	timed := func() bool { return w.channels.slide != nil && w.channels.slide.Stack().T > 1 }
	on("view.nextFocus", plane(1, 0), focal)
	on("view.prevFocus", plane(-1, 0), focal)
	on("view.nextTime", plane(0, 1), timed)
	on("view.prevTime", plane(0, -1), timed)
}
