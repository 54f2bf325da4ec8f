package main

import (
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"coverslip/app"
)

// declareDataset declares what a dataset may have beside the usual; the function
// that it returns reads the files that flags name.
func declareDataset(f *flag.FlagSet, o *app.DatasetOptions) func(app.DatasetOptions) (app.DatasetOptions, error) {
	f.StringVar(&o.Meta, "metadata", "csv", "`FORMAT` beside the images of an imagefolder: csv, jsonl, parquet")
	f.IntVar(&o.Stride, "stride", 0, "`pixels` from a patch to the next; less than --patch overlaps (default: --patch)")
	f.Float64Var(&o.Tissue, "min-tissue", 0, "least `SHARE` of tissue in a patch, 0 to 1")
	f.StringVar(&o.Rule, "rule", app.RuleCentre, "`RULE` that gives a patch its class: "+strings.Join(app.Rules(), ", "))
	f.Float64Var(&o.Cover, "min-cover", 0, "least `SHARE` a class covers, for --rule cover and --multi (default 0.5, with --multi 0.1)")
	f.BoolVar(&o.Multi, "multi", false, "a patch has every class that covers enough of it")
	f.BoolVar(&o.Masks, "masks", false, "a PNG of class numbers for each patch")
	f.BoolVar(&o.Boxes, "boxes", false, "boxes of the labels in each patch, in metadata.jsonl and shards")
	f.BoolVar(&o.Captions, "captions", false, "sentences that a person accepted; free text, not checked for names")
	f.StringVar(&o.Pyramids, "label-images", "", "whole-slide images of class numbers: `FORM` tiff (ASAP, OpenSlide) or ome")
	f.StringVar(&o.Vectors, "embeddings", "", "embeddings on disk: `FORMAT` safetensors, npy or parquet")
	f.StringVar(&o.Divide, "divide", app.DivideDraw, "`WAY` to divide patients: "+strings.Join(app.Divisions(), ", "))
	f.IntVar(&o.Folds, "folds", 5, "`N` folds, for kfold and stratified")
	f.IntVar(&o.Fold, "fold", 0, "`N`: which fold is the test set, from 0")
	f.StringVar(&o.Site, "site", "", "`NAME` of the site that is the test set, for --divide site")
	sites := f.String("sites", "", "`FILE`.csv that says the site of slides: name, case or patient, then the site")
	f.BoolVar(&o.Alone, "alone", false, "slides without a patient count as a patient each, also with folds and sites")
	f.StringVar(&o.Alike, "alike", "report", "nearly the same pictures in two splits: `WORD` report, refuse or off")
	f.BoolVar(&o.Resume, "resume", false, "keep what is done when it stops, and go on from there the next time")
	like := f.String("like", "", "take the options of this `FILE` dataset.json")
	return func(o app.DatasetOptions) (app.DatasetOptions, error) {
		if *like != "" {
			file, err := os.Open(*like)
			if err != nil {
				return o, err
			}
			recipe, err := app.DatasetRecipe(file)
			if err = errors.Join(err, file.Close()); err != nil {
				return o, err
			}
			recipe.Out, recipe.Site, recipe.Resume = o.Out, o.Site, o.Resume
			o = recipe
		}
		if *sites == "" {
			return o, nil
		}
		table, err := readSites(*sites)
		o.Sites = table
		return o, err
	}
}

// readSites reads a table of two columns.
func readSites(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = 2
	sites := map[string]string{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return sites, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		sites[strings.TrimSpace(row[0])] = strings.TrimSpace(row[1])
	}
}

func datasetVerifyVerb() verb {
	return verb{
		name:    "dataset verify",
		short:   "compare a dataset with its SHA256SUMS",
		long:    "Every file is read. It fails when one is missing, changed, or not in the manifest.",
		example: "coverslipctl dataset verify colon-patches",
		args:    "DIR",
		min:     1,
		max:     1,
		setup: func(f *flag.FlagSet) func(c *call) error {
			return func(c *call) error {
				n, faults, err := app.VerifyDataset(c.args[0])
				if err != nil {
					return err
				}
				if len(faults) > 0 {
					for _, x := range faults {
						c.say("%s: %s", x.File, x.What)
					}
					return fmt.Errorf("%d of %d file(s) of %s are not as its manifest says", len(faults), n, c.args[0])
				}
				return c.result(map[string]any{"files": n, "faults": faults}, func(w io.Writer) {
					fmt.Fprintf(w, "%s: %d files are as the manifest says\n", c.args[0], n)
				})
			}
		},
	}
}
