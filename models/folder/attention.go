package folder

import (
	"fmt"
	"path/filepath"

	"coverslip/models"
	"coverslip/models/attention"
	"coverslip/models/onnx"
	"coverslip/models/tower"
)

// OpenAttention opens the encoder in a folder with its attention as outputs. That
// is possible where its graph is written here, over the user's weights; of a graph
// that others exported, *models.UnsupportedError says what lacks.
func OpenAttention(rt onnx.Engine, path string) (*attention.Looker, error) {
	s, err := find(path)
	if err != nil {
		return nil, err
	}
	if s.known == nil || s.known.vision == nil {
		return nil, &models.UnsupportedError{File: s.file, What: "its ONNX file gives an embedding and not its attention",
			Hint: "put model.safetensors or pytorch_model.bin and config.json into a folder of their own and add that"}
	}
	if err := s.needs(rt); err != nil {
		return nil, err
	}
	o := tower.Options{Attention: true}
	if s.known.listed {
		o.Pool, o.Heads = s.known.entry.Pool, s.known.entry.Heads
	}
	t, err := tower.Vision(s.known.set, s.known.settings, o)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, fmt.Errorf("models/folder: %w", err)
	}
	session, err := rt.NewSession(t.Model, onnx.SessionOptions{DataFolder: dir})
	if err != nil {
		return nil, &models.FormatError{File: s.file, What: "ONNX Runtime " + rt.Version() + " refuses it", Err: err}
	}
	return attention.New(session, s.known.prep)
}
