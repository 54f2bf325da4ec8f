package encoder

import (
	"context"

	"coverslip/models/onnx"
)

// run is one run of the network, when its turn has come. The input's memory is
// used again afterwards.
func (e *Encoder) run(ctx context.Context, in onnx.Tensor) (map[string]onnx.Tensor, error) {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-e.turn }()
	out, err := e.session.RunOutputs(ctx, map[string]onnx.Tensor{e.input.Name: in}, []string{e.output.Name})
	if data, ok := in.Data.([]float32); ok {
		e.buffers.Put(&data)
	}
	return out, err
}

// Computed is what computes the network, and why it is not what was asked for.
func (e *Encoder) Computed() (onnx.Provider, string) { return e.session.Computed() }

// buffer is memory for an input of n numbers; what was there before is left in
// it, except in the rows of patches that a fixed batch lacks, which are of no
// consequence.
func (e *Encoder) buffer(n int) []float32 {
	if b, ok := e.buffers.Get().(*[]float32); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]float32, n)
}
