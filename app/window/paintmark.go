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
}

// reset begins a turn: after its events, before its painting.
func (m *paintMark) reset() { m.sizes, m.walked, m.done = 0, false, false }

// MinSize implements fyne.CanvasObject.
func (m *paintMark) MinSize() fyne.Size {
	m.sizes++
	m.walked = false
	return fyne.Size{}
}

// Position implements fyne.CanvasObject.
func (m *paintMark) Position() fyne.Position {
	m.walked = true
	return fyne.Position{}
}

// Size implements fyne.CanvasObject.
func (m *paintMark) Size() fyne.Size {
	m.walked, m.done = false, false
	return fyne.Size{}
}

// Visible implements fyne.CanvasObject.
func (m *paintMark) Visible() bool {
	if m.walked && m.sizes >= 2 {
		m.done = true
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
