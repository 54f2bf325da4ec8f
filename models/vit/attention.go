package vit

import (
	"fmt"

	"coverslip/models/attention"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
)

// OpenAttention opens the network with its attention as outputs. Every token of it
// becomes part of the embedding, so that the attention is that of all of them.
func OpenAttention(rt onnx.Engine, c Config) (*attention.Looker, error) {
	model, err := build(c, true)
	if err != nil {
		return nil, err
	}
	session, err := rt.NewSession(model, onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("vit: %w", err)
	}
	return attention.New(session, c.Spec())
}

// attended writes attention rollout and that of the last block, as models/tower
// does, for a network whose tokens are all pooled.
func (n *network) attended(tokens int64) {
	if len(n.maps) == 0 {
		return // no block, no attention
	}
	identity := make([]float32, tokens*tokens)
	for i := range tokens {
		identity[i*tokens+i] = 0.5
	}
	half := n.b.Weights("half_identity", identity, 1, tokens, tokens)
	flow := ""
	for _, m := range n.maps {
		layer := n.b.Op("Add", []string{n.b.Op("Mul", []string{m, n.b.Scalar(0.5)}), half})
		if flow == "" {
			flow = layer
		} else {
			flow = n.b.Op("MatMul", []string{layer, flow})
		}
	}
	for _, out := range [][2]string{{attention.Rollout, flow}, {attention.Last, n.maps[len(n.maps)-1]}} {
		mean := n.b.Op("ReduceMean", []string{out[1]}, onnxfile.Ints("axes", 1), onnxfile.Int("keepdims", 0))
		n.b.Output(out[0], mean, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(tokens))
	}
}
