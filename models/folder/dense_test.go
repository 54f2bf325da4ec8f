package folder_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"coverslip/models"
	"coverslip/models/dense"
	"coverslip/models/folder"
	"coverslip/models/modeltest"
	"coverslip/models/onnxfile"
)

// mapModel gives two channels of what it is fed.
func mapModel(t *testing.T, path string) {
	t.Helper()
	b := onnxfile.NewBuilder("map")
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(32), onnxfile.Fixed(32))
	y := b.Op("Conv", []string{x, b.Weights("w", []float32{0, 0, 0, 1, 0, 0}, 2, 3, 1, 1), b.Weights("b", []float32{0, -0.5}, 2)}, onnxfile.Ints("kernel_shape", 1, 1))
	b.Output("pred", y, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(2), onnxfile.Fixed(32), onnxfile.Fixed(32))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Model("test").Marshal(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOpenDense: one model as each kind of folder describes it.
func TestOpenDense(t *testing.T) {
	rt := modeltest.Runtime(t)
	for name, c := range map[string]struct {
		write   func(dir string)
		classes []string
		mpp     float64
	}{
		"coverslip.json": {func(dir string) {
			mapModel(t, filepath.Join(dir, "model.onnx"))
			modeltest.WriteFile(t, dir, "coverslip.json", `{"patch_size": 32, "mpp": 0.5, "mean": [0,0,0], "std": [1,1,1], "dense": {"kind": "classes", "classes": ["glass", "tissue"]}}`)
		}, []string{"glass", "tissue"}, 0.5},
		"MONAI": {func(dir string) {
			mapModel(t, filepath.Join(dir, "models", "model.onnx"))
			if err := os.Mkdir(filepath.Join(dir, "configs"), 0o755); err != nil {
				t.Fatal(err)
			}
			modeltest.WriteFile(t, filepath.Join(dir, "configs"), "metadata.json", `{"name": "Tissue", "network_data_format": {"inputs": {"image": {"num_channels": 3, "spatial_shape": [32, 32], "value_range": [0, 1]}},
				"outputs": {"pred": {"type": "probabilities", "format": "segmentation", "num_channels": 2, "channel_def": {"0": "background", "1": "tissue"}}}}}`)
		}, []string{"background", "tissue"}, 0},
		"WSInfer": {func(dir string) {
			mapModel(t, filepath.Join(dir, "model.onnx"))
			modeltest.WriteFile(t, dir, "config.json", `{"num_classes": 2, "patch_size_pixels": 32, "spacing_um_px": 0.25, "class_names": ["other", "tissue"],
				"transform": [{"name": "Resize", "arguments": {"size": 32}}, {"name": "ToTensor"}, {"name": "Normalize", "arguments": {"mean": [0,0,0], "std": [1,1,1]}}]}`)
		}, []string{"other", "tissue"}, 0.25},
	} {
		dir := t.TempDir()
		c.write(dir)
		d, err := folder.OpenDense(rt, dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if i := d.Info(); !slices.Equal(i.Spec.Classes, c.classes) || i.MPP != c.mpp || i.Side != 32 || len(i.Hash) != 64 || i.Guessed {
			t.Errorf("%s: %+v", name, i)
		}
		found, err := d.Run(t.Context(), image.Rect(0, 0, 80, 40), func(_ context.Context, r image.Rectangle) (*image.RGBA, error) {
			img := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
			for y := range r.Dy() {
				for x := range r.Dx() {
					p := img.Pix[img.PixOffset(x, y):]
					if q := (image.Point{X: x, Y: y}).Add(r.Min); q.In(image.Rect(10, 10, 50, 30)) {
						p[0] = 255
					}
					p[3] = 255
				}
			}
			return img, nil
		}, nil)
		if err != nil || len(found) != 1 || found[0].Class != 1 || int(found[0].Outline.Outer.Area()+1) != 800 {
			t.Errorf("%s: %d objects, %v", name, len(found), err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if r := folder.CheckWith(rt, dir); !r.OK() || r.Dense == "" || len(r.SelfTest) != 2 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestOpenDense_Refuses(t *testing.T) {
	rt := modeltest.Runtime(t)
	for i, text := range []string{
		`{"kind": "blobs"}`, `{"kind": "classes", "threshold": 2}`, `{"kind": "classes", "margin": -1}`, `{"kind": "star"}`, `{"kind": "classes", "output": "nothing"}`,
		`{"kind": "classes", "classes": ["a","b","c"]}`, `{"kind": "classes", "multiple": 99999}`, `{"kind": "classes", "surprise": 1}`, `{"kind": "classes", "background": 5}`, `7`,
	} {
		dir := t.TempDir()
		mapModel(t, filepath.Join(dir, "model.onnx"))
		modeltest.WriteFile(t, dir, "coverslip.json", fmt.Sprintf(`{"patch_size": 32, "mean": [0,0,0], "std": [1,1,1], "dense": %s}`, text))
		d, err := folder.OpenDense(rt, dir)
		if err == nil {
			t.Errorf("%d: %s is taken", i, text)
			_ = d.Close()
			continue
		}
		var format *models.FormatError
		var unsupported *models.UnsupportedError
		if !errors.As(err, &format) && !errors.As(err, &unsupported) {
			t.Errorf("%s: an error of no kind: %v", text, err)
		}
	}
	plain := t.TempDir()
	mapModel(t, filepath.Join(plain, "model.onnx"))
	if _, err := folder.OpenDense(rt, plain); !errors.Is(err, models.ErrNoModel) {
		t.Errorf("a model nobody describes: %v", err)
	}
	if s := (dense.Spec{Kind: dense.Classes}); s.Check() != nil {
		t.Error("the least description")
	}
}
