package main

import (
	"flag"
	"fmt"
	"io"

	"coverslip/app"
)

type agreeJSON struct {
	Readers  []string       `json:"readers"`
	Slides   int            `json:"slides"`
	Patients int            `json:"patients"`
	Unnamed  int            `json:"slidesWithoutPatient"`
	Cell     float64        `json:"cellMicrons"`
	IoU      float64        `json:"matchAboveIoU"`
	Radius   float64        `json:"matchWithinMicrons"`
	Seed     uint64         `json:"seed"`
	Pairs    []pairJSON     `json:"pairs"`
	Together []estimateJSON `json:"together"`
}

type pairJSON struct {
	First   string         `json:"first"`
	Second  string         `json:"second"`
	Slides  int            `json:"slides"`
	Classes []string       `json:"classes"` // of the tables
	Cells   [][]int        `json:"squares"`
	Objects [][]int        `json:"matchedObjects"`
	Figures []estimateJSON `json:"figures"`
}

func estimatesOf(figures []app.Figure) []estimateJSON {
	out := []estimateJSON{}
	for _, f := range figures {
		out = append(out, estimateJSON{f.Name, f.Class, finite(f.Estimate.Value), finite(f.Estimate.Low), finite(f.Estimate.High)})
	}
	return out
}

func agreeOf(a app.Agreement) agreeJSON {
	j := agreeJSON{Readers: a.Readers, Slides: a.Slides, Patients: a.Patients, Unnamed: a.Unnamed, Cell: a.Cell, IoU: a.IoU, Radius: a.Radius, Seed: a.Seed,
		Pairs: []pairJSON{}, Together: estimatesOf(a.Together)}
	for _, p := range a.Pairs {
		j.Pairs = append(j.Pairs, pairJSON{p.First, p.Second, p.Slides, p.Classes, p.Cells, p.Objects, estimatesOf(p.Figures)})
	}
	return j
}

func (j agreeJSON) text(w io.Writer) {
	fmt.Fprintf(w, "%d readers on %d slide(s) of %d patient(s), squares of %g µm\n", len(j.Readers), j.Slides, j.Patients, j.Cell)
	if j.Patients < 2 {
		fmt.Fprintln(w, "Intervals need slides of at least two patients.")
	}
	list := func(figures []estimateJSON) {
		for _, f := range figures {
			fmt.Fprintf(w, "  %-40s %-16s %8s   %s to %s\n", f.Figure, f.Class, shown(f.Value), shown(f.Low), shown(f.High))
		}
	}
	for _, p := range j.Pairs {
		fmt.Fprintf(w, "%s and %s, %d slide(s)\n", p.First, p.Second, p.Slides)
		list(p.Figures)
	}
	fmt.Fprintln(w, "all readers")
	list(j.Together)
}

func agreeVerb() verb {
	return verb{
		name:  "agree",
		short: "agreement between the readers of a project",
		long: "Classes of squares (Cohen's kappa plain and weighted, Fleiss, Krippendorff), areas of each class (Dice,\n" +
			"IoU, Hausdorff, HD95), objects matched one by one (F1, PQ, kappa), with intervals over patients.",
		example: "coverslipctl agree --project colon.coverslip --csv agreement.csv\ncoverslipctl agree --project colon.coverslip --readers \"Ada;Bob, reading 2\" --json",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			o := app.AgreementOptions{}
			readers := f.String("readers", "", "`READERS` to compare, parted by a semicolon (or a comma, where no name has one); all when not given")
			f.Float64Var(&o.Cell, "cell", 0, "`µm`, side of the squares (default: 50)")
			f.Float64Var(&o.IoU, "iou", 0, "two areas are the same object above this `IoU` (default: 0.5)")
			f.Float64Var(&o.Radius, "radius", 0, "two points are the same object within these `µm` (default: 6)")
			f.Uint64Var(&o.Seed, "seed", 0, "`NUMBER` of the intervals' draw")
			csv := f.String("csv", "", "write all figures to `FILE`, - for standard output")
			return func(c *call) error {
				o.Readers = namesIn(*readers)
				return p.with(true, func(s *app.Session) error {
					items, err := p.slides(s)
					if err != nil {
						return err
					}
					for _, item := range items {
						o.Slides = append(o.Slides, item.ID)
					}
					bar := c.newProgress()
					a, err := s.Agreement(c.ctx, o, bar.show)
					bar.done()
					if err != nil {
						return err
					}
					if *csv == "-" {
						return a.WriteCSV(c.out)
					}
					if *csv != "" {
						if err := app.WriteFile(*csv, a.WriteCSV); err != nil {
							return err
						}
					}
					j := agreeOf(a)
					return c.result(j, j.text)
				})
			}
		},
	}
}

func consensusVerb() verb {
	return verb{
		name:  "consensus",
		short: "suggest what several readers say together, beside their labels",
		long: "--method vote takes what more than half of the readers covered, staple weighs the readers. The labels of\n" +
			"the readers stay; what is suggested names them and waits for a person's decision.",
		example: "coverslipctl consensus --project colon.coverslip --method staple",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			o := app.ConsensusOptions{Method: app.ConsensusVote}
			f.StringVar((*string)(&o.Method), "method", string(app.ConsensusVote), "`METHOD`: vote or staple")
			readers := f.String("readers", "", "`READERS`, parted by a semicolon (or a comma, where no name has one); all when not given")
			f.Float64Var(&o.Pixel, "pixel", 0, "`µm` per pixel of STAPLE's raster (default: 2)")
			return func(c *call) error {
				if o.Method != app.ConsensusVote && o.Method != app.ConsensusSTAPLE {
					return wrongUsage("--method is vote or staple")
				}
				o.Readers = namesIn(*readers)
				return p.with(false, func(s *app.Session) error {
					items, err := p.slides(s)
					if err != nil {
						return err
					}
					total := 0
					for _, item := range items {
						n, err := s.Consensus(c.ctx, item.ID, o)
						if err != nil {
							return err
						}
						total += n
					}
					return c.result(map[string]any{"suggested": total}, func(w io.Writer) { fmt.Fprintf(w, "%d area(s) suggested\n", total) })
				})
			}
		},
	}
}
