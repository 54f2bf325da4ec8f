package app

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/synth"
)

// manyLabels is enough of all sorts for the sort by digits.
func manyLabels(palette annotate.Palette) (list []*annotate.Object) {
	rnd := rand.New(rand.NewPCG(2, 2))
	for i := range 6000 {
		o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: annotate.Rectangle(0, 0, rnd.Float64()*100, 10),
			By: annotate.Provenance{Author: []string{"Ada", "Bea", "carl"}[rnd.IntN(3)], Score: float64(rnd.IntN(5)) / 4}}
		if rnd.IntN(10) > 0 {
			o.Class = palette[rnd.IntN(len(palette))].ID
			o.Changed = time.Unix(rnd.Int64N(1e9)-1e8, 0)
		}
		if i%7 == 0 {
			o.Name = fmt.Sprintf("Spot %d", i)
		}
		if i%5 == 0 {
			o.Kind, o.Review.Decision = annotate.Detection, annotate.Rejected
		}
		list = append(list, o)
	}
	return list
}

func TestMakeTable_SortsAndFilters(t *testing.T) {
	palette := annotate.DefaultPalette()
	rank := map[annotate.ID]int{}
	for i, c := range palette {
		rank[c.ID] = i + 1
	}
	list := manyLabels(palette)
	set := annotate.NewSet(list)
	columns := map[Column]func(a, b annotate.Brief) int{
		ByDate:   func(a, b annotate.Brief) int { return a.Changed.Compare(b.Changed) },
		ByClass:  func(a, b annotate.Brief) int { return cmp.Compare(rank[a.Class], rank[b.Class]) },
		ByArea:   func(a, b annotate.Brief) int { return cmp.Compare(a.Area, b.Area) },
		ByAuthor: func(a, b annotate.Brief) int { return cmp.Compare(a.Author, b.Author) }, // all have other first letters
		ByScore:  func(a, b annotate.Brief) int { return cmp.Compare(a.Score, b.Score) },
	}
	for column, order := range columns {
		for _, down := range []bool{false, true} {
			table := MakeTable(context.Background(), set, palette, TableSpec{Column: column, Down: down})
			if table.Len() != 4800 || table.Total() != 4800 {
				t.Fatalf("%d rows of %d", table.Len(), table.Total())
			}
			for i := 1; i < table.Len(); i++ {
				c := order(table.Brief(i-1), table.Brief(i))
				if down {
					c = -c
				}
				if c > 0 {
					t.Fatalf("column %d, down %v: row %d is out of order", column, down, i)
				}
			}
		}
	}
	for _, c := range []struct {
		spec TableSpec
		want func(o *annotate.Object) bool
	}{
		{TableSpec{Text: " SPOT 14 "}, func(o *annotate.Object) bool { return strings.HasPrefix(o.Name, "Spot 14") }},
		{TableSpec{Text: "CARL"}, func(o *annotate.Object) bool { return o.By.Author == "carl" }},
		{TableSpec{Text: palette[1].Name}, func(o *annotate.Object) bool { return o.Class == palette[1].ID }},
		{TableSpec{Author: "Ada", Least: 500}, func(o *annotate.Object) bool { return o.By.Author == "Ada" && o.ROI.Area() >= 500 }},
		{TableSpec{Classes: map[annotate.ID]bool{palette[0].ID: true}}, func(o *annotate.Object) bool { return o.Class == palette[0].ID }},
	} {
		table := MakeTable(context.Background(), set, palette, c.spec)
		n := 0
		for _, o := range list {
			if o.IsLabel() && c.want(o) {
				n++
			}
		}
		for i := range table.Len() {
			if !c.want(table.Object(i)) {
				t.Fatalf("%+v takes %+v", c.spec, table.Brief(i))
			}
		}
		if table.Len() != n {
			t.Errorf("%+v: %d rows, want %d", c.spec, table.Len(), n)
		}
	}
	table := MakeTable(context.Background(), set, palette, TableSpec{})
	if id := table.Brief(33).ID; table.Row(id) != 33 || !slices.Equal(table.IDs(33, 33), []annotate.ID{id}) || table.Row(annotate.NewID()) != -1 {
		t.Error("Row and IDs disagree with Brief")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if MakeTable(ctx, set, palette, TableSpec{}) != nil {
		t.Error("a cancelled table is made")
	}
}

func BenchmarkMakeTable_1M(b *testing.B) {
	palette := annotate.DefaultPalette()
	classes := []annotate.ID{palette[0].ID, palette[1].ID, palette[2].ID}
	var x annotate.IndexBuilder
	for o := range synth.Nuclei(1_000_000, 100_000, 80_000, classes, 1) {
		brief := annotate.BriefOf(o)
		if err := x.Add(&brief, 1); err != nil {
			b.Fatal(err)
		}
	}
	set := annotate.NewIndexedSet(x.Index(nil, 0))
	for name, spec := range map[string]TableSpec{"newest": {Down: true}, "area": {Column: ByArea}, "class": {Column: ByClass}, "filtered": {Text: palette[1].Name}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if MakeTable(context.Background(), set, palette, spec).Len() == 0 {
					b.Fatal("no rows")
				}
			}
		})
	}
}
