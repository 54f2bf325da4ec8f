package tower

import (
	"fmt"

	"coverslip/models"
	"coverslip/models/onnxfile"
	"coverslip/models/weights"
)

// bert is transformers' BertModel and RobertaModel.
type bert struct {
	shape
	words, places int64
	roberta       bool
	pool          string // "pooler", "first" or "mean"
	project       []linear
}

// transformersBERT is a text model of its own; its pooler, when it has one,
// makes the embedding.
func transformersBERT(w *weights.Set, s Settings) (*Tower, error) {
	g := newGraph("text tower", w)
	b := newBERT(s)
	b.pool = "first"
	if w.Has("pooler.dense.weight") {
		b.pool = "pooler"
	}
	return b.write(g, nil, "cls.", "lm_head.")
}

// keepText is a BertModel under "text." whose pooler makes the embedding.
func keepText(w *weights.Set, s Settings) (*Tower, error) {
	g := newGraph("text tower", w.Sub("text."))
	b := newBERT(s.Sub("text_config"))
	b.pool = "pooler"
	return b.write(g, nil)
}

// openClipBERT is open_clip's HFTextEncoder, as BiomedCLIP has. The settings
// of the text model are in the config.json that open_clip names; those that
// matter are the sizes of BERT, which the weights tell.
func openClipBERT(w *weights.Set, s Settings) (*Tower, error) {
	c := openClipConfig(s).Sub("text_cfg")
	b := newBERT(c.Sub("hf_config"))
	switch pool := c.Text("hf_pooler_type", c.Text("pooler_type", "cls_last_hidden_state_pooler")); pool {
	case "cls_last_hidden_state_pooler":
		b.pool = "first"
	case "mean_pooler":
		b.pool = "mean"
	case "cls_pooler":
		b.pool = "pooler"
	default:
		return nil, &models.UnsupportedError{File: w.Dir, What: fmt.Sprintf("the text tower's way of pooling (%s) is not known", pool)}
	}
	g := newGraph("text tower", w.Sub("text.transformer."))
	var project []string
	switch {
	case w.Has("text.proj.0.weight"):
		project = []string{"text.proj.0.weight", "text.proj.2.weight"}
	case w.Has("text.proj.weight"):
		project = []string{"text.proj.weight"}
	}
	t, err := b.write(g, func(g *graph) {
		g.w, g.used = w.Sub("text."), map[string]bool{}
		for _, name := range project {
			b.project = append(b.project, linear{weight: name[len("text."):]})
		}
	}, "pooler.")
	if err != nil {
		return nil, err
	}
	if n := int(c.Int("context_length", 0)); n > 0 && n < t.Tokens {
		t.Tokens = n
	}
	return t, nil
}

func newBERT(s Settings) *bert {
	b := &bert{}
	b.eps, b.act = s.Float("layer_norm_eps", 1e-12), s.Text("hidden_act", "gelu")
	b.heads = s.Int("num_attention_heads", 0) // from the width when it is not stated
	switch s.Text("model_type", "bert") {
	case "roberta", "xlm-roberta", "camembert":
		b.roberta = true
		b.eps = s.Float("layer_norm_eps", 1e-5)
	}
	return b
}

// write makes the graph. beside, when given, adds the projections, which are
// outside the model's own weights.
func (b *bert) write(g *graph, beside func(*graph), ignore ...string) (*Tower, error) {
	words, places := g.w.Shape("embeddings.word_embeddings.weight"), g.w.Shape("embeddings.position_embeddings.weight")
	if len(words) != 2 || len(places) != 2 || words[1] != places[1] {
		g.fail("words %v and places %v do not go together", words, places)
		return nil, g.err
	}
	b.words, b.places, b.width = words[0], places[0], words[1]
	if b.heads == 0 {
		b.heads = b.width / 64
	}
	ids := g.b.Input(inputIDs, onnxfile.Int64, onnxfile.Free("n"), onnxfile.Free("tokens"))
	seen := g.b.Input(inputMask, onnxfile.Int64, onnxfile.Free("n"), onnxfile.Free("tokens"))
	size := g.b.Op("Shape", []string{ids})
	b.back = g.b.Op("Concat", []string{size, g.b.Indices(b.width)}, onnxfile.Int("axis", 0))
	x := b.embed(g, ids, size)
	hidden := g.b.Op("Sub", []string{g.b.Scalar(1), g.b.Op("Cast", []string{seen}, onnxfile.Int("to", int64(onnxfile.Float32)))})
	mask := g.b.Op("Unsqueeze", []string{g.b.Op("Mul", []string{hidden, g.b.Scalar(masked)}), g.b.Indices(1, 2)})
	depth := g.count("encoder.layer.%d.attention.self.query.weight")
	if depth == 0 {
		g.fail("no block of a transformer is in it")
		return nil, g.err
	}
	for i := range depth {
		x = g.postNorm(x, bertBlock(g, fmt.Sprintf("encoder.layer.%d.", i)), b.shape, mask)
	}
	x, err := b.pooled(g, g.unrow(x, b.shape), seen)
	if err != nil {
		return nil, err
	}
	if beside != nil { // what the model itself leaves over is judged before its weights are put aside
		if err := g.leftover(append(ignore, "pooler.")...); err != nil {
			return nil, err
		}
		beside(g)
		ignore = []string{"transformer."}
	}
	dim := b.width
	for i, l := range b.project {
		if i > 0 {
			x = g.activate(x, "gelu")
		}
		x, dim = g.apply(x, dim, l)
	}
	g.b.Output(output, x, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(dim))
	model, err := g.finish(ignore...)
	if err != nil {
		return nil, err
	}
	longest := b.places
	if b.roberta {
		longest -= 2 // its first places are those of padding
	}
	return &Tower{Model: model, Library: "transformers", Input: inputIDs, Mask: inputMask, Output: output, Dim: int(dim), Words: int(b.words), Tokens: int(min(longest, 512)),
		Architecture: fmt.Sprintf("BERT text tower, %d blocks of %d, %d heads", depth, b.width, b.heads)}, nil
}

// embed adds words, places and the kind of the text, and normalises: rows.
func (b *bert) embed(g *graph, ids, size string) string {
	x := g.b.Op("Gather", []string{g.stored("embeddings.word_embeddings.weight", 0, b.words, b.width), ids}, onnxfile.Int("axis", 0))
	length := g.slice(size, 0, 1, 2)
	start := int64(0)
	if b.roberta {
		start = 2 // places are counted from the number of the padding token on, which is 1
	}
	end := g.b.Op("Add", []string{length, g.b.Indices(start)})
	table := g.stored("embeddings.position_embeddings.weight", 0, b.places, b.width)
	x = g.add(x, g.b.Op("Slice", []string{table, g.b.Indices(start), end, g.b.Indices(0)}))
	if g.w.Has("embeddings.token_type_embeddings.weight") {
		if s := g.w.Shape("embeddings.token_type_embeddings.weight"); len(s) == 2 && s[1] == b.width {
			x = g.add(x, g.stored("embeddings.token_type_embeddings.weight", 0, b.width))
		}
	}
	return g.norm(g.reshape(x, -1, b.width), "embeddings.LayerNorm", b.width, b.eps)
}

func bertBlock(g *graph, p string) block {
	return block{
		q: g.named(p + "attention.self.query"), k: g.named(p + "attention.self.key"), v: g.named(p + "attention.self.value"),
		out: g.named(p + "attention.output.dense"), norm1: p + "attention.output.LayerNorm",
		up: g.named(p + "intermediate.dense"), down: g.named(p + "output.dense"), norm2: p + "output.LayerNorm",
	}
}

// pooled makes one vector of [n,tokens,width].
func (b *bert) pooled(g *graph, x, seen string) (string, error) {
	switch b.pool {
	case "mean":
		m := g.b.Op("Unsqueeze", []string{g.b.Op("Cast", []string{seen}, onnxfile.Int("to", int64(onnxfile.Float32))), g.b.Indices(2)})
		sum := g.b.Op("ReduceSum", []string{g.b.Op("Mul", []string{x, m}), g.b.Indices(1)}, onnxfile.Int("keepdims", 0))
		return g.b.Op("Div", []string{sum, g.b.Op("ReduceSum", []string{m, g.b.Indices(1)}, onnxfile.Int("keepdims", 0))}), g.err
	case "pooler":
		y, _ := g.apply(g.reshape(g.slice(x, 1, 0, 1), -1, b.width), b.width, g.named("pooler.dense"))
		return g.activate(y, "tanh"), g.err
	}
	return g.reshape(g.slice(x, 1, 0, 1), -1, b.width), g.err
}
