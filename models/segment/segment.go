// Package segment outlines what a person points at, by networks of the SAM
// family (Kirillov et al., 2023): an encoder that sees a view once, and a small
// decoder that answers every click.
//
// # Inputs and outputs
//
// As the exporters of Segment Anything and MobileSAM write them. The decoder
// takes image_embeddings, point_coords [1,n,2] and point_labels [1,n] in pixels
// of the encoder's input (1 = on it, 0 = beside it, 2 and 3 = first and second
// corner of a box, -1 = no point), mask_input, has_mask_input and orig_im_size,
// and gives masks [1,m,h,w] as logits and iou_predictions [1,m].
package segment

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

// ErrNoPrompt: nothing was pointed at.
var ErrNoPrompt = errors.New("point at something, or draw a box around it")

// Point is a prompt in pixels of the view.
type Point struct {
	X, Y   float64
	Beside bool // it is not part of what is meant
}

// Prompt is what a person pointed at. A box and points may come together.
type Prompt struct {
	Points []Point
	Box    *image.Rectangle // pixels of the view, half-open; nil = none
}

// Mask is an answer: how much each pixel of the view belongs to what is meant.
type Mask struct {
	Width, Height int
	Logits        []float32 // row by row; above 0 is in
	Score         float64   // overlap with the truth that the model expects of itself, 0 … 1
}

// In tells whether a pixel of the view belongs to what is meant.
func (m *Mask) In(x, y int) bool {
	return x >= 0 && y >= 0 && x < m.Width && y < m.Height && m.Logits[y*m.Width+x] > 0
}

// Options of New.
type Options struct {
	Side int        // pixels of the encoder's input; 0 = as the model states, else 1024
	Mean [3]float32 // of red, green, blue, 0 … 255; zero = ImageNet's
	Std  [3]float32
	Raw  bool // the encoder normalises by itself and takes 0 … 255
}

// sam1 is what Segment Anything was trained with: ImageNet's numbers of bytes.
var sam1 = Options{Side: 1024, Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375}}

// Segmenter answers prompts. It is safe for concurrent use.
type Segmenter struct {
	encoder, decoder onnx.Model
	image            onnx.ValueInfo
	embedding        string // name of the encoder's output
	o                Options
	last             bool // colours are the last of the encoder's dimensions
	batched          bool // the encoder's input has a dimension of pictures
	masks            string
	scores           string
	wants            map[string]onnx.ValueInfo
}

// New checks that two models are a pair and takes them over.
func New(encoder, decoder onnx.Model, o Options) (*Segmenter, error) {
	s := &Segmenter{encoder: encoder, decoder: decoder, o: o, wants: map[string]onnx.ValueInfo{}}
	in, out := encoder.Inputs(), encoder.Outputs()
	if len(in) != 1 || len(out) < 1 || len(in[0].Shape) < 3 || in[0].Type != onnx.Float32 {
		return nil, &models.UnsupportedError{File: "encoder", What: "it does not take one picture", Hint: "choose the image encoder of a SAM-family export"}
	}
	s.image, s.embedding = in[0], out[0].Name
	shape := in[0].Shape
	if s.batched = len(shape) == 4; s.batched {
		shape = shape[1:]
	}
	s.last = shape[2] == 3 && shape[0] != 3
	side := shape[1]
	if !s.last {
		side = shape[2]
	}
	if s.o.Side == 0 && side > 0 {
		s.o.Side = int(side)
	}
	if s.o.Side == 0 {
		s.o.Side = sam1.Side
	}
	if s.o.Side < 16 || s.o.Side > preprocess.MaxSide {
		return nil, &models.UnsupportedError{File: "encoder", What: fmt.Sprintf("its pictures have %d pixels", s.o.Side)}
	}
	if s.o.Mean == ([3]float32{}) && s.o.Std == ([3]float32{}) {
		s.o.Mean, s.o.Std = sam1.Mean, sam1.Std
	}
	for _, v := range decoder.Inputs() {
		s.wants[v.Name] = v
	}
	for _, name := range []string{"image_embeddings", "point_coords", "point_labels"} {
		if _, ok := s.wants[name]; !ok {
			return nil, &models.UnsupportedError{File: "decoder", What: "it has no input " + name, Hint: "choose the mask decoder of a SAM-family export"}
		}
	}
	for _, v := range decoder.Outputs() {
		switch v.Name {
		case "masks":
			s.masks = v.Name
		case "iou_predictions", "iou_pred":
			s.scores = v.Name
		}
	}
	if s.masks == "" || s.scores == "" {
		return nil, &models.UnsupportedError{File: "decoder", What: "it has no outputs masks and iou_predictions"}
	}
	return s, nil
}

// Close closes both models.
func (s *Segmenter) Close() error { return errors.Join(s.encoder.Close(), s.decoder.Close()) }

// View is a picture the encoder has seen.
type View struct {
	s             *Segmenter
	width, height int     // of the picture, pixels
	scale         float64 // pixels of the encoder's input a pixel of the picture
	embedding     onnx.Tensor
}

// See runs the encoder over a picture, once for all prompts on it.
func (s *Segmenter) See(ctx context.Context, img *image.RGBA) (*View, error) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w < 1 || h < 1 {
		return nil, fmt.Errorf("segment: %w", models.ErrPatch)
	}
	v := &View{s: s, width: w, height: h, scale: float64(s.o.Side) / float64(max(w, h))}
	data, err := s.prepare(img, v.scale)
	if err != nil {
		return nil, err
	}
	side := int64(s.o.Side)
	shape := []int64{3, side, side}
	if s.last {
		shape = []int64{side, side, 3}
	}
	if s.batched {
		shape = append([]int64{1}, shape...)
	}
	out, err := s.encoder.RunOutputs(ctx, map[string]onnx.Tensor{s.image.Name: onnx.NewTensor(data, shape...)}, []string{s.embedding})
	if err != nil {
		return nil, err
	}
	v.embedding = out[s.embedding]
	return v, nil
}

// prepare scales the longer side to the input's, bilinear, and fills the rest
// with what normalisation makes of the mean: zero.
func (s *Segmenter) prepare(img *image.RGBA, scale float64) ([]float32, error) {
	side := s.o.Side
	w, h := max(1, int(math.Round(float64(img.Rect.Dx())*scale))), max(1, int(math.Round(float64(img.Rect.Dy())*scale)))
	small, err := preprocess.Resize(img, w, h, preprocess.Bilinear)
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	data := make([]float32, 3*side*side)
	for y := range h {
		for x := range w {
			at := small.PixOffset(x, y)
			for c := range 3 {
				v := float32(small.Pix[at+c])
				if !s.o.Raw {
					v = (v - s.o.Mean[c]) / s.o.Std[c]
				}
				if s.last {
					data[(y*side+x)*3+c] = v
				} else {
					data[(c*side+y)*side+x] = v
				}
			}
		}
	}
	return data, nil
}

// Ask answers a prompt: the mask that the model thinks best of.
func (v *View) Ask(ctx context.Context, p Prompt) (*Mask, error) {
	coords, labels := v.points(p)
	if len(labels) == 0 {
		return nil, ErrNoPrompt
	}
	n := int64(len(labels))
	in := map[string]onnx.Tensor{
		"image_embeddings": v.embedding,
		"point_coords":     onnx.NewTensor(coords, 1, n, 2),
		"point_labels":     onnx.NewTensor(labels, 1, n),
	}
	s := v.s
	for name, t := range map[string]onnx.Tensor{
		"mask_input":     onnx.NewTensor(make([]float32, 256*256), 1, 1, 256, 256),
		"has_mask_input": onnx.NewTensor([]float32{0}, 1),
		"orig_im_size":   onnx.NewTensor([]float32{float32(v.height), float32(v.width)}, 2),
	} {
		if _, ok := s.wants[name]; ok {
			in[name] = t
		}
	}
	out, err := s.decoder.RunOutputs(ctx, in, []string{s.masks, s.scores})
	if err != nil {
		return nil, err
	}
	return v.best(out[s.masks], out[s.scores], p)
}

// points puts a prompt into the encoder's pixels. A prompt without a box ends
// with a point that is none, as the exporters ask.
func (v *View) points(p Prompt) (coords, labels []float32) {
	add := func(x, y float64, label float32) {
		coords = append(coords, float32(x*v.scale), float32(y*v.scale))
		labels = append(labels, label)
	}
	inside := 0
	for _, q := range p.Points {
		if q.Beside {
			add(q.X, q.Y, 0)
		} else {
			add(q.X, q.Y, 1)
			inside++
		}
	}
	if p.Box != nil && !p.Box.Empty() {
		add(float64(p.Box.Min.X), float64(p.Box.Min.Y), 2)
		add(float64(p.Box.Max.X), float64(p.Box.Max.Y), 3)
		return coords, labels
	}
	if inside == 0 {
		return nil, nil
	}
	add(0, 0, -1)
	return coords, labels
}

// best takes the mask of the highest score. Of a single point the first mask is
// left out when there are several: it is meant for many.
func (v *View) best(masks, scores onnx.Tensor, p Prompt) (*Mask, error) {
	logits, err := onnx.Of[float32](masks)
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	each, err := onnx.Of[float32](scores)
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	if len(masks.Shape) != 4 || masks.Shape[0] != 1 || int(masks.Shape[1]) != len(each) || len(each) == 0 {
		return nil, fmt.Errorf("segment: masks of shape %v with %d scores", masks.Shape, len(each))
	}
	h, w := int(masks.Shape[2]), int(masks.Shape[3])
	first := 0
	if len(each) == 4 && len(p.Points) == 1 && p.Box == nil {
		first = 1
	}
	at := first
	for i := first; i < len(each); i++ {
		if each[i] > each[at] {
			at = i
		}
	}
	m := &Mask{Width: w, Height: h, Logits: logits[at*w*h : (at+1)*w*h], Score: float64(each[at])}
	if w == v.width && h == v.height {
		return m, nil
	}
	return v.stretch(m), nil
}

// stretch brings a mask of the decoder's own size, which covers the square input,
// to the size of the view, bilinear.
func (v *View) stretch(m *Mask) *Mask {
	out := &Mask{Width: v.width, Height: v.height, Score: m.Score, Logits: make([]float32, v.width*v.height)}
	fx, fy := v.scale*float64(m.Width)/float64(v.s.o.Side), v.scale*float64(m.Height)/float64(v.s.o.Side)
	for y := range v.height {
		sy := min(max((float64(y)+0.5)*fy-0.5, 0), float64(m.Height-1))
		y0 := int(sy)
		y1, ty := min(y0+1, m.Height-1), float32(sy-float64(y0))
		for x := range v.width {
			sx := min(max((float64(x)+0.5)*fx-0.5, 0), float64(m.Width-1))
			x0 := int(sx)
			x1, tx := min(x0+1, m.Width-1), float32(sx-float64(x0))
			a := m.Logits[y0*m.Width+x0]*(1-tx) + m.Logits[y0*m.Width+x1]*tx
			b := m.Logits[y1*m.Width+x0]*(1-tx) + m.Logits[y1*m.Width+x1]*tx
			out.Logits[y*v.width+x] = a*(1-ty) + b*ty
		}
	}
	return out
}
