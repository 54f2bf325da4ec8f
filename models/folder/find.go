package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/models"
	"coverslip/models/onnxfile"
)

// Kind is how a model lies on disk.
type Kind string

// Kinds of model folders.
const (
	KindDescribed    Kind = "described"    // an ONNX file with our description beside it
	KindTransformers Kind = "transformers" // config.json of Hugging Face's transformers
	KindTimm         Kind = "timm"         // config.json of timm
	KindOpenClip     Kind = "open_clip"    // open_clip_config.json
	KindWSInfer      Kind = "WSInfer"      // config.json of the WSInfer zoo
	KindMONAI        Kind = "MONAI bundle" // configs/metadata.json
	KindBare         Kind = "bare"         // an ONNX file, or weights, about which nothing is said
)

// source is a model on disk, inspected without the runtime.
type source struct {
	dir   string
	file  string       // path of the ONNX file, or of the weights
	size  int64        // bytes of it and, for weights, of all shards
	sum   string       // sha256 of the file and of its external weights, hex
	desc  *Description // nil for a bare file
	graph *onnxfile.Model
	files []string    // external weights, as the model names them
	side  *textSource // of text, once it was looked for
	known *known      // what a library's settings and the catalogue say; nil for a described file
}

// maxModelFile is protobuf's own limit, in bytes; larger models keep their
// weights in files beside them.
const maxModelFile = 1<<31 - 1

// find inspects a folder or a file. In a folder model.json wins, then
// model.onnx, then the only .onnx file.
func find(path string) (*source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("models/folder: %w", err)
	}
	s := &source{dir: path}
	switch {
	case !st.IsDir() && settingsFile(filepath.Base(path)):
		s.dir = filepath.Dir(path)
	case !st.IsDir():
		s.dir, s.file = filepath.Dir(path), path
		if d, err := descriptionOf(path); err != nil {
			return nil, err
		} else if d != nil {
			s.desc = d
		}
		return s, s.inspect()
	}
	if err := s.describe(); err != nil {
		return nil, err
	}
	if s.desc != nil {
		return s, s.inspect()
	}
	if done, err := s.library(); err != nil || done {
		return s, err
	}
	if s.file == "" {
		if err := s.bare(); err != nil {
			return nil, err
		}
	}
	return s, s.inspect()
}

// settingsFile says whether a file is one that describes a folder, so that the
// folder may be chosen by it.
func settingsFile(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains([]string{DescriptionFile, ShortDescriptionFile, "config.json", "open_clip_config.json", "metadata.json",
		"model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin", "open_clip_model.safetensors", "model.safetensors.index.json"}, name)
}

// descriptionOf gives the model.json beside a file when it speaks of it.
func descriptionOf(path string) (*Description, error) {
	s := &source{dir: filepath.Dir(path)}
	if err := s.describe(); err != nil || s.file != path {
		return nil, err
	}
	return s.desc, nil
}

// describe reads model.json, when there is one.
func (s *source) describe() error {
	name := filepath.Join(s.dir, DescriptionFile)
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		name = filepath.Join(s.dir, ShortDescriptionFile)
		f, err = os.Open(name)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	defer f.Close()
	if s.desc, err = ReadDescription(f, name); err != nil {
		return err
	}
	s.file = filepath.Join(s.dir, "model.onnx")
	if s.desc.File != "" {
		s.file = filepath.Join(s.dir, s.desc.File)
	}
	return nil
}

// bare looks for an ONNX file nobody describes.
func (s *source) bare() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	var found, others []string
	for _, e := range entries {
		switch ext := strings.ToLower(filepath.Ext(e.Name())); {
		case e.IsDir():
		case ext == ".onnx":
			found = append(found, e.Name())
		case slices.Contains([]string{".safetensors", ".bin", ".pt", ".pth", ".h5", ".pb", ".ckpt"}, ext):
			others = append(others, e.Name())
		}
	}
	switch {
	case slices.Contains(found, "model.onnx"):
		s.file = filepath.Join(s.dir, "model.onnx")
	case len(found) == 1:
		s.file = filepath.Join(s.dir, found[0])
	case len(found) > 1:
		return fmt.Errorf("models/folder: %s: %w: which one of %s? State it as \"file\" in model.json", s.dir, models.ErrNoModel, strings.Join(found, ", "))
	case len(others) > 0:
		return &models.UnsupportedError{File: filepath.Join(s.dir, others[0]), What: "weights whose kind is not known",
			Hint: "put the model's config.json beside them, or export the model to ONNX and choose the .onnx file"}
	case slices.ContainsFunc(entries, func(e os.DirEntry) bool { return settingsFile(e.Name()) }):
		return fmt.Errorf("models/folder: %s: %w: its settings are there and its weights are not; the download is not whole, or the makers gate them", s.dir, models.ErrNoModel)
	default:
		return fmt.Errorf("models/folder: %s: %w: there is no .onnx file in it", s.dir, models.ErrNoModel)
	}
	return nil
}

// inspect reads, hashes and judges the model file and what it refers to.
func (s *source) inspect() error {
	st, err := os.Stat(s.file)
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	if !st.Mode().IsRegular() {
		return &models.FormatError{File: s.file, What: "not a file"}
	}
	if s.size = st.Size(); s.size > maxModelFile {
		return &models.FormatError{File: s.file, What: fmt.Sprintf("%d bytes; an ONNX file ends at 2 GiB", s.size)}
	}
	b, err := os.ReadFile(s.file)
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	if s.graph, err = onnxfile.Read(b); err != nil {
		return &models.FormatError{File: s.file, What: "cannot be read as ONNX", Err: err}
	}
	if err := s.graph.Check(); err != nil {
		return &models.FormatError{File: s.file, What: "the graph is not sound", Err: err}
	}
	h := sha256.New()
	h.Write(b)
	own := hex.EncodeToString(h.Sum(nil))
	if s.desc != nil && s.desc.SHA256 != "" && !strings.EqualFold(s.desc.SHA256, own) {
		return &models.FormatError{File: s.file, What: "its sha256 is " + own + ", model.json says " + s.desc.SHA256}
	}
	s.files = s.graph.Externals()
	for _, name := range s.files {
		if err := s.external(h, name); err != nil {
			return err
		}
	}
	s.sum = hex.EncodeToString(h.Sum(nil))
	return nil
}

// external checks that a file of weights is there and inside the folder, also
// after links are followed, and adds it to the sum.
func (s *source) external(h io.Writer, name string) error {
	root, err := filepath.EvalSymlinks(s.dir)
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	p, err := filepath.EvalSymlinks(filepath.Join(s.dir, filepath.FromSlash(name)))
	if errors.Is(err, os.ErrNotExist) {
		return &models.FormatError{File: s.file, What: fmt.Sprintf("its weights are in %q, which is not beside it", name)}
	}
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	if rel, err := filepath.Rel(root, p); err != nil || !filepath.IsLocal(rel) {
		return &models.FormatError{File: s.file, What: fmt.Sprintf("its weights %q lead out of the folder", name)}
	}
	f, err := os.Open(p)
	if err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("models/folder: %w", err)
	}
	return nil
}
