package learn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Simulation is a reader who knows the truth and labels one patch at a click, in
// the order that a queue asks.
type Simulation struct {
	Pool      Matrix // the patches that may be labelled
	PoolClass []int  // their truth
	Test      Matrix // other patches, of other slides if they are to say anything
	TestClass []int
	Classes   int
	Order     Order
	Seed      uint64 // of the first labels, and of OrderRandom
	Most      int    // clicks
	Step      int    // clicks between two looks at the test patches, once Most/10 are made; 0 = 5
}

// SimPoint is how good the probe is after some clicks.
type SimPoint struct {
	Clicks   int
	Balanced float64 // mean of the shares of each class's test patches that are named right
}

// Balanced is the balanced accuracy of a probe: the mean over the classes that
// occur of the share of each that is named right.
func (p *Probe) Balanced(ctx context.Context, m Matrix, class []int, classes int) (float64, error) {
	s, err := p.ScoreAll(ctx, m)
	if err != nil {
		return 0, err
	}
	right, all := make([]float64, classes), make([]float64, classes)
	for i, k := range class {
		all[k]++
		if int(s.Class[i]) == k {
			right[k]++
		}
	}
	sum, kinds := 0.0, 0.0
	for k, n := range all {
		if n > 0 {
			sum += right[k] / n
			kinds++
		}
	}
	return sum / max(kinds, 1), nil
}

// Run labels patch after patch and looks how good the probe has become. It
// begins with patches at random until two classes are seen, the same for every
// order of one seed. It gives up with the cause of ctx.
func (s Simulation) Run(ctx context.Context) ([]SimPoint, error) {
	n := s.Pool.Len()
	if n != len(s.PoolClass) || s.Test.Len() != len(s.TestClass) || n == 0 {
		return nil, fmt.Errorf("learn: %d patches with %d classes, %d to test with %d", n, len(s.PoolClass), s.Test.Len(), len(s.TestClass))
	}
	if s.Step <= 0 {
		s.Step = 5
	}
	r := &simulated{s: s, done: make([]bool, n), cover: NewCover(s.Pool, Thin(upTo(n), CoverPool, s.Seed))}
	for i := uint64(0); r.kinds() < 2; i++ {
		if i > uint64(100*n) {
			return nil, fmt.Errorf("learn: %w", ErrOneClass)
		}
		r.label(int(Scatter(s.Seed^0xabcdef, i) % uint64(n)))
	}
	var out []SimPoint
	for next, fitted := 0, 0; len(r.examples) <= min(s.Most, n); {
		var err error
		k := len(r.examples)
		// Later clicks teach little each, and a random order need not be learned.
		if due := s.Order != OrderRandom && (k < manyClicks || k >= fitted+clicksAFit); fitted == 0 || k >= next || due {
			if r.probe, err = r.probe.Refit(ctx, r.examples, s.Classes); err != nil {
				return nil, err
			}
			fitted, r.rows = k, nil
		}
		if k >= next {
			b, err := r.probe.Balanced(ctx, s.Test, s.TestClass, s.Classes)
			if err != nil {
				return nil, err
			}
			out = append(out, SimPoint{k, b})
			next = k + 1
			if k >= s.Most/10 {
				next = k + s.Step
			}
		}
		at, err := r.ask(ctx)
		if errors.Is(err, errAllAsked) {
			break
		}
		if err != nil {
			return nil, err
		}
		r.label(at)
	}
	return out, nil
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// From so many clicks on the probe is fitted after every third one: a person at
// the strip is as far ahead of it.
const (
	manyClicks = 30
	clicksAFit = 3
)

// simulated is a run of a Simulation.
type simulated struct {
	s        Simulation
	done     []bool
	examples []Example
	seen     []bool
	probe    *Probe
	cover    *Cover
	rows     []int // as ranked last; nil: to be ranked
}

func (r *simulated) kinds() (n int) {
	for _, is := range r.seen {
		if is {
			n++
		}
	}
	return n
}

func (r *simulated) label(i int) {
	if r.done[i] {
		return
	}
	if r.seen == nil {
		r.seen = make([]bool, r.s.Classes)
	}
	r.done[i], r.seen[r.s.PoolClass[i]] = true, true
	r.examples = append(r.examples, Example{Vector: r.s.Pool.Row(i), Class: r.s.PoolClass[i]})
	if r.s.Order == OrderDiverse {
		r.cover.Add(r.s.Pool.Row(i))
	}
}

// errAllAsked: every patch of the pool is labelled.
var errAllAsked = errors.New("learn: every patch is labelled")

// ask is the patch that the queue begins with.
func (r *simulated) ask(ctx context.Context) (int, error) {
	for len(r.rows) > 0 {
		at := r.rows[0]
		r.rows = r.rows[1:]
		if !r.done[at] {
			return at, nil
		}
	}
	scores, err := r.probe.ScoreAll(ctx, r.s.Pool)
	if err != nil {
		return 0, err
	}
	for i, done := range r.done {
		if done {
			scores.Class[i] = -1
		}
	}
	ask := Ask{Order: r.s.Order, Seed: r.s.Seed, Front: 1, Cover: r.cover}
	for _, e := range r.examples {
		ask.Known = append(ask.Known, e.Vector)
	}
	rows, err := Rank(ctx, scores, r.s.Pool, ask)
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, errAllAsked
	}
	r.rows = rows[1:]
	return rows[0], nil
}

// ClicksTo is after how many clicks a run first reached a goal and stayed there
// at the next look too; false when it never did, with the last click.
func ClicksTo(points []SimPoint, goal float64) (int, bool) {
	for i, p := range points {
		if p.Balanced >= goal && (i+1 == len(points) || points[i+1].Balanced >= goal) {
			return p.Clicks, true
		}
	}
	if len(points) == 0 {
		return 0, false
	}
	return points[len(points)-1].Clicks, false
}

// Paired is the mean of differences of pairs with its 95 % interval by the
// bootstrap over the pairs (percentiles of 10,000 resamples, Efron 1979).
func Paired(differences []float64, seed uint64) (mean, low, high float64) {
	n := len(differences)
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	for _, d := range differences {
		mean += d / float64(n)
	}
	const resamples = 10_000
	means := make([]float64, resamples)
	at := uint64(0)
	for i := range means {
		for range n {
			means[i] += differences[Scatter(seed, at)%uint64(n)] / float64(n)
			at++
		}
	}
	slices.Sort(means)
	return mean, means[resamples/40], means[resamples-1-resamples/40]
}
