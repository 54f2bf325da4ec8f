package tower

import (
	"fmt"

	"coverslip/models/weights"
)

// transformersVision is transformers' ViTModel, Dinov2Model and
// Dinov2WithRegistersModel.
func transformersVision(w *weights.Set, s Settings, o Options) (*Tower, error) {
	g := newGraph("vision tower", w)
	g.look = o.Attention
	return transformersParts(g, w, s, o).write(g)
}

// transformersParts is transformersVision before it is written.
func transformersParts(g *graph, w *weights.Set, s Settings, o Options) *vision {
	dino := w.Has("encoder.layer.0.norm1.weight")
	v := &vision{library: "transformers", patch: "embeddings.patch_embeddings.projection", table: g.first("embeddings.position_embeddings"),
		final: "layernorm", prefix: []string{"embeddings.cls_token"}, pool: o.Pool,
		ignore: []string{"embeddings.mask_token", "pooler.", "classifier.", "head."}}
	v.eps, v.act = s.Float("layer_norm_eps", 1e-12), s.Text("hidden_act", "gelu")
	v.heads, v.image = s.Int("num_attention_heads", 12), s.Int("image_size", 224)
	if dino {
		v.eps = s.Float("layer_norm_eps", 1e-6)
	}
	if o.Heads > 0 {
		v.heads = o.Heads
	}
	if o.Image > 0 {
		v.image = int64(o.Image)
	}
	if w.Has("embeddings.register_tokens") {
		v.prefix = append(v.prefix, "embeddings.register_tokens")
		v.antialias = true // Dinov2WithRegistersEmbeddings.interpolate_pos_encoding; the others are not
	}
	sign := "encoder.layer.%d.layernorm_before.weight"
	if dino {
		sign = "encoder.layer.%d.norm1.weight"
	}
	for i := range g.count(sign) {
		v.blocks = append(v.blocks, transformersBlock(g, v, fmt.Sprintf("encoder.layer.%d.", i), dino))
	}
	return v
}

func transformersBlock(g *graph, v *vision, p string, dino bool) block {
	b := block{
		norm1: p + "layernorm_before", norm2: p + "layernorm_after",
		q: g.named(p + "attention.attention.query"), k: g.named(p + "attention.attention.key"), v: g.named(p + "attention.attention.value"),
		out: g.named(p + "attention.output.dense"), up: g.named(p + "intermediate.dense"), down: g.named(p + "output.dense"),
	}
	if !dino {
		return b
	}
	b.norm1, b.norm2 = p+"norm1", p+"norm2"
	b.scale1, b.scale2 = g.first(p+"layer_scale1.lambda1"), g.first(p+"layer_scale2.lambda1")
	b.up, b.down = g.named(p+"mlp.fc1"), g.named(p+"mlp.fc2")
	if in := g.named(p + "mlp.weights_in"); g.w.Has(in.weight) { // SwiGLU
		b.up, b.gate, b.down, v.act = g.part(in, 0, 2), g.part(in, 1, 2), g.named(p+"mlp.weights_out"), "silu"
	}
	return b
}

// clipVision is the vision side of transformers' CLIPModel, with its
// projection when there is one.
func clipVision(w *weights.Set, s Settings, o Options) (*Tower, error) {
	g := newGraph("vision tower", w)
	g.look = o.Attention
	c := s
	if sub := s.Sub("vision_config"); len(sub) > 0 {
		c = sub
	}
	e := "vision_model.embeddings."
	v := &vision{library: "transformers", patch: e + "patch_embedding", prefix: []string{e + "class_embedding"}, table: e + "position_embedding.weight",
		pre: "vision_model.pre_layrnorm", final: "vision_model.post_layernorm", pool: PoolFirst,
		ignore: []string{"text_model.", "text_projection.", "logit_scale", "logit_bias"}}
	v.eps, v.act = c.Float("layer_norm_eps", 1e-5), c.Text("hidden_act", "quick_gelu")
	v.heads, v.image = c.Int("num_attention_heads", 12), c.Int("image_size", 224)
	if o.Image > 0 {
		v.image = int64(o.Image)
	}
	for i := range g.count("vision_model.encoder.layers.%d.layer_norm1.weight") {
		v.blocks = append(v.blocks, clipBlock(g, fmt.Sprintf("vision_model.encoder.layers.%d.", i)))
	}
	if w.Has("visual_projection.weight") {
		v.project = []linear{g.named("visual_projection")}
	}
	return v.write(g)
}

func clipBlock(g *graph, p string) block {
	return block{
		norm1: p + "layer_norm1", norm2: p + "layer_norm2",
		q: g.named(p + "self_attn.q_proj"), k: g.named(p + "self_attn.k_proj"), v: g.named(p + "self_attn.v_proj"),
		out: g.named(p + "self_attn.out_proj"), up: g.named(p + "mlp.fc1"), down: g.named(p + "mlp.fc2"),
	}
}

// clipText is the text side of transformers' CLIPModel.
func clipText(w *weights.Set, s Settings) (*Tower, error) {
	c := s
	if sub := s.Sub("text_config"); len(sub) > 0 {
		c = sub
	}
	g := newGraph("text tower", w)
	e := "text_model.embeddings."
	t := &text{library: "transformers", words: e + "token_embedding.weight", table: e + "position_embedding.weight", final: "text_model.final_layer_norm",
		ignore: []string{"vision_model.", "visual_projection.", "logit_scale", "logit_bias"}}
	t.eps, t.act, t.heads = c.Float("layer_norm_eps", 1e-5), c.Text("hidden_act", "quick_gelu"), c.Int("num_attention_heads", 8)
	if end := c.Int("eos_token_id", 49407); end != 2 { // 2 is what old files say; they mean the highest number
		t.end = end
	}
	for i := range g.count("text_model.encoder.layers.%d.layer_norm1.weight") {
		t.blocks = append(t.blocks, clipBlock(g, fmt.Sprintf("text_model.encoder.layers.%d.", i)))
	}
	if w.Has("text_projection.weight") {
		t.project = []linear{g.named("text_projection")}
	}
	return t.write(g)
}
