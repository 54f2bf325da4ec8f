package app

import (
	"testing"

	"coverslip/annotate"
	"coverslip/storage"
)

func TestNewGrid_Table(t *testing.T) {
	for _, c := range []struct {
		w, h, patch int
		scale, mpp  float64
		cols, rows  int
		side        int
	}{
		{1000, 500, 100, 0.5, 0.5, 10, 5, 100},
		{1000, 500, 100, 0.25, 0.5, 5, 2, 200},
		{1000, 500, 100, 1, 0.5, 20, 10, 50},
		{2220, 2967, 224, 0.499, 0.5, 9, 13, 224},
		{50, 50, 100, 0.5, 0.5, 0, 0, 100},
	} {
		g, err := newGrid(storage.Slide{Width: c.w, Height: c.h, MPPX: c.scale, MPPY: c.scale}, c.patch, c.mpp)
		if err != nil || g.cols != c.cols || g.rows != c.rows || g.side != c.side {
			t.Errorf("%+v: %+v %v", c, g, err)
		}
	}
	if _, err := newGrid(storage.Slide{Width: 9, Height: 9, MPPX: 1000, MPPY: 1000}, 100, 0.5); err == nil {
		t.Error("patches smaller than a pixel were planned")
	}
}

func TestGrid_Labelled_SmallestWins(t *testing.T) {
	g := grid{cols: 10, rows: 10, side: 10, step: 10}
	big, small, point, outside := annotate.NewID(), annotate.NewID(), annotate.NewID(), annotate.NewID()
	obj := func(class annotate.ID, roi annotate.ROI) *annotate.Object {
		return &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, Class: class, ROI: roi}
	}
	rejected := obj(small, annotate.Rectangle(0, 0, 100, 100))
	rejected.Kind, rejected.Review.Decision = annotate.Detection, annotate.Rejected
	set := annotate.NewSet([]*annotate.Object{
		obj(big, annotate.Rectangle(0, 0, 50, 50)),
		obj(small, annotate.Rectangle(20, 20, 30, 30)),
		obj(point, annotate.PointAt(71, 71)),
		obj(point, annotate.PointAt(1, 1)), // a label lies there already
		obj(outside, annotate.Rectangle(-50, -50, -10, -10)),
		obj(annotate.ID{}, annotate.Rectangle(60, 0, 100, 40)), // without a class
		rejected,
	})
	found := g.labelled(set, anyClass)
	if len(found) != 26 || found[cell{2, 2}].Class != small || found[cell{0, 0}].Class != big || found[cell{7, 7}].Class != point {
		t.Errorf("%d cells", len(found))
	}
	if n := len(g.labelled(set, func(c annotate.ID) bool { return c == small })); n != 1 {
		t.Errorf("%d cells of one class", n)
	}
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"", "Tumour", "../x", "a/b\\c:d", "Ä\x00\xff", "CON", "-rf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := safeName(in)
		if out == "" || len(out) > 80 || out[0] == '.' {
			t.Errorf("safeName(%q) = %q", in, out)
		}
		for _, r := range out {
			if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
				t.Errorf("safeName(%q) = %q", in, out)
			}
		}
	})
}

// 100,000 patches of a large slide under 200 labels.
func BenchmarkGrid_Labelled(b *testing.B) {
	g := grid{cols: 400, rows: 250, side: 448, step: 448}
	var objects []*annotate.Object
	class := annotate.NewID()
	for i := range 200 {
		x, y := float64(i%20)*8000, float64(i/20)*10000
		objects = append(objects, &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, Class: class,
			ROI: annotate.Rectangle(x, y, x+4000, y+4000)})
	}
	set := annotate.NewSet(objects)
	b.ReportAllocs()
	for b.Loop() {
		if len(g.labelled(set, anyClass)) == 0 {
			b.Fatal("nothing found")
		}
	}
}
