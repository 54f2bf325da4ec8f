// Package arrays writes matrices of float32 as other programs keep them: NumPy's
// npy and Hugging Face's safetensors.
//
// Sources: NumPy Enhancement Proposal 1 (version 1.0 of the format); the
// safetensors README (a length, a JSON header, the bytes).
package arrays

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// ErrShape says that a matrix has not rows times columns numbers.
var ErrShape = errors.New("arrays: the numbers do not fill the shape")

// Matrix is rows of Cols numbers each.
type Matrix struct {
	Name string // in a safetensors file
	Cols int
	Data []float32 // row by row
}

// Rows is the number of rows.
func (m Matrix) Rows() int { return len(m.Data) / max(m.Cols, 1) }

func (m Matrix) check() error {
	if m.Cols < 1 || len(m.Data)%m.Cols != 0 {
		return fmt.Errorf("%w: %s has %d numbers in rows of %d", ErrShape, m.Name, len(m.Data), m.Cols)
	}
	return nil
}

// WriteNPY writes one matrix as little-endian float32 in C order.
func WriteNPY(w io.Writer, m Matrix) error {
	if err := m.check(); err != nil {
		return err
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", m.Rows(), m.Cols)
	const before = 10                   // magic, version, length
	pad := 63 - (before+len(header))%64 // the data begins at a multiple of 64
	header += strings.Repeat(" ", pad) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(head[8:], uint16(len(header)))
	if _, err := w.Write(append(head, header...)); err != nil {
		return err
	}
	return floats(w, m.Data)
}

// WriteSafetensors writes matrices in the given order, and texts about them.
func WriteSafetensors(w io.Writer, matrices []Matrix, texts map[string]string) error {
	header := map[string]any{}
	if len(texts) > 0 {
		header["__metadata__"] = texts
	}
	at := int64(0)
	for _, m := range matrices {
		if err := m.check(); err != nil {
			return err
		}
		if _, twice := header[m.Name]; twice || m.Name == "" {
			return fmt.Errorf("arrays: two tensors are called %q, or one has no name", m.Name)
		}
		end := at + 4*int64(len(m.Data))
		header[m.Name] = map[string]any{"dtype": "F32", "shape": []int{m.Rows(), m.Cols}, "data_offsets": []int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header) // keys in order: the same bytes for the same matrices
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, m := range matrices {
		if err := floats(w, m.Data); err != nil {
			return err
		}
	}
	return nil
}

func floats(w io.Writer, v []float32) error {
	b := make([]byte, 0, 1<<16)
	for len(v) > 0 {
		b = b[:0]
		n := min(len(v), 1<<14)
		for _, x := range v[:n] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		v = v[n:]
	}
	return nil
}
