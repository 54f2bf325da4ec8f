package app

import (
	"context"
	"sort"

	"coverslip/annotate"
	"coverslip/annotate/cover"
)

// patchPlan is a patch that is to be written, and what it is called.
type patchPlan struct {
	example
	also []annotate.ID // further classes, with Multi
}

// coverSamples is the samples a side on which shares of classes are measured:
// 4096 in all, so a share is right within about 1 %.
const coverSamples = 64

// planSlide finds the patches of a slide and notes the classes in use.
func (x *exporter) planSlide(ctx context.Context, item SlideItem, used map[annotate.ID]bool) (*slideExport, error) {
	g, err := newGrid(item.Slide, x.o.Patch, x.o.MPP)
	if err != nil {
		return nil, err
	}
	if x.o.Stride != x.o.Patch {
		g = g.strided(item.Slide, x.o.Stride)
	}
	set, err := x.s.Objects(item.ID)
	if err != nil {
		return nil, err
	}
	e := &slideExport{item: item, grid: g}
	if x.o.Rule == RuleCentre && !x.o.Multi {
		for c, label := range g.labelled(set, anyClass) {
			e.patches = append(e.patches, patchPlan{example: example{c, label}})
		}
	} else if err := x.planCover(ctx, e, set); err != nil {
		return nil, err
	}
	if x.o.Tissue > 0 && len(e.patches) > 0 {
		if err := x.keepTissue(ctx, e); err != nil {
			return nil, err
		}
	}
	for _, p := range e.patches {
		used[p.label.Class] = true
		for _, id := range p.also {
			used[id] = true
		}
	}
	if len(e.patches) > 0 && (x.o.Masks || x.o.Pyramids != "" || x.o.needsObjects()) {
		set.All(func(o *annotate.Object) bool {
			if o.IsLabel() && !o.Class.IsZero() && o.ROI.IsArea() {
				used[o.Class] = true
			}
			return true
		})
	}
	sort.Slice(e.patches, func(i, j int) bool {
		a, b := e.patches[i].cell, e.patches[j].cell
		return a.row < b.row || a.row == b.row && a.col < b.col
	})
	return e, nil
}

// keepTissue leaves out patches with too little tissue.
func (x *exporter) keepTissue(ctx context.Context, e *slideExport) error {
	t, _, err := x.s.find(ctx, e.item.Slide)
	if err != nil {
		return err
	}
	defer t.Close()
	cells, err := e.grid.cellsWith(ctx, t, x.o.Tissue)
	if err != nil {
		return err
	}
	has := map[cell]bool{}
	for _, c := range cells {
		has[c] = true
	}
	kept := e.patches[:0]
	for _, p := range e.patches {
		if has[p.cell] {
			kept = append(kept, p)
		}
	}
	e.patches = kept
	return nil
}

// planCover gives patches their classes by how much of them the labels cover.
func (x *exporter) planCover(ctx context.Context, e *slideExport, set *annotate.Set) error {
	touched := map[cell]bool{}
	set.All(func(o *annotate.Object) bool {
		if o.IsLabel() && !o.Class.IsZero() && o.ROI.IsArea() {
			for c := range e.grid.touching(o.ROI.Bounds()) {
				touched[c] = true
			}
		}
		return ctx.Err() == nil
	})
	m := newCoverMeter()
	for c := range touched {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p, ok := x.classify(m, c, e.grid.box(c), set); ok {
			e.patches = append(e.patches, p)
		}
	}
	return ctx.Err()
}

// touching yields the cells that a box overlaps.
func (g grid) touching(b annotate.Box) func(yield func(cell) bool) {
	return func(yield func(cell) bool) {
		from := func(v float64) int { return max(0, int((v-float64(g.side))/float64(g.step))) }
		c1, r1 := min(g.cols-1, int(b.MaxX)/g.step), min(g.rows-1, int(b.MaxY)/g.step)
		for row := from(b.MinY); row <= r1; row++ {
			for col := from(b.MinX); col <= c1; col++ {
				q := g.box(cell{col, row})
				if q.MinX < b.MaxX && q.MaxX > b.MinX && q.MinY < b.MaxY && q.MaxY > b.MinY && !yield(cell{col, row}) {
					return
				}
			}
		}
	}
}

// coverMeter measures how much of a patch each class covers.
type coverMeter struct {
	painter cover.Painter
	layers  map[annotate.ID][]byte
	spare   [][]byte
}

func newCoverMeter() *coverMeter { return &coverMeter{layers: map[annotate.ID][]byte{}} }

func (m *coverMeter) layer(class annotate.ID) []byte {
	l := m.layers[class]
	if l == nil {
		if n := len(m.spare); n > 0 {
			l, m.spare = m.spare[n-1], m.spare[:n-1]
			clear(l)
		} else {
			l = make([]byte, coverSamples*coverSamples)
		}
		m.layers[class] = l
	}
	return l
}

// classify finds the class or classes of a patch by their cover. Labels of one
// class count together. Where labels of several classes lie over each other the
// smallest counts, as in masks; with Multi each does.
func (x *exporter) classify(m *coverMeter, c cell, b annotate.Box, set *annotate.Set) (patchPlan, bool) {
	for class, l := range m.layers {
		m.spare = append(m.spare, l)
		delete(m.layers, class)
	}
	w := cover.Window{X: b.MinX, Y: b.MinY, Step: (b.MaxX - b.MinX) / coverSamples, W: coverSamples, H: coverSamples}
	most, best := map[annotate.ID]int{}, map[annotate.ID]*annotate.Object{}
	any := make([]byte, coverSamples*coverSamples)
	for _, o := range areasIn(set, b) { // the largest first
		m.painter.Paint(w, o.ROI, any, 1)
		own := m.layer(o.Class)
		if !x.o.Multi { // one class a place: that of the smallest label, as in masks
			for class, l := range m.layers {
				if class != o.Class {
					m.painter.Paint(w, o.ROI, l, 0)
				}
			}
		}
		n := m.painter.Paint(w, o.ROI, own, 1)
		if n > 0 && n > most[o.Class] {
			most[o.Class], best[o.Class] = n, o
		}
	}
	type share struct {
		class annotate.ID
		n     int
	}
	var shares []share
	for class := range best {
		shares = append(shares, share{class, count(m.layers[class])})
	}
	sort.Slice(shares, func(i, j int) bool {
		return shares[i].n > shares[j].n || shares[i].n == shares[j].n && shares[i].class.String() < shares[j].class.String()
	})
	const all = coverSamples * coverSamples
	if len(shares) == 0 {
		return patchPlan{}, false
	}
	least := int(x.o.Cover * all)
	if x.o.Rule == RuleMajority && !x.o.Multi {
		least = all - count(any) + 1 // more than what is not labelled
	}
	if shares[0].n < max(least, 1) {
		return patchPlan{}, false
	}
	p := patchPlan{example: example{c, best[shares[0].class]}}
	for _, s := range shares[1:] {
		if x.o.Multi && s.n >= least {
			p.also = append(p.also, s.class)
		}
	}
	return p, true
}

func count(samples []byte) int {
	n := 0
	for _, v := range samples {
		n += int(v)
	}
	return n
}
