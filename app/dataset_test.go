package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/annotate"
)

// tree reads every file below a folder.
func tree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files[filepath.ToSlash(rel)] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// table reads a CSV file of a dataset as maps.
func table(t *testing.T, b []byte) []map[string]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		all = append(all, m)
	}
	return all
}

// datasetProject is a project with labels by a person and by a model, and
// sentinels wherever something about a person can stand.
func datasetProject(t *testing.T) (*Session, annotate.ID) {
	t.Helper()
	s, slide := newProject(t)
	s.SetAuthor("ZZPHI-author")
	ids := label(t, s)
	o := object(t, s, slide, ids[0])
	named := *o
	named.Name, named.Notes, named.Meta = "ZZPHI-name", "ZZPHI-notes", map[string]string{"k": "ZZPHI-meta"}
	if err := s.Apply(annotate.Replace(slide, "Note", o, &named)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	s.SetAuthor("ZZPHI-reviewer")
	queue := s.Queue(slide)
	if err := errors.Join(s.Accept(queue[0].ID, queue[1].ID), s.Reject(queue[2].ID),
		s.Reclass(class(t, s, "Fat"), queue[3].ID)); err != nil {
		t.Fatal(err)
	}
	item, err := s.Slide(slide)
	if err != nil {
		t.Fatal(err)
	}
	sl := item.Slide
	sl.Name, sl.Patient, sl.Case, sl.Notes = "ZZPHI-slide.svs", "ZZPHI-patient", "ZZPHI-case", "ZZPHI-remark"
	if err := s.UpdateSlide(sl); err != nil {
		t.Fatal(err)
	}
	return s, slide
}

func options(out string) DatasetOptions {
	return DatasetOptions{Out: out, Patch: 64, MPP: 1, Seed: 3}
}

func TestExportDataset_WholeAndConsistent(t *testing.T) {
	s, _ := datasetProject(t)
	out := filepath.Join(t.TempDir(), "set")
	r, err := ExportDataset(t.Context(), s, options(out), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Patches != 12+3 || r.Slides != 1 || r.Patients != 1 || r.Failed != 0 || r.Classes["Fat"] != 1 {
		t.Errorf("report %+v", r)
	}
	files := tree(t, out)
	rows := table(t, files["manifest.csv"])
	if len(rows) != r.Patches {
		t.Fatalf("%d rows", len(rows))
	}
	people, models, decisions := 0, 0, map[string]int{}
	for _, row := range rows {
		b, ok := files[row["file"]]
		if !ok {
			t.Fatalf("%s is in the manifest only", row["file"])
		}
		sum := sha256.Sum256(b)
		img, err := png.Decode(bytes.NewReader(b))
		if hex.EncodeToString(sum[:]) != row["sha256"] || err != nil || img.Bounds().Dx() != 64 || img.Bounds().Dy() != 64 {
			t.Errorf("%s: sum or size is wrong: %v", row["file"], err)
		}
		want := fmt.Sprintf("patches/%s/%s/%s.png", row["split"], row["class"], row["id"])
		if row["file"] != want || row["w"] != "64" || row["px"] != "64" || row["mpp"] != "1" {
			t.Errorf("row %v", row)
		}
		if row["source"] == "model" {
			models++
			decisions[row["decision"]]++
		} else {
			people++
		}
	}
	if people != 12 || models != 3 || decisions["accepted"] != 2 || decisions["reclassed"] != 1 {
		t.Errorf("%d by people, %d by models, %v", people, models, decisions)
	}
	var d datasetJSON
	if err := json.Unmarshal(files["dataset.json"], &d); err != nil {
		t.Fatal(err)
	}
	for name, want := range d.Files {
		sum := sha256.Sum256(files[name])
		if hex.EncodeToString(sum[:]) != want {
			t.Errorf("the sum of %s does not fit", name)
		}
	}
	if d.Patches != r.Patches || len(d.Models) != 1 || !d.Models[0].Untrained || d.Models[0].Patches != 3 {
		t.Errorf("dataset.json %+v", d)
	}
	if card := string(files["dataset-card.md"]); !strings.Contains(card, "untrained") || !strings.Contains(card, "| Tumour |") {
		t.Errorf("card:\n%s", card)
	}
	if len(files) != r.Patches+10 {
		t.Errorf("files: %v", sorted(files))
	}
}

func sorted(m map[string][]byte) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestExportDataset_SameBytesTwice(t *testing.T) {
	s, _ := datasetProject(t)
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for _, out := range []string{a, b} {
		if _, err := ExportDataset(t.Context(), s, options(out), nil); err != nil {
			t.Fatal(err)
		}
	}
	x, y := tree(t, a), tree(t, b)
	if !slices.Equal(sorted(x), sorted(y)) {
		t.Fatalf("other files: %v %v", sorted(x), sorted(y))
	}
	for name := range x {
		if !bytes.Equal(x[name], y[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// No export holds a name, note or path; with Names the names are there, so the
// search does find what is there to be found.
func TestExportDataset_NamesNobody(t *testing.T) {
	s, _ := datasetProject(t)
	parent := filepath.Dir(s.Dir())
	find := func(names bool) map[string]bool {
		o := options(filepath.Join(t.TempDir(), "set"))
		o.Names = names
		if _, err := ExportDataset(t.Context(), s, o, nil); err != nil {
			t.Fatal(err)
		}
		hits := map[string]bool{}
		for name, b := range tree(t, o.Out) {
			for _, bad := range []string{"ZZPHI-author", "ZZPHI-reviewer", "ZZPHI-name", "ZZPHI-notes", "ZZPHI-meta",
				"ZZPHI-slide", "ZZPHI-patient", "ZZPHI-case", "ZZPHI-remark", "slide.svs", parent} {
				if bytes.Contains(b, []byte(bad)) || strings.Contains(name, bad) {
					hits[bad] = true
				}
			}
		}
		return hits
	}
	if hits := find(false); len(hits) != 0 {
		t.Errorf("the dataset tells %v", hits)
	}
	hits := find(true)
	for _, want := range []string{"ZZPHI-author", "ZZPHI-reviewer", "ZZPHI-patient", "ZZPHI-notes"} {
		if !hits[want] {
			t.Errorf("with names: %s is missing", want)
		}
	}
	if hits[parent] {
		t.Error("a path must never be exported")
	}
}

func TestExportDataset_NoPatientInTwoSplits(t *testing.T) {
	s, _ := newProject(t)
	for n := range 7 {
		path := filepath.Join(filepath.Dir(s.Dir()), fmt.Sprintf("s%d.svs", n))
		writeSlide(t, path, uint64(10+n))
		id, err := s.AddSlide(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		item, err := s.Slide(id)
		if err != nil {
			t.Fatal(err)
		}
		sl := item.Slide
		sl.Patient = fmt.Sprintf("patient %d", n/2) // two slides each
		if n == 6 {
			sl.Patient = "" // nobody: a patient of its own
		}
		if err := s.UpdateSlide(sl); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenSlide(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		draw(t, s, "Tumour", 64, 128, 192, 256)
	}
	out := filepath.Join(t.TempDir(), "set")
	r, err := ExportDataset(t.Context(), s, options(out), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Slides != 7 || r.Patients != 4 || r.Patches != 7*4 {
		t.Errorf("%+v", r)
	}
	splits := map[string]string{}
	for _, row := range table(t, tree(t, out)["splits.csv"]) {
		if was, ok := splits[row["patient"]]; ok && was != row["split"] {
			t.Errorf("patient %s is in %s and %s", row["patient"], was, row["split"])
		}
		splits[row["patient"]] = row["split"]
	}
	if len(splits) != 4 {
		t.Errorf("patients %v", splits)
	}
	if !strings.Contains(strings.Join(r.Warnings, "\n"), "name no patient") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestExportDataset_RefusesAndLeavesNothing(t *testing.T) {
	s, _ := newProject(t)
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := ExportDataset(t.Context(), s, options(filepath.Join(dir, "new")), nil); !errors.Is(err, ErrNoLabels) {
		t.Errorf("without labels: %v", err)
	}
	label(t, s)
	if _, err := ExportDataset(t.Context(), s, options(full), nil); !errors.Is(err, ErrOutExists) {
		t.Errorf("into a folder with content: %v", err)
	}
	bad := options(filepath.Join(dir, "new"))
	bad.Splits = [3]float64{-1, 1, 1}
	if _, err := ExportDataset(t.Context(), s, bad, nil); err == nil {
		t.Error("negative shares were taken")
	}
	if _, err := ExportDataset(t.Context(), s, options(empty), nil); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
	// The slide vanishes: an error, and no half dataset.
	if err := os.Remove(filepath.Join(filepath.Dir(s.Dir()), "slide.svs")); err != nil {
		t.Fatal(err)
	}
	if _, err := ExportDataset(t.Context(), s, options(filepath.Join(dir, "gone")), nil); !errors.Is(err, ErrSlideMissing) {
		t.Errorf("without the slide: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestGuard_Formulas(t *testing.T) {
	for in, want := range map[string]string{
		"=HYPERLINK(\"x\")": "'=HYPERLINK(\"x\")", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx",
		"Tumour": "Tumour", "": "", "a=b": "a=b",
	} {
		if got := guard(in); got != want {
			t.Errorf("guard(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSafeName_Table(t *testing.T) {
	for in, want := range map[string]string{
		"Tumour": "Tumour", "Tumor: positive": "Tumor__positive", "../../etc": "_._.._etc",
		"": "_", ".hidden": "_hidden", "Grad/3": "Grad_3", "Ä": "_",
	} {
		if got := safeName(in); got != want {
			t.Errorf("safeName(%q) = %q, want %q", in, got, want)
		}
	}
	if n := len(safeName(strings.Repeat("x", 300))); n != 80 {
		t.Errorf("%d letters", n)
	}
}
