package annotate

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

var slide = ClassID("slide")

func boxObject(x, y, w, h float64) *Object {
	return &Object{ID: NewID(), Kind: Annotation, ROI: Rectangle(x, y, x+w, y+h)}
}

func ids(objects []*Object) []ID {
	var out []ID
	for _, o := range objects {
		out = append(out, o.ID)
	}
	slices.SortFunc(out, func(a, b ID) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// TestSet_Apply_LikeAMap makes random edits and asks the set and a plain map.
func TestSet_Apply_LikeAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	model := map[ID]*Object{}
	s := NewSet(nil)
	classes := []ID{{}, ClassID("a"), ClassID("b")}
	make1 := func() *Object {
		o := boxObject(rng.Float64()*1000, rng.Float64()*1000, 1+rng.Float64()*50, 1+rng.Float64()*50)
		if rng.IntN(4) == 0 {
			o.ROI = PointAt(rng.Float64()*1000, rng.Float64()*1000)
		}
		o.Class = classes[rng.IntN(3)]
		if rng.IntN(3) == 0 {
			o.Kind = Detection
			o.Review.Decision = Decision(rng.IntN(4))
		}
		return o
	}
	var undo []Edit
	for step := range 600 {
		e := Edit{Slide: slide, Label: "step"}
		for _, o := range model {
			if rng.IntN(20) == 0 {
				c := make1()
				c.ID = o.ID
				e.Changes = append(e.Changes, Change{o, c})
			} else if rng.IntN(20) == 0 {
				e.Changes = append(e.Changes, Change{o, nil})
			}
		}
		for range rng.IntN(4) {
			e.Changes = append(e.Changes, Change{nil, make1()})
		}
		if len(undo) > 0 && rng.IntN(3) == 0 {
			e, undo = undo[len(undo)-1].Inverse(), undo[:len(undo)-1]
		} else if len(e.Changes) > 0 {
			undo = append(undo, e)
		} else {
			continue
		}
		before := s.Revision()
		if err := s.Apply(e); err != nil {
			t.Fatal(step, err)
		}
		if s.Revision() != before+1 {
			t.Fatal("revision")
		}
		for _, c := range e.Changes {
			if c.After == nil {
				delete(model, c.ID())
			} else {
				model[c.ID()] = c.After
			}
		}
		compareSet(t, s, model, rng)
	}
}

func compareSet(t *testing.T, s *Set, model map[ID]*Object, rng *rand.Rand) {
	t.Helper()
	counts := map[ID]int{}
	b := Box{rng.Float64() * 1000, rng.Float64() * 1000, 0, 0}
	b.MaxX, b.MaxY = b.MinX+rng.Float64()*300, b.MinY+rng.Float64()*300
	var inBox []*Object
	for _, o := range model {
		if o.IsLabel() {
			counts[o.Class]++
		}
		if o.ROI.Bounds().Meets(b) {
			inBox = append(inBox, o)
		}
		if s.Get(o.ID) != o {
			t.Fatal("Get answers another object")
		}
	}
	if s.Len() != len(model) || !maps.Equal(s.Counts(), counts) {
		t.Fatalf("%d objects, counts %v; want %d, %v", s.Len(), s.Counts(), len(model), counts)
	}
	var found []*Object
	s.Search(b, func(o *Object) bool { found = append(found, o); return true })
	if !slices.Equal(ids(found), ids(inBox)) {
		t.Fatalf("Search found %d, want %d", len(found), len(inBox))
	}
	all := slices.Collect(s.All)
	if len(all) != len(model) || !slices.IsSortedFunc(all, func(a, b *Object) int { return bytes.Compare(a.ID[:], b.ID[:]) }) {
		t.Fatal("All is not in the order of the IDs")
	}
}

func TestSet_Apply_AllOrNothing(t *testing.T) {
	a, b := boxObject(0, 0, 10, 10), boxObject(20, 20, 10, 10)
	a2 := *a
	a2.Name = "changed"
	bad := boxObject(0, 0, 1, 1)
	bad.ROI = Area(Ring{{0, 0}, {math.NaN(), 0}, {1, 1}})
	score := *boxObject(0, 0, 1, 1)
	score.By.Score = math.NaN()
	other := *b
	for name, c := range map[string]struct {
		changes []Change
		want    error
	}{
		"stale before":   {[]Change{{nil, b}, {&a2, a}}, ErrConflict},
		"already there":  {[]Change{{nil, b}, {nil, a}}, ErrConflict},
		"not there":      {[]Change{{nil, boxObject(1, 1, 1, 1)}, {b, nil}}, ErrConflict},
		"empty":          {nil, ErrInvalidEdit},
		"empty change":   {[]Change{{}}, ErrInvalidEdit},
		"twice":          {[]Change{{nil, b}, {nil, b}}, ErrInvalidEdit},
		"two objects":    {[]Change{{a, &other}}, ErrInvalidEdit},
		"no ID":          {[]Change{{nil, &Object{Kind: Annotation, ROI: PointAt(1, 1)}}}, ErrInvalidEdit},
		"no kind":        {[]Change{{nil, &Object{ID: NewID(), ROI: PointAt(1, 1)}}}, ErrInvalidEdit},
		"bad geometry":   {[]Change{{nil, b}, {nil, bad}}, ErrInvalidROI},
		"score not real": {[]Change{{nil, &score}}, ErrInvalidEdit},
	} {
		s := NewSet([]*Object{a})
		if err := s.Apply(Edit{Slide: slide, Label: name, Changes: c.changes}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Len() != 1 || s.Get(a.ID) != a || s.Revision() != 0 {
			t.Errorf("%s: the set was changed", name)
		}
	}
	s := NewSet([]*Object{a})
	if err := s.Apply(Edit{Changes: []Change{{nil, b}}}); !errors.Is(err, ErrInvalidEdit) {
		t.Error("objects without a slide:", err)
	}
	if err := s.Apply(Edit{Classes: []ClassChange{{nil, &Class{ID: NewID()}}}}); !errors.Is(err, ErrInvalidEdit) {
		t.Error("a class without name:", err)
	}
	// An equal copy is as good as the same pointer: it may come from the disk.
	same := *a
	same.Created, same.Meta = a.Created.In(time.FixedZone("", 3600)), map[string]string{}
	if err := s.Apply(Replace(slide, "rename", &same, &a2)); err != nil {
		t.Error(err)
	}
}

func TestSet_At(t *testing.T) {
	big, small := boxObject(0, 0, 100, 100), boxObject(40, 40, 10, 10)
	ring := &Object{ID: NewID(), Kind: Annotation, ROI: ROI{Kind: KindPolygon, Polygons: []Polygon{{
		Outer: Ring{{200, 0}, {300, 0}, {300, 100}, {200, 100}}, Holes: []Ring{{{220, 20}, {280, 20}, {280, 80}, {220, 80}}}}}}}
	point := &Object{ID: NewID(), Kind: Annotation, ROI: PointAt(45, 45)}
	line := &Object{ID: NewID(), Kind: Annotation, ROI: ROI{Kind: KindLine, Points: []Point{{0, 200}, {100, 200}}}}
	no := &Object{ID: NewID(), Kind: Detection, ROI: Rectangle(44, 44, 46, 46), Review: Review{Decision: Rejected}}
	s := NewSet([]*Object{big, small, ring, point, line, no})
	for _, c := range []struct {
		p         Point
		tolerance float64
		want      []*Object
	}{
		{Point{45, 44}, 2, []*Object{point, small, big}}, {Point{45, 44}, 0, []*Object{small, big}}, {Point{10, 10}, 3, []*Object{big}},
		{Point{103, 50}, 2, nil}, {Point{103, 50}, 4, []*Object{big}}, {Point{250, 50}, 5, nil}, {Point{250, 24}, 5, []*Object{ring}},
		{Point{50, 203}, 4, []*Object{line}}, {Point{105, 200}, 4, nil}, {Point{45, 45}, -1, []*Object{point, small, big}},
	} {
		if got := s.At(c.p, c.tolerance); !slices.Equal(got, c.want) {
			t.Errorf("%v ± %v: %d objects, want %d", c.p, c.tolerance, len(got), len(c.want))
		}
	}
}

// TestSet_Concurrent is for the race detector; and a reader that calls back
// into the set while somebody writes must not lock up.
func TestSet_Concurrent(t *testing.T) {
	s := NewSet(nil)
	for range 200 {
		if err := s.Apply(Add(slide, "add", boxObject(rand.Float64()*100, rand.Float64()*100, 5, 5))); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for {
				select {
				case <-done:
					return
				default:
				}
				n := 0
				s.Search(Box{0, 0, 200, 200}, func(o *Object) bool { n++; return s.Get(o.ID) != nil || n > 0 })
				if n != 200 {
					t.Errorf("a search saw %d objects", n)
					return
				}
				for range s.All {
					break
				}
				s.At(Point{50, 50}, 1)
				s.Counts()
			}
		}()
	}
	for range 500 {
		var first *Object
		for o := range s.All {
			first = o
			break
		}
		if err := s.Apply(Edit{Slide: slide, Label: "swap", Changes: []Change{{first, nil}, {nil, boxObject(rand.Float64()*100, 5, 5, 5)}}}); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	readers.Wait()
}

func BenchmarkSet_Search_100k(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	list := make([]*Object, 100_000)
	for i := range list {
		list[i] = boxObject(rng.Float64()*1e5, rng.Float64()*8e4, 20, 20)
	}
	s := NewSet(list)
	b.Run("view4000px", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x, y := rng.Float64()*9e4, rng.Float64()*7e4
			n := 0
			s.Search(Box{x, y, x + 4000, y + 4000}, func(*Object) bool { n++; return true })
		}
	})
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Apply(Add(slide, "add", boxObject(rng.Float64()*1e5, rng.Float64()*8e4, 20, 20))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkNewSet_100k(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	list := make([]*Object, 100_000)
	for i := range list {
		list[i] = boxObject(rng.Float64()*1e5, rng.Float64()*8e4, 20, 20)
	}
	b.ReportAllocs()
	for b.Loop() {
		NewSet(list)
	}
}
