package learn

import (
	"context"
	"errors"
	"fmt"
	"math"

	"coverslip/models"
)

// At fitting.
var (
	// ErrNoExamples: there is nothing to learn from.
	ErrNoExamples = errors.New("no labelled patches to learn from")
	// ErrOneClass: labels of one class alone say nothing about where it ends.
	ErrOneClass = errors.New("labels of at least two classes are needed")
)

// LogisticFrom is the number of labels a labelled class must have on average
// before Fit turns from class means to logistic regression. The average and not
// the fewest: one class with three labels must not hold back what a hundred
// labels of the others have to say.
const LogisticFrom = 10

// Example is the embedding of a labelled patch.
type Example struct {
	Vector []float32 // L2 length one; all of one length
	Class  int       // 0 … classes-1
}

// Prediction is what a probe thinks of one embedding.
type Prediction struct {
	Class      int       // the likeliest; -1 when the vector cannot be judged (wrong length, NaN)
	Score      float64   // its probability, 0 … 1
	Margin     float64   // Score less the second best; small = uncertain
	Scores     []float64 // probability of every class; 0 for a class without labels
	Nearest    []int     // examples of Class, most similar first, at most 3
	Similarity float64   // cosine of the first of them, after centring; -1 … 1
}

// Probe is a fitted classifier. It is immutable and safe for concurrent use.
type Probe struct {
	method  string
	dim     int
	classes int
	present []bool
	centre  []float32   // mean of the class means, subtracted before cosines
	rows    [][]float32 // examples, centred and normalised
	of      []int       // class of each row

	shot     *simpleShot
	logistic *logistic
	chosenAt int // examples when C was chosen
}

// Fit learns from the examples: SimpleShot while the labelled classes have fewer
// than LogisticFrom labels on average, logistic regression from then on. classes is the
// size of the palette; classes without labels are never predicted.
func Fit(examples []Example, classes int) (*Probe, error) {
	return FitContext(context.Background(), examples, classes)
}

// FitContext is Fit, given up with the cause of ctx when that is cancelled.
func FitContext(ctx context.Context, examples []Example, classes int) (*Probe, error) {
	kinds, err := check(examples, classes)
	if err != nil {
		return nil, err
	}
	if len(examples) < LogisticFrom*kinds {
		return FitSimpleShot(examples, classes)
	}
	return FitLogistic(ctx, examples, classes, LogisticOptions{})
}

// check validates the examples and returns how many classes have any.
func check(examples []Example, classes int) (kinds int, err error) {
	if len(examples) == 0 {
		return 0, fmt.Errorf("learn: %w", ErrNoExamples)
	}
	if classes < 1 || classes > 1<<16 {
		return 0, fmt.Errorf("learn: %d classes", classes)
	}
	dim := len(examples[0].Vector)
	if dim == 0 {
		return 0, errors.New("learn: example 0 has an empty vector")
	}
	counts := make([]int, classes)
	for i, e := range examples {
		if len(e.Vector) != dim {
			return 0, fmt.Errorf("learn: example %d has %d numbers, example 0 has %d: embeddings of different models", i, len(e.Vector), dim)
		}
		if e.Class < 0 || e.Class >= classes {
			return 0, fmt.Errorf("learn: example %d has class %d of %d", i, e.Class, classes)
		}
		if !finite(e.Vector) {
			return 0, fmt.Errorf("learn: example %d holds NaN or infinity", i)
		}
		counts[e.Class]++
	}
	for _, n := range counts {
		if n > 0 {
			kinds++
		}
	}
	if kinds < 2 {
		return 0, fmt.Errorf("learn: %w", ErrOneClass)
	}
	return kinds, nil
}

func finite(v []float32) bool {
	for _, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
	}
	return true
}

// newProbe holds the examples for the search of the nearest ones.
func newProbe(examples []Example, classes int) *Probe {
	p := &Probe{dim: len(examples[0].Vector), classes: classes, present: make([]bool, classes)}
	p.centre = balancedMean(examples, classes)
	p.rows = make([][]float32, len(examples))
	p.of = make([]int, len(examples))
	flat := make([]float32, len(examples)*p.dim)
	for i, e := range examples {
		p.present[e.Class] = true
		p.of[i] = e.Class
		p.rows[i] = p.centred(e.Vector, flat[i*p.dim:(i+1)*p.dim:(i+1)*p.dim])
	}
	return p
}

// balancedMean is the mean of the class means.
func balancedMean(examples []Example, classes int) []float32 {
	dim := len(examples[0].Vector)
	counts := make([]int, classes)
	for _, e := range examples {
		counts[e.Class]++
	}
	kinds := 0
	for _, n := range counts {
		if n > 0 {
			kinds++
		}
	}
	sum := make([]float64, dim)
	for _, e := range examples {
		w := 1 / float64(counts[e.Class]*kinds)
		for j, x := range e.Vector {
			sum[j] += w * float64(x)
		}
	}
	mean := make([]float32, dim)
	for j, s := range sum {
		mean[j] = float32(s)
	}
	return mean
}

// centred writes v less the centre, normalised, into out.
func (p *Probe) centred(v, out []float32) []float32 {
	for j, x := range v {
		out[j] = x - p.centre[j]
	}
	models.Normalise(out)
	return out
}

// Method names the classifier for people and for provenance.
func (p *Probe) Method() string { return p.method }

// Dim is the length of the vectors that Predict takes.
func (p *Probe) Dim() int { return p.dim }

// Predict judges one embedding.
func (p *Probe) Predict(v []float32) Prediction {
	if len(v) != p.dim || !finite(v) {
		return Prediction{Class: -1, Scores: make([]float64, p.classes)}
	}
	c := p.centred(v, make([]float32, p.dim))
	var scores []float64
	if p.shot != nil {
		scores = p.shot.scores(c, p.present)
	} else {
		scores = p.logistic.scores(v, p.present)
	}
	out := Prediction{Class: -1, Scores: scores}
	second := 0.0
	for k, s := range scores {
		if !p.present[k] {
			continue
		}
		if out.Class < 0 || s > out.Score {
			if out.Class >= 0 {
				second = max(second, out.Score)
			}
			out.Class, out.Score = k, s
		} else {
			second = max(second, s)
		}
	}
	out.Margin = out.Score - second
	out.Nearest, out.Similarity = p.nearest(c, out.Class)
	return out
}

// nearest finds up to three examples of a class; ties go to the older one.
func (p *Probe) nearest(c []float32, class int) ([]int, float64) {
	const k = 3
	var ids [k]int
	var sims [k]float32
	n := 0
	for i, row := range p.rows {
		if p.of[i] != class {
			continue
		}
		s := models.Dot(c, row)
		if n == k && s <= sims[k-1] {
			continue
		}
		if n < k {
			n++
		}
		j := n - 1
		for ; j > 0 && s > sims[j-1]; j-- {
			ids[j], sims[j] = ids[j-1], sims[j-1]
		}
		ids[j], sims[j] = i, s
	}
	if n == 0 {
		return nil, 0
	}
	return append([]int(nil), ids[:n]...), float64(sims[0])
}

// softmax turns logits into probabilities of the classes present; t is the
// factor they are multiplied by first.
func softmax(logits []float64, present []bool, t float64) []float64 {
	top := math.Inf(-1)
	for k, v := range logits {
		if present[k] {
			top = max(top, t*v)
		}
	}
	out := make([]float64, len(logits))
	sum := 0.0
	for k, v := range logits {
		if present[k] {
			out[k] = math.Exp(t*v - top)
			sum += out[k]
		}
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}

// sharpness finds the factor for softmax under which the held-out logits are
// likeliest: golden-section search of the mean log loss over log t, with a
// gentle pull towards t0, because a handful of labels that happen to be told
// apart perfectly is no reason for certainty. Each example weighs w.
func sharpness(logits [][]float64, class []int, w []float64, present []bool, lo, hi, t0 float64) float64 {
	const pull = 0.05
	loss := func(lt float64) float64 {
		t, sum, total := math.Exp(lt), 0.0, 0.0
		for i, row := range logits {
			sum -= w[i] * math.Log(max(softmax(row, present, t)[class[i]], 1e-12))
			total += w[i]
		}
		d := lt - math.Log(t0)
		return sum/max(total, 1e-12) + pull*d*d
	}
	const golden = 0.6180339887498949
	a, b := math.Log(lo), math.Log(hi)
	c, d := b-golden*(b-a), a+golden*(b-a)
	fc, fd := loss(c), loss(d)
	for b-a > 1e-3 {
		if fc < fd {
			b, d, fd = d, c, fc
			c = b - golden*(b-a)
			fc = loss(c)
		} else {
			a, c, fc = c, d, fd
			d = a + golden*(b-a)
			fd = loss(d)
		}
	}
	return math.Exp((a + b) / 2)
}
