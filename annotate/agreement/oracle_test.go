package agreement

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"coverslip/annotate"
)

// oracle is testdata/oracle.json, which testdata/oracle.py writes.
type oracle struct {
	Cohen []struct {
		A, B                    []int
		Classes                 int
		None, Linear, Quadratic []float64
	}
	Fleiss []struct {
		Counts           [][]int
		Fleiss, Randolph float64
	}
	Alpha []struct {
		Data                       [][]*float64
		Nominal, Ordinal, Interval float64
	}
	Assign []struct {
		Worth [][]float64
		Sum   float64
	}
	Masks []struct {
		W                                 int
		A, B                              string
		Dice, IoU, HD, HD95, Pooled, Mean float64
	}
	Staple []struct {
		W                        int
		Masks                    []string
		Sensitivity, Specificity []float64
		Sum, Squares             float64
	}
	Polygons []struct {
		P, Q                 [][2]float64
		IoU, Dice, Hausdorff float64
	}
	Quantile struct{ Values, Q, At []float64 }
}

func readOracle(t testing.TB) oracle {
	t.Helper()
	b, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestKappas_AsScikitLearnAndStatsmodels(t *testing.T) {
	o := readOracle(t)
	for _, c := range o.Cohen {
		table, err := Cross(c.A, c.B, c.Classes)
		if err != nil {
			t.Fatal(err)
		}
		for w, want := range map[Weight][]float64{Unweighted: c.None, Linear: c.Linear, Quadratic: c.Quadratic} {
			k, err := Cohen(table, w)
			if err != nil {
				t.Fatal(err)
			}
			near(t, w.String(), k.Value, want[0])
			near(t, w.String()+" error", k.SE, want[1])
			near(t, w.String()+" error of none", k.SE0, want[2])
		}
	}
	for _, c := range o.Fleiss {
		k, err := Fleiss(c.Counts)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "Fleiss", k, c.Fleiss)
		if k, err = Randolph(c.Counts); err != nil {
			t.Fatal(err)
		}
		near(t, "Randolph", k, c.Randolph)
	}
}

func numbers(rows [][]*float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		for _, v := range row {
			x := math.NaN()
			if v != nil {
				x = *v
			}
			out[i] = append(out[i], x)
		}
	}
	return out
}

func TestKrippendorff_AsThePackageOfThatName(t *testing.T) {
	for _, c := range readOracle(t).Alpha {
		for scale, want := range map[Scale]float64{Nominal: c.Nominal, Ordinal: c.Ordinal, Interval: c.Interval} {
			got, err := Krippendorff(numbers(c.Data), scale)
			if err != nil {
				t.Fatal(err)
			}
			near(t, scale.String(), got, want)
		}
	}
}

func TestMasks_AsScipyAndITK(t *testing.T) {
	o := readOracle(t)
	for _, c := range o.Masks {
		a, b := maskOf(c.W, c.A), maskOf(c.W, c.B)
		over, err := Overlapping(a, b)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Outlines(a, b, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "Dice", over.Dice(), c.Dice)
		near(t, "IoU", over.IoU(), c.IoU)
		near(t, "Hausdorff", d.Hausdorff, c.HD/2)
		near(t, "HD95", d.HD95, c.HD95/2)
		near(t, "pooled", d.Pooled95, c.Pooled/2)
		near(t, "mean", d.Mean, c.Mean/2)
	}
	for _, c := range o.Staple {
		var masks []Mask
		for _, m := range c.Masks {
			masks = append(masks, maskOf(c.W, m))
		}
		s, err := NewStaple(masks, StapleOptions{})
		if err != nil {
			t.Fatal(err)
		}
		total, squares := 0.0, 0.0
		for _, w := range s.Weight {
			total += w
			squares += w * w
		}
		near(t, "sum of weights", total, c.Sum)
		near(t, "sum of squared weights", squares, c.Squares)
		for r := range masks {
			near(t, "sensitivity", s.Sensitivity[r], c.Sensitivity[r])
			near(t, "specificity", s.Specificity[r], c.Specificity[r])
		}
	}
}

func TestAreas_AsShapely(t *testing.T) {
	o := readOracle(t)
	for _, c := range o.Polygons {
		var p, q annotate.Ring
		for _, xy := range c.P {
			p = append(p, annotate.Point{X: xy[0], Y: xy[1]})
		}
		for _, xy := range c.Q {
			q = append(q, annotate.Point{X: xy[0], Y: xy[1]})
		}
		over, err := Areas(area(p), area(q))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "IoU", over.IoU(), c.IoU)
		near(t, "Dice", over.Dice(), c.Dice)
		d, err := Borders(area(p), area(q), 0)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "Hausdorff", d.Hausdorff, c.Hausdorff)
	}
	slices.Sort(o.Quantile.Values)
	for i, q := range o.Quantile.Q {
		near(t, "quantile", Quantile(o.Quantile.Values, q), o.Quantile.At[i])
	}
}

func TestAssign_AsScipy(t *testing.T) {
	for _, c := range readOracle(t).Assign {
		got := 0.0
		used := map[int]bool{}
		for i, j := range assign(c.Worth) {
			if j < 0 {
				continue
			}
			if used[j] {
				t.Errorf("column %d is given twice", j)
			}
			used[j] = true
			got += c.Worth[i][j]
		}
		near(t, "sum", got, c.Sum)
	}
}

// Every order of columns is tried.
func TestAssign_BruteForce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rows, cols := 1+random.IntN(5), 1+random.IntN(5)
		worth := make([][]float64, rows)
		for i := range worth {
			worth[i] = make([]float64, cols)
			for j := range cols {
				if random.IntN(3) > 0 {
					worth[i][j] = random.Float64()
				}
			}
		}
		got := 0.0
		for i, j := range assign(worth) {
			if j >= 0 {
				got += worth[i][j]
			}
		}
		if want := tryAll(worth, 0, make([]bool, cols)); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v: %g, want %g", worth, got, want)
		}
	}
}

func tryAll(worth [][]float64, row int, used []bool) float64 {
	if row == len(worth) {
		return 0
	}
	most := tryAll(worth, row+1, used)
	for j := range used {
		if !used[j] {
			used[j] = true
			most = max(most, worth[row][j]+tryAll(worth, row+1, used))
			used[j] = false
		}
	}
	return most
}
