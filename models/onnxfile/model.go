package onnxfile

import "fmt"

// ElementType is TensorProto.DataType.
type ElementType int32

// Element types that are written here; Read keeps any number.
const (
	Float32  ElementType = 1
	Uint8    ElementType = 2
	Int32    ElementType = 6
	Int64    ElementType = 7
	Bool     ElementType = 9
	Float16  ElementType = 10
	Float64  ElementType = 11
	BFloat16 ElementType = 16
)

// Size is the number of bytes of an element; 0 for text and for types that
// are unknown here or smaller than a byte.
func (t ElementType) Size() int64 {
	switch t {
	case 2, 3, 9, 17, 18, 19, 20: // uint8, int8, bool, float8 ×4
		return 1
	case 4, 5, 10, 16: // uint16, int16, float16, bfloat16
		return 2
	case 1, 6, 12: // float32, int32, uint32
		return 4
	case 7, 11, 13, 14: // int64, float64, uint64, complex64
		return 8
	case 15: // complex128
		return 16
	}
	return 0
}

// Model is ModelProto.
type Model struct {
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Opsets          []Opset
	Graph           Graph
	Metadata        []KeyValue
	Functions       int // local functions in the file; Read counts them, Marshal writes none
}

// Opset is a set of operators that the model uses.
type Opset struct {
	Domain  string // "" is ONNX's own
	Version int64
}

// KeyValue is an entry of the model's metadata.
type KeyValue struct{ Key, Value string }

// Graph is GraphProto.
type Graph struct {
	Name         string
	Nodes        []Node
	Initialisers []Tensor
	Inputs       []Value
	Outputs      []Value
}

// Node is NodeProto: one operator.
type Node struct {
	Name, Op, Domain string
	Inputs, Outputs  []string // "" is an optional value left out
	Attributes       []Attribute
}

// AttributeKind is AttributeProto.AttributeType.
type AttributeKind int32

// Kinds of attribute.
const (
	KindFloat  AttributeKind = 1
	KindInt    AttributeKind = 2
	KindText   AttributeKind = 3
	KindTensor AttributeKind = 4
	KindGraph  AttributeKind = 5
	KindFloats AttributeKind = 6
	KindInts   AttributeKind = 7
)

// Attribute is AttributeProto; the field that Kind names holds the value.
type Attribute struct {
	Name   string
	Kind   AttributeKind
	Float  float32
	Int    int64
	Text   string
	Floats []float32
	Ints   []int64
	Tensor *Tensor
	Graph  *Graph
}

// Int is an attribute that holds a whole number.
func Int(name string, v int64) Attribute { return Attribute{Name: name, Kind: KindInt, Int: v} }

// Ints is an attribute that holds a list of whole numbers.
func Ints(name string, v ...int64) Attribute { return Attribute{Name: name, Kind: KindInts, Ints: v} }

// Float is an attribute that holds a number.
func Float(name string, v float32) Attribute {
	return Attribute{Name: name, Kind: KindFloat, Float: v}
}

// Text is an attribute that holds a text.
func Text(name, v string) Attribute { return Attribute{Name: name, Kind: KindText, Text: v} }

// Tensor is TensorProto: weights.
type Tensor struct {
	Name     string
	Type     ElementType
	Dims     []int64
	Raw      []byte    // elements, little-endian, row-major; a view into the file after Read
	Typed    int       // bytes in the typed fields (float_data, …), which Read counts and does not keep
	External *External // where the elements are when they are in another file
}

// External places weights in another file.
type External struct {
	Location string // path relative to the model's folder
	Offset   int64  // bytes
	Length   int64  // bytes; 0 = to the end
}

// Value is ValueInfoProto for a tensor: an input or output.
type Value struct {
	Name string
	Type ElementType // 0 when the value is no tensor
	Dims []Dim       // nil when the shape is not stated
}

// Dim is one size of a shape.
type Dim struct {
	Size int64  // -1 when it is free
	Name string // of a free size; may be empty
}

// Fixed is a dimension of n.
func Fixed(n int64) Dim { return Dim{Size: n} }

// Free is a dimension that each run may choose.
func Free(name string) Dim { return Dim{Size: -1, Name: name} }

func (d Dim) String() string {
	switch {
	case d.Size >= 0:
		return fmt.Sprint(d.Size)
	case d.Name != "":
		return d.Name
	}
	return "?"
}

// Walk calls yield for every node, also those inside other nodes' graphs,
// until it returns false.
func (g *Graph) Walk(yield func(*Node) bool) bool {
	for i := range g.Nodes {
		if !yield(&g.Nodes[i]) {
			return false
		}
		for _, a := range g.Nodes[i].Attributes {
			if a.Graph != nil && !a.Graph.Walk(yield) {
				return false
			}
		}
	}
	return true
}

// Uses says whether any node is the operator op, of whatever domain.
func (m *Model) Uses(op string) bool {
	found := false
	m.Graph.Walk(func(n *Node) bool {
		found = n.Op == op
		return !found
	})
	return found
}
