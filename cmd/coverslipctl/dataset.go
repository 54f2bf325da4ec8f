package main

import (
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"coverslip/app"
)

// datasetJSON is the JSON of dataset export.
type datasetJSON struct {
	Out      string         `json:"out"`
	Patches  int            `json:"patches"`
	Failed   int            `json:"failed"`
	Slides   int            `json:"slides"`
	Patients int            `json:"patients"`
	Classes  map[string]int `json:"classes"`
	Splits   map[string]int `json:"splits"`
	Warnings []string       `json:"warnings"`
	Alike    int            `json:"nearDuplicates"`
}

func datasetExportVerb() verb {
	return verb{
		name:  "dataset export",
		short: "write the labelled patches as a dataset for training",
		long: "The layout is imagefolder (patches/SPLIT/CLASS with metadata beside them), folders, coco, yolo or\n" +
			"webdataset; all have manifest.csv, splits.csv (no patient in two splits), annotations/*.geojson,\n" +
			"report.json, dataset.json, croissant.json, prov.json, dataset-card.md and SHA256SUMS. OUT must\n" +
			"not exist or be empty. Slides, patients and people get pseudonyms unless --names is given.\n" +
			"--like takes the options of an earlier dataset.json, and the same project gives the same bytes.",
		example: "coverslipctl dataset export --project colon.coverslip --out colon-patches --mpp 0.5 --patch 224 --splits 70,15,15",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			var o app.DatasetOptions
			f.StringVar(&o.Out, "out", "", "`FOLDER` to make")
			f.IntVar(&o.Patch, "patch", 224, "`pixels` of a patch's side")
			f.Float64Var(&o.MPP, "mpp", 0.5, "`µm` per pixel of a patch")
			splits := f.String("splits", "70,15,15", "`SHARES` of training, validation and test patients")
			f.Int64Var(&o.Seed, "seed", 1, "`N` that the draw of patients depends on")
			f.StringVar(&o.Format, "format", "imagefolder", "`LAYOUT`: "+strings.Join(app.Layouts(), ", "))
			f.StringVar(&o.Image, "image", "png", "`FORMAT` of the images: png or jpg")
			f.BoolVar(&o.SRGB, "srgb", false, "convert colours by each slide's profile (default: the scanner's own)")
			f.BoolVar(&o.Names, "names", false, "keep names of slides, patients and people, dates and notes")
			declarePlanes(f, &o.Planes)
			more := declareDataset(f, &o)
			return func(c *call) error {
				if o.Out == "" {
					return wrongUsage("--out FOLDER is needed")
				}
				shares, err := parseShares(*splits)
				if err != nil {
					return err
				}
				o.Splits = shares
				if o, err = more(o); err != nil {
					return err
				}
				// Not read-only: the first export keeps its secret in the project.
				return p.with(false, func(s *app.Session) error {
					pr := c.newProgress()
					r, err := app.ExportDataset(c.ctx, s, o, pr.show)
					pr.done()
					if err != nil {
						return err
					}
					for _, w := range r.Warnings {
						c.say("mind: %s", w)
					}
					j := datasetJSON{r.Out, r.Patches, r.Failed, r.Slides, r.Patients, r.Classes, r.Splits, append([]string{}, r.Warnings...), r.Alike}
					return c.result(j, j.text)
				})
			}
		},
	}
}

func (j datasetJSON) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %d patches from %d slide(s) of %d patient(s)\n", j.Out, j.Patches, j.Slides, j.Patients)
	for _, k := range sortedKeys(j.Classes) {
		fmt.Fprintf(w, "  %-20s %d\n", k, j.Classes[k])
	}
	for _, k := range sortedKeys(j.Splits) {
		fmt.Fprintf(w, "  split %-14s %d\n", k, j.Splits[k])
	}
}

// parseShares reads "70,15,15".
func parseShares(text string) (shares [3]float64, err error) {
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return shares, wrongUsage("--splits takes three shares, for example 70,15,15")
	}
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(v >= 0) || v > 1e6 {
			return shares, wrongUsage("--splits: %q is not a share", part)
		}
		shares[i] = v
	}
	if shares == [3]float64{} {
		return shares, wrongUsage("--splits: the shares are all zero")
	}
	return shares, nil
}
