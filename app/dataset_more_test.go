package app

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/tiles/phiscan"
)

// manySlides adds n slides of n/2 patients to a new project, each with squares of
// two classes. Slides of one seed show the same picture.
func manySlides(t *testing.T, n int, seed func(i int) uint64) *Session {
	t.Helper()
	s, _ := newProject(t)
	for i := range n {
		path := filepath.Join(filepath.Dir(s.Dir()), fmt.Sprintf("s%d.svs", i))
		writeSlide(t, path, seed(i))
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write([]byte{byte(i)}) // another file, though the picture may be the same
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		id, err := s.AddSlide(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		item, err := s.Slide(id)
		if err != nil {
			t.Fatal(err)
		}
		sl := item.Slide
		sl.Patient, sl.Case = fmt.Sprintf("patient %d", i/2), fmt.Sprintf("hospital %d", i/2)
		if err := s.UpdateSlide(sl); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenSlide(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		draw(t, s, "Tumour", 64, 128, 192, 256)
		draw(t, s, "Fat", 256, 128, 384, 192)
	}
	return s
}

func own(i int) uint64 { return uint64(20 + i) }

func exported(t *testing.T, s *Session, o DatasetOptions) (DatasetReport, map[string][]byte) {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "set")
	}
	if o.Patch == 0 {
		o.Patch, o.MPP, o.Seed = 64, 1, 3
	}
	r, err := ExportDataset(t.Context(), s, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, faults, err := VerifyDataset(o.Out); err != nil || len(faults) > 0 || n == 0 {
		t.Errorf("verify: %d files, %v %v", n, faults, err)
	}
	return r, tree(t, o.Out)
}

func TestExportDataset_EveryLayout(t *testing.T) {
	s := manySlides(t, 4, own)
	base := DatasetOptions{Patch: 64, MPP: 1, Seed: 3, Masks: true, Divide: DivideKFold, Folds: 2}
	for _, c := range []struct {
		name  string
		with  func(*DatasetOptions)
		files []string
	}{
		{"imagefolder", func(o *DatasetOptions) {}, []string{"patches/train/metadata.csv", "patches/test/metadata.csv"}},
		{"jsonl", func(o *DatasetOptions) { o.Meta, o.Boxes = "jsonl", true }, []string{"patches/train/metadata.jsonl"}},
		{"parquet", func(o *DatasetOptions) { o.Meta = "parquet" }, []string{"patches/train/metadata.parquet"}},
		{"folders", func(o *DatasetOptions) { o.Format = LayoutFolders }, nil},
		{"coco", func(o *DatasetOptions) { o.Format = LayoutCOCO }, []string{"annotations/instances_train.json", "annotations/instances_test.json"}},
		{"yolo", func(o *DatasetOptions) { o.Format = LayoutYOLO }, []string{"data.yaml"}},
		{"webdataset", func(o *DatasetOptions) { o.Format = LayoutWebDataset }, []string{"shards/train-000000.tar", "shards/test-000000.tar"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := base
			c.with(&o)
			r, files := exported(t, s, o)
			if r.Patches != 4*6 || r.Splits["train"] != 12 || r.Splits["test"] != 12 {
				t.Errorf("report %+v", r)
			}
			for _, name := range append(c.files, "manifest.csv", "report.json", "croissant.json", "prov.json", "SHA256SUMS", "dataset-card.md") {
				if files[name] == nil {
					t.Errorf("%s is missing in %v", name, sorted(files))
				}
			}
			if c.name == "webdataset" {
				tr, names := tar.NewReader(bytes.NewReader(files["shards/train-000000.tar"])), map[string]int{}
				for {
					h, err := tr.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					_, ending, _ := strings.Cut(h.Name, ".")
					names[ending]++
				}
				if fmt.Sprint(names) != "map[cls:12 json:12 mask.png:12 png:12]" {
					t.Errorf("shard %v", names)
				}
			}
		})
	}
}

// The mask of a patch has the numbers of the classes where their labels lie.
func TestExportDataset_MasksAndBoxes(t *testing.T) {
	s, slide := newProject(t)
	big := draw(t, s, "Tumour", 64, 128, 192, 256)
	draw(t, s, "Fat", 80, 140, 96, 160)
	_, _ = slide, big
	o := DatasetOptions{Patch: 64, MPP: 1, Seed: 3, Masks: true, Format: LayoutCOCO}
	_, files := exported(t, s, o)
	sums := map[byte]int{}
	for name, b := range files {
		if strings.HasPrefix(name, "masks/") {
			img, err := png.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range img.(*image.Paletted).Pix {
				sums[v]++
			}
		}
	}
	var d datasetJSON
	if err := json.Unmarshal(files["dataset.json"], &d); err != nil {
		t.Fatal(err)
	}
	area := map[string]int{"Fat": 16 * 20, "Tumour": 128*128 - 16*20}
	for i, c := range d.Classes {
		if sums[byte(i+1)] != area[c.Name] {
			t.Errorf("%s: %d pixels, want %d", c.Name, sums[byte(i+1)], area[c.Name])
		}
	}
	var c cocoJSON
	if err := json.Unmarshal(files["annotations/instances_train.json"], &c); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, l := range c.Labels {
		total += l.Area
		if c.Categories[l.Category-1].Name == "Fat" && (l.Box != [4]float64{16, 12, 16, 20} || l.Area != 320) {
			t.Errorf("%+v", l)
		}
	}
	if total != 128*128+320 {
		t.Errorf("%d pixels in all", total)
	}
}

func TestExportDataset_Rules(t *testing.T) {
	s, _ := newProject(t)
	draw(t, s, "Tumour", 0, 0, 64, 40) // 62.5 % of the first patch
	draw(t, s, "Fat", 64, 0, 128, 20)  // 31 % of the second
	draw(t, s, "Stroma", 0, 44, 64, 64)
	count := func(o DatasetOptions) string {
		o.Patch, o.MPP, o.Image = 64, 1, "jpg"
		r, _ := exported(t, s, o)
		return fmt.Sprint(r.Classes)
	}
	for _, c := range []struct {
		o    DatasetOptions
		want string
	}{
		{DatasetOptions{Rule: RuleMajority}, "map[Tumour:1]"},
		{DatasetOptions{Rule: RuleCover, Cover: 0.3}, "map[Fat:1 Tumour:1]"},
		{DatasetOptions{Rule: RuleCover, Cover: 0.6}, "map[Tumour:1]"},
		{DatasetOptions{Multi: true, Cover: 0.25}, "map[Fat:1 Stroma:1 Tumour:1]"},
		{DatasetOptions{Rule: RuleCover, Cover: 0.6, Stride: 32}, "map[Tumour:1]"},
		{DatasetOptions{Rule: RuleCover, Cover: 0.29, Stride: 32}, "map[Fat:1 Stroma:1 Tumour:2]"},
	} {
		if got := count(c.o); got != c.want {
			t.Errorf("%+v: %s, want %s", c.o, got, c.want)
		}
	}
}

// Where labels lie over each other the smallest counts; with Multi each does.
func TestExportDataset_RulesOfNestedLabels(t *testing.T) {
	s, _ := newProject(t)
	draw(t, s, "Stroma", 0, 0, 64, 64)
	draw(t, s, "Tumour", 0, 0, 64, 40)
	for _, c := range []struct {
		o    DatasetOptions
		want string
	}{
		{DatasetOptions{Rule: RuleMajority}, "map[Tumour:1]"},
		{DatasetOptions{Multi: true, Cover: 0.5}, "map[Stroma:1 Tumour:1]"},
		{DatasetOptions{Multi: true, Cover: 0.7}, "map[Stroma:1]"},
	} {
		c.o.Patch, c.o.MPP = 64, 1
		if r, _ := exported(t, s, c.o); fmt.Sprint(r.Classes) != c.want {
			t.Errorf("%+v: %v, want %s", c.o, r.Classes, c.want)
		}
	}
}

// The options in dataset.json make the same bytes again.
func TestExportDataset_AgainFromItsManifest(t *testing.T) {
	s := manySlides(t, 2, own)
	_, first := exported(t, s, DatasetOptions{Patch: 64, MPP: 1, Seed: 7, Masks: true, Meta: "parquet", Stride: 32, Rule: RuleCover, Cover: 0.4, Pyramids: "tiff"})
	o, err := DatasetRecipe(bytes.NewReader(first["dataset.json"]))
	if err != nil {
		t.Fatal(err)
	}
	_, again := exported(t, s, o)
	if string(first[sumsName]) != string(again[sumsName]) || len(first) != len(again) {
		t.Errorf("other sums:\n%s\n%s", first[sumsName], again[sumsName])
	}
	if _, err := DatasetRecipe(strings.NewReader(`{"madeBy":"x"}`)); err == nil {
		t.Error("a manifest without options was taken")
	}
}

// Nearly the same picture under two patients is found, and refused when asked.
func TestExportDataset_NearDuplicates(t *testing.T) {
	s := manySlides(t, 4, func(i int) uint64 { return uint64(30 + i%2) }) // slide 2 shows what slide 0 shows
	o := DatasetOptions{Patch: 64, MPP: 1, Seed: 3, Divide: DivideKFold, Folds: 2}
	o.Out = filepath.Join(t.TempDir(), "set")
	r, err := ExportDataset(t.Context(), s, o, nil)
	if err != nil || r.Alike == 0 {
		t.Errorf("%+v %v", r, err)
	}
	o.Out, o.Alike = filepath.Join(t.TempDir(), "refused"), "refuse"
	if _, err := ExportDataset(t.Context(), s, o, nil); !errors.Is(err, ErrLeak) {
		t.Errorf("not refused: %v", err)
	}
}

func TestExportDataset_LeaveOneSiteOut(t *testing.T) {
	s := manySlides(t, 4, own)
	sites := map[string]string{"hospital 0": "ZZPHI-Berlin", "hospital 1": "ZZPHI-Wien"}
	_, files := exported(t, s, DatasetOptions{Patch: 64, MPP: 1, Divide: DivideSite, Site: "ZZPHI-Wien", Sites: sites})
	for _, row := range table(t, files["splits.csv"]) {
		if strings.Contains(row["site"], "ZZPHI") || row["site"] == "" {
			t.Errorf("site %q", row["site"])
		}
	}
	if n := len(table(t, files["splits.csv"])); n != 4 {
		t.Errorf("%d slides", n)
	}
	// A patient of two sites would leak.
	sites["s0.svs"] = "ZZPHI-Wien"
	o := DatasetOptions{Out: filepath.Join(t.TempDir(), "x"), Patch: 64, MPP: 1, Divide: DivideSite, Site: "ZZPHI-Wien", Sites: sites}
	if _, err := ExportDataset(t.Context(), s, o, nil); !errors.Is(err, ErrLeak) {
		t.Errorf("a patient of two sites: %v", err)
	}
}

func TestExportDataset_FoldsWantPatients(t *testing.T) {
	s, _ := newProject(t)
	draw(t, s, "Tumour", 64, 128, 192, 256)
	o := DatasetOptions{Out: filepath.Join(t.TempDir(), "x"), Patch: 64, MPP: 1, Divide: DivideKFold}
	if _, err := ExportDataset(t.Context(), s, o, nil); !errors.Is(err, ErrNoPatient) {
		t.Errorf("without a patient: %v", err)
	}
}

// A run that was stopped is taken up: what is done is not read again, and the
// bytes are those of a run in one piece.
func TestExportDataset_Resumes(t *testing.T) {
	s := manySlides(t, 3, own)
	parent := t.TempDir()
	o := DatasetOptions{Out: filepath.Join(parent, "set"), Patch: 64, MPP: 1, Seed: 3, Masks: true, Resume: true}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, err := ExportDataset(ctx, s, o, func(stage string, done, total int) {
		if done == 8 { // in the second slide of three
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := os.Stat(o.Out); err == nil {
		t.Error("half a dataset has its name")
	}
	left, err := filepath.Glob(filepath.Join(parent, ".coverslip-dataset-*.partial", resumeFolder, "*"))
	if err != nil || len(left) == 0 {
		t.Fatalf("nothing is left to go on from: %v", err)
	}
	// A slide that is done needs no reading: its file may be gone.
	if _, err := ExportDataset(t.Context(), s, o, nil); err != nil {
		t.Fatal(err)
	}
	got := tree(t, o.Out)
	o.Out, o.Resume = filepath.Join(parent, "whole"), false
	if _, err := ExportDataset(t.Context(), s, o, nil); err != nil {
		t.Fatal(err)
	}
	want := tree(t, o.Out)
	if string(got[sumsName]) != string(want[sumsName]) || len(got) != len(want) {
		t.Errorf("another dataset:\n%s\n%s", got[sumsName], want[sumsName])
	}
}

func TestVerifyDataset_FindsChanges(t *testing.T) {
	s, _ := newProject(t)
	draw(t, s, "Tumour", 64, 128, 192, 256)
	o := DatasetOptions{Out: filepath.Join(t.TempDir(), "x"), Patch: 64, MPP: 1}
	if _, err := ExportDataset(t.Context(), s, o, nil); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"manifest.csv": "changed", "more.txt": "x"} {
		if err := os.WriteFile(filepath.Join(o.Out, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(o.Out, "prov.json")); err != nil {
		t.Fatal(err)
	}
	_, faults, err := VerifyDataset(o.Out)
	if err != nil || len(faults) != 3 {
		t.Errorf("%v %v", faults, err)
	}
}

// The readers of others take what is written.
func TestExportDataset_OthersReadIt(t *testing.T) {
	py := os.Getenv("COVERSLIP_PYTHON")
	if py == "" || exec.Command(py, "-c", "import pycocotools, datasets, webdataset, tifffile").Run() != nil {
		t.Skip("no COVERSLIP_PYTHON with pycocotools, datasets, webdataset and tifffile")
	}
	s := manySlides(t, 4, own)
	dir := t.TempDir()
	for name, o := range map[string]DatasetOptions{
		"csv": {}, "jsonl": {Meta: "jsonl", Boxes: true}, "parquet": {Meta: "parquet"},
		"coco": {Format: LayoutCOCO, Masks: true, Pyramids: "tiff"}, "wds": {Format: LayoutWebDataset, Pyramids: "ome"},
	} {
		o.Patch, o.MPP, o.Divide, o.Folds, o.Out = 64, 1, DivideKFold, 2, filepath.Join(dir, name)
		exported(t, s, o)
	}
	cmd := exec.Command(py, "testdata/read_datasets.py", dir)
	cmd.Env = append(os.Environ(), "HF_HOME="+t.TempDir(), "HF_HUB_OFFLINE=1", "HF_DATASETS_OFFLINE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Random projects, divided in every way: no patient is ever in two splits.
func TestDivide_NoPatientInTwoSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for n := range 400 {
		x := &exporter{o: DatasetOptions{Seed: int64(n), Splits: [3]float64{0.6, 0.2, 0.2}, Folds: 2 + r.IntN(3), Divide: Divisions()[r.IntN(4)], Site: "a"}}
		for i := range 1 + r.IntN(25) {
			p := fmt.Sprint("p", r.IntN(12))
			e := &slideExport{id: fmt.Sprint(i), key: p, site: string("ab"[len(p)%2])}
			e.item.Patient, e.item.Name, e.item.Fingerprint = p, fmt.Sprint(i), fmt.Sprint("f", r.IntN(60))
			for range r.IntN(6) {
				e.patches = append(e.patches, patchPlan{example: example{label: &annotate.Object{Class: annotate.ID{byte(r.IntN(3))}}}})
			}
			x.slides = append(x.slides, e)
		}
		if err := x.divide(); err != nil {
			continue // refused: nothing is written
		}
		of, file := map[string]string{}, map[string]string{}
		for _, e := range x.slides {
			if was, ok := of[e.key]; ok && was != e.split {
				t.Fatalf("%s: patient %s is in %s and %s", x.o.Divide, e.key, was, e.split)
			}
			if was, ok := file[e.item.Fingerprint]; ok && was != e.split {
				t.Fatalf("%s: one file is in %s and %s", x.o.Divide, was, e.split)
			}
			of[e.key], file[e.item.Fingerprint] = e.split, e.split
		}
	}
}

// No layout tells a name in any byte, in any coding, inside shards and columns; and
// the search finds names where they are kept.
func TestExportDataset_NoLayoutNamesAnybody(t *testing.T) {
	s, _ := datasetProject(t)
	words := []string{"ZZPHI", "slide.svs", filepath.Dir(s.Dir())}
	scan := func(o DatasetOptions) int {
		o.Patch, o.MPP, o.Masks, o.Out = 64, 1, true, filepath.Join(t.TempDir(), "set")
		if _, err := ExportDataset(t.Context(), s, o, nil); err != nil {
			t.Fatal(err)
		}
		hits, err := phiscan.Scan(t.Context(), o.Out, phiscan.Options{Words: words})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			if !o.Names {
				t.Errorf("%s: %+v", o.Format, h)
			}
		}
		return len(hits)
	}
	for _, layout := range Layouts() {
		scan(DatasetOptions{Format: layout, Boxes: true, Pyramids: "ome", Sites: map[string]string{"ZZPHI-slide.svs": "ZZPHI-site"}})
	}
	scan(DatasetOptions{Meta: "parquet"})
	scan(DatasetOptions{Meta: "jsonl"})
	if scan(DatasetOptions{Meta: "parquet", Names: true}) < 5 {
		t.Error("with names kept the search finds hardly any")
	}
}
