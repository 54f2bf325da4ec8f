package annotate

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidwall/rtree"
)

// Set is all objects of one slide with their spatial index. It is safe for
// concurrent use. Readers see the state of one moment: a Search or All that
// runs while an edit is applied answers with the objects of before, and no
// reader holds a lock while it calls back.
type Set struct {
	mu     sync.RWMutex // protects the four below
	byID   map[ID]*Object
	counts map[ID]int
	tree   *spatial  // never changed once it stands here: Apply puts a changed copy
	sorted []*Object // by ID; nil when it must be made anew

	revision atomic.Uint64
}

type spatial = rtree.RTreeGN[float64, *Object]

// NewSet makes a set of the objects, which must not be changed afterwards. Of
// two with the same ID the later counts.
func NewSet(objects []*Object) *Set {
	s := &Set{byID: make(map[ID]*Object, len(objects)), counts: map[ID]int{}, tree: new(spatial)}
	for _, o := range objects {
		if old := s.byID[o.ID]; old != nil {
			s.forget(old)
		}
		s.keep(o)
	}
	return s
}

// Apply makes the edit's changes to objects, all of them or none. It answers
// ErrInvalidEdit or ErrInvalidROI for an edit that makes no sense, and
// ErrConflict when a Before is not what the set holds. Changes of classes are
// not the set's business and are passed over.
func (s *Set) Apply(e Edit) error {
	if err := e.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range e.Changes {
		if have := s.byID[c.ID()]; !have.Equal(c.Before) {
			return fmt.Errorf("annotate: %s: object %s: %w", e.Label, c.ID(), ErrConflict)
		}
	}
	s.tree = s.tree.Copy()
	for _, c := range e.Changes {
		if c.Before != nil {
			s.forget(s.byID[c.ID()])
		}
		if c.After != nil {
			s.keep(c.After)
		}
	}
	s.sorted = nil
	s.revision.Add(1)
	return nil
}

// keep and forget need mu and a tree of our own.
func (s *Set) keep(o *Object) {
	s.byID[o.ID] = o
	if b := o.ROI.Bounds(); b.finite() {
		s.tree.Insert([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY}, o)
	}
	if o.IsLabel() {
		s.counts[o.Class]++
	}
}

func (s *Set) forget(o *Object) {
	delete(s.byID, o.ID)
	if b := o.ROI.Bounds(); b.finite() {
		s.tree.Delete([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY}, o)
	}
	if o.IsLabel() {
		if s.counts[o.Class]--; s.counts[o.Class] == 0 {
			delete(s.counts, o.Class)
		}
	}
}

// Get finds an object; nil when the set does not hold it.
func (s *Set) Get(id ID) *Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

// Len is the number of objects, rejected ones included.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byID)
}

// All calls yield with every object in the order of the IDs (for fresh IDs:
// oldest first) until it answers false. The first call after an edit sorts, so
// what is asked every frame should use Search.
func (s *Set) All(yield func(*Object) bool) {
	for _, o := range s.inOrder() {
		if !yield(o) {
			return
		}
	}
}

var _ iter.Seq[*Object] = (*Set)(nil).All

func (s *Set) inOrder() []*Object {
	s.mu.RLock()
	list := s.sorted
	s.mu.RUnlock()
	if list != nil {
		return list
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sorted == nil {
		list = make([]*Object, 0, len(s.byID))
		for _, o := range s.byID {
			list = append(list, o)
		}
		slices.SortFunc(list, func(a, b *Object) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		s.sorted = list
	}
	return s.sorted
}

// Search calls yield with every object whose bounds meet the box (level-0
// pixels, edges included), in no particular order, until it answers false.
func (s *Set) Search(b Box, yield func(*Object) bool) {
	if b.Empty() {
		return
	}
	s.mu.RLock()
	tree := s.tree
	s.mu.RUnlock()
	tree.Search([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY},
		func(_, _ [2]float64, o *Object) bool { return yield(o) })
}

// At is the objects under the point: areas that contain it, and outlines, lines
// and points nearer than tolerance level-0 pixels. The smallest area comes
// first, so that what lies inside another can be picked; among equals the
// nearest, then the newest. Rejected detections are passed over.
func (s *Set) At(p Point, tolerance float64) []*Object {
	type hit struct {
		o          *Object
		area, dist float64
	}
	var hits []hit
	tolerance = max(0, tolerance)
	s.Search(Box{p.X, p.Y, p.X, p.Y}.Grow(tolerance), func(o *Object) bool {
		if o.Review.Decision == Rejected {
			return true
		}
		if d := o.ROI.Distance(p); d <= tolerance {
			hits = append(hits, hit{o, o.ROI.Area(), d})
		}
		return true
	})
	slices.SortFunc(hits, func(a, b hit) int {
		switch {
		case a.area != b.area:
			return sign(a.area - b.area)
		case a.dist != b.dist:
			return sign(a.dist - b.dist)
		}
		return bytes.Compare(b.o.ID[:], a.o.ID[:])
	})
	out := make([]*Object, len(hits))
	for i, h := range hits {
		out[i] = h.o
	}
	return out
}

func sign(v float64) int {
	if v < 0 {
		return -1
	}
	return 1
}

// Counts is the number of labels (IsLabel) of each class that has any; the zero
// ID stands for labels without a class. The map is the caller's.
func (s *Set) Counts() map[ID]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.counts)
}

// Revision grows by one with every applied edit.
func (s *Set) Revision() uint64 { return s.revision.Load() }
