package agreement

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"coverslip/annotate"
)

// Pair is an object of the first reader that is the same as one of the second.
type Pair struct {
	First, Second int     // places in the lists
	Worth         float64 // IoU, 0..1; of points 1 - distance/radius
}

// Matching is which objects of two readers are the same.
type Matching struct {
	Pairs         []Pair // by First
	First, Second int    // how many objects each reader has
}

// F1 is 2·pairs / (first + second), 0..1; NaN when neither has an object.
func (m Matching) F1() float64 {
	if m.First+m.Second == 0 {
		return math.NaN()
	}
	return 2 * float64(len(m.Pairs)) / float64(m.First+m.Second)
}

// SQ is the mean worth of the pairs; NaN without any.
func (m Matching) SQ() float64 {
	if len(m.Pairs) == 0 {
		return math.NaN()
	}
	var s sum
	for _, p := range m.Pairs {
		s.add(p.Worth)
	}
	return s.value() / float64(len(m.Pairs))
}

// PQ is the panoptic quality SQ·RQ, where RQ is F1: Kirillov et al., CVPR 2019,
// 9404, who match above an IoU of one half. NaN when neither has an object.
func (m Matching) PQ() float64 {
	f := m.F1()
	if len(m.Pairs) == 0 {
		return f
	}
	return m.SQ() * f
}

// Plus adds up the matchings of several slides; the pairs lose their places.
func (m Matching) Plus(o Matching) Matching {
	return Matching{append(slices.Clone(m.Pairs), o.Pairs...), m.First + o.First, m.Second + o.Second}
}

// maxKnot bounds the objects that hang together by candidate pairs: the work
// grows with the third power.
const maxKnot = 2000

// MatchAreas finds which areas of two readers are the same: pairs that overlap
// by an IoU of more than above, each object once, as many as can be, and so that
// the sum of IoU is the largest. Above 0.5, among areas that do not overlap within one reader, the
// pairs are unique. Objects without area match nothing. Errors as of Areas.
func MatchAreas(first, second []annotate.ROI, above float64) (Matching, error) {
	m := Matching{First: len(first), Second: len(second)}
	var able []Pair
	err := meeting(first, second, 0, func(i, j int) error {
		o, err := Areas(first[i], second[j])
		if err != nil {
			return fmt.Errorf("object %d and %d: %w", i, j, err)
		}
		if iou := o.IoU(); o.Both > 0 && iou > above {
			able = append(able, Pair{i, j, iou})
		}
		return nil
	})
	if err != nil {
		return m, err
	}
	m.Pairs, err = best(able)
	return m, err
}

// MatchPoints finds which places of two readers are the same: pairs no further
// apart than radius, each place once, as many as can be, and so that the sum of
// distances is the least. The unit is the caller's.
func MatchPoints(first, second []annotate.Point, radius float64) (Matching, error) {
	m := Matching{First: len(first), Second: len(second)}
	if !(radius > 0) {
		return m, fmt.Errorf("agreement: a radius of %g: %w", radius, ErrShape)
	}
	var able []Pair
	err := meeting(spots(first), spots(second), radius, func(i, j int) error {
		if d := math.Hypot(first[i].X-second[j].X, first[i].Y-second[j].Y); d <= radius {
			able = append(able, Pair{i, j, 1 - d/radius})
		}
		return nil
	})
	if err != nil {
		return m, err
	}
	m.Pairs, err = best(able)
	return m, err
}

func spots(points []annotate.Point) []annotate.ROI {
	out := make([]annotate.ROI, len(points))
	for i, p := range points {
		out[i] = annotate.ROI{Kind: annotate.KindPoint, Points: []annotate.Point{p}}
	}
	return out
}

// meeting calls f for the pairs whose boxes, grown by margin, meet: a sweep
// along x over both lists.
func meeting(first, second []annotate.ROI, margin float64, f func(i, j int) error) error {
	type entry struct {
		box annotate.Box
		of  int
	}
	list := func(rois []annotate.ROI, margin float64) []entry {
		out := make([]entry, len(rois))
		for i, r := range rois {
			out[i] = entry{r.Bounds().Grow(margin), i}
		}
		slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.box.MinX, b.box.MinX) })
		return out
	}
	a, b := list(first, margin), list(second, 0)
	var open []entry // of b, that may still reach what comes
	next := 0
	for _, e := range a {
		for next < len(b) && b[next].box.MinX <= e.box.MaxX {
			open = append(open, b[next])
			next++
		}
		open = slices.DeleteFunc(open, func(o entry) bool { return o.box.MaxX < e.box.MinX })
		for _, o := range open {
			if o.box.Meets(e.box) {
				if err := f(e.of, o.of); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// best chooses of the candidate pairs as many as can be, each object once, and
// of these choices the one of the largest sum of worth. What hangs together is solved for itself.
func best(able []Pair) ([]Pair, error) {
	slices.SortFunc(able, func(a, b Pair) int { return cmp.Or(a.First-b.First, a.Second-b.Second) })
	var out []Pair
	for _, knot := range knots(able) {
		rows, cols := places(knot, func(p Pair) int { return p.First }), places(knot, func(p Pair) int { return p.Second })
		if len(rows) > maxKnot || len(cols) > maxKnot {
			return nil, fmt.Errorf("agreement: %d and %d objects in one heap: %w", len(rows), len(cols), ErrTooMany)
		}
		worth := make([][]float64, len(rows))
		for i := range worth {
			worth[i] = make([]float64, len(cols))
		}
		// One pair more is worth more than all worths together.
		more := float64(min(len(rows), len(cols)) + 1)
		for _, p := range knot {
			worth[rows[p.First]][cols[p.Second]] = more + p.Worth
		}
		chosen := assign(worth)
		for _, p := range knot {
			if chosen[rows[p.First]] == cols[p.Second] {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b Pair) int { return a.First - b.First })
	return out, nil
}

// places numbers the objects of a knot on one side.
func places(knot []Pair, side func(Pair) int) map[int]int {
	out := map[int]int{}
	for _, p := range knot {
		if _, ok := out[side(p)]; !ok {
			out[side(p)] = len(out)
		}
	}
	return out
}

// knots parts the pairs into those that share objects.
func knots(able []Pair) [][]Pair {
	parent := map[[2]int][2]int{}
	find := func(k [2]int) [2]int {
		for {
			p, ok := parent[k]
			if !ok || p == k {
				return k
			}
			if g, ok := parent[p]; ok {
				parent[k] = g
			}
			k = p
		}
	}
	for _, p := range able {
		a, b := find([2]int{0, p.First}), find([2]int{1, p.Second})
		if a != b {
			parent[a] = b
		}
	}
	at := map[[2]int]int{}
	var out [][]Pair
	for _, p := range able {
		root := find([2]int{0, p.First})
		i, ok := at[root]
		if !ok {
			i = len(out)
			at[root] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], p)
	}
	return out
}

// assign gives each row a column of its own, or -1, so that the sum of worth is
// the largest: the Hungarian method by shortest augmenting paths, Jonker &
// Volgenant, Computing 38 (1987) 325.
func assign(worth [][]float64) []int {
	rows, cols := len(worth), len(worth[0])
	if rows > cols {
		turned := make([][]float64, cols)
		for j := range turned {
			turned[j] = make([]float64, rows)
			for i := range rows {
				turned[j][i] = worth[i][j]
			}
		}
		out := slices.Repeat([]int{-1}, rows)
		for j, i := range assign(turned) {
			if i >= 0 {
				out[i] = j
			}
		}
		return out
	}
	u, v := make([]float64, rows+1), make([]float64, cols+1) // prices
	row := make([]int, cols+1)                               // of each column, from 1; 0 is none
	way := make([]int, cols+1)
	for i := 1; i <= rows; i++ {
		row[0] = i
		col := augment(worth, u, v, row, way)
		for col != 0 {
			row[col] = row[way[col]]
			col = way[col]
		}
	}
	out := slices.Repeat([]int{-1}, rows)
	for j := 1; j <= cols; j++ {
		if row[j] > 0 && worth[row[j]-1][j-1] > 0 {
			out[row[j]-1] = j - 1
		}
	}
	return out
}

// augment finds the cheapest way from the row at column 0 to a free column and answers with
// that column; way leads back.
func augment(worth [][]float64, u, v []float64, row, way []int) int {
	cols := len(row) - 1
	least := slices.Repeat([]float64{math.Inf(1)}, cols+1)
	used := make([]bool, cols+1)
	col := 0
	for row[col] != 0 || col == 0 {
		used[col] = true
		r, delta, next := row[col], math.Inf(1), 0
		for j := 1; j <= cols; j++ {
			if used[j] {
				continue
			}
			if c := -worth[r-1][j-1] - u[r] - v[j]; c < least[j] {
				least[j], way[j] = c, col
			}
			if least[j] < delta {
				delta, next = least[j], j
			}
		}
		for j := range used {
			if used[j] {
				u[row[j]] += delta
				v[j] -= delta
			} else {
				least[j] -= delta
			}
		}
		col = next
	}
	return col
}
