package window

import (
	"errors"
	"runtime"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"coverslip/viewer"
)

// bind says what every command of the table does here.
func (w *Window) bind() error {
	var failed error
	on := func(id string, run func(), enabled func() bool) {
		failed = errors.Join(failed, w.cmds.Bind(id, run, enabled))
	}
	project := func() bool { return w.session != nil }
	slide := func() bool { return w.open != nil }
	writable := func() bool { return w.session != nil && !w.session.ReadOnly() }
	edit := func() bool { return writable() && slide() }
	selected := func() bool { return slide() && len(w.viewer.Selection()) > 0 }
	waiting := func() bool { return edit() && w.queue.waiting() > 0 }

	on("file.open", w.askSlide, nil)
	on("file.openProject", w.askProject, nil)
	on("file.newProject", w.askNewProject, nil)
	on("file.addSlide", w.askAdd, writable)
	on("file.address", w.askAddress, nil)
	on("file.network", w.toggleNetwork, nil)
	on("file.untrusted", w.toggleUntrusted, nil)
	on("file.exportDataset", w.askDataset, project)
	on("file.exportGeoJSON", w.askExport, slide)
	on("file.report", w.askReport, project)
	on("file.close", w.closeProject, project)
	on("file.quit", w.quit, nil)

	on("edit.undo", w.undo, writable)
	on("edit.redo", w.redo, writable)
	on("edit.delete", w.deleteSelection, func() bool { return edit() && selected() })
	on("edit.deselect", w.escape, func() bool { return selected() || w.problem.object.Visible() })
	on("edit.scale", w.askScale, edit)

	on("view.fit", func() { w.viewer.Fit() }, slide)
	on("view.zoomIn", func() { w.zoom(zoomStep) }, slide)
	on("view.zoomOut", func() { w.zoom(1 / zoomStep) }, slide)
	on("view.selection", w.flyToSelection, selected)
	on("view.overlay", w.toggleOverlay, slide)
	on("view.colour", w.toggleColour, nil)
	on("view.nextSlide", func() { w.step(1) }, project)
	on("view.prevSlide", func() { w.step(-1) }, project)
	w.bindPlanes(on)
	w.bindPanes(on)
	w.bindModels(on)
	on("view.left", func() { w.dock.Toggle(true, false) }, project)
	on("view.right", func() { w.dock.Toggle(false, true) }, project)
	on("view.fullScreen", func() { w.win.SetFullScreen(!w.win.FullScreen()) }, nil)

	on("tool.pan", func() { w.setTool(viewer.ToolPan) }, slide)
	on("tool.select", func() { w.setTool(viewer.ToolSelect) }, slide)

	on("suggest.run", w.suggest, func() bool { return edit() && !w.session.JobStatus().Running })
	on("suggest.accept", func() { w.queue.decide(true) }, waiting)
	on("suggest.reject", func() { w.queue.decide(false) }, waiting)
	on("suggest.skip", func() { w.queue.skip() }, waiting)
	w.bindJobs(on, project, waiting)

	on("help.palette", w.openPalette, nil)
	on("help.keys", w.openKeys, nil)
	on("help.about", w.openAbout, nil)
	for _, more := range []func(func(string, func(), func() bool)){w.bindMoves, w.bindDrawing, w.bindKeeping, w.bindText, w.bindWhy, w.bindMade, w.bindDense, w.bindStudy, w.bindReview} {
		more(on)
	}
	return failed
}

// zoomStep is one key press of + or −.
const zoomStep = 1.5

// run does a command from a key, a menu or a button. While a text is typed into
// an entry the keys of text editing belong to it; under a dialog no command
// runs at all.
func (w *Window) run(id string) {
	w.tips.hide()
	w.stills.wake()
	focused := w.win.Canvas().Focused()
	if entry, ok := focused.(fyne.Shortcutable); ok && isEntry(focused) {
		switch id {
		case "edit.undo":
			entry.TypedShortcut(&fyne.ShortcutUndo{})
			return
		case "edit.redo":
			entry.TypedShortcut(&fyne.ShortcutRedo{})
			return
		case "choose.all":
			entry.TypedShortcut(&fyne.ShortcutSelectAll{})
			return
		case "clip.copy":
			entry.TypedShortcut(&fyne.ShortcutCopy{Clipboard: w.app.Clipboard()})
			return
		case "clip.cut":
			entry.TypedShortcut(&fyne.ShortcutCut{Clipboard: w.app.Clipboard()})
			return
		case "clip.paste":
			entry.TypedShortcut(&fyne.ShortcutPaste{Clipboard: w.app.Clipboard()})
			return
		}
	}
	if w.win.Canvas().Overlays().Top() != nil && !strings.HasPrefix(id, "help.") && id != "file.quit" {
		return
	}
	w.cmds.Do(id)
	w.toolbar.update()
	w.menuState()
}

// isEntry tells whether text is typed into the object.
func isEntry(o fyne.Focusable) bool {
	switch o.(type) {
	case *widget.Entry, *widget.SelectEntry, *paletteEntry, *formEntry, *fileFilter:
		return true
	}
	return false
}

// menu makes the menu bar of the table of commands.
func (w *Window) menu() *fyne.MainMenu {
	var menus []*fyne.Menu
	for _, name := range w.cmds.Menus() {
		menu := fyne.NewMenu(name)
		group := ""
		for _, cmd := range w.cmds.All() {
			if cmd.Menu != name || cmd.Hidden {
				continue
			}
			if g := menuGroup(cmd.ID); g != group {
				if group != "" {
					menu.Items = append(menu.Items, fyne.NewMenuItemSeparator())
				}
				group = g
			}
			item := fyne.NewMenuItem(cmd.Title, func() { w.run(cmd.ID) })
			item.Shortcut = shortcutOf(cmd.Key)
			item.IsQuit = cmd.ID == "file.quit"
			w.menuItems[cmd.ID] = item
			menu.Items = append(menu.Items, item)
		}
		// Fyne adds a Quit of its own to a first menu that does not end with one.
		slices.SortStableFunc(menu.Items, func(a, b *fyne.MenuItem) int { return last(a) - last(b) })
		menus = append(menus, menu)
	}
	return fyne.NewMainMenu(menus...)
}

func last(item *fyne.MenuItem) int {
	if item.IsQuit {
		return 1
	}
	return 0
}

// menuGroup tells which commands stand together between two lines of a menu.
func menuGroup(id string) string {
	switch id {
	case "file.exportDataset", "file.exportGeoJSON", "file.importGeoJSON", "file.report":
		return "export"
	case "file.close", "file.quit":
		return "end"
	case "edit.undo", "edit.redo":
		return "undo"
	case "help.palette", "help.keys", "help.editKeys":
		return "find"
	case "edit.scale", "edit.author":
		return "author"
	case "view.nextFocus", "view.prevFocus", "view.nextTime", "view.prevTime":
		return "planes"
	case "view.nextSlide", "view.prevSlide":
		return "slides"
	case "view.turnRight", "view.turnLeft", "view.tiltRight", "view.tiltLeft", "view.straight", "view.mirror":
		return "turn"
	case "view.goTo", "view.nextField", "view.prevField", "view.addBookmark", "view.bookmarks", "view.forgetSeen":
		return "places"
	case "view.beside", "view.twice", "view.addPane", "view.closePane", "view.nextPane", "view.link", "view.register", "view.forgetRegistration":
		return "panes"
	case "view.left", "view.right", "view.theme", "view.fullScreen":
		return "window"
	case "tool.pan", "tool.select":
		return "look"
	case "tool.lasso":
		return "look"
	case "shape.properties", "shape.measures", "shape.table", "view.tree", "shape.lock":
		return "shape"
	case "class.edit", "class.presets", "class.import", "class.export":
		return "classes"
	case "study.assign", "study.collect", "study.merge", "study.readings":
		return "readings"
	case "study.agree", "study.adjudicate", "study.take", "study.vote", "study.staple":
		return "agreement"
	case "suggest.run", "job.cancel", "help.about":
		return id
	}
	return strings.SplitN(id, ".", 2)[0]
}

// menuState greys the lines of the menu that make no sense now.
func (w *Window) menuState() {
	changed := false
	for id, on := range map[string]bool{"file.untrusted": w.opts.Session.Untrusted, "file.network": w.opts.Session.Network, "view.colour": !w.opts.Session.RawColour, "view.grid": w.viewer.Grid(),
		"view.wheelPans": w.viewer.WheelPans(), "view.crisp": w.viewer.Crisp(), "view.tree": w.labels.tree.on, "shape.table": w.sheet.shown,
		"view.adjust": w.adjust.on, "view.glass": w.glass.on, "view.loupe": w.viewer.Loupe(),
		"option.holes": w.viewer.FillHoles(), "option.texture": w.viewer.Texture(), "option.snap": w.viewer.Snapping(), "option.pointer": w.viewer.KeyPointer()} {
		if item := w.menuItems[id]; item != nil && item.Checked != on {
			item.Checked, changed = on, true
		}
	}
	for id, item := range w.menuItems {
		if off := !w.cmds.CanDo(id); item.Disabled != off {
			item.Disabled, changed = off, true
		}
	}
	if m := w.win.MainMenu(); m != nil && changed {
		m.Refresh()
	}
}

// shortcutOf is a key of the table in Fyne's terms. Fyne acts only on those with
// Ctrl; the others are there to be read in the menu, except on macOS, whose own
// menu bar would take single letters away from text entries.
func shortcutOf(key string) fyne.Shortcut {
	switch key {
	case "":
		return nil
	case "Ctrl+Z": // the driver turns these two into shortcuts of their own
		return &fyne.ShortcutUndo{}
	case "Ctrl+Y":
		return &fyne.ShortcutRedo{}
	case "Ctrl+C":
		return &fyne.ShortcutCopy{}
	case "Ctrl+X":
		return &fyne.ShortcutCut{}
	case "Ctrl+V":
		return &fyne.ShortcutPaste{}
	case "Ctrl+A":
		return &fyne.ShortcutSelectAll{}
	}
	var mod fyne.KeyModifier
	for {
		name, rest, ok := strings.Cut(key, "+")
		if !ok || name == "" {
			break
		}
		switch name {
		case "Ctrl":
			mod |= fyne.KeyModifierShortcutDefault
		case "Shift":
			mod |= fyne.KeyModifierShift
		}
		key = rest
	}
	if mod&fyne.KeyModifierShortcutDefault == 0 && runtime.GOOS == "darwin" {
		return nil
	}
	return &desktop.CustomShortcut{KeyName: fyne.KeyName(key), Modifier: mod}
}
