package window

import (
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// listen makes the keyboard reach the table of commands, whether the viewer has
// the focus or nothing has.
func (w *Window) listen() {
	c := w.win.Canvas()
	c.SetOnTypedKey(func(e *fyne.KeyEvent) {
		if c.Overlays().Top() != nil { // a dialog is above the slide
			w.typedKey(e)
			return
		}
		w.viewer.TypedKey(e)
	})
	c.SetOnTypedRune(func(r rune) {
		if c.Overlays().Top() == nil {
			w.viewer.TypedRune(r)
		}
	})
	w.shortcutsAnew()
}

// typedKey takes the keys that have a name. Characters come as runes too, which
// follow the keyboard's layout, so they are left to typedRune.
func (w *Window) typedKey(e *fyne.KeyEvent) bool {
	if e.Name == fyne.KeyEscape && w.dialog != nil {
		w.dialog.Hide()
		return true
	}
	name := string(e.Name)
	if len([]rune(name)) <= 1 || e.Name == fyne.KeySpace {
		return false
	}
	switch e.Name { // numeric pads and the main keys mean the same
	case fyne.KeyEnter:
		name = string(fyne.KeyReturn)
	}
	if keyModifiers()&fyne.KeyModifierShift != 0 {
		name = "Shift+" + name
	}
	cmd, ok := w.cmds.ByKey(name)
	if ok {
		w.run(cmd.ID)
	}
	return ok
}

// typedRune takes characters. A capital means Shift unless the caps lock made
// it, which only a desktop driver can tell.
func (w *Window) typedRune(r rune) bool {
	key := string(unicode.ToUpper(r))
	shift := unicode.IsUpper(r)
	if d, ok := fyne.CurrentApp().Driver().(desktop.Driver); ok {
		shift = d.CurrentKeyModifiers()&fyne.KeyModifierShift != 0
	}
	cmd, ok := w.cmds.ByKey(key)
	if shift && unicode.IsLetter(r) {
		if shifted, has := w.cmds.ByKey("Shift+" + key); has {
			cmd, ok = shifted, true
		}
	}
	if ok {
		w.run(cmd.ID)
	}
	return ok
}

// keyWords is a key of the table as people read it on a keyboard.
func keyWords(key string) string {
	return strings.NewReplacer("Delete", "Del", "BackSpace", "Backspace", "Escape", "Esc",
		"Next", "Page Down", "Prior", "Page Up", "-", "–").Replace(key)
}
