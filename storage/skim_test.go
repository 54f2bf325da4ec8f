package storage

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"coverslip/annotate"
)

// wanted is the brief that the skimmer must find, from the whole object.
func wanted(o *annotate.Object) annotate.Brief {
	b := annotate.BriefOf(o)
	b.Box = annotate.Box{}
	return b
}

func TestSkimmer_FindsWhatBriefOfDoes(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	s := skimmer{codec: c, measured: true}
	odd := 0
	for range 3000 {
		o := randomObject(rng, []annotate.ID{{}, annotate.NewID()})
		body, err := c.object(o)
		if err != nil {
			t.Fatal(err)
		}
		var got annotate.Brief
		if err := s.skim(o.ID, body, &got); err != nil {
			t.Fatal(err)
		}
		if s.odd {
			odd++
		}
		whole, err := c.readObject(o.ID, body)
		if err != nil {
			t.Fatal(err)
		}
		want := wanted(whole)
		if d := got.Area - want.Area; d > 1e-9*want.Area || d < -1e-9*want.Area {
			t.Fatalf("area %v, want %v", got.Area, want.Area)
		}
		b := whole.ROI.Bounds()
		if got.Box.MinX > b.MinX || got.Box.MaxX < b.MaxX || got.Box.MinY > b.MinY || got.Box.MaxY < b.MaxY {
			t.Fatalf("box %v does not hold %v", got.Box, b)
		}
		got.Area, got.Box, want.Area = 0, annotate.Box{}, 0
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	}
	if odd > 0 {
		t.Errorf("%d of 3000 values of this program were read the slow way", odd)
	}
}

// FuzzSkim: whatever the bytes, the skimmer says what reading the whole object
// says, and refuses what that refuses.
func FuzzSkim(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	for range 8 {
		body, err := c.object(randomObject(rng, []annotate.ID{annotate.NewID()}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
		f.Add(body[:len(body)/2])
		at := boxBytes + rng.IntN(len(body)-boxBytes)
		bent := append([]byte(nil), body...)
		bent[at] ^= 1 << rng.IntN(8)
		f.Add(bent)
	}
	f.Add([]byte{})
	id := annotate.NewID()
	f.Fuzz(func(t *testing.T, body []byte) {
		s := skimmer{codec: c}
		var got annotate.Brief
		err := s.skim(id, body, &got)
		whole, wholeErr := c.readObject(id, body)
		if err != nil && wholeErr == nil {
			t.Fatalf("%v, and the object can be read", err)
		}
		// The skimmer does not look into what it steps over, so it may let pass
		// what is refused when the object is read; never the other way round.
		if err != nil || wholeErr != nil {
			return
		}
		want := wanted(whole)
		got.Area, got.Box, want.Area = 0, annotate.Box{}, 0
		if got.Score != want.Score || got.Margin != want.Margin { // NaN
			got.Score, got.Margin, want.Score, want.Margin = 0, 0, 0, 0
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestProject_Index_LikeTheObjects makes random edits on a set that has only the
// index of the project, and compares it with what is on the disk.
func TestProject_Index_LikeTheObjects(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	p, slide := newProject(t)
	palette := p.palette(t)
	classes := []annotate.ID{{}, palette[0].ID, palette[1].ID}
	have := map[annotate.ID]*annotate.Object{}
	follow := func(e annotate.Edit) {
		for _, c := range e.Changes {
			if c.After == nil {
				delete(have, c.ID())
			} else {
				have[c.ID()] = c.After
			}
		}
	}
	for i := range 30 {
		if e := randomEdit(rng, slide, have, classes, i); len(e.Changes) > 0 {
			commit(t, p, e)
			follow(e)
		}
	}
	x, err := p.Index(slide)
	if err != nil {
		t.Fatal(err)
	}
	set := annotate.NewIndexedSet(x)
	before := set.Roll()
	was := map[annotate.ID]*annotate.Object{}
	for id, o := range have {
		was[id] = o
	}
	for i := range 60 {
		e := randomEdit(rng, slide, have, classes, i)
		if rng.IntN(3) == 0 {
			if e, err = p.Undo(slide, testStamp); errors.Is(err, ErrNothingToUndo) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
		} else if len(e.Changes) == 0 {
			continue
		} else {
			commit(t, p, e)
		}
		follow(e)
		if err := set.Apply(e); err != nil {
			t.Fatal(err)
		}
		compareIndexed(t, p, slide, set, rng)
	}
	// What was on the roll before the edits is as it was then, though the disk has
	// gone on.
	n := 0
	before.Each(func(i int, b *annotate.Brief) bool {
		n++
		if o := before.Object(i); !o.Equal(was[b.ID]) {
			t.Fatalf("object %s of the old roll is %+v, was %+v", b.ID, o, was[b.ID])
		}
		return true
	})
	if n != len(was) || set.Err() != nil {
		t.Errorf("%d objects on the old roll, were %d; %v", n, len(was), set.Err())
	}
	if got, err := p.Tally(slide); err != nil || !reflect.DeepEqual(got, tallyOf(objects(t, p, slide))) {
		t.Errorf("tally %+v (%v), want %+v", got, err, tallyOf(objects(t, p, slide)))
	}
}

func tallyOf(list []*annotate.Object) (n annotate.Tally) {
	for _, o := range list {
		b := annotate.BriefOf(o)
		n.Add(&b, 1)
	}
	return n
}

func compareIndexed(t *testing.T, p *Project, slide annotate.ID, set *annotate.Set, rng *rand.Rand) {
	t.Helper()
	want := objects(t, p, slide)
	i := 0
	set.All(func(o *annotate.Object) bool {
		if i >= len(want) || !o.Equal(want[i]) {
			t.Fatalf("object %d of the set is not that of the disk", i)
		}
		i++
		return true
	})
	plain := annotate.NewSet(want)
	if i != len(want) || set.Len() != len(want) || !reflect.DeepEqual(set.Counts(), plain.Counts()) {
		t.Fatalf("%d objects, %d, counts %v; want %d, %v", i, set.Len(), set.Counts(), len(want), plain.Counts())
	}
	box := annotate.Box{MinX: rng.Float64() * 1000, MinY: rng.Float64() * 1000}
	box.MaxX, box.MaxY = box.MinX+rng.Float64()*2000, box.MinY+rng.Float64()*2000
	found := map[annotate.ID]bool{}
	set.Search(box, func(o *annotate.Object) bool { found[o.ID] = true; return true })
	n := 0
	plain.Search(box, func(o *annotate.Object) bool {
		if n++; !found[o.ID] {
			t.Fatalf("Search does not find %s", o.ID)
		}
		return true
	})
	if n != len(found) {
		t.Fatalf("Search finds %d, want %d", len(found), n)
	}
	seen := map[annotate.ID]bool{}
	set.Roll().Each(func(i int, b *annotate.Brief) bool { seen[b.ID] = true; return true })
	if len(seen) != len(want) {
		t.Fatalf("%d on the roll, want %d", len(seen), len(want))
	}
	for _, o := range want {
		if !set.Get(o.ID).Equal(o) || !seen[o.ID] {
			t.Fatalf("Get(%s) is another", o.ID)
		}
	}
}
