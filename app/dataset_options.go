package app

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coverslip/tiles"
)

// Layouts of a dataset: how training programs want to find it.
const (
	LayoutImageFolder = "imagefolder" // Hugging Face: a folder a class, metadata beside the images
	LayoutFolders     = "folders"     // a folder a class and nothing else
	LayoutCOCO        = "coco"        // images, instances_SPLIT.json with boxes and run-length masks
	LayoutYOLO        = "yolo"        // images, a text of boxes each, data.yaml
	LayoutWebDataset  = "webdataset"  // tar shards
)

// Layouts lists the layouts, the usual one first.
func Layouts() []string {
	return []string{LayoutImageFolder, LayoutFolders, LayoutCOCO, LayoutYOLO, LayoutWebDataset}
}

// Rules by which labels give a patch its class.
const (
	RuleCentre   = "centre"   // the smallest label that holds the centre
	RuleMajority = "majority" // the class that covers more than any other and more than what is not labelled
	RuleCover    = "cover"    // the class that covers most, if it covers DatasetOptions.Cover
)

// Rules lists the rules, the usual one first.
func Rules() []string { return []string{RuleCentre, RuleMajority, RuleCover} }

// Ways to divide patients into training, validation and test.
const (
	DivideDraw       = "draw"       // each patient is drawn; stable when slides are added
	DivideKFold      = "kfold"      // folds of equal size
	DivideStratified = "stratified" // folds in which classes are even
	DivideSite       = "site"       // one site is the test set
)

// Divisions lists the ways, the usual one first.
func Divisions() []string { return []string{DivideDraw, DivideKFold, DivideStratified, DivideSite} }

// DatasetOptions says what a dataset is to be. The zero value of a field is
// usable; only Out must be given. Fields with a name in JSON are what
// dataset.json records, from which the same bytes can be made again.
type DatasetOptions struct {
	Out    string       `json:"-"`      // folder to make; must not exist, or be empty
	Patch  int          `json:"patch"`  // pixels of a patch's side; 0 takes 224
	MPP    float64      `json:"mpp"`    // µm per pixel of a patch; 0 takes 0.5
	Splits [3]float64   `json:"shares"` // shares of training, validation and test patients; zero takes 0.70, 0.15, 0.15
	Seed   int64        `json:"seed"`   // of the draw of patients into splits
	Format string       `json:"layout"` // one of Layouts; "" takes imagefolder
	Image  string       `json:"image"`  // "png" (lossless) or "jpg" (quality 95); "" takes png
	Planes tiles.Choice `json:"planes"` // of slides of several planes, what the images show; zero: those shown by default
	SRGB   bool         `json:"srgb"`   // colours converted by each slide's profile; else the scanner's own
	Names  bool         `json:"names"`  // keep names of slides, patients, authors and notes; else pseudonyms

	Meta   string  `json:"metadata"`  // of an imagefolder: "csv", "jsonl" or "parquet"; "" takes csv
	Stride int     `json:"stride"`    // pixels from a patch to the next; 0 takes Patch, less overlaps
	Tissue float64 `json:"minTissue"` // least share of tissue in a patch, 0..1; 0 does not ask
	Rule   string  `json:"rule"`      // one of Rules; "" takes centre
	Cover  float64 `json:"minCover"`  // least share a class covers, 0..1; 0 takes 0.5, with Multi 0.1
	Multi  bool    `json:"multi"`     // a patch has every class that covers Cover of it

	Masks    bool   `json:"masks"`    // a PNG of class numbers beside each patch
	Boxes    bool   `json:"boxes"`    // boxes of the labels in each patch (always with coco and yolo)
	Captions bool   `json:"captions"` // sentences that a person accepted or wrote anew
	Pyramids string `json:"pyramids"` // whole-slide label images: "tiff" (ASAP, OpenSlide), "ome"; "" none
	Vectors  string `json:"vectors"`  // embeddings on disk: "safetensors", "npy", "parquet"; "" none

	Divide string            `json:"divide"` // one of Divisions; "" takes draw
	Folds  int               `json:"folds"`  // with kfold and stratified; 0 takes 5
	Fold   int               `json:"fold"`   // which of them is the test set, 0..Folds-1
	Site   string            `json:"-"`      // with site: which one is the test set
	Sites  map[string]string `json:"-"`      // site of a slide, by its name, case or patient
	Alone  bool              `json:"alone"`  // slides without a patient count as a patient each, also with folds and sites
	Alike  string            `json:"alike"`  // nearly the same pictures in two splits: "report", "refuse" (ErrLeak), "off"; "" reports

	Resume bool `json:"-"` // keep what is done when it stops, and go on from there
}

// needsObjects says whether the labels inside each patch are wanted.
func (o DatasetOptions) needsObjects() bool {
	return o.Boxes || o.Format == LayoutCOCO || o.Format == LayoutYOLO
}

func (o DatasetOptions) withDefaults() (DatasetOptions, error) {
	o.Patch, o.Stride = cmp.Or(o.Patch, defaultPatch), cmp.Or(o.Stride, o.Patch, defaultPatch)
	o.MPP, o.Folds = cmp.Or(o.MPP, defaultMPP), cmp.Or(o.Folds, 5)
	if o.Splits == [3]float64{} {
		o.Splits = [3]float64{0.70, 0.15, 0.15}
	}
	o.Format, o.Image, o.Meta = cmp.Or(o.Format, LayoutImageFolder), cmp.Or(o.Image, "png"), cmp.Or(o.Meta, "csv")
	o.Rule, o.Divide, o.Alike = cmp.Or(o.Rule, RuleCentre), cmp.Or(o.Divide, DivideDraw), cmp.Or(o.Alike, "report")
	if o.Cover == 0 {
		o.Cover = map[bool]float64{true: 0.1, false: 0.5}[o.Multi]
	}
	switch {
	case o.Out == "":
		return o, errors.New("dataset: no output folder is given")
	case o.Patch < 8 || o.Patch > 4096 || !(o.MPP > 0):
		return o, fmt.Errorf("dataset: patches of %d pixels at %g µm: 8 to 4096 pixels and a positive scale are possible", o.Patch, o.MPP)
	case o.Stride < 1 || o.Stride > 1<<16:
		return o, fmt.Errorf("dataset: a stride of %d pixels: 1 to 65536 are possible", o.Stride)
	case !(o.Tissue >= 0 && o.Tissue <= 1) || !(o.Cover > 0 && o.Cover <= 1):
		return o, fmt.Errorf("dataset: shares of tissue %g and cover %g: 0 to 1 are possible", o.Tissue, o.Cover)
	case o.Folds < 2 || o.Folds > 1000 || o.Fold < 0 || o.Fold >= o.Folds:
		return o, fmt.Errorf("dataset: fold %d of %d: the folds are numbered from 0", o.Fold, o.Folds)
	case o.Divide == DivideSite && o.Site == "":
		return o, errors.New("dataset: which site is to be left out is not given")
	}
	for _, word := range []struct {
		what, is string
		known    []string
	}{
		{"format", o.Format, Layouts()}, {"image format", o.Image, []string{"png", "jpg"}},
		{"metadata format", o.Meta, []string{"csv", "jsonl", "parquet"}}, {"label rule", o.Rule, Rules()},
		{"division", o.Divide, Divisions()}, {"word for alike pictures", o.Alike, []string{"report", "refuse", "off"}},
		{"form of label images", o.Pyramids, []string{"", "tiff", "ome"}},
		{"form of embeddings", o.Vectors, []string{"", "safetensors", "npy", "parquet"}},
	} {
		if !slices.Contains(word.known, word.is) {
			return o, fmt.Errorf("dataset: unknown %s %q; known are %s", word.what, word.is, strings.TrimPrefix(strings.Join(word.known, ", "), ", "))
		}
	}
	err := o.share()
	return o, err
}

// share makes the shares add up to one.
func (o *DatasetOptions) share() error {
	sum := 0.0
	for _, share := range o.Splits {
		if !(share >= 0) {
			return fmt.Errorf("dataset: a split of %g: shares must not be negative", share)
		}
		sum += share
	}
	if !(sum > 0) || sum > 1e9 {
		return fmt.Errorf("dataset: splits %v do not add up to a usable sum", o.Splits)
	}
	for i := range o.Splits {
		o.Splits[i] /= sum
	}
	return nil
}
