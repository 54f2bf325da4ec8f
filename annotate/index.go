package annotate

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sort"
	"sync"
	"sync/atomic"
)

// ErrIndexFull is the refusal of an IndexBuilder: the objects are of more
// classes or commits than an index can number.
var ErrIndexFull = errors.New("annotate: too many classes or commits for an index")

// Ref names an object as one commit left it.
type Ref struct {
	ID      ID
	Version uint64 // the commit
}

// Shelf is where the objects of an Index lie. What a commit wrote never changes,
// so the same Ref always means the same object.
type Shelf interface {
	// Load reads the objects and calls yield with each one's place in refs, in any
	// order. An object that cannot be read is passed over and told in the error.
	Load(refs []Ref, yield func(i int, o *Object)) error
}

// Index is the objects of a slide without their shapes: 73 bytes each, of a
// million nuclei with 30 vertices a tenth of what they take up as Objects. The
// shapes are read when they are asked for, and the last ones are kept. An Index
// never changes.
type Index struct {
	// Along a Hilbert curve, so that what lies together on the slide lies
	// together in memory.
	ids     []ID
	boxes   [][4]float32 // min x, min y, max x, max y, level-0 pixels
	records []record
	byID    []uint32 // places in the order of the identifiers
	classes []ID
	authors []string
	tree    packed
	counts  map[ID]int
	tally   Tally

	shelf Shelf
	kept  keep
	fault atomic.Pointer[error] // the first failure to read
}

// Tally is how many objects of each sort there are.
type Tally struct {
	Labels, Suggestions, Rejected int
	Classes                       map[ID]int     // labels; nil when there are none
	Readers                       map[string]int // authors of what is no suggestion; nil when there are none
}

// Add counts an object n times.
func (t *Tally) Add(b *Brief, n int) {
	switch {
	case b.IsLabel():
		t.Labels += n
		if t.Classes == nil {
			t.Classes = map[ID]int{}
		}
		t.Classes[b.Class] += n
	case b.IsSuggestion():
		t.Suggestions += n
		return
	default:
		t.Rejected += n
	}
	if b.Author != "" {
		if t.Readers == nil {
			t.Readers = map[string]int{}
		}
		t.Readers[b.Author] += n
	}
}

// IndexBuilder takes the briefs of objects, in any order; of two with the same
// ID both stay, so the caller gives each once. The zero value is ready.
type IndexBuilder struct {
	x         Index
	classOf   map[ID]uint16
	authorOf  map[string]uint32
	lastClass ID // most objects are of the class of the one before
	lastPlace uint16
}

// Grow makes room for n more.
func (b *IndexBuilder) Grow(n int) {
	b.x.ids = append(make([]ID, 0, len(b.x.ids)+n), b.x.ids...)
	b.x.boxes = append(make([][4]float32, 0, len(b.x.boxes)+n), b.x.boxes...)
	b.x.records = append(make([]record, 0, len(b.x.records)+n), b.x.records...)
}

// Add takes one object as the commit version left it; the box's sides are
// rounded outwards. It answers ErrIndexFull.
func (b *IndexBuilder) Add(o *Brief, version uint64) error {
	if b.classOf == nil {
		b.classOf, b.authorOf = map[ID]uint16{}, map[string]uint32{}
	}
	class, ok := b.lastPlace, len(b.x.classes) > 0 && o.Class == b.lastClass
	if !ok {
		if class, ok = b.classOf[o.Class]; !ok {
			class = uint16(len(b.x.classes))
			b.x.classes = append(b.x.classes, o.Class)
			b.classOf[o.Class] = class
		}
		b.lastClass, b.lastPlace = o.Class, class
	}
	author, ok := b.authorOf[o.Author]
	if !ok {
		author = uint32(len(b.x.authors))
		b.x.authors = append(b.x.authors, o.Author)
		b.authorOf[o.Author] = author
	}
	flags, ok := flagsOf(o)
	if !ok || version > math.MaxUint32 || len(b.x.classes) > math.MaxUint16 {
		return ErrIndexFull
	}
	r := record{changed: noTime, version: uint32(version), author: author, area: float32(o.Area),
		score: float32(o.Score), margin: float32(o.Margin), class: class, flags: flags}
	if !o.Changed.IsZero() {
		r.changed = o.Changed.UnixNano()
	}
	b.x.ids = append(b.x.ids, o.ID)
	b.x.boxes = append(b.x.boxes, outwards(o.Box))
	b.x.records = append(b.x.records, r)
	return nil
}

// outwards is the box in float32, no side of it moved inwards.
func outwards(b Box) [4]float32 {
	down, up := float32(math.Inf(-1)), float32(math.Inf(1))
	out := [4]float32{float32(b.MinX), float32(b.MinY), float32(b.MaxX), float32(b.MaxY)}
	for i, v := range [2]float64{b.MinX, b.MinY} {
		if float64(out[i]) > v {
			out[i] = math.Nextafter32(out[i], down)
		}
	}
	for i, v := range [2]float64{b.MaxX, b.MaxY} {
		if float64(out[2+i]) < v {
			out[2+i] = math.Nextafter32(out[2+i], up)
		}
	}
	return out
}

// Index ends the building. shelf gives the shapes; bytes bounds how much of
// what was read is kept. The builder is empty afterwards.
func (b *IndexBuilder) Index(shelf Shelf, bytes int) *Index {
	x := new(Index)
	*x, *b = Index{ids: b.x.ids, boxes: b.x.boxes, records: b.x.records, classes: b.x.classes, authors: b.x.authors}, IndexBuilder{}
	x.shelf, x.kept.limit = shelf, bytes
	x.arrange()
	counts := make([]int, len(x.classes))
	var o Brief
	for i := range x.records {
		r := &x.records[i]
		o.Kind, o.Decision = ObjectKind(r.flags&kindMask), Decision(r.flags>>decisionShift&decisionMask)
		x.tally.Add(&o, 1)
		if o.IsLabel() {
			counts[r.class]++
		}
	}
	x.counts = map[ID]int{}
	for i, n := range counts {
		if n > 0 {
			x.counts[x.classes[i]] = n
		}
	}
	return x
}

// arrange puts everything in the order of the Hilbert curve and makes the tree.
func (x *Index) arrange() {
	order := hilbertOrder(x.boxes)
	// place[i] is where the i-th as added goes.
	place := make([]uint32, len(order))
	for to, from := range order {
		place[from] = uint32(to)
	}
	x.byID = make([]uint32, len(order))
	copy(x.byID, place)
	// What comes from a project is in the order of its identifiers already.
	if !sort.SliceIsSorted(x.ids, func(i, j int) bool { return bytes.Compare(x.ids[i][:], x.ids[j][:]) < 0 }) {
		ids := x.ids
		was := order
		sort.Slice(x.byID, func(i, j int) bool {
			return bytes.Compare(ids[was[x.byID[i]]][:], ids[was[x.byID[j]]][:]) < 0
		})
	}
	x.ids, x.boxes, x.records = permuted(x.ids, order), permuted(x.boxes, order), permuted(x.records, order)
	x.tree = newPacked(x.boxes)
}

func permuted[T any](s []T, order []uint32) []T {
	out := make([]T, len(s))
	for to, from := range order {
		out[to] = s[from]
	}
	return out
}

// Len is the number of objects.
func (x *Index) Len() int { return len(x.ids) }

// Tally is how many objects of each sort there are.
func (x *Index) Tally() Tally { return x.tally }

// Bytes is about the memory the index takes up, what is kept of shapes left out.
func (x *Index) Bytes() int {
	return len(x.ids)*(16+16+32+4) + x.tree.bytes()
}

// Objects reads all of them, in the order of their identifiers.
func (x *Index) Objects() ([]*Object, error) {
	out := make([]*Object, len(x.byID))
	refs := make([]Ref, len(x.byID))
	for i, at := range x.byID {
		refs[i] = x.ref(at)
	}
	err := x.shelf.Load(refs, func(i int, o *Object) { out[i] = o })
	return out, err
}

func (x *Index) ref(at uint32) Ref { return Ref{x.ids[at], uint64(x.records[at].version)} }

// find is the place of an identifier.
func (x *Index) find(id ID) (uint32, bool) {
	lo, hi := 0, len(x.byID)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if bytes.Compare(x.ids[x.byID[mid]][:], id[:]) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(x.byID) && x.ids[x.byID[lo]] == id {
		return x.byID[lo], true
	}
	return 0, false
}

// loadBatch is how many objects are read at a time: a read transaction kept
// open for long would make the writer wait.
const loadBatch = 512

// load reads the objects at the places and calls yield with each until it
// answers false; one that cannot be read is passed over and noted as the fault.
func (x *Index) load(places []uint32, yield func(at uint32, o *Object) bool) bool {
	var refs []Ref
	var missing []uint32
	var got []*Object
	for len(places) > 0 {
		batch := places[:min(loadBatch, len(places))]
		places = places[len(batch):]
		got, missing, refs = got[:0], missing[:0], refs[:0]
		for _, at := range batch {
			o := x.kept.get(at)
			got = append(got, o)
			if o == nil {
				missing = append(missing, uint32(len(got)-1))
				refs = append(refs, x.ref(at))
			}
		}
		if len(refs) > 0 {
			err := x.shelf.Load(refs, func(i int, o *Object) {
				got[missing[i]] = o
				x.kept.put(batch[missing[i]], o)
			})
			if err != nil {
				err = fmt.Errorf("annotate: %w", err)
				x.fault.CompareAndSwap(nil, &err)
			}
		}
		for i, o := range got {
			if o != nil && !yield(batch[i], o) {
				return false
			}
		}
	}
	return true
}

// one reads a single object; nil when it cannot be read.
func (x *Index) one(at uint32) (o *Object) {
	if o = x.kept.get(at); o != nil {
		return o
	}
	x.load([]uint32{at}, func(_ uint32, got *Object) bool { o = got; return false })
	return o
}

// keep is what was read last, within a number of bytes: two generations, of
// which the older is dropped as a whole when the younger has half of the bytes.
type keep struct {
	mu         sync.Mutex // protects what follows
	limit      int
	young, old map[uint32]*Object
	bytes      int // of the young
}

func (k *keep) get(at uint32) *Object {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o := k.young[at]; o != nil {
		return o
	}
	o := k.old[at]
	if o != nil {
		k.add(at, o)
	}
	return o
}

func (k *keep) put(at uint32, o *Object) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.young[at] == nil {
		k.add(at, o)
	}
}

func (k *keep) add(at uint32, o *Object) {
	n := weight(o)
	if k.bytes+n > k.limit/2 {
		k.old, k.young, k.bytes = k.young, nil, 0
	}
	if k.young == nil {
		k.young = map[uint32]*Object{}
	}
	k.young[at] = o
	k.bytes += n
}

// weight is about the memory an object takes up.
func weight(o *Object) int {
	n := 480 + 16*o.ROI.Vertices() + len(o.Name) + len(o.Notes) + len(o.By.Why) + 16*len(o.By.Nearest)
	for key, v := range o.Meta {
		n += 64 + len(key) + len(v)
	}
	return n
}
