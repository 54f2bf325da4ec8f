// Package vit builds a small vision transformer with seeded, UNTRAINED weights.
//
// No pathology encoder may be given away with a program, so this is what it
// can always offer: a network of the right shape that runs through the right
// machinery. It has learned nothing. Its weights are drawn so that what a
// random network can tell survives to the end: the colours of a patch, how
// strong its texture is at three scales, and how much both vary across it.
// That tells tissue from glass and pale stroma from dense nuclei. It does not
// tell tumour from inflammation, and every result made with it says so.
package vit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"

	"coverslip/models"
	"coverslip/models/encoder"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
)

// Config is the shape of a network.
type Config struct {
	Image  int    // side of the input, pixels
	Patch  int    // side of the square that becomes one token, pixels; divides Image
	Dim    int    // numbers a token; Heads divides it
	Depth  int    // blocks
	Heads  int    // of attention
	Hidden int    // numbers inside the MLP of a block
	Seed   uint64 // of the weights
}

// Default is the network of the demo: 2 million weights, 0.9 GFLOP a patch.
func Default(seed uint64) Config {
	return Config{Image: 224, Patch: 16, Dim: 192, Depth: 6, Heads: 3, Hidden: 384, Seed: seed}
}

// Check says what is wrong with a shape.
func (c Config) Check() error {
	switch {
	case c.Image < 8 || c.Image > preprocess.MaxSide || c.Patch < 4 || c.Image%c.Patch != 0:
		return fmt.Errorf("vit: tokens of %d pixels out of an image of %d", c.Patch, c.Image)
	case c.Patch%4 != 0:
		return fmt.Errorf("vit: tokens of %d pixels; a multiple of 4 is needed", c.Patch)
	case c.Dim < 4 || c.Dim > 4096 || c.Heads < 1 || c.Dim%c.Heads != 0:
		return fmt.Errorf("vit: %d heads for %d numbers a token", c.Heads, c.Dim)
	case c.Depth < 0 || c.Depth > 64 || c.Hidden < 1 || c.Hidden > 1<<15:
		return fmt.Errorf("vit: %d blocks with %d hidden numbers", c.Depth, c.Hidden)
	}
	return nil
}

// EmbeddingDim is the length of the network's output: mean and spread of
// every number over the tokens.
func (c Config) EmbeddingDim() int { return 2 * c.Dim }

// Spec is the preprocessing of the network. Mean and spread are those of
// stained tissue, near to what other pathology encoders publish, so that the
// colours that matter fall on both sides of zero.
func (c Config) Spec() preprocess.Spec {
	return preprocess.Spec{Resize: c.Image, Crop: c.Image, Filter: preprocess.Bicubic,
		Mean: [3]float32{0.70, 0.56, 0.70}, Std: [3]float32{0.21, 0.25, 0.19}}
}

// Build writes the network as an ONNX model with one input, "pixel_values"
// [n,3,Image,Image], and one output, "embedding" [n,2·Dim]. The same
// configuration gives the same bytes on every machine.
func Build(c Config) ([]byte, error) { return build(c, false) }

func build(c Config, look bool) ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	n := &network{Config: c, look: look, b: onnxfile.NewBuilder("untrained vision transformer"), r: source(c.Seed)}
	m := n.model()
	if err := m.Check(); err != nil {
		return nil, err
	}
	return m.Marshal(), nil
}

// Demo builds the default network and opens it. It is labelled Untrained.
func Demo(rt onnx.Engine, seed uint64) (models.Encoder, error) {
	return Open(context.Background(), rt, Default(seed))
}

// Note goes with every result of an untrained network.
const Note = "untrained network: it compares colours and textures and knows nothing of tissue; use it to try the program out, not for findings"

// Open builds a network and opens it as an encoder.
func Open(ctx context.Context, rt onnx.Engine, c Config) (models.Encoder, error) {
	model, err := Build(c)
	if err != nil {
		return nil, err
	}
	session, err := rt.NewSession(model, onnx.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("vit: %w", err)
	}
	sum := sha256.Sum256(model)
	e, err := encoder.New(ctx, session, encoder.Options{
		Name:         fmt.Sprintf("demo ViT (untrained, seed %d)", c.Seed),
		Architecture: fmt.Sprintf("vit-%dx%d/%d", c.Depth, c.Dim, c.Patch),
		ModelHash:    hex.EncodeToString(sum[:]),
		Untrained:    true,
		Note:         Note,
		Prep:         c.Spec(),
	})
	if err != nil {
		_ = session.Close() // the first error is the one to show
		return nil, fmt.Errorf("vit: %w", err)
	}
	return e, nil
}

// network writes itself node by node.
type network struct {
	Config
	b    *onnxfile.Builder
	r    source
	look bool     // attention is an output too
	maps []string // attention of each block, the mean of its heads
}

func (n *network) model() *onnxfile.Model {
	side := int64(n.Image)
	tokens := int64(n.Image/n.Patch) * int64(n.Image/n.Patch)
	batch := onnxfile.Free("n")
	in := n.b.Input("pixel_values", onnxfile.Float32, batch, onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side))
	x := n.tokens(in, tokens)
	x = n.b.Op("Reshape", []string{x, n.b.Indices(-1, int64(n.Dim))}) // rows, so that products and biases are one operator
	for i := range n.Depth {
		x = n.block(fmt.Sprintf("blocks.%d.", i), x, tokens)
	}
	if n.look {
		n.attended(tokens)
	}
	n.b.Output("embedding", n.pooled(x, tokens), onnxfile.Float32, batch, onnxfile.Fixed(int64(n.EmbeddingDim())))
	m := n.b.Model("Coverslip")
	m.Metadata = []onnxfile.KeyValue{
		{Key: "coverslip.untrained", Value: "true"},
		{Key: "coverslip.seed", Value: fmt.Sprint(n.Seed)},
		{Key: "coverslip.note", Value: Note},
	}
	return m
}

// tokens cuts the image into squares and projects each.
func (n *network) tokens(in string, count int64) string {
	p, d := int64(n.Patch), int64(n.Dim)
	w := n.b.Weights("patch_embed.weight", n.filters(), d, 3, p, p)
	bias := n.b.Weights("patch_embed.bias", n.r.normal(n.Dim, 0.1), d)
	x := n.b.Op("Conv", []string{in, w, bias}, onnxfile.Ints("kernel_shape", p, p), onnxfile.Ints("strides", p, p))
	x = n.b.Op("Reshape", []string{x, n.b.Indices(0, d, count)})
	x = n.b.Op("Transpose", []string{x}, onnxfile.Ints("perm", 0, 2, 1))
	// Hardly any: where a texture lies within a patch must not count.
	pos := n.b.Weights("pos_embed", n.r.normal(int(count)*n.Dim, 0.02), 1, count, d)
	return n.b.Op("Add", []string{x, pos})
}

// filters draws the first projection. Independent noise for each weight would
// look almost only at detail finer than tissue has; so a quarter of the
// filters see the mean colour of the square, and the rest see differences
// between cells: 4 by 4, 8 by 8, and every pixel where the square allows.
// Each filter is scaled so that a cell's typical contrast gives about one.
func (n *network) filters() []float32 {
	p := n.Patch
	out := make([]float32, 0, n.Dim*3*p*p)
	for f := range n.Dim {
		cells, gain := 1, 1.2
		switch f % 4 {
		case 1:
			cells, gain = 4, 1.5
		case 2:
			cells, gain = min(8, p), 2.0
			if p%8 != 0 {
				cells = 4
			}
		case 3:
			cells, gain = p, 3.0
		}
		out = append(out, n.filter(cells, gain)...)
	}
	return out
}

// filter is one filter of cells×cells random colours; its weights sum to zero
// in each channel unless it has one cell only.
func (n *network) filter(cells int, gain float64) []float32 {
	p, per := n.Patch, n.Patch/cells
	out := make([]float32, 3*p*p)
	scale := scaleFor(gain / float64(per*per) / math.Sqrt(float64(3*cells*cells)))
	for c := range 3 {
		draw := make([]int64, cells*cells)
		var sum int64
		for i := range draw {
			draw[i] = n.r.bell()
			sum += draw[i]
		}
		if cells > 1 {
			mean := sum / int64(len(draw))
			for i := range draw {
				draw[i] -= mean
			}
		}
		for y := range p {
			for x := range p {
				out[(c*p+y)*p+x] = float32(draw[y/per*cells+x/per]) * scale
			}
		}
	}
	return out
}

// block is attention and MLP, each on normalised tokens and added to them.
func (n *network) block(name, x string, tokens int64) string {
	x = n.b.Op("Add", []string{x, n.attention(name+"attn.", n.norm(name+"norm1", x), tokens)})
	return n.b.Op("Add", []string{x, n.mlp(name+"mlp.", n.norm(name+"norm2", x))})
}

func (n *network) norm(name, x string) string {
	d := int64(n.Dim)
	ones := make([]float32, n.Dim)
	for i := range ones {
		ones[i] = 1
	}
	w := n.b.Weights(name+".weight", ones, d)
	b := n.b.Weights(name+".bias", make([]float32, n.Dim), d)
	return n.b.Op("LayerNormalization", []string{x, w, b}, onnxfile.Int("axis", -1), onnxfile.Float("epsilon", 1e-6))
}

// linear is x·W + b; the output has about std times the size of the input.
func (n *network) linear(name, x string, in, out int, std float64) string {
	w := n.b.Weights(name+".weight", n.r.normal(in*out, std/math.Sqrt(float64(in))), int64(in), int64(out))
	b := n.b.Weights(name+".bias", n.r.normal(out, 0.1*std), int64(out))
	return n.b.Op("Gemm", []string{x, w, b})
}

// attention works on rows, one a token: [n·tokens, Dim].
func (n *network) attention(name, x string, tokens int64) string {
	d, h := int64(n.Dim), int64(n.Heads)
	head := func(part string, perm ...int64) string {
		y := n.linear(name+part, x, n.Dim, n.Dim, 1)
		y = n.b.Op("Reshape", []string{y, n.b.Indices(-1, tokens, h, d/h)})
		return n.b.Op("Transpose", []string{y}, onnxfile.Ints("perm", perm...))
	}
	q, k, v := head("q", 0, 2, 1, 3), head("k", 0, 2, 3, 1), head("v", 0, 2, 1, 3)
	// Queries are scaled, not scores: there are fewer of them.
	q = n.b.Op("Mul", []string{q, n.b.Scalar(float32(1 / math.Sqrt(float64(d/h))))})
	scores := n.b.Op("Softmax", []string{n.b.Op("MatMul", []string{q, k})}, onnxfile.Int("axis", -1))
	if n.look {
		n.maps = append(n.maps, n.b.Op("ReduceMean", []string{scores}, onnxfile.Ints("axes", 1), onnxfile.Int("keepdims", 0)))
	}
	y := n.b.Op("MatMul", []string{scores, v})
	y = n.b.Op("Transpose", []string{y}, onnxfile.Ints("perm", 0, 2, 1, 3))
	y = n.b.Op("Reshape", []string{y, n.b.Indices(-1, d)})
	return n.linear(name+"proj", y, n.Dim, n.Dim, branch)
}

// branch is how much a block adds to the tokens: enough to mix them, not so
// much that the first projection, which holds the colours, drowns.
const branch = 0.35

func (n *network) mlp(name, x string) string {
	x = n.linear(name+"fc1", x, n.Dim, n.Hidden, 1)
	return n.linear(name+"fc2", n.gelu(x), n.Hidden, n.Dim, branch)
}

// gelu is x·(1+erf(x/√2))/2, of basic operators, which the runtime fuses.
func (n *network) gelu(x string) string {
	e := n.b.Op("Erf", []string{n.b.Op("Div", []string{x, n.b.Scalar(float32(math.Sqrt2))})})
	y := n.b.Op("Mul", []string{x, n.b.Op("Add", []string{e, n.b.Scalar(1)})})
	return n.b.Op("Mul", []string{y, n.b.Scalar(0.5)})
}

// pooled puts the mean of the tokens beside their spread. There is no last
// normalisation: it would take away how strong colour and texture are. Means
// are products with a row of equal weights, because the runtime's reductions
// add in another order for one patch than for several, and a patch's
// embedding must not depend on its neighbours by a single bit.
func (n *network) pooled(x string, tokens int64) string {
	x = n.b.Op("Reshape", []string{x, n.b.Indices(-1, tokens, int64(n.Dim))})
	even := make([]float32, tokens)
	for i := range even {
		even[i] = 1 / float32(tokens)
	}
	w := n.b.Weights("pool.weight", even, 1, tokens)
	mean := n.b.Op("MatMul", []string{w, x})
	diff := n.b.Op("Sub", []string{x, mean})
	variance := n.b.Op("MatMul", []string{w, n.b.Op("Mul", []string{diff, diff})})
	both := n.b.Op("Concat", []string{mean, n.b.Op("Sqrt", []string{variance})}, onnxfile.Int("axis", -1))
	return n.b.Op("Reshape", []string{both, n.b.Indices(-1, 2*int64(n.Dim))})
}

// source is a SplitMix64 generator (Steele, Lea, Flood 2014).
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// bell is a whole number of mean zero and standard deviation bellStd: the sum
// of four even draws. Whole numbers, scaled once, are the same on every
// processor; a logarithm is not.
func (s *source) bell() int64 {
	v := s.next()
	return int64(v&0xffff) + int64(v>>16&0xffff) + int64(v>>32&0xffff) + int64(v>>48) - 2*0xffff
}

const bellStd = 65536 / 1.7320508075688772 // √(4·2³²/12)

func scaleFor(std float64) float32 { return float32(std / bellStd) }

// normal draws n numbers of standard deviation std.
func (s *source) normal(n int, std float64) []float32 {
	scale := scaleFor(std)
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(s.bell()) * scale
	}
	return out
}
