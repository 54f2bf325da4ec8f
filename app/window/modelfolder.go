package window

import (
	"errors"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
	"coverslip/models/onnx"
)

// prefModel remembers the folder of the model that suggests.
const prefModel = "model.folder"

// bindModels gives the commands of model folders their actions.
func (w *Window) bindModels(on func(id string, do func(), enabled func() bool)) {
	idle := func() bool { return w.session != nil && !w.session.JobStatus().Running }
	on("model.add", w.askModel, idle)
	on("model.builtin", func() { w.useModel("", app.OwnModelName()) }, func() bool { return idle() && w.opts.Session.Model != "" })
}

// askModel asks for a model folder.
func (w *Window) askModel() {
	w.askFolder("Add model folder: a snapshot of Hugging Face, a WSInfer or MONAI model, or one with model.onnx", w.checkModel)
}

// checkModel tries a model folder out in the background and shows what it is.
func (w *Window) checkModel(path string) {
	s := w.session
	if app.IsOutliner(path) {
		w.prompter.check(path)
		return
	}
	w.startJob("Check model "+filepath.Base(path), func(*job) error {
		r := s.CheckModel(path)
		w.post(func() {
			if w.session == s {
				w.showModel(path, r)
			}
		})
		return nil
	})
}

// showModel shows what was understood of a model folder and offers its use.
func (w *Window) showModel(path string, r app.ModelReport) {
	rows := container.New(layout.NewFormLayout())
	row := func(head, words string, c fyne.ThemeColorName) {
		p := newParagraph(textSmall, c, 4)
		p.Set(words)
		rows.Add(container.NewVBox(padded(newText(head, textSmall, colorQuiet), 0, 0, 0, 10)))
		rows.Add(container.New(&widthLayout{width: 470}, p))
	}
	title := r.Name
	if title == "" {
		title = filepath.Base(path)
	}
	verdict, colour := "It can be used.", theme.ColorNameSuccess
	problem := app.Explain(r.Err)
	switch {
	case errors.Is(r.Err, onnx.ErrNoRuntime):
		verdict, colour = "It was understood and not tried out. "+problem.Words(), theme.ColorNameWarning
	case r.Err != nil:
		verdict, colour = problem.Words(), theme.ColorNameError
		if r.Problem != "" && !strings.Contains(verdict, r.Problem) {
			verdict += " " + r.Problem
		}
	case !r.OK():
		verdict, colour = "It runs and did not pass its self-test: its results would be wrong.", theme.ColorNameError
	case r.Runtime == "":
		verdict, colour = "It was understood and not tried out: ONNX Runtime is not installed.", theme.ColorNameWarning
	}
	row("Verdict", verdict, colour)
	for _, l := range app.ModelLines(r) {
		c := theme.ColorNameForeground
		switch l.Head {
		case "Failed":
			c = theme.ColorNameError
		case "Note":
			c = theme.ColorNameWarning
		}
		row(l.Head, l.Text, c)
	}
	row("Folder", path, colorQuiet)
	var d *dialog.CustomDialog
	use := widget.NewButton("Use for suggestions", func() {
		d.Hide()
		w.useModel(path, title)
	})
	use.Importance = widget.HighImportance
	if !r.OK() || r.Writes != "" && r.Dim == 0 { // one that writes alone sees no patches
		use.Disable()
	}
	if r.Dense != "" {
		use.SetText("Run over the region")
		use.OnTapped = func() {
			d.Hide()
			w.segment(path)
		}
	}
	cancel := widget.NewButton("Close", func() { d.Hide() })
	scroll := container.NewVScroll(rows)
	scroll.SetMinSize(fyne.NewSize(590, min(rows.MinSize().Height+8, 430)))
	d = dialog.NewCustomWithoutButtons("Model: "+title, scroll, w.win)
	d.SetButtons([]fyne.CanvasObject{cancel, use})
	w.shown(d, 660, d.MinSize().Height)
}

// useModel makes a model the one that suggests, now and when the program is
// started again.
func (w *Window) useModel(path, name string) {
	w.opts.Session.Model = path
	w.app.Preferences().SetString(prefModel, path)
	w.write(func(s *app.Session) error { return s.UseModel(path) }, func(err error) {
		w.text.modelChanged()
		if err == nil {
			w.status.say("Suggestions come from " + name + " from now on")
		}
	})
}
