package storage

import (
	"errors"
	"fmt"
	"math"

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
	err := p.eachBrief(slide, true, func(o *annotate.Brief, version uint64) error { return b.Add(o, version) })
	if err != nil {
		return nil, fmt.Errorf("storage: slide %s: %w", slide, err)
	}
	return b.Index(&shelf{p, slide}, shapesKept), nil
}

// Tally is how many objects of each sort the slide has, without reading their
// shapes.
func (p *Project) Tally(slide annotate.ID) (annotate.Tally, error) {
	var n annotate.Tally
	err := p.eachBrief(slide, false, func(o *annotate.Brief, _ uint64) error { n.Add(o, 1); return nil })
	if err != nil {
		return annotate.Tally{}, fmt.Errorf("storage: slide %s: %w", slide, err)
	}
	return n, nil
}

// eachBrief calls f with what is known of every object of the slide and the
// commit that wrote it, in the order of the identifiers. The brief is f's during
// the call only. Without measured, areas and boxes are left out.
func (p *Project) eachBrief(slide annotate.ID, measured bool, f func(*annotate.Brief, uint64) error) error {
	return p.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketObjects).Bucket(slide[:])
		if b == nil {
			return nil
		}
		s := skimmer{codec: p.codec, measured: measured}
		var o annotate.Brief
		return b.ForEach(func(k, v []byte) error {
			id, err := toID(k)
			if err == nil {
				var version uint64
				var body []byte
				if _, version, body, err = unseal(k, v); err == nil {
					if err = s.skim(id, body, &o); err == nil {
						return f(&o, version)
					}
				}
			}
			return &DamageError{What: "object " + id.String(), Err: err}
		})
	})
}

// shelf is where the objects of an index lie: in the project.
type shelf struct {
	p     *Project
	slide annotate.ID
}

// Load implements annotate.Shelf.
func (s *shelf) Load(refs []annotate.Ref, yield func(i int, o *annotate.Object)) error {
	var bad []error
	err := s.p.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketObjects).Bucket(s.slide[:])
		for i, r := range refs {
			o, err := s.read(tx, b, r)
			if err != nil {
				if len(bad) < maxProblems {
					bad = append(bad, located(s.p.path, err))
				}
				continue
			}
			yield(i, o)
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

// read finds an object as one commit left it: it is the present value, or has
// gone to the history since.
func (s *shelf) read(tx *bolt.Tx, b *bolt.Bucket, r annotate.Ref) (*annotate.Object, error) {
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
// relative to the first vertex, in steps of the grid, which are whole numbers.
func (g *geometryReader) ringArea() float64 {
	least := 2
	if g.grid == gridExact {
		least = 16
	}
	n := g.count(least)
	var x0, y0, px, py, sum float64
	for i := range n {
		var x, y float64
		if g.grid == gridExact {
			ps := exactPoint(g.in)
			x, y, g.in = ps.X, ps.Y, g.in[16:]
		} else {
			g.x += g.step()
			g.y += g.step()
			x, y = float64(g.x), float64(g.y)
		}
		if i == 0 {
			x0, y0 = x, y
		}
		x, y = x-x0, y-y0
		sum += px*y - x*py
		px, py = x, y
	}
	switch g.grid {
	case gridHundred:
		sum /= 100 * 100
	case grid256:
		sum /= 256 * 256
	}
	return math.Abs(sum) / 2
}
