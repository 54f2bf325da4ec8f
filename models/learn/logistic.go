package learn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/optimize"
)

// LogisticOptions of FitLogistic.
type LogisticOptions struct {
	// C is the inverse strength of the L2 penalty, as in scikit-learn; 0 lets
	// five-fold cross-validation choose it, and calibrates the scores on the
	// held-out folds.
	C float64
}

// logistic is multinomial logistic regression on standardised numbers.
type logistic struct {
	mean, scale []float64 // of the examples; a number that never varies has scale 1
	weights     []float64 // kinds × (dim+1), bias last
	kinds       []int     // class of each row of weights
	t           float64   // logits are multiplied by it before softmax
	c           float64   // the C used
}

// Above these numbers of examples a fit would keep a person waiting and gain
// little; an even, repeatable choice of them is used.
const (
	mostExamples = 2500 // for the weights
	mostTrials   = 600  // for choosing C, which takes twenty fits
)

// Steps of L-BFGS. Choosing C needs no more than a rough answer.
const (
	mostSteps  = 300
	trialSteps = 40
)

// grid of C tried by cross-validation.
var gridC = [...]float64{0.001, 0.01, 0.1, 1}

// FitLogistic fits logistic regression with classes weighted evenly. It
// minimises what scikit-learn's LogisticRegression(class_weight="balanced")
// does after StandardScaler. See Fit for the other arguments.
func FitLogistic(ctx context.Context, examples []Example, classes int, o LogisticOptions) (*Probe, error) {
	if _, err := check(examples, classes); err != nil {
		return nil, err
	}
	if o.C < 0 || math.IsNaN(o.C) {
		return nil, fmt.Errorf("learn: C is %v", o.C)
	}
	p := newProbe(examples, classes)
	used := thin(examples, classes, mostExamples)
	d := newDesign(used, p.present)
	m := &logistic{mean: d.mean, scale: d.scale, kinds: d.kinds, t: 1, c: o.C}
	if o.C == 0 {
		var err error
		trial := newDesign(thin(examples, classes, mostTrials), p.present)
		if m.c, m.t, err = trial.choose(ctx); err != nil {
			return nil, err
		}
	}
	all := make([]int, d.n)
	for i := range all {
		all[i] = i
	}
	var err error
	if m.weights, err = d.fit(ctx, all, m.c, nil, mostSteps); err != nil {
		return nil, err
	}
	p.logistic, p.chosenAt = m, len(examples)
	p.method = logisticName(m.c, len(used))
	return p, nil
}

func logisticName(c float64, labels int) string {
	return fmt.Sprintf("logistic regression (C=%g, %d labels)", c, labels)
}

// thin keeps at most the given number, taking from the largest classes first.
func thin(examples []Example, classes, most int) []Example {
	if len(examples) <= most {
		return examples
	}
	counts := make([]int, classes)
	for _, e := range examples {
		counts[e.Class]++
	}
	limit := 1 // the largest number a class may keep
	for total := 0; ; limit++ {
		total = 0
		for _, n := range counts {
			total += min(n, limit+1)
		}
		if total > most {
			break
		}
	}
	seen := make([]int, classes)
	var out []Example
	for _, e := range examples {
		n, i := counts[e.Class], seen[e.Class]
		seen[e.Class]++
		if n <= limit || (i+1)*limit/n > i*limit/n { // limit of n, evenly spread
			out = append(out, e)
		}
	}
	return out
}

// design is the standardised matrix of examples.
type design struct {
	n, dim      int
	x           []float64 // n × (dim+1), the last column 1
	y           []int     // row of weights each example belongs to
	kinds       []int
	mean, scale []float64
}

func newDesign(examples []Example, present []bool) *design {
	d := &design{n: len(examples), dim: len(examples[0].Vector)}
	row := make([]int, len(present))
	for k, is := range present {
		if is {
			row[k] = len(d.kinds)
			d.kinds = append(d.kinds, k)
		}
	}
	d.mean, d.scale = make([]float64, d.dim), make([]float64, d.dim)
	for _, e := range examples {
		for j, v := range e.Vector {
			d.mean[j] += float64(v) / float64(d.n)
		}
	}
	for _, e := range examples {
		for j, v := range e.Vector {
			dv := float64(v) - d.mean[j]
			d.scale[j] += dv * dv / float64(d.n)
		}
	}
	for j, v := range d.scale {
		d.scale[j] = math.Sqrt(v)
		// A spread within rounding of the mean is none; dividing by it would
		// blow noise up to the size of everything else.
		if d.scale[j] <= 1e-7*math.Abs(d.mean[j]) || d.scale[j] == 0 {
			d.scale[j] = 1
		}
	}
	d.x = make([]float64, d.n*(d.dim+1))
	d.y = make([]int, d.n)
	for i, e := range examples {
		r := d.x[i*(d.dim+1) : (i+1)*(d.dim+1)]
		for j, v := range e.Vector {
			r[j] = (float64(v) - d.mean[j]) / d.scale[j]
		}
		r[d.dim] = 1
		d.y[i] = row[e.Class]
	}
	return d
}

// fit minimises Σ wᵢ·logloss + ‖W‖²/2C over the rows given, the bias not
// being punished, from start (nil = zero), in so many steps at most.
func (d *design) fit(ctx context.Context, rows []int, c float64, start []float64, steps int) ([]float64, error) {
	o := d.objective(rows, c)
	if start == nil {
		start = make([]float64, len(d.kinds)*(d.dim+1))
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { o.at(x); return o.value },
		Grad: func(g, x []float64) { o.at(x); copy(g, o.grad) },
		Status: func() (optimize.Status, error) {
			if err := context.Cause(ctx); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	settings := &optimize.Settings{
		GradientThreshold: 1e-5,
		MajorIterations:   steps,
		Converger:         &optimize.FunctionConverge{Relative: 1e-10, Iterations: 5},
	}
	res, err := optimize.Minimize(problem, start, settings, &optimize.LBFGS{Store: 10})
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if res == nil {
		return nil, fmt.Errorf("learn: logistic regression: %w", err)
	}
	// A line search that cannot improve any more reports an error although
	// the minimum is reached; weights that are numbers are the answer.
	for _, w := range res.X {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, errors.New("learn: logistic regression did not converge")
		}
	}
	return res.X, nil
}

// objective keeps the last point, because gonum asks for value and gradient
// of the same point in two calls.
type objective struct {
	x, p       blas64.General
	y          []int
	w          []float64
	kinds, dim int
	c          float64

	last, grad []float64
	value      float64
}

func (d *design) objective(rows []int, c float64) *objective {
	cols, kinds := d.dim+1, len(d.kinds)
	counts := make([]int, kinds)
	for _, i := range rows {
		counts[d.y[i]]++
	}
	kindsHere := 0
	for _, n := range counts {
		if n > 0 {
			kindsHere++
		}
	}
	o := &objective{kinds: kinds, dim: d.dim, c: c, grad: make([]float64, kinds*cols)}
	data := d.x
	if len(rows) < d.n {
		data = make([]float64, 0, len(rows)*cols)
		for _, i := range rows {
			data = append(data, d.x[i*cols:(i+1)*cols]...)
		}
	}
	for _, i := range rows {
		o.y = append(o.y, d.y[i])
		o.w = append(o.w, float64(len(rows))/float64(kindsHere*counts[d.y[i]]))
	}
	o.x = blas64.General{Rows: len(rows), Cols: cols, Stride: cols, Data: data}
	o.p = blas64.General{Rows: len(rows), Cols: kinds, Stride: kinds, Data: make([]float64, len(rows)*kinds)}
	return o
}

func (o *objective) at(x []float64) {
	if o.last != nil && slices.Equal(o.last, x) {
		return
	}
	o.last = append(o.last[:0], x...)
	cols := o.dim + 1
	w := blas64.General{Rows: o.kinds, Cols: cols, Stride: cols, Data: x}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, o.x, w, 0, o.p)
	loss := 0.0
	for i, y := range o.y {
		r := o.p.Data[i*o.kinds : (i+1)*o.kinds]
		top := slices.Max(r)
		sum := 0.0
		for _, v := range r {
			sum += math.Exp(v - top)
		}
		log := math.Log(sum) + top
		loss += o.w[i] * (log - r[y])
		for k, v := range r {
			r[k] = o.w[i] * math.Exp(v-log)
		}
		r[y] -= o.w[i]
	}
	g := blas64.General{Rows: o.kinds, Cols: cols, Stride: cols, Data: o.grad}
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, o.p, o.x, 0, g)
	punish := 0.0
	for k := range o.kinds {
		for j := k * cols; j < k*cols+o.dim; j++ {
			punish += x[j] * x[j]
			o.grad[j] += x[j] / o.c
		}
	}
	o.value = loss + punish/(2*o.c)
}

// choose finds C by five-fold cross-validation (evenly weighted log loss) and
// the softmax factor that calibrates the held-out logits of that C.
func (d *design) choose(ctx context.Context) (c, t float64, err error) {
	const folds = 5
	fold := make([]int, d.n)
	seen := make([]int, len(d.kinds))
	for i, y := range d.y { // every fold gets its share of every class
		fold[i] = seen[y] % folds
		seen[y]++
	}
	w := make([]float64, d.n)
	for i, y := range d.y {
		w[i] = 1 / float64(seen[y])
	}
	here := make([]bool, len(d.kinds))
	for k := range here {
		here[k] = true
	}
	held := make([][][]float64, len(gridC))
	for g := range held {
		held[g] = make([][]float64, d.n)
	}
	for f := range folds {
		var rows []int
		for i, v := range fold {
			if v != f {
				rows = append(rows, i)
			}
		}
		var start []float64
		for g, c := range gridC {
			if start, err = d.fit(ctx, rows, c, start, trialSteps); err != nil {
				return 0, 0, err
			}
			for i, v := range fold {
				if v == f {
					held[g][i] = d.logits(start, d.x[i*(d.dim+1):(i+1)*(d.dim+1)])
				}
			}
		}
	}
	best := math.Inf(1)
	for g := range gridC {
		k := sharpness(held[g], d.y, w, here, 0.2, 5, 1)
		loss := 0.0
		for i, row := range held[g] {
			loss -= w[i] * math.Log(max(softmax(row, here, k)[d.y[i]], 1e-12))
		}
		if loss < best {
			best, c, t = loss, gridC[g], k
		}
	}
	return c, t, nil
}

func (d *design) logits(weights, x []float64) []float64 {
	cols := d.dim + 1
	out := make([]float64, len(d.kinds))
	for k := range out {
		s := 0.0
		for j, w := range weights[k*cols : (k+1)*cols] {
			s += w * x[j]
		}
		out[k] = s
	}
	return out
}

func (m *logistic) scores(v []float32, present []bool) []float64 {
	dim := len(m.mean)
	logits := make([]float64, len(present))
	z := make([]float64, dim)
	for j, x := range v {
		z[j] = (float64(x) - m.mean[j]) / m.scale[j]
	}
	for r, k := range m.kinds {
		w := m.weights[r*(dim+1) : (r+1)*(dim+1)]
		s := w[dim]
		for j, x := range z {
			s += w[j] * x
		}
		logits[k] = s
	}
	return softmax(logits, present, m.t)
}
