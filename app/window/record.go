package window

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// listHeight is how high the lists of history and trash are, Fyne units.
const listHeight = 320

// whenWords is a moment as a list shows it.
func whenWords(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// openHistory lists every version of the selected object: who, when, what, why.
// The version under the pointer is shown on the slide as an outline.
func (w *Window) openHistory() {
	open, ids := w.open, w.viewer.Selection()
	if len(ids) != 1 {
		return
	}
	id, s := ids[0], w.session
	w.reads.do(func() {
		versions, err := s.History(open.Item.ID, id)
		w.post(func() {
			if w.fail(err); err == nil && w.open == open {
				w.showHistory(open.Item.ID, id, versions)
			}
		})
	})
}

func (w *Window) showHistory(slide, id annotate.ID, versions []app.ObjectVersion) {
	lines := vbox(1)
	away := func() {
		if top := w.win.Canvas().Overlays().Top(); top != nil {
			top.Hide()
		}
		w.focus()
	}
	for _, v := range versions {
		words := v.Label
		if v.Reason != "" {
			words += " — " + v.Reason
		}
		if v.Object != nil {
			words += " · " + w.className(v.Object.Class)
		}
		head := hbox(10, newText(whenWords(v.At), textSmall, colorQuiet).fixed(128), newText(v.Author, textSmall, theme.ColorNameForeground).fixed(120))
		var right fyne.CanvasObject = newText("as it is now", textSmall, colorQuiet).fixed(150).trailing()
		if v.Object != nil && !v.Current {
			look := newButton(w.tips, nil, "Show", "", "Show its outline on the slide", func() {
				away()
				w.viewer.SetGhost(v.Object.ROI)
				w.fly(v.Object.ROI.Bounds())
				w.status.say("The outline of " + whenWords(v.At) + " is shown; Ctrl+H lists the versions, Esc takes it away.")
			}).sized(58, 24)
			back := newButton(w.tips, nil, "Restore", "", "Make the label so again; nothing is lost by that", func() {
				away()
				w.viewer.SetGhost(annotate.ROI{})
				w.askReason("Restore this version", "Restore", func(reason string) {
					w.write(func(s *app.Session) error { return s.RestoreVersion(slide, id, v.Seq, reason) }, nil)
				})
			}).sized(70, 24)
			back.SetEnabled(!w.session.ReadOnly())
			right = hbox(4, look, back)
		} else if v.Object == nil {
			right = newText("deleted", textSmall, colorQuiet).fixed(150).trailing()
		}
		lines.Add(container.New(&heightLayout{height: 28}, container.NewBorder(nil, nil, container.NewCenter(head), container.NewCenter(right),
			padded(newText(words, textSmall, theme.ColorNameForeground).fixed(80), 2, 0, 12, 8))))
	}
	body := container.New(&heightLayout{height: min(listHeight, float32(29*len(versions)))}, container.NewVScroll(lines))
	words := newText(plural(len(versions), "version")+". Nothing is ever taken out of the history.", textSmall, colorQuiet)
	w.popUp("History of the label", container.New(&widthLayout{width: 760}, vbox(8, body, words)))
}

// className is a class as a list shows it.
func (w *Window) className(id annotate.ID) string {
	if c := w.session.Palette().ByID(id); c != nil {
		return c.Name
	}
	return "no class"
}

// openTrash lists the deleted labels of the slide.
func (w *Window) openTrash() {
	s, open := w.session, w.open
	w.reads.do(func() {
		list, err := s.Trash(open.Item.ID)
		w.post(func() {
			if w.fail(err); err != nil || w.open != open {
				return
			}
			if len(list) == 0 {
				w.popUp("Deleted labels", newText("No label of this slide was deleted.", textBody, colorQuiet))
				return
			}
			away := func() {
				if top := w.win.Canvas().Overlays().Top(); top != nil {
					top.Hide()
				}
				w.focus()
			}
			rows := newRows(30, func() rowView { return newTrashRow(w) }, func(i int, v rowView) {
				r, row := list[i], v.(*trashRow)
				words := w.className(r.Object.Class)
				if r.Record.Reason != "" {
					words += " — " + r.Record.Reason
				}
				row.when.Set(whenWords(r.Record.At))
				row.who.Set(r.Record.Author)
				row.what.Set(words)
				row.back.tapped = func() {
					away()
					ids := []annotate.ID{r.Object.ID}
					w.write(func(s *app.Session) error { return s.Undelete(open.Item.ID, ids, "") }, func(err error) {
						if err == nil && w.open == open {
							w.selectAndShow(ids...)
						}
					})
				}
				row.back.SetEnabled(!s.ReadOnly())
			})
			rows.Update(len(list))
			body := container.New(&heightLayout{height: min(listHeight, float32(30*len(list)))}, rows)
			words := newText(plural(len(list), "deleted label")+". They stay here until they are put back.", textSmall, colorQuiet)
			w.popUp("Deleted labels", container.New(&widthLayout{width: 660}, vbox(8, body, words)))
			rows.Update(len(list))
		})
	})
}

// trashRow is one deleted label.
type trashRow struct {
	row
	when, who, what *text
	back            *button
}

func newTrashRow(w *Window) *trashRow {
	r := &trashRow{when: newText("", textSmall, colorQuiet).fixed(128), who: newText("", textSmall, theme.ColorNameForeground).fixed(120),
		what: newText("", textSmall, theme.ColorNameForeground).fixed(80)}
	r.back = newButton(w.tips, nil, "Put back", "", "Put the label back on the slide", nil).sized(78, 24)
	r.box = container.NewBorder(nil, nil, container.NewCenter(hbox(10, r.when, r.who)), container.NewCenter(r.back), padded(r.what, 3, 0, 12, 8))
	return r
}

// askReason asks why; the answer may be empty.
func (w *Window) askReason(title, confirm string, use func(reason string)) {
	reason := newFormEntry("")
	w.form(title, confirm, []*widget.FormItem{
		{Text: "Reason", Widget: reason, HintText: "Written into the edit log; may be empty"},
	}, []*formEntry{reason}, func() error {
		use(strings.TrimSpace(reason.Text))
		return nil
	})
}

// askDelete deletes the selection and writes down why.
func (w *Window) askDelete() {
	ids := w.viewer.Selection()
	w.askReason("Delete "+plural(len(ids), "label"), "Delete", func(reason string) {
		w.viewer.SetSelection(nil)
		w.selected(nil)
		w.write(func(s *app.Session) error { return s.DeleteBecause(ids, reason) }, nil)
	})
}

// askAudit asks where the edit log shall go.
func (w *Window) askAudit() {
	dir := w.session.Dir()
	file := newFormEntry(filepath.Join(filepath.Dir(dir), strings.TrimSuffix(filepath.Base(dir), app.ProjectExt)+"-log.html"))
	w.form("Export the edit log", "Export", []*widget.FormItem{
		{Text: "File", Widget: file, HintText: "Ends in .html (to read and print as PDF), .csv, .json or .jsonl"},
	}, []*formEntry{file}, func() error {
		path := strings.TrimSpace(file.Text)
		format := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
		switch format {
		case "html", "csv", "json", "jsonl":
		default:
			return errors.New("the name ends in .html, .csv, .json or .jsonl")
		}
		s := w.session
		w.startJob("Export the edit log", func(j *job) error {
			n := 0
			err := app.WriteFile(path, func(out io.Writer) (err error) {
				n, err = s.ExportAudit(out, format, 0)
				return err
			})
			if err == nil {
				w.post(func() { w.status.say(fmt.Sprintf("Wrote %s to %s", plural(n, "record"), path)) })
			}
			return err
		})
		return nil
	})
}

// askCopy saves a copy of the whole project in another folder.
func (w *Window) askCopy() {
	dir := w.session.Dir()
	folder := newFormEntry(strings.TrimSuffix(dir, app.ProjectExt) + "-copy" + app.ProjectExt)
	w.form("Save a copy of the project", "Save", []*widget.FormItem{
		{Text: "Folder", Widget: w.folderField(folder), HintText: "All labels and their whole history; slides stay where they are"},
	}, []*formEntry{folder}, func() error {
		path, s := strings.TrimSpace(folder.Text), w.session
		if path == "" {
			return errors.New("choose a folder")
		}
		w.startJob("Save a copy", func(j *job) error {
			err := s.SaveCopy(path)
			if err == nil {
				w.post(func() { w.status.say("Saved a copy in " + path) })
			}
			return err
		})
		return nil
	})
}

// saveAgain tries once more to save the edit that waits.
func (w *Window) saveAgain() {
	w.write(func(s *app.Session) error { return s.RetryUnsaved() }, func(err error) {
		if err == nil {
			w.problem.dismiss()
		}
	})
}

// unsavedChanged shows whether an edit waits to be saved.
func (w *Window) unsavedChanged() {
	u := w.session.Unsaved()
	if u == nil {
		w.status.update()
		return
	}
	w.status.dot.SetColor(theme.ColorNameError)
	w.status.words.Set("NOT SAVED: " + u.Edit.Label)
}

// openPeople lists the profiles; an administrator may change roles.
func (w *Window) openPeople() {
	s := w.session
	all, err := s.Users()
	if err != nil {
		w.fail(err)
		return
	}
	if len(all) == 0 {
		w.popUp("People of the project", newText("Nobody has a profile here yet: the name at the right of the status bar makes one.", textBody, colorQuiet))
		return
	}
	me, _ := s.Me()
	lines := vbox(2)
	for _, u := range all {
		role := widget.NewSelect([]string{"annotator", "reviewer", "administrator", "retired"}, nil)
		role.Selected = u.Role.String()
		if u.Retired {
			role.Selected = "retired"
		}
		role.OnChanged = func(c string) {
			w.write(func(s *app.Session) error { return s.SetRoleWords(u.ID, c) }, func(error) { w.status.person() })
		}
		if me.Role.String() != "administrator" {
			role.Disable()
		}
		words := "no passphrase"
		if u.Secret != nil {
			words = "can sign"
		}
		lines.Add(container.NewBorder(nil, nil, nil, container.New(&widthLayout{width: 170}, role),
			container.NewCenter(hbox(12, newText(u.Name, textBody, theme.ColorNameForeground).fixed(190), newText(words, textSmall, colorQuiet).fixed(90)))))
	}
	body := container.New(&heightLayout{height: min(listHeight, float32(42*len(all)))}, container.NewVScroll(lines))
	hint := newText("Only an administrator changes roles. Retired people stay in the record.", textSmall, colorQuiet)
	w.popUp("People of the project", container.New(&widthLayout{width: 520}, vbox(8, body, hint)))
}
