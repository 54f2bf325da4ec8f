package encoder

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
)

const side = 4

// build makes a model whose input is images of side×side and whose output is
// what f makes of them. batch is the fixed number of patches, or free.
func build(batch onnxfile.Dim, nhwc bool, f func(b *onnxfile.Builder, x string) (y string, dims []onnxfile.Dim)) []byte {
	b := onnxfile.NewBuilder("test")
	shape := []onnxfile.Dim{batch, onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side)}
	if nhwc {
		shape = []onnxfile.Dim{batch, onnxfile.Fixed(side), onnxfile.Fixed(side), onnxfile.Fixed(3)}
	}
	x := b.Input("x", onnxfile.Float32, shape...)
	y, dims := f(b, x)
	b.Output("y", y, onnxfile.Float32, append([]onnxfile.Dim{batch}, dims...)...)
	return b.Model("test").Marshal()
}

// pixels is an embedding of all numbers of the input.
func pixels(b *onnxfile.Builder, x string) (string, []onnxfile.Dim) {
	return b.Op("Reshape", []string{x, b.Indices(-1, 3*side*side)}), []onnxfile.Dim{onnxfile.Fixed(3 * side * side)}
}

// tokens are the planes of the input: three tokens of side² numbers.
func tokens(b *onnxfile.Builder, x string) (string, []onnxfile.Dim) {
	return b.Op("Reshape", []string{x, b.Indices(0, 3, -1)}), []onnxfile.Dim{onnxfile.Fixed(3), onnxfile.Fixed(side * side)}
}

func session(t *testing.T, rt *onnx.Runtime, model []byte) onnx.Model {
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

func patch(seed int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = byte((i*i + 31*i*seed + 7*seed) % 251)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

// want is the normalised input of a patch, plane by plane.
func want(p *image.RGBA) []float32 {
	var v []float32
	for c := range 3 {
		for i := range side * side {
			v = append(v, float32(p.Pix[4*i+c]))
		}
	}
	return v
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-6 })
}

func unit(v []float32) []float32 {
	models.Normalise(v)
	return v
}

func TestEncoder_Encode_BatchesKeepOrder(t *testing.T) {
	rt := modeltest.Runtime(t)
	var patches []*image.RGBA
	for i := range 11 {
		patches = append(patches, patch(i))
	}
	for name, batch := range map[string]onnxfile.Dim{"free": onnxfile.Free("n"), "one": onnxfile.Fixed(1), "four": onnxfile.Fixed(4)} {
		e, err := New(context.Background(), session(t, rt, build(batch, false, pixels)), Options{Prep: preprocess.Spec{Crop: side, Scale: 1}, Batch: 3})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := e.Encode(context.Background(), patches)
		if err != nil || len(got) != len(patches) {
			t.Fatalf("%s: %d vectors, %v", name, len(got), err)
		}
		for i := range got {
			if !near(got[i], unit(want(patches[i]))) {
				t.Errorf("%s: vector %d is not that of patch %d", name, i, i)
			}
		}
		if none, err := e.Encode(context.Background(), nil); err != nil || len(none) != 0 {
			t.Errorf("%s: no patches: %v, %v", name, none, err)
		}
	}
}

func TestEncoder_Encode_ChannelLast(t *testing.T) {
	rt := modeltest.Runtime(t)
	e, err := New(context.Background(), session(t, rt, build(onnxfile.Free("n"), true, pixels)), Options{Prep: preprocess.Spec{Crop: side, Scale: 1, NHWC: true}})
	if err != nil {
		t.Fatal(err)
	}
	p := patch(1)
	got, err := e.Encode(context.Background(), []*image.RGBA{p})
	if err != nil {
		t.Fatal(err)
	}
	planes := want(p)
	var last []float32
	for i := range side * side {
		last = append(last, planes[i], planes[side*side+i], planes[2*side*side+i])
	}
	if !near(got[0], unit(last)) {
		t.Errorf("got %v", got[0])
	}
}

func TestEncoder_Encode_Pooling(t *testing.T) {
	rt := modeltest.Runtime(t)
	p := patch(2)
	planes := want(p)
	n := side * side
	r, g, b := planes[:n], planes[n:2*n], planes[2*n:]
	average := func(of ...[]float32) []float32 {
		out := make([]float32, n)
		for i := range out {
			for _, v := range of {
				out[i] += v[i] / float32(len(of))
			}
		}
		return out
	}
	hashes := map[string]bool{}
	for pool, w := range map[Pooling][]float32{PoolFirst: slices.Clone(r), PoolMean: average(r, g, b), PoolFirstMean: append(slices.Clone(r), average(g, b)...)} {
		e, err := New(context.Background(), session(t, rt, build(onnxfile.Free("n"), false, tokens)), Options{Prep: preprocess.Spec{Crop: side, Scale: 1}, Pool: pool})
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Encode(context.Background(), []*image.RGBA{p})
		if err != nil || !near(got[0], unit(w)) || e.Info().Dim != len(w) {
			t.Errorf("%s: %v, %v", pool, got, err)
		}
		hashes[e.Info().Hash] = true
	}
	if len(hashes) != 3 {
		t.Error("the hash does not tell poolings apart")
	}
	_, err := New(context.Background(), session(t, rt, build(onnxfile.Free("n"), false, tokens)), Options{Prep: preprocess.Spec{Crop: side}})
	if err == nil || !strings.Contains(err.Error(), "say how to pool") {
		t.Errorf("tokens without pooling: %v", err)
	}
}

func TestEncoder_Encode_Refuses(t *testing.T) {
	rt := modeltest.Runtime(t)
	e, err := New(context.Background(), session(t, rt, build(onnxfile.Free("n"), false, pixels)), Options{Prep: preprocess.Spec{Resize: side}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*image.RGBA{nil, {}, image.NewRGBA(image.Rect(0, 0, 5, 4))} {
		if _, err := e.Encode(context.Background(), []*image.RGBA{patch(1), p}); !errors.Is(err, models.ErrPatch) || !strings.Contains(err.Error(), "patch 1 of 2") {
			t.Errorf("%v: %v", p, err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := e.Encode(ctx, []*image.RGBA{patch(1)}); !errors.Is(err, enough) {
		t.Errorf("cancelled: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(context.Background(), []*image.RGBA{patch(1)}); !errors.Is(err, models.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestEncoder_Encode_Concurrent(t *testing.T) {
	rt := modeltest.Runtime(t)
	e, err := New(context.Background(), session(t, rt, build(onnxfile.Free("n"), false, pixels)), Options{Prep: preprocess.Spec{Resize: side, Scale: 1}, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 20 {
				got, err := e.Encode(context.Background(), []*image.RGBA{patch(g), patch(i), patch(g + i)})
				if err != nil || !near(got[2], unit(want(patch(g+i)))) {
					t.Errorf("%d, %d: %v", g, i, err)
					return
				}
			}
		}()
	}
	wg.Wait()
}

func TestNew_Refuses(t *testing.T) {
	rt := modeltest.Runtime(t)
	two := onnxfile.NewBuilder("two")
	a := two.Input("a", onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side))
	ids := two.Input("ids", onnxfile.Float32, onnxfile.Free("n"))
	two.Output("y", two.Op("Add", []string{two.Op("GlobalAveragePool", []string{a}), two.Op("Reshape", []string{ids, two.Indices(-1, 1, 1, 1)})}), onnxfile.Float32)
	pooledMap := build(onnxfile.Free("n"), false, func(b *onnxfile.Builder, x string) (string, []onnxfile.Dim) {
		return b.Op("Relu", []string{x}), []onnxfile.Dim{onnxfile.Fixed(3), onnxfile.Fixed(side), onnxfile.Fixed(side)}
	})
	ok := build(onnxfile.Free("n"), false, pixels)
	fits := preprocess.Spec{Crop: side}
	for name, c := range map[string]struct {
		model []byte
		o     Options
		want  string
	}{
		"two inputs":    {two.Model("test").Marshal(), Options{Prep: fits}, "2 inputs"},
		"map":           {pooledMap, Options{Prep: fits}, "not an embedding"},
		"size":          {ok, Options{Prep: preprocess.Spec{Crop: 8}}, "the preprocessing makes"},
		"layout":        {ok, Options{Prep: preprocess.Spec{Crop: side, NHWC: true}}, "the preprocessing makes"},
		"preprocessing": {ok, Options{}, "crop to 0"},
		"input":         {ok, Options{Prep: fits, Input: "image"}, `no input "image"`},
		"output":        {ok, Options{Prep: fits, Output: "z"}, `no output "z"`},
		"pool":          {ok, Options{Prep: fits, Pool: PoolMean}, "needs an output of tokens"},
		"batch":         {build(onnxfile.Fixed(1000), false, pixels), Options{Prep: fits}, "1000 patches at once"},
	} {
		if _, err := New(context.Background(), session(t, rt, c.model), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
