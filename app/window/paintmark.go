package window

import "fyne.io/fyne/v2"

// paintMark is an object that shows nothing and knows when it is painted: Fyne
// tells nobody else. A turn of Fyne's loop asks all that is visible for its least
// size, once for the window's and once for its own, and then walks it to paint; the
// painter asks whether it is visible right after its place, and asks nothing more,
// while a hit test goes on to its size.
type paintMark struct {
	painted func() // called in the painting, OpenGL's context being current
	sizes   int    // least sizes asked for since reset
	walked  bool   // the place was asked for last
	done    bool   // painted since reset
	just    bool   // it is for the last question that it counts as painted
}

// reset begins a turn: after its events, before its painting.
func (m *paintMark) reset() { m.sizes, m.walked, m.done, m.just = 0, false, false, false }

// MinSize implements fyne.CanvasObject.
func (m *paintMark) MinSize() fyne.Size {
	m.sizes++
	m.walked, m.just = false, false
	return fyne.Size{}
}

// Position implements fyne.CanvasObject.
func (m *paintMark) Position() fyne.Position {
	m.walked, m.just = true, false
	return fyne.Position{}
}

// Size implements fyne.CanvasObject.
func (m *paintMark) Size() fyne.Size {
	if m.just { // a hit test, of a turn that painted nothing so far
		m.done = false
	}
	m.walked, m.just = false, false
	return fyne.Size{}
}

// Visible implements fyne.CanvasObject.
func (m *paintMark) Visible() bool {
	// Once a turn: the mouse's hit tests after the painting come before the next
	// reset.
	if m.walked && m.sizes >= 2 && !m.done {
		m.done, m.just = true, true
		m.painted()
	}
	m.walked = false
	return true
}

// Move implements fyne.CanvasObject.
func (m *paintMark) Move(fyne.Position) {}

// Resize implements fyne.CanvasObject.
func (m *paintMark) Resize(fyne.Size) {}

// Hide implements fyne.CanvasObject.
func (m *paintMark) Hide() {}

// Show implements fyne.CanvasObject.
func (m *paintMark) Show() {}

// Refresh implements fyne.CanvasObject.
func (m *paintMark) Refresh() {}
