package learn

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// matrixOf puts vectors into one piece.
func matrixOf(examples []Example) Matrix {
	m := Matrix{Dim: len(examples[0].Vector)}
	for _, e := range examples {
		m.Data = append(m.Data, e.Vector...)
	}
	return m
}

func TestProbe_ScoreAll_EqualsPredict(t *testing.T) {
	for name, counts := range map[string][]int{"class means": {6, 5, 4}, "logistic": {40, 30, 25}, "five classes": {20, 20, 20, 20, 20}} {
		t.Run(name, func(t *testing.T) {
			p, err := Fit(clouds(3, 37, 0.8, counts...), len(counts)+1) // one class has no labels
			if err != nil {
				t.Fatal(err)
			}
			test := clouds(4, 37, 0.8, 11, 11, 11)
			m := matrixOf(test)
			s, err := p.ScoreAll(context.Background(), m)
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range test {
				want := p.Predict(e.Vector)
				near := func(got float32, want float64, what string) {
					if math.Abs(float64(got)-want) > 2e-4 {
						t.Fatalf("row %d: %s %v, Predict says %v", i, what, got, want)
					}
				}
				entropy := 0.0
				for k, v := range want.Scores {
					near(s.Row(i)[k], v, "probability")
					if v > 0 {
						entropy -= v * math.Log(v)
					}
				}
				near(s.Score[i], want.Score, "score")
				near(s.Margin[i], want.Margin, "margin")
				near(s.Entropy[i], entropy, "entropy")
				if want.Margin > 1e-3 && int(s.Class[i]) != want.Class {
					t.Fatalf("row %d: class %d, not %d", i, s.Class[i], want.Class)
				}
			}
		})
	}
}

func TestProbe_ScoreAll_Refuses(t *testing.T) {
	p, err := Fit(clouds(3, 8, 0.8, 3, 3), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ScoreAll(context.Background(), Matrix{Dim: 9, Data: make([]float32, 18)}); err == nil {
		t.Error("vectors of another length were taken")
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := p.ScoreAll(ctx, Matrix{Dim: 8, Data: make([]float32, 8*5000)}); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	s, err := p.ScoreAll(context.Background(), Matrix{})
	if err != nil || s.Len() != 0 {
		t.Errorf("nothing gave %d rows, %v", s.Len(), err)
	}
	bad := Matrix{Dim: 8, Data: append(make([]float32, 8), float32(math.NaN()), 0, 0, 0, 0, 0, 0, 0)}
	if p, err = FitLogistic(context.Background(), clouds(3, 8, 0.8, 30, 30), 2, LogisticOptions{C: 1}); err != nil {
		t.Fatal(err)
	}
	if s, err = p.ScoreAll(context.Background(), bad); err != nil || s.Class[1] != -1 || s.Class[0] < 0 {
		t.Errorf("classes %v, %v", s.Class, err)
	}
}

// made is scores of rows whose margins and entropies are told.
func made(margin, entropy, score []float32) *Scores {
	s := &Scores{Classes: 2, Margin: margin, Entropy: entropy, Score: score, Class: make([]int32, len(margin))}
	s.P = make([]float32, 2*len(margin))
	return s
}

func TestRank_Orders(t *testing.T) {
	s := made([]float32{.5, .1, .9, .3}, []float32{.4, .2, .1, .6}, []float32{.7, .5, .95, .6})
	s.Class = append(s.Class, -1) // cannot be judged: never asked about
	s.Margin, s.Entropy, s.Score, s.P = append(s.Margin, 0), append(s.Entropy, 9), append(s.Score, 9), append(s.P, 0, 0)
	for order, want := range map[Order][]int{
		OrderUncertain: {1, 3, 0, 2}, OrderEntropy: {3, 0, 1, 2}, OrderConfident: {2, 0, 3, 1},
	} {
		got, err := Rank(context.Background(), s, Matrix{}, Ask{Order: order})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("order %d: %v, not %v (%v)", order, got, want, err)
		}
	}
	seen := map[int]int{}
	for seed := range uint64(60) {
		got, err := Rank(context.Background(), s, Matrix{}, Ask{Order: OrderRandom, Seed: seed})
		again, _ := Rank(context.Background(), s, Matrix{}, Ask{Order: OrderRandom, Seed: seed})
		sorted := slices.Sorted(slices.Values(got))
		if err != nil || !slices.Equal(sorted, []int{0, 1, 2, 3}) || !slices.Equal(got, again) {
			t.Fatalf("seed %d: %v, again %v (%v)", seed, got, again, err)
		}
		seen[got[0]]++
	}
	if len(seen) != 4 {
		t.Errorf("60 seeds begin with %v", seen)
	}
}

// Three heaps of vectors: a front of three takes one of each, whatever the
// margins are, and none from the heap that is labelled.
func TestRank_DiverseTakesOneOfEachHeap(t *testing.T) {
	examples := clouds(7, 16, 0.05, 30, 30, 30)
	s := made(make([]float32, 90), make([]float32, 90), make([]float32, 90))
	for i, e := range examples {
		s.Margin[i] = float32(e.Class) // the whole first heap is most uncertain
	}
	m := matrixOf(examples)
	heaps := func(rows []int) map[int]int {
		n := map[int]int{}
		for _, i := range rows {
			n[examples[i].Class]++
		}
		return n
	}
	for _, o := range []Order{OrderDiverse, OrderMixed} {
		if o == OrderMixed { // its pool is the most uncertain quarter: here some of every heap
			for i := range s.Margin {
				s.Margin[i] = float32(i)
			}
		}
		rows, err := Rank(context.Background(), s, m, Ask{Order: o, Front: 9})
		if err != nil || len(rows) != 90 || len(heaps(rows[:3])) != 3 {
			t.Errorf("order %d begins with heaps %v (%v)", o, heaps(rows[:3]), err)
		}
	}
	all := make([]int, 90)
	for i := range all {
		all[i] = i
	}
	c := NewCover(m, all)
	for _, e := range examples {
		if e.Class == 2 {
			c.Add(e.Vector)
		}
	}
	rows, err := Rank(context.Background(), s, m, Ask{Order: OrderDiverse, Front: 2, Cover: c})
	if err != nil || heaps(rows[:2])[2] != 0 || len(heaps(rows[:2])) != 2 {
		t.Errorf("with one heap labelled the front is %v (%v)", heaps(rows[:2]), err)
	}
	beside := func(i, j int) bool { return examples[i].Class == examples[j].Class }
	rows, err = Rank(context.Background(), s, m, Ask{Order: OrderDiverse, Front: 30, Near: beside})
	if err != nil || len(heaps(rows[:3])) != 3 || len(rows) != 90 {
		t.Errorf("neighbours came into one front: %v (%v)", rows[:3], err)
	}
}

func TestMarginFor(t *testing.T) {
	s := made([]float32{.1, .2, .3, .4, .5, .6, .7, .8, .9, 1}, make([]float32, 10), make([]float32, 10))
	for coverage, want := range map[float64]int{1: 10, 0.9: 9, 0.5: 5, 0: 0} {
		least, n := MarginFor(s, coverage), 0
		for _, m := range s.Margin {
			if float64(m) >= least {
				n++
			}
		}
		if n != want {
			t.Errorf("coverage %.1f names %d of 10", coverage, n)
		}
	}
}

func TestECE(t *testing.T) {
	// By hand: bin (0.5,0.6] has scores .55 .6, one right of two: |.575-.5|·2/4;
	// bin (0.9,1] has .95 1, both right: |.975-1|·2/4.
	e, bins := ECE([]float64{.55, .95, .6, 1}, []bool{true, true, false, true})
	if math.Abs(e-0.05) > 1e-12 || len(bins) != 2 || bins[0].Count != 2 || bins[1].Right != 1 {
		t.Errorf("%v of %+v", e, bins)
	}
}

func TestProbe_Calibrate(t *testing.T) {
	examples := clouds(5, 64, 2.4, 60, 60, 60)
	p, err := Fit(examples, 3)
	if err != nil {
		t.Fatal(err)
	}
	h, err := p.HoldOut(context.Background(), examples)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Calibrate(h)
	t.Logf("%s: %d of %d right, temperature %.2f, ECE %.3f to %.3f", p.Method(), c.Right, c.Labels, c.Temperature, c.Before, c.After)
	if c.Labels != 180 || c.Right < 120 || c.Right == 180 {
		t.Errorf("%d of %d held-out labels are right", c.Right, c.Labels)
	}
	if c.After > c.Before+0.02 || c.After > 0.12 {
		t.Errorf("the calibration error went from %.3f to %.3f", c.Before, c.After)
	}
}

// Labels turned to another class are found, and hardly any other.
func TestDoubts_FindsFlippedLabels(t *testing.T) {
	for name, n := range map[string]int{"class means": 8, "logistic": 60} {
		t.Run(name, func(t *testing.T) {
			examples := clouds(6, 48, 0.7, n, n, n)
			flipped := map[int]bool{}
			for i := range examples {
				if i%12 == 5 {
					examples[i].Class = (examples[i].Class + 1) % 3
					flipped[i] = true
				}
			}
			p, err := Fit(examples, 3)
			if err != nil {
				t.Fatal(err)
			}
			h, err := p.HoldOut(context.Background(), examples)
			if err != nil {
				t.Fatal(err)
			}
			doubts, hit := Doubts(h, 3), 0
			for _, d := range doubts {
				if flipped[d.Example] {
					hit++
					if want := (d.Given + 2) % 3; d.Likely != want {
						t.Errorf("example %d: likely %d, was %d", d.Example, d.Likely, want)
					}
				}
			}
			t.Logf("%s: %d of %d flipped labels among %d doubts", p.Method(), hit, len(flipped), len(doubts))
			if hit < len(flipped)*3/5 || len(doubts) > hit+len(examples)/20+1 {
				t.Errorf("%d of %d flipped labels among %d doubts", hit, len(flipped), len(doubts))
			}
		})
	}
}

// A refit ends where a fit with the same C ends, in far fewer steps.
func TestProbe_Refit_EqualsFit(t *testing.T) {
	ctx := context.Background()
	examples := clouds(8, 32, 1.2, 40, 40, 40)
	p, err := FitLogistic(ctx, examples[:110], 3, LogisticOptions{C: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Refit(ctx, examples, 3)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := FitLogistic(ctx, examples, 3, LogisticOptions{C: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range clouds(9, 32, 1.2, 20, 20, 20) {
		a, b := again.Predict(e.Vector), fresh.Predict(e.Vector)
		if math.Abs(a.Score-b.Score) > 1e-3 {
			t.Fatalf("%.5f after the refit, %.5f after a fit", a.Score, b.Score)
		}
	}
	if !strings.Contains(again.Method(), "C=0.1, 120 labels") {
		t.Errorf("method %q", again.Method())
	}
	few, err := p.Refit(ctx, examples[:12], 3) // too few for logistic regression: class means again
	if err != nil || !strings.HasPrefix(few.Method(), "SimpleShot") {
		t.Errorf("%v, %v", few.Method(), err)
	}
	var none *Probe
	if q, err := none.Refit(ctx, examples, 3); err != nil || q.logistic == nil {
		t.Errorf("without a probe before: %v", err)
	}
}

// What a decision costs: the probe again, all scores, the order.
func BenchmarkRerank_100kx768(b *testing.B) {
	const n, dim = 100_000, 768
	examples := clouds(1, dim, 1, 40, 40, 40, 40, 40)
	m := Matrix{Dim: dim, Data: make([]float32, n*dim)}
	seeds := clouds(2, dim, 1, 400, 400, 400, 400, 400)
	for i := range n {
		copy(m.Data[i*dim:], seeds[i%len(seeds)].Vector)
	}
	ctx := context.Background()
	p, err := FitLogistic(ctx, examples[:199], 5, LogisticOptions{C: 0.01})
	if err != nil {
		b.Fatal(err)
	}
	for name, order := range map[string]Order{"uncertain": OrderUncertain, "mixed": OrderMixed} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := p.ScoreAll(ctx, m)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Rank(ctx, s, m, Ask{Order: order}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("refit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Refit(ctx, examples, 5); err != nil {
				b.Fatal(err)
			}
		}
	})
}
