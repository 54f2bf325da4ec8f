package window

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// tips is the layer above the window that shows what a button does while the
// pointer rests on it.
type tips struct {
	layer *fyne.Container
	timer *time.Timer
	post  func(func())
	turn  int // counts show and hide, so that a late timer knows it is late
}

const tipDelay = 450 * time.Millisecond

// A tip is at most this wide and high.
const (
	tipWidth = 420
	tipLines = 12
)

// newTips makes the layer; post runs a function on Fyne's goroutine.
func newTips(post func(func())) *tips {
	return &tips{layer: container.NewWithoutLayout(), post: post}
}

// show puts words under an object after a moment.
func (t *tips) show(o fyne.CanvasObject, words string) {
	t.hide()
	turn := t.turn
	t.timer = time.AfterFunc(tipDelay, func() {
		t.post(func() {
			if turn == t.turn {
				t.place(o, words)
			}
		})
	})
}

func (t *tips) place(o fyne.CanvasObject, words string) {
	d := fyne.CurrentApp().Driver()
	at := d.AbsolutePositionForObject(o).Subtract(d.AbsolutePositionForObject(t.layer))
	ground := newFill(colorTip, 5)
	ground.border = theme.ColorNameInputBorder
	lines := vbox(0)
	for _, line := range wrap(words, tipWidth, textSmall, tipLines) {
		lines.Add(newText(line, textSmall, theme.ColorNameForeground))
	}
	tip := container.NewStack(ground, padded(lines, 3, 3, 7, 7))
	size, room := tip.MinSize(), t.layer.Size()
	x := max(4, min(at.X, room.Width-size.Width-4))
	y := at.Y + o.Size().Height + 4
	if y+size.Height > room.Height {
		y = at.Y - size.Height - 4
	}
	tip.Resize(size)
	tip.Move(fyne.NewPos(x, y))
	t.layer.Objects = []fyne.CanvasObject{tip}
	t.layer.Refresh()
}

// hide takes the words away, or stops them from coming.
func (t *tips) hide() {
	t.turn++
	if t.timer != nil {
		t.timer.Stop()
	}
	if len(t.layer.Objects) > 0 {
		t.layer.Objects = nil
		t.layer.Refresh()
	}
}
