package tower

import (
	"fmt"
	"math"

	"coverslip/models/onnxfile"
)

// block is one layer of a transformer by the names of its weights.
type block struct {
	norm1, norm2   string
	q, k, v, out   linear
	scale1, scale2 string // LayerScale; "" = none
	up, down       linear
	gate           linear // of a gated MLP: activation(up) · gate; weight "" = none
}

// shape is what all blocks of a tower share.
type shape struct {
	width, heads int64
	eps          float64
	act          string
	tokens       int64  // a patch or text; 0 = free
	back         string // value that reshapes rows to [n,tokens,width] when tokens is free
}

// unrow makes [n,tokens,width] of rows.
func (g *graph) unrow(x string, s shape) string {
	if s.tokens > 0 {
		return g.reshape(x, -1, s.tokens, s.width)
	}
	return g.b.Op("Reshape", []string{x, s.back})
}

// preNorm is a block that normalises before attention and MLP, as vision
// transformers and CLIP do. x is rows.
func (g *graph) preNorm(x string, b block, s shape, mask string) string {
	a := g.attention(g.norm(x, b.norm1, s.width, s.eps), b, s, mask)
	x = g.add(x, g.scaled(a, b.scale1, s.width))
	m := g.mlp(g.norm(x, b.norm2, s.width, s.eps), b, s)
	return g.add(x, g.scaled(m, b.scale2, s.width))
}

// postNorm is a block that normalises after attention and MLP, as BERT does.
func (g *graph) postNorm(x string, b block, s shape, mask string) string {
	x = g.norm(g.add(x, g.attention(x, b, s, mask)), b.norm1, s.width, s.eps)
	return g.norm(g.add(x, g.mlp(x, b, s)), b.norm2, s.width, s.eps)
}

// lone is how many tokens of a patch are computed to the end where only the
// first is looked at. One would do; but products of a single row, which a single
// patch would then have, are rounded otherwise by the runtime than those of
// several, and an embedding must not depend on its batch.
const lone = 2

// preNormFirst is preNorm for a block after which only the first token of each
// patch is looked at: the others are still attended to, and nothing more is
// computed of them. It gives lone rows a patch.
func (g *graph) preNormFirst(x string, b block, s shape) string {
	first := func(x string) string { return g.reshape(g.slice(g.unrow(x, s), 1, 0, lone), -1, s.width) }
	h := g.norm(x, b.norm1, s.width, s.eps)
	q, _ := g.apply(first(h), s.width, b.q)
	k, _ := g.apply(h, s.width, b.k)
	v, _ := g.apply(h, s.width, b.v)
	y := g.mix([3]string{g.reshape(q, -1, lone, s.width), g.unrow(k, s), g.unrow(v, s)}, s.width, s.heads, "")
	y, _ = g.apply(g.reshape(y, -1, s.width), s.width, b.out)
	x = g.add(first(x), g.scaled(y, b.scale1, s.width))
	m := g.mlp(g.norm(x, b.norm2, s.width, s.eps), b, s)
	return g.add(x, g.scaled(m, b.scale2, s.width))
}

func (g *graph) scaled(x, scale string, width int64) string {
	if scale == "" {
		return x
	}
	return g.b.Op("Mul", []string{x, g.vector(scale, width)})
}

func (g *graph) mlp(x string, b block, s shape) string {
	h, n := g.apply(x, s.width, b.up)
	h = g.activate(h, s.act)
	if b.gate.weight != "" {
		gate, _ := g.apply(x, s.width, b.gate)
		h = g.b.Op("Mul", []string{h, gate})
	}
	y, out := g.apply(h, n, b.down)
	if out != s.width {
		g.fail("weights %q give %d numbers, the tower is %d wide", b.down.weight, out, s.width)
	}
	return y
}

// attention mixes the tokens of each patch or text. Without a mask it is the
// runtime's fused operator; with one, which texts need and which is added to
// the scores, it is written out.
func (g *graph) attention(x string, b block, s shape, mask string) string {
	if s.heads <= 0 || s.width%s.heads != 0 {
		g.fail("%d heads for %d numbers a token", s.heads, s.width)
		return x
	}
	var parts [3]string
	for i, l := range []linear{b.q, b.k, b.v} {
		y, out := g.apply(x, s.width, l)
		if out != s.width {
			g.fail("weights %q give %d numbers, the tower is %d wide", l.weight, out, s.width)
		}
		parts[i] = g.unrow(y, s)
	}
	y := g.mix(parts, s.width, s.heads, mask)
	y, _ = g.apply(g.reshape(y, -1, s.width), s.width, b.out)
	return y
}

// mix is softmax(q·kᵀ/√d + mask)·v over heads; q, k and v are [n,tokens,width].
func (g *graph) mix(parts [3]string, width, heads int64, mask string) string {
	if mask == "" && !g.look {
		return g.b.Microsoft("MultiHeadAttention", parts[:], onnxfile.Int("num_heads", heads))
	}
	each := width / heads
	head := func(x string, perm ...int64) string {
		return g.b.Op("Transpose", []string{g.reshape(x, 0, 0, heads, each)}, onnxfile.Ints("perm", perm...))
	}
	q := g.b.Op("Mul", []string{head(parts[0], 0, 2, 1, 3), g.b.Scalar(float32(1 / math.Sqrt(float64(each))))})
	scores := g.b.Op("MatMul", []string{q, head(parts[1], 0, 2, 3, 1)})
	if mask != "" {
		scores = g.add(scores, mask)
	}
	shares := g.b.Op("Softmax", []string{scores}, onnxfile.Int("axis", -1))
	if g.look {
		g.maps = append(g.maps, g.b.Op("ReduceMean", []string{shares}, onnxfile.Ints("axes", 1), onnxfile.Int("keepdims", 0)))
	}
	y := g.b.Op("MatMul", []string{shares, head(parts[2], 0, 2, 1, 3)})
	return g.reshape(g.b.Op("Transpose", []string{y}, onnxfile.Ints("perm", 0, 2, 1, 3)), 0, 0, width)
}

// joined is q, k and v of one product of three times the width.
func (g *graph) joined(b *block, l linear) {
	b.q, b.k, b.v = g.part(l, 0, 3), g.part(l, 1, 3), g.part(l, 2, 3)
}

// first finds the first of several names that has weights.
func (g *graph) first(names ...string) string {
	for _, n := range names {
		if g.w.Has(n) {
			return n
		}
	}
	return ""
}

// maxBlocks is more than any tower has.
const maxBlocks = 512

// count is the number of blocks whose weight of that name is there; pattern
// has one %d.
func (g *graph) count(pattern string) int {
	n := 0
	for n < maxBlocks && g.w.Has(fmt.Sprintf(pattern, n)) {
		n++
	}
	return n
}
