// Package cover paints shapes on a raster: what of a square which class covers,
// masks of patches, rows of whole-slide label images.
//
// A sample belongs to a shape when its centre does, by the even-odd rule over all
// rings, half-open to the right and below, so that two shapes that share an edge
// share no sample and leave none out.
package cover

import (
	"math"
	"slices"

	"coverslip/annotate"
)

// Window is a raster over the slide: sample (i, j) stands for the square of Step
// level-0 pixels whose upper left corner is (X+i*Step, Y+j*Step).
type Window struct {
	X, Y float64 // level-0 pixels
	Step float64 // level-0 pixels a sample
	W, H int     // samples
}

// Box is the window in level-0 pixels.
func (w Window) Box() annotate.Box {
	return annotate.Box{MinX: w.X, MinY: w.Y, MaxX: w.X + float64(w.W)*w.Step, MaxY: w.Y + float64(w.H)*w.Step}
}

// Painter paints shapes; it keeps buffers between calls and is for one goroutine.
type Painter struct {
	edges   []edge
	crosses []float64
}

// edge is a side of a ring, y0 < y1, in samples.
type edge struct{ x0, y0, x1, y1 float64 }

// Spans calls f for every run of samples [from, to) of a row that the shape
// covers. Points and lines cover nothing.
func (p *Painter) Spans(w Window, roi annotate.ROI, f func(row, from, to int)) {
	if !roi.IsArea() || w.W <= 0 || w.H <= 0 {
		return
	}
	p.edges = p.edges[:0]
	for _, polygon := range roi.Outline() {
		p.ring(w, polygon.Outer)
		for _, hole := range polygon.Holes {
			p.ring(w, hole)
		}
	}
	if len(p.edges) == 0 {
		return
	}
	slices.SortFunc(p.edges, func(a, b edge) int {
		switch {
		case a.y0 < b.y0:
			return -1
		case a.y0 > b.y0:
			return 1
		}
		return 0
	})
	last := 0.0
	for _, e := range p.edges {
		last = max(last, e.y1)
	}
	active, next := []edge{}, 0
	for row := max(0, int(math.Floor(p.edges[0].y0-0.5))); row < w.H && float64(row) < last; row++ {
		y := float64(row) + 0.5
		for next < len(p.edges) && p.edges[next].y0 <= y {
			active = append(active, p.edges[next])
			next++
		}
		active = slices.DeleteFunc(active, func(e edge) bool { return e.y1 <= y })
		p.crosses = p.crosses[:0]
		for _, e := range active {
			p.crosses = append(p.crosses, e.x0+(y-e.y0)*(e.x1-e.x0)/(e.y1-e.y0))
		}
		slices.Sort(p.crosses)
		for i := 0; i+1 < len(p.crosses); i += 2 {
			from, to := sample(p.crosses[i], w.W), sample(p.crosses[i+1], w.W)
			if from < to {
				f(row, from, to)
			}
		}
	}
}

// sample is the first sample whose centre lies at x or to its right.
func sample(x float64, w int) int {
	return int(min(max(math.Ceil(x-0.5), 0), float64(w)))
}

func (p *Painter) ring(w Window, ring annotate.Ring) {
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		e := edge{(a.X - w.X) / w.Step, (a.Y - w.Y) / w.Step, (b.X - w.X) / w.Step, (b.Y - w.Y) / w.Step}
		if e.y0 > e.y1 {
			e = edge{e.x1, e.y1, e.x0, e.y0}
		}
		if e.y0 < e.y1 && e.y1 > 0 && e.y0 < float64(w.H) {
			p.edges = append(p.edges, e)
		}
	}
}

// Paint sets every covered sample of mask, which has w.W*w.H bytes row by row, to
// value and returns how many there are.
func (p *Painter) Paint(w Window, roi annotate.ROI, mask []byte, value byte) int {
	n := 0
	p.Spans(w, roi, func(row, from, to int) {
		line := mask[row*w.W+from : row*w.W+to]
		for i := range line {
			line[i] = value
		}
		n += len(line)
	})
	return n
}
