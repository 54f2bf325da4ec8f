package onnx_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
)

// matMul is y[n,3] = x[n,2] · w[2,3].
func matMul() []byte {
	b := onnxfile.NewBuilder("matmul")
	x := b.Input("x", onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(2))
	w := b.Weights("w", []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	b.Output("y", b.Op("MatMul", []string{x, w}), onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(3))
	return b.Model("test").Marshal()
}

func open(t testing.TB, rt *onnx.Runtime, model []byte) onnx.Model {
	t.Helper()
	s, err := rt.NewSession(model, onnx.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSession_Run_MatMul(t *testing.T) {
	s := open(t, modeltest.Runtime(t), matMul())
	if got := s.Inputs()[0].String(); got != "x float32[n×2]" {
		t.Errorf("input is %s", got)
	}
	if got := s.Outputs()[0].String(); got != "y float32[n×3]" {
		t.Errorf("output is %s", got)
	}
	out, err := s.Run(context.Background(), map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 10, 2, 20}, 2, 2)})
	if err != nil {
		t.Fatal(err)
	}
	y, err := onnx.Of[float32](out["y"])
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{41, 52, 63, 82, 104, 126}; !slices.Equal(y, want) || !slices.Equal(out["y"].Shape, []int64{2, 3}) {
		t.Errorf("y = %v %v, want %v", out["y"].Shape, y, want)
	}
	if _, err := onnx.Of[int64](out["y"]); err == nil {
		t.Error("a float32 tensor was read as int64")
	}
	empty, err := s.Run(context.Background(), map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{}, 0, 2)})
	if err != nil || !slices.Equal(empty["y"].Shape, []int64{0, 3}) {
		t.Errorf("no rows: %v, %v", empty, err)
	}
}

// identity passes one value of each type through.
func identity(types ...onnxfile.ElementType) []byte {
	b := onnxfile.NewBuilder("identity")
	for _, typ := range types {
		name := onnx.ElementType(typ).String()
		b.Output("out_"+name, b.Input(name, typ, onnxfile.Free("n")), typ, onnxfile.Free("n"))
	}
	return b.Model("test").Marshal()
}

func TestSession_Run_ElementTypes(t *testing.T) {
	s := open(t, modeltest.Runtime(t), identity(1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13))
	in := map[string]onnx.Tensor{
		"float32": onnx.NewTensor([]float32{-1.5, float32(math.Inf(1))}, 2),
		"uint8":   onnx.NewTensor([]uint8{0, 255}, 2),
		"int8":    onnx.NewTensor([]int8{-128, 127}, 2),
		"uint16":  onnx.NewTensor([]uint16{0, 65535}, 2),
		"int16":   onnx.NewTensor([]int16{-32768, 1}, 2),
		"int32":   onnx.NewTensor([]int32{math.MinInt32, 7}, 2),
		"int64":   onnx.NewTensor([]int64{math.MinInt64, math.MaxInt64}, 2),
		"bool":    onnx.NewTensor([]bool{true, false}, 2),
		"float16": onnx.NewTensor([]onnx.Half{0x3c00, 0xfbff}, 2),
		"float64": onnx.NewTensor([]float64{math.Pi, math.Copysign(0, -1)}, 2),
		"uint32":  onnx.NewTensor([]uint32{0, math.MaxUint32}, 2),
		"uint64":  onnx.NewTensor([]uint64{0, math.MaxUint64}, 2),
	}
	out, err := s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range in {
		got := out["out_"+name]
		if got.Type() != want.Type() || !equalData(got.Data, want.Data) {
			t.Errorf("%s: %v, want %v", name, got.Data, want.Data)
		}
	}
}

func equalData(a, b any) bool {
	switch x := a.(type) {
	case []float32:
		return slices.Equal(x, b.([]float32))
	case []uint8:
		return slices.Equal(x, b.([]uint8))
	case []int8:
		return slices.Equal(x, b.([]int8))
	case []uint16:
		return slices.Equal(x, b.([]uint16))
	case []int16:
		return slices.Equal(x, b.([]int16))
	case []int32:
		return slices.Equal(x, b.([]int32))
	case []int64:
		return slices.Equal(x, b.([]int64))
	case []bool:
		return slices.Equal(x, b.([]bool))
	case []onnx.Half:
		return slices.Equal(x, b.([]onnx.Half))
	case []float64:
		return slices.Equal(x, b.([]float64))
	case []uint32:
		return slices.Equal(x, b.([]uint32))
	case []uint64:
		return slices.Equal(x, b.([]uint64))
	}
	return false
}

func TestHalf_Float32(t *testing.T) {
	for h, want := range map[onnx.Half]float64{0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: math.Ldexp(1, -24), 0x83ff: -1023 * math.Ldexp(1, -24), 0x3555: 0.333251953125} {
		if got := float64(h.Float32()); got != want {
			t.Errorf("%#04x is %v, want %v", uint16(h), got, want)
		}
	}
	if !math.IsInf(float64(onnx.Half(0xfc00).Float32()), -1) || !math.IsNaN(float64(onnx.Half(0x7e01).Float32())) {
		t.Error("infinity or NaN is lost")
	}
}

func TestSession_Run_RefusesWrongInputs(t *testing.T) {
	s := open(t, modeltest.Runtime(t), matMul())
	for name, c := range map[string]struct {
		in   map[string]onnx.Tensor
		want string
	}{
		"missing":    {nil, `input "x" is missing`},
		"extra":      {map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 2}, 1, 2), "z": {}}, `no input "z"`},
		"type":       {map[string]onnx.Tensor{"x": onnx.NewTensor([]int64{1, 2}, 1, 2)}, "wants float32, not int64"},
		"go type":    {map[string]onnx.Tensor{"x": {Shape: []int64{1, 2}, Data: []string{"a", "b"}}}, "[]string cannot be passed"},
		"count":      {map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 2, 3}, 1, 2)}, "3 elements for the shape [1 2]"},
		"negative":   {map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 2}, -1, 2)}, "negative dimension"},
		"huge":       {map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 2}, 1<<40, 1<<40)}, "too large"},
		"wrong size": {map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 2, 3}, 1, 3)}, "Got invalid dimensions"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Run(context.Background(), c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := s.RunOutputs(context.Background(), map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 2}, 1, 2)}, []string{"nope"}); err == nil {
		t.Error("an unknown output was computed")
	}
}

// endless is a Loop of 2⁴⁰ additions.
func endless() []byte {
	body := &onnxfile.Graph{Name: "body",
		Inputs: []onnxfile.Value{{Name: "i", Type: onnxfile.Int64, Dims: []onnxfile.Dim{}}, {Name: "go", Type: onnxfile.Bool, Dims: []onnxfile.Dim{}}, {Name: "a", Type: onnxfile.Float32}},
		Nodes: []onnxfile.Node{
			{Op: "Identity", Inputs: []string{"go"}, Outputs: []string{"on"}},
			{Op: "Add", Inputs: []string{"a", "x"}, Outputs: []string{"b"}}},
		Outputs: []onnxfile.Value{{Name: "on", Type: onnxfile.Bool, Dims: []onnxfile.Dim{}}, {Name: "b", Type: onnxfile.Float32}},
	}
	m := &onnxfile.Model{IRVersion: 8, Opsets: []onnxfile.Opset{{Version: 17}}, Graph: onnxfile.Graph{Name: "endless",
		Inputs: []onnxfile.Value{{Name: "x", Type: onnxfile.Float32, Dims: []onnxfile.Dim{onnxfile.Fixed(4)}}},
		Initialisers: []onnxfile.Tensor{
			{Name: "times", Type: onnxfile.Int64, Dims: []int64{}, Raw: []byte{0, 0, 0, 0, 0, 1, 0, 0}},
			{Name: "true", Type: onnxfile.Bool, Dims: []int64{}, Raw: []byte{1}}},
		Nodes: []onnxfile.Node{{Op: "Loop", Inputs: []string{"times", "true", "x"}, Outputs: []string{"y"},
			Attributes: []onnxfile.Attribute{{Name: "body", Kind: onnxfile.KindGraph, Graph: body}}}},
		Outputs: []onnxfile.Value{{Name: "y", Type: onnxfile.Float32}},
	}}
	return m.Marshal()
}

func TestSession_Run_StopsWithContext(t *testing.T) {
	s := open(t, modeltest.Runtime(t), endless())
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := s.Run(ctx, map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 1, 1, 1}, 4)})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v to stop", d)
	}
	if _, err := s.Run(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a run after the deadline: %v", err)
	}
}

func TestSession_Run_Concurrent(t *testing.T) {
	s := open(t, modeltest.Runtime(t), matMul())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 200 {
				v := float32(g*1000 + i)
				out, err := s.Run(ctx, map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{v, 0}, 1, 2)})
				if err != nil {
					t.Error(err)
					return
				}
				if y, _ := onnx.Of[float32](out["y"]); !slices.Equal(y, []float32{v, 2 * v, 3 * v}) {
					t.Errorf("%v gave %v", v, y)
				}
				if i%50 == 0 {
					runtime.GC()
				}
			}
		}()
	}
	wg.Wait()
}

func TestSession_Close(t *testing.T) {
	rt := modeltest.Runtime(t)
	s, err := rt.NewSession(matMul(), onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Close(); !errors.Is(err, onnx.ErrInUse) {
		t.Errorf("the runtime closed under a session: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Run(context.Background(), nil); !errors.Is(err, onnx.ErrClosed) {
		t.Errorf("run after Close: %v", err)
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := rt.NewSession(matMul(), onnx.SessionOptions{}); !errors.Is(err, onnx.ErrClosed) {
		t.Errorf("a session of a closed runtime: %v", err)
	}
}

func TestRuntime_NewSession_Options(t *testing.T) {
	rt := modeltest.Runtime(t)
	if len(rt.Providers()) == 0 || !slices.Contains(rt.Providers(), "CPUExecutionProvider") {
		t.Errorf("providers are %v", rt.Providers())
	}
	if !strings.Contains(rt.BuildInfo(), "ORT Build Info") {
		t.Errorf("build info is %q", rt.BuildInfo())
	}
	for _, o := range []onnx.SessionOptions{
		{Optimise: onnx.OptimiseNone, InterThreads: 1}, {Optimise: onnx.OptimiseBasic, Deterministic: true},
		{Optimise: onnx.OptimiseExtended, Spinning: true, Config: map[string]string{"session.disable_prepacking": "1"}},
	} {
		s, err := rt.NewSession(matMul(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRuntime_NewSessionFile(t *testing.T) {
	rt := modeltest.Runtime(t)
	dir := t.TempDir()
	if _, err := rt.NewSessionFile(filepath.Join(dir, "none.onnx"), onnx.SessionOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := rt.NewSessionFile(dir, onnx.SessionOptions{}); err == nil {
		t.Error("a folder was loaded")
	}
	b := onnxfile.NewBuilder("external")
	x := b.Input("x", onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(2))
	w := b.Weights("w", []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	b.Output("y", b.Op("MatMul", []string{x, w}), onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(3))
	m := b.Model("test")
	raw := m.Graph.Initialisers[0].Raw
	m.Graph.Initialisers[0].Raw = nil
	m.Graph.Initialisers[0].External = &onnxfile.External{Location: "weights ü.bin", Offset: 4096, Length: int64(len(raw))}
	write(t, filepath.Join(dir, "weights ü.bin"), append(make([]byte, 4096), raw...))
	name := filepath.Join(dir, "modell ü.onnx")
	write(t, name, m.Marshal())
	fromFile, err := rt.NewSessionFile(name, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer fromFile.Close()
	fromBytes, err := rt.NewSession(m.Marshal(), onnx.SessionOptions{DataFolder: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer fromBytes.Close()
	for _, s := range []onnx.Model{fromFile, fromBytes} {
		out, err := s.Run(context.Background(), map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 10}, 1, 2)})
		if err != nil {
			t.Fatal(err)
		}
		if y, _ := onnx.Of[float32](out["y"]); !slices.Equal(y, []float32{41, 52, 63}) {
			t.Errorf("y = %v", y)
		}
	}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkSession_Run_MatMul(b *testing.B) {
	s := open(b, modeltest.Runtime(b), matMul())
	in := map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1, 10, 2, 20}, 2, 2)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Run(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRuntime_NullCall(b *testing.B) {
	rt := modeltest.Runtime(b)
	b.ReportAllocs()
	for b.Loop() {
		onnx.NullCall(rt)
	}
}

const evaluate = `
import sys, numpy as np, onnx
from onnx.reference import ReferenceEvaluator
m=onnx.load(sys.argv[1]); x=np.fromfile(sys.argv[2],dtype='<f4').reshape(1,1,28,28)
y,=ReferenceEvaluator(m).run(None,{m.graph.input[0].name:x})
print(*y.ravel())
`

// TestSession_Run_TrainedModel reads a drawn digit with a real network, and
// compares its scores with those of the onnx project's own evaluator.
func TestSession_Run_TrainedModel(t *testing.T) {
	rt := modeltest.Runtime(t)
	name := modeltest.File(t, "models/mnist.onnx")
	s, err := rt.NewSessionFile(name, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	image := make([]float32, 28*28)
	for y := 4; y < 24; y++ { // a seven
		for x := range 3 {
			image[y*28+x+19-(y-4)/2] = 255
		}
	}
	for x := 7; x < 22; x++ {
		image[4*28+x], image[5*28+x], image[6*28+x] = 255, 255, 255
	}
	out, err := s.Run(context.Background(), map[string]onnx.Tensor{"Input3": onnx.NewTensor(image, 1, 1, 28, 28)})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := onnx.Of[float32](out["Plus214_Output_0"])
	if err != nil {
		t.Fatal(err)
	}
	if best := slices.Index(scores, slices.Max(scores)); best != 7 {
		t.Errorf("the seven is taken for a %d: %v", best, scores)
	}
	t.Run("reference", func(t *testing.T) {
		python := modeltest.Python(t, "onnx", "numpy")
		raw, err := binary.Append(nil, binary.LittleEndian, image)
		if err != nil {
			t.Fatal(err)
		}
		in := filepath.Join(t.TempDir(), "in")
		write(t, in, raw)
		for i, text := range strings.Fields(python(evaluate, name, in)) {
			want, err := strconv.ParseFloat(text, 32)
			if err != nil {
				t.Fatal(err)
			}
			if d := math.Abs(float64(scores[i]) - want); d > 0.02 { // of scores in the thousands
				t.Errorf("score %d is %v, the reference has %v", i, scores[i], want)
			}
		}
	})
}

// TestRuntime_NewSession_GivesMemoryBack opens and closes many sessions.
func TestRuntime_NewSession_GivesMemoryBack(t *testing.T) {
	rt := modeltest.Runtime(t)
	resident := func() int {
		b, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skip("needs /proc/self/statm")
		}
		pages, err := strconv.Atoi(strings.Fields(string(b))[1])
		if err != nil {
			t.Fatal(err)
		}
		return pages * os.Getpagesize()
	}
	model := matMul()
	in := map[string]onnx.Tensor{"x": onnx.NewTensor(make([]float32, 2<<16), 1<<16, 2)}
	cycle := func(n int) {
		for range n {
			s, err := rt.NewSession(model, onnx.SessionOptions{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Run(context.Background(), in); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Run(context.Background(), nil); err == nil {
				t.Fatal("ran without an input")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := rt.NewSession(model[:40], onnx.SessionOptions{}); err == nil {
				t.Fatal("a cut model was loaded")
			}
		}
		debug.FreeOSMemory()
	}
	cycle(30)
	before := resident()
	cycle(150)
	// Every run makes 1.3 MB of tensors: leaking one kind would be 75 MB or more.
	if grown := resident() - before; grown > 40<<20 {
		t.Errorf("150 sessions left %d MB behind", grown>>20)
	}
}
