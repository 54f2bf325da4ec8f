package app

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/geojson"
)

// number writes a float as short as it can be without loss.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// cell text that a spreadsheet would run as a formula is quoted by an
// apostrophe (CWE-1236).
func guard(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// writeCSV writes a table; every cell is guarded.
func (x *exporter) writeCSV(name string, header []string, rows [][]string) error {
	f, err := os.Create(filepath.Join(x.dir, name))
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	err = w.Write(header)
	for _, row := range rows {
		if err != nil {
			break
		}
		for i := range row {
			row[i] = guard(row[i])
		}
		err = w.Write(row)
	}
	w.Flush()
	return firstError(err, w.Error(), f.Close())
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// writeManifest writes a line a patch.
func (x *exporter) writeManifest() error {
	header := []string{"file", "id", "slide", "patient", "split", "class",
		"x", "y", "w", "h", "mpp", "px", "source", "decision", "by", "label",
		"model", "untrained", "score", "colour", "sha256"}
	if x.o.Multi {
		header = append(header, "classes")
	}
	if x.o.Captions {
		header = append(header, "caption", "caption_by")
	}
	if x.o.Masks {
		header = append(header, "mask")
	}
	rows := make([][]string, len(x.rows))
	for i, r := range x.rows {
		score, untrained := "", ""
		if r.source == "model" {
			score, untrained = strconv.FormatFloat(r.score, 'f', 4, 64), strconv.FormatBool(r.untrained)
		}
		side := strconv.Itoa(r.side)
		rows[i] = []string{r.file, r.id, r.slide, r.patient, r.split, r.class,
			strconv.Itoa(r.x), strconv.Itoa(r.y), side, side, number(r.mpp), strconv.Itoa(r.px),
			r.source, r.decision, r.by, r.label, r.model, untrained, score, r.colour, r.sum}
		if x.o.Multi {
			rows[i] = append(rows[i], strings.Join(r.labelsOf(), "|"))
		}
		if x.o.Captions {
			rows[i] = append(rows[i], r.caption, r.captionBy)
		}
		if x.o.Masks {
			rows[i] = append(rows[i], r.mask)
		}
	}
	return x.writeCSV("manifest.csv", header, rows)
}

// writeSplits writes a line a slide, the slides of a patient together.
func (x *exporter) writeSplits() error {
	count := map[string]int{}
	for _, r := range x.rows {
		count[r.slide]++
	}
	var rows [][]string
	header := []string{"patient", "slide", "split", "patches"}
	if x.folds != nil {
		header = append(header, "fold")
	}
	if x.o.Sites != nil {
		header = append(header, "site")
	}
	for i, e := range x.slides {
		if count[e.id] == 0 {
			continue
		}
		row := []string{e.patient, e.id, e.split, strconv.Itoa(count[e.id])}
		if x.folds != nil {
			row = append(row, strconv.Itoa(x.folds[i]))
		}
		if x.o.Sites != nil {
			row = append(row, x.names.site(e.site))
		}
		rows = append(rows, row)
	}
	sort.Slice(rows, func(i, j int) bool {
		if rows[i][0] != rows[j][0] {
			return rows[i][0] < rows[j][0]
		}
		return rows[i][1] < rows[j][1]
	})
	return x.writeCSV("splits.csv", header, rows)
}

// writeAnnotations writes the labels of each slide as GeoJSON.
func (x *exporter) writeAnnotations() error {
	dir := filepath.Join(x.dir, "annotations")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, e := range x.slides {
		set, err := x.s.Objects(e.item.ID)
		if err != nil {
			return err
		}
		var objects []*annotate.Object
		set.All(func(o *annotate.Object) bool {
			if o.IsLabel() {
				objects = append(objects, x.scrubbed(o))
			}
			return true
		})
		item := e.item
		if !x.o.Names {
			item.Name, item.Fingerprint = e.id, ""
		}
		f, err := os.Create(filepath.Join(dir, e.id+".geojson"))
		if err != nil {
			return err
		}
		err = geojson.Write(f, objects, x.s.Palette(), slideInfo(item))
		if err = firstError(err, f.Close()); err != nil {
			return about("slide", e.item.Name, err)
		}
	}
	return nil
}

// scrubbed is a copy of a label with nothing that names a person or a day, and
// no free text, unless names are kept. Every field that is kept is named here:
// a new field stays at home until somebody decides on it.
func (x *exporter) scrubbed(o *annotate.Object) *annotate.Object {
	if x.o.Names {
		return o
	}
	return &annotate.Object{
		ID: o.ID, Kind: o.Kind, ROI: o.ROI, Class: o.Class, Locked: o.Locked,
		By: annotate.Provenance{
			Author: x.names.person(o.By.Author),
			Model:  o.By.Model, ModelHash: o.By.ModelHash, Untrained: o.By.Untrained,
			Method: o.By.Method, Score: o.By.Score, Margin: o.By.Margin,
			Why: o.By.Why, Nearest: o.By.Nearest, Params: o.By.Params,
		},
		Review: annotate.Review{
			Decision: o.Review.Decision, By: x.names.person(o.Review.By), Was: o.Review.Was,
		},
	}
}

// slideInfo is what an exported file says of its slide.
func slideInfo(item SlideItem) geojson.SlideInfo {
	return geojson.SlideInfo{
		Name: item.Name, Fingerprint: item.Fingerprint,
		Width: item.Width, Height: item.Height, MPPX: item.MPPX, MPPY: item.MPPY,
	}
}

// datasetJSON is the form of dataset.json.
type datasetJSON struct {
	Format   string             `json:"format"`
	Made     string             `json:"madeBy"`
	Patch    int                `json:"patchPixels"`
	MPP      float64            `json:"mpp"`
	Image    string             `json:"image"`
	Colour   string             `json:"colour"` // wished: "raw" or "srgb"; manifest.csv tells it of each patch
	Seed     int64              `json:"seed"`
	Shares   map[string]float64 `json:"shares"`
	Names    bool               `json:"namesKept"`
	Patches  int                `json:"patches"`
	Failed   int                `json:"patchesLeftOut"`
	Patients int                `json:"patients"`
	Slides   []slideJSON        `json:"slides"`
	Classes  []classJSON        `json:"classes"`
	Models   []modelUsed        `json:"models"`
	Warnings []string           `json:"warnings"`
	Files    map[string]string  `json:"sha256"`
	Options  *DatasetOptions    `json:"options"` // from which it can be made again
}

type slideJSON struct {
	ID      string  `json:"id"`
	Patient string  `json:"patient"`
	Split   string  `json:"split"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	MPPX    float64 `json:"mppX"`
	MPPY    float64 `json:"mppY"`
	Patches int     `json:"patches"`
	Planes  string  `json:"planes,omitempty"` // which channels, focal plane and time point the images show
}

type classJSON struct {
	Name    string         `json:"name"`
	Folder  string         `json:"folder"`
	Color   string         `json:"color"`
	Code    string         `json:"code,omitempty"`
	Patches int            `json:"patches"`
	Splits  map[string]int `json:"splits"`
	People  int            `json:"fromPeople"`
	Models  int            `json:"fromModels"`
}

// describe gathers dataset.json.
func (x *exporter) describe() (datasetJSON, error) {
	r := x.report()
	d := datasetJSON{
		Format: "coverslip-" + x.o.Format + "-1", Options: &x.o, Made: "coverslip " + Version,
		Patch: x.o.Patch, MPP: x.o.MPP, Image: x.o.Image, Colour: map[bool]string{true: pixelsSRGB, false: colourWord("")}[x.o.SRGB], Seed: x.o.Seed,
		Shares: map[string]float64{}, Names: x.o.Names,
		Patches: r.Patches, Failed: r.Failed, Patients: r.Patients,
		Models: []modelUsed{}, Warnings: append([]string{}, x.warnings...), Files: map[string]string{},
	}
	for i, name := range splitNames {
		d.Shares[name] = x.o.Splits[i]
	}
	count := map[string]int{}
	for _, row := range x.rows {
		count[row.slide]++
	}
	for _, e := range x.slides {
		d.Slides = append(d.Slides, slideJSON{e.id, e.patient, e.split, e.item.Width, e.item.Height,
			e.item.MPPX, e.item.MPPY, count[e.id], e.planes})
	}
	palette := x.s.Palette()
	for _, c := range x.classes {
		j := classJSON{Name: c.name, Folder: c.folder, Splits: map[string]int{}}
		if full := palette.ByID(c.id); full != nil {
			j.Color = fmt.Sprintf("#%02x%02x%02x", full.Color.R, full.Color.G, full.Color.B)
			j.Code = full.Code
		}
		for _, row := range x.rows {
			if row.class != c.name {
				continue
			}
			j.Patches++
			j.Splits[row.split]++
			if row.source == "model" {
				j.Models++
			} else {
				j.People++
			}
		}
		d.Classes = append(d.Classes, j)
	}
	for _, m := range x.models {
		d.Models = append(d.Models, m)
	}
	sort.Slice(d.Models, func(i, j int) bool { return d.Models[i].Hash < d.Models[j].Hash })
	for _, name := range x.paperNames() {
		sum, err := fileSum(filepath.Join(x.dir, filepath.FromSlash(name)))
		if err != nil {
			return d, err
		}
		d.Files[name] = sum
	}
	return d, nil
}

// colourSentence says in the card which colours the images have.
func (x *exporter) colourSentence() string {
	if !x.o.SRGB {
		return "Colours are the scanner's own, as stored in the slides; no colour profile was applied."
	}
	converted := 0
	for _, row := range x.rows {
		if row.colour == pixelsSRGB {
			converted++
		}
	}
	return fmt.Sprintf("Colours of %d image(s) were converted to sRGB by the colour profile of their slide; the others come from slides without one, or with one that is sRGB. `manifest.csv` tells which.", converted)
}

// paperNames lists the files, besides the patches, that dataset.json vouches
// for; the sums of the patches stand in manifest.csv.
func (x *exporter) paperNames() []string {
	names := []string{"manifest.csv", "splits.csv"}
	for _, e := range x.slides {
		names = append(names, "annotations/"+e.id+".geojson")
	}
	return append(names, x.inside...)
}

// fileSum is the sha256 of a file in hex.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (x *exporter) writeJSON() error {
	d, err := x.describe()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(x.dir, "dataset.json"), append(data, '\n'), 0o644)
}

// writeCard writes the page for people.
func (x *exporter) writeCard() error {
	r := x.report()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("---\ntags:\n- pathology\n- whole-slide-image\n---\n")
	line("# Dataset of labelled patches\n")
	line("%d patches of %d × %d pixels at %g µm per pixel, from %d slide(s) of %d patient(s), cut by Coverslip %s.",
		r.Patches, x.o.Patch, x.o.Patch, x.o.MPP, r.Slides, r.Patients, Version)
	line("For research use only; not for diagnosis.\n")
	line("| class | %s |", strings.Join(splitNames[:], " | "))
	line("|---|--:|--:|--:|")
	for _, c := range x.classes {
		n := map[string]int{}
		for _, row := range x.rows {
			if row.class == c.name {
				n[row.split]++
			}
		}
		line("| %s | %d | %d | %d |", tableText(c.name), n[splitNames[0]], n[splitNames[1]], n[splitNames[2]])
	}
	line("\n## How it was made\n")
	for _, sentence := range x.makingSentences() {
		line("- %s", sentence)
	}
	line("- %s", x.colourSentence())
	for _, e := range x.slides {
		if e.planes != "" {
			line("- Images of the slide %s show %s.", tableText(e.id), tableText(e.planes))
		}
	}
	for _, m := range x.sortedModels() {
		note := ""
		if m.Untrained {
			note = " Its weights are random (untrained): the person's decision is all that stands behind them."
		}
		line("- %d patch(es) were suggested by the model %s and taken over by a person.%s", m.Patches, tableText(m.Name), note)
	}
	if !x.o.Names {
		line("- Slides, patients and people bear pseudonyms; paths, notes and dates are left out. Pixels are as scanned: writing on the glass, if any, is in them.")
	}
	if len(x.warnings) > 0 {
		line("\n## Mind\n")
		for _, w := range x.warnings {
			line("- %s", w)
		}
	}
	line("\n## Files\n")
	for _, sentence := range x.fileSentences() {
		line("- %s", sentence)
	}
	return os.WriteFile(filepath.Join(x.dir, "dataset-card.md"), []byte(b.String()), 0o644)
}

func (x *exporter) sortedModels() []modelUsed {
	var all []modelUsed
	for _, m := range x.models {
		all = append(all, m)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Hash < all[j].Hash })
	return all
}

// tableText keeps a name from breaking the page's table.
func tableText(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ", "<", "&lt;").Replace(s)
}
