package app

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"coverslip/annotate"
)

var nestedSlide = annotate.NewID()

// nestedSet is random areas, some in others, with points and lines between them.
func nestedSet(rng *rand.Rand, n int) *annotate.Set {
	var all []*annotate.Object
	for range n {
		all = append(all, nestedObject(rng))
	}
	return annotate.NewSet(all)
}

func nestedObject(rng *rand.Rand) *annotate.Object {
	x, y := rng.Float64()*1000, rng.Float64()*1000
	side := 2 + rng.Float64()*rng.Float64()*400
	o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, Created: time.Now()}
	switch rng.IntN(5) {
	case 0:
		o.ROI = annotate.PointAt(x, y)
	case 1:
		o.ROI = annotate.Ellipse(x, y, x+side, y+side/2)
	case 2:
		ring := annotate.EllipseRing(annotate.Box{MinX: x, MinY: y, MaxX: x + side, MaxY: y + side}, side/2000)
		o.ROI = annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{{Outer: ring,
			Holes: []annotate.Ring{{{X: x + side*0.4, Y: y + side*0.4}, {X: x + side*0.6, Y: y + side*0.4}, {X: x + side*0.5, Y: y + side*0.6}}}}}}
	default:
		o.ROI = annotate.Rectangle(x, y, x+side, y+side)
	}
	if rng.IntN(8) == 0 {
		o.Kind, o.Review.Decision = annotate.Detection, annotate.Decision(rng.IntN(3))
	}
	return o
}

// checkNesting compares with what is said of each object alone.
func checkNesting(t *testing.T, set *annotate.Set, n *Nesting) (nested int) {
	t.Helper()
	set.All(func(o *annotate.Object) bool {
		if !o.IsLabel() {
			return true
		}
		want, got := Around(set, o), n.Of(o.ID)
		if (want == nil) != (got == nil) || want != nil && want.ID != got.ID {
			t.Fatalf("%s of %v lies in %v, want %v", o.ROI.Kind, o.ROI.Bounds(), got, want)
		}
		if got != nil {
			nested++
		}
		return true
	})
	return nested
}

func TestNest_LikeAround(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 28))
	for _, n := range []int{0, 1, 30, 600} {
		set := nestedSet(rng, n)
		nesting := Nest(context.Background(), set.Roll(), nil, nil)
		if nested := checkNesting(t, set, nesting); n == 600 && nested < 200 {
			t.Errorf("only %d lie in others: the test says little", nested)
		}
	}
}

func TestNest_FollowsEdits(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 29))
	set := nestedSet(rng, 300)
	nesting := Nest(context.Background(), set.Roll(), nil, nil)
	for range 60 {
		e := annotate.Edit{Slide: nestedSlide}
		e.Label = "change"
		var all []*annotate.Object
		set.All(func(o *annotate.Object) bool { all = append(all, o); return true })
		o := all[rng.IntN(len(all))]
		switch rng.IntN(3) {
		case 0:
			e.Changes = append(e.Changes, annotate.Change{Before: o})
		case 1:
			e.Changes = append(e.Changes, annotate.Change{After: nestedObject(rng)})
		default:
			moved := *o
			moved.ROI = o.ROI.Translate(rng.Float64()*80-40, rng.Float64()*80-40)
			e.Changes = append(e.Changes, annotate.Change{Before: o, After: &moved})
		}
		if err := set.Apply(e); err != nil {
			t.Fatal(err)
		}
		nesting = Nest(context.Background(), set.Roll(), nesting, nil)
		checkNesting(t, set, nesting)
	}
}

func TestNest_Stops(t *testing.T) {
	set := nestedSet(rand.New(rand.NewPCG(6, 30)), 20)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if Nest(ctx, set.Roll(), nil, nil) != nil {
		t.Error("a nesting came of what was stopped")
	}
}

func TestTree_Lines(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 31))
	set := nestedSet(rng, 500)
	for _, spec := range []TableSpec{{Column: ByArea, Down: true}, {Column: ByArea, Least: 3000}} {
		table := MakeTable(context.Background(), set, nil, spec)
		nesting := table.Nest(context.Background(), nil, nil)
		tree := MakeTree(table, nesting)
		if n := len(tree.Lines(func(int) bool { return false })); n != len(tree.Rows(-1)) || n == 0 || n == table.Len() {
			t.Errorf("%d lines of a folded tree of %d, %d at the top", n, table.Len(), len(tree.Rows(-1)))
		}
		lines := tree.Lines(func(int) bool { return true })
		if len(lines) != table.Len() {
			t.Fatalf("%d lines of %d rows", len(lines), table.Len())
		}
		seen := map[int32]bool{}
		for i, l := range lines {
			if seen[l.Row] {
				t.Fatalf("row %d stands twice", l.Row)
			}
			seen[l.Row] = true
			below := 0
			for _, m := range lines[i+1:] {
				if m.Depth <= l.Depth {
					break
				}
				below++
			}
			if below != tree.Below(int(l.Row)) {
				t.Fatalf("%d lines below row %d, which counts %d", below, l.Row, tree.Below(int(l.Row)))
			}
			in := tree.In(int(l.Row))
			if (in < 0) != (l.Depth == 0) {
				t.Fatalf("row %d stands below %d at depth %d", l.Row, in, l.Depth)
			}
		}
		for _, rows := range [][]int32{tree.Rows(-1), tree.Rows(int(lines[0].Row))} {
			for i := 1; i < len(rows); i++ {
				if rows[i-1] >= rows[i] {
					t.Fatal("not in the order of the table")
				}
			}
		}
	}
}

func BenchmarkNest_20000(b *testing.B) {
	rng := rand.New(rand.NewPCG(6, 32))
	set := nestedSet(rng, 20_000)
	roll := set.Roll()
	b.ReportAllocs()
	for b.Loop() {
		Nest(context.Background(), roll, nil, nil)
	}
}
