package onnxfile

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Opset17 is the operator set that Builder writes for: the first with
// LayerNormalization, and old enough for every runtime that is supported.
const Opset17 = 17

// Builder makes a graph node by node. Values are known by their names, which
// Op invents; constants that occur twice are stored once.
type Builder struct {
	graph     Graph
	constants map[string]string
	count     int
	microsoft bool // operators of ONNX Runtime's own were used
}

// NewBuilder starts a graph.
func NewBuilder(name string) *Builder {
	return &Builder{graph: Graph{Name: name}, constants: map[string]string{}}
}

// Input declares an input and gives its name back.
func (b *Builder) Input(name string, t ElementType, dims ...Dim) string {
	b.graph.Inputs = append(b.graph.Inputs, Value{Name: name, Type: t, Dims: dims})
	return name
}

// Output declares that value is an output of the model, under a name of its own.
func (b *Builder) Output(name, value string, t ElementType, dims ...Dim) {
	b.graph.Nodes = append(b.graph.Nodes, Node{Name: "output_" + name, Op: "Identity", Inputs: []string{value}, Outputs: []string{name}})
	b.graph.Outputs = append(b.graph.Outputs, Value{Name: name, Type: t, Dims: dims})
}

// Weights stores numbers under a name, which must be new.
func (b *Builder) Weights(name string, data []float32, dims ...int64) string {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	b.graph.Initialisers = append(b.graph.Initialisers, Tensor{Name: name, Type: Float32, Dims: dims, Raw: raw})
	return name
}

// Stored names weights that lie in another file, as they are there.
func (b *Builder) Stored(name string, t ElementType, at External, dims ...int64) string {
	b.graph.Initialisers = append(b.graph.Initialisers, Tensor{Name: name, Type: t, Dims: dims, External: &at})
	return name
}

// Raw stores numbers of any type under a name, little-endian.
func (b *Builder) Raw(name string, t ElementType, data []byte, dims ...int64) string {
	b.graph.Initialisers = append(b.graph.Initialisers, Tensor{Name: name, Type: t, Dims: dims, Raw: data})
	return name
}

// Scalar is a constant number.
func (b *Builder) Scalar(v float32) string {
	name := fmt.Sprintf("scalar_%08x", math.Float32bits(v))
	if _, ok := b.constants[name]; !ok {
		b.constants[name] = name
		b.Weights(name, []float32{v})
	}
	return name
}

// Indices is a constant list of whole numbers, as shapes and axes are.
func (b *Builder) Indices(v ...int64) string {
	key := fmt.Sprint("indices", v)
	if name, ok := b.constants[key]; ok {
		return name
	}
	name := fmt.Sprintf("indices_%d", len(b.constants))
	b.constants[key] = name
	raw := make([]byte, 0, 8*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	b.graph.Initialisers = append(b.graph.Initialisers, Tensor{Name: name, Type: Int64, Dims: []int64{int64(len(v))}, Raw: raw})
	return name
}

// Op appends a node with one output and gives the output's name.
func (b *Builder) Op(op string, in []string, attributes ...Attribute) string {
	b.count++
	out := fmt.Sprintf("%s_%d", op, b.count)
	b.graph.Nodes = append(b.graph.Nodes, Node{Name: "node_" + out, Op: op, Inputs: in, Outputs: []string{out}, Attributes: attributes})
	return out
}

// Whole is a constant whole number of rank 0.
func (b *Builder) Whole(v int64) string {
	name := fmt.Sprintf("whole_%d", v)
	if _, ok := b.constants[name]; !ok {
		b.constants[name] = name
		b.Raw(name, Int64, binary.LittleEndian.AppendUint64(nil, uint64(v)))
	}
	return name
}

// Microsoft is Op for the operators that ONNX Runtime adds to ONNX's own
// (docs/ContribOperators.md of its repository).
func (b *Builder) Microsoft(op string, in []string, attributes ...Attribute) string {
	b.microsoft = true
	out := b.Op(op, in, attributes...)
	b.graph.Nodes[len(b.graph.Nodes)-1].Domain = "com.microsoft"
	return out
}

// Model is the finished model. Format version 8 goes with operator set 17.
func (b *Builder) Model(producer string) *Model {
	m := &Model{IRVersion: 8, Producer: producer, Opsets: []Opset{{Version: Opset17}}, Graph: b.graph}
	if b.microsoft {
		m.Opsets = append(m.Opsets, Opset{Domain: "com.microsoft", Version: 1})
	}
	return m
}
