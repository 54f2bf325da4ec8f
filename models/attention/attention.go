// Package attention shows where in a patch a vision transformer looked: a graph
// with its attention as outputs, joined to the preprocessing of its encoder.
//
// Attention says what a network mixed, not why it decided; layers after it may
// have thrown away what was looked at (S. Jain and B. Wallace, Attention is not
// Explanation, 2019). It is shown as a hint, never as a reason.
package attention

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"

	"coverslip/models"
	"coverslip/models/onnx"
	"coverslip/models/preprocess"
)

// Outputs of the graph, each [n,tokens], tokens row by row over the image.
const (
	Rollout = "attention_rollout" // of all layers together, see models/tower
	Last    = "attention_last"    // of the last layer
)

// ErrNone: the model does not tell its attention.
var ErrNone = errors.New("the model does not tell where it looks")

// Map is how much each square of a patch was looked at.
type Map struct {
	Side    int       // squares a side
	Rollout []float32 // row by row; 1 is as much as even attention would give
	Last    []float32 // the same, of the last layer
	Share   float64   // of the patch's side that the network saw: the middle, when its preprocessing cuts the rim off
}

// Looker tells where a network looks.
type Looker struct {
	session onnx.Model
	prep    *preprocess.Prep
	input   string
	share   float64
}

// New takes over a session with both outputs; ErrNone when it lacks them. On an
// error the session is closed.
func New(session onnx.Model, spec preprocess.Spec) (*Looker, error) {
	l, err := newLooker(session, spec)
	if err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return l, nil
}

func newLooker(session onnx.Model, spec preprocess.Spec) (*Looker, error) {
	prep, err := preprocess.New(spec)
	if err != nil {
		return nil, err
	}
	in := session.Inputs()
	if len(in) != 1 || len(in[0].Shape) != 4 || in[0].Type != onnx.Float32 {
		return nil, fmt.Errorf("attention: %w", ErrNone)
	}
	found := 0
	for _, out := range session.Outputs() {
		if out.Name == Rollout || out.Name == Last {
			found++
		}
	}
	if found != 2 {
		return nil, fmt.Errorf("attention: %w", ErrNone)
	}
	l := &Looker{session: session, prep: prep, input: in[0].Name, share: 1}
	if spec.Resize > spec.Crop {
		l.share = float64(spec.Crop) / float64(spec.Resize)
	}
	return l, nil
}

// Look tells where the network looks in a square patch.
func (l *Looker) Look(ctx context.Context, patch *image.RGBA) (Map, error) {
	if patch == nil || patch.Rect.Empty() || patch.Rect.Dx() != patch.Rect.Dy() {
		return Map{}, fmt.Errorf("attention: %w", models.ErrPatch)
	}
	data := make([]float32, l.prep.Len())
	if err := l.prep.Apply(patch, data); err != nil {
		return Map{}, fmt.Errorf("attention: %w", err)
	}
	side := int64(l.prep.Spec().Crop)
	shape := []int64{1, 3, side, side}
	if l.prep.Spec().NHWC {
		shape = []int64{1, side, side, 3}
	}
	out, err := l.session.RunOutputs(ctx, map[string]onnx.Tensor{l.input: onnx.NewTensor(data, shape...)}, []string{Rollout, Last})
	if err != nil {
		return Map{}, err
	}
	m := Map{Share: l.share}
	for name, into := range map[string]*[]float32{Rollout: &m.Rollout, Last: &m.Last} {
		values, err := onnx.Of[float32](out[name])
		if err != nil {
			return Map{}, fmt.Errorf("attention: %w", err)
		}
		n := int(math.Round(math.Sqrt(float64(len(values)))))
		if n < 1 || n*n != len(values) || m.Side != 0 && m.Side != n {
			return Map{}, fmt.Errorf("attention: the output %s has the shape %v, no square", name, out[name].Shape)
		}
		m.Side = n
		if *into, err = relative(values); err != nil {
			return Map{}, fmt.Errorf("attention: the output %s: %w", name, err)
		}
	}
	return m, nil
}

// relative scales shares so that 1 is what even attention over the squares gives.
func relative(shares []float32) ([]float32, error) {
	sum := 0.0
	for _, v := range shares {
		sum += float64(v)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return nil, errors.New("no numbers (all zero, NaN or infinite)")
	}
	out := make([]float32, len(shares))
	for i, v := range shares {
		out[i] = float32(float64(v) * float64(len(shares)) / sum)
	}
	return out, nil
}

// Close closes the session.
func (l *Looker) Close() error { return l.session.Close() }
