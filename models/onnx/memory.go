package onnx

import (
	"fmt"
	"unsafe"
)

// Size is the bytes of one element; 0 for a type that a Tensor cannot hold.
func (t ElementType) Size() int {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16, Float16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64:
		return 8
	}
	return 0
}

// Bytes is the memory of the tensor's elements as the machine keeps them; nil
// when Data is of no known type. It is not a copy.
func (t Tensor) Bytes() []byte {
	_, b, _ := t.raw()
	return b
}

// Blank is a tensor of zeros and its memory, for who fills it from a stream. A
// shape that asks for more than limit bytes is refused before it is allocated.
func Blank(typ ElementType, shape []int64, limit int) (Tensor, []byte, error) {
	n, err := elements(shape)
	if err != nil {
		return Tensor{}, nil, err
	}
	size := typ.Size()
	if size == 0 {
		return Tensor{}, nil, fmt.Errorf("onnx: elements of %s cannot be held", typ)
	}
	if n > limit/size {
		return Tensor{}, nil, fmt.Errorf("onnx: %s%v takes more than %d bytes", typ, shape, limit)
	}
	t := Tensor{Shape: shape}
	switch typ {
	case Float32:
		t.Data = make([]float32, n)
	case Float64:
		t.Data = make([]float64, n)
	case Int8:
		t.Data = make([]int8, n)
	case Int16:
		t.Data = make([]int16, n)
	case Int32:
		t.Data = make([]int32, n)
	case Int64:
		t.Data = make([]int64, n)
	case Uint8:
		t.Data = make([]uint8, n)
	case Uint16:
		t.Data = make([]uint16, n)
	case Uint32:
		t.Data = make([]uint32, n)
	case Uint64:
		t.Data = make([]uint64, n)
	case Float16:
		t.Data = make([]Half, n)
	case Bool:
		// Filled as bytes, of which anything but 0 means true.
		b := make([]uint8, n)
		t.Data = unsafe.Slice((*bool)(unsafe.Pointer(unsafe.SliceData(b))), n)
	}
	return t, t.Bytes(), nil
}

// fixed is the memory of a tensor that stays where it is and is no memory of
// Go, so that the runtime may read it in place.
type fixed struct {
	typ ElementType
	mem []byte
}

// Fixed is a tensor over mapped memory that is not part of the Go heap and
// stays valid until the run has ended; the runtime reads it without a copy. mem
// must begin at a multiple of the element's size and hold the shape exactly.
func Fixed(typ ElementType, shape []int64, mem []byte) (Tensor, error) {
	n, err := elements(shape)
	if err != nil {
		return Tensor{}, err
	}
	size := typ.Size()
	if size == 0 || n*size != len(mem) {
		return Tensor{}, fmt.Errorf("onnx: %d bytes of memory for %s%v", len(mem), typ, shape)
	}
	if uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%uintptr(size) != 0 {
		return Tensor{}, fmt.Errorf("onnx: memory of %s begins at an odd address", typ)
	}
	return Tensor{Shape: shape, Data: fixed{typ, mem}}, nil
}

// overFixed makes an OrtValue over memory of a Fixed tensor.
func (rt *Runtime) overFixed(name string, f fixed, shape []int64) (handle, error) {
	dims := append(make([]int64, 0, len(shape)+1), shape...)
	var h handle
	err := rt.call("reach input "+name, slotCreateTensorWithDataAsOrtValue, rt.cpu,
		uintptr(unsafe.Pointer(unsafe.SliceData(f.mem))), uintptr(len(f.mem)),
		uintptr(unsafe.Pointer(unsafe.SliceData(dims))), uintptr(len(dims)), uintptr(f.typ),
		uintptr(unsafe.Pointer(&h)))
	return h, err
}
