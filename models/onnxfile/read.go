package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// At reading.
var (
	// ErrNotONNX: the bytes are no ONNX model.
	ErrNotONNX = errors.New("not an ONNX model")
	// ErrTooLarge: the model has more parts than any real one.
	ErrTooLarge = errors.New("model has too many parts")
)

// Limits of Read. The largest encoders in use have some tens of thousands of
// nodes; loops inside loops go two or three deep.
const (
	maxParts = 1 << 20
	maxDepth = 8
)

// Read decodes a model. Raw weights are views into b. It returns ErrNotONNX,
// with the place, for bytes that are not a model, and ErrTooLarge for one
// made to exhaust memory. It does not judge the graph: see Check.
func Read(b []byte) (*Model, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("onnxfile: %w: the file is empty", ErrNotONNX)
	}
	if what := disguise(b); what != "" {
		return nil, fmt.Errorf("onnxfile: %w: it is %s", ErrNotONNX, what)
	}
	r := &reader{left: maxParts}
	m := &Model{}
	graphs := 0
	err := r.fields(b, func(f field) error {
		switch f.number {
		case 1:
			m.IRVersion = f.int()
		case 2:
			m.Producer = f.text()
		case 3:
			m.ProducerVersion = f.text()
		case 7:
			graphs++
			return r.graph(&m.Graph, f, 0)
		case 8:
			return r.opset(m, f)
		case 14:
			k, v, err := r.pair(f)
			m.Metadata = append(m.Metadata, KeyValue{k, v})
			return err
		case 25:
			m.Functions++
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("onnxfile: %w", err)
	}
	if graphs == 0 {
		return nil, fmt.Errorf("onnxfile: %w: it holds no graph", ErrNotONNX)
	}
	return m, nil
}

// disguise names what people hand in by mistake.
func disguise(b []byte) string {
	for _, d := range []struct{ magic, what string }{
		{"version https://git-lfs", "a Git LFS pointer, not the file itself"},
		{"PK\x03\x04", "a zip or PyTorch file; export the model to ONNX first"},
		{"\x80\x02", "a pickle or PyTorch file; export the model to ONNX first"},
		{"\x89HDF", "an HDF5 or Keras file; export the model to ONNX first"},
		{"<!DOCTYPE", "a web page; the download failed"},
		{"<html", "a web page; the download failed"},
	} {
		if len(b) >= len(d.magic) && string(b[:len(d.magic)]) == d.magic {
			return d.what
		}
	}
	return ""
}

// reader counts what it makes, over the whole file.
type reader struct{ left int }

// field is one field of a message.
type field struct {
	number int
	wire   int
	value  uint64 // of varint and fixed fields
	data   []byte // of byte fields; a view
}

func (f field) int() int64 {
	if f.wire == wireBytes {
		return 0
	}
	return int64(f.value)
}

func (f field) text() string { return string(f.data) }

// fields calls yield for every field of a message.
func (r *reader) fields(b []byte, yield func(field) error) error {
	for pos := 0; pos < len(b); {
		tag, n := binary.Uvarint(b[pos:])
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29 {
			return fmt.Errorf("%w: broken at byte %d of a message of %d", ErrNotONNX, pos, len(b))
		}
		pos += n
		f := field{number: int(tag >> 3), wire: int(tag & 7)}
		size, ok := f.take(b[pos:])
		if !ok {
			return fmt.Errorf("%w: field %d is cut or broken at byte %d of a message of %d", ErrNotONNX, f.number, pos, len(b))
		}
		pos += size
		if r.left--; r.left < 0 {
			return ErrTooLarge
		}
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

// take reads a field's value from the front of b and gives its length.
func (f *field) take(b []byte) (int, bool) {
	switch f.wire {
	case wireVarint:
		v, n := binary.Uvarint(b)
		f.value = v
		return n, n > 0
	case wireFixed64:
		if len(b) < 8 {
			return 0, false
		}
		f.value = binary.LittleEndian.Uint64(b)
		return 8, true
	case wireFixed32:
		if len(b) < 4 {
			return 0, false
		}
		f.value = uint64(binary.LittleEndian.Uint32(b))
		return 4, true
	case wireBytes:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, false
		}
		end := n + int(size)
		f.data = b[n:end:end]
		return end, true
	}
	return 0, false
}

// ints appends a repeated whole-number field, packed or not.
func (r *reader) ints(list []int64, f field) ([]int64, error) {
	if f.wire != wireBytes {
		return append(list, int64(f.value)), nil
	}
	for pos := 0; pos < len(f.data); {
		v, n := binary.Uvarint(f.data[pos:])
		if n <= 0 {
			return list, fmt.Errorf("%w: a list of numbers is cut", ErrNotONNX)
		}
		pos += n
		if r.left--; r.left < 0 {
			return list, ErrTooLarge
		}
		list = append(list, int64(v))
	}
	return list, nil
}

func (r *reader) floats(list []float32, f field) ([]float32, error) {
	if f.wire == wireFixed32 {
		return append(list, math.Float32frombits(uint32(f.value))), nil
	}
	if r.left -= len(f.data) / 4; r.left < 0 {
		return list, ErrTooLarge
	}
	for b := f.data; len(b) >= 4; b = b[4:] {
		list = append(list, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return list, nil
}

func (r *reader) pair(f field) (key, value string, err error) {
	err = r.fields(f.data, func(f field) error {
		switch f.number {
		case 1:
			key = f.text()
		case 2:
			value = f.text()
		}
		return nil
	})
	return key, value, err
}

func (r *reader) opset(m *Model, f field) error {
	var o Opset
	err := r.fields(f.data, func(f field) error {
		switch f.number {
		case 1:
			o.Domain = f.text()
		case 2:
			o.Version = f.int()
		}
		return nil
	})
	m.Opsets = append(m.Opsets, o)
	return err
}

func (r *reader) graph(g *Graph, f field, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: graphs inside graphs, more than %d deep", ErrTooLarge, maxDepth)
	}
	return r.fields(f.data, func(f field) error {
		switch f.number {
		case 1:
			var n Node
			err := r.node(&n, f, depth)
			g.Nodes = append(g.Nodes, n)
			return err
		case 2:
			g.Name = f.text()
		case 5:
			var t Tensor
			err := r.tensor(&t, f)
			g.Initialisers = append(g.Initialisers, t)
			return err
		case 11, 12:
			var v Value
			err := r.value(&v, f)
			if f.number == 11 {
				g.Inputs = append(g.Inputs, v)
			} else {
				g.Outputs = append(g.Outputs, v)
			}
			return err
		}
		return nil
	})
}

func (r *reader) node(n *Node, f field, depth int) error {
	return r.fields(f.data, func(f field) error {
		switch f.number {
		case 1:
			n.Inputs = append(n.Inputs, f.text())
		case 2:
			n.Outputs = append(n.Outputs, f.text())
		case 3:
			n.Name = f.text()
		case 4:
			n.Op = f.text()
		case 5:
			var a Attribute
			err := r.attribute(&a, f, depth)
			n.Attributes = append(n.Attributes, a)
			return err
		case 7:
			n.Domain = f.text()
		}
		return nil
	})
}

func (r *reader) attribute(a *Attribute, f field, depth int) error {
	return r.fields(f.data, func(f field) (err error) {
		switch f.number {
		case 1:
			a.Name = f.text()
		case 2:
			a.Float = math.Float32frombits(uint32(f.value))
		case 3:
			a.Int = f.int()
		case 4:
			a.Text = f.text()
		case 5:
			a.Tensor = &Tensor{}
			return r.tensor(a.Tensor, f)
		case 6:
			if a.Graph == nil { // a message given twice is merged
				a.Graph = &Graph{}
			}
			return r.graph(a.Graph, f, depth+1)
		case 7:
			a.Floats, err = r.floats(a.Floats, f)
		case 8:
			a.Ints, err = r.ints(a.Ints, f)
		case 20:
			a.Kind = AttributeKind(f.int())
		}
		return err
	})
}

func (r *reader) tensor(t *Tensor, f field) error {
	external := External{}
	isExternal := false
	err := r.fields(f.data, func(f field) (err error) {
		switch f.number {
		case 1:
			t.Dims, err = r.ints(t.Dims, f)
		case 2:
			t.Type = ElementType(f.int())
		case 4, 5, 6, 7, 10, 11: // float, int32, string, int64, double, uint64 data
			t.Typed += max(len(f.data), 1)
		case 8:
			t.Name = f.text()
		case 9:
			t.Raw = f.data
		case 13:
			return r.external(&external, f)
		case 14:
			isExternal = f.int() == 1
		}
		return err
	})
	if isExternal {
		t.External = &external
	}
	return err
}

func (r *reader) external(e *External, f field) error {
	key, value, err := r.pair(f)
	if err != nil {
		return err
	}
	switch key {
	case "location":
		e.Location = value
	case "offset":
		e.Offset, err = strconv.ParseInt(value, 10, 64)
	case "length":
		e.Length, err = strconv.ParseInt(value, 10, 64)
	}
	if err != nil {
		return fmt.Errorf("%w: %s of external weights is %q", ErrNotONNX, key, value)
	}
	return nil
}

func (r *reader) value(v *Value, f field) error {
	return r.fields(f.data, func(f field) error {
		switch f.number {
		case 1:
			v.Name = f.text()
		case 2: // TypeProto
			return r.fields(f.data, func(f field) error {
				if f.number != 1 { // only tensor_type
					return nil
				}
				return r.tensorType(v, f)
			})
		}
		return nil
	})
}

func (r *reader) tensorType(v *Value, f field) error {
	return r.fields(f.data, func(f field) error {
		switch f.number {
		case 1:
			v.Type = ElementType(f.int())
		case 2:
			v.Dims = slices.Grow(v.Dims, 1)[:len(v.Dims)] // a stated shape without sizes is a scalar, not unknown
			return r.fields(f.data, func(f field) error {
				if f.number != 1 {
					return nil
				}
				d := Dim{Size: -1}
				err := r.fields(f.data, func(f field) error {
					switch f.number {
					case 1:
						d.Size = f.int()
					case 2:
						d.Name = f.text()
					}
					return nil
				})
				if d.Size < 0 {
					d.Size = -1
				}
				v.Dims = append(v.Dims, d)
				return err
			})
		}
		return nil
	})
}
