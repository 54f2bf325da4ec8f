package agreement

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
)

// fixtures is the reference file of agreement figures, made with scikit-learn,
// statsmodels, R's psych, shapely, scipy and ITK.
type fixtures struct {
	Cohen struct {
		A, B        []int
		Table       [][]int
		Sklearn     map[string]float64
		Statsmodels map[string][]float64
	}
	Edge struct {
		Table    [][]int `json:"paradox_table"`
		Kappa    float64 `json:"paradox_kappa"`
		Observed float64 `json:"paradox_observed"`
	} `json:"cohen_edge"`
	Fleiss struct {
		Table           [][]int
		Kappa, Randolph float64
	}
	Fleiss2 struct {
		Ratings [][]int
		Kappa   float64
	}
	Krippendorff struct {
		Data                       [][]*float64
		Nominal, Ordinal, Interval float64
	}
	Polygons struct {
		Area      []float64
		IoU, Dice float64
		Hausdorff float64 `json:"hausdorff_vertices_geos_discrete"`
	} `json:"polygon_overlap"`
	Masks struct {
		Dice, IoU, HD, ASSD float64
		NA, NB              float64
		HD95                float64 `json:"hd95_max_of_directed"`
		Pooled              float64 `json:"hd95_pooled"`
	} `json:"mask_overlap"`
	Staple struct {
		Masks []string
		W, H  int
		Prior float64
		ITK   struct {
			Sens, Spec []float64
			Iters      int
			W          string `json:"W_gt_0.5"`
		}
		EM       struct{ Sens, Spec []float64 } `json:"em_converged"`
		Majority string
	}
}

// testdata is the folder of real files; empty when it is not there.
func testdata(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("COVERSLIP_TESTDATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real files: %v", err)
	}
	return dir
}

func readFixtures(t testing.TB) fixtures {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testdata(t), "annotations", "agreement", "fixtures.json"))
	if err != nil {
		t.Skipf("no fixtures of agreement: %v", err)
	}
	var f fixtures
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// near fails unless got is within 1e-9 of want.
func near(t testing.TB, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("%s is %.15g, want %.15g", what, got, want)
	}
}

func TestCohen_Fixtures(t *testing.T) {
	f := readFixtures(t)
	table, err := Cross(f.Cohen.A, f.Cohen.B, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range f.Cohen.Table {
		for j, n := range row {
			if table[i][j] != n {
				t.Fatalf("table is %v, want %v", table, f.Cohen.Table)
			}
		}
	}
	for _, w := range []Weight{Unweighted, Linear, Quadratic} {
		k, err := Cohen(table, w)
		if err != nil {
			t.Fatal(err)
		}
		near(t, w.String(), k.Value, f.Cohen.Sklearn[w.String()])
		near(t, w.String()+" standard error", k.SE, f.Cohen.Statsmodels[w.String()][1])
		if w == Unweighted {
			want := f.Cohen.Statsmodels["none"]
			low, high := k.Normal(0.95)
			near(t, "standard error of no agreement", k.SE0, want[2])
			near(t, "low", low, want[3])
			near(t, "high", high, want[4])
		}
	}
	k, err := Cohen(f.Edge.Table, Unweighted)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "paradox", k.Value, f.Edge.Kappa)
	near(t, "paradox observed", k.Observed, f.Edge.Observed)
}

func TestFleiss_Fixtures(t *testing.T) {
	f := readFixtures(t)
	k, err := Fleiss(f.Fleiss.Table)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Fleiss", k, f.Fleiss.Kappa)
	k, err = Randolph(f.Fleiss.Table)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Randolph", k, f.Fleiss.Randolph)
	counts, err := Counts(f.Fleiss2.Ratings, 4)
	if err != nil {
		t.Fatal(err)
	}
	if k, err = Fleiss(counts); err != nil {
		t.Fatal(err)
	}
	near(t, "Fleiss of ratings", k, f.Fleiss2.Kappa)
}

func TestKrippendorff_Fixtures(t *testing.T) {
	f := readFixtures(t)
	data := make([][]float64, len(f.Krippendorff.Data))
	for i, row := range f.Krippendorff.Data {
		for _, v := range row {
			x := math.NaN()
			if v != nil {
				x = *v
			}
			data[i] = append(data[i], x)
		}
	}
	for scale, want := range map[Scale]float64{Nominal: f.Krippendorff.Nominal, Ordinal: f.Krippendorff.Ordinal, Interval: f.Krippendorff.Interval} {
		got, err := Krippendorff(data, scale)
		if err != nil {
			t.Fatal(err)
		}
		near(t, scale.String(), got, want)
	}
}

func ring(xy ...float64) annotate.Ring {
	var r annotate.Ring
	for i := 0; i < len(xy); i += 2 {
		r = append(r, annotate.Point{X: xy[i], Y: xy[i+1]})
	}
	return r
}

func area(outer annotate.Ring, holes ...annotate.Ring) annotate.ROI {
	return annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{{Outer: outer, Holes: holes}}}
}

func TestAreas_Fixtures(t *testing.T) {
	f := readFixtures(t)
	p := area(ring(10, 10, 90, 12, 85, 80, 40, 95, 8, 60), ring(30, 30, 50, 30, 50, 50, 30, 50))
	q := area(ring(40, 95, 70, 85, 70, 11.5, 20, 10.25, 20, 5, 5, 5, 5, 20, 9.6, 20, 8, 60), ring(50, 50, 30, 50, 30, 30, 50, 30))
	o, err := Areas(p, q)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "area of P", o.First, f.Polygons.Area[0])
	near(t, "area of Q", o.Second, f.Polygons.Area[1])
	near(t, "IoU", o.IoU(), f.Polygons.IoU)
	near(t, "Dice", o.Dice(), f.Polygons.Dice)
	d, err := Borders(p, q, 1000)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Hausdorff of vertices", d.Hausdorff, f.Polygons.Hausdorff)
}

func disc(x, y, r2 int) Mask {
	m := Mask{64, 64, make([]bool, 64*64)}
	for i := range m.On {
		dx, dy := i%64-x, i/64-y
		m.On[i] = dx*dx+dy*dy < r2
	}
	return m
}

func TestOutlines_Fixtures(t *testing.T) {
	f := readFixtures(t)
	a, b := disc(30, 30, 400), disc(34, 29, 361)
	o, err := Overlapping(a, b)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "pixels of A", o.First, f.Masks.NA)
	near(t, "pixels of B", o.Second, f.Masks.NB)
	near(t, "Dice", o.Dice(), f.Masks.Dice)
	near(t, "IoU", o.IoU(), f.Masks.IoU)
	d, err := Outlines(a, b, 1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Hausdorff", d.Hausdorff, f.Masks.HD)
	near(t, "HD95", d.HD95, f.Masks.HD95)
	near(t, "pooled HD95", d.Pooled95, f.Masks.Pooled)
	near(t, "mean", d.Mean, f.Masks.ASSD)
}

func maskOf(w int, bits string) Mask {
	m := Mask{W: w, H: len(bits) / w, On: make([]bool, len(bits))}
	for i, c := range bits {
		m.On[i] = c == '1'
	}
	return m
}

func (m Mask) text() string {
	var b strings.Builder
	for _, on := range m.On {
		if on {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	}
	return b.String()
}

func TestStaple_Fixtures(t *testing.T) {
	f := readFixtures(t)
	var masks []Mask
	for _, m := range f.Staple.Masks {
		masks = append(masks, maskOf(f.Staple.W, m))
	}
	s, err := NewStaple(masks, StapleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "prior", s.Prior, f.Staple.Prior)
	if s.Rounds-1 != f.Staple.ITK.Iters { // ITK counts from 0
		t.Errorf("%d rounds, ITK took %d", s.Rounds, f.Staple.ITK.Iters)
	}
	for r := range masks {
		near(t, "sensitivity as ITK", s.Sensitivity[r], f.Staple.ITK.Sens[r])
		near(t, "specificity as ITK", s.Specificity[r], f.Staple.ITK.Spec[r])
	}
	if s.Mask(f.Staple.W).text() != f.Staple.ITK.W {
		t.Error("the area is not that of ITK")
	}
	s, err = NewStaple(masks, StapleOptions{Tolerance: 1e-30})
	if err != nil {
		t.Fatal(err)
	}
	for r := range masks {
		near(t, "sensitivity converged", s.Sensitivity[r], f.Staple.EM.Sens[r])
		near(t, "specificity converged", s.Specificity[r], f.Staple.EM.Spec[r])
	}
	m, err := Majority(masks, 0)
	if err != nil {
		t.Fatal(err)
	}
	if m.text() != f.Staple.Majority {
		t.Error("the vote is not that of the fixture")
	}
}
