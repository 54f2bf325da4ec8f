package window

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// newClass and noParent are choices of the class editor.
const (
	newClass = "(new class)"
	noParent = "(none)"
)

// settingLooks is where the project keeps how classes are shown.
const settingLooks = "classes.looks"

// classLook is how the objects of a class are shown and whether tools take them.
type classLook struct {
	Opacity float64 `json:"opacity"` // 0..1
	Locked  bool    `json:"locked,omitempty"`
}

// bindClasses says what the commands of the classes do.
func (w *Window) bindClasses(on func(string, func(), func() bool), project, writable func() bool) {
	on("class.edit", w.askClass, writable)
	on("class.presets", w.askPreset, writable)
	on("class.import", func() {
		w.askClassFile("Import classes", "Import", "A file exported here, or classes.json of a QuPath project", func(path string) {
			w.write(func(s *app.Session) error {
				n, err := s.ImportClasses(path)
				w.post(func() { w.saidClasses(n, err) })
				return err
			}, nil)
		})
	}, writable)
	on("class.export", func() {
		w.askClassFile("Export classes", "Export", "JSON, which QuPath reads as classes.json", func(path string) {
			w.write(func(s *app.Session) error { return s.ExportClasses(path) }, func(err error) {
				if err == nil {
					w.status.say("Wrote the classes to " + path)
				}
			})
		})
	}, project)
	on("help.editKeys", w.askKeys, nil)
}

func (w *Window) saidClasses(n int, err error) {
	if err == nil {
		w.status.say(plural(n, "class") + " added; those the project had already stay as they are.")
	}
}

func (w *Window) askClassFile(title, confirm, hint string, use func(path string)) {
	file := newFormEntry(filepath.Join(filepath.Dir(w.session.Dir()), "classes.json"))
	warned := ""
	w.form(title, confirm, []*widget.FormItem{{Text: "File", Widget: file, HintText: hint}}, []*formEntry{file}, func() error {
		path := strings.TrimSpace(file.Text)
		_, err := os.Stat(path)
		switch {
		case confirm == "Import" && err != nil:
			return fmt.Errorf("there is no file %s", filepath.Base(path))
		case confirm != "Import" && err == nil && warned != path:
			warned = path
			return fmt.Errorf("%s is there already; %s once more replaces it", filepath.Base(path), confirm)
		}
		use(path)
		return nil
	})
}

// askPreset adds the classes of a preset.
func (w *Window) askPreset() {
	presets := annotate.Presets()
	var titles []string
	for _, p := range presets {
		titles = append(titles, p.Title)
	}
	what := newParagraph(textSmall, colorQuiet, 3)
	what.least = 3
	choice := widget.NewSelect(titles, func(title string) {
		for _, p := range presets {
			if p.Title == title {
				var names []string
				for _, c := range p.Classes {
					names = append(names, c.Name)
				}
				what.Set(strings.Join(names, " · "))
			}
		}
	})
	choice.SetSelected(titles[0])
	hidden := newFormEntry("") // the form needs something to type into for Enter and Escape
	hidden.Hide()
	w.form("Add a preset of classes", "Add", []*widget.FormItem{widget.NewFormItem("Preset", choice), widget.NewFormItem("", what)}, []*formEntry{hidden}, func() error {
		for _, p := range presets {
			if p.Title == choice.Selected {
				w.write(func(s *app.Session) error {
					n, err := s.AddClasses(p.Classes, "Add classes: "+p.Title)
					w.post(func() { w.saidClasses(n, err) })
					return err
				}, nil)
			}
		}
		return nil
	})
}

// askClass adds a class, or changes one: its name, colour, key, parent and code,
// whether it is retired, and how it is shown.
func (w *Window) askClass() {
	p := w.session.Palette()
	which := []string{newClass}
	parents := []string{noParent}
	for _, c := range p {
		which = append(which, c.Name)
		if !c.Retired {
			parents = append(parents, c.Name)
		}
	}
	name, colour, code, opacity := newFormEntry(""), newFormEntry(""), newFormEntry(""), newFormEntry("100")
	code.SetPlaceHolder("SCT 108369006, ICD-O 8500/3")
	key := widget.NewSelect([]string{noParent, "1", "2", "3", "4", "5", "6", "7", "8", "9"}, nil)
	parent := widget.NewSelect(parents, nil)
	retired, locked := widget.NewCheck("Retired: out of the lists; old labels keep it", nil), widget.NewCheck("Locked: no tool takes its annotations", nil)
	looks := readLooks(w.session)
	var c annotate.Class
	choice := widget.NewSelect(which, func(n string) {
		c = annotate.Class{Color: p.Free()}
		if have := p.ByName(n); have != nil && n != newClass {
			c = *have
		}
		name.SetText(c.Name)
		colour.SetText(fmt.Sprintf("#%02x%02x%02x", c.Color.R, c.Color.G, c.Color.B))
		code.SetText(c.Code)
		key.SetSelected(noParent)
		if c.Key != "" {
			key.SetSelected(c.Key)
		}
		parent.SetSelected(noParent)
		if up := p.ByID(c.Parent); up != nil {
			parent.SetSelected(up.Name)
		}
		retired.SetChecked(c.Retired)
		l, ok := looks[c.ID]
		locked.SetChecked(ok && l.Locked)
		opacity.SetText("100")
		if ok {
			opacity.SetText(strconv.Itoa(int(l.Opacity*100 + 0.5)))
		}
	})
	choice.SetSelected(newClass)
	if have := p.ByID(w.class); have != nil {
		choice.SetSelected(have.Name)
	}
	w.form("Classes", "Save", []*widget.FormItem{
		widget.NewFormItem("Class", choice), widget.NewFormItem("Name", name), widget.NewFormItem("Colour", colour), widget.NewFormItem("Key", key),
		widget.NewFormItem("Parent", parent), widget.NewFormItem("Code", code), widget.NewFormItem("", retired),
		widget.NewFormItem("Shown at, %", opacity), widget.NewFormItem("", locked),
	}, []*formEntry{name, colour, code, opacity}, func() error {
		c.Name, c.Code, c.Retired = strings.TrimSpace(name.Text), strings.TrimSpace(code.Text), retired.Checked
		c.Key, c.Parent = "", annotate.ID{}
		if key.Selected != noParent {
			c.Key = key.Selected
		}
		if up := p.ByName(parent.Selected); up != nil {
			c.Parent = up.ID
		}
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(colour.Text), "#"), 16, 32)
		if err != nil || len(strings.TrimPrefix(strings.TrimSpace(colour.Text), "#")) != 6 {
			return errors.New("write the colour as #rrggbb, such as #d55e00")
		}
		c.Color = color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255}
		shown, err := number1(opacity, "Shown at")
		if err != nil || shown < 5 || shown > 100 {
			return errors.New("a class is shown at 5 to 100 %; the eye in the list hides it")
		}
		if other := p.ByName(c.Name); c.Name == "" || other != nil && other.ID != c.ID {
			return app.ErrClassName
		}
		if !c.Parent.IsZero() && p.Under(c.Parent, c.ID) {
			return app.ErrClassParent
		}
		w.saveClass(c, classLook{Opacity: shown / 100, Locked: locked.Checked})
		return nil
	})
}

// saveClass keeps a class and how it is shown.
func (w *Window) saveClass(c annotate.Class, look classLook) {
	w.write(func(s *app.Session) error {
		id, err := s.SaveClass(c)
		if err != nil {
			return err
		}
		looks := readLooks(s)
		looks[id] = look
		if look == (classLook{Opacity: 1}) {
			delete(looks, id)
		}
		b, err := json.Marshal(looks)
		if err != nil {
			return err
		}
		if err := s.SetSetting(settingLooks, string(b)); err != nil {
			return err
		}
		w.post(func() {
			for _, p := range w.panes {
				w.showLooks(p.viewer)
			}
			w.status.say("Class " + c.Name + " is saved.")
		})
		return nil
	}, nil)
}

// readLooks is how the project shows its classes; nothing when it does not say, or
// not legibly.
func readLooks(s *app.Session) map[annotate.ID]classLook {
	looks := map[annotate.ID]classLook{}
	if text, ok := s.Setting(settingLooks); ok && json.Unmarshal([]byte(text), &looks) != nil {
		return map[annotate.ID]classLook{}
	}
	return looks
}

// showLooks gives a viewer how classes are shown.
func (w *Window) showLooks(v *viewer.Viewer) {
	opacity, locked := map[annotate.ID]float64{}, map[annotate.ID]bool{}
	if w.session != nil {
		for id, l := range readLooks(w.session) {
			if l.Opacity < 1 {
				opacity[id] = l.Opacity
			}
			if l.Locked {
				locked[id] = true
			}
		}
	}
	v.SetClassOpacity(opacity)
	v.SetLockedClasses(locked)
}
