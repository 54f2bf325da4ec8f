package search

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"coverslip/models"
)

// Stats is how much work a query was.
type Stats struct {
	Scanned int // vectors multiplied with seven bits of the query
	Second  int // of these, those multiplied with the whole query
	Exact   int // of these, those whose own numbers were read
}

// query7 is a query in seven bits, and how far it is from itself.
type query7 struct {
	q     []uint64  // of each number: 0 … 127
	per   float64   // what one of them stands for
	bias  int64     // taken off for each: 64
	sum   int64     // of q
	fine  []float32 // step times the query's number: what a byte is multiplied with
	base  float64   // product of the query with low
	rest  float64   // length of what seven bits do not say, per length of a vector's bytes
	long  float64   // length of the query
	guard float64   // what adding in float32 can be wrong by, per length of a vector's bytes
}

// middle is the bias that makes seven bits a signed number.
const middle = 64

func (x *Index) ask(query []float32) *query7 {
	a := &query7{q: make([]uint64, x.dim), fine: make([]float32, x.dim), bias: middle}
	most, fineLong := 0.0, 0.0
	for j, v := range query {
		a.fine[j] = x.step[j] * v
		most = max(most, math.Abs(float64(a.fine[j])))
		fineLong += float64(a.fine[j]) * float64(a.fine[j])
		a.base += float64(v) * float64(x.low[j])
		a.long += float64(v) * float64(v)
	}
	a.long = math.Sqrt(a.long)
	a.per = max(most/(middle-1), 1e-30)
	rest := 0.0
	for j, f := range a.fine {
		c := math.Round(float64(f) / a.per)
		d := float64(f) - c*a.per
		rest += d * d
		a.q[j] = uint64(int64(c) + middle)
		a.sum += int64(c) + middle
	}
	a.rest = math.Sqrt(rest)
	// Higham, Accuracy and Stability, section 3.1: dim additions of float32.
	a.guard = math.Sqrt(fineLong) * float64(x.dim+8) * 0x1p-24
	return a
}

// Nearest finds the k vectors with the largest products with a query, the
// largest first, ties by row. exact gives the vectors the index was built from;
// it is asked for a few hundred rows, from several goroutines, and what it gives
// is read at once. It returns ErrDim, the first error of exact, and the cause of
// ctx.
func (x *Index) Nearest(ctx context.Context, query []float32, k int, exact func(row int, into []float32) error) ([]Hit, Stats, error) {
	var st Stats
	if len(query) != x.dim {
		return nil, st, fmt.Errorf("search: %d numbers against %d: %w", len(query), x.dim, ErrDim)
	}
	if k = min(k, x.n); k <= 0 {
		return nil, st, context.Cause(ctx)
	}
	a := x.ask(query)
	first := make([]float32, (x.n+lanes-1)/lanes*lanes)
	floor := &floors{k: k}
	err := inParts(ctx, len(first)/lanes, func(from, to int) { x.scan(a, from, to, k, first, floor) })
	if err != nil {
		return nil, st, err
	}
	st.Scanned = x.n
	rows := x.survivors(first, nil, a.rest, a.long, floor.least())
	st.Second = len(rows)
	second, floor2 := make([]float32, len(rows)), &floors{k: k}
	err = inParts(ctx, len(rows), func(from, to int) {
		best := newBest(k)
		for i := from; i < to; i++ {
			second[i] = x.refine(a, rows[i])
			best.add(rows[i], second[i]-x.bound(rows[i], a.guard, a.long))
		}
		floor2.join(best)
	})
	if err != nil {
		return nil, st, err
	}
	least := floor2.least()
	kept := rows[:0:0]
	for i, r := range rows {
		if second[i]+x.bound(r, a.guard, a.long) >= least {
			kept = append(kept, r)
		}
	}
	st.Exact = len(kept)
	hits, err := x.last(ctx, query, kept, k, exact)
	return hits, st, err
}

// bound is how far the product of a row can be from the truth.
func (x *Index) bound(row int, perByte, perOff float64) float32 {
	return upward(perByte*float64(x.long[row]) + perOff*float64(x.off[row]) + 1e-6)
}

// survivors are the rows that may still be among the best.
func (x *Index) survivors(product []float32, rows []int, perByte, perOff float64, least float32) []int {
	for i := range x.n {
		if product[i]+x.bound(i, perByte, perOff) >= least {
			rows = append(rows, i)
		}
	}
	return rows
}

// scan multiplies some blocks with seven bits of the query.
func (x *Index) scan(a *query7, from, to, k int, product []float32, floor *floors) {
	var acc [lanes]uint32
	best := newBest(k)
	for b := from; b < to; b++ {
		eight(x.blocks[b*x.dim:(b+1)*x.dim], a.q, &acc)
		for i := range lanes {
			row := b*lanes + i
			if row >= x.n {
				break
			}
			// Σ(u-128)(q-64) = Σuq - 64Σu - 128Σq + 128·64·dim
			whole := int64(acc[i]) - a.bias*int64(x.sum[row]) - 128*a.sum + 128*a.bias*int64(x.dim)
			p := float32(float64(whole)*a.per + a.base)
			product[row] = p
			best.add(row, p-x.bound(row, a.rest, a.long))
		}
	}
	floor.join(best)
}

const (
	evenBytes = 0x00ff00ff00ff00ff
	lowHalves = 0x0000ffff0000ffff
)

// eight multiplies eight vectors with a query of seven bits. A byte times seven
// bits is at most 32,385, so that two products fit into the sixteen bits between
// one byte and the next but one; then they go into thirty-two.
func eight(block, q []uint64, acc *[lanes]uint32) {
	var a0, a1, a2, a3 uint64 // vectors 0 4, 2 6, 1 5, 3 7
	n := len(block) &^ 3
	q = q[:len(block)]
	for d := 0; d < n; d += 4 {
		w, f := block[d:d+4:d+4], q[d:d+4:d+4]
		even := w[0]&evenBytes*f[0] + w[1]&evenBytes*f[1]
		odd := w[0]>>8&evenBytes*f[0] + w[1]>>8&evenBytes*f[1]
		a0 += even & lowHalves
		a1 += even >> 16 & lowHalves
		a2 += odd & lowHalves
		a3 += odd >> 16 & lowHalves
		even = w[2]&evenBytes*f[2] + w[3]&evenBytes*f[3]
		odd = w[2]>>8&evenBytes*f[2] + w[3]>>8&evenBytes*f[3]
		a0 += even & lowHalves
		a1 += even >> 16 & lowHalves
		a2 += odd & lowHalves
		a3 += odd >> 16 & lowHalves
	}
	for d := n; d < len(block); d++ {
		even, odd := block[d]&evenBytes*q[d], block[d]>>8&evenBytes*q[d]
		a0 += even & lowHalves
		a1 += even >> 16 & lowHalves
		a2 += odd & lowHalves
		a3 += odd >> 16 & lowHalves
	}
	*acc = [lanes]uint32{uint32(a0), uint32(a2), uint32(a1), uint32(a3), uint32(a0 >> 32), uint32(a2 >> 32), uint32(a1 >> 32), uint32(a3 >> 32)}
}

// refine multiplies one vector's bytes with the whole query.
func (x *Index) refine(a *query7, row int) float32 {
	block, shift := x.blocks[row/lanes*x.dim:(row/lanes+1)*x.dim], uint(row%lanes)*8
	fine := a.fine[:len(block)]
	var s0, s1, s2, s3 float32
	n := len(block) &^ 3
	at := func(w uint64) float32 { return float32(int32(w>>shift&0xff) - 128) }
	for d := 0; d < n; d += 4 {
		w, f := block[d:d+4:d+4], fine[d:d+4:d+4]
		s0 += float32(at(w[0]) * f[0])
		s1 += float32(at(w[1]) * f[1])
		s2 += float32(at(w[2]) * f[2])
		s3 += float32(at(w[3]) * f[3])
	}
	for d := n; d < len(block); d++ {
		s0 += float32(at(block[d]) * fine[d])
	}
	return float32(float64(s0+s1) + float64(s2+s3) + a.base)
}

// last reads the vectors that are left and multiplies them.
func (x *Index) last(ctx context.Context, query []float32, rows []int, k int, exact func(int, []float32) error) ([]Hit, error) {
	found := newBest(k)
	v := make([]float32, x.dim)
	for i, r := range rows {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := exact(r, v); err != nil {
			return nil, fmt.Errorf("search: vector %d: %w", r, err)
		}
		found.add(r, models.Dot(query, v))
	}
	return found.hits(), nil
}

// floors joins the best of several goroutines.
type floors struct {
	k    int
	mu   sync.Mutex // protects best
	best *best
}

func (f *floors) join(b *best) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.best == nil {
		f.best = newBest(f.k)
	}
	for _, h := range b.heap {
		f.best.add(h.Row, h.Similarity)
	}
}

// least is what a product must reach to be among the best.
func (f *floors) least() float32 {
	if f.best == nil || len(f.best.heap) < f.k {
		return float32(math.Inf(-1))
	}
	return f.best.heap[0].Similarity
}

// best keeps the k largest: a heap, the least on top.
type best struct {
	k    int
	heap []Hit
}

func newBest(k int) *best { return &best{k: max(0, k), heap: make([]Hit, 0, min(max(0, k), 1024))} }

// worse orders hits: the smaller product, and of equal ones the later row.
func worse(a, b Hit) bool {
	return a.Similarity < b.Similarity || a.Similarity == b.Similarity && a.Row > b.Row
}

func (b *best) add(row int, s float32) {
	h := Hit{row, s}
	if len(b.heap) == b.k {
		if b.k == 0 || !worse(b.heap[0], h) {
			return
		}
		b.heap[0] = h
		b.sink()
		return
	}
	b.heap = append(b.heap, h)
	for i := len(b.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !worse(b.heap[i], b.heap[up]) {
			return
		}
		b.heap[i], b.heap[up] = b.heap[up], b.heap[i]
		i = up
	}
}

func (b *best) sink() {
	for i := 0; ; {
		low := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(b.heap); c++ {
			if worse(b.heap[c], b.heap[low]) {
				low = c
			}
		}
		if low == i {
			return
		}
		b.heap[i], b.heap[low] = b.heap[low], b.heap[i]
		i = low
	}
}

// hits are what was kept, the largest first.
func (b *best) hits() []Hit {
	out := slices.Clone(b.heap)
	slices.SortFunc(out, func(a, b Hit) int {
		if a.Similarity != b.Similarity {
			return cmp.Compare(b.Similarity, a.Similarity)
		}
		return cmp.Compare(a.Row, b.Row)
	})
	return out
}
