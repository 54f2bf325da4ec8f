package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"

	"coverslip/annotate"
	"coverslip/annotate/agreement"
	"coverslip/models/evaluate"
	"coverslip/models/learn"
)

// ErrFewPatients: labels of one patient alone cannot be set aside and learned
// from at once.
var ErrFewPatients = errors.New("labels of at least two patients are needed")

// HeldOutOptions says how labels are set aside. The zero value is usable.
type HeldOutOptions struct {
	SuggestOptions
	Folds     int    // parts that are set aside in turn; 0 takes 5, or as many as there are patients
	Seed      uint64 // of the draw and of the intervals
	Resamples int    // of the bootstrap; 0 takes 2,000
	BySlide   bool   // slides are drawn instead of patients: figures are too good where a patient has several
	NoCurve   bool   // without the learning curve, which learns many times
}

// Figure is a figure with its name, its class and its interval over patients.
type Figure struct {
	Name     string // "balanced accuracy", "sensitivity", …
	Class    string // the class's name; "" for all
	Estimate agreement.Estimate
}

// GroupFigures is how the cases of one slide, stain, scanner or site fared.
type GroupFigures struct {
	By, Name        string // "scanner", "Aperio"
	Cases, Patients int
	Accuracy        float64
	Balanced        float64
	AUROC           float64
}

// LearningPoint is what so many labels are good for.
type LearningPoint struct {
	Labels    int     // learned from, on average over the folds
	Balanced  float64 // balanced accuracy, mean over the folds
	Low, High float64 // the worst and the best fold
}

// HeldOut is how suggestions fare on labels that they did not learn from.
type HeldOut struct {
	Model           string
	Untrained       bool
	Method          string // "logistic", "simpleshot"; both when the folds differ
	Seed            uint64
	Folds           int
	By              string // what was drawn: "patient", "slide"
	Slides          int
	Patients        int
	Unnamed         int // slides without a patient: each counts as one of its own
	Labels          int // whose patches were judged
	FromSuggestions int // of these, suggestions that a person took over: they may favour the model
	Cases           int // patches that were judged
	Unjudged        int // patches of folds that left too little to learn from
	Classes         []annotate.ID
	Names           []string // of the classes
	Confusion       [][]float64
	Figures         []Figure
	Groups          []GroupFigures
	Calibration     []evaluate.Bin
	ROC             [][]evaluate.Point // by class
	Curve           []LearningPoint
}

// judged is a labelled patch of the project.
type judged struct {
	vector  []float32
	class   int
	label   *annotate.Object
	slide   SlideItem
	patient int
	scores  []float64 // by the probe of its fold; nil when that could not learn
}

// EvaluateHeldOut sets labels of the project aside at random, whole patients at
// once, learns from the others as Suggest does, and judges what it would have
// suggested: k-fold cross-validation, so that every label is set aside once
// (Stone, J R Stat Soc B 36 (1974) 111). Nothing is written but embeddings. It
// returns ErrFewLabels, ErrFewPatients, and the errors of Embed.
func (s *Session) EvaluateHeldOut(ctx context.Context, o HeldOutOptions, p Progress) (HeldOut, error) {
	w := &heldOut{s: s, o: o, report: HeldOut{Seed: o.Seed, By: "patient"}}
	if o.BySlide {
		w.report.By = "slide"
	}
	if err := w.gather(ctx, p); err != nil {
		return HeldOut{}, err
	}
	if err := w.draw(); err != nil {
		return HeldOut{}, err
	}
	methods := map[string]bool{}
	for f := range w.report.Folds {
		p.report("Learning", f, w.report.Folds)
		method, err := w.fold(ctx, f)
		if err != nil {
			return HeldOut{}, err
		}
		if method != "" {
			methods[method] = true
		}
	}
	for _, m := range sortedNames(methods) {
		if w.report.Method != "" {
			w.report.Method += ", "
		}
		w.report.Method += m
	}
	p.report("Judging", 0, 0)
	if err := w.judge(ctx); err != nil {
		return HeldOut{}, err
	}
	if !o.NoCurve {
		if err := w.curve(ctx, p); err != nil {
			return HeldOut{}, err
		}
	}
	return w.report, nil
}

func sortedNames(m map[string]bool) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// heldOut is one evaluation.
type heldOut struct {
	s        *Session
	o        HeldOutOptions
	cases    []judged
	patients []string // by number
	foldOf   []int    // by patient
	report   HeldOut
}

// gather embeds the patches under all labels of the project.
func (w *heldOut) gather(ctx context.Context, p Progress) error {
	// Only the patches under labels: no tissue lies beside the slide.
	w.o.Within = []annotate.ROI{annotate.Rectangle(-2, -2, -1, -1)}
	classes := map[annotate.ID]int{}
	for _, c := range w.s.Palette() {
		classes[c.ID] = -1
	}
	labels, patients := map[annotate.ID]bool{}, map[string]int{}
	for _, item := range w.s.Slides() {
		set, err := w.s.Objects(item.ID)
		if err != nil {
			return err
		}
		if w.s.enoughOn(set, w.o.SuggestOptions) == 0 {
			continue
		}
		e, err := w.s.embed(ctx, item.ID, w.o.SuggestOptions, p)
		if errors.Is(err, ErrNoTissue) {
			continue // its labels lie beside the grid
		}
		if err != nil {
			return err
		}
		w.report.Model, w.report.Untrained = e.info.Name, e.info.Untrained
		t, err := w.s.teach(e, set, w.o.SuggestOptions)
		if err != nil {
			return err
		}
		name := w.patientOf(item)
		if _, ok := patients[name]; !ok {
			patients[name] = len(w.patients)
			w.patients = append(w.patients, name)
		}
		w.report.Slides++
		if item.Patient == "" {
			w.report.Unnamed++
		}
		for i, x := range t.examples {
			classes[x.label.Class] = 0
			w.cases = append(w.cases, judged{vector: t.fit[i].Vector, label: x.label, slide: item, patient: patients[name]})
			if !labels[x.label.ID] {
				labels[x.label.ID] = true
				if x.label.Kind == annotate.Detection {
					w.report.FromSuggestions++
				}
			}
		}
	}
	w.report.Labels, w.report.Patients = len(labels), len(w.patients)
	return w.number(classes)
}

// enoughOn is how many classes have labels on a slide.
func (s *Session) enoughOn(set *annotate.Set, o SuggestOptions) int {
	n := 0
	for class, count := range set.Counts() {
		if !class.IsZero() && count > 0 && o.allows(class) {
			n++
		}
	}
	return n
}

// patientOf is what a slide is drawn with: its patient, else itself.
func (w *heldOut) patientOf(item SlideItem) string {
	if item.Patient == "" || w.o.BySlide {
		return "slide " + item.ID.String()
	}
	return "patient " + item.Patient
}

// number gives the classes that occur their places, in the order of the palette.
func (w *heldOut) number(classes map[annotate.ID]int) error {
	for _, c := range w.s.Palette() {
		if classes[c.ID] == 0 {
			classes[c.ID] = len(w.report.Classes)
			w.report.Classes = append(w.report.Classes, c.ID)
			w.report.Names = append(w.report.Names, c.Name)
		}
	}
	for i := range w.cases {
		w.cases[i].class = classes[w.cases[i].label.Class]
	}
	return w.s.fewLabels(len(w.report.Classes))
}

// draw puts every patient into a fold.
func (w *heldOut) draw() error {
	n := len(w.patients)
	if n < 2 {
		return fmt.Errorf("labels of %d %s(s): %w", n, w.report.By, ErrFewPatients)
	}
	w.report.Folds = w.o.Folds
	if w.report.Folds <= 0 {
		w.report.Folds = 5
	}
	w.report.Folds = max(2, min(w.report.Folds, n))
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	// By name first: the order in which slides were added is no part of the draw.
	sort.Slice(order, func(i, j int) bool { return w.patients[order[i]] < w.patients[order[j]] })
	random := rand.New(rand.NewPCG(w.o.Seed, 1))
	random.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	w.foldOf = make([]int, n)
	for place, patient := range order {
		w.foldOf[patient] = place % w.report.Folds
	}
	return nil
}

// learnFrom fits the probe to the cases that keep says; nil when they are of one
// class alone.
func (w *heldOut) learnFrom(ctx context.Context, keep func(c *judged) bool) (*learn.Probe, error) {
	var fit []learn.Example
	for i := range w.cases {
		if c := &w.cases[i]; keep(c) {
			fit = append(fit, learn.Example{Vector: c.vector, Class: c.class})
		}
	}
	probe, err := learn.FitContext(ctx, fit, len(w.report.Classes))
	if errors.Is(err, learn.ErrOneClass) || errors.Is(err, learn.ErrNoExamples) {
		return nil, nil
	}
	return probe, err
}

// fold judges the cases of one fold by a probe that learned from the others.
func (w *heldOut) fold(ctx context.Context, f int) (method string, err error) {
	probe, err := w.learnFrom(ctx, func(c *judged) bool { return w.foldOf[c.patient] != f })
	if err != nil {
		return "", err
	}
	for i := range w.cases {
		c := &w.cases[i]
		if w.foldOf[c.patient] != f {
			continue
		}
		if probe == nil {
			w.report.Unjudged++
			continue
		}
		if c.scores = scoresOf(probe, c.vector); c.scores == nil {
			w.report.Unjudged++
		}
	}
	if probe == nil {
		return "", nil
	}
	return probe.Method(), nil
}

// scoresOf is the probabilities of the classes, within 0 and 1 where rounding
// left them.
func scoresOf(probe *learn.Probe, v []float32) []float64 {
	p := probe.Predict(v)
	if p.Class < 0 {
		return nil
	}
	scores := slices.Clone(p.Scores)
	for i, s := range scores {
		scores[i] = min(max(s, 0), 1)
	}
	return scores
}

// judge makes the figures of the cases that have scores.
func (w *heldOut) judge(ctx context.Context) error {
	var cases []evaluate.Case
	var of []judged
	for _, c := range w.cases {
		if c.scores != nil {
			cases = append(cases, evaluate.Case{Truth: c.class, Scores: c.scores})
			of = append(of, c)
		}
	}
	if len(cases) == 0 {
		return fmt.Errorf("no patient's labels could be judged by those of the others: %w", ErrFewLabels)
	}
	j, err := evaluate.NewJudge(cases, len(w.report.Classes))
	if err != nil {
		return err
	}
	w.report.Cases = len(cases)
	w.report.Confusion = j.Figures(nil).Confusion
	w.report.Calibration = j.Calibration(10, nil)
	for k := range w.report.Classes {
		w.report.ROC = append(w.report.ROC, j.Curve(k, nil))
	}
	w.intervals(ctx, j, of)
	w.groups(j, of)
	return ctx.Err()
}

// intervals draws patients again.
func (w *heldOut) intervals(ctx context.Context, j *evaluate.Judge, of []judged) {
	names := w.figureNames()
	weights := make([]float64, len(of))
	stat := func(times []int, out []float64) {
		if ctx.Err() != nil {
			return // the answer is thrown away
		}
		for i, c := range of {
			weights[i] = float64(times[c.patient])
		}
		copy(out, values(j.Figures(weights)))
	}
	all := agreement.BootstrapAll(len(w.patients), len(names), stat, agreement.Resampling{Resamples: w.o.Resamples, Seed: w.o.Seed})
	for i := range names {
		names[i].Estimate = all[i]
	}
	w.report.Figures = names
}

// figureNames are what values answers with, in its order.
func (w *heldOut) figureNames() []Figure {
	out := []Figure{{Name: "accuracy"}, {Name: "balanced accuracy"}, {Name: "AUROC"}, {Name: "AUPRC"}, {Name: "ECE"}, {Name: "Brier"}}
	for _, class := range w.report.Names {
		for _, name := range []string{"sensitivity", "specificity", "precision", "F1", "AUROC", "AUPRC"} {
			out = append(out, Figure{Name: name, Class: class})
		}
	}
	return out
}

// values are the figures in the order of figureNames.
func values(f evaluate.Figures) []float64 {
	out := []float64{f.Accuracy, f.Balanced, f.AUROC, f.AUPRC, f.ECE, f.Brier}
	for _, c := range f.Classes {
		out = append(out, c.Sensitivity, c.Specificity, c.Precision, c.F1, c.AUROC, c.AUPRC)
	}
	return out
}
