package annotate

import (
	"bytes"
	"cmp"
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
//
// The objects of an Index stay on their shelf until they are asked for; what was
// edited since is in memory.
type Set struct {
	mu     sync.RWMutex // protects what follows
	index  *Index       // nil: everything is in memory
	gone   []uint64     // a bit for each place of the index that an edit replaced or removed; never changed once it stands here
	lost   int          // bits of gone that are set
	byID   map[ID]*held
	counts map[ID]int
	tree   *spatial // never changed once it stands here: Apply puts a changed copy
	sorted []*held  // by ID; nil when it must be made anew

	revision atomic.Uint64
}

// held is an object in memory.
type held struct {
	o *Object
	b Brief
}

type spatial = rtree.RTreeGN[float64, *held]

// NewSet makes a set of the objects, which must not be changed afterwards. Of
// two with the same ID the later counts.
func NewSet(objects []*Object) *Set {
	s := &Set{byID: make(map[ID]*held, len(objects)), counts: map[ID]int{}, tree: new(spatial)}
	for _, o := range objects {
		if old := s.byID[o.ID]; old != nil {
			s.forget(old)
		}
		s.keep(o)
	}
	return s
}

// NewIndexedSet makes a set of the objects of an index.
func NewIndexedSet(x *Index) *Set {
	return &Set{index: x, gone: make([]uint64, (x.Len()+63)/64), byID: map[ID]*held{}, counts: maps.Clone(x.counts), tree: new(spatial)}
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
	touched := false
	for _, c := range e.Changes {
		have, at, onShelf := s.lookUp(c.ID())
		if onShelf {
			touched = true
			have = s.index.one(at)
		}
		if !have.Equal(c.Before) {
			return fmt.Errorf("annotate: %s: object %s: %w", e.Label, c.ID(), ErrConflict)
		}
	}
	s.tree = s.tree.Copy()
	if touched {
		s.gone = slices.Clone(s.gone)
	}
	for _, c := range e.Changes {
		if c.Before != nil {
			s.drop(c.ID())
		}
		if c.After != nil {
			s.keep(c.After)
		}
	}
	s.sorted = nil
	s.revision.Add(1)
	return nil
}

// lookUp finds an object that is in memory, or its place in the index. It needs
// mu.
func (s *Set) lookUp(id ID) (o *Object, at uint32, onShelf bool) {
	if h := s.byID[id]; h != nil {
		return h.o, 0, false
	}
	if s.index != nil {
		if at, ok := s.index.find(id); ok && !has(s.gone, at) {
			return nil, at, true
		}
	}
	return nil, 0, false
}

func has(bits []uint64, at uint32) bool { return bits[at/64]>>(at%64)&1 != 0 }

// keep, drop and forget need mu and a tree and bits of our own.
func (s *Set) keep(o *Object) {
	h := &held{o: o, b: BriefOf(o)}
	s.byID[o.ID] = h
	if b := h.b.Box; b.finite() {
		s.tree.Insert([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY}, h)
	}
	s.count(&h.b, 1)
}

func (s *Set) drop(id ID) {
	if h := s.byID[id]; h != nil {
		s.forget(h)
		return
	}
	if at, ok := s.index.find(id); ok {
		var b Brief
		s.index.brief(at, &b)
		s.gone[at/64] |= 1 << (at % 64)
		s.lost++
		s.count(&b, -1)
	}
}

func (s *Set) forget(h *held) {
	delete(s.byID, h.b.ID)
	if b := h.b.Box; b.finite() {
		s.tree.Delete([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY}, h)
	}
	s.count(&h.b, -1)
}

func (s *Set) count(b *Brief, n int) {
	if b.IsLabel() {
		if s.counts[b.Class] += n; s.counts[b.Class] == 0 {
			delete(s.counts, b.Class)
		}
	}
}

// Get finds an object; nil when the set does not hold it. The shape of an object
// that was not looked at lately is read from its shelf.
func (s *Set) Get(id ID) *Object {
	s.mu.RLock()
	o, at, onShelf := s.lookUp(id)
	s.mu.RUnlock()
	if onShelf {
		return s.index.one(at)
	}
	return o
}

// Brief is what is known of an object; false when the set does not hold it. No
// shape is read.
func (s *Set) Brief(id ID) (b Brief, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if h := s.byID[id]; h != nil {
		return h.b, true
	}
	if _, at, onShelf := s.lookUp(id); onShelf {
		s.index.brief(at, &b)
		return b, true
	}
	return b, false
}

// Len is the number of objects, rejected ones included.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := len(s.byID)
	if s.index != nil {
		n += s.index.Len() - s.lost
	}
	return n
}

// Err is why some object could not be read from its shelf, the first time that
// happened; Get, Search and All pass such an object over. nil when all could.
func (s *Set) Err() error {
	if s.index == nil {
		return nil
	}
	if err := s.index.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// All calls yield with every object in the order of the IDs (for fresh IDs:
// oldest first) until it answers false. The first call after an edit sorts, and
// the shapes of a large set are read one batch after another; so what is asked
// often should use Search or Roll.
func (s *Set) All(yield func(*Object) bool) {
	r := s.Roll()
	mem := r.mem
	if r.index == nil {
		for _, h := range mem {
			if !yield(h.o) {
				return
			}
		}
		return
	}
	merge := func(at uint32, o *Object) bool {
		for len(mem) > 0 && bytes.Compare(mem[0].b.ID[:], r.index.ids[at][:]) < 0 {
			if !yield(mem[0].o) {
				return false
			}
			mem = mem[1:]
		}
		return yield(o)
	}
	places := make([]uint32, 0, loadBatch)
	for i, at := range r.index.byID {
		if !has(r.gone, at) {
			places = append(places, at)
		}
		if len(places) == loadBatch || i == len(r.index.byID)-1 {
			if !r.index.load(places, merge) {
				return
			}
			places = places[:0]
		}
	}
	for _, h := range mem {
		if !yield(h.o) {
			return
		}
	}
}

var _ iter.Seq[*Object] = (*Set)(nil).All

func (s *Set) inOrder() []*held {
	if s.sorted == nil {
		s.sorted = make([]*held, 0, len(s.byID))
		for _, h := range s.byID {
			s.sorted = append(s.sorted, h)
		}
		slices.SortFunc(s.sorted, func(a, b *held) int { return bytes.Compare(a.b.ID[:], b.b.ID[:]) })
	}
	return s.sorted
}

// Search calls yield with every object whose bounds meet the box (level-0
// pixels, edges included), in no particular order, until it answers false.
func (s *Set) Search(b Box, yield func(*Object) bool) { s.Sift(b, nil, yield) }

// Sift is Search for those objects whose brief want likes: the shapes of the
// others are not read. It asks want of everything in the box before it yields
// anything. The brief is want's during the call only.
func (s *Set) Sift(b Box, want func(*Brief) bool, yield func(*Object) bool) {
	if b.Empty() {
		return
	}
	s.mu.RLock()
	tree, index, gone := s.tree, s.index, s.gone
	s.mu.RUnlock()
	var liked []*Object
	tree.Search([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY}, func(_, _ [2]float64, h *held) bool {
		if want == nil && index == nil {
			return yield(h.o)
		}
		if want == nil || want(&h.b) {
			liked = append(liked, h.o)
		}
		return true
	})
	var places []uint32
	if index != nil {
		var brief Brief
		index.tree.search(b, func(at uint32) bool {
			if has(gone, at) {
				return true
			}
			if want != nil {
				if index.brief(at, &brief); !want(&brief) {
					return true
				}
			}
			places = append(places, at)
			return true
		})
	}
	for _, o := range liked {
		if !yield(o) {
			return
		}
	}
	if len(places) > 0 {
		index.load(places, func(_ uint32, o *Object) bool {
			return !o.ROI.Bounds().Meets(b) || yield(o)
		})
	}
}

// Briefs calls yield with what is known of every object whose box meets the box
// b (level-0 pixels, edges included), in no particular order, until it answers
// false. No shape is read. The brief is yield's during the call only.
func (s *Set) Briefs(b Box, yield func(*Brief) bool) {
	if b.Empty() {
		return
	}
	s.mu.RLock()
	tree, index, gone := s.tree, s.index, s.gone
	s.mu.RUnlock()
	on := true
	tree.Search([2]float64{b.MinX, b.MinY}, [2]float64{b.MaxX, b.MaxY}, func(_, _ [2]float64, h *held) bool {
		on = yield(&h.b)
		return on
	})
	if !on || index == nil {
		return
	}
	var brief Brief
	index.tree.search(b, func(at uint32) bool {
		if has(gone, at) {
			return true
		}
		index.brief(at, &brief)
		return yield(&brief)
	})
}

// mostAt is how many objects At looks at: those whose boxes are nearest.
const mostAt = 256

// At is the objects under the point: areas that contain it, and outlines, lines
// and points nearer than tolerance level-0 pixels. The smallest area comes
// first, so that what lies inside another can be picked; among equals the
// nearest, then the newest. Rejected detections are passed over. Where more than
// 256 objects are near, it is of the 256 whose boxes are nearest to the point.
func (s *Set) At(p Point, tolerance float64) []*Object {
	type hit struct {
		o          *Object
		area, dist float64
	}
	tolerance = max(0, tolerance)
	within := Box{p.X, p.Y, p.X, p.Y}.Grow(tolerance)
	near := s.nearest(p, within, mostAt)
	var hits []hit
	s.Sift(within, func(b *Brief) bool { return b.Decision != Rejected && (near == nil || near[b.ID]) }, func(o *Object) bool {
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

// nearest is the n objects in the box whose own boxes are nearest to the point,
// smaller ones first; nil when there are no more than n.
func (s *Set) nearest(p Point, within Box, n int) map[ID]bool {
	type far struct {
		id         ID
		dist, area float64
	}
	var all []far
	s.Briefs(within, func(b *Brief) bool {
		if b.Decision != Rejected {
			dx, dy := max(0, b.Box.MinX-p.X, p.X-b.Box.MaxX), max(0, b.Box.MinY-p.Y, p.Y-b.Box.MaxY)
			all = append(all, far{b.ID, dx*dx + dy*dy, b.Area})
		}
		return true
	})
	if len(all) <= n {
		return nil
	}
	slices.SortFunc(all, func(a, b far) int {
		if a.dist != b.dist {
			return sign(a.dist - b.dist)
		}
		return cmp.Compare(a.area, b.area)
	})
	near := make(map[ID]bool, n)
	for _, f := range all[:n] {
		near[f.id] = true
	}
	return near
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
