package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"coverslip/annotate"
)

// mkdirOf makes the folder of a file.
func mkdirOf(file string) error { return os.MkdirAll(filepath.Dir(file), 0o755) }

// balanceJSON is report.json: what stands against what in a dataset.
type balanceJSON struct {
	Classes []balanceClass  `json:"classes"`
	Largest float64         `json:"largestToSmallest"` // patches of the largest class by those of the smallest
	Readers []balanceReader `json:"readers"`
	Alike   int             `json:"nearDuplicatesAcrossSplits"`
	Compare string          `json:"nearDuplicatesBy"`
	Divided string          `json:"divided"`
}

// balanceClass is one class in one split.
type balanceClass struct {
	Class     string  `json:"class"`
	Split     string  `json:"split"`
	Patches   int     `json:"patches"`
	Slides    int     `json:"slides"`
	Patients  int     `json:"patients"`
	Labels    int     `json:"labels"`
	Area      float64 `json:"areaMM2"`   // of the labels, overlaps counted twice
	Effective float64 `json:"effective"` // (1−βⁿ)/(1−β), β = 0.999 (Cui et al. 2019)
}

// balanceReader is what one reader gave.
type balanceReader struct {
	Reader   string         `json:"reader"`
	Labels   int            `json:"labels"`
	Accepted int            `json:"suggestionsTaken"`
	Slides   int            `json:"slides"`
	Area     float64        `json:"areaMM2"`
	Classes  map[string]int `json:"classes"`
}

// tally of a class in a split, or of a reader.
type balanceTally struct {
	slides, patients map[string]bool
	patches, labels  int
	taken            int
	area             float64
	classes          map[string]int
}

func newBalanceTally() *balanceTally {
	return &balanceTally{slides: map[string]bool{}, patients: map[string]bool{}, classes: map[string]int{}}
}

// balance counts classes, areas and readers.
func (x *exporter) balance() (balanceJSON, error) {
	classes, readers := map[[2]string]*balanceTally{}, map[string]*balanceTally{}
	of := func(class, split string) *balanceTally {
		k := [2]string{class, split}
		if classes[k] == nil {
			classes[k] = newBalanceTally()
		}
		return classes[k]
	}
	for _, r := range x.rows {
		for _, class := range r.labelsOf() {
			t := of(class, r.split)
			t.patches++
			t.slides[r.slide], t.patients[r.patient] = true, true
		}
	}
	for _, e := range x.slides {
		set, err := x.s.Objects(e.item.ID)
		if err != nil {
			return balanceJSON{}, err
		}
		set.All(func(o *annotate.Object) bool {
			c := x.class(o.Class)
			if !o.IsLabel() || c == nil {
				return true
			}
			mm2 := o.ROI.Area() * e.item.MPPX * e.item.MPPY / 1e6
			t := of(c.name, e.split)
			t.labels++
			t.area += mm2
			who := x.names.person(o.By.Author)
			if o.Kind == annotate.Detection {
				who = x.names.person(o.Review.By)
			}
			r := readers[who]
			if r == nil {
				r = newBalanceTally()
				readers[who] = r
			}
			if o.Kind == annotate.Detection {
				r.taken++
			}
			r.labels++
			r.area += mm2
			r.slides[e.id] = true
			r.classes[c.name]++
			return true
		})
	}
	return x.balanced(classes, readers), nil
}

func (x *exporter) balanced(classes map[[2]string]*balanceTally, readers map[string]*balanceTally) balanceJSON {
	b := balanceJSON{Classes: []balanceClass{}, Readers: []balanceReader{}, Alike: len(x.alike), Compare: x.o.Alike, Divided: x.o.Divide}
	most, least := 0, math.MaxInt
	for _, c := range x.classes {
		sum := 0
		for _, split := range splitNames {
			t := classes[[2]string{c.name, split}]
			if t == nil {
				continue
			}
			sum += t.patches
			const beta = 0.999
			b.Classes = append(b.Classes, balanceClass{c.name, split, t.patches, len(t.slides), len(t.patients), t.labels,
				sixDecimals(t.area), sixDecimals((1 - math.Pow(beta, float64(t.patches))) / (1 - beta))})
		}
		if sum > 0 {
			most, least = max(most, sum), min(least, sum)
		}
	}
	if most > 0 {
		b.Largest = sixDecimals(float64(most) / float64(least))
	}
	for _, name := range sortedKeysOf(readers) {
		t := readers[name]
		b.Readers = append(b.Readers, balanceReader{name, t.labels, t.taken, len(t.slides), sixDecimals(t.area), t.classes})
	}
	return b
}

// sixDecimals keeps six decimals: sums in another order must give the same bytes.
func sixDecimals(v float64) float64 { return math.Round(v*1e6) / 1e6 }

func sortedKeysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (x *exporter) writeReport() error {
	b, err := x.balance()
	if err != nil {
		return err
	}
	return x.createJSON("report.json", b)
}

// writeCroissant writes the description that dataset search and loaders read.
// Source: MLCommons Croissant 1.0.
func (x *exporter) writeCroissant() error {
	sum, err := fileSum(x.path("manifest.csv"))
	if err != nil {
		return err
	}
	field := func(name, kind string) map[string]any {
		return map[string]any{"@type": "cr:Field", "@id": "patches/" + name, "name": name, "dataType": kind,
			"source": map[string]any{"fileObject": map[string]string{"@id": "manifest"}, "extract": map[string]string{"column": name}}}
	}
	fields := []map[string]any{}
	for _, name := range []string{"file", "id", "slide", "patient", "split", "class", "source", "by", "sha256"} {
		fields = append(fields, field(name, "sc:Text"))
	}
	for _, name := range []string{"x", "y", "w", "h", "px"} {
		fields = append(fields, field(name, "sc:Integer"))
	}
	fields = append(fields, field("mpp", "sc:Float"))
	return x.createJSON("croissant.json", map[string]any{
		"@context": croissantContext(), "@type": "sc:Dataset", "name": "coverslip-dataset",
		"conformsTo":  "http://mlcommons.org/croissant/1.0",
		"description": fmt.Sprintf("%d patches of %d pixels at %g µm per pixel, cut by Coverslip %s. For research use only.", len(x.rows), x.o.Patch, x.o.MPP, Version),
		"distribution": []any{
			map[string]any{"@type": "cr:FileObject", "@id": "manifest", "name": "manifest.csv", "contentUrl": "manifest.csv", "encodingFormat": "text/csv", "sha256": sum},
		},
		"recordSet": []any{map[string]any{"@type": "cr:RecordSet", "@id": "patches", "name": "patches", "field": fields}},
	})
}

// croissantContext is the context that Croissant 1.0 prescribes.
func croissantContext() map[string]any {
	c := map[string]any{"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
		"rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/",
		"data":     map[string]string{"@id": "cr:data", "@type": "@json"},
		"dataType": map[string]string{"@id": "cr:dataType", "@type": "@vocab"},
		"examples": map[string]string{"@id": "cr:examples", "@type": "@json"}, "conformsTo": "dct:conformsTo"}
	for _, w := range []string{"citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes", "isLiveDataset",
		"jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "separator", "source", "subField", "transform"} {
		c[w] = "cr:" + w
	}
	return c
}

// writeProv says in W3C PROV (PROV-JSON) what came from what, by whom. It holds
// pseudonyms and no times: the same dataset has the same bytes.
func (x *exporter) writeProv() error {
	entity := map[string]any{"dataset": map[string]any{"prov:type": "coverslip:dataset", "coverslip:patches": len(x.rows)}}
	agent := map[string]any{"coverslip": map[string]any{"prov:type": "prov:SoftwareAgent", "coverslip:version": Version}}
	used, derived, attributed := map[string]any{}, map[string]any{}, map[string]any{}
	for i, e := range x.slides {
		entity[e.id] = map[string]any{"prov:type": "coverslip:slide", "coverslip:split": e.split}
		used[fmt.Sprintf("_:u%d", i)] = map[string]string{"prov:activity": "export", "prov:entity": e.id}
		derived[fmt.Sprintf("_:d%d", i)] = map[string]string{"prov:generatedEntity": "dataset", "prov:usedEntity": e.id}
	}
	people := map[string]bool{}
	for _, r := range x.rows {
		if r.by != "" {
			people[r.by] = true
		}
	}
	for i, name := range sortedKeysOf(people) {
		agent[name] = map[string]string{"prov:type": "prov:Person"}
		attributed[fmt.Sprintf("_:a%d", i)] = map[string]string{"prov:entity": "dataset", "prov:agent": name}
	}
	for _, m := range x.sortedModels() {
		agent["model-"+m.Hash[:min(12, len(m.Hash))]] = map[string]any{"prov:type": "prov:SoftwareAgent", "coverslip:sha256": m.Hash, "coverslip:untrained": m.Untrained}
	}
	return x.createJSON("prov.json", map[string]any{
		"prefix":            map[string]string{"coverslip": "urn:coverslip:", "prov": "http://www.w3.org/ns/prov#"},
		"entity":            entity,
		"agent":             agent,
		"activity":          map[string]any{"export": map[string]any{"prov:type": "coverslip:export", "coverslip:options": x.o}},
		"used":              used,
		"wasDerivedFrom":    derived,
		"wasAttributedTo":   attributed,
		"wasGeneratedBy":    map[string]any{"_:g0": map[string]string{"prov:entity": "dataset", "prov:activity": "export"}},
		"wasAssociatedWith": map[string]any{"_:w0": map[string]string{"prov:activity": "export", "prov:agent": "coverslip"}},
	})
}

// sumsName is the manifest of all other files.
const sumsName = "SHA256SUMS"

// writeSums writes the sum of every file, as sha256sum -c reads it. The sums of
// images are those taken when they were written.
func (x *exporter) writeSums() error {
	known := map[string]string{}
	for _, r := range x.rows {
		known[r.file] = r.sum
	}
	var lines []string
	err := filepath.WalkDir(x.dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(x.dir, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == resumeFolder {
				return fs.SkipDir
			}
			return nil
		}
		sum := known[rel]
		if sum == "" {
			if sum, err = fileSum(file); err != nil {
				return err
			}
		}
		lines = append(lines, sum+"  "+rel)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	return os.WriteFile(x.path(sumsName), []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

// DatasetFault is a file of a dataset that is not as its manifest says.
type DatasetFault struct {
	File string
	What string // "missing", "changed", "not in the manifest"
}

// VerifyDataset compares every file of a dataset with its SHA256SUMS; it returns
// what differs, and an error when there is no manifest.
func VerifyDataset(dir string) (files int, faults []DatasetFault, err error) {
	f, err := os.Open(filepath.Join(dir, sumsName))
	if err != nil {
		return 0, nil, about("dataset", dir, err)
	}
	defer f.Close()
	listed := map[string]bool{sumsName: true}
	for lines := bufio.NewScanner(f); ; {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return files, faults, about("dataset", dir, err)
			}
			break
		}
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || !filepath.IsLocal(filepath.FromSlash(name)) {
			return files, faults, about("dataset", dir, fmt.Errorf("%s: line %q is no sum and name", sumsName, lines.Text()))
		}
		listed[name] = true
		files++
		switch got, err := fileSum(filepath.Join(dir, filepath.FromSlash(name))); {
		case err != nil:
			faults = append(faults, DatasetFault{name, "missing"})
		case got != sum:
			faults = append(faults, DatasetFault{name, "changed"})
		}
	}
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err == nil && !listed[filepath.ToSlash(rel)] {
			faults = append(faults, DatasetFault{filepath.ToSlash(rel), "not in the manifest"})
		}
		return err
	})
	return files, faults, err
}

// DatasetRecipe reads from a dataset.json the options that made it. What names
// places and people (Out, Site, Sites) is not in it and has to be given again.
func DatasetRecipe(r io.Reader) (DatasetOptions, error) {
	var d datasetJSON
	if err := json.NewDecoder(io.LimitReader(r, 1<<30)).Decode(&d); err != nil {
		return DatasetOptions{}, fmt.Errorf("dataset.json: %w", err)
	}
	if d.Options == nil {
		return DatasetOptions{}, fmt.Errorf("dataset.json: it was made by %s, which did not note its options", d.Made)
	}
	return *d.Options, nil
}
