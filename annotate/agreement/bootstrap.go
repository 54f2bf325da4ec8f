package agreement

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Estimate is a figure with the interval that a bootstrap gave it.
type Estimate struct {
	Value     float64 // of the data themselves
	Low, High float64 // percentile interval; NaN when it cannot be told
	Level     float64 // of the interval, for example 0.95
	Groups    int     // patients that were drawn from
	Resamples int     // drawn
	Undefined int     // of these, without a figure; above a tenth there is no interval
}

// Resampling says how a bootstrap is drawn. The zero value draws 2,000 times
// with seed 0 for a level of 0.95.
type Resampling struct {
	Resamples int     // 0 takes 2,000
	Level     float64 // 0 takes 0.95
	Seed      uint64  // the same seed draws the same
}

// Bootstrap draws whole groups (patients) with replacement, as units of one
// patient are not independent, and takes the percentile interval: Efron, Ann
// Stat 7 (1979) 1; of clusters: Field & Welsh, J R Stat Soc B 69 (2007) 369.
// stat is told how often each of the groups counts and answers with the figure,
// NaN when it has none; the slice is used again. With one group there is no
// interval, as nothing can be said about another patient.
func Bootstrap(groups int, stat func(times []int) float64, r Resampling) Estimate {
	return BootstrapAll(groups, 1, func(times []int, out []float64) { out[0] = stat(times) }, r)[0]
}

// BootstrapAll is Bootstrap for several figures of the same draws: stat fills
// in out, which has the given number of places.
func BootstrapAll(groups, figures int, stat func(times []int, out []float64), r Resampling) []Estimate {
	if r.Resamples <= 0 {
		r.Resamples = 2000
	}
	if !(r.Level > 0 && r.Level < 1) {
		r.Level = 0.95
	}
	times := make([]int, groups)
	for i := range times {
		times[i] = 1
	}
	row := make([]float64, figures)
	stat(times, row)
	out := make([]Estimate, figures)
	for i, v := range row {
		out[i] = Estimate{Value: v, Low: math.NaN(), High: math.NaN(), Level: r.Level, Groups: groups}
	}
	if groups < 2 {
		return out
	}
	draws := make([][]float64, figures)
	random := rand.New(rand.NewPCG(r.Seed, 0x636f766572736c69)) // the second word names the program's stream
	for range r.Resamples {
		clear(times)
		for range groups {
			times[random.IntN(groups)]++
		}
		stat(times, row)
		for i, v := range row {
			if Defined(v) {
				draws[i] = append(draws[i], v)
			}
		}
	}
	for i := range out {
		e := &out[i]
		e.Resamples, e.Undefined = r.Resamples, r.Resamples-len(draws[i])
		if e.Undefined*10 > r.Resamples || !Defined(e.Value) {
			continue
		}
		slices.Sort(draws[i])
		e.Low, e.High = Quantile(draws[i], (1-r.Level)/2), Quantile(draws[i], (1+r.Level)/2)
	}
	return out
}

// Quantile is that of sorted values, between two of them by a straight line:
// type 7 of Hyndman & Fan, Am Stat 50 (1996) 361, which numpy takes too. NaN
// without values.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := min(max(int(math.Floor(at)), 0), len(sorted)-1)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
