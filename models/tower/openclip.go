package tower

import (
	"fmt"

	"coverslip/models"
	"coverslip/models/onnxfile"
	"coverslip/models/weights"
)

// openClipConfig finds the model's part of the settings: open_clip_config.json
// wraps it, CONCH's does not.
func openClipConfig(s Settings) Settings {
	if c := s.Sub("model_cfg"); len(c) > 0 {
		return c
	}
	return s
}

func openClipAct(s Settings) string {
	if s.Bool("quick_gelu", false) {
		return "quick_gelu"
	}
	return "gelu"
}

// openClipBlock is a ResidualAttentionBlock.
func openClipBlock(g *graph, p string) block {
	b := block{norm1: p + "ln_1", norm2: p + "ln_2", out: g.named(p + "attn.out_proj"), up: g.named(p + "mlp.c_fc"), down: g.named(p + "mlp.c_proj"),
		scale1: g.first(p + "ls_1.gamma"), scale2: g.first(p + "ls_2.gamma")}
	g.joined(&b, linear{weight: p + "attn.in_proj_weight", bias: g.first(p + "attn.in_proj_bias")})
	return b
}

// openClipVision is open_clip's own VisionTransformer, with or without the
// attention pooling of CoCa.
func openClipVision(w *weights.Set, s Settings, o Options) (*Tower, error) {
	g := newGraph("vision tower", w)
	g.look = o.Attention
	s = openClipConfig(s)
	c := s.Sub("vision_cfg")
	v := &vision{library: "open_clip", patch: "visual.conv1", prefix: []string{"visual.class_embedding"}, table: "visual.positional_embedding",
		antialias: true, pre: g.first("visual.ln_pre.weight"), final: "visual.ln_post", pool: PoolFirst, ignore: openClipOthers(w)}
	if v.pre != "" {
		v.pre = "visual.ln_pre"
	}
	v.eps, v.act = 1e-5, openClipAct(s)
	v.image = c.Int("image_size", 224)
	if o.Image > 0 {
		v.image = int64(o.Image)
	}
	if shape := w.Shape("visual.conv1.weight"); len(shape) == 4 {
		v.heads = shape[0] / max(c.Int("head_width", 64), 1)
	}
	for i := range g.count("visual.transformer.resblocks.%d.ln_1.weight") {
		v.blocks = append(v.blocks, openClipBlock(g, fmt.Sprintf("visual.transformer.resblocks.%d.", i)))
	}
	switch pool := c.Text("pool_type", "tok"); {
	case c.Bool("final_ln_after_pool", false) || (pool != "tok" && pool != "avg"):
		return nil, &models.UnsupportedError{File: w.Dir, What: fmt.Sprintf("its way of pooling (%s) is not known", pool)}
	case pool == "avg":
		v.pool = PoolMean
	}
	if w.Has("visual.attn_pool_contrastive.query") {
		return nil, &models.UnsupportedError{File: w.Dir, What: "its two attention poolings in a row are not known"}
	}
	if w.Has("visual.attn_pool.query") {
		heads := c.Int("attn_pooler_heads", 8)
		v.all = true
		v.head = func(g *graph, v *vision, x string) (string, int64) {
			return g.attentionPool(x, v, "visual.attn_pool.", "visual.ln_post", heads)
		}
	}
	if w.Has("visual.proj") {
		v.project = []linear{{weight: "visual.proj", plain: true}}
	}
	return v.write(g)
}

// openClipOthers are the weights of a text side and a decoder.
func openClipOthers(w *weights.Set) []string {
	list := []string{"text.", "text_decoder.", "logit_scale", "logit_bias", "visual.attn_pool_caption.", "visual.ln_caption."}
	if !w.Has("text.token_embedding.weight") {
		list = append(list, "transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection")
	}
	return list
}

// attentionPool is AttentionalPooler: learned questions attend to the tokens.
// Only the first question becomes the embedding, so only it is asked.
func (g *graph) attentionPool(x string, v *vision, p, norm string, heads int64) (string, int64) {
	q := g.w.Shape(p + "query")
	if len(q) != 2 {
		g.fail("the questions %q have the shape %v", p+"query", q)
		return x, 0
	}
	width := q[1]
	if heads < 1 || width%heads != 0 {
		g.fail("%d heads for questions of %d numbers", heads, width)
		return x, width
	}
	ask := g.norm(g.stored(p+"query", 0, 1, width), p+"ln_q", width, 1e-5)
	x = g.norm(x, p+"ln_k", v.width, 1e-5)
	var in [3]linear
	for i, name := range []string{"q", "k", "v"} {
		in[i] = linear{weight: p + "attn." + name + "_proj_weight"}
		if g.w.Has(p + "attn.in_proj_weight") { // questions as wide as the tokens
			in[i] = g.part(linear{weight: p + "attn.in_proj_weight"}, int64(i), 3)
		}
	}
	question, _ := g.apply(ask, width, in[0])
	keys, _ := g.apply(x, v.width, in[1])
	values, _ := g.apply(x, v.width, in[2])
	bias := func(y string, i int64) string {
		return g.add(y, g.stored(p+"attn.in_proj_bias", i*width, width))
	}
	s := shape{width: width, tokens: v.tokens}
	keys, values = g.unrow(bias(keys, 1), s), g.unrow(bias(values, 2), s)
	question = g.reshape(bias(question, 0), 1, 1, width)
	y := g.mix([3]string{g.repeat(question, keys, 1, width), keys, values}, width, heads, g.b.Scalar(0))
	y, _ = g.apply(g.reshape(y, -1, width), width, g.named(p+"attn.out_proj"))
	return g.norm(y, norm, width, 1e-5), width
}

// openClipTimm is open_clip with a trunk of timm's: a projection after it, as
// BiomedCLIP has, or CONCH's attention pooling.
func openClipTimm(w *weights.Set, s Settings, o Options) (*Tower, error) {
	s = openClipConfig(s)
	c := s.Sub("vision_cfg")
	trunk := newGraph("vision tower", w.Sub("visual.trunk."))
	trunk.look = o.Attention
	settings := Settings{"architecture": c.Text("timm_model_name", "")}
	for from, to := range map[string]string{"image_size": "img_size", "num_heads": "num_heads"} {
		if n, ok := c.Value(from); ok {
			settings[to] = n
		}
	}
	v := timmBlocks(trunk, settings, o)
	v.library = "open_clip"
	if c.Text("timm_pool", "") == "avg" {
		v.pool = PoolMean
	}
	v.ignore = []string{"head.", "fc_norm."}
	others := append(openClipOthers(w), "visual.trunk.head.")
	switch {
	case w.Has("visual.attn_pool_contrast.query"):
		return conchVision(trunk, v, w, c, others)
	case w.Has("visual.head.proj.weight"):
		return writeUnder(trunk, v, w, "visual.trunk.", []string{"visual.head.proj"}, others...)
	case w.Has("visual.head.mlp.fc1.weight"):
		return writeUnder(trunk, v, w, "visual.trunk.", []string{"visual.head.mlp.fc1", "visual.head.mlp.fc2"}, others...)
	}
	return writeUnder(trunk, v, w, "visual.trunk.", nil, others...)
}

// conchVision pools by attention over all normalised tokens of the trunk.
func conchVision(g *graph, v *vision, w *weights.Set, c Settings, others []string) (*Tower, error) {
	heads := c.Int("attn_pooler_heads", 8)
	v.all = true
	v.head = func(g *graph, v *vision, x string) (string, int64) {
		x = g.norm(x, v.final, v.width, v.eps)
		used := g.used
		g.w, g.used = w, map[string]bool{}
		for name := range used {
			g.used["visual.trunk."+name] = true
		}
		return g.attentionPool(x, v, "visual.attn_pool_contrast.", "visual.ln_contrast", heads)
	}
	v.project = []linear{{weight: "visual.proj_contrast", plain: true}}
	v.ignore = others
	return v.write(g)
}

// openClipText is open_clip's own TextTransformer: CLIP's, or CoCa's with a
// class token at the end.
func openClipText(w *weights.Set, s Settings, p string) (*Tower, error) {
	s = openClipConfig(s)
	c := s.Sub("text_cfg")
	if c.Bool("no_causal_mask", false) || c.Bool("use_pad_mask", false) || c.Text("pool_type", "argmax") != "argmax" {
		return nil, &models.UnsupportedError{File: w.Dir, What: "its text tower looks at texts in a way that is not known",
			Hint: "export the text model to ONNX"}
	}
	g := newGraph("text tower", w)
	t := &text{library: "open_clip", words: p + "token_embedding.weight", table: p + "positional_embedding", final: p + "ln_final",
		class: g.first(p + "cls_emb"), pad: c.Int("pad_id", 0), ownMask: c.Bool("correct_cls_mask", false),
		ignore: []string{"visual.", "logit_scale", "logit_bias", "text_decoder."}}
	t.eps, t.act, t.heads = 1e-5, openClipAct(s), c.Int("heads", 8)
	for i := range g.count(p + "transformer.resblocks.%d.ln_1.weight") {
		t.blocks = append(t.blocks, openClipBlock(g, fmt.Sprintf("%stransformer.resblocks.%d.", p, i)))
	}
	switch {
	case w.Has(p + "text_projection"):
		t.project = []linear{{weight: p + "text_projection", plain: true}}
	case w.Has(p + "text_projection.weight"):
		t.project = []linear{g.named(p + "text_projection")}
	}
	return t.write(g)
}

// classMask is the row of CoCa's mask for the class token at the end: it sees
// the words and not the padding. Files of CONCH and open_clip's CoCa were
// trained with the row one place too far to the right, which is kept; those
// that say correct_cls_mask have it in its place.
func (t *text) classMask(g *graph, ids string, length int64) string {
	word := g.b.Op("Not", []string{g.b.Op("Equal", []string{ids, g.b.Whole(t.pad)})})
	hidden := g.b.Op("Sub", []string{g.b.Scalar(1), g.b.Op("Cast", []string{word}, onnxfile.Int("to", int64(onnxfile.Float32)))})
	hidden = g.b.Op("Mul", []string{hidden, g.b.Scalar(masked)})
	seen := g.repeat(g.b.Weights("seen", []float32{0}, 1, 1), g.reshape(ids, 0, -1, 1), 1, 1)
	seen = g.reshape(seen, -1, 1)
	order := []string{seen, hidden}
	if t.ownMask {
		order = []string{hidden, seen}
	}
	row := g.b.Op("Concat", order, onnxfile.Int("axis", 1))
	return g.reshape(row, -1, 1, 1, length)
}
