package window

import (
	"context"
	"fmt"

	"coverslip/tiles"
)

// beginOpening says that something is being opened, and gives what ends that and
// hears how far it is: a large picture without tiles is read as a whole first.
func (w *Window) beginOpening(name string) context.Context {
	w.stopOpening()
	w.setOpening(name)
	ctx, stop := context.WithCancel(context.Background())
	w.openStop = stop
	return tiles.WithProgress(ctx, func(done, total int64) {
		if total < 1 || ctx.Err() != nil {
			return
		}
		w.post(func() {
			if ctx.Err() != nil || w.opening == "" {
				return
			}
			w.openShare = float64(done) / float64(total)
			w.tellOpening()
		})
	})
}

// stopOpening gives up what is being opened.
func (w *Window) stopOpening() {
	if w.openStop != nil {
		w.openStop()
		w.openStop = nil
	}
}

// openingWords say what is being opened and how far that is.
func (w *Window) openingWords() string {
	words := "Opening " + w.opening + " …"
	if w.openShare > 0 {
		words += fmt.Sprintf(" %.0f %%", 100*w.openShare)
	}
	return words
}

// tellOpening shows how far an opening is: in the status line, and where the
// slide will be, with a button that gives up.
func (w *Window) tellOpening() {
	words := w.openingWords()
	w.status.words.Set(words)
	w.centre.title.Set(words)
	w.start.busy.Set(words)
	show(w.centre.stop, w.opening != "" && w.openShare > 0)
	show(w.start.stop, w.opening != "" && w.openShare > 0)
}

// newStop is the button that gives up an opening.
func (w *Window) newStop() *button {
	b := newButton(w.tips, nil, "Cancel", "", "Do not open it", w.stopOpening).filled().sized(84, 26)
	b.Hide()
	return b
}
