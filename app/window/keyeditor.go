package window

import (
	"encoding/json"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// prefKeys is where the keys that a person changed are remembered: a JSON object
// from a command's ID to its key.
const prefKeys = "keys"

// takeKeys gives the commands the keys that a person chose in an earlier run.
// What cannot be used is left aside: the program must start.
func (w *Window) takeKeys() {
	keys, err := app.ParseKeymap(w.app.Preferences().String(prefKeys))
	if err == nil && len(keys) > 0 {
		err = w.cmds.Remap(keys)
	}
	if err != nil {
		w.app.Preferences().SetString(prefKeys, "")
	}
}

// shortcutsAnew has the canvas listen to the keys of the table as it is now.
func (w *Window) shortcutsAnew() {
	c := w.win.Canvas()
	for _, s := range w.shortcuts {
		c.RemoveShortcut(s)
	}
	w.shortcuts = nil
	for _, cmd := range w.cmds.All() {
		for _, key := range []string{cmd.Key, cmd.AltKey} {
			if s := shortcutOf(key); s != nil && strings.HasPrefix(key, "Ctrl+") {
				c.AddShortcut(s, func(fyne.Shortcut) { w.run(cmd.ID) })
				w.shortcuts = append(w.shortcuts, s)
			}
		}
	}
}

// askKeys gives a command another key.
func (w *Window) askKeys() {
	var titles []string
	byTitle := map[string]app.Command{}
	for _, cmd := range w.cmds.All() {
		if !strings.HasPrefix(cmd.ID, "class.") || !cmd.Hidden {
			t := cmd.Menu + " · " + cmd.Title
			titles = append(titles, t)
			byTitle[t] = cmd
		}
	}
	key := newFormEntry("")
	choice := widget.NewSelect(titles, func(t string) { key.SetText(byTitle[t].Key) })
	choice.SetSelected(titles[0])
	w.form("Change a key", "Use it", []*widget.FormItem{
		widget.NewFormItem("Command", choice),
		{Text: "Key", Widget: key, HintText: "Such as B, Shift+K, Ctrl+Shift+U, F7 or >; empty for none. Another command loses it"},
	}, []*formEntry{key}, func() error {
		return w.changeKey(byTitle[choice.Selected].ID, strings.TrimSpace(key.Text))
	})
}

// changeKey gives a command a key now and in later runs.
func (w *Window) changeKey(id, key string) error {
	if len([]rune(key)) == 1 {
		key = strings.ToUpper(key)
	}
	if err := w.cmds.Remap(map[string]string{id: key}); err != nil {
		return err
	}
	keys, err := app.ParseKeymap(w.app.Preferences().String(prefKeys))
	if err != nil {
		keys = map[string]string{}
	}
	for other, k := range keys {
		if k == key {
			delete(keys, other)
		}
	}
	keys[id] = key
	text, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	w.app.Preferences().SetString(prefKeys, string(text))
	w.shortcutsAnew()
	clear(w.menuItems)
	w.win.SetMainMenu(w.menu())
	w.menuState()
	cmd, _ := w.cmds.Get(id)
	w.status.say(cmd.Title + " has the key " + keyWords(key) + " now; buttons show it after the next start.")
	return nil
}
