package app

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// suggested is a project of suggestions by the test's encoder.
func suggested(t *testing.T) (*Session, annotate.ID) {
	t.Helper()
	s, slide := newProject(t)
	label(t, s)
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	return s, slide
}

func rank(t *testing.T, s *Session, slide annotate.ID, o QueueOptions) *RankedQueue {
	t.Helper()
	q, err := s.RankQueue(t.Context(), slide, o)
	if err != nil {
		t.Fatalf("%s: %v", o.Order, err)
	}
	return q
}

func TestRanker_Queue_EveryOrderHoldsTheSame(t *testing.T) {
	s, slide := suggested(t)
	want := map[annotate.ID]bool{}
	for _, o := range s.Queue(slide) {
		want[o.ID] = true
	}
	firsts := map[annotate.ID]bool{}
	for _, order := range QueueOrders() {
		q := rank(t, s, slide, QueueOptions{Order: order, Seed: 7})
		if order == QueueDoubts {
			continue // of labels
		}
		got := map[annotate.ID]bool{}
		for _, x := range q.Items {
			got[x.Object.ID] = true
			if !x.Live || x.Class.IsZero() || !(x.Score > 0 && x.Score <= 1) || x.Unsure {
				t.Fatalf("%s: %+v", order, x)
			}
		}
		if len(got) != len(want) || len(q.Items) != len(want) || !q.Live || q.Waiting != len(want) || q.Labels != 12 {
			t.Errorf("%s: %d items, %d different, %d waiting, live %v", order, len(q.Items), len(got), q.Waiting, q.Live)
		}
		firsts[q.Items[0].Object.ID] = true
		again := rank(t, s, slide, QueueOptions{Order: order, Seed: 7})
		for i := range q.Items {
			if q.Items[i].Object.ID != again.Items[i].Object.ID {
				t.Fatalf("%s: the order does not repeat at %d", order, i)
			}
		}
	}
	if len(firsts) < 3 {
		t.Errorf("all orders begin with the same %d", len(firsts))
	}
	q := rank(t, s, slide, QueueOptions{Order: QueueConfident})
	for i := 1; i < len(q.Items); i++ {
		if q.Items[i].Score > q.Items[i-1].Score {
			t.Fatalf("most certain first: %v after %v", q.Items[i].Score, q.Items[i-1].Score)
		}
	}
	q = rank(t, s, slide, QueueOptions{Order: QueuePlace})
	a, b := q.Items[0].Object.ROI.Bounds(), q.Items[1].Object.ROI.Bounds()
	if a.MinY != b.MinY || b.MinX <= a.MinX {
		t.Errorf("by place begins %v, %v", a, b)
	}
	if _, err := s.RankQueue(t.Context(), annotate.NewID(), QueueOptions{}); !errors.Is(err, ErrNoSlide) {
		t.Errorf("an unknown slide: %v", err)
	}
}

// A decision teaches the next order, and nothing is written by looking.
func TestRanker_Queue_LearnsFromDecisions(t *testing.T) {
	s, slide := suggested(t)
	r := s.Ranker(slide)
	before, err := r.Queue(t.Context(), QueueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x := before.Items[0]
	other := class(t, s, "Necrosis")
	if x.Object.Class == other {
		other = class(t, s, "Tumour")
	}
	if err := s.Decide(Answer{Decision: annotate.Reclassed, Class: other, Note: ReviewNote{Took: 1500 * time.Millisecond, Order: QueueUncertain}}, x.Object.ID); err != nil {
		t.Fatal(err)
	}
	after, err := r.Queue(t.Context(), QueueOptions{Measure: true})
	if err != nil {
		t.Fatal(err)
	}
	if after.Labels != before.Labels+1 || len(after.Items) != len(before.Items)-1 || after.Calibration == nil {
		t.Errorf("%d labels, %d items, calibration %v", after.Labels, len(after.Items), after.Calibration)
	}
	changed := false
	old := map[annotate.ID]float64{}
	for _, x := range before.Items {
		old[x.Object.ID] = x.Score
	}
	for _, x := range after.Items {
		changed = changed || math.Abs(old[x.Object.ID]-x.Score) > 1e-4
	}
	if !changed {
		t.Error("the decision taught nothing")
	}
	o := object(t, s, slide, x.Object.ID)
	if n := NoteOf(o); n.Took != 1500*time.Millisecond || n.Order != QueueUncertain || !n.Own.IsZero() {
		t.Errorf("note %+v of %q", n, o.Meta[MetaReview])
	}
}

func TestRanker_Queue_WithoutEmbeddings(t *testing.T) {
	s, slide := suggested(t)
	item, err := s.Slide(slide)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Ranker(slide)
	full := s.Queue(slide)
	var e annotate.Edit
	e.Slide, e.Label = slide, "Another model's"
	for _, o := range full {
		c := *o
		c.By.ModelHash, c.By.Params = "", ""
		e.Changes = append(e.Changes, annotate.Change{Before: o, After: &c})
	}
	if err := s.Apply(e); err != nil {
		t.Fatal(err)
	}
	q, err := r.Queue(t.Context(), QueueOptions{Coverage: 0.5})
	if err != nil || q.Live || q.Why == "" || len(q.Items) != len(full) {
		t.Fatalf("%+v, %v", q, err)
	}
	unsure := 0
	for i, x := range q.Items {
		if x.Object.ID != full[i].ID {
			t.Fatalf("item %d is another than by margin", i)
		}
		if x.Unsure {
			unsure++
		}
	}
	if unsure == 0 || unsure > len(full)*6/10 {
		t.Errorf("%d of %d unsure at half coverage", unsure, len(full))
	}
	if _, err := r.Queue(t.Context(), QueueOptions{Order: QueueDoubts}); !errors.Is(err, storage.ErrNoEmbeddings) {
		t.Errorf("doubts without embeddings of %s: %v", item.Name, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	s2, slide2 := suggested(t)
	if _, err := s2.RankQueue(ctx, slide2, QueueOptions{}); !errors.Is(err, enough) {
		t.Errorf("cancelled: %v", err)
	}
}

// A label turned to another class is met among the doubts; let stand, it does
// not come again.
func TestRanker_Queue_Doubts(t *testing.T) {
	s, slide := suggested(t)
	q := rank(t, s, slide, QueueOptions{Order: QueueConfident})
	if err := s.Accept(ids(q.Items[:40])...); err != nil {
		t.Fatal(err)
	}
	wrong := q.Items[3].Object
	other := class(t, s, "Tumour")
	if wrong.Class == other {
		other = class(t, s, "Stroma")
	}
	if err := s.Reclass(other, wrong.ID); err != nil {
		t.Fatal(err)
	}
	doubts := rank(t, s, slide, QueueOptions{Order: QueueDoubts})
	if len(doubts.Items) == 0 || doubts.Items[0].Object.ID != wrong.ID || doubts.Items[0].Class != wrong.Class || !doubts.Items[0].Doubt {
		t.Fatalf("%d doubts, the first of %+v", len(doubts.Items), doubts.Items)
	}
	if err := s.Decide(Answer{Decision: annotate.Accepted}, wrong.ID); err != nil {
		t.Fatal(err)
	}
	if o := object(t, s, slide, wrong.ID); o.Class != other || !o.IsLabel() {
		t.Error("letting a label stand changed it")
	}
	for _, x := range rank(t, s, slide, QueueOptions{Order: QueueDoubts}).Items {
		if x.Object.ID == wrong.ID {
			t.Error("a label that a person let stand comes again")
		}
	}
}

func ids(items []Queued) (all []annotate.ID) {
	for _, x := range items {
		all = append(all, x.Object.ID)
	}
	return all
}

func TestReviewRules(t *testing.T) {
	s, slide := suggested(t)
	all := rank(t, s, slide, QueueOptions{})
	rules := ReviewRules{Low: 0, High: all.Items[len(all.Items)/2].Object.By.Score, Classes: []annotate.ID{class(t, s, "Tumour")}, Every: 10}
	if err := s.SetReviewRules(rules); err != nil {
		t.Fatal(err)
	}
	if got := s.ReviewRules(); got.String() != rules.String() {
		t.Errorf("kept %v, not %v", got, rules)
	}
	q := rank(t, s, slide, QueueOptions{Rules: rules})
	if len(q.Items)+q.Passed != q.Waiting || q.Passed == 0 || len(q.Items) == 0 {
		t.Fatalf("%d to see and %d passed of %d", len(q.Items), q.Passed, q.Waiting)
	}
	for _, x := range q.Items {
		if x.Must == "" {
			t.Errorf("%s is shown for no rule", x.Object.ID)
		}
	}
	n, err := s.AcceptRest(slide, rules)
	if err != nil || n != q.Passed {
		t.Fatalf("%d accepted, %d may be: %v", n, q.Passed, err)
	}
	set, _ := s.Objects(slide)
	unseen := 0
	set.All(func(o *annotate.Object) bool {
		if rule := NoteOf(o).Rule; rule != "" {
			unseen++
			if rule != rules.String() || o.Class == rules.Classes[0] || o.By.Score <= rules.High || o.Review.Decision != annotate.Accepted {
				t.Errorf("accepted unseen: %+v", o)
			}
		}
		return true
	})
	if unseen != n {
		t.Errorf("%d carry their rule, %d were accepted", unseen, n)
	}
	if n, err := s.AcceptRest(slide, ReviewRules{}); n != 0 || err != nil {
		t.Errorf("without rules %d were accepted: %v", n, err)
	}
	for _, bad := range []ReviewRules{{Low: 0.5, High: 0.2}, {High: 2}, {Every: -1}, {Low: math.NaN(), High: 1}} {
		if s.SetReviewRules(bad) == nil {
			t.Errorf("%+v was kept", bad)
		}
	}
	if (ReviewRules{Every: 1}).Must(annotate.NewID(), annotate.ID{}, 1) == "" {
		t.Error("every first one passed unseen")
	}
	hits := 0
	for range 2000 {
		if (ReviewRules{Every: 20}).Must(annotate.NewID(), annotate.ID{}, 1) != "" {
			hits++
		}
	}
	if hits < 40 || hits > 180 {
		t.Errorf("%d of 2000 for an audit of one in 20", hits)
	}
}

func TestParseQueueOrder(t *testing.T) {
	for _, q := range QueueOrders() {
		if got, err := ParseQueueOrder(string(q)); got != q || err != nil || q.Title() == "" || q.Short() == "" {
			t.Errorf("%s: %v %v", q, got, err)
		}
	}
	if q, err := ParseQueueOrder(""); q != QueueUncertain || err != nil {
		t.Errorf("nothing: %v %v", q, err)
	}
	if _, err := ParseQueueOrder("best"); err == nil {
		t.Error("an unknown order was taken")
	}
}

// What a person makes of a machine's shape keeps the machine's beside it, through
// every later change.
func TestSession_Apply_KeepsTheMachinesShape(t *testing.T) {
	s, slide := suggested(t)
	o := s.Queue(slide)[0]
	b := o.ROI.Bounds()
	half := annotate.Rectangle(b.MinX, b.MinY, b.MinX+b.Width()/2, b.MaxY)
	if err := s.Move(o, half); err != nil {
		t.Fatal(err)
	}
	now := object(t, s, slide, o.ID)
	c, ok := ChangedFrom(now)
	if !ok || math.Abs(c.IoU-0.5) > 1e-3 || c.Before.Bounds() != b {
		t.Fatalf("%+v %v of %q", c, ok, now.Meta[MetaBefore])
	}
	if _, was := o.Meta[MetaBefore]; was {
		t.Error("the object before the edit was changed")
	}
	if err := s.MoveAll([]*annotate.Object{now}, []annotate.ROI{annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY)}); err != nil {
		t.Fatal(err)
	}
	if c, ok = ChangedFrom(object(t, s, slide, o.ID)); !ok || math.Abs(c.IoU-1) > 1e-3 {
		t.Errorf("moved back: %+v %v", c, ok)
	}
	own := draw(t, s, "Tumour", 0, 0, 20, 20)
	if err := s.Move(object(t, s, slide, own), annotate.Rectangle(0, 0, 10, 10)); err != nil {
		t.Fatal(err)
	}
	if _, ok := ChangedFrom(object(t, s, slide, own)); ok {
		t.Error("a person's own shape keeps a machine's")
	}
}

func FuzzParseOutline(f *testing.F) {
	for _, seed := range []string{"", "[]", "[[[[0,0],[1,0],[1,1],[0,0]]]]", "[[[[0,0]]]]", "[[[]]]", "[[[[1e309,0],[1,0],[0,1],[1,1]]]]", "{", "[[[[0,0],[9,0],[9,9],[0,0]],[[1,1],[2,1],[2,2],[1,1]]]]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roi, err := parseOutline(text)
		if err != nil {
			return
		}
		again, err := parseOutline(outlineText(roi))
		if err == nil && slices.ContainsFunc(again.Polygons, func(p annotate.Polygon) bool { return len(p.Outer) < 3 }) {
			t.Errorf("%q became %v", text, again)
		}
	})
}
