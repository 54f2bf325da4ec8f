package annotate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// nuclei is an index of n small objects on a slide of 106,632 × 85,608 pixels.
func nuclei(tb testing.TB, n int) *Index {
	tb.Helper()
	rng := rand.New(rand.NewPCG(5, 16))
	class := ClassID("Tumour")
	var b IndexBuilder
	b.Grow(n)
	for range n {
		x, y := rng.Float64()*106_632, rng.Float64()*85_608
		o := Brief{ID: NewID(), Kind: Annotation, Shape: KindPolygon, Class: class, Author: "a", Area: 300, Changed: time.Unix(1_700_000_000, 0),
			Box: Box{x, y, x + 10 + rng.Float64()*20, y + 10 + rng.Float64()*20}}
		if err := b.Add(&o, 1); err != nil {
			tb.Fatal(err)
		}
	}
	return b.Index(nil, 0)
}

func TestPacked_Search_AgainstAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 16))
	for round := range 40 {
		boxes := make([][4]float32, rng.IntN(3000))
		for i := range boxes {
			x, y := rng.Float32()*1000, rng.Float32()*1000
			boxes[i] = [4]float32{x, y, x + rng.Float32()*30, y + rng.Float32()*30}
			if round%4 == 0 && rng.IntN(20) == 0 { // of broken shapes
				boxes[i] = [4]float32{float32(math.NaN()), y, x, y}
			}
		}
		boxes = permuted(boxes, hilbertOrder(boxes))
		p := newPacked(boxes)
		for range 30 {
			x, y := rng.Float64()*1000, rng.Float64()*1000
			b := Box{x, y, x + rng.Float64()*600, y + rng.Float64()*600}
			q := outwards(b)
			var want, got []uint32
			for i := range boxes {
				if meets(&boxes[i], &q) {
					want = append(want, uint32(i))
				}
			}
			p.search(b, func(at uint32) bool { got = append(got, at); return true })
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Fatalf("%d boxes, %v: %d found, want %d", len(boxes), b, len(got), len(want))
			}
		}
	}
}

// BenchmarkSet_Briefs_1M: what lies in a view of 16,000² pixels of a million
// objects, some 28,000.
func BenchmarkSet_Briefs_1M(b *testing.B) {
	if testing.Short() {
		b.Skip("a million objects take a while")
	}
	s, rng, hits := NewIndexedSet(nuclei(b, 1_000_000)), rand.New(rand.NewPCG(7, 16)), 0
	b.ReportAllocs()
	for b.Loop() {
		x, y := rng.Float64()*90_632, rng.Float64()*69_608
		s.Briefs(Box{x, y, x + 16_000, y + 16_000}, func(*Brief) bool { hits++; return true })
	}
	b.ReportMetric(float64(hits)/float64(b.N), "hits/op")
}
