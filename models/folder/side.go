package folder

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"coverslip/models/encoder"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/tower"
)

// knownOptions are the encoder's options of a model that a library or the
// catalogue describes.
func (s *source) knownOptions() encoder.Options {
	k := s.known
	o := encoder.Options{Name: k.name, MPP: k.mpp, Patch: k.patch, License: k.license, Prep: k.prep, Note: strings.Join(k.notes, "; ")}
	if k.vision != nil {
		o.Architecture, o.Input, o.Output = k.vision.Architecture, k.vision.Input, k.vision.Output
		o.Dim = k.vision.Dim
		return o
	}
	o.Input = s.imageInput()
	o.Output, o.Pool = s.imageOutput()
	return o
}

// imageInput is the name of the graph's input that takes images, empty when
// it is not to be told.
func (s *source) imageInput() string {
	for _, v := range realInputs(&s.graph.Graph) {
		if len(v.Dims) == 4 {
			return v.Name
		}
	}
	return ""
}

// imageOutput picks the output with the embedding, as exporters name it, and
// how its tokens are pooled.
func (s *source) imageOutput() (string, encoder.Pooling) {
	rank := map[string]int{}
	for _, v := range s.graph.Graph.Outputs {
		rank[v.Name] = len(v.Dims)
	}
	pool := encoder.PoolFirst
	if s.known.listed && s.known.entry.Pool != tower.PoolAuto {
		pool = encoder.Pooling(s.known.entry.Pool)
	}
	_, tokens := rank["last_hidden_state"]
	for _, name := range []string{"image_embeds", "embedding", "embeddings", "features"} {
		if _, ok := rank[name]; ok {
			if rank[name] == 3 {
				return name, pool
			}
			return name, encoder.PoolNone
		}
	}
	if tokens { // transformers' ViT adds a pooler that pathology models were not trained with
		return "last_hidden_state", pool
	}
	if _, ok := rank["pooler_output"]; ok {
		return "pooler_output", encoder.PoolNone
	}
	if len(s.graph.Graph.Outputs) == 1 {
		v := s.graph.Graph.Outputs[0]
		if len(v.Dims) == 3 {
			return v.Name, pool
		}
		return v.Name, encoder.PoolNone
	}
	return "", encoder.PoolNone
}

// side shows one side of a graph that joins images and texts: the other
// side's inputs are fed with something of no consequence.
type side struct {
	onnx.Model
	input []onnx.ValueInfo
	rest  map[string]onnx.Tensor
}

// oneSide is m when it has nothing but the inputs named, else m with the rest
// fed.
func oneSide(m onnx.Model, names ...string) (onnx.Model, error) {
	s := &side{Model: m, rest: map[string]onnx.Tensor{}}
	for _, v := range m.Inputs() {
		if slices.Contains(names, v.Name) {
			s.input = append(s.input, v)
			continue
		}
		t, err := filler(v)
		if err != nil {
			return nil, fmt.Errorf("models/folder: %w", err)
		}
		s.rest[v.Name] = t
	}
	if len(s.rest) == 0 || len(s.input) == 0 {
		return m, nil
	}
	return s, nil
}

// fillerSide is the size taken where an input leaves it open: enough for an
// image, and few tokens.
const fillerSide = 224

func filler(v onnx.ValueInfo) (onnx.Tensor, error) {
	shape := slices.Clone(v.Shape)
	n := int64(1)
	for i, d := range shape {
		switch {
		case d > 0:
		case i == 0:
			shape[i] = 1
		case len(shape) == 4 && i == 1:
			shape[i] = 3
		case len(shape) == 4:
			shape[i] = fillerSide
		default:
			shape[i] = 2
		}
		if n *= shape[i]; n > 1<<26 {
			return onnx.Tensor{}, fmt.Errorf("the input %s is too large", v)
		}
	}
	switch v.Type {
	case onnx.Float32:
		return onnx.NewTensor(make([]float32, n), shape...), nil
	case onnx.Int64:
		ones := make([]int64, n)
		for i := range ones {
			ones[i] = 1
		}
		return onnx.NewTensor(ones, shape...), nil
	}
	return onnx.Tensor{}, fmt.Errorf("the input %s cannot be left out", v)
}

// Inputs implements onnx.Model.
func (s *side) Inputs() []onnx.ValueInfo { return slices.Clone(s.input) }

// Run implements onnx.Model.
func (s *side) Run(ctx context.Context, in map[string]onnx.Tensor) (map[string]onnx.Tensor, error) {
	return s.RunOutputs(ctx, in, nil)
}

// RunOutputs implements onnx.Model.
func (s *side) RunOutputs(ctx context.Context, in map[string]onnx.Tensor, want []string) (map[string]onnx.Tensor, error) {
	all := maps.Clone(s.rest)
	maps.Copy(all, in)
	return s.Model.RunOutputs(ctx, all, want)
}

// textInputs are the names of a graph's inputs that take texts.
func textInputs(m *onnxfile.Model) []string {
	var names []string
	for _, v := range realInputs(&m.Graph) {
		if len(v.Dims) == 2 {
			names = append(names, v.Name)
		}
	}
	return names
}
