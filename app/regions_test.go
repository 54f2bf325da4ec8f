package app

import (
	"errors"
	"math"
	"testing"

	"coverslip/annotate"
	"coverslip/models/learn"
	"coverslip/storage"
)

func TestSession_MergeRegions(t *testing.T) {
	s, slide := suggested(t)
	all := s.Queue(slide)
	count := map[annotate.ID]int{}
	for _, o := range all {
		count[o.Class]++
	}
	r, err := s.MergeRegions(t.Context(), slide, RegionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	queue := s.Queue(slide)
	if r.Regions == 0 || r.Merged+r.Left != len(all) || len(queue) != r.Regions+r.Left {
		t.Fatalf("%+v of %d, %d in the queue", r, len(all), len(queue))
	}
	seen := map[annotate.ID]bool{}
	for _, o := range queue {
		if o.ROI.Kind != annotate.KindPolygon {
			continue
		}
		seen[o.Class] = true
		if err := o.ROI.Validate(); err != nil {
			t.Error(err)
		}
		// Smooth: no corner as sharp as a square's.
		for _, p := range o.ROI.Polygons {
			if sharp := sharpest(p.Outer); sharp > 80 {
				t.Errorf("a corner of %.0f° among %d points", sharp, len(p.Outer))
			}
		}
		// The bands of the test slide: a region lies in its own band but for its rounding.
		for _, other := range all {
			if c := other.ROI.Bounds().Center(); other.Class != o.Class && o.ROI.Contains(c) {
				t.Errorf("a region of one class holds a patch of another at %v", c)
			}
		}
		if o.By.Score <= 0 || o.By.ModelHash == "" || len(o.By.Nearest) == 0 || o.By.Why == "" {
			t.Errorf("provenance %+v", o.By)
		}
	}
	if len(seen) != len(count) {
		t.Errorf("regions of %d classes, suggestions of %d", len(seen), len(count))
	}
	// A region is accepted and taken back like every suggestion.
	if err := s.Accept(queue[0].ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Undo(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Queue(slide)); n != len(all) {
		t.Errorf("two undos leave %d of %d", n, len(all))
	}
}

// sharpest is the largest turn of a ring at one point, degrees.
func sharpest(r annotate.Ring) (most float64) {
	for i, p := range r {
		a, b := r[(i+len(r)-1)%len(r)], r[(i+1)%len(r)]
		turn := math.Abs(math.Atan2(b.Y-p.Y, b.X-p.X)-math.Atan2(p.Y-a.Y, p.X-a.X)) * 180 / math.Pi
		most = max(most, min(turn, 360-turn))
	}
	return most
}

func TestSession_MergeRegions_NeedsLearning(t *testing.T) {
	s, slide := newProject(t)
	if _, err := s.MergeRegions(t.Context(), slide, RegionOptions{}); !errors.Is(err, storage.ErrNoEmbeddings) {
		t.Errorf("nothing was suggested: %v", err)
	}
}

func TestRanker_Heat(t *testing.T) {
	s, slide := suggested(t)
	r := s.Ranker(slide)
	h, err := r.Heat(t.Context(), HeatClassScore, class(t, s, "Tumour"))
	if err != nil {
		t.Fatal(err)
	}
	n, sum := 0, 0.0
	for i, v := range h.Values {
		if math.IsNaN(float64(v)) {
			continue
		}
		n++
		sum += float64(v)
		if band := i % h.Cols * int(h.Cell) / bandW; (bandClass[band] == "Tumour") != (v > 0.5) {
			t.Fatalf("cell %d in the band of %s: %.2f", i, bandClass[band], v)
		}
	}
	if n != tissuePatches {
		t.Errorf("%d cells, mean %.2f", n, sum/float64(n))
	}
	if _, err := r.Heat(t.Context(), HeatUnsure, annotate.ID{}); err != nil {
		t.Error(err)
	}
	if _, err := r.Heat(t.Context(), HeatClassScore, annotate.NewID()); !errors.Is(err, ErrNoClass) {
		t.Errorf("a class nobody labelled: %v", err)
	}
}

func TestSession_Bias(t *testing.T) {
	s, slide := suggested(t)
	q := rank(t, s, slide, QueueOptions{})
	tumour := class(t, s, "Tumour")
	answer := func(i int, a Answer) {
		t.Helper()
		if err := s.Decide(a, q.Items[i].Object.ID); err != nil {
			t.Fatal(err)
		}
	}
	own := q.Items[2].Object.Class
	answer(0, Answer{Decision: annotate.Accepted})
	answer(1, Answer{Decision: annotate.Rejected})
	answer(2, Answer{Decision: annotate.Reclassed, Class: own, Note: ReviewNote{Own: own}})
	answer(3, Answer{Decision: annotate.Reclassed, Class: tumour, Note: ReviewNote{Own: tumour}})
	b, err := s.Bias(slide)
	agreed := 1
	if q.Items[3].Object.Class == tumour {
		agreed = 2
	}
	if err != nil || b.Assisted != (Share{1, 2}) || b.Unassisted != (Share{agreed, 2}) {
		t.Errorf("%+v %v", b, err)
	}
	// Wilson's interval of 8 of 10, by hand.
	if low, high := (Share{8, 10}).Interval(); math.Abs(low-0.490162) > 1e-5 || math.Abs(high-0.943318) > 1e-5 {
		t.Errorf("%v to %v", low, high)
	}
	if low, high := (Share{}).Interval(); low != 0 || high != 1 {
		t.Errorf("of nothing %v to %v", low, high)
	}
	if learn.Scatter(1, 2) == learn.Scatter(1, 3) {
		t.Error("scatter does not scatter")
	}
}
