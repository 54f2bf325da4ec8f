package window

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/viewer"
)

// toolbar is the row of buttons under the menu.
type toolbar struct {
	w       *Window
	object  fyne.CanvasObject
	buttons map[string]*button // by the id of the command
	tools   map[viewer.Tool]*button
	strong  *strengths
	strip   fyne.CanvasObject // the tools, beside the slide
}

func newToolbar(w *Window) *toolbar {
	t := &toolbar{w: w, buttons: map[string]*button{}, tools: map[viewer.Tool]*button{}}
	t.strong = newStrengths(w)
	left := hbox(2,
		t.command("file.open", "open", "", ""), t.command("edit.undo", "undo", "", ""), t.command("edit.redo", "redo", "", ""), divider(),
		t.command("view.overlay", "eye", "", ""), t.strong.object, divider(),
		t.command("view.theme", "theme", "", ""))
	suggest := t.command("suggest.run", "suggest", "Suggest", "learns from the labels of this slide and proposes others").filled()
	export := t.command("file.exportDataset", "export", "Export", "").filled()
	right := hbox(5, suggest, export)
	find := newFindField(w)
	t.strip = newToolStrip(t)
	t.object = onPanel(padded(container.NewBorder(nil, nil, left, right, padded(find, 1, 1, 14, 14)), 3, 3, 6, 6))
	return t
}

// command makes the button of a command, with its key in small print and its
// title as the tip. Keys that do not fit a corner stand in the tip alone.
func (t *toolbar) command(id, iconName, words, more string) *button {
	cmd, ok := t.w.cmds.Get(id)
	if !ok {
		return newButton(t.w.tips, nil, id, "", "", nil)
	}
	tip := cmd.Title
	if cmd.Key != "" {
		tip = fmt.Sprintf("%s  (%s)", tip, keyWords(cmd.Key))
	}
	if more != "" {
		tip += " – " + more
	}
	key := cmd.Key
	if len(key) > 3 {
		key = ""
	}
	b := newButton(t.w.tips, icon(iconName), words, key, tip, func() {
		t.w.run(id)
		t.w.focus()
	})
	t.buttons[id] = b
	return b
}

// update shows which buttons make sense and which tool is in hand.
func (t *toolbar) update() {
	for id, b := range t.buttons {
		b.SetEnabled(t.w.cmds.CanDo(id))
	}
	for k, b := range t.tools {
		b.SetActive(t.w.open != nil && t.w.viewer.Tool() == k)
	}
	name := "eye"
	if !t.w.overlay {
		name = "eye-off"
	}
	if b := t.buttons["view.overlay"]; b != nil {
		if s, ok := b.icon.(*strokeIcon); !ok || s.name != name {
			b.SetIcon(icon(name))
		}
		b.SetActive(t.w.open != nil && !t.w.overlay)
	}
}

func divider() fyne.CanvasObject {
	return padded(newFill(theme.ColorNameInputBorder, 0), 5, 5, 5, 5)
}

// newFindField is what looks like a search entry and opens the command palette;
// a true entry here would take the keyboard away from the slide.
func newFindField(w *Window) fyne.CanvasObject {
	b := newButton(w.tips, iconIn("search", colorQuiet), "Find a command or slide", "Ctrl+K", "", func() { w.run("help.palette") })
	b.fill, b.ink = theme.ColorNameInputBackground, colorQuiet
	b.leading = true
	return b.sized(120, 26)
}
