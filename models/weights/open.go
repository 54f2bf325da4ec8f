package weights

import (
	"encoding/json"
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

// known are the names that libraries give a model's weights, the safe form
// first.
var known = []string{
	"model.safetensors", "model.safetensors.index.json",
	"open_clip_model.safetensors", "diffusion_pytorch_model.safetensors",
	"pytorch_model.bin", "pytorch_model.bin.index.json", "open_clip_pytorch_model.bin",
}

// Find names the file of weights in a folder: one of the names that libraries
// use, else the only file whose ending says weights. Empty when there is none.
// An error means that there are several.
func Find(dir string) (string, error) {
	for _, name := range known {
		if st, err := os.Stat(filepath.Join(dir, name)); err == nil && st.Mode().IsRegular() {
			return name, nil
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("models/weights: %w", err)
	}
	for _, ending := range []string{".safetensors", ".bin", ".pth", ".pt", ".ckpt"} {
		var found []string
		for _, e := range entries {
			if name := e.Name(); strings.EqualFold(filepath.Ext(name), ending) && !e.IsDir() && name != "training_args.bin" {
				found = append(found, name)
			}
		}
		if len(found) > 1 {
			return "", &models.UnsupportedError{File: dir, What: "several files of weights: " + strings.Join(found, ", "),
				Hint: "keep the one that is meant in a folder of its own"}
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return "", nil
}

// Open reads the places of all weights in a file that Find named, or in the
// shards of an index. Names keep no "module." or "_orig_mod." that training
// on several processors leaves in front of them.
func Open(dir, name string) (*Set, error) {
	s := newSet(dir)
	var err error
	switch {
	case strings.HasSuffix(name, ".index.json"):
		err = s.index(name)
	case strings.EqualFold(filepath.Ext(name), ".safetensors"):
		err = s.safetensors(name)
	default:
		err = s.torch(name)
	}
	if err != nil {
		return nil, err
	}
	if len(s.tensors) == 0 {
		return nil, &models.FormatError{File: filepath.Join(dir, name), What: "it holds no weights"}
	}
	slices.Sort(s.Files)
	for _, p := range []string{"module.", "_orig_mod."} {
		if part := s.Sub(p); part.Len() == s.Len() {
			s, part.prefix = part, ""
		}
	}
	return s, nil
}

// maxIndex is more than any index needs, in bytes.
const maxIndex = 32 << 20

// index reads a list of shards: {"weight_map": {tensor: file}}.
func (s *Set) index(name string) error {
	path := filepath.Join(s.Dir, name)
	f, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if size > maxIndex {
		return &models.FormatError{File: path, What: "larger than any list of shards"}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxIndex))
	if err != nil {
		return fmt.Errorf("models/weights: %w", err)
	}
	var list struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return &models.FormatError{File: path, What: "not a list of shards", Err: err}
	}
	var files []string
	for _, file := range list.Map {
		if !onnxfile.LocalPath(file) || filepath.Base(file) != file {
			return &models.FormatError{File: path, What: fmt.Sprintf("a shard %q outside the folder", file)}
		}
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(s.Dir, file)); errors.Is(err, os.ErrNotExist) {
			return &models.FormatError{File: path, What: fmt.Sprintf("the shard %q is missing: the download is not complete", file)}
		}
		if strings.EqualFold(filepath.Ext(file), ".safetensors") {
			err = s.safetensors(file)
		} else {
			err = s.torch(file)
		}
		if err != nil {
			return err
		}
	}
	for tensor := range list.Map {
		if !s.Has(tensor) {
			return &models.FormatError{File: path, What: fmt.Sprintf("weights %q are in none of the shards", tensor)}
		}
	}
	return nil
}
