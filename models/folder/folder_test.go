package folder

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/encoder"
	"coverslip/models/modeltest"
	"coverslip/models/onnxfile"
	"coverslip/models/vit"
)

func tiny(t testing.TB) []byte {
	t.Helper()
	model, err := vit.Build(vit.Config{Image: 32, Patch: 8, Dim: 16, Depth: 1, Heads: 2, Hidden: 16, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func put(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func described() *Description {
	return &Description{Name: "Tiny", Architecture: "vit", License: "CC0", PatchSize: 32, Resize: 36, MPP: 0.5, Interpolation: "bicubic",
		Mean: &[3]float32{0.7, 0.6, 0.7}, Std: &[3]float32{0.2, 0.2, 0.2}, Input: "pixel_values", Output: "embedding"}
}

func TestOpen_Described(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	put(t, dir, "model.onnx", tiny(t))
	if err := WriteDescription(dir, described()); err != nil {
		t.Fatal(err)
	}
	var hashes []string
	for _, path := range []string{dir, filepath.Join(dir, "model.json"), filepath.Join(dir, "model.onnx")} {
		e, err := Open(rt, path)
		if err != nil {
			t.Fatal(err)
		}
		info := e.Info()
		hashes = append(hashes, info.Hash)
		if info.Name != "Tiny" || info.Dim != 32 || info.PatchSize != 36 || info.MPP != 0.5 || info.License != "CC0" || info.Untrained || info.Note != "" {
			t.Errorf("%s: %+v", path, info)
		}
		v, err := e.Encode(context.Background(), []*image.RGBA{paint(50, 1), paint(36, 2)})
		if err != nil || len(v) != 2 || math.Abs(float64(models.Dot(v[0], v[0]))-1) > 1e-5 {
			t.Errorf("%v, %v", v, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	d := described()
	d.Interpolation = "bilinear"
	if err := WriteDescription(dir, d); err != nil {
		t.Fatal(err)
	}
	e, err := Open(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if hashes[0] != hashes[1] || hashes[0] != hashes[2] || e.Info().Hash == hashes[0] {
		t.Errorf("the hash does not follow the preprocessing: %v, %s", hashes, e.Info().Hash)
	}
}

func TestOpen_BareFileStatesItsGuess(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	name := put(t, dir, "some encoder.onnx", tiny(t))
	for _, path := range []string{dir, name} {
		e, err := Open(rt, path)
		if err != nil {
			t.Fatal(err)
		}
		if info := e.Info(); info.Name != "some encoder" || info.PatchSize != 32 || !strings.Contains(info.Note, "guessed") {
			t.Errorf("%+v", info)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpen_ExternalWeights(t *testing.T) {
	rt := modeltest.Runtime(t)
	m, err := onnxfile.Read(tiny(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	weights := m.Graph.Initialisers[0].Raw
	m.Graph.Initialisers[0].Raw = nil
	m.Graph.Initialisers[0].External = &onnxfile.External{Location: "data/weights.bin", Length: int64(len(weights))}
	put(t, dir, "model.onnx", m.Marshal())
	if _, err := Open(rt, dir); err == nil || !strings.Contains(err.Error(), `"data/weights.bin", which is not beside it`) {
		t.Errorf("missing weights: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	elsewhere := put(t, t.TempDir(), "weights.bin", weights)
	if err := os.Symlink(elsewhere, filepath.Join(dir, "data", "weights.bin")); err == nil {
		if _, err := Open(rt, dir); err == nil || !strings.Contains(err.Error(), "lead out of the folder") {
			t.Errorf("a link out of the folder: %v", err)
		}
		if err := os.Remove(filepath.Join(dir, "data", "weights.bin")); err != nil {
			t.Fatal(err)
		}
	}
	put(t, dir, "data/weights.bin", weights)
	e, err := Open(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	hash := e.Info().Hash
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	weights = slices.Clone(weights)
	weights[3] ^= 0x10
	put(t, dir, "data/weights.bin", weights)
	if e, err = Open(rt, dir); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Info().Hash == hash {
		t.Error("other weights have the same hash")
	}
}

func TestOpen_Refuses(t *testing.T) {
	rt := modeltest.Runtime(t)
	write := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			put(t, dir, name, []byte(text))
		}
		return dir
	}
	model := string(tiny(t))
	outside, err := onnxfile.Read([]byte(model))
	if err != nil {
		t.Fatal(err)
	}
	outside.Graph.Initialisers[0].External = &onnxfile.External{Location: "../../etc/passwd"}
	text, err := json.Marshal(described())
	if err != nil {
		t.Fatal(err)
	}
	desc := func(old, new string) string {
		if !strings.Contains(string(text), old) {
			t.Fatalf("%q is not in %s", old, text)
		}
		return strings.Replace(string(text), old, new, 1)
	}
	for name, c := range map[string]struct {
		path string
		want string
	}{
		"no folder":      {filepath.Join(t.TempDir(), "none"), "no such file"},
		"empty folder":   {t.TempDir(), "no .onnx file"},
		"two models":     {write(map[string]string{"a.onnx": model, "b.onnx": model}), "which one of a.onnx, b.onnx"},
		"torch weights":  {write(map[string]string{"pytorch_model.bin": "x", "config.json": "{}"}), "not a valid zip file"},
		"torchscript":    {write(map[string]string{"model.pt": "x"}), "not a valid zip file"},
		"no model file":  {write(map[string]string{"model.json": string(text)}), "no such file"},
		"garbage":        {write(map[string]string{"model.onnx": "garbage"}), "not an ONNX model"},
		"cut":            {write(map[string]string{"model.onnx": model[:len(model)-7]}), "not an ONNX model"},
		"pointer":        {write(map[string]string{"model.onnx": "version https://git-lfs.github.com/spec/v1\n"}), "Git LFS pointer"},
		"zip":            {write(map[string]string{"model.onnx": "PK\x03\x04...."}), "PyTorch"},
		"outside":        {write(map[string]string{"model.onnx": string(outside.Marshal())}), "outside the model's folder"},
		"json":           {write(map[string]string{"model.onnx": model, "model.json": "{"}), "not a valid description"},
		"json and more":  {write(map[string]string{"model.onnx": model, "model.json": string(text) + "{}"}), "something follows"},
		"misspelt key":   {write(map[string]string{"model.onnx": model, "model.json": desc(`"mean"`, `"means"`)}), `unknown field "means"`},
		"no mean":        {write(map[string]string{"model.onnx": model, "model.json": desc(`"mean":[0.7,0.6,0.7],`, ``)}), "mean or std is missing"},
		"no size":        {write(map[string]string{"model.onnx": model, "model.json": desc(`"patch_size":32,`, ``)}), "patch_size is missing"},
		"zero std":       {write(map[string]string{"model.onnx": model, "model.json": desc(`[0.2,0.2,0.2]`, `[0.2,0,0.2]`)}), "above zero"},
		"kernel":         {write(map[string]string{"model.onnx": model, "model.json": desc(`bicubic`, `nearest`)}), "unknown interpolation"},
		"other size":     {write(map[string]string{"model.onnx": model, "model.json": desc(`"patch_size":32`, `"patch_size":36`)}), "the preprocessing makes"},
		"input":          {write(map[string]string{"model.onnx": model, "model.json": desc(`pixel_values`, `image`)}), `no input "image"`},
		"output":         {write(map[string]string{"model.onnx": model, "model.json": desc(`"embedding"`, `"logits"`)}), `no output "logits"`},
		"file elsewhere": {write(map[string]string{"model.onnx": model, "model.json": desc(`{`, `{"file":"../model.onnx",`)}), "not a name in the model's folder"},
		"other sum":      {write(map[string]string{"model.onnx": model, "model.json": desc(`{`, `{"sha256":"00",`)}), "model.json says 00"},
		"pooling":        {write(map[string]string{"model.onnx": model, "model.json": desc(`{`, `{"pooling":"mean",`)}), "needs an output of tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Open(rt, c.path)
			if err == nil {
				e.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if r := CheckWith(rt, c.path); r.OK() || r.Problem != r.Err.Error() || r.Problem != err.Error() {
				t.Errorf("Check says %q, Open %q", r.Problem, err)
			}
		})
	}
	if _, err := Open(rt, t.TempDir()); !errors.Is(err, models.ErrNoModel) {
		t.Errorf("%v", err)
	}
}

func TestOpen_RealModelsThatAreNoEncoders(t *testing.T) {
	rt := modeltest.Runtime(t)
	for file, want := range map[string]string{
		"mnist.onnx": "1 channels", "quickstart_matmul.onnx": "2 inputs", "Ultraface.version-RFB-320.onnx": "320×240",
	} {
		if _, err := Open(rt, modeltest.File(t, "models/"+file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

func TestCheckWith_SelfTest(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	put(t, dir, "model.onnx", tiny(t))
	d := described()
	d.Untrained = true
	if err := WriteDescription(dir, d); err != nil {
		t.Fatal(err)
	}
	r := CheckWith(rt, dir)
	if !r.OK() || len(r.SelfTest) != 4 || r.Dim != 32 || !r.Described || r.Runtime != rt.Version() || r.PatchesASec <= 0 || len(r.Encoder) != 64 {
		t.Errorf("%+v", r)
	}
	if !slices.Equal(r.Inputs, []string{"pixel_values float32[n 3 32 32]"}) || !slices.Equal(r.Outputs, []string{"embedding float32[n 32]"}) || r.Operators != "17" {
		t.Errorf("%v %v %s", r.Inputs, r.Outputs, r.Operators)
	}
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, "untrained") }) {
		t.Errorf("warnings %v", r.Warnings)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	without := CheckWith(nil, dir)
	if !without.OK() || len(without.SelfTest) != 0 || !slices.ContainsFunc(without.Warnings, func(w string) bool { return strings.Contains(w, "not tried out") }) {
		t.Errorf("%+v", without)
	}
}

// TestCheckWith_FindsUselessModels: models that run and yet cannot serve.
func TestCheckWith_FindsUselessModels(t *testing.T) {
	rt := modeltest.Runtime(t)
	build := func(f func(b *onnxfile.Builder, x string) string) string {
		b := onnxfile.NewBuilder("useless")
		x := b.Input("x", onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(3), onnxfile.Fixed(8), onnxfile.Fixed(8))
		b.Output("y", f(b, x), onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(192))
		dir := t.TempDir()
		put(t, dir, "model.onnx", b.Model("test").Marshal())
		return dir
	}
	flat := func(b *onnxfile.Builder, x string) string { return b.Op("Reshape", []string{x, b.Indices(-1, 192)}) }
	for name, c := range map[string]struct{ dir, want string }{
		"constant": {build(func(b *onnxfile.Builder, x string) string {
			return b.Op("Add", []string{b.Op("Mul", []string{flat(b, x), b.Scalar(0)}), b.Scalar(1)})
		}), "same embedding"},
		"random": {build(func(b *onnxfile.Builder, x string) string {
			return b.Op("RandomNormalLike", []string{flat(b, x)})
		}), "random when it runs"},
		"zero": {build(func(b *onnxfile.Builder, x string) string {
			return b.Op("Mul", []string{flat(b, x), b.Scalar(0)})
		}), "no numbers"},
		"not a number": {build(func(b *onnxfile.Builder, x string) string {
			return b.Op("Sqrt", []string{b.Op("Sub", []string{flat(b, x), b.Scalar(1e9)})})
		}), "no numbers"},
		"neighbours": {build(func(b *onnxfile.Builder, x string) string {
			y := flat(b, x)
			return b.Op("Sub", []string{y, b.Op("ReduceMax", []string{y}, onnxfile.Ints("axes", 0), onnxfile.Int("keepdims", 1))})
		}), ""},
	} {
		r := CheckWith(rt, c.dir)
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() || !strings.Contains(string(text), c.want) {
			t.Errorf("%s: %s, want %q", name, text, c.want)
		}
	}
}

func TestOptions_DynamicQuantisationRunsOneByOne(t *testing.T) {
	m := &onnxfile.Model{IRVersion: 8, Opsets: []onnxfile.Opset{{Version: 17}}, Graph: onnxfile.Graph{
		Inputs:  []onnxfile.Value{{Name: "x", Type: onnxfile.Float32, Dims: []onnxfile.Dim{onnxfile.Free("n"), onnxfile.Fixed(3), onnxfile.Fixed(8), onnxfile.Fixed(8)}}},
		Nodes:   []onnxfile.Node{{Op: "DynamicQuantizeLinear", Inputs: []string{"x"}, Outputs: []string{"q", "s", "z"}}},
		Outputs: []onnxfile.Value{{Name: "q", Type: onnxfile.Uint8}},
	}}
	s := &source{file: "model.onnx", graph: m, desc: &Description{PatchSize: 8, Batch: 8, Pooling: encoder.PoolNone}}
	if o, err := s.options(); err != nil || o.Batch != 1 {
		t.Errorf("batch %d, %v", o.Batch, err)
	}
}

func FuzzReadDescription(f *testing.F) {
	text, err := json.Marshal(described())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"patch_size":-1,"mean":[1,2],"std":[]}`)
	f.Add("{}")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ReadDescription(strings.NewReader(text), "model.json")
		if err != nil {
			return
		}
		if _, err := d.Spec(); err != nil {
			t.Errorf("accepted, but without preprocessing: %v", err)
		}
	})
}
