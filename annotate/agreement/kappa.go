package agreement

import (
	"fmt"
	"math"
)

// Weight is how much of an agreement two classes are that are not the same.
type Weight uint8

// The weights. With k classes in order, classes i and j agree by
const (
	Unweighted Weight = iota // 1 when i = j, else 0: classes without an order
	Linear                   // 1 - |i-j|/(k-1)
	Quadratic                // 1 - ((i-j)/(k-1))²
)

// String is the weight's name for people.
func (w Weight) String() string {
	switch w {
	case Linear:
		return "linear"
	case Quadratic:
		return "quadratic"
	}
	return "none"
}

// of is the weight of classes i and j of k, 0..1.
func (w Weight) of(i, j, k int) float64 {
	if i == j {
		return 1
	}
	if w == Unweighted || k < 2 {
		return 0
	}
	d := math.Abs(float64(i-j)) / float64(k-1)
	if w == Quadratic {
		d *= d
	}
	return 1 - d
}

// Kappa is Cohen's coefficient with what it has to be read beside: a high
// observed agreement and a κ near 0 go together where one class is rare
// (Feinstein & Cicchetti 1990), so the table and both agreements are shown with
// it.
type Kappa struct {
	Value    float64   // 1 full agreement, 0 as by chance, < 0 worse; NaN when chance alone agrees fully
	Observed float64   // weighted share of agreement, 0..1
	Expected float64   // the same by chance, from the margins, 0..1
	SE       float64   // standard error of Value
	SE0      float64   // standard error if the true κ were 0, for a test
	N        int       // units that both rated
	First    []float64 // share of each class by the first reader
	Second   []float64 // and by the second
}

// Normal is the interval of a level (0.95) by the normal approximation of SE. A
// bootstrap over patients is to be preferred where units are not independent.
func (k Kappa) Normal(level float64) (low, high float64) {
	z := math.Sqrt2 * math.Erfinv(level)
	return k.Value - z*k.SE, k.Value + z*k.SE
}

// Cross counts the units by the classes of two readers: [a][b]. Codes are 0 to
// classes-1; a unit with a negative code at either reader was not rated by both
// and does not count.
func Cross(a, b []int, classes int) ([][]int, error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("agreement: %d and %d ratings: %w", len(a), len(b), ErrShape)
	}
	table := make([][]int, classes)
	for i := range table {
		table[i] = make([]int, classes)
	}
	for i := range a {
		if a[i] < 0 || b[i] < 0 {
			continue
		}
		if a[i] >= classes || b[i] >= classes {
			return nil, fmt.Errorf("agreement: unit %d has class %d and %d of %d: %w", i, a[i], b[i], classes, ErrShape)
		}
		table[a[i]][b[i]]++
	}
	return table, nil
}

// Cohen is κ of a square table of counts, [first reader][second reader]: Cohen,
// Educ Psychol Meas 20 (1960) 37; weighted: Psychol Bull 70 (1968) 213; standard
// errors: Fleiss, Cohen & Everitt, Psychol Bull 72 (1969) 323. Classes that
// nobody used count for the weights, as the order of classes is the caller's. It
// returns ErrShape for a table that is not square or has negative counts.
func Cohen(table [][]int, w Weight) (Kappa, error) {
	k := len(table)
	out := Kappa{First: make([]float64, k), Second: make([]float64, k)}
	for i, row := range table {
		if len(row) != k {
			return out, fmt.Errorf("agreement: row %d of a table of %d has %d counts: %w", i, k, len(row), ErrShape)
		}
		for _, n := range row {
			if n < 0 {
				return out, fmt.Errorf("agreement: row %d has a negative count: %w", i, ErrShape)
			}
			out.N += n
		}
	}
	nan := math.NaN()
	out.Value, out.Observed, out.Expected, out.SE, out.SE0 = nan, nan, nan, nan, nan
	if out.N == 0 {
		return out, nil
	}
	n := float64(out.N)
	for i, row := range table {
		for j, c := range row {
			out.First[i] += float64(c) / n
			out.Second[j] += float64(c) / n
		}
	}
	var seen, chance sum
	for i, row := range table {
		for j, c := range row {
			seen.add(w.of(i, j, k) * float64(c) / n)
			chance.add(w.of(i, j, k) * out.First[i] * out.Second[j])
		}
	}
	out.Observed, out.Expected = seen.value(), chance.value()
	if 1-out.Expected < 1e-15 {
		return out, nil
	}
	out.Value = (out.Observed - out.Expected) / (1 - out.Expected)
	out.errors(table, w)
	return out, nil
}

// errors fills in the standard errors, eqs. 10 and 11 of Fleiss, Cohen & Everitt.
func (out *Kappa) errors(table [][]int, w Weight) {
	k, n := len(table), float64(out.N)
	row, col := make([]float64, k), make([]float64, k) // mean weight of a class at one reader
	for i := range k {
		for j := range k {
			row[i] += w.of(i, j, k) * out.Second[j]
			col[j] += w.of(i, j, k) * out.First[i]
		}
	}
	var a, b sum
	for i := range k {
		for j := range k {
			d := w.of(i, j, k) - (row[i]+col[j])*(1-out.Value)
			a.add(float64(table[i][j]) / n * d * d)
			d = w.of(i, j, k) - (row[i] + col[j])
			b.add(out.First[i] * out.Second[j] * d * d)
		}
	}
	c := out.Value - out.Expected*(1-out.Value)
	scale := (1 - out.Expected) * (1 - out.Expected) * n
	out.SE = math.Sqrt(max(0, (a.value()-c*c)/scale))
	out.SE0 = math.Sqrt(max(0, (b.value()-out.Expected*out.Expected)/scale))
}

// Counts turns ratings (one row a unit, one code a reader, negative for none)
// into how many readers gave each class, as Fleiss takes them.
func Counts(ratings [][]int, classes int) ([][]int, error) {
	out := make([][]int, len(ratings))
	for i, unit := range ratings {
		out[i] = make([]int, classes)
		for _, c := range unit {
			if c >= classes {
				return nil, fmt.Errorf("agreement: unit %d has class %d of %d: %w", i, c, classes, ErrShape)
			}
			if c >= 0 {
				out[i][c]++
			}
		}
	}
	return out, nil
}

// Fleiss is κ of any number of readers, who need not be the same at each unit:
// Psychol Bull 76 (1971) 378. counts has one row a unit: how many readers gave
// each class. Every unit needs the same number of readers, two at least, or the
// answer is ErrShape; Krippendorff takes missing ratings. NaN when chance alone
// agrees fully.
func Fleiss(counts [][]int) (float64, error) { return FleissTimes(counts, nil) }

// FleissTimes is Fleiss of units that count times[i] times each; nil counts each
// once.
func FleissTimes(counts [][]int, times []float64) (float64, error) {
	readers, share, observed, err := fleiss(counts, times)
	if err != nil || readers == 0 {
		return math.NaN(), err
	}
	var chance sum
	for _, p := range share {
		chance.add(p * p)
	}
	return chanceFree(observed, chance.value()), nil
}

// Randolph is Fleiss' κ with free margins: chance is one over the number of
// classes, so a rare class does not depress it. Randolph, Joensuu Learning and
// Instruction Symposium 2005 (ERIC ED490661). Errors as of Fleiss.
func Randolph(counts [][]int) (float64, error) {
	readers, share, observed, err := fleiss(counts, nil)
	if err != nil || readers == 0 {
		return math.NaN(), err
	}
	return chanceFree(observed, 1/float64(len(share))), nil
}

// fleiss is the number of readers, the share of each class and the mean share
// of agreeing pairs.
func fleiss(counts [][]int, times []float64) (readers int, share []float64, observed float64, err error) {
	var agree, units sum
	for i, unit := range counts {
		n, pairs := 0, 0
		for _, c := range unit {
			n += c
			pairs += c * (c - 1)
		}
		if i == 0 {
			readers, share = n, make([]float64, len(unit))
		}
		if n != readers || n < 2 || len(unit) != len(share) {
			return 0, nil, 0, fmt.Errorf("agreement: unit %d has %d ratings, the first has %d: %w", i, n, readers, ErrShape)
		}
		w := 1.0
		if times != nil {
			w = times[i]
		}
		for j, c := range unit {
			share[j] += w * float64(c)
		}
		agree.add(w * float64(pairs) / float64(n*(n-1)))
		units.add(w)
	}
	for j := range share {
		share[j] /= units.value() * float64(readers)
	}
	return readers, share, agree.value() / units.value(), nil
}

// chanceFree is (observed - chance) / (1 - chance).
func chanceFree(observed, chance float64) float64 {
	if 1-chance < 1e-15 {
		return math.NaN()
	}
	return (observed - chance) / (1 - chance)
}

// sum adds after Neumaier (1974): what rounding loses is summed beside it.
type sum struct{ s, lost float64 }

func (c *sum) add(v float64) {
	t := c.s + v
	if math.Abs(c.s) >= math.Abs(v) {
		c.lost += (c.s - t) + v
	} else {
		c.lost += (v - t) + c.s
	}
	c.s = t
}

func (c *sum) value() float64 { return c.s + c.lost }
