package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"coverslip/models"
)

// lanes is how many vectors one word multiplies.
const lanes = 8

// ErrDim: the query is of another length than the vectors.
var ErrDim = errors.New("the query has another length than the embeddings: another model made it")

// Index is embeddings in one byte a number. It is immutable once built, and safe
// for concurrent use; it keeps none of the vectors it was built from.
type Index struct {
	dim, n int
	low    []float32 // of each number: what byte 128 stands for
	step   []float32 // of each number: what one more stands for; > 0
	blocks []uint64  // dim words a block of eight vectors: byte i of word d is number d of vector i
	off    []float32 // of each vector: length of what rounding took
	long   []float32 // of each vector: length of its bytes less 128
	sum    []int32   // of each vector: sum of its bytes
}

// Rows gives the vectors an index is built of.
type Rows struct {
	N, Dim int
	Row    func(i int) []float32 // read at once, not kept
}

// Build makes an index. Vectors need not be of length one, but must be finite. It
// gives up with the cause of ctx.
func Build(ctx context.Context, r Rows) (*Index, error) {
	if r.N < 0 || r.Dim < 1 || r.Dim > 1<<16 {
		return nil, fmt.Errorf("search: %d vectors of %d numbers", r.N, r.Dim)
	}
	x := &Index{dim: r.Dim, n: r.N, low: make([]float32, r.Dim), step: make([]float32, r.Dim)}
	if err := x.measure(ctx, r); err != nil {
		return nil, err
	}
	count := (r.N + lanes - 1) / lanes
	x.blocks = make([]uint64, count*r.Dim)
	x.off, x.long, x.sum = make([]float32, r.N), make([]float32, r.N), make([]int32, r.N)
	err := inParts(ctx, count, func(from, to int) {
		for b := from; b < to; b++ {
			for i := b * lanes; i < min(r.N, (b+1)*lanes); i++ {
				x.put(i, r.Row(i))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// spread is how many standard deviations the bytes reach to each side; what lies
// beyond is cut off, and counts as taken by rounding.
const spread = 4.0

// measure finds what the bytes of each number stand for.
func (x *Index) measure(ctx context.Context, r Rows) error {
	sum, square := make([]float64, x.dim), make([]float64, x.dim)
	stride := max(1, r.N/20_000) // the mean of twenty thousand is known well enough
	n := 0
	for i := 0; i < r.N; i += stride {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		v := r.Row(i)
		if len(v) != x.dim {
			return fmt.Errorf("search: vector %d has %d numbers, not %d", i, len(v), x.dim)
		}
		for j, f := range v {
			sum[j] += float64(f)
			square[j] += float64(f) * float64(f)
		}
		n++
	}
	// One step for all numbers: the seven bits of a query are then spent evenly.
	widest := 0.0
	for j := range sum {
		mean := sum[j] / float64(max(n, 1))
		x.low[j] = float32(mean)
		widest += max(0, square[j]/float64(max(n, 1))-mean*mean) / float64(x.dim)
	}
	if math.IsNaN(widest) || math.IsInf(widest, 0) {
		return errors.New("search: a vector holds NaN or infinity")
	}
	for j := range x.step {
		own := math.Sqrt(max(0, square[j]/float64(max(n, 1))-float64(x.low[j])*float64(x.low[j])))
		x.step[j] = float32(max(spread*max(own, math.Sqrt(widest)/4)/127, 1e-12))
	}
	return nil
}

// put writes vector i into its block.
func (x *Index) put(i int, v []float32) {
	block, shift := x.blocks[i/lanes*x.dim:(i/lanes+1)*x.dim], uint(i%lanes)*8
	var off, long float64
	sum := int32(0)
	for j, f := range v {
		c := math.Round(float64((f - x.low[j]) / x.step[j]))
		if c != c { // it is looked at in every search, and found in none
			c = 0
		}
		c = max(-128, min(127, c))
		d := float64(f) - (float64(x.low[j]) + c*float64(x.step[j]))
		off += d * d
		long += c * c
		u := uint64(int(c) + 128)
		sum += int32(u)
		block[j] |= u << shift
	}
	if off != off {
		off = math.Inf(1)
	}
	x.off[i], x.long[i], x.sum[i] = upward(math.Sqrt(off)), upward(math.Sqrt(long)), sum
}

// upward rounds up: a bound must not be too small.
func upward(v float64) float32 { return math.Nextafter32(float32(v), float32(math.Inf(1))) }

// Len is the number of vectors.
func (x *Index) Len() int { return x.n }

// Dim is the length of the vectors.
func (x *Index) Dim() int { return x.dim }

// Bytes is the memory that the index takes.
func (x *Index) Bytes() int { return len(x.blocks)*8 + x.n*12 + x.dim*8 }

// inParts does f for 0 … n-1 in parts, on all cores.
func inParts(ctx context.Context, n int, f func(from, to int)) error {
	const part = 512
	var wg sync.WaitGroup
	next := make(chan int)
	for range max(1, min(runtime.GOMAXPROCS(0), (n+part-1)/part)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for from := range next {
				f(from, min(n, from+part))
			}
		}()
	}
	for from := 0; from < n && ctx.Err() == nil; from += part {
		next <- from
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// Hit is a vector that was found.
type Hit struct {
	Row        int
	Similarity float32 // product with the query, as models.Dot has it
}

// Brute multiplies a query with every vector: what Nearest answers, slowly.
func Brute(r Rows, query []float32, k int) []Hit {
	best := newBest(k)
	for i := range r.N {
		best.add(i, models.Dot(query, r.Row(i)))
	}
	return best.hits()
}
