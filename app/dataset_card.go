package app

import "fmt"

// makingSentences says in the card how patches and splits came about.
func (x *exporter) makingSentences() []string {
	o := x.o
	grid := "without gap or overlap"
	if o.Stride != o.Patch {
		grid = fmt.Sprintf("every %d pixels", o.Stride)
	}
	rule := map[string]string{
		RuleCentre:   "the class of the smallest label that holds its centre",
		RuleMajority: "the class that covers more of it than any other class and more than what is not labelled",
		RuleCover:    fmt.Sprintf("the class that covers most of it, if that is %g %% at least", 100*o.Cover),
	}[o.Rule]
	if o.Multi {
		rule = fmt.Sprintf("every class that covers %g %% of it, the largest share first", 100*o.Cover)
	}
	s := []string{
		fmt.Sprintf("The slide is cut into squares %s from its upper left corner; a square takes %s.", grid, rule),
		"Squares are reduced by Pillow's bicubic filter from the next finer level of the slide.",
	}
	if o.Tissue > 0 {
		s = append(s, fmt.Sprintf("Squares of which less than %g %% is tissue are left out.", 100*o.Tissue))
	}
	switch o.Divide {
	case DivideDraw:
		s = append(s, fmt.Sprintf("Splits are drawn by patient (seed %d): no patient is in two splits.", o.Seed))
	case DivideSite:
		s = append(s, fmt.Sprintf("One site is the test set (%s); the patients of the others are drawn (seed %d): no patient is in two splits.", tableText(x.names.site(o.Site)), o.Seed))
	default:
		even := ""
		if o.Divide == DivideStratified {
			even = ", classes kept even"
		}
		s = append(s, fmt.Sprintf("Patients are divided into %d folds%s; fold %d is the test set, the next one validation: no patient is in two splits.", o.Folds, even, o.Fold))
	}
	switch {
	case o.Alike == "off":
		s = append(s, "Nobody looked for nearly the same pictures in two splits.")
	case len(x.alike) == 0:
		s = append(s, "No two pictures in different splits are nearly the same, by a perceptual hash, and by embeddings where these are in the dataset.")
	}
	if o.Captions {
		s = append(s, "Texts are sentences that a model found or made and a person accepted, for research use only; they are free text and were not checked for names.")
	}
	return s
}

// fileSentences lists the files in the card.
func (x *exporter) fileSentences() []string {
	o := x.o
	var s []string
	switch o.Format {
	case LayoutCOCO:
		s = append(s, "`images/SPLIT/*`, `annotations/instances_SPLIT.json`: COCO, with run-length masks; category 1 is the first class below.")
	case LayoutYOLO:
		s = append(s, "`images/SPLIT/*`, `labels/SPLIT/*.txt`, `data.yaml`: YOLO boxes.")
	case LayoutWebDataset:
		s = append(s, "`shards/SPLIT-*.tar`: samples of `ID."+o.Image+"`, `ID.cls` (number of the class in dataset.json, from 0) and `ID.json`.")
	default:
		s = append(s, "`patches/SPLIT/CLASS/*."+o.Image+"`: the images; load with any image-folder reader.")
		if o.Format == LayoutImageFolder {
			s = append(s, "`patches/SPLIT/metadata."+o.Meta+"`: columns for Hugging Face's imagefolder: `load_dataset(\"imagefolder\", data_dir=\"patches\")`.")
		}
	}
	if o.Masks {
		s = append(s, "`masks/SPLIT/*.png` (in shards `ID.mask.png`): numbers of classes, 0 where there is no label, the classes of dataset.json from 1.")
	}
	if o.Pyramids != "" {
		s = append(s, "`labels/SLIDE.tif`: class numbers of the whole slide as a pyramid.")
	}
	if o.Vectors != "" {
		s = append(s, "`embeddings/SLIDE.*`: vectors of the project's encoder and their squares.")
	}
	return append(s,
		"`manifest.csv`: a line a patch. x, y, w, h are level-0 pixels of the slide, x to the right, y down.",
		"`splits.csv`: a line a slide. `annotations/*.geojson`: the labels, as QuPath reads them.",
		"`report.json`: classes, areas and readers. `croissant.json`, `prov.json`: the same dataset for search engines, and what came from what.",
		"`dataset.json`: everything for programs, with the options that make the same bytes again. `SHA256SUMS`: every file (`sha256sum -c`).")
}
