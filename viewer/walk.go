package viewer

import (
	"math"

	"coverslip/annotate"
)

// walkOverlap is the share of a field that its neighbour shows too, so that
// nothing on a border is missed.
const walkOverlap = 0.1

// walkStart is the magnification a walk begins with when the view is too small
// for one.
const walkStart = 10

// walk is a grid of overlapping fields of view over a slide, read as lawns are
// mown: a row to the right, the next to the left.
type walk struct {
	w, h       float64 // field, level-0 pixels
	spanX      float64 // from the first column's middle to the last's
	spanY      float64
	cols, rows int
}

// newWalk divides a slide (level-0 pixels) into fields of the view's size.
func newWalk(view annotate.Box, slideW, slideH float64) walk {
	g := walk{w: view.MaxX - view.MinX, h: view.MaxY - view.MinY}
	g.cols, g.spanX = fieldsOf(g.w, slideW)
	g.rows, g.spanY = fieldsOf(g.h, slideH)
	return g
}

func fieldsOf(field, whole float64) (n int, span float64) {
	if field >= whole {
		return 1, 0
	}
	return 1 + ceilInt((whole-field)/(field*(1-walkOverlap))), whole - field
}

func (g walk) len() int { return g.cols * g.rows }

// middle is the centre of the i-th field of the walk, level-0 pixels.
func (g walk) middle(i int, slideW, slideH float64) (x, y float64) {
	row, col := i/g.cols, i%g.cols
	if row%2 == 1 {
		col = g.cols - 1 - col
	}
	at := func(k, n int, span, whole float64) float64 {
		if n == 1 {
			return whole / 2
		}
		return (whole-span)/2 + span*float64(k)/float64(n-1)
	}
	return at(col, g.cols, g.spanX, slideW), at(row, g.rows, g.spanY, slideH)
}

// nearest is the field whose middle is nearest to a point.
func (g walk) nearest(x, y, slideW, slideH float64) int {
	at := func(v float64, n int, span, whole float64) int {
		if n == 1 {
			return 0
		}
		return max(0, min(n-1, int(math.Round((v-(whole-span)/2)/span*float64(n-1)))))
	}
	col, row := at(x, g.cols, g.spanX, slideW), at(y, g.rows, g.spanY, slideH)
	if row%2 == 1 {
		col = g.cols - 1 - col
	}
	return row*g.cols + col
}

func (g walk) box(i int, slideW, slideH float64) annotate.Box {
	x, y := g.middle(i, slideW, slideH)
	return annotate.Box{MinX: x - g.w/2, MinY: y - g.h/2, MaxX: x + g.w/2, MaxY: y + g.h/2}
}

// on tells whether a view shows a field as the walk itself would.
func (g walk) on(i int, v Viewport, slideW, slideH float64) bool {
	const off = 0.05
	x, y := g.middle(i, slideW, slideH)
	return math.Abs(x-v.CX) <= off*g.w && math.Abs(y-v.CY) <= off*g.h
}

// NextField goes on by one field of view, row by row: forward to the next that
// has tissue and was not seen wholly at this magnification, from the slide's end
// on to its beginning; or backward to the one before that has tissue. Where the
// whole slide is in view it first magnifies. It answers false when there is no
// such field.
func (v *Viewer) NextField(forward bool) bool {
	if v.source == nil || !v.view.Valid() || v.coverage == nil {
		return false
	}
	v.measure()
	v.view = v.limits.clamp(v.motion.finish(v.view))
	to := v.view
	begin := coverStep(v.coverScale(to.Scale)) == 0
	if begin {
		to.Scale = v.limits.scale(walkStart / v.coverScale(1))
	}
	w, h := v.limits.w, v.limits.h
	g := newWalk(to.Within(), w, h)
	if g.len() > walkMost {
		return false
	}
	at, step := g.nearest(to.CX, to.CY, w, h), 1
	switch {
	case begin && forward:
		at = -1
	case begin:
		at = g.len()
	case forward && !g.on(at, to, w, h):
		at-- // the person strayed: this field itself may still be to be seen
	}
	if !forward {
		step = -1
	}
	for n := range g.len() {
		i := at + step*(n+1)
		if forward {
			i = (i + g.len()) % g.len()
		}
		if i < 0 || i >= g.len() {
			break
		}
		b := g.box(i, w, h)
		if v.coverage.Empty(b) || forward && v.coverage.Seen(b, v.coverScale(to.Scale)) {
			continue
		}
		to.CX, to.CY = g.middle(i, w, h)
		v.flyTo(to)
		return true
	}
	v.touch()
	return false
}

// walkMost bounds the fields of a walk: more are seen by nobody.
const walkMost = 4 << 20
