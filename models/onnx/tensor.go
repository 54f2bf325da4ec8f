package onnx

import (
	"fmt"
	"math"
	"unsafe"
)

// ElementType is ONNXTensorElementDataType.
type ElementType int32

// Element types that a Tensor can hold.
const (
	Float32 ElementType = 1
	Uint8   ElementType = 2
	Int8    ElementType = 3
	Uint16  ElementType = 4
	Int16   ElementType = 5
	Int32   ElementType = 6
	Int64   ElementType = 7
	Bool    ElementType = 9
	Float16 ElementType = 10
	Float64 ElementType = 11
	Uint32  ElementType = 12
	Uint64  ElementType = 13
)

func (t ElementType) String() string {
	names := map[ElementType]string{Float32: "float32", Uint8: "uint8", Int8: "int8", Uint16: "uint16",
		Int16: "int16", Int32: "int32", Int64: "int64", 8: "string", Bool: "bool", Float16: "float16",
		Float64: "float64", Uint32: "uint32", Uint64: "uint64", 16: "bfloat16"}
	if s, ok := names[t]; ok {
		return s
	}
	return fmt.Sprintf("type %d", int32(t))
}

// Half is an IEEE 754 half precision number, as its bits.
type Half uint16

// Float32 is the same number in single precision; every half has one.
func (h Half) Float32() float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h) & 0x3ff
	switch {
	case exp == 0x1f: // infinity, NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) / (1 << 24) // subnormal: frac × 2⁻²⁴, exact
	return math.Float32frombits(math.Float32bits(v) | sign)
}

// Element is a Go type that a tensor can hold.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool | Half
}

// Tensor is a dense array: its shape and a slice of its elements in row-major
// order. Data is one of []float32, []float64, []int8, []int16, []int32,
// []int64, []uint8, []uint16, []uint32, []uint64, []bool, []Half.
type Tensor struct {
	Shape []int64
	Data  any
}

// NewTensor is a tensor over data, which is not copied until Run.
func NewTensor[T Element](data []T, shape ...int64) Tensor {
	return Tensor{Shape: shape, Data: data}
}

// Of gives a tensor's elements as []T, or an error that names both types.
func Of[T Element](t Tensor) ([]T, error) {
	if data, ok := t.Data.([]T); ok {
		return data, nil
	}
	var want T
	return nil, fmt.Errorf("onnx: the tensor holds %s, not %T", t.Type(), want)
}

// Type is the tensor's element type; 0 when Data is of no known type.
func (t Tensor) Type() ElementType {
	typ, _, _ := t.raw()
	return typ
}

// Len is the number of elements that the shape asks for. It returns an error
// for a negative dimension and for a product too large for memory.
func (t Tensor) Len() (int, error) { return elements(t.Shape) }

// elements multiplies a shape, refusing what cannot be an array.
func elements(shape []int64) (int, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("onnx: shape %v has a negative dimension", shape)
		}
		if d > 0 && n > math.MaxInt32*64/d {
			return 0, fmt.Errorf("onnx: shape %v is too large", shape)
		}
		n *= d
	}
	return int(n), nil
}

// raw gives the element type, the elements as bytes and their number.
func (t Tensor) raw() (ElementType, []byte, int) {
	switch d := t.Data.(type) {
	case []float32:
		return Float32, bytesOf(d), len(d)
	case []float64:
		return Float64, bytesOf(d), len(d)
	case []int8:
		return Int8, bytesOf(d), len(d)
	case []int16:
		return Int16, bytesOf(d), len(d)
	case []int32:
		return Int32, bytesOf(d), len(d)
	case []int64:
		return Int64, bytesOf(d), len(d)
	case []uint8:
		return Uint8, d, len(d)
	case []uint16:
		return Uint16, bytesOf(d), len(d)
	case []uint32:
		return Uint32, bytesOf(d), len(d)
	case []uint64:
		return Uint64, bytesOf(d), len(d)
	case []bool:
		return Bool, bytesOf(d), len(d)
	case []Half:
		return Float16, bytesOf(d), len(d)
	case fixed:
		return d.typ, d.mem, len(d.mem) / d.typ.Size()
	}
	return 0, nil, 0
}

func bytesOf[T Element](d []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(d))), len(d)*int(unsafe.Sizeof(zero)))
}

// copyOut makes a Go slice of n elements of native memory at p. A bool is
// read as a byte, because C does not promise that it is 0 or 1.
func copyOut(t ElementType, p unsafe.Pointer, n int) (any, error) {
	switch t {
	case Float32:
		return cloneOf[float32](p, n), nil
	case Float64:
		return cloneOf[float64](p, n), nil
	case Int8:
		return cloneOf[int8](p, n), nil
	case Int16:
		return cloneOf[int16](p, n), nil
	case Int32:
		return cloneOf[int32](p, n), nil
	case Int64:
		return cloneOf[int64](p, n), nil
	case Uint8:
		return cloneOf[uint8](p, n), nil
	case Uint16:
		return cloneOf[uint16](p, n), nil
	case Uint32:
		return cloneOf[uint32](p, n), nil
	case Uint64:
		return cloneOf[uint64](p, n), nil
	case Float16:
		return cloneOf[Half](p, n), nil
	case Bool:
		out := make([]bool, n)
		for i, b := range unsafe.Slice((*byte)(p), n) {
			out[i] = b != 0
		}
		return out, nil
	}
	return nil, fmt.Errorf("elements of %s cannot be read", t)
}

func cloneOf[T Element](p unsafe.Pointer, n int) []T {
	out := make([]T, n)
	copy(out, unsafe.Slice((*T)(p), n))
	return out
}

// toNative makes an OrtValue in memory of the runtime and copies t into it.
// The caller releases it.
func (rt *Runtime) toNative(name string, t Tensor) (handle, error) {
	typ, data, have := t.raw()
	if typ == 0 {
		return 0, fmt.Errorf("onnx: input %q: elements of %T cannot be passed", name, t.Data)
	}
	want, err := t.Len()
	if err != nil {
		return 0, fmt.Errorf("input %q: %w", name, err)
	}
	if have != want {
		return 0, fmt.Errorf("onnx: input %q: %d elements for the shape %v, which holds %d", name, have, t.Shape, want)
	}
	if f, ok := t.Data.(fixed); ok && want > 0 {
		return rt.overFixed(name, f, t.Shape)
	}
	shape := append(make([]int64, 0, len(t.Shape)+1), t.Shape...)
	var h, p handle
	if err := rt.call("allocate input "+name, slotCreateTensorAsOrtValue, rt.alloc,
		uintptr(unsafe.Pointer(unsafe.SliceData(shape))), uintptr(len(shape)), uintptr(typ),
		uintptr(unsafe.Pointer(&h))); err != nil {
		return 0, err
	}
	if want == 0 {
		return h, nil
	}
	if err := rt.call("reach input "+name, slotGetTensorMutableData, h, uintptr(unsafe.Pointer(&p))); err != nil {
		rt.release(slotReleaseValue, h)
		return 0, err
	}
	copy(unsafe.Slice((*byte)(pointer(p)), len(data)), data)
	return h, nil
}

// fromNative copies an OrtValue into a Tensor.
func (rt *Runtime) fromNative(name string, h handle) (Tensor, error) {
	var is int32
	if err := rt.call("inspect output "+name, slotIsTensor, h, uintptr(unsafe.Pointer(&is))); err != nil {
		return Tensor{}, err
	}
	if is == 0 {
		return Tensor{}, fmt.Errorf("onnx: output %q is a sequence or map, not a tensor", name)
	}
	var info handle
	if err := rt.call("inspect output "+name, slotGetTensorTypeAndShape, h, uintptr(unsafe.Pointer(&info))); err != nil {
		return Tensor{}, err
	}
	typ, shape, _, err := rt.shapeOf(info, false)
	rt.release(slotReleaseTensorTypeAndShapeInfo, info)
	if err != nil {
		return Tensor{}, err
	}
	n, err := elements(shape)
	if err != nil {
		return Tensor{}, err
	}
	var p handle
	if n > 0 {
		if err := rt.call("reach output "+name, slotGetTensorMutableData, h, uintptr(unsafe.Pointer(&p))); err != nil {
			return Tensor{}, err
		}
	}
	data, err := copyOut(typ, pointer(p), n)
	if err != nil {
		return Tensor{}, fmt.Errorf("onnx: output %q: %w", name, err)
	}
	return Tensor{Shape: shape, Data: data}, nil
}

// shapeOf reads an OrtTensorTypeAndShapeInfo: element type, dimensions (-1 for
// one that varies) and, when asked, the names of those that vary.
func (rt *Runtime) shapeOf(info handle, symbols bool) (ElementType, []int64, []string, error) {
	var typ ElementType
	if err := rt.call("element type", slotGetTensorElementType, info, uintptr(unsafe.Pointer(&typ))); err != nil {
		return 0, nil, nil, err
	}
	var n uintptr
	if err := rt.call("rank", slotGetDimensionsCount, info, uintptr(unsafe.Pointer(&n))); err != nil {
		return 0, nil, nil, err
	}
	if n == 0 {
		return typ, []int64{}, nil, nil
	}
	if n > 64 {
		return 0, nil, nil, fmt.Errorf("onnx: a tensor of %d dimensions", n)
	}
	dims := make([]int64, n)
	if err := rt.call("shape", slotGetDimensions, info, uintptr(unsafe.Pointer(&dims[0])), n); err != nil {
		return 0, nil, nil, err
	}
	if !symbols {
		return typ, dims, nil, nil
	}
	list := make([]handle, n)
	if err := rt.call("shape names", slotGetSymbolicDimensions, info, uintptr(unsafe.Pointer(&list[0])), n); err != nil {
		return 0, nil, nil, err
	}
	names := make([]string, n)
	for i, p := range list {
		names[i] = goString(p)
	}
	return typ, dims, names, nil
}
