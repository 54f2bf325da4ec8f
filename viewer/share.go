package viewer

import (
	"image"
	"slices"
	"sync"

	"coverslip/tiles"
)

// Share is one viewer's part of a source that several viewers look at: a source
// has one list of wishes, which the next viewer's would replace. What one of
// them had fetched, all have. Its methods are safe for concurrent use.
type Share struct {
	source Source
	all    *sharers
	wish   []tiles.Key // protected by all.mu
}

// sharers are the viewers of a source.
type sharers struct {
	mu    sync.Mutex // protects what follows, and the wishes of the shares
	list  []*Share
	mixed []tiles.Key
}

// NewShare gives the first viewer of a source its part.
func NewShare(source Source) *Share {
	s := &Share{source: source, all: &sharers{}}
	s.all.list = []*Share{s}
	return s
}

// Another gives one more viewer of the same source its part.
func (s *Share) Another() *Share {
	n := &Share{source: s.source, all: s.all}
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	s.all.list = append(s.all.list, n)
	return n
}

// End takes a viewer's wishes away; the others' stay. The share is not used any
// more.
func (s *Share) End() {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	s.wish = nil
	s.all.list = slices.DeleteFunc(s.all.list, func(o *Share) bool { return o == s })
	if len(s.all.list) > 0 {
		s.all.tell(s.source)
	}
}

// Slide implements Source.
func (s *Share) Slide() tiles.Slide { return s.source.Slide() }

// Want implements Source: the first wishes of every viewer come before the second
// ones of any.
func (s *Share) Want(keys []tiles.Key) {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	if !slices.Contains(s.all.list, s) {
		return
	}
	s.wish = append(s.wish[:0], keys...)
	s.all.tell(s.source)
}

// tell gives the source everybody's wishes; the lock is held.
func (a *sharers) tell(source Source) {
	if len(a.list) == 1 {
		source.Want(a.list[0].wish)
		return
	}
	a.mixed = a.mixed[:0]
	for i, more := 0, true; more; i++ {
		more = false
		for _, s := range a.list {
			if i < len(s.wish) {
				a.mixed, more = append(a.mixed, s.wish[i]), true
			}
		}
	}
	source.Want(a.mixed)
}

// Get implements Source.
func (s *Share) Get(k tiles.Key) (*image.RGBA, bool) { return s.source.Get(k) }

// Failed implements Source.
func (s *Share) Failed(k tiles.Key) error { return s.source.Failed(k) }

// Pending implements Source: of this viewer's wishes alone, or one that rests
// would wait for the other's.
func (s *Share) Pending() int {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	if len(s.all.list) == 1 {
		return s.source.Pending()
	}
	n := 0
	for _, k := range s.wish {
		if _, ok := s.source.Get(k); !ok && s.source.Failed(k) == nil {
			n++
		}
	}
	return n
}
