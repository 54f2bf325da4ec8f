package annotate

import "math/bits"

// Near calls yield with the number and the brief of every object whose box meets
// the box b (level-0 pixels, edges included), in no particular order, until it
// answers false. No shape is read. The brief is yield's during the call only.
func (r *Roll) Near(b Box, yield func(number int, b *Brief) bool) {
	if b.Empty() {
		return
	}
	on := true
	r.tree.Search([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY}, func(_, _ [2]float64, h *held) bool {
		if n, ok := r.Number(h.b.ID); ok {
			on = yield(n, &h.b)
		}
		return on
	})
	if !on || r.index == nil {
		return
	}
	var brief Brief
	r.index.tree.search(b, func(at uint32) bool {
		if has(r.gone, at) {
			return true
		}
		r.index.brief(at, &brief)
		return yield(int(at), &brief)
	})
}

// Objects reads the objects with the numbers, many at once, and calls yield with
// each, in the order of the numbers but for those in memory, which come first, until
// it answers false. What stands for nothing or cannot be read is passed over.
func (r *Roll) Objects(numbers []int, yield func(number int, o *Object) bool) {
	n := r.shelved()
	var places []uint32
	for _, i := range numbers {
		switch {
		case i >= n && i < n+len(r.mem):
			if !yield(i, r.mem[i-n].o) {
				return
			}
		case i >= 0 && i < n && !has(r.gone, uint32(i)):
			places = append(places, uint32(i))
		}
	}
	if len(places) > 0 {
		r.index.load(places, func(at uint32, o *Object) bool { return yield(int(at), o) })
	}
}

// Since tells what stayed since an older roll of the same set: for each number the
// one that the same object, unchanged, had then, or -1; and the boxes of everything
// that came, went or changed, as it was and as it is. False when the rolls have nothing to do
// with each other.
func (r *Roll) Since(old *Roll) (was []int32, changed []Box, ok bool) {
	if old == nil || old.index != r.index {
		return nil, nil, false
	}
	n := r.shelved()
	was = make([]int32, r.Len())
	for i := range n {
		was[i] = int32(i)
	}
	var b Brief
	for w := range r.gone { // the bits of what is gone in one of the two only
		for other := r.gone[w] ^ old.gone[w]; other != 0; other &= other - 1 {
			at := w*64 + bits.TrailingZeros64(other)
			was[at] = -1
			r.index.brief(uint32(at), &b)
			changed = append(changed, b.Box)
		}
	}
	had := make(map[*held]int32, len(old.mem))
	for i, h := range old.mem {
		had[h] = int32(n + i)
	}
	for i, h := range r.mem {
		then, same := had[h]
		if !same {
			then = -1
			changed = append(changed, h.b.Box)
		}
		delete(had, h)
		was[n+i] = then
	}
	for h := range had {
		changed = append(changed, h.b.Box)
	}
	return was, changed, true
}
