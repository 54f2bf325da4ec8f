package tower

import "coverslip/models/onnxfile"

// Outputs of a graph that was written with Options.Attention, each [n,patches]:
// how much the embedding looks at each of the image's patches, row by row. The
// tokens in front (class token, registers) have their share too, so that the sum
// is 1 at most.
const (
	// AttentionRollout is that of all layers together: the product of each layer's
	// attention, mixed half and half with what passes it by (S. Abnar and W.
	// Zuidema, Quantifying Attention Flow in Transformers, 2020, section 3).
	AttentionRollout = "attention_rollout"
	// AttentionLast is that of the last layer alone.
	AttentionLast = "attention_last"
)

// attended writes the outputs. It is called after the last block.
func (g *graph) attended(v *vision) {
	if len(g.maps) == 0 {
		g.fail("no block of it attends")
		return
	}
	identity := make([]float32, v.tokens*v.tokens)
	for i := range v.tokens {
		identity[i*v.tokens+i] = 0.5
	}
	half := g.b.Weights("half_identity", identity, 1, v.tokens, v.tokens)
	flow := ""
	for _, m := range g.maps {
		layer := g.add(g.b.Op("Mul", []string{m, g.b.Scalar(0.5)}), half)
		if flow == "" {
			flow = layer
		} else {
			flow = g.b.Op("MatMul", []string{layer, flow})
		}
	}
	n, patches := onnxfile.Free("n"), v.tokens-v.extra
	g.b.Output(AttentionRollout, g.looking(v, flow), onnxfile.Float32, n, onnxfile.Fixed(patches))
	g.b.Output(AttentionLast, g.looking(v, g.maps[len(g.maps)-1]), onnxfile.Float32, n, onnxfile.Fixed(patches))
}

// looking is the row of what becomes the embedding, [n,patches]: the class token's,
// or the mean over the patches where they are pooled.
func (g *graph) looking(v *vision, x string) string {
	from, to := int64(0), int64(1)
	if v.extra == 0 || v.pool == PoolMean || v.all {
		from, to = v.extra, v.tokens
	}
	rows := g.slice(x, 1, from, to)
	mean := g.b.Op("ReduceMean", []string{rows}, onnxfile.Ints("axes", 1), onnxfile.Int("keepdims", 0))
	return g.slice(mean, 1, v.extra, v.tokens)
}
