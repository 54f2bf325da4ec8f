package tower

import (
	"fmt"
	"math"

	"coverslip/models/onnxfile"
)

func exp(x float64) float64 { return math.Exp(x) }

// vision is a vision transformer by the names of its weights.
type vision struct {
	shape
	library    string
	image      int64
	patch      string   // of the convolution that makes tokens; ".bias" may be missing
	prefix     []string // class token and registers, in their order
	table      string   // of positions; "" = none
	antialias  bool     // how the library resizes that table
	blocks     []block
	pre, final string // norms before and after the blocks; "" = none
	poolNorm   string // norm after pooling instead; "" = none
	pool       Pool
	head       func(g *graph, v *vision, x string) (string, int64) // what makes the embedding of all rows; nil = pool
	project    []linear                                            // after pooling
	projectAct string                                              // between the products of project
	all        bool                                                // head looks at every token
	ignore     []string                                            // beginnings of weights that belong to other things

	side  int64 // of a patch, pixels
	grid  int64 // patches a side
	extra int64 // tokens in front of the patches'
	alone bool  // after the last block there are lone rows a patch, its first tokens
}

// write makes the graph.
func (v *vision) write(g *graph) (*Tower, error) {
	if err := v.measure(g); err != nil {
		return nil, err
	}
	in := g.b.Input(pixels, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(3), onnxfile.Fixed(v.image), onnxfile.Fixed(v.image))
	x := g.reshape(v.embed(g, in), -1, v.width)
	if v.pre != "" {
		x = g.norm(x, v.pre, v.width, v.eps)
	}
	if v.pool == PoolFirst && v.extra == 0 {
		v.pool = PoolMean
	}
	v.alone = !g.look && !v.all && (v.pool == PoolFirst || v.pool == PoolAuto) && v.extra > 0
	for i, b := range v.blocks {
		if v.alone && i == len(v.blocks)-1 {
			x = g.preNormFirst(x, b, v.shape)
		} else {
			x = g.preNorm(x, b, v.shape, "")
		}
	}
	if g.look {
		g.attended(v)
	}
	var dim int64
	if v.head != nil {
		x, dim = v.head(g, v, x)
	} else {
		x, dim = v.pooled(g, x)
	}
	for i, l := range v.project {
		if i > 0 {
			x = g.activate(x, v.projectAct)
		}
		x, dim = g.apply(x, dim, l)
	}
	if v.alone {
		x = g.reshape(g.slice(g.reshape(x, -1, lone, dim), 1, 0, 1), -1, dim)
	}
	g.b.Output(output, x, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(dim))
	model, err := g.finish(v.ignore...)
	if err != nil {
		return nil, err
	}
	t := &Tower{Model: model, Library: v.library, Input: pixels, Output: output, Dim: int(dim), Image: int(v.image), Bytes: g.bytes(),
		Architecture: fmt.Sprintf("%s ViT, %d blocks of %d, %d heads, patches of %d px", v.library, len(v.blocks), v.width, v.heads, v.side)}
	if v.extra > 1 {
		t.Architecture += fmt.Sprintf(", %d registers", v.extra-1)
	}
	if v.head == nil && len(v.project) == 0 {
		t.Pool = v.pool
	}
	return t, nil
}

// measure reads the sizes off the weights.
func (v *vision) measure(g *graph) error {
	s := g.w.Shape(v.patch + ".weight")
	if len(s) != 4 || s[1] != 3 || s[2] != s[3] || s[2] < 1 || s[0] < 1 {
		g.fail("the patches' weights %q have the shape %v", v.patch+".weight", s)
		return g.err
	}
	v.width, v.side = s[0], s[2]
	switch {
	case len(v.blocks) == 0:
		g.fail("no block of a transformer is in it")
	case v.image < v.side || v.image > 4096:
		g.fail("an image of %d pixels for patches of %d", v.image, v.side)
	case v.heads < 1 || v.width%v.heads != 0:
		g.fail("%d heads for %d numbers a token", v.heads, v.width)
	}
	if g.err != nil {
		return g.err
	}
	v.grid = v.image / v.side
	for _, name := range v.prefix {
		t, ok := g.w.Get(name)
		if !ok || t.Count()%v.width != 0 || t.Count() == 0 {
			g.fail("the tokens %q have the shape %v", name, t.Shape)
			return g.err
		}
		v.extra += t.Count() / v.width
	}
	v.tokens = v.extra + v.grid*v.grid
	return nil
}

// embed cuts the image into patches and puts the other tokens in front:
// [n,tokens,width].
func (v *vision) embed(g *graph, in string) string {
	x := v.squares(g, in)
	front, table := v.front(g)
	if table != "" {
		x = g.add(x, table)
	}
	if v.extra == 0 {
		return x
	}
	tokens := g.b.Weights("prefix", front, 1, v.extra, v.width)
	return g.b.Op("Concat", []string{g.repeat(tokens, x, v.extra, v.width), x}, onnxfile.Int("axis", 1))
}

// squares multiplies every square of the image with the patches' weights:
// [n,squares,width]. It is a convolution whose windows do not touch, and so one
// product of matrices, which is faster and gives the tokens in their order.
func (v *vision) squares(g *graph, in string) string {
	if v.image%v.side == 0 {
		numbers := 3 * v.side * v.side
		x := g.reshape(in, -1, 3, v.grid, v.side, v.grid, v.side)
		x = g.b.Op("Transpose", []string{x}, onnxfile.Ints("perm", 0, 2, 4, 1, 3, 5))
		args := []string{g.reshape(x, -1, numbers), g.stored(v.patch+".weight", 0, v.width, numbers)}
		if g.w.Has(v.patch + ".bias") {
			args = append(args, g.vector(v.patch+".bias", v.width))
		}
		return g.reshape(g.b.Op("Gemm", args, onnxfile.Int("transB", 1)), -1, v.grid*v.grid, v.width)
	}
	args := []string{in, g.stored(v.patch+".weight", 0, v.width, 3, v.side, v.side)}
	if g.w.Has(v.patch + ".bias") {
		args = append(args, g.vector(v.patch+".bias", v.width))
	}
	x := g.b.Op("Conv", args, onnxfile.Ints("kernel_shape", v.side, v.side), onnxfile.Ints("strides", v.side, v.side))
	return g.b.Op("Transpose", []string{g.reshape(x, 0, v.width, v.grid*v.grid)}, onnxfile.Ints("perm", 0, 2, 1))
}

// front gives the tokens in front with their places added, and the value of
// the patches' places.
func (v *vision) front(g *graph) ([]float32, string) {
	var front []float32
	for _, name := range v.prefix {
		f, err := g.w.Float32(name)
		if err != nil {
			g.err = err
			return nil, ""
		}
		g.used[name] = true
		front = append(front, f...)
	}
	if v.table == "" {
		return front, ""
	}
	t, ok := g.w.Get(v.table)
	all := t.Count() / v.width
	if !ok || t.Count()%v.width != 0 {
		g.fail("the places %q have the shape %v", v.table, t.Shape)
		return front, ""
	}
	own, side := v.fit(all)
	if side == 0 {
		g.fail("the table %q has %d places, which fits no square of patches", v.table, all)
		return front, ""
	}
	if own == 0 && side == v.grid {
		return front, g.stored(v.table, 0, 1, v.grid*v.grid, v.width)
	}
	numbers, err := g.w.Float32(v.table)
	if err != nil {
		g.err = err
		return front, ""
	}
	g.used[v.table] = true
	for i := range own * v.width {
		front[i] += numbers[i]
	}
	if side == v.grid {
		return front, g.stored(v.table, own*v.width, 1, v.grid*v.grid, v.width)
	}
	resized := resizeTable(numbers[own*v.width:], int(side), int(v.grid), int(v.width), v.antialias)
	return front, g.b.Weights("places", resized, 1, v.grid*v.grid, v.width)
}

// fit says how many of a table's places belong to the tokens in front (all of
// them, the class token alone, or none) and how many patches a side the rest
// makes: as many as the image has if that is possible.
func (v *vision) fit(all int64) (own, side int64) {
	for _, exact := range []bool{true, false} {
		for _, own := range []int64{v.extra, min(v.extra, 1), 0} {
			side := int64(math.Round(math.Sqrt(float64(max(all-own, 0)))))
			if side > 0 && side*side == all-own && (side == v.grid || !exact) {
				return own, side
			}
		}
	}
	return 0, 0
}

// pooled makes one vector of the rows of an image.
func (v *vision) pooled(g *graph, x string) (string, int64) {
	if v.alone {
		v.pool = PoolFirst
		if v.final != "" {
			x = g.norm(x, v.final, v.width, v.eps)
		}
		if v.poolNorm != "" {
			x = g.norm(x, v.poolNorm, v.width, v.eps)
		}
		return x, v.width
	}
	x = g.unrow(x, v.shape)
	pick := func() string { // before the norm, which works token by token
		y := g.reshape(g.slice(x, 1, 0, 1), -1, v.width)
		if v.final != "" {
			y = g.norm(y, v.final, v.width, v.eps)
		}
		return y
	}
	mean := func() string {
		y := g.slice(x, 1, v.extra, v.tokens)
		if v.final != "" {
			y = g.norm(y, v.final, v.width, v.eps)
		}
		return g.b.Op("ReduceMean", []string{y}, onnxfile.Ints("axes", 1), onnxfile.Int("keepdims", 0))
	}
	dim := v.width
	switch v.pool {
	case PoolMean:
		x = mean()
	case PoolFirstMean:
		x, dim = g.b.Op("Concat", []string{pick(), mean()}, onnxfile.Int("axis", -1)), 2*v.width
	default:
		v.pool = PoolFirst
		x = pick()
	}
	if v.poolNorm != "" {
		x = g.norm(x, v.poolNorm, dim, v.eps)
	}
	return x, dim
}
