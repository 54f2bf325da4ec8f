package learn

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// holdFolds is how many parts labels are cut into to judge each by the others.
const holdFolds = 5

// HeldOut is what probes that never saw a label think of it.
type HeldOut struct {
	Class []int       // as labelled
	P     [][]float64 // probabilities of all classes; nil for a label that could not be held out
}

// HoldOut judges every example by a probe of the same kind as p that was fitted
// without the example's fold (five folds, each with its share of every class). A
// class with a single label cannot be held out. It gives up with the cause of ctx.
func (p *Probe) HoldOut(ctx context.Context, examples []Example) (*HeldOut, error) {
	h := &HeldOut{Class: make([]int, len(examples)), P: make([][]float64, len(examples))}
	seen, fold := make([]int, p.classes), make([]int, len(examples))
	for i, e := range examples {
		h.Class[i] = e.Class
		fold[i] = seen[e.Class] % holdFolds
		seen[e.Class]++
	}
	for f := range holdFolds {
		var rest []Example
		left := make([]int, p.classes)
		for i, e := range examples {
			if fold[i] != f {
				rest = append(rest, e)
				left[e.Class]++
			}
		}
		if len(rest) == len(examples) {
			continue
		}
		q, err := p.like(ctx, rest)
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			continue // what is left holds one class: these labels cannot be held out
		}
		for i, e := range examples {
			if fold[i] == f && left[e.Class] > 0 {
				h.P[i] = q.Predict(e.Vector).Scores
			}
		}
	}
	return h, nil
}

// like fits a probe of the same kind and strength to other examples.
func (p *Probe) like(ctx context.Context, examples []Example) (*Probe, error) {
	if p.logistic == nil {
		return FitSimpleShot(examples, p.classes)
	}
	return p.refit(ctx, examples, trialSteps)
}

// Calibration says how far scores can be believed as probabilities, on labels
// that were held out.
type Calibration struct {
	Labels      int     // held out
	Right       int     // of these, named as the person named them
	Temperature float64 // what logits are divided by; above 1 = the network was too sure
	Before      float64 // expected calibration error without it, 0..1
	After       float64 // with it; measured on labels it was not fitted to
	Bins        []Bin   // of the scores with it, ten of equal width, empty ones left out
}

// Bin is the scores between two bounds.
type Bin struct {
	Low, High float64 // of the scores; High belongs to it
	Count     int
	Score     float64 // the mean score
	Right     float64 // the share that was right
}

// ECE is the expected calibration error with ten bins of equal width (Guo et
// al., ICML 2017, equation 3), and the bins that are not empty.
func ECE(score []float64, right []bool) (float64, []Bin) {
	const n = 10
	bins := make([]Bin, n)
	for i, s := range score {
		b := &bins[min(n-1, max(0, int(math.Ceil(s*n))-1))]
		b.Count++
		b.Score += s
		if right[i] {
			b.Right++
		}
	}
	var out []Bin
	e := 0.0
	for i, b := range bins {
		if b.Count == 0 {
			continue
		}
		c := float64(b.Count)
		b.Low, b.High, b.Score, b.Right = float64(i)/n, float64(i+1)/n, b.Score/c, b.Right/c
		e += math.Abs(b.Score-b.Right) * c / float64(len(score))
		out = append(out, b)
	}
	return e, out
}

// Calibrate measures how far the probe's scores can be believed. Half of the
// held-out labels choose the temperature that the other half is judged with, and
// the other way round; Before is the same labels' scores at temperature one.
func (p *Probe) Calibrate(h *HeldOut) Calibration {
	var logits [][]float64
	var class []int
	for i, row := range h.P {
		if row == nil {
			continue
		}
		l := make([]float64, len(row))
		for k, v := range row {
			l[k] = math.Log(max(v, 1e-300)) / p.sharp() // the logits but for a constant, which softmax ignores
		}
		logits, class = append(logits, l), append(class, h.Class[i])
	}
	c := Calibration{Labels: len(logits), Temperature: 1 / p.sharp()}
	if len(logits) == 0 {
		return c
	}
	before, after, right := make([]float64, len(logits)), make([]float64, len(logits)), make([]bool, len(logits))
	for half := range 2 {
		var fit [][]float64
		var fitClass []int
		var w []float64
		for i := range logits {
			if i%2 != half {
				fit, fitClass, w = append(fit, logits[i]), append(fitClass, class[i]), append(w, 1)
			}
		}
		t := p.sharp()
		if len(fit) > 0 {
			lo, hi, usual := p.sharpRange()
			t = sharpness(fit, fitClass, w, p.present, lo, hi, usual)
		}
		for i := half; i < len(logits); i += 2 {
			at1, atT := softmax(logits[i], p.present, 1), softmax(logits[i], p.present, t)
			best := argmax(atT)
			before[i], after[i], right[i] = at1[best], atT[best], best == class[i]
		}
	}
	for _, r := range right {
		if r {
			c.Right++
		}
	}
	c.Before, _ = ECE(before, right)
	c.After, c.Bins = ECE(after, right)
	return c
}

// sharp is what the probe's logits are multiplied with before softmax.
func (p *Probe) sharp() float64 {
	if p.shot != nil {
		return p.shot.t
	}
	return p.logistic.t
}

// sharpRange is where the factor is looked for, and where it is drawn to.
func (p *Probe) sharpRange() (lo, hi, usual float64) {
	if p.shot != nil {
		return shotLow, shotHigh, shotUsual
	}
	return 0.2, 5, 1
}

func argmax(v []float64) int {
	best := 0
	for k, x := range v {
		if x > v[best] {
			best = k
		}
	}
	return best
}

// Doubt is a label that its neighbours in the embedding speak against.
type Doubt struct {
	Example int     // its number
	Given   int     // class as labelled
	Likely  int     // class that held-out probes give it
	Own     float64 // their probability of the given class
	Other   float64 // their probability of the likely one
}

// Doubts finds likely wrong labels by confident learning (Northcutt, Jiang,
// Chuang, JAIR 2021): a label is in doubt when held-out probes are at least as
// sure of another class as they are, on average, of the labels that have that
// class. The least believed come first.
func Doubts(h *HeldOut, classes int) []Doubt {
	sure, n := make([]float64, classes), make([]float64, classes)
	for i, p := range h.P {
		if p != nil {
			sure[h.Class[i]] += p[h.Class[i]]
			n[h.Class[i]]++
		}
	}
	for k := range sure {
		if n[k] == 0 {
			sure[k] = math.Inf(1)
		} else {
			sure[k] /= n[k]
		}
	}
	var out []Doubt
	for i, p := range h.P {
		best := -1
		for k, v := range p {
			if v >= sure[k] && (best < 0 || v > p[best]) {
				best = k
			}
		}
		if best >= 0 && best != h.Class[i] {
			out = append(out, Doubt{i, h.Class[i], best, p[h.Class[i]], p[best]})
		}
	}
	slices.SortStableFunc(out, func(a, b Doubt) int { return cmp.Compare(a.Own-a.Other, b.Own-b.Other) })
	return out
}

// regrow is by how much the labels may grow before C is chosen anew.
const regrow = 1.25

// Refit learns again from labels of which most were there before: the weights
// start where p's ended, and the strength of the penalty and the temperature,
// whose choice takes twenty fits, are kept until there are a quarter more labels.
// Where p cannot be gone on from, it is Fit.
func (p *Probe) Refit(ctx context.Context, examples []Example, classes int) (*Probe, error) {
	kinds, err := check(examples, classes)
	if err != nil {
		return nil, err
	}
	again := p != nil && p.logistic != nil && len(examples) >= LogisticFrom*kinds && len(examples[0].Vector) == p.dim &&
		classes == p.classes && float64(len(examples)) < regrow*float64(p.chosenAt)
	if again {
		present := make([]bool, classes)
		for _, e := range examples {
			present[e.Class] = true
		}
		again = slices.Equal(present, p.present)
	}
	if !again {
		return FitContext(ctx, examples, classes)
	}
	return p.refit(ctx, examples, mostSteps)
}

// refit fits a logistic probe of p's strength, starting where p ended.
func (p *Probe) refit(ctx context.Context, examples []Example, steps int) (*Probe, error) {
	if _, err := check(examples, p.classes); err != nil {
		return nil, err
	}
	q := newProbe(examples, p.classes)
	used := thin(examples, p.classes, mostExamples)
	d := newDesign(used, q.present)
	m := &logistic{mean: d.mean, scale: d.scale, kinds: d.kinds, t: p.logistic.t, c: p.logistic.c}
	all := make([]int, d.n)
	for i := range all {
		all[i] = i
	}
	var err error
	if m.weights, err = d.fit(ctx, all, m.c, p.logistic.moved(d), steps); err != nil {
		return nil, err
	}
	q.logistic, q.chosenAt = m, p.chosenAt
	q.method = logisticName(m.c, len(used))
	return q, nil
}

// moved is the weights for numbers standardised as d's are; nil when d knows
// other classes.
func (m *logistic) moved(d *design) []float64 {
	if !slices.Equal(m.kinds, d.kinds) {
		return nil
	}
	cols := d.dim + 1
	out := make([]float64, len(m.weights))
	for r := range m.kinds {
		w, to := m.weights[r*cols:(r+1)*cols], out[r*cols:(r+1)*cols]
		to[d.dim] = w[d.dim]
		for j := range d.dim {
			raw := w[j] / m.scale[j]
			to[j] = raw * d.scale[j]
			to[d.dim] += raw * (d.mean[j] - m.mean[j])
		}
	}
	return out
}
