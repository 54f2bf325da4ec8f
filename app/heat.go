package app

import (
	"context"
	"math"

	"coverslip/annotate"
)

// HeatKind is what a heat map is of.
type HeatKind uint8

// The kinds of heat map.
const (
	HeatNone       HeatKind = iota
	HeatLabels              // labels of all classes, how dense they lie
	HeatClass               // labels of one class, how dense they lie
	HeatScores              // suggestions that wait, the score of each
	HeatWords               // how well a class's words fit each patch
	HeatSimilar             // how like one patch the others are
	HeatAttention           // where in a patch the network looked
	HeatClassScore          // the probability of one class, by what the labels teach now
	HeatUnsure              // how little the best class leads
)

// Heat is a grid of values over a slide.
type Heat struct {
	Kind       HeatKind
	Title      string    // what it shows, for the legend; "" = the kind says it
	Values     []float32 // row by row; NaN: there is none
	Cols, Rows int
	X, Y       float64 // upper left corner of the grid, level-0 pixels
	Cell       float64 // side of a cell, level-0 pixels
	Low, High  float64 // of the values, for the ends of the colours
	Unit       string  // "per mm²", or "" for a score
}

const (
	heatCells = 384 // on the longer side: some pixels of a window each
	heatBlur  = 2   // passes of a blur of three cells: single labels make no freckles
)

// MakeHeat makes a heat map of a slide's labels; class is asked of HeatClass
// alone. Of a million labels it takes a tenth of a second, and no shape is read.
// It answers nil when there is nothing to show, or ctx ends before.
func MakeHeat(ctx context.Context, set *annotate.Set, item SlideItem, kind HeatKind, class annotate.ID) *Heat {
	if kind == HeatNone || kind > HeatScores || item.Width <= 0 || item.Height <= 0 {
		return nil
	}
	h := &Heat{Kind: kind, Cell: float64(max(item.Width, item.Height)) / heatCells}
	h.Cols, h.Rows = int(math.Ceil(float64(item.Width)/h.Cell)), int(math.Ceil(float64(item.Height)/h.Cell))
	sums, counts := make([]float64, h.Cols*h.Rows), make([]float64, h.Cols*h.Rows)
	found, stopped := 0, false
	set.Roll().Each(func(n int, b *annotate.Brief) bool {
		if n&0xffff == 0 && ctx.Err() != nil {
			stopped = true
			return false
		}
		switch {
		case kind == HeatScores && !b.IsSuggestion(), kind != HeatScores && !b.IsLabel(), kind == HeatClass && b.Class != class:
			return true
		}
		found++
		if kind == HeatScores {
			h.spread(b, sums, counts)
			return true
		}
		c := b.Box.Center()
		if col, row := int(c.X/h.Cell), int(c.Y/h.Cell); c.X >= 0 && c.Y >= 0 && col < h.Cols && row < h.Rows {
			sums[row*h.Cols+col]++
		}
		return true
	})
	if found == 0 || stopped {
		return nil
	}
	h.Values = make([]float32, len(sums))
	if kind == HeatScores {
		h.Low, h.High = 0, 1
		for i := range sums {
			h.Values[i] = float32(sums[i] / counts[i]) // NaN where there is none
		}
		return h
	}
	for range heatBlur {
		sums = h.blurred(sums)
	}
	each := 1.0
	h.Unit = "in a cell"
	if item.MPPX > 0 && item.MPPY > 0 {
		each, h.Unit = 1e6/(h.Cell*item.MPPX*h.Cell*item.MPPY), "per mm²"
	}
	for i, n := range sums {
		h.Values[i] = float32(n * each)
		h.High = max(h.High, n*each)
		if n < 1e-3 {
			h.Values[i] = float32(math.NaN())
		}
	}
	return h
}

// spread gives the cells under a suggestion its score.
func (h *Heat) spread(b *annotate.Brief, sums, counts []float64) {
	edge := func(v float64, n int) int { return int(max(0, min(float64(n-1), math.Floor(v/h.Cell)))) }
	c0, c1 := edge(b.Box.MinX, h.Cols), edge(b.Box.MaxX, h.Cols)
	r0, r1 := edge(b.Box.MinY, h.Rows), edge(b.Box.MaxY, h.Rows)
	for row := r0; row <= r1; row++ {
		for col := c0; col <= c1; col++ {
			sums[row*h.Cols+col] += b.Score
			counts[row*h.Cols+col]++
		}
	}
}

// blurred is each cell mixed with its neighbours by the weights 1 2 1, along both
// sides; the sum of all stays, but for what leaves the slide.
func (h *Heat) blurred(in []float64) []float64 {
	mid, out := make([]float64, len(in)), make([]float64, len(in))
	at := func(s []float64, col, row int) float64 {
		return s[max(0, min(h.Rows-1, row))*h.Cols+max(0, min(h.Cols-1, col))]
	}
	for row := range h.Rows {
		for col := range h.Cols {
			mid[row*h.Cols+col] = (at(in, col-1, row) + 2*at(in, col, row) + at(in, col+1, row)) / 4
		}
	}
	for row := range h.Rows {
		for col := range h.Cols {
			out[row*h.Cols+col] = (at(mid, col, row-1) + 2*at(mid, col, row) + at(mid, col, row+1)) / 4
		}
	}
	return out
}

// heat is a map of one value a cell, in the grid's own cells.
func (g grid) heat(kind HeatKind, title string, cells []cell, value func(i int) float64, low, high float64) *Heat {
	h := &Heat{Kind: kind, Title: title, Cols: g.cols, Rows: g.rows, Cell: float64(g.side), Low: low, High: high, Values: make([]float32, g.cols*g.rows)}
	for i := range h.Values {
		h.Values[i] = float32(math.NaN())
	}
	for i, c := range cells {
		h.Values[c.row*g.cols+c.col] = float32(value(i))
	}
	return h
}

// inside keeps the cells whose middle lies in one of the areas; all when there
// is no area.
func (g grid) inside(cells []cell, areas []annotate.ROI) []cell {
	if len(areas) == 0 {
		return cells
	}
	var kept []cell
	for _, c := range cells {
		if lies(areas, g.box(c).Center()) {
			kept = append(kept, c)
		}
	}
	return kept
}

// lies tells whether a point lies in one of the areas; in none it is
// everywhere.
func lies(areas []annotate.ROI, p annotate.Point) bool {
	for _, a := range areas {
		if a.Contains(p) {
			return true
		}
	}
	return len(areas) == 0
}
