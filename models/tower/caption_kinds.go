package tower

import (
	"fmt"
	"math"

	"coverslip/models"
	"coverslip/models/weights"
)

// rootOf is the factor on a product of n numbers before the softmax.
func rootOf(n int64) float32 { return float32(1 / math.Sqrt(float64(n))) }

// visionPart is the ViT of a VisionEncoderDecoderModel and its graph.
func visionPart(w *weights.Set, s Settings) (*graph, *vision) {
	part := w.Sub("encoder.")
	g := newGraph("vision tower", part)
	return g, transformersParts(g, part, s.Sub("encoder"), Options{})
}

// plainNamed is a Conv1D of GPT-2, whose weights are [in,out].
func plainNamed(g *graph, name string) linear {
	l := g.named(name)
	l.plain = true
	return l
}

// visionGPT2 is VisionEncoderDecoderModel of a ViT and a GPT-2 with attention
// to the picture.
func visionGPT2(w *weights.Set, s Settings) (*Writer, error) {
	g, v := visionPart(w, s)
	c := s.Sub("decoder")
	root := newGraph("", w)
	t := "decoder.transformer."
	d := &decoder{name: "GPT-2", words: t + "wte.weight", table: t + "wpe.weight", final: t + "ln_f", ignore: append(buffers(w, ".attn.bias", "attn.masked_bias", "crossattention.bias", "crossattention.masked_bias"), "encoder.")}
	d.eps, d.act, d.heads = c.Float("layer_norm_epsilon", 1e-5), c.Text("activation_function", "gelu_new"), c.Int("n_head", 12)
	if c.Bool("scale_attn_by_inverse_layer_idx", false) || !c.Bool("scale_attn_weights", true) {
		return nil, &models.UnsupportedError{File: w.Dir, What: "a GPT-2 whose attention is scaled in another way than the usual"}
	}
	if shape := w.Shape(d.words); len(shape) == 2 {
		d.width = shape[1]
	}
	d.head = tied(root, d.words, "decoder.lm_head.weight")
	if w.Has("enc_to_dec_proj.weight") {
		d.project = root.named("enc_to_dec_proj")
	}
	for i := range root.count(t + "h.%d.ln_1.weight") {
		p := fmt.Sprintf("%sh.%d.", t, i)
		l := layer{fused: plainNamed(root, p+"attn.c_attn"), crossNorm: p + "ln_cross_attn", crossFused: plainNamed(root, p+"crossattention.c_attn")}
		l.norm1, l.norm2, l.out = p+"ln_1", p+"ln_2", plainNamed(root, p+"attn.c_proj")
		l.up, l.down = plainNamed(root, p+"mlp.c_fc"), plainNamed(root, p+"mlp.c_proj")
		l.cross.q, l.cross.out = plainNamed(root, p+"crossattention.q_attn"), plainNamed(root, p+"crossattention.c_proj")
		d.layers = append(d.layers, l)
	}
	return joinVision(g, v, d, w)
}

// visionBERT is VisionEncoderDecoderModel of a ViT and a BERT that writes.
func visionBERT(w *weights.Set, s Settings) (*Writer, error) {
	g, v := visionPart(w, s)
	d := bertDecoder(w, s.Sub("decoder"), "decoder.")
	d.ignore = []string{"encoder."}
	if root := newGraph("", w); w.Has("enc_to_dec_proj.weight") {
		d.project = root.named("enc_to_dec_proj")
	}
	return joinVision(g, v, d, w)
}

// blip is transformers' BlipForConditionalGeneration.
func blip(w *weights.Set, s Settings) (*Writer, error) {
	part := w.Sub("vision_model.")
	g := newGraph("vision tower", part)
	c := s.Sub("vision_config")
	v := &vision{library: "transformers", patch: "embeddings.patch_embedding", prefix: []string{"embeddings.class_embedding"},
		table: "embeddings.position_embedding", final: "post_layernorm", pool: PoolFirst}
	v.eps, v.act = c.Float("layer_norm_eps", 1e-5), c.Text("hidden_act", "gelu")
	v.heads, v.image = c.Int("num_attention_heads", 12), c.Int("image_size", 384)
	for i := range g.count("encoder.layers.%d.layer_norm1.weight") {
		p := fmt.Sprintf("encoder.layers.%d.", i)
		b := block{norm1: p + "layer_norm1", norm2: p + "layer_norm2", out: g.named(p + "self_attn.projection"),
			up: g.named(p + "mlp.fc1"), down: g.named(p + "mlp.fc2")}
		g.joined(&b, g.named(p+"self_attn.qkv"))
		v.blocks = append(v.blocks, b)
	}
	d := bertDecoder(w, s.Sub("text_config"), "text_decoder.")
	d.name, d.ignore = "BLIP text decoder", []string{"vision_model."}
	return joinVision(g, v, d, w)
}

// bertDecoder is a BertLMHeadModel with attention to the picture, under prefix.
func bertDecoder(w *weights.Set, c Settings, prefix string) *decoder {
	g := newGraph("", w)
	t := prefix + "bert."
	d := &decoder{name: "BERT", post: true, words: t + "embeddings.word_embeddings.weight", table: t + "embeddings.position_embeddings.weight",
		embedNorm: t + "embeddings.LayerNorm", kind: g.first(t + "embeddings.token_type_embeddings.weight")}
	d.eps, d.act, d.heads = c.Float("layer_norm_eps", 1e-12), c.Text("hidden_act", "gelu"), c.Int("num_attention_heads", 12)
	d.headAct = d.act
	if shape := w.Shape(d.words); len(shape) == 2 {
		d.width = shape[1]
	}
	head := prefix + "cls.predictions."
	d.transform, d.transformer = g.named(head+"transform.dense"), head+"transform.LayerNorm"
	d.head = tied(g, d.words, head+"decoder.weight")
	d.head.bias = g.first(head+"bias", head+"decoder.bias")
	for i := range g.count(t + "encoder.layer.%d.attention.self.query.weight") {
		p := fmt.Sprintf("%sencoder.layer.%d.", t, i)
		l := layer{block: bertBlock(g, p), crossNorm: p + "crossattention.output.LayerNorm"}
		l.cross = block{q: g.named(p + "crossattention.self.query"), k: g.named(p + "crossattention.self.key"),
			v: g.named(p + "crossattention.self.value"), out: g.named(p + "crossattention.output.dense")}
		d.layers = append(d.layers, l)
	}
	return d
}
