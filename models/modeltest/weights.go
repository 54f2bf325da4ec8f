package modeltest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Weight is a tensor whose numbers follow from its name: Base plus or minus
// Spread, by SplitMix64. The Python that computes references draws the same,
// so that no weights have to be stored.
type Weight struct {
	Name   string
	Shape  []int64
	Base   float64
	Spread float64
}

// Values draws the numbers.
func (w Weight) Values() []float32 {
	n := int64(1)
	for _, d := range w.Shape {
		n *= d
	}
	h := fnv.New64a()
	h.Write([]byte(w.Name)) // never fails
	seed := h.Sum64()
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(w.Base + w.Spread*Draw(seed, uint64(i)))
	}
	return out
}

// Draw is number i of the sequence of seed, even over -1 … 1 (SplitMix64,
// Steele, Lea and Flood 2014).
func Draw(seed, i uint64) float64 {
	z := seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11)/(1<<52) - 1
}

// raw is the tensor's numbers as little-endian float32.
func (w Weight) raw() []byte {
	var b []byte
	for _, v := range w.Values() {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// WriteSafetensors makes a .safetensors file.
func WriteSafetensors(tb testing.TB, path string, list []Weight) {
	tb.Helper()
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data []byte
	for _, w := range list {
		b := w.raw()
		shape := w.Shape
		if shape == nil {
			shape = []int64{}
		}
		header[w.Name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{len(data), len(data) + len(b)}}
		data = append(data, b...)
	}
	h, err := json.Marshal(header)
	if err != nil {
		tb.Fatal(err)
	}
	for len(h)%8 != 0 {
		h = append(h, ' ')
	}
	out := append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	if err := os.WriteFile(path, append(out, data...), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// WriteTorch makes a pytorch_model.bin as torch.save does: a zip file with a
// pickle of protocol 2, the numbers stored at multiples of 64 bytes.
func WriteTorch(tb testing.TB, path string, list []Weight) {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	entry := func(name string, data []byte) {
		h := &zip.FileHeader{Name: name, Method: zip.Store}
		if err := z.Flush(); err != nil {
			tb.Fatal(err)
		}
		if rest := (buf.Len() + 30 + len(name) + 4) % 64; rest != 0 {
			h.Extra = append(binary.LittleEndian.AppendUint16([]byte("FB"), uint16(64-rest)), make([]byte, 64-rest)...)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	entry("model/data.pkl", Pickle(list))
	entry("model/byteorder", []byte("little"))
	for i, w := range list {
		entry(fmt.Sprintf("model/data/%d", i), w.raw())
	}
	entry("model/version", []byte("3\n"))
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// Pickle is the state dictionary of the tensors, tensor i in storage i.
func Pickle(list []Weight) []byte {
	text := func(b []byte, s string) []byte {
		return append(binary.LittleEndian.AppendUint32(append(b, 'X'), uint32(len(s))), s...)
	}
	whole := func(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint32(append(b, 'J'), uint32(v)) }
	tuple := func(b []byte, v []int64) []byte {
		b = append(b, '(')
		for _, x := range v {
			b = whole(b, x)
		}
		return append(b, 't')
	}
	dict := []byte("ccollections\nOrderedDict\n)R")
	b := append([]byte{0x80, 2}, dict...)
	b = append(b, "q\x00("...)
	for i, w := range list {
		count, stride := int64(1), make([]int64, len(w.Shape))
		for j := len(w.Shape) - 1; j >= 0; j-- {
			stride[j] = count
			count *= w.Shape[j]
		}
		b = text(b, w.Name)
		b = append(b, "ctorch._utils\n_rebuild_tensor_v2\n(("...)
		b = text(b, "storage")
		b = append(b, "ctorch\nFloatStorage\n"...)
		b = text(b, fmt.Sprint(i))
		b = text(b, "cpu")
		b = append(whole(b, count), "tQ"...)
		b = whole(b, 0)
		b = tuple(tuple(b, w.Shape), stride)
		b = append(append(b, 0x89), dict...)
		b = append(b, "tR"...)
	}
	b = append(b, "u}"...) // SETITEMS, then the attributes of the dictionary
	b = text(b, "_metadata")
	b = append(append(b, dict...), "sb"...)
	return append(b, '.')
}

// WriteFile writes a text into a folder for tests.
func WriteFile(tb testing.TB, dir, name, text string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}
