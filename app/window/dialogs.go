package window

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
	"coverslip/tiles/formats"
)

// shown opens a dialog as large as it is useful, and gives the keyboard back to
// the slide when it is gone.
func (w *Window) shown(d dialog.Dialog, width, height float32) {
	w.tips.hide()
	size := w.win.Canvas().Size()
	d.SetOnClosed(func() {
		w.dialog = nil
		w.focus()
	})
	w.dialog = d
	d.Show()
	d.Resize(fyne.NewSize(min(width, size.Width-60), min(height, size.Height-60)))
}

func (w *Window) keepFolder(path string) { w.app.Preferences().SetString(prefFolder, path) }

func (w *Window) askSlide() {
	w.chooseFile(fileChoice{title: "Open slide", purpose: "slide", words: "Open", keep: formats.Named, slides: true, then: func(p string) {
		w.keepFolder(filepath.Dir(p))
		w.Open(p)
	}})
}

func (w *Window) askAdd() {
	w.chooseFile(fileChoice{title: "Add slide to " + w.session.Name(), purpose: "slide", words: "Add", keep: formats.Named, slides: true, then: func(p string) {
		w.keepFolder(filepath.Dir(p))
		w.add([]string{p})
	}})
}

func (w *Window) askProject() {
	w.chooseFile(fileChoice{title: "Open a project, or a folder that is a slide (OME-Zarr, DICOM)", purpose: "project", words: "Open", project: true, then: w.Open})
}

// askFolder lets a person choose a folder.
func (w *Window) askFolder(title string, then func(path string)) {
	w.chooseFile(fileChoice{title: title, purpose: "folder", words: "Use this folder", folder: true, then: then})
}

// folderField is an entry for a path with a button that asks for a folder.
func (w *Window) folderField(e *formEntry) fyne.CanvasObject {
	choose := newButton(nil, nil, "Choose…", "", "", func() { w.askFolder("Choose a folder", e.SetText) }).filled().sized(76, 26)
	return container.NewBorder(nil, nil, nil, choose, e)
}

// askNewProject asks for the place and name of a new project.
func (w *Window) askNewProject() {
	name, place := newFormEntry(""), newFormEntry(w.app.Preferences().String(prefFolder))
	name.SetPlaceHolder("Breast cohort")
	if place.Text == "" {
		if home, err := os.UserHomeDir(); err == nil {
			place.SetText(home)
		}
	}
	w.form("New project", "Create", []*widget.FormItem{
		widget.NewFormItem("Name", name),
		{Text: "Folder", Widget: w.folderField(place), HintText: "A folder NAME.coverslip is made in it"},
	}, []*formEntry{name, place}, func() error {
		title := strings.TrimSpace(name.Text)
		if title == "" {
			return errors.New("the project needs a name")
		}
		if strings.ContainsAny(title, `/\:`) {
			return errors.New(`the name becomes a folder: / \ : cannot be part of it`)
		}
		w.keepFolder(place.Text)
		w.create(filepath.Join(place.Text, title+app.ProjectExt), title)
		return nil
	})
}

// askAuthor asks who works.
func (w *Window) askAuthor() {
	name := newFormEntry(w.app.Preferences().String(prefAuthor))
	if w.session != nil {
		name.SetText(w.session.Author())
	}
	w.form("Author", "Use this name", []*widget.FormItem{
		{Text: "Name", Widget: name, HintText: "Written beside every label and decision from now on"},
	}, []*formEntry{name}, func() error {
		author := strings.TrimSpace(name.Text)
		if author == "" {
			return errors.New("the name is empty")
		}
		w.app.Preferences().SetString(prefAuthor, author)
		w.opts.Session.Author = author
		if w.session != nil {
			w.session.SetAuthor(author)
		}
		w.status.update()
		return nil
	})
}

// askRelink asks for the folder in which the missing slides lie now.
func (w *Window) askRelink() {
	w.askFolder("Choose the folder in which the missing slides lie now", func(dir string) {
		s := w.session
		w.startJob("Find missing slides", func(j *job) error {
			n, err := s.RelinkTold(j.ctx, dir, j.progress)
			if err != nil {
				return err
			}
			w.post(func() {
				w.status.say(fmt.Sprintf("Found %s in %s", plural(n, "missing slide"), dir))
				w.relist()
			})
			return nil
		})
	})
}

// formEntry is a line of a form that knows the keys of a dialog.
type formEntry struct {
	widget.Entry
	escape func()
}

func newFormEntry(value string) *formEntry {
	e := &formEntry{}
	e.ExtendBaseWidget(e)
	e.Text = value
	return e
}

// TypedKey implements fyne.Focusable.
func (e *formEntry) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape && e.escape != nil {
		e.escape()
		return
	}
	e.Entry.TypedKey(k)
}

// form makes a dialog of fields. What is wrong with them is told in the dialog,
// which stays until it is right or cancelled.
// Enter in any of the entries confirms, Escape cancels; the first has the focus.
func (w *Window) form(title, confirm string, items []*widget.FormItem, entries []*formEntry, use func() error) {
	var d *dialog.CustomDialog
	wrong := newParagraph(textSmall, theme.ColorNameError, 2)
	wrong.least = 2
	confirmed := func() {
		if err := use(); err != nil {
			wrong.Set(err.Error())
			return
		}
		d.Hide()
	}
	for _, e := range entries {
		e.escape = func() { d.Hide() }
		e.OnSubmitted = func(string) { confirmed() }
	}
	do := widget.NewButton(confirm, confirmed)
	do.Importance = widget.HighImportance
	cancel := widget.NewButton("Cancel", func() { d.Hide() })
	body := container.NewBorder(nil, wrong, nil, nil, widget.NewForm(items...))
	d = dialog.NewCustomWithoutButtons(title, body, w.win)
	d.SetButtons([]fyne.CanvasObject{cancel, do})
	w.shown(d, 560, d.MinSize().Height)
	if len(entries) > 0 {
		w.win.Canvas().Focus(entries[0])
	}
}

// datasetOptions reads the fields of the dialog; its errors are for people.
func datasetOptions(out, patch, mpp, splits, seed string) (app.DatasetOptions, error) {
	o := app.DatasetOptions{Out: strings.TrimSpace(out), Format: "imagefolder"}
	if o.Out == "" {
		return o, errors.New("choose a folder for the dataset")
	}
	var err error
	if o.Patch, err = strconv.Atoi(strings.TrimSpace(patch)); err != nil || o.Patch < 16 || o.Patch > 4096 {
		return o, errors.New("the patch must be 16 to 4096 pixels")
	}
	if o.MPP, err = strconv.ParseFloat(strings.TrimSpace(mpp), 64); err != nil || !(o.MPP >= 0.05 && o.MPP <= 100) {
		return o, errors.New("µm per pixel must be between 0.05 and 100, such as 0.5")
	}
	parts := strings.Split(splits, "/")
	if len(parts) != 3 {
		return o, errors.New("the splits are three numbers, such as 70 / 15 / 15")
	}
	sum := 0.0
	for i, p := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || !(v >= 0 && v <= 100) {
			return o, fmt.Errorf("%q is no share", strings.TrimSpace(p))
		}
		o.Splits[i] = v / 100
		sum += v
	}
	if sum < 99.5 || sum > 100.5 {
		return o, fmt.Errorf("the splits add up to %.0f %%, not 100 %%", sum)
	}
	if o.Seed, err = strconv.ParseInt(strings.TrimSpace(seed), 10, 64); err != nil {
		return o, errors.New("the seed is a whole number")
	}
	return o, nil
}
