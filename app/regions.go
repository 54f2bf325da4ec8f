package app

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/models/dense"
	"coverslip/models/learn"
)

// RegionOptions says how suggestions are merged.
type RegionOptions struct {
	Least    int     // patches that a region must hold; 0 = 3
	Coverage float64 // share of the patches that a class is named for; 0 = all
}

// RegionReport says what was merged.
type RegionReport struct {
	Regions int // written
	Merged  int // suggestions that went into them
	Left    int // suggestions that stay as they are, too few together
}

// regionFine is how many points of the field a patch is wide: enough for an
// outline without corners.
const regionFine = 4

// MergeRegions replaces neighbouring suggestions of one class by one suggestion
// with a smooth outline: where that class leads, by what the labels of this
// moment say of every embedded patch, the lead taken as smooth between the
// centres of the patches. Regions are decided on, moved and reshaped like every
// suggestion. One edit, one undo. It returns storage.ErrNoEmbeddings and
// ErrFewLabels where nothing was learned, and the cause of ctx.
func (s *Session) MergeRegions(ctx context.Context, slide annotate.ID, o RegionOptions) (RegionReport, error) {
	if o.Least <= 0 {
		o.Least = 3
	}
	r := s.Ranker(slide)
	r.mu.Lock()
	defer r.mu.Unlock()
	ps, err := r.patches(ctx)
	if err != nil {
		return RegionReport{}, err
	}
	least := 0.0
	if o.Coverage > 0 && o.Coverage < 1 {
		least = learn.MarginFor(ps.scores, o.Coverage)
	}
	set, waiting := s.waiting(slide)
	var rep RegionReport
	e := annotate.Edit{Slide: slide}
	for k, class := range ps.t.classes {
		if err := ctx.Err(); err != nil {
			return RegionReport{}, context.Cause(ctx)
		}
		var mine []waits
		for _, w := range waiting {
			if w.class == class {
				mine = append(mine, w)
			}
		}
		if len(mine) < o.Least {
			rep.Left += len(mine)
			continue
		}
		rois, err := ps.outlines(k, least)
		if err != nil {
			return RegionReport{}, err
		}
		for _, roi := range rois {
			in, rest := split(mine, roi)
			if len(in) < o.Least {
				continue
			}
			region := s.region(set, ps, class, roi, in)
			if region == nil {
				continue
			}
			mine = rest
			for _, w := range in {
				if old := set.Get(w.id); old != nil && old.IsSuggestion() {
					e.Changes = append(e.Changes, annotate.Change{Before: old})
					rep.Merged++
				}
			}
			e.Changes = append(e.Changes, annotate.Change{After: region})
			rep.Regions++
		}
		rep.Left += len(mine)
	}
	if rep.Regions == 0 {
		return rep, nil
	}
	e.Label = fmt.Sprintf("Merge %s into %s", counted("", rep.Merged, "suggestion"), counted("", rep.Regions, "region"))
	e.Label = strings.Join(strings.Fields(e.Label), " ")
	return rep, s.Apply(e)
}

// split parts suggestions into those whose middle lies in a shape, and the rest.
func split(all []waits, roi annotate.ROI) (in, rest []waits) {
	b := roi.Bounds()
	for _, w := range all {
		p := w.box.Center()
		if p.X >= b.MinX && p.X <= b.MaxX && p.Y >= b.MinY && p.Y <= b.MaxY && roi.Contains(p) {
			in = append(in, w)
		} else {
			rest = append(rest, w)
		}
	}
	return in, rest
}

// outlines are the regions where class k leads, in level-0 pixels.
func (ps *patchScores) outlines(k int, least float64) ([]annotate.ROI, error) {
	g := ps.e.grid
	c0, r0, c1, r1 := g.cols, g.rows, -1, -1
	for c := range ps.e.row {
		c0, r0, c1, r1 = min(c0, c.col), min(r0, c.row), max(c1, c.col), max(r1, c.row)
	}
	if c1 < 0 {
		return nil, nil
	}
	c0, r0, c1, r1 = c0-1, r0-1, c1+1, r1+1 // a border where nothing leads
	cols, rows := c1-c0+1, r1-r0+1
	coarse := make([]float64, cols*rows)
	for row := range rows {
		for col := range cols {
			coarse[row*cols+col] = ps.lead(cell{c0 + col, r0 + row}, k, least)
		}
	}
	w, h := cols*regionFine, rows*regionFine
	fine := make([]float32, w*h)
	for y := range h {
		v, fy := between(y, rows)
		for x := range w {
			u, fx := between(x, cols)
			at := func(i, j int) float64 { return coarse[min(rows-1, j)*cols+min(cols-1, i)] }
			top := at(u, v)*(1-fx) + at(u+1, v)*fx
			low := at(u, v+1)*(1-fx) + at(u+1, v+1)*fx
			fine[y*w+x] = float32(top*(1-fy) + low*fy)
		}
	}
	// A soft mean takes the corners that interpolation leaves.
	h4 := Heat{Cols: w, Rows: h}
	soft := make([]float64, len(fine))
	for i, v := range fine {
		soft[i] = float64(v)
	}
	soft = h4.blurred(h4.blurred(soft))
	for i, v := range soft {
		fine[i] = float32(v)
	}
	found, err := dense.Outlines(fine, w, h, regionFine*regionFine)
	if err != nil {
		return nil, err
	}
	unit := float64(g.side) / regionFine
	level0 := func(r dense.Ring) annotate.Ring {
		out := make(annotate.Ring, len(r))
		for i, p := range r {
			out[i] = annotate.Point{X: float64(c0*g.side) + p.X*unit, Y: float64(r0*g.side) + p.Y*unit}
		}
		return out
	}
	var rois []annotate.ROI
	for _, o := range found {
		p := annotate.Polygon{Outer: level0(o.Outer)}
		for _, hole := range o.Holes {
			p.Holes = append(p.Holes, level0(hole))
		}
		rois = append(rois, annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{p}})
	}
	return rois, nil
}

// between is the cell before point i of the fine field, and how far the point is
// from its centre to the next one's, 0..1.
func between(i, cells int) (int, float64) {
	at := (float64(i)+0.5)/regionFine - 0.5
	c := max(0, min(cells-1, int(math.Floor(at))))
	return c, max(0, min(1, at-float64(c)))
}

// region is the suggestion that stands for some patches; nil when its outline
// cannot be drawn.
func (s *Session) region(set *annotate.Set, ps *patchScores, class annotate.ID, roi annotate.ROI, in []waits) *annotate.Object {
	first := set.Get(in[0].id)
	if first == nil {
		return nil
	}
	if thin, err := roi.Simplified(float64(ps.e.grid.side) / 40); err == nil {
		roi = thin
	}
	roi, err := mend(roi)
	if err != nil {
		return nil
	}
	score, margin, best := 0.0, 0.0, in[0]
	for _, w := range in {
		score, margin = score+w.score/float64(len(in)), margin+w.margin/float64(len(in))
		if w.score > best.score {
			best = w
		}
	}
	by := first.By
	by.Author, by.Score, by.Margin = s.Author(), score, margin
	by.Method = ps.probe.Method() + ", merged"
	by.Params = strings.TrimSpace(first.By.Params + fmt.Sprintf(" merged=%d", len(in)))
	if o := set.Get(best.id); o != nil {
		by.Nearest = o.By.Nearest
	}
	name := "the class"
	if c := s.Palette().ByID(class); c != nil {
		name = c.Name
	}
	by.Why = fmt.Sprintf("%s leads in %s that touch; mean score %.0f %%.", name, grouped(len(in), "patch"), 100*score)
	if by.Untrained {
		by.Why = "The encoder is untrained: this means little. " + by.Why
	}
	now := time.Now().UTC()
	return &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection, ROI: roi, Class: class, Created: now, Changed: now, By: by}
}
