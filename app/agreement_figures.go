package app

import (
	"context"
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"coverslip/annotate/agreement"
)

// figures makes the figures of all pairs, and of all readers together.
func (c *comparison) figures(ctx context.Context) {
	for i := range c.o.Readers {
		for j := i + 1; j < len(c.o.Readers); j++ {
			if ctx.Err() != nil {
				return
			}
			c.pairFigures(i, j)
		}
	}
	if len(c.o.Readers) > 1 {
		c.togetherFigures(ctx)
	}
}

// pairFigures are those of two readers.
func (c *comparison) pairFigures(i, j int) {
	p := PairAgreement{First: c.o.Readers[i], Second: c.o.Readers[j], Classes: c.names, Cells: c.table(), Objects: c.table()}
	var of []*pairCounts
	var patient []int
	classes := map[int]bool{}
	for _, sl := range c.slides {
		counts := sl.pairs[[2]int{i, j}]
		if counts == nil {
			continue
		}
		p.Slides++
		of, patient = append(of, counts), append(patient, sl.patient)
		addTable(p.Cells, counts.cells, 1)
		addTable(p.Objects, counts.objects, 1)
		for k := range counts.areas {
			classes[k] = true
		}
	}
	if p.Slides == 0 {
		return
	}
	var used []int
	for k := range c.names {
		if classes[k] {
			used = append(used, k)
		}
	}
	for _, name := range []string{"Cohen κ of squares", "observed agreement of squares", "Cohen κ of squares, linear weights", "Cohen κ of squares, quadratic weights",
		"object F1", "object PQ", "Cohen κ of matched objects"} {
		p.Figures = append(p.Figures, Figure{Name: name})
	}
	for _, k := range used {
		for _, name := range []string{"Dice", "IoU", "Hausdorff µm", "HD95 µm"} {
			p.Figures = append(p.Figures, Figure{Name: name, Class: c.names[k]})
		}
	}
	stat := func(times []int, out []float64) { copy(out, c.pairValues(of, patient, used, times)) }
	for n, e := range agreement.BootstrapAll(c.report.Patients, len(p.Figures), stat, agreement.Resampling{Resamples: c.o.Resamples, Seed: c.o.Seed}) {
		p.Figures[n].Estimate = e
	}
	c.report.Pairs = append(c.report.Pairs, p)
}

func addTable(to, from [][]int, times int) {
	for i := range from {
		for j, n := range from[i] {
			to[i][j] += times * n
		}
	}
}

// pairValues are the figures of two readers in the order of pairFigures, each
// slide as often as its patient.
func (c *comparison) pairValues(of []*pairCounts, patient, used []int, times []int) []float64 {
	cells, objects := c.table(), c.table()
	first, second, pairs, worth := 0, 0, 0, 0.0
	for n, counts := range of {
		w := times[patient[n]]
		if w == 0 {
			continue
		}
		addTable(cells, counts.cells, w)
		addTable(objects, counts.objects, w)
		first += w * counts.match.First
		second += w * counts.match.Second
		pairs += w * len(counts.match.Pairs)
		for _, m := range counts.match.Pairs {
			worth += float64(w) * m.Worth
		}
	}
	plain, _ := agreement.Cohen(cells, agreement.Unweighted) // a table of our own is square
	inner := make([][]int, len(cells)-1)                     // grades have an order, nothing has none
	for i := range inner {
		inner[i] = cells[i+1][1:]
	}
	linear, _ := agreement.Cohen(inner, agreement.Linear)
	quadratic, _ := agreement.Cohen(inner, agreement.Quadratic)
	matched, _ := agreement.Cohen(objects, agreement.Unweighted)
	f1 := 2 * float64(pairs) / float64(first+second)
	pq := 2 * worth / float64(first+second) // SQ·RQ, where SQ = worth/pairs
	out := []float64{plain.Value, plain.Observed, linear.Value, quadratic.Value, f1, pq, matched.Value}
	for _, k := range used {
		var sum agreement.Overlap
		hd, hd95, n := 0.0, 0.0, 0.0
		for i, counts := range of {
			w := float64(times[patient[i]])
			o := counts.areas[k]
			sum.First, sum.Second, sum.Both = sum.First+w*o.First, sum.Second+w*o.Second, sum.Both+w*o.Both
			if d, ok := counts.apart[k]; ok && w > 0 {
				hd, hd95, n = hd+w*d.Hausdorff, hd95+w*d.HD95, n+w
			}
		}
		dice, iou := sum.Dice(), sum.IoU()
		if sum.First+sum.Second == 0 {
			dice, iou = math.NaN(), math.NaN() // the drawn patients have nothing of the class
		}
		out = append(out, dice, iou, hd/n, hd95/n)
	}
	return out
}

// togetherFigures are Fleiss over the squares that all readers read, and
// Krippendorff over all squares.
func (c *comparison) togetherFigures(ctx context.Context) {
	values := make([]float64, len(c.names))
	for i := range values {
		values[i] = float64(i)
	}
	byPatient := make([]*agreement.Coincidences, c.report.Patients)
	for i := range byPatient {
		byPatient[i] = agreement.NewCoincidences(values)
	}
	var counts [][]int
	var of []int
	var squares []float64
	for _, sl := range c.slides {
		for key, n := range sl.grid {
			unit, given, all := make([]float64, len(key)), make([]int, len(c.names)), true
			for r := range key {
				if key[r] == unread {
					unit[r], all = math.NaN(), false
					continue
				}
				unit[r] = float64(key[r])
				given[key[r]]++
			}
			byPatient[sl.patient].Add(unit, float64(n))
			if all {
				counts, of, squares = append(counts, given), append(of, sl.patient), append(squares, float64(n))
			}
		}
	}
	c.report.Together = []Figure{{Name: "Fleiss κ of squares"}, {Name: "Krippendorff α of squares, nominal"}, {Name: "Krippendorff α of squares, ordinal"}}
	weights := make([]float64, len(of))
	stat := func(times []int, out []float64) {
		out[0] = math.NaN()
		if ctx.Err() != nil {
			return // the answer is thrown away
		}
		for i, p := range of {
			weights[i] = squares[i] * float64(times[p])
		}
		if len(counts) > 0 {
			if k, err := agreement.FleissTimes(counts, weights); err == nil {
				out[0] = k
			}
		}
		sum := agreement.NewCoincidences(values)
		for p, k := range times {
			sum.Plus(byPatient[p], float64(k))
		}
		out[1], out[2] = sum.Alpha(agreement.Nominal), sum.Alpha(agreement.Ordinal)
	}
	for n, e := range agreement.BootstrapAll(c.report.Patients, 3, stat, agreement.Resampling{Resamples: c.o.Resamples, Seed: c.o.Seed}) {
		c.report.Together[n].Estimate = e
	}
}

// WriteCSV writes all figures as one table, a figure a row.
func (a Agreement) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"first", "second", "figure", "class", "value", "low", "high", "slides", "patients"}}
	row := func(first, second string, f Figure, slides int) {
		rows = append(rows, []string{first, second, f.Name, f.Class, exactly(f.Estimate.Value), exactly(f.Estimate.Low), exactly(f.Estimate.High),
			strconv.Itoa(slides), strconv.Itoa(a.Patients)})
	}
	for _, p := range a.Pairs {
		for _, f := range p.Figures {
			row(p.First, p.Second, f, p.Slides)
		}
	}
	for _, f := range a.Together {
		row("", "", f, a.Slides)
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return c.Error()
}
