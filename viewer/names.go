package viewer

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"coverslip/annotate"
)

// Names of objects are shown when they are large on the screen.
const (
	namedFrom = 40.0 // Fyne units: smaller objects keep their names to themselves
	namesMost = 40   // names in view
	nameSize  = 11.0 // of the text
	namePad   = 3.0
)

var (
	nameInk    = color.NRGBA{R: 20, G: 20, B: 26, A: 255}
	nameGround = color.NRGBA{R: 255, G: 255, B: 255, A: 215}
)

// briefer is Objects that tells of everything in a box without reading shapes;
// *annotate.Set is one.
type briefer interface {
	Briefs(b annotate.Box, yield func(*annotate.Brief) bool)
}

// names shows the names of what is in view, on pooled tags.
type names struct {
	on   bool
	tags []nameTag
	objs []fyne.CanvasObject

	// What was found last, and where it was looked for: a pan asks seldom.
	ids   []annotate.ID
	box   annotate.Box
	least float64
	stale bool
}

type nameTag struct {
	ground *canvas.Rectangle
	line   *canvas.Text
	size   fyne.Size
}

// update lays the tags out. An object's name stands above its upper left corner;
// one that would lie over another's is left out.
func (n *names) update(v *Viewer) []fyne.CanvasObject {
	n.objs = n.objs[:0]
	set, ok := v.objects.(briefer)
	if !ok || !n.on || !v.overlay.on || v.style.faint >= 1 || v.view.Scale < 1.0/64 {
		return nil
	}
	n.find(v, set)
	used := 0
	var taken []fyne.Position
	for _, id := range n.ids {
		if used == namesMost {
			break
		}
		o := v.objects.Get(id)
		if o == nil || o.Name == "" {
			continue
		}
		if used == len(n.tags) {
			n.tags = append(n.tags, nameTag{ground: &canvas.Rectangle{FillColor: nameGround, CornerRadius: 3},
				line: &canvas.Text{Color: nameInk, TextSize: nameSize}})
		}
		if n.tags[used].put(v, o, &taken) {
			n.objs = append(n.objs, n.tags[used].ground, n.tags[used].line)
			used++
		}
	}
	return n.objs
}

// find looks for named objects in and around the view, unless what was found last
// still holds.
func (n *names) find(v *Viewer, set briefer) {
	view, least := v.view.Box(), namedFrom*float64(v.unit)/v.view.Scale
	if !n.stale && n.least == least && n.box.MinX <= view.MinX && n.box.MinY <= view.MinY && n.box.MaxX >= view.MaxX && n.box.MaxY >= view.MaxY {
		return
	}
	n.ids, n.box, n.least, n.stale = n.ids[:0], view.Grow(max(view.Width(), view.Height())/4), least, false
	set.Briefs(n.box, func(b *annotate.Brief) bool {
		if b.Named && max(b.Box.Width(), b.Box.Height()) >= least && v.style.shows(b) {
			n.ids = append(n.ids, b.ID)
		}
		return len(n.ids) < 4*namesMost
	})
}

// put places the tag; false when another is there.
func (t *nameTag) put(v *Viewer, o *annotate.Object, taken *[]fyne.Position) bool {
	b := o.ROI.Bounds()
	x, y, _, _ := v.view.SBox(b.MinX, b.MinY, b.MaxX, b.MaxY)
	words := o.Name
	if r := []rune(words); len(r) > 40 {
		words = string(r[:39]) + "…"
	}
	ink, ground := v.fainter(nameInk), v.fainter(nameGround)
	if t.line.Text != words || t.line.Color != ink {
		t.line.Text, t.line.Color = words, ink
		t.size = t.line.MinSize()
		t.line.Refresh()
	}
	if t.ground.FillColor != ground {
		t.ground.FillColor = ground
		t.ground.Refresh()
	}
	size := fyne.NewSize(t.size.Width+2*namePad, t.size.Height)
	at := fyne.NewPos(float32(snap(x))/v.unit, float32(snap(y))/v.unit-size.Height-2)
	for _, p := range *taken {
		if at.X < p.X+size.Width && p.X < at.X+size.Width && at.Y < p.Y+size.Height && p.Y < at.Y+size.Height {
			return false
		}
	}
	*taken = append(*taken, at)
	place(t.ground, at.X, at.Y, size.Width, size.Height)
	place(t.line, at.X+namePad, at.Y, t.size.Width, t.size.Height)
	return true
}

// SetNamesVisible shows or leaves out the names of objects.
func (v *Viewer) SetNamesVisible(on bool) {
	v.names.on = on
	v.touch()
}

// NamesVisible tells whether names of objects are shown.
func (v *Viewer) NamesVisible() bool { return v.names.on }

// SetOpacity sets how opaque everything of every object is drawn, 0 (not to be
// seen) to 1. What is selected or in hand is drawn in full, so that a person sees
// what they do; the heat map has an opacity of its own.
func (v *Viewer) SetOpacity(opacity float64) {
	v.restyle(func(s *overlayStyle) { s.faint = 1 - max(0, min(1, opacity)) })
}

// Opacity is what SetOpacity was given.
func (v *Viewer) Opacity() float64 { return 1 - v.style.faint }

// fainter is a colour as opaque as the objects are.
func (v *Viewer) fainter(c color.NRGBA) color.NRGBA {
	c.A = uint8(float64(c.A)*v.Opacity() + 0.5)
	return c
}

// highlight has the overlay mark what is selected when it is too much to be drawn
// live.
func (v *Viewer) highlight() {
	var chosen map[annotate.ID]bool
	if len(v.selection) > selectedDrawn {
		chosen = make(map[annotate.ID]bool, len(v.selection))
		for _, id := range v.selection {
			chosen[id] = true
		}
	}
	if chosen != nil || v.style.chosen != nil {
		v.restyle(func(s *overlayStyle) { s.chosen = chosen })
	}
}
