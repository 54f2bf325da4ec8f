package search

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"coverslip/models"
)

// cloud is vectors of length one. As embeddings of one network do they share a
// direction, lie in heaps, and have numbers of very different spread.
func cloud(seed uint64, n, dim, heaps int, tight float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 5))
	centres := make([]float32, heaps*dim)
	for i := range centres {
		centres[i] = float32(r.NormFloat64()/(1+float64(i%dim)/64) + 1)
	}
	out := make([]float32, n*dim)
	for i := range n {
		v := out[i*dim : (i+1)*dim]
		c := centres[i%heaps*dim:]
		for j := range v {
			v[j] = c[j] + float32(r.NormFloat64()*tight)
		}
		models.Normalise(v)
	}
	return out
}

func rowsOf(data []float32, dim int) (Rows, func(int, []float32) error) {
	row := func(i int) []float32 { return data[i*dim : (i+1)*dim] }
	return Rows{N: len(data) / dim, Dim: dim, Row: row}, func(i int, into []float32) error { copy(into, row(i)); return nil }
}

// The answer is that of multiplying with everything, whatever the vectors look
// like: row by row, product by product.
func TestIndex_Nearest_EqualsBrute(t *testing.T) {
	for name, c := range map[string]struct {
		n, dim, heaps int
		tight         float64
	}{
		"spread":       {5000, 96, 5000, 1},
		"heaps":        {5003, 384, 12, 0.3},
		"near copies":  {3000, 50, 3, 1e-4},
		"all the same": {100, 31, 1, 0},
		"fewer than k": {7, 5, 7, 1},
		"one":          {1, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			data := cloud(3, c.n, c.dim, c.heaps, c.tight)
			rows, exact := rowsOf(data, c.dim)
			x, err := Build(context.Background(), rows)
			if err != nil {
				t.Fatal(err)
			}
			queries := cloud(4, 12, c.dim, 4, 1)
			queries = append(queries, data[:min(len(data), 8*c.dim)]...)
			queries = append(queries, make([]float32, c.dim)...) // the zero vector: all are equal
			for i := 0; i < len(queries); i += c.dim {
				q := queries[i : i+c.dim]
				want := Brute(rows, q, 20)
				got, st, err := x.Nearest(context.Background(), q, 20, exact)
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("query %d: %v, not %v (%v)", i/c.dim, got, want, err)
				}
				if st.Scanned != c.n || st.Second > c.n || st.Exact > st.Second {
					t.Fatalf("%+v", st)
				}
			}
		})
	}
}

// Vectors with numbers far outside what bytes reach are found all the same.
func TestIndex_Nearest_Outliers(t *testing.T) {
	const n, dim = 2000, 64
	data := cloud(9, n, dim, 40, 0.5)
	for i := 0; i < n; i += 50 {
		clear(data[i*dim : (i+1)*dim])
		data[i*dim+i%dim] = 1
	}
	rows, exact := rowsOf(data, dim)
	x, err := Build(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; i += 50 {
		q := data[i*dim : (i+1)*dim]
		got, _, err := x.Nearest(context.Background(), q, 5, exact)
		if err != nil || !slices.Equal(got, Brute(rows, q, 5)) {
			t.Fatalf("row %d: %v %v", i, got, err)
		}
	}
}

// The bounds hold for every vector and every query: nothing is dropped by luck.
func TestIndex_BoundsHold(t *testing.T) {
	const n, dim = 1500, 100
	data := cloud(5, n, dim, 9, 0.7)
	rows, _ := rowsOf(data, dim)
	x, err := Build(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	queries := cloud(6, 10, dim, 10, 1)
	for i := range 10 {
		q := queries[i*dim : (i+1)*dim]
		a := x.ask(q)
		first := make([]float32, n+lanes)
		x.scan(a, 0, (n+lanes-1)/lanes, 1, first, &floors{k: 1})
		for r := range n {
			truth := 0.0
			for j, v := range q {
				truth += float64(v) * float64(data[r*dim+j])
			}
			if d := math.Abs(float64(first[r]) - truth); d > float64(x.bound(r, a.rest, a.long)) {
				t.Fatalf("query %d, row %d: seven bits are off by %g, the bound says %g", i, r, d, x.bound(r, a.rest, a.long))
			}
			if d := math.Abs(float64(x.refine(a, r)) - truth); d > float64(x.bound(r, a.guard, a.long)) {
				t.Fatalf("query %d, row %d: bytes are off by %g, the bound says %g", i, r, d, x.bound(r, a.guard, a.long))
			}
		}
	}
}

func TestIndex_Nearest_Refuses(t *testing.T) {
	data := cloud(1, 10, 8, 2, 1)
	rows, exact := rowsOf(data, 8)
	x, err := Build(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Nearest(context.Background(), make([]float32, 9), 3, exact); !errors.Is(err, ErrDim) {
		t.Errorf("another length: %v", err)
	}
	gone := errors.New("gone")
	if _, _, err := x.Nearest(context.Background(), data[:8], 3, func(int, []float32) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("a vector that cannot be read: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	if _, _, err := x.Nearest(ctx, data[:8], 3, exact); !errors.Is(err, gone) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Build(ctx, rows); !errors.Is(err, gone) {
		t.Errorf("building, cancelled: %v", err)
	}
	if hits, _, err := x.Nearest(context.Background(), data[:8], 0, exact); err != nil || len(hits) != 0 {
		t.Errorf("none asked for: %v %v", hits, err)
	}
	if _, err := Build(context.Background(), Rows{N: 1}); err == nil {
		t.Error("vectors of no numbers were taken")
	}
	data[3] = float32(math.NaN())
	if _, err := Build(context.Background(), rows); err == nil {
		t.Error("NaN was taken")
	}
	empty, err := Build(context.Background(), Rows{Dim: 3})
	if err != nil || empty.Len() != 0 {
		t.Fatal(err)
	}
	if hits, _, err := empty.Nearest(context.Background(), make([]float32, 3), 5, exact); err != nil || hits != nil {
		t.Errorf("nothing to find: %v %v", hits, err)
	}
}

// BenchmarkNearest is the search of the design: COVERSLIP_SEARCH_N vectors (a
// hundred thousand when it is not set) of 768 numbers, the twenty nearest.
func BenchmarkNearest(b *testing.B) {
	n, dim := benchSize(), 768
	data := cloud(1, n, dim, max(64, n/200), 0.6)
	rows, exact := rowsOf(data, dim)
	x, err := Build(context.Background(), rows)
	if err != nil {
		b.Fatal(err)
	}
	queries := cloud(2, 8, dim, 8, 1)
	copy(queries[:4*dim], data[:4*dim])
	hit, all := 0, 0
	for i := range 8 {
		q := queries[i*dim : (i+1)*dim]
		got, st, err := x.Nearest(context.Background(), q, 20, exact)
		if err != nil {
			b.Fatal(err)
		}
		want := Brute(rows, q, 20)
		for _, h := range want {
			all++
			if slices.Contains(got, h) {
				hit++
			}
		}
		b.Logf("%d × %d: %d looked at again, %d exactly", n, dim, st.Second, st.Exact)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		q := queries[i%8*dim : (i%8+1)*dim]
		i++
		if _, _, err := x.Nearest(context.Background(), q, 20, exact); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(hit)/float64(all), "recall@20")
	b.ReportMetric(float64(x.Bytes())/1e6, "MB")
}

// A damaged vector among very many does not hide the others.
func TestIndex_Nearest_NaNAmongMany(t *testing.T) {
	const n, dim = 41_000, 4
	data := cloud(1, n, dim, 9, 1)
	data[5*dim+1] = float32(math.NaN()) // not among those that are measured
	rows, exact := rowsOf(data, dim)
	x, err := Build(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	q := data[9*dim : 10*dim]
	got, _, err := x.Nearest(context.Background(), q, 3, exact)
	if err != nil || len(got) != 3 || got[0].Row != 9 {
		t.Errorf("%v %v", got, err)
	}
}
