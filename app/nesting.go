package app

import (
	"cmp"
	"context"
	"slices"

	"coverslip/annotate"
)

// Nesting is which label lies in which, of all labels of a slide at one moment: in
// the smallest area that is larger than it and holds its centre, as Around says of one.
// It holds four bytes a label and never changes.
type Nesting struct {
	roll *annotate.Roll
	in   []int32 // by number on the roll: that of what it lies in; -1: nothing
}

// Nest finds what lies in what. Of the older nesting of the same slide, which may be nil,
// everything stays that no change since can have touched. The first one reads the shapes of
// all labels that overlap others, of a million crowded nuclei some ten seconds; it tells how far
// it is and answers nil when ctx ends before.
func Nest(ctx context.Context, roll *annotate.Roll, old *Nesting, p Progress) *Nesting {
	t := &Nesting{roll: roll, in: make([]int32, roll.Len())}
	for i := range t.in {
		t.in[i] = -1
	}
	w := nester{Nesting: t, prepared: map[int]*annotate.Within{}, asked: map[int]int{}}
	todo := w.keep(old)
	for done := 0; done < len(todo); done += nestBatch {
		if ctx.Err() != nil {
			return nil
		}
		p.report("what lies in what", done, len(todo))
		w.batch(todo[done:min(len(todo), done+nestBatch)])
	}
	return t
}

// nestBatch is how many shapes are read at a time.
const nestBatch = 512

// In is the number on the roll of what the object with a number lies in; -1 for
// nothing.
func (t *Nesting) In(number int) int { return int(t.in[number]) }

// Of is what an object lies in; nil for nothing, and for what the nesting does not know.
func (t *Nesting) Of(id annotate.ID) *annotate.Object {
	n, ok := t.roll.Number(id)
	if !ok || t.in[n] < 0 {
		return nil
	}
	return t.roll.Object(int(t.in[n]))
}

type nester struct {
	*Nesting
	prepared map[int]*annotate.Within // shapes that are asked often
	asked    map[int]int              // how often others were
	near     []larger                 // room for holder
}

// keep takes over what an older nesting knows and lists the numbers of the rest.
func (w *nester) keep(old *Nesting) []int {
	var was []int32
	var changed []annotate.Box
	known := false
	if old != nil {
		was, changed, known = w.roll.Since(old.roll)
	}
	anew := make([]bool, len(w.in))
	var todo []int
	if known {
		now := make([]int32, len(old.in)) // numbers of then, now
		for i := range now {
			now[i] = -1
		}
		for i, then := range was {
			if then >= 0 {
				now[then] = int32(i)
			}
		}
		for _, b := range changed {
			w.roll.Near(b, func(number int, _ *annotate.Brief) bool { anew[number] = true; return true })
		}
		for i, then := range was {
			if then < 0 || anew[i] {
				anew[i] = true
			} else if in := old.in[then]; in >= 0 {
				w.in[i] = now[in]
			}
		}
	}
	w.roll.Each(func(number int, b *annotate.Brief) bool {
		if (!known || anew[number]) && b.IsLabel() {
			todo = append(todo, number)
		}
		return true
	})
	return todo
}

// larger is an area that may hold another object.
type larger struct {
	number int
	area   float64
}

// nearlyEqual is how much areas of briefs may differ from those of the shapes.
const nearlyEqual = 1e-6

// batch finds what each of the objects lies in. The shapes of those whose boxes no
// larger area's box meets are not read.
func (w *nester) batch(numbers []int) {
	var read []int
	var mine annotate.Brief
	for _, n := range numbers {
		if !w.roll.Brief(n, &mine) {
			continue
		}
		least, found := mine.Area*(1-nearlyEqual), false
		w.roll.Near(mine.Box, func(q int, b *annotate.Brief) bool {
			found = q != n && b.IsLabel() && ofArea(b.Shape) && b.Area >= least
			return !found
		})
		if found {
			read = append(read, n)
		}
	}
	w.roll.Objects(read, func(n int, o *annotate.Object) bool {
		w.in[n] = w.holder(n, o)
		return true
	})
}

// holder is the smallest area that is larger than the object with a number and
// holds its centre; -1 for none.
func (w *nester) holder(n int, o *annotate.Object) int32 {
	c, area := o.ROI.Centroid(), o.ROI.Area()
	w.near = w.near[:0]
	w.roll.Near(annotate.Box{MinX: c.X, MinY: c.Y, MaxX: c.X, MaxY: c.Y}, func(q int, b *annotate.Brief) bool {
		if q != n && b.IsLabel() && ofArea(b.Shape) && b.Area >= area*(1-nearlyEqual) {
			w.near = append(w.near, larger{q, b.Area})
		}
		return true
	})
	slices.SortFunc(w.near, func(a, b larger) int {
		return cmp.Or(cmp.Compare(a.area, b.area), cmp.Compare(a.number, b.number))
	})
	for _, q := range w.near {
		if !w.holds(q.number, c) {
			continue
		}
		if q.area <= area*(1+nearlyEqual) { // the brief is not exact enough
			if whole := w.roll.Object(q.number); whole == nil || whole.ROI.Area() <= area {
				continue
			}
		}
		return int32(q.number)
	}
	return -1
}

// A shape is prepared when it is asked as often; so many counts are kept.
const (
	prepareAfter = 24
	mostAsked    = 100_000
)

func (w *nester) holds(number int, p annotate.Point) bool {
	if ready := w.prepared[number]; ready != nil {
		return ready.Contains(p)
	}
	o := w.roll.Object(number)
	if o == nil {
		return false
	}
	if o.ROI.Vertices() >= prepareAfter {
		if w.asked[number]++; w.asked[number] > prepareAfter {
			delete(w.asked, number)
			w.prepared[number] = annotate.NewWithin(o.ROI)
		}
		if len(w.asked) > mostAsked {
			clear(w.asked)
		}
	}
	return o.ROI.Contains(p)
}

// ofArea tells whether a shape covers an area.
func ofArea(k annotate.Kind) bool {
	return k == annotate.KindRectangle || k == annotate.KindEllipse || k == annotate.KindPolygon
}
