package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"
)

// DatasetReport says what was exported.
type DatasetReport struct {
	Out      string         // the folder
	Patches  int            // images written
	Failed   int            // patches whose pixels could not be read
	Slides   int            // slides with a patch
	Patients int            // patients with a patch
	Classes  map[string]int // patches a class
	Splits   map[string]int // patches a split
	Warnings []string       // what the user of the dataset should know
	Alike    int            // pairs of nearly the same pictures in two splits
}

// Names of the splits, in the order of DatasetOptions.Splits.
var splitNames = [3]string{"train", "val", "test"}

// exporter is one run of ExportDataset.
type exporter struct {
	s        *Session
	o        DatasetOptions
	dir      string // temporary folder that becomes o.Out
	names    pseudonyms
	slides   []*slideExport
	classes  []classExport
	rows     []patchRow
	models   map[string]modelUsed // by hash
	warnings []string
	failed   int

	folds  []int // of each slide, where the splits come from folds
	alike  []alikePair
	inside []string // further files, for the papers

	room        roomLeft // on the disk, when it began
	done, total int      // patches written, of how many
}

// slideExport is one slide with at least one labelled patch.
type slideExport struct {
	item    SlideItem
	id      string // name in the dataset
	patient string // name in the dataset
	key     string // of the patient, as the split is drawn from it; never written
	site    string // as DatasetOptions.Sites says; "" when it does not
	split   string
	grid    grid
	patches []patchPlan // row by row
	planes  string      // which of a slide of several the images show
}

// classExport is one class that occurs.
type classExport struct {
	id     annotate.ID
	name   string
	folder string
}

// ExportDataset writes the labelled patches of all slides as a dataset that
// training programs read: images in patches/SPLIT/CLASS, manifest.csv with a
// line a patch, splits.csv with a line a slide, annotations/SLIDE.geojson,
// dataset.json and dataset-card.md.
//
// A patch takes its class by DatasetOptions.Rule, as a rule that of the smallest
// label that holds its centre, on the same grid that suggestions use. Splits are
// divided by patient, and no patient is in two: that is proven before anything is
// written, and a division that would leak is ErrLeak. A slide without a patient
// counts as a patient of its own, and the report warns. Slides, patients and people get pseudonyms keyed by a secret of
// the project, and no path, name, note or date is written, unless Names is set.
// The same project and options give the same bytes.
//
// The folder appears whole or not at all. It returns ErrOutExists for a folder
// with content and ErrNoLabels when no label covers a patch.
func ExportDataset(ctx context.Context, s *Session, o DatasetOptions, p Progress) (DatasetReport, error) {
	o, err := o.withDefaults()
	if err != nil {
		return DatasetReport{}, err
	}
	if err := checkOut(o.Out); err != nil {
		return DatasetReport{}, err
	}
	x := &exporter{s: s, o: o, models: map[string]modelUsed{}}
	if x.names, err = s.pseudonyms(o.Names); err != nil {
		return DatasetReport{}, err
	}
	if err := x.plan(ctx); err != nil {
		return DatasetReport{}, err
	}
	if err := x.divide(); err != nil {
		return DatasetReport{}, err
	}
	report, err := x.write(ctx, p)
	if err != nil {
		return DatasetReport{}, err
	}
	return report, nil
}

// checkOut refuses a folder with content, and a file.
func checkOut(out string) error {
	entries, err := os.ReadDir(out)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return about("folder", out, err)
	case len(entries) > 0:
		return about("folder", out, ErrOutExists)
	}
	return nil
}

// plan finds the labelled patches of every slide.
func (x *exporter) plan(ctx context.Context) error {
	used := map[annotate.ID]bool{}
	var noScale []string
	for _, item := range x.s.Slides() {
		if item.Labels == 0 {
			continue
		}
		e, err := x.planSlide(ctx, item, used)
		if errors.Is(err, ErrNoScale) {
			noScale = append(noScale, item.Name)
			continue
		}
		if err != nil {
			return err
		}
		if len(e.patches) == 0 {
			continue
		}
		e.id = x.names.slide(item)
		e.key = cmp.Or(item.Patient, "slide "+item.Fingerprint)
		e.patient = x.names.patient(item)
		e.site = x.siteOf(item)
		x.slides = append(x.slides, e)
	}
	if len(x.slides) == 0 {
		if len(noScale) > 0 {
			return about("slide", noScale[0], ErrNoScale)
		}
		return fmt.Errorf("dataset: %w", ErrNoLabels)
	}
	if len(noScale) > 0 {
		x.warn("%d labelled slide(s) were left out because they do not say how many µm a pixel is.", len(noScale))
	}
	slices.SortFunc(x.slides, func(a, b *slideExport) int { return strings.Compare(a.id, b.id) })
	x.planClasses(used)
	x.planWarnings()
	return nil
}

// planClasses gives every class that occurs a folder of its own.
func (x *exporter) planClasses(used map[annotate.ID]bool) {
	taken := map[string]bool{}
	palette := x.s.Palette()
	for _, c := range palette {
		if !used[c.ID] {
			continue
		}
		folder := safeName(c.Name)
		for n := 2; taken[strings.ToLower(folder)]; n++ {
			folder = fmt.Sprintf("%s-%d", safeName(c.Name), n)
		}
		taken[strings.ToLower(folder)] = true
		x.classes = append(x.classes, classExport{c.ID, c.Name, folder})
	}
}

// planWarnings says what a reader of the dataset should know beforehand.
func (x *exporter) planWarnings() {
	alone := 0
	for _, e := range x.slides {
		if e.item.Patient == "" {
			alone++
		}
	}
	if alone > 0 {
		x.warn("%d slide(s) name no patient and count as a patient each; if two are of one person, that person may be in two splits.", alone)
	}
	if len(x.classes) < 2 {
		x.warn("Only one class has patches.")
	}
}

func (x *exporter) warn(format string, args ...any) {
	x.warnings = append(x.warnings, fmt.Sprintf(format, args...))
}

// class finds the class of a label; nil when the palette has lost it.
func (x *exporter) class(id annotate.ID) *classExport {
	for i := range x.classes {
		if x.classes[i].id == id {
			return &x.classes[i]
		}
	}
	return nil
}

// write makes everything in a temporary folder and renames it.
func (x *exporter) write(ctx context.Context, p Progress) (DatasetReport, error) {
	out, err := filepath.Abs(x.o.Out)
	if err != nil {
		return DatasetReport{}, about("folder", x.o.Out, err)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return DatasetReport{}, err
	}
	sweep(filepath.Dir(out), time.Now().Add(-abandoned))
	x.room = roomAt(out)
	if err := x.begin(out); err != nil {
		return DatasetReport{}, err
	}
	err = x.room.spent(x.writeAll(ctx, p), x.done, x.total)
	if err == nil {
		err = os.Chmod(x.dir, 0o755)
	}
	if err == nil {
		err = x.forget()
	}
	if err == nil { // a power cut must not leave the name with half of its files
		err = syncTree(x.dir)
	}
	if err == nil {
		err = replaceEmpty(x.dir, out)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(out))
	}
	if err != nil {
		return DatasetReport{}, errors.Join(err, x.giveUp())
	}
	return x.report(), nil
}

// replaceEmpty renames dir to out; an empty folder there gives way.
func replaceEmpty(dir, out string) error {
	if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return about("folder", out, ErrOutExists)
	}
	return os.Rename(dir, out)
}

func (x *exporter) writeAll(ctx context.Context, p Progress) error {
	if err := x.writePatches(ctx, p); err != nil {
		return err
	}
	if len(x.rows) == 0 {
		return fmt.Errorf("dataset: %w: none of the patches could be read", ErrNoLabels)
	}
	if x.failed > 0 {
		x.warn("%d labelled patch(es) were left out because the slide could not be read there.", x.failed)
	}
	p.report("Writing the papers", 0, 0)
	if err := x.compareSplits(); err != nil {
		return err
	}
	for _, f := range []func(context.Context) error{x.writeEmbeddings, x.writePyramids} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	for _, f := range []func() error{x.writeManifest, x.writeSplits, x.writeAnnotations, x.writeLayout, x.writeReport,
		x.writeJSON, x.writeCard, x.writeCroissant, x.writeProv, x.writeSums} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) report() DatasetReport {
	r := DatasetReport{
		Out: x.o.Out, Patches: len(x.rows), Failed: x.failed,
		Classes: map[string]int{}, Splits: map[string]int{}, Warnings: x.warnings, Alike: len(x.alike),
	}
	slides, patients := map[string]bool{}, map[string]bool{}
	for _, row := range x.rows {
		r.Classes[row.class]++
		r.Splits[row.split]++
		for _, name := range row.also {
			r.Classes[name]++
		}
		slides[row.slide], patients[row.patient] = true, true
	}
	r.Slides, r.Patients = len(slides), len(patients)
	return r
}
