package onnx

import (
	"errors"
	"fmt"
)

// At loading.
var (
	// ErrNoRuntime: no usable ONNX Runtime library on this machine.
	ErrNoRuntime = errors.New("ONNX Runtime is not installed")
	// ErrOldRuntime: the library is older than the first version whose
	// function table holds what is used here.
	ErrOldRuntime = errors.New("ONNX Runtime is too old")
)

// At use.
var (
	// ErrClosed: the session or runtime was closed.
	ErrClosed = errors.New("ONNX session is closed")
	// ErrInUse: sessions of the runtime are still open.
	ErrInUse = errors.New("ONNX Runtime is still in use")
)

// StatusError is a refusal by the runtime, in its own words.
type StatusError struct {
	Op   string // what was asked: "load model", "run"
	Code int    // OrtErrorCode: 1 fail, 2 invalid argument, 3 no such file, 6 runtime exception, 7 invalid protobuf, 9 not implemented, 10 invalid graph, ...
	Text string // message of the runtime
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("onnx: %s: %s (code %d)", e.Op, e.Text, e.Code)
}
