package tower

import (
	"fmt"
	"slices"
	"strings"

	"coverslip/models"
	"coverslip/models/onnxfile"
	"coverslip/models/weights"
)

// graph writes operators and notes which weights they took. The first fault is
// kept in err; what is written after it does not count.
type graph struct {
	b    *onnxfile.Builder
	w    *weights.Set
	used map[string]bool
	made map[string]string // values of weights by key
	look bool              // attention is an output too
	maps []string          // attention of each block, the mean of its heads: [n,tokens,tokens]
	err  error
}

func newGraph(name string, w *weights.Set) *graph {
	return &graph{b: onnxfile.NewBuilder(name), w: w, used: map[string]bool{}, made: map[string]string{}}
}

func (g *graph) fail(format string, args ...any) {
	if g.err == nil {
		g.err = &models.FormatError{File: strings.Join(g.w.Files, ", "), What: fmt.Sprintf(format, args...)}
	}
}

// embedded is the size in bytes up to which weights are copied into the graph,
// where nothing has to be mapped for them.
const embedded = 256

// stored gives part of a tensor as a value of the graph: numbers from element
// first on, in the shape dims, as float32.
func (g *graph) stored(name string, first int64, dims ...int64) string {
	key := fmt.Sprint(name, "@", first, dims)
	if v, ok := g.made[key]; ok {
		return v
	}
	t, ok := g.w.Get(name)
	if !ok {
		g.fail("weights %q are missing", name)
		return ""
	}
	g.used[name] = true
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	if n <= 0 || first < 0 || first+n > t.Count() {
		g.fail("weights %q have the shape %v; %v from %d on is wanted", name, t.Shape, dims, first)
		return ""
	}
	if t.Strided {
		_, err := g.w.Bytes(t)
		if g.err == nil {
			g.err = err
		}
		return ""
	}
	size := t.Type.Size()
	at := onnxfile.External{Location: t.File, Offset: t.Offset + first*size, Length: n * size}
	label := fmt.Sprintf("%s.%d", name, len(g.made))
	var v string
	if at.Length <= embedded || at.Offset%size != 0 { // a number across two machine words cannot be mapped
		raw, err := g.w.Bytes(weights.Tensor{File: t.File, Offset: at.Offset, Length: at.Length})
		if err != nil && g.err == nil {
			g.err = err
		}
		v = g.b.Raw(label, t.Type, raw, dims...)
	} else {
		v = g.b.Stored(label, t.Type, at, dims...)
	}
	switch t.Type {
	case onnxfile.Float32:
	case onnxfile.Float16, onnxfile.BFloat16, onnxfile.Float64:
		v = g.b.Op("Cast", []string{v}, onnxfile.Int("to", int64(onnxfile.Float32))) // folded when the model is loaded
	default:
		g.fail("weights %q are numbers of type %d", name, t.Type)
	}
	g.made[key] = v
	return v
}

// vector is a whole tensor as a list of n numbers.
func (g *graph) vector(name string, n int64) string {
	if t, ok := g.w.Get(name); ok && t.Count() != n {
		g.fail("weights %q have the shape %v, %d numbers are wanted", name, t.Shape, n)
	}
	return g.stored(name, 0, n)
}

// linear is a product with weights [out,in], as PyTorch's Linear keeps them,
// and a bias. rows > 0 takes only that many outputs, from row first on.
type linear struct {
	weight, bias string // bias "" = none
	first, rows  int64
	plain        bool // the weights are [in,out]: a bare parameter
}

// named is the Linear of that name, with its bias when there is one.
func (g *graph) named(name string) linear {
	l := linear{weight: name + ".weight"}
	if g.w.Has(name + ".bias") {
		l.bias = name + ".bias"
	}
	return l
}

// part is row block i of n equal ones.
func (g *graph) part(l linear, i, n int64) linear {
	if s := g.w.Shape(l.weight); len(s) == 2 && s[0]%n == 0 {
		l.rows = s[0] / n
		l.first = i * l.rows
	} else {
		g.fail("weights %q of shape %v cannot be cut in %d", l.weight, s, n)
	}
	return l
}

// out is the number of outputs of a product.
func (g *graph) out(l linear) int64 {
	s := g.w.Shape(l.weight)
	switch {
	case len(s) != 2:
		return 0
	case l.plain:
		return s[1]
	case l.rows > 0:
		return l.rows
	}
	return s[0]
}

// apply multiplies rows x of in numbers and gives the rows and their length.
func (g *graph) apply(x string, in int64, l linear) (string, int64) {
	s, out := g.w.Shape(l.weight), g.out(l)
	want := 1
	if l.plain {
		want = 0
	}
	if len(s) != 2 || s[want] != in {
		if g.w.Has(l.weight) {
			g.fail("weights %q have the shape %v and are fed %d numbers", l.weight, s, in)
		} else {
			g.fail("weights %q are missing", l.weight)
		}
		return x, out
	}
	args := []string{x}
	if l.plain {
		args = append(args, g.stored(l.weight, 0, in, out))
	} else {
		args = append(args, g.stored(l.weight, l.first*in, out, in))
	}
	if l.bias != "" {
		args = append(args, g.stored(l.bias, l.first, out))
	}
	if l.plain {
		return g.b.Op("Gemm", args), out
	}
	return g.b.Op("Gemm", args, onnxfile.Int("transB", 1)), out
}

// norm is layer normalisation by the weights of that name.
func (g *graph) norm(x, name string, width int64, eps float64) string {
	return g.b.Op("LayerNormalization", []string{x, g.vector(name+".weight", width), g.vector(name+".bias", width)},
		onnxfile.Int("axis", -1), onnxfile.Float("epsilon", float32(eps)))
}

// activate applies an activation by the name that transformers gives it.
func (g *graph) activate(x, name string) string {
	switch name {
	case "gelu", "gelu_python":
		return g.b.Microsoft("Gelu", []string{x})
	case "quick_gelu":
		return g.b.Microsoft("QuickGelu", []string{x}, onnxfile.Float("alpha", 1.702))
	case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_tanh":
		return g.b.Microsoft("FastGelu", []string{x})
	case "silu", "swish": // x·σ(x)
		return g.b.Microsoft("QuickGelu", []string{x}, onnxfile.Float("alpha", 1))
	case "relu":
		return g.b.Op("Relu", []string{x})
	case "tanh":
		return g.b.Op("Tanh", []string{x})
	}
	if g.err == nil {
		g.err = &models.UnsupportedError{File: g.w.Dir, What: fmt.Sprintf("the activation %q is not known", name)}
	}
	return x
}

func (g *graph) add(a, b string) string { return g.b.Op("Add", []string{a, b}) }

func (g *graph) reshape(x string, dims ...int64) string {
	return g.b.Op("Reshape", []string{x, g.b.Indices(dims...)})
}

// slice takes from ≤ i < to along an axis.
func (g *graph) slice(x string, axis, from, to int64) string {
	return g.b.Op("Slice", []string{x, g.b.Indices(from), g.b.Indices(to), g.b.Indices(axis)})
}

// repeat gives [rows,width] to every patch or text of the batch that like is.
func (g *graph) repeat(x, like string, rows, width int64) string {
	batch := g.slice(g.b.Op("Shape", []string{like}), 0, 0, 1)
	shape := g.b.Op("Concat", []string{batch, g.b.Indices(rows, width)}, onnxfile.Int("axis", 0))
	return g.b.Op("Expand", []string{x, shape})
}

// leftover names the weights nobody took. ignore names beginnings of those
// that do something else, such as a decoder.
func (g *graph) leftover(ignore ...string) error {
	if g.err != nil {
		return g.err
	}
	var left []string
	for _, name := range g.w.Names() {
		skip := g.used[name] || strings.HasSuffix(name, "position_ids") || strings.HasSuffix(name, "num_batches_tracked")
		if !skip && !slices.ContainsFunc(ignore, func(p string) bool { return strings.HasPrefix(name, p) }) {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		more := ""
		if len(left) > 4 {
			more = fmt.Sprintf(" and %d more", len(left)-4)
		}
		return &models.UnsupportedError{File: g.w.Dir, What: "it has weights that this program has no place for: " + strings.Join(left[:min(4, len(left))], ", ") + more,
			Hint: "export the model to ONNX and choose the .onnx file"}
	}
	return nil
}

// bytes is the size of the weights that were taken, as they are stored.
func (g *graph) bytes() int64 {
	n := int64(0)
	for name := range g.used {
		if t, ok := g.w.Get(name); ok {
			n += t.Length
		}
	}
	return n
}

// finish checks the graph and gives its bytes.
func (g *graph) finish(ignore ...string) ([]byte, error) {
	if err := g.leftover(ignore...); err != nil {
		return nil, err
	}
	m := g.b.Model("Coverslip")
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("models/tower: %w", err)
	}
	return m.Marshal(), nil
}
