package window

import (
	"context"
	"errors"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// repairWidth is how wide the dialogs of a repair are, Fyne units.
const repairWidth = 600

// askRepair says what a repair of a damaged project will try, in order, and
// starts it on wish.
func (w *Window) askRepair(dir string) {
	lines := vbox(4)
	say := func(words string, ink fyne.ThemeColorName) {
		p := newParagraph(textBody, ink, 4)
		p.Set(words)
		lines.Add(container.New(&widthLayout{width: repairWidth - 40}, p))
	}
	say("What is sound is looked for in this order, and the first that gives a whole project is taken:", theme.ColorNameForeground)
	for _, words := range []string{
		"1.  the state before the last change, with what came after from the journal;",
		"2.  single damaged values, from the history, the journal or a backup;",
		"3.  the journal alone, which holds every change;",
		"4.  the newest sound backup, with what the journal can give.",
	} {
		say(words, theme.ColorNameForeground)
	}
	say("The damaged file is kept beside the repaired one. Slides are not touched.", colorQuiet)
	var d *dialog.CustomDialog
	cancel := widget.NewButton("Cancel", func() { d.Hide() })
	do := widget.NewButton("Repair", func() {
		d.Hide()
		w.repair(dir)
	})
	do.Importance = widget.HighImportance
	d = dialog.NewCustomWithoutButtons("Repair "+app.BaseName(dir), padded(lines, 0, 10, 0, 0), w.win)
	d.SetButtons([]fyne.CanvasObject{cancel, do})
	w.shown(d, repairWidth, d.MinSize().Height)
	w.win.Canvas().Focus(do)
}

// repair brings a project back in the background, in a process of its own where
// the program can start one. What is open of it is closed first.
func (w *Window) repair(dir string) {
	w.problem.dismiss()
	var old *app.Session
	if w.session != nil && samePath(w.session.Dir(), dir) {
		old = w.session
		w.turn++
		w.detach()
		w.showAll()
	}
	ctx, stop := context.WithCancel(context.Background())
	words := newText("Looking for what is sound …", textBody, colorQuiet)
	bar := widget.NewProgressBarInfinite()
	d := dialog.NewCustomWithoutButtons("Repairing "+app.BaseName(dir), container.New(&widthLayout{width: 420}, vbox(10, words, bar)), w.win)
	d.SetButtons([]fyne.CanvasObject{widget.NewButton("Cancel", stop)})
	w.shown(d, 460, d.MinSize().Height)
	program := w.opts.Session.Worker
	w.edits.do(func() {
		defer stop()
		var err error
		if old != nil {
			err = old.Close()
		}
		// A damaged project may not close well; that is why it is repaired.
		r, rerr := app.RepairProject(ctx, program, dir)
		w.post(func() {
			bar.Stop()
			d.Hide()
			switch {
			case errors.Is(rerr, context.Canceled):
				w.status.say("Not repaired; nothing was changed.")
			case rerr != nil:
				w.fail(&app.Problem{Title: app.BaseName(dir) + " could not be repaired", Err: errors.Join(rerr, err),
					Hint: "Nothing was changed. " + strings.Join(append([]string{"Tried:"}, r.Steps...), " ")})
			default:
				w.showRepair(dir, app.RepairWords(r), r.Steps)
			}
		})
	})
}

// showRepair says what was recovered, and opens the project on wish.
func (w *Window) showRepair(dir string, words, steps []string) {
	lines := vbox(6)
	for _, sentence := range words {
		p := newParagraph(textBody, theme.ColorNameForeground, 4)
		p.Set(sentence)
		lines.Add(container.New(&widthLayout{width: repairWidth - 40}, p))
	}
	if len(steps) > 0 {
		p := newParagraph(textSmall, colorQuiet, 8)
		p.Set("In detail: " + strings.Join(steps, "; ") + ".")
		lines.Add(container.New(&widthLayout{width: repairWidth - 40}, p))
	}
	var d *dialog.CustomDialog
	shut := widget.NewButton("Close", func() { d.Hide() })
	open := widget.NewButton("Open the project", func() {
		d.Hide()
		w.Open(dir)
	})
	open.Importance = widget.HighImportance
	d = dialog.NewCustomWithoutButtons(app.BaseName(dir)+" is whole again", padded(lines, 0, 10, 0, 0), w.win)
	d.SetButtons([]fyne.CanvasObject{shut, open})
	w.shown(d, repairWidth, d.MinSize().Height)
	w.win.Canvas().Focus(open)
}
