// Package quantise makes the weights of a network eight bits wide.
//
// # Arithmetic
//
// Weights are rounded by column (an output of the layer) to −127 … 127 of the
// column's largest, activations while the network runs by row (a token) to the
// largest of the row, so that no patch has any influence on another and an
// embedding does not depend on its batch, as it does where a whole tensor shares
// one scale (DynamicQuantizeLinear). The product is of whole numbers and is
// scaled back by both:
//
//	y[r,c] = (Σk q(x)[r,k] · q(w)[k,c]) · max|x[r]|/127 · max|w[c]|/127 + b[c]
//
// Only products with weights are replaced. Normalisation, softmax and the
// products of attention, where rounding costs most and saves least, stay.
package quantise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"coverslip/models/onnxfile"
)

// ErrNothing: the model has no product with weights that is worth it.
var ErrNothing = errors.New("there is nothing in the model to quantise")

// Report is what was done.
type Report struct {
	Products int   // replaced
	Before   int64 // bytes of their weights, four a number
	After    int64 // and eight bits a number, scales included
	Left     int   // products with weights that were left: small ones, or of another form
}

// Versions of ONNX's operator set that matter here (docs/Operators.md of ONNX).
const (
	leastOpset    = 13 // the first whose QuantizeLinear has a scale for each row
	axesAreInputs = 18 // from here on ReduceMax takes its axes as an input
)

// minWeights is the least number of weights of a product that is replaced:
// below, rounding costs more time than the product.
const minWeights = 1 << 14

// microsoft is the domain of the operator that multiplies and scales in one.
const microsoft = "com.microsoft"

// Int8 rewrites a model. load gives the bytes of weights that lie in another
// file; nil for a model that has none there. m itself is not changed; weights
// that stay where they are, also in other files, are shared with it.
func Int8(m *onnxfile.Model, load func(e onnxfile.External) ([]byte, error)) (*onnxfile.Model, Report, error) {
	q := &rewriter{load: load, weights: map[string]*onnxfile.Tensor{}, done: map[string]bool{}, names: map[string]bool{}}
	for i := range m.Graph.Initialisers {
		t := &m.Graph.Initialisers[i]
		q.weights[t.Name] = t
		q.names[t.Name] = true
	}
	if m.Functions > 0 {
		return nil, q.report, errors.New("quantise: a model with functions of its own")
	}
	for _, o := range m.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			q.opset = o.Version
		}
	}
	if q.opset < leastOpset {
		return nil, q.report, fmt.Errorf("quantise: the model is written for operator set %d, and %d is needed to round rows", q.opset, leastOpset)
	}
	for i := range m.Graph.Nodes {
		for _, name := range m.Graph.Nodes[i].Outputs {
			q.names[name] = true
		}
	}
	for i := range m.Graph.Nodes {
		if err := q.node(m.Graph.Nodes[i]); err != nil {
			return nil, q.report, err
		}
	}
	if q.report.Products == 0 {
		return nil, q.report, ErrNothing
	}
	out := *m
	out.Producer = "coverslip (int8 of " + m.Producer + ")"
	out.Opsets = append([]onnxfile.Opset(nil), m.Opsets...)
	out.Graph.Nodes = q.nodes
	out.Graph.Initialisers = nil
	used := map[string]bool{}
	g := onnxfile.Graph{Nodes: q.nodes}
	g.Walk(func(n *onnxfile.Node) bool {
		for _, name := range n.Inputs {
			used[name] = true
		}
		return true
	})
	for _, o := range m.Graph.Outputs {
		used[o.Name] = true
	}
	for _, t := range append(m.Graph.Initialisers, q.added...) {
		if used[t.Name] || !q.done[t.Name] {
			out.Graph.Initialisers = append(out.Graph.Initialisers, t)
		}
	}
	if !hasDomain(out.Opsets, microsoft) {
		out.Opsets = append(out.Opsets, onnxfile.Opset{Domain: microsoft, Version: 1})
	}
	return &out, q.report, nil
}

func hasDomain(sets []onnxfile.Opset, domain string) bool {
	for _, s := range sets {
		if s.Domain == domain {
			return true
		}
	}
	return false
}

// rewriter copies the graph node by node.
type rewriter struct {
	load    func(e onnxfile.External) ([]byte, error)
	weights map[string]*onnxfile.Tensor
	names   map[string]bool
	nodes   []onnxfile.Node
	added   []onnxfile.Tensor
	done    map[string]bool // weights that were rounded, and may be used no more
	report  Report
	shared  bool // the constants that all products use are there
	ready   map[string]rounded
	rounded map[string]rows // by the value that was rounded
	opset   int64           // of ONNX's own operators
}

// rounded names the parts of a rounded weight.
type rounded struct{ q, scale string }

// product is a node that multiplies with weights.
type product struct {
	weight     *onnxfile.Tensor
	transposed bool // the weights are stored one row an output
	bias       string
}

func (q *rewriter) node(n onnxfile.Node) error {
	p, ok := q.product(n)
	if !ok {
		q.nodes = append(q.nodes, n)
		return nil
	}
	k, c := p.weight.Dims[0], p.weight.Dims[1]
	if p.transposed {
		k, c = c, k
	}
	if k*c < minWeights || k > 1<<16 {
		q.report.Left++
		q.nodes = append(q.nodes, n)
		return nil
	}
	w, err := q.round(p, k, c)
	if err != nil {
		return fmt.Errorf("quantise: %s: %w", p.weight.Name, err)
	}
	q.replace(n, p, w, k, c)
	q.report.Products++
	return nil
}

// product recognises MatMul and Gemm with weights of single precision.
func (q *rewriter) product(n onnxfile.Node) (product, bool) {
	if n.Domain != "" || len(n.Inputs) < 2 || len(n.Outputs) != 1 {
		return product{}, false
	}
	p := product{weight: q.weights[n.Inputs[1]]}
	if p.weight == nil || p.weight.Type != onnxfile.Float32 || len(p.weight.Dims) != 2 || p.weight.Typed > 0 {
		return p, false
	}
	switch n.Op {
	case "MatMul":
		return p, true
	case "Gemm":
		for _, a := range n.Attributes {
			switch {
			case a.Name == "transB":
				p.transposed = a.Int != 0
			case a.Name == "transA" && a.Int != 0, (a.Name == "alpha" || a.Name == "beta") && a.Float != 1:
				q.report.Left++
				return p, false
			}
		}
		if len(n.Inputs) > 2 {
			p.bias = n.Inputs[2]
		}
		return p, true
	}
	return p, false
}

// name invents a name that the graph has not.
func (q *rewriter) name(like, part string) string {
	for i := 0; ; i++ {
		s := like + "." + part
		if i > 0 {
			s = fmt.Sprintf("%s.%s%d", like, part, i)
		}
		if !q.names[s] {
			q.names[s] = true
			return s
		}
	}
}

// round makes whole numbers of a weight, once however often it is used.
func (q *rewriter) round(p product, k, c int64) (rounded, error) {
	key := fmt.Sprint(p.weight.Name, p.transposed)
	if r, ok := q.ready[key]; ok {
		return r, nil
	}
	raw := p.weight.Raw
	if p.weight.External != nil {
		if q.load == nil {
			return rounded{}, errors.New("its weights are in another file")
		}
		var err error
		if raw, err = q.load(*p.weight.External); err != nil {
			return rounded{}, err
		}
	}
	if int64(len(raw)) != 4*k*c {
		return rounded{}, fmt.Errorf("%d bytes for %d numbers", len(raw), k*c)
	}
	at := func(row, col int64) float32 {
		i := row*c + col
		if p.transposed {
			i = col*k + row
		}
		return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	most := make([]float32, c)
	for row := range k {
		for col := range c {
			v := at(row, col)
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return rounded{}, errors.New("a weight is no number")
			}
			most[col] = max(most[col], float32(math.Abs(float64(v))))
		}
	}
	whole := make([]byte, k*c)
	scale := make([]byte, 0, 4*c)
	for col, m := range most {
		if m == 0 {
			m = 1
		}
		most[col] = 127 / m
		scale = binary.LittleEndian.AppendUint32(scale, math.Float32bits(m/127))
	}
	for row := range k {
		for col := range c {
			v := math.RoundToEven(float64(at(row, col) * most[col]))
			whole[row*c+col] = byte(int8(max(-127, min(127, v))))
		}
	}
	r := rounded{q.name(p.weight.Name, "int8"), q.name(p.weight.Name, "scale")}
	const int8Type = 3 // TensorProto.INT8
	q.added = append(q.added, onnxfile.Tensor{Name: r.q, Type: int8Type, Dims: []int64{k, c}, Raw: whole},
		onnxfile.Tensor{Name: r.scale, Type: onnxfile.Float32, Dims: []int64{c}, Raw: scale})
	if q.ready == nil {
		q.ready = map[string]rounded{}
	}
	q.ready[key] = r
	q.done[p.weight.Name] = true
	q.report.Before += 4 * k * c
	q.report.After += k*c + 4*c
	return r, nil
}

// Names of the constants that all products share.
const (
	nameOne     = "coverslip.int8.one"   // 1
	nameZero    = "coverslip.int8.zero"  // 128, where zero is among unsigned bytes
	nameStep    = "coverslip.int8.step"  // 1/127
	nameSmall   = "coverslip.int8.small" // below which a row is nothing
	nameLast    = "coverslip.int8.last"  // −1, the last axis or all that is left
	nameFirst   = "coverslip.int8.first" // 0
	smallestRow = 1e-30
)

func (q *rewriter) constants() {
	if q.shared {
		return
	}
	q.shared = true
	for _, c := range []struct {
		name string
		v    float32
	}{{nameOne, 1}, {nameStep, 1.0 / 127}, {nameSmall, smallestRow}} {
		q.added = append(q.added, onnxfile.Tensor{Name: c.name, Type: onnxfile.Float32, Raw: binary.LittleEndian.AppendUint32(nil, math.Float32bits(c.v))})
	}
	q.added = append(q.added, onnxfile.Tensor{Name: nameZero, Type: onnxfile.Uint8, Raw: []byte{128}}, indices(nameLast, -1), indices(nameFirst, 0))
}

// indices is a constant list of whole numbers.
func indices(name string, v ...int64) onnxfile.Tensor {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return onnxfile.Tensor{Name: name, Type: onnxfile.Int64, Dims: []int64{int64(len(v))}, Raw: raw}
}

// rows names what was made of the rows that products are fed.
type rows struct {
	whole string // rounded
	step  string // what 1 in whole stands for, a number a row: [rows,1]
}

// op appends a node; out "" invents a name for its output, which it gives.
func (q *rewriter) op(like, op, domain string, in []string, out string, attributes ...onnxfile.Attribute) string {
	if out == "" {
		out = q.name(like, op)
	}
	q.nodes = append(q.nodes, onnxfile.Node{Name: q.name(out, "node"), Op: op, Domain: domain, Inputs: in, Outputs: []string{out}, Attributes: attributes})
	return out
}

// rowsOf rounds every row of x by its own largest number, once for all products
// that are fed x. The scale is given to QuantizeLinear by row, as its axis 0, so
// that the numbers are walked over three times and written once.
func (q *rewriter) rowsOf(x string, k int64, flat bool) rows {
	if r, ok := q.rounded[x]; ok {
		return r
	}
	in := x
	if !flat {
		size := q.name(x, "size")
		q.added = append(q.added, indices(size, -1, k))
		in = q.op(x, "Reshape", "", []string{x, size}, "")
	}
	over, how := []string{in}, []onnxfile.Attribute{onnxfile.Int("keepdims", 1)}
	if q.opset < axesAreInputs {
		how = append(how, onnxfile.Ints("axes", -1))
	} else {
		over = append(over, nameLast)
	}
	most := q.op(x, "ReduceMax", "", over, "", how...)
	least := q.op(x, "Neg", "", []string{q.op(x, "ReduceMin", "", over, "", how...)}, "")
	size := q.op(x, "Max", "", []string{most, least, nameSmall}, "")
	r := rows{step: q.op(x, "Mul", "", []string{size, nameStep}, "")}
	scale := q.op(x, "Reshape", "", []string{r.step, nameLast}, "")
	zeros := q.op(x, "Expand", "", []string{nameZero, q.op(x, "Shape", "", []string{scale}, "")}, "")
	r.whole = q.op(x, "QuantizeLinear", "", []string{in, scale, zeros}, "", onnxfile.Int("axis", 0))
	if q.rounded == nil {
		q.rounded = map[string]rows{}
	}
	q.rounded[x] = r
	return r
}

// replace writes the nodes of one product of inputs of k numbers.
func (q *rewriter) replace(n onnxfile.Node, p product, w rounded, k, c int64) {
	q.constants()
	x, y := n.Inputs[0], n.Outputs[0]
	flat := n.Op == "Gemm" // else there may be more axes than rows and numbers
	r := q.rowsOf(x, k, flat)
	last := y
	if !flat {
		last = ""
	}
	sum := q.op(y, "MatMulIntegerToFloat", microsoft, []string{r.whole, w.q, nameOne, w.scale, nameZero}, "")
	if p.bias == "" {
		sum = q.op(y, "Mul", "", []string{sum, r.step}, last)
	} else {
		sum = q.op(y, "Add", "", []string{q.op(y, "Mul", "", []string{sum, r.step}, ""), p.bias}, last)
	}
	if flat {
		return
	}
	width := q.name(y, "width")
	q.added = append(q.added, indices(width, c))
	lead := q.op(y, "Slice", "", []string{q.op(y, "Shape", "", []string{x}, ""), nameFirst, nameLast}, "")
	q.op(y, "Reshape", "", []string{sum, q.op(y, "Concat", "", []string{lead, width}, "", onnxfile.Int("axis", 0))}, y)
}
