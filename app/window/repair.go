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
	lines := vbox(4, repairLine("What is sound is looked for in this order, and the first that gives a whole project is taken:", textBody, theme.ColorNameForeground))
	for _, words := range []string{
		"1.  the state before the last change, with what came after from the journal;",
		"2.  single damaged values, from the history, the journal or a backup;",
		"3.  the journal alone, which holds every change;",
		"4.  the newest sound backup, with what the journal can give.",
	} {
		lines.Add(repairLine(words, textBody, theme.ColorNameForeground))
	}
	lines.Add(repairLine("The damaged file is kept beside the repaired one. Slides are not touched.", textBody, colorQuiet))
	w.repairDialog("Repair "+app.BaseName(dir), lines, "Cancel", "Repair", func() { w.repair(dir) })
}

// repairLine is a paragraph of a dialog of a repair.
func repairLine(words string, size float32, ink fyne.ThemeColorName) fyne.CanvasObject {
	p := newParagraph(size, ink, 8)
	p.Set(words)
	return container.New(&widthLayout{width: repairWidth - 40}, p)
}

// repairDialog shows lines over two buttons: one that puts it away, and one that also does
// what it is about, and has the keyboard.
func (w *Window) repairDialog(title string, lines fyne.CanvasObject, away, yes string, do func()) {
	var d *dialog.CustomDialog
	no := widget.NewButton(away, func() { d.Hide() })
	ok := widget.NewButton(yes, func() {
		d.Hide()
		do()
	})
	ok.Importance = widget.HighImportance
	d = dialog.NewCustomWithoutButtons(title, padded(lines, 0, 10, 0, 0), w.win)
	d.SetButtons([]fyne.CanvasObject{no, ok})
	w.shown(d, repairWidth, d.MinSize().Height)
	w.win.Canvas().Focus(ok)
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
		lines.Add(repairLine(sentence, textBody, theme.ColorNameForeground))
	}
	if len(steps) > 0 {
		lines.Add(repairLine("In detail: "+strings.Join(steps, "; ")+".", textSmall, colorQuiet))
	}
	w.repairDialog(app.BaseName(dir)+" is whole again", lines, "Close", "Open the project", func() { w.Open(dir) })
}
