package window

import (
	"fmt"
	"image/color"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
)

// gridView is the front of the queue as many pictures, of which a person selects
// some and decides on all of them at once: a click selects one, Ctrl adds or
// takes away, Shift takes all between, a click on the only selected one flies there.
type gridView struct {
	p      *reviewPanel
	object *fyne.Container
	body   *fyne.Container
	cells  []*gridCell
	crops  *crops
	from   annotate.ID // the last one that was clicked
	page   int
	had    int // pictures that had room when it was laid out last
	words  *text
	next   *button
	prev   *button
}

const (
	gridPicture = 92 // Fyne units
	gridHigh    = 2 * (gridPicture + 26)
)

func newGridView(p *reviewPanel) *gridView {
	v := &gridView{p: p, crops: newCrops(p.w), words: newText("", textSmall, colorQuiet)}
	v.body = container.New(&gridLayout{v})
	turn := func(by int) func() {
		return func() { v.page = max(0, v.page+by); v.update(); p.w.focus() }
	}
	v.prev = newButton(p.w.tips, nil, "‹", "", "The pictures before", turn(-1)).filled().sized(24, 22)
	v.next = newButton(p.w.tips, nil, "›", "", "The next pictures", turn(1)).filled().sized(24, 22)
	all := newButton(p.w.tips, nil, "Select all", "", "Select all that are shown", func() { v.selectAll(); p.w.focus() }).filled().sized(72, 22)
	keys := newText("A accept  ·  X reject  ·  1–9 class  ·  Z skip", textSmall, colorQuiet)
	foot := padded(container.NewBorder(nil, nil, hbox(4, v.prev, v.next, all), container.NewCenter(keys), padded(v.words, 0, 0, 8, 0)), 2, 4, 8, 8)
	v.object = container.New(&heightLayout{height: gridHigh + 34}, container.NewBorder(nil, foot, nil, nil, padded(v.body, 4, 0, 8, 8)))
	v.object.Hide()
	return v
}

func (v *gridView) reset() {
	v.crops.reset(v.p.w.open)
	v.from, v.page = annotate.ID{}, 0
}

// room is how many pictures have room.
func (v *gridView) room() int {
	s := v.body.Size()
	return max(1, int((s.Width+4)/(gridPicture+4))) * max(1, int((s.Height+4)/(gridPicture+24)))
}

// shown are the suggestions of the page.
func (v *gridView) shown() []*annotate.Object {
	items, n := v.p.w.queue.items, v.room()
	v.page = max(0, min(v.page, (len(items)-1)/n))
	return items[min(len(items), v.page*n):min(len(items), (v.page+1)*n)]
}

// update shows the page.
func (v *gridView) update() {
	w := v.p.w
	items := v.shown()
	for len(v.cells) < len(items) {
		c := newGridCell(v)
		v.cells = append(v.cells, c)
		v.body.Add(c)
	}
	chosen := map[annotate.ID]bool{}
	for _, id := range w.viewer.Selection() {
		chosen[id] = true
	}
	selected := 0
	for i, c := range v.cells {
		show(c, i < len(items))
		if i < len(items) {
			c.set(items[i], chosen[items[i].ID])
			if chosen[items[i].ID] {
				selected++
			}
		}
	}
	words := v.p.idleWords()
	if len(items) > 0 {
		n := v.room()
		words = fmt.Sprintf("%d to %d of %s", v.page*n+1, v.page*n+len(items), number(len(w.queue.items)))
		if selected > 0 {
			words += fmt.Sprintf("  ·  %d selected", selected)
		}
	}
	v.words.Set(words)
	v.prev.SetEnabled(v.page > 0)
	v.next.SetEnabled((v.page+1)*v.room() < len(w.queue.items))
	v.body.Refresh()
}

// pick selects as in a program for photos.
func (v *gridView) pick(id annotate.ID, m fyne.KeyModifier) {
	w := v.p.w
	ids := slices.Clone(w.viewer.Selection())
	switch {
	case m&fyne.KeyModifierControl != 0:
		if i := slices.Index(ids, id); i >= 0 {
			ids = slices.Delete(ids, i, i+1)
		} else {
			ids = append(ids, id)
		}
	case m&fyne.KeyModifierShift != 0 && !v.from.IsZero():
		items := w.queue.items
		at := func(id annotate.ID) int {
			return slices.IndexFunc(items, func(o *annotate.Object) bool { return o.ID == id })
		}
		a, b := at(v.from), at(id)
		if a < 0 {
			a = b
		}
		ids = nil
		for i := min(a, b); i <= max(a, b); i++ {
			ids = append(ids, items[i].ID)
		}
		w.choose(ids)
		return
	case len(ids) == 1 && ids[0] == id: // again: to the place itself
		v.from = id
		w.queue.show(id)
		return
	default:
		ids = []annotate.ID{id}
	}
	v.from = id
	w.choose(ids)
}

func (v *gridView) selectAll() {
	var ids []annotate.ID
	for _, o := range v.shown() {
		ids = append(ids, o.ID)
	}
	v.p.w.choose(ids)
}

// choose selects objects without flying there.
func (w *Window) choose(ids []annotate.ID) {
	w.viewer.SetSelection(ids)
	w.selected(ids)
	w.review.refresh()
	w.focus()
}

// gridLayout lays the pictures out in rows.
type gridLayout struct{ v *gridView }

// MinSize implements fyne.Layout.
func (l *gridLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(gridPicture, gridPicture)
}

// Layout implements fyne.Layout.
func (l *gridLayout) Layout(objects []fyne.CanvasObject, s fyne.Size) {
	if n := l.v.room(); n != l.v.had { // made wider or narrower: as many pictures as have room
		l.v.had = n
		l.v.p.w.post(l.v.update)
	}
	cols := max(1, int((s.Width+4)/(gridPicture+4)))
	for i, o := range objects {
		o.Move(fyne.NewPos(float32(i%cols)*(gridPicture+4), float32(i/cols)*(gridPicture+24)))
		o.Resize(fyne.NewSize(gridPicture, gridPicture+20))
	}
}

// gridCell is one picture with its class and score.
type gridCell struct {
	widget.BaseWidget
	v      *gridView
	id     annotate.ID
	pic    *canvas.Image
	frame  *canvas.Rectangle
	swatch *canvas.Rectangle
	words  *text
	box    *fyne.Container
}

func newGridCell(v *gridView) *gridCell {
	c := &gridCell{v: v, pic: reviewPicture(gridPicture), frame: canvas.NewRectangle(color.Transparent), swatch: swatch(9), words: newText("", textTiny, theme.ColorNameForeground).fixed(40)}
	c.frame.CornerRadius = 5
	low := container.NewBorder(nil, nil, container.NewCenter(c.swatch), nil, padded(c.words, 0, 0, 4, 0))
	c.box = container.NewBorder(nil, low, nil, nil, container.NewStack(newFill(colorChip, 5), c.pic, c.frame))
	c.ExtendBaseWidget(c)
	return c
}

// CreateRenderer implements fyne.Widget.
func (c *gridCell) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(c.box) }

// Tapped implements fyne.Tappable.
func (c *gridCell) Tapped(*fyne.PointEvent) { c.v.pick(c.id, keyModifiers()) }

// Cursor implements desktop.Cursorable.
func (c *gridCell) Cursor() desktop.Cursor { return desktop.PointerCursor }

// set shows a suggestion.
func (c *gridCell) set(o *annotate.Object, chosen bool) {
	w := c.v.p.w
	c.id = o.ID
	putPicture(c.pic, c.v.crops.get(o, c.v.update))
	name, colour := w.classOf(o.Class)
	words := fmt.Sprintf("%s %.2f", name, o.By.Score)
	if c.v.p.blind {
		words, colour = "?", color.NRGBA{128, 128, 128, 255}
	}
	c.words.Set(words)
	setSwatch(c.swatch, colour)
	c.frame.StrokeWidth, c.frame.StrokeColor = 0, color.Transparent
	if chosen {
		c.frame.StrokeWidth, c.frame.StrokeColor = 3, themeColor(theme.ColorNamePrimary)
	}
	c.frame.Refresh()
}
