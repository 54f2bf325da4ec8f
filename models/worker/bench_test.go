//go:build unix

package worker_test

import (
	"context"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/worker"
)

// carrier is a model that does next to nothing with a batch of pictures, so that
// what remains is the way there and back.
func carrier(tb testing.TB, batch int64) ([]byte, map[string]onnx.Tensor) {
	tb.Helper()
	shape := []int64{batch, 3, 224, 224}
	b := onnxfile.NewBuilder("carrier")
	x := b.Input("x", onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(3), onnxfile.Fixed(224), onnxfile.Fixed(224))
	y := b.Op("Slice", []string{x, b.Indices(0), b.Indices(1), b.Indices(3)})
	b.Output("y", y, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(3), onnxfile.Fixed(224), onnxfile.Fixed(1))
	return b.Model("test").Marshal(), map[string]onnx.Tensor{"x": onnx.NewTensor(make([]float32, batch*3*224*224), shape...)}
}

// BenchmarkCarry measures the way of eight pictures of 224 pixels (4.8 MB) to
// the runtime: in this process, by shared memory, by the pipe.
func BenchmarkCarry(b *testing.B) {
	graph, in := carrier(b, 8)
	run := func(e onnx.Engine) func(b *testing.B) {
		return func(b *testing.B) {
			m, err := e.NewSession(graph, onnx.SessionOptions{Threads: 1})
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Run(context.Background(), in); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("process", run(modeltest.Runtime(b)))
	b.Run("shared", run(start(b, worker.Options{})))
	b.Run("pipe", run(start(b, worker.Options{Pipe: true})))
}
