package window

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// askReport asks of what a report is to be written, and where.
func (w *Window) askReport() {
	s := w.session
	base := strings.TrimSuffix(s.Dir(), app.ProjectExt)
	out, template := newFormEntry(base+"-report.html"), newFormEntry("")
	template.SetPlaceHolder("every class with its count and area")
	choices := []choice{{"project", "The project: progress, readers, models"}}
	if open := w.open; open != nil {
		choices = append(choices, choice{"slide", "This slide"})
		if open.Item.Case != "" {
			choices = append(choices, choice{"case", "The case " + open.Item.Case})
		}
	}
	of, word := selectOf(choices)
	warned := ""
	w.form("Write a report", "Write", []*widget.FormItem{
		widget.NewFormItem("Of", of),
		{Text: "Template", Widget: template, HintText: "A JSON file that names the fields, for a slide or a case"},
		{Text: "File", Widget: out, HintText: "HTML that a browser shows and prints; research use only"},
	}, []*formEntry{out, template}, func() error {
		path := strings.TrimSpace(out.Text)
		if filepath.Ext(path) == "" {
			path += ".html"
		}
		if _, err := os.Stat(path); err == nil && warned != path {
			warned = path
			return fmt.Errorf("%s is there already; Write once more replaces it", filepath.Base(path))
		}
		fields := app.StandardTemplate(s.Palette())
		if name := strings.TrimSpace(template.Text); name != "" {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			fields, err = app.ReadTemplate(f)
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
		w.writeReport(path, w.slidesOf(word()), fields)
		return nil
	})
}

// slidesOf lists the slides of a choice; none for the project.
func (w *Window) slidesOf(word string) []annotate.ID {
	if word == "project" || w.open == nil {
		return nil
	}
	if word == "slide" {
		return []annotate.ID{w.open.Item.ID}
	}
	var ids []annotate.ID
	for _, item := range w.session.Slides() {
		if item.Case == w.open.Item.Case {
			ids = append(ids, item.ID)
		}
	}
	return ids
}

// writeReport writes the report of slides, or of the project where there are none.
func (w *Window) writeReport(path string, slides []annotate.ID, fields app.ReportTemplate) {
	s := w.session
	w.startJob("Write report", func(j *job) error {
		err := app.WriteFile(path, func(out io.Writer) error {
			if len(slides) == 0 {
				return s.WriteProjectReport(j.ctx, out, j.progress)
			}
			return s.WriteSlideReport(j.ctx, out, slides, fields, j.progress)
		})
		if err != nil {
			return err
		}
		w.post(func() { w.status.say("Wrote the report to " + path) })
		return nil
	})
}
