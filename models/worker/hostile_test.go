//go:build unix

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/worker"
)

// hostile is one malformed model in a folder of its own.
type hostile struct {
	kind, name string
	model      []byte
	sound      bool // it may load and run all the same: a flipped bit of a weight is a weight
	alive      bool // it must load and then fail, or be stopped, when it runs
}

// hostiles makes more than two hundred of them, the same every time.
func hostiles(t *testing.T) []hostile {
	t.Helper()
	model, _ := small(t, 32, 8, 1, 1)
	r := rand.New(rand.NewPCG(6, 6))
	var all []hostile
	add := func(kind, name string, b []byte, sound bool) {
		all = append(all, hostile{kind: kind, name: name, model: b, sound: sound})
	}
	for i := range 50 {
		add("cut", fmt.Sprint(i), model[:1+(len(model)-2)*i/50], i == 0)
	}
	for i := range 60 {
		b := slices.Clone(model)
		for range 1 + r.IntN(8) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		add("flipped", fmt.Sprint(i), b, true)
	}
	for i := range 30 {
		b := slices.Clone(model)
		at := r.IntN(len(b) - 64)
		for k := range 64 {
			b[at+k] = byte(r.Uint32())
		}
		add("overwritten", fmt.Sprint(i), b, true)
	}
	for i := range 15 {
		b := make([]byte, 64<<(i%6))
		for k := range b {
			b[k] = byte(r.Uint32())
		}
		add("noise", fmt.Sprint(i), b, false)
	}
	for _, s := range []string{"version https://git-lfs.github.com/spec/v1\n", "PK\x03\x04zip", "\x80\x02pickle", "<html></html>", "{}", strings.Repeat("\x08", 4096)} {
		add("text", s[:2], []byte(s), false)
	}
	for name, edit := range contradictions() {
		m, err := onnxfile.Read(model)
		if err != nil {
			t.Fatal(err)
		}
		edit(m)
		add("contradiction", name, m.Marshal(), false)
	}
	return append(all, weapons(t)...)
}

// contradictions each change one thing of a sound model.
func contradictions() map[string]func(m *onnxfile.Model) {
	first := func(m *onnxfile.Model) *onnxfile.Tensor { return &m.Graph.Initialisers[0] }
	outside := func(location string, offset, length int64) func(m *onnxfile.Model) {
		return func(m *onnxfile.Model) {
			first(m).Raw, first(m).External = nil, &onnxfile.External{Location: location, Offset: offset, Length: length}
		}
	}
	all := map[string]func(m *onnxfile.Model){
		"unknown operator": func(m *onnxfile.Model) { m.Graph.Nodes[3].Op = "Frobnicate" },
		"custom operator": func(m *onnxfile.Model) {
			m.Opsets = append(m.Opsets, onnxfile.Opset{Domain: "ai.evil", Version: 1})
			m.Graph.Nodes[3].Domain = "ai.evil"
		},
		"custom domain":     func(m *onnxfile.Model) { m.Graph.Nodes[3].Domain = "com.example.native" },
		"operators of far":  func(m *onnxfile.Model) { m.Opsets[0].Version = 999 },
		"operators of none": func(m *onnxfile.Model) { m.Opsets = nil },
		"format of far":     func(m *onnxfile.Model) { m.IRVersion = 999 },
		"short weights":     func(m *onnxfile.Model) { first(m).Raw = first(m).Raw[:5] },
		"no weights":        func(m *onnxfile.Model) { first(m).Raw = nil },
		"other shape":       func(m *onnxfile.Model) { first(m).Dims = []int64{8, 8, 3, 8} },
		"dangling input":    func(m *onnxfile.Model) { m.Graph.Nodes[5].Inputs[0] = "nothing" },
		"output twice":      func(m *onnxfile.Model) { m.Graph.Nodes[5].Outputs[0] = m.Graph.Nodes[4].Outputs[0] },
		"cycle":             func(m *onnxfile.Model) { m.Graph.Nodes[4].Inputs[0] = m.Graph.Nodes[9].Outputs[0] },
		"stride of zero":    func(m *onnxfile.Model) { m.Graph.Nodes[0].Attributes[1].Ints = []int64{0, 0} },
		"kernel of zero":    func(m *onnxfile.Model) { m.Graph.Nodes[0].Attributes[0].Ints = []int64{0, 0} },
		"negative kernel":   func(m *onnxfile.Model) { m.Graph.Nodes[0].Attributes[0].Ints = []int64{-1, 8} },
		"no such file":      outside("none.bin", 0, 0),
		"file outside":      outside("../../../../etc/passwd", 0, 768),
		"absolute file":     outside("/etc/passwd", 0, 768),
		"through a link":    outside("link.bin", 0, 768),
		"beyond the end":    outside("weights.bin", 1<<40, 768),
		"negative offset":   outside("weights.bin", -64, 768),
		"longer than file":  outside("weights.bin", 0, 1<<40),
		"output never made": func(m *onnxfile.Model) { m.Graph.Outputs[0].Name = "other" },
		"no node":           func(m *onnxfile.Model) { m.Graph.Nodes = nil },
	}
	for name, typ := range map[string]onnxfile.ElementType{"int64": onnxfile.Int64, "text": 8, "half": 10, "nothing": 0, "unheard of": 4242, "complex": 15} {
		all["weights of "+name] = func(m *onnxfile.Model) { first(m).Type = typ }
	}
	for i, dims := range [][]int64{{1 << 31, 1 << 31}, {-8, 3, 8, 8}, {math.MaxInt64}, {math.MaxInt64, math.MaxInt64, 2}, {1 << 62, 0}, {0, 3, 8, 8}, {1 << 40, 1, 1, 1}} {
		all[fmt.Sprint("huge dimensions ", i)] = func(m *onnxfile.Model) { first(m).Dims = dims }
	}
	for _, name := range []string{"MatMul", "Reshape", "Softmax", "LayerNormalization"} {
		all["inputs cut from "+name] = func(m *onnxfile.Model) {
			for i := range m.Graph.Nodes {
				if m.Graph.Nodes[i].Op == name {
					m.Graph.Nodes[i].Inputs = nil
				}
			}
		}
	}
	return all
}

// weapons load and do harm when they run.
func weapons(t *testing.T) []hostile {
	t.Helper()
	loop, _ := endless(t)
	all := []hostile{{kind: "weapon", name: "endless loop", model: loop, alive: true}}
	scalar := func(name string, typ onnxfile.ElementType, op string, attributes ...onnxfile.Attribute) {
		m := onnxfile.Model{IRVersion: 8, Opsets: []onnxfile.Opset{{Version: 17}}, Graph: onnxfile.Graph{Name: name,
			Inputs:       []onnxfile.Value{{Name: "x", Type: onnxfile.Float32, Dims: []onnxfile.Dim{onnxfile.Fixed(1)}}},
			Outputs:      []onnxfile.Value{{Name: "y", Type: typ, Dims: []onnxfile.Dim{onnxfile.Free("n")}}},
			Initialisers: []onnxfile.Tensor{{Name: "zero", Type: typ, Dims: []int64{1}, Raw: make([]byte, typ.Size())}},
			Nodes: []onnxfile.Node{
				{Op: "Cast", Inputs: []string{"x"}, Outputs: []string{"c"}, Attributes: []onnxfile.Attribute{onnxfile.Int("to", int64(typ))}},
				{Op: op, Inputs: []string{"c", "zero"}, Outputs: []string{"y"}, Attributes: attributes},
			}}}
		all = append(all, hostile{kind: "weapon", name: name, model: m.Marshal(), alive: true})
	}
	scalar("division by zero", onnxfile.Int32, "Div")
	scalar("division of long by zero", onnxfile.Int64, "Div")
	scalar("remainder by zero", onnxfile.Int32, "Mod")
	for i, n := range []int64{1 << 33, 1 << 40, 1 << 61} {
		b := onnxfile.NewBuilder("bomb")
		x := b.Input("x", onnxfile.Float32, onnxfile.Fixed(1))
		b.Output("y", b.Op("Add", []string{x, b.Op("ConstantOfShape", []string{b.Indices(n)})}), onnxfile.Float32, onnxfile.Free("n"))
		all = append(all, hostile{kind: "weapon", name: fmt.Sprint("memory ", i), model: b.Model("bomb").Marshal(), alive: true})
	}
	b := onnxfile.NewBuilder("tile")
	x := b.Input("x", onnxfile.Float32, onnxfile.Fixed(1))
	b.Output("y", b.Op("Tile", []string{x, b.Indices(1 << 35)}), onnxfile.Float32, onnxfile.Free("n"))
	return append(all, hostile{kind: "weapon", name: "tiling", model: b.Model("tile").Marshal(), alive: true})
}

// outcome loads a model as a file and, when that succeeds, runs it.
func outcome(e onnx.Engine, path string) (load, run error) {
	s, err := e.NewSessionFile(path, onnx.SessionOptions{Threads: 1})
	if err != nil {
		return err, nil
	}
	defer s.Close()
	in := map[string]onnx.Tensor{}
	for _, v := range s.Inputs() {
		shape := slices.Clone(v.Shape)
		for i, d := range shape {
			if d < 0 {
				shape[i] = 1
			}
		}
		t, _, err := onnx.Blank(v.Type, shape, 64<<20)
		if err != nil {
			return nil, err
		}
		in[v.Name] = t
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = s.Run(ctx, in)
	return nil, err
}

// TestEngine_Hostile feeds the worker more than two hundred malformed models, and
// after each a sound one, which must give its numbers.
func TestEngine_Hostile(t *testing.T) {
	e := start(t, worker.Options{Memory: 2 << 30, RunLimit: time.Second})
	if e.Warning() != "" {
		t.Log("with an old library: ", e.Warning())
	}
	sound, in := small(t, 32, 8, 1, 1)
	good, err := e.NewSession(sound, onnx.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	out, err := good.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := floats(t, out, "embedding")
	secret := filepath.Join(t.TempDir(), "secret.bin")
	if err := os.WriteFile(secret, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	all := hostiles(t)
	if len(all) < 200 {
		t.Fatalf("only %d models", len(all))
	}
	refused, ran := map[string]int{}, map[string]int{}
	for _, h := range all {
		dir := t.TempDir()
		path := filepath.Join(dir, "model.onnx")
		for _, err := range []error{os.WriteFile(path, h.model, 0o600), os.WriteFile(filepath.Join(dir, "weights.bin"), make([]byte, 1024), 0o600),
			os.Symlink(secret, filepath.Join(dir, "link.bin"))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		load, run := outcome(e, path)
		switch said := errors.Join(load, run); {
		case said == nil && !h.sound:
			t.Errorf("%s %s: it ran", h.kind, h.name)
		case said == nil:
			ran[h.kind]++
		default:
			refused[h.kind]++
			if s := said.Error(); len(s) < 10 || strings.Contains(s, "%!") {
				t.Errorf("%s %s: %q", h.kind, h.name, s)
			}
			if h.kind == "weapon" || h.kind == "contradiction" {
				t.Logf("%s: %.180s", h.name, strings.ReplaceAll(said.Error(), "\n", " "))
			}
		}
		if h.alive && load != nil {
			t.Logf("%s: refused at loading already", h.name)
		}
		out, err := good.Run(context.Background(), in)
		if err != nil {
			t.Fatalf("after %s %s: %v", h.kind, h.name, err)
		}
		if !slices.Equal(floats(t, out, "embedding"), want) {
			t.Fatalf("after %s %s: other numbers", h.kind, h.name)
		}
	}
	t.Logf("%d models; refused %v, ran %v; %d workers", len(all), refused, ran, e.Starts())
}
