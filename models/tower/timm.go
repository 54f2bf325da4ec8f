package tower

import (
	"fmt"
	"strings"

	"coverslip/models"
	"coverslip/models/weights"
)

// timmHeads are the heads of timm's vision transformers by the beginning of
// their names (timm/models/vision_transformer.py, release 1.0), the more
// special ones first.
var timmHeads = []struct {
	name  string
	heads int64
}{
	{"vit_giant_patch14_reg4_dinov2", 24}, {"vit_giant_patch14_dinov2", 24},
	{"vit_tiny", 3}, {"vit_small", 6}, {"vit_medium", 8}, {"vit_base", 12}, {"vit_large", 16}, {"vit_huge", 16},
	{"vit_giant", 16}, {"vit_gigantic", 16}, {"vit_so400m", 16}, {"deit_tiny", 3}, {"deit_small", 6}, {"deit_base", 12},
}

// timmVision is timm's VisionTransformer, plain or as DINOv2 trains it.
func timmVision(w *weights.Set, s Settings, o Options) (*Tower, error) {
	g := newGraph("vision tower", w)
	g.look = o.Attention
	v := timmBlocks(g, s, o)
	v.library = "timm"
	switch {
	case o.Pool != PoolAuto:
		v.pool = o.Pool
	case s.Text("global_pool", s.Text("model_args.global_pool", "")) == "avg":
		v.pool = PoolMean
	case strings.HasPrefix(s.Text("global_pool", ""), "map") || w.Has("attn_pool.latent"):
		return nil, &models.UnsupportedError{File: w.Dir, What: "its embedding is made by attention pooling of timm's", Hint: "export the model to ONNX and choose the .onnx file"}
	}
	v.ignore = append(v.ignore, "head.", "head_dist.", "mask_token", "fc_norm.")
	return v.write(g)
}

// timmBlocks reads the parts that all of timm's transformers share.
func timmBlocks(g *graph, s Settings, o Options) *vision {
	v := &vision{patch: "patch_embed.proj", table: g.first("pos_embed"), antialias: true, final: "norm"}
	v.eps = 1e-6
	v.image = s.Int("pretrained_cfg.input_size", s.Int("model_args.img_size", s.Int("input_size", s.Int("img_size", 224))))
	if o.Image > 0 {
		v.image = int64(o.Image)
	}
	v.act = "gelu"
	if act := strings.ToLower(s.Text("model_args.act_layer", s.Text("act_layer", ""))); strings.Contains(act, "quick") {
		v.act = "quick_gelu"
	}
	for _, name := range []string{"cls_token", "reg_token", "register_tokens"} { // DINOv2's own code writes the last
		if g.w.Has(name) {
			v.prefix = append(v.prefix, name)
		}
	}
	if g.w.Has("norm_pre.weight") {
		v.pre = "norm_pre"
	}
	if !g.w.Has("norm.weight") && g.w.Has("fc_norm.weight") {
		v.final, v.poolNorm, v.pool = "", "fc_norm", PoolMean
	}
	v.heads = timmHeadCount(g.w, s, o)
	for i := range g.count("blocks.%d.norm1.weight") {
		v.blocks = append(v.blocks, timmBlock(g, v, fmt.Sprintf("blocks.%d.", i)))
	}
	return v
}

func timmHeadCount(w *weights.Set, s Settings, o Options) int64 {
	if o.Heads > 0 {
		return o.Heads
	}
	if n := s.Int("model_args.num_heads", s.Int("num_heads", 0)); n > 0 {
		return n
	}
	name := s.Text("architecture", s.Text("pretrained_cfg.architecture", s.Text("model_name", "")))
	for _, h := range timmHeads {
		if strings.HasPrefix(name, h.name) {
			return h.heads
		}
	}
	if shape := w.Shape("patch_embed.proj.weight"); len(shape) == 4 {
		return shape[0] / 64 // as in every one of timm's sizes but the giants
	}
	return 0
}

func timmBlock(g *graph, v *vision, p string) block {
	b := block{norm1: p + "norm1", norm2: p + "norm2", out: g.named(p + "attn.proj"), down: g.named(p + "mlp.fc2")}
	// transformers renames "gamma" to "weight" when it saves a model that holds timm's
	b.scale1, b.scale2 = g.first(p+"ls1.gamma", p+"ls1.weight"), g.first(p+"ls2.gamma", p+"ls2.weight")
	g.joined(&b, g.named(p+"attn.qkv"))
	up := g.named(p + "mlp.fc1")
	switch {
	case g.w.Has(p + "mlp.w12.weight"): // DINOv2's own code
		up, b.down = g.named(p+"mlp.w12"), g.named(p+"mlp.w3")
		b.up, b.gate, v.act = g.part(up, 0, 2), g.part(up, 1, 2), "silu"
	case g.w.Has(p + "mlp.fc1_g.weight"): // timm's SwiGLU in two parts
		b.up, b.gate, v.act = g.named(p+"mlp.fc1_g"), g.named(p+"mlp.fc1_x"), "silu"
	case gated(g.w.Shape(up.weight), g.w.Shape(b.down.weight)): // SwiGLUPacked
		b.up, b.gate, v.act = g.part(up, 0, 2), g.part(up, 1, 2), "silu"
	default:
		b.up = up
	}
	return b
}

// gated says whether the first product of an MLP gives twice what the second
// takes: then one half is the gate of the other.
func gated(up, down []int64) bool {
	return len(up) == 2 && len(down) == 2 && up[0] == 2*down[1]
}

// keepVision is timm's transformer under "visual." with a head of two
// products, as KEEP has.
func keepVision(w *weights.Set, s Settings, o Options) (*Tower, error) {
	g := newGraph("vision tower", w.Sub("visual."))
	g.look = o.Attention
	inner := s.Sub("vision_config")
	v := timmBlocks(g, inner, o)
	v.library = "timm"
	v.ignore = []string{"head.", "fc_norm."}
	if !w.Has("visual_head.0.weight") {
		return v.write(g)
	}
	return writeUnder(g, v, w, "visual.", []string{"visual_head.0", "visual_head.2"}, "text.", "logit_scale")
}

// writeUnder writes a tower whose trunk is under a prefix and whose
// projections are beside it.
func writeUnder(g *graph, v *vision, w *weights.Set, prefix string, project []string, ignore ...string) (*Tower, error) {
	trunk := g.w
	v.head = func(g *graph, v *vision, x string) (string, int64) {
		x, dim := v.pooled(g, x)
		used := g.used
		g.w, g.used = w, map[string]bool{}
		for name := range used {
			g.used[prefix+name] = true
		}
		return x, dim
	}
	for _, name := range project {
		l := linear{weight: name + ".weight"}
		if w.Has(name + ".bias") {
			l.bias = name + ".bias"
		}
		v.project = append(v.project, l)
	}
	v.projectAct = "gelu"
	for _, p := range v.ignore {
		ignore = append(ignore, prefix+p)
	}
	v.ignore = ignore
	t, err := v.write(g)
	g.w = trunk
	return t, err
}
