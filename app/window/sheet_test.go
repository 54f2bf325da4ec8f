package window

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/app"
)

// until settles the window until a condition holds.
func (s *stage) until(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		s.settle()
		if holds() {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("after 30 s not: %s", what)
		}
	}
}

// nested draws a large rectangle, one in it, two in that, and one aside.
func (s *stage) nested() (outer, inner, aside annotate.ID) {
	s.t.Helper()
	put := func(class string, x0, y0, x1, y1 float64) annotate.ID {
		s.t.Helper()
		id, err := s.session.Draw(annotate.Rectangle(x0, y0, x1, y1), s.classNamed(class))
		if err != nil {
			s.t.Fatal(err)
		}
		return id
	}
	outer = put("Tumour", 50, 50, 650, 650)
	inner = put("Necrosis", 100, 100, 400, 400)
	put("Stroma", 120, 120, 160, 160)
	put("Stroma", 200, 200, 220, 260)
	aside = put("Stroma", 800, 100, 900, 200)
	s.settle()
	return outer, inner, aside
}

func TestWindow_AnnotationsAsATree(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	outer, inner, aside := s.nested()
	tree := func(want int) {
		t.Helper()
		if got := s.labels.count(); got != want {
			t.Fatalf("%d lines, want %d", got, want)
		}
	}
	tree(5)
	s.runes("Y")
	tree(2) // folded: the large one and that aside
	line := func(id annotate.ID) int {
		for i := range s.labels.count() {
			if s.labels.brief(i).ID == id {
				return i
			}
		}
		return -1
	}
	s.labels.fold(line(outer), false)
	tree(3)
	if row, depth := s.labels.rowAt(line(inner)); depth != 1 || s.survey.tree.Below(row) != 2 {
		t.Errorf("the inner one stands at depth %d with %d below", depth, s.survey.tree.Below(row))
	}
	s.labels.fold(line(outer), false)
	s.labels.fold(line(outer), true)
	tree(5)
	s.labels.fold(line(outer), false)
	tree(2)
	// What is selected on the slide is found in the tree.
	small := s.Window.open.Set.At(annotate.Point{X: 210, Y: 230}, 1)[0].ID
	s.viewer.SetSelection([]annotate.ID{small})
	s.selected([]annotate.ID{small})
	if at := line(small); at < 0 || !s.labels.selected[small] {
		t.Errorf("the selected one stands in line %d", at)
	}
	tree(5)
	// An edit changes what lies in what.
	if err := s.session.Delete([]annotate.ID{inner}); err != nil {
		t.Fatal(err)
	}
	s.until("the small ones lie in the large one", func() bool {
		row, _ := s.labels.rowAt(line(outer))
		return row >= 0 && s.survey.tree.Below(row) == 2
	})
	s.labels.tapped(line(aside), 0)
	if sel := s.viewer.Selection(); len(sel) != 1 || sel[0] != aside {
		t.Errorf("selected: %v", sel)
	}
	s.runes("Y")
	tree(4)
}

func TestWindow_Sheet(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	outer, inner, _ := s.nested()
	s.runes("T")
	p := s.sheet
	if !p.shown {
		t.Fatal("the table is not shown")
	}
	s.until("five rows", func() bool { return p.sheet.Len() == 5 })
	p.sortBy("area")
	s.until("the largest first", func() bool { return p.spec.Down && p.sheet.Brief(0).ID == outer })
	p.sortBy("area")
	s.until("the largest last", func() bool { return p.sheet.Brief(4).ID == outer })
	s.until("the rows in view are measured", func() bool {
		line := p.lines[3]
		return line.ID == inner && line.Inside == "Tumour" && math.Abs(line.Values["area"]-90_000) < 1e-6 && line.Values["inside"] == 2
	})
	test.Tap(p.list.body.used[3])
	s.settle()
	if sel := s.viewer.Selection(); len(sel) != 1 || sel[0] != inner {
		t.Errorf("a click selected %v", sel)
	}
	p.filter.SetText("stroma area>1500")
	s.until("two rows of five", func() bool { return p.sheet.Len() == 2 && strings.Contains(p.words.value, "2 of 5") })
	p.filter.SetText("stroma area>lots")
	s.until("it is said what is wrong", func() bool { return strings.Contains(p.words.value, "lots") })
	p.filter.escape()
	s.until("all again", func() bool { return p.sheet.Len() == 5 })

	// An edit is followed.
	if err := s.session.Delete([]annotate.ID{outer}); err != nil {
		t.Fatal(err)
	}
	s.until("four rows", func() bool { return p.sheet.Len() == 4 && p.lines[3].ID == inner && p.lines[3].Inside == "" })

	// Columns come and go.
	p.columns = []string{"solidity"}
	p.rebuild()
	if got := p.cols(); len(got) != 2 || got[0] != app.SheetClass || p.title(got[1]) != "Solidity" {
		t.Errorf("columns: %v", got)
	}
	p.columns = sheetAtFirst
	p.rebuild()
	p.list.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(-5000, 0)})
	if room := p.wide() - p.list.Size().Width; math.Abs(float64(p.left-max(0, room))) > 1 {
		t.Errorf("scrolled to %v of %v", p.left, room)
	}
	file := filepath.Join(s.dir, "table.csv")
	sheet := p.sheet
	s.startJob("Export measures", func(j *job) error { return sheet.ExportSheet(j.ctx, file, []string{"area"}, j.progress) })
	s.settle()
	if b, err := os.ReadFile(file); err != nil || strings.Count(string(b), "\n") != 5 {
		t.Errorf("wrote %q: %v", b, err)
	}
	s.runes("T")
	if p.shown || p.object.Visible() {
		t.Error("the table is still shown")
	}
}
