package evaluate

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"
)

// reference is a case of testdata/oracle.json, which testdata/oracle.py writes.
type reference struct {
	Classes, N                                      int
	Truth                                           []int
	Scores                                          [][]float64
	Weights                                         []float64
	Confusion                                       [][]float64
	Accuracy, Balanced, ECE, Brier, LogLoss         float64
	Sensitivity, Specificity, Precision, F1         []float64
	AUROC, AUPRC, Share, Score, FPR, TPR, Threshold []float64
}

func near(t testing.TB, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("%s is %.15g, want %.15g", what, got, want)
	}
}

func TestFigures_AsScikitLearn(t *testing.T) {
	b, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []reference
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		cases := make([]Case, len(r.Truth))
		for i := range cases {
			cases[i] = Case{r.Truth[i], r.Scores[i]}
		}
		j, err := NewJudge(cases, r.Classes)
		if err != nil {
			t.Fatal(err)
		}
		f := j.Figures(r.Weights)
		near(t, "accuracy", f.Accuracy, r.Accuracy)
		near(t, "balanced accuracy", f.Balanced, r.Balanced)
		near(t, "ECE", f.ECE, r.ECE)
		near(t, "Brier", f.Brier, r.Brier)
		near(t, "log loss", f.LogLoss, r.LogLoss)
		for k, c := range f.Classes {
			for l := range r.Confusion[k] {
				near(t, "confusion", f.Confusion[k][l], r.Confusion[k][l])
			}
			near(t, "sensitivity", c.Sensitivity, r.Sensitivity[k])
			near(t, "specificity", c.Specificity, r.Specificity[k])
			near(t, "precision", c.Precision, r.Precision[k])
			near(t, "F1", c.F1, r.F1[k])
			near(t, "AUROC", c.AUROC, r.AUROC[k])
			near(t, "AUPRC", c.AUPRC, r.AUPRC[k])
		}
		if r.Share != nil {
			curves(t, j, r)
		}
	}
}

// curves compares calibration and ROC curve of class 0.
func curves(t *testing.T, j *Judge, r reference) {
	t.Helper()
	at := 0
	for _, b := range j.ClassCalibration(0, 10, nil) {
		if b.Cases == 0 {
			continue
		}
		near(t, "share", b.Share, r.Share[at])
		near(t, "score", b.Score, r.Score[at])
		at++
	}
	if at != len(r.Share) {
		t.Errorf("%d bins have cases, want %d", at, len(r.Share))
	}
	curve := j.Curve(0, nil)
	if len(curve) != len(r.Threshold) {
		t.Fatalf("%d points, want %d", len(curve), len(r.Threshold))
	}
	for i, p := range curve {
		near(t, "threshold", p.Threshold, r.Threshold[i])
		near(t, "sensitivity", p.Sensitivity, r.TPR[i])
		near(t, "specificity", p.Specificity, 1-r.FPR[i])
	}
}

func TestFigures_TimesAreCopies(t *testing.T) {
	cases := []Case{{0, []float64{.9, .1}}, {1, []float64{.6, .4}}, {0, []float64{.3, .7}}, {1, []float64{.2, .8}}}
	once, err := NewJudge(cases, 2)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := NewJudge([]Case{cases[0], cases[0], cases[2], cases[3], cases[3], cases[3]}, 2)
	if err != nil {
		t.Fatal(err)
	}
	a, b := once.Figures([]float64{2, 0, 1, 3}), twice.Figures(nil)
	near(t, "AUROC", a.AUROC, b.AUROC)
	near(t, "AUPRC", a.AUPRC, b.AUPRC)
	near(t, "balanced", a.Balanced, b.Balanced)
	near(t, "ECE", a.ECE, b.ECE)
	near(t, "cases", a.Cases, 6)
}

func TestFigures_AMissingClass_IsNotDefined(t *testing.T) {
	j, err := NewJudge([]Case{{0, []float64{.9, .1, 0}}, {1, []float64{.4, .6, 0}}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	f := j.Figures(nil)
	if c := f.Classes[2]; !math.IsNaN(c.Sensitivity) || !math.IsNaN(c.AUROC) || !math.IsNaN(c.AUPRC) {
		t.Errorf("a class that never occurs has figures: %+v", c)
	}
	near(t, "balanced accuracy of the others", f.Balanced, 1)
	near(t, "AUROC of the others", f.AUROC, 1)
}

func TestNewJudge_BadCases_AreRefused(t *testing.T) {
	for _, cases := range [][]Case{nil, {{2, []float64{1, 0}}}, {{-1, []float64{1, 0}}}, {{0, []float64{1}}}, {{0, []float64{math.NaN(), 0}}}, {{0, []float64{2, 0}}}} {
		if _, err := NewJudge(cases, 2); !errors.Is(err, ErrCases) {
			t.Errorf("%v: %v, want ErrCases", cases, err)
		}
	}
}

func BenchmarkJudge_Figures_10000x5(b *testing.B) {
	cases := make([]Case, 10000)
	for i := range cases {
		s := make([]float64, 5)
		for k := range s {
			s[k] = math.Mod(float64(i*(k+3))*0.6180339887, 1)
		}
		cases[i] = Case{i % 5, s}
	}
	j, err := NewJudge(cases, 5)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		j.Figures(nil)
	}
}
