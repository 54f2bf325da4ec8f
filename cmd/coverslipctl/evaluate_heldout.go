package main

import (
	"fmt"
	"io"

	"coverslip/annotate/agreement"
	"coverslip/app"
	"coverslip/models/evaluate"
)

// finite is a figure in JSON: null when it is not defined.
func finite(v float64) *float64 {
	if !agreement.Defined(v) {
		return nil
	}
	return &v
}

// estimateJSON is a figure with its interval.
type estimateJSON struct {
	Figure string   `json:"figure"`
	Class  string   `json:"class,omitempty"`
	Value  *float64 `json:"value"` // null where it is not defined
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
}

type heldOutJSON struct {
	Model           string         `json:"model"`
	Untrained       bool           `json:"untrained"`
	Method          string         `json:"method"`
	Seed            uint64         `json:"seed"`
	Folds           int            `json:"folds"`
	By              string         `json:"by"`
	Slides          int            `json:"slides"`
	Patients        int            `json:"patients"`
	Unnamed         int            `json:"slidesWithoutPatient"`
	Labels          int            `json:"labels"`
	FromSuggestions int            `json:"labelsFromSuggestions"`
	Cases           int            `json:"cases"`
	Unjudged        int            `json:"unjudged"`
	Level           float64        `json:"level"`
	Resamples       int            `json:"resamples"`
	Classes         []string       `json:"classes"`
	Confusion       [][]float64    `json:"confusion"` // [truth][suggested]
	Figures         []estimateJSON `json:"figures"`
	Groups          []groupJSON    `json:"groups"`
	Calibration     []binJSON      `json:"calibration"`
	ROC             [][]pointJSON  `json:"roc"` // by class
	Curve           []curveJSON    `json:"learningCurve"`
}

type groupJSON struct {
	By       string   `json:"by"`
	Name     string   `json:"name"`
	Cases    int      `json:"cases"`
	Patients int      `json:"patients"`
	Accuracy *float64 `json:"accuracy"`
	Balanced *float64 `json:"balancedAccuracy"`
	AUROC    *float64 `json:"auroc"`
}

type binJSON struct {
	Low   float64  `json:"low"`
	High  float64  `json:"high"`
	Cases float64  `json:"cases"`
	Score *float64 `json:"score"`
	Share *float64 `json:"share"`
}

type pointJSON struct {
	Threshold   float64  `json:"threshold"`
	Sensitivity *float64 `json:"sensitivity"`
	Specificity *float64 `json:"specificity"`
	Precision   *float64 `json:"precision"`
}

type curveJSON struct {
	Labels   int      `json:"labels"`
	Balanced *float64 `json:"balancedAccuracy"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
}

func heldOutOf(h app.HeldOut) heldOutJSON {
	j := heldOutJSON{Model: h.Model, Untrained: h.Untrained, Method: h.Method, Seed: h.Seed, Folds: h.Folds, By: h.By,
		Slides: h.Slides, Patients: h.Patients, Unnamed: h.Unnamed, Labels: h.Labels, FromSuggestions: h.FromSuggestions,
		Cases: h.Cases, Unjudged: h.Unjudged, Classes: h.Names, Confusion: h.Confusion,
		Groups: []groupJSON{}, Curve: []curveJSON{}}
	for _, f := range h.Figures {
		e := f.Estimate
		j.Level, j.Resamples = e.Level, e.Resamples
		j.Figures = append(j.Figures, estimateJSON{f.Name, f.Class, finite(e.Value), finite(e.Low), finite(e.High)})
	}
	for _, g := range h.Groups {
		j.Groups = append(j.Groups, groupJSON{g.By, g.Name, g.Cases, g.Patients, finite(g.Accuracy), finite(g.Balanced), finite(g.AUROC)})
	}
	for _, b := range h.Calibration {
		j.Calibration = append(j.Calibration, binJSON{b.Low, b.High, b.Cases, finite(b.Score), finite(b.Share)})
	}
	for _, curve := range h.ROC {
		j.ROC = append(j.ROC, pointsOf(curve))
	}
	for _, p := range h.Curve {
		j.Curve = append(j.Curve, curveJSON{p.Labels, finite(p.Balanced), finite(p.Low), finite(p.High)})
	}
	return j
}

func pointsOf(curve []evaluate.Point) []pointJSON {
	out := []pointJSON{}
	for _, p := range curve {
		out = append(out, pointJSON{p.Threshold, finite(p.Sensitivity), finite(p.Specificity), finite(p.Precision)})
	}
	return out
}

// shown is a figure for people.
func shown(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.3f", *v)
}

func (j heldOutJSON) text(w io.Writer) {
	if j.Untrained {
		fmt.Fprintln(w, "The encoder is untrained: these figures say little about suggestions.")
	}
	fmt.Fprintf(w, "%d patches of %d labels on %d slide(s) of %d %s(s), set aside in %d folds (seed %d), by %s\n",
		j.Cases, j.Labels, j.Slides, j.Patients, j.By, j.Folds, j.Seed, j.Method)
	if j.Unnamed > 0 && j.By == "patient" {
		fmt.Fprintf(w, "%d slide(s) have no patient and count as one each\n", j.Unnamed)
	}
	if j.FromSuggestions > 0 {
		fmt.Fprintf(w, "%d label(s) began as suggestions, which favours the model\n", j.FromSuggestions)
	}
	fmt.Fprintf(w, "  %-20s %-20s %7s   %.0f %% interval over %ss\n", "figure", "class", "value", 100*j.Level, j.By)
	for _, f := range j.Figures {
		fmt.Fprintf(w, "  %-20s %-20s %7s   %s to %s\n", f.Figure, f.Class, shown(f.Value), shown(f.Low), shown(f.High))
	}
	for _, g := range j.Groups {
		fmt.Fprintf(w, "  %-8s %-24s balanced accuracy %s of %d patches\n", g.By, g.Name, shown(g.Balanced), g.Cases)
	}
	for _, p := range j.Curve {
		fmt.Fprintf(w, "  %4d labels: balanced accuracy %s (%s to %s)\n", p.Labels, shown(p.Balanced), shown(p.Low), shown(p.High))
	}
}

// evaluateHeldOut is evaluate --held-out.
func (c *call) evaluateHeldOut(s *app.Session, o app.HeldOutOptions, csv string) error {
	bar := c.newProgress()
	h, err := s.EvaluateHeldOut(c.ctx, o, bar.show)
	bar.done()
	if err != nil {
		return err
	}
	if csv != "" {
		if csv == "-" {
			return h.WriteCSV(c.out)
		}
		if err := app.WriteFile(csv, h.WriteCSV); err != nil {
			return err
		}
	}
	j := heldOutOf(h)
	return c.result(j, j.text)
}
