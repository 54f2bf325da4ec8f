// Package segmenttest makes a tiny encoder and decoder for the tests of other
// rooms. Only tests import it.
package segmenttest

import (
	"os"
	"path/filepath"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/models/onnxfile"
)

// The tiny outliner's picture and embedding, pixels a side.
const (
	outlinerSide = 256
	outlinerGrid = 64
)

// Write writes a folder with an encoder and a decoder as exporters of
// Segment Anything do, made of nothing but colours: the embedding is the picture
// made smaller, and the mask is what has a colour like that under the points which
// mean it, and more so than like that under the points beside it. A box means the
// point in its middle, and nothing outside of it belongs. It knows nothing of
// tissue; it repeats to the bit.
func Write(tb testing.TB, dir string) {
	tb.Helper()
	for name, m := range map[string]*onnxfile.Model{"tiny_encoder.onnx": outlinerEncoder(), "tiny_decoder.onnx": outlinerDecoder()} {
		if err := m.Check(); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), m.Marshal(), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	modeltest.WriteFile(tb, dir, "preprocessor_config.json", `{"size":{"longest_edge":256},"image_mean":[0.5,0.5,0.5],"image_std":[0.25,0.25,0.25],"untrained":true}`)
}

func outlinerEncoder() *onnxfile.Model {
	const k = outlinerSide / outlinerGrid
	b := onnxfile.NewBuilder("picture made smaller")
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(outlinerSide), onnxfile.Fixed(outlinerSide))
	y := b.Op("AveragePool", []string{x}, onnxfile.Ints("kernel_shape", k, k), onnxfile.Ints("strides", k, k))
	b.Output("image_embeddings", y, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(outlinerGrid), onnxfile.Fixed(outlinerGrid))
	return b.Model("Coverslip")
}

func outlinerDecoder() *onnxfile.Model {
	const n, k = outlinerGrid * outlinerGrid, float32(outlinerSide) / outlinerGrid
	b := onnxfile.NewBuilder("colours like those pointed at")
	one := onnxfile.Fixed(1)
	emb := b.Input("image_embeddings", onnxfile.Float32, one, onnxfile.Fixed(3), onnxfile.Fixed(outlinerGrid), onnxfile.Fixed(outlinerGrid))
	coords := b.Input("point_coords", onnxfile.Float32, one, onnxfile.Free("n"), onnxfile.Fixed(2))
	labels := b.Input("point_labels", onnxfile.Float32, one, onnxfile.Free("n"))
	grid := [2][]float32{}
	for i := range n {
		grid[0], grid[1] = append(grid[0], (float32(i%outlinerGrid)+0.5)*k), append(grid[1], (float32(i/outlinerGrid)+0.5)*k)
	}
	gx, gy := b.Weights("gx", grid[0], 1, 1, n), b.Weights("gy", grid[1], 1, 1, n)
	axis := func(x string, i int64) string { // [1,n,1]
		return b.Op("Slice", []string{x, b.Indices(i), b.Indices(i + 1), b.Indices(2)})
	}
	square := func(x string) string { return b.Op("Mul", []string{x, x}) }
	is := func(v float32) string { // 1 where the label is v, [1,n,1]
		l := b.Op("Reshape", []string{labels, b.Indices(1, -1, 1)})
		return b.Op("Cast", []string{b.Op("Equal", []string{l, b.Scalar(v)})}, onnxfile.Int("to", int64(onnxfile.Float32)))
	}
	sum := func(x string) string {
		return b.Op("ReduceSum", []string{x, b.Indices(1)}, onnxfile.Int("keepdims", 1))
	}
	// The middle of a box is one more point; without a box it does not count.
	first, second := is(2), is(3)
	corner := func(which string, i int64) string { return sum(b.Op("Mul", []string{axis(coords, i), which})) } // [1,1,1]
	boxed := sum(first)
	middle := func(i int64) string {
		return b.Op("Mul", []string{b.Op("Add", []string{corner(first, i), corner(second, i)}), b.Scalar(0.5)})
	}
	px := b.Op("Concat", []string{axis(coords, 0), middle(0)}, onnxfile.Int("axis", 1))
	py := b.Op("Concat", []string{axis(coords, 1), middle(1)}, onnxfile.Int("axis", 1))
	on := b.Op("Concat", []string{is(1), boxed}, onnxfile.Int("axis", 1))
	beside := b.Op("Concat", []string{is(0), b.Op("Mul", []string{boxed, b.Scalar(0)})}, onnxfile.Int("axis", 1))
	// The colour under each point: a mean that falls off within a pixel or two.
	dist := b.Op("Add", []string{square(b.Op("Sub", []string{px, gx})), square(b.Op("Sub", []string{py, gy}))})
	near := b.Op("Softmax", []string{b.Op("Mul", []string{dist, b.Scalar(-0.25)})}, onnxfile.Int("axis", -1))
	pixels := b.Op("Transpose", []string{b.Op("Reshape", []string{emb, b.Indices(1, 3, n)})}, onnxfile.Ints("perm", 0, 2, 1))
	colour := b.Op("MatMul", []string{near, pixels}) // [1,points,3]
	diff := b.Op("Sub", []string{b.Op("Unsqueeze", []string{colour, b.Indices(2)}), b.Op("Unsqueeze", []string{pixels, b.Indices(1)})})
	unlike := b.Op("ReduceSum", []string{square(diff), b.Indices(3)}, onnxfile.Int("keepdims", 0)) // [1,points,n]
	least := func(which string) string {                                                           // of the points that count
		far := b.Op("Mul", []string{b.Op("Sub", []string{b.Scalar(1), which}), b.Scalar(1e4)})
		return b.Op("ReduceMin", []string{b.Op("Add", []string{unlike, far})}, onnxfile.Ints("axes", 1), onnxfile.Int("keepdims", 1))
	}
	logits := b.Op("Sub", []string{b.Op("Min", []string{least(beside), b.Scalar(1)}), least(on)}) // [1,1,n]
	// Outside a box nothing belongs: the logit falls by how far it is.
	out := func(grid string, i int64) string {
		lo, hi := b.Op("Sub", []string{corner(first, i), grid}), b.Op("Sub", []string{grid, corner(second, i)})
		return b.Op("Relu", []string{b.Op("Max", []string{lo, hi})})
	}
	away := b.Op("Mul", []string{b.Op("Mul", []string{b.Op("Add", []string{out(gx, 0), out(gy, 1)}), boxed}), b.Scalar(10)})
	logits = b.Op("Sub", []string{logits, away})
	g := onnxfile.Fixed(outlinerGrid)
	b.Output("low_res_masks", b.Op("Reshape", []string{logits, b.Indices(1, 1, outlinerGrid, outlinerGrid)}), onnxfile.Float32, one, one, g, g)
	share := b.Op("ReduceMean", []string{b.Op("Sigmoid", []string{logits})}, onnxfile.Ints("axes", 2), onnxfile.Int("keepdims", 0)) // [1,1]
	b.Output("iou_predictions", b.Op("Sub", []string{b.Scalar(1), share}), onnxfile.Float32, one, one)
	return b.Model("Coverslip")
}
