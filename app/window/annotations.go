package window

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// How strongly the commands without a number of their own change a shape, as
// pixels of the screen: what one sees is what changes.
const (
	smoothStep   = 5.0
	simplifyBy   = 1.5
	duplicateBy  = 14.0
	quarterRight = math.Pi / 2
)

// bindShapes says what the commands of the menu of annotations do.
func (w *Window) bindShapes(on func(string, func(), func() bool), project, writable, edit, selected func() bool) {
	change := func() bool { return edit() && selected() }
	many := func() bool { return change() && len(w.viewer.Selection()) > 1 }
	slide := func() bool { return w.open != nil }

	on("shape.properties", w.askProperties, change)
	on("shape.measures", w.openMeasures, slide)
	on("shape.table", w.toggleSheet, slide)
	on("view.tree", w.toggleTree, slide)
	on("shape.lock", w.toggleLock, change)

	on("clip.copy", func() { w.copySelection(nil) }, selected)
	on("clip.cut", func() { w.copySelection(w.deleteSelection) }, change)
	on("clip.paste", w.paste, edit)
	on("clip.duplicate", func() {
		ids, d := w.viewer.Selection(), duplicateBy/w.viewer.Viewport().Scale
		w.choosing(func(s *app.Session) ([]annotate.ID, error) { return s.Duplicate(ids, d, d) })
	}, change)

	on("choose.all", func() { w.chooseWhere(func(*annotate.Brief) bool { return true }, nil) }, slide)
	on("choose.class", w.chooseClass, slide)
	on("choose.filter", w.askFilter, slide)
	on("choose.invert", func() {
		had := map[annotate.ID]bool{}
		for _, id := range w.viewer.Selection() {
			had[id] = true
		}
		w.chooseWhere(func(o *annotate.Brief) bool { return !had[o.ID] }, nil)
	}, slide)

	for id, how := range map[string]app.Combination{"area.union": app.CombineUnion, "area.subtract": app.CombineSubtract,
		"area.intersect": app.CombineIntersect, "area.xor": app.CombineXor} {
		on(id, func() {
			ids := w.viewer.Selection()
			w.choosing(func(s *app.Session) ([]annotate.ID, error) {
				one, err := s.Combine(ids, how)
				return []annotate.ID{one}, err
			})
		}, many)
	}
	on("area.exclude", func() {
		ids := w.viewer.Selection()
		w.choosing(func(s *app.Session) ([]annotate.ID, error) { return ids, s.ExcludeOthers(ids) })
	}, change)
	on("area.apart", func() {
		ids := w.viewer.Selection()
		w.choosing(func(s *app.Session) ([]annotate.ID, error) { return s.TakeApart(ids) })
	}, change)
	w.bindForms(on, change)
	w.bindClasses(on, project, writable)
}

// bindForms binds what changes the form of what is chosen.
func (w *Window) bindForms(on func(string, func(), func() bool), change func() bool) {
	on("form.fill", func() {
		w.reshape("Fill holes of", func(r annotate.ROI) (annotate.ROI, error) { return r.FilledHoles(math.Inf(1)) })
	}, change)
	on("form.smooth", func() {
		step := smoothStep / w.viewer.Viewport().Scale
		w.reshape("Smooth", func(r annotate.ROI) (annotate.ROI, error) { return r.Smoothed(step) })
	}, change)
	on("form.simplify", func() {
		by := simplifyBy / w.viewer.Viewport().Scale
		w.reshape("Simplify", func(r annotate.ROI) (annotate.ROI, error) { return r.Simplified(by) })
	}, change)
	on("form.hull", func() { w.reshape("Convex hull of", annotate.ROI.Hull) }, change)
	on("form.grow", w.askGrow, change)
	about := func(label string, f func(annotate.ROI, annotate.Point) annotate.ROI) func() {
		return func() {
			middle := w.selectionBox().Center()
			w.reshape(label, func(r annotate.ROI) (annotate.ROI, error) { return f(r, middle), nil })
		}
	}
	on("turn.right", about("Turn", func(r annotate.ROI, p annotate.Point) annotate.ROI { return r.Rotated(p, quarterRight) }), change)
	on("turn.left", about("Turn", func(r annotate.ROI, p annotate.Point) annotate.ROI { return r.Rotated(p, -quarterRight) }), change)
	on("turn.mirror", about("Mirror", func(r annotate.ROI, p annotate.Point) annotate.ROI { return r.Mirrored(p.X) }), change)
	on("turn.flip", about("Mirror", func(r annotate.ROI, p annotate.Point) annotate.ROI { return r.Flipped(p.Y) }), change)
	on("turn.transform", w.askTransform, change)
}

// reshape changes the form of what is chosen, on the lane of edits.
func (w *Window) reshape(label string, f func(annotate.ROI) (annotate.ROI, error)) {
	ids := w.viewer.Selection()
	w.choosing(func(s *app.Session) ([]annotate.ID, error) { return ids, s.Reshape(ids, label, f) })
}

// chosen are the objects that are selected.
func (w *Window) chosen() []*annotate.Object {
	var out []*annotate.Object
	if w.open != nil {
		for _, id := range w.viewer.Selection() {
			if o := w.open.Set.Get(id); o != nil {
				out = append(out, o)
			}
		}
	}
	return out
}

func (w *Window) selectionBox() annotate.Box {
	b := annotate.EmptyBox()
	for _, o := range w.chosen() {
		b = b.Union(o.ROI.Bounds())
	}
	return b
}

func (w *Window) toggleLock() {
	ids, on := w.viewer.Selection(), true
	for _, o := range w.chosen() {
		on = on && !o.Locked // one that is locked: unlock all
	}
	words := "Locked: no tool changes it until it is unlocked."
	if !on {
		words = "Unlocked."
	}
	w.write(func(s *app.Session) error { return s.SetLocked(ids, on) }, func(err error) {
		if err == nil {
			w.status.say(words)
		}
	})
}

// copySelection puts what is chosen on the clipboard; then is called when it is
// there.
func (w *Window) copySelection(then func()) {
	s, ids := w.session, w.viewer.Selection()
	w.edits.do(func() {
		text, err := s.CopyText(ids)
		w.post(func() {
			if err != nil {
				w.fail(err)
				return
			}
			w.app.Clipboard().SetContent(text)
			w.status.say(fmt.Sprintf("Copied %s; other slides and QuPath can take it.", plural(len(ids), "annotation")))
			if then != nil {
				then()
			}
		})
	})
}

func (w *Window) paste() {
	text, slide := w.app.Clipboard().Content(), w.open.Item.ID
	w.choosing(func(s *app.Session) ([]annotate.ID, error) { return s.Paste(slide, text, nil) })
}

// mostChosen bounds what one command selects: beyond it a selection is neither seen
// nor worked on as one.
const mostChosen = 100_000

// chooseWhere selects the labels of the slide that f takes and that are shown; whole,
// where it is not nil, is asked besides and reads the object itself.
func (w *Window) chooseWhere(f func(*annotate.Brief) bool, whole func(*annotate.Object) bool) {
	var ids []annotate.ID
	everywhere := annotate.Box{MinX: -annotate.MaxCoordinate, MinY: -annotate.MaxCoordinate, MaxX: annotate.MaxCoordinate, MaxY: annotate.MaxCoordinate}
	w.open.Set.Briefs(everywhere, func(o *annotate.Brief) bool {
		if o.IsLabel() && !w.hidden[o.Class] && f(o) {
			if whole != nil {
				if all := w.open.Set.Get(o.ID); all == nil || !whole(all) {
					return true
				}
			}
			ids = append(ids, o.ID)
		}
		return len(ids) < mostChosen
	})
	w.viewer.SetSelection(ids)
	w.selected(ids)
	w.status.say(fmt.Sprintf("%s selected.", plural(len(ids), "annotation")))
}

// chooseClass selects all of the classes of what is chosen, or of the class in
// hand.
func (w *Window) chooseClass() {
	classes := map[annotate.ID]bool{}
	for _, o := range w.chosen() {
		classes[o.Class] = true
	}
	if len(classes) == 0 {
		classes[w.class] = true
	}
	w.chooseWhere(func(o *annotate.Brief) bool { return classes[o.Class] }, nil)
}

// anyClass is the choice of all classes in a form.
const anyClass = "(any class)"

func (w *Window) classNames(first string) []string {
	names := []string{first}
	for _, c := range w.session.Palette() {
		if !c.Retired {
			names = append(names, c.Name)
		}
	}
	return names
}

func (w *Window) classByName(name string) annotate.ID {
	if c := w.session.Palette().ByName(name); c != nil {
		return c.ID
	}
	return annotate.ID{}
}

// askFilter selects by what a person says of the objects.
func (w *Window) askFilter() {
	class := widget.NewSelect(w.classNames(anyClass), nil)
	class.SetSelected(anyClass)
	shape := widget.NewSelect([]string{"(any shape)", "area", "line", "point"}, nil)
	shape.SetSelected("(any shape)")
	words, least, most := newFormEntry(""), newFormEntry(""), newFormEntry("")
	words.SetPlaceHolder("in the name, the notes or an attribute")
	scale := app.MeasureScaleOf(w.open.Item)
	unit := "px²"
	if scale.Known {
		unit = "µm²"
	}
	w.form("Select by filter", "Select", []*widget.FormItem{
		widget.NewFormItem("Class", class), widget.NewFormItem("Shape", shape), widget.NewFormItem("Words", words),
		{Text: "Area from, " + unit, Widget: least}, {Text: "Area to, " + unit, Widget: most},
	}, []*formEntry{words, least, most}, func() error {
		lo, hi := 0.0, math.Inf(1)
		for _, e := range []struct {
			entry *formEntry
			into  *float64
		}{{least, &lo}, {most, &hi}} {
			if t := strings.TrimSpace(e.entry.Text); t != "" {
				v, err := strconv.ParseFloat(strings.Replace(t, ",", ".", 1), 64)
				if err != nil || math.IsNaN(v) || v < 0 {
					return fmt.Errorf("%q is no area", t)
				}
				*e.into = v
			}
		}
		bounded := lo > 0 || !math.IsInf(hi, 1)
		id, find := w.classByName(class.Selected), strings.ToLower(strings.TrimSpace(words.Text))
		var whole func(*annotate.Object) bool
		if find != "" {
			whole = func(o *annotate.Object) bool { return mentions(o, find) }
		}
		w.chooseWhere(func(o *annotate.Brief) bool {
			a := o.Area * scale.X * scale.Y
			return (class.Selected == anyClass || o.Class == id) && ofShape(o.Shape, shape.Selected) &&
				(!bounded || ofShape(o.Shape, "area") && a >= lo && a <= hi)
		}, whole)
		return nil
	})
}

func ofShape(k annotate.Kind, words string) bool {
	switch words {
	case "area":
		return k == annotate.KindRectangle || k == annotate.KindEllipse || k == annotate.KindPolygon
	case "line":
		return k == annotate.KindLine
	case "point":
		return k == annotate.KindPoint || k == annotate.KindPoints
	}
	return true
}

func mentions(o *annotate.Object, words string) bool {
	if words == "" || strings.Contains(strings.ToLower(o.Name+"\n"+o.Notes), words) {
		return true
	}
	for k, v := range o.Meta {
		if strings.Contains(strings.ToLower(k+"="+v), words) {
			return true
		}
	}
	return false
}

// number1 reads one number of a form.
func number1(e *formEntry, what string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.Replace(e.Text, ",", ".", 1)), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s: %q is no number", what, strings.TrimSpace(e.Text))
	}
	return v, nil
}

// askGrow grows or shrinks what is chosen by µm.
func (w *Window) askGrow() {
	by := newFormEntry("10")
	w.form("Grow or shrink", "Do it", []*widget.FormItem{
		{Text: "By, µm", Widget: by, HintText: "Less than 0 shrinks; points and lines become areas"},
	}, []*formEntry{by}, func() error {
		um, err := number1(by, "By")
		if err != nil {
			return err
		}
		px, err := w.session.Microns(w.open.Item.ID, um)
		if err != nil {
			return err
		}
		w.reshape(fmt.Sprintf("Grow by %g µm", um), func(r annotate.ROI) (annotate.ROI, error) { return r.Buffered(px) })
		return nil
	})
}

// askTransform moves, turns and scales what is chosen by numbers.
func (w *Window) askTransform() {
	dx, dy, angle, factor := newFormEntry("0"), newFormEntry("0"), newFormEntry("0"), newFormEntry("100")
	scale := app.MeasureScaleOf(w.open.Item)
	unit := "px"
	if scale.Known {
		unit = "µm"
	}
	w.form("Move, turn, scale", "Do it", []*widget.FormItem{
		widget.NewFormItem("To the right, "+unit, dx), widget.NewFormItem("Down, "+unit, dy),
		{Text: "Turn, degrees", Widget: angle, HintText: "Clockwise, about the middle of what is chosen"}, widget.NewFormItem("Size, %", factor),
	}, []*formEntry{dx, dy, angle, factor}, func() error {
		x, err1 := number1(dx, "To the right")
		y, err2 := number1(dy, "Down")
		a, err3 := number1(angle, "Turn")
		f, err4 := number1(factor, "Size")
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		if f < 1 || f > 10000 {
			return errors.New("the size must be 1 to 10000 %")
		}
		middle := w.selectionBox().Center()
		w.reshape("Move, turn, scale", func(r annotate.ROI) (annotate.ROI, error) {
			if f != 100 {
				r = r.Scaled(middle, f/100, f/100)
			}
			if a != 0 {
				r = r.Rotated(middle, a*math.Pi/180)
			}
			return r.Translate(x/scale.X, y/scale.Y), nil
		})
		return nil
	})
}

// several stands in a field for values that differ; left alone it changes nothing.
const several = "(several)"

// common is the value that all objects share, or several.
func common(objects []*annotate.Object, f func(*annotate.Object) string) string {
	for _, o := range objects {
		if f(o) != f(objects[0]) {
			return several
		}
	}
	return f(objects[0])
}

// askProperties shows and changes what is said of the chosen objects.
func (w *Window) askProperties() {
	objects, ids := w.chosen(), w.viewer.Selection()
	if len(objects) == 0 {
		return
	}
	name := newFormEntry(common(objects, func(o *annotate.Object) string { return o.Name }))
	notes := newFormEntry(common(objects, func(o *annotate.Object) string { return o.Notes }))
	colour := newFormEntry(common(objects, func(o *annotate.Object) string { return o.Meta["color"] }))
	colour.SetPlaceHolder("of its class; or #rrggbb")
	meta := newFormEntry(common(objects, metaWords))
	meta.SetPlaceHolder("grade=2; site=left")
	classes := w.classNames("Unclassified")
	was := common(objects, func(o *annotate.Object) string { n, _ := w.classOf(o.Class); return n })
	if was == several {
		classes = append(classes, several)
	}
	class := widget.NewSelect(classes, nil)
	class.SetSelected(was)
	w.form(plural(len(objects), "annotation"), "Save", []*widget.FormItem{
		widget.NewFormItem("Name", name), widget.NewFormItem("Class", class), widget.NewFormItem("Notes", notes),
		widget.NewFormItem("Colour", colour), {Text: "Attributes", Widget: meta, HintText: w.aboutChosen(objects)},
	}, []*formEntry{name, notes, colour, meta}, func() error {
		var p app.Properties
		if name.Text != several {
			p.Name = &name.Text
		}
		if notes.Text != several {
			p.Notes = &notes.Text
		}
		if class.Selected != several && class.Selected != was {
			id := w.classByName(class.Selected)
			p.Class = &id
		}
		var err error
		if p.Meta, err = metaChanges(objects, meta.Text, colour.Text); err != nil {
			return err
		}
		w.write(func(s *app.Session) error { return s.SetProperties(ids, p) }, nil)
		return nil
	})
}

// metaWords is the attributes of an object as one line; those that the program
// itself sets are left out.
func metaWords(o *annotate.Object) string {
	var words []string
	for k, v := range o.Meta {
		if k != "color" && !strings.HasPrefix(k, "coverslip.") {
			words = append(words, k+"="+v)
		}
	}
	slices.Sort(words)
	return strings.Join(words, "; ")
}

// metaChanges is what the line of attributes and the colour change; an attribute
// that the line leaves out is taken away.
func metaChanges(objects []*annotate.Object, line, colour string) (map[string]string, error) {
	set := map[string]string{}
	if line != several {
		for _, o := range objects {
			for k := range o.Meta {
				if k != "color" && !strings.HasPrefix(k, "coverslip.") {
					set[k] = ""
				}
			}
		}
		for _, part := range strings.Split(line, ";") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			k, v, ok := strings.Cut(part, "=")
			if k = strings.TrimSpace(k); !ok || k == "" {
				return nil, fmt.Errorf("%q: write attributes as name=value; name=value", part)
			}
			set[k] = strings.TrimSpace(v)
		}
	}
	switch c := strings.TrimSpace(colour); {
	case c == several:
	case c == "":
		set["color"] = ""
	default:
		if _, err := strconv.ParseUint(strings.TrimPrefix(c, "#"), 16, 32); err != nil || len(strings.TrimPrefix(c, "#")) != 6 {
			return nil, fmt.Errorf("%q is no colour: write #rrggbb, such as #d55e00", c)
		}
		set["color"] = "#" + strings.ToLower(strings.TrimPrefix(c, "#"))
	}
	return set, nil
}

// aboutChosen says what one object measures and what it lies in.
func (w *Window) aboutChosen(objects []*annotate.Object) string {
	if len(objects) != 1 {
		return "Fields that say " + several + " stay as they are when left alone"
	}
	o := objects[0]
	var words []string
	for _, a := range app.Ancestry(w.open.Set, o) {
		n, _ := w.classOf(a.Class)
		if a.Name != "" {
			n += " " + a.Name
		}
		words = append(words, n)
	}
	inside := "Inside nothing"
	if len(words) > 0 {
		inside = "Inside " + strings.Join(words, ", in ")
	}
	return fmt.Sprintf("%s · %s of %d corners, by %s", inside, o.ROI.Kind, o.ROI.Vertices(), byWords(annotate.BriefOf(o)))
}
