package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// emptySheet says why a table of measures has no rows.
type emptySheet struct {
	object *fyne.Container
	words  *text
}

func newEmptySheet() *emptySheet {
	e := &emptySheet{words: newText("", textBody, colorQuiet)}
	e.words.align = fyne.TextAlignCenter
	e.object = container.NewCenter(container.NewGridWrap(fyne.NewSize(560, 24), e.words))
	e.object.Hide()
	return e
}

// tell is told how many labels the slide has, and how many rows are shown.
func (e *emptySheet) tell(total, shown int) {
	switch {
	case total == 0:
		e.words.Set("No annotations on this slide yet: draw one, and what it measures is listed here.")
	case shown == 0:
		e.words.Set("No annotation passes the filter. Esc in the filter shows all of them.")
	}
	show(e.object, shown == 0)
}
