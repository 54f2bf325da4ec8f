// Package encoder joins a loaded model to its preprocessing: an Encoder.
package encoder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"coverslip/models"
	"coverslip/models/onnx"
	"coverslip/models/preprocess"
)

// Pooling is how a sequence of token vectors becomes one embedding.
type Pooling string

// Poolings of models with an output of shape patches × tokens × numbers.
const (
	PoolNone      Pooling = ""           // the output is an embedding already
	PoolFirst     Pooling = "first"      // the first token (CLS)
	PoolMean      Pooling = "mean"       // the mean of all tokens
	PoolFirstMean Pooling = "first+mean" // the first token, then the mean of the others
)

// Options of New.
type Options struct {
	Name, Architecture string
	ModelHash          string // sha256 of the model file(s), hex
	MPP                float64
	Untrained          bool
	Note, License      string
	Prep               preprocess.Spec
	Input, Output      string  // names; empty = the only one that fits
	Pool               Pooling // for outputs of tokens
	Patch              int     // side of the square cut from the slide, pixels at MPP; 0 = what Prep resizes to
	Pair               string  // see models.EncoderInfo
	Dim                int     // length of an embedding where the caller knows it for sure; 0 has the model run once to learn it
	Batch              int     // patches a run; 0 = 8. Must be 1 for models quantised while they run, whose vectors depend on their neighbours
}

// defaultBatch is where a processor gains nothing more from larger ones.
const defaultBatch = 8

// Encoder is a models.Encoder over an ONNX session.
type Encoder struct {
	session onnx.Model
	prep    *preprocess.Prep
	info    models.EncoderInfo
	input   onnx.ValueInfo
	output  onnx.ValueInfo
	pool    Pooling
	batch   atomic.Int32
	fixed   bool          // the model takes exactly batch patches, no fewer
	alone   bool          // the model takes one patch a run, or its vectors change with their neighbours
	turn    chan struct{} // holds one token: one run at a time has all the threads
	buffers sync.Pool     // of *[]float32, inputs of runs that are over
}

var _ models.Encoder = (*Encoder)(nil)

// New checks that session is an encoder as o describes it, runs it once on a
// grey patch unless o.Dim is what its output says too, and takes it over: the
// encoder's Close closes it. On an error the session stays the caller's.
func New(ctx context.Context, session onnx.Model, o Options) (*Encoder, error) {
	prep, err := preprocess.New(o.Prep)
	if err != nil {
		return nil, err
	}
	e := &Encoder{session: session, prep: prep, pool: o.Pool, alone: o.Batch == 1, turn: make(chan struct{}, 1)}
	if o.Batch <= 0 {
		o.Batch = defaultBatch
	}
	e.batch.Store(int32(o.Batch))
	if e.input, err = choose("input", session.Inputs(), o.Input, isImage); err != nil {
		return nil, err
	}
	if len(session.Inputs()) > 1 {
		return nil, fmt.Errorf("encoder: the model has %d inputs (%s); an encoder has one, the image", len(session.Inputs()), list(session.Inputs()))
	}
	if e.output, err = choose("output", session.Outputs(), o.Output, isVector); err != nil {
		return nil, err
	}
	if err := e.checkInput(); err != nil {
		return nil, err
	}
	spec := prep.Spec()
	sum := sha256.Sum256([]byte(strings.Join([]string{o.ModelHash, spec.ID(), e.output.Name, string(o.Pool)}, "\n")))
	e.info = models.EncoderInfo{Name: o.Name, Architecture: o.Architecture, Hash: hex.EncodeToString(sum[:]),
		PatchSize: spec.Crop, MPP: o.MPP, Untrained: o.Untrained, Note: o.Note, License: o.License, Preprocess: spec.ID(), Pair: o.Pair}
	if spec.Resize > 0 {
		e.info.PatchSize = spec.Resize
	}
	if o.Patch > 0 {
		e.info.PatchSize = o.Patch
	}
	if shape := e.output.Shape; o.Dim > 0 && o.Pool == PoolNone && len(shape) == 2 && shape[1] == int64(o.Dim) {
		e.info.Dim = o.Dim
		return e, nil
	}
	if e.info.Dim, err = e.learnDim(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// learnDim runs the model on a plain grey patch.
func (e *Encoder) learnDim(ctx context.Context) (int, error) {
	grey := image.NewRGBA(image.Rect(0, 0, e.info.PatchSize, e.info.PatchSize))
	for i := range grey.Pix {
		grey.Pix[i] = 160
	}
	trial, err := e.Encode(ctx, []*image.RGBA{grey})
	if err != nil {
		return 0, fmt.Errorf("encoder: the model fails on a plain grey patch: %w", err)
	}
	return len(trial[0]), nil
}

func list(infos []onnx.ValueInfo) string {
	s := make([]string, len(infos))
	for i, v := range infos {
		s[i] = v.String()
	}
	return strings.Join(s, ", ")
}

func isImage(v onnx.ValueInfo) bool {
	return len(v.Shape) == 4 && (v.Type == onnx.Float32 || v.Type == onnx.Uint8)
}

func isVector(v onnx.ValueInfo) bool {
	return v.Type == onnx.Float32 || v.Type == onnx.Float16
}

// choose finds a value by name, or the one that fits when no name is given.
func choose(what string, infos []onnx.ValueInfo, name string, fits func(onnx.ValueInfo) bool) (onnx.ValueInfo, error) {
	var found []onnx.ValueInfo
	for _, v := range infos {
		if v.Name == name && name != "" {
			if !fits(v) {
				return v, fmt.Errorf("encoder: the %s %s cannot be used", what, v)
			}
			return v, nil
		}
		if fits(v) {
			found = append(found, v)
		}
	}
	switch {
	case name != "":
		return onnx.ValueInfo{}, fmt.Errorf("encoder: the model has no %s %q; it has %s", what, name, list(infos))
	case len(found) == 0:
		return onnx.ValueInfo{}, fmt.Errorf("encoder: no %s of the model fits an encoder; it has %s", what, list(infos))
	case len(found) > 1:
		return onnx.ValueInfo{}, fmt.Errorf("encoder: several %ss fit, name one: %s", what, list(found))
	}
	return found[0], nil
}

// checkInput compares the model's input with the preprocessing.
func (e *Encoder) checkInput() error {
	spec := e.prep.Spec()
	want := []int64{-1, 3, int64(spec.Crop), int64(spec.Crop)}
	if spec.NHWC {
		want = []int64{-1, int64(spec.Crop), int64(spec.Crop), 3}
	}
	for i, w := range want {
		if have := e.input.Shape[i]; w >= 0 && have >= 0 && have != w {
			return fmt.Errorf("encoder: the model's input is %s, the preprocessing makes %v", e.input, want)
		}
	}
	if n := e.input.Shape[0]; n > 0 {
		if n > 256 {
			return fmt.Errorf("encoder: the model takes %d patches at once", n)
		}
		e.batch.Store(int32(n))
		e.fixed = true
	}
	return nil
}

// Info implements models.Encoder.
func (e *Encoder) Info() models.EncoderInfo { return e.info }

// Close implements models.Encoder; it waits for calls in progress.
func (e *Encoder) Close() error { return e.session.Close() }

// Encode implements models.Encoder. While one batch is in the network the
// next is being prepared, also that of another call: two goroutines that take
// turns in calling keep the network busy all the time.
func (e *Encoder) Encode(ctx context.Context, patches []*image.RGBA) ([][]float32, error) {
	for i, p := range patches {
		if p == nil || p.Rect.Empty() || p.Rect.Dx() != p.Rect.Dy() {
			return nil, fmt.Errorf("encoder: patch %d of %d: %w", i, len(patches), models.ErrPatch)
		}
	}
	out := make([][]float32, 0, len(patches))
	type prepared struct {
		tensor onnx.Tensor
		n      int
		err    error
	}
	ready := make(chan prepared)
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(ready)
		for chunk := range slices.Chunk(patches, int(e.batch.Load())) {
			t, err := e.prepare(chunk)
			select {
			case ready <- prepared{t, len(chunk), err}:
			case <-done:
				return
			}
		}
	}()
	for p := range ready {
		if p.err != nil {
			return nil, p.err
		}
		res, err := e.run(ctx, p.tensor)
		if errors.Is(err, onnx.ErrClosed) {
			return nil, fmt.Errorf("encoder: %w", models.ErrClosed)
		}
		if err != nil {
			return nil, err
		}
		vectors, err := e.vectors(res[e.output.Name], p.n)
		if err != nil {
			return nil, err
		}
		out = append(out, vectors...)
	}
	return out, nil
}

// prepare fills the input for one batch, patches in parallel.
func (e *Encoder) prepare(patches []*image.RGBA) (onnx.Tensor, error) {
	n, size := len(patches), e.prep.Len()
	if e.fixed {
		n = int(e.batch.Load())
	}
	data := e.buffer(n * size)
	errs := make([]error, len(patches))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, p := range patches {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			errs[i] = e.prep.Apply(p, data[i*size:(i+1)*size])
		}()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return onnx.Tensor{}, err
	}
	side := int64(e.prep.Spec().Crop)
	shape := []int64{int64(n), 3, side, side}
	if e.prep.Spec().NHWC {
		shape = []int64{int64(n), side, side, 3}
	}
	if e.input.Type == onnx.Uint8 {
		return onnx.NewTensor(bytes(data), shape...), nil
	}
	return onnx.NewTensor(data, shape...), nil
}

// bytes rounds prepared numbers for a model that takes bytes.
func bytes(data []float32) []uint8 {
	out := make([]uint8, len(data))
	for i, v := range data {
		out[i] = uint8(min(max(math.Round(float64(v)), 0), 255))
	}
	return out
}

// vectors cuts an output of n or more rows into n embeddings of length one.
func (e *Encoder) vectors(t onnx.Tensor, n int) ([][]float32, error) {
	data, err := floats(t)
	if err != nil {
		return nil, err
	}
	rows := n
	if e.fixed {
		rows = int(e.batch.Load())
	}
	if len(t.Shape) < 2 || t.Shape[0] != int64(rows) || len(data) == 0 {
		return nil, fmt.Errorf("encoder: the output %s has the shape %v for %d patches", e.output.Name, t.Shape, rows)
	}
	per := len(data) / rows
	out := make([][]float32, n)
	for i := range out {
		v, err := e.pooled(data[i*per:(i+1)*per], t.Shape)
		if err != nil {
			return nil, err
		}
		if !models.Normalise(v) {
			return nil, fmt.Errorf("encoder: the model gives no numbers for a patch (all zero, NaN or infinite)")
		}
		out[i] = v
	}
	return out, nil
}

// pooled makes one embedding out of one row of the output.
func (e *Encoder) pooled(row []float32, shape []int64) ([]float32, error) {
	if len(shape) != 3 {
		if e.pool != PoolNone {
			return nil, fmt.Errorf("encoder: pooling %q needs an output of tokens; the output has the shape %v", e.pool, shape)
		}
		if len(shape) == 4 && shape[2]*shape[3] != 1 {
			return nil, fmt.Errorf("encoder: the output %s is a map of shape %v, not an embedding", e.output.Name, shape)
		}
		return slices.Clone(row), nil
	}
	tokens, dim := int(shape[1]), int(shape[2])
	switch {
	case tokens == 1:
		return slices.Clone(row), nil
	case e.pool == PoolFirst:
		return slices.Clone(row[:dim]), nil
	case e.pool == PoolMean:
		return mean(row, dim), nil
	case e.pool == PoolFirstMean:
		return append(slices.Clone(row[:dim]), mean(row[dim:], dim)...), nil
	}
	return nil, fmt.Errorf("encoder: the output %s is %d tokens of %d numbers: say how to pool them (first, mean, first+mean)", e.output.Name, tokens, dim)
}

func mean(tokens []float32, dim int) []float32 {
	sum := make([]float64, dim)
	for i, v := range tokens {
		sum[i%dim] += float64(v)
	}
	out := make([]float32, dim)
	for i, s := range sum {
		out[i] = float32(s / float64(len(tokens)/dim))
	}
	return out
}

func floats(t onnx.Tensor) ([]float32, error) {
	if half, ok := t.Data.([]onnx.Half); ok {
		out := make([]float32, len(half))
		for i, h := range half {
			out[i] = h.Float32()
		}
		return out, nil
	}
	return onnx.Of[float32](t)
}
