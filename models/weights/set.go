package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/models"
	"coverslip/models/onnxfile"
)

// Tensor is one array of numbers and where it lies.
type Tensor struct {
	Type    onnxfile.ElementType
	Shape   []int64
	File    string // name in the set's folder
	Offset  int64  // bytes from the start of the file
	Length  int64  // bytes
	Strided bool   // its numbers do not follow each other row by row; it cannot be used
}

// Count is the number of numbers.
func (t Tensor) Count() int64 {
	n, _ := count(t.Shape)
	return n
}

// Set is the tensors of a model by name.
type Set struct {
	Dir   string   // folder of the files
	Files []string // their names, sorted

	tensors map[string]Tensor
	prefix  string // of a view: what was cut from the names
}

// maxTensors is more than any model has.
const maxTensors = 1 << 17

// Get finds a tensor.
func (s *Set) Get(name string) (Tensor, bool) {
	t, ok := s.tensors[name]
	return t, ok
}

// Has says whether there is a tensor of that name.
func (s *Set) Has(name string) bool {
	_, ok := s.tensors[name]
	return ok
}

// Shape is the shape of a tensor, nil when there is none of that name.
func (s *Set) Shape(name string) []int64 { return s.tensors[name].Shape }

// Names lists the tensors in alphabetical order.
func (s *Set) Names() []string {
	names := make([]string, 0, len(s.tensors))
	for n := range s.tensors {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Len is the number of tensors.
func (s *Set) Len() int { return len(s.tensors) }

// Count is the number of numbers in all tensors: a model's parameters.
func (s *Set) Count() int64 {
	var sum int64
	for _, t := range s.tensors {
		sum += t.Count()
	}
	return sum
}

// Sub is the part of the set whose names begin with prefix, without it. It
// shares the files.
func (s *Set) Sub(prefix string) *Set {
	out := &Set{Dir: s.Dir, Files: s.Files, tensors: map[string]Tensor{}, prefix: s.prefix + prefix}
	for n, t := range s.tensors {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			out.tensors[rest] = t
		}
	}
	return out
}

// Float32 reads a tensor's numbers. It is for the small ones that have to be
// changed before use; the large ones are mapped by the runtime.
func (s *Set) Float32(name string) ([]float32, error) {
	t, ok := s.tensors[name]
	if !ok {
		return nil, &models.FormatError{File: s.Dir, What: fmt.Sprintf("weights %q are missing", s.prefix+name)}
	}
	raw, err := s.Bytes(t)
	if err != nil {
		return nil, err
	}
	return convert(raw, t.Type, s.prefix+name)
}

// Bytes reads a tensor as it is stored.
func (s *Set) Bytes(t Tensor) ([]byte, error) {
	if t.Strided {
		return nil, stridedError(t.File)
	}
	f, err := os.Open(filepath.Join(s.Dir, t.File))
	if err != nil {
		return nil, fmt.Errorf("models/weights: %w", err)
	}
	defer f.Close()
	raw := make([]byte, t.Length) // no longer than the file, see add
	if _, err := f.ReadAt(raw, t.Offset); err != nil {
		return nil, &models.FormatError{File: t.File, What: "weights cannot be read", Err: err}
	}
	return raw, nil
}

func stridedError(file string) error {
	return &models.UnsupportedError{File: file, What: "it holds weights as a view of others, out of order",
		Hint: "save the model once more with .contiguous() tensors, best as safetensors"}
}

func convert(raw []byte, typ onnxfile.ElementType, name string) ([]float32, error) {
	size := int(typ.Size())
	out := make([]float32, 0, len(raw)/max(size, 1))
	for ; size > 0 && len(raw) >= size; raw = raw[size:] {
		switch typ {
		case onnxfile.Float32:
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		case onnxfile.BFloat16:
			out = append(out, math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw))<<16))
		case onnxfile.Float16:
			out = append(out, half(binary.LittleEndian.Uint16(raw)))
		case onnxfile.Float64:
			out = append(out, float32(math.Float64frombits(binary.LittleEndian.Uint64(raw))))
		default:
			return nil, &models.UnsupportedError{File: name, What: fmt.Sprintf("weights of element type %d", typ)}
		}
	}
	return out, nil
}

// half is IEEE 754 binary16.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) / (1 << 24)
	if sign != 0 {
		return -v
	}
	return v
}

// add checks a tensor against its file and takes it in.
func (s *Set) add(name string, t Tensor, fileSize int64) error {
	n, ok := count(t.Shape)
	switch {
	case !ok:
		return fmt.Errorf("weights %q have the shape %v, which no memory holds", name, t.Shape)
	case t.Offset < 0 || t.Length < 0 || t.Length > fileSize || t.Offset > fileSize-t.Length:
		return fmt.Errorf("weights %q lie outside the file (%d bytes from %d on, of %d)", name, t.Length, t.Offset, fileSize)
	case t.Length != n*t.Type.Size():
		return fmt.Errorf("weights %q: %d bytes for the shape %v, which needs %d", name, t.Length, t.Shape, n*t.Type.Size())
	case s.Has(name):
		return fmt.Errorf("weights %q are there twice", name)
	case len(s.tensors) >= maxTensors:
		return fmt.Errorf("more than %d tensors", maxTensors)
	}
	s.tensors[name] = t
	return nil
}

// count multiplies a shape; false when it is negative or beyond 2^48.
func count(shape []int64) (int64, bool) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > 0 && n > (1<<48)/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
