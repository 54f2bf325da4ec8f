//go:build unix

package worker_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/vit"
	"coverslip/models/worker"
)

func TestMain(m *testing.M) {
	if worker.IsWorker(os.Args) {
		os.Exit(worker.Main())
	}
	os.Exit(m.Run())
}

// start starts a worker with the machine's library, faults allowed.
func start(t testing.TB, o worker.Options) *worker.Engine {
	t.Helper()
	path, _, err := onnx.Find("")
	if err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	o.Library = path
	o.Environment = append(o.Environment, worker.FaultsEnvironment+"=1")
	e, err := worker.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// small is a network of every kind of part, and an input for it.
func small(t testing.TB, image, dim, depth, batch int) ([]byte, map[string]onnx.Tensor) {
	t.Helper()
	graph, err := vit.Build(vit.Config{Image: image, Patch: 16, Dim: dim, Depth: depth, Heads: 2, Hidden: 2 * dim, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]float32, batch*3*image*image)
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	return graph, map[string]onnx.Tensor{"pixel_values": onnx.NewTensor(data, int64(batch), 3, int64(image), int64(image))}
}

// endless runs for ever.
func endless(t testing.TB) ([]byte, map[string]onnx.Tensor) {
	t.Helper()
	scalar := []onnxfile.Dim{}
	body := onnxfile.Graph{Name: "body",
		Inputs:  []onnxfile.Value{{Name: "i", Type: onnxfile.Int64, Dims: scalar}, {Name: "c", Type: onnxfile.Bool, Dims: scalar}, {Name: "v", Type: onnxfile.Float32, Dims: scalar}},
		Outputs: []onnxfile.Value{{Name: "c2", Type: onnxfile.Bool, Dims: scalar}, {Name: "v2", Type: onnxfile.Float32, Dims: scalar}},
		Nodes:   []onnxfile.Node{{Op: "Identity", Inputs: []string{"c"}, Outputs: []string{"c2"}}, {Op: "Sin", Inputs: []string{"v"}, Outputs: []string{"v2"}}},
	}
	m := onnxfile.Model{IRVersion: 8, Opsets: []onnxfile.Opset{{Version: 17}}, Graph: onnxfile.Graph{Name: "endless",
		Inputs:       []onnxfile.Value{{Name: "x", Type: onnxfile.Float32, Dims: scalar}},
		Outputs:      []onnxfile.Value{{Name: "y", Type: onnxfile.Float32, Dims: scalar}},
		Initialisers: []onnxfile.Tensor{{Name: "yes", Type: onnxfile.Bool, Raw: []byte{1}}},
		Nodes: []onnxfile.Node{{Op: "Loop", Inputs: []string{"", "yes", "x"}, Outputs: []string{"y"},
			Attributes: []onnxfile.Attribute{{Name: "body", Kind: onnxfile.KindGraph, Graph: &body}}}},
	}}
	return m.Marshal(), map[string]onnx.Tensor{"x": onnx.NewTensor([]float32{1})}
}

func floats(t testing.TB, out map[string]onnx.Tensor, name string) []float32 {
	t.Helper()
	f, err := onnx.Of[float32](out[name])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEngine_SameBitsAsInProcess(t *testing.T) {
	rt := modeltest.Runtime(t)
	graph, in := small(t, 64, 32, 2, 3)
	here, err := rt.NewSession(graph, onnx.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	want, err := here.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, pipe := range []bool{false, true} {
		e := start(t, worker.Options{Pipe: pipe})
		if e.Version() != rt.Version() || !slices.Equal(e.Providers(), rt.Providers()) || e.Path() != rt.Path() {
			t.Errorf("the worker says %s %v %s", e.Version(), e.Providers(), e.Path())
		}
		there, err := e.NewSession(graph, onnx.SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := here.Inputs()[0].String(), there.Inputs()[0].String(); a != b {
			t.Errorf("input %s, in the worker %s", a, b)
		}
		got, err := there.Run(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(floats(t, want, "embedding"), floats(t, got, "embedding")) {
			t.Errorf("pipe %v: other numbers", pipe)
		}
		if err := there.Close(); err != nil {
			t.Error(err)
		}
		if _, err := there.Run(context.Background(), in); !errors.Is(err, onnx.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestEngine_EveryType sends each type of element through both ways.
func TestEngine_EveryType(t *testing.T) {
	shared, pipe := start(t, worker.Options{}), start(t, worker.Options{Pipe: true})
	for _, x := range []onnx.Tensor{
		onnx.NewTensor([]float32{1, -2, 3}, 3), onnx.NewTensor([]float64{1, -2, 3}, 3), onnx.NewTensor([]int8{1, -2, 3}, 3),
		onnx.NewTensor([]int16{1, -2, 3}, 3), onnx.NewTensor([]int32{1, -2, 3}, 3), onnx.NewTensor([]int64{1, -2, 3}, 3, 1),
		onnx.NewTensor([]uint8{1, 2, 3}, 3), onnx.NewTensor([]uint16{1, 2, 3}, 3), onnx.NewTensor([]uint32{1, 2, 3}, 3),
		onnx.NewTensor([]uint64{1, 2, 3}, 3), onnx.NewTensor([]bool{true, false, true}, 3), onnx.NewTensor([]onnx.Half{0x3c00, 0, 0x4000}, 3),
		onnx.NewTensor([]int64{7}), onnx.NewTensor([]float32{}, 0, 4),
	} {
		dims := make([]onnxfile.Dim, len(x.Shape))
		for i, d := range x.Shape {
			dims[i] = onnxfile.Dim{Size: d}
		}
		m := onnxfile.Model{IRVersion: 8, Opsets: []onnxfile.Opset{{Version: 17}}, Graph: onnxfile.Graph{Name: "same",
			Inputs:  []onnxfile.Value{{Name: "x", Type: onnxfile.ElementType(x.Type()), Dims: dims}},
			Outputs: []onnxfile.Value{{Name: "y", Type: onnxfile.ElementType(x.Type()), Dims: dims}},
			Nodes:   []onnxfile.Node{{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}}}}
		for _, e := range []*worker.Engine{shared, pipe} {
			s, err := e.NewSession(m.Marshal(), onnx.SessionOptions{})
			if err != nil {
				t.Errorf("%s: %v", x.Type(), err)
				continue
			}
			out, err := s.Run(context.Background(), map[string]onnx.Tensor{"x": x})
			if err != nil {
				t.Errorf("%s: %v", x.Type(), err)
				continue
			}
			if y := out["y"]; y.Type() != x.Type() || !slices.Equal(y.Shape, x.Shape) || string(y.Bytes()) != string(x.Bytes()) {
				t.Errorf("%s %v came back as %s %v", x.Type(), x.Data, y.Type(), y.Data)
			}
		}
	}
	if shared.Starts() != 1 || pipe.Starts() != 1 {
		t.Errorf("%d and %d workers", shared.Starts(), pipe.Starts())
	}
}

// TestEngine_Faults ends the worker in every way there is; what was loaded
// before goes on in the next one.
func TestEngine_Faults(t *testing.T) {
	graph, in := small(t, 32, 8, 1, 1)
	for _, f := range []struct {
		kind string
		is   func(err error) bool
		how  string
	}{
		{"crash", crashed, "SIGSEGV"},
		{"exit", crashed, "exit status 3"},
		{"hang", hung, "no answer within"},
		{"spin", hung, "no answer within"},
		{"noise", nil, ""},
	} {
		t.Run(f.kind, func(t *testing.T) {
			e := start(t, worker.Options{})
			s, err := e.NewSession(graph, onnx.SessionOptions{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			before, err := s.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			err = e.Fault(context.Background(), f.kind, 500*time.Millisecond)
			if f.is != nil && (!f.is(err) || !strings.Contains(err.Error(), f.how)) {
				t.Errorf("told: %v", err)
			}
			after, err := s.Run(context.Background(), in)
			if err != nil {
				t.Fatalf("the next run: %v", err)
			}
			if !slices.Equal(floats(t, before, "embedding"), floats(t, after, "embedding")) {
				t.Error("other numbers after the restart")
			}
			if f.is != nil && e.Starts() != 2 {
				t.Errorf("%d workers", e.Starts())
			}
		})
	}
}

func crashed(err error) bool {
	var e *worker.CrashError
	return errors.As(err, &e)
}

func hung(err error) bool {
	var e *worker.HangError
	return errors.As(err, &e)
}

// TestEngine_Killed kills the process from outside in the middle of a run.
func TestEngine_Killed(t *testing.T) {
	e := start(t, worker.Options{})
	graph, in := endless(t)
	s, err := e.NewSession(graph, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pid := e.PID()
	time.AfterFunc(200*time.Millisecond, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	_, err = s.Run(context.Background(), in)
	if !crashed(err) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("told: %v", err)
	}
	ok, okIn := small(t, 32, 8, 1, 1)
	good, err := e.NewSession(ok, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := good.Run(context.Background(), okIn); err != nil {
		t.Error(err)
	}
}

// TestEngine_Endless: a run that does not end is ended, and after two of them
// the model is not tried again, while others are.
func TestEngine_Endless(t *testing.T) {
	e := start(t, worker.Options{RunLimit: 300 * time.Millisecond})
	graph, in := endless(t)
	s, err := e.NewSession(graph, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Run(context.Background(), in); !hung(err) {
			t.Fatalf("told: %v", err)
		}
	}
	var barred *worker.QuarantineError
	if _, err := s.Run(context.Background(), in); !errors.As(err, &barred) || barred.Crashes != 2 {
		t.Errorf("the third time: %v", err)
	}
	if e.Starts() != 1 {
		t.Errorf("the runtime stopped the run itself, and yet there were %d workers", e.Starts())
	}
}

func TestEngine_Cancel(t *testing.T) {
	e := start(t, worker.Options{})
	graph, in := endless(t)
	s, err := e.NewSession(graph, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the person changed their mind")
	ctx, cancel := context.WithTimeoutCause(context.Background(), 200*time.Millisecond, cause)
	defer cancel()
	begun := time.Now()
	if _, err := s.Run(ctx, in); !errors.Is(err, cause) {
		t.Errorf("told: %v", err)
	}
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("it took %v to stop", d)
	}
	if e.Starts() != 1 {
		t.Error("the worker was ended though it stopped when asked")
	}
}

// TestEngine_Memory: a ceiling makes an error out of what would have taken the
// machine.
func TestEngine_Memory(t *testing.T) {
	if !worker.CanLimitMemory() {
		t.Skip("needs a system that bounds the memory of a process")
	}
	e := start(t, worker.Options{Memory: 700 << 20})
	err := e.Fault(context.Background(), "memory", time.Minute)
	if !crashed(err) || !strings.Contains(err.Error(), "memory") {
		t.Errorf("told: %v", err)
	}
	// A model that asks for 8 GB.
	m := onnxfile.Model{IRVersion: 8, Opsets: []onnxfile.Opset{{Version: 17}}, Graph: onnxfile.Graph{Name: "bomb",
		Inputs:  []onnxfile.Value{{Name: "n", Type: onnxfile.Int64, Dims: []onnxfile.Dim{onnxfile.Fixed(1)}}},
		Outputs: []onnxfile.Value{{Name: "y", Type: onnxfile.Float32, Dims: []onnxfile.Dim{onnxfile.Free("n")}}},
		Nodes:   []onnxfile.Node{{Op: "ConstantOfShape", Inputs: []string{"n"}, Outputs: []string{"y"}}}}}
	s, err := e.NewSession(m.Marshal(), onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(context.Background(), map[string]onnx.Tensor{"n": onnx.NewTensor([]int64{2 << 30}, 1)}); err == nil {
		t.Error("8 GB were given")
	} else {
		t.Log(err)
	}
	if out, err := s.Run(context.Background(), map[string]onnx.Tensor{"n": onnx.NewTensor([]int64{5}, 1)}); err != nil || len(floats(t, out, "y")) != 5 {
		t.Errorf("a modest wish afterwards: %v", err)
	}
}

func TestEngine_Idle(t *testing.T) {
	e := start(t, worker.Options{IdleAfter: 50 * time.Millisecond})
	graph, in := small(t, 32, 8, 1, 1)
	s, err := e.NewSession(graph, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if e.PID() == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if e.PID() != 0 {
		t.Fatal("the worker lives on unused")
	}
	if _, err := s.Run(context.Background(), in); err != nil {
		t.Error(err)
	}
}

// TestEngine_Many runs two models on many goroutines while the worker is killed
// again and again; every error is a crash, and every result right.
func TestEngine_Many(t *testing.T) {
	e := start(t, worker.Options{})
	graph, in := small(t, 32, 8, 1, 2)
	ref, err := e.NewSession(graph, onnx.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	out, err := ref.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := floats(t, out, "embedding")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for g := range 4 {
		// A model of each goroutine's own, or the crashes would bar them all.
		other, otherIn := small(t, 32, 8, 1, 2)
		other = append(other, 0x92, 0x06, byte(1), byte('a'+g)) // an unknown field of protobuf
		s, err := e.NewSession(other, onnx.SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			good := 0
			for {
				select {
				case <-stop:
					if good == 0 {
						t.Error("no run came through")
					}
					return
				default:
				}
				out, err := s.Run(context.Background(), otherIn)
				var barred *worker.QuarantineError
				switch {
				case errors.As(err, &barred):
					return
				case err != nil && !crashed(err):
					t.Error(err)
				case err == nil:
					good++
					if !slices.Equal(floats(t, out, "embedding"), want) {
						t.Error("other numbers")
					}
				}
			}
		}()
	}
	for range 2 {
		time.Sleep(150 * time.Millisecond)
		if pid := e.PID(); pid != 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	}
	time.Sleep(200 * time.Millisecond)
	close(stop)
	wg.Wait()
}

func TestStart_Refuses(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "libonnxruntime.so")
	if err := os.WriteFile(junk, []byte("\x7fELF nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := worker.Start(context.Background(), worker.Options{Library: junk}); err == nil || errors.Is(err, worker.ErrWorker) {
		t.Errorf("a broken library: %v", err)
	}
	if _, err := worker.Start(context.Background(), worker.Options{Library: junk, Program: filepath.Join(dir, "none")}); !errors.Is(err, worker.ErrWorker) {
		t.Errorf("no program: %v", err)
	}
	if _, err := worker.Start(context.Background(), worker.Options{Library: junk, Program: "/bin/echo"}); err == nil {
		t.Error("echo passed for a worker")
	} else {
		t.Log(err)
	}
}

func TestEngine_ProviderFallsBack(t *testing.T) {
	e := start(t, worker.Options{})
	graph, in := small(t, 32, 8, 1, 1)
	if slices.Contains(onnx.Usable(e.Providers()), onnx.CUDA) {
		t.Skip("this library has CUDA")
	}
	var refused *onnx.ProviderError
	if _, err := e.NewSession(graph, onnx.SessionOptions{Provider: onnx.CUDA}); !errors.As(err, &refused) || refused.Provider != onnx.CUDA {
		t.Errorf("without fall-back: %v", err)
	}
	for _, p := range []onnx.Provider{onnx.CUDA, onnx.CoreML, onnx.DirectML, onnx.OpenVINO} {
		s, err := e.NewSession(graph, onnx.SessionOptions{Provider: p, Fallback: true})
		if err != nil {
			t.Error(err)
			continue
		}
		got, note := s.Computed()
		if got != onnx.CPU || !strings.Contains(note, string(p)) {
			t.Errorf("%s: %s, %q", p, got, note)
		}
		if _, err := s.Run(context.Background(), in); err != nil {
			t.Error(err)
		}
	}
}
