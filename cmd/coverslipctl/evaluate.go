package main

import (
	"flag"
	"fmt"
	"io"

	"coverslip/annotate"
	"coverslip/app"
)

// evaluateJSON is the JSON of evaluate, one a slide.
type evaluateJSON struct {
	Slide    string          `json:"slide"`
	Name     string          `json:"name"`
	Judged   int             `json:"judged"`
	Right    int             `json:"right"`
	Unknown  int             `json:"unknown"`
	Accuracy *float64        `json:"accuracy"` // null when none was judged
	Classes  []classEvalJSON `json:"classes"`
}

type classEvalJSON struct {
	Class     string `json:"class"`
	Truth     int    `json:"truth"`
	Right     int    `json:"right"`
	Suggested int    `json:"suggested"`
}

func evaluateVerb() verb {
	return verb{
		name:  "evaluate",
		short: "compare suggestions with decisions and labels, or with a truth",
		long: "The truth of a suggestion is the person's decision, else the label at its centre; with\n" +
			"--truth it is the smallest object of that file at its centre.\n" +
			"With --held-out the model itself is judged, on labels of patients that it did not learn from: figures\n" +
			"with intervals over patients, by slide, stain, scanner and site, calibration, learning curve. Stain and\n" +
			"site are lines of a slide's remarks: stain: H&E",
		example: "coverslipctl evaluate --project demo.coverslip --truth demo.svs.truth.geojson\ncoverslipctl evaluate --project colon.coverslip --held-out --seed 1 --csv figures.csv",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, o := declareSuggest(f)
			truth := f.String("truth", "", "GeoJSON `FILE` with what is true; needs one slide")
			held := app.HeldOutOptions{}
			aside := f.Bool("held-out", false, "set labels of the project aside, learn from the others, judge by these")
			f.BoolVar(&held.BySlide, "by-slide", false, "with --held-out: draw slides instead of patients")
			f.IntVar(&held.Folds, "folds", 0, "with --held-out: `NUMBER` of parts set aside in turn (default: 5)")
			f.Uint64Var(&held.Seed, "seed", 0, "with --held-out: `NUMBER` of the draw")
			csv := f.String("csv", "", "with --held-out: write all figures to `FILE`, - for standard output")
			return func(c *call) error {
				if *aside {
					if *truth != "" || p.slide != "" {
						return wrongUsage("--held-out is about all labels of the project: without --truth and --slide")
					}
					if err := checkPatch(o); err != nil {
						return err
					}
					held.SuggestOptions = *o
					return p.with(false, func(s *app.Session) error { return c.evaluateHeldOut(s, held, *csv) })
				}
				return p.with(true, func(s *app.Session) error {
					items, err := p.slides(s)
					if err != nil {
						return err
					}
					var set *annotate.Set
					if *truth != "" {
						if len(items) > 1 {
							return wrongUsage("--truth is about one slide; say which with --slide")
						}
						if set, err = app.ReadTruth(*truth, s.Palette()); err != nil {
							return err
						}
					}
					all := []evaluateJSON{}
					for _, item := range items {
						e, err := s.Evaluate(item.ID, set, nil)
						if err != nil {
							return err
						}
						all = append(all, evaluationOf(item, e, s.Palette()))
					}
					return c.result(all, func(w io.Writer) {
						for _, j := range all {
							j.text(w)
						}
					})
				})
			}
		},
	}
}

func evaluationOf(item app.SlideItem, e app.Evaluation, p annotate.Palette) evaluateJSON {
	j := evaluateJSON{Slide: item.ID.String(), Name: item.Name, Judged: e.Judged, Right: e.Right, Unknown: e.Unknown}
	if e.Judged > 0 {
		a := e.Accuracy()
		j.Accuracy = &a
	}
	for _, c := range e.Classes {
		j.Classes = append(j.Classes, classEvalJSON{className(p, c.Class), c.Truth, c.Right, c.Suggested})
	}
	return j
}

func (j evaluateJSON) text(w io.Writer) {
	if j.Judged == 0 {
		fmt.Fprintf(w, "%s: nothing to judge (%d suggestions)\n", j.Name, j.Unknown)
		return
	}
	fmt.Fprintf(w, "%s: %d of %d suggestions right (%.1f %%), %d unknown\n", j.Name, j.Right, j.Judged, 100**j.Accuracy, j.Unknown)
	fmt.Fprintf(w, "  %-20s %8s %8s %10s\n", "class", "true", "found", "suggested")
	for _, c := range j.Classes {
		fmt.Fprintf(w, "  %-20s %8d %8d %10d\n", c.Class, c.Truth, c.Right, c.Suggested)
	}
}
