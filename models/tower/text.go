package tower

import (
	"fmt"

	"coverslip/models/onnxfile"
)

// masked is added to the scores of places that must not be seen. It leaves
// nothing of them after the exponential, and unlike −∞ no row can become NaN.
const masked = -1e30

// text is a text tower of CLIP's kind, which reads from left to right.
type text struct {
	shape
	library string
	words   string // table of words
	table   string // of places
	blocks  []block
	final   string // norm after the blocks
	class   string // token put at the end, as CoCa does; "" = the end of the text is the embedding
	ownMask bool   // the class token's mask is in its place; see classMask
	pad     int64  // number of the token that fills a text up
	end     int64  // number of the token that ends a text; 0 = the highest number in it
	project []linear
	ignore  []string
}

// write makes the graph.
func (t *text) write(g *graph) (*Tower, error) {
	words, places := g.w.Shape(t.words), g.w.Shape(t.table)
	if len(words) != 2 || len(places) != 2 || words[1] != places[1] {
		g.fail("words %v and places %v do not go together", words, places)
		return nil, g.err
	}
	t.width, t.tokens = words[1], places[0]
	if len(t.blocks) == 0 || t.tokens < 2 || t.tokens > 4096 {
		g.fail("%d blocks for texts of %d tokens", len(t.blocks), t.tokens)
		return nil, g.err
	}
	length := t.tokens // of the text itself
	if t.class != "" {
		length--
	}
	ids := g.b.Input(inputIDs, onnxfile.Int64, onnxfile.Free("n"), onnxfile.Fixed(length))
	x := g.b.Op("Gather", []string{g.stored(t.words, 0, words...), ids}, onnxfile.Int("axis", 0))
	if t.class != "" {
		class := g.stored(t.class, 0, 1, 1, t.width)
		x = g.b.Op("Concat", []string{x, g.repeat(class, x, 1, t.width)}, onnxfile.Int("axis", 1))
	}
	x = g.add(x, g.stored(t.table, 0, 1, t.tokens, t.width))
	x = g.reshape(x, -1, t.width)
	mask := t.mask(g, ids)
	for _, b := range t.blocks {
		x = g.preNorm(x, b, t.shape, mask)
	}
	x = g.norm(t.pick(g, g.unrow(x, t.shape), ids), t.final, t.width, t.eps)
	dim := t.width
	for _, l := range t.project {
		x, dim = g.apply(x, dim, l)
	}
	g.b.Output(output, x, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(dim))
	model, err := g.finish(t.ignore...)
	if err != nil {
		return nil, err
	}
	return &Tower{Model: model, Library: t.library, Input: inputIDs, Output: output, Dim: int(dim), Words: int(words[0]), Tokens: int(length), Fixed: true,
		Architecture: fmt.Sprintf("%s text tower, %d blocks of %d, %d heads, %d tokens", t.library, len(t.blocks), t.width, t.heads, length)}, nil
}

// mask hides what comes later from every token.
func (t *text) mask(g *graph, ids string) string {
	n := int(t.tokens)
	causal := make([]float32, n*n)
	for y := range n {
		for x := y + 1; x < n; x++ {
			causal[y*n+x] = masked
		}
	}
	if t.class == "" {
		return g.b.Weights("causal", causal, 1, 1, t.tokens, t.tokens)
	}
	// The class token is last, so only its row looks beyond its own text.
	rows := g.b.Weights("causal", causal[:n*(n-1)], 1, 1, t.tokens-1, t.tokens)
	row := t.classMask(g, ids, t.tokens)
	batch := g.slice(g.b.Op("Shape", []string{ids}), 0, 0, 1)
	shape := g.b.Op("Concat", []string{batch, g.b.Indices(1, t.tokens-1, t.tokens)}, onnxfile.Int("axis", 0))
	return g.b.Op("Concat", []string{g.b.Op("Expand", []string{rows, shape}), row}, onnxfile.Int("axis", 2))
}

// pick takes the token that stands for the whole text out of [n,tokens,width].
func (t *text) pick(g *graph, x, ids string) string {
	if t.class != "" {
		return g.reshape(g.slice(x, 1, t.tokens-1, t.tokens), -1, t.width)
	}
	score := ids
	if t.end > 0 {
		same := g.b.Op("Equal", []string{ids, g.b.Whole(t.end)})
		score = g.b.Op("Cast", []string{same}, onnxfile.Int("to", int64(onnxfile.Int64)))
	}
	at := g.b.Op("ArgMax", []string{score}, onnxfile.Int("axis", 1), onnxfile.Int("keepdims", 1))
	return g.b.Op("GatherND", []string{x, at}, onnxfile.Int("batch_dims", 1))
}
