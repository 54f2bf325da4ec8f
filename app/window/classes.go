package window

import (
	"fmt"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
)

// classesPanel is the palette: a click or a number key chooses the class of
// what is drawn next.
type classesPanel struct {
	w      *Window
	object fyne.CanvasObject
	list   *rows
	height *fyne.Container
	shown  annotate.Palette // without the retired ones
}

const (
	classRow   = 22
	classesMax = 10 // rows before the list scrolls
)

// classRows is how many rows of classes a right panel of this height has room
// for, so that suggestions and labels below keep theirs. Half a row shows that
// the list goes on.
func classRows(panel float32) float32 {
	switch {
	case panel <= 0 || panel >= 760: // 0: not laid out yet
		return classesMax
	case panel >= 600:
		return 6.5
	default:
		return 4.5
	}
}

func newClassesPanel(w *Window) *classesPanel {
	p := &classesPanel{w: w}
	p.list = newRows(classRow, func() rowView { return newClassRow(p) }, p.fill)
	p.list.chosen = func(i int) bool { return i < len(p.shown) && p.shown[i].ID == w.class }
	p.list.tapped = func(i int, _ fyne.KeyModifier) { w.giveClass(p.shown[i].ID); w.focus() }
	p.list.menu = w.classMenu
	p.height = container.New(&heightLayout{height: classRow})
	p.height.Add(p.list)
	p.object = section("CLASSES", newText("keys 1–9", textTiny, colorQuiet), padded(p.height, 2, 2, 0, 0))
	return p
}

// heightLayout gives its objects the full width and a height that is set.
type heightLayout struct{ height float32 }

// MinSize implements fyne.Layout.
func (l *heightLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(80, l.height) }

// Layout implements fyne.Layout.
func (l *heightLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.NewPos(0, 0))
		o.Resize(s)
	}
}

type classRowView struct {
	row
	key, name, count *text
	swatch           *canvas.Rectangle
	eye              *button
	id               annotate.ID
}

func newClassRow(p *classesPanel) rowView {
	v := &classRowView{key: newText("", textTiny, colorQuiet).fixed(12), name: newText("", textBody, theme.ColorNameForeground).fixed(40),
		count: newText("", textSmall, colorQuiet).trailing(), swatch: swatch(14)}
	v.key.align = fyne.TextAlignCenter
	v.eye = newButton(p.w.tips, icon("eye"), "", "", "Show or hide this class", func() { p.toggle(v.id) }).sized(24, 20)
	v.box = padded(container.NewBorder(nil, nil, hbox(6, v.key, container.NewCenter(v.swatch)),
		hbox(4, v.count, container.NewCenter(v.eye)), padded(v.name, 0, 0, 3, 3)), 0, 0, 6, 4)
	return v
}

func (p *classesPanel) fill(i int, o rowView) {
	v, ok := o.(*classRowView)
	if !ok || i >= len(p.shown) {
		return
	}
	c := p.shown[i]
	v.id = c.ID
	v.key.Set(c.Key)
	v.name.Set(c.Name)
	n := ""
	if p.w.open != nil {
		n = number(p.w.survey.counts[c.ID])
	}
	v.count.Set(n)
	setSwatch(v.swatch, c.Color)
	name, ink := "eye", fyne.ThemeColorName(theme.ColorNameForeground)
	v.name.SetColor(theme.ColorNameForeground)
	if p.w.hidden[c.ID] {
		name, ink = "eye-off", colorQuiet
		v.name.SetColor(colorQuiet)
	}
	if s, ok := v.eye.icon.(*strokeIcon); !ok || s.name != name {
		v.eye.SetIcon(iconIn(name, ink))
	}
}

// update shows the project's classes anew.
func (p *classesPanel) update() {
	p.shown = nil
	if p.w.session != nil {
		for _, c := range p.w.session.Palette() {
			if c.Retired {
				continue
			}
			p.shown = append(p.shown, c)
			if c.Key != "" {
				p.w.cmds.SetTitle("class."+c.Key, "Class: "+c.Name)
			}
		}
	}
	if p.w.right != nil {
		if p.fit(p.w.right.Size().Height) {
			p.w.right.Refresh() // what lies below moves
		}
	}
	p.list.Update(len(p.shown))
}

// fit takes the height that suits a right panel so high, and tells whether it
// is another one.
func (p *classesPanel) fit(panel float32) bool {
	l, ok := p.height.Layout.(*heightLayout)
	high := classRow * max(1, min(float32(len(p.shown)), classRows(panel)))
	if !ok || l.height == high {
		return false
	}
	l.height = high
	return true
}

// rightLayout lays out the classes above everything else, in a height that
// depends on the panel's.
type rightLayout struct{ classes *classesPanel }

// MinSize implements fyne.Layout: the classes can be squeezed to their least.
func (l *rightLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	top, low := objects[0].MinSize(), objects[1].MinSize()
	spare := max(0, l.classes.height.MinSize().Height-classRow*classRows(1))
	return fyne.NewSize(max(top.Width, low.Width), top.Height-spare+low.Height)
}

// Layout implements fyne.Layout.
func (l *rightLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	l.classes.fit(s.Height)
	high := objects[0].MinSize().Height
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(fyne.NewSize(s.Width, high))
	objects[1].Move(fyne.NewPos(0, high))
	objects[1].Resize(fyne.NewSize(s.Width, max(0, s.Height-high)))
}

// refreshCounts and chosen show the rows again.
func (p *classesPanel) refreshCounts() { p.list.body.Refresh() }

func (p *classesPanel) chosen() {
	for i, c := range p.shown {
		if c.ID == p.w.class {
			p.list.Reveal(i)
		}
	}
	p.list.body.Refresh()
}

// toggle shows or hides the labels of a class.
func (p *classesPanel) toggle(id annotate.ID) {
	if p.w.hidden[id] {
		delete(p.w.hidden, id)
	} else {
		p.w.hidden[id] = true
		if c := p.shown.ByID(id); c != nil {
			p.w.status.say(fmt.Sprintf("%s is hidden; it still counts and is exported.", c.Name))
		}
	}
	p.w.hiddenChanged()
}

// classOf is the name and colour of a class, for lists.
func (w *Window) classOf(id annotate.ID) (string, color.NRGBA) {
	if w.session != nil {
		for _, c := range w.session.Palette() {
			if c.ID == id {
				return c.Name, c.Color
			}
		}
	}
	return "Unclassified", color.NRGBA{128, 128, 128, 255}
}
