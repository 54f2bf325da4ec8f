package window

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// bindStudy binds the commands for several readers and for figures. In a
// reader's project only those stay that a reader may use.
func (w *Window) bindStudy(on func(id string, run func(), enabled func() bool)) {
	open := func() bool { return w.session != nil && !w.session.Hidden() }
	writable := func() bool { return open() && !w.session.ReadOnly() }
	slide := func() bool { return writable() && w.open != nil }
	on("study.assign", func() { w.askAssign(nil) }, writable)
	on("study.collect", w.askCollect, writable)
	on("study.merge", w.askMerge, writable)
	on("study.readings", w.openReadings, open)
	on("study.agree", w.agree, open)
	on("study.adjudicate", w.askAdjudicate, writable)
	on("study.take", w.takeSide, func() bool {
		return w.session != nil && w.session.Hidden() && w.open != nil && len(w.viewer.Selection()) > 0
	})
	on("study.vote", func() { w.consensus(app.ConsensusVote) }, slide)
	on("study.staple", func() { w.consensus(app.ConsensusSTAPLE) }, slide)
	on("study.evaluate", w.askEvaluate, writable)
}

// slideFileWords is the size and name of a slide's file; "" in a reader's
// project.
func slideFileWords(s *app.Session, open *app.OpenSlide) string {
	if s == nil || s.Hidden() {
		return ""
	}
	return fileWords(open.Slide.Info().Path)
}

// readingWords tells a reader what the project is; none in any other.
func readingWords(s *app.Session) []string {
	own, ok := s.OwnReading()
	if !ok {
		return nil
	}
	if left := s.WashOut(); left > 0 {
		return []string{fmt.Sprintf("The wash-out time is not over: the slides can be read from %s, in %s.", own.NotBefore.Local().Format("2 January 2006 15:04"), waitWords(left))}
	}
	if own.Kind != app.Adjudicate {
		return []string{"A blinded reading for " + own.Reader + ".", "Draw and class as you see it. Names, paths and label images are not here, and nothing that others made is."}
	}
	return []string{"An adjudication for " + own.Reader + ".", "The labels of two readers lie here as Reader A and Reader B. Select the right ones and take them over (Ctrl+Shift+Y), or draw your own."}
}

// waitWords is a time still to wait, in days or hours, rounded up.
func waitWords(d time.Duration) string {
	if d > 48*time.Hour {
		return plural(int((d+24*time.Hour-1)/(24*time.Hour)), "day")
	}
	return plural(int((d+time.Hour-1)/time.Hour), "hour")
}

// askAssign asks what to give to a reader; between is the two readers of an
// adjudication, nil for a blinded reading.
func (w *Window) askAssign(between []string) {
	s := w.session
	reader, place, seed, days := newFormEntry(""), newFormEntry(filepath.Dir(s.Dir())), newFormEntry("1"), newFormEntry("0")
	reader.SetPlaceHolder("Name of the reader")
	title, confirm := "Give slides to a reader", "Make the reading"
	hint := "A project of its own is made there: slides in a drawn order, without names; nothing of other readers"
	if between != nil {
		title, confirm = "Settle between "+between[0]+" and "+between[1], "Make the adjudication"
		hint = "A project is made there with the labels of both, without names and times"
	}
	only := widget.NewCheck("Only the slide that is open", nil)
	if w.open == nil {
		only.Disable()
	}
	items := []*widget.FormItem{
		widget.NewFormItem("Reader", reader),
		{Text: "Folder", Widget: w.folderField(place), HintText: hint},
		{Text: "Seed", Widget: seed, HintText: "The order of the slides is drawn by it, and kept"},
	}
	if between == nil {
		items = append(items, &widget.FormItem{Text: "Wash-out, days", Widget: days, HintText: "Since this reader last had one of the slides; 0 for none"})
	}
	items = append(items, widget.NewFormItem("", only))
	w.form(title, confirm, items, []*formEntry{reader, place, seed, days}, func() error {
		o, err := assignOptions(reader.Text, place.Text, seed.Text, days.Text)
		if err != nil {
			return err
		}
		o.Between = between
		if only.Checked {
			o.Slides = []annotate.ID{w.open.Item.ID}
		}
		w.startJob(title, func(j *job) error {
			r, err := s.Assign(j.ctx, o)
			if err != nil {
				return err
			}
			w.post(func() {
				w.status.say(fmt.Sprintf("%s for %s: %s", plural(len(r.Slides), "slide"), r.Title(), r.Dir))
			})
			return nil
		})
		return nil
	})
}

// assignOptions reads the fields of the dialog; its errors are for people.
func assignOptions(reader, place, seed, days string) (app.AssignOptions, error) {
	o := app.AssignOptions{Reader: strings.TrimSpace(reader)}
	if o.Reader == "" {
		return o, errors.New("the reader needs a name")
	}
	var err error
	if o.Seed, err = strconv.ParseUint(strings.TrimSpace(seed), 10, 64); err != nil {
		return o, errors.New("the seed is a whole number")
	}
	d, err := strconv.ParseFloat(strings.TrimSpace(days), 64)
	if err != nil || !(d >= 0 && d <= 3650) {
		return o, errors.New("the wash-out is a number of days")
	}
	o.WashOut = time.Duration(d * 24 * float64(time.Hour))
	if strings.TrimSpace(place) == "" {
		return o, errors.New("choose a folder for the reading")
	}
	// The time, not the project's name: that may name a patient or a reader.
	o.Dir = filepath.Join(place, "reading-"+time.Now().Format("20060102-150405")+app.ProjectExt)
	return o, nil
}

// askCollect takes the labels of a reader's project over.
func (w *Window) askCollect() { w.askMerged("Collect a reading", (*app.Session).Collect) }

// askMerge takes over another project.
func (w *Window) askMerge() { w.askMerged("Merge another project", (*app.Session).MergeProject) }

// openReadings lists what was given to readers.
func (w *Window) openReadings() {
	s := w.session
	w.edits.do(func() {
		all, err := s.Readings()
		w.post(func() {
			if err != nil {
				w.fail(err)
			} else if w.session == s {
				w.showReadings(all)
			}
		})
	})
}

func (w *Window) showReadings(all []app.Reading) {
	if len(all) == 0 {
		w.popUp("Readings", newText("Nothing was given to readers yet: Study, Give slides to a reader.", textBody, colorQuiet))
		return
	}
	var rows [][]string
	for _, r := range all {
		state := "not collected yet"
		if !r.Collected.IsZero() {
			state = "collected " + r.Collected.Local().Format("2 Jan 2006 15:04")
		}
		wait := ""
		if !r.NotBefore.IsZero() {
			wait = "from " + r.NotBefore.Local().Format("2 Jan 2006")
		}
		rows = append(rows, []string{r.Title(), plural(len(r.Slides), "slide"), fmt.Sprintf("seed %d", r.Seed), wait, state, filepath.Base(r.Dir)})
	}
	w.showPages("Readings", []page{{title: "Readings", head: "What was given to readers, in the order it was given.", columns: []string{"Reader", "Slides", "Order", "Wash-out", "State", "Folder"}, rows: rows}}, nil)
}

// askAdjudicate asks between which readers, and then for the third.
func (w *Window) askAdjudicate() {
	w.withReaders(2, func(readers []string) {
		first, second := widget.NewSelect(readers, nil), widget.NewSelect(readers, nil)
		first.SetSelected(readers[0])
		second.SetSelected(readers[1])
		var d *dialog.CustomDialog
		wrong := newParagraph(textSmall, theme.ColorNameError, 2)
		wrong.least = 1
		next := widget.NewButton("Next", func() {
			if first.Selected == second.Selected {
				wrong.Set("Choose two different readers.")
				return
			}
			d.Hide()
			w.askAssign([]string{first.Selected, second.Selected})
		})
		next.Importance = widget.HighImportance
		body := container.NewBorder(nil, wrong, nil, nil, widget.NewForm(widget.NewFormItem("Between", first), widget.NewFormItem("and", second)))
		d = dialog.NewCustomWithoutButtons("Settle between two readers", body, w.win)
		d.SetButtons([]fyne.CanvasObject{widget.NewButton("Cancel", func() { d.Hide() }), next})
		w.shown(d, 460, d.MinSize().Height)
	})
}

// withReaders looks who made labels, which reads all slides, and goes on when
// they are enough.
func (w *Window) withReaders(least int, then func(readers []string)) {
	s := w.session
	w.edits.do(func() {
		readers, err := s.Readers()
		if err == nil && len(readers) < least {
			err = fmt.Errorf("labels of %s: %w", plural(len(readers), "reader"), app.ErrReaders)
		}
		w.post(func() {
			if err != nil {
				w.fail(err)
			} else if w.session == s {
				then(readers)
			}
		})
	})
}

// takeSide makes the selected labels of the two readers the adjudicator's own.
func (w *Window) takeSide() {
	ids := slices.Clone(w.viewer.Selection())
	var taken []annotate.ID
	w.write(func(s *app.Session) (err error) {
		taken, err = s.TakeSide(ids...)
		return err
	}, func(err error) {
		if err == nil {
			w.status.say("Taken over: " + plural(len(taken), "label"))
		}
	})
}

// consensus suggests what the readers say together on the open slide.
func (w *Window) consensus(method app.ConsensusMethod) {
	s, slide := w.session, w.open.Item.ID
	w.startJob("Consensus of readers", func(j *job) error {
		n, err := s.Consensus(j.ctx, slide, app.ConsensusOptions{Method: method})
		if err == nil {
			w.post(func() { w.status.say("Suggested by the readers together: " + plural(n, "area")) })
		}
		return err
	})
}

// askMerged asks for a project's folder and takes it over.
func (w *Window) askMerged(title string, take takes) {
	s := w.session
	w.chooseFile(fileChoice{title: title, purpose: "project", words: "Take over", project: true, then: func(path string) {
		w.startJob(title, func(j *job) error {
			m, err := take(s, j.ctx, path)
			if err != nil {
				return err
			}
			w.post(func() {
				if w.session == s {
					w.showMerged(title, m)
				}
			})
			return nil
		})
	}})
}

// takes is Collect or MergeProject.
type takes func(s *app.Session, ctx context.Context, dir string) (app.MergeReport, error)

// showMerged tells what was taken over, and shows conflicts, if there are any.
func (w *Window) showMerged(title string, m app.MergeReport) {
	words := fmt.Sprintf("%s added, %d the same, %d updated, %d removed", plural(m.Added, "label"), m.Same, m.Updated, m.Removed)
	w.status.say(words)
	w.relist()
	if len(m.Conflicts) == 0 {
		return
	}
	var rows [][]string
	for _, k := range m.Conflicts {
		other := "kept here"
		if !k.Other.IsZero() {
			other = k.Other.String()[24:]
		}
		rows = append(rows, []string{w.slideName(k.Slide.String()), k.Object.String()[24:], other, k.What})
	}
	head := words + ". " + plural(len(rows), "label") + " differ: what was here stays, and the other version lies beside it. Delete the one that is wrong."
	w.showPages(title, []page{{title: "Conflicts", head: head, columns: []string{"Slide", "Label", "Other version", "They differ in"}, rows: rows}}, nil)
}
