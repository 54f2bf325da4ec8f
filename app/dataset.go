package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/tiles"
)

// DatasetOptions says what a dataset is to be. The zero value of a field is
// usable; only Out must be given.
type DatasetOptions struct {
	Out    string       // folder to make; must not exist, or be empty
	Patch  int          // pixels of a patch's side; 0 takes 224
	MPP    float64      // µm per pixel of a patch; 0 takes 0.5
	Splits [3]float64   // shares of training, validation and test patients; zero takes 0.70, 0.15, 0.15
	Seed   int64        // of the draw of patients into splits
	Format string       // "imagefolder"; "" takes it
	Image  string       // "png" (lossless) or "jpg" (quality 95); "" takes png
	Planes tiles.Choice // of slides of several planes, what the images show; zero: those shown by default
	SRGB   bool         // colours converted by each slide's profile; else the scanner's own
	Names  bool         // keep names of slides, patients, authors and notes; else pseudonyms
}

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

	room        roomLeft // on the disk, when it began
	done, total int      // patches written, of how many
}

// slideExport is one slide with at least one labelled patch.
type slideExport struct {
	item    SlideItem
	id      string // name in the dataset
	patient string // name in the dataset
	key     string // of the patient, as the split is drawn from it; never written
	split   string
	grid    grid
	patches []example // row by row
	planes  string    // which of a slide of several the images show
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
// A patch takes the class of the smallest label that holds its centre, on the
// same grid that suggestions use. Splits are drawn by patient, so no patient is
// in two; a slide without a patient counts as a patient of its own, and the
// report warns. Slides, patients and people get pseudonyms keyed by a secret of
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
	if err := x.plan(); err != nil {
		return DatasetReport{}, err
	}
	x.draw()
	report, err := x.write(ctx, p)
	if err != nil {
		return DatasetReport{}, err
	}
	return report, nil
}

func (o DatasetOptions) withDefaults() (DatasetOptions, error) {
	if o.Patch == 0 {
		o.Patch = defaultPatch
	}
	if o.MPP == 0 {
		o.MPP = defaultMPP
	}
	if o.Splits == [3]float64{} {
		o.Splits = [3]float64{0.70, 0.15, 0.15}
	}
	o.Format, o.Image = cmp.Or(o.Format, "imagefolder"), cmp.Or(o.Image, "png")
	switch {
	case o.Out == "":
		return o, errors.New("dataset: no output folder is given")
	case o.Patch < 8 || o.Patch > 4096 || !(o.MPP > 0):
		return o, fmt.Errorf("dataset: patches of %d pixels at %g µm: 8 to 4096 pixels and a positive scale are possible", o.Patch, o.MPP)
	case o.Format != "imagefolder":
		return o, fmt.Errorf("dataset: unknown format %q; imagefolder is known", o.Format)
	case o.Image != "png" && o.Image != "jpg":
		return o, fmt.Errorf("dataset: unknown image format %q; png and jpg are known", o.Image)
	}
	sum := 0.0
	for _, share := range o.Splits {
		if !(share >= 0) {
			return o, fmt.Errorf("dataset: a split of %g: shares must not be negative", share)
		}
		sum += share
	}
	if !(sum > 0) || sum > 1e9 {
		return o, fmt.Errorf("dataset: splits %v do not add up to a usable sum", o.Splits)
	}
	for i := range o.Splits {
		o.Splits[i] /= sum
	}
	return o, nil
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
func (x *exporter) plan() error {
	used := map[annotate.ID]bool{}
	var noScale []string
	for _, item := range x.s.Slides() {
		if item.Labels == 0 {
			continue
		}
		g, err := newGrid(item.Slide, x.o.Patch, x.o.MPP)
		if errors.Is(err, ErrNoScale) {
			noScale = append(noScale, item.Name)
			continue
		}
		if err != nil {
			return err
		}
		set, err := x.s.Objects(item.ID)
		if err != nil {
			return err
		}
		e := &slideExport{item: item, grid: g}
		for c, label := range g.labelled(set, anyClass) {
			e.patches = append(e.patches, example{c, label})
			used[label.Class] = true
		}
		if len(e.patches) == 0 {
			continue
		}
		sort.Slice(e.patches, func(i, j int) bool {
			a, b := e.patches[i].cell, e.patches[j].cell
			return a.row < b.row || a.row == b.row && a.col < b.col
		})
		e.id = x.names.slide(item)
		e.key = cmp.Or(item.Patient, "slide "+item.Fingerprint)
		e.patient = x.names.patient(item)
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
	x.dir, err = os.MkdirTemp(filepath.Dir(out), ".coverslip-dataset-*.partial")
	if err != nil {
		return DatasetReport{}, err
	}
	err = x.room.spent(x.writeAll(ctx, p), x.done, x.total)
	if err == nil {
		err = os.Chmod(x.dir, 0o755)
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
		return DatasetReport{}, errors.Join(err, os.RemoveAll(x.dir))
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
	for _, f := range []func() error{x.writeManifest, x.writeSplits, x.writeAnnotations, x.writeJSON, x.writeCard} {
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
		Classes: map[string]int{}, Splits: map[string]int{}, Warnings: x.warnings,
	}
	slides, patients := map[string]bool{}, map[string]bool{}
	for _, row := range x.rows {
		r.Classes[row.class]++
		r.Splits[row.split]++
		slides[row.slide], patients[row.patient] = true, true
	}
	r.Slides, r.Patients = len(slides), len(patients)
	return r
}
