//go:build unix

package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coverslip/models/folder"
	"coverslip/models/generate"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/tower"
	"coverslip/models/weights"
	"coverslip/models/worker"
)

// spoiled is bytes made worse, the same way every time: cut, flipped or
// overwritten.
func spoiled(r *rand.Rand, b []byte, i int) []byte {
	b = slices.Clone(b)
	switch i % 3 {
	case 0:
		return b[:r.IntN(len(b))]
	case 1:
		for range 1 + r.IntN(6) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
	default:
		at := r.IntN(len(b))
		for k := at; k < min(at+16, len(b)); k++ {
			b[k] = byte(r.Uint32())
		}
	}
	return b
}

// mapGraph is a dense model; change makes it another.
func mapGraph(change func(b *onnxfile.Builder, y string) string) []byte {
	b := onnxfile.NewBuilder("map")
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(32), onnxfile.Fixed(32))
	y := b.Op("Conv", []string{x, b.Weights("w", []float32{0, 0, 0, 1, 0, 0}, 2, 3, 1, 1), b.Weights("b", []float32{0, -0.5}, 2)}, onnxfile.Ints("kernel_shape", 1, 1))
	if change != nil {
		y = change(b, y)
	}
	b.Output("pred", y, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(2), onnxfile.Fixed(32), onnxfile.Fixed(32))
	return b.Model("test").Marshal()
}

const mapJSON = `{"patch_size": 32, "mean": [0,0,0], "std": [1,1,1], "dense": {"kind": "classes", "classes": ["a", "b"], "threshold": 0.25}}`

// denseHostiles are folders of dense models that are wrong, as their files.
func denseHostiles(r *rand.Rand) []map[string][]byte {
	sound := mapGraph(nil)
	var all []map[string][]byte
	add := func(model []byte, text string) {
		all = append(all, map[string][]byte{"model.onnx": model, "coverslip.json": []byte(text)})
	}
	for i := range 60 {
		add(spoiled(r, sound, i), mapJSON)
	}
	for i := range 30 {
		add(sound, string(spoiled(r, []byte(mapJSON), i)))
	}
	for _, change := range []func(b *onnxfile.Builder, y string) string{
		func(b *onnxfile.Builder, y string) string { // memory without end
			return b.Op("Add", []string{y, b.Op("ReduceSum", []string{b.Op("ConstantOfShape", []string{b.Indices(1 << 33)})})})
		},
		func(b *onnxfile.Builder, y string) string { return b.Op("Log", []string{b.Op("Neg", []string{y})}) }, // NaN
		func(b *onnxfile.Builder, y string) string {
			return b.Op("Reshape", []string{y, b.Indices(1, 2, 16, 64)})
		},
		func(b *onnxfile.Builder, y string) string {
			return b.Op("Reshape", []string{y, b.Indices(2, 1, 32, 32)})
		},
		func(b *onnxfile.Builder, y string) string { return b.Op("Reshape", []string{y, b.Indices(-1)}) },
		func(b *onnxfile.Builder, y string) string {
			return b.Op("Reshape", []string{y, b.Indices(1, 2048, 1, 1)})
		},
		func(b *onnxfile.Builder, y string) string {
			return b.Op("Exp", []string{b.Op("Exp", []string{b.Op("Exp", []string{b.Op("Exp", []string{y})})})})
		},
		func(b *onnxfile.Builder, y string) string { return b.Op("Tile", []string{y, b.Indices(1, 200, 1, 1)}) },
		func(b *onnxfile.Builder, y string) string { return b.Op("Frobnicate", []string{y}) },
	} {
		add(mapGraph(change), mapJSON)
		add(mapGraph(change), strings.Replace(mapJSON, `"classes",`, `"star",`, 1))
	}
	return all
}

// writerFiles are a tiny ViT-GPT2 as two ONNX files over its weights.
func writerFiles(t *testing.T) map[string][]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "generate", "testdata", "references", "vit_gpt2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Config  json.RawMessage     `json:"config"`
		Weights [][]json.RawMessage `json:"weights"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	var list []modeltest.Weight
	for _, row := range r.Weights {
		var w modeltest.Weight
		for i, at := range []any{&w.Name, &w.Shape, &w.Base, &w.Spread} {
			if err := json.Unmarshal(row[i], at); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, w)
	}
	dir := t.TempDir()
	modeltest.WriteSafetensors(t, filepath.Join(dir, "model.safetensors"), list)
	set, err := weights.Open(dir, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	config, err := tower.ReadSettings(strings.NewReader(string(r.Config)))
	if err != nil {
		t.Fatal(err)
	}
	w, err := tower.Captioner(set, config)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"[PAD]", "[CLS]", "[SEP]", "[UNK]"}
	for len(words) < 160 {
		words = append(words, fmt.Sprintf("w%d", len(words)))
	}
	text := strings.TrimSuffix(strings.TrimSpace(string(r.Config)), "}") + `, "model_type": "vision-encoder-decoder"}`
	return map[string][]byte{"model.safetensors": raw, "encoder_model.onnx": w.Encoder, "decoder_model.onnx": w.Decoder, "config.json": []byte(text),
		"generation_config.json": []byte(`{"decoder_start_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "max_length": 5, "num_beams": 2}`),
		"vocab.txt":              []byte(strings.Join(words, "\n") + "\n")}
}

func writerHostiles(t *testing.T, r *rand.Rand) []map[string][]byte {
	sound := writerFiles(t)
	var all []map[string][]byte
	for _, c := range []struct {
		file string
		n    int
	}{{"decoder_model.onnx", 36}, {"encoder_model.onnx", 15}, {"config.json", 12}, {"generation_config.json", 21}, {"vocab.txt", 9}, {"model.safetensors", 9}} {
		for i := range c.n {
			files := make(map[string][]byte, len(sound))
			for name, b := range sound {
				files[name] = b
			}
			files[c.file] = spoiled(r, sound[c.file], i)
			if c.file == "model.safetensors" && i%2 == 0 { // then the graphs are written anew
				delete(files, "encoder_model.onnx")
				delete(files, "decoder_model.onnx")
			}
			all = append(all, files)
		}
	}
	return all
}

// TestEngine_HostileKinds opens and runs more than two hundred malformed dense
// models and models that write, in the worker. Each gives an error in words, or
// an answer; after each a sound model still gives its numbers.
func TestEngine_HostileKinds(t *testing.T) {
	e := start(t, worker.Options{Memory: 2 << 30, RunLimit: 5 * time.Second})
	sound, in := small(t, 32, 8, 1, 1)
	good, err := e.NewSession(sound, onnx.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	out, err := good.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := floats(t, out, "embedding")
	r := rand.New(rand.NewPCG(7, 7))
	grey := image.NewRGBA(image.Rect(0, 0, 32, 32))
	read := func(_ context.Context, at image.Rectangle) (*image.RGBA, error) {
		return image.NewRGBA(image.Rect(0, 0, at.Dx(), at.Dy())), nil
	}
	dense, writers := denseHostiles(r), writerHostiles(t, r)
	if len(dense)+len(writers) < 200 {
		t.Fatalf("only %d models", len(dense)+len(writers))
	}
	refused, ran := 0, 0
	for i, files := range append(dense, writers...) {
		dir := t.TempDir()
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		var said error
		if i < len(dense) {
			d, err := folder.OpenDense(e, dir)
			if said = err; err == nil {
				_, said = d.Run(ctx, image.Rect(0, 0, 40, 40), read, nil)
				_ = d.Close() // a model whose worker died
			}
		} else {
			c, err := folder.OpenCaptioner(e, dir)
			if said = err; err == nil {
				var text generate.Caption
				text, said = c.Caption(ctx, grey, generate.Options{})
				if said == nil && (!text.Generated || math.IsNaN(text.Score)) {
					t.Errorf("model %d: %+v", i, text)
				}
				_ = c.Close()
			}
		}
		cancel()
		if said == nil {
			ran++
		} else if refused++; len(said.Error()) < 10 || strings.Contains(said.Error(), "%!") {
			t.Errorf("model %d: %q", i, said)
		}
		if i%8 == 0 || said != nil && i < len(dense) {
			out, err := good.Run(context.Background(), in)
			if err != nil {
				t.Fatalf("after model %d (%v): %v", i, said, err)
			}
			if !slices.Equal(floats(t, out, "embedding"), want) {
				t.Fatalf("after model %d: other numbers", i)
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d were refused: the test feeds sound models", refused)
	}
	t.Logf("%d models; refused %d, ran %d; %d workers", len(dense)+len(writers), refused, ran, e.Starts())
}
