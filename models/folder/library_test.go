package folder

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
)

// reference makes a folder as a user has it of a tiny seeded model of
// models/tower's references; file is model.safetensors or pytorch_model.bin.
func reference(t testing.TB, dir, name, file string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "tower", "testdata", "references", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Config  map[string]json.RawMessage `json:"config"`
		Weights [][]any                    `json:"weights"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	var list []modeltest.Weight
	for _, row := range r.Weights {
		w := modeltest.Weight{Name: row[0].(string), Base: row[2].(float64), Spread: row[3].(float64)}
		for _, d := range row[1].([]any) {
			w.Shape = append(w.Shape, int64(d.(float64)))
		}
		list = append(list, w)
	}
	if strings.HasSuffix(file, ".bin") {
		modeltest.WriteTorch(t, filepath.Join(dir, file), list)
	} else {
		modeltest.WriteSafetensors(t, filepath.Join(dir, file), list)
	}
	for f, c := range r.Config {
		modeltest.WriteFile(t, dir, f, string(c))
	}
}

// clipWords is a tokenizer of CLIP's kind with the 120 entries of the tiny
// models.
func clipWords() string {
	vocab := map[string]int{}
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789&.,-" {
		vocab[string(c)] = len(vocab)
		vocab[string(c)+"</w>"] = len(vocab)
	}
	vocab["<|startoftext|>"], vocab["<|endoftext|>"] = 118, 119
	b, err := json.Marshal(map[string]any{
		"added_tokens":  []any{},
		"normalizer":    map[string]any{"type": "Lowercase"},
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "Split", "behavior": "Removed", "invert": true, "pattern": map[string]any{"Regex": `'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`}}, map[string]any{"type": "ByteLevel"}}},
		"post_processor": map[string]any{"type": "RobertaProcessing", "cls": []any{"<|startoftext|>", 118},
			"sep": []any{"<|endoftext|>", 119}},
		"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{}, "end_of_word_suffix": "</w>", "unk_token": "<|endoftext|>"},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestOpen_LibraryFolders(t *testing.T) {
	rt := modeltest.Runtime(t)
	for _, c := range []struct {
		name, file string
		kind       Kind
		image, dim int
		text       bool
	}{
		{"uni", "model.safetensors", KindTimm, 64, 64, false},
		{"uni2", "pytorch_model.bin", KindTimm, 56, 64, false},
		{"phikon", "model.safetensors", KindTransformers, 64, 48, false},
		{"hibou", "model.safetensors", KindTransformers, 56, 48, false},
		{"midnight", "pytorch_model.bin", KindTransformers, 98, 48, false},
		{"plip", "pytorch_model.bin", KindTransformers, 64, 40, true},
		{"quilt", "open_clip_pytorch_model.bin", KindOpenClip, 64, 40, true},
		{"coca", "open_clip_model.safetensors", KindOpenClip, 64, 32, true},
		{"conch", "pytorch_model.bin", KindOpenClip, 64, 32, true},
		{"biomedclip", "open_clip_pytorch_model.bin", KindOpenClip, 64, 40, true},
		{"keep", "model.safetensors", KindTransformers, 64, 40, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tiny") // a name that the catalogue does not know
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			reference(t, dir, c.name, c.file)
			if c.text {
				modeltest.WriteFile(t, dir, "tokenizer.json", clipWords())
			}
			r := CheckWith(rt, dir)
			if !r.OK() || r.Kind != c.kind || r.Dim != c.dim || r.Makes == "" || r.SHA256 == "" || (r.Text != "") != c.text {
				t.Fatalf("%+v", r)
			}
			if !strings.Contains(r.Inputs[0], "pixel_values") || r.Weights == 0 {
				t.Errorf("%v, %d weights", r.Inputs, r.Weights)
			}
			e, err := Open(rt, dir)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if (e.Info().Pair != "") != c.text {
				t.Errorf("%+v", e.Info())
			}
			if !c.text {
				if _, err := OpenText(rt, dir); !errors.Is(err, models.ErrNoModel) {
					t.Errorf("texts: %v", err)
				}
				return
			}
			texts, err := OpenText(rt, dir)
			if err != nil {
				t.Fatal(err)
			}
			defer texts.Close()
			if texts.TextInfo().Pair != e.Info().Pair || texts.TextInfo().Dim != e.Info().Dim || texts.TextInfo().LogitScale < 1 {
				t.Errorf("%+v", texts.TextInfo())
			}
			checkAlone(t, texts)
		})
	}
}

// checkAlone: a text's vector does not change with its neighbours.
func checkAlone(t *testing.T, texts models.TextEncoder) {
	t.Helper()
	long := strings.Repeat("long text ", 40)
	all, err := texts.EncodeText(context.Background(), []string{"cell", long, "gland"})
	if err != nil {
		t.Fatal(err)
	}
	one, err := texts.EncodeText(context.Background(), []string{"gland"})
	if err != nil {
		t.Fatal(err)
	}
	if c := models.Dot(one[0], all[2]); c < 0.99999 {
		t.Errorf("cosine %v to itself in a batch", c)
	}
	if c := models.Dot(all[0], all[2]); c > 0.99999 {
		t.Errorf("two words have cosine %v", c)
	}
}

func TestOpen_ForeignTokenizerIsTold(t *testing.T) {
	dir := t.TempDir()
	reference(t, dir, "plip", "pytorch_model.bin")
	modeltest.WriteFile(t, dir, "tokenizer.json", strings.Replace(clipWords(), `"\u003c|endoftext|\u003e":119`, `"\u003c|endoftext|\u003e":120`, 1))
	r := CheckWith(nil, dir)
	if r.Err != nil || r.Text != "" || !strings.Contains(strings.Join(r.Warnings, " "), "belong to different models") {
		t.Errorf("%+v", r)
	}
}

func TestOpen_TheCatalogueSetsRight(t *testing.T) {
	rt := modeltest.Runtime(t)
	root := t.TempDir()
	// Named like UNI and of another size: the catalogue must not be believed.
	dir := filepath.Join(root, "UNI")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	reference(t, dir, "uni", "model.safetensors")
	r := CheckWith(rt, dir)
	if !r.OK() || r.Known != "" || !strings.Contains(strings.Join(r.Warnings, " "), "the catalogue is not used") {
		t.Errorf("%+v", r)
	}
	// An ONNX file in a folder that the catalogue knows, with nothing beside it.
	dir = filepath.Join(root, "models--owkin--phikon", "snapshots", "0123")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "model.onnx", exported(t, 224, "pixel_values", 8))
	r = CheckWith(rt, dir)
	if !r.OK() || r.Known != "Phikon" || r.License == "" || r.MPP != 0.5 || !strings.Contains(r.Preprocess, "bilinear") || r.PrepFrom != "the catalogue" {
		t.Errorf("%+v", r)
	}
}

func TestOpen_TransformersONNX(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "onnx"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "onnx"), "model.onnx", exported(t, 32, "pixel_values", 8))
	modeltest.WriteFile(t, dir, "config.json", `{"model_type":"vit","image_size":32}`)
	modeltest.WriteFile(t, dir, "preprocessor_config.json", `{"do_resize":true,"size":{"height":32,"width":32},"resample":3,"do_normalize":true,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5],"rescale_factor":0.00392156862745098}`)
	e, err := Open(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if i := e.Info(); i.Dim != 8 || !strings.Contains(i.Preprocess, "bicubic") || !strings.Contains(i.Preprocess, "exact") || !strings.Contains(i.Preprocess, "0.5,0.5,0.5") {
		t.Errorf("%+v", i)
	}
	if _, err := e.Encode(context.Background(), []*image.RGBA{paint(40, 1)}); err != nil {
		t.Error(err)
	}
	modeltest.WriteFile(t, dir, "preprocessor_config.json", `{"resample":0,"image_mean":[0,0,0],"image_std":[1,1,1]}`)
	if _, err := Open(rt, dir); err == nil || !strings.Contains(err.Error(), "resampling 0") {
		t.Errorf("%v", err)
	}
	modeltest.WriteFile(t, dir, "preprocessor_config.json", `{`)
	if _, err := Open(rt, dir); err == nil || !strings.Contains(err.Error(), "not sound settings") {
		t.Errorf("%v", err)
	}
}

func TestOpen_JoinedImageAndText(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	put(t, dir, "model.onnx", joined(t))
	modeltest.WriteFile(t, dir, "config.json", `{"model_type":"clip","text_config":{"max_position_embeddings":77}}`)
	modeltest.WriteFile(t, dir, "preprocessor_config.json", `{"size":{"shortest_edge":32},"do_center_crop":true,"crop_size":32,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}`)
	modeltest.WriteFile(t, dir, "tokenizer.json", clipWords())
	r := CheckWith(rt, dir)
	if !r.OK() || r.Text == "" || r.Dim != 8 {
		t.Fatalf("%+v", r.SelfTest)
	}
	texts, err := OpenText(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer texts.Close()
	checkAlone(t, texts)
}

func TestOpen_WSInferAndMONAI(t *testing.T) {
	rt := modeltest.Runtime(t)
	config := `{"spec_version":"1.0","architecture":"resnet34","num_classes":2,"patch_size_pixels":48,"spacing_um_px":0.88,"class_names":["Other","Tumor"],
	 "transform":[{"name":"Resize","arguments":{"size":32}},{"name":"ToTensor"},{"name":"Normalize","arguments":{"mean":[0.7238,0.5716,0.6779],"std":[0.112,0.1459,0.1089]}}]}`
	dir := t.TempDir()
	put(t, dir, "model.onnx", exported(t, 32, "input", 2))
	modeltest.WriteFile(t, dir, "config.json", config)
	r := CheckWith(rt, dir)
	if !r.OK() || r.Kind != KindWSInfer || r.MPP != 0.88 || r.PatchSize != 48 || len(r.Classes) != 2 || !strings.Contains(r.Preprocess, "0.7238") {
		t.Errorf("%+v", r)
	}
	if err := os.Rename(filepath.Join(dir, "model.onnx"), filepath.Join(dir, "torchscript_model.pt")); err != nil {
		t.Fatal(err)
	}
	var unsupported *models.UnsupportedError
	if _, err := Open(rt, dir); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "TorchScript") {
		t.Errorf("%v", err)
	}
	dir = t.TempDir()
	for _, sub := range []string{"configs", "models"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(dir, "models"), "model.onnx", exported(t, 32, "image", 4))
	modeltest.WriteFile(t, dir, filepath.Join("configs", "metadata.json"), `{"name":"Tumour patches","network_data_format":{"inputs":{"image":{"num_channels":3,"spatial_shape":[32,32]}}}}`)
	if r := CheckWith(rt, dir); !r.OK() || r.Kind != KindMONAI || r.Dim != 4 {
		t.Errorf("%+v", r)
	}
}

func TestOpen_RealSmallModels(t *testing.T) {
	rt := modeltest.Runtime(t)
	for name, want := range map[string]string{
		"mnist.onnx":                     "1 channels, not 3 of colour",
		"Ultraface.version-RFB-320.onnx": "320×240 pixels, not square",
		"quickstart_matmul.onnx":         "2 inputs",
	} {
		r := CheckWith(rt, modeltest.File(t, "models/"+name))
		var unsupported *models.UnsupportedError
		if !errors.As(r.Err, &unsupported) || !strings.Contains(r.Problem, want) || r.Nodes == 0 || len(r.Inputs) == 0 {
			t.Errorf("%s: %+v, want %q", name, r, want)
		}
	}
}
