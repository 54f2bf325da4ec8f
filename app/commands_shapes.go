package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MenuShapes is the menu of what is done to annotations that are chosen.
const MenuShapes = "Annotations"

// drawCommands are the tools that draw, measure and choose.
func drawCommands() []Command {
	return []Command{
		{ID: "tool.lasso", Title: "Lasso: choose inside an outline", Menu: MenuTools, Key: "Q"},
		{ID: "tool.point", Title: "Point", Menu: MenuTools, Key: "D"},
		{ID: "tool.points", Title: "Points", Menu: MenuTools, Key: "Shift+D"},
		{ID: "tool.line", Title: "Line", Menu: MenuTools, Key: "L"},
		{ID: "tool.polyline", Title: "Polyline", Menu: MenuTools, Key: "Shift+L"},
		{ID: "tool.arrow", Title: "Arrow", Menu: MenuTools, Key: "J"},
		{ID: "tool.rectangle", Title: "Rectangle", Menu: MenuTools, Key: "R"},
		{ID: "tool.turned", Title: "Turned rectangle", Menu: MenuTools, Key: "Shift+R"},
		{ID: "tool.ellipse", Title: "Ellipse", Menu: MenuTools, Key: "O"},
		{ID: "tool.polygon", Title: "Polygon", Menu: MenuTools, Key: "P"},
		{ID: "tool.spline", Title: "Spline", Menu: MenuTools, Key: "Shift+P"},
		{ID: "tool.brush", Title: "Brush", Menu: MenuTools, Key: "B"},
		{ID: "tool.eraser", Title: "Eraser", Menu: MenuTools, Key: "E"},
		{ID: "tool.wand", Title: "Magic wand", Menu: MenuTools, Key: "W", Also: "flood fill magic"},
		{ID: "tool.superpixel", Title: "Superpixel", Menu: MenuTools, Key: "Shift+W"},
		{ID: "tool.prompt", Title: "Point and outline", Menu: MenuTools, Key: "I"},
		{ID: "tool.scissors", Title: "Scissors", Menu: MenuTools, Key: "C", Also: "split cut"},
		{ID: "tool.ruler", Title: "Ruler", Menu: MenuTools, Key: "M"},
		{ID: "tool.angle", Title: "Angle", Menu: MenuTools, Key: "U"},
		{ID: "option.larger", Title: "Larger brush", Menu: MenuTools, Key: ">"},
		{ID: "option.smaller", Title: "Smaller brush", Menu: MenuTools, Key: "<"},
		{ID: "option.holes", Title: "Paint fills holes", Menu: MenuTools, Key: "Shift+B"},
		{ID: "option.texture", Title: "Wand sees texture", Menu: MenuTools, Key: "T"},
		{ID: "option.snap", Title: "Snap to corners and edges", Menu: MenuTools, Key: "S"},
		{ID: "option.pointer", Title: "Pointer by arrow keys", Menu: MenuTools, Key: "F2"},
	}
}

// shapeCommands are the lines of the menu of annotations.
func shapeCommands() []Command {
	return []Command{
		{ID: "shape.properties", Title: "Properties…", Menu: MenuShapes, Key: "F4"},
		{ID: "shape.measures", Title: "Measures and hot-spot…", Menu: MenuShapes, Key: "Shift+I"},
		{ID: "shape.table", Title: "Table of measures", Menu: MenuShapes, Key: "Shift+T"},
		{ID: "view.tree", Title: "Annotations as a tree", Menu: MenuShapes, Key: "Shift+Y"},
		{ID: "shape.lock", Title: "Lock or unlock", Menu: MenuShapes, Key: "K"},

		{ID: "clip.copy", Title: "Copy", Menu: MenuShapes, Key: "Ctrl+C"},
		{ID: "clip.cut", Title: "Cut", Menu: MenuShapes, Key: "Ctrl+X"},
		{ID: "clip.paste", Title: "Paste", Menu: MenuShapes, Key: "Ctrl+V"},
		{ID: "clip.duplicate", Title: "Duplicate", Menu: MenuShapes, Key: "Ctrl+Shift+D"},

		{ID: "choose.all", Title: "Select all", Menu: MenuShapes, Key: "Ctrl+A"},
		{ID: "choose.class", Title: "Select all of the class", Menu: MenuShapes, Key: "Ctrl+Shift+A"},
		{ID: "choose.filter", Title: "Select by filter…", Menu: MenuShapes, Key: "Ctrl+Shift+F"},
		{ID: "choose.invert", Title: "Invert selection", Menu: MenuShapes},

		{ID: "area.union", Title: "Merge (union)", Menu: MenuShapes, Key: "Ctrl+U"},
		{ID: "area.subtract", Title: "Subtract others from the first", Menu: MenuShapes},
		{ID: "area.intersect", Title: "Intersect", Menu: MenuShapes},
		{ID: "area.xor", Title: "Exclusive or", Menu: MenuShapes},
		{ID: "area.exclude", Title: "Exclude others (cut out neighbours)", Menu: MenuShapes, Key: "Ctrl+Shift+U"},
		{ID: "area.apart", Title: "Take apart", Menu: MenuShapes},

		{ID: "form.fill", Title: "Fill holes", Menu: MenuShapes},
		{ID: "form.smooth", Title: "Smooth", Menu: MenuShapes},
		{ID: "form.simplify", Title: "Simplify", Menu: MenuShapes},
		{ID: "form.grow", Title: "Grow or shrink by µm…", Menu: MenuShapes},
		{ID: "form.hull", Title: "Convex hull", Menu: MenuShapes},

		{ID: "turn.transform", Title: "Move, turn, scale…", Menu: MenuShapes},
		{ID: "turn.right", Title: "Turn right by 90°", Menu: MenuShapes},
		{ID: "turn.left", Title: "Turn left by 90°", Menu: MenuShapes},
		{ID: "turn.mirror", Title: "Mirror left for right", Menu: MenuShapes},
		{ID: "turn.flip", Title: "Mirror upside down", Menu: MenuShapes},

		{ID: "class.edit", Title: "Classes…", Menu: MenuShapes, Key: "Ctrl+Shift+C"},
		{ID: "class.presets", Title: "Add a preset of classes…", Menu: MenuShapes},
		{ID: "class.import", Title: "Import classes…", Menu: MenuShapes},
		{ID: "class.export", Title: "Export classes…", Menu: MenuShapes},
	}
}

// ErrKeymap: a file or text of keys that cannot be used.
var ErrKeymap = errors.New("these keys cannot be used")

// Remap gives commands other keys: the map is from the command's ID to its key, ""
// for none. A key goes away from the command that had it, unless the map names
// that too. Unknown commands and keys that are no keys are errors, and then nothing
// changes.
func (c *Commands) Remap(keys map[string]string) error {
	list := slices.Clone(c.list)
	taken := map[string]string{}
	for id, key := range keys {
		if _, ok := c.byID[id]; !ok {
			return fmt.Errorf("no command %q: %w", id, ErrKeymap)
		}
		if key == "" {
			continue
		}
		if !keyWellFormed(key) {
			return fmt.Errorf("%q is no key: %w", key, ErrKeymap)
		}
		if other := taken[key]; other != "" {
			return fmt.Errorf("%q stands for both %s and %s: %w", key, other, id, ErrKeymap)
		}
		taken[key] = id
	}
	for i := range list {
		if key, ok := keys[list[i].ID]; ok {
			list[i].Key, list[i].AltKey = key, ""
			continue
		}
		if taken[list[i].Key] != "" {
			list[i].Key = ""
		}
		if taken[list[i].AltKey] != "" {
			list[i].AltKey = ""
		}
	}
	c.list = list
	c.byKey = map[string]int{}
	for i, cmd := range list {
		for _, k := range []string{cmd.Key, cmd.AltKey} {
			if k != "" {
				c.byKey[k] = i
			}
		}
	}
	return nil
}

// keyWellFormed tells whether text is a key as the table has them: a character, or
// modifiers and a name.
func keyWellFormed(key string) bool {
	parts := strings.Split(key, "+")
	if strings.HasSuffix(key, "+") {
		parts = append(strings.Split(strings.TrimSuffix(key, "+"), "+"), "+")
		if key == "+" {
			parts = []string{"+"}
		}
	}
	for _, m := range parts[:len(parts)-1] {
		if m != "Ctrl" && m != "Shift" && m != "Alt" {
			return false
		}
	}
	last := parts[len(parts)-1]
	return last != "" && last == strings.TrimSpace(last) && (len([]rune(last)) == 1 && last == strings.ToUpper(last) || len(last) > 1 && last[0] >= 'A' && last[0] <= 'Z')
}

// ParseKeymap reads changed keys: a JSON object from a command's ID to its key, such as
// {"tool.brush": "Shift+K"}.
func ParseKeymap(text string) (map[string]string, error) {
	keys := map[string]string{}
	if strings.TrimSpace(text) == "" {
		return keys, nil
	}
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeymap, err)
	}
	return keys, nil
}
