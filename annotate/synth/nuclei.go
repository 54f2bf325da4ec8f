// Package synth makes labels up, as many as are wanted, so that sizes can be
// tried that nobody has drawn: outlines of cell nuclei spread over a slide.
package synth

import (
	"encoding/binary"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"coverslip/annotate"
)

// Author is who the made-up labels are by.
const Author = "made up"

// Nuclei yields n outlines of 20 to 40 vertices, 14 to 44 level-0 pixels across
// and in no more than little overlap, spread over a slide of width × height
// level-0 pixels. Each has one of the classes, which form patches as tissue does.
// The same seed yields the same labels; identifiers follow one another in time.
func Nuclei(n int, width, height float64, classes []annotate.ID, seed uint64) iter.Seq[*annotate.Object] {
	return func(yield func(*annotate.Object) bool) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		// One nucleus a cell of a grid, not in its middle; row by row in blocks, as
		// a program that goes over a slide tile by tile finds them.
		cell := math.Sqrt(width * height / float64(max(1, n)))
		cols := max(1, int(width/cell))
		at := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
		for i := range n {
			cx := (float64(i%cols) + 0.3 + 0.4*rnd.Float64()) * width / float64(cols)
			cy := (float64(i/cols) + 0.3 + 0.4*rnd.Float64()) * cell
			r := min(0.45*cell, 7+15*rnd.Float64()*rnd.Float64())
			o := &annotate.Object{ID: id(uint64(i), seed), Kind: annotate.Annotation,
				ROI:     annotate.Area(outline(rnd, cx, min(cy, height-1), r)),
				Created: at.Add(time.Duration(i) * time.Millisecond), Changed: at.Add(time.Duration(i) * time.Millisecond),
				By: annotate.Provenance{Author: Author, Method: "import:geojson"}}
			if len(classes) > 0 {
				o.Class = classes[classAt(cx/width, cy/height, rnd, len(classes))]
			}
			if !yield(o) {
				return
			}
		}
	}
}

// outline is a bean-shaped ring with coordinates of whole hundredths, as most
// programs write them.
func outline(rnd *rand.Rand, cx, cy, r float64) annotate.Ring {
	ring := make(annotate.Ring, 20+rnd.IntN(21))
	long, turn, dent := 0.7+0.3*rnd.Float64(), 2*math.Pi*rnd.Float64(), 0.15*rnd.Float64()
	for k := range ring {
		a := 2 * math.Pi * float64(k) / float64(len(ring))
		d := r * (1 - dent*math.Cos(2*a) - dent/2*math.Cos(3*a+turn))
		x, y := d*math.Cos(a), d*long*math.Sin(a)
		sin, cos := math.Sincos(turn)
		ring[k] = annotate.Point{X: math.Round(100*max(0, cx+x*cos-y*sin)) / 100, Y: math.Round(100*max(0, cy+x*sin+y*cos)) / 100}
	}
	return ring
}

// classAt is mostly the class of the patch of tissue, now and then another.
func classAt(x, y float64, rnd *rand.Rand, n int) int {
	if rnd.IntN(8) == 0 {
		return rnd.IntN(n)
	}
	v := math.Sin(9*x+2*math.Sin(5*y)) + math.Cos(7*y+3*math.Sin(4*x))
	return min(n-1, max(0, int((v+2)/4*float64(n))))
}

// id is a UUID of version 7 (RFC 9562 §5.7) whose time is the number.
func id(i, seed uint64) annotate.ID {
	var u annotate.ID
	binary.BigEndian.PutUint64(u[:], (0x019b_0000_0000+i/16)<<16|0x7000|i%16)
	binary.BigEndian.PutUint64(u[8:], 1<<63|(seed*0x9e3779b97f4a7c15+i)>>2)
	return u
}
