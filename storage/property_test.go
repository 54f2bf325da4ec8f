package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"coverslip/annotate"
)

// model is what a project should hold, kept in memory in the plainest way.
type model struct {
	objects    map[annotate.ID]map[annotate.ID]*annotate.Object // by slide
	undo, redo map[annotate.ID][]annotate.Edit
}

func (m *model) apply(e annotate.Edit) {
	for _, c := range e.Changes {
		if c.After == nil {
			delete(m.objects[e.Slide], c.ID())
		} else {
			m.objects[e.Slide][c.ID()] = c.After
		}
	}
}

// randomObject uses every field and every kind of geometry.
func randomObject(rng *rand.Rand, classes []annotate.ID) *annotate.Object {
	x, y := float64(rng.IntN(100000)), float64(rng.IntN(100000))
	switch rng.IntN(3) {
	case 0:
		x, y = x+float64(rng.IntN(100))/100, y+float64(rng.IntN(100))/100
	case 1:
		x, y = x+rng.Float64(), y+rng.Float64()
	}
	var roi annotate.ROI
	switch rng.IntN(5) {
	case 0:
		roi = annotate.Rectangle(x, y, x+30, y+20)
	case 1:
		roi = annotate.Ellipse(x, y, x+30, y+20)
	case 2:
		roi = annotate.PointAt(x, y)
	case 3:
		roi = annotate.ROI{Kind: annotate.KindLine, Points: []annotate.Point{{X: x, Y: y}, {X: x + 5, Y: y - 7}}}
	default:
		roi = annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{
			{Outer: annotate.Ring{{X: x, Y: y}, {X: x + 50, Y: y}, {X: x + 20, Y: y + 60}}, Holes: []annotate.Ring{{{X: x + 20, Y: y + 10}, {X: x + 22, Y: y + 10}, {X: x + 21, Y: y + 13}}}},
			{Outer: annotate.Ring{{X: x + 100, Y: y}, {X: x + 150, Y: y}, {X: x + 120, Y: y + 60}}}}}
	}
	at := time.Unix(rng.Int64N(2e9), rng.Int64N(1e9)).UTC()
	o := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: roi, Class: classes[rng.IntN(len(classes))], Created: at, Changed: at.Add(time.Hour)}
	if rng.IntN(2) == 0 {
		o.Kind = annotate.Detection
		o.By = annotate.Provenance{Author: "A", Model: "m", ModelHash: "ff", Untrained: true, Method: "logistic", Score: rng.Float64(),
			Margin: rng.Float64(), Why: "because", Nearest: []annotate.ID{annotate.NewID(), annotate.NewID()}, Params: "p"}
		o.Review = annotate.Review{Decision: annotate.Decision(rng.IntN(4)), By: "B", At: at, Was: classes[0]}
	}
	if rng.IntN(3) == 0 {
		o.Name, o.Notes, o.Locked = "name \xff", "notes\n…", true
		o.Meta = map[string]string{"a": "1", "b": ""}
	}
	return o
}

func TestProject_RandomEdits_LikeTheModel(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomEdits(t, rand.New(rand.NewPCG(seed, 9)), 120) })
	}
}

func randomEdits(t *testing.T, rng *rand.Rand, steps int) {
	p, first := newProject(t)
	second := annotate.NewID()
	if err := p.AddSlide(Slide{ID: second, Name: "b"}, testStamp); err != nil {
		t.Fatal(err)
	}
	slides := []annotate.ID{first, second}
	classes := []annotate.ID{{}, annotate.ClassID("Tumour"), annotate.ClassID("Fat")}
	m := model{map[annotate.ID]map[annotate.ID]*annotate.Object{first: {}, second: {}}, map[annotate.ID][]annotate.Edit{}, map[annotate.ID][]annotate.Edit{}}
	for step := range steps {
		s := slides[rng.IntN(2)]
		switch rng.IntN(6) {
		case 0, 1, 2:
			e := randomEdit(rng, s, m.objects[s], classes, step)
			commit(t, p, e)
			m.apply(e)
			m.undo[s], m.redo[s] = append(m.undo[s], e), nil
		case 3:
			m.turn(t, p, s, m.undo, m.redo, p.Undo, ErrNothingToUndo, annotate.Edit.Inverse)
		case 4:
			m.turn(t, p, s, m.redo, m.undo, p.Redo, ErrNothingToRedo, func(e annotate.Edit) annotate.Edit { return e })
		case 5:
			if rng.IntN(3) == 0 {
				if err := p.Compact(); err != nil {
					t.Fatal(err)
				}
				break
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			q, err := Open(p.Dir(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			p.db, p.stat, p.journal, p.txid = q.db, q.stat, q.journal, 0
		}
		m.compare(t, p, step)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	rep, err := p.VerifyAudit()
	if err != nil || rep.FirstBad != 0 {
		t.Error(err, rep)
	}
}

func randomEdit(rng *rand.Rand, slide annotate.ID, have map[annotate.ID]*annotate.Object, classes []annotate.ID, step int) annotate.Edit {
	e := annotate.Edit{Slide: slide, Label: fmt.Sprint("edit ", step), Reason: "test"}
	for _, o := range have {
		switch rng.IntN(8) {
		case 0:
			c := randomObject(rng, classes)
			c.ID = o.ID
			e.Changes = append(e.Changes, annotate.Change{Before: o, After: c})
		case 1:
			e.Changes = append(e.Changes, annotate.Change{Before: o})
		}
	}
	for range rng.IntN(4) {
		e.Changes = append(e.Changes, annotate.Change{After: randomObject(rng, classes)})
	}
	if len(e.Changes) == 0 {
		e.Changes = append(e.Changes, annotate.Change{After: randomObject(rng, classes)})
	}
	return e
}

func (m *model) turn(t *testing.T, p *Project, s annotate.ID, from, to map[annotate.ID][]annotate.Edit,
	do func(annotate.ID, Stamp) (annotate.Edit, error), none error, way func(annotate.Edit) annotate.Edit) {
	t.Helper()
	n := len(from[s])
	got, err := do(s, testStamp)
	if n == 0 {
		if !errors.Is(err, none) {
			t.Fatal(err, none)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	e := from[s][n-1]
	if got.Label != e.Label || got.Reason != e.Reason || len(got.Changes) != len(e.Changes) {
		t.Fatalf("%q with %d changes, want %q with %d", got.Label, len(got.Changes), e.Label, len(e.Changes))
	}
	m.apply(way(e))
	from[s], to[s] = from[s][:n-1], append(to[s], e)
}

func (m *model) compare(t *testing.T, p *Project, step int) {
	t.Helper()
	for s, want := range m.objects {
		got := objects(t, p, s)
		if len(got) != len(want) {
			t.Fatalf("step %d: %d objects, want %d", step, len(got), len(want))
		}
		for _, o := range got {
			if !o.Equal(want[o.ID]) {
				t.Fatalf("step %d:\n%+v, want\n%+v", step, o, want[o.ID])
			}
		}
		for _, c := range []struct {
			stack []annotate.Edit
			label func(annotate.ID) (string, bool)
		}{{m.undo[s], p.UndoLabel}, {m.redo[s], p.RedoLabel}} {
			l, ok := c.label(s)
			if ok != (len(c.stack) > 0) || ok && l != c.stack[len(c.stack)-1].Label {
				t.Fatalf("step %d: label %q %v, want the top of %d", step, l, ok, len(c.stack))
			}
		}
	}
}

func TestProject_Commit_Refuses(t *testing.T) {
	p, slide := newProject(t)
	a := square(0, 0)
	commit(t, p, annotate.Add(slide, "Draw", a))
	stale := *a
	stale.Name = "somebody else's"
	changed := *a
	changed.Notes = "x"
	alien := square(5, 5)
	alien.Class = annotate.NewID()
	tumour := p.palette(t).ByName("Tumour")
	used := *tumour
	for name, c := range map[string]struct {
		e    annotate.Edit
		want error
	}{
		"stale":          {annotate.Replace(slide, "x", &stale, &changed), annotate.ErrConflict},
		"there already":  {annotate.Add(slide, "x", square(9, 9), a), annotate.ErrConflict},
		"gone":           {annotate.Remove(slide, "x", square(1, 1)), annotate.ErrConflict},
		"unknown slide":  {annotate.Add(annotate.NewID(), "x", square(1, 1)), ErrUnknownSlide},
		"unknown class":  {annotate.Add(slide, "x", square(1, 1), alien), ErrUnknownClass},
		"class in use":   {annotate.Edit{Label: "x", Classes: []annotate.ClassChange{{Before: &used}}}, ErrClassInUse},
		"class conflict": {annotate.Edit{Label: "x", Classes: []annotate.ClassChange{{After: &used}}}, annotate.ErrConflict},
		"empty":          {annotate.Edit{Slide: slide}, annotate.ErrInvalidEdit},
		"invalid":        {annotate.Add(slide, "x", &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation}), annotate.ErrInvalidROI},
	} {
		if _, err := p.Commit(c.e, testStamp); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := objects(t, p, slide); len(got) != 1 || !got[0].Equal(a) {
		t.Error("a refused edit left something", got)
	}
	n := 0
	if err := p.Audit(1, func(AuditRecord) error { n++; return nil }); err != nil || n != 3 {
		t.Error("a refused edit is in the audit", err, n)
	}
}

func (p *Project) palette(t *testing.T) annotate.Palette {
	t.Helper()
	pal, err := p.Palette()
	if err != nil {
		t.Fatal(err)
	}
	return pal
}

func TestProject_Classes(t *testing.T) {
	p, slide := newProject(t)
	def := annotate.DefaultPalette()
	if got := p.palette(t); len(got) != len(def) || got[0] != def[0] || got[8] != def[8] {
		t.Fatal("a new project has the classes", got)
	}
	mine := annotate.Class{ID: annotate.NewID(), Name: "Mitosis", Color: def[3].Color, Parent: def[0].ID, Code: "SCT 1", Key: "m"}
	o := square(0, 0)
	o.Class = mine.ID
	commit(t, p, annotate.Edit{Slide: slide, Label: "Class and object", Classes: []annotate.ClassChange{{After: &mine}}, Changes: []annotate.Change{{After: o}}})
	renamed := mine
	renamed.Name, renamed.Retired = "Mitotic figure", true
	commit(t, p, annotate.Edit{Label: "Rename", Classes: []annotate.ClassChange{{Before: &mine, After: &renamed}}})
	if got := p.palette(t); len(got) != 10 || got[9] != renamed {
		t.Fatal(got)
	}
	if _, err := p.Undo(slide, testStamp); !errors.Is(err, annotate.ErrConflict) {
		t.Fatal("the class was renamed meanwhile, yet its addition was undone:", err)
	}
	if _, err := p.Undo(annotate.ID{}, testStamp); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Undo(slide, testStamp); err != nil {
		t.Fatal(err)
	}
	if got := p.palette(t); len(got) != 9 || len(objects(t, p, slide)) != 0 {
		t.Fatal(got)
	}
	if _, err := p.Redo(slide, testStamp); err != nil {
		t.Fatal(err)
	}
	if got := p.palette(t); len(got) != 10 || got[9] != mine || !objects(t, p, slide)[0].Equal(o) {
		t.Fatal(got)
	}
}

func TestProject_Slides_Settings_Audit(t *testing.T) {
	p, slide := newProject(t)
	list, err := p.Slides()
	if err != nil || len(list) != 1 || list[0].RelPath != "../a.svs" || list[0].MPPX != 0.25 || !list[0].Added.Equal(testStamp.At) {
		t.Fatal(err, list)
	}
	s := list[0]
	s.Patient, s.Path, s.RelPath = "P1", filepath.Join(p.Dir(), "slides", "a.svs"), ""
	if err := p.UpdateSlide(s, testStamp); err != nil {
		t.Fatal(err)
	}
	if list, err = p.Slides(); err != nil || list[0].Patient != "P1" || list[0].RelPath != "slides/a.svs" {
		t.Fatal(err, list)
	}
	if err := p.AddSlide(s, testStamp); err == nil {
		t.Error("a slide was added twice")
	}
	if err := p.UpdateSlide(Slide{ID: annotate.NewID()}, testStamp); !errors.Is(err, ErrUnknownSlide) {
		t.Error(err)
	}
	if err := p.AddSlide(Slide{}, testStamp); err == nil {
		t.Error("a slide without ID was added")
	}
	if _, ok := p.Setting("view"); ok {
		t.Error("a setting out of nothing")
	}
	if err := p.SetSetting("view", "1,2,3"); err != nil {
		t.Fatal(err)
	}
	if v, ok := p.Setting("view"); !ok || v != "1,2,3" {
		t.Error(v, ok)
	}
	commit(t, p, annotate.Edit{Slide: slide, Label: "Draw", Reason: "seen", Changes: []annotate.Change{{After: square(1, 1)}}})
	if _, err := p.Undo(slide, testStamp); err != nil {
		t.Fatal(err)
	}
	var got []AuditRecord
	if err := p.Audit(2, func(r AuditRecord) error { got = append(got, r); return nil }); err != nil || len(got) != 4 {
		t.Fatal(err, got)
	}
	for i, want := range []struct {
		op    Op
		label string
	}{{OpSlide, "Add slide"}, {OpSlide, "Change slide"}, {OpCommit, "Draw"}, {OpUndo, "Draw"}} {
		r := got[i]
		if r.Seq != uint64(i+2) || r.Op != want.op || r.Label != want.label || r.Author != "Dr Test" || r.Session != "s1" ||
			r.App != "test 1" || !r.At.Equal(testStamp.At) || r.Slide != slide || r.Changes != 1 || i > 0 && r.Prev != got[i-1].Hash {
			t.Errorf("record %d: %+v", i, r)
		}
		if _, zone := r.At.Zone(); zone != 3600 {
			t.Error("the zone is lost:", r.At)
		}
	}
	if got[2].Reason != "seen" || got[3].Of != got[2].Seq {
		t.Error(got[2], got[3])
	}
	stop := errors.New("stop")
	if err := p.Audit(1, func(AuditRecord) error { return stop }); err != stop {
		t.Error(err)
	}
}
