//go:build unix

package quantise_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/quantise"
	"coverslip/models/vit"
)

func build(tb testing.TB, c vit.Config) *onnxfile.Model {
	tb.Helper()
	graph, err := vit.Build(c)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := onnxfile.Read(graph)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func open(tb testing.TB, rt *onnx.Runtime, m *onnxfile.Model, threads int) onnx.Model {
	tb.Helper()
	s, err := rt.NewSession(m.Marshal(), onnx.SessionOptions{Threads: threads})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// pictures is a batch of made-up patches: smooth tissue of two colours with
// nuclei and noise, normalised.
func pictures(n, side int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	data := make([]float32, n*3*side*side)
	for i := range n {
		cx, cy, f := r.Float64()*float64(side), r.Float64()*float64(side), 0.05+0.1*r.Float64()
		for c := range 3 {
			for y := range side {
				for x := range side {
					v := math.Sin(f*float64(x)+float64(c))*math.Cos(f*float64(y)) + math.Exp(-((float64(x)-cx)*(float64(x)-cx)+(float64(y)-cy)*(float64(y)-cy))/200)
					data[((i*3+c)*side+y)*side+x] = float32(v + 0.1*r.NormFloat64())
				}
			}
		}
	}
	return data
}

func run(tb testing.TB, s onnx.Model, data []float32, n, side int) [][]float32 {
	tb.Helper()
	out, err := s.Run(tb.Context(), map[string]onnx.Tensor{"pixel_values": onnx.NewTensor(data, int64(n), 3, int64(side), int64(side))})
	if err != nil {
		tb.Fatal(err)
	}
	all, err := onnx.Of[float32](out["embedding"])
	if err != nil {
		tb.Fatal(err)
	}
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = slices.Clone(all[i*len(all)/n : (i+1)*len(all)/n])
		models.Normalise(rows[i])
	}
	return rows
}

var middling = vit.Config{Image: 64, Patch: 16, Dim: 192, Depth: 4, Heads: 3, Hidden: 768, Seed: 2}

func TestInt8_StaysNearAndKnowsNoBatch(t *testing.T) {
	rt := modeltest.Runtime(t)
	m := build(t, middling)
	small, report, err := quantise.Int8(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Products < 4*4 || report.After*100 > report.Before*27 {
		t.Errorf("%+v", report)
	}
	if err := small.Check(); err != nil {
		t.Error(err)
	}
	full, eight := open(t, rt, m, 1), open(t, rt, small, 1)
	const n = 8
	data := pictures(n, 64)
	want, got := run(t, full, data, n, 64), run(t, eight, data, n, 64)
	for i := range want {
		if c := models.Dot(want[i], got[i]); c < 0.995 {
			t.Errorf("patch %d: cosine %.5f", i, c)
		}
	}
	per := 3 * 64 * 64
	for i := range n {
		alone := run(t, eight, data[i*per:(i+1)*per], 1, 64)
		if !slices.Equal(alone[0], got[i]) {
			t.Errorf("patch %d is another alone than in its batch", i)
		}
	}
	// One wild neighbour must not matter.
	wild := slices.Clone(data)
	for i := range per {
		wild[i] *= 1000
	}
	if after := run(t, eight, wild, n, 64); !slices.Equal(after[1], got[1]) {
		t.Error("a neighbour changed a patch")
	}
}

func TestInt8_Zeros(t *testing.T) {
	rt := modeltest.Runtime(t)
	b := onnxfile.NewBuilder("linear")
	x := b.Input("pixel_values", onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(128))
	w := make([]float32, 128*160)
	for i := range w {
		if i%160 != 7 { // a column of zeros
			w[i] = float32(i%13) - 6
		}
	}
	b.Output("embedding", b.Op("MatMul", []string{x, b.Weights("w", w, 128, 160)}), onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(160))
	m, _, err := quantise.Int8(b.Model("test"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, rt, m, 1)
	in := make([]float32, 2*128)
	in[128] = 2 // the first row is zero
	out, err := s.Run(t.Context(), map[string]onnx.Tensor{"pixel_values": onnx.NewTensor(in, 2, 128)})
	if err != nil {
		t.Fatal(err)
	}
	y, err := onnx.Of[float32](out["embedding"])
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range y {
		want := float32(0)
		if i >= 160 {
			want = 2 * w[i-160]
		}
		if d := math.Abs(float64(v - want)); d > 0.06 || math.IsNaN(d) {
			t.Fatalf("output %d is %v, want %v", i, v, want)
		}
	}
}

// TestInt8_ThreeAxes multiplies as torch.onnx writes it: MatMul over patches,
// tokens and numbers, twice of the same rows, in operator sets before and after
// the axes of ReduceMax became an input.
func TestInt8_ThreeAxes(t *testing.T) {
	rt := modeltest.Runtime(t)
	const tokens, in, out = 5, 96, 192
	numbers := pictures(1, 112)
	for _, opset := range []int64{13, 17, 18, 21} {
		b := onnxfile.NewBuilder("three axes")
		x := b.Input("pixel_values", onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(tokens), onnxfile.Fixed(in))
		first := b.Op("MatMul", []string{x, b.Weights("w1", numbers[:in*out], in, out)})
		second := b.Op("MatMul", []string{x, b.Weights("w2", numbers[in*out/2:in*out/2+in*out], in, out)})
		b.Output("embedding", b.Op("Add", []string{first, second}), onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(tokens), onnxfile.Fixed(out))
		m := b.Model("test")
		m.Opsets[0].Version = opset
		small, report, err := quantise.Int8(m, nil)
		if err != nil || report.Products != 2 {
			t.Fatalf("operator set %d: %+v, %v", opset, report, err)
		}
		data := onnx.NewTensor(numbers[:3*tokens*in], 3, tokens, in)
		var got [2]onnx.Tensor
		for i, s := range []onnx.Model{open(t, rt, m, 1), open(t, rt, small, 1)} {
			r, err := s.Run(t.Context(), map[string]onnx.Tensor{"pixel_values": data})
			if err != nil {
				t.Fatalf("operator set %d: %v", opset, err)
			}
			got[i] = r["embedding"]
		}
		if !slices.Equal(got[0].Shape, got[1].Shape) {
			t.Fatalf("operator set %d: the shape %v became %v", opset, got[0].Shape, got[1].Shape)
		}
		want, err1 := onnx.Of[float32](got[0])
		have, err2 := onnx.Of[float32](got[1])
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		models.Normalise(want)
		models.Normalise(have)
		if c := models.Dot(want, have); c < 0.999 {
			t.Errorf("operator set %d: cosine %.5f", opset, c)
		}
	}
	old := build(t, middling)
	old.Opsets[0].Version = 12
	if _, _, err := quantise.Int8(old, nil); err == nil {
		t.Error("operator set 12 was taken")
	}
}

func TestInt8_Refuses(t *testing.T) {
	b := onnxfile.NewBuilder("none")
	b.Output("y", b.Op("Relu", []string{b.Input("x", onnxfile.Float32, onnxfile.Fixed(1))}), onnxfile.Float32, onnxfile.Fixed(1))
	if _, _, err := quantise.Int8(b.Model("test"), nil); !errors.Is(err, quantise.ErrNothing) {
		t.Error(err)
	}
	for name, edit := range map[string]func(w *onnxfile.Tensor){
		"cut":   func(w *onnxfile.Tensor) { w.Raw = w.Raw[:len(w.Raw)-4] },
		"away":  func(w *onnxfile.Tensor) { w.External = &onnxfile.External{Location: "x"} },
		"wrong": func(w *onnxfile.Tensor) { w.Raw = slices.Clone(w.Raw); w.Raw[3], w.Raw[2] = 0x7f, 0xc0 },
	} {
		m := build(t, middling)
		for i := range m.Graph.Initialisers {
			if w := &m.Graph.Initialisers[i]; len(w.Dims) == 2 && w.Dims[0]*w.Dims[1] > 1<<14 {
				edit(w)
			}
		}
		if _, _, err := quantise.Int8(m, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestInt8_SizesThatPeopleUse prints speed and likeness of networks of the size
// of PLIP's and UNI's, in processor time, which other work does not change. It
// takes a minute and is asked for by COVERSLIP_PEERS.
func TestPeers_Int8(t *testing.T) {
	if os.Getenv("COVERSLIP_PEERS") == "" {
		t.Skip("measured by make bench-peers (COVERSLIP_PEERS)")
	}
	rt := modeltest.Runtime(t)
	for _, c := range []vit.Config{
		{Image: 224, Patch: 16, Dim: 384, Depth: 12, Heads: 6, Hidden: 1536, Seed: 1},
		{Image: 224, Patch: 32, Dim: 768, Depth: 12, Heads: 12, Hidden: 3072, Seed: 1},
		{Image: 224, Patch: 16, Dim: 768, Depth: 12, Heads: 12, Hidden: 3072, Seed: 1},
	} {
		m := build(t, c)
		small, report, err := quantise.Int8(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		full, eight := open(t, rt, m, 1), open(t, rt, small, 1)
		const n = 4
		data := pictures(n, c.Image)
		best := [2]time.Duration{time.Hour, time.Hour}
		var out [2][][]float32
		for range 4 {
			for i, s := range []onnx.Model{full, eight} {
				used := processor(t)
				out[i] = run(t, s, data, n, c.Image)
				best[i] = min(best[i], processor(t)-used)
			}
		}
		worst := float32(1)
		for i := range out[0] {
			worst = min(worst, models.Dot(out[0][i], out[1][i]))
		}
		t.Logf("%d×%d/%d: %.2f times as fast in processor time (%v, %v a batch of %d), worst cosine %.5f, weights %d MB → %d MB", c.Depth, c.Dim, c.Patch,
			float64(best[0])/float64(best[1]), best[0], best[1], n, worst, report.Before>>20, report.After>>20)
	}
}

func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
