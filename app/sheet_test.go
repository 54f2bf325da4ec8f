package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"coverslip/annotate"
)

// sheetOf draws random labels on a slide of a new session.
func sheetOf(t *testing.T, n int) (*Session, annotate.ID, *annotate.Set) {
	t.Helper()
	s, slide := newProject(t)
	item, err := s.Slide(slide)
	if err != nil {
		t.Fatal(err)
	}
	fit := float64(min(item.Width, item.Height)) / 1500
	rng := rand.New(rand.NewPCG(8, 1))
	for range n {
		if _, err := s.DrawOn(slide, nestedObject(rng).ROI.Scaled(annotate.Point{}, fit, fit), s.Palette()[rng.IntN(3)].ID); err != nil {
			t.Fatal(err)
		}
	}
	set, err := s.Objects(slide)
	if err != nil {
		t.Fatal(err)
	}
	return s, slide, set
}

func mustSheet(t *testing.T, s *Session, slide annotate.ID, spec SheetSpec, old *Sheet) *Sheet {
	t.Helper()
	sheet, err := s.MakeSheet(context.Background(), slide, spec, old, nil)
	if err != nil {
		t.Fatalf("%+v: %v", spec, err)
	}
	return sheet
}

func TestSheet_SortsByEveryColumn(t *testing.T) {
	s, slide, set := sheetOf(t, 40)
	first := mustSheet(t, s, slide, SheetSpec{}, nil)
	for _, c := range first.Columns {
		for _, down := range []bool{false, true} {
			sheet := mustSheet(t, s, slide, SheetSpec{Sort: c.ID, Down: down}, nil)
			if sheet.Len() != set.Len() || sheet.Total() != set.Len() {
				t.Fatalf("%d rows of %d labels", sheet.Len(), set.Len())
			}
			before := math.Inf(-1)
			if down {
				before = math.Inf(1)
			}
			none := false
			for row := range sheet.Len() {
				v := float64(float32(c.Value(set.Get(sheet.Brief(row).ID))))
				switch {
				case math.IsNaN(v):
					none = true
				case none, down && v > before, !down && v < before:
					t.Fatalf("%s, down %v: %v after %v in row %d", c.ID, down, v, before, row)
				default:
					before = v
				}
			}
		}
	}
	for _, id := range []string{SheetClass, SheetName, SheetInside} {
		if n := mustSheet(t, s, slide, SheetSpec{Sort: id}, nil).Len(); n != set.Len() {
			t.Errorf("by %s: %d rows", id, n)
		}
	}
}

func TestSheet_Filters(t *testing.T) {
	s, slide, set := sheetOf(t, 50)
	all := mustSheet(t, s, slide, SheetSpec{}, nil)
	area, _ := all.column("area")
	class := s.Palette()[1]
	for query, want := range map[string]func(o *annotate.Object) bool{
		"":                              func(*annotate.Object) bool { return true },
		"area>500":                      func(o *annotate.Object) bool { return area.Value(o) > 500 },
		"Area <= 500":                   func(o *annotate.Object) bool { return area.Value(o) <= 500 },
		"objects inside >= 1 area>0":    func(o *annotate.Object) bool { return CountInside(set, o) >= 1 },
		class.Name + " circularity<0,9": func(o *annotate.Object) bool { return o.Class == class.ID && o.ROI.Measured(1, 1).Circularity < 0.9 },
	} {
		sheet := mustSheet(t, s, slide, SheetSpec{Query: query}, nil)
		n := 0
		set.All(func(o *annotate.Object) bool {
			if in := sheet.Row(o.ID) >= 0; in != want(o) {
				t.Errorf("%q: %s of %.0f is in: %v", query, o.ROI.Kind, area.Value(o), in)
			} else if in {
				n++
			}
			return true
		})
		if sheet.Len() != n {
			t.Errorf("%q: %d rows, want %d", query, sheet.Len(), n)
		}
	}
	for _, query := range []string{"area>", "size>3", ">3", "area>x", "area>1e999"} {
		if _, err := s.MakeSheet(context.Background(), slide, SheetSpec{Query: query}, nil, nil); !errors.Is(err, ErrQuery) {
			t.Errorf("%q: %v", query, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := s.MakeSheet(ctx, slide, SheetSpec{Sort: "area"}, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

func TestSheet_CarriesOver(t *testing.T) {
	s, slide, set := sheetOf(t, 40)
	rng := rand.New(rand.NewPCG(8, 2))
	old := mustSheet(t, s, slide, SheetSpec{Sort: "inside", Query: "area>0 density>=0"}, nil)
	for range 12 {
		var ids []annotate.ID
		set.All(func(o *annotate.Object) bool { ids = append(ids, o.ID); return true })
		id := ids[rng.IntN(len(ids))]
		if rng.IntN(3) == 0 {
			if err := s.Delete([]annotate.ID{id}); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Reshape([]annotate.ID{id}, "Move", func(r annotate.ROI) (annotate.ROI, error) { return r.Translate(3, 2), nil }); err != nil && !errors.Is(err, ErrOffSlide) {
			t.Fatal(err)
		}
		for _, by := range []string{"inside", "perimeter", SheetInside} {
			carried, fresh := mustSheet(t, s, slide, SheetSpec{Sort: by}, old), mustSheet(t, s, slide, SheetSpec{Sort: by}, nil)
			for row := range fresh.Len() {
				if carried.Brief(row).ID != fresh.Brief(row).ID {
					t.Fatalf("by %s: row %d differs from that of a sheet made anew", by, row)
				}
			}
			old = carried
		}
	}
}

func TestSheet_Write(t *testing.T) {
	s, slide, set := sheetOf(t, 40)
	sheet := mustSheet(t, s, slide, SheetSpec{Sort: "area", Down: true, Query: "area>0"}, nil)
	var b bytes.Buffer
	if err := sheet.WriteSheet(context.Background(), &b, []string{"area", "inside"}, nil); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != sheet.Len()+1 {
		t.Fatalf("%d lines for %d rows: %v", len(rows), sheet.Len(), err)
	}
	if head := rows[0]; !slices.Contains(head, "inside") || !slices.Contains(head, "Objects inside") {
		t.Errorf("head: %v", head)
	}
	for i, row := range rows[1:] {
		id := sheet.Brief(i).ID
		in := Around(set, set.Get(id))
		if row[1] != id.String() || (in == nil) != (row[7] == "") || in != nil && row[7] != in.ID.String() {
			t.Errorf("line %d: %v", i, row)
		}
	}
	lines := sheet.Lines(context.Background(), set, []int{0, 1, 1000}, []string{"area", SheetInside})
	if len(lines) != 2 || !(lines[0].Values["area"] >= lines[1].Values["area"]) {
		t.Errorf("lines: %v", lines)
	}
}

func FuzzParseQuery(f *testing.F) {
	columns := MeasureColumns(MeasureScale{X: 1, Y: 1, Known: true}, annotate.NewSet(nil))
	for _, seed := range []string{"", "tumour", "area>500", "feret max < 3,5 x", "area>=<3", "= = =", "a>b>c", "area>\x00", "<>", "objects inside=0", "area>NaN", "area>-Inf", "area > 1e400"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := parseQuery(s, columns)
		if err != nil {
			if !errors.Is(err, ErrQuery) {
				t.Fatalf("%q: another error: %v", s, err)
			}
			return
		}
		for _, c := range q.conditions {
			if math.IsNaN(c.value) || c.column == "" || !slices.ContainsFunc(columns, func(m MeasureColumn) bool { return m.ID == c.column }) {
				t.Fatalf("%q: %+v", s, c)
			}
		}
	})
}
