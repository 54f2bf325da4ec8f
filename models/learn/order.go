package learn

import (
	"cmp"
	"context"
	"math"
	"slices"

	"coverslip/models"
)

// Order is the order in which a person is asked about patches.
type Order uint8

// The orders.
const (
	OrderMixed     Order = iota // of the most uncertain those that differ most from each other
	OrderUncertain              // smallest margin between the best two classes first
	OrderEntropy                // highest entropy over all classes first
	OrderDiverse                // those least like any label or each other first (k-centre)
	OrderConfident              // highest score first
	OrderRandom                 // by a seed: the order for a fair evaluation
)

// mixOf is how many times as many uncertain rows OrderMixed chooses from: with
// ten, 0.925 was right after 126 labels where a random order needs 216.
const mixOf = 10

// Ask says how Rank orders.
type Ask struct {
	Order Order
	Seed  uint64              // of OrderRandom, and of ties
	Front int                 // how many at the front OrderMixed and OrderDiverse choose with care; 0 = 32
	Cover *Cover              // of OrderDiverse, which knows the labels; nil = none are known
	Known [][]float32         // labelled vectors, of OrderMixed; nil = none are known
	Near  func(i, j int) bool // two rows lie beside each other on a slide: not both in a front; nil = never
}

// Rank orders the rows of a matrix that are of use (score has a class for them)
// and returns their numbers. m is needed by OrderMixed and OrderDiverse alone.
// Ties are broken by the seed, so the order repeats. OrderMixed and OrderDiverse
// choose the front; after it the rows come by their margin, because the queue is
// ordered anew before a person gets there.
func Rank(ctx context.Context, s *Scores, m Matrix, a Ask) ([]int, error) {
	var rows []int
	for i, c := range s.Class {
		if c >= 0 {
			rows = append(rows, i)
		}
	}
	switch a.Order {
	case OrderRandom:
		byKey(rows, func(i int) float32 { return float32(Scatter(a.Seed, uint64(i)) >> 40) }, a.Seed)
	case OrderConfident:
		byKey(rows, func(i int) float32 { return -s.Score[i] }, a.Seed)
	case OrderEntropy:
		byKey(rows, func(i int) float32 { return -s.Entropy[i] }, a.Seed)
	default:
		byKey(rows, func(i int) float32 { return s.Margin[i] }, a.Seed)
	}
	if a.Front <= 0 {
		a.Front = 32
	}
	var front []int
	var err error
	switch a.Order {
	case OrderMixed:
		// Of few rows a part only, or nothing of the uncertainty would be left.
		pool := rows[:min(len(rows), mixOf*a.Front, max(a.Front, len(rows)/4))]
		c := NewCover(m, pool)
		for _, v := range a.Known {
			c.Add(v)
		}
		front, err = c.pick(ctx, a.Front, pool, a.Near)
	case OrderDiverse:
		c := a.Cover
		if c == nil {
			c = NewCover(m, Thin(rows, CoverPool, a.Seed))
		}
		front, err = c.clone().pick(ctx, a.Front, rows, a.Near)
	}
	if err != nil {
		return nil, err
	}
	return toFront(rows, front), nil
}

// toFront moves some rows before the others, which keep their order.
func toFront(rows, front []int) []int {
	if len(front) == 0 {
		return rows
	}
	in := make(map[int]bool, len(front))
	for _, i := range front {
		in[i] = true
	}
	out := append(make([]int, 0, len(rows)), front...)
	for _, i := range rows {
		if !in[i] {
			out = append(out, i)
		}
	}
	return out
}

// byKey sorts rows by a number, ties by the seed. Each number is asked for once.
func byKey(rows []int, key func(i int) float32, seed uint64) {
	type keyed struct {
		key float32
		tie uint32
		row int32
	}
	all := make([]keyed, len(rows))
	for n, i := range rows {
		all[n] = keyed{key(i), uint32(Scatter(seed, uint64(i))), int32(i)}
	}
	slices.SortFunc(all, func(a, b keyed) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		if a.tie != b.tie {
			return cmp.Compare(a.tie, b.tie)
		}
		return cmp.Compare(a.row, b.row)
	})
	for n, k := range all {
		rows[n] = int(k.row)
	}
}

// Scatter maps a number to another without pattern, by a seed (SplitMix64:
// Steele et al., OOPSLA 2014).
func Scatter(seed, n uint64) uint64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Thin keeps at most n of the rows, chosen by a seed, in their order.
func Thin(rows []int, n int, seed uint64) []int {
	if len(rows) <= n {
		return rows
	}
	shuffled := slices.Clone(rows)
	byKey(shuffled, func(int) float32 { return 0 }, seed)
	kept := shuffled[:n]
	slices.Sort(kept)
	return kept
}

// CoverPool bounds the rows that a Cover should look at: choosing 32 of 4,096 takes a
// tenth of a second, and of 100,000 rows it leaves one in each neighbourhood.
const CoverPool = 4096

// Cover knows of some rows how far each is from the nearest that was chosen or
// labelled: greedy k-centre (Gonzalez 1985; for labels Sener and Savarese,
// arXiv:1708.00489), on 1 - cosine.
type Cover struct {
	m    Matrix
	rows []int
	far  []float32 // of each of rows; -1 for a chosen one
}

// NewCover covers some rows of a matrix of unit vectors, none near anything yet.
func NewCover(m Matrix, rows []int) *Cover {
	c := &Cover{m: m, rows: rows, far: make([]float32, len(rows))}
	for i := range c.far {
		c.far[i] = 2 // the opposite direction
	}
	return c
}

func (c *Cover) clone() *Cover { return &Cover{c.m, c.rows, slices.Clone(c.far)} }

// Add notes that a vector is labelled: rows like it are worth less from now on.
func (c *Cover) Add(v []float32) {
	for i, r := range c.rows {
		if c.far[i] > 0 {
			c.far[i] = min(c.far[i], max(0, 1-models.Dot(v, c.m.Row(r))))
		}
	}
}

// Pick chooses up to n rows, each the farthest from all before it; ties go to
// the one that stands first.
func (c *Cover) Pick(ctx context.Context, n int) ([]int, error) {
	return c.clone().pick(ctx, n, c.rows, nil)
}

// pick is Pick among those rows of the cover that are allowed, none beside
// another one. It changes c.
func (c *Cover) pick(ctx context.Context, n int, allowed []int, near func(i, j int) bool) ([]int, error) {
	may := make(map[int]bool, len(allowed))
	for _, r := range allowed {
		may[r] = true
	}
	for i, r := range c.rows {
		if !may[r] {
			c.far[i] = -1
		}
	}
	var out []int
	for len(out) < n {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		best := -1
		for i, f := range c.far {
			if f >= 0 && (best < 0 || f > c.far[best]) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		r := c.rows[best]
		out = append(out, r)
		c.Add(c.m.Row(r))
		c.far[best] = -1
		for i, other := range c.rows {
			if near != nil && c.far[i] >= 0 && near(r, other) {
				c.far[i] = -1
			}
		}
	}
	return out, nil
}

// MarginFor is the least margin at which a class is still named when only a
// share of the patches may be: the others are answered "I don't know". Coverage
// 1 names all, 0.9 leaves the least certain tenth without an answer.
func MarginFor(s *Scores, coverage float64) float64 {
	if coverage >= 1 || s.Len() == 0 {
		return 0
	}
	var all []float32
	for i, c := range s.Class {
		if c >= 0 {
			all = append(all, s.Margin[i])
		}
	}
	slices.Sort(all)
	leave := int(math.Round((1 - max(0, coverage)) * float64(len(all))))
	if leave >= len(all) {
		return math.Inf(1)
	}
	return float64(all[leave])
}
