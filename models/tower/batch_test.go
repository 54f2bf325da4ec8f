package tower

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/weights"
)

// clipWeights are those of a CLIPModel's vision side.
func clipWeights(width, hidden, depth, image, patch, dim int64) []modeltest.Weight {
	squares := image / patch * (image / patch)
	list := []modeltest.Weight{
		{Name: "vision_model.embeddings.class_embedding", Shape: []int64{width}, Spread: 1},
		{Name: "vision_model.embeddings.patch_embedding.weight", Shape: []int64{width, 3, patch, patch}, Spread: 0.05},
		{Name: "vision_model.embeddings.position_embedding.weight", Shape: []int64{squares + 1, width}, Spread: 0.1},
		{Name: "visual_projection.weight", Shape: []int64{dim, width}, Spread: 0.1},
	}
	norm := func(name string) {
		list = append(list, modeltest.Weight{Name: name + ".weight", Shape: []int64{width}, Base: 1, Spread: 0.1},
			modeltest.Weight{Name: name + ".bias", Shape: []int64{width}, Spread: 0.1})
	}
	linear := func(name string, out, in int64) {
		list = append(list, modeltest.Weight{Name: name + ".weight", Shape: []int64{out, in}, Spread: 0.08},
			modeltest.Weight{Name: name + ".bias", Shape: []int64{out}, Spread: 0.1})
	}
	norm("vision_model.pre_layrnorm")
	norm("vision_model.post_layernorm")
	for i := range depth {
		p := fmt.Sprintf("vision_model.encoder.layers.%d.", i)
		norm(p + "layer_norm1")
		norm(p + "layer_norm2")
		for _, part := range []string{"q_proj", "k_proj", "v_proj", "out_proj"} {
			linear(p+"self_attn."+part, width, width)
		}
		linear(p+"mlp.fc1", hidden, width)
		linear(p+"mlp.fc2", width, hidden)
	}
	return list
}

// TestVision_BatchDoesNotCount holds a patch's embedding to the same bits alone,
// in batches and on one thread or two, with weights copied and weights mapped.
func TestVision_BatchDoesNotCount(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	modeltest.WriteSafetensors(t, filepath.Join(dir, "model.safetensors"), clipWeights(192, 768, 2, 96, 16, 64))
	set, err := weights.Open(dir, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := ReadSettings(strings.NewReader(`{"vision_config": {"num_attention_heads": 3, "image_size": 96}}`))
	if err != nil {
		t.Fatal(err)
	}
	tower, err := Vision(set, settings, Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := pixelsOf(9, 96)
	per := len(all) / 9
	for _, mapped := range []bool{false, true} {
		var want [][]float32
		for _, threads := range []int{1, 2} {
			s, err := rt.NewSession(tower.Model, onnx.SessionOptions{DataFolder: dir, Threads: threads, Mapped: mapped})
			if err != nil {
				t.Fatal(err)
			}
			for _, batch := range []int{9, 1, 2, 4} {
				var got [][]float32
				for at := 0; at < 9; at += batch {
					n := min(batch, 9-at)
					got = append(got, rows(t, s, onnx.NewTensor(all[at*per:(at+n)*per], int64(n), 3, 96, 96), tower)...)
				}
				if want == nil {
					want = got
				}
				for i := range want {
					if !slices.Equal(want[i], got[i]) {
						t.Errorf("mapped %v, %d threads: patch %d has other bits in batches of %d", mapped, threads, i, batch)
					}
				}
			}
			closeSession(t, s)
		}
	}
}
