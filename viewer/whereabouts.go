package viewer

import (
	"image"
	"image/color"
	"math"
	"sync"
	"time"

	"coverslip/annotate"
)

// The map of where labels are.
const (
	whereCells = 160 // on the longer side
	whereEvery = 1500 * time.Millisecond
)

// Colours of the fewest and of the most labels in a cell.
var whereLow, whereHigh = color.NRGBA{R: 70, G: 90, B: 255, A: 110}, color.NRGBA{R: 255, G: 40, B: 150, A: 235}

// whereabouts counts the objects of a slide over a coarse grid, in a goroutine of its
// own while there is something to count.
type whereabouts struct {
	mu    sync.Mutex // protects all below
	set   Objects
	part  annotate.Box // what the map covers, level-0 pixels
	due   bool         // the objects changed since they were counted
	busy  bool
	epoch int // counts sets: what was counted of another is thrown away
	last  time.Time
	img   *image.RGBA // nil: no objects
	made  int         // times img was made
}

// show counts other objects, inside a part of the slide.
func (d *whereabouts) show(set Objects, part annotate.Box) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set, d.part, d.due, d.img = set, part, set != nil, nil
	d.epoch++
	d.made++
	d.last = time.Time{}
}

// changed has the objects counted anew.
func (d *whereabouts) changed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.due = d.set != nil
}

// poll is what was counted last and how often that was; waiting tells that a new
// count is on its way. It begins one when it is time.
func (d *whereabouts) poll(now time.Time) (img *image.RGBA, made int, waiting bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.due && !d.busy && now.Sub(d.last) >= whereEvery {
		d.due, d.busy, d.last = false, true, now
		go d.count(d.set, d.part, d.epoch)
	}
	return d.img, d.made, d.busy || d.due
}

func (d *whereabouts) count(set Objects, part annotate.Box, epoch int) {
	img := whereImage(set, part)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = false
	if epoch == d.epoch {
		d.img = img
		d.made++
	}
}

// whereImage paints how many objects have their middle in each cell of a part of
// the slide, on a logarithmic scale; nil when there are none.
func whereImage(set Objects, part annotate.Box) *image.RGBA {
	w, h := part.MaxX-part.MinX, part.MaxY-part.MinY
	if !(w > 0 && h > 0) {
		return nil
	}
	side := max(w, h) / whereCells
	cols, rows := max(1, ceilInt(w/side)), max(1, ceilInt(h/side))
	counts, most := make([]int, cols*rows), 0
	briefs(set, part, func(o *annotate.Brief) {
		if o.Kind == annotate.Detection && o.Decision == annotate.Rejected {
			return
		}
		b := o.Box
		col, row := floorInt(((b.MinX+b.MaxX)/2-part.MinX)/side), floorInt(((b.MinY+b.MaxY)/2-part.MinY)/side)
		if col >= 0 && row >= 0 && col < cols && row < rows {
			counts[row*cols+col]++
			most = max(most, counts[row*cols+col])
		}
	})
	if most == 0 {
		return nil
	}
	img := image.NewRGBA(image.Rect(0, 0, cols, rows))
	for i, n := range counts {
		if n > 0 {
			img.Set(i%cols, i/cols, whereColor(n, most))
		}
	}
	return img
}

// briefs calls f with what is known of the objects that meet a box, without
// their shapes where the set can do without.
func briefs(set Objects, within annotate.Box, f func(*annotate.Brief)) {
	if s, ok := set.(interface {
		Briefs(annotate.Box, func(*annotate.Brief) bool)
	}); ok {
		s.Briefs(within, func(b *annotate.Brief) bool { f(b); return true })
		return
	}
	set.Search(within, func(o *annotate.Object) bool {
		b := annotate.BriefOf(o)
		f(&b)
		return true
	})
}

// whereColor is the colour of n labels in a cell where the fullest has most.
func whereColor(n, most int) color.NRGBA {
	t := 1.0
	if most > 1 {
		t = math.Log(float64(n)) / math.Log(float64(most))
	}
	at := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + t*(float64(b)-float64(a)))) }
	lo, hi := whereLow, whereHigh
	return color.NRGBA{R: at(lo.R, hi.R), G: at(lo.G, hi.G), B: at(lo.B, hi.B), A: at(lo.A, hi.A)}
}
