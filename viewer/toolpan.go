package viewer

import "fyne.io/fyne/v2/driver/desktop"

// panTool moves the slide; presses it leaves to the viewer, which pans.
type panTool struct {
	idle
	v *Viewer
}

func (panTool) hint() string {
	return "Pan — drag: move · wheel: zoom · double-click: closer · Shift+drag: turn · Ctrl+drag: zoom to a box · arrows, + –: by key · Home: whole slide · End: 1:1"
}

func (panTool) cursor() desktop.Cursor { return desktop.PointerCursor }

func (t panTool) press(e pointer) bool {
	if e.double {
		t.v.zoomStep(e, 2)
		return true
	}
	return false
}
