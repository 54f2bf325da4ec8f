package folder

import (
	"testing"

	"coverslip/models/onnxfile"
)

// pooledImage is dim numbers of an image: its colours' means, mixed.
func pooledImage(b *onnxfile.Builder, in string, dim int) string {
	x := b.Op("ReduceMean", []string{in}, onnxfile.Ints("axes", 2, 3), onnxfile.Int("keepdims", 0))
	w := make([]float32, 3*dim)
	for i := range w {
		w[i] = float32(i%7) - 2.5
	}
	y := b.Op("Gemm", []string{x, b.Weights("mix", w, 3, int64(dim))})
	// How rough the image is, so that patterns are told from plain colour.
	rough := b.Op("ReduceMean", []string{b.Op("Abs", []string{in})}, onnxfile.Ints("axes", 1, 2, 3), onnxfile.Int("keepdims", 0))
	return b.Op("Add", []string{y, b.Op("Reshape", []string{rough, b.Indices(-1, 1)})})
}

// exported is an ONNX model with one input of images, as exporters write it.
func exported(t testing.TB, side int64, input string, dim int) []byte {
	t.Helper()
	b := onnxfile.NewBuilder("image side")
	in := b.Input(input, onnxfile.Float32, onnxfile.Free("batch_size"), onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side))
	b.Output("image_embeds", pooledImage(b, in, dim), onnxfile.Float32, onnxfile.Free("batch_size"), onnxfile.Fixed(int64(dim)))
	return checked(t, b)
}

func checked(t testing.TB, b *onnxfile.Builder) []byte {
	t.Helper()
	m := b.Model("test")
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	return m.Marshal()
}

// joined is a model of images and texts in one graph, as transformers' CLIP is
// exported when nobody asks for the parts.
func joined(t testing.TB) []byte {
	t.Helper()
	b := onnxfile.NewBuilder("image and text")
	ids := b.Input("input_ids", onnxfile.Int64, onnxfile.Free("texts"), onnxfile.Free("tokens"))
	in := b.Input("pixel_values", onnxfile.Float32, onnxfile.Free("images"), onnxfile.Fixed(3), onnxfile.Fixed(32), onnxfile.Fixed(32))
	mask := b.Input("attention_mask", onnxfile.Int64, onnxfile.Free("texts"), onnxfile.Free("tokens"))
	table := make([]float32, 120*8)
	for i := range table {
		table[i] = float32((i*37)%23) - 11
	}
	x := b.Op("Gather", []string{b.Weights("words", table, 120, 8), ids})
	seen := b.Op("Unsqueeze", []string{b.Op("Cast", []string{mask}, onnxfile.Int("to", 1)), b.Indices(2)})
	x = b.Op("ReduceSum", []string{b.Op("Mul", []string{x, seen}), b.Indices(1)}, onnxfile.Int("keepdims", 0))
	b.Output("text_embeds", x, onnxfile.Float32, onnxfile.Free("texts"), onnxfile.Fixed(8))
	b.Output("image_embeds", pooledImage(b, in, 8), onnxfile.Float32, onnxfile.Free("images"), onnxfile.Fixed(8))
	return checked(t, b)
}
