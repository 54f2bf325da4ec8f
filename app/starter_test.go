package app

import (
	"encoding/json"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"coverslip/assets"
	"coverslip/models"
	"coverslip/models/folder"
	"coverslip/models/modeltest"
)

// Unpacking twice gives the same folder, mends what was damaged there, and
// another model goes elsewhere.
func TestUnpack(t *testing.T) {
	cache := t.TempDir()
	files := fstest.MapFS{"model.safetensors": {Data: []byte("weights")}, "config.json": {Data: []byte("{}")}}
	dir, err := unpack(files, cache)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.safetensors")
	if err := os.WriteFile(path, []byte("damage"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := unpack(files, cache)
	if err != nil || again != dir {
		t.Fatalf("%q, then %q, %v", dir, again, err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "weights" {
		t.Errorf("%q, %v", b, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	files["config.json"] = &fstest.MapFile{Data: []byte("{ }")}
	if other, err := unpack(files, cache); err != nil || other == dir {
		t.Errorf("another model: %q, %v", other, err)
	}
	block := filepath.Join(cache, "file")
	if err := os.WriteFile(block, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(files, block); err == nil {
		t.Error("a folder was made below a file")
	}
}

// golden is what tools/starter/export.py --check writes beside a model.
type golden struct {
	Side   int                  `json:"side"`
	Images [][]float32          `json:"images"`
	Texts  map[string][]float32 `json:"texts"`
}

// The starter model, opened by our own code, gives the vectors that PyTorch
// gave. COVERSLIP_STARTER names the folder of one that is not shipped.
func TestStarter_EqualsPyTorch(t *testing.T) {
	dir := os.Getenv("COVERSLIP_STARTER")
	if dir == "" {
		if _, err := assets.Starter(); err != nil {
			t.Skipf("%v, and COVERSLIP_STARTER names none", err)
		}
		var err error
		if dir, err = starterFolder(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	rt := modeltest.Runtime(t)
	enc, err := folder.Open(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeOrFail(t, enc)
	info := enc.Info()
	if info.MPP != 1 || info.PatchSize != want.Side || info.Untrained || info.Pair == "" {
		t.Errorf("%+v", info)
	}
	var patches []*image.RGBA
	for k := range want.Images {
		img := image.NewRGBA(image.Rect(0, 0, want.Side, want.Side))
		for i := range want.Side * want.Side {
			x, y := i%want.Side, i/want.Side
			for c := range 3 {
				img.Pix[4*i+c] = uint8(x*(3+k) + y*(2+c) + 40*c*k)
			}
			img.Pix[4*i+3] = 255
		}
		patches = append(patches, img)
	}
	got, err := enc.Encode(t.Context(), patches)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if cos := models.Dot(v, want.Images[i]); cos < 0.9999 {
			t.Errorf("picture %d: cosine %.6f to PyTorch", i, cos)
		}
	}
	texts, err := folder.OpenText(rt, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeOrFail(t, texts)
	for text, v := range want.Texts {
		got, err := texts.EncodeText(t.Context(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		if cos := models.Dot(got[0], v); cos < 0.9999 {
			t.Errorf("%q: cosine %.6f to PyTorch", text, cos)
		}
	}
}

func closeOrFail(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// Without weights the program has no starter model, and says why.
func TestStarter_Missing(t *testing.T) {
	if _, err := assets.Starter(); err != nil {
		if _, err := starterFolder(); err == nil || hasStarter() {
			t.Error("a folder without weights")
		}
		if _, err := ownTexts(nil, ""); err == nil {
			t.Error("texts without a model")
		}
		return
	}
	size := int64(0)
	files, err := assets.Starter()
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(files, ".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				size += info.Size()
			}
		}
		return err
	})
	if err != nil || size > 16<<20 {
		t.Errorf("%d bytes, at most 16 MiB: %v", size, err)
	}
}
