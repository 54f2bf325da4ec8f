package window

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/viewer/goldentest"
)

// sheet lays out the window's own widgets, in every state that looks its own way.
func sheet(w *Window) fyne.CanvasObject {
	noop := func() {}
	plain := newButton(w.tips, icon("open"), "Open", "O", "", noop)
	active := newButton(w.tips, icon("pan"), "Pan", "H", "", noop)
	active.SetActive(true)
	off := newButton(w.tips, icon("undo"), "Undo", "", "", noop).filled()
	off.SetEnabled(false)
	filled := newButton(w.tips, icon("suggest"), "Suggest", "G", "", noop).filled()
	glass := newButton(w.tips, nil, "20×", "", "", noop).onHUD().sized(34, 22)
	low, high := newSlider(w.tips, "", 0.25, nil), newSlider(w.tips, "", 1, nil)
	full, half := newBar(), newBar()
	full.Set(1, theme.ColorNameSuccess)
	half.Set(0.4, theme.ColorNamePrimary)
	turn := newDial(w.tips, func(float64) {})
	turn.Set(30, false)
	colour := swatch(14)
	setSwatch(colour, annotate.DefaultPalette()[0].Color)
	words := newParagraph(textSmall, colorQuiet, 4)
	words.Set("Words of more than a line are broken between them.")
	narrow := newText("A name without room for all of it", textBody, theme.ColorNameForeground).fixed(40)
	wide := func(o fyne.CanvasObject, width, height float32) fyne.CanvasObject {
		return container.NewGridWrap(fyne.NewSize(width, height), o)
	}
	return onPanel(padded(vbox(8,
		hbox(6, plain, active, off, filled),
		hbox(10, wide(low, 90, 24), wide(high, 90, 24), wide(hud(hbox(4, container.NewCenter(glass), container.NewCenter(turn))), 84, 34)),
		hbox(8, wide(full, 120, 6), wide(half, 120, 6), container.NewCenter(colour)),
		hbox(8, wide(words, 150, 34), wide(narrow, 120, 18)),
	), 8, 8, 8, 8))
}

// TestWidgets_Golden is what a person has looked at, in every theme.
func TestWidgets_Golden(t *testing.T) {
	for _, name := range []string{themeDark, themeLight, themeContrast} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Options{Theme: name})
			w := test.NewTempWindow(t, sheet(s.Window))
			w.SetPadded(false)
			w.Resize(fyne.NewSize(372, 168))
			goldentest.Compare(t, "widgets-"+name, w.Canvas().Capture())
		})
	}
}
