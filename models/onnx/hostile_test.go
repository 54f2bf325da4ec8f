package onnx_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/vit"
)

// victim is a small network with every kind of part.
func victim(t testing.TB) []byte {
	t.Helper()
	model, err := vit.Build(vit.Config{Image: 16, Patch: 8, Dim: 8, Depth: 1, Heads: 2, Hidden: 8, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// try loads a model and, when that succeeds, runs it. Whatever the model is,
// the outcome must be a result or an error, and soon.
func try(t *testing.T, rt *onnx.Runtime, model []byte) (loadErr, runErr error) {
	t.Helper()
	s, err := rt.NewSession(model, onnx.SessionOptions{Threads: 1})
	if err != nil {
		return err, nil
	}
	defer s.Close()
	in := map[string]onnx.Tensor{}
	for _, v := range s.Inputs() {
		shape := slices.Clone(v.Shape)
		n := int64(1)
		for i, d := range shape {
			if d < 0 {
				shape[i] = 1
			}
			n *= shape[i]
		}
		if v.Type != onnx.Float32 || n > 1<<20 {
			return nil, fmt.Errorf("the input is %s", v)
		}
		in[v.Name] = onnx.NewTensor(make([]float32, n), shape...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err = s.Run(ctx, in)
	return nil, err
}

func TestRuntime_NewSession_Mutants(t *testing.T) {
	rt := modeltest.Runtime(t)
	if rt.Warning() != "" {
		t.Skip("needs ONNX Runtime 1.28: ", rt.Warning())
	}
	model := victim(t)
	if load, run := try(t, rt, model); load != nil || run != nil {
		t.Fatal(load, run)
	}
	r := rand.New(rand.NewPCG(1, 2))
	failed := map[string]int{}
	judge := func(kind string, b []byte, mustFail bool) {
		t.Helper()
		load, run := try(t, rt, b)
		if load != nil {
			failed[kind]++
			if load.Error() == "" {
				t.Errorf("%s: an error without a text", kind)
			}
			return
		}
		if mustFail {
			t.Errorf("%s of %d bytes was loaded (run: %v)", kind, len(b), run)
		}
	}
	for i := range 40 {
		judge("cut", model[:1+(len(model)-2)*i/40], i > 0)
	}
	for range 60 {
		b := slices.Clone(model)
		for range 1 + r.IntN(8) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		judge("flipped", b, false)
	}
	for range 20 {
		b := slices.Clone(model)
		at := r.IntN(len(b) - 64)
		for i := range 64 {
			b[at+i] = byte(r.Uint32())
		}
		judge("overwritten", b, false)
	}
	for range 10 {
		b := make([]byte, 512)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		judge("noise", b, true)
	}
	for _, s := range []string{"version https://git-lfs.github.com/spec/v1\n", "PK\x03\x04zip", "\x80\x02pickle", "<html></html>"} {
		judge("text", []byte(s), true)
	}
	t.Logf("refused at loading: %v", failed)
	if failed["cut"] < 35 || failed["flipped"] == 0 || failed["overwritten"] == 0 {
		t.Errorf("hardly anything was refused: %v", failed)
	}
}

// TestRuntime_NewSession_Contradictions edits one thing of a sound model.
func TestRuntime_NewSession_Contradictions(t *testing.T) {
	rt := modeltest.Runtime(t)
	if rt.Warning() != "" {
		t.Skip("needs ONNX Runtime 1.28: ", rt.Warning())
	}
	for name, edit := range map[string]func(m *onnxfile.Model){
		"unknown operator": func(m *onnxfile.Model) { m.Graph.Nodes[3].Op = "Frobnicate" },
		"operators of far": func(m *onnxfile.Model) { m.Opsets[0].Version = 999 },
		"format of far":    func(m *onnxfile.Model) { m.IRVersion = 999 },
		"wrong type":       func(m *onnxfile.Model) { m.Graph.Initialisers[0].Type = onnxfile.Int64 },
		"text as weights":  func(m *onnxfile.Model) { m.Graph.Initialisers[0].Type = 8 },
		"short weights":    func(m *onnxfile.Model) { m.Graph.Initialisers[0].Raw = m.Graph.Initialisers[0].Raw[:5] },
		"huge weights":     func(m *onnxfile.Model) { m.Graph.Initialisers[0].Dims = []int64{1 << 31, 1 << 31} },
		"negative weights": func(m *onnxfile.Model) { m.Graph.Initialisers[0].Dims = []int64{-8, 3, 8, 8} },
		"other shape":      func(m *onnxfile.Model) { m.Graph.Initialisers[0].Dims = []int64{8, 8, 3, 8} },
		"dangling input":   func(m *onnxfile.Model) { m.Graph.Nodes[5].Inputs[0] = "nothing" },
		"output twice":     func(m *onnxfile.Model) { m.Graph.Nodes[5].Outputs[0] = m.Graph.Nodes[4].Outputs[0] },
		"cycle":            func(m *onnxfile.Model) { m.Graph.Nodes[4].Inputs[0] = m.Graph.Nodes[9].Outputs[0] },
		"stride of zero":   func(m *onnxfile.Model) { m.Graph.Nodes[0].Attributes[1].Ints = []int64{0, 0} },
		"kernel of zero":   func(m *onnxfile.Model) { m.Graph.Nodes[0].Attributes[0].Ints = []int64{0, 0} },
		"no such file": func(m *onnxfile.Model) {
			m.Graph.Initialisers[0].External = &onnxfile.External{Location: "none.bin"}
		},
		"file outside": func(m *onnxfile.Model) {
			m.Graph.Initialisers[0].External = &onnxfile.External{Location: "../../../../etc/passwd", Length: 64}
		},
		"output never made": func(m *onnxfile.Model) { m.Graph.Outputs[0].Name = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			m, err := onnxfile.Read(victim(t))
			if err != nil {
				t.Fatal(err)
			}
			edit(m)
			load, run := try(t, rt, m.Marshal())
			if load == nil && run == nil {
				t.Error("it ran")
			}
			if err := fmt.Sprint(load, run); strings.Contains(err, "%!") {
				t.Error(err)
			}
		})
	}
	if _, err := rt.NewSession(nil, onnx.SessionOptions{}); err == nil {
		t.Error("nothing was loaded")
	}
}
