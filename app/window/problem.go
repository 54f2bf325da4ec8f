package window

import (
	"errors"

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
}

func newProblemBar(w *Window) *problemBar {
	p := &problemBar{w: w, title: boldText("", textBody).fixed(60), hint: newParagraph(textSmall, theme.ColorNameForeground, 3)}
	mark := newButton(nil, iconIn("warning", theme.ColorNameError), "", "", "", nil).sized(30, 30)
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
	away := newButton(w.tips, icon("reject"), "", "", "Dismiss", func() { p.dismiss(); w.focus() }).sized(28, 24)
	buttons := container.NewCenter(hbox(4, p.repair, p.again, p.scale, p.find, p.more, away))
	body := padded(container.NewBorder(nil, nil, container.NewCenter(mark), buttons, padded(vbox(1, p.title, p.hint), 0, 0, 6, 12)), 6, 6, 8, 8)
	p.object = container.NewStack(newFill(colorAlarm, 0), body)
	p.object.Hide()
	return p
}

// show tells a problem; it replaces the one before.
func (p *problemBar) show(problem app.Problem) {
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

// relayout gives the bar its height: a paragraph knows it only once it has its
// width, hence twice.
func (p *problemBar) relayout() {
	if p.w.root != nil {
		p.w.root.Refresh()
		p.w.root.Refresh()
	}
}
