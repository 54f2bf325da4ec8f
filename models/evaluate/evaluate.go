package evaluate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrCases: the cases cannot be judged: none, a class out of range, scores that
// are not numbers.
var ErrCases = errors.New("there is nothing that can be judged")

// Case is one patch that was set aside.
type Case struct {
	Truth  int       // its class, 0 to classes-1
	Scores []float64 // the classifier's probability of each class, 0..1
}

// Guess is the class of the highest score, the first of equal ones.
func (c Case) Guess() int {
	best := 0
	for i, s := range c.Scores {
		if s > c.Scores[best] {
			best = i
		}
	}
	return best
}

// ClassFigures is how one class fared against all others.
type ClassFigures struct {
	Truth       float64 // cases of this class
	Guessed     float64 // cases that the classifier gave it
	Right       float64 // of these, the right ones
	Sensitivity float64 // right / truth
	Specificity float64 // of the cases of other classes, the share that was not given this one
	Precision   float64 // right / guessed
	F1          float64 // 2·right / (truth + guessed)
	AUROC       float64 // area under the ROC curve: Hanley & McNeil, Radiology 143 (1982) 29
	AUPRC       float64 // average precision, which does not draw lines between the points
}

// Figures is how a classifier fared.
type Figures struct {
	Cases     float64     // counted with their times
	Confusion [][]float64 // [truth][guess]
	Classes   []ClassFigures
	Accuracy  float64 // share of right guesses
	Balanced  float64 // mean sensitivity of the classes that the truth has
	AUROC     float64 // mean over the classes that have one
	AUPRC     float64
	ECE       float64 // expected calibration error of the highest score, 15 bins: Guo et al., ICML 2017, 1321
	Brier     float64 // mean squared distance of the scores from the truth, summed over classes: Brier, Mon Weather Rev 78 (1950) 1
	LogLoss   float64 // mean of -ln(score of the truth), scores bounded away from 0 by 2^-52
}

// bins of the calibration error.
const bins = 15

// Judge holds cases in the orders that their figures need. It is immutable and
// safe for concurrent use.
type Judge struct {
	cases   []Case
	classes int
	guess   []int
	order   [][]int // by class: cases from the highest score to the lowest
}

// NewJudge takes the cases of a palette of classes; ErrCases when they cannot
// be judged. It keeps the slice.
func NewJudge(cases []Case, classes int) (*Judge, error) {
	if len(cases) == 0 || classes < 1 {
		return nil, fmt.Errorf("evaluate: %d cases of %d classes: %w", len(cases), classes, ErrCases)
	}
	j := &Judge{cases: cases, classes: classes, guess: make([]int, len(cases)), order: make([][]int, classes)}
	for i, c := range cases {
		if c.Truth < 0 || c.Truth >= classes || len(c.Scores) != classes {
			return nil, fmt.Errorf("evaluate: case %d has class %d and %d scores, of %d classes: %w", i, c.Truth, len(c.Scores), classes, ErrCases)
		}
		for _, s := range c.Scores {
			if !(s >= 0 && s <= 1) {
				return nil, fmt.Errorf("evaluate: case %d has the score %g: %w", i, s, ErrCases)
			}
		}
		j.guess[i] = c.Guess()
	}
	for k := range classes {
		j.order[k] = make([]int, len(cases))
		for i := range cases {
			j.order[k][i] = i
		}
		slices.SortStableFunc(j.order[k], func(a, b int) int { return cmp.Compare(cases[b].Scores[k], cases[a].Scores[k]) })
	}
	return j, nil
}

// Len is the number of cases.
func (j *Judge) Len() int { return len(j.cases) }

// Figures judges the cases, each counted times[i] times; nil counts each once.
func (j *Judge) Figures(times []float64) Figures {
	f := Figures{Confusion: make([][]float64, j.classes), Classes: make([]ClassFigures, j.classes)}
	for k := range f.Confusion {
		f.Confusion[k] = make([]float64, j.classes)
	}
	right := 0.0
	for i, c := range j.cases {
		w := count(times, i)
		f.Cases += w
		f.Confusion[c.Truth][j.guess[i]] += w
		if c.Truth == j.guess[i] {
			right += w
		}
		for k, s := range c.Scores {
			if k == c.Truth {
				f.Brier += w * (1 - s) * (1 - s)
				f.LogLoss -= w * math.Log(max(s, 0x1p-52))
			} else {
				f.Brier += w * s * s
			}
		}
	}
	f.Accuracy, f.Brier, f.LogLoss = right/f.Cases, f.Brier/f.Cases, f.LogLoss/f.Cases
	var sens, roc, prc mean
	for k := range f.Classes {
		c := j.class(k, f, times)
		f.Classes[k] = c
		sens.add(c.Sensitivity)
		roc.add(c.AUROC)
		prc.add(c.AUPRC)
	}
	f.Balanced, f.AUROC, f.AUPRC = sens.value(), roc.value(), prc.value()
	f.ECE = j.calibrationError(times)
	return f
}

// count is how often a case counts.
func count(times []float64, i int) float64 {
	if times == nil {
		return 1
	}
	return times[i]
}

// class is the figures of one class; f has the confusion matrix.
func (j *Judge) class(k int, f Figures, times []float64) ClassFigures {
	c := ClassFigures{Right: f.Confusion[k][k]}
	for i := range j.classes {
		c.Truth += f.Confusion[k][i]
		c.Guessed += f.Confusion[i][k]
	}
	others := f.Cases - c.Truth
	c.Sensitivity = c.Right / c.Truth
	c.Specificity = (others - (c.Guessed - c.Right)) / others
	c.Precision = c.Right / c.Guessed
	c.F1 = 2 * c.Right / (c.Truth + c.Guessed)
	c.AUROC, c.AUPRC = math.NaN(), math.NaN()
	if !(c.Truth > 0) {
		return c
	}
	roc, prc, hits, misses := 0.0, 0.0, 0.0, 0.0
	j.steps(k, times, func(_, positive, negative float64) {
		// Pairs of equal scores count one half: the trapezium.
		roc += negative * (hits + positive/2)
		hits += positive
		misses += negative
		if positive > 0 {
			prc += positive / c.Truth * hits / (hits + misses)
		}
	})
	c.AUPRC = prc
	if others > 0 {
		c.AUROC = roc / (c.Truth * others)
	}
	return c
}

// steps calls f for every different score of a class, from the highest on, with
// how many cases of the class and of others have it.
func (j *Judge) steps(k int, times []float64, f func(score, positive, negative float64)) {
	order := j.order[k]
	for at := 0; at < len(order); {
		score := j.cases[order[at]].Scores[k]
		positive, negative := 0.0, 0.0
		for ; at < len(order) && j.cases[order[at]].Scores[k] == score; at++ {
			if w := count(times, order[at]); j.cases[order[at]].Truth == k {
				positive += w
			} else {
				negative += w
			}
		}
		if positive+negative > 0 {
			f(score, positive, negative)
		}
	}
}

// mean is that of the defined values.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		m.sum += v
		m.n++
	}
}

func (m mean) value() float64 {
	if m.n == 0 {
		return math.NaN()
	}
	return m.sum / float64(m.n)
}
