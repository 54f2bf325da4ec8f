package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// shapesKept is how many bytes of objects read lately an index keeps: some
// windows full of nuclei.
const shapesKept = 48 << 20

// Index is the objects of the slide without their shapes, which are read from
// the project when they are asked for: a million objects open in a second where
// Objects takes ten, and take up a tenth of the memory. The seal of every value
// is checked; a damaged one is an error that names the object.
//
// It is made by one pass over the values. There is no second copy of it on the
// disk that could disagree with them.
func (p *Project) Index(slide annotate.ID) (*annotate.Index, error) {
	var b annotate.IndexBuilder
	err := p.eachBrief(slide, true, b.Grow, b.Add)
	if err != nil {
		return nil, fmt.Errorf("storage: slide %s: %w", slide, err)
	}
	return b.Index(&shelf{p: p, slide: slide}, shapesKept), nil
}

// Tally is how many objects of each sort the slide has, without reading their
// shapes.
func (p *Project) Tally(slide annotate.ID) (annotate.Tally, error) {
	var n annotate.Tally
	err := p.eachBrief(slide, false, func(int) {}, func(o *annotate.Brief, _ uint64) error { n.Add(o, 1); return nil })
	if err != nil {
		return annotate.Tally{}, fmt.Errorf("storage: slide %s: %w", slide, err)
	}
	return n, nil
}

// sheaf is some values of a bucket on their way to be skimmed, and what was
// found in them.
type sheaf struct {
	keys, values [][]byte
	briefs       []annotate.Brief
	versions     []uint64
	err          error
	done         chan struct{}
}

const sheafSize = 2048

// eachBrief calls f with what is known of every object of the slide and the
// commit that wrote it, in the order of the identifiers. The brief is f's during
// the call only. Before that it tells expect how many there are about. Without
// measured, areas and boxes are left out.
//
// One goroutine walks the pages, others look into the values.
func (p *Project) eachBrief(slide annotate.ID, measured bool, expect func(int), f func(*annotate.Brief, uint64) error) error {
	return p.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketObjects).Bucket(slide[:])
		if b == nil {
			return nil
		}
		expect(b.Stats().KeyN)
		helpers := max(1, min(4, runtime.NumCPU()))
		todo, inOrder, spare := make(chan *sheaf, helpers), make(chan *sheaf, 2*helpers), make(chan *sheaf, 4*helpers)
		stop := make(chan struct{})
		var all sync.WaitGroup
		all.Add(helpers + 1)
		for range helpers {
			go func() {
				defer all.Done()
				skim := skimmer{codec: p.codec, measured: measured}
				for s := range todo {
					s.err = shielded(func() error { return s.skim(&skim) })
					close(s.done)
				}
			}()
		}
		var walked error
		go func() {
			defer all.Done()
			defer close(inOrder)
			defer close(todo)
			walked = shielded(func() error { return walkSheaves(b, todo, inOrder, spare, stop) })
		}()
		var err error
		for s := range inOrder {
			<-s.done
			if err != nil {
				continue
			}
			for i := range s.briefs {
				if err = f(&s.briefs[i], s.versions[i]); err != nil {
					break
				}
			}
			if err == nil {
				err = s.err
			}
			if err != nil {
				close(stop)
			}
			select {
			case spare <- s:
			default:
			}
		}
		all.Wait() // the pages are gone when the transaction ends
		if err != nil {
			return err
		}
		return errors.Join(walked, release(tx))
	})
}

// walkSheaves hands out the values of a bucket until stop is closed. A sheaf is
// in inOrder before anybody has it to do, so that whoever waits for it gets it.
func walkSheaves(b *bolt.Bucket, todo, inOrder chan<- *sheaf, spare <-chan *sheaf, stop <-chan struct{}) error {
	c := b.Cursor()
	k, v := c.First()
	for k != nil {
		s := newSheaf(spare)
		for ; k != nil && len(s.keys) < sheafSize; k, v = c.Next() {
			s.keys, s.values = append(s.keys, k), append(s.values, v)
		}
		select {
		case <-stop:
			return nil
		case inOrder <- s:
			todo <- s
		}
	}
	return nil
}

// newSheaf is an empty one, of those already used if there is one.
func newSheaf(spare <-chan *sheaf) *sheaf {
	select {
	case s := <-spare:
		s.keys, s.values, s.done = s.keys[:0], s.values[:0], make(chan struct{})
		return s
	default:
		return &sheaf{done: make(chan struct{})}
	}
}

func (s *sheaf) skim(skim *skimmer) error {
	s.briefs, s.versions = s.briefs[:0], s.versions[:0]
	for i, k := range s.keys {
		id, err := toID(k)
		if err == nil {
			var version uint64
			var body []byte
			if _, version, body, err = unseal(k, s.values[i]); err == nil {
				s.briefs = append(s.briefs, annotate.Brief{})
				s.versions = append(s.versions, version)
				if err = skim.skim(id, body, &s.briefs[i]); err == nil {
					continue
				}
				s.briefs = s.briefs[:i]
			}
		}
		return &DamageError{What: "object " + id.String(), Err: err}
	}
	return nil
}

// shelf is where the objects of an index lie: in the project.
type shelf struct {
	p     *Project
	slide annotate.ID
	read  atomic.Int64 // objects read since pages were released last
}

// releaseAfter is how many objects are read until the pages they came with are
// released: some 30 MB, since a page brings its neighbours.
const releaseAfter = 6_000

// Load implements annotate.Shelf.
func (s *shelf) Load(refs []annotate.Ref, yield func(i int, o *annotate.Object)) error {
	var bad []error
	err := s.p.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketObjects).Bucket(s.slide[:])
		for i, r := range refs {
			o, err := s.object(tx, b, r)
			if err != nil {
				if len(bad) < maxProblems {
					bad = append(bad, located(s.p.path, err))
				}
				continue
			}
			yield(i, o)
		}
		if s.read.Add(int64(len(refs))) > releaseAfter {
			s.read.Store(0)
			return release(tx)
		}
		return nil
	})
	if err == nil {
		err = errors.Join(bad...)
	}
	if err != nil {
		return fmt.Errorf("storage: slide %s: %w", s.slide, err)
	}
	return nil
}

// object finds an object as one commit left it: it is the present value, or has
// gone to the history since.
func (s *shelf) object(tx *bolt.Tx, b *bolt.Bucket, r annotate.Ref) (*annotate.Object, error) {
	if b != nil {
		if v := b.Get(r.ID[:]); v != nil {
			_, version, body, err := unseal(r.ID[:], v)
			if err != nil {
				return nil, &DamageError{What: "object " + r.ID.String(), Err: err}
			}
			if version == r.Version {
				return s.decode(r, body)
			}
		}
	}
	v, err := valueAt(tx, changeObject, s.slide, r.ID, r.Version)
	if err != nil {
		return nil, err
	}
	_, _, body, err := unseal(r.ID[:], v)
	if err != nil {
		return nil, &DamageError{What: fmt.Sprintf("object %s, version %d", r.ID, r.Version), Err: err}
	}
	return s.decode(r, body)
}

func (s *shelf) decode(r annotate.Ref, body []byte) (*annotate.Object, error) {
	o, err := s.p.codec.readObject(r.ID, body)
	if err != nil {
		return nil, &DamageError{What: fmt.Sprintf("object %s, version %d", r.ID, r.Version), Err: err}
	}
	return o, nil
}

// areaOf is the kind and the area in square pixels of an encoded geometry,
// without making its points. Of a damaged one ok is false.
func areaOf(b []byte) (kind annotate.Kind, area float64, ok bool) {
	if len(b) < 2 || b[1] > gridHundred {
		return 0, 0, false
	}
	g := geometryReader{in: b[2:], grid: b[1]}
	kind = annotate.Kind(b[0])
	switch kind {
	case annotate.KindPoint, annotate.KindPoints, annotate.KindLine:
		return kind, 0, true
	case annotate.KindEllipse:
		r, err := decodeROI(b)
		if err != nil {
			return kind, 0, false
		}
		return kind, r.Area(), true
	}
	if g.ringArea(); g.bad { // Points, of which a polygon has none
		return kind, 0, false
	}
	for range g.count(2) {
		for ring := range g.count(1) {
			a := g.ringArea()
			if ring > 0 {
				a = -a
			}
			area += a
		}
	}
	return kind, area, !g.bad && len(g.in) == 0
}

// ringArea reads a ring and answers its area without a sign: the shoelace sum
// relative to the first vertex.
func (g *geometryReader) ringArea() float64 {
	if g.grid == gridExact {
		return g.exactRingArea()
	}
	n := g.count(2)
	in, x, y := g.in, g.x, g.y
	var x0, y0, px, py int64
	var sum float64
	for i := range n {
		var k int
		if x, k = addStep(x, in); k > 0 {
			in = in[k:]
			y, k = addStep(y, in)
		}
		if k <= 0 {
			g.bad, g.in = true, nil
			return 0
		}
		in = in[k:]
		if i == 0 {
			x0, y0 = x, y
		}
		dx, dy := x-x0, y-y0
		// The products of whole steps have no low digits to lose.
		sum += float64(px)*float64(dy) - float64(dx)*float64(py)
		px, py = dx, dy
	}
	g.in, g.x, g.y = in, x, y
	if g.grid == gridHundred {
		return math.Abs(sum) / (2 * 100 * 100)
	}
	return math.Abs(sum) / (2 * 256 * 256)
}

// addStep adds a zig-zag varint, of one or two bytes as a rule; k is its length,
// and not above zero when it is damaged.
func addStep(v int64, in []byte) (sum int64, k int) {
	var u uint64
	switch {
	case len(in) > 0 && in[0] < 0x80:
		u, k = uint64(in[0]), 1
	case len(in) > 1 && in[1] < 0x80:
		u, k = uint64(in[0]&0x7f)|uint64(in[1])<<7, 2
	default:
		u, k = binary.Uvarint(in)
	}
	return v + (int64(u>>1) ^ -int64(u&1)), k
}

func (g *geometryReader) exactRingArea() float64 {
	ring := annotate.Ring(g.points())
	return math.Abs(ring.SignedArea())
}
