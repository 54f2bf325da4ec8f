package window

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"coverslip/annotate"
	"coverslip/app"
)

// reviewing is a window with suggestions and the review strip open.
func reviewing(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, Options{}).withSlide().label()
	s.runes("g")
	s.run("review.strip")
	s.settle()
	if !s.review.shown || !s.review.object.Visible() || s.review.queue == nil || !s.review.queue.Live {
		t.Fatalf("the strip is not shown, or its queue is not live: %+v", s.review.queue)
	}
	return s
}

func TestReview_Strip(t *testing.T) {
	s := reviewing(t)
	v := s.review.strip
	first := s.queue.items[0]
	name, _ := s.classOf(first.Class)
	if s.queue.current != first.ID || v.class.value != name || v.patch.Image == nil || v.around.Image == nil || !v.near[0].Visible() {
		t.Fatalf("the strip shows %q, the first suggestion is %s; pictures %v %v", v.class.value, name, v.patch.Image != nil, v.around.Image != nil)
	}
	s.runes("a")
	s.runes("x")
	o, second := s.Window.open.Set.Get(first.ID), s.queue.current
	if n := app.NoteOf(o); n.Took <= 0 || n.Order != app.QueueUncertain || !n.Own.IsZero() {
		t.Errorf("the decision keeps %+v", n)
	}
	if s.review.queue.Labels <= 12 {
		t.Errorf("the decisions taught nothing: %d patches", s.review.queue.Labels)
	}
	if s.queue.items[0].ID != second {
		t.Error("what is looked at is not the first of the queue")
	}
	s.runes("z")
	if last := s.queue.items[len(s.queue.items)-1].ID; last != second || s.queue.current == second {
		t.Error("what was skipped does not come last")
	}
	s.run("review.strip")
	if s.review.object.Visible() {
		t.Error("a second F7 did not close the strip")
	}
}

func TestReview_Orders(t *testing.T) {
	s := reviewing(t)
	n := len(s.queue.items)
	for _, order := range app.QueueOrders() {
		s.review.setOrder(order)
		s.settle()
		if order == app.QueueDoubts {
			if len(s.queue.items) == n {
				t.Error("labels in doubt are the suggestions")
			}
			continue
		}
		if len(s.queue.items) != n || s.queue.current != s.queue.items[0].ID {
			t.Fatalf("%s: %d of %d, current is not the first", order, len(s.queue.items), n)
		}
		if got := s.queue.items[0].ID; got != s.review.queue.Items[0].Object.ID {
			t.Errorf("%s: the list does not begin as the ranking does", order)
		}
	}
	if s.review.orders.words != app.QueuePlace.Short()+" …" {
		t.Errorf("the button says %q", s.review.orders.words)
	}
}

// Label first: nothing that the model says is to be seen before the own word.
func TestReview_LabelFirst(t *testing.T) {
	s := reviewing(t)
	s.run("review.blind")
	s.settle()
	v, o := s.review.strip, s.Window.open.Set.Get(s.queue.current)
	name, _ := s.classOf(o.Class)
	for what, text := range map[string]string{"class": v.class.value, "score": v.score.value, "now": v.now.value, "why": s.queue.why.value, "strip's why": v.why.value, "last": s.review.last} {
		if strings.Contains(text, name) || strings.ContainsAny(text, "0123456789") {
			t.Errorf("%s says %q before the own label", what, text)
		}
	}
	if v.near[0].Visible() || s.queue.near[0].Visible() {
		t.Error("the labels that spoke for it are shown")
	}
	left := s.queue.waiting()
	s.runes("a")
	if s.queue.waiting() != left {
		t.Error("a suggestion was accepted unseen")
	}
	s.runes("2")
	own := s.session.Palette().ByKey("2").ID
	o = s.Window.open.Set.Get(o.ID)
	if n := app.NoteOf(o); n.Own != own || o.Class != own || s.queue.waiting() != left-1 {
		t.Errorf("note %+v, class %v", n, o.Class)
	}
	if !strings.Contains(s.review.last, name) {
		t.Errorf("after the own word: %q", s.review.last)
	}
	b, err := s.session.Bias(s.Window.open.Item.ID)
	if err != nil || b.Unassisted.Of != 1 || b.Assisted.Of != 0 {
		t.Errorf("%+v %v", b, err)
	}
	s.run("review.blind")
	if s.review.blind {
		t.Error("a second time did not turn it off")
	}
}

func TestReview_GridSelectsManyAtOnce(t *testing.T) {
	s := reviewing(t)
	s.run("review.grid")
	s.settle()
	v := s.review.board
	if !v.object.Visible() || s.review.strip.object.Visible() || len(v.shown()) < 3 {
		t.Fatalf("%d pictures", len(v.shown()))
	}
	items := s.queue.items
	v.pick(items[0].ID, 0)
	v.pick(items[2].ID, fyne.KeyModifierShift)
	if n := len(s.viewer.Selection()); n != 3 {
		t.Fatalf("Shift selects %d", n)
	}
	v.pick(items[1].ID, fyne.KeyModifierControl)
	s.settle()
	if n := len(s.viewer.Selection()); n != 2 || !strings.Contains(v.words.value, "2 selected") {
		t.Fatalf("Ctrl leaves %d; %q", n, v.words.value)
	}
	s.runes("a")
	for i, want := range []annotate.Decision{annotate.Accepted, annotate.Undecided, annotate.Accepted} {
		if got := s.Window.open.Set.Get(items[i].ID).Review.Decision; got != want {
			t.Errorf("picture %d: %d", i, got)
		}
	}
	s.shortcut(&fyne.ShortcutUndo{})
	if s.Window.open.Set.Get(items[0].ID).Review.Decision != annotate.Undecided {
		t.Error("one undo does not take both back")
	}
}

func TestReview_RulesAndRest(t *testing.T) {
	s := reviewing(t)
	p := s.session.Palette()
	rules, coverage, err := readRules(p, "0,2", "0.6", " tumour,", "20", "90")
	if p.ByName("tumour") == nil { // names are as they are written
		rules, coverage, err = readRules(p, "0,2", "0.6", p[0].Name, "20", "90")
	}
	if err != nil || rules.Low != 0.2 || rules.High != 0.6 || rules.Every != 20 || len(rules.Classes) != 1 || coverage != 0.9 {
		t.Fatalf("%+v %v %v", rules, coverage, err)
	}
	for _, bad := range [][5]string{{"0.6", "0.2", "", "", "100"}, {"x", "", "", "", "100"}, {"", "", "no such", "", "100"}, {"", "", "", "-3", "100"}, {"", "", "", "", "0"}} {
		if _, _, err := readRules(p, bad[0], bad[1], bad[2], bad[3], bad[4]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if err := s.session.SetReviewRules(app.ReviewRules{High: 0.3}); err != nil {
		t.Fatal(err)
	}
	s.review.rank()
	s.settle()
	q := s.review.queue
	if len(s.queue.items) != q.Waiting-q.Passed || q.Passed == 0 || !s.review.rest.Visible() {
		t.Fatalf("%d shown, %d of %d passed", len(s.queue.items), q.Passed, q.Waiting)
	}
	s.run("review.rest")
	s.settle()
	if _, accepted, _, _ := s.decisions(); accepted != q.Passed {
		t.Errorf("%d accepted, %d may be", accepted, q.Passed)
	}
}

func TestReview_RegionsAndHeat(t *testing.T) {
	s := reviewing(t)
	before := s.queue.waiting()
	s.run("review.regions")
	s.settle()
	if n := s.queue.waiting(); n >= before || n == 0 {
		t.Fatalf("%d suggestions, %d before; %s", n, before, s.status.words.value)
	}
	o := s.Window.open.Set.Get(s.queue.current)
	if o.ROI.Vertices() < 8 || !o.IsSuggestion() {
		t.Errorf("a region of %d corners", o.ROI.Vertices())
	}
	for id, kind := range map[string]app.HeatKind{"view.heatUnsure": app.HeatUnsure, "view.heatClassScore": app.HeatClassScore} {
		s.run(id)
		s.settle()
		if s.heat.kind != kind || s.heat.made == nil || !s.heat.object.Visible() {
			t.Errorf("%s shows %v; %s", id, s.heat.kind, s.problem.title.value)
		}
	}
}

func TestSearch_LikeTheSelection(t *testing.T) {
	s := reviewing(t)
	s.run("search.like")
	s.settle()
	r := s.finds.result
	if r == nil || len(r.Cases) == 0 || !s.finds.object.Visible() || len(s.finds.row.Objects) != len(r.Cases) || s.heat.made != r.Heat {
		t.Fatalf("%+v; %s", r, s.problem.title.value)
	}
	s.search(app.SearchQuery{Words: "no tumour"})
	s.settle()
	if !strings.Contains(s.problem.title.value, "do not understand") {
		t.Errorf("a negation: %q", s.problem.title.value)
	}
	s.finds.shut()
	if s.finds.object.Visible() || s.heat.kind != app.HeatNone {
		t.Error("closing left something behind")
	}
}
