package folder_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/folder"
	"coverslip/models/generate"
	"coverslip/models/modeltest"
)

// drawnPicture is what models/generate/testdata/texts.py draws.
func drawnPicture(i, size int) *image.RGBA {
	h := fnv.New64a()
	fmt.Fprintf(h, "picture%d", i)
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for p := range size * size {
		for c := range 3 {
			v := math.Floor((modeltest.Draw(h.Sum64(), uint64(3*p+c)) + 1) * 128)
			img.Pix[4*p+c] = uint8(min(max(v, 0), 255))
		}
		img.Pix[4*p+3] = 255
	}
	return img
}

// TestOpenCaptioner_Exported: folders that Optimum and torch.onnx wrote, of which
// models/generate/testdata/exported.py said what transformers and open_clip make.
// COVERSLIP_EXPORTED is where it wrote them, with what it printed as runs.json.
func TestOpenCaptioner_Exported(t *testing.T) {
	dir := os.Getenv("COVERSLIP_EXPORTED")
	if dir == "" {
		t.Skip("needs COVERSLIP_EXPORTED: python models/generate/testdata/exported.py DIR > DIR/runs.json")
	}
	b, err := os.ReadFile(filepath.Join(dir, "runs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]struct {
		Options map[string]any `json:"options"`
		Tokens  []int64        `json:"tokens"`
		Picture int            `json:"picture"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	rt := modeltest.Runtime(t)
	for name, runs := range all {
		for i, run := range runs {
			for _, without := range []string{"", "decoder_model_merged.onnx"} {
				copied := t.TempDir()
				entries, err := os.ReadDir(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				merged := false
				for _, e := range entries {
					merged = merged || e.Name() == "decoder_model_merged.onnx"
					if e.Name() == "generation_config.json" || e.Name() == without {
						continue
					}
					if err := os.Symlink(filepath.Join(dir, name, e.Name()), filepath.Join(copied, e.Name())); err != nil {
						t.Fatal(err)
					}
				}
				if without != "" && !merged {
					continue
				}
				settings := map[string]any{}
				if b, err = os.ReadFile(filepath.Join(dir, name, "generation_config.json")); err == nil {
					err = json.Unmarshal(b, &settings)
				}
				if err != nil {
					t.Fatal(err)
				}
				maps.Copy(settings, run.Options)
				if b, err = json.Marshal(settings); err != nil {
					t.Fatal(err)
				}
				modeltest.WriteFile(t, copied, "generation_config.json", string(b))
				c, err := folder.OpenCaptioner(rt, copied)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					break
				}
				for _, plain := range []bool{false, true} {
					got, err := c.Caption(t.Context(), drawnPicture(run.Picture, 32), generate.Options{NoCache: plain})
					if err != nil {
						t.Errorf("%s, run %d: %v", name, i, err)
						continue
					}
					want := run.Tokens
					for len(want) > 1 && want[len(want)-1] == 0 {
						want = want[:len(want)-1]
					}
					if !slices.Equal(got.Tokens, want) {
						t.Errorf("%s without %q, run %d %v, without cache %v: %v, its library %v", name, without, i, run.Options, plain, got.Tokens, want)
					}
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// writerWith is a folder of the tiny ViT-GPT2, changed.
func writerWith(t *testing.T, change func(dir string)) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "generate", "testdata", "references", "vit_gpt2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Config  map[string]any      `json:"config"`
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
	r.Config["model_type"] = "vision-encoder-decoder"
	if b, err = json.Marshal(r.Config); err != nil {
		t.Fatal(err)
	}
	modeltest.WriteFile(t, dir, "config.json", string(b))
	modeltest.WriteFile(t, dir, "generation_config.json", `{"decoder_start_token_id": 1, "eos_token_id": 2, "max_length": 9}`)
	words := []string{"[PAD]", "[CLS]", "[SEP]", "[UNK]"}
	for len(words) < 160 {
		words = append(words, fmt.Sprintf("w%d", len(words)))
	}
	modeltest.WriteFile(t, dir, "vocab.txt", strings.Join(words, "\n")+"\n")
	if change != nil {
		change(dir)
	}
	return dir
}

func TestOpenCaptioner_Weights(t *testing.T) {
	rt := modeltest.Runtime(t)
	c, err := folder.OpenCaptioner(rt, writerWith(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Caption(t.Context(), drawnPicture(0, 32), generate.Options{})
	if err != nil || len(strings.Fields(got.Text)) == 0 || !strings.HasPrefix(got.Text, "w") || c.Info().Note == "" {
		t.Errorf("%+v %v, note %q", got, err, c.Info().Note)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(dir string){
		"no tokenizer":  func(dir string) { _ = os.Remove(filepath.Join(dir, "vocab.txt")) },
		"another kind":  func(dir string) { modeltest.WriteFile(t, dir, "config.json", `{"model_type": "bert"}`) },
		"broken config": func(dir string) { modeltest.WriteFile(t, dir, "config.json", `{"model_type`) },
		"git": func(dir string) {
			modeltest.WriteFile(t, dir, "config.json", `{"model_type": "git"}`)
			modeltest.WriteSafetensors(t, filepath.Join(dir, "model.safetensors"), []modeltest.Weight{{Name: "git.embeddings.word_embeddings.weight", Shape: []int64{4, 4}}})
		},
		"decoder without encoder": func(dir string) {
			if b, err := os.ReadFile(filepath.Join(dir, "model.safetensors")); err != nil || os.WriteFile(filepath.Join(dir, "decoder_model.onnx"), b, 0o644) != nil {
				t.Fatal(err)
			}
		},
		"heads that do not fit": func(dir string) {
			modeltest.WriteFile(t, dir, "config.json", `{"model_type": "vision-encoder-decoder", "decoder": {"n_head": 7}, "encoder": {"image_size": 32, "num_attention_heads": 4}}`)
		},
	} {
		c, err := folder.OpenCaptioner(rt, writerWith(t, change))
		if err == nil {
			t.Errorf("%s: taken", name)
			_ = c.Close()
			continue
		}
		var format *models.FormatError
		var unsupported *models.UnsupportedError
		if !errors.As(err, &format) && !errors.As(err, &unsupported) && !errors.Is(err, models.ErrNoModel) {
			t.Errorf("%s: an error of no kind: %v", name, err)
		}
	}
}
