package app

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"coverslip/annotate"
	"coverslip/models/evaluate"
)

// SlideGroups is what a slide is grouped by in a report on bias, by the name of
// the grouping: its scanner, and what its remarks say in lines such as "stain:
// H&E" and "site: Ghent".
func SlideGroups(item SlideItem) map[string]string {
	out := map[string]string{"scanner": item.Vendor}
	if out["scanner"] == "" {
		out["scanner"] = item.Format
	}
	for line := range strings.SplitSeq(item.Notes, "\n") {
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		if value = strings.TrimSpace(value); ok && value != "" && (name == "stain" || name == "site" || name == "scanner") {
			out[name] = value
		}
	}
	return out
}

// groups judges the cases by slide, stain, scanner and site.
func (w *heldOut) groups(j *evaluate.Judge, of []judged) {
	type key struct{ by, name string }
	members := map[key][]int{}
	for i, c := range of {
		members[key{"slide", c.slide.Name}] = append(members[key{"slide", c.slide.Name}], i)
		g := SlideGroups(c.slide)
		for _, by := range []string{"stain", "scanner", "site"} {
			name := g[by]
			if name == "" {
				name = "not said"
			}
			members[key{by, name}] = append(members[key{by, name}], i)
		}
	}
	for k, cases := range members {
		weights := make([]float64, len(of))
		patients := map[int]bool{}
		for _, i := range cases {
			weights[i] = 1
			patients[of[i].patient] = true
		}
		f := j.Figures(weights)
		w.report.Groups = append(w.report.Groups, GroupFigures{By: k.by, Name: k.name, Cases: len(cases), Patients: len(patients),
			Accuracy: f.Accuracy, Balanced: f.Balanced, AUROC: f.AUROC})
	}
	order := []string{"slide", "stain", "scanner", "site"}
	slices.SortFunc(w.report.Groups, func(a, b GroupFigures) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.By), slices.Index(order, b.By)), cmp.Compare(a.Name, b.Name))
	})
}

// curve learns from ever more of the labels and judges each time the fold that
// was set aside: 4 labels, then twice as many, and so on, drawn once in one
// order, class by class in turn.
func (w *heldOut) curve(ctx context.Context, p Progress) error {
	sums := map[int][]float64{} // balanced accuracy by how many labels were wished
	used := map[int]int{}
	for f := range w.report.Folds {
		order := w.labelOrder(f)
		for n := 4; ; n *= 2 {
			n = min(n, len(order))
			if n < 4 {
				break
			}
			p.report("Learning curve", f, w.report.Folds)
			allowed := map[annotate.ID]bool{}
			for _, id := range order[:n] {
				allowed[id] = true
			}
			probe, err := w.learnFrom(ctx, func(c *judged) bool { return allowed[c.label.ID] })
			if err != nil {
				return err
			}
			step := wished(n)
			if probe != nil {
				var cases []evaluate.Case
				for _, c := range w.cases {
					if scores := []float64(nil); w.foldOf[c.patient] == f {
						if scores = scoresOf(probe, c.vector); scores != nil {
							cases = append(cases, evaluate.Case{Truth: c.class, Scores: scores})
						}
					}
				}
				if j, err := evaluate.NewJudge(cases, len(w.report.Classes)); err == nil {
					sums[step] = append(sums[step], j.Figures(nil).Balanced)
					used[step] += n
				}
			}
			if n == len(order) {
				break
			}
		}
	}
	w.points(sums, used)
	return nil
}

// wished is the power of two times 4 that a number of labels was to be.
func wished(n int) int {
	step := 4
	for step < n {
		step *= 2
	}
	return step
}

// points are the means over the folds.
func (w *heldOut) points(sums map[int][]float64, used map[int]int) {
	for step, values := range sums {
		pt := LearningPoint{Labels: used[step] / len(values), Low: math.Inf(1), High: math.Inf(-1)}
		for _, v := range values {
			pt.Balanced += v / float64(len(values))
			pt.Low, pt.High = min(pt.Low, v), max(pt.High, v)
		}
		w.report.Curve = append(w.report.Curve, pt)
	}
	slices.SortFunc(w.report.Curve, func(a, b LearningPoint) int { return a.Labels - b.Labels })
}

// labelOrder is the labels outside a fold in a drawn order in which the classes
// take turns.
func (w *heldOut) labelOrder(fold int) []annotate.ID {
	byClass := make([][]annotate.ID, len(w.report.Classes))
	seen := map[annotate.ID]bool{}
	for _, c := range w.cases {
		if w.foldOf[c.patient] != fold && !seen[c.label.ID] {
			seen[c.label.ID] = true
			byClass[c.class] = append(byClass[c.class], c.label.ID)
		}
	}
	random := rand.New(rand.NewPCG(w.o.Seed, uint64(fold)+2))
	longest := 0
	for _, ids := range byClass {
		sort.Slice(ids, func(i, j int) bool { return slices.Compare(ids[i][:], ids[j][:]) < 0 })
		random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		longest = max(longest, len(ids))
	}
	var order []annotate.ID
	for turn := range longest {
		for _, ids := range byClass {
			if turn < len(ids) {
				order = append(order, ids[turn])
			}
		}
	}
	return order
}
