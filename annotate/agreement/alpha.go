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
	c := NewCoincidences(values)
	unit := make([]float64, len(ratings))
	for u := range ratings[0] {
		for r := range ratings {
			unit[r] = ratings[r][u]
		}
		c.Add(unit, 1)
	}
	return c.Alpha(scale), nil
}

// Coincidences is how often two values were given to the same unit, all that α
// needs to know. Those of several patients add up.
type Coincidences struct {
	values []float64
	place  map[float64]int
	seen   []float64
	total  []float64
}

// NewCoincidences counts nothing yet; values are all that may occur, in order.
func NewCoincidences(values []float64) *Coincidences {
	k := len(values)
	c := &Coincidences{values: values, place: make(map[float64]int, k), seen: make([]float64, k*k), total: make([]float64, k)}
	for i, v := range values {
		c.place[v] = i
	}
	return c
}

// Add counts a unit times times: the value of each reader, NaN for none. A value
// that NewCoincidences was not told of is none.
func (c *Coincidences) Add(unit []float64, times float64) {
	counts := make([]int, len(c.values))
	n := 0
	for _, v := range unit {
		if i, ok := c.place[v]; ok { // NaN is never found
			counts[i]++
			n++
		}
	}
	if n < 2 {
		return
	}
	for i, a := range counts {
		if a == 0 {
			continue
		}
		c.total[i] += times * float64(a)
		for j, b := range counts {
			if i == j {
				b--
			}
			c.seen[i*len(counts)+j] += times * float64(a) * float64(b) / float64(n-1)
		}
	}
}

// Plus adds those of the same values, times times.
func (c *Coincidences) Plus(o *Coincidences, times float64) {
	for i, v := range o.seen {
		c.seen[i] += times * v
	}
	for i, v := range o.total {
		c.total[i] += times * v
	}
}

// Alpha is Krippendorff's α of what was counted; NaN when no disagreement is to
// be expected.
func (c *Coincidences) Alpha(scale Scale) float64 { return alpha(c.seen, c.total, c.values, scale) }

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
