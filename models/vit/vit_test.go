package vit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
)

// small is quick for an interpreter and has every part of the large one.
var small = Config{Image: 32, Patch: 8, Dim: 16, Depth: 2, Heads: 2, Hidden: 24, Seed: 42}

func TestBuild_SameBytesEverywhere(t *testing.T) {
	for _, c := range []struct {
		config Config
		sum    string
	}{
		{small, "1587c3b161eb8ce069ad91d9f907048bbaf16d556cdfb2abbc9cea623a1fba35"},
		{Default(1), "b621e03b0a5ed0411379e7c6ddc0bc86d1bd07b17925e1d268af76ebdeb06bbe"},
	} {
		model, err := Build(c.config)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(model)
		if got := hex.EncodeToString(sum[:]); got != c.sum {
			t.Errorf("%+v: the model's sum is %s, want %s: embeddings made before would no longer be recognised", c.config, got, c.sum)
		}
	}
	a, err := Build(Config{Image: 32, Patch: 8, Dim: 16, Depth: 2, Heads: 2, Hidden: 24, Seed: 43})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := Build(small); slices.Equal(a, b) {
		t.Error("the seed does not matter")
	}
}

func TestBuild_IsReadable(t *testing.T) {
	model, err := Build(Default(1))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxfile.Read(model)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	if !slices.Contains(m.Metadata, onnxfile.KeyValue{Key: "coverslip.untrained", Value: "true"}) {
		t.Errorf("the model does not say that it is untrained: %v", m.Metadata)
	}
	for _, n := range m.Graph.Nodes {
		if n.Domain != "" {
			t.Errorf("%s is no basic operator", n.Op)
		}
	}
}

func TestConfig_Check(t *testing.T) {
	for _, c := range []Config{{}, {Image: 224, Patch: 15, Dim: 192, Heads: 3, Hidden: 1}, {Image: 224, Patch: 16, Dim: 190, Heads: 3, Hidden: 1},
		{Image: 224, Patch: 16, Dim: 192, Heads: 0, Hidden: 1}, {Image: 224, Patch: 16, Dim: 192, Heads: 3, Hidden: 0}, {Image: 224, Patch: 14, Dim: 192, Heads: 3, Hidden: 8}} {
		if _, err := Build(c); err == nil {
			t.Errorf("%+v was built", c)
		}
	}
}

// input is a repeatable batch of numbers between -2 and 2.
func input(c Config, n int) onnx.Tensor {
	r := source(7)
	data := make([]float32, n*3*c.Image*c.Image)
	for i := range data {
		data[i] = float32(r.next()>>40)/(1<<22) - 2
	}
	return onnx.NewTensor(data, int64(n), 3, int64(c.Image), int64(c.Image))
}

func run(t *testing.T, rt *onnx.Runtime, c Config, in onnx.Tensor) []float32 {
	t.Helper()
	model, err := Build(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := rt.NewSession(model, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]onnx.Tensor{"pixel_values": in})
	if err != nil {
		t.Fatal(err)
	}
	v, err := onnx.Of[float32](out["embedding"])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// golden is what the reference evaluator of the onnx project (1.23, in numpy)
// computes for the small network, first patch, numbers 0 … 7 and 16 … 23.
var golden = []float32{
	0.04419295, -0.2925743, 0.07181382, 0.4550378, 0.3413389, -0.3402607, 0.2495474, -1.521433,
	0.3329633, 1.112894, 1.819795, 3.672438, 0.532602, 0.804642, 2.660847, 4.625437,
}

func TestBuild_GoldenOfReference(t *testing.T) {
	got := run(t, modeltest.Runtime(t), small, input(small, 2))
	for i, want := range golden {
		at := i
		if i >= 8 {
			at += 8
		}
		if d := math.Abs(float64(got[at] - want)); d > 1e-5 {
			t.Errorf("number %d is %v, the reference has %v", at, got[at], want)
		}
	}
}

const reference = `
import sys, numpy as np, onnx
from onnx.reference import ReferenceEvaluator
d=sys.argv[1]; n,s=int(sys.argv[2]),int(sys.argv[3])
m=onnx.load(d+'/model.onnx'); onnx.checker.check_model(m, full_check=True)
x=np.fromfile(d+'/in',dtype='<f4').reshape(n,3,s,s)
y,=ReferenceEvaluator(m).run(None,{'pixel_values':x})
y.astype('<f4').tofile(d+'/out')
`

func TestBuild_EqualsReference(t *testing.T) {
	rt := modeltest.Runtime(t)
	python := modeltest.Python(t, "onnx", "numpy")
	two := Default(3)
	two.Depth = 2 // the reference takes seconds a block
	for _, c := range []Config{small, two} {
		dir := t.TempDir()
		model, err := Build(c)
		if err != nil {
			t.Fatal(err)
		}
		in := input(c, 2)
		raw, err := binary.Append(nil, binary.LittleEndian, in.Data)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"model.onnx": model, "in": raw} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		python(reference, dir, "2", fmt.Sprint(c.Image))
		out, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		got := run(t, rt, c, in)
		if len(out) != 4*len(got) {
			t.Fatalf("%d numbers, the reference has %d", len(got), len(out)/4)
		}
		worst := 0.0
		for i, v := range got {
			worst = max(worst, math.Abs(float64(v-math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:])))))
		}
		t.Logf("%+v: largest difference %.2g", c, worst)
		if worst > 1e-4 || math.IsNaN(worst) {
			t.Errorf("%+v: largest difference to the reference is %g", c, worst)
		}
	}
}

func TestDemo_SaysThatItIsUntrained(t *testing.T) {
	info := demo(t).Info()
	if !info.Untrained || info.Note != Note || !strings.Contains(info.Name, "untrained") {
		t.Errorf("%+v", info)
	}
	if info.Dim != Default(1).EmbeddingDim() || info.PatchSize != 224 || len(info.Hash) != 64 || info.MPP != 0 {
		t.Errorf("%+v", info)
	}
}

func TestDemo_VectorsDoNotDependOnNeighbours(t *testing.T) {
	e := demo(t)
	var patches []*image.RGBA
	for k := range textures {
		patches = append(patches, texture(k, 100, 5), texture(k, 224, 6))
	}
	all, err := e.Encode(context.Background(), patches)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range patches[:5] {
		one, err := e.Encode(context.Background(), []*image.RGBA{p})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one[0], all[i]) {
			t.Errorf("patch %d has another vector alone than in a batch", i)
		}
	}
}

func BenchmarkDemo_Encode(b *testing.B) {
	e := demo(b)
	for _, size := range []int{224, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var patches []*image.RGBA
			for i := range 32 {
				patches = append(patches, texture(i%len(textures), size, uint64(i)))
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Encode(context.Background(), patches); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(patches))/b.Elapsed().Seconds(), "patches/s")
		})
	}
}
