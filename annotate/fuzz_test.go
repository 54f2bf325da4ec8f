package annotate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// hostileRing is a ring of the kinds that break geometry: not numbers, huge,
// touching itself, on one line, folded, nearly coincident.
func hostileRing(rng *rand.Rand) Ring {
	n := 1 + rng.IntN(6) // most that goes wrong needs few points; a million of them have to be paid for
	if rng.IntN(8) == 0 {
		n = 1 + rng.IntN(24)
	}
	r := make(Ring, n)
	kind := rng.IntN(8)
	for i := range r {
		x, y := rng.Float64()*100, rng.Float64()*100
		switch kind {
		case 0: // few places: repeated, folded and touching
			x, y = float64(rng.IntN(4)), float64(rng.IntN(4))
		case 1: // on one line
			y = 2*x + 1
		case 2: // nearly on one line
			y = 2*x + 1 + rng.NormFloat64()*1e-13
		case 3: // nearly the same places
			x, y = math.Round(x/30)+rng.NormFloat64()*1e-12, math.Round(y/30)+rng.NormFloat64()*1e-12
		case 4: // as far out as may be
			x, y = x*2e5-1e7, 1e7-y*2e5
		case 5: // of every size
			x, y = math.Ldexp(rng.Float64()-0.5, rng.IntN(48)-24), math.Ldexp(rng.Float64()-0.5, rng.IntN(48)-24)
		}
		r[i] = Point{x, y}
	}
	if kind == 6 { // any bits at all
		for i := range r {
			if rng.IntN(3) == 0 {
				r[i].X = math.Float64frombits(rng.Uint64())
			}
			if rng.IntN(6) == 0 {
				r[i].Y = [...]float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e308, 5e-324, math.Copysign(0, -1)}[rng.IntN(6)]
			}
		}
	}
	return r
}

// torture runs every operation on two rings; what comes back is valid or an
// error of this room.
func torture(t *testing.T, a, b Ring, d float64) {
	t.Helper()
	known := func(what string, r ROI, err error) {
		t.Helper()
		if err == nil {
			err = r.Validate()
			if err == nil {
				return
			}
			t.Fatalf("%s of %v and %v, %g is not valid: %v", what, a, b, d, err)
		}
		if !errors.Is(err, ErrInvalidROI) && !errors.Is(err, ErrNoArea) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("%s of %v and %v: %v", what, a, b, err)
		}
	}
	p, q := Area(a), Area(b)
	both := ROI{Kind: KindPolygon, Polygons: []Polygon{{Outer: a, Holes: []Ring{b}}}}
	mended, _, err := both.Repaired()
	known("repair", mended, err)
	switch int(math.Abs(d)*1000) % 9 {
	case 0:
		r, err := Union(p, q)
		known("union", r, err)
	case 1:
		r, err := Intersection(p, q)
		known("intersection", r, err)
	case 2:
		r, err := Subtract(p, q)
		known("difference", r, err)
	case 3:
		r, err := Xor(p, q)
		known("xor", r, err)
	case 4:
		r, err := p.Buffered(d)
		known("buffer", r, err)
	case 5:
		pieces, err := p.Split(b)
		known("split", p, errors.Join(err, ErrNoArea))
		for _, r := range pieces {
			if err == nil && len(pieces) > 1 {
				known("piece", r, nil)
			}
		}
	case 6:
		r, err := p.Simplified(math.Abs(d))
		known("thin", r, err)
	case 7:
		width := math.Abs(d) + 0.01
		if box := p.Bounds(); math.Abs(d) < 40 { // else as fine as it may be, which costs the most
			width += 0.5 + max(0, min(1e7, box.MaxX-box.MinX, box.MaxY-box.MinY))/500
		}
		r, err := p.Smoothed(width)
		known("smooth", r, err)
	case 8:
		r, err := p.Hull()
		known("hull", r, err)
		r, err = both.FilledHoles(math.Inf(1))
		if both.Validate() == nil {
			known("fill", r, err)
		}
	}
	// Measures answer whatever they are given.
	p.Area()
	p.Perimeter()
	p.Centroid()
	both.Contains(Point{d, d})
	both.Distance(Point{d, d})
}

// TestOperations_HostileRings feeds random hostile rings to every operation;
// COVERSLIP_RINGS is how many (3000; the long run of docs/validation.md: a
// million).
func TestOperations_HostileRings(t *testing.T) {
	rings := 3000
	if s := os.Getenv("COVERSLIP_RINGS"); s != "" {
		var err error
		if rings, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(61)
	if n, err := strconv.ParseUint(os.Getenv("COVERSLIP_RINGS_SEED"), 10, 64); err == nil {
		seed = n // so that several processes share a long run
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	done := 0
	for ; done < rings; done += 2 {
		if done > 0 && done%50_000 == 0 { // a run of an hour shows that it goes on
			fmt.Fprintf(os.Stderr, "%d hostile rings\n", done)
		}
		torture(t, hostileRing(rng), hostileRing(rng), rng.NormFloat64()*20)
	}
	t.Logf("%d rings", done)
}

func FuzzOperations(f *testing.F) {
	rng := rand.New(rand.NewPCG(61, 2))
	for range 16 {
		f.Add(ringBytes(hostileRing(rng)), ringBytes(hostileRing(rng)), rng.NormFloat64()*20)
	}
	f.Fuzz(func(t *testing.T, a, b []byte, d float64) {
		if len(a) < 16 || len(b) < 16 || len(a) > 1600 || len(b) > 1600 || !finite(d) || math.Abs(d) > 1e4 {
			return
		}
		torture(t, bytesRing(a), bytesRing(b), d)
	})
}

func ringBytes(r Ring) (b []byte) {
	for _, p := range r {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.X))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Y))
	}
	return b
}

func bytesRing(b []byte) (r Ring) {
	for ; len(b) >= 16; b = b[16:] {
		r = append(r, Point{math.Float64frombits(binary.LittleEndian.Uint64(b)), math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))})
	}
	return r
}
