package window

import (
	"errors"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/app"
)

// problemBar tells what went wrong and what to do, under the toolbar. It is no
// dialog: the keyboard stays where it is and the work goes on.
type problemBar struct {
	w      *Window
	object *fyne.Container
	title  *text
	hint   *paragraph
	cause  string
	more   *button
	find   *button // offered when a slide's file is missing
	scale  *button // offered when a slide does not say its scale
	again  *button // offered when an edit waits to be saved
	repair *button // offered when a project is damaged
	folder string  // of that project
	take   *button // offered when the project can only be looked at where it lies
	send   *button // offered for a working copy
	fill   *fill
	wrong  *button // the mark of a problem
	told   *button // the mark of a notice
	notice bool    // what is shown is no problem: opening a slide does not take it away
}

func newProblemBar(w *Window) *problemBar {
	p := &problemBar{w: w, title: boldText("", textBody).fixed(60), hint: newParagraph(textSmall, theme.ColorNameForeground, 3)}
	p.wrong = newButton(nil, iconIn("warning", theme.ColorNameError), "", "", "", nil).sized(30, 30)
	p.told = newButton(nil, iconIn("info", theme.ColorNamePrimary), "", "", "", nil).sized(30, 30)
	p.more = newButton(w.tips, nil, "Details", "", "The cause in full", func() { w.openDetails(p.title.value, p.cause); w.focus() }).sized(64, 24)
	p.more.fill = colorChip
	p.find = newButton(w.tips, nil, "Find…", "", "Choose the folder in which the slides lie now", func() { w.run("file.relink") }).sized(56, 24)
	p.find.fill = colorChip
	p.scale = newButton(w.tips, nil, "Set…", "", "Say how many µm a pixel is", func() { w.run("edit.scale") }).sized(52, 24)
	p.scale.fill = colorChip
	p.again = newButton(w.tips, nil, "Save again", "", "Try once more to save the last edit", func() { w.run("keep.again"); w.focus() }).sized(84, 24)
	p.again.fill = colorChip
	p.repair = newButton(w.tips, nil, "Repair…", "", "Bring the project back from what is sound", func() { w.askRepair(p.folder) }).sized(70, 24)
	p.repair.fill = colorChip
	p.take = newButton(w.tips, nil, "Work on a copy", "", "Copy the project to this computer, where it can be changed, and open that", func() { w.run("keep.take") }).sized(118, 24)
	p.take.fill = colorChip
	p.send = newButton(w.tips, nil, "Send back", "", "Put the working copy in the place of the project it was taken from", func() { w.run("keep.send") }).sized(84, 24)
	p.send.fill = colorChip
	away := newButton(w.tips, icon("reject"), "", "", "Dismiss", func() { p.dismiss(); w.focus() }).sized(28, 24)
	buttons := container.NewCenter(hbox(4, p.take, p.send, p.repair, p.again, p.scale, p.find, p.more, away))
	body := padded(container.NewBorder(nil, nil, container.NewCenter(container.NewStack(p.wrong, p.told)), buttons, padded(vbox(1, p.title, p.hint), 0, 0, 6, 12)), 6, 6, 8, 8)
	p.fill = newFill(colorAlarm, 0)
	p.object = container.NewStack(p.fill, body)
	p.object.Hide()
	return p
}

// show tells a problem; it replaces the one before.
func (p *problemBar) show(problem app.Problem) {
	p.notice = false
	p.tell(problem)
}

// notify tells sentences that are no problem, the first of the first as the title.
func (p *problemBar) notify(sentences []string) {
	p.notice = true
	title, rest, more := strings.Cut(strings.Join(sentences, " "), ". ")
	if more {
		title += "."
	}
	p.tell(app.Problem{Title: title, Hint: rest})
}

func (p *problemBar) tell(problem app.Problem) {
	p.fill.SetColor(colorAlarm)
	if p.notice {
		p.fill.SetColor(colorNotice)
	}
	show(p.wrong, !p.notice)
	show(p.told, p.notice)
	show(p.take, p.notice && p.w.cmds.CanDo("keep.take"))
	show(p.send, p.notice && p.w.cmds.CanDo("keep.send"))
	show(p.hint, problem.Hint != "")
	p.title.Set(problem.Title)
	p.hint.Set(problem.Hint)
	p.cause = ""
	if cause := problem.Details(); cause != problem.Title {
		p.cause = cause
	}
	show(p.more, p.cause != "")
	lost := errors.Is(problem.Err, app.ErrSlideMissing) || errors.Is(problem.Err, app.ErrOtherSlide)
	show(p.find, lost && p.w.cmds.CanDo("file.relink"))
	show(p.scale, errors.Is(problem.Err, app.ErrNoScale) && p.w.cmds.CanDo("edit.scale"))
	dir, damaged := app.Damaged(problem.Err)
	if p.folder = dir; p.w.session != nil && app.DamagedInside(problem.Err, p.w.session) {
		p.folder, damaged = p.w.session.Dir(), true
	}
	show(p.repair, damaged)
	if damaged {
		p.hint.Set("Nothing was changed. Repair brings the project back from what is sound of it, its journal and its backups, keeps the damaged file, and says what was recovered. Check the disk afterwards.")
	}
	show(p.again, errors.Is(problem.Err, app.ErrUnsaved))
	p.object.Show()
	p.relayout()
}

// dismiss takes the bar away.
func (p *problemBar) dismiss() {
	if p.object.Visible() {
		p.object.Hide()
		p.relayout()
	}
}

// pass takes a problem away, and leaves a notice.
func (p *problemBar) pass() {
	if !p.notice {
		p.dismiss()
	}
}

// relayout gives the bar its height: a paragraph knows it only once it has its
// width, hence twice.
func (p *problemBar) relayout() {
	if p.w.root != nil {
		p.w.root.Refresh()
		p.w.root.Refresh()
	}
}
