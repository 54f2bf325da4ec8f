package onnxfile

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"coverslip/models/modeltest"
)

// everything has one of each thing that Model can hold.
func everything() *Model {
	b := NewBuilder("everything")
	x := b.Input("x", Float32, Free("n"), Fixed(4))
	w := b.Weights("w", []float32{1, float32(math.Inf(-1)), -0.5, 3}, 4)
	y := b.Op("Mul", []string{b.Op("Add", []string{x, w}), b.Scalar(2)}, Int("a", -7), Ints("b", 1, -1, 1<<40),
		Float("c", 0.25), Text("d", "text ü"), Attribute{Name: "e", Kind: KindFloats, Floats: []float32{1, 2}},
		Attribute{Name: "f", Kind: KindTensor, Tensor: &Tensor{Name: "t", Type: Int64, Dims: []int64{1}, Raw: make([]byte, 8)}},
		Attribute{Name: "g", Kind: KindGraph, Graph: &Graph{Name: "inner", Nodes: []Node{{Op: "Add", Inputs: []string{x, ""}, Outputs: []string{"z"}}}, Outputs: []Value{{Name: "z", Type: Float32}}}})
	b.Output("y", b.Op("Reshape", []string{y, b.Indices(0, -1)}), Float32, Free("n"), Fixed(4))
	b.graph.Initialisers = append(b.graph.Initialisers, Tensor{Name: "far", Type: Float32, Dims: []int64{2},
		External: &External{Location: "far.bin", Offset: 8, Length: 8}})
	m := b.Model("test")
	m.ProducerVersion = "1"
	m.Opsets = append(m.Opsets, Opset{Domain: "com.microsoft", Version: 1})
	m.Metadata = []KeyValue{{"key", "value"}, {"empty", ""}}
	return m
}

func TestRead_GivesBackWhatMarshalWrote(t *testing.T) {
	want := everything()
	b := want.Marshal()
	got, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if again := got.Marshal(); !slices.Equal(again, b) {
		t.Error("written again, the bytes differ")
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	if got.Uses("Loop") || !got.Uses("Reshape") {
		t.Error("Uses is wrong")
	}
	if e := got.Externals(); !slices.Equal(e, []string{"far.bin"}) {
		t.Errorf("external files %v", e)
	}
}

const checker = `
import sys, onnx
m=onnx.load(sys.argv[1]); onnx.checker.check_model(m, full_check=True)
g=m.graph; print(m.ir_version, [o.version for o in m.opset_import], len(g.node), [i.name for i in g.initializer], g.input[0].type.tensor_type.shape.dim[0].dim_param)
`

func TestMarshal_PassesTheProjectsChecker(t *testing.T) {
	python := modeltest.Python(t, "onnx")
	b := NewBuilder("checked")
	x := b.Input("x", Float32, Free("n"), Fixed(4))
	y := b.Op("Reshape", []string{b.Op("Mul", []string{x, b.Scalar(2)}), b.Indices(-1, 2)})
	b.Output("y", b.Op("Softmax", []string{y}, Int("axis", -1)), Float32, Free("m"), Fixed(2))
	name := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(name, b.Model("test").Marshal(), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(python(checker, name)); got != "8 [17] 4 ['scalar_40000000', 'indices_1'] n" {
		t.Errorf("the checker reads %s", got)
	}
}

func TestRead_RealModels(t *testing.T) {
	for file, want := range map[string]struct {
		nodes, weights int
		op             string
	}{
		"mnist.onnx":                     {12, 8, "Conv"},
		"quickstart_matmul.onnx":         {1, 0, "MatMul"},
		"Ultraface.version-RFB-320.onnx": {126, 119, "Conv"},
	} {
		b, err := os.ReadFile(modeltest.File(t, "models/"+file))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Read(b)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if len(m.Graph.Nodes) != want.nodes || len(m.Graph.Initialisers) != want.weights || !m.Uses(want.op) {
			t.Errorf("%s: %d nodes, %d weights", file, len(m.Graph.Nodes), len(m.Graph.Initialisers))
		}
	}
}

func TestRead_RefusesWhatIsNoModel(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "empty",
		"PK\x03\x04 and so on":                "PyTorch",
		"\x80\x02}q":                          "pickle",
		"<!DOCTYPE html><p>404":               "web page",
		"version https://git-lfs.github.com/": "Git LFS",
		"\xff\xff\xff\xff":                    "broken",
		"\x08\x08":                            "no graph",
		"\x3a\x7f":                            "cut",
	} {
		if _, err := Read([]byte(text)); !errors.Is(err, ErrNotONNX) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRead_IsBounded(t *testing.T) {
	deep := message{}
	for range 40 { // graph in attribute in node in graph …
		var attribute, node, graph message
		attribute.bytes(6, deep)
		node.bytes(5, attribute)
		graph.bytes(1, node)
		deep = graph
	}
	var m message
	m.bytes(7, deep)
	if _, err := Read(m); !errors.Is(err, ErrTooLarge) {
		t.Errorf("deep graphs: %v", err)
	}
	var wide message
	for range maxParts {
		wide.bytes(1, nil)
	}
	m = nil
	m.bytes(7, wide)
	if _, err := Read(m); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a million nodes: %v", err)
	}
}

func TestModel_Check_FindsFaults(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(m *Model)
		want string
	}{
		"version":       {func(m *Model) { m.IRVersion = 999 }, "format version 999"},
		"no opset":      {func(m *Model) { m.Opsets = nil }, "no operator set"},
		"no output":     {func(m *Model) { m.Graph.Outputs = nil }, "no output"},
		"cycle":         {func(m *Model) { slices.Reverse(m.Graph.Nodes) }, "not defined before"},
		"dangling":      {func(m *Model) { m.Graph.Nodes[0].Inputs[0] = "nothing" }, `"nothing" is not defined`},
		"inner":         {func(m *Model) { m.Graph.Nodes[1].Attributes[6].Graph.Nodes[0].Inputs[0] = "q" }, `"q" is not defined`},
		"twice":         {func(m *Model) { m.Graph.Nodes[1].Outputs[0] = m.Graph.Nodes[0].Outputs[0] }, "defined before"},
		"same weights":  {func(m *Model) { m.Graph.Initialisers[1].Name = "w" }, "there twice"},
		"never made":    {func(m *Model) { m.Graph.Outputs[0].Name = "other" }, "never computed"},
		"short weights": {func(m *Model) { m.Graph.Initialisers[0].Raw = make([]byte, 15) }, "15 bytes"},
		"negative":      {func(m *Model) { m.Graph.Initialisers[0].Dims[0] = -4 }, "shape [-4]"},
		"huge":          {func(m *Model) { m.Graph.Initialisers[0].Dims = []int64{1 << 31, 1 << 31} }, "no memory"},
		"outside":       {func(m *Model) { m.Graph.Initialisers[3].External.Location = "../x" }, "outside the model's folder"},
		"far away":      {func(m *Model) { m.Graph.Initialisers[3].External.Offset = -1 }, "offset -1"},
		"wrong length":  {func(m *Model) { m.Graph.Initialisers[3].External.Length = 9 }, "9 bytes"},
		"foreign ops":   {func(m *Model) { m.Graph.Nodes[0].Domain = "my.ops"; m.Opsets[1].Domain = "my.ops" }, "my.ops"},
		"unnamed ops":   {func(m *Model) { m.Graph.Nodes[0].Domain = "ai.onnx.ml" }, "not among those"},
		"no op":         {func(m *Model) { m.Graph.Nodes[0].Op = "" }, "no operator"},
	} {
		m := everything()
		c.edit(m)
		if err := m.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestLocalPath(t *testing.T) {
	for p, want := range map[string]bool{"a.bin": true, "sub/a.bin": true, "a..b": true, "": false, "/etc/passwd": false,
		"../a": false, "sub/../../a": false, `..\a`: false, `C:\a`: false, "c:a": false, `\\host\share`: false, "a\x00b": false} {
		if got := LocalPath(p); got != want {
			t.Errorf("%q: %v", p, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	b := everything().Marshal()
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte{})
	f.Add([]byte("\x3a\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(b)
		if err != nil {
			return
		}
		_ = m.Check() // must come back, with whatever verdict
		m.Externals()
		again, err := Read(m.Marshal())
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if len(again.Graph.Nodes) != len(m.Graph.Nodes) {
			t.Fatal("nodes were lost")
		}
	})
}

func BenchmarkRead(b *testing.B) {
	model := everything().Marshal()
	b.SetBytes(int64(len(model)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(model); err != nil {
			b.Fatal(err)
		}
	}
}
