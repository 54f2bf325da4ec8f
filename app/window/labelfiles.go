package window

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate/interchange"
	"coverslip/annotate/interchange/exchange"
	"coverslip/app"
)

// byContent is the choice of no format: the file's content tells it.
const byContent = "Whatever the file is"

// labelTitles are the formats that can be read, or those that can be written, as
// the dialogs list them.
func labelTitles(written bool) []string {
	var titles []string
	if !written {
		titles = append(titles, byContent)
	}
	for _, f := range interchange.Formats() {
		if written && f.Write != nil || !written && f.Read != nil {
			titles = append(titles, f.Title)
		}
	}
	return titles
}

// labelFormat is the format of a title; the zero one for byContent.
func labelFormat(title string) exchange.Format {
	for _, f := range interchange.Formats() {
		if f.Title == title {
			return f
		}
	}
	return exchange.Format{}
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// askImport asks for a file of annotations for the active slide.
func (w *Window) askImport() {
	file := newFormEntry("")
	file.SetPlaceHolder("A file, also packed (.gz, .zip)")
	about := newParagraph(textSmall, colorQuiet, 3)
	about.least = 3
	format := widget.NewSelect(labelTitles(false), func(title string) {
		f := labelFormat(title)
		if f.Name == "" {
			about.Set("The content tells the format. Outlines that cross themselves are mended and reported; a damaged file brings nothing; one undo takes all of it back.")
			return
		}
		about.Set(sentence(f.Line) + " Files are called " + strings.Join(f.Extensions, ", ") + ".")
	})
	format.SetSelected(byContent)
	choose := newButton(nil, nil, "Choose…", "", "", func() {
		w.chooseFile(fileChoice{title: "A file of annotations", purpose: "labels", words: "Choose", keep: isLabels, then: file.SetText})
	}).filled().sized(76, 26)
	w.form("Import annotations onto "+w.open.Item.Name, "Import", []*widget.FormItem{
		{Text: "File", Widget: container.NewBorder(nil, nil, nil, choose, file)},
		widget.NewFormItem("Format", format),
		widget.NewFormItem("", about),
	}, []*formEntry{file}, func() error {
		path := strings.TrimSpace(file.Text)
		if path == "" {
			return errors.New("choose a file")
		}
		if st, err := os.Stat(path); err != nil || st.IsDir() {
			return fmt.Errorf("%s is no file", path)
		}
		w.importLabels([]string{path}, app.LabelFile{Format: labelFormat(format.Selected).Name})
		return nil
	})
}

// isLabels tells whether a file is called as files of annotations are.
func isLabels(name string) bool {
	return interchange.Named(name) || strings.HasSuffix(strings.ToLower(name), ".dcm") || strings.HasSuffix(strings.ToLower(name), ".txt")
}

// importLabels adds the objects of files to the active slide, each file in one
// edit that undo takes back. What a file does not say is asked, and the import
// begins again with that file.
func (w *Window) importLabels(paths []string, how app.LabelFile) {
	s, open := w.session, w.open
	if s == nil || open == nil {
		w.fail(errNoSlideDrop)
		return
	}
	if s.ReadOnly() {
		w.fail(errReadOnlyDrop)
		return
	}
	w.startJob("Import labels", func(j *job) error {
		var sum app.ImportReport
		for i, path := range paths {
			if err := j.ctx.Err(); err != nil {
				return err
			}
			j.progress(filepath.Base(path), i, len(paths))
			r, err := s.ImportLabels(j.ctx, open.Item.ID, path, how)
			if questions := app.AsksFor(err); questions != nil {
				w.post(func() {
					w.askAnswers(filepath.Base(path), questions, how.Answers, func(a exchange.Answers) {
						again := how
						again.Answers = a
						w.importLabels(paths[i:], again)
					})
				})
				break
			}
			if err != nil {
				return &app.FileError{What: "labels", Path: path, Err: err}
			}
			sum.Objects += r.Objects
			sum.Skipped += r.Skipped
			sum.Repaired += r.Repaired
			sum.Warnings = append(sum.Warnings, r.Warnings...)
			sum.Format = r.Format
		}
		if sum.Format != "" {
			w.post(func() { w.status.say(importWords(sum, open.Item.Name)) })
		}
		return nil
	})
}

// importWords say what an import brought.
func importWords(r app.ImportReport, slide string) string {
	words := fmt.Sprintf("Imported %s of %s onto %s", plural(r.Objects, "label"), r.Format, slide)
	if r.Skipped > 0 {
		words += fmt.Sprintf(" · %s left out, there already or not usable", number(r.Skipped))
	}
	if r.Repaired > 0 {
		words += fmt.Sprintf(" · %s mended", number(r.Repaired))
	}
	if len(r.Warnings) > 0 {
		words += " · " + r.Warnings[0]
	}
	return words
}

// askAnswers asks what a format could not know, and goes on with the answers.
func (w *Window) askAnswers(file string, questions []exchange.Question, before exchange.Answers, then func(exchange.Answers)) {
	var items []*widget.FormItem
	var entries []*formEntry
	read := map[string]func() string{}
	for _, q := range questions {
		text := newParagraph(textSmall, colorQuiet, 4)
		text.least = 2
		text.Set(q.Text)
		items = append(items, widget.NewFormItem("", text))
		if len(q.Choices) > 0 {
			choice := widget.NewSelect(q.Choices, nil)
			if q.Guess != "" {
				choice.SetSelected(q.Guess)
			}
			read[q.Key] = func() string { return choice.Selected }
			items = append(items, widget.NewFormItem("Answer", choice))
			continue
		}
		e := newFormEntry(q.Guess)
		entries = append(entries, e)
		read[q.Key] = func() string { return strings.TrimSpace(e.Text) }
		items = append(items, widget.NewFormItem("Answer", e))
	}
	w.form(file+" does not say", "Go on", items, entries, func() error {
		a := maps.Clone(before)
		if a == nil {
			a = exchange.Answers{}
		}
		for key, get := range read {
			if a[key] = get(); a[key] == "" {
				return errors.New("an answer is needed")
			}
		}
		then(a)
		return nil
	})
}

// askExport asks where and in which format the labels of the slide shall go, and
// says what the format cannot hold of them before anything is written.
func (w *Window) askExport() {
	// Beside the project, as datasets; the last file dialog may have ended at
	// the slides of another one.
	s, open := w.session, w.open
	name := open.Item.Name
	file := newFormEntry(filepath.Join(filepath.Dir(s.Dir()), strings.TrimSuffix(name, filepath.Ext(name))+".geojson"))
	about, losses := newParagraph(textSmall, colorQuiet, 2), newParagraph(textSmall, colorQuiet, 8)
	about.least, losses.least = 1, 7
	turn := 0
	show := func(title string) {
		f := labelFormat(title)
		file.SetText(withEnding(file.Text, f.Extensions[0]))
		about.Set(sentence(f.Line))
		losses.Set("Looking at what the format can hold …")
		turn++
		mine := turn
		w.thumbReads.do(func() {
			lost, err := s.LabelLosses(open.Item.ID, f, app.LabelsOnly)
			w.post(func() {
				if mine == turn {
					losses.Set(lossWords(lost, err))
				}
			})
		})
	}
	format := widget.NewSelect(labelTitles(true), show)
	format.SetSelectedIndex(0)
	warned := ""
	w.form("Export the labels of this slide", "Export", []*widget.FormItem{
		widget.NewFormItem("Format", format),
		widget.NewFormItem("", about),
		{Text: "File", Widget: file, HintText: "Suggestions without a decision are left out; a name ending in .gz is packed"},
		widget.NewFormItem("", losses),
	}, []*formEntry{file}, func() error {
		path := strings.TrimSpace(file.Text)
		if filepath.Base(path) == "." || strings.HasSuffix(path, string(filepath.Separator)) {
			return errors.New("the file needs a name")
		}
		f := labelFormat(format.Selected)
		if filepath.Ext(path) == "" {
			path += f.Extensions[0]
		}
		if _, err := os.Stat(path); err == nil && warned != path {
			warned = path
			return fmt.Errorf("%s is there already; Export once more replaces it", filepath.Base(path))
		}
		w.exportLabels(path, app.LabelFile{Format: f.Name})
		return nil
	})
}

// withEnding is the path with the ending of another format.
func withEnding(path, ending string) string {
	base := strings.TrimSuffix(path, ".gz")
	for _, f := range interchange.Formats() {
		for _, e := range f.Extensions {
			if strings.HasSuffix(strings.ToLower(base), e) {
				return base[:len(base)-len(e)] + ending
			}
		}
	}
	return path
}

// lossWords say what would be lost.
func lossWords(losses []exchange.Loss, err error) string {
	if err != nil {
		return app.Explain(err).Title
	}
	var lost, notes []string
	for _, l := range losses {
		if l.Count > 0 {
			lost = append(lost, l.Text)
		} else {
			notes = append(notes, l.Text)
		}
	}
	words := "The file holds all of it."
	if len(lost) > 0 {
		words = sentence("will be lost: " + strings.Join(lost, "; "))
	}
	return strings.TrimSpace(words + " " + strings.Join(notes, " "))
}

// exportLabels writes the labels of the current slide.
func (w *Window) exportLabels(path string, how app.LabelFile) {
	s, open := w.session, w.open
	if s == nil || open == nil {
		return
	}
	if full, err := filepath.Abs(path); err == nil { // else it is said as it was given
		path = full
	}
	how.Keep = app.LabelsOnly
	w.startJob("Export labels", func(j *job) error {
		n, err := s.ExportLabels(j.ctx, open.Item.ID, path, how)
		if questions := app.AsksFor(err); questions != nil {
			w.post(func() {
				w.askAnswers(filepath.Base(path), questions, how.Answers, func(a exchange.Answers) {
					again := how
					again.Answers = a
					w.exportLabels(path, again)
				})
			})
			return nil
		}
		if err != nil {
			return err
		}
		w.post(func() { w.status.say(fmt.Sprintf("Wrote %s to %s", plural(n, "label"), path)) })
		return nil
	})
}
