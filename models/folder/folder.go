package folder

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"coverslip/models"
	"coverslip/models/encoder"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
)

// Open opens the encoder in a folder, or a bare .onnx file. A model without
// model.json is opened with guessed preprocessing; Info().Note states the
// guess. Errors name the file: *models.FormatError for one that is wrong,
// *models.UnsupportedError for one that cannot run here, models.ErrNoModel
// when there is none.
func Open(rt onnx.Engine, path string) (models.Encoder, error) {
	s, err := find(path)
	if err != nil {
		return nil, err
	}
	return s.open(rt)
}

func (s *source) open(rt onnx.Engine) (models.Encoder, error) {
	if err := s.needs(rt); err != nil {
		return nil, err
	}
	session, err := s.session(rt)
	if err != nil {
		return nil, &models.FormatError{File: s.file, What: "ONNX Runtime " + rt.Version() + " refuses it", Err: err}
	}
	o, err := s.options() // after the session: both read the weights, and the sum of large ones takes as long
	if err == nil {
		var e models.Encoder
		if e, err = encoder.New(context.Background(), session, o); err == nil {
			return e, nil
		}
		err = &models.FormatError{File: s.file, What: "cannot serve as an encoder", Err: err}
	}
	_ = session.Close() // the first error is the one to show
	return nil, err
}

// mappedFrom is the size of weights, in bytes, from which on they are read where
// they lie in the user's file: a model of UNI's size (1.2 GB) is then ready in a
// tenth of the time and takes its weights' size less of memory, for two patches
// in a hundred fewer a second. Small ones are copied in the order that products
// like best, which gains them more and takes them no time. The rule looks at
// nothing else, because the last bits of an embedding depend on it.
const mappedFrom = 600 << 20

// session loads the model: the user's ONNX file, or a graph of our own over
// the user's weights.
func (s *source) session(rt onnx.Engine) (onnx.Model, error) {
	if s.known != nil && s.known.vision != nil {
		dir, err := filepath.Abs(s.dir)
		if err != nil {
			return nil, fmt.Errorf("models/folder: %w", err)
		}
		return rt.NewSession(s.known.vision.Model, onnx.SessionOptions{DataFolder: dir, Mapped: s.known.vision.Bytes >= mappedFrom})
	}
	m, err := rt.NewSessionFile(s.file, onnx.SessionOptions{})
	if err != nil || s.known == nil {
		return m, err
	}
	return oneSide(m, s.imageInput())
}

// needs says when a runtime is too old for a graph over the user's weights.
func (s *source) needs(rt onnx.Engine) error {
	if s.known == nil || s.known.vision == nil {
		return nil
	}
	var major, minor int
	if _, err := fmt.Sscanf(rt.Version(), "%d.%d", &major, &minor); err == nil && (major < 1 || major == 1 && minor < 18) {
		return &models.UnsupportedError{File: s.file, What: "ONNX Runtime " + rt.Version() + " cannot map a model's own file of weights",
			Hint: "install 1.28 or newer with: coverslipctl setup"}
	}
	return nil
}

// options turns the description, the library's settings or the guess into the
// encoder's options.
func (s *source) options() (encoder.Options, error) {
	var o encoder.Options
	var err error
	switch {
	case s.known != nil:
		o = s.knownOptions()
	case s.desc == nil:
		spec, note, err := guess(s.graph)
		if err != nil {
			return o, &models.UnsupportedError{File: s.file, What: err.Error(), Hint: "an encoder takes square colour images and gives a vector for each"}
		}
		o = encoder.Options{Name: nameOf(s.file), Prep: spec, Note: note, Pool: guessPool(s.graph)}
	default:
		d := s.desc
		spec, err := d.Spec()
		if err != nil {
			return o, &models.FormatError{File: filepath.Join(s.dir, DescriptionFile), What: err.Error()}
		}
		o = encoder.Options{Name: d.Name, Architecture: d.Architecture, MPP: d.MPP, Untrained: d.Untrained, Note: d.Note,
			License: d.License, Prep: spec, Input: d.Input, Output: d.Output, Pool: d.Pooling, Batch: d.Batch}
		if o.Name == "" {
			o.Name = nameOf(s.file)
		}
	}
	if o.Architecture == "" {
		o.Architecture = "onnx"
	}
	if o.ModelHash, err = s.hash(); err != nil {
		return o, err
	}
	if s.graph != nil && dynamic(s.graph) {
		o.Batch = 1
	}
	if s.hasText() {
		o.Pair = o.ModelHash
	}
	return o, nil
}

// dynamic says whether the model is quantised while it runs. The scale is
// then taken over the whole batch, and a patch's vector would change with its
// neighbours.
func dynamic(m *onnxfile.Model) bool {
	return m.Uses("DynamicQuantizeLinear") || m.Uses("DynamicQuantizeMatMul")
}

// nameOf is the folder's name for model.onnx, the file's own otherwise.
func nameOf(file string) string {
	base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if base == "model" {
		if abs, err := filepath.Abs(file); err == nil {
			return filepath.Base(filepath.Dir(abs))
		}
	}
	return base
}

// guessedSize is used when the model takes any size.
const guessedSize = 224

// guess reads from the graph what it can and takes ImageNet's numbers, the
// commonest, for the rest.
func guess(m *onnxfile.Model) (preprocess.Spec, string, error) {
	inputs := realInputs(&m.Graph)
	if len(inputs) != 1 {
		return preprocess.Spec{}, "", fmt.Errorf("the model has %d inputs, an encoder has one", len(inputs))
	}
	in := inputs[0]
	if len(in.Dims) != 4 {
		return preprocess.Spec{}, "", fmt.Errorf("its input %q has the shape %v, not that of images", in.Name, in.Dims)
	}
	h, w, channels, last := in.Dims[2].Size, in.Dims[3].Size, in.Dims[1].Size, false
	if channels != 3 && in.Dims[3].Size == 3 {
		h, w, channels, last = in.Dims[1].Size, in.Dims[2].Size, 3, true
	}
	if channels > 0 && channels != 3 {
		return preprocess.Spec{}, "", fmt.Errorf("its input %q has %d channels, not 3 of colour", in.Name, channels)
	}
	if h != w && h > 0 && w > 0 {
		return preprocess.Spec{}, "", fmt.Errorf("its input %q is %d×%d pixels, not square", in.Name, w, h)
	}
	size := max(h, w)
	if size > preprocess.MaxSide {
		return preprocess.Spec{}, "", fmt.Errorf("its input %q is %d pixels wide", in.Name, size)
	}
	how := "as the model states"
	if size <= 0 {
		size, how = guessedSize, "guessed"
	}
	spec := preprocess.ImageNet(int(size))
	spec.NHWC = last
	if in.Type == onnxfile.Uint8 {
		spec = preprocess.Spec{Resize: int(size), Crop: int(size), Scale: 1, NHWC: last}
		return spec, fmt.Sprintf("no model.json: %d px (%s), colours as bytes; the scale (µm a pixel) is unknown", size, how), nil
	}
	return spec, fmt.Sprintf("no model.json: %d px (%s), bilinear resize and ImageNet's mean and std are guessed, and the scale (µm a pixel) is unknown; embeddings may be wrong", size, how), nil
}

// realInputs leaves out weights, which old exporters list as inputs too.
func realInputs(g *onnxfile.Graph) []onnxfile.Value {
	weights := map[string]bool{}
	for i := range g.Initialisers {
		weights[g.Initialisers[i].Name] = true
	}
	var list []onnxfile.Value
	for _, v := range g.Inputs {
		if !weights[v.Name] {
			list = append(list, v)
		}
	}
	return list
}

// guessPool takes the first token of an output of tokens, as most do.
func guessPool(m *onnxfile.Model) encoder.Pooling {
	if len(m.Graph.Outputs) == 1 && len(m.Graph.Outputs[0].Dims) == 3 {
		return encoder.PoolFirst
	}
	return encoder.PoolNone
}
