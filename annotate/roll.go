package annotate

import (
	"bytes"
	"slices"
)

// Roll is the objects of a set at one moment, numbered from zero, so that a
// table can sort and filter numbers rather than objects. It never changes.
type Roll struct {
	index *Index
	gone  []uint64
	mem   []*held // in the order of the identifiers
	tree  *spatial
}

// Roll calls the roll.
func (s *Set) Roll() *Roll {
	s.mu.RLock()
	r := &Roll{index: s.index, gone: s.gone, mem: s.sorted, tree: s.tree}
	s.mu.RUnlock()
	if r.mem != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Roll{index: s.index, gone: s.gone, mem: s.inOrder(), tree: s.tree}
}

// Len is how many numbers there are. Some of them may stand for nothing.
func (r *Roll) Len() int { return r.shelved() + len(r.mem) }

func (r *Roll) shelved() int {
	if r.index == nil {
		return 0
	}
	return r.index.Len()
}

// Brief writes what is known of the object with a number into b; false when the
// number stands for nothing.
func (r *Roll) Brief(number int, b *Brief) bool {
	n := r.shelved()
	switch {
	case number < 0 || number >= n+len(r.mem):
		return false
	case number >= n:
		*b = r.mem[number-n].b
		return true
	case has(r.gone, uint32(number)):
		return false
	}
	r.index.brief(uint32(number), b)
	return true
}

// Object is the object with a number; nil when the number stands for nothing or
// the object cannot be read.
func (r *Roll) Object(number int) *Object {
	n := r.shelved()
	switch {
	case number < 0 || number >= n+len(r.mem):
		return nil
	case number >= n:
		return r.mem[number-n].o
	case has(r.gone, uint32(number)):
		return nil
	}
	return r.index.one(uint32(number))
}

// Number finds an object on the roll.
func (r *Roll) Number(id ID) (int, bool) {
	if i, ok := slices.BinarySearchFunc(r.mem, id, func(h *held, id ID) int { return bytes.Compare(h.b.ID[:], id[:]) }); ok {
		return r.shelved() + i, true
	}
	if r.index == nil {
		return 0, false
	}
	at, ok := r.index.find(id)
	return int(at), ok && !has(r.gone, at)
}

// Each calls yield with every number that stands for an object, until it answers
// false. The brief is yield's during the call only.
func (r *Roll) Each(yield func(number int, b *Brief) bool) {
	var b Brief
	for i := range r.shelved() {
		if !has(r.gone, uint32(i)) {
			if r.index.brief(uint32(i), &b); !yield(i, &b) {
				return
			}
		}
	}
	for i, h := range r.mem {
		if !yield(r.shelved()+i, &h.b) {
			return
		}
	}
}
