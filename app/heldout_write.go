package app

import (
	"encoding/csv"
	"io"
	"strconv"

	"coverslip/annotate/agreement"
)

// exactly is a figure as text with all its digits; empty when it is not defined.
func exactly(v float64) string {
	if !agreement.Defined(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// WriteCSV writes all figures as one table, a figure a row: what it is, of which
// class and group, its value and interval, and over how many cases and patients.
func (h HeldOut) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	count := strconv.Itoa
	rows := [][]string{{"figure", "class", "by", "group", "value", "low", "high", "cases", "patients"}}
	all := []string{count(h.Cases), count(h.Patients)}
	for _, f := range h.Figures {
		rows = append(rows, append([]string{f.Name, f.Class, "", "", exactly(f.Estimate.Value), exactly(f.Estimate.Low), exactly(f.Estimate.High)}, all...))
	}
	for i, row := range h.Confusion {
		for k, n := range row {
			rows = append(rows, []string{"confusion", h.Names[i], "suggested", h.Names[k], exactly(n), "", "", "", ""})
		}
	}
	for _, g := range h.Groups {
		for _, v := range []struct {
			name  string
			value float64
		}{{"accuracy", g.Accuracy}, {"balanced accuracy", g.Balanced}, {"AUROC", g.AUROC}} {
			rows = append(rows, []string{v.name, "", g.By, g.Name, exactly(v.value), "", "", count(g.Cases), count(g.Patients)})
		}
	}
	for _, b := range h.Calibration {
		group := exactly(b.Low) + " to " + exactly(b.High)
		rows = append(rows, []string{"share right", "", "score", group, exactly(b.Share), "", "", exactly(b.Cases), ""},
			[]string{"mean score", "", "score", group, exactly(b.Score), "", "", exactly(b.Cases), ""})
	}
	for _, p := range h.Curve {
		rows = append(rows, []string{"balanced accuracy", "", "labels", count(p.Labels), exactly(p.Balanced), exactly(p.Low), exactly(p.High), "", ""})
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return c.Error()
}
