package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"coverslip/models"
	"coverslip/models/dense"
	"coverslip/models/onnx"
	"coverslip/models/preprocess"
)

// denseSpec is how a model that says something of every pixel is to be read:
// as coverslip.json says under "dense", or as a MONAI bundle or a WSInfer model
// says whose output is a map. nil of any other.
func (s *source) denseSpec() *dense.Spec {
	if s.desc != nil {
		return s.desc.Dense
	}
	if s.known == nil || s.graph == nil || s.known.kind != KindMONAI && s.known.kind != KindWSInfer {
		return nil
	}
	out := s.graph.Graph.Outputs
	if len(out) == 0 || len(out[0].Dims) != 4 {
		return nil
	}
	spec := &dense.Spec{Kind: dense.Classes, Output: out[0].Name, Classes: s.known.classes}
	if s.known.kind == KindMONAI {
		spec.Classes = s.monaiClasses(out[0].Dims[1].Size)
	}
	return spec
}

// monaiClasses are the names of the channels of a bundle's output, as its
// metadata says: {"0": "background", "1": "nuclei"}.
func (s *source) monaiClasses(channels int64) []string {
	outputs := s.known.settings.Sub("network_data_format.outputs")
	for _, name := range []string{"pred", "output", "segmentation"} {
		def := outputs.Sub(name + ".channel_def")
		if len(def) == 0 {
			continue
		}
		var list []string
		for i := range max(int64(len(def)), 0) {
			list = append(list, def.Text(fmt.Sprint(i), fmt.Sprintf("class %d", i)))
		}
		if channels < 1 || int64(len(list)) == channels {
			return list
		}
	}
	return nil
}

// denseOptions are the preprocessing and the rest of what New takes.
func (s *source) denseOptions() (preprocess.Spec, dense.Options, error) {
	var o dense.Options
	spec := s.denseSpec()
	if spec == nil {
		return preprocess.Spec{}, o, fmt.Errorf("models/folder: %s: %w for regions: its coverslip.json has no \"dense\", and it is no MONAI bundle or WSInfer model whose output is a map", s.file, models.ErrNoModel)
	}
	o.Info.Spec = *spec
	if f, ok := dense.Receptive(s.graph); ok {
		o.Field = &f
	}
	var prep preprocess.Spec
	switch {
	case s.desc != nil:
		d := s.desc
		var err error
		if prep, err = d.Spec(); err != nil {
			return prep, o, &models.FormatError{File: filepath.Join(s.dir, DescriptionFile), What: err.Error()}
		}
		o.Side, o.Input = d.PatchSize, d.Input
		o.Info.Name, o.Info.Architecture, o.Info.License, o.Info.Note = d.Name, d.Architecture, d.License, d.Note
		o.Info.Untrained, o.Info.MPP = d.Untrained, d.MPP
		if o.Info.Name == "" {
			o.Info.Name = nameOf(s.file)
		}
	default:
		k := s.known
		prep = k.prep
		if k.kind == KindMONAI { // most bundles scale to 0 … 1 and no more; metadata says the range
			prep = preprocess.Spec{Scale: 1.0 / 255, Std: [3]float32{1, 1, 1}}
			if r := k.settings.Floats("network_data_format.inputs.image.value_range"); len(r) == 2 && r[1] > 1 {
				prep.Scale = 1
			}
		}
		o.Side = prep.Crop
		if n := k.settings.Int("network_data_format.inputs.image.spatial_shape", 0); n > 0 {
			o.Side = int(n)
		}
		if in := realInputs(&s.graph.Graph); len(in) == 1 && len(in[0].Dims) == 4 && in[0].Dims[2].Size > 0 {
			o.Side = int(in[0].Dims[2].Size)
		}
		o.Info.Name, o.Info.License, o.Info.MPP = k.name, k.license, k.mpp
		var notes []string
		for _, n := range k.notes {
			if k.kind != KindMONAI || !strings.Contains(n, "ImageNet") {
				notes = append(notes, n)
			}
		}
		if k.kind == KindMONAI {
			notes = append(notes, "a bundle's transforms are a program and are not run: colours are scaled as metadata.json says")
		}
		o.Info.Note = strings.Join(notes, "; ")
	}
	if o.Info.Architecture == "" {
		o.Info.Architecture = "onnx"
	}
	sum, err := s.hash()
	if err != nil {
		return prep, o, err
	}
	h := sha256.Sum256([]byte(strings.Join([]string{sum, prep.ID(), o.Info.Spec.ID(), fmt.Sprint(o.Info.Spec)}, "\n")))
	o.Info.Hash = hex.EncodeToString(h[:])
	return prep, o, nil
}

// OpenDense opens the model in a folder that says something of every pixel.
// models.ErrNoModel means that the folder holds none.
func OpenDense(rt onnx.Engine, path string) (*dense.Model, error) {
	s, err := find(path)
	if err != nil {
		return nil, err
	}
	return s.openDense(rt)
}

func (s *source) openDense(rt onnx.Engine) (*dense.Model, error) {
	prep, o, err := s.denseOptions()
	if err != nil {
		return nil, err
	}
	m, err := rt.NewSessionFile(s.file, onnx.SessionOptions{})
	if err != nil {
		return nil, &models.FormatError{File: s.file, What: "ONNX Runtime " + rt.Version() + " refuses it", Err: err}
	}
	d, err := dense.New(context.Background(), m, prep, o)
	if err != nil {
		_ = m.Close() // the first error is the one to show
		return nil, &models.FormatError{File: s.file, What: "cannot serve as a dense model", Err: err}
	}
	return d, nil
}
