package worker

import (
	"slices"
	"sync"
)

// sharedSize is the room for the inputs of runs, bytes. It holds several batches
// of pictures of 448 pixels; pages that are never used cost nothing.
const sharedSize = 128 << 20

// slotAlign is where an input may begin: at a line of the processor's cache.
const slotAlign = 64

// slots shares out a piece of memory among runs, first fit.
type slots struct {
	mu    sync.Mutex
	free  []span // by offset, never touching each other
	taken int
	shut  bool // no more room is given
	gone  *sync.Cond
}

type span struct{ at, size int }

func newSlots(size int) *slots {
	s := &slots{free: []span{{0, size}}}
	s.gone = sync.NewCond(&s.mu)
	return s
}

func aligned(size int) int { return (size + slotAlign - 1) / slotAlign * slotAlign }

// take finds room; false when there is none, or no memory at all.
func (s *slots) take(size int) (at int, ok bool) {
	if s == nil || size == 0 {
		return 0, false
	}
	size = aligned(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.free {
		if s.shut || f.size < size {
			continue
		}
		if f.size == size {
			s.free = slices.Delete(s.free, i, i+1)
		} else {
			s.free[i] = span{f.at + size, f.size - size}
		}
		s.taken++
		return f.at, true
	}
	return 0, false
}

// give returns what take gave.
func (s *slots) give(at, size int) {
	size = aligned(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	defer s.gone.Broadcast()
	i, _ := slices.BinarySearchFunc(s.free, at, func(f span, at int) int { return f.at - at })
	s.free = slices.Insert(s.free, i, span{at, size})
	if i+1 < len(s.free) && at+size == s.free[i+1].at {
		s.free[i].size += s.free[i+1].size
		s.free = slices.Delete(s.free, i+1, i+2)
	}
	if i > 0 && s.free[i-1].at+s.free[i-1].size == at {
		s.free[i-1].size += s.free[i].size
		s.free = slices.Delete(s.free, i, i+1)
	}
}

// drain gives no more room, and returns when nothing is taken any more, so that
// the memory may go.
func (s *slots) drain() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
	for s.taken > 0 {
		s.gone.Wait()
	}
}
