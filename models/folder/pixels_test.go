package folder

import (
	"encoding/json"
	"image"
	"math"
	"os"
	"path/filepath"
	"testing"

	"coverslip/models/modeltest"
)

// photograph paints what testdata/pixels.py paints, byte for byte.
func photograph(seed, side int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			for c := range 3 {
				i := (y*side+x)*3 + c
				noise := int((modeltest.Draw(uint64(seed), uint64(i)) + 1) * 24)
				wave := (x*(seed+3+2*c) + y*(5+c)) % 251
				blob := ((x/(7+c))*31 + (y/(9-c))*17*(seed+1)) % 128
				img.Pix[img.PixOffset(x, y)+c] = uint8(min(255, wave/2+blob+noise))
			}
			img.Pix[img.PixOffset(x, y)+3] = 255
		}
	}
	return img
}

// TestOpen_PixelsToEmbeddings holds the whole way, from a photograph's pixels to
// the embedding, against transformers and timm with PIL: their preprocessing by
// their settings, their network. See testdata/pixels.py.
func TestOpen_PixelsToEmbeddings(t *testing.T) {
	rt := modeltest.Runtime(t)
	var doc struct {
		Sizes  [][2]int `json:"sizes"`
		Models map[string]struct {
			Kind     string          `json:"kind"`
			Settings json.RawMessage `json:"settings"`
			Rows     [][]float64     `json:"rows"`
		} `json:"models"`
	}
	readJSON(t, filepath.Join("testdata", "pixels.json"), &doc)
	for name, want := range doc.Models {
		t.Run(name, func(t *testing.T) {
			dir := pixelsFolder(t, name, want.Kind, want.Settings)
			e, err := Open(rt, dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}()
			for i, row := range want.Rows {
				got, err := e.Encode(t.Context(), []*image.RGBA{photograph(i, doc.Sizes[i][0])})
				if err != nil {
					t.Fatal(err)
				}
				var ab, bb float64
				for k, v := range row {
					ab += v * float64(got[0][k])
					bb += v * v
				}
				if c := ab / math.Sqrt(bb); len(got[0]) != len(row) || !(c >= 0.9999) {
					t.Errorf("a photograph of %d pixels: cosine %.7f over %d numbers", doc.Sizes[i][0], c, len(row))
				} else {
					t.Logf("a photograph of %d pixels: cosine %.9f", doc.Sizes[i][0], c)
				}
			}
		})
	}
}

// pixelsFolder is a model folder as its library saves it, with the weights of
// models/tower's reference of that name.
func pixelsFolder(t *testing.T, name, kind string, settings json.RawMessage) string {
	t.Helper()
	var ref struct {
		Config  map[string]map[string]any `json:"config"`
		Weights [][]any                   `json:"weights"`
	}
	readJSON(t, filepath.Join("..", "tower", "testdata", "references", name+".json"), &ref)
	var list []modeltest.Weight
	for _, row := range ref.Weights {
		w := modeltest.Weight{Name: row[0].(string), Base: row[2].(float64), Spread: row[3].(float64)}
		for _, d := range row[1].([]any) {
			w.Shape = append(w.Shape, int64(d.(float64)))
		}
		list = append(list, w)
	}
	dir := filepath.Join(t.TempDir(), "snapshot")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	modeltest.WriteSafetensors(t, filepath.Join(dir, "model.safetensors"), list)
	config := ref.Config["config.json"]
	if kind == "timm" {
		var prep map[string]any
		if err := json.Unmarshal(settings, &prep); err != nil {
			t.Fatal(err)
		}
		config["pretrained_cfg"] = prep
	} else {
		modeltest.WriteFile(t, dir, "preprocessor_config.json", string(settings))
	}
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	modeltest.WriteFile(t, dir, "config.json", string(b))
	return dir
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
