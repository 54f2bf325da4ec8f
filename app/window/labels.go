package window

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
)

// labelsPanel lists the labels of the slide, the newest first.
type labelsPanel struct {
	w        *Window
	object   fyne.CanvasObject
	list     *rows
	head     *text
	empty    *fyne.Container
	words    *paragraph
	selected map[annotate.ID]bool
	anchor   int // row of the last plain click, for Shift
}

const labelRow = 21

func newLabelsPanel(w *Window) *labelsPanel {
	p := &labelsPanel{w: w, selected: map[annotate.ID]bool{}}
	p.head = newText("", textTiny, colorQuiet)
	p.list = newRows(labelRow, newLabelRow, p.fill)
	p.list.chosen = func(i int) bool { return i < len(p.items()) && p.selected[p.items()[i].ID] }
	p.list.tapped = p.tapped
	p.words = newParagraph(textSmall, colorQuiet, 4)
	p.empty = padded(p.words, 10, 8, 10, 10)
	p.object = section("ANNOTATIONS", p.head, container.NewStack(p.list, p.empty))
	return p
}

func (p *labelsPanel) items() []*annotate.Object { return p.w.survey.labels }

type labelRowView struct {
	row
	swatch          *canvas.Rectangle
	class, area, by *text
}

func newLabelRow() rowView {
	v := &labelRowView{swatch: swatch(10), class: newText("", textSmall, theme.ColorNameForeground).fixed(40),
		area: newText("", textSmall, theme.ColorNameForeground).trailing().fixed(82), by: newText("", textSmall, colorQuiet).fixed(84)}
	v.box = padded(container.NewBorder(nil, nil, container.NewCenter(v.swatch),
		hbox(8, v.area, v.by), padded(v.class, 0, 0, 5, 0)), 0, 0, 8, 6)
	return v
}

func (p *labelsPanel) fill(i int, o rowView) {
	v, ok := o.(*labelRowView)
	if !ok || i >= len(p.items()) {
		return
	}
	l := p.items()[i]
	name, c := p.w.classOf(l.Class)
	setSwatch(v.swatch, c)
	v.class.Set(name)
	v.area.Set(p.areaWords(l))
	v.by.Set(byWords(l))
}

// areaWords is the area of a label in µm², in pixels where the slide has no
// scale.
func (p *labelsPanel) areaWords(o *annotate.Object) string {
	if p.w.open == nil {
		return ""
	}
	switch o.ROI.Kind {
	case annotate.KindPoint, annotate.KindPoints, annotate.KindLine:
		return "–"
	}
	a, info := o.ROI.Area(), p.w.open.Slide.Info()
	if info.MPPX <= 0 {
		return number(int(a+0.5)) + " px²"
	}
	y := info.MPPY
	if y <= 0 {
		y = info.MPPX
	}
	a *= info.MPPX * y
	switch {
	case a >= 1e5:
		return fmt.Sprintf("%.3g mm²", a/1e6)
	case a >= 100:
		return number(int(a+0.5)) + " µm²"
	}
	return fmt.Sprintf("%.1f µm²", a)
}

// byWords says who made a label: a person, or a model and who accepted it.
func byWords(o *annotate.Object) string {
	if o.Kind == annotate.Detection {
		return "model · " + o.Review.By
	}
	return o.By.Author
}

// reset forgets the selection of another slide.
func (p *labelsPanel) reset() { p.selected, p.anchor = map[annotate.ID]bool{}, 0 }

// update shows the labels as last counted.
func (p *labelsPanel) update() {
	n := len(p.items())
	words := ""
	if p.w.open != nil {
		words = number(n)
		if len(p.selected) > 0 {
			words += fmt.Sprintf(" · %s selected", number(len(p.selected)))
		}
	}
	p.head.Set(words)
	show(p.empty, n == 0)
	p.words.Set("")
	if p.w.open != nil {
		p.words.Set("No labels yet. Take the rectangle (R) or the polygon (P) and draw on the slide; a number key gives the class.")
	}
	p.list.Update(n)
}

// follow shows the selection of the viewer in the list.
func (p *labelsPanel) follow(ids []annotate.ID) {
	p.selected = map[annotate.ID]bool{}
	for _, id := range ids {
		p.selected[id] = true
	}
	if len(ids) == 1 {
		p.list.Reveal(slices.IndexFunc(p.items(), func(o *annotate.Object) bool { return o.ID == ids[0] }))
	}
	p.update()
}

// tapped selects a label and flies to it; Ctrl adds one, Shift all between.
func (p *labelsPanel) tapped(i int, m fyne.KeyModifier) {
	items := p.items()
	if i >= len(items) {
		return
	}
	switch {
	case m&fyne.KeyModifierShift != 0:
		lo, hi := min(p.anchor, i), max(p.anchor, i)
		var ids []annotate.ID
		for _, o := range items[lo:min(hi+1, len(items))] {
			ids = append(ids, o.ID)
		}
		p.w.selectAndShow(ids...)
	case m&fyne.KeyModifierShortcutDefault != 0:
		ids := p.w.viewer.Selection()
		if k := slices.Index(ids, items[i].ID); k >= 0 {
			ids = slices.Delete(slices.Clone(ids), k, k+1)
		} else {
			ids = append(slices.Clone(ids), items[i].ID)
		}
		p.w.viewer.SetSelection(ids)
		p.w.selected(ids)
		p.w.focus()
	default:
		p.anchor = i
		p.w.selectAndShow(items[i].ID)
	}
}
