package app

import (
	"slices"
	"strings"
	"testing"
)

func TestNewCommands_NoDuplicates(t *testing.T) {
	ids, keys := map[string]bool{}, map[string]string{}
	for _, cmd := range NewCommands().All() {
		if ids[cmd.ID] {
			t.Errorf("id %s twice", cmd.ID)
		}
		ids[cmd.ID] = true
		if cmd.Title == "" || cmd.Menu == "" {
			t.Errorf("%s: no title or no menu", cmd.ID)
		}
		for _, k := range []string{cmd.Key, cmd.AltKey} {
			if k == "" {
				continue
			}
			if other, ok := keys[k]; ok {
				t.Errorf("key %s means %s and %s", k, other, cmd.ID)
			}
			keys[k] = cmd.ID
		}
	}
}

func TestNewCommands_KeysAreWellFormed(t *testing.T) {
	named := []string{"Delete", "BackSpace", "Escape", "Tab", "Next", "Prior", "Up", "Down", "Left", "Right", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12"}
	for _, cmd := range NewCommands().All() {
		for _, k := range []string{cmd.Key, cmd.AltKey} {
			for k != "" {
				mod, rest, ok := strings.Cut(k, "+")
				if !ok || mod == "" { // "+" itself
					break
				}
				if !slices.Contains([]string{"Ctrl", "Shift"}, mod) {
					t.Errorf("%s: %q is no modifier (Alt opens the menu)", cmd.ID, mod)
				}
				k = rest
			}
			if len([]rune(k)) > 1 && !slices.Contains(named, k) {
				t.Errorf("%s: unknown key name %q", cmd.ID, k)
			}
			if len(k) == 1 && k != strings.ToUpper(k) {
				t.Errorf("%s: key %q must be a capital", cmd.ID, k)
			}
		}
	}
}

func TestCommands_BindAndDo(t *testing.T) {
	c := NewCommands()
	if c.Do("edit.undo") {
		t.Error("an unbound command ran")
	}
	n, can := 0, false
	if err := c.Bind("edit.undo", func() { n++ }, func() bool { return can }); err != nil {
		t.Fatal(err)
	}
	if c.Do("edit.undo") || n != 0 {
		t.Error("a disabled command ran")
	}
	can = true
	if !c.Do("edit.undo") || n != 1 {
		t.Error("an enabled command did not run")
	}
	for _, bad := range []string{"edit.undo", "no.such"} {
		if c.Bind(bad, func() {}, nil) == nil {
			t.Errorf("binding %q must fail", bad)
		}
	}
	if c.Bind("edit.redo", nil, nil) == nil {
		t.Error("binding nothing must fail")
	}
	if u := c.Unbound(); len(u) != len(c.All())-1 || slices.Contains(u, "edit.undo") {
		t.Errorf("unbound: %v", u)
	}
}

func TestCommands_ByKey(t *testing.T) {
	c := NewCommands()
	for key, id := range map[string]string{"h": "tool.pan", "H": "tool.pan", "Shift+A": "suggest.acceptAbove", "a": "suggest.accept",
		"Ctrl+Shift+Z": "edit.redo", "+": "view.zoomIn", "=": "view.zoomIn", "7": "class.7", "F8": "view.left"} {
		if cmd, ok := c.ByKey(key); !ok || cmd.ID != id {
			t.Errorf("key %s gives %q, want %s", key, cmd.ID, id)
		}
	}
	if _, ok := c.ByKey("Ctrl+F12"); ok {
		t.Error("an unused key gave a command")
	}
}

func TestCommands_Match(t *testing.T) {
	c := NewCommands()
	if got := c.Match("exp geo"); len(got) != 1 || got[0].ID != "file.exportGeoJSON" {
		t.Errorf("match: %v", got)
	}
	if got := c.Match("sugg"); len(got) == 0 || got[0].ID != "suggest.run" {
		t.Errorf("titles that begin with the query come first: %v", got)
	}
	if got := c.Match(" "); len(got) != len(c.All()) {
		t.Errorf("an empty query lists %d", len(got))
	}
	if got := c.Match("zzz"); len(got) != 0 {
		t.Errorf("nonsense matches %v", got)
	}
}

// People look for what they know from other programs.
func TestCommands_Match_OtherWords(t *testing.T) {
	c := NewCommands()
	for query, id := range map[string]string{"trash": "keep.trash", "undelete": "keep.trash", "geojson": "file.exportGeoJSON", "Password": "keep.passphrase", "shortcuts": "help.keys"} {
		if found := c.Match(query); !slices.ContainsFunc(found, func(cmd Command) bool { return cmd.ID == id }) {
			t.Errorf("%q does not find %s", query, id)
		}
	}
	for _, cmd := range c.All() {
		if cmd.Also != strings.ToLower(cmd.Also) {
			t.Errorf("%s: %q can never be found", cmd.ID, cmd.Also)
		}
	}
}
