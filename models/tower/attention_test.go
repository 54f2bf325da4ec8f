package tower

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/weights"
)

// TestVision_Attention: attention of the last layer and rollout equal what
// transformers gives (testdata/attention.py), and the embedding stays what it is
// without.
func TestVision_Attention(t *testing.T) {
	rt := modeltest.Runtime(t)
	b, err := os.ReadFile("testdata/attention.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Image int       `json:"image"`
		R     []float64 `json:"rollout"`
		L     []float64 `json:"last"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	refs := references(t, "testdata/references")
	for name, w := range want {
		t.Run(name, func(t *testing.T) {
			r := refs[name]
			dir := t.TempDir()
			modeltest.WriteSafetensors(t, dir+"/model.safetensors", r.list(t))
			set, err := weights.Open(dir, "model.safetensors")
			if err != nil {
				t.Fatal(err)
			}
			run := func(look bool, out ...string) map[string]onnx.Tensor {
				t.Helper()
				v, err := Vision(set, r.settings(t), Options{Image: r.Image, Pool: r.Pool, Attention: look})
				if err != nil {
					t.Fatal(err)
				}
				s, err := rt.NewSession(v.Model, onnx.SessionOptions{DataFolder: dir, Threads: 1})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				side := int64(w.Image)
				in := modeltest.Weight{Name: "pixels", Shape: []int64{1, 3, side, side}, Spread: 1.5}
				got, err := s.RunOutputs(t.Context(), map[string]onnx.Tensor{v.Input: onnx.NewTensor(in.Values(), 1, 3, side, side)}, out)
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			got := run(true, AttentionRollout, AttentionLast, output)
			for out, numbers := range map[string][]float64{AttentionRollout: w.R, AttentionLast: w.L} {
				v, err := onnx.Of[float32](got[out])
				if err != nil || len(v) != len(numbers) {
					t.Fatalf("%s: %d numbers, want %d; %v", out, len(v), len(numbers), err)
				}
				for i := range v {
					if math.Abs(float64(v[i])-numbers[i]) > 1e-5 {
						t.Fatalf("%s: number %d is %v, want %v", out, i, v[i], numbers[i])
					}
				}
			}
			with, err := onnx.Of[float32](got[output])
			if err != nil {
				t.Fatal(err)
			}
			without, err := onnx.Of[float32](run(false, output)[output])
			if err != nil {
				t.Fatal(err)
			}
			models.Normalise(with)
			models.Normalise(without)
			if c := models.Dot(with, without); c < 0.999999 {
				t.Errorf("the embedding moves: cosine %v", c)
			}
		})
	}
}
