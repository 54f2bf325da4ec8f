package window

import (
	"context"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// labelTree is the list of annotations by what lies in what. Off, it is a list.
type labelTree struct {
	on      bool
	open    map[annotate.ID]bool // whose inside is shown
	lines   []app.TreeLine       // as they stand; nil while there is no tree
	nesting *app.Nesting         // of the slide, as last found; nil: not yet
}

// nestAtOnce is how many labels are put in a tree without a job of its own, which
// shows how far it is and can be stopped.
const nestAtOnce = 20_000

// toggleTree shows the annotations as a tree, or as a list again.
func (w *Window) toggleTree() {
	t := &w.labels.tree
	if t.on {
		t.on = false
		w.labels.grow()
		w.status.say("The annotations are a list.")
		return
	}
	words := "The annotations are a tree: what lies in another stands below it."
	open := w.open
	if t.nesting != nil || open.Set.Len() <= nestAtOnce {
		t.on = true
		w.recountThen(func() { w.status.say(words) })
		return
	}
	table := w.labels.table()
	w.startJob("What lies in what", func(j *job) error {
		nesting := table.Nest(j.ctx, nil, j.progress)
		if nesting == nil {
			return j.ctx.Err()
		}
		w.post(func() {
			if w.open == open {
				t.on, t.nesting = true, nesting
				w.recountThen(func() { w.status.say(words) })
			}
		})
		return nil
	})
}

// nest puts a table that was made anew in a tree; nil when none is wanted, or when
// that takes a job of its own. It is not for Fyne's goroutine.
func (t labelTree) nest(table *app.Table) (*app.Nesting, *app.Tree) {
	if !t.on || t.nesting == nil && table.Total() > nestAtOnce {
		return nil, nil
	}
	nesting := table.Nest(context.Background(), t.nesting, nil)
	return nesting, app.MakeTree(table, nesting)
}

// grow finds which lines the tree shows.
func (p *labelsPanel) grow() {
	p.tree.lines = nil
	if tree := p.w.survey.tree; p.tree.on && tree != nil {
		p.tree.lines = tree.Lines(func(row int) bool { return p.tree.open[p.table().Brief(row).ID] })
	}
	p.update()
}

// count is how many lines there are.
func (p *labelsPanel) count() int {
	if p.tree.lines != nil {
		return len(p.tree.lines)
	}
	return p.table().Len()
}

// rowAt is the row of the table that a line shows, and how deep it stands.
func (p *labelsPanel) rowAt(line int) (row, depth int) {
	if p.tree.lines == nil {
		return line, 0
	}
	if line < 0 || line >= len(p.tree.lines) {
		return -1, 0
	}
	l := p.tree.lines[line]
	return int(l.Row), int(l.Depth)
}

// brief is what is known of the label in a line.
func (p *labelsPanel) brief(line int) annotate.Brief {
	row, _ := p.rowAt(line)
	return p.table().Brief(row)
}

// reveal brings the line of a label into view; in the tree it is opened as far as
// that needs.
func (p *labelsPanel) reveal(id annotate.ID) {
	row := p.table().Row(id)
	if row < 0 {
		return
	}
	if p.tree.lines == nil {
		p.list.Reveal(row)
		return
	}
	tree, grown := p.w.survey.tree, false
	for up := tree.In(row); up >= 0; up = tree.In(up) {
		if in := p.table().Brief(up).ID; !p.tree.open[in] {
			p.tree.open[in], grown = true, true
		}
	}
	if grown {
		p.grow()
	}
	for i, l := range p.tree.lines {
		if int(l.Row) == row {
			p.list.Reveal(i)
			return
		}
	}
}

// fold opens or closes what lies in a label; deep means all below it as well.
func (p *labelsPanel) fold(line int, deep bool) {
	row, _ := p.rowAt(line)
	tree := p.w.survey.tree
	if row < 0 || tree == nil {
		return
	}
	id := p.table().Brief(row).ID
	open := !p.tree.open[id]
	var set func(row int, id annotate.ID)
	set = func(row int, id annotate.ID) {
		delete(p.tree.open, id)
		if open {
			p.tree.open[id] = true
		}
		if deep {
			for _, kid := range tree.Rows(row) {
				if tree.Below(int(kid)) > 0 {
					set(int(kid), p.table().Brief(int(kid)).ID)
				}
			}
		}
	}
	set(row, id)
	p.grow()
	p.w.focus()
}

// between lists the labels of the lines from one to another.
func (p *labelsPanel) between(first, last int) []annotate.ID {
	if p.tree.lines == nil {
		return p.table().IDs(first, last)
	}
	var ids []annotate.ID
	for i := max(0, first); i <= min(last, len(p.tree.lines)-1); i++ {
		ids = append(ids, p.brief(i).ID)
	}
	return ids
}

// branch is the place before a line of the tree: as wide as it stands deep, with a
// chevron when something lies in it.
type branch struct {
	widget.BaseWidget
	depth  int
	shown  bool // in a tree at all
	inside bool // something lies in it
	open   bool
	tapped func(deep bool)
}

// Looks of a branch, Fyne units.
const (
	branchStep = 11
	branchHead = 14
	branchDeep = 8 // steps that are shown; what is deeper stands as deep
)

func newBranch() *branch {
	b := &branch{}
	b.ExtendBaseWidget(b)
	return b
}

// Set shows a line of a tree, or of a list; it tells whether its width changed.
func (b *branch) Set(shown bool, depth int, inside, open bool) bool {
	before := b.MinSize().Width
	b.shown, b.depth, b.inside, b.open = shown, min(depth, branchDeep), inside, open
	b.Refresh()
	return b.MinSize().Width != before
}

// Tapped implements fyne.Tappable.
func (b *branch) Tapped(*fyne.PointEvent) {
	if b.inside && b.tapped != nil {
		b.tapped(keyModifiers()&fyne.KeyModifierShift != 0)
	}
}

// Cursor implements desktop.Cursorable.
func (b *branch) Cursor() desktop.Cursor {
	if b.inside {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// MinSize implements fyne.CanvasObject.
func (b *branch) MinSize() fyne.Size {
	if !b.shown {
		return fyne.NewSize(0, 10)
	}
	return fyne.NewSize(float32(b.depth*branchStep+branchHead), 10)
}

// CreateRenderer implements fyne.Widget.
func (b *branch) CreateRenderer() fyne.WidgetRenderer {
	r := &branchRenderer{b: b}
	for i := range r.chevron {
		r.chevron[i] = canvas.NewLine(color.Transparent)
		r.chevron[i].StrokeWidth = 1.5
	}
	r.Refresh()
	return r
}

type branchRenderer struct {
	b       *branch
	chevron [2]*canvas.Line
}

func (r *branchRenderer) Destroy()           {}
func (r *branchRenderer) MinSize() fyne.Size { return r.b.MinSize() }
func (r *branchRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.chevron[0], r.chevron[1]}
}

func (r *branchRenderer) Layout(s fyne.Size) {
	x, y := s.Width-branchHead/2-1, s.Height/2
	ends := [3]fyne.Position{{X: x - 2, Y: y - 3.5}, {X: x + 2, Y: y}, {X: x - 2, Y: y + 3.5}}
	if r.b.open {
		ends = [3]fyne.Position{{X: x - 3.5, Y: y - 2}, {X: x, Y: y + 2}, {X: x + 3.5, Y: y - 2}}
	}
	for i, l := range r.chevron {
		l.Position1, l.Position2 = ends[i], ends[i+1]
	}
}

func (r *branchRenderer) Refresh() {
	r.Layout(r.b.Size())
	for _, l := range r.chevron {
		l.StrokeColor = color.Transparent
		if r.b.shown && r.b.inside {
			l.StrokeColor = themeColor(theme.ColorNameForeground)
		}
		canvas.Refresh(l)
	}
}
