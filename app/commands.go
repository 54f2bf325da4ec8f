package app

import (
	"fmt"
	"slices"
	"strings"
)

// Command is one thing a person can ask of the program: the same value stands
// behind its line in the menu, its button, its key and its line in the command
// palette.
type Command struct {
	ID      string      // stable name: "edit.undo"
	Title   string      // what it does, in the words of the menu: "Undo"
	Menu    string      // the menu it is listed in; never empty
	Key     string      // "Ctrl+Shift+E", "F8", "H", "Delete"; "" for none
	AltKey  string      // a second key for the same, "" for none
	Also    string      // other words that people look for it by, lower case
	Hidden  bool        // not a line of the menu (one of many alike, or a mere view step)
	Enabled func() bool // whether it makes sense now; nil: always. Called on the goroutine that calls Do
	Run     func()      // does it; nil until bound. Called on the goroutine that calls Do
}

// Commands is the table of every command. It is built once, bound once, and
// then only read, so it needs no lock.
type Commands struct {
	list  []Command
	byID  map[string]int
	byKey map[string]int
}

// The menus in the order of the menu bar.
const (
	MenuFile    = "File"
	MenuEdit    = "Edit"
	MenuView    = "View"
	MenuTools   = "Tools"
	MenuSuggest = "Suggestions"
	MenuStudy   = "Study"
	MenuHelp    = "Help"
)

// NewCommands makes the table with nothing bound to it yet. Keys of one
// character are typed characters (so they follow the keyboard's layout), the
// others are names of keys.
func NewCommands() *Commands {
	table := slices.Concat(fileCommands(), editCommands(), keepingCommands(), endCommands(), viewCommands(), toolCommands(), drawCommands(), shapeCommands(),
		suggestCommands(), studyCommands(), reviewCommands(), helpCommands(), windowCommands(), manyAlike())
	c := &Commands{list: table, byID: map[string]int{}, byKey: map[string]int{}}
	for i, cmd := range table {
		c.byID[cmd.ID] = i
		for _, k := range []string{cmd.Key, cmd.AltKey} {
			if k != "" {
				c.byKey[k] = i
			}
		}
	}
	return c
}

// fileCommands are the lines of one menu, in its order.
func fileCommands() []Command {
	return []Command{
		{ID: "file.open", Title: "Open slide…", Menu: MenuFile, Key: "Ctrl+O"},
		{ID: "file.openProject", Title: "Open project…", Menu: MenuFile, Key: "Ctrl+Shift+O"},
		{ID: "file.newProject", Title: "New project…", Menu: MenuFile, Key: "Ctrl+N"},
		{ID: "file.addSlide", Title: "Add slide to project…", Menu: MenuFile, Key: "Ctrl+D"},
		{ID: "file.relink", Title: "Find missing slides…", Menu: MenuFile},
		{ID: "file.address", Title: "Open a web address…", Menu: MenuFile},
		{ID: "file.network", Title: "Slides from web addresses", Menu: MenuFile},
		{ID: "file.untrusted", Title: "Memory-safe decoders only", Menu: MenuFile},
		{ID: "file.exportDataset", Title: "Export dataset…", Menu: MenuFile, Key: "Ctrl+E", Also: "patches tiles machine learning coco yolo"},
		{ID: "file.exportGeoJSON", Title: "Export annotations (GeoJSON, XML, COCO …)…", Menu: MenuFile, Key: "Ctrl+Shift+E", Also: "geojson xml coco asap imagescope dicom save"},
		{ID: "file.report", Title: "Write a report…", Menu: MenuFile, Also: "html print"},
	}
}

// endCommands are the last lines of the first menu.
func endCommands() []Command {
	return []Command{
		{ID: "file.close", Title: "Close project", Menu: MenuFile, Key: "Ctrl+W"},
		{ID: "file.quit", Title: "Quit", Menu: MenuFile, Key: "Ctrl+Q"},
	}
}

// editCommands are the lines of one menu, in its order.
func editCommands() []Command {
	return []Command{
		{ID: "edit.undo", Title: "Undo", Menu: MenuEdit, Key: "Ctrl+Z", Also: "revert back"},
		{ID: "edit.redo", Title: "Redo", Menu: MenuEdit, Key: "Ctrl+Y", AltKey: "Ctrl+Shift+Z"},
		{ID: "edit.delete", Title: "Delete selection", Menu: MenuEdit, Key: "Delete", AltKey: "BackSpace"},
		{ID: "edit.deselect", Title: "Select nothing", Menu: MenuEdit, Key: "Escape"},
		{ID: "edit.scale", Title: "Set µm per pixel…", Menu: MenuEdit},
		{ID: "edit.author", Title: "Author…", Menu: MenuEdit},
	}
}

// viewCommands are the lines of one menu, in its order.
func viewCommands() []Command {
	return []Command{
		{ID: "view.fit", Title: "Fit slide", Menu: MenuView, Key: "0"},
		{ID: "view.zoomIn", Title: "Zoom in", Menu: MenuView, Key: "+", AltKey: "="},
		{ID: "view.zoomOut", Title: "Zoom out", Menu: MenuView, Key: "-"},
		{ID: "view.selection", Title: "Go to selection", Menu: MenuView, Key: "F"},
		{ID: "view.goTo", Title: "Go to a position…", Menu: MenuView, Key: "Ctrl+G"},
		{ID: "view.nextField", Title: "Next field not seen yet", Menu: MenuView, Key: "N"},
		{ID: "view.prevField", Title: "Field before", Menu: MenuView, Key: "Shift+N"},
		{ID: "view.addBookmark", Title: "Bookmark this place…", Menu: MenuView, Key: "Ctrl+B"},
		{ID: "view.bookmarks", Title: "Bookmarks…", Menu: MenuView, Key: "Ctrl+Shift+B"},
		{ID: "view.forgetSeen", Title: "Forget what was seen", Menu: MenuView},
		{ID: "view.grid", Title: "Grid", Menu: MenuView, Key: "Shift+G"},
		{ID: "view.heatLabels", Title: "Heat map: density of labels", Menu: MenuView, Key: "Shift+H"},
		{ID: "view.heatClass", Title: "Heat map: density of the class in hand", Menu: MenuView},
		{ID: "view.heatScores", Title: "Heat map: scores of suggestions", Menu: MenuView},
		{ID: "view.names", Title: "Names of annotations", Menu: MenuView},
		{ID: "view.turnRight", Title: "Turn to the right", Menu: MenuView, Key: "Ctrl+R"},
		{ID: "view.turnLeft", Title: "Turn to the left", Menu: MenuView, Key: "Ctrl+Shift+R"},
		{ID: "view.tiltRight", Title: "Turn 5° to the right", Menu: MenuView, Key: "Ctrl+Right"},
		{ID: "view.tiltLeft", Title: "Turn 5° to the left", Menu: MenuView, Key: "Ctrl+Left"},
		{ID: "view.straight", Title: "Set upright", Menu: MenuView, Key: "Ctrl+Up"},
		{ID: "view.mirror", Title: "Mirror", Menu: MenuView, Key: "Ctrl+M"},
		{ID: "view.overlay", Title: "Show or hide annotations", Menu: MenuView, Key: "Tab"},
		{ID: "view.loupe", Title: "Loupe under the pointer", Menu: MenuView, Key: "Shift+Z"},
		{ID: "view.glass", Title: "Label and macro image", Menu: MenuView, Key: "Shift+M"},
		{ID: "view.adjust", Title: "Adjust the picture", Menu: MenuView, Key: "Ctrl+I", Also: "brightness contrast gamma stain"},
		{ID: "view.adjustReset", Title: "Show the picture as it is", Menu: MenuView, Key: "Ctrl+Shift+I"},
		{ID: "view.wheelPans", Title: "Wheel or two fingers move, with Ctrl zoom", Menu: MenuView},
		{ID: "view.crisp", Title: "Crisp pixels beyond 2:1", Menu: MenuView},
		{ID: "view.colour", Title: "Apply the colour profile", Menu: MenuView},
		{ID: "view.nextSlide", Title: "Next slide", Menu: MenuView, Key: "Ctrl+Next"},
		{ID: "view.prevSlide", Title: "Previous slide", Menu: MenuView, Key: "Ctrl+Prior"},
		{ID: "view.nextFocus", Title: "Next focal plane", Menu: MenuView, Key: "]", AltKey: "."},
		{ID: "view.prevFocus", Title: "Previous focal plane", Menu: MenuView, Key: "[", AltKey: ","},
		{ID: "view.nextTime", Title: "Next time point", Menu: MenuView, Key: "Ctrl+]"},
		{ID: "view.prevTime", Title: "Previous time point", Menu: MenuView, Key: "Ctrl+["},
		{ID: "view.left", Title: "Slides panel", Menu: MenuView, Key: "F8"},
		{ID: "view.right", Title: "Labels panel", Menu: MenuView, Key: "F9"},
		{ID: "view.theme", Title: "Dark or light theme", Menu: MenuView, Key: "Ctrl+T"},
		{ID: "view.fullScreen", Title: "Full screen", Menu: MenuView, Key: "F11"},
	}
}

// toolCommands are the lines of one menu, in its order.
func toolCommands() []Command {
	return []Command{
		{ID: "tool.pan", Title: "Pan", Menu: MenuTools, Key: "H"},
		{ID: "tool.select", Title: "Select and move", Menu: MenuTools, Key: "V"},
	}
}

// suggestCommands are the lines of one menu, in its order.
func suggestCommands() []Command {
	return []Command{
		{ID: "suggest.run", Title: "Suggest labels", Menu: MenuSuggest, Key: "G", Also: "ai predict classify"},
		{ID: "suggest.accept", Title: "Accept suggestion", Menu: MenuSuggest, Key: "A"},
		{ID: "suggest.reject", Title: "Reject suggestion", Menu: MenuSuggest, Key: "X"},
		{ID: "suggest.skip", Title: "Skip suggestion", Menu: MenuSuggest, Key: "Z"},
		{ID: "suggest.acceptAbove", Title: "Accept all above the threshold", Menu: MenuSuggest, Key: "Shift+A"},
		{ID: "suggest.dense", Title: "Run a dense model over the region…", Menu: MenuSuggest},
		{ID: "suggest.denseAgain", Title: "Run the last dense model again", Menu: MenuSuggest},
		{ID: "suggest.runtime", Title: "How models run…", Menu: MenuSuggest},
		{ID: "text.panel", Title: "Name by words…", Menu: MenuSuggest, Key: "Ctrl+Shift+T"},
		{ID: "text.captions", Title: "Captions for the selection", Menu: MenuSuggest, Key: "Shift+C"},
		{ID: "why.similar", Title: "Patches like the one under the pointer", Menu: MenuSuggest, Key: "Shift+S"},
		{ID: "why.attention", Title: "Where the network looks in the patch", Menu: MenuSuggest, Key: "Shift+Q"},
		{ID: "why.made", Title: "Who or what made this…", Menu: MenuSuggest, Key: "Shift+F4"},
		{ID: "model.add", Title: "Add model folder…", Menu: MenuSuggest, Also: "ai encoder plip uni onnx"},
		{ID: "model.outliner", Title: "Choose what outlines…", Menu: MenuSuggest},
		{ID: "model.builtin", Title: "Suggest by the built-in network", Menu: MenuSuggest},
		{ID: "job.cancel", Title: "Cancel the running job", Menu: MenuSuggest, Key: "Ctrl+."},
	}
}

// helpCommands are the lines of one menu, in its order.
func helpCommands() []Command {
	return []Command{
		{ID: "help.palette", Title: "Find a command…", Menu: MenuHelp, Key: "Ctrl+K"},
		{ID: "help.keys", Title: "Keyboard shortcuts", Menu: MenuHelp, Key: "F1", AltKey: "Ctrl+/", Also: "shortcuts hotkeys"},
		{ID: "help.editKeys", Title: "Change a key…", Menu: MenuHelp},
		{ID: "help.about", Title: "About Coverslip", Menu: MenuHelp},
	}
}

// manyAlike are the commands that differ by a number alone; no menu lists them.
func manyAlike() (table []Command) {
	for n := 1; n <= 9; n++ {
		table = append(table, Command{ID: fmt.Sprintf("class.%d", n), Title: fmt.Sprintf("Class %d", n),
			Menu: MenuEdit, Key: fmt.Sprint(n), Hidden: true})
	}
	for i, m := range Magnifications() {
		table = append(table, Command{ID: fmt.Sprintf("view.magnify%g", m), Title: fmt.Sprintf("Magnify to %g×", m),
			Menu: MenuView, Key: fmt.Sprintf("Ctrl+%d", i+1), Hidden: true})
	}
	for _, n := range [...]int{1, 2, 4, 8} {
		table = append(table, Command{ID: fmt.Sprintf("view.pixels%d", n), Title: fmt.Sprintf("Pixels %d:1", n), Menu: MenuView, Hidden: true})
	}
	return table
}

// Magnifications are those that have a key, least first: Ctrl+1 and so on.
func Magnifications() []float64 { return []float64{1, 2, 5, 10, 20, 40, 80} }

// Bind says what a command does and when it makes sense (nil: always). An
// unknown id, and a second binding of the same one, are errors.
func (c *Commands) Bind(id string, run func(), enabled func() bool) error {
	i, ok := c.byID[id]
	switch {
	case !ok:
		return fmt.Errorf("app: no command %q", id)
	case run == nil:
		return fmt.Errorf("app: command %q bound to nothing", id)
	case c.list[i].Run != nil:
		return fmt.Errorf("app: command %q bound twice", id)
	}
	c.list[i].Run, c.list[i].Enabled = run, enabled
	return nil
}

// SetTitle changes the words of a command, for the classes whose names the
// project gives. An unknown id is ignored.
func (c *Commands) SetTitle(id, title string) {
	if i, ok := c.byID[id]; ok {
		c.list[i].Title = title
	}
}

// All lists the commands in the order of the table.
func (c *Commands) All() []Command { return slices.Clone(c.list) }

// Menus lists the names of the menus in the order of the menu bar.
func (c *Commands) Menus() []string {
	var menus []string
	for _, cmd := range c.list {
		if !slices.Contains(menus, cmd.Menu) {
			menus = append(menus, cmd.Menu)
		}
	}
	return menus
}

// Get finds a command by its id.
func (c *Commands) Get(id string) (Command, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Command{}, false
	}
	return c.list[i], true
}

// ByKey finds the command of a key. A single letter is found in either case.
func (c *Commands) ByKey(key string) (Command, bool) {
	if len([]rune(key)) == 1 {
		key = strings.ToUpper(key)
	}
	i, ok := c.byKey[key]
	if !ok {
		return Command{}, false
	}
	return c.list[i], true
}

// CanDo tells whether the command is bound and makes sense now.
func (c *Commands) CanDo(id string) bool {
	cmd, ok := c.Get(id)
	return ok && cmd.Run != nil && (cmd.Enabled == nil || cmd.Enabled())
}

// Do runs a command when it makes sense now and tells whether it did.
func (c *Commands) Do(id string) bool {
	if !c.CanDo(id) {
		return false
	}
	c.list[c.byID[id]].Run()
	return true
}

// Unbound lists the ids of commands that nothing was bound to.
func (c *Commands) Unbound() []string {
	var ids []string
	for _, cmd := range c.list {
		if cmd.Run == nil {
			ids = append(ids, cmd.ID)
		}
	}
	return ids
}

// Match lists the commands whose title or menu holds every word of the query,
// those whose title begins with it first; an empty query lists all.
func (c *Commands) Match(query string) []Command {
	words := strings.Fields(strings.ToLower(query))
	var first, rest []Command
	for _, cmd := range c.list {
		text := strings.ToLower(cmd.Title+" "+cmd.Menu) + " " + cmd.Also
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			continue
		}
		if len(words) > 0 && strings.HasPrefix(text, words[0]) {
			first = append(first, cmd)
		} else {
			rest = append(rest, cmd)
		}
	}
	return append(first, rest...)
}
