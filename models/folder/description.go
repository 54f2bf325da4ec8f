// Package folder opens a model as a user has it on disk.
//
// A model is a folder with model.onnx and model.json or coverslip.json
// (Description); a snapshot as Hugging Face's libraries transformers, timm and
// open_clip keep it, with ONNX files or with weights alone, of which
// models/tower then writes the graph; a model of the WSInfer zoo or a MONAI
// bundle with ONNX; or a bare .onnx file, about which the program has to guess
// and says so. No code that comes with a model is ever run.
package folder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"coverslip/models"
	"coverslip/models/dense"
	"coverslip/models/encoder"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
)

// Names of a Description in a model's folder; the first is looked for first.
const (
	DescriptionFile      = "model.json"
	ShortDescriptionFile = "coverslip.json"
)

// Description is model.json: what the ONNX file does not say about itself.
// Every key may be left out except patch_size, mean and std: a guess at those
// would quietly spoil every embedding.
type Description struct {
	Name          string          `json:"name,omitempty"`
	Architecture  string          `json:"architecture,omitempty"`
	License       string          `json:"license,omitempty"`
	Note          string          `json:"note,omitempty"`          // a warning shown with every result
	Untrained     bool            `json:"untrained,omitempty"`     // random weights
	File          string          `json:"file,omitempty"`          // in the same folder; default model.onnx
	SHA256        string          `json:"sha256,omitempty"`        // of that file, hex; checked when given
	PatchSize     int             `json:"patch_size"`              // side of the network's input, pixels
	Resize        int             `json:"resize,omitempty"`        // shorter side before the crop to patch_size; default patch_size
	MPP           float64         `json:"mpp,omitempty"`           // µm per pixel of the patch; 0 = not fixed
	Interpolation string          `json:"interpolation,omitempty"` // bilinear (default), bicubic, lanczos, box
	Scale         float32         `json:"scale,omitempty"`         // factor on 0 … 255; default 1/255
	Mean          *[3]float32     `json:"mean"`                    // red, green, blue, after scale
	Std           *[3]float32     `json:"std"`
	Channels      string          `json:"channels,omitempty"` // rgb (default) or bgr
	Layout        string          `json:"layout,omitempty"`   // nchw (default) or nhwc
	Input         string          `json:"input,omitempty"`    // name; default the only one
	Output        string          `json:"output,omitempty"`   // name; default the only one
	Pooling       encoder.Pooling `json:"pooling,omitempty"`  // of an output of tokens: first, mean, first+mean
	Batch         int             `json:"batch,omitempty"`    // patches a run; default 8
	Dense         *dense.Spec     `json:"dense,omitempty"`    // of a model that says something of every pixel
}

// maxDescription is more than any model.json can need, in bytes.
const maxDescription = 1 << 20

// ReadDescription decodes a model.json. Unknown keys are refused: a misspelt
// "mean" must not pass unnoticed. name is for the error.
func ReadDescription(r io.Reader, name string) (*Description, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxDescription+1))
	if err != nil {
		return nil, fmt.Errorf("models/folder: %s: %w", name, err)
	}
	if len(b) > maxDescription {
		return nil, &models.FormatError{File: name, What: "larger than any model.json"}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var d Description
	if err := dec.Decode(&d); err != nil {
		return nil, &models.FormatError{File: name, What: "not a valid description", Err: err}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &models.FormatError{File: name, What: "something follows the description"}
	}
	if err := d.check(); err != nil {
		return nil, &models.FormatError{File: name, What: err.Error()}
	}
	return &d, nil
}

func (d *Description) check() error {
	switch {
	case d.PatchSize == 0:
		return errors.New("patch_size is missing")
	case d.Mean == nil || d.Std == nil:
		return errors.New("mean or std is missing; state them as the model was trained, or 0,0,0 and 1,1,1 for none")
	case d.MPP < 0 || d.MPP > 1000:
		return fmt.Errorf("mpp is %g µm a pixel", d.MPP)
	case d.Channels != "" && d.Channels != "rgb" && d.Channels != "bgr":
		return fmt.Errorf("channels are %q, not rgb or bgr", d.Channels)
	case d.Layout != "" && d.Layout != "nchw" && d.Layout != "nhwc":
		return fmt.Errorf("layout is %q, not nchw or nhwc", d.Layout)
	case d.Batch < 0 || d.Batch > 256:
		return fmt.Errorf("batch is %d, not 1 to 256", d.Batch)
	case d.File != "" && (!onnxfile.LocalPath(d.File) || filepath.Base(d.File) != d.File):
		return fmt.Errorf("file is %q, not a name in the model's folder", d.File)
	}
	if d.Dense != nil {
		if err := d.Dense.Check(); err != nil {
			return fmt.Errorf("dense: %w", err)
		}
	}
	switch d.Pooling {
	case encoder.PoolNone, encoder.PoolFirst, encoder.PoolMean, encoder.PoolFirstMean:
	default:
		return fmt.Errorf("pooling is %q, not first, mean or first+mean", d.Pooling)
	}
	spec, err := d.Spec()
	if err != nil {
		return err
	}
	return spec.Check()
}

// Spec is the preprocessing that the description states.
func (d *Description) Spec() (preprocess.Spec, error) {
	s := preprocess.Spec{Resize: d.Resize, Crop: d.PatchSize, Scale: d.Scale, BGR: d.Channels == "bgr", NHWC: d.Layout == "nhwc"}
	if s.Resize == 0 {
		s.Resize = d.PatchSize
	}
	if d.Mean != nil {
		s.Mean = *d.Mean
	}
	if d.Std != nil {
		s.Std = *d.Std
	}
	if d.Interpolation == "" {
		return s, nil
	}
	var err error
	s.Filter, err = preprocess.FilterNamed(d.Interpolation)
	return s, err
}

// WriteDescription stores d as model.json in dir. An existing one is replaced
// whole or not at all.
func WriteDescription(dir string, d *Description) error {
	if err := d.check(); err != nil {
		return fmt.Errorf("models/folder: %s: %w", DescriptionFile, err)
	}
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".model-*.json")
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	_, err = tmp.Write(append(b, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, DescriptionFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("models/folder: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}
