package window

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// bindMade binds the command that tells where a label comes from.
func (w *Window) bindMade(on func(id string, run func(), enabled func() bool)) {
	on("why.made", w.showMade, func() bool { return w.open != nil && len(w.viewer.Selection()) == 1 })
}

// sayMade says who or what made the selected object, when a model had a part in it.
func (w *Window) sayMade(ids []annotate.ID) {
	if w.open == nil || len(ids) != 1 {
		return
	}
	if o := w.open.Set.Get(ids[0]); o != nil && o.By.Model != "" {
		w.status.say(app.MadeBy(o, w.session.Palette()) + " · Shift+F4: more")
	}
}

// showMade lists all that is known of how the selected object came about, and
// offers to compute it again.
func (w *Window) showMade() {
	chosen := w.chosen()
	if len(chosen) != 1 {
		return
	}
	o, open, s := chosen[0], w.open, w.session
	rows := container.New(layout.NewFormLayout())
	for _, l := range app.Provenance(o, s.Palette()) {
		c := theme.ColorNameForeground
		if l.Head == "SHA-256" || l.Head == "Its SHA-256" {
			c = colorQuiet
		}
		p := newParagraph(textSmall, c, 6)
		p.Set(l.Text)
		rows.Add(container.NewVBox(padded(newText(l.Head, textSmall, colorQuiet), 0, 0, 0, 10)))
		rows.Add(container.New(&widthLayout{width: 420}, p))
	}
	verdict := newParagraph(textSmall, colorQuiet, 4)
	verdict.least = 2
	verdict.Set("Compute it again reads the pixels anew and asks the same model by the same labels, words or points.")
	var d *dialog.CustomDialog
	var again *widget.Button
	again = widget.NewButton("Compute it again", func() {
		again.Disable()
		verdict.Set("Computing …")
		outliner, words := w.prompter.folder(), app.WordOptions{SuggestOptions: w.opts.Suggest}
		w.startJob("Compute again", func(j *job) error {
			r, err := s.ReplayAny(j.ctx, open.Item.ID, o, outliner, words, j.progress)
			w.post(func() {
				verdict.color, verdict.value = theme.ColorNameSuccess, ""
				switch {
				case err != nil:
					p := app.Explain(err)
					verdict.color = theme.ColorNameError
					verdict.Set(p.Words())
				case r.Same:
					verdict.Set(fmt.Sprintf("The same: score %.6f then, %.6f now.", r.Stored, r.Now))
				default:
					verdict.color = theme.ColorNameWarning
					verdict.Set(fmt.Sprintf("Not the same: score %.6f then, %.6f now.", r.Stored, r.Now))
				}
				again.Enable()
			})
			return nil // it is told where it was asked
		})
		if !s.JobStatus().Running && verdict.value == "Computing …" {
			again.Enable()
		}
	})
	if !app.CanReplay(o) {
		again.Disable()
		verdict.Set("")
	}
	shut := widget.NewButton("Close", func() { d.Hide() })
	scroll := container.NewVScroll(rows)
	scroll.SetMinSize(fyne.NewSize(560, min(rows.MinSize().Height+8, 380)))
	d = dialog.NewCustomWithoutButtons("Who or what made this", container.NewBorder(nil, padded(verdict, 6, 0, 0, 0), nil, nil, scroll), w.win)
	d.SetButtons([]fyne.CanvasObject{shut, again})
	w.shown(d, 620, d.MinSize().Height)
}
