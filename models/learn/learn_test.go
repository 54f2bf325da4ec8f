package learn

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
)

// clouds draws examples around one direction a class, plus a direction that
// all share, as embeddings of one model have.
func clouds(seed uint64, dim int, spread float64, counts ...int) []Example {
	centres := rand.New(rand.NewPCG(99, 99))
	shared := gauss(centres, dim, 3)
	r := rand.New(rand.NewPCG(seed, 1))
	var out []Example
	for k, n := range counts {
		centre := gauss(centres, dim, 1)
		for range n {
			v := gauss(r, dim, spread)
			for j := range v {
				v[j] += centre[j] + shared[j]
			}
			models.Normalise(v)
			out = append(out, Example{Vector: v, Class: k})
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func gauss(r *rand.Rand, n int, std float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64() * std)
	}
	return v
}

func accuracy(p *Probe, test []Example) (all float64, byClass []float64) {
	right, n := map[int]float64{}, map[int]float64{}
	sum := 0.0
	for _, e := range test {
		n[e.Class]++
		if p.Predict(e.Vector).Class == e.Class {
			right[e.Class]++
			sum++
		}
	}
	for k := range len(n) {
		byClass = append(byClass, right[k]/n[k])
	}
	return sum / float64(len(test)), byClass
}

func TestFit_ChoosesTheMethod(t *testing.T) {
	few, err := Fit(clouds(1, 24, 0.5, 10, 9), 3)
	if err != nil || !strings.HasPrefix(few.Method(), "SimpleShot") {
		t.Errorf("%v, %v", few.Method(), err)
	}
	many, err := Fit(clouds(1, 24, 0.5, 17, 3), 3)
	if err != nil || !strings.HasPrefix(many.Method(), "logistic") {
		t.Errorf("%v, %v", many.Method(), err)
	}
}

func TestFit_Learns(t *testing.T) {
	for name, c := range map[string]struct {
		fit    func([]Example, int) (*Probe, error)
		counts []int
		want   float64
	}{
		"two labels a class":      {Fit, []int{2, 2, 2, 2}, 0.65},
		"uneven few, class means": {FitSimpleShot, []int{100, 3, 5}, 0.9},
		"uneven few":              {Fit, []int{100, 3, 5}, 0.77},
		"uneven many":             {Fit, []int{300, 12, 15}, 0.94},
		"many":                    {Fit, []int{40, 40, 40, 40}, 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := c.fit(clouds(1, 48, 2, c.counts...), len(c.counts))
			if err != nil {
				t.Fatal(err)
			}
			even := make([]int, len(c.counts))
			for i := range even {
				even[i] = 100
			}
			all, byClass := accuracy(p, clouds(2, 48, 2, even...))
			t.Logf("%s: %.3f, by class %.2f", p.Method(), all, byClass)
			if all < c.want || slices.Min(byClass) < c.want-0.2 {
				t.Errorf("accuracy %.3f, by class %.2f, want %.2f", all, byClass, c.want)
			}
		})
	}
}

func TestProbe_Predict_Scores(t *testing.T) {
	for _, counts := range [][]int{{6, 5, 4}, {30, 20, 12}} {
		examples := clouds(3, 32, 0.7, counts...)
		p, err := Fit(examples, 5) // classes 3 and 4 have no labels
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range clouds(4, 32, 0.7, 5, 5, 5) {
			got := p.Predict(e.Vector)
			sum := 0.0
			sorted := slices.Clone(got.Scores)
			slices.Sort(sorted)
			for _, s := range got.Scores {
				sum += s
			}
			if len(got.Scores) != 5 || math.Abs(sum-1) > 1e-9 || got.Scores[3] != 0 || got.Scores[4] != 0 {
				t.Fatalf("%s: scores %v", p.Method(), got.Scores)
			}
			if got.Score != sorted[4] || got.Scores[got.Class] != got.Score || math.Abs(got.Margin-(sorted[4]-sorted[3])) > 1e-12 {
				t.Fatalf("%s: %+v", p.Method(), got)
			}
			if len(got.Nearest) != 3 {
				t.Fatalf("nearest %v", got.Nearest)
			}
			for _, i := range got.Nearest {
				if examples[i].Class != got.Class {
					t.Fatalf("example %d is of class %d, not %d", i, examples[i].Class, got.Class)
				}
			}
		}
	}
}

func TestProbe_Predict_NearestIsItself(t *testing.T) {
	examples := clouds(5, 32, 0.5, 12, 12)
	p, err := Fit(examples, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range examples {
		got := p.Predict(e.Vector)
		if got.Class != e.Class || got.Nearest[0] != i || math.Abs(got.Similarity-1) > 1e-5 {
			t.Errorf("example %d: %+v", i, got)
		}
	}
}

func TestProbe_Predict_RefusesOthers(t *testing.T) {
	p, err := Fit(clouds(5, 8, 0.5, 3, 3), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range [][]float32{nil, make([]float32, 7), {float32(math.NaN()), 0, 0, 0, 0, 0, 0, 0}} {
		if got := p.Predict(v); got.Class != -1 || got.Score != 0 || len(got.Scores) != 2 {
			t.Errorf("%v: %+v", v, got)
		}
	}
	if got := p.Predict(make([]float32, 8)); got.Class < 0 || math.IsNaN(got.Score) {
		t.Errorf("the zero vector: %+v", got)
	}
}

func TestFit_Refuses(t *testing.T) {
	one := Example{Vector: []float32{1, 0}, Class: 0}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		examples []Example
		classes  int
		want     error
	}{
		"nothing":       {nil, 2, ErrNoExamples},
		"one class":     {[]Example{one, one}, 2, ErrOneClass},
		"class":         {[]Example{one, {Vector: []float32{0, 1}, Class: 2}}, 2, nil},
		"negative":      {[]Example{one, {Vector: []float32{0, 1}, Class: -1}}, 2, nil},
		"other model":   {[]Example{one, {Vector: []float32{0, 1, 0}, Class: 1}}, 2, nil},
		"not a number":  {[]Example{one, {Vector: []float32{0, nan}, Class: 1}}, 2, nil},
		"empty vector":  {[]Example{{Class: 0}, {Class: 1}}, 2, nil},
		"no classes":    {[]Example{one}, 0, nil},
		"many classes":  {[]Example{one}, 1 << 20, nil},
		"class too big": {[]Example{{Vector: []float32{1}, Class: 1 << 40}}, 2, nil},
	} {
		if _, err := Fit(c.examples, c.classes); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := FitLogistic(context.Background(), clouds(1, 4, 1, 3, 3), 2, LogisticOptions{C: -1}); err == nil {
		t.Error("a negative C was accepted")
	}
}

func TestFit_IdenticalVectors(t *testing.T) {
	same := make([]Example, 40)
	for i := range same {
		same[i] = Example{Vector: []float32{0.6, 0.8, 0}, Class: i % 2}
	}
	for _, n := range []int{4, 40} {
		p, err := Fit(same[:n], 2)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Predict(same[0].Vector)
		if math.Abs(got.Score-0.5) > 0.01 || math.IsNaN(got.Margin) {
			t.Errorf("%s: classes that cannot be told apart score %v", p.Method(), got.Scores)
		}
	}
}

func TestFit_Repeats(t *testing.T) {
	examples := clouds(8, 32, 1, 15, 25)
	a, err := Fit(examples, 2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Fit(examples, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range clouds(9, 32, 1, 5, 5) {
		if x, y := a.Predict(e.Vector), b.Predict(e.Vector); x.Score != y.Score {
			t.Errorf("%v and %v", x.Score, y.Score)
		}
	}
}

func TestFitContext_Stops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := FitContext(ctx, clouds(8, 64, 1, 50, 50), 2); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestThin_KeepsSmallClasses(t *testing.T) {
	var examples []Example
	for i := range 9000 {
		k := 0
		if i%30 == 0 {
			k = 1
		}
		examples = append(examples, Example{Vector: []float32{1}, Class: k})
	}
	out := thin(examples, 2, mostExamples)
	counts := [2]int{}
	for _, e := range out {
		counts[e.Class]++
	}
	if counts[1] != 300 || len(out) > mostExamples || len(out) < mostExamples-10 {
		t.Errorf("kept %v", counts)
	}
}

const sklearn = `
import sys, json, numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
d=json.load(open(sys.argv[1]))
x,y,q=np.array(d['x']),np.array(d['y']),np.array(d['q'])
s=StandardScaler().fit(x)
m=LogisticRegression(C=d['c'],class_weight='balanced',tol=1e-8,max_iter=5000).fit(s.transform(x),y)
print(json.dumps(m.predict_proba(s.transform(q)).tolist()))
`

func TestFitLogistic_EqualsScikitLearn(t *testing.T) {
	python := modeltest.Python(t, "sklearn", "numpy")
	train, test := clouds(1, 24, 1.5, 60, 25, 11), clouds(2, 24, 1.5, 20, 20, 20)
	var d struct {
		X [][]float32 `json:"x"`
		Y []int       `json:"y"`
		Q [][]float32 `json:"q"`
		C float64     `json:"c"`
	}
	for _, e := range train {
		d.X, d.Y = append(d.X, e.Vector), append(d.Y, e.Class)
	}
	for _, e := range test {
		d.Q = append(d.Q, e.Vector)
	}
	for _, d.C = range []float64{0.01, 1} {
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "data.json")
		if err := os.WriteFile(name, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		var want [][]float64
		if err := json.Unmarshal([]byte(python(sklearn, name)), &want); err != nil {
			t.Fatal(err)
		}
		p, err := FitLogistic(context.Background(), train, 3, LogisticOptions{C: d.C})
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, e := range test {
			for k, s := range p.Predict(e.Vector).Scores {
				worst = max(worst, math.Abs(s-want[i][k]))
			}
		}
		t.Logf("C=%g: largest difference of a probability %.2g", d.C, worst)
		if worst > 1e-3 || math.IsNaN(worst) {
			t.Errorf("C=%g: a probability differs by %g", d.C, worst)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	for name, counts := range map[string][]int{"SimpleShot_27x384": {9, 9, 9}, "Logistic_90x384": {30, 30, 30}} {
		b.Run(name, func(b *testing.B) {
			examples := clouds(1, 384, 1, counts...)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Fit(examples, 3); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkProbe_Predict(b *testing.B) {
	examples := clouds(1, 384, 1, 100, 100, 100)
	p, err := FitLogistic(context.Background(), examples, 3, LogisticOptions{C: 0.01})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Predict(examples[0].Vector)
	}
}
