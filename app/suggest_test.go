package app

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/models/modeltest"
)

// The test slide holds 12 × 9 patches of tissue.
const (
	gridCols, gridRows = 12, 9
	tissuePatches      = gridCols * gridRows
)

func TestSession_Suggest_WholeWay(t *testing.T) {
	s, slide := newProject(t)
	labels := label(t, s)
	enc := modeltest.New()
	o := SuggestOptions{Encoder: enc}
	var stages []string
	r, err := s.Suggest(t.Context(), slide, o, func(stage string, done, total int) {
		if len(stages) == 0 || stages[len(stages)-1] != stage {
			stages = append(stages, stage)
		}
		if total > 0 && done > total {
			t.Errorf("%s: %d of %d", stage, done, total)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Patches != tissuePatches || r.Embedded != tissuePatches || r.Labels != 3 || r.Examples != 12 ||
		r.Classes != 3 || r.Suggested != tissuePatches-12 || r.Failed != 0 || !r.Untrained {
		t.Errorf("report %+v", r)
	}
	if got := strings.Join(stages, ", "); got != "Finding tissue, Embedding, Learning, Predicting, Writing suggestions" {
		t.Errorf("stages: %s", got)
	}
	queue := s.Queue(slide)
	if len(queue) != r.Suggested {
		t.Fatalf("%d in the queue", len(queue))
	}
	for i, o := range queue {
		if i > 0 && o.By.Margin < queue[i-1].By.Margin {
			t.Fatalf("the queue is not in the order of the margin at %d", i)
		}
		if checkSuggestion(t, s, o, enc, labels); t.Failed() {
			break
		}
	}
	e, err := s.Evaluate(slide, nil, nil)
	if err != nil || e.Judged != 0 || e.Unknown != r.Suggested {
		t.Errorf("nothing is decided yet: %+v %v", e, err)
	}

	// Again: from disk, one edit in place of the other.
	r, err = s.Suggest(t.Context(), slide, o, nil)
	if err != nil || r.Embedded != 0 || r.Replaced != len(queue) || len(s.Queue(slide)) != len(queue) {
		t.Errorf("second run: %+v %v", r, err)
	}
	if calls, _ := enc.Calls(); calls != (tissuePatches+batchSize-1)/batchSize {
		t.Errorf("%d calls of the encoder", calls)
	}
	if _, err := s.Undo(); err != nil {
		t.Fatal(err)
	}
	if q := s.Queue(slide); len(q) != len(queue) || q[0].ID != queue[0].ID {
		t.Error("undo did not bring the first suggestions back")
	}
	if _, err := s.Undo(); err != nil || len(s.Queue(slide)) != 0 {
		t.Errorf("one undo must take a run back: %v", err)
	}
}

// checkSuggestion checks one suggestion of the test slide, where the band tells
// the truth.
func checkSuggestion(t *testing.T, s *Session, o *annotate.Object, enc *modeltest.Encoder, labels []annotate.ID) {
	t.Helper()
	b := o.ROI.Bounds()
	if b.Width() != 64 || b.Height() != 64 || math.Mod(b.MinX, 64) != 0 || o.Kind != annotate.Detection {
		t.Errorf("box %v kind %d", b, o.Kind)
	}
	want := bandClass[int(b.MinX)/bandW]
	if got := s.Palette().ByID(o.Class).Name; got != want {
		t.Errorf("patch at %v: %s, want %s", b, got, want)
	}
	by, info := o.By, enc.Info()
	if by.Model != info.Name || by.ModelHash != info.Hash || !by.Untrained || !strings.HasPrefix(by.Method, "SimpleShot") || by.Author != "Ada" {
		t.Errorf("provenance %+v", by)
	}
	if !(by.Score > 0 && by.Score <= 1 && by.Margin >= 0 && by.Margin <= by.Score) {
		t.Errorf("score %g margin %g", by.Score, by.Margin)
	}
	if len(by.Nearest) == 0 || by.Nearest[0] != labels[int(b.MinX)/bandW] {
		t.Errorf("nearest %v", by.Nearest)
	}
	for _, part := range []string{want, "similarity", "3 labels"} {
		if !strings.Contains(by.Why, part) {
			t.Errorf("why %q lacks %q", by.Why, part)
		}
	}
	if !strings.HasPrefix(by.Why, "The encoder is untrained") {
		t.Errorf("why %q does not begin with what matters most", by.Why)
	}
	if !strings.Contains(by.Params, "mpp=1 patch=64 colour=raw min-score=0 limit=2000 labels=3") {
		t.Errorf("params %q", by.Params)
	}
}

func TestSession_Suggest_NeedsTwoClasses(t *testing.T) {
	s, slide := newProject(t)
	enc := modeltest.New()
	for range 2 {
		if _, err := s.Suggest(t.Context(), slide, SuggestOptions{Encoder: enc}, nil); !errors.Is(err, ErrFewLabels) {
			t.Errorf("got %v", err)
		}
		draw(t, s, "Tumour", 64, 128, 192, 256)
	}
	if calls, _ := enc.Calls(); calls != 0 {
		t.Error("the encoder was called in vain")
	}
}

func TestSession_Suggest_LimitMinScoreAndClasses(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	o := fake()
	o.Limit = 10
	cut, err := s.Suggest(t.Context(), slide, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "10 suggestions (the least and most certain of 96 patches), learned from 3 labels"; cut.Summary() != want {
		t.Errorf("summary %q, want %q", cut.Summary(), want)
	}
	few := s.Queue(slide)
	o.Limit = 0
	if _, err := s.Suggest(t.Context(), slide, o, nil); err != nil {
		t.Fatal(err)
	}
	all := s.Queue(slide)
	if len(few) != 10 || few[0].By.Margin != all[0].By.Margin || few[9].By.Margin != all[len(all)-1].By.Margin {
		t.Errorf("%d suggestions; the limit must keep the least and the most certain", len(few))
	}
	o.MinScore = all[len(all)/2].By.Score
	if _, err := s.Suggest(t.Context(), slide, o, nil); err != nil {
		t.Fatal(err)
	}
	for _, x := range s.Queue(slide) {
		if x.By.Score < o.MinScore {
			t.Fatalf("score %g below %g", x.By.Score, o.MinScore)
		}
	}
	o.MinScore = 0
	o.Classes = []annotate.ID{class(t, s, "Tumour"), class(t, s, "Stroma")}
	r, err := s.Suggest(t.Context(), slide, o, nil)
	if err != nil || r.Classes != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	for _, x := range s.Queue(slide) {
		if x.Class == class(t, s, "Necrosis") {
			t.Fatal("a class that was left out is suggested")
		}
	}
}

func TestSession_Suggest_SmallLabelsAndPointsCount(t *testing.T) {
	s, slide := newProject(t)
	// Smaller than a patch, away from every centre.
	draw(t, s, "Tumour", 70, 70, 80, 80)
	if _, err := s.Draw(annotate.PointAt(bandW+70, 70), class(t, s, "Stroma")); err != nil {
		t.Fatal(err)
	}
	r, err := s.Suggest(t.Context(), slide, fake(), nil)
	if err != nil || r.Given != 2 || r.Labels != 2 || r.Examples != 2 {
		t.Errorf("%+v %v", r, err)
	}
	// In the same patches: these teach nothing, and the report says so.
	draw(t, s, "Tumour", 84, 84, 90, 90)
	draw(t, s, "Stroma", bandW+84, 84, bandW+90, 90)
	r, err = s.Suggest(t.Context(), slide, fake(), nil)
	if err != nil || r.Given != 4 || r.Labels != 2 || r.Shared != 2 {
		t.Errorf("%+v %v", r, err)
	}
	if got := r.Summary(); !strings.Contains(got, "learned from 2 of 4 labels; 2 lie in patches that other labels speak for") {
		t.Errorf("summary %q", got)
	}
}

func TestSession_Suggest_LabelOnGlassTeaches(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	draw(t, s, "Artefact", 3*bandW, 0, slideW, 128) // 3 × 2 patches where no tissue is
	r, err := s.Suggest(t.Context(), slide, fake(), nil)
	if err != nil || r.Classes != 4 || r.Patches != tissuePatches+6 || r.Suggested != tissuePatches-12 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestSession_Decisions_KeepTheModelsWord(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	s.SetAuthor("Ben")
	queue := s.Queue(slide)
	a, b, c := queue[0], queue[1], queue[2]
	fat := class(t, s, "Fat")
	for _, err := range []error{s.Accept(a.ID), s.Reject(b.ID), s.Reclass(fat, c.ID)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		before   *annotate.Object
		decision annotate.Decision
		class    annotate.ID
		label    bool
	}{{a, annotate.Accepted, a.Class, true}, {b, annotate.Rejected, b.Class, false}, {c, annotate.Reclassed, fat, true}} {
		o := object(t, s, slide, x.before.ID)
		if o.Review.Decision != x.decision || o.Class != x.class || o.IsLabel() != x.label ||
			o.Review.By != "Ben" || o.Review.Was != x.before.Class || o.Review.At.IsZero() ||
			o.By.Model != x.before.By.Model || o.By.Score != x.before.By.Score || o.By.Author != "Ada" {
			t.Errorf("decision %d: %+v", x.decision, o)
		}
	}
	if n := len(s.Queue(slide)); n != len(queue)-3 {
		t.Errorf("%d left in the queue", n)
	}
	// A change of mind keeps what the model said.
	if err := s.Accept(c.ID); err != nil {
		t.Fatal(err)
	}
	if o := object(t, s, slide, c.ID); o.Class != c.Class || o.Review.Was != c.Class || o.Review.Decision != annotate.Accepted {
		t.Errorf("after the change of mind: %+v", o)
	}
	if err := s.Reclass(c.Class, c.ID); err != nil || object(t, s, slide, c.ID).Review.Decision != annotate.Accepted {
		t.Errorf("re-classing to the model's own class is accepting: %v", err)
	}
	if err := s.Accept(label(t, s)[0]); !errors.Is(err, ErrNotSuggestion) {
		t.Errorf("accepting a person's label: %v", err)
	}
	item, err := s.Slide(slide)
	if err != nil || item.Rejected != 1 || item.Suggestions != len(queue)-3 || item.Labels != 6+2 {
		t.Errorf("counts %+v %v", item, err)
	}
}

func TestSession_Reject_IsNotSuggestedAgain(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	refused := s.Queue(slide)[0]
	n := len(s.Queue(slide))
	if err := s.Reject(refused.ID); err != nil {
		t.Fatal(err)
	}
	r, err := s.Suggest(t.Context(), slide, fake(), nil)
	if err != nil || r.Suggested != n-1 {
		t.Fatalf("%+v %v", r, err)
	}
	for _, o := range s.Queue(slide) {
		if o.ROI.Bounds() == refused.ROI.Bounds() {
			t.Fatal("the refused patch is suggested again")
		}
	}
}

func TestSession_AcceptAbove(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	queue := s.Queue(slide)
	score := queue[len(queue)/2].By.Score
	want := 0
	for _, o := range queue {
		if o.By.Score >= score {
			want++
		}
	}
	n, err := s.AcceptAbove(slide, score)
	if err != nil || n != want || len(s.Queue(slide)) != len(queue)-want {
		t.Errorf("%d accepted, want %d: %v", n, want, err)
	}
	if n, err := s.AcceptAbove(slide, 1.1); n != 0 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if label, err := s.Undo(); err != nil || len(s.Queue(slide)) != len(queue) {
		t.Errorf("one undo (%q) must take all back: %v", label, err)
	}
	// Decisions are a truth.
	if _, err := s.AcceptAbove(slide, 0); err != nil {
		t.Fatal(err)
	}
	e, err := s.Evaluate(slide, nil, nil)
	if err != nil || e.Judged != len(queue) || e.Accuracy() != 1 {
		t.Errorf("%+v %v", e, err)
	}
}

func TestSession_Evaluate_AgainstTruth(t *testing.T) {
	s, slide := newProject(t)
	label(t, s)
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	// A truth that is right for the first band and wrong for the second.
	truth := annotate.NewSet([]*annotate.Object{
		{ID: annotate.NewID(), Kind: annotate.Annotation, Class: class(t, s, "Tumour"), ROI: annotate.Rectangle(0, 0, bandW, slideH)},
		{ID: annotate.NewID(), Kind: annotate.Annotation, Class: class(t, s, "Fat"), ROI: annotate.Rectangle(bandW, 0, 2*bandW, slideH)},
	})
	e, err := s.Evaluate(slide, truth, nil)
	if err != nil {
		t.Fatal(err)
	}
	band := tissuePatches/3 - 4
	if e.Judged != 2*band || e.Right != band || e.Unknown != band {
		t.Errorf("%+v, want %d of each kind", e, band)
	}
	for _, c := range e.Classes {
		name := s.Palette().ByID(c.Class).Name
		if name == "Tumour" && (c.Truth != band || c.Right != band || c.Suggested != band) ||
			name == "Fat" && (c.Truth != band || c.Right != 0 || c.Suggested != 0) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestSession_Embed_IsTakenUpAfterAStop(t *testing.T) {
	s, slide := newProject(t)
	ctx, cancel := context.WithCancel(t.Context())
	enc := modeltest.New()
	_, err := s.Embed(ctx, slide, SuggestOptions{Encoder: enc}, func(stage string, done, total int) {
		if stage == "Embedding" && done >= 3*batchSize {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	_, before := enc.Calls()
	r, err := s.Embed(t.Context(), slide, SuggestOptions{Encoder: enc}, nil)
	if err != nil || r.Patches != tissuePatches || r.Embedded > tissuePatches-3*batchSize {
		t.Errorf("%+v %v", r, err)
	}
	// At most the batch in hand at the stop is lost.
	if _, after := enc.Calls(); after-before != r.Embedded || before > 3*batchSize+batchSize {
		t.Errorf("%d patches encoded, %d of them in the first run; %d embedded in the second", after, before, r.Embedded)
	}
}

func TestSession_Embed_ErrorOfTheEncoderEndsIt(t *testing.T) {
	s, slide := newProject(t)
	goroutines := runtime.NumGoroutine()
	boom := errors.New("boom")
	enc := &modeltest.Encoder{Fail: func(call int) error {
		if call == 2 {
			return boom
		}
		return nil
	}}
	if _, err := s.Embed(t.Context(), slide, SuggestOptions{Encoder: enc}, nil); !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	for end := time.Now().Add(3 * time.Second); runtime.NumGoroutine() > goroutines; {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestSession_Embed_NeedsAScale(t *testing.T) {
	s, slide := newProject(t)
	item, err := s.Slide(slide)
	if err != nil {
		t.Fatal(err)
	}
	sl := item.Slide
	sl.MPPX, sl.MPPY = 0, 0
	if err := s.UpdateSlide(sl); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Embed(t.Context(), slide, fake(), nil); !errors.Is(err, ErrNoScale) {
		t.Errorf("got %v", err)
	}
	sl.MPPX, sl.MPPY, sl.MPPFrom = 2, 2, "user" // a patch is now 32 level-0 pixels
	if err := s.UpdateSlide(sl); err != nil {
		t.Fatal(err)
	}
	r, err := s.Embed(t.Context(), slide, fake(), nil)
	if err != nil || r.Patches < 4*tissuePatches-100 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestSession_Embed_GoesOnOverABrokenTile(t *testing.T) {
	s, _ := newProject(t)
	path := filepath.Join(filepath.Dir(s.Dir()), "broken.svs")
	writeSlide(t, path, 7)
	breakTile(t, path)
	slide, err := s.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	// The broken tile looks like glass; a label brings its patches in.
	if _, err := s.OpenSlide(t.Context(), slide); err != nil {
		t.Fatal(err)
	}
	draw(t, s, "Tumour", 0, 0, 3*bandW, slideH)
	r, err := s.Embed(t.Context(), slide, fake(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed == 0 || r.Failed > 36 || r.Embedded+r.Failed != r.Patches || r.FailedWhy == nil {
		t.Errorf("%+v", r)
	}
}

// breakTile overwrites the middle of the first JPEG stream of level 0.
func breakTile(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start := bytes.Index(b, []byte{0xff, 0xd8, 0xff})
	for i := start; i < start+40; i++ {
		b[i] = 0
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
