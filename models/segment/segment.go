// Package segment outlines what a person points at, by networks of the SAM
// family (Kirillov et al., 2023): an encoder that sees a view once, and a small
// decoder that answers every click.
//
// # Inputs and outputs
//
// Three families of exports are taken, told apart by the names of the decoder's
// inputs. Points are in pixels of the encoder's input; labels are 1 = on it, 0 =
// beside it, 2 and 3 = first and second corner of a box, -1 = no point.
//
//   - Segment Anything and MobileSAM: image_embeddings, point_coords [1,n,2],
//     point_labels [1,n], mask_input, has_mask_input, orig_im_size; answers masks
//     [1,m,h,w] as logits, iou_predictions [1,m], and perhaps low_res_masks.
//   - SAM 2: the same, with image_embed and high_res_feats_… of the encoder.
//   - transformers: input_points [1,1,n,2], input_labels [1,1,n], image_embeddings,
//     image_positional_embeddings, perhaps input_boxes [1,1,4]; answers pred_masks
//     [1,1,m,h,w] and iou_scores [1,1,m].
//
// Whatever the encoder gives under a name that the decoder takes is passed on.
package segment

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"math"
	"slices"

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
	passed           map[string]string // names of the decoder's inputs by those of the encoder's outputs
	o                Options
	last             bool // colours are the last of the encoder's dimensions
	batched          bool // the encoder's input has a dimension of pictures
	family           family
	masks            string
	scores           string
	wants            map[string]onnx.ValueInfo
	info             Info
	note             string
}

// family is how a decoder names what it takes.
type family struct {
	points, labels, boxes string
	masks, scores         []string // in the order they are wished for
	nested                bool     // a dimension more, as transformers has it
}

var families = [...]family{
	{points: "point_coords", labels: "point_labels", masks: []string{"low_res_masks", "masks"}, scores: []string{"iou_predictions", "iou_pred"}},
	{points: "input_points", labels: "input_labels", boxes: "input_boxes", masks: []string{"pred_masks"}, scores: []string{"iou_scores"}, nested: true},
}

// New checks that two models are a pair and takes them over.
func New(encoder, decoder onnx.Model, o Options) (*Segmenter, error) {
	s := &Segmenter{encoder: encoder, decoder: decoder, o: o, wants: map[string]onnx.ValueInfo{}, passed: map[string]string{}}
	if err := s.readEncoder(); err != nil {
		return nil, err
	}
	return s, s.readDecoder()
}

func (s *Segmenter) readEncoder() error {
	in, out := s.encoder.Inputs(), s.encoder.Outputs()
	if len(in) != 1 || len(out) < 1 || len(in[0].Shape) < 3 || len(in[0].Shape) > 4 || in[0].Type != onnx.Float32 && in[0].Type != onnx.Uint8 {
		return &models.UnsupportedError{File: "encoder", What: "it does not take one picture", Hint: "choose the image encoder of a SAM-family export"}
	}
	s.image = in[0]
	shape := in[0].Shape
	if s.batched = len(shape) == 4; s.batched {
		shape = shape[1:]
	}
	s.last = shape[2] == 3 && shape[0] != 3
	side := shape[1]
	if !s.last {
		side = shape[2]
	}
	if side > 0 && s.o.Side > 0 && int64(s.o.Side) != side {
		return &models.UnsupportedError{File: "encoder", What: fmt.Sprintf("its pictures have %d pixels, its settings say %d", side, s.o.Side)}
	}
	if side > 0 {
		s.o.Side = int(side)
	}
	if s.o.Side == 0 {
		s.o.Side = sam1.Side
	}
	if s.o.Side < 16 || s.o.Side > preprocess.MaxSide {
		return &models.UnsupportedError{File: "encoder", What: fmt.Sprintf("its pictures have %d pixels", s.o.Side)}
	}
	if s.o.Mean == ([3]float32{}) && s.o.Std == ([3]float32{}) {
		s.o.Mean, s.o.Std = sam1.Mean, sam1.Std
		// Exporters that put the normalisation into the graph take the picture as
		// programs hold it: one, with its colours last.
		if s.last && !s.batched || s.image.Type == onnx.Uint8 {
			s.o.Raw = true
			s.note = "it is taken to normalise colours by itself, from the shape of its input"
		}
	}
	return nil
}

func (s *Segmenter) readDecoder() error {
	for _, v := range s.decoder.Inputs() {
		s.wants[v.Name] = v
	}
	for _, f := range families {
		if _, ok := s.wants[f.points]; ok {
			s.family = f
		}
	}
	if _, ok := s.wants[s.family.labels]; !ok || s.family.points == "" {
		return &models.UnsupportedError{File: "decoder", What: "it has no inputs for points and their labels", Hint: "choose the mask decoder of a SAM-family export"}
	}
	find := func(names []string) string {
		for _, name := range names {
			if slices.ContainsFunc(s.decoder.Outputs(), func(v onnx.ValueInfo) bool { return v.Name == name }) {
				return name
			}
		}
		return ""
	}
	if s.masks, s.scores = find(s.family.masks), find(s.family.scores); s.masks == "" || s.scores == "" {
		return &models.UnsupportedError{File: "decoder", What: fmt.Sprintf("it has no outputs %s and %s", s.family.masks[0], s.family.scores[0])}
	}
	own := []string{s.family.points, s.family.labels, s.family.boxes, "mask_input", "has_mask_input", "orig_im_size"}
	for _, out := range s.encoder.Outputs() {
		if _, ok := s.wants[out.Name]; ok {
			s.passed[out.Name] = out.Name
		}
	}
	for name := range s.wants {
		if slices.Contains(own, name) || s.passed[name] != "" {
			continue
		}
		if len(s.passed) > 0 || len(s.encoder.Outputs()) != 1 { // one of one may have another name
			return &models.UnsupportedError{File: "decoder", What: fmt.Sprintf("it takes %q, which the encoder does not give", name), Hint: "choose an encoder and a decoder of one export"}
		}
		s.passed[s.encoder.Outputs()[0].Name] = name
	}
	if len(s.passed) == 0 {
		return &models.UnsupportedError{File: "decoder", What: "it takes nothing that the encoder gives"}
	}
	return nil
}

// Info is what goes with everything outlined; empty unless Open made it.
func (s *Segmenter) Info() Info { return s.info }

// Side is the longer side of the picture that the encoder sees, pixels: more
// detail is lost on it.
func (s *Segmenter) Side() int { return s.o.Side }

// Close closes both models.
func (s *Segmenter) Close() error { return errors.Join(s.encoder.Close(), s.decoder.Close()) }

// View is a picture the encoder has seen.
type View struct {
	s             *Segmenter
	width, height int                    // of the picture, pixels
	scale         float64                // pixels of the encoder's input a pixel of the picture
	embedding     map[string]onnx.Tensor // by the names of the decoder's inputs
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
	in := onnx.NewTensor(data, shape...)
	if s.image.Type == onnx.Uint8 {
		in = onnx.NewTensor(rounded8(data), shape...)
	}
	names := slices.Sorted(maps.Keys(s.passed))
	out, err := s.encoder.RunOutputs(ctx, map[string]onnx.Tensor{s.image.Name: in}, names)
	if err != nil {
		return nil, err
	}
	v.embedding = map[string]onnx.Tensor{}
	for _, name := range names {
		v.embedding[s.passed[name]] = out[name]
	}
	return v, nil
}

func rounded8(data []float32) []uint8 {
	out := make([]uint8, len(data))
	for i, v := range data {
		out[i] = uint8(min(max(math.Round(float64(v)), 0), 255))
	}
	return out
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
	in, err := v.inputs(p)
	if err != nil {
		return nil, err
	}
	out, err := v.s.decoder.RunOutputs(ctx, in, []string{v.s.masks, v.s.scores})
	if err != nil {
		return nil, err
	}
	return v.best(out[v.s.masks], out[v.s.scores], p)
}

// inputs is a prompt as the decoder takes it.
func (v *View) inputs(p Prompt) (map[string]onnx.Tensor, error) {
	s := v.s
	_, boxes := s.wants[s.family.boxes]
	coords, labels := v.points(p, s.family.nested)
	if len(labels) == 0 && !(boxes && p.Box != nil && !p.Box.Empty()) {
		return nil, ErrNoPrompt
	}
	n := int64(len(labels))
	in := maps.Clone(v.embedding)
	if s.family.nested {
		in[s.family.points] = onnx.NewTensor(coords, 1, 1, n, 2)
		in[s.family.labels] = s.whole(s.family.labels, labels, 1, 1, n)
		if boxes {
			var corners []float32
			if b := p.Box; b != nil && !b.Empty() {
				corners = []float32{float32(float64(b.Min.X) * v.scale), float32(float64(b.Min.Y) * v.scale), float32(float64(b.Max.X) * v.scale), float32(float64(b.Max.Y) * v.scale)}
			}
			in[s.family.boxes] = onnx.NewTensor(corners, 1, int64(len(corners)/4), 4)
		}
		return in, nil
	}
	in[s.family.points] = onnx.NewTensor(coords, 1, n, 2)
	in[s.family.labels] = s.whole(s.family.labels, labels, 1, n)
	side := int64(256)
	if w, ok := s.wants["mask_input"]; ok {
		if len(w.Shape) == 4 && w.Shape[3] > 0 && w.Shape[3] <= 4096 {
			side = w.Shape[3]
		}
		in["mask_input"] = onnx.NewTensor(make([]float32, side*side), 1, 1, side, side)
	}
	if _, ok := s.wants["has_mask_input"]; ok {
		in["has_mask_input"] = s.whole("has_mask_input", []float32{0}, 1)
	}
	if _, ok := s.wants["orig_im_size"]; ok {
		in["orig_im_size"] = s.whole("orig_im_size", []float32{float32(v.height), float32(v.width)}, 2)
	}
	return in, nil
}

// whole makes a tensor of whole numbers of the type that an input takes.
func (s *Segmenter) whole(name string, data []float32, shape ...int64) onnx.Tensor {
	switch s.wants[name].Type {
	case onnx.Int64:
		out := make([]int64, len(data))
		for i, x := range data {
			out[i] = int64(x)
		}
		return onnx.NewTensor(out, shape...)
	case onnx.Int32:
		out := make([]int32, len(data))
		for i, x := range data {
			out[i] = int32(x)
		}
		return onnx.NewTensor(out, shape...)
	}
	return onnx.NewTensor(data, shape...)
}

// points puts a prompt into the encoder's pixels. A prompt without a box ends
// with a point that is none, as the exporters of Segment Anything ask. transformers
// adds that itself, and takes boxes apart; where it takes none, a box is the point
// in its middle.
func (v *View) points(p Prompt, nested bool) (coords, labels []float32) {
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
	box := p.Box != nil && !p.Box.Empty()
	_, apart := v.s.wants[v.s.family.boxes]
	switch {
	case box && nested && apart:
		return coords, labels
	case box && nested:
		add(float64(p.Box.Min.X+p.Box.Max.X)/2, float64(p.Box.Min.Y+p.Box.Max.Y)/2, 1)
		return coords, labels
	case box:
		add(float64(p.Box.Min.X), float64(p.Box.Min.Y), 2)
		add(float64(p.Box.Max.X), float64(p.Box.Max.Y), 3)
		return coords, labels
	case inside == 0:
		return nil, nil
	}
	if !nested {
		add(0, 0, -1)
	}
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
	shape := masks.Shape
	if v.s.family.nested && len(shape) == 5 && shape[1] == 1 {
		shape = append([]int64{shape[0]}, shape[2:]...)
	}
	if len(shape) != 4 || shape[0] != 1 || int(shape[1]) != len(each) || len(each) == 0 {
		return nil, fmt.Errorf("segment: masks of shape %v with %d scores", masks.Shape, len(each))
	}
	h, w := int(shape[2]), int(shape[3])
	if h < 1 || w < 1 || len(logits) != h*w*len(each) {
		return nil, fmt.Errorf("segment: masks of shape %v hold %d numbers", masks.Shape, len(logits))
	}
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
	if v.s.masks == "masks" && w == v.width && h == v.height {
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
