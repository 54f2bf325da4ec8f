package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coverslip/models"
	"coverslip/models/onnx"
)

// Parts are the graphs of a model. Encoder is nil when First takes the picture
// itself; Next is nil when First does all.
type Parts struct {
	Encoder onnx.Model // pixel_values to the tokens of the picture
	First   onnx.Model // reads a whole text
	Next    onnx.Model // reads its last token and the cache; nil = First does, or there is no cache
}

// Close closes all of them.
func (p Parts) Close() error {
	var err error
	for _, m := range []onnx.Model{p.Encoder, p.First, p.Next} {
		if m != nil {
			err = errors.Join(err, m.Close())
		}
	}
	return err
}

// Names that exporters give inputs of decoders.
const (
	pastPrefix = "past_key_values."
	useCache   = "use_cache_branch"
	logitsName = "logits"
)

// kinds of a decoder's inputs.
func isPast(name string) bool { return strings.HasPrefix(name, pastPrefix) }

// pastOf is the name of the input that takes what an output gave; "" when the
// output is no cache. Exporters write present.N.… and present_key_values.N.….
func pastOf(output string) string {
	if !strings.HasPrefix(output, "present") {
		return ""
	}
	_, rest, ok := strings.Cut(output, ".")
	if !ok {
		return ""
	}
	return pastPrefix + rest
}

// decoder is one graph that gives scores of the next token.
type decoder struct {
	model  onnx.Model
	inputs map[string]onnx.ValueInfo
	ids    string
	past   []string // inputs that take the cache
	caches bool     // it gives a cache
	merged bool     // it takes use_cache_branch
	length int      // every text is filled up to so many tokens; 0 = as long as it is
	scores string   // output
	wants  []string // outputs: scores and the cache
}

// newDecoder reads the names of a decoder. given are the names of what is known
// of the picture.
func newDecoder(m onnx.Model, what string, given []string) (*decoder, error) {
	d := &decoder{model: m, inputs: map[string]onnx.ValueInfo{}}
	for _, v := range m.Inputs() {
		d.inputs[v.Name] = v
		switch {
		case v.Name == "input_ids" || v.Name == "decoder_input_ids" || v.Name == "text":
			d.ids = v.Name
			if len(v.Shape) == 2 && v.Shape[1] > 1 {
				d.length = int(v.Shape[1])
			}
		case isPast(v.Name):
			if len(v.Shape) != 4 || v.Type != onnx.Float32 && v.Type != onnx.Float16 {
				return nil, &models.UnsupportedError{File: what, What: fmt.Sprintf("its cache %s is not of a kind that is known", v)}
			}
			d.past = append(d.past, v.Name)
		case v.Name == useCache:
			d.merged = true
		case slices.Contains([]string{"attention_mask", "decoder_attention_mask", "encoder_attention_mask", "position_ids", "cache_position"}, v.Name):
		case slices.Contains(given, v.Name):
		default:
			return nil, &models.UnsupportedError{File: what, What: fmt.Sprintf("it has an input %s that is not known", v)}
		}
	}
	if d.ids == "" || d.inputs[d.ids].Type != onnx.Int64 {
		return nil, &models.UnsupportedError{File: what, What: "it has no input_ids: it is not a decoder of texts"}
	}
	for _, v := range m.Outputs() {
		switch p := pastOf(v.Name); {
		case v.Name == logitsName || d.scores == "" && (v.Name == "scores" || v.Name == "output"):
			d.scores = v.Name
		case p != "":
			d.caches = true
			d.wants = append(d.wants, v.Name)
		}
	}
	if d.scores == "" {
		return nil, &models.UnsupportedError{File: what, What: "it has no output logits: it is not a decoder of texts"}
	}
	d.wants = append(d.wants, d.scores)
	return d, nil
}

// writer is one run of a decoder over growing texts.
type writer struct {
	first, next *decoder // next may be first, or nil
	picture     map[string]onnx.Tensor
	cached      bool
	cache       map[string]onnx.Tensor // by the name of the input that takes it
	ahead       int64                  // tokens of the picture, for its mask
	pad         int64                  // fills texts up
}

// step implements stepper.
func (w *writer) step(ctx context.Context, texts [][]int64, order []int) ([][]float32, error) {
	d, tail := w.first, 0 // tokens that the cache holds
	if w.cached && order != nil {
		d, tail = w.next, len(texts[0])-1
		if err := w.reorder(order); err != nil {
			return nil, err
		}
	}
	in, err := w.inputs(d, texts, tail)
	if err != nil {
		return nil, err
	}
	out, err := d.model.RunOutputs(ctx, in, d.wants)
	if err != nil {
		return nil, err
	}
	if w.cached {
		w.keep(d, out, tail > 0)
	}
	last := -1
	if s := out[d.scores].Shape; d.length > 0 && len(s) == 3 {
		last = len(texts[0]) - 1 + max(int(s[1])-d.length, 0) // those of the picture come first
	}
	return rowsAt(out[d.scores], len(texts), last)
}

// keep takes over the cache. What a later step does not give anew, the part
// that rests on the picture alone, stays; a merged decoder gives it empty then.
func (w *writer) keep(d *decoder, out map[string]onnx.Tensor, later bool) {
	if w.cache == nil {
		w.cache = map[string]onnx.Tensor{}
	}
	for name, t := range out {
		p := pastOf(name)
		if p == "" {
			continue
		}
		if later && (strings.Contains(p, ".encoder.") || len(t.Bytes()) == 0) {
			continue
		}
		w.cache[p] = t
	}
}

// reorder makes row i of every cache what row order[i] was.
func (w *writer) reorder(order []int) error {
	for name, t := range w.cache {
		r, err := rows(t, order)
		if err != nil {
			return fmt.Errorf("generate: the cache %s: %w", name, err)
		}
		w.cache[name] = r
	}
	return nil
}

// rows picks rows of a tensor's first dimension.
func rows(t onnx.Tensor, order []int) (onnx.Tensor, error) {
	if len(t.Shape) == 0 {
		return t, errors.New("a single number")
	}
	n := int(t.Shape[0])
	if len(order) == n {
		same := true
		for i, k := range order {
			same = same && i == k
		}
		if same {
			return t, nil
		}
	}
	shape := slices.Clone(t.Shape)
	shape[0] = int64(len(order))
	raw := t.Bytes()
	out, mem, err := onnx.Blank(t.Type(), shape, maxBytes)
	if err != nil || n == 0 {
		return t, err
	}
	each := len(raw) / n
	for i, k := range order {
		if k < 0 || k >= n {
			return t, fmt.Errorf("row %d of %d", k, n)
		}
		copy(mem[i*each:(i+1)*each], raw[k*each:])
	}
	return out, nil
}

// maxBytes is more than any cache of sixteen texts takes.
const maxBytes = 2 << 30

// inputs feeds a decoder with texts of which it has seen tail tokens.
func (w *writer) inputs(d *decoder, texts [][]int64, tail int) (map[string]onnx.Tensor, error) {
	n, all := int64(len(texts)), len(texts[0])
	width := int64(all - tail)
	if d.length > 0 {
		width = int64(d.length)
	}
	ids, places := make([]int64, 0, n*width), make([]int64, 0, n*width)
	for _, text := range texts {
		ids = append(ids, text[tail:]...)
		for range int(width) - (all - tail) {
			ids = append(ids, max(w.pad, 0))
		}
		for i := range int(width) {
			places = append(places, int64(tail+i))
		}
	}
	in := map[string]onnx.Tensor{}
	for name, v := range d.inputs {
		switch {
		case name == d.ids:
			in[name] = onnx.NewTensor(ids, n, width)
		case isPast(name):
			t, ok := w.cache[name]
			if !ok || tail == 0 {
				var err error
				if t, err = emptyPast(v, n); err != nil {
					return nil, err
				}
			}
			in[name] = t
		case name == useCache:
			in[name] = onnx.NewTensor([]bool{tail > 0}, 1)
		case name == "attention_mask" || name == "decoder_attention_mask":
			in[name] = ones(n, max(int64(all), int64(d.length)))
			if seen := in[name].Data.([]int64); d.length > all {
				for i := range seen {
					if i%d.length >= all {
						seen[i] = 0
					}
				}
			}
		case name == "encoder_attention_mask":
			in[name] = ones(n, w.ahead)
		case name == "position_ids":
			in[name] = onnx.NewTensor(places, n, width)
		case name == "cache_position":
			in[name] = onnx.NewTensor(places[:width], width)
		default:
			t, err := spread(w.picture[name], v, len(texts))
			if err != nil {
				return nil, fmt.Errorf("generate: %s: %w", name, err)
			}
			in[name] = t
		}
	}
	return in, nil
}

// spread gives what is known of the picture to every text, unless the decoder
// does that by itself.
func spread(t onnx.Tensor, v onnx.ValueInfo, n int) (onnx.Tensor, error) {
	if len(v.Shape) == 0 || v.Shape[0] == 1 || len(t.Shape) == 0 || t.Shape[0] != 1 {
		return t, nil
	}
	return rows(t, make([]int, n))
}

func ones(n, width int64) onnx.Tensor {
	v := make([]int64, n*width)
	for i := range v {
		v[i] = 1
	}
	return onnx.NewTensor(v, n, width)
}

// emptyPast is a cache of length zero. Heads and numbers a head are in the
// shape of the input; the length is its third dimension.
func emptyPast(v onnx.ValueInfo, n int64) (onnx.Tensor, error) {
	if v.Shape[1] < 1 || v.Shape[3] < 1 {
		return onnx.Tensor{}, &models.UnsupportedError{File: "decoder", What: fmt.Sprintf("its cache %s does not say how many heads it has", v)}
	}
	t, _, err := onnx.Blank(v.Type, []int64{n, v.Shape[1], 0, v.Shape[3]}, maxBytes)
	return t, err
}

// rowsAt takes the scores after one token of each text; below zero the last.
func rowsAt(t onnx.Tensor, n, at int) ([][]float32, error) {
	data, err := floats(t)
	if err != nil {
		return nil, fmt.Errorf("generate: logits: %w", err)
	}
	s := t.Shape
	if len(s) < 2 || len(s) > 3 || s[0] != int64(n) || len(data) == 0 {
		return nil, fmt.Errorf("generate: logits of shape %v for %d texts", s, n)
	}
	words := int(s[len(s)-1])
	each := len(data) / n
	out := make([][]float32, n)
	for i := range out {
		end := (i + 1) * each
		if at >= 0 && len(s) == 3 {
			end = i*each + (at+1)*words
		}
		if end > len(data) {
			return nil, fmt.Errorf("generate: logits of shape %v for texts of %d tokens", s, at+1)
		}
		out[i] = data[end-words : end]
		for _, v := range out[i] {
			if v != v {
				return nil, errors.New("generate: the model gives NaN for a word")
			}
		}
	}
	return out, nil
}

// floats gives the numbers of a tensor in single precision.
func floats(t onnx.Tensor) ([]float32, error) {
	half, ok := t.Data.([]onnx.Half)
	if !ok {
		return onnx.Of[float32](t)
	}
	out := make([]float32, len(half))
	for i, h := range half {
		out[i] = h.Float32()
	}
	return out, nil
}
