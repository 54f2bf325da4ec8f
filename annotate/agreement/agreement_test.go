package agreement

import (
	"errors"
	"math"
	"slices"
	"testing"

	"coverslip/annotate"
)

func TestKappa_OneClassAlone_IsNotDefined(t *testing.T) {
	k, err := Cohen([][]int{{7, 0}, {0, 0}}, Unweighted)
	if err != nil {
		t.Fatal(err)
	}
	if Defined(k.Value) || k.Observed != 1 || k.Expected != 1 {
		t.Errorf("κ %g, observed %g, expected %g; want none, 1, 1", k.Value, k.Observed, k.Expected)
	}
	f, err := Fleiss([][]int{{3, 0}, {3, 0}})
	if err != nil || Defined(f) {
		t.Errorf("Fleiss %g, %v; want none", f, err)
	}
	a, err := Krippendorff([][]float64{{2, 2}, {2, 2}}, Nominal)
	if err != nil || Defined(a) {
		t.Errorf("α %g, %v; want none", a, err)
	}
}

func TestInputs_ThatDoNotFit_AreRefused(t *testing.T) {
	_, e1 := Cohen([][]int{{1, 2}, {3}}, Linear)
	_, e2 := Cohen([][]int{{1, -2}, {3, 1}}, Linear)
	_, e3 := Cross([]int{1}, []int{1, 2}, 3)
	_, e4 := Cross([]int{3}, []int{1}, 3)
	_, e5 := Fleiss([][]int{{2, 1}, {1, 1}})
	_, e6 := Fleiss([][]int{{1, 0}})
	_, e7 := Krippendorff([][]float64{{1, 2}, {1}}, Nominal)
	_, e8 := Krippendorff([][]float64{{math.Inf(1), 2}}, Nominal)
	_, e9 := Overlapping(Mask{W: 2, H: 1, On: make([]bool, 2)}, Mask{W: 1, H: 2, On: make([]bool, 2)})
	_, e10 := NewStaple(nil, StapleOptions{})
	_, e11 := MatchPoints(nil, nil, 0)
	_, e12 := Counts([][]int{{2}}, 2)
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12} {
		if !errors.Is(err, ErrShape) {
			t.Errorf("input %d: %v, want ErrShape", i+1, err)
		}
	}
	if _, err := NewMask(1<<20, 1<<20); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v, want ErrTooMany", err)
	}
}

func TestMissingRatings_DoNotCount(t *testing.T) {
	table, err := Cross([]int{0, 1, -1, 1}, []int{0, -1, 1, 1}, 2)
	if err != nil || table[0][0] != 1 || table[1][1] != 1 || table[0][1]+table[1][0] != 0 {
		t.Errorf("%v, %v", table, err)
	}
}

func TestEmptyMasks(t *testing.T) {
	empty, some := Mask{4, 1, make([]bool, 4)}, Mask{4, 1, []bool{false, true, true, false}}
	both, err := Overlapping(empty, empty)
	if err != nil || both.Dice() != 1 || both.IoU() != 1 {
		t.Errorf("two empty masks: Dice %g, IoU %g, %v; want 1, 1", both.Dice(), both.IoU(), err)
	}
	one, err := Overlapping(empty, some)
	if err != nil || one.Dice() != 0 || one.IoU() != 0 {
		t.Errorf("one empty mask: Dice %g, IoU %g, %v; want 0, 0", one.Dice(), one.IoU(), err)
	}
	d, err := Outlines(empty, some, 1)
	if err != nil || Defined(d.Hausdorff) || Defined(d.HD95) || Defined(d.Mean) {
		t.Errorf("distances to nothing: %+v, %v", d, err)
	}
}

func square(x, y, side float64) annotate.ROI { return annotate.Rectangle(x, y, x+side, y+side) }

func TestMatchAreas(t *testing.T) {
	first := []annotate.ROI{square(0, 0, 10), square(100, 0, 10), square(200, 0, 10)}
	second := []annotate.ROI{square(201, 0, 10), square(0, 2, 10), square(300, 0, 10), square(105, 5, 10)}
	m, err := MatchAreas(first, second, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	want := []Pair{{0, 1, 80.0 / 120}, {2, 0, 90.0 / 110}}
	if len(m.Pairs) != 2 || m.Pairs[0].Second != 1 || m.Pairs[1].Second != 0 {
		t.Fatalf("%+v, want %+v", m.Pairs, want)
	}
	near(t, "IoU", m.Pairs[0].Worth, want[0].Worth)
	near(t, "F1", m.F1(), 4.0/7)
	near(t, "SQ", m.SQ(), (80.0/120+90.0/110)/2)
	near(t, "PQ", m.PQ(), (80.0/120+90.0/110)/7*2)
	none := Matching{First: 2, Second: 1}
	near(t, "F1 without pairs", none.F1(), 0)
	near(t, "PQ without pairs", none.PQ(), 0)
	if Defined(Matching{}.F1()) || Defined(Matching{}.PQ()) {
		t.Error("two readers without objects agree on nothing that has a figure")
	}
}

// The nearest pair is not always the right one: more pairs are better.
func TestMatchPoints_MostPairs(t *testing.T) {
	m, err := MatchPoints([]annotate.Point{{X: 0}, {X: 5}}, []annotate.Point{{X: 4}, {X: 9}}, 6)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Pairs) != 2 || m.Pairs[0].Second != 0 || m.Pairs[1].Second != 1 {
		t.Errorf("%+v", m.Pairs)
	}
	if m, err = MatchPoints([]annotate.Point{{X: 0}}, []annotate.Point{{X: 6.01}}, 6); err != nil || len(m.Pairs) != 0 {
		t.Errorf("%+v, %v", m.Pairs, err)
	}
}

func TestMajorityArea(t *testing.T) {
	got, err := MajorityArea([]annotate.ROI{square(0, 0, 10), square(5, 0, 10), square(0, 5, 10)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "area of two of three", got.Area(), 75)
	if _, err := MajorityArea([]annotate.ROI{square(0, 0, 1), square(5, 0, 1), square(9, 0, 1)}, 0); !errors.Is(err, annotate.ErrNoArea) {
		t.Errorf("%v, want ErrNoArea", err)
	}
	one, err := MajorityArea([]annotate.ROI{square(0, 0, 1), square(5, 0, 1)}, 1)
	if err != nil || one.Area() != 2 {
		t.Errorf("area of one of two %g, %v; want 2", one.Area(), err)
	}
}

func TestVote(t *testing.T) {
	for _, c := range []struct {
		codes []int
		want  int
	}{{[]int{1, 2, 1}, 1}, {[]int{1, 2}, -1}, {[]int{-1, 2, -1}, 2}, {nil, -1}, {[]int{1, 1, 2, 2, 3}, -1}} {
		if got := Vote(c.codes); got != c.want {
			t.Errorf("%v: %d, want %d", c.codes, got, c.want)
		}
	}
}

// With two groups of values 0 and 1 a draw has the mean 0, 1/2 or 1 with the
// probabilities 1/4, 1/2 and 1/4, so the interval is all of it.
func TestBootstrap(t *testing.T) {
	mean := func(times []int) float64 { return float64(times[1]) / float64(times[0]+times[1]) }
	e := Bootstrap(2, mean, Resampling{Seed: 3})
	if e.Value != 0.5 || e.Low != 0 || e.High != 1 || e.Groups != 2 || e.Resamples != 2000 || e.Undefined != 0 {
		t.Errorf("%+v", e)
	}
	if again := Bootstrap(2, mean, Resampling{Seed: 3}); again != e {
		t.Errorf("the same seed gives %+v and %+v", e, again)
	}
	if one := Bootstrap(1, func([]int) float64 { return 1 }, Resampling{}); one.Value != 1 || Defined(one.Low) {
		t.Errorf("one patient has an interval: %+v", one)
	}
	if none := Bootstrap(2, func(times []int) float64 {
		if times[0] == 0 || times[1] == 0 {
			return math.NaN()
		}
		return 1
	}, Resampling{}); Defined(none.Low) || none.Undefined < 200 {
		t.Errorf("half of the draws have no figure, and yet: %+v", none)
	}
}

// The interval of a mean of many groups is that of the normal distribution.
func TestBootstrap_AsTheNormalInterval(t *testing.T) {
	values := make([]float64, 400)
	for i := range values {
		values[i] = math.Sin(float64(i) * 1.7)
	}
	mean := func(times []int) float64 {
		s, n := 0.0, 0
		for i, k := range times {
			s += float64(k) * values[i]
			n += k
		}
		return s / float64(n)
	}
	e := Bootstrap(len(values), mean, Resampling{Resamples: 20000, Seed: 1})
	variance := 0.0
	for _, v := range values {
		variance += (v - e.Value) * (v - e.Value) / float64(len(values))
	}
	half := 1.959963985 * math.Sqrt(variance/float64(len(values)))
	if math.Abs(e.Low-(e.Value-half)) > half/20 || math.Abs(e.High-(e.Value+half)) > half/20 {
		t.Errorf("%+v, want ± %g", e, half)
	}
}

func TestSquaredDistances_BruteForce(t *testing.T) {
	m := disc(20, 40, 90).border()
	m.On[5], m.On[64*63+60] = true, true
	got := squaredDistances(m)
	for i := range got {
		want := math.Inf(1)
		for k, on := range m.On {
			if dx, dy := float64(i%64-k%64), float64(i/64-k/64); on {
				want = min(want, dx*dx+dy*dy)
			}
		}
		if got[i] != want {
			t.Fatalf("pixel %d: %g, want %g", i, got[i], want)
		}
	}
}

func TestBorders_SmallStep_NearsTheTruth(t *testing.T) {
	a, b := square(0, 0, 100), square(0, 0, 100)
	b.Polygons[0].Outer = slices.Insert(slices.Clone(b.Polygons[0].Outer), 1, annotate.Point{X: 50, Y: -7})
	b.Kind = annotate.KindPolygon
	d, err := Borders(a, b, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Hausdorff", d.Hausdorff, 7)
	if d.HD95 <= 0 || d.HD95 >= 7 || d.Mean <= 0 {
		t.Errorf("%+v", d)
	}
	if _, err := Borders(a, b, 1e-9); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v, want ErrTooMany", err)
	}
}

func BenchmarkMatchAreas_2000(b *testing.B) {
	var first, second []annotate.ROI
	for i := range 2000 {
		x, y := float64(i%50)*20, float64(i/50)*20
		first, second = append(first, square(x, y, 10)), append(second, square(x+2, y+1, 10))
	}
	b.ReportAllocs()
	for b.Loop() {
		if m, err := MatchAreas(first, second, 0.5); err != nil || len(m.Pairs) != 2000 {
			b.Fatal(len(m.Pairs), err)
		}
	}
}

func BenchmarkNewStaple_512x512(b *testing.B) {
	var masks []Mask
	for r := range 5 {
		m, _ := NewMask(512, 512)
		for i := range m.On {
			dx, dy := i%512-256-3*r, i/512-256+2*r
			m.On[i] = dx*dx+dy*dy < 150*150
		}
		masks = append(masks, m)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewStaple(masks, StapleOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
