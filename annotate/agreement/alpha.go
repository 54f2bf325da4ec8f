package agreement

import (
	"fmt"
	"math"
	"slices"
)

// Scale is what the values of ratings mean, and with it how far two are apart.
type Scale uint8

// The scales.
const (
	Nominal  Scale = iota // classes without order: the same or not
	Ordinal               // grades in order, of unequal steps
	Interval              // numbers whose differences mean something
)

// String is the scale's name for people.
func (s Scale) String() string {
	switch s {
	case Ordinal:
		return "ordinal"
	case Interval:
		return "interval"
	}
	return "nominal"
}

// maxValues bounds the different values that Krippendorff takes: the work grows
// with its square.
const maxValues = 4096

// Krippendorff is α: 1 less the observed over the expected disagreement, for any
// number of readers, any scale and missing ratings (NaN). ratings is [reader][unit].
// A unit that fewer than two readers rated says nothing and is left out.
// Krippendorff, "Computing Krippendorff's alpha-reliability" (2011). NaN when
// all values are one, so that no disagreement is to be expected. It returns
// ErrShape for rows of unequal length, ErrTooMany beyond 4,096 values.
func Krippendorff(ratings [][]float64, scale Scale) (float64, error) {
	values, err := domain(ratings)
	if err != nil || len(values) == 0 {
		return math.NaN(), err
	}
	place := make(map[float64]int, len(values))
	for i, v := range values {
		place[v] = i
	}
	k := len(values)
	seen := make([]float64, k*k) // the coincidence matrix
	total := make([]float64, k)
	counts := make([]int, k)
	for u := range ratings[0] {
		clear(counts)
		n := 0
		for _, r := range ratings {
			if v := r[u]; !math.IsNaN(v) {
				counts[place[v]]++
				n++
			}
		}
		if n < 2 {
			continue
		}
		for i, a := range counts {
			if a == 0 {
				continue
			}
			total[i] += float64(a)
			for j, b := range counts {
				if i == j {
					b--
				}
				seen[i*k+j] += float64(a) * float64(b) / float64(n-1)
			}
		}
	}
	return alpha(seen, total, values, scale), nil
}

// alpha is the coefficient of a coincidence matrix and its margins.
func alpha(seen, total, values []float64, scale Scale) float64 {
	k := len(values)
	running := make([]float64, k+1) // of the margins
	for i, n := range total {
		running[i+1] = running[i] + n
	}
	n := running[k]
	var observed, expected sum
	for i := range k {
		for j := i + 1; j < k; j++ {
			d := 1.0
			switch scale {
			case Ordinal:
				d = running[j+1] - running[i] - (total[i]+total[j])/2
			case Interval:
				d = values[i] - values[j]
			}
			observed.add(seen[i*k+j] * d * d)
			expected.add(total[i] * total[j] * d * d)
		}
	}
	if !(expected.value() > 0) {
		return math.NaN()
	}
	return 1 - (n-1)*observed.value()/expected.value()
}

// domain is the values that were given, in order.
func domain(ratings [][]float64) ([]float64, error) {
	var values []float64
	have := map[float64]bool{}
	for i, r := range ratings {
		if len(r) != len(ratings[0]) {
			return nil, fmt.Errorf("agreement: reader %d has %d units, the first has %d: %w", i, len(r), len(ratings[0]), ErrShape)
		}
		for u, v := range r {
			if math.IsInf(v, 0) {
				return nil, fmt.Errorf("agreement: reader %d, unit %d is infinite: %w", i, u, ErrShape)
			}
			if math.IsNaN(v) || have[v] {
				continue
			}
			if len(values) == maxValues {
				return nil, fmt.Errorf("agreement: more than %d values: %w", maxValues, ErrTooMany)
			}
			have[v] = true
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values, nil
}
