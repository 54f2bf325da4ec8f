package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"coverslip/models"
	"coverslip/models/onnxfile"
)

// Limits of a safetensors header; the format's own reader has the same.
const (
	maxHeader = 100 << 20 // bytes
	maxRank   = 16
)

// safetensorsTypes are the element types of the format that a graph can use.
var safetensorsTypes = map[string]onnxfile.ElementType{
	"F32": onnxfile.Float32, "F16": onnxfile.Float16, "BF16": onnxfile.BFloat16, "F64": onnxfile.Float64,
	"I64": onnxfile.Int64, "I32": onnxfile.Int32, "I16": 5, "I8": 3, "U8": onnxfile.Uint8, "BOOL": onnxfile.Bool,
	"U16": 4, "U32": 12, "U64": 13, "F8_E4M3": 17, "F8_E5M2": 19,
}

// OpenSafetensors reads the header of a .safetensors file: eight bytes of
// length, a JSON object, then the numbers
// (https://github.com/huggingface/safetensors, "Format"). A file that is not
// one gives a *models.FormatError.
func OpenSafetensors(path string) (*Set, error) {
	s := newSet(filepath.Dir(path))
	if err := s.safetensors(filepath.Base(path)); err != nil {
		return nil, err
	}
	return s, nil
}

func newSet(dir string) *Set { return &Set{Dir: dir, tensors: map[string]Tensor{}} }

func (s *Set) safetensors(name string) error {
	path := filepath.Join(s.Dir, name)
	f, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.readSafetensors(f, size, name); err != nil {
		return &models.FormatError{File: path, What: "not a sound safetensors file", Err: err}
	}
	s.Files = append(s.Files, name)
	return nil
}

// openRegular opens a file that is neither a folder nor a device.
func openRegular(path string) (*os.File, int64, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("models/weights: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, 0, &models.FormatError{File: path, What: "not a file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("models/weights: %w", err)
	}
	return f, st.Size(), nil
}

// readSafetensors takes in the tensors of one file.
func (s *Set) readSafetensors(r io.ReaderAt, size int64, file string) error {
	var first [16]byte
	if n, err := r.ReadAt(first[:], 0); err != nil && (n < 8 || err != io.EOF) {
		return fmt.Errorf("it has %d bytes", size)
	}
	if what := disguise(first[:]); what != "" {
		return fmt.Errorf("it is %s", what)
	}
	n := int64(binary.LittleEndian.Uint64(first[:8]))
	if n < 2 || n > maxHeader || n > size-8 {
		return fmt.Errorf("its header has %d bytes, the file %d", n, size)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return err
	}
	return s.header(header, 8+n, size, file)
}

// disguise names what lies in place of weights when a download went wrong.
func disguise(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("version https://")):
		return "a Git LFS pointer, not the file itself"
	case bytes.HasPrefix(b, []byte("<!DOCTYPE")), bytes.HasPrefix(b, []byte("<html")):
		return "a web page; the download failed"
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return "a zip file"
	}
	return ""
}

// header reads the JSON object token by token, so that a name given twice is
// seen.
func (s *Set) header(b []byte, base, size int64, file string) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("its header is no JSON object")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return fmt.Errorf("its header has a name %v", key)
		}
		if name == "__metadata__" {
			var skip json.RawMessage
			if err := dec.Decode(&skip); err != nil {
				return err
			}
			continue
		}
		var e struct {
			DType   string  `json:"dtype"`
			Shape   []int64 `json:"shape"`
			Offsets []int64 `json:"data_offsets"`
		}
		if err := dec.Decode(&e); err != nil {
			return fmt.Errorf("entry %q: %w", name, err)
		}
		typ, known := safetensorsTypes[e.DType]
		if !known || len(e.Offsets) != 2 || len(e.Shape) > maxRank || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > size {
			return fmt.Errorf("entry %q: type %q, shape %v, place %v", name, e.DType, e.Shape, e.Offsets)
		}
		t := Tensor{Type: typ, Shape: e.Shape, File: file, Offset: base + e.Offsets[0], Length: e.Offsets[1] - e.Offsets[0]}
		if err := s.add(name, t, size); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}
