package tower

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/weights"
)

// reference is what testdata/references.py found of a tiny model.
type reference struct {
	Config  map[string]json.RawMessage `json:"config"`
	Weights [][]any                    `json:"weights"`
	Pool    Pool                       `json:"pool"`
	Image   int                        `json:"image"`
	Pad     int64                      `json:"pad"`
	Vision  [][]float64                `json:"vision"`
	IDs     [][]int64                  `json:"ids"`
	Text    [][]float64                `json:"text"`
}

// list is the weights of a reference.
func (r *reference) list(tb testing.TB) []modeltest.Weight {
	tb.Helper()
	var out []modeltest.Weight
	for _, row := range r.Weights {
		name, ok1 := row[0].(string)
		dims, ok2 := row[1].([]any)
		base, ok3 := row[2].(float64)
		spread, ok4 := row[3].(float64)
		if !ok1 || !ok2 || !ok3 || !ok4 {
			tb.Fatalf("weight %v", row)
		}
		w := modeltest.Weight{Name: name, Base: base, Spread: spread}
		for _, d := range dims {
			w.Shape = append(w.Shape, int64(d.(float64)))
		}
		out = append(out, w)
	}
	return out
}

func (r *reference) settings(tb testing.TB) Settings {
	tb.Helper()
	for _, raw := range r.Config {
		s, err := ReadSettings(strings.NewReader(string(raw)))
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	tb.Fatal("no settings")
	return nil
}

// references reads what is committed.
func references(tb testing.TB, dir string) map[string]*reference {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no references: %v", err)
	}
	out := map[string]*reference{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		r := &reference{}
		if err := json.Unmarshal(b, r); err != nil {
			tb.Fatalf("%s: %v", f, err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = r
	}
	return out
}

// pixelsOf is the images that the references were computed of.
func pixelsOf(n, size int) []float32 {
	return slices.Clone(modeltest.Weight{Name: "pixels", Shape: []int64{int64(n), 3, int64(size), int64(size)}, Spread: 1.5}.Values())
}

func cosine(a []float32, b []float64) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * b[i]
		aa += float64(a[i]) * float64(a[i])
		bb += b[i] * b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

// run feeds a tower and gives its rows.
func run(t *testing.T, rt *onnx.Runtime, dir string, tower *Tower, in map[string]onnx.Tensor) [][]float32 {
	t.Helper()
	s, err := rt.NewSession(tower.Model, onnx.SessionOptions{DataFolder: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	out, err := s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Of[float32](out[tower.Output])
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(data, tower.Dim))
}

// compare holds every row against the reference.
func compare(t *testing.T, got [][]float32, want [][]float64) {
	t.Helper()
	if len(got) != len(want) || len(got[0]) != len(want[0]) {
		t.Fatalf("%d rows of %d, want %d of %d", len(got), len(got[0]), len(want), len(want[0]))
	}
	for i := range got {
		worst := 0.0
		for j := range got[i] {
			worst = max(worst, math.Abs(float64(got[i][j])-want[i][j]))
		}
		if c := cosine(got[i], want[i]); !(c >= 0.99999) || worst > 2e-4 {
			t.Errorf("row %d: cosine %.8f, largest difference %g", i, c, worst)
		}
	}
}

func TestTowers_EqualTheLibraries(t *testing.T) {
	rt := modeltest.Runtime(t)
	checkReferences(t, rt, references(t, "testdata/references"))
}

func checkReferences(t *testing.T, rt *onnx.Runtime, refs map[string]*reference) {
	for name, r := range refs {
		for _, file := range []string{"model.safetensors", "pytorch_model.bin"} {
			t.Run(name+"/"+file, func(t *testing.T) {
				dir := t.TempDir()
				if strings.HasSuffix(file, ".bin") {
					modeltest.WriteTorch(t, filepath.Join(dir, file), r.list(t))
				} else {
					modeltest.WriteSafetensors(t, filepath.Join(dir, file), r.list(t))
				}
				w, err := weights.Open(dir, file)
				if err != nil {
					t.Fatal(err)
				}
				checkTowers(t, rt, w, r)
			})
		}
	}
}

func checkTowers(t *testing.T, rt *onnx.Runtime, w *weights.Set, r *reference) {
	t.Helper()
	if r.Vision != nil {
		tower, err := Vision(w, r.settings(t), Options{Image: r.Image, Pool: r.Pool})
		if err != nil {
			t.Fatal(err)
		}
		side := int64(r.Image)
		in := onnx.NewTensor(pixelsOf(2, r.Image), 2, 3, side, side)
		compare(t, run(t, rt, w.Dir, tower, map[string]onnx.Tensor{tower.Input: in}), r.Vision)
	}
	if r.Text == nil {
		return
	}
	tower, err := Text(w, r.settings(t))
	if err != nil {
		t.Fatal(err)
	}
	flat, mask := slices.Concat(r.IDs...), []int64(nil)
	n, length := int64(len(r.IDs)), int64(len(r.IDs[0]))
	for _, id := range flat {
		if id != r.Pad {
			mask = append(mask, 1)
		} else {
			mask = append(mask, 0)
		}
	}
	if tower.Fixed && int(length) != tower.Tokens {
		t.Fatalf("texts of %d tokens, the tower takes %d", length, tower.Tokens)
	}
	in := map[string]onnx.Tensor{tower.Input: onnx.NewTensor(flat, n, length)}
	if tower.Mask != "" {
		in[tower.Mask] = onnx.NewTensor(mask, n, length)
	}
	compare(t, run(t, rt, w.Dir, tower, in), r.Text)
}

// TestReferences_AreWhatPythonComputes computes the references anew where
// the libraries are (COVERSLIP_PYTHON).
func TestReferences_AreWhatPythonComputes(t *testing.T) {
	modeltest.Python(t, "torch", "transformers", "timm", "open_clip")
	python := os.Getenv("COVERSLIP_PYTHON")
	if python == "" {
		python = "python3"
	}
	out, folders := t.TempDir(), t.TempDir()
	if b, err := exec.Command(python, "testdata/references.py", out, "--folders", folders).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	rt := modeltest.Runtime(t)
	kept, fresh := references(t, "testdata/references"), references(t, out)
	if len(kept) != len(fresh) {
		t.Errorf("%d references are committed, the script computes %d", len(kept), len(fresh))
	}
	for name, r := range fresh {
		t.Run(name, func(t *testing.T) {
			k := kept[name]
			if k == nil {
				t.Fatal("it is not committed")
			}
			for i := range r.Vision {
				if d := distance(k.Vision[i], r.Vision[i]); d > 1e-4 {
					t.Errorf("image %d: the committed numbers are %g away", i, d)
				}
			}
			for i := range r.Text {
				if d := distance(k.Text[i], r.Text[i]); d > 1e-4 {
					t.Errorf("text %d: the committed numbers are %g away", i, d)
				}
			}
			// The folders as the libraries themselves write them.
			for _, f := range []string{filepath.Join(folders, name), filepath.Join(folders, name+"-bin")} {
				file, err := weights.Find(f)
				if err != nil {
					t.Fatal(err)
				}
				w, err := weights.Open(f, file)
				if err != nil {
					t.Fatal(err)
				}
				checkTowers(t, rt, w, r)
			}
		})
	}
}

func distance(a, b []float64) float64 {
	worst := 0.0
	for i := range a {
		worst = max(worst, math.Abs(a[i]-b[i]))
	}
	return worst
}

func TestVision_RefusesWhatItDoesNotKnow(t *testing.T) {
	r := references(t, "testdata/references")["uni"]
	try := func(what string, edit func([]modeltest.Weight) []modeltest.Weight) error {
		t.Helper()
		dir := t.TempDir()
		modeltest.WriteSafetensors(t, filepath.Join(dir, "model.safetensors"), edit(r.list(t)))
		w, err := weights.Open(dir, "model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Vision(w, r.settings(t), Options{})
		if err == nil {
			t.Errorf("%s: taken", what)
		}
		return err
	}
	var unsupported *models.UnsupportedError
	err := try("a weight too many", func(l []modeltest.Weight) []modeltest.Weight {
		return append(l, modeltest.Weight{Name: "blocks.0.attn.q_norm.weight", Shape: []int64{16}})
	})
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "q_norm") {
		t.Errorf("%v", err)
	}
	var format *models.FormatError
	err = try("a weight missing", func(l []modeltest.Weight) []modeltest.Weight {
		return slices.DeleteFunc(l, func(w modeltest.Weight) bool {
			return w.Name == "blocks.1.mlp.fc2.bias" || w.Name == "blocks.1.attn.proj.weight"
		})
	})
	if !errors.As(err, &format) || !strings.Contains(err.Error(), "attn.proj") {
		t.Errorf("%v", err)
	}
	err = try("a wrong shape", func(l []modeltest.Weight) []modeltest.Weight {
		for i := range l {
			if l[i].Name == "blocks.0.mlp.fc1.weight" {
				l[i].Shape = []int64{l[i].Shape[0], 7}
			}
		}
		return l
	})
	if !errors.As(err, &format) || !strings.Contains(err.Error(), "fed 64 numbers") {
		t.Errorf("%v", err)
	}
	if err := try("nothing known", func([]modeltest.Weight) []modeltest.Weight {
		return []modeltest.Weight{{Name: "conv1.weight", Shape: []int64{4, 3, 3, 3}}}
	}); !errors.Is(err, models.ErrNoModel) {
		t.Errorf("%v", err)
	}
}
