// Package onnx is the one adapter to the native ONNX Runtime.
//
// The library is found and opened while the program runs, through purego: no
// C compiler, no header, nothing linked. The program therefore starts, opens
// slides and takes labels on a machine that has no runtime at all; only what
// needs a network says that it is missing.
//
// # Order of the function table
//
// OrtApi is a struct of function pointers that only ever grows at its end, so
// asking any library for version 17 of it gives the slots numbered in api.go.
// The numbers follow the declaration order in onnxruntime_c_api.h.
//
// # Memory
//
// Tensor is a Go value. Run copies inputs into memory of the runtime and
// outputs out of it, so that no pointer into the Go heap is ever kept by C and
// no caller has anything to release but a Session. Beside an inference the
// copies cost nothing that can be measured.
//
// # Goroutines
//
// A Session may be used from any number of goroutines at once. Close waits
// for the runs in progress.
package onnx
